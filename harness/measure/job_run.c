#include "measure/job.h"

#include "base/statistics.h"
#include "measure/sample.h"
#include "measure/second_pass.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* The sweep's share of a bench's time; the second pass has the rest. */
#define SWEEP_SHARE 0.6

/*
 * The share of the run's memory that arenas may have; the rest is for experiments, which make their own. On a machine of 24
 * GiB it leaves room for 4 GiB of small and 4 GiB of huge pages.
 */
#define ARENAS_SHARE 0.75

/* The share of the chases' time that touching the arenas may take (3 to 6 s a GiB were seen where frames were fresh). */
#define TOUCH_SHARE 0.15

/*
 * The share of a bench's time that its samples may wait for quiet weather. Where the weather stays bad, the other three
 * quarters are measured in bad weather, and say so. A fixed number of rounds does not wait.
 */
#define WAIT_SHARE 0.25

/* A bench keeps this share of its time, however long touching took. */
#define LEFT_LEAST 0.5

/* The share of each bench's time that its timed regions took, in all passes: run.json's clock.measured_fraction. */
static json_t *measured_fractions_json(const struct job *job)
{
	json_t *all = json_object();

	for (size_t i = 0; i < job->request.bench_count; i++) {
		const struct measurement *m = &job->measurements[i];

		json_object_set_new(all, job->request.benches[i]->name,
			m->used_ns ? json_real((double)m->timed_ns / (double)m->used_ns) : json_null());
	}
	return all;
}

/* The cost of reading the clock in this run, which METHOD.md promises to be below 1 %. */
static json_t *clock_json(const struct job *job)
{
	const struct clock_cost *cost = &job->cost;
	struct interval ratio = statistics_median_interval(cost->cycles_per_tsc, cost->calibrations, job->request.seed);

	if (!cost->calibrations)
		return json_null();
	return json_pack("{s:f, s:{s:f, s:f, s:f, s:s}, s:f, s:i, s:i, s:f, s:o}", "tsc_hz", job->around.context.tsc_hz,
		"cycles_per_tsc", "median", ratio.median, "lo", cost->calibrations > 1 ? ratio.lo : ratio.median, "hi",
		cost->calibrations > 1 ? ratio.hi : ratio.median, "unit", "cycles", "lap_overhead_tsc_cycles",
		cost->lap_overhead_tsc, "lap_accesses", LAP_ACCESSES, "laps", LAPS, "overhead_fraction",
		cost->lap_overhead_tsc / cost->shortest_lap_tsc, "measured_fraction", measured_fractions_json(job));
}

/* The first pass has a share of the time where there is a second one. */
static double first_pass_seconds(const struct bench *bench, double seconds)
{
	return bench->find_steps ? SWEEP_SHARE * seconds : seconds;
}

static int next_pass(struct measurement *m, void *data, struct reason *why)
{
	const struct memory_configuration *first = m->plan.configuration;
	struct plan refine;
	int error;

	(void)data;
	if (!m->plan.bench->find_steps || !first || first->pair[0]->point[0].pass == PASS_REFINE)
		return -ENODATA;
	error = second_pass_plan(&refine, &m->plan, why);
	if (error)
		return error;
	plan_free(&m->plan);
	m->plan = refine;
	m->pass_seconds = m->around->rounds ? INFINITY : m->seconds - (double)m->used_ns / (double)NS_PER_S;
	return 0;
}

/* Make all plans, and the memory that they need. */
static int workspace_make(struct job *job, struct reason *why)
{
	const struct job_request *request = &job->request;
	struct plan **plans = calloc(request->bench_count, sizeof(struct plan *));
	uint64_t began = now_ns();
	double seconds = 0, all = 0, touched;
	int error = plans ? 0 : fail(why, ENOMEM, "no memory for plans");

	for (size_t i = 0; i < request->bench_count && !error; i++) {
		struct measurement *m = &job->measurements[i];

		error = plan_make(&m->plan, request->benches[i], &request->plan, why);
		m->cost = &job->cost;
		m->seconds = effort_seconds(request->effort, request->benches[i]);
		seconds += request->benches[i]->chase ? m->seconds : 0;
		plans[i] = &m->plan;
	}
	if (!error)
		error = workspace_open(&job->workspace,
			&(struct workspace_request){
				.plans = plans,
				.plan_count = request->bench_count,
				.memory_budget_bytes = (uint64_t)(ARENAS_SHARE * (double)job->memory_budget_bytes),
				.memory_most_bytes = request->effort->memory_most_bytes,
				.run_budget_bytes = job->memory_budget_bytes,
				.touch_seconds = request->rounds ? 0 : TOUCH_SHARE * seconds,
				.source = &job->source,
				.numa_node = job->around.numa_node,
				.random = job->around.random,
				.stop = request->stop,
			},
			why);
	free(plans);
	touched = (double)(now_ns() - began) / (double)NS_PER_S;
	for (size_t i = 0; i < request->bench_count && request->resume && !error; i++)
		all += job->measurements[i].seconds;
	/* The benches that use the memory pay for touching it, each by its share. */
	for (size_t i = 0; i < request->bench_count && !error; i++) {
		struct measurement *m = &job->measurements[i];

		if (m->plan.bench->chase && !request->rounds)
			m->seconds *= fmax(1 - touched / seconds, LEFT_LEAST);
		if (request->resume)
			m->used_ns =
				(uint64_t)(resume_used_share(request->resume, all) * m->seconds * (double)NS_PER_S);
		m->patience_ns = request->rounds ? 0 : (uint64_t)(WAIT_SHARE * m->seconds * (double)NS_PER_S);
		m->pass_seconds = request->rounds ? INFINITY : first_pass_seconds(m->plan.bench, m->seconds);
	}
	return error;
}

/* Write run.json for the last time. An error that happened before is returned before one of this writing. */
static int job_finish(struct job *job, int error, double seconds, struct reason *why)
{
	/* The verdict comes last: a run whose guest is still to come is complete after that (guest_note()). */
	const char *state = error ? "interrupted" : job->request.guest ? "running" : "complete";
	int written;

	json_object_set_new(job->about, "state", json_string(state));
	json_object_set_new(job->about, "reason",
		!error ? json_null() : json_string(error == -EINTR ? "interrupted by a signal" : why->text));
	json_object_set_new(job->about, "finished_utc", run_utc_now());
	json_object_set_new(job->about, "duration_s", json_real(seconds));
	json_object_set_new(job->about, "clock", clock_json(job));
	json_object_set_new(job->about, "weather", weather_json(&job->weather));
	json_object_set_new(job->about, "arenas", arenas_json(&job->workspace.arenas));
	/* Counters are described again, as a sample may have shown that an event counts nothing. */
	json_object_set_new(job->about, "counters", hardware_json(job->hardware));
	if (!job->cost.calibrations)
		json_object_set_new(job->about, "clock_reason", json_string("nothing was measured"));
	if (job->request.resume && resume_points_keep(job->request.resume, job->points) && !error)
		error = fail(why, ENOMEM, "no memory for the points of the run");
	written = error && error != -EINTR ? 0 : run_write_points(&job->writer, job->points, why);
	if (!written)
		written = run_write_about(&job->writer, job->about, error ? NULL : why);
	return error ? error : written;
}

int job_run(struct job *job, struct reason *why)
{
	double before_s = job->request.resume ? job->request.resume->elapsed_s : 0;
	uint64_t start = now_ns() - (uint64_t)(before_s * (double)NS_PER_S), held;
	const struct job_request *request = &job->request;
	int error;

	job->measurements = calloc(request->bench_count, sizeof(*job->measurements));
	if (request->bench_count && !job->measurements)
		return fail(why, ENOMEM, "no memory for a run");
	job->around.start_ns = start;
	weather_open(&job->weather, request->seed);
	job->around.weather = &job->weather;
	error = workspace_make(job, why);
	job->around.next_pass = next_pass;
	job->around.workspace = &job->workspace;
	held = arenas_bytes(&job->workspace.arenas);
	/* Of a tiny budget, packed lines in a huge page may take what the arenas left. */
	job->around.memory_budget_bytes -= held < job->memory_budget_bytes ? held : job->memory_budget_bytes;
	/* A run that is interrupted while it touches its memory still says so of each of its points. */
	if (!error || error == -EINTR)
		error = rounds_measure(job->measurements, request->bench_count, &job->around, why);
	error = job_finish(job, error, (double)(now_ns() - start) / (double)NS_PER_S, why);
	/* A Linux guest that follows needs the memory. */
	workspace_close(&job->workspace);
	weather_close(&job->weather);
	return error;
}
