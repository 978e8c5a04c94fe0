/*
 * Keeping what a guest's console and QEMU print, up to a limit: a guest that prints without end must not fill the disk. QEMU
 * writes into pipes, and a thread takes from them what comes.
 */
#ifndef NESTWALK_GUEST_LOG_KEEPER_H
#define NESTWALK_GUEST_LOG_KEEPER_H

#include "base/reason.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Of each log. A kernel that tells everything prints 100 KiB while it boots. */
#define LOG_BYTES_MOST (4ULL << 20)

enum { LOG_CONSOLE, LOG_MESSAGES, LOGS };

struct log_keeper {
	struct kept_log {
		int pipe, file;
		uint64_t bytes; /* kept so far */
		bool is_cut;
	} log[LOGS];
	int stop[2]; /* a pipe, whose closed end tells the thread to end */
	pthread_t thread;
	bool runs;
};

/*
 * Make console.log and qemu.log in a directory, where nothing that is there is written to, and start the thread. 0 with a pipe's
 * end to write each to in writer[], which the caller closes; -errno with *why. log_keeper_end() in any case.
 */
int log_keeper_start(struct log_keeper *keeper, const char *directory, int writer[LOGS], struct reason *why);

/* Take what is in the pipes, and end. After this the logs are whole. Does nothing to a struct of zeros, or one that is ended. */
void log_keeper_end(struct log_keeper *keeper);

#endif
