#include "system/sibling_load.h"

#include "base/affinity.h"
#include "base/units.h"
#include "bench.h"
#include "machine/process.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/*
 * The sweep is larger than the first two cache levels and has more pages than the first TLB level holds, so that it takes
 * its share of all of them, and of the second TLB level.
 */
#define SWEEP_BYTES (4 * MIB)

const char *const sibling_names[SIBLING_COUNT] = { "idle", "busy" };

enum command {
	SLEEP,
	SWEEP,
	END,
};

struct sibling_load {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	_Atomic enum command command; /* changed under the mutex; a sweep reads it without */
	unsigned char *memory;
};

/* One sweep, or a part of it: a page at a time, whose lines are all touched, until there is another command. */
static void sweep(struct sibling_load *load)
{
	for (uint64_t at = 0; at < SWEEP_BYTES; at += LINE_BYTES) {
		if (at % PAGE_4K == 0 && atomic_load_explicit(&load->command, memory_order_relaxed) != SWEEP)
			return;
		(*(volatile unsigned char *)(load->memory + at))++;
	}
}

static void *sibling_load_thread(void *data)
{
	struct sibling_load *load = data;
	enum command command;

	do {
		pthread_mutex_lock(&load->mutex);
		while (load->command == SLEEP)
			pthread_cond_wait(&load->changed, &load->mutex);
		command = load->command;
		pthread_mutex_unlock(&load->mutex);
		if (command == SWEEP)
			sweep(load);
	} while (command != END);
	return NULL;
}

static void sibling_load_command(struct sibling_load *load, enum command command)
{
	pthread_mutex_lock(&load->mutex);
	load->command = command;
	pthread_cond_signal(&load->changed);
	pthread_mutex_unlock(&load->mutex);
}

static int thread_start(struct sibling_load *load, int cpu)
{
	struct affinity before;
	int error = -affinity_read(0, &before);

	/* A thread starts on the CPUs of the one that makes it. (Not every C library can make it elsewhere.) */
	if (!error)
		error = -affinity_bind(0, (unsigned)cpu);
	if (error)
		return error;
	error = pthread_create(&load->thread, NULL, sibling_load_thread, load);
	affinity_write(0, &before);
	return error;
}

int sibling_load_start(struct sibling_load **out, int cpu, struct reason *why)
{
	struct sibling_load *load = cpu >= 0 ? calloc(1, sizeof(*load)) : NULL;
	int error;

	if (cpu < 0)
		return fail(why, EINVAL, "no CPU %d", cpu);
	if (load)
		load->memory = calloc(1, SWEEP_BYTES);
	if (!load || !load->memory) {
		free(load);
		return fail(why, ENOMEM, "no memory for a load on CPU %d", cpu);
	}
	pthread_mutex_init(&load->mutex, NULL);
	pthread_cond_init(&load->changed, NULL);
	error = thread_start(load, cpu);
	if (error) {
		free(load->memory);
		free(load);
		return fail(why, error, "no thread on CPU %d: %s%s", cpu, strerror(error), process_error_hint(error));
	}
	*out = load;
	return 0;
}

void sibling_load_set(struct sibling_load *load, bool busy)
{
	sibling_load_command(load, busy ? SWEEP : SLEEP);
}

void sibling_load_stop(struct sibling_load *load)
{
	if (!load)
		return;
	sibling_load_command(load, END);
	pthread_join(load->thread, NULL);
	pthread_cond_destroy(&load->changed);
	pthread_mutex_destroy(&load->mutex);
	free(load->memory);
	free(load);
}
