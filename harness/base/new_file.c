#include "base/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int write_failed(const char *path, int error, struct reason *why)
{
	error = error ? error : EIO;
	return fail(why, error, "cannot write %s: %s%s", path, strerror(error),
		error == ENOSPC || error == EDQUOT ? "; free some space, or choose another place with -o" : "");
}

static void names_free(struct new_file *file)
{
	free(file->path);
	free(file->beside);
	*file = (struct new_file){ NULL };
}

int new_file_open(struct new_file *file, const char *path, struct reason *why)
{
	int fd, rc;

	*file = (struct new_file){ .path = strdup(path) };
	if (asprintf(&file->beside, "%s.partial", path) < 0)
		file->beside = NULL;
	if (!file->path || !file->beside) {
		names_free(file);
		return fail(why, ENOMEM, "out of memory");
	}
	/* What somebody who was killed has left is of no use. */
	unlink(file->beside);
	fd = open(file->beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	file->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (file->out)
		return 0;
	rc = write_failed(file->beside, errno, why);
	if (fd >= 0)
		close(fd);
	names_free(file);
	return rc;
}

/* Why a write failed that is over, and whose errno is gone: one more tells. The file will not stay. */
static int error_again(FILE *out)
{
	static const char block[4096];

	errno = 0;
	return write(fileno(out), block, sizeof(block)) < 0 ? errno : EIO;
}

int new_file_put(struct new_file *file, struct reason *why)
{
	int error = 0, rc = 0;

	errno = 0;
	/* A full disk may show up only when the buffer is flushed. */
	if (fflush(file->out) || ferror(file->out))
		error = errno ? errno : error_again(file->out);
	if (fclose(file->out) && !error)
		error = errno;
	if (!error && rename(file->beside, file->path))
		error = errno;
	if (error) {
		rc = write_failed(file->path, error, why);
		unlink(file->beside);
	}
	names_free(file);
	return rc;
}

void new_file_drop(struct new_file *file)
{
	fclose(file->out);
	unlink(file->beside);
	names_free(file);
}
