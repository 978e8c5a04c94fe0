#include "guest/qmp.h"

#include "base/member.h"
#include "base/units.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 4096
/* The longest answer, KVM's statistics, has some 20 KiB. */
#define LINE_BYTES_MOST (1 << 20)

static int read_more(struct qmp *qmp, uint64_t deadline_ns, struct reason *why)
{
	struct pollfd event = { .fd = qmp->fd, .events = POLLIN };
	uint64_t now = now_ns();
	ssize_t got;
	int ready;

	if (qmp->length > LINE_BYTES_MOST)
		return fail(why, EPROTO, "QEMU's monitor sends a line without an end");
	if (qmp->length + READ_BYTES > qmp->room) {
		char *text = realloc(qmp->text, qmp->room + 2 * READ_BYTES);

		if (!text)
			return fail(why, ENOMEM, "no memory for QEMU's answers");
		qmp->text = text;
		qmp->room += 2 * READ_BYTES;
	}
	if (now >= deadline_ns)
		return fail(why, ETIME, "QEMU's monitor does not answer");
	ready = poll(&event, 1, (int)((deadline_ns - now) / NS_PER_MS) + 1);
	if (ready <= 0)
		return ready < 0 && errno != EINTR ? fail(why, errno, "waiting for QEMU: %s", strerror(errno)) : 0;
	got = recv(qmp->fd, qmp->text + qmp->length, READ_BYTES, 0);
	if (got <= 0)
		return fail(why, EPIPE, "QEMU ended");
	qmp->length += (size_t)got;
	return 0;
}

/* The next line as JSON: a new reference. */
static int read_object(struct qmp *qmp, uint64_t deadline_ns, json_t **object, struct reason *why)
{
	json_error_t wrong;
	char *end;
	size_t line;

	while (!(end = qmp->length ? memchr(qmp->text, '\n', qmp->length) : NULL)) {
		int error = read_more(qmp, deadline_ns, why);

		if (error)
			return error;
	}
	line = (size_t)(end - qmp->text) + 1;
	*object = json_loadb(qmp->text, line, 0, &wrong);
	memmove(qmp->text, qmp->text + line, qmp->length - line);
	qmp->length -= line;
	if (!*object)
		return fail(why, EPROTO, "QEMU's monitor said something that is not JSON: %s", wrong.text);
	return 0;
}

static int send_object(struct qmp *qmp, const json_t *object, struct reason *why)
{
	char *text = json_dumps(object, JSON_COMPACT);
	size_t length = text ? strlen(text) : 0, sent = 0;
	int error = text ? 0 : fail(why, ENOMEM, "no memory for a command to QEMU");

	while (!error && sent < length) {
		/* QEMU may be gone: send() then fails, and no SIGPIPE kills this process. */
		ssize_t now = send(qmp->fd, text + sent, length - sent, MSG_NOSIGNAL);

		if (now < 0 && errno != EINTR)
			error = fail(why, EPIPE, "QEMU ended");
		sent += now > 0 ? (size_t)now : 0;
	}
	free(text);
	return error;
}

static int take_answer(json_t *object, json_t **answer, const char *command, struct reason *why)
{
	json_t *refused = json_object_get(object, "error"), *returned = json_object_get(object, "return");
	const char *words = member_text(refused, "desc");

	if (refused)
		return fail(why, EPROTO, "QEMU refused %s: %s", command, words ? words : "it does not say why");
	if (answer)
		*answer = json_incref(returned);
	return 0;
}

int qmp_execute(struct qmp *qmp, const char *command, json_t *arguments, json_t **answer, struct reason *why)
{
	uint64_t deadline = now_ns() + qmp->limit_ms * NS_PER_MS;
	int id = (int)++qmp->id;
	json_t *request = json_pack("{s:s, s:i}", "execute", command, "id", id), *object = NULL;
	int error = request ? 0 : -ENOMEM;

	/* The reference of `arguments` is taken in any case. */
	if (arguments && json_object_set_new(request, "arguments", arguments))
		error = fail(why, ENOMEM, "no memory for a command to QEMU");
	if (!error)
		error = send_object(qmp, request, why);
	json_decref(request);
	while (!error) {
		bool mine;

		error = read_object(qmp, deadline, &object, why);
		if (error)
			break;
		/* Events have no id. An answer to a command that QEMU could not read has none either. */
		mine = json_integer_value(json_object_get(object, "id")) == id;
		if (mine)
			error = take_answer(object, answer, command, why);
		json_decref(object);
		if (mine)
			break;
	}
	return error;
}

int qmp_open(struct qmp *qmp, int fd, unsigned limit_ms, struct reason *why)
{
	json_t *greeting = NULL;
	int error;

	*qmp = (struct qmp){ .fd = fd, .limit_ms = limit_ms };
	error = read_object(qmp, now_ns() + limit_ms * NS_PER_MS, &greeting, why);
	if (!error && !json_object_get(greeting, "QMP"))
		error = fail(why, EPROTO, "QEMU's monitor does not greet as QMP does");
	json_decref(greeting);
	return error ? error : qmp_execute(qmp, "qmp_capabilities", NULL, NULL, why);
}

void qmp_close(struct qmp *qmp)
{
	free(qmp->text);
	qmp->text = NULL;
	qmp->length = qmp->room = 0;
}

int qmp_vcpu_threads(struct qmp *qmp, int *threads, unsigned most, unsigned *count, struct reason *why)
{
	json_t *cpus = NULL, *cpu;
	size_t i;
	int error = qmp_execute(qmp, "query-cpus-fast", NULL, &cpus, why);

	*count = 0;
	if (error)
		return error;
	json_array_foreach (cpus, i, cpu) {
		json_int_t thread = json_integer_value(json_object_get(cpu, "thread-id"));

		if (*count < most && thread > 0 && thread <= INT_MAX)
			threads[(*count)++] = (int)thread;
	}
	json_decref(cpus);
	return *count ? 0 : fail(why, EPROTO, "QEMU does not tell its vCPUs' threads");
}

int qmp_runs_kvm(struct qmp *qmp, bool *enabled, struct reason *why)
{
	json_t *answer = NULL;
	int error = qmp_execute(qmp, "query-kvm", NULL, &answer, why);

	if (!error)
		*enabled = json_is_true(json_object_get(answer, "enabled"));
	json_decref(answer);
	return error;
}

/* Add the statistics of one object (the VM, or a vCPU) to the sums. Histograms are lists, and left out. */
static void stats_add(json_t *sums, const json_t *of_one)
{
	size_t i;
	json_t *stat;

	json_array_foreach (json_object_get(of_one, "stats"), i, stat) {
		const char *name = member_text(stat, "name");
		const json_t *value = json_object_get(stat, "value");
		json_int_t sum = json_integer_value(json_object_get(sums, name));

		/* A count that overflows is none. */
		if (name && json_is_integer(value) && !__builtin_add_overflow(sum, json_integer_value(value), &sum))
			json_object_set_new(sums, name, json_integer(sum));
	}
}

int qmp_kvm_stats(struct qmp *qmp, json_t **stats, struct reason *why)
{
	static const char *const targets[] = { "vm", "vcpu" };
	json_t *sums = json_object();
	int error = sums ? 0 : -ENOMEM;

	for (size_t t = 0; t < sizeof(targets) / sizeof(targets[0]) && !error; t++) {
		json_t *list = NULL, *of_one;
		size_t i;

		error = qmp_execute(qmp, "query-stats", json_pack("{s:s}", "target", targets[t]), &list, why);
		json_array_foreach (list, i, of_one)
			stats_add(sums, of_one);
		json_decref(list);
	}
	if (error == -EPROTO)
		error = fail(why, ENODATA, "this QEMU does not tell KVM's statistics (QEMU 7.1 does)");
	if (!error && !json_object_size(sums))
		error = fail(why, ENODATA, "KVM has no statistics for this guest (Linux 5.14 has them)");
	if (error)
		json_decref(sums);
	else
		*stats = sums;
	return error;
}
