#include "guest/log_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[LOGS] = { [LOG_CONSOLE] = "console.log", [LOG_MESSAGES] = "qemu.log" };

static void descriptor_close(int *fd)
{
	/* A struct of zeros holds no open descriptors, so 0 is not closed. */
	if (*fd > 0)
		close(*fd);
	*fd = -1;
}

static void log_add(struct kept_log *log, const char *bytes, size_t count)
{
	uint64_t room = LOG_BYTES_MOST - log->bytes, kept = count < room ? count : room;

	(void)!write(log->file, bytes, kept);
	log->bytes += kept;
	if (kept < count && !log->is_cut)
		dprintf(log->file, "\nnestwalk: cut off here, after %llu MiB\n", LOG_BYTES_MOST >> 20);
	log->is_cut = log->is_cut || kept < count;
}

/* Take what a pipe has now; false where nobody writes to it any more. */
static bool log_take(struct kept_log *log)
{
	char bytes[65536];
	ssize_t got = read(log->pipe, bytes, sizeof(bytes));

	if (got > 0)
		log_add(log, bytes, (size_t)got);
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		descriptor_close(&log->pipe);
	return got > 0;
}

static void *logs_keep(void *data)
{
	struct log_keeper *keeper = data;
	struct pollfd events[LOGS + 1];

	do {
		for (size_t i = 0; i < LOGS; i++)
			events[i] = (struct pollfd){ .fd = keeper->log[i].pipe, .events = POLLIN };
		events[LOGS] = (struct pollfd){ .fd = keeper->stop[0], .events = POLLIN };
		if (poll(events, LOGS + 1, -1) < 0)
			continue;
		for (size_t i = 0; i < LOGS; i++)
			if (events[i].revents)
				log_take(&keeper->log[i]);
	} while (!events[LOGS].revents);
	return NULL;
}

static int log_open(struct kept_log *log, const char *directory, const char *name, int *writer, struct reason *why)
{
	char path[4200];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return fail(why, errno, "a pipe for %s: %s", name, strerror(errno));
	log->pipe = ends[0];
	*writer = ends[1];
	fcntl(log->pipe, F_SETFL, O_NONBLOCK);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	unlink(path);
	log->file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	return log->file >= 0 ? 0 : fail(why, errno, "cannot write %s: %s", path, strerror(errno));
}

int log_keeper_start(struct log_keeper *keeper, const char *directory, int writer[LOGS], struct reason *why)
{
	sigset_t all, before;
	int error = 0;

	*keeper = (struct log_keeper){ .stop = { -1, -1 } };
	for (size_t i = 0; i < LOGS; i++) {
		keeper->log[i].pipe = keeper->log[i].file = -1;
		writer[i] = -1;
	}
	for (size_t i = 0; i < LOGS && !error; i++)
		error = log_open(&keeper->log[i], directory, names[i], &writer[i], why);
	if (!error && pipe2(keeper->stop, O_CLOEXEC))
		error = fail(why, errno, "a pipe: %s", strerror(errno));
	if (error)
		return error;
	/* Signals are for the thread that waits for the guest. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&keeper->thread, NULL, logs_keep, keeper);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	keeper->runs = !error;
	return error ? fail(why, error, "no thread for a guest's logs: %s", strerror(error)) : 0;
}

void log_keeper_end(struct log_keeper *keeper)
{
	if (keeper->runs) {
		descriptor_close(&keeper->stop[1]);
		pthread_join(keeper->thread, NULL);
		keeper->runs = false;
	} else {
		descriptor_close(&keeper->stop[1]);
	}
	for (size_t i = 0; i < LOGS; i++) {
		struct kept_log *log = &keeper->log[i];

		/* A child of QEMU's may go on writing. */
		while (log->pipe > 0 && !log->is_cut && log_take(log))
			;
		descriptor_close(&log->pipe);
		descriptor_close(&log->file);
	}
	descriptor_close(&keeper->stop[0]);
}
