#include "guest/talk.h"

#include "base/number.h"
#include "base/plain_file.h"
#include "base/units.h"
#include "guest/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* A thorough run's directory is some MiB; a guest that sends without end must not fill this machine's memory. */
#define ARCHIVE_MOST (256 * MIB)
/* The protocol has four lines; a kernel or a job may say a little besides. */
#define CONTROL_MOST (64 * KIB)
/* The exit status of a process, as a line. */
#define STATUS_MOST 255
#define END_BYTES_MOST 16

int talk_open(struct talk *talk, struct guest_vm *vm, struct reason *why)
{
	*talk = (struct talk){ .vm = vm, .archive = memfd_create("guest-results", MFD_CLOEXEC) };
	return talk->archive >= 0 ? 0 : fail(why, errno, "no memory for a guest's results: %s", strerror(errno));
}

void talk_close(struct talk *talk)
{
	if (talk->archive >= 0)
		close(talk->archive);
	talk->archive = -1;
}

/* 0: the socket is closed, and no more data will arrive. */
static ssize_t take_results(struct talk *talk, struct reason *why)
{
	char block[65536];
	ssize_t got = recv(talk->vm->results, block, sizeof(block), MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : 0;
	if (talk->archive_bytes + (uint64_t)got > ARCHIVE_MOST)
		return fail(why, EFBIG, "the guest sends more than %llu MiB", (unsigned long long)(ARCHIVE_MOST / MIB));
	if (got && write(talk->archive, block, (size_t)got) != got)
		return fail(why, ENOSPC, "no memory for a guest's results");
	talk->archive_bytes += (uint64_t)got;
	return got;
}

static bool take_line(struct talk *talk)
{
	char *end = memchr(talk->text, '\n', talk->length);
	size_t length;

	if (!end)
		return false;
	length = (size_t)(end - talk->text);
	if (length >= sizeof(talk->line))
		length = sizeof(talk->line) - 1;
	memcpy(talk->line, talk->text, length);
	talk->line[length] = '\0';
	talk->length -= (size_t)(end + 1 - talk->text);
	memmove(talk->text, end + 1, talk->length);
	return true;
}

/* 0: nothing was received. A closed socket stays readable for ever. -EPROTO with *why: the guest does nothing but talk. */
static int take_control(struct talk *talk, struct reason *why)
{
	ssize_t got;

	/* No line of the protocol is this long, so these bytes are noise. */
	if (talk->length == sizeof(talk->text))
		talk->length = 0;
	got = recv(talk->vm->control, talk->text + talk->length, sizeof(talk->text) - talk->length, MSG_DONTWAIT);
	if (got <= 0)
		return 0;
	talk->length += (size_t)got;
	talk->control_bytes += (uint64_t)got;
	if (talk->control_bytes > CONTROL_MOST)
		return fail(why, EPROTO, "the guest says more than %llu KiB, of which its job has no need",
			(unsigned long long)(CONTROL_MOST / KIB));
	return 1;
}

int talk_next(struct talk *talk, unsigned limit_ms, struct reason *why)
{
	uint64_t deadline = now_ns() + limit_ms * NS_PER_MS, now;
	bool results = true;
	int control = 1;

	while (!take_line(talk)) {
		struct pollfd events[] = {
			{ .fd = talk->vm->pidfd, .events = POLLIN },
			{ .fd = control ? talk->vm->control : -1, .events = POLLIN },
			{ .fd = results ? talk->vm->results : -1, .events = POLLIN },
		};

		now = now_ns();
		if (now >= deadline)
			return -ETIME;
		if (poll(events, 3, (int)((deadline - now) / NS_PER_MS) + 1) < 0)
			return -EINTR;
		if (events[2].revents) {
			ssize_t got = take_results(talk, why);

			if (got < 0)
				return (int)got;
			results = got > 0;
		}
		if (events[1].revents) {
			control = take_control(talk, why);
			if (control < 0)
				return control;
			if (control)
				continue;
		}
		if (events[0].revents)
			return 0;
	}
	return 1;
}

int talk_send(struct talk *talk, const char *text)
{
	size_t length = strlen(text), sent = 0;

	while (sent < length) {
		ssize_t now = send(talk->vm->control, text + sent, length - sent, MSG_NOSIGNAL);

		if (now < 0 && errno != EINTR)
			return -EPIPE;
		sent += now > 0 ? (size_t)now : 0;
	}
	return 0;
}

int talk_finish(struct talk *talk, struct reason *why)
{
	struct pollfd event = { .fd = talk->vm->results, .events = POLLIN };
	ssize_t got = 1;

	/* QEMU has ended. Its last data is in the socket, and no more will come. */
	while (got > 0 && poll(&event, 1, 0) == 1)
		got = take_results(talk, why);
	return got < 0 ? (int)got : 0;
}

int talk_unpack(struct talk *talk, const char *directory, int *status, struct reason *why)
{
	char path[4200], text[16] = "";
	uint64_t number = 0;
	bool is_whole;
	FILE *end;
	int error = talk->archive_bytes ? archive_unpack(talk->archive, directory, why)
					: fail(why, EIO, "the guest sent no results");

	if (error)
		return error;
	/* `end` is the last member of the archive: where it exists, the archive is whole. */
	end = plain_file_open(directory, "end", END_BYTES_MOST, NULL);
	is_whole = end && fgets(text, sizeof(text), end);
	text[strcspn(text, "\n")] = '\0';
	is_whole = is_whole && number_of_text(text, STATUS_MOST, &number);
	if (end)
		fclose(end);
	snprintf(path, sizeof(path), "%s/end", directory);
	unlink(path);
	*status = (int)number;
	return is_whole ? 0 : fail(why, EIO, "the guest's results are not whole");
}
