#include "system/mapping.h"

#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB (30 << 26) /* linux/mman.h: the size's logarithm from bit 26 on */
#endif

/* What a table of each level covers: Intel SDM vol. 3A, 4.5; 512 entries of 8 bytes. */
#define ENTRY_BYTES UINT64_C(8)
#define TABLE_BYTES PAGE_4K
#define PTE_TABLE_REACH PAGE_2M
#define PMD_TABLE_REACH PAGE_1G
#define PUD_TABLE_REACH (512 * GIB)
#define COUNTED_LEVELS 3u

/*
 * The first repetition takes tables from the kernel's pools, and later ones get the same tables again: the median of
 * five is one of the later ones. Many pages take long, and are a mean by themselves.
 */
#define REPETITIONS_MOST 5u
#define PAGES_OF_ALL 16384u

/* Faults that may come besides: of the stack, or of a page of this program that the kernel took away. */
#define FAULTS_BESIDE 8u

/* What the kernel says of this process's tables. */
struct tables {
	uint64_t bytes;
	bool pud; /* PUD tables are counted */
};

uint64_t mapping_span_bytes(const struct mapping_experiment *experiment)
{
	if (!experiment->pages || experiment->distance_bytes < experiment->page_bytes ||
		experiment->distance_bytes % experiment->page_bytes ||
		experiment->distance_bytes > MAPPING_BYTES_MOST / experiment->pages)
		return 0;
	return (experiment->pages - 1) * experiment->distance_bytes + experiment->page_bytes;
}

/* How many regions of that size, the first of which begins with the first page, hold at least one page. */
static uint64_t regions_count(const struct mapping_experiment *experiment, uint64_t bytes)
{
	if (experiment->distance_bytes >= bytes)
		return experiment->pages;
	return (experiment->pages - 1) * experiment->distance_bytes / bytes + 1;
}

uint64_t mapping_table_bytes(const struct mapping_experiment *experiment, bool pud)
{
	uint64_t tables = pud ? regions_count(experiment, PUD_TABLE_REACH) : 0;

	if (experiment->page_bytes < PAGE_1G)
		tables += regions_count(experiment, PMD_TABLE_REACH) + regions_count(experiment, PTE_TABLE_REACH);
	return tables * TABLE_BYTES;
}

uint64_t mapping_flat_bytes(const struct mapping_experiment *experiment)
{
	return mapping_span_bytes(experiment) / PAGE_4K * ENTRY_BYTES;
}

/* Find a line "KEY:   123 kB" in the text. */
/* False also where the line is not whole. */
static bool kib_find(const char *text, const char *key, uint64_t *bytes)
{
	const char *line = strstr(text, key);
	uint64_t kib;
	int end = 0;

	if (!line || sscanf(line + strlen(key), "%" SCNu64 " kB%n", &kib, &end) != 1 || !end)
		return false;
	*bytes = kib * KIB;
	return true;
}

/*
 * The file is read into the stack, piece by piece: between two calls nothing may allocate memory, and tables with it. The
 * lines before these are long where a user is in thousands of groups.
 */
static int tables_read(struct tables *tables, struct reason *why)
{
	enum { PIECE = 4096, LINE = 64 /* more than one of these lines has */ };
	char text[LINE + PIECE + 1];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	size_t kept = 0;
	bool has_pte = false, has_pmd = false;
	uint64_t pmd = 0;
	ssize_t length;

	while (fd >= 0 && (length = read(fd, text + kept, PIECE)) > 0) {
		size_t all = kept + (size_t)length;

		text[all] = '\0';
		has_pte = has_pte || kib_find(text, "\nVmPTE:", &tables->bytes);
		has_pmd = has_pmd || kib_find(text, "\nVmPMD:", &pmd);
		/* A line that is cut here is found with its other half. */
		kept = all < LINE ? all : LINE;
		memmove(text, text + all - kept, kept);
	}
	if (fd >= 0)
		close(fd);
	if (!has_pte)
		return fail(why, ENOTSUP, "VmPTE of /proc/self/status cannot be read: is /proc mounted?");
	tables->pud = !has_pmd;
	if (!tables->pud)
		tables->bytes += pmd;
	return 0;
}

/*
 * An address whose regions of 512G are empty, so that the pages share tables with nothing else. It is found by a
 * reservation, which is given back.
 */
static int place_find(const struct mapping_experiment *experiment, unsigned char **place, struct reason *why)
{
	uint64_t span = mapping_span_bytes(experiment);
	uint64_t room = (span + PUD_TABLE_REACH - 1) / PUD_TABLE_REACH * PUD_TABLE_REACH + PUD_TABLE_REACH;
	void *at = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return fail(
			why, ENOMEM, "%" PRIu64 " GiB of addresses: %s (see ulimit -v)", room / GIB, strerror(errno));
	munmap(at, room);
	*place = (unsigned char *)(((uintptr_t)at + PUD_TABLE_REACH - 1) / PUD_TABLE_REACH * PUD_TABLE_REACH);
	return 0;
}

static int pages_map(const struct mapping_experiment *experiment, unsigned char *place, struct reason *why)
{
	bool hugetlb = experiment->page_bytes == PAGE_1G;
	/* mmap() reserves pages of the pool, so that no load ends in a SIGBUS when the pool is empty. */
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE |
		    (hugetlb ? MAP_HUGETLB | MAP_HUGE_1GB : MAP_NORESERVE);
	void *at = mmap(place, mapping_span_bytes(experiment), PROT_READ | PROT_WRITE, flags, -1, 0);

	if (at == MAP_FAILED && hugetlb)
		return fail(why, ENOMEM, "%" PRIu32 " huge pages of 1G: %s", experiment->pages, strerror(errno));
	if (at == MAP_FAILED)
		return fail(why, ENOMEM, "mapping %" PRIu64 " MiB: %s", mapping_span_bytes(experiment) / MIB,
			strerror(errno));
	/* Kernels without THP refuse both kinds of advice. 4K pages are right then, and 2M pages are proven later. */
	if (!hugetlb)
		madvise(place, mapping_span_bytes(experiment),
			experiment->page_bytes == PAGE_2M ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return 0;
}

/* The measured loop. AddressSanitizer would look at its own memory for each load, and take faults there. */
__attribute__((noinline, no_sanitize("address"))) static void pages_load_once(
	const unsigned char *place, uint64_t distance, uint32_t pages)
{
	for (uint32_t i = 0; i < pages; i++)
		(void)*(const volatile unsigned char *)(place + i * distance);
}

/* Prove that 2M pages are large: loads from their last 4K must take no fault. */
static int huge_prove(const struct mapping_experiment *experiment, const unsigned char *place, struct reason *why)
{
	struct worker_usage usage;

	worker_usage_begin(&usage);
	pages_load_once(place + PAGE_2M - PAGE_4K, experiment->distance_bytes, experiment->pages);
	worker_usage_end(&usage);
	if (usage.minor_faults > FAULTS_BESIDE)
		return fail(why, ENOTSUP,
			"the kernel gave small pages: the huge zero page is not available, or THP is off for this process");
	return 0;
}

static int faults_prove(const struct mapping_experiment *experiment, uint64_t faults, struct reason *why)
{
	if (faults < experiment->pages || faults > experiment->pages + FAULTS_BESIDE)
		return fail(why, EIO, "%" PRIu64 " faults were counted while %" PRIu32 " pages were loaded from",
			faults, experiment->pages);
	return 0;
}

static int tables_prove(const struct mapping_experiment *experiment, const struct tables *before,
	const struct tables *built, struct mapping_result *result, struct reason *why)
{
	uint64_t slack = COUNTED_LEVELS * TABLE_BYTES;

	result->table_bytes = built->bytes > before->bytes ? built->bytes - before->bytes : 0;
	result->expected_table_bytes = mapping_table_bytes(experiment, before->pud);
	if (result->table_bytes > result->expected_table_bytes + slack ||
		result->table_bytes + slack < result->expected_table_bytes)
		return fail(why, EIO, "tables take %" PRIu64 " bytes, and by the formula %" PRIu64, result->table_bytes,
			result->expected_table_bytes);
	return 0;
}

/* Map, load, prove, unmap, prove. */
static int mapping_measure_once(const struct mapping_experiment *experiment, unsigned char *place, double tsc[2],
	struct mapping_result *result, struct reason *why)
{
	struct tables before, built, left = { 0 };
	struct worker_usage usage;
	uint64_t began, ended;
	int error = tables_read(&before, why);

	if (!error)
		error = pages_map(experiment, place, why);
	if (error)
		return error;
	worker_usage_begin(&usage);
	began = worker_tsc();
	pages_load_once(place, experiment->distance_bytes, experiment->pages);
	ended = worker_tsc();
	worker_usage_end(&usage);
	tsc[0] = (double)(ended - began) / experiment->pages;
	error = tables_read(&built, why);
	if (!error && experiment->page_bytes == PAGE_2M)
		error = huge_prove(experiment, place, why);
	if (!error)
		error = faults_prove(experiment, usage.minor_faults + usage.major_faults, why);
	if (!error)
		error = tables_prove(experiment, &before, &built, result, why);
	began = worker_tsc();
	munmap(place, mapping_span_bytes(experiment));
	ended = worker_tsc();
	tsc[1] = (double)(ended - began) / experiment->pages;
	if (!error)
		error = tables_read(&left, why);
	if (!error && left.bytes > before.bytes + COUNTED_LEVELS * TABLE_BYTES)
		error = fail(
			why, EIO, "%" PRIu64 " bytes of tables are left after munmap()", left.bytes - before.bytes);
	result->faults_per_page = (double)usage.minor_faults / experiment->pages;
	result->usage.minor_faults += usage.minor_faults;
	result->usage.involuntary_switches += usage.involuntary_switches;
	result->usage.elapsed_ns += usage.elapsed_ns;
	result->usage.cpu_ns += usage.cpu_ns;
	return error;
}

static unsigned repetitions_wanted(const struct mapping_experiment *experiment)
{
	unsigned count = PAGES_OF_ALL / experiment->pages;

	/* Zeroing a gigabyte takes a tenth of a second, which hides the tables anyway. */
	if (experiment->page_bytes == PAGE_1G || !count)
		return 1;
	return count < REPETITIONS_MOST ? count : REPETITIONS_MOST;
}

static int mapping_work(struct worker *worker, struct reason *why)
{
	const struct mapping_experiment *experiment = worker->experiment;
	struct mapping_result *result = worker->result;
	double build[REPETITIONS_MOST], teardown[REPETITIONS_MOST], tsc[2];
	unsigned char *place = NULL;
	int error = place_find(experiment, &place, why);
	unsigned count = repetitions_wanted(experiment);

	/* Fault in this program's own pages before faults are counted. */
	worker_usage_begin(&result->usage);
	pages_load_once((unsigned char *)&count, 0, 1);
	worker_usage_end(&result->usage);
	result->usage = (struct worker_usage){ 0 };
	for (unsigned i = 0; !error && i < count; i++) {
		error = mapping_measure_once(experiment, place, tsc, result, why);
		build[i] = tsc[0];
		teardown[i] = tsc[1];
	}
	if (error)
		return error;
	result->repetitions = count;
	gsl_sort(build, 1, count);
	gsl_sort(teardown, 1, count);
	result->build_tsc = gsl_stats_median_from_sorted_data(build, 1, count);
	result->teardown_tsc = gsl_stats_median_from_sorted_data(teardown, 1, count);
	return 0;
}

int mapping_take(const struct mapping_spec *spec, struct mapping_result *result, struct reason *why)
{
	const struct mapping_experiment *experiment = spec->experiment;
	struct worker_group_spec worker_group_spec = { .as = WORKERS_PROCESSES,
		.workers = 1,
		.cpus = &spec->cpu,
		.work = mapping_work,
		.experiment = experiment,
		.result_bytes = sizeof(*result),
		.stop = spec->stop };
	struct worker_group group;
	int error;

	if (experiment->page_bytes != PAGE_4K && experiment->page_bytes != PAGE_2M && experiment->page_bytes != PAGE_1G)
		return fail(why, EINVAL, "%" PRIu64 " bytes are no page size", experiment->page_bytes);
	if (!mapping_span_bytes(experiment))
		return fail(why, EINVAL,
			"%" PRIu32 " pages of %" PRIu64 " KiB cannot lie %" PRIu64 " KiB apart in 2^46 bytes",
			experiment->pages, experiment->page_bytes / KIB, experiment->distance_bytes / KIB);
	error = worker_group_run(&worker_group_spec, &group, why);
	if (error)
		return error;
	*result = *(struct mapping_result *)worker_group_result(&group, 0);
	worker_group_dismiss(&group);
	return 0;
}
