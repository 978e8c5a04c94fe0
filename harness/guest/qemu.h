/* QEMU's command line for a guest. Nothing here starts anything. */
#ifndef NESTWALK_GUEST_QEMU_H
#define NESTWALK_GUEST_QEMU_H

#include "base/reason.h"
#include "guest/shape.h"

/* The files and open sockets that QEMU gets for a guest. All strings are borrowed. */
struct qemu_ends {
	const char *program; /* qemu-system-x86_64 */
	const char *kernel, *initramfs; /* paths */
	/* Sockets, connected, whose other ends are ours: the monitor (QMP), the control port and the results port. */
	int monitor, control, results;
	int console; /* a file that gets what the guest's kernel prints */
	/* A CPU feature that this QEMU must not ask for, as found out by trying: "arch-capabilities". NULL: none */
	const char *without_feature;
};

#define QEMU_ARGUMENTS_MAX 64

struct qemu_command {
	char *argument[QEMU_ARGUMENTS_MAX + 1]; /* owned; NULL at the end */
	size_t count;
};

/*
 * 0 with *command (the caller frees it with qemu_command_free()), or -ENOMEM.
 * The machine is q35: microvm is no faster and hangs now and then while Linux calibrates its clock.
 */
int qemu_command_make(const struct guest_shape *shape, const struct qemu_ends *ends, struct qemu_command *command);
void qemu_command_free(struct qemu_command *command);

/* The path of qemu-system-x86_64 in $PATH, in text[bytes]. 0; -ENOENT with *why. */
int qemu_find(char *text, size_t bytes, struct reason *why);

/*
 * The meaning of an exit status of QEMU. guest-images/finish.c ends QEMU with an odd status from 33 to 95 when the job
 * has ended. Returns the job's exit status (0 .. 31), or -1 where the guest ended in another way.
 */
int qemu_job_status(int exit_status);

#endif
