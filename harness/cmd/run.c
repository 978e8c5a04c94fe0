/* nestwalk run: measure, and write a run directory. */
#include "base/member.h"
#include "base/stop.h"
#include "cmd/cmd.h"
#include "cmd/run_options.h"
#include "cmd/signals.h"
#include "machine/environment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* On a terminal one line is written over; elsewhere each round gets a line of its own. */
static void run_progress_show(const struct progress *progress, void *data)
{
	static uint64_t shown_ns;
	bool terminal = isatty(STDERR_FILENO);
	uint64_t now = now_ns();
	int length;
	char text[160], more[60];

	(void)data;
	/* Rounds of a small plan take milliseconds; ten lines a second can be read by nobody. */
	if (shown_ns && now - shown_ns < (terminal ? 100 * NS_PER_MS : NS_PER_S))
		return;
	shown_ns = now;
	if (progress->rounds)
		snprintf(more, sizeof(more), " of %u, %zu points", progress->rounds, progress->points);
	else
		snprintf(
			more, sizeof(more), ", %zu of %zu points precise", progress->points_finished, progress->points);
	length = snprintf(text, sizeof(text), "%s: %s, round %u%s, %" PRIu64 " MiB under test", progress->bench,
		progress->pass == PASS_SWEEP ? "sweep" : "second pass", progress->round + 1, more,
		progress->memory_bytes / MIB);
	if (!progress->rounds && length < (int)sizeof(text))
		snprintf(text + length, sizeof(text) - (size_t)length, ", %.0f s left", progress->left_s);
	if (terminal)
		fprintf(stderr, "\r%-100s", text);
	else
		fprintf(stderr, "%s\n", text);
}

static struct guest_job guest_job_of(const struct run_arguments *arguments)
{
	const struct job_request *request = &arguments->request;

	return (struct guest_job){
		.benches = arguments->guest_benches,
		.bench_count = arguments->guest_bench_count,
		.plan = &request->plan,
		.effort = request->effort,
		.rounds = request->rounds,
		.seed = request->seed,
		.stop = stop_asked,
	};
}

/* How long the run will take: a promise in seconds, or a number of rounds, whose time nobody knows. */
static void duration_in_words(const struct job *job, const struct run_arguments *arguments, char *text, size_t bytes)
{
	const struct guest_job guest = guest_job_of(arguments);
	double seconds = arguments->guest.wanted ? guest_seconds(&guest) : 0;

	if (job->request.rounds) {
		snprintf(text, bytes, "%u round%s over all points, however long they take", job->request.rounds,
			job->request.rounds == 1 ? "" : "s");
		return;
	}
	for (size_t i = 0; i < job->request.bench_count; i++)
		seconds += effort_seconds(job->request.effort, job->request.benches[i]);
	snprintf(text, bytes, "about %.0f s (at most %.0f s)", seconds, effort_seconds_most(seconds));
}

static void run_announce(const struct job *job, const struct run_arguments *arguments)
{
	char duration[80];

	duration_in_words(job, arguments, duration, sizeof(duration));
	fprintf(stderr, "nestwalk: effort %s, %s, on CPU %d, at most %" PRIu64 " MiB of memory; %s\n",
		job->request.effort->name, duration, job->cpu,
		(job->memory_budget_bytes < job->request.effort->memory_most_bytes
				? job->memory_budget_bytes
				: job->request.effort->memory_most_bytes) /
			MIB,
		job->outer);
}

/* What the run goes without, and which variables it does not heed: once, before it begins. */
static void unprepared_tell(const struct job *job)
{
	struct environment_variable variable;
	struct reason what;

	for (size_t i = 0; preparation_missing(job->preparation.list, i, &what); i++)
		fprintf(stderr, "nestwalk: measuring without: %s\n", what.text);
	for (size_t i = 0; environment_found(i, &variable); i++)
		if (variable.taken_out)
			fprintf(stderr, "nestwalk: %s in the environment is not heeded: %s\n", variable.text,
				variable.why);
}

/* Numbers of one kind of core say nothing about another. */
static void kinds_announce(const struct job *job)
{
	const json_t *counters = json_object_get(job->about, "counters"), *other;
	size_t i;

	json_array_foreach (json_object_get(counters, "other_kinds_of_cores"), i, other) {
		const char *own = member_text(counters, "pmu"), *cpus = member_text(other, "cpus");

		fprintf(stderr, "nestwalk: CPU %d is of the kind %s; of another kind, %s, are CPUs %s (--cpu)\n",
			job->cpu, own ? own : "unknown", member_text(other, "pmu"),
			cpus ? cpus : "that are not listed");
	}
}

/* The results of the guest. */
struct guest_outcome {
	struct guest_points points;
	bool skipped, failed;
	struct reason why;
};

static void guest_part(const struct run_arguments *arguments, const struct job *job, struct guest_outcome *outcome)
{
	const struct guest_job what = guest_job_of(arguments);
	int error;

	*outcome = (struct guest_outcome){ 0 };
	if (!arguments->guest.wanted)
		return;
	error = what.bench_count ? guest_look(&arguments->guest, &outcome->why)
				 : fail(&outcome->why, ENOTSUP, "none of the benches runs in a Linux guest");
	if (error) {
		outcome->skipped = true;
		/* The reason is told as what it is, even where it cannot be noted. */
		outcome->failed = guest_note(job->request.path, "skipped", outcome->why.text, NULL, NULL) != 0;
		return;
	}
	outcome->failed = guest_measure(&arguments->guest, &what, job, &outcome->points, &outcome->why) != 0;
}

/* Tell the results, and return the exit code of the worst part. */
static int run_conclude(const struct job *job, const struct guest_outcome *guest, int error, const struct reason *why)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\n");
	fprintf(stderr, "nestwalk: %zu points measured, %zu skipped, %zu in error\n", job->ok, job->skipped,
		job->errors);
	if (job->stopped)
		fprintf(stderr, "nestwalk: %zu of the points measured failed later, and keep the samples from before\n",
			job->stopped);
	if (guest->points.ok || guest->points.skipped || guest->points.errors)
		fprintf(stderr, "nestwalk: of a Linux guest %zu points measured, %zu skipped, %zu in error\n",
			guest->points.ok, guest->points.skipped, guest->points.errors);
	if (guest->skipped || guest->failed)
		fprintf(stderr, "nestwalk: %s: %s\n", guest->skipped ? "no Linux guest" : "the Linux guest failed",
			guest->why.text);
	printf("results: %s\n", job->request.path);
	if (error == -EINTR || stop_asked()) {
		fprintf(stderr, "nestwalk: interrupted; what was measured is kept and can be reported\n");
		return EXIT_FAILED;
	}
	if (error)
		return cmd_fail(EXIT_FAILED, why);
	if (!job->ok && !job->errors && !guest->points.ok && !guest->points.errors && !guest->failed) {
		fprintf(stderr, "nestwalk: nothing could be measured: %s\n",
			job->first_skip.text[0] ? job->first_skip.text
			: guest->why.text[0]	? guest->why.text
						: "the guest skipped all of its points, and says why in them");
		return EXIT_SKIPPED;
	}
	return job->errors || job->stopped || guest->points.errors || guest->failed ? EXIT_FAILED : EXIT_DONE;
}

static int measure(const struct run_arguments *arguments, struct job *job)
{
	struct guest_outcome guest = { 0 };
	struct reason why = { "" };
	int error;

	unprepared_tell(job);
	run_announce(job, arguments);
	kinds_announce(job);
	error = arguments->resumed && resume_host_is_done(&arguments->resume) ? 0 : job_run(job, &why);
	if (!error)
		guest_part(arguments, job, &guest);
	return run_conclude(job, &guest, error, &why);
}

/* -CANNOT_HERE where the run is for a guest only and there can be none. */
static int nothing_but_a_guest(const struct run_arguments *arguments, struct reason *why)
{
	if (arguments->request.plan.settings || !arguments->guest.wanted || !guest_look(&arguments->guest, why))
		return 0;
	return -CANNOT_HERE;
}

int cmd_run(int argc, char **argv)
{
	static struct run_arguments arguments;
	static struct job job;
	struct reason why = { "" };
	int error = run_arguments_take(&arguments, argc, argv, run_progress_show, &why), code;

	if (error == -EALREADY) {
		printf("%s\n", why.text);
		run_arguments_free(&arguments);
		return EXIT_DONE;
	}
	signals_catch();
	if (!error)
		error = reserve_take(&arguments.reservation, &why);
	if (!error)
		error = nothing_but_a_guest(&arguments, &why);
	if (!error)
		error = job_open(&job, &arguments.request, &why);
	if (error)
		code = cmd_error(error, &why);
	else
		code = measure(&arguments, &job);
	job_close(&job);
	reserve_release(&arguments.reservation);
	run_arguments_free(&arguments);
	return code;
}
