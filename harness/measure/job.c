#include "measure/job.h"

#include "base/affinity.h"
#include "base/member.h"
#include "base/statistics.h"
#include "base/version.h"
#include "machine/describe.h"
#include "machine/hypervisor.h"
#include "machine/machine.h"
#include "machine/memory.h"
#include "machine/outer.h"
#include "machine/tsc.h"
#include "measure/effective_leaf.h"
#include "measure/traits.h"
#include "record/load.h"
#include "space/laboratory.h"
#include "space/permutation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *names_of_settings(const struct job_request *request)
{
	json_t *names = json_array();
	unsigned settings = request->plan.settings;

	for (size_t i = 0; i < request->bench_count; i++)
		settings |= plan_settings(request->benches[i], settings);
	for (unsigned s = 0; s < SETTING_SPACES; s++)
		if (settings & SETTING_BIT(s))
			json_array_append_new(names, json_string(setting_name((enum setting)s)));
	if (request->guest)
		json_array_append_new(names, json_string(setting_name(SETTING_GUEST)));
	return names;
}

static json_t *proof_json(const struct paging_proof *proof)
{
	if (!proof->known)
		return json_pack("{s:n, s:n, s:s}", "paging", "exits_per_fault", "reason", proof->reason.text);
	return json_pack("{s:s, s:f, s:n}", "paging", paging_name(proof->paging), "exits_per_fault",
		proof->exits_per_fault, "reason");
}

static json_t *about_new(const struct job *job)
{
	const struct job_request *request = &job->request;
	json_t *command_line = json_array(), *benches = json_array();
	char host[HOST_NAME_MAX + 1];
	int node = job->preparation.numa_node;

	for (size_t i = 0; request->command_line[i]; i++)
		json_array_append_new(command_line, text_json(request->command_line[i]));
	for (size_t i = 0; i < request->run_bench_count; i++)
		json_array_append_new(benches, json_string(request->run_benches[i]->name));
	return json_pack(
		"{s:i, s:s, s:s, s:o, s:s, s:o*, s:I, s:s, s:n, s:o, s:n, s:n, s:o, s:o, s:o, s:i, s:o, s:I, s:n, s:o, s:o}",
		"schema", RUN_SCHEMA, "tool", "nestwalk", "version", NESTWALK_VERSION, "command_line", command_line,
		"effort", request->effort->name, "rounds", request->rounds ? json_integer(request->rounds) : NULL,
		"seed", (json_int_t)request->seed, "state", "running", "reason", "started_utc", run_utc_now(),
		"finished_utc", "duration_s", "host", text_json(run_host_name(host)), "benches", benches, "settings",
		names_of_settings(request), "cpu", job->cpu, "numa_node", node < 0 ? json_null() : json_integer(node),
		"memory_budget_bytes", (json_int_t)job->memory_budget_bytes, "clock", "paging_proof",
		proof_json(&job->proof), "machine", machine_describe(&job->source));
}

/* Takes over the entry. */
static int journal_write(struct job *job, json_t *entry, struct reason *why)
{
	int error =
		entry ? run_write_journal(&job->writer, entry, why) : fail(why, ENOMEM, "no memory to write a sample");

	json_decref(entry);
	return error;
}

/*
 * A point's line is written to the journal with its first sample, and again each time that it has four times as many: what it
 * says beside the samples may have changed, and it takes longer to write than a sample.
 */
#define LINE_AGAIN 4

static int sampled(struct point *point, void *data, struct reason *why)
{
	struct job *job = data;
	/* A run that was interrupted has no journal: when it goes on, that gets the samples from before, too. */
	size_t sample = point->number ? point->samples - 1 : 0;
	int error = 0;

	if (!point->number)
		point->number = ++job->journaled;
	if (point->samples >= LINE_AGAIN * point->journaled) {
		json_t *line = point_json(point, &job->around.context);

		json_object_del(line, "samples");
		error = journal_write(job, json_pack("{s:i, s:o}", "point", (int)point->number, "line", line), why);
		point->journaled = point->samples;
	}
	for (; sample < point->samples && !error; sample++)
		error = journal_write(job,
			json_pack(
				"{s:i, s:o}", "point", (int)point->number, "sample", point_sample_json(point, sample)),
			why);
	return error;
}

static int dropped(const struct point *point, unsigned round, void *data, struct reason *why)
{
	if (!point->number)
		return 0;
	return journal_write(
		data, json_pack("{s:i, s:i}", "point", (int)point->number, "dropped_round", (int)round), why);
}

static int write_point(const struct point *point, void *data, struct reason *why)
{
	struct job *job = data;
	json_t *json = point->kept ? json_incref(point->kept) : point_json(point, &job->around.context);
	int error = 0;

	if (!json)
		return fail(why, ENOMEM, "no memory to write a point");
	if (!point->kept)
		error = run_write_point(&job->writer, json, why);
	if (!error && point->number && !point->kept)
		error = journal_write(job, json_pack("{s:i, s:b}", "point", (int)point->number, "final", 1), why);
	if (point->final) {
		json_array_append(job->points, json);
		job->ok += point->status == POINT_OK;
		job->stopped += point->status == POINT_OK && point->failed;
		job->errors += point->status == POINT_ERROR;
		job->skipped += point->status == POINT_SKIPPED;
		if (point->status == POINT_SKIPPED && !job->first_skip.text[0])
			job->first_skip = point->reason;
	}
	json_decref(json);
	return error;
}

static void progress_pass(const struct progress *progress, void *data)
{
	const struct job *job = data;

	if (job->request.progress)
		job->request.progress(progress, job->request.data);
}

/*
 * A run takes up to half of the available memory for memory under test; the baseline's lines, the guest's tables and
 * the program itself take some 8 MiB more.
 */
#define MEMORY_LEAST_BYTES (16 * MIB)

static int memory_budget_find(struct job *job, struct reason *why)
{
	struct reason limit = { "" };
	uint64_t available;
	int error = memory_available(&job->source, &available, &limit);

	if (error) {
		*why = limit;
		return error;
	}
	if (available < MEMORY_LEAST_BYTES)
		return fail(why, CANNOT_HERE,
			"only %" PRIu64 " MiB of memory are available (%s), and a run needs %" PRIu64
			" MiB: end some programs, or raise the limit",
			available / MIB, limit.text, MEMORY_LEAST_BYTES / MIB);
	return memory_budget(&job->source, &job->memory_budget_bytes, why);
}

/*
 * The paging mode of guests: proven by KVM's behaviour where bare vCPUs are measured and available; otherwise as sysfs
 * says.
 */
static int guest_paging_find(struct job *job, const struct kvm_module *module, enum paging *paging, struct reason *why)
{
	*paging = module->paging;
	job->paging_reason = module->reason;
	if (!(job->request.plan.settings & SETTING_BIT(SETTING_VCPU)))
		return fail(&job->proof.reason, 0, "no guest was asked for");
	return laboratory_check_paging(module, &job->proof, paging, why);
}

static int machine_look(struct job *job, struct reason *why)
{
	struct outer outer;
	struct kvm_module module;
	enum paging paging;
	struct tsc tsc;
	int error;

	job->process = describe_process(&job->source);
	error = topology_open(&job->source, &job->topology, why);
	if (!error)
		error = topology_choose_cpu(&job->topology, job->request.cpu, &job->cpu, why);
	if (!error && topology_worker_cpus(&job->topology, job->cpu, &job->cpus, &job->around.cpu_count))
		error = fail(why, ENOMEM, "out of memory");
	if (error)
		return error;
	job->preparation = preparation_try(&job->source, &job->topology, job->cpu);
	/* Cores of a hybrid CPU differ in what CPUID says: from now on the thread is on its own. */
	cpuid_execute(&job->source.cpuid);
	error = memory_budget_find(job, why);
	if (error)
		return error;
	machine_outer(&job->source, &outer);
	machine_kvm_module(&job->source, &module);
	machine_tsc(&job->source, &tsc);
	if (!tsc.hz)
		return fail(why, CANNOT_HERE, "the TSC's frequency is not known (%s)", tsc.reason.text);
	snprintf(job->outer, sizeof(job->outer), "%s", outer.name);
	error = guest_paging_find(job, &module, &paging, why);
	if (!error)
		error = hardware_open(&(struct hardware_request){ .settings = job->request.plan.settings,
					      .source = &job->source,
					      .module = &module,
					      .cpu = job->cpu },
			&job->hardware, why);
	if (error)
		return error;
	job->around.context = (struct point_context){
		.paging = { [SETTING_HOST] = paging_name(PAGING_NATIVE),
			[SETTING_HOST_AGAIN] = paging_name(PAGING_NATIVE),
			[SETTING_VCPU] = paging_name(paging) },
		.paging_reason = job->paging_reason.text,
		.outer = job->outer,
		.tsc_hz = (double)tsc.hz,
		.seed = job->request.seed,
		.hardware = job->hardware,
	};
	return 0;
}

/* Every bench's plan is made once before anything is measured, so that bad values are refused at once. */
static int plans_try(const struct job *job, struct reason *why)
{
	int error = 0;

	for (size_t i = 0; i < job->request.bench_count && !error; i++) {
		struct plan plan;

		error = plan_make(&plan, job->request.benches[i], &job->request.plan, why);
		if (!error)
			plan_free(&plan);
	}
	return error;
}

/* What the run says of itself goes on, if this machine is still what it says. */
static int about_resume(struct job *job, struct reason *why)
{
	const struct resume *resume = job->request.resume;
	int error = resume_judge(resume, job->about, why);

	if (error)
		return error;
	json_decref(job->about);
	job->about = resume_about(resume);
	job->journaled = resume->numbers_most;
	return job->about ? 0 : fail(why, ENOMEM, "no memory to describe the run");
}

static int restore(struct measurement *m, void *data)
{
	const struct job *job = data;

	return resume_pass(job->request.resume, m);
}

static int run_directory_make(struct job *job, struct reason *why)
{
	const struct job_request *request = &job->request;
	char name[4200];
	int error = request->resume ? run_writer_resume(&job->writer, request->path, why)
				    : run_writer_open(&job->writer, request->path, why);

	if (!error && !request->resume)
		error = topology_export(
			&job->topology, writer_file(&job->writer, "topology.xml", name, sizeof(name)), why);
	if (error)
		return error;
	job->about = about_new(job);
	if (!job->about || json_object_set_new(job->about, "counters", hardware_json(job->hardware)) ||
		json_object_set(job->about, "preparation", job->preparation.list) ||
		json_object_set(json_object_get(job->about, "machine"), "process", job->process) ||
		json_object_set_new(json_object_get(job->about, "machine"), "effective_leaf",
			effective_leaf_json(&job->source, true)) ||
		json_object_set_new(
			job->about, "metrics", traits_of_metrics(request->run_benches, request->run_bench_count)) ||
		json_object_set_new(job->about, "axes", traits_of_axes(request->run_benches, request->run_bench_count)))
		return fail(why, ENOMEM, "no memory to describe the run");
	error = request->resume ? about_resume(job, why) : 0;
	if (error)
		return error;
	return run_write_about(&job->writer, job->about, why);
}

/* Called before the thread is bound to one CPU. hwloc would tell the same, but takes time to look at the machine. */
static unsigned cpus_usable(void)
{
	struct affinity cpus;

	/* 0: not known, so that axes which end with the number of CPUs have no such end. */
	return affinity_read(0, &cpus) ? 0 : affinity_count(&cpus);
}

int job_open(struct job *job, const struct job_request *request, struct reason *why)
{
	int error;

	*job = (struct job){ .request = *request };
	machine_source_live(&job->source);
	job->request.plan.cpus = cpus_usable();
	job->request.plan.mthp_bytes = mthp_offered(&job->source);
	error = plans_try(job, why);
	if (error)
		return error;
	error = machine_look(job, why);
	if (error)
		return error;
	job->points = json_array();
	job->around.effort = request->effort;
	job->around.rounds = request->rounds;
	job->around.memory_budget_bytes = job->memory_budget_bytes;
	job->around.source = &job->source;
	job->around.numa_node = job->preparation.numa_node;
	job->around.cpus = job->cpus;
	if (topology_sibling(&job->topology, job->cpu, &job->around.sibling_cpu, &job->around.no_sibling))
		job->around.sibling_cpu = -1;
	job->around.random = random_new(request->seed);
	job->around.stop = request->stop;
	job->around.sampled = sampled;
	job->around.dropped = dropped;
	job->around.restore = request->resume ? restore : NULL;
	job->around.write = write_point;
	job->around.progress = progress_pass;
	job->around.data = job;
	if (!job->points || !job->around.random)
		return fail(why, ENOMEM, "no memory for a run");
	return run_directory_make(job, why);
}

void job_close(struct job *job)
{
	run_writer_close(&job->writer);
	for (size_t i = 0; job->measurements && i < job->request.bench_count; i++)
		plan_free(&job->measurements[i].plan);
	free(job->measurements);
	if (job->topology.hwloc)
		topology_close(&job->topology);
	hardware_close(job->hardware);
	gsl_rng_free(job->around.random);
	free(job->cost.cycles_per_tsc);
	free(job->cpus);
	json_decref(job->points);
	json_decref(job->preparation.list);
	json_decref(job->process);
	json_decref(job->about);
}
