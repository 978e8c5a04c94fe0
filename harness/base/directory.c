#include "base/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int directory_make(const char *path, struct reason *why)
{
	struct stat there = { .st_mode = 0 };

	if (!mkdir(path, 0777))
		return 0;
	if (errno != EEXIST)
		return fail(why, errno, "cannot make the directory %s: %s", path, strerror(errno));
	if (!lstat(path, &there) && S_ISDIR(there.st_mode))
		return 0;
	if (S_ISLNK(there.st_mode))
		return fail(
			why, ELOOP, "%s is a link, which is not followed: name the directory that it points to", path);
	return fail(why, EEXIST, "cannot make the directory %s: something else of that name is there", path);
}

const char *directory_temporary(void)
{
	static const char *const usual[] = { "/tmp", "/var/tmp", "/dev/shm" };
	const char *wanted = getenv("TMPDIR");

	if (wanted && *wanted)
		return wanted;
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (!access(usual[i], W_OK | X_OK))
			return usual[i];
	return usual[0];
}
