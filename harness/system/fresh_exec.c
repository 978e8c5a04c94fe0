#include "system/fresh_exec.h"

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

/* The variable that tells a process its work: "NAME:FD". The file begins with a struct message. */
#define VARIABLE "NESTWALK_FRESH_EXEC"

/* What parent and child share. The task follows it in the file, and then the result, each on cache lines of its own. */
struct message {
	pid_t parent;
	size_t result_at;
	bool done;
	int error;
	struct reason why;
};

static size_t lines_of(size_t bytes)
{
	return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

#define TASK_AT ((sizeof(struct message) + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES)

static struct message *message_map(int fd, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static int message_write(const struct fresh_exec *exec, int *fd, struct message **message, struct reason *why)
{
	size_t result_at = TASK_AT + lines_of(exec->task_bytes);
	size_t bytes = result_at + exec->result_bytes;

	*fd = memfd_create("nestwalk-fresh-exec", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, (off_t)bytes))
		return fail(why, errno, "a file in memory for a process: %s", strerror(errno));
	*message = message_map(*fd, bytes);
	if (!*message)
		return fail(why, errno, "mapping a file in memory: %s", strerror(errno));
	**message = (struct message){ .parent = getpid(), .result_at = result_at };
	memcpy((unsigned char *)*message + TASK_AT, exec->task, exec->task_bytes);
	return 0;
}

/* The environment of this process, with the variable as the first string. The caller frees both. */
static char **environment_make(const struct fresh_exec *exec, int fd)
{
	size_t count = 0;
	char **all;

	while (environ && environ[count])
		count++;
	all = calloc(count + 2, sizeof(*all));
	if (!all)
		return NULL;
	if (asprintf(&all[0], VARIABLE "=%s:%d", exec->name, fd) < 0) {
		free(all);
		return NULL;
	}
	if (count)
		memcpy(all + 1, environ, count * sizeof(*all));
	return all;
}

static int process_start(const struct fresh_exec *exec, int fd, pid_t *child, struct reason *why)
{
	char name[] = "nestwalk";
	char *arguments[] = { name, NULL };
	char **environment = environment_make(exec, fd);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all;
	int error;

	if (!environment)
		return fail(why, ENOMEM, "no memory to start this program again");
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	/* With the same number twice, execve() does not close the file. */
	posix_spawn_file_actions_adddup2(&actions, fd, fd);
	/* The child handles signals in the usual way, whatever its parent does with them. */
	sigfillset(&all);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn(child, "/proc/self/exe", &actions, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	free(environment[0]);
	free(environment);
	return error ? fail(why, error, "this program cannot be started again by /proc/self/exe: %s", strerror(error))
		     : 0;
}

/* How often to look whether to stop, and whether it takes too long. */
#define LOOK_MS 100

static int process_wait(const struct fresh_exec *exec, pid_t child, struct reason *why)
{
	uint64_t deadline = now_ns() + exec->limit_ns;
	struct pollfd event = { .fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN };
	int error = 0, ready = 0;

	if (event.fd < 0)
		return fail(why, errno, "waiting for a process (pidfd_open, Linux 5.3): %s", strerror(errno));
	while (!error && ready <= 0) {
		ready = poll(&event, 1, LOOK_MS);
		/*
		 * Asked also when the process has ended: the signal that stops this process may have ended the other
		 * one.
		 */
		if (exec->stop && exec->stop())
			error = fail(why, EINTR, "interrupted");
		else if (ready <= 0 && now_ns() > deadline)
			error = fail(why, ETIME, "a process did not end in time");
	}
	close(event.fd);
	return error;
}

int fresh_exec_run(const struct fresh_exec *exec, struct reason *why)
{
	struct message *message = NULL;
	pid_t child = -1;
	int fd = -1, status = 0;
	int error = message_write(exec, &fd, &message, why);

	if (!error)
		error = process_start(exec, fd, &child, why);
	if (child > 0) {
		if (!error)
			error = process_wait(exec, child, why);
		if (error)
			kill(child, SIGKILL);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (!error && !message->done)
		error = fail(why, EIO, "a process that was started again ended early, with %s %d",
			WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (!error) {
		error = message->error;
		if (error && why)
			*why = message->why;
		memcpy(exec->result, (unsigned char *)message + message->result_at, exec->result_bytes);
	}
	if (message)
		munmap(message, TASK_AT + lines_of(exec->task_bytes) + exec->result_bytes);
	if (fd >= 0)
		close(fd);
	return error;
}

void fresh_exec_serve(const char *name, fresh_exec_work work)
{
	const char *text = getenv(VARIABLE);
	size_t length = strlen(name);
	struct message *message = NULL;
	struct stat status;
	int fd;

	if (!text || strncmp(text, name, length) || text[length] != ':' || sscanf(text + length + 1, "%d", &fd) != 1)
		return;
	/* Processes that this one starts must not see the variable. */
	unsetenv(VARIABLE);
	if (!fstat(fd, &status) && (size_t)status.st_size >= TASK_AT)
		message = message_map(fd, (size_t)status.st_size);
	if (!message)
		_exit(EXIT_FAILURE);
	close(fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have died before that. */
	if (getppid() != message->parent)
		_exit(EXIT_FAILURE);
	message->error =
		work((unsigned char *)message + TASK_AT, (unsigned char *)message + message->result_at, &message->why);
	message->done = true;
	_exit(EXIT_SUCCESS);
}
