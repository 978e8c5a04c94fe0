#include "system/worker_group.h"

#include "base/units.h"
#include "machine/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const workers_names[WORKERS_KINDS] = { "threads", "processes" };

/* What a worker tells the parent, in shared memory. */
struct slot {
	int error;
	struct reason why;
};

struct worker_group_state {
	struct worker_group_spec spec;
	pid_t parent;
	size_t slots_at, results_at, result_room, shared_at; /* offsets in the shared state */
	unsigned processes;
	_Atomic bool canceled;
	_Atomic unsigned arrived, meeting; /* how many wait in the current meeting; the number of that meeting */
	_Atomic uint64_t start_tsc; /* when all go on after the last meeting */
	_Atomic unsigned measuring; /* workers that have not called worker_measured() yet */
};

/* All workers must have seen that the last one has come before they go on. That takes some microseconds. */
#define START_DELAY_NS (20 * NS_PER_US)
/*
 * Workers that share a CPU must let each other run. Those with a CPU of their own lose nothing by yielding now and
 * then.
 */
#define SPINS_PER_YIELD 1000

#define DONE_WORD 'd'

static struct slot *slot_of(const struct worker_group_state *state, unsigned worker)
{
	return (struct slot *)((unsigned char *)state + state->slots_at) + worker;
}

static void *result_of(const struct worker_group_state *state, unsigned worker)
{
	return (unsigned char *)state + state->results_at + worker * state->result_room;
}

/* --- workers --- */

bool worker_canceled(const struct worker *worker)
{
	return atomic_load_explicit(&worker->state->canceled, memory_order_relaxed);
}

static void spin_relax(unsigned *spins)
{
	if (++*spins % SPINS_PER_YIELD == 0)
		sched_yield();
	__builtin_ia32_pause();
}

/* How many TSC cycles a time has: both clocks are watched for as long. Good to a per cent, which is enough here. */
static uint64_t tsc_of_ns(uint64_t ns)
{
	uint64_t from_ns = now_ns(), from_tsc = worker_tsc();

	while (now_ns() < from_ns + ns)
		;
	return worker_tsc() - from_tsc;
}

int worker_meet(struct worker *worker)
{
	struct worker_group_state *state = worker->state;
	unsigned meeting = atomic_load(&state->meeting), spins = 0;

	if (atomic_fetch_add(&state->arrived, 1) + 1 == worker->count) {
		atomic_store(&state->arrived, 0);
		atomic_store(&state->measuring, worker->count);
		atomic_store(&state->start_tsc, worker_tsc() + 2 * tsc_of_ns(START_DELAY_NS));
		atomic_store(&state->meeting, meeting + 1);
	}
	while (atomic_load(&state->meeting) == meeting) {
		if (worker_canceled(worker))
			return -ECANCELED;
		spin_relax(&spins);
	}
	while (worker_tsc() < atomic_load(&state->start_tsc))
		__builtin_ia32_pause();
	return worker_canceled(worker) ? -ECANCELED : 0;
}

void worker_measured(struct worker *worker)
{
	atomic_fetch_sub(&worker->state->measuring, 1);
}

unsigned workers_measuring(const struct worker *worker)
{
	return atomic_load_explicit(&worker->state->measuring, memory_order_relaxed);
}

static struct worker_usage worker_usage_now(void)
{
	struct rusage usage;
	struct timespec cpu;

	getrusage(RUSAGE_THREAD, &usage);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	return (struct worker_usage){
		.minor_faults = (uint64_t)usage.ru_minflt,
		.major_faults = (uint64_t)usage.ru_majflt,
		.voluntary_switches = (uint64_t)usage.ru_nvcsw,
		.involuntary_switches = (uint64_t)usage.ru_nivcsw,
		.elapsed_ns = now_ns(),
		.cpu_ns = timespec_ns(cpu),
		.user_ns = timeval_ns(usage.ru_utime),
		.system_ns = timeval_ns(usage.ru_stime),
	};
}

void worker_usage_begin(struct worker_usage *usage)
{
	*usage = worker_usage_now();
}

void worker_usage_end(struct worker_usage *usage)
{
	struct worker_usage now = worker_usage_now();

	usage->minor_faults = now.minor_faults - usage->minor_faults;
	usage->major_faults = now.major_faults - usage->major_faults;
	usage->voluntary_switches = now.voluntary_switches - usage->voluntary_switches;
	usage->involuntary_switches = now.involuntary_switches - usage->involuntary_switches;
	usage->elapsed_ns = now.elapsed_ns - usage->elapsed_ns;
	usage->cpu_ns = now.cpu_ns - usage->cpu_ns;
	usage->user_ns = now.user_ns - usage->user_ns;
	usage->system_ns = now.system_ns - usage->system_ns;
}

void worker_usage_note(const struct worker_usage *usage, struct sample *sample)
{
	sample->elapsed_ns += usage->elapsed_ns;
	/* The two clocks are read one after the other, so that they may differ by a few ns either way. */
	sample->away_ns += usage->elapsed_ns > usage->cpu_ns ? usage->elapsed_ns - usage->cpu_ns : 0;
	sample->involuntary_switches += usage->involuntary_switches;
	sample->page_faults += usage->minor_faults + usage->major_faults;
}

static int worker_bind(const struct worker *worker, struct reason *why)
{
	cpu_set_t *set = CPU_ALLOC((size_t)worker->cpu + 1);
	size_t bytes = CPU_ALLOC_SIZE((size_t)worker->cpu + 1);
	int error = 0;

	if (!set)
		return fail(why, ENOMEM, "no memory for a set of CPUs");
	CPU_ZERO_S(bytes, set);
	CPU_SET_S((size_t)worker->cpu, bytes, set);
	if (sched_setaffinity(0, bytes, set))
		error = fail(why, errno, "cannot bind a worker to CPU %d: %s", worker->cpu, strerror(errno));
	CPU_FREE(set);
	/*
	 * Take memory near the worker's CPU, whatever the parent's policy is: MPOL_DEFAULT is 0 (linux/mempolicy.h).
	 * Where the call is forbidden, as in many containers, the parent has no policy either.
	 */
	syscall(SYS_set_mempolicy, 0, NULL, 0);
	return error;
}

static void worker_main(struct worker_group_state *state, unsigned index)
{
	struct slot *slot = slot_of(state, index);
	struct worker worker = {
		.index = index,
		.count = state->spec.workers,
		.cpu = state->spec.cpus[index],
		.experiment = state->spec.experiment,
		.result = result_of(state, index),
		.shared = (unsigned char *)state + state->shared_at,
		.state = state,
	};

	slot->error = worker_bind(&worker, &slot->why);
	/* Alone, it is measured wherever the scheduler puts it, as the run itself is; several must not share a CPU. */
	if (slot->error == -EPERM && worker.count == 1)
		slot->error = 0;
	if (!slot->error)
		slot->error = state->spec.work(&worker, &slot->why);
	if (slot->error)
		atomic_store(&state->canceled, true);
}

/* --- processes --- */

struct thread {
	pthread_t id;
	struct worker_group_state *state;
	unsigned index;
	bool running;
};

static void *thread_main(void *data)
{
	struct thread *thread = data;

	worker_main(thread->state, thread->index);
	return NULL;
}

/* Run all workers as threads of this process. Worker 0 is its first thread. */
static void threads_work(struct worker_group_state *state)
{
	struct thread *thread = calloc(state->spec.workers, sizeof(*thread));
	int error = thread ? 0 : ENOMEM;

	for (unsigned i = 1; !error && i < state->spec.workers; i++) {
		thread[i] = (struct thread){ .state = state, .index = i };
		error = pthread_create(&thread[i].id, NULL, thread_main, &thread[i]);
		thread[i].running = !error;
	}
	if (error) {
		slot_of(state, 0)->error = fail(
			&slot_of(state, 0)->why, error, "no thread: %s%s", strerror(error), process_error_hint(error));
		atomic_store(&state->canceled, true);
	} else {
		worker_main(state, 0);
	}
	for (unsigned i = 1; thread && i < state->spec.workers; i++)
		if (thread[i].running)
			pthread_join(thread[i].id, NULL);
	free(thread);
}

/* If memory runs out, the kernel is to end this process first (Documentation/filesystems/proc.rst, 3.1). */
static void be_expendable(void)
{
	FILE *file = fopen("/proc/self/oom_score_adj", "we");

	if (!file)
		return;
	fputs("1000", file);
	fclose(file);
}

static _Noreturn void process_main(struct worker_group_state *state, unsigned index, int word)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ };
	bool keep = state->spec.keep;

	/* With the parent's handlers this process would survive signals that are to end it. */
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		signal(numbers[i], SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have died before that. */
	if (getppid() != state->parent)
		_exit(1);
	be_expendable();
	if (state->processes == 1)
		threads_work(state);
	else
		worker_main(state, index);
	if (write(word, &(char){ DONE_WORD }, 1) != 1)
		_exit(1);
	while (keep)
		pause();
	_exit(0);
}

static int process_add(struct worker_group *group, struct reason *why)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return fail(why, errno, "a pipe to a process: %s", strerror(errno));
	child = fork();
	if (!child)
		process_main(group->state, group->processes, ends[1]);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return fail(why, EAGAIN, "the kernel gives no process (limits: ulimit -u, pids.max of the cgroup)");
	}
	group->process[group->processes] = child;
	group->word[group->processes] = ends[0];
	group->processes++;
	return 0;
}

/* What became of a process that did not say that its work is done. */
static int process_judge(const struct worker_group *group, unsigned index, struct reason *why)
{
	siginfo_t how = { 0 };

	/* worker_group_dismiss() reaps it. */
	waitid(P_PID, (id_t)group->process[index], &how, WEXITED | WNOWAIT);
	if (how.si_code == CLD_KILLED || how.si_code == CLD_DUMPED)
		return fail(why, EIO, "a process of the storm was ended by signal %d (%s)%s", how.si_status,
			strsignal(how.si_status), how.si_status == SIGKILL ? ": memory may have run out" : "");
	return fail(why, EIO, "a process of the storm ended by itself, with status %d", how.si_status);
}

/* How often to look whether to stop, and whether it takes too long: a signal ends poll() at once. */
#define LOOK_MS 100

static int worker_group_wait(const struct worker_group *group, struct reason *why)
{
	const struct worker_group_spec *spec = &group->state->spec;
	uint64_t deadline = now_ns() + (spec->limit_ns ? spec->limit_ns : WORKER_GROUP_LIMIT_NS);
	struct pollfd *events = calloc(group->processes, sizeof(*events));
	unsigned waiting = group->processes;
	int error = events ? 0 : -ENOMEM;

	for (unsigned i = 0; events && i < group->processes; i++)
		events[i] = (struct pollfd){ .fd = group->word[i], .events = POLLIN };
	while (!error && waiting) {
		int ready = poll(events, group->processes, LOOK_MS);

		if (spec->stop && spec->stop())
			error = fail(why, EINTR, "interrupted");
		else if (now_ns() > deadline)
			error = fail(why, ETIME, "the workers did not end in time");
		for (unsigned i = 0; !error && ready > 0 && i < group->processes; i++) {
			char word;

			if (!(events[i].revents & (POLLIN | POLLHUP)))
				continue;
			if (read(group->word[i], &word, 1) != 1)
				error = process_judge(group, i, why);
			/* poll() ignores negative descriptors. */
			events[i].fd = -1;
			waiting--;
		}
	}
	free(events);
	return error;
}

/* The error of the worker that failed; -ECANCELED of the others only says that one did. */
static int workers_judge(const struct worker_group *group, struct reason *why)
{
	int error = 0;

	for (unsigned i = 0; i < group->workers; i++) {
		const struct slot *slot = slot_of(group->state, i);

		if (slot->error && (!error || error == -ECANCELED)) {
			error = slot->error;
			*why = slot->why;
		}
	}
	return error;
}

static int state_make(struct worker_group *group, const struct worker_group_spec *spec, struct reason *why)
{
	/* Each result has cache lines of its own: a worker that writes its result must not slow another. */
	size_t room = (spec->result_bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	size_t slots_at = (sizeof(struct worker_group_state) + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	size_t cpus_at = slots_at + spec->workers * sizeof(struct slot);
	size_t results_at = (cpus_at + spec->workers * sizeof(int) + PAGE_4K - 1) / PAGE_4K * PAGE_4K;
	size_t shared_at = (results_at + spec->workers * room + PAGE_4K - 1) / PAGE_4K * PAGE_4K;
	int *cpus;

	group->state_bytes = shared_at + spec->shared_bytes;
	group->state = mmap(NULL, group->state_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (group->state == MAP_FAILED) {
		group->state = NULL;
		return fail(why, ENOMEM, "no memory for %u actors", spec->workers);
	}
	cpus = (int *)((unsigned char *)group->state + cpus_at);
	memcpy(cpus, spec->cpus, spec->workers * sizeof(*cpus));
	group->state->spec = *spec;
	group->state->spec.cpus = cpus;
	group->state->parent = getpid();
	group->state->slots_at = slots_at;
	group->state->results_at = results_at;
	group->state->result_room = room;
	group->state->shared_at = shared_at;
	group->state->processes = spec->as == WORKERS_PROCESSES ? spec->workers : 1;
	return 0;
}

int worker_group_run(const struct worker_group_spec *spec, struct worker_group *group, struct reason *why)
{
	int error;

	*group = (struct worker_group){ .workers = spec->workers };
	error = state_make(group, spec, why);
	if (!error) {
		group->process = calloc(group->state->processes, sizeof(*group->process));
		group->word = calloc(group->state->processes, sizeof(*group->word));
		if (!group->process || !group->word)
			error = fail(why, ENOMEM, "no memory for %u processes", group->state->processes);
	}
	while (!error && group->processes < group->state->processes)
		error = process_add(group, why);
	if (!error)
		error = worker_group_wait(group, why);
	if (!error)
		error = workers_judge(group, why);
	if (error)
		worker_group_dismiss(group);
	return error;
}

void *worker_group_result(const struct worker_group *group, unsigned worker)
{
	return result_of(group->state, worker);
}

void worker_group_dismiss(struct worker_group *group)
{
	for (unsigned i = 0; i < group->processes; i++)
		kill(group->process[i], SIGKILL);
	for (unsigned i = 0; i < group->processes; i++) {
		while (waitpid(group->process[i], NULL, 0) < 0 && errno == EINTR)
			;
		close(group->word[i]);
	}
	free(group->process);
	free(group->word);
	if (group->state)
		munmap(group->state, group->state_bytes);
	*group = (struct worker_group){ 0 };
}
