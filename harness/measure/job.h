/* One invocation: benches measured one after the other into a run directory. */
#ifndef NESTWALK_JOB_H
#define NESTWALK_JOB_H

#include "machine/source.h"
#include "machine/topology.h"
#include "measure/measurement.h"
#include "measure/plan.h"
#include "measure/preparation.h"
#include "measure/resume.h"
#include "measure/rounds.h"
#include "record/write.h"
#include "space/laboratory.h"

#include <jansson.h>

struct job_request {
	const struct bench *const *benches; /* measured by this job */
	size_t bench_count;
	/* The benches of the whole run, some of which a Linux guest may measure later: run.json names them all. */
	const struct bench *const *run_benches;
	size_t run_bench_count;
	bool guest;
	struct plan_request plan;
	const struct effort *effort;
	unsigned rounds; /* 0: as many as the effort's time allows */
	int cpu; /* -1: choose */
	uint64_t seed;
	const char *path; /* of the run directory */
	const struct resume *resume; /* of the run at `path`; NULL: it is new */
	const char *const *command_line; /* NULL-terminated: as the user typed it */
	bool (*stop)(void);
	void (*progress)(const struct progress *progress, void *data);
	void *data;
};

struct job {
	struct job_request request;
	struct machine_source source;
	struct topology topology;
	int cpu;
	int *cpus; /* owned: topology_worker_cpus() */
	uint64_t memory_budget_bytes;
	struct surroundings around;
	struct workspace workspace;
	struct weather weather;
	struct measurement *measurements; /* owned; one a bench */
	struct clock_cost cost;
	struct run_writer writer;
	struct preparation preparation;
	json_t *process; /* as it was started: machine.process */
	json_t *about;
	json_t *points; /* final ones */
	size_t ok, skipped, errors,
		stopped; /* stopped: of those that are ok, how many got no more samples because of a failure */
	unsigned journaled; /* points that have a number in the journal */
	struct reason first_skip; /* of a skipped point, for a run in which nothing else happened */
	char outer[64];
	struct reason paging_reason;
	struct hardware *hardware; /* owned */
	struct paging_proof proof;
};

/*
 * Look at the machine, prepare what can be (preparation.h), plan every bench, and make the run
 * directory with a run.json whose state is "running". 0; -WRONG_REQUEST with *why: the request makes no sense here (CPU,
 * a parameter); -EXDEV the run to be resumed was begun on another machine; -CANNOT_HERE too little memory for any run;
 * -errno with *why. Call job_close() in any case. No privilege
 * needed; /dev/kvm for the setting vcpu.
 */
int job_open(struct job *job, const struct job_request *request, struct reason *why);

/*
 * Measure. 0; -EINTR interrupted: the directory holds what was measured and says so; -errno with *why: the same, for
 * another reason (the disk is full).
 */
int job_run(struct job *job, struct reason *why);
void job_close(struct job *job);

#endif
