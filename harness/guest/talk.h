/* The conversation with a guest over its control port, in lines. The guest's part is in guest-images/init. */
#ifndef NESTWALK_GUEST_TALK_H
#define NESTWALK_GUEST_TALK_H

#include "base/reason.h"
#include "guest/vm.h"

#include <stdbool.h>

/* What a guest has sent so far. */
struct talk {
	struct guest_vm *vm;
	char line[256]; /* the last whole line, without its end */
	char text[512]; /* bytes received after that line */
	size_t length;
	uint64_t control_bytes; /* received on the control port in all */
	int archive; /* a file of ours: the data of the results port */
	uint64_t archive_bytes;
};

/* 0, or -errno with *why. talk_close() in any case. */
int talk_open(struct talk *talk, struct guest_vm *vm, struct reason *why);
void talk_close(struct talk *talk);

/*
 * Receive data until there is a line (1, and the line is in talk->line), QEMU has ended (0), `limit_ms` are over
 * (-ETIME), or a signal came (-EINTR: check whether to stop). Results that arrive meanwhile go to the archive. -errno
 * with *why.
 */
int talk_next(struct talk *talk, unsigned limit_ms, struct reason *why);

/* Send text unchanged. 0; -EPIPE QEMU has ended. */
int talk_send(struct talk *talk, const char *text);

/* After QEMU has ended, receive the data that is still in the sockets. 0, or -errno. */
int talk_finish(struct talk *talk, struct reason *why);

/*
 * Unpack the archive, a tar, into a directory. 0 if it is whole: its last member is the file `end`, which holds the job's exit
 * status, for *status. -EIO with *why.
 */
int talk_unpack(struct talk *talk, const char *directory, int *status, struct reason *why);

#endif
