/*
 * Run a command as a container without extra capabilities runs it: system calls are refused by a seccomp filter.
 *
 *	sandbox container COMMAND...         what Docker's and Podman's default profile refuses to a process without
 *	                                     capabilities (moby profiles/seccomp/default.json, as of version 24)
 *	sandbox CALL=ERRNO,... COMMAND...    these only, e.g. openat2=EPERM
 *
 * Exits 125 where that cannot be done, otherwise with the command's status.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CANNOT 125
/* A call of which the profile says nothing, so that it is refused; and one that it allows. */
#define CALL(call) \
	{ \
		.name = #call, .number = SYS_##call \
	}
#define ALLOWED(call) \
	{ \
		.name = #call, .number = SYS_##call, .is_allowed = true \
	}
#define RULES_MOST 128 /* a jump of BPF reaches 255 instructions; a rule has two */

struct named {
	const char *name;
	unsigned number;
	bool is_allowed;
};

/* Those that nestwalk, its libraries or its children could use. The last are allowed, but older profiles did not know them. */
static const struct named calls[] = {
	CALL(acct),
	CALL(add_key),
	CALL(bpf),
	CALL(clock_settime),
	CALL(delete_module),
	CALL(fanotify_init),
	CALL(finit_module),
	CALL(fsconfig),
	CALL(fsmount),
	CALL(fsopen),
	CALL(get_mempolicy),
	CALL(init_module),
	CALL(ioperm),
	CALL(iopl),
	CALL(io_uring_setup),
	CALL(kcmp),
	CALL(kexec_load),
	CALL(keyctl),
	CALL(lookup_dcookie),
	CALL(mbind),
	CALL(migrate_pages),
	CALL(mount),
	CALL(mount_setattr),
	CALL(move_mount),
	CALL(move_pages),
	CALL(open_by_handle_at),
	CALL(open_tree),
	CALL(perf_event_open),
	CALL(pivot_root),
	CALL(process_madvise),
	CALL(quotactl),
	CALL(reboot),
	CALL(request_key),
	CALL(set_mempolicy),
	CALL(setdomainname),
	CALL(sethostname),
	CALL(setns),
	CALL(settimeofday),
	CALL(swapoff),
	CALL(swapon),
	CALL(syslog),
	CALL(umount2),
	CALL(unshare),
	CALL(userfaultfd),
	CALL(vhangup),
	ALLOWED(openat2),
	ALLOWED(sched_setaffinity),
	ALLOWED(madvise),
	ALLOWED(memfd_create),
	ALLOWED(mlock),
};

static const struct named errors[] = { { .name = "EPERM", .number = EPERM }, { .name = "ENOSYS", .number = ENOSYS } };

static struct sock_filter filter[4 + 2 * RULES_MOST + 1];
static unsigned short length;

static void add(struct sock_filter instruction)
{
	filter[length++] = instruction;
}

static void refuse(unsigned number, unsigned error)
{
	if (length + 3u > sizeof(filter) / sizeof(filter[0]))
		exit(CANNOT);
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
}

static unsigned number_of(const struct named *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].name, name))
			return list[i].number;
	fprintf(stderr, "sandbox: %s is not known\n", name);
	exit(CANNOT);
}

static void refuse_list(char *list)
{
	for (char *one = strtok(list, ","); one; one = strtok(NULL, ",")) {
		char *equals = strchr(one, '=');

		if (!equals)
			exit(CANNOT);
		*equals = '\0';
		refuse(number_of(calls, sizeof(calls) / sizeof(calls[0]), one),
			number_of(errors, sizeof(errors) / sizeof(errors[0]), equals + 1));
	}
}

int main(int argc, char **argv)
{
	struct sock_fprog program = { .filter = filter };

	if (argc < 3)
		return CANNOT;
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	if (strcmp(argv[1], "container")) {
		refuse_list(argv[1]);
	} else {
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
			if (!calls[i].is_allowed)
				refuse(calls[i].number, EPERM);
		/* The C library then takes clone(), whose flags a filter can look at. */
		refuse(SYS_clone3, ENOSYS);
	}
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	program.len = length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("sandbox: seccomp");
		return CANNOT;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
