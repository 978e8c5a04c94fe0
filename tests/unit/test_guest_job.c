/*
 * guest/job.c: the script for a guest, run by this machine's shells with a fake nestwalk that only prints its
 * arguments.
 */
#include "guest/job.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 60000 /* far longer than a shell takes for anything here */

static char place[] = "/tmp/nestwalk-test-job-XXXXXX";

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	chmod(path, mode);
}

static void read_file(const char *name, char *text, size_t bytes)
{
	char path[128];
	size_t got;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place, name);
	file = fopen(path, "r");
	assert_non_null(file);
	got = fread(text, 1, bytes - 1, file);
	fclose(file);
	text[got] = '\0';
}

/* guest-images/faults.c, for a machine that may count, and for one that may not. */
#define COUNTS "#!/bin/sh\necho 1234 >\"$1\"\nshift\nexec \"$@\"\n"
#define COUNTS_NOT "#!/bin/sh\nrm -f \"$1\"\nshift\nexec \"$@\"\n"

static int setup(void **state)
{
	char path[4096];

	(void)state;
	if (!mkdtemp(place))
		return -1;
	snprintf(path, sizeof(path), "%s:%s", place, getenv("PATH"));
	write_file("faults", COUNTS, 0755);
	return setenv("PATH", path, 1);
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", place);
	return system(command);
}

/* A job on its way: the host's end of its control port. */
struct running {
	pid_t process;
	int port;
};

/* This machine's sh, and busybox's, which is what a guest has. */
#define SHELLS 2

static bool shell_is_here(size_t which)
{
	return which == 0 || !system("command -v busybox >/dev/null");
}

static struct running start(size_t shell, const char *const *command)
{
	char *script = guest_job_script(command);
	struct running running;
	int port[2];

	assert_non_null(script);
	write_file("run", script, 0755);
	free(script);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, port), 0);
	running.process = fork();
	assert_true(running.process >= 0);
	if (!running.process) {
		const char *const plain[] = { "sh", "run", NULL }, *const small[] = { "busybox", "sh", "run", NULL };
		const char *const *words = shell ? small : plain;

		if (chdir(place) || dup2(port[1], 3) < 0)
			_exit(126);
		for (int fd = 4; fd < 64; fd++)
			close(fd);
		execvp(words[0], (char *const *)words);
		_exit(127);
	}
	close(port[1]);
	running.port = port[0];
	return running;
}

static const char *line(const struct running *running)
{
	static char text[256];
	size_t length = 0;

	while (length + 1 < sizeof(text)) {
		struct pollfd event = { .fd = running->port, .events = POLLIN };

		if (poll(&event, 1, PATIENCE_MS) != 1 || recv(running->port, text + length, 1, 0) != 1)
			break;
		if (text[length] == '\n')
			break;
		length++;
	}
	text[length] = '\0';
	return text;
}

static void say(const struct running *running, const char *text)
{
	assert_int_equal(send(running->port, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The exit status of the job. Nothing more was sent. */
static int finish(struct running *running)
{
	int status;

	assert_string_equal(line(running), "");
	assert_int_equal(waitpid(running->process, &status, 0), running->process);
	assert_true(WIFEXITED(status));
	close(running->port);
	return WEXITSTATUS(status);
}

static bool silent_for(const struct running *running, int ms)
{
	struct pollfd event = { .fd = running->port, .events = POLLIN };

	return poll(&event, 1, ms) == 0;
}

#define TELLS_ITS_ARGUMENTS "#!/bin/sh\nprintf '<%s>\\n' \"$@\" >arguments\nexit 7\n"
#define UNTIL_TERMINATED "#!/bin/sh\ntrap 'echo told >ended; exit 1' TERM\n>began\nwhile :; do sleep 0.02; done\n"

static void arguments_arrive_as_they_are(void **state)
{
	static const char *const command[] = { "run", "--param", "a=b c", "it's", "$HOME `id` \"x\"", "", "*", "\\n;&|",
		".", NULL };
	static const char wanted[] = "<run>\n<--param>\n<a=b c>\n<it's>\n<$HOME `id` \"x\">\n<>\n<*>\n<\\n;&|>\n<.>\n"
				     "<-o>\n<run>\n";
	char arguments[512];

	(void)state;
	write_file("nestwalk", TELLS_ITS_ARGUMENTS, 0755);
	for (size_t shell = 0; shell < SHELLS; shell++) {
		struct running running;

		if (!shell_is_here(shell))
			continue;
		running = start(shell, command);
		assert_string_equal(line(&running), "begin");
		say(&running, "go\n");
		assert_string_equal(line(&running), "end 7 1234");
		say(&running, "go\n");
		assert_int_equal(finish(&running), 7);
		read_file("arguments", arguments, sizeof(arguments));
		assert_string_equal(arguments, wanted);
		read_file("kernel", arguments, sizeof(arguments));
		assert_true(strlen(arguments) > 3);
	}
}

static void faults_that_cannot_be_counted(void **state)
{
	static const char *const command[] = { "run", NULL };
	struct running running;

	(void)state;
	write_file("faults", COUNTS_NOT, 0755);
	write_file("nestwalk", TELLS_ITS_ARGUMENTS, 0755);
	running = start(0, command);
	assert_string_equal(line(&running), "begin");
	say(&running, "go\n");
	assert_string_equal(line(&running), "end 7 unknown");
	say(&running, "go\n");
	assert_int_equal(finish(&running), 7);
	write_file("faults", COUNTS, 0755);
}

static void it_waits_for_leave(void **state)
{
	static const char *const command[] = { "run", NULL };
	char path[128];
	struct running running;

	(void)state;
	write_file("nestwalk", TELLS_ITS_ARGUMENTS, 0755);
	snprintf(path, sizeof(path), "%s/arguments", place);
	unlink(path);
	running = start(0, command);
	assert_string_equal(line(&running), "begin");
	assert_true(silent_for(&running, 200));
	assert_int_equal(access(path, F_OK), -1);
	say(&running, "go\n");
	assert_non_null(strstr(line(&running), "end 7 "));
	/* A message that came too late, and a part of one, are no order to begin. */
	say(&running, "op\nstop\n");
	assert_true(silent_for(&running, 200));
	assert_int_equal(waitpid(running.process, NULL, WNOHANG), 0);
	say(&running, "go\n");
	assert_int_equal(finish(&running), 7);
}

static void stop_ends_the_job(void **state)
{
	static const char *const command[] = { "run", NULL };
	char path[128];

	(void)state;
	write_file("nestwalk", UNTIL_TERMINATED, 0755);
	for (size_t shell = 0; shell < SHELLS; shell++) {
		struct running running;

		if (!shell_is_here(shell))
			continue;
		snprintf(path, sizeof(path), "%s/began", place);
		unlink(path);
		running = start(shell, command);
		assert_string_equal(line(&running), "begin");
		say(&running, "go\n");
		for (int i = 0; i < PATIENCE_MS / 10 && access(path, F_OK); i++)
			usleep(10000);
		assert_true(silent_for(&running, 100));
		say(&running, "noise\nstop\n");
		assert_non_null(strstr(line(&running), "end 1 "));
		say(&running, "go\n");
		assert_int_equal(finish(&running), 1);
		read_file("ended", path, sizeof(path));
		assert_string_equal(path, "told\n");
	}
}

/* Where the host has ended, no job waits for ever. */
static void a_host_that_is_gone(void **state)
{
	static const char *const command[] = { "run", NULL };
	struct running running;
	int status;

	(void)state;
	write_file("nestwalk", TELLS_ITS_ARGUMENTS, 0755);
	running = start(0, command);
	assert_string_equal(line(&running), "begin");
	close(running.port);
	assert_int_equal(waitpid(running.process, &status, 0), running.process);
}

static void no_line_of_a_script_ends_it(void **state)
{
	static const char *const command[] = { "run", "a\n.\nb", ".", NULL };
	char *script = guest_job_script(command);

	(void)state;
	assert_non_null(script);
	assert_null(strstr(script, "\n" GUEST_JOB_END "\n"));
	assert_non_null(strstr(script, "'a.b'"));
	assert_int_equal(script[strlen(script) - 1], '\n');
	free(script);
}

static void shells_accept_it(void **state)
{
	static const char *const command[] = { "run", "it's", "\"'$(x", NULL };
	char *script = guest_job_script(command), words[128];

	(void)state;
	write_file("run", script, 0755);
	free(script);
	snprintf(words, sizeof(words), "sh -n %s/run", place);
	assert_int_equal(system(words), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_line_of_a_script_ends_it),
		cmocka_unit_test(shells_accept_it),
		cmocka_unit_test(arguments_arrive_as_they_are),
		cmocka_unit_test(faults_that_cannot_be_counted),
		cmocka_unit_test(it_waits_for_leave),
		cmocka_unit_test(stop_ends_the_job),
		cmocka_unit_test(a_host_that_is_gone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
