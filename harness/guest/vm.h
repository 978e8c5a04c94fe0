/*
 * A QEMU process, from its start to its end. QEMU ends with this process, in whatever way this process ends. No
 * privilege is needed but for /dev/kvm.
 */
#ifndef NESTWALK_GUEST_VM_H
#define NESTWALK_GUEST_VM_H

#include "base/reason.h"
#include "guest/log_keeper.h"
#include "guest/qemu.h"

#include <stdio.h>
#include <sys/types.h>

struct guest_vm {
	pid_t process; /* 0: none */
	int pidfd; /* readable once it has ended */
	int monitor, control, results; /* our ends of its sockets */
	struct log_keeper logs;
};

struct guest_files {
	const char *program, *kernel, *initramfs;
	const char *directory; /* gets console.log and qemu.log (log_keeper.h) */
	const char *without_feature; /* qemu_ends */
};

/* Start it. 0 with *vm, which guest_vm_end() ends; -errno with *why. */
int guest_vm_start(
	const struct guest_shape *shape, const struct guest_files *files, struct guest_vm *vm, struct reason *why);

/*
 * Wait until QEMU has ended by itself, for at most `limit_ms`. 0 with *exit_status (that of exit(2); 128 + the number
 * of a signal that ended it); -ETIME.
 */
int guest_vm_wait(struct guest_vm *vm, unsigned limit_ms, int *exit_status);

/* Kill the process if it still runs, reap it, and close all sockets and logs. Does nothing to a struct of zeros. */
void guest_vm_end(struct guest_vm *vm);

/* The last line of DIRECTORY/NAME that is not empty, in text[bytes]; "" where there is none. Returns text. */
const char *guest_last_line(const char *directory, const char *name, char *text, size_t bytes);

#endif
