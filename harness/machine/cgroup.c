#include "machine/cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The path in "ID:controllers:path" lines: v1's line with the controller, else v2's "0::path". */
static bool group_path(char *text, const char *controller, char *path, bool *v2)
{
	bool found = false;
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
			snprintf(path, PATH_MAX, "%s", at);
			*v2 = false;
			return true;
		}
		if (!controllers[0]) {
			snprintf(path, PATH_MAX, "%s", at);
			*v2 = true;
			found = true;
		}
	}
	return found;
}

/* "36 31 0:33 ROOT POINT options [optional fields] - TYPE SOURCE SUPEROPTIONS" (proc(5)). */
static bool mount_line(char *line, bool v2, const char *controller, char **root, char **point)
{
	char *field[6], *type;
	char *tail = strstr(line, " - ");

	if (!tail)
		return false;
	*tail = 0;
	tail += 3;
	for (size_t i = 0; i < 6; i++) {
		field[i] = strsep(&line, " ");
		if (!field[i])
			return false;
	}
	*root = field[3];
	*point = field[4];
	type = strsep(&tail, " ");
	if (v2)
		return !strcmp(type, "cgroup2");
	if (strcmp(type, "cgroup") || !tail)
		return false;
	strsep(&tail, " ");
	return tail && text_has_word(tail, controller);
}

/*
 * Make the path of the group's directory: the part of the group's path below the mounted root, appended to the mount
 * point.
 */
static int group_directory_make(
	struct cgroup *group, const char *root, const char *point, const char *path, struct reason *why)
{
	size_t root_length = strcmp(root, "/") ? strlen(root) : 0;
	const char *below = path;
	int length;

	/*
	 * The group may lie outside the mounted part ("/../x" in a cgroup namespace). Then only the mounted root is
	 * visible.
	 */
	if (strncmp(path, root, root_length) || strstr(path, ".."))
		below = "";
	else
		below += root_length;
	if (!strcmp(below, "/"))
		below = "";
	length = snprintf(group->directory, sizeof(group->directory), "%s%s", point, below);
	if (length < 0 || length >= (int)sizeof(group->directory))
		return fail(why, ENAMETOOLONG, "cgroup path too long");
	group->mount_length = strlen(point);
	return 0;
}

int cgroup_find(const struct machine_source *source, const char *controller, struct cgroup *group, struct reason *why)
{
	char *groups = NULL, *mounts = NULL, *rest, *line, *root, *point;
	char *path = malloc(PATH_MAX);
	int error;

	memset(group, 0, sizeof(*group));
	if (!path)
		return fail(why, ENOMEM, "out of memory");
	error = source_read_all(source, "/proc/self/cgroup", &groups, why);
	if (!error)
		error = source_read_all(source, "/proc/self/mountinfo", &mounts, why);
	if (error)
		goto out;
	if (!group_path(groups, controller, path, &group->v2)) {
		error = fail(why, ENOENT, "this process is in no %s cgroup", controller);
		goto out;
	}
	error = fail(why, ENOENT, "no mounted cgroup hierarchy has %s", controller);
	for (rest = mounts; (line = strsep(&rest, "\n"));) {
		if (mount_line(line, group->v2, controller, &root, &point)) {
			error = group_directory_make(group, root, point, path, why);
			break;
		}
	}
out:
	free(path);
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
