#include "guest/vm.h"

#include "base/plain_file.h"
#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A guest's own log, of which only the last line is looked at, may be longer than those that are kept here. */
#define LOG_READ_MOST (256 * MIB)

/* QEMU's ends of all sockets and files, while it is being started. */
struct ends {
	int monitor[2], control[2], results[2]; /* our end, QEMU's end */
	int console, messages;
};

static void ends_close(struct ends *ends)
{
	int *const all[] = { &ends->monitor[0], &ends->monitor[1], &ends->control[0], &ends->control[1],
		&ends->results[0], &ends->results[1], &ends->console, &ends->messages };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (*all[i] >= 0)
			close(*all[i]);
}

static int ends_open(struct ends *ends, struct log_keeper *logs, const char *directory, struct reason *why)
{
	int *const pairs[] = { ends->monitor, ends->control, ends->results };
	int writer[LOGS], error = 0;

	*ends = (struct ends){ { -1, -1 }, { -1, -1 }, { -1, -1 }, -1, -1 };
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]) && !error; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]))
			error = fail(why, errno, "a socket to QEMU: %s", strerror(errno));
	if (!error) {
		error = log_keeper_start(logs, directory, writer, why);
		ends->console = writer[LOG_CONSOLE];
		ends->messages = writer[LOG_MESSAGES];
	}
	if (error)
		ends_close(ends);
	return error;
}

/*
 * Only async-signal-safe calls are allowed here: the child is a copy of a process whose other threads may hold any
 * lock.
 */
static _Noreturn void qemu_exec(const struct ends *ends, const struct qemu_command *command, pid_t parent)
{
	const int kept[] = { ends->monitor[1], ends->control[1], ends->results[1], ends->console };
	int nothing = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	/* Ctrl-C must reach only this process, which then asks the guest to end its job and to deliver its results. */
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		fcntl(kept[i], F_SETFD, 0);
	dup2(nothing, STDIN_FILENO);
	dup2(ends->messages, STDOUT_FILENO);
	dup2(ends->messages, STDERR_FILENO);
	execv(command->argument[0], command->argument);
	_exit(127);
}

int guest_vm_start(
	const struct guest_shape *shape, const struct guest_files *files, struct guest_vm *vm, struct reason *why)
{
	struct qemu_command command;
	struct ends ends;
	pid_t parent = getpid();
	int error;

	*vm = (struct guest_vm){ .pidfd = -1, .monitor = -1, .control = -1, .results = -1 };
	error = ends_open(&ends, &vm->logs, files->directory, why);
	if (error) {
		guest_vm_end(vm);
		return error;
	}
	error = qemu_command_make(shape,
		&(struct qemu_ends){
			.program = files->program,
			.kernel = files->kernel,
			.initramfs = files->initramfs,
			.monitor = ends.monitor[1],
			.control = ends.control[1],
			.results = ends.results[1],
			.console = ends.console,
			.without_feature = files->without_feature,
		},
		&command);
	if (error) {
		ends_close(&ends);
		guest_vm_end(vm);
		return fail(why, ENOMEM, "no memory for QEMU's command line");
	}
	vm->process = fork();
	if (!vm->process)
		qemu_exec(&ends, &command, parent);
	qemu_command_free(&command);
	if (vm->process > 0) {
		vm->pidfd = (int)syscall(SYS_pidfd_open, vm->process, 0);
		vm->monitor = dup(ends.monitor[0]);
		vm->control = dup(ends.control[0]);
		vm->results = dup(ends.results[0]);
	}
	ends_close(&ends);
	if (vm->process < 0) {
		guest_vm_end(vm);
		return fail(why, EAGAIN, "the kernel gives no process for QEMU");
	}
	if (vm->pidfd < 0 || vm->monitor < 0 || vm->control < 0 || vm->results < 0) {
		guest_vm_end(vm);
		return fail(why, EMFILE, "too few open files for QEMU, or a kernel before Linux 5.3");
	}
	fcntl(vm->monitor, F_SETFD, FD_CLOEXEC);
	fcntl(vm->control, F_SETFD, FD_CLOEXEC);
	fcntl(vm->results, F_SETFD, FD_CLOEXEC);
	return 0;
}

int guest_vm_wait(struct guest_vm *vm, unsigned limit_ms, int *exit_status)
{
	uint64_t deadline = now_ns() + limit_ms * NS_PER_MS, now;
	int status;

	while ((now = now_ns()) < deadline) {
		struct pollfd event = { .fd = vm->pidfd, .events = POLLIN };

		if (poll(&event, 1, (int)((deadline - now) / NS_PER_MS) + 1) <= 0)
			continue;
		if (waitpid(vm->process, &status, 0) != vm->process)
			continue;
		vm->process = 0;
		*exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		return 0;
	}
	return -ETIME;
}

void guest_vm_end(struct guest_vm *vm)
{
	const int ends[] = { vm->pidfd, vm->monitor, vm->control, vm->results };

	if (vm->process > 0) {
		kill(vm->process, SIGKILL);
		while (waitpid(vm->process, NULL, 0) < 0 && errno == EINTR)
			;
	}
	/* A struct of zeros holds no open descriptors, so 0 is not closed. */
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends[i] > 0)
			close(ends[i]);
	log_keeper_end(&vm->logs);
	*vm = (struct guest_vm){ 0 };
}

const char *guest_last_line(const char *directory, const char *name, char *text, size_t bytes)
{
	FILE *file = plain_file_open(directory, name, LOG_READ_MOST, NULL);
	char line[512];

	text[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[strspn(line, " \t")])
			snprintf(text, bytes, "%s", line);
	}
	if (file)
		fclose(file);
	return text;
}
