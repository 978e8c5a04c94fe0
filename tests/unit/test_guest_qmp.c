/* guest/qmp.c against a monitor that follows the protocol, and one that does not. */
#include "guest/qmp.h"

#include "base/units.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SHORT_MS 300 /* for silence */
#define LONG_MS 60000 /* for answers: longer than they take on a machine that is busy */

#define GREETING "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": [\"oob\"]}}\r\n"
#define EVENT "{\"timestamp\": {\"seconds\": 1}, \"event\": \"RTC_CHANGE\", \"data\": {\"offset\": 0}}\r\n"

/*
 * The text that a monitor sends when it is opened, and its answers to the commands that follow. %d stands for a
 * command's id.
 */
struct script {
	const char *greeting;
	const char *answer[8];
	bool gone; /* closes its end behind the last answer; otherwise it is silent */
	char heard[8][256]; /* the commands */
};

struct monitor {
	struct script *script;
	int ours, its;
	pthread_t thread;
};

static void say(int fd, const char *text)
{
	/* Send an answer in two pieces, as it need not arrive as one. */
	size_t half = strlen(text) / 2;

	(void)!write(fd, text, half);
	(void)!write(fd, text + half, strlen(text) - half);
}

static void *serve(void *data)
{
	struct monitor *monitor = data;
	struct script *script = monitor->script;

	say(monitor->its, script->greeting);
	for (size_t i = 0; i < 8 && script->answer[i]; i++) {
		ssize_t got = recv(monitor->its, script->heard[i], sizeof(script->heard[i]) - 1, 0);
		const char *id = got > 0 ? strstr(script->heard[i], "\"id\":") : NULL;
		char text[4096];

		if (!id)
			return NULL;
		snprintf(text, sizeof(text), script->answer[i], atoi(id + 5));
		say(monitor->its, text);
	}
	if (script->gone)
		shutdown(monitor->its, SHUT_RDWR);
	return NULL;
}

static void monitor_start(struct monitor *monitor, struct script *script)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	*monitor = (struct monitor){ .script = script, .ours = ends[0], .its = ends[1] };
	assert_int_equal(pthread_create(&monitor->thread, NULL, serve, monitor), 0);
}

static void monitor_end(struct monitor *monitor, struct qmp *qmp)
{
	qmp_close(qmp);
	shutdown(monitor->ours, SHUT_RDWR);
	pthread_join(monitor->thread, NULL);
	close(monitor->ours);
	close(monitor->its);
}

/* The result of qmp_open() for this greeting and this answer to its first command. */
static int opened(unsigned limit_ms, struct script script, struct reason *why)
{
	struct monitor monitor;
	struct qmp qmp;
	int error;

	why->text[0] = '\0';
	monitor_start(&monitor, &script);
	error = qmp_open(&qmp, monitor.ours, limit_ms, why);
	monitor_end(&monitor, &qmp);
	return error;
}

#define EMPTY "{\"return\": {}, \"id\": %d}\r\n"

static void greets_and_leaves_negotiation(void **state)
{
	struct script script = { .greeting = GREETING, .answer = { EMPTY } };
	struct monitor monitor;
	struct reason why;
	struct qmp qmp;

	(void)state;
	monitor_start(&monitor, &script);
	assert_int_equal(qmp_open(&qmp, monitor.ours, LONG_MS, &why), 0);
	monitor_end(&monitor, &qmp);
	assert_non_null(strstr(script.heard[0], "\"execute\":\"qmp_capabilities\""));
}

static void openings_that_fail(void **state)
{
	struct reason why;

	(void)state;
	assert_int_equal(opened(LONG_MS, (struct script){ .greeting = "{\"hello\": 1}\n" }, &why), -EPROTO);
	assert_non_null(strstr(why.text, "does not greet as QMP"));
	assert_int_equal(opened(LONG_MS, (struct script){ .greeting = "QEMU 7.2 monitor\n" }, &why), -EPROTO);
	assert_non_null(strstr(why.text, "not JSON"));
	assert_int_equal(opened(LONG_MS, (struct script){ .greeting = "\n" }, &why), -EPROTO);
	assert_int_equal(opened(LONG_MS, (struct script){ .greeting = "[1, 2]\n" }, &why), -EPROTO);
	assert_int_equal(
		opened(LONG_MS,
			(struct script){ .greeting = GREETING,
				.answer = { "{\"error\": {\"class\": \"GenericError\", \"desc\": \"not today\"}, \"id\": %d}\n" } },
			&why),
		-EPROTO);
	assert_non_null(strstr(why.text, "qmp_capabilities: not today"));
	assert_int_equal(opened(LONG_MS, (struct script){ .greeting = "", .gone = true }, &why), -EPIPE);
	assert_int_equal(
		opened(LONG_MS, (struct script){ .greeting = GREETING, .answer = { "" }, .gone = true }, &why), -EPIPE);
	assert_non_null(strstr(why.text, "QEMU ended"));
}

static void silence_is_waited_for_as_long_as_told(void **state)
{
	uint64_t start = now_ns();
	struct reason why;

	(void)state;
	assert_int_equal(opened(SHORT_MS, (struct script){ .greeting = "" }, &why), -ETIME);
	assert_non_null(strstr(why.text, "does not answer"));
	/* An unfinished line, events and the answers to others are no answer. */
	assert_int_equal(opened(SHORT_MS, (struct script){ .greeting = "{\"QMP\": " }, &why), -ETIME);
	assert_int_equal(
		opened(SHORT_MS, (struct script){ .greeting = GREETING, .answer = { EVENT EVENT } }, &why), -ETIME);
	assert_int_equal(
		opened(SHORT_MS,
			(struct script){ .greeting = GREETING, .answer = { "{\"return\": {}, \"id\": 999}\n" } }, &why),
		-ETIME);
	/* The short limits were waited for, and not the long ones. */
	assert_in_range(now_ns() - start, 4 * SHORT_MS * NS_PER_MS, 4 * LONG_MS * NS_PER_MS);
}

static void events_come_in_between(void **state)
{
	struct script script = { .greeting = GREETING,
		.answer = { EVENT EMPTY EVENT,
			EVENT EVENT "{\"return\": {\"enabled\": true, \"present\": true}, \"id\": %d}\n",
			"{\"return\": {\"enabled\": false}, \"id\": %d}\n" } };
	struct monitor monitor;
	struct reason why;
	struct qmp qmp;
	bool enabled = false;

	(void)state;
	monitor_start(&monitor, &script);
	assert_int_equal(qmp_open(&qmp, monitor.ours, LONG_MS, &why), 0);
	assert_int_equal(qmp_runs_kvm(&qmp, &enabled, &why), 0);
	assert_true(enabled);
	assert_int_equal(qmp_runs_kvm(&qmp, &enabled, &why), 0);
	assert_false(enabled);
	monitor_end(&monitor, &qmp);
}

static void threads_of_vcpus(void **state)
{
	struct script script = { .greeting = GREETING,
		.answer = { EMPTY,
			"{\"return\": [{\"cpu-index\": 0, \"thread-id\": 101}, {\"cpu-index\": 1, \"thread-id\": 102}, {\"cpu-index\": 2, \"thread-id\": 103}], \"id\": %d}\n",
			"{\"return\": [{\"cpu-index\": 0}], \"id\": %d}\n" } };
	int threads[2] = { 0, 0 };
	struct monitor monitor;
	struct reason why;
	struct qmp qmp;
	unsigned count;

	(void)state;
	monitor_start(&monitor, &script);
	assert_int_equal(qmp_open(&qmp, monitor.ours, LONG_MS, &why), 0);
	/* No more threads than there is room for. */
	assert_int_equal(qmp_vcpu_threads(&qmp, threads, 2, &count, &why), 0);
	assert_int_equal(count, 2);
	assert_int_equal(threads[0], 101);
	assert_int_equal(threads[1], 102);
	assert_int_equal(qmp_vcpu_threads(&qmp, threads, 2, &count, &why), -EPROTO);
	assert_int_equal(count, 0);
	monitor_end(&monitor, &qmp);
}

/* qmp_kvm_stats() of a monitor that gives these answers, for the VM and for its vCPUs. */
static int stats_of(const char *vm, const char *vcpus, struct script *script, json_t **stats, struct reason *why)
{
	struct monitor monitor;
	struct qmp qmp;
	int error;

	*stats = NULL;
	*script = (struct script){ .greeting = GREETING, .answer = { EMPTY, vm, vcpus } };
	monitor_start(&monitor, script);
	/* The limit is short where the monitor falls silent, or ends after its first answer. */
	assert_int_equal(qmp_open(&qmp, monitor.ours, LONG_MS, why), 0);
	if (!vcpus)
		qmp.limit_ms = SHORT_MS;
	error = qmp_kvm_stats(&qmp, stats, why);
	monitor_end(&monitor, &qmp);
	return error;
}

#define STAT(name, value) "{\"name\": \"" name "\", \"value\": " value "}"

static void statistics_are_summed(void **state)
{
	struct script script;
	struct reason why;
	json_t *stats;

	(void)state;
	assert_int_equal(
		stats_of(
			"{\"return\": [{\"provider\": \"kvm\", \"stats\": [" STAT("pages_2m", "3") "]}], \"id\": %d}\n",
			"{\"return\": [{\"provider\": \"kvm\", \"qom-path\": \"/machine/unattached/device[0]\", \"stats\": [" STAT(
				"exits", "10") ", " STAT("pf_taken", "4") ", " STAT("halt_poll_hist",
				"[0, 1, 2]") ", " STAT("guest_mode",
				"false") "]}, "
					 "{\"provider\": \"kvm\", \"stats\": [" STAT("exits", "32") ", " STAT(
						 "pf_taken", "0") "]}], \"id\": %d}\n",
			&script, &stats, &why),
		0);
	assert_int_equal(json_object_size(stats), 3);
	assert_int_equal(json_integer_value(json_object_get(stats, "pages_2m")), 3);
	assert_int_equal(json_integer_value(json_object_get(stats, "exits")), 42);
	assert_int_equal(json_integer_value(json_object_get(stats, "pf_taken")), 4);
	json_decref(stats);
	assert_non_null(strstr(script.heard[1], "{\"target\":\"vm\"}"));
	assert_non_null(strstr(script.heard[2], "{\"target\":\"vcpu\"}"));
}

/* What overflows is no count, and does no harm to others. */
static void sums_do_not_overflow(void **state)
{
	struct script script;
	struct reason why;
	json_t *stats;

	(void)state;
	assert_int_equal(stats_of("{\"return\": [{\"stats\": [" STAT("exits", "9223372036854775807") ", " STAT("exits",
					  "9223372036854775807") ", " STAT("pf_taken", "4") "]}], \"id\": %d}\n",
				 "{\"return\": [{\"stats\": [" STAT("least", "-9223372036854775808") ", " STAT(
					 "least", "-1") "]}], \"id\": %d}\n",
				 &script, &stats, &why),
		0);
	assert_true(json_integer_value(json_object_get(stats, "exits")) == INT64_MAX);
	assert_true(json_integer_value(json_object_get(stats, "least")) == INT64_MIN);
	assert_int_equal(json_integer_value(json_object_get(stats, "pf_taken")), 4);
	json_decref(stats);
}

static void threads_have_numbers_of_threads(void **state)
{
	struct script script = {
		.greeting = GREETING,
		.answer = { EMPTY,
			"{\"return\": [{\"thread-id\": 0}, {\"thread-id\": -1}, {\"thread-id\": 4294967297}, {\"thread-id\": 9223372036854775807}, {\"thread-id\": \"7\"}, 5, {\"thread-id\": 7}], \"id\": %d}\n" }
	};
	int threads[8] = { 0 };
	struct monitor monitor;
	struct reason why;
	struct qmp qmp;
	unsigned count;

	(void)state;
	monitor_start(&monitor, &script);
	assert_int_equal(qmp_open(&qmp, monitor.ours, LONG_MS, &why), 0);
	assert_int_equal(qmp_vcpu_threads(&qmp, threads, 8, &count, &why), 0);
	assert_int_equal(count, 1);
	assert_int_equal(threads[0], 7);
	monitor_end(&monitor, &qmp);
}

static void no_statistics_have_a_reason(void **state)
{
	struct script script;
	struct reason why;
	json_t *stats;

	(void)state;
	/* An emulator, or a kernel without them. */
	assert_int_equal(
		stats_of("{\"return\": [], \"id\": %d}\n", "{\"return\": [], \"id\": %d}\n", &script, &stats, &why),
		-ENODATA);
	assert_non_null(strstr(why.text, "no statistics"));
	assert_null(stats);
	/* QEMU before 7.1. */
	assert_int_equal(
		stats_of(
			"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command query-stats has not been found\"}, \"id\": %d}\n",
			NULL, &script, &stats, &why),
		-ENODATA);
	assert_non_null(strstr(why.text, "7.1"));
	assert_null(stats);
	/* A monitor that is gone gives another error. */
	assert_int_equal(stats_of("{\"return\": [], \"id\": %d}\n", NULL, &script, &stats, &why), -ETIME);
	assert_null(stats);
}

/* Far more than is read at once. */
static void a_long_answer(void **state)
{
	static char answer[3500] = "{\"return\": [";
	struct script script = { .greeting = GREETING, .answer = { EMPTY, answer, answer, answer } };
	struct monitor monitor;
	struct reason why;
	struct qmp qmp;

	(void)state;
	for (int i = 0; i < 150; i++)
		strcat(answer, "\"0123456789abcdef\", ");
	strcat(answer, "0], \"id\": %d}\n");
	monitor_start(&monitor, &script);
	assert_int_equal(qmp_open(&qmp, monitor.ours, LONG_MS, &why), 0);
	for (int i = 0; i < 3; i++) {
		json_t *list = NULL;

		assert_int_equal(qmp_execute(&qmp, "query-it", NULL, &list, &why), 0);
		assert_int_equal(json_array_size(list), 151);
		json_decref(list);
	}
	monitor_end(&monitor, &qmp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greets_and_leaves_negotiation),
		cmocka_unit_test(openings_that_fail),
		cmocka_unit_test(silence_is_waited_for_as_long_as_told),
		cmocka_unit_test(events_come_in_between),
		cmocka_unit_test(threads_of_vcpus),
		cmocka_unit_test(statistics_are_summed),
		cmocka_unit_test(sums_do_not_overflow),
		cmocka_unit_test(threads_have_numbers_of_threads),
		cmocka_unit_test(no_statistics_have_a_reason),
		cmocka_unit_test(a_long_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
