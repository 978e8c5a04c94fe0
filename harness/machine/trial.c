#include "machine/trial.h"

#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The largest topology takes hwloc half a second, and a busy machine some times as long. */
#define TRIAL_LIMIT_MS 8000
/* Half of the usual stack: the parent has room to spare where the child had enough. */
#define TRIAL_STACK_BYTES (4 * MIB)

static _Noreturn void trial_child(int (*attempt)(const void *context), const void *context, int result)
{
	const struct rlimit none = { 0, 0 }, stack = { TRIAL_STACK_BYTES, TRIAL_STACK_BYTES };
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	char answer;

	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_STACK, &stack);
	/* A handler of the parent's would print. */
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	dup2(nothing, STDOUT_FILENO);
	dup2(nothing, STDERR_FILENO);
	answer = (char)(attempt(context) != 0);
	(void)!write(result, &answer, 1);
	_exit(0);
}

/* What the child has written: 0 or 1; -ETIME; -EIO it ended before. */
static int answer_take(int result)
{
	uint64_t deadline = now_ns() + TRIAL_LIMIT_MS * NS_PER_MS, now;
	struct pollfd event = { .fd = result, .events = POLLIN };
	char answer;

	while ((now = now_ns()) < deadline)
		if (poll(&event, 1, (int)((deadline - now) / NS_PER_MS) + 1) == 1)
			return read(result, &answer, 1) == 1 ? answer : -EIO;
	return -ETIME;
}

int trial_run(int (*attempt)(const void *context), const void *context, const char *what, struct reason *why)
{
	int ends[2], answer;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return fail(why, errno, "%s cannot be tried: %s", what, strerror(errno));
	child = fork();
	if (!child)
		trial_child(attempt, context, ends[1]);
	close(ends[1]);
	answer = child > 0 ? answer_take(ends[0]) : -EAGAIN;
	close(ends[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (answer == -EAGAIN)
		return fail(why, EAGAIN, "%s cannot be tried: the kernel gives no process", what);
	if (answer)
		return fail(why, EINVAL, "%s %s", what,
			answer > 0	   ? "cannot read it"
			: answer == -ETIME ? "does not come to an end"
					   : "crashed");
	return 0;
}
