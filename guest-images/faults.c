/*
 * faults FILE COMMAND...: run the command, and write to FILE how many page faults all processors of this machine took
 * meanwhile.
 *
 * A fault is an exception here, which is what a hypervisor may see. /proc/vmstat and wait4(2) count more: also pages
 * that the kernel maps without an exception (MAP_POPULATE, mlock). perf's software event leaves those out
 * (mm_account_fault() in the kernel's mm/memory.c).
 *
 * SIGTERM is passed on to the command. The exit status is the command's, or 128 plus the number of a signal that ended
 * it. Without root, or where the kernel has no such event, the command runs, but FILE is not made.
 */
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSORS_MAX 1024 /* as many as a guest may have */

static int counter[PROCESSORS_MAX];
static long processors;
static volatile sig_atomic_t command;

static void pass_on(int number)
{
	if (command > 0)
		kill(command, number);
}

static void begin(void)
{
	struct perf_event_attr what;

	memset(&what, 0, sizeof(what));
	what.type = PERF_TYPE_SOFTWARE;
	what.size = sizeof(what);
	what.config = PERF_COUNT_SW_PAGE_FAULTS;
	processors = sysconf(_SC_NPROCESSORS_ONLN);
	for (int i = 0; i < processors && i < PROCESSORS_MAX; i++)
		counter[i] = (int)syscall(SYS_perf_event_open, &what, -1, i, -1, PERF_FLAG_FD_CLOEXEC);
}

/*
 * Write the sum over all processors. Where a processor's count is not known, nothing is written, as a partial sum would
 * be wrong.
 */
static void counts_write(const char *path)
{
	uint64_t all = 0, one;
	FILE *file;

	if (processors < 1 || processors > PROCESSORS_MAX)
		return;
	for (int i = 0; i < processors; i++) {
		if (counter[i] < 0 || read(counter[i], &one, sizeof(one)) != sizeof(one))
			return;
		all += one;
	}
	file = fopen(path, "w");
	if (!file)
		return;
	fprintf(file, "%llu\n", (unsigned long long)all);
	fclose(file);
}

int main(int argc, char **argv)
{
	struct sigaction action;
	sigset_t term;
	int status = 0;

	if (argc < 3)
		return 2;
	memset(&action, 0, sizeof(action));
	action.sa_handler = pass_on;
	action.sa_flags = SA_RESTART;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	/* A signal that comes too early waits until there is a child to pass it to. */
	sigprocmask(SIG_BLOCK, &term, NULL);
	sigaction(SIGTERM, &action, NULL);
	begin();
	command = fork();
	sigprocmask(SIG_UNBLOCK, &term, NULL);
	if (!command) {
		signal(SIGTERM, SIG_DFL);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (command < 0 || waitpid(command, &status, 0) != command)
		return 126;
	counts_write(argv[1]);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
