/*
 * refuse [no-thp] [SYSCALL=ERRNO]... -- COMMAND...: run a command to which the kernel refuses these system calls, as it does
 * in a container with a seccomp profile, or for which transparent huge pages are off. For tests.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(name) \
	{ \
#name, SYS_##name \
	}

static const struct {
	const char *name;
	int number;
} calls[] = { CALL(sched_setaffinity), CALL(sched_getaffinity), CALL(sched_setscheduler), CALL(set_mempolicy),
	CALL(get_mempolicy), CALL(mbind), CALL(madvise), CALL(mlock), CALL(prctl), CALL(perf_event_open),
	CALL(getrusage), CALL(pipe2), CALL(memfd_create), CALL(userfaultfd), CALL(uname), CALL(getrandom),
	CALL(ftruncate), CALL(fsync), CALL(mkdir), CALL(rename), CALL(getdents64), CALL(clone3), CALL(ioctl),
	CALL(openat2), CALL(prlimit64) };

static const struct {
	const char *name;
	int number;
} errors[] = { { "EPERM", EPERM }, { "EINVAL", EINVAL }, { "ENOMEM", ENOMEM }, { "ENOSYS", ENOSYS },
	{ "EAGAIN", EAGAIN }, { "ENOTSUP", ENOTSUP }, { "ENODEV", ENODEV } };

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void give_up(const char *what)
{
	fprintf(stderr, "refuse: %s\n", what);
	exit(127);
}

static void refuse(unsigned number, unsigned error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT(filter), filter };

	/* Not prctl(), which an earlier filter may refuse. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		give_up("the kernel takes no filter");
}

static void refuse_by_name(char *text)
{
	char *equals = strchr(text, '=');
	size_t call = 0, error = 0;

	if (!equals)
		give_up("wants SYSCALL=ERRNO");
	*equals++ = 0;
	while (call < COUNT(calls) && strcmp(calls[call].name, text))
		call++;
	while (error < COUNT(errors) && strcmp(errors[error].name, equals))
		error++;
	if (call == COUNT(calls) || error == COUNT(errors))
		give_up("knows not this system call or error");
	refuse((unsigned)calls[call].number, (unsigned)errors[error].number);
}

int main(int argc, char **argv)
{
	int i = 1;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (; i < argc && strcmp(argv[i], "--"); i++) {
		if (strcmp(argv[i], "no-thp"))
			refuse_by_name(argv[i]);
		else if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
			give_up("the kernel does not switch THP off");
	}
	if (i + 1 >= argc)
		give_up("wants -- COMMAND");
	execvp(argv[i + 1], argv + i + 1);
	give_up("no such command");
}
