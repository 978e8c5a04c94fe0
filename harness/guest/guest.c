#include "guest/guest.h"

#include "base/directory.h"
#include "base/number.h"
#include "base/plain_file.h"
#include "base/units.h"
#include "guest/host_observer.h"
#include "guest/job.h"
#include "guest/qmp.h"
#include "guest/talk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * This limits the time until the job begins. A kernel boots in a second under KVM and in three under QEMU's emulator;
 * a hung one never does. Under the KVM of an emulated machine it takes half a minute to a whole one, and longer where
 * the emulating machine is busy.
 */
static const unsigned boot_limit_s[GUEST_ACCELS] = { [GUEST_KVM] = 300, [GUEST_TCG] = 300 };

/*
 * This limit holds twice: from the order to end the job until its end, and from the end of the job until QEMU ends. In
 * that time a guest writes to memory and makes a tar.
 */
#define ENDING_LIMIT_S 60
/* guest_run() checks this often whether to stop, and reports its progress. A signal ends the wait at once. */
#define LOOK_MS 200
/* The exit status of a process; page faults, of which a machine takes less than 10^10 in an hour. */
#define STATUS_MOST 255
#define FAULTS_MOST (1ULL << 53)
/*
 * A guest may take this many times as long as its host. An emulated guest keeps time, too, so it measures as long as
 * the host.
 */
#define SLOWER 1.5

/* The state of one guest, from its start to its end. */
struct session {
	const struct guest_request *request;
	struct guest_result *result;
	struct guest_vm vm;
	struct talk talk;
	struct qmp qmp;
	struct host_observer observer;
	uint64_t start_ns, begin_ns;
	bool stopped; /* the guest was told to end its job */
};

static void guest_progress_tell(const struct session *session, const char *what)
{
	const struct guest_request *request = session->request;

	if (request->progress)
		request->progress(what, (double)(now_ns() - session->start_ns) / (double)NS_PER_S, request->data);
}

static double boot_limit(const struct guest_request *request)
{
	return request->limits.boot_s > 0 ? request->limits.boot_s : boot_limit_s[request->shape.accel];
}

static double ending_limit(const struct guest_request *request)
{
	return request->limits.ending_s > 0 ? request->limits.ending_s : ENDING_LIMIT_S;
}

/* Without seconds (0) there is no deadline. */
static uint64_t deadline_in(double seconds)
{
	return !(seconds > 0) ? UINT64_MAX : now_ns() + (uint64_t)(seconds * (double)NS_PER_S);
}

static bool asked_to_stop(const struct session *session)
{
	return session->request->stop && session->request->stop();
}

/* Say why a guest gave no results, with the last lines of QEMU and of its console. */
static int failure_explain(const struct session *session, int error, const char *what, struct reason *why)
{
	char qemu[200], console[200];

	guest_last_line(session->request->directory, "qemu.log", qemu, sizeof(qemu));
	guest_last_line(session->request->directory, "console.log", console, sizeof(console));
	return fail(why, error, "%s%s%s%s%s (%s/console.log has all)", what, qemu[0] ? "; QEMU: " : "", qemu,
		console[0] ? "; the guest's last words: " : "", console, session->request->directory);
}

/*
 * Wait for a line that begins with `word`. When this run is to stop, or the time is over, a guest at work is told to
 * end its job and gets ending_limit() for that. 0; -EINTR; -ETIME; -EIO the guest ended before; other errors with
 * *why.
 */
static int line_expect(struct session *session, const char *word, double limit_s, struct reason *why)
{
	uint64_t deadline = deadline_in(limit_s);

	for (;;) {
		bool late = now_ns() > deadline, asked = asked_to_stop(session);
		int got;

		if ((late || (asked && !session->stopped)) && (session->stopped || !session->begin_ns))
			return asked ? -EINTR : -ETIME;
		if (late || (asked && !session->stopped)) {
			session->stopped = true;
			deadline = deadline_in(ending_limit(session->request));
			talk_send(&session->talk, "stop\n");
		}
		got = talk_next(&session->talk, LOOK_MS, why);
		if (got == 1 && !strncmp(session->talk.line, word, strlen(word)))
			return 0;
		if (got == 0)
			return -EIO;
		if (got < 0 && got != -ETIME && got != -EINTR)
			return got;
		guest_progress_tell(session, session->begin_ns ? "measuring" : "booting");
	}
}

/* Wait from power-on until the guest is ready to run its job and waits for the order to begin. */
static int guest_boot(struct session *session, struct reason *why)
{
	const struct guest_request *request = session->request;
	char *script = guest_job_script(request->command);
	int error = script ? 0 : fail(why, ENOMEM, "no memory for a guest's job");

	if (!error)
		error = line_expect(session, "ready", boot_limit(request), why);
	if (!error) {
		error = talk_send(&session->talk, script);
		if (!error)
			error = talk_send(&session->talk, GUEST_JOB_END "\n");
	}
	if (!error)
		error = line_expect(session, "begin", boot_limit(request), why);
	free(script);
	return error;
}

/*
 * While the guest waits for the order to begin, look at its accelerator, its vCPUs' threads, and KVM's counts so far.
 */
static int look_at_begin(struct session *session, struct reason *why)
{
	unsigned limit_ms = session->request->limits.monitor_ms;
	int error = qmp_open(&session->qmp, session->vm.monitor, limit_ms ? limit_ms : QMP_LIMIT_MS, why);
	bool kvm = false;

	if (!error)
		error = qmp_runs_kvm(&session->qmp, &kvm, why);
	if (!error && kvm != (session->request->shape.accel == GUEST_KVM))
		error = fail(why, EIO, "QEMU says that the guest %s under KVM", kvm ? "runs" : "does not run");
	if (!error)
		error = host_observer_begin(&session->observer, session->request, &session->vm, &session->qmp, why);
	session->begin_ns = now_ns();
	return error;
}

static int job_wait(struct session *session, struct reason *why)
{
	struct guest_result *result = session->result;
	uint64_t faults = FAULTS_UNKNOWN, status = 0;
	char told[2][24] = { "" };
	int error = talk_send(&session->talk, "go\n");

	if (!error)
		error = line_expect(session, "end ", session->request->seconds * SLOWER, why);
	if (error)
		return error;
	/* A guest that cannot count its faults says `unknown`. */
	if (sscanf(session->talk.line, "end %23s %23s", told[0], told[1]) < 1 ||
		!number_of_text(told[0], STATUS_MOST, &status))
		return fail(why, EIO, "the guest ended its job with '%s'", session->talk.line);
	number_of_text(told[1], FAULTS_MOST, &faults);
	result->job_status = (int)status;
	host_observer_end(&session->observer, session->request, &session->vm, &session->qmp, faults);
	result->stopped = session->stopped;
	return talk_send(&session->talk, "go\n");
}

/* Receive the last data of a guest: its results, and QEMU's exit status. */
static int results_receive(struct session *session, struct reason *why)
{
	struct guest_result *result = session->result;
	/* The deadline stands, whatever the guest says after its end, and however often the user asks to stop. */
	uint64_t deadline = deadline_in(ending_limit(session->request)), now;
	char path[4200];
	struct stat there;
	int status = -1, told = -1, error = 1;

	while ((error > 0 || error == -EINTR) && (now = now_ns()) < deadline)
		error = talk_next(&session->talk, (unsigned)((deadline - now) / NS_PER_MS) + 1, why);
	if (error > 0 || error == -EINTR)
		return -ETIME;
	if (!error)
		error = guest_vm_wait(&session->vm, LOOK_MS, &status);
	if (!error)
		error = talk_finish(&session->talk, why);
	/*
	 * Status 0 is a power-off: either the guest cannot write ports (finish.c), or it panicked. The archive tells
	 * which.
	 */
	if (!error && status && qemu_job_status(status) < 0)
		error = fail(why, EIO, "the guest ended before its job did (QEMU's exit status %d)", status);
	if (!error)
		error = talk_unpack(&session->talk, session->request->directory, &told, why);
	if (!error && told != result->job_status)
		error = fail(why, EIO, "the guest's job ended with %d, but nestwalk in it with %d", told,
			result->job_status);
	if (error)
		return error;
	/* guest-images/init sends what the job left in its directory `results`. */
	snprintf(path, sizeof(path), "%s/results/run", session->request->directory);
	if (!stat(path, &there))
		snprintf(result->run, sizeof(result->run), "%s", path);
	result->complete = !result->job_status && !session->stopped;
	return 0;
}

static int job_converse(struct session *session, struct reason *why)
{
	int error = guest_boot(session, why);

	if (!error)
		error = look_at_begin(session, why);
	if (!error)
		error = job_wait(session, why);
	if (!error)
		error = results_receive(session, why);
	return error;
}

/* The text for an error that has no other reason. */
static const char *unexplained(const struct session *session, int error)
{
	if (error == -ETIME)
		return session->begin_ns ? "the guest did not end its job in time" : "the guest did not boot";
	return session->begin_ns ? "the guest ended before its job did" : "QEMU ended before the guest did anything";
}

/* QEMU 7.2 with -cpu host asks some KVMs for an MSR that they refuse, and aborts. */
static bool wants_too_much(const char *directory)
{
	/* The message is not the last line, because a failed assertion follows it. */
	FILE *file = plain_file_open(directory, "qemu.log", 2 * LOG_BYTES_MOST, NULL);
	char line[512];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, "failed to set MSR 0x10a") != NULL;
	if (file)
		fclose(file);
	return found;
}

static int guest_attempt(struct session *session, const struct guest_files *files, struct reason *why)
{
	struct reason told = { "" };
	int error;

	session->start_ns = now_ns();
	error = guest_vm_start(&session->request->shape, files, &session->vm, why);
	if (error)
		return error;
	error = talk_open(&session->talk, &session->vm, &told);
	if (!error)
		error = job_converse(session, &told);
	talk_close(&session->talk);
	qmp_close(&session->qmp);
	/* The logs are whole after QEMU's end. */
	guest_vm_end(&session->vm);
	if (error == -EINTR)
		fail(why, EINTR, "interrupted");
	else if (error)
		failure_explain(session, -error, told.text[0] ? told.text : unexplained(session, error), why);
	return error;
}

int guest_run(const struct guest_request *request, struct guest_result *result, struct reason *why)
{
	char kernel[4200], initramfs[4200], program[4200];
	struct guest_files files = {
		.program = program, .kernel = kernel, .initramfs = initramfs, .directory = request->directory
	};
	struct session session = { .request = request, .result = result };
	int error;

	*result = (struct guest_result){ .job_status = -1 };
	snprintf(kernel, sizeof(kernel), "%s/vmlinuz", request->image);
	snprintf(initramfs, sizeof(initramfs), "%s/initramfs", request->image);
	error = qemu_find(program, sizeof(program), why);
	if (!error)
		error = directory_make(request->directory, why);
	if (!error)
		error = guest_attempt(&session, &files, why);
	if (error == -EIO && !session.begin_ns && wants_too_much(request->directory)) {
		host_observer_free(&session.observer);
		session = (struct session){ .request = request, .result = result };
		files.without_feature = "arch-capabilities";
		error = guest_attempt(&session, &files, why);
	}
	result->facts = host_observer_facts(&session.observer, request,
		session.begin_ns ? session.begin_ns - session.start_ns : 0, now_ns() - session.start_ns);
	host_observer_free(&session.observer);
	if (!error && !result->facts)
		error = fail(why, ENOMEM, "no memory for the facts about a guest");
	return error;
}

void guest_result_free(struct guest_result *result)
{
	json_decref(result->facts);
	result->facts = NULL;
}
