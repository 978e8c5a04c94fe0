#include "machine/cgroup.h"

#include "machine/mountinfo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where every distribution mounts cgroups (systemd's file-hierarchy(7)); a v1 controller has a directory in it. */
#define USUAL_PLACE "/sys/fs/cgroup"

/*
 * The path in "ID:controllers:path" lines: v1's line with the controller, else v2's "0::path". The kernel writes it
 * as it is, and allows no line feed in it. NULL where there is none.
 */
static const char *group_path(char *text, const char *controller, bool *v2)
{
	const char *path = NULL;
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *controllers = strchr(line, ':'), *at;

		if (!controllers)
			continue;
		at = strchr(++controllers, ':');
		if (!at)
			continue;
		*at++ = 0;
		if (text_has_word(controllers, controller)) {
			*v2 = false;
			return at;
		}
		if (!controllers[0]) {
			*v2 = true;
			path = at;
		}
	}
	return path;
}

static bool is_hierarchy(const struct mount *mount, bool v2, const char *controller)
{
	return v2 ? !strcmp(mount->type, "cgroup2")
		  : !strcmp(mount->type, "cgroup") && text_has_word(mount->options, controller);
}

/* How much a mount shows of the process's group: more is better. */
enum shown {
	SHOWN_NOTHING, /* some other group: a bind mount, or one of another process's container */
	SHOWN_USUAL, /* some other group, in the usual place */
	SHOWN_ABOVE, /* a group above it: the root is "/..", and the way down from it has no name here */
	SHOWN_NAME, /* it would be there, but there is no such directory */
	SHOWN_ITSELF,
};

/* Whether a mounted root is above this process's namespace, and the group is not outside of that. */
static bool is_above(const char *root, const char *path)
{
	for (; !strncmp(root, "/..", 3) && (!root[3] || root[3] == '/'); root += 3)
		if (!strncmp(path, "/..", 3) && (!path[3] || path[3] == '/'))
			path += 3;
	return !*root && !path_has_parent(path);
}

/* Make the path of the group's directory: the part of its path below the mounted root, appended to the mount point. */
static enum shown group_directory_make(
	const struct machine_source *source, const struct mount *mount, const char *path, struct cgroup *group)
{
	const char *below = path_below(path, mount->root);
	bool shown = below && !path_has_parent(below);
	int length = snprintf(group->directory, sizeof(group->directory), "%s%s", mount->point, shown ? below : "");

	if (length < 0 || length >= (int)sizeof(group->directory))
		return SHOWN_NOTHING;
	group->mount_length = strlen(mount->point);
	if (shown)
		return source_exists(source, "%s", group->directory) ? SHOWN_ITSELF : SHOWN_NAME;
	if (!strncmp(mount->root, "/..", 3) && is_above(mount->root, path))
		return SHOWN_ABOVE;
	return path_below(mount->point, USUAL_PLACE) ? SHOWN_USUAL : SHOWN_NOTHING;
}

/* Of mounts that show as much, the one with the shortest root shows most of the groups above. */
static enum shown mount_choose(const struct machine_source *source, char *mountinfo, const char *controller,
	const char *path, struct cgroup *group)
{
	enum shown best = SHOWN_NOTHING;
	struct cgroup one = { .v2 = group->v2 };
	size_t best_length = 0, count;
	struct mount *mounts;

	if (mounts_parse(mountinfo, &mounts, &count))
		return SHOWN_NOTHING;
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(mounts[i].root);
		enum shown shown;

		if (!is_hierarchy(&mounts[i], group->v2, controller) || mount_is_covered(mounts, count, i))
			continue;
		shown = group_directory_make(source, &mounts[i], path, &one);
		if (shown < best || shown == SHOWN_NOTHING || (shown == best && length >= best_length))
			continue;
		best = shown;
		best_length = length;
		*group = one;
	}
	free(mounts);
	return best;
}

static int tell_shown(enum shown shown, const char *path, const struct cgroup *group, struct reason *why)
{
	switch (shown) {
	case SHOWN_ITSELF:
		fail(why, 0, "%s", "");
		return 0;
	case SHOWN_NAME:
		fail(why, 0, "there is no %.200s of this process's cgroup %.160s: only limits above it are known",
			group->directory, path);
		return 0;
	case SHOWN_ABOVE:
	case SHOWN_USUAL:
		fail(why, 0,
			"this process's cgroup %.160s lies outside of what is mounted: its own limits are not known",
			path);
		return 0;
	default:
		return fail(why, ENOENT, "no mounted cgroup hierarchy shows %.160s, so its limits are not known", path);
	}
}

int cgroup_find(const struct machine_source *source, const char *controller, struct cgroup *group, struct reason *why)
{
	char *groups = NULL, *mounts = NULL;
	struct reason unread;
	const char *path = NULL;
	int error;

	memset(group, 0, sizeof(*group));
	error = source_read_all(source, "/proc/self/cgroup", &groups, &unread);
	if (error == -ENOENT)
		return fail(why, ENODATA, "this kernel has no cgroups, or they are not recorded");
	if (!error)
		path = group_path(groups, controller, &group->v2);
	if (!error && path)
		error = source_read_all(source, "/proc/self/mountinfo", &mounts, &unread);
	if (error)
		fail(why, -error, "limits of this process's cgroup are not known (%s)", unread.text);
	else if (!path)
		error = fail(why, ENODATA, "this process is in no %s cgroup", controller);
	else
		error = tell_shown(mount_choose(source, mounts, controller, path, group), path, group, why);
	free(groups);
	free(mounts);
	return error;
}

bool cgroup_up(struct cgroup *group)
{
	char *slash;

	if (strlen(group->directory) <= group->mount_length)
		return false;
	slash = strrchr(group->directory, '/');
	if (!slash || (size_t)(slash - group->directory) < group->mount_length)
		return false;
	*slash = 0;
	return true;
}
