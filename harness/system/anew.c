#include "system/anew.h"

#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Tells a process of this program what it is for: "NAME:FD", a file that begins with a letter. */
#define VARIABLE "NESTWALK_ANEW"

/* What parent and child share. The task stands behind it, and the result behind that, each on lines of its own. */
struct letter {
	pid_t parent;
	size_t result_at;
	bool done;
	int error;
	struct reason why;
};

static size_t lines(size_t bytes)
{
	return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

#define TASK_AT ((sizeof(struct letter) + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES)

static struct letter *letter_map(int fd, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static int letter_write(const struct anew *anew, int *fd, struct letter **letter, struct reason *why)
{
	size_t result_at = TASK_AT + lines(anew->task_bytes);
	size_t bytes = result_at + anew->result_bytes;

	*fd = memfd_create("nestwalk-anew", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, (off_t)bytes))
		return fail(why, errno, "a file in memory for a process: %s", strerror(errno));
	*letter = letter_map(*fd, bytes);
	if (!*letter)
		return fail(why, errno, "mapping a file in memory: %s", strerror(errno));
	**letter = (struct letter){ .parent = getpid(), .result_at = result_at };
	memcpy((unsigned char *)*letter + TASK_AT, anew->task, anew->task_bytes);
	return 0;
}

/* The environment of this process and the variable. Owned by the caller, its last string too. */
static char **environment_make(const struct anew *anew, int fd)
{
	size_t count = 0;
	char **all;

	while (environ && environ[count])
		count++;
	all = calloc(count + 2, sizeof(*all));
	if (!all)
		return NULL;
	if (asprintf(&all[0], VARIABLE "=%s:%d", anew->name, fd) < 0) {
		free(all);
		return NULL;
	}
	if (count)
		memcpy(all + 1, environ, count * sizeof(*all));
	return all;
}

static int process_start(const struct anew *anew, int fd, pid_t *child, struct reason *why)
{
	char name[] = "nestwalk";
	char *arguments[] = { name, NULL };
	char **environment = environment_make(anew, fd);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all;
	int error;

	if (!environment)
		return fail(why, ENOMEM, "no memory to start this program anew");
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	/* The same number on both sides means: not closed by execve(). */
	posix_spawn_file_actions_adddup2(&actions, fd, fd);
	/* What the parent does with signals is not meant for it. */
	sigfillset(&all);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn(child, "/proc/self/exe", &actions, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	free(environment[0]);
	free(environment);
	return error ? fail(why, error, "this program cannot be started anew by /proc/self/exe: %s", strerror(error))
		     : 0;
}

/* How often to look whether to stop, and whether it takes too long. */
#define LOOK_MS 100

static int process_wait(const struct anew *anew, pid_t child, struct reason *why)
{
	uint64_t deadline = now_ns() + anew->limit_ns;
	struct pollfd event = { .fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN };
	int error = 0, ready = 0;

	if (event.fd < 0)
		return fail(why, errno, "waiting for a process (pidfd_open, Linux 5.3): %s", strerror(errno));
	while (!error && ready <= 0) {
		ready = poll(&event, 1, LOOK_MS);
		/* Also where it has ended: the signal that stops this process has come to the other one, too. */
		if (anew->stop && anew->stop())
			error = fail(why, EINTR, "interrupted");
		else if (ready <= 0 && now_ns() > deadline)
			error = fail(why, ETIME, "a process did not come to its end in time");
	}
	close(event.fd);
	return error;
}

int anew_run(const struct anew *anew, struct reason *why)
{
	struct letter *letter = NULL;
	pid_t child = -1;
	int fd = -1, status = 0;
	int error = letter_write(anew, &fd, &letter, why);

	if (!error)
		error = process_start(anew, fd, &child, why);
	if (child > 0) {
		if (!error)
			error = process_wait(anew, child, why);
		if (error)
			kill(child, SIGKILL);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (!error && !letter->done)
		error = fail(why, EIO, "a process that was started anew ended early, with %s %d",
			WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (!error) {
		error = letter->error;
		if (error && why)
			*why = letter->why;
		memcpy(anew->result, (unsigned char *)letter + letter->result_at, anew->result_bytes);
	}
	if (letter)
		munmap(letter, TASK_AT + lines(anew->task_bytes) + anew->result_bytes);
	if (fd >= 0)
		close(fd);
	return error;
}

void anew_serve(const char *name, anew_work work)
{
	const char *text = getenv(VARIABLE);
	size_t length = strlen(name);
	struct letter *letter = NULL;
	struct stat status;
	int fd;

	if (!text || strncmp(text, name, length) || text[length] != ':' || sscanf(text + length + 1, "%d", &fd) != 1)
		return;
	/* Processes that this one starts are for themselves. */
	unsetenv(VARIABLE);
	if (!fstat(fd, &status) && (size_t)status.st_size >= TASK_AT)
		letter = letter_map(fd, (size_t)status.st_size);
	if (!letter)
		_exit(EXIT_FAILURE);
	close(fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have died before that. */
	if (getppid() != letter->parent)
		_exit(EXIT_FAILURE);
	letter->error =
		work((unsigned char *)letter + TASK_AT, (unsigned char *)letter + letter->result_at, &letter->why);
	letter->done = true;
	_exit(EXIT_SUCCESS);
}
