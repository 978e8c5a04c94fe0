#include "system/crew.h"

#include "base/units.h"

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

const char *const actors_names[ACTORS_KINDS] = { "threads", "processes" };

/* Of one actor: in memory that all of the crew and the parent share. */
struct slot {
	int error;
	struct reason why;
};

struct crew_board {
	struct crew_spec spec;
	pid_t parent;
	size_t slots_at, results_at, result_room, shared_at; /* offsets in the board */
	unsigned processes;
	_Atomic bool canceled;
	_Atomic unsigned arrived, meeting; /* of the meeting that is being waited for; which one that is */
	_Atomic uint64_t start_tsc; /* when the last meeting goes on */
	_Atomic unsigned measuring; /* actors that have not called actor_measured() yet */
};

/* All waiters must have seen that the last one has come before they go on: some microseconds, where they spin. */
#define START_DELAY_NS (20 * NS_PER_US)
/* Waiters of a shared CPU must let each other run; those with a CPU of their own lose nothing by asking now and then. */
#define SPINS_PER_YIELD 1000

#define DONE_WORD 'd'

static struct slot *slot_of(const struct crew_board *board, unsigned actor)
{
	return (struct slot *)((unsigned char *)board + board->slots_at) + actor;
}

static void *result_of(const struct crew_board *board, unsigned actor)
{
	return (unsigned char *)board + board->results_at + actor * board->result_room;
}

/* --- actors --- */

bool actor_canceled(const struct actor *actor)
{
	return atomic_load_explicit(&actor->board->canceled, memory_order_relaxed);
}

static void relax(unsigned *spins)
{
	if (++*spins % SPINS_PER_YIELD == 0)
		sched_yield();
	__builtin_ia32_pause();
}

/* TSC cycles of a time, from how far both clocks go in a moment: good to a per cent, which is enough for a delay. */
static uint64_t tsc_of_ns(uint64_t ns)
{
	uint64_t from_ns = now_ns(), from_tsc = actor_tsc();

	while (now_ns() < from_ns + ns)
		;
	return actor_tsc() - from_tsc;
}

int actor_meet(struct actor *actor)
{
	struct crew_board *board = actor->board;
	unsigned meeting = atomic_load(&board->meeting), spins = 0;

	if (atomic_fetch_add(&board->arrived, 1) + 1 == actor->count) {
		atomic_store(&board->arrived, 0);
		atomic_store(&board->measuring, actor->count);
		atomic_store(&board->start_tsc, actor_tsc() + 2 * tsc_of_ns(START_DELAY_NS));
		atomic_store(&board->meeting, meeting + 1);
	}
	while (atomic_load(&board->meeting) == meeting) {
		if (actor_canceled(actor))
			return -ECANCELED;
		relax(&spins);
	}
	while (actor_tsc() < atomic_load(&board->start_tsc))
		__builtin_ia32_pause();
	return actor_canceled(actor) ? -ECANCELED : 0;
}

void actor_measured(struct actor *actor)
{
	atomic_fetch_sub(&actor->board->measuring, 1);
}

unsigned actors_measuring(const struct actor *actor)
{
	return atomic_load_explicit(&actor->board->measuring, memory_order_relaxed);
}

static struct actor_usage usage_now(void)
{
	struct rusage usage;
	struct timespec cpu;

	getrusage(RUSAGE_THREAD, &usage);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	return (struct actor_usage){
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

void usage_begin(struct actor_usage *usage)
{
	*usage = usage_now();
}

void usage_end(struct actor_usage *usage)
{
	struct actor_usage now = usage_now();

	usage->minor_faults = now.minor_faults - usage->minor_faults;
	usage->major_faults = now.major_faults - usage->major_faults;
	usage->voluntary_switches = now.voluntary_switches - usage->voluntary_switches;
	usage->involuntary_switches = now.involuntary_switches - usage->involuntary_switches;
	usage->elapsed_ns = now.elapsed_ns - usage->elapsed_ns;
	usage->cpu_ns = now.cpu_ns - usage->cpu_ns;
	usage->user_ns = now.user_ns - usage->user_ns;
	usage->system_ns = now.system_ns - usage->system_ns;
}

static int actor_bind(const struct actor *actor, struct reason *why)
{
	cpu_set_t *set = CPU_ALLOC((size_t)actor->cpu + 1);
	size_t bytes = CPU_ALLOC_SIZE((size_t)actor->cpu + 1);
	int error = 0;

	if (!set)
		return fail(why, ENOMEM, "no memory for a set of CPUs");
	CPU_ZERO_S(bytes, set);
	CPU_SET_S((size_t)actor->cpu, bytes, set);
	if (sched_setaffinity(0, bytes, set))
		error = fail(why, errno, "cannot bind an actor to CPU %d: %s", actor->cpu, strerror(errno));
	CPU_FREE(set);
	/*
	 * Memory near its own CPU, whatever the parent is bound to: MPOL_DEFAULT is 0 (linux/mempolicy.h). Where the call
	 * is forbidden, as in many containers, the parent could not bind its memory either.
	 */
	syscall(SYS_set_mempolicy, 0, NULL, 0);
	return error;
}

static void actor_main(struct crew_board *board, unsigned index)
{
	struct slot *slot = slot_of(board, index);
	struct actor actor = {
		.index = index,
		.count = board->spec.actors,
		.cpu = board->spec.cpus[index],
		.trial = board->spec.trial,
		.result = result_of(board, index),
		.shared = (unsigned char *)board + board->shared_at,
		.board = board,
	};

	slot->error = actor_bind(&actor, &slot->why);
	if (!slot->error)
		slot->error = board->spec.work(&actor, &slot->why);
	if (slot->error)
		atomic_store(&board->canceled, true);
}

/* --- processes --- */

struct thread {
	pthread_t id;
	struct crew_board *board;
	unsigned index;
	bool running;
};

static void *thread_main(void *data)
{
	struct thread *thread = data;

	actor_main(thread->board, thread->index);
	return NULL;
}

/* All actors as threads of this process; actor 0 is its first thread. */
static void threads_work(struct crew_board *board)
{
	struct thread *thread = calloc(board->spec.actors, sizeof(*thread));
	int error = thread ? 0 : ENOMEM;

	for (unsigned i = 1; !error && i < board->spec.actors; i++) {
		thread[i] = (struct thread){ .board = board, .index = i };
		error = pthread_create(&thread[i].id, NULL, thread_main, &thread[i]);
		thread[i].running = !error;
	}
	if (error) {
		slot_of(board, 0)->error = fail(&slot_of(board, 0)->why, error, "no thread: %s", strerror(error));
		atomic_store(&board->canceled, true);
	} else {
		actor_main(board, 0);
	}
	for (unsigned i = 1; thread && i < board->spec.actors; i++)
		if (thread[i].running)
			pthread_join(thread[i].id, NULL);
	free(thread);
}

/* Should memory run out all the same, the kernel is to take it from here (Documentation/filesystems/proc.rst, 3.1). */
static void be_expendable(void)
{
	FILE *file = fopen("/proc/self/oom_score_adj", "we");

	if (!file)
		return;
	fputs("1000", file);
	fclose(file);
}

static _Noreturn void process_main(struct crew_board *board, unsigned index, int word)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ };
	bool keep = board->spec.keep;

	/* The parent's handlers would keep this process alive when it is to end. */
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		signal(numbers[i], SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have died before that. */
	if (getppid() != board->parent)
		_exit(1);
	be_expendable();
	if (board->processes == 1)
		threads_work(board);
	else
		actor_main(board, index);
	if (write(word, &(char){ DONE_WORD }, 1) != 1)
		_exit(1);
	while (keep)
		pause();
	_exit(0);
}

static int process_add(struct crew *crew, struct reason *why)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return fail(why, errno, "a pipe to a process: %s", strerror(errno));
	child = fork();
	if (!child)
		process_main(crew->board, crew->processes, ends[1]);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return fail(why, EAGAIN, "the kernel gives no process (limits: ulimit -u, pids.max of the cgroup)");
	}
	crew->process[crew->processes] = child;
	crew->word[crew->processes] = ends[0];
	crew->processes++;
	return 0;
}

/* What became of a process that went away without a word. */
static int process_judge(const struct crew *crew, unsigned index, struct reason *why)
{
	siginfo_t how = { 0 };

	/* It is left for crew_dismiss() to reap. */
	waitid(P_PID, (id_t)crew->process[index], &how, WEXITED | WNOWAIT);
	if (how.si_code == CLD_KILLED || how.si_code == CLD_DUMPED)
		return fail(why, EIO, "a process of the storm was ended by signal %d (%s)%s", how.si_status,
			strsignal(how.si_status), how.si_status == SIGKILL ? ": memory may have run out" : "");
	return fail(why, EIO, "a process of the storm ended by itself, with status %d", how.si_status);
}

/* How often to look whether to stop, and whether it takes too long: a signal ends poll() at once. */
#define LOOK_MS 100

static int crew_wait(const struct crew *crew, struct reason *why)
{
	const struct crew_spec *spec = &crew->board->spec;
	uint64_t deadline = now_ns() + (spec->limit_ns ? spec->limit_ns : CREW_LIMIT_NS);
	struct pollfd *events = calloc(crew->processes, sizeof(*events));
	unsigned waiting = crew->processes;
	int error = events ? 0 : -ENOMEM;

	for (unsigned i = 0; events && i < crew->processes; i++)
		events[i] = (struct pollfd){ .fd = crew->word[i], .events = POLLIN };
	while (!error && waiting) {
		int ready = poll(events, crew->processes, LOOK_MS);

		if (spec->stop && spec->stop())
			error = fail(why, EINTR, "interrupted");
		else if (now_ns() > deadline)
			error = fail(why, ETIME, "the actors did not come to their end in time");
		for (unsigned i = 0; !error && ready > 0 && i < crew->processes; i++) {
			char word;

			if (!(events[i].revents & (POLLIN | POLLHUP)))
				continue;
			if (read(crew->word[i], &word, 1) != 1)
				error = process_judge(crew, i, why);
			/* poll() passes over negative ones. */
			events[i].fd = -1;
			waiting--;
		}
	}
	free(events);
	return error;
}

/* The error of the actor that failed first: others were only canceled. */
static int actors_judge(const struct crew *crew, struct reason *why)
{
	int error = 0;

	for (unsigned i = 0; i < crew->actors; i++) {
		const struct slot *slot = slot_of(crew->board, i);

		if (slot->error && (!error || error == -ECANCELED)) {
			error = slot->error;
			*why = slot->why;
		}
	}
	return error;
}

static int board_make(struct crew *crew, const struct crew_spec *spec, struct reason *why)
{
	/* Results on lines of their own: an actor that writes its own must not slow another. */
	size_t room = (spec->result_bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	size_t slots_at = (sizeof(struct crew_board) + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	size_t cpus_at = slots_at + spec->actors * sizeof(struct slot);
	size_t results_at = (cpus_at + spec->actors * sizeof(int) + PAGE_4K - 1) / PAGE_4K * PAGE_4K;
	size_t shared_at = (results_at + spec->actors * room + PAGE_4K - 1) / PAGE_4K * PAGE_4K;
	int *cpus;

	crew->board_bytes = shared_at + spec->shared_bytes;
	crew->board = mmap(NULL, crew->board_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crew->board == MAP_FAILED) {
		crew->board = NULL;
		return fail(why, ENOMEM, "no memory for %u actors", spec->actors);
	}
	cpus = (int *)((unsigned char *)crew->board + cpus_at);
	memcpy(cpus, spec->cpus, spec->actors * sizeof(*cpus));
	crew->board->spec = *spec;
	crew->board->spec.cpus = cpus;
	crew->board->parent = getpid();
	crew->board->slots_at = slots_at;
	crew->board->results_at = results_at;
	crew->board->result_room = room;
	crew->board->shared_at = shared_at;
	crew->board->processes = spec->as == ACTORS_PROCESSES ? spec->actors : 1;
	return 0;
}

int crew_run(const struct crew_spec *spec, struct crew *crew, struct reason *why)
{
	int error;

	*crew = (struct crew){ .actors = spec->actors };
	error = board_make(crew, spec, why);
	if (!error) {
		crew->process = calloc(crew->board->processes, sizeof(*crew->process));
		crew->word = calloc(crew->board->processes, sizeof(*crew->word));
		if (!crew->process || !crew->word)
			error = fail(why, ENOMEM, "no memory for %u processes", crew->board->processes);
	}
	while (!error && crew->processes < crew->board->processes)
		error = process_add(crew, why);
	if (!error)
		error = crew_wait(crew, why);
	if (!error)
		error = actors_judge(crew, why);
	if (error)
		crew_dismiss(crew);
	return error;
}

void *crew_result(const struct crew *crew, unsigned actor)
{
	return result_of(crew->board, actor);
}

void crew_dismiss(struct crew *crew)
{
	for (unsigned i = 0; i < crew->processes; i++)
		kill(crew->process[i], SIGKILL);
	for (unsigned i = 0; i < crew->processes; i++) {
		while (waitpid(crew->process[i], NULL, 0) < 0 && errno == EINTR)
			;
		close(crew->word[i]);
	}
	free(crew->process);
	free(crew->word);
	if (crew->board)
		munmap(crew->board, crew->board_bytes);
	*crew = (struct crew){ 0 };
}
