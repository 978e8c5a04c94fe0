#include "base/directory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

int directory_make(const char *path, struct reason *why)
{
	struct stat there;

	if (!mkdir(path, 0777))
		return 0;
	if (errno != EEXIST)
		return fail(why, errno, "cannot make the directory %s: %s", path, strerror(errno));
	/* Also a link to a directory is one. */
	if (!stat(path, &there) && S_ISDIR(there.st_mode))
		return 0;
	return fail(why, EEXIST, "cannot make the directory %s: %s", path, strerror(EEXIST));
}
