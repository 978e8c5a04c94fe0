/* Lines of /proc/self/mountinfo, and paths compared by whole components. */
#ifndef NESTWALK_MOUNTINFO_H
#define NESTWALK_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>

/* One mount. The texts lie in the line that was parsed. */
struct mount {
	char *root; /* what of the file system is mounted; of a control group hierarchy, a group's path */
	char *point; /* where */
	char *type;
	char *options; /* of the file system; for a v1 hierarchy they name its controllers. "" where there are none */
};

/*
 * Parse a line (proc(5)), which is changed: the kernel writes a space, tab, line feed and backslash of a path as \040, \011,
 * \012 and \134, and *mount has them as they are. False where the line has not the format.
 */
bool mount_parse(char *line, struct mount *mount);

/*
 * Parse all lines of a text, which is changed and must live as long as the list. Lines that have not the format are left
 * out. Returns 0 with *list, which the caller frees, or -ENOMEM.
 */
int mounts_parse(char *text, struct mount **list, size_t *count);

/* Whether a later mount at the same place covers one of a list. */
bool mount_is_covered(const struct mount *list, size_t count, size_t i);

/*
 * What follows `root` in `path`: "" or "/x/y". NULL where the path does not begin with all components of the root, as /web
 * is no beginning of /web-test. Both are absolute; "/" is a beginning of all.
 */
const char *path_below(const char *path, const char *root);

/* Whether a component of the path is "..", which "a..b" is not. */
bool path_has_parent(const char *path);

#endif
