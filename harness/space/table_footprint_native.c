/* The table footprint without VMs: table bytes of N processes that map the same memory. */
#include "space/table_footprint.h"

#include "base/units.h"
#include "machine/process.h"
#include "space/backed.h"
#include "space/table_footprint_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TABLE_ENTRIES 512u

struct family {
	pid_t *child;
	uint32_t count;
	int ready[2]; /* a pipe: a byte from each child that has started and now waits */
};

/* A child says that it has started, and waits to be killed. */
static _Noreturn void child_main(const struct family *family, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have died before prctl() took effect. */
	if (getppid() != parent || write(family->ready[1], "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int ready_wait(const struct family *family, bool (*stop)(void), struct reason *why)
{
	char byte;

	for (;;) {
		if (stop && stop())
			return fail(why, EINTR, "interrupted");
		if (read(family->ready[0], &byte, 1) == 1)
			return 0;
		if (errno != EINTR)
			return fail(why, EIO, "a process of the table footprint ended early");
	}
}

/* Fork one more child and read its VmPTE. fork() gives it tables of its own for all anonymous memory at once. */
static int child_add(struct family *family, bool (*stop)(void), uint64_t *table_bytes, struct reason *why)
{
	pid_t parent = getpid(), child = fork();
	char path[64];
	int error;

	if (child < 0)
		return fail(why, errno, "making process %" PRIu32 ": %s%s", family->count + 1, strerror(errno),
			process_error_hint(errno));
	if (!child)
		child_main(family, parent);
	family->child[family->count++] = child;
	error = ready_wait(family, stop, why);
	if (error)
		return error;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)child);
	error = table_footprint_kib_read(path, "VmPTE:", table_bytes);
	return error ? fail(why, EIO, "%s: VmPTE cannot be read (%s)", path, strerror(-error)) : 0;
}

static int family_open(struct family *family, uint32_t most, struct reason *why)
{
	*family = (struct family){ .child = calloc(most, sizeof(*family->child)), .ready = { -1, -1 } };
	if (!family->child)
		return fail(why, ENOMEM, "no memory for %" PRIu32 " processes", most);
	if (pipe2(family->ready, O_CLOEXEC))
		return fail(why, errno, "a pipe to the processes: %s", strerror(errno));
	return 0;
}

static void family_close(struct family *family)
{
	for (uint32_t i = 0; i < family->count; i++)
		kill(family->child[i], SIGKILL);
	for (uint32_t i = 0; i < family->count; i++)
		while (waitpid(family->child[i], NULL, 0) < 0 && errno == EINTR)
			;
	for (unsigned i = 0; i < 2; i++)
		if (family->ready[i] >= 0)
			close(family->ready[i]);
	free(family->child);
}

int table_footprint_native(const struct table_footprint_native_experiment *experiment,
	struct table_footprint_native_result *result, struct reason *why)
{
	uint64_t unit = backing_page_bytes(experiment->backing), bare = 0, bytes = 0;
	uint64_t table_reach = backing_is_hugetlb(experiment->backing) ? unit * TABLE_ENTRIES : PAGE_4K * TABLE_ENTRIES;
	struct family family;
	struct backed memory = { 0 };
	int error;

	*result = (struct table_footprint_native_result){ 0 };
	if (!experiment->processes || experiment->processes > TABLE_FOOTPRINT_PROCESSES_MAX)
		return fail(why, EINVAL, "a table footprint takes 1 to %u processes", TABLE_FOOTPRINT_PROCESSES_MAX);
	if (!experiment->mapped_bytes || experiment->mapped_bytes % unit)
		return fail(why, EINVAL, "%" PRIu64 " bytes are not a whole number of pages", experiment->mapped_bytes);
	error = family_open(&family, experiment->processes + 1, why);
	/* The first child maps nothing, so its tables are those that this program has anyway. */
	if (!error)
		error = child_add(&family, experiment->stop, &bare, why);
	if (!error)
		error = backed_alloc(&memory, experiment->backing, experiment->mapped_bytes,
			&(struct backed_limits){ .stop = experiment->stop }, why);
	for (uint32_t i = 0; !error && i < experiment->processes; i++) {
		error = child_add(&family, experiment->stop, &bytes, why);
		result->table_bytes += bytes > bare ? bytes - bare : 0;
	}
	family_close(&family);
	backed_free(&memory);
	result->bytes_per_gib = (double)result->table_bytes * (double)GIB /
				((double)experiment->processes * (double)experiment->mapped_bytes);
	result->expected_bytes =
		experiment->processes * ((experiment->mapped_bytes + table_reach - 1) / table_reach) * PAGE_4K;
	return error;
}
