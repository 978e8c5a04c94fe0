#include "machine/mountinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_octal(char digit)
{
	return digit >= '0' && digit <= '7';
}

/* "\040" and the like, three digits each. A result is never longer than its source. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) && is_octal(from[3])) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = 0;
}

/* "36 31 0:33 ROOT POINT options [optional fields] - TYPE SOURCE SUPEROPTIONS" */
bool mount_parse(char *line, struct mount *mount)
{
	char *field[5], *tail = strstr(line, " - ");

	if (!tail)
		return false;
	*tail = 0;
	tail += strlen(" - ");
	for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
		field[i] = strsep(&line, " ");
		if (!field[i])
			return false;
	}
	mount->root = field[3];
	mount->point = field[4];
	mount->type = strsep(&tail, " ");
	strsep(&tail, " ");
	mount->options = tail ? tail : mount->type + strlen(mount->type);
	unescape(mount->root);
	unescape(mount->point);
	return true;
}

int mounts_parse(char *text, struct mount **list, size_t *count)
{
	size_t room = 1;
	char *line;

	*count = 0;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		room++;
	*list = calloc(room, sizeof(**list));
	if (!*list)
		return -ENOMEM;
	while ((line = strsep(&text, "\n")))
		*count += mount_parse(line, &(*list)[*count]);
	return 0;
}

/* The kernel lists mounts in the order in which they were made. */
bool mount_is_covered(const struct mount *list, size_t count, size_t i)
{
	for (size_t later = i + 1; later < count; later++)
		if (!strcmp(list[later].point, list[i].point))
			return true;
	return false;
}

const char *path_below(const char *path, const char *root)
{
	size_t length = strlen(root);

	/* A "/" at the end is no component. */
	while (length && root[length - 1] == '/')
		length--;
	if (strncmp(path, root, length) || (path[length] && path[length] != '/'))
		return NULL;
	path += length;
	return strcmp(path, "/") ? path : "";
}

bool path_has_parent(const char *path)
{
	for (const char *at = path; (at = strstr(at, "..")); at += 2)
		if ((at == path || at[-1] == '/') && (!at[2] || at[2] == '/'))
			return true;
	return false;
}
