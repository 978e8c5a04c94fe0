/* guest/talk.c: lines and archives through sockets: whole, in pieces and damaged. */
#include "guest/talk.h"

#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT_MS 60000 /* for data that comes at once, also on a busy machine */

/* A guest without a QEMU: our ends of its sockets are in vm; the end of a pipe stands for its process. */
static struct guest {
	struct guest_vm vm;
	struct talk talk;
	int life, control, results;
} guest;

static char place[] = "/tmp/nestwalk-test-talk-XXXXXX";

static int group_setup(void **state)
{
	(void)state;
	return !mkdtemp(place);
}

static int group_teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", place);
	return system(command);
}

static int setup(void **state)
{
	int life[2], control[2], results[2];
	struct reason why;

	(void)state;
	if (pipe(life) || socketpair(AF_UNIX, SOCK_STREAM, 0, control) || socketpair(AF_UNIX, SOCK_STREAM, 0, results))
		return -1;
	guest = (struct guest){ .vm = { .pidfd = life[0], .monitor = -1, .control = control[0], .results = results[0] },
		.life = life[1],
		.control = control[1],
		.results = results[1] };
	return talk_open(&guest.talk, &guest.vm, &why);
}

static void end_of(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* End like QEMU: all sockets at once, then the process. */
static void guest_ends(void)
{
	end_of(&guest.control);
	end_of(&guest.results);
	end_of(&guest.life);
}

static int teardown(void **state)
{
	(void)state;
	guest_ends();
	talk_close(&guest.talk);
	end_of(&guest.vm.pidfd);
	end_of(&guest.vm.control);
	end_of(&guest.vm.results);
	return 0;
}

static void says(const char *text)
{
	assert_int_equal(write(guest.control, text, strlen(text)), strlen(text));
}

static int next(unsigned limit_ms)
{
	struct reason why;

	return talk_next(&guest.talk, limit_ms, &why);
}

static void heard(const char *wanted)
{
	assert_int_equal(next(LIMIT_MS), 1);
	assert_string_equal(guest.talk.line, wanted);
}

static void lines_in_pieces_and_together(void **state)
{
	(void)state;
	says("rea");
	assert_int_equal(next(20), -ETIME);
	says("dy\nbegin\nen");
	heard("ready");
	heard("begin");
	assert_int_equal(next(20), -ETIME);
	says("d 0 1");
	assert_int_equal(next(20), -ETIME);
	says("2\n\nlast\n");
	heard("end 0 12");
	heard("");
	heard("last");
}

static void noise_without_an_end_is_dropped(void **state)
{
	char noise[2000];

	(void)state;
	memset(noise, 'x', sizeof(noise) - 1);
	noise[sizeof(noise) - 1] = '\0';
	says(noise);
	assert_int_equal(next(50), -ETIME);
	says("y\nready\n");
	/* The rest of the long line counts as a line that nobody waits for. */
	assert_int_equal(next(LIMIT_MS), 1);
	assert_in_range(strlen(guest.talk.line), 1, sizeof(guest.talk.line) - 1);
	assert_true(guest.talk.line[0] == 'x' || guest.talk.line[0] == 'y');
	heard("ready");
}

/* Whoever only talks would be waited for until the deadline. */
static void talk_without_an_end_is_an_error(void **state)
{
	char noise[1024];
	int got = 1;

	(void)state;
	memset(noise, '\n', sizeof(noise));
	for (int i = 0; i < 66; i++)
		assert_int_equal(write(guest.control, noise, sizeof(noise)), sizeof(noise));
	while (got == 1)
		got = next(LIMIT_MS);
	assert_int_equal(got, -EPROTO);
}

static void what_was_said_last_is_heard_before_the_end(void **state)
{
	(void)state;
	says("one\ntwo\n");
	guest_ends();
	heard("one");
	heard("two");
	assert_int_equal(next(LIMIT_MS), 0);
	assert_int_equal(next(LIMIT_MS), 0);
}

/* A port that is closed, of a QEMU that lives, takes no processor time. */
static void a_closed_port_is_waited_for_in_peace(void **state)
{
	struct timespec before, after;

	(void)state;
	end_of(&guest.control);
	end_of(&guest.results);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_int_equal(next(500), -ETIME);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_in_range(timespec_ns(after) - timespec_ns(before), 0, 100 * NS_PER_MS);
	end_of(&guest.life);
	assert_int_equal(next(LIMIT_MS), 0);
}

static void words_arrive(void **state)
{
	char text[32] = "";

	(void)state;
	assert_int_equal(talk_send(&guest.talk, "go\n"), 0);
	assert_int_equal(read(guest.control, text, sizeof(text)), 3);
	assert_string_equal(text, "go\n");
	guest_ends();
	/* No SIGPIPE. */
	assert_int_equal(talk_send(&guest.talk, "go\n"), -EPIPE);
}

/* --- archives --- */

/* Make a tar of files in a directory; returns its length, the text is the caller's. */
static char *archive(const char *make, const char *members, size_t *bytes)
{
	char command[512];
	char *text = malloc(MIB);
	FILE *tar;

	snprintf(command, sizeof(command), "cd %s && rm -rf sent && mkdir sent && cd sent && { %s; } && tar -c %s",
		place, make, members);
	tar = popen(command, "r");
	assert_non_null(tar);
	*bytes = fread(text, 1, MIB, tar);
	assert_int_equal(pclose(tar), 0);
	return text;
}

/* Send this many bytes while they are received, and end. */
static void deliver(const char *text, size_t bytes)
{
	size_t sent = 0;

	while (sent < bytes) {
		size_t now = bytes - sent < 10000 ? bytes - sent : 10000;

		assert_int_equal(write(guest.results, text + sent, now), now);
		assert_int_equal(next(0), -ETIME);
		assert_int_equal(next(5), -ETIME);
		sent += now;
	}
}

static int unpacked(int *status, struct reason *why)
{
	char command[128], came[64];

	snprintf(came, sizeof(came), "%s/came", place);
	snprintf(command, sizeof(command), "rm -rf %s && mkdir %s", came, came);
	assert_int_equal(system(command), 0);
	why->text[0] = '\0';
	*status = -1;
	guest_ends();
	assert_int_equal(next(LIMIT_MS), 0);
	assert_int_equal(talk_finish(&guest.talk, why), 0);
	return talk_unpack(&guest.talk, came, status, why);
}

#define MAKE "mkdir -p results/run; seq 10000 >results/run/numbers; echo 3 >end"

static void a_whole_archive(void **state)
{
	char command[128];
	struct reason why;
	size_t bytes;
	char *text = archive(MAKE, "results end", &bytes);
	int status;

	(void)state;
	deliver(text, bytes);
	free(text);
	assert_int_equal(unpacked(&status, &why), 0);
	assert_int_equal(status, 3);
	snprintf(command, sizeof(command), "seq 10000 | cmp - %s/came/results/run/numbers", place);
	assert_int_equal(system(command), 0);
	/* The marker is not one of the results. */
	snprintf(command, sizeof(command), "%s/came/end", place);
	assert_int_equal(access(command, F_OK), -1);
}

/* Data that is still in the socket when QEMU has ended is received, too. */
static void the_last_of_it_comes_after_the_end(void **state)
{
	struct reason why;
	size_t bytes;
	char *text = archive("mkdir results; echo 0 >end", "results end", &bytes);
	int status;

	(void)state;
	assert_int_equal(write(guest.results, text, bytes), bytes);
	free(text);
	assert_int_equal(unpacked(&status, &why), 0);
	assert_int_equal(status, 0);
	assert_int_equal(guest.talk.archive_bytes, bytes);
}

static void spoiled_archives(void **state)
{
	static const struct {
		const char *make, *members;
		bool cut;
		const char *said;
	} rows[] = {
		{ MAKE, "results", false, "not whole" },
		{ MAKE, "results end", true, "not whole" },
		{ "mkdir results; >end", "results end", false, "not whole" },
		{ "mkdir results; echo done >end", "results end", false, "not whole" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reason why;
		size_t bytes;
		char *text = archive(rows[i].make, rows[i].members, &bytes);
		int status;

		deliver(text, rows[i].cut ? bytes / 2 : bytes);
		free(text);
		assert_int_equal(unpacked(&status, &why), -EIO);
		assert_non_null(strstr(why.text, rows[i].said));
		teardown(NULL);
		assert_int_equal(setup(NULL), 0);
	}
}

static void no_archive_and_none_that_is_one(void **state)
{
	struct reason why;
	int status;

	(void)state;
	assert_int_equal(unpacked(&status, &why), -EIO);
	assert_non_null(strstr(why.text, "sent no results"));
	teardown(NULL);
	assert_int_equal(setup(NULL), 0);
	deliver("this is no archive", 18);
	assert_int_equal(unpacked(&status, &why), -EIO);
	assert_non_null(strstr(why.text, "not whole"));
}

static void a_guest_that_sends_without_end(void **state)
{
	struct reason why = { "" };

	(void)state;
	/* Pretend that the guest has sent nearly as much as it may. */
	guest.talk.archive_bytes = 256 * MIB - 10;
	assert_int_equal(write(guest.results, "0123456789", 10), 10);
	assert_int_equal(talk_next(&guest.talk, 20, &why), -ETIME);
	assert_int_equal(write(guest.results, "0", 1), 1);
	assert_int_equal(talk_next(&guest.talk, LIMIT_MS, &why), -EFBIG);
	assert_non_null(strstr(why.text, "more than 256 MiB"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_in_pieces_and_together),
		TEST(noise_without_an_end_is_dropped),
		TEST(talk_without_an_end_is_an_error),
		TEST(what_was_said_last_is_heard_before_the_end),
		TEST(a_closed_port_is_waited_for_in_peace),
		TEST(words_arrive),
		TEST(a_whole_archive),
		TEST(the_last_of_it_comes_after_the_end),
		TEST(spoiled_archives),
		TEST(no_archive_and_none_that_is_one),
		TEST(a_guest_that_sends_without_end),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
