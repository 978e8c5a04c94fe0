/*
 * Memory of a known page size, and the two spaces on it. Needs no root; the vcpu tests need /dev/kvm, or are skipped.
 */
#include "base/units.h"
#include "space/chain.h"
#include "space/permutation.h"
#include "space/smaps.h"
#include "space/space.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MEMORY (8 * MIB)

struct chase_under_test {
	struct backed memory, packed;
};

static void chase_make(struct chase_under_test *configuration, enum backing backing)
{
	struct reason why = { "" };

	if (backed_alloc(&configuration->memory, backing, MEMORY, NULL, &why) ||
		backed_alloc(&configuration->packed, BACKING_4K, PAGE_2M, NULL, &why)) {
		print_message("%s\n", why.text);
		skip();
	}
}

static void chase_drop(struct chase_under_test *configuration)
{
	backed_free(&configuration->memory);
	backed_free(&configuration->packed);
}

static struct space *space_make(const struct chase_under_test *configuration, enum setting setting, enum frames frames)
{
	struct space_spec spec = { .setting = setting,
		.frames = frames,
		.levels = 4,
		.seed = 1,
		.page_bytes = backing_page_bytes(configuration->memory.backing),
		.memory = &configuration->memory,
		.packed = &configuration->packed };
	struct space *space;
	struct reason why = { "" };
	int error = space_open(&spec, &space, &why);

	if (error == -ENOENT || error == -EACCES || error == -ENOTSUP) {
		print_message("no vcpu here: %s\n", why.text);
		skip();
	}
	assert_string_equal(why.text, "");
	assert_int_equal(error, 0);
	return space;
}

/* Fault counts and page sizes are as asked for, as the kernel itself reports them. */
static void memory_is_of_the_size_asked_for(void **state)
{
	(void)state;
	for (unsigned backing = BACKING_4K; backing <= BACKING_2M_THP; backing++) {
		struct backed memory;
		struct smaps_pages pages;
		struct reason why = { "" };
		int error = backed_alloc(&memory, (enum backing)backing, MEMORY, NULL, &why);

		if (error == -ENOMEM || error == -ENOTSUP) {
			print_message("%s\n", why.text);
			skip();
		}
		assert_int_equal(error, 0);
		assert_int_equal((uintptr_t)memory.at % backing_page_bytes(memory.backing), 0);
		assert_int_equal(memory.faults_expected, MEMORY / backing_page_bytes(memory.backing));
		assert_int_equal(smaps_read((uintptr_t)memory.at, memory.bytes, &pages, NULL), 0);
		assert_int_equal(pages.mapped_bytes, MEMORY);
		assert_int_equal(pages.anon_huge_bytes, backing == BACKING_2M_THP ? MEMORY : 0);
		backed_free(&memory);
	}
}

static bool always(void)
{
	return true;
}

static void memory_stops_for_a_signal_and_shrinks_for_a_deadline(void **state)
{
	struct backed memory;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(
		backed_alloc(&memory, BACKING_4K, MEMORY, &(struct backed_limits){ .stop = always }, &why), -EINTR);
	assert_null(memory.reserved);
	/* A deadline long past: one chunk of 64 MiB is touched all the same, and no more. */
	assert_int_equal(
		backed_alloc(&memory, BACKING_4K, 192 * MIB, &(struct backed_limits){ .deadline_ns = 1 }, &why), 0);
	assert_int_equal(memory.bytes, 64 * MIB);
	assert_int_equal(memory.faults_expected, 64 * MIB / PAGE_4K);
	backed_free(&memory);
	assert_int_equal(backed_alloc(&memory, BACKING_2M_THP, PAGE_4K, NULL, &why), -EINVAL);
	assert_int_equal(backed_alloc(&memory, BACKING_4K, 0, NULL, &why), -EINVAL);
}

/* The frame numbers of pages, which only root is told: 0 to others. */
static void frames_read(const struct backed *memory, uint64_t *frame)
{
	FILE *pagemap = fopen("/proc/self/pagemap", "rb");
	uint64_t pages = memory->bytes / PAGE_4K;

	assert_non_null(pagemap);
	assert_int_equal(fseek(pagemap, (long)((uintptr_t)memory->at / PAGE_4K * sizeof(*frame)), SEEK_SET), 0);
	assert_int_equal(fread(frame, sizeof(*frame), pages, pagemap), pages);
	fclose(pagemap);
	for (uint64_t i = 0; i < pages; i++)
		frame[i] &= (UINT64_C(1) << 55) - 1; /* Documentation/admin-guide/mm/pagemap.rst */
}

static void pages_touched_in_a_random_order_have_no_frames_in_a_row(void **state)
{
	static uint64_t frame[MEMORY / PAGE_4K];
	struct backed memory;
	struct reason why = { "" };
	uint64_t pages = MEMORY / PAGE_4K, in_a_row = 0;

	(void)state;
	assert_int_equal(
		backed_alloc(&memory, BACKING_4K, MEMORY, &(struct backed_limits){ .order_seed = 7 }, &why), 0);
	assert_int_equal(memory.faults_expected, pages);
	frames_read(&memory, frame);
	backed_free(&memory);
	if (!frame[0]) {
		print_message("only root may read which frames pages have\n");
		skip();
	}
	for (uint64_t i = 1; i < pages; i++)
		in_a_row += frame[i] == frame[i - 1] + 1 || frame[i] == frame[i - 1] - 1;
	/* By chance it is two pairs in all. Free lists are in ascending or in descending order. */
	assert_true(in_a_row < pages / 20);
}

/* As the kernel prints it: a range among others, one part of it in huge pages, hugetlb beside. */
static void smaps_of_a_range_are_summed_up(void **state)
{
	static const char text[] = "10000000-10200000 rw-p 00000000 00:00 0\nKernelPageSize:        4 kB\n"
				   "Rss:                 2048 kB\nAnonHugePages:      2048 kB\n"
				   "10200000-10201000 rw-p 00000000 00:00 0\nKernelPageSize:        4 kB\n"
				   "Rss:                    4 kB\nAnonHugePages:         0 kB\n"
				   "40000000-40200000 rw-p 00000000 00:0f 1 /anon_hugepage (deleted)\n"
				   "KernelPageSize:     2048 kB\nRss:                    0 kB\n"
				   "Private_Hugetlb:     2048 kB\n";
	struct smaps_pages pages;
	FILE *stream = fmemopen((void *)(uintptr_t)text, sizeof(text) - 1, "r");

	(void)state;
	assert_int_equal(smaps_parse(stream, 0x10000000, 0x201000, &pages), 0);
	assert_int_equal(pages.mapped_bytes, 2052 * KIB);
	assert_int_equal(pages.anon_huge_bytes, 2048 * KIB);
	assert_int_equal(pages.kernel_page_bytes, 4 * KIB);
	rewind(stream);
	assert_int_equal(smaps_parse(stream, 0x40000000, 0x200000, &pages), 0);
	assert_int_equal(pages.hugetlb_bytes, 2048 * KIB);
	assert_int_equal(pages.mapped_bytes, 2048 * KIB);
	assert_int_equal(pages.kernel_page_bytes, PAGE_2M);
	rewind(stream);
	/* A mapping that only overlaps the range is another one. */
	assert_int_equal(smaps_parse(stream, 0x10000000, 0x100000, &pages), -ENOENT);
	fclose(stream);
}

static void both_spaces_run_the_same_bytes(void **state)
{
	struct chase_under_test configuration;
	struct space *host, *vcpu;

	(void)state;
	chase_make(&configuration, BACKING_4K);
	host = space_make(&configuration, SETTING_HOST, FRAMES_CONTIGUOUS);
	vcpu = space_make(&configuration, SETTING_VCPU, FRAMES_CONTIGUOUS);
	assert_ptr_not_equal(host->ops->code(host), vcpu->ops->code(vcpu));
	assert_true(kernels_end - kernels_begin > 100);
	/* A vCPU has one page for them. */
	assert_true(kernels_end - kernels_begin <= (ptrdiff_t)PAGE_4K);
	assert_memory_equal(host->ops->code(host), vcpu->ops->code(vcpu), (size_t)(kernels_end - kernels_begin));
	assert_memory_equal(host->ops->code(host), kernels_begin, (size_t)(kernels_end - kernels_begin));
	space_close(vcpu);
	space_close(host);
	chase_drop(&configuration);
}

/* All chains that there is a kernel for stand where they must afterwards, each having taken its share of the steps. */
static void run_kernels_of_chains(struct space *space, const struct chain *chain)
{
	const uint64_t groups = 10, laps = 7;
	struct reason why = { "" };
	unsigned kernels = 0;

	for (unsigned chains = 2; chains <= KERNEL_CHAINS_MAX; chains++) {
		enum kernel kernel = kernel_of_chains(chains);

		if (kernel == KERNEL_COUNT)
			continue;
		kernels++;
		assert_int_equal(KERNEL_CHAINS_UNROLL % chains, 0);
		*space->call = (struct kernel_call){ .count = groups, .laps = laps };
		for (unsigned c = 0; c < chains; c++)
			space->call->chain[c] = chain_after(chain, chain_start(chain, c, chains));
		assert_int_equal(space_run(space, kernel, &why), 0);
		for (unsigned c = 0; c < KERNEL_CHAINS_MAX; c++) {
			uint64_t steps = laps * groups * KERNEL_CHAINS_UNROLL / chains;

			assert_int_equal(space->call->chain[c],
				c < chains ? chain_after(chain, chain_start(chain, c, chains) + steps) : 0);
		}
		for (unsigned lap = 0; lap < KERNEL_LAPS_MAX; lap++)
			assert_int_equal(space->call->lap_tsc[lap] != 0, lap < laps);
		/* What the caller asked for is left as it was. */
		assert_int_equal(space->call->count, groups);
		assert_int_equal(space->call->laps, laps);
	}
	assert_int_equal(kernels, 6);
	assert_int_equal(kernel_of_chains(1), KERNEL_CHASE);
	assert_int_equal(kernel_of_chains(0), KERNEL_COUNT);
	assert_int_equal(kernel_of_chains(5), KERNEL_COUNT);
}

static void run_all_kernels(struct space *space, const struct chase *chase)
{
	uint32_t order[2048], next[2048];
	struct cycle cycle = { order, next };
	gsl_rng *random = random_new(3);
	struct chain chain;
	struct reason why = { "" };

	cycle_draw(&cycle, (uint32_t)chase->count, random);
	chain = chain_over_units(chase, (uintptr_t)space->spec.memory->at, NULL, &cycle, random);
	chain_lay(&chain, space);
	assert_int_equal(chain_prove(&chain, &why), 0);
	assert_int_equal(chain_walk(&chain, space, &why), 0);
	*space->call = (struct kernel_call){ .start = chain_address(&chain, 0), .count = 10, .laps = 7 };
	assert_int_equal(space_run(space, KERNEL_CHASE, &why), 0);
	assert_int_equal(space->call->end, chain_after(&chain, 7 * 10 * KERNEL_UNROLL));
	for (unsigned lap = 0; lap < KERNEL_LAPS_MAX; lap++)
		assert_int_equal(space->call->lap_tsc[lap] != 0, lap < 7);
	run_kernels_of_chains(space, &chain);
	*space->call = (struct kernel_call){ .start = 5, .count = 10, .laps = 3 };
	assert_int_equal(space_run(space, KERNEL_ADDS, &why), 0);
	assert_int_equal(space->call->end, 5 + 3 * 10 * KERNEL_UNROLL);
	*space->call = (struct kernel_call){ .laps = KERNEL_LAPS_MAX };
	assert_int_equal(space_run(space, KERNEL_EMPTY, &why), 0);
	assert_int_not_equal(space->call->lap_tsc[KERNEL_LAPS_MAX - 1], 0);
	gsl_rng_free(random);
}

static void the_host_runs_all_kernels(void **state)
{
	struct chase_under_test configuration;
	struct space *space;
	struct chase chase = { .page_bytes = PAGE_4K, .count = 2048, .distance_bytes = PAGE_4K };

	(void)state;
	chase_make(&configuration, BACKING_4K);
	space = space_make(&configuration, SETTING_HOST, FRAMES_CONTIGUOUS);
	run_all_kernels(space, &chase);
	space_close(space);
	chase_drop(&configuration);
}

static void a_vcpu_runs_all_kernels_on_contiguous_and_shuffled_frames(void **state)
{
	struct chase_under_test configuration;
	struct chase chase = { .page_bytes = PAGE_4K, .count = 2048, .distance_bytes = PAGE_4K };

	(void)state;
	chase_make(&configuration, BACKING_4K);
	for (unsigned frames = 0; frames < FRAMES_COUNT; frames++) {
		struct space *space = space_make(&configuration, SETTING_VCPU, (enum frames)frames);
		struct kvm_stats *stats = space_vm_stats(space);
		uint64_t first = (uintptr_t)configuration.memory.at;
		unsigned moved = 0;

		for (uint64_t page = 0; page < 2048; page++)
			moved += (uintptr_t)space_pointer(space, first + page * PAGE_4K + 8) !=
				 first + page * PAGE_4K + 8;
		assert_true(frames == FRAMES_SHUFFLED ? moved > 2000 : moved == 0);
		run_all_kernels(space, &chase);
		/* KVM says that it mapped at least as many 4K leaves as the chase touched. */
		if (stats && !kvm_stats_read(stats) && kvm_stats_count(stats, KVM_COUNT_PAGES_4K) != KVM_COUNT_UNKNOWN)
			assert_true(kvm_stats_count(stats, KVM_COUNT_PAGES_4K) >= 2048);
		space_close(space);
	}
	chase_drop(&configuration);
}

static void a_vcpu_maps_2m_leaves_on_huge_pages(void **state)
{
	struct chase_under_test configuration;
	struct chase chase = { .page_bytes = PAGE_2M, .count = MEMORY / PAGE_2M, .distance_bytes = PAGE_2M };
	struct space *space;
	struct kvm_stats *stats;

	(void)state;
	chase_make(&configuration, BACKING_2M_THP);
	space = space_make(&configuration, SETTING_VCPU, FRAMES_CONTIGUOUS);
	run_all_kernels(space, &chase);
	stats = space_vm_stats(space);
	if (stats && !kvm_stats_read(stats) && kvm_stats_count(stats, KVM_COUNT_PAGES_2M) != KVM_COUNT_UNKNOWN)
		assert_true(kvm_stats_count(stats, KVM_COUNT_PAGES_2M) >= MEMORY / PAGE_2M);
	space_close(space);
	chase_drop(&configuration);
}

/* A guest that goes astray gives an error with its exit and registers, and does not crash the program. */
static void a_vcpu_that_goes_astray_is_an_error_with_its_registers(void **state)
{
	struct chase_under_test configuration;
	struct space *space;
	struct reason why = { "" };

	(void)state;
	chase_make(&configuration, BACKING_4K);
	space = space_make(&configuration, SETTING_VCPU, FRAMES_CONTIGUOUS);
	/* An address that the guest's tables do not map: a page fault without a handler, hence a triple fault. */
	*space->call = (struct kernel_call){ .start = 0x123456789000, .count = 1 };
	assert_int_equal(space_run(space, KERNEL_WALK, &why), -EIO);
	assert_non_null(strstr(why.text, "KVM_EXIT_"));
	assert_non_null(strstr(why.text, "rip"));
	space_close(space);
	chase_drop(&configuration);
}

/* All nine combinations of guest page and backing work, where there is memory for them. */
static void guest_pages_may_be_larger_or_smaller_than_their_backing(void **state)
{
	static const uint64_t sizes[] = { PAGE_4K, PAGE_2M, PAGE_1G };

	(void)state;
	for (unsigned backing = BACKING_4K; backing <= BACKING_2M_THP; backing++)
		for (size_t i = 0; i < 3; i++) {
			struct chase_under_test configuration;
			struct chase chase = { .page_bytes = sizes[i], .count = 512, .distance_bytes = PAGE_4K };
			struct space_spec spec = { .setting = SETTING_VCPU, .levels = 4, .page_bytes = sizes[i] };
			struct backed_limits limits = { .unit_bytes = sizes[i], .deadline_ns = 1 };
			uint64_t bytes = sizes[i] > MEMORY ? sizes[i] : MEMORY;
			struct space *space;
			struct reason why = { "" };

			/* 1 GiB of 4K pages takes too long here; with large pages behind it, it does not. */
			if (bytes > MEMORY && backing == BACKING_4K)
				continue;
			if (backed_alloc(&configuration.memory, (enum backing)backing, bytes, &limits, &why) ||
				backed_alloc(&configuration.packed, BACKING_4K, PAGE_2M, NULL, &why)) {
				print_message("%s\n", why.text);
				skip();
			}
			assert_int_equal((uintptr_t)configuration.memory.at % sizes[i], 0);
			assert_int_equal(configuration.memory.bytes, bytes);
			spec.memory = &configuration.memory;
			spec.packed = &configuration.packed;
			/* No 1G leaves here, or no vCPU at all: then nothing is shown for this size. */
			if (space_open(&spec, &space, &why))
				print_message("not here: %s\n", why.text);
			else
				run_all_kernels(space, &chase);
			space_close(space);
			chase_drop(&configuration);
		}
}

static void five_levels_work_or_are_refused_by_name(void **state)
{
	struct chase_under_test configuration;
	struct space_spec spec = { .setting = SETTING_VCPU, .levels = 5, .page_bytes = PAGE_4K };
	struct chase chase = { .page_bytes = PAGE_4K, .count = 64, .distance_bytes = PAGE_4K };
	struct space *space;
	struct reason why = { "" };
	int error;

	(void)state;
	chase_make(&configuration, BACKING_4K);
	space_close(space_make(&configuration, SETTING_VCPU, FRAMES_CONTIGUOUS));
	spec.memory = &configuration.memory;
	spec.packed = &configuration.packed;
	error = space_open(&spec, &space, &why);
	if (error) {
		assert_int_equal(error, -ENOTSUP);
		assert_non_null(strstr(why.text, "LA57"));
	} else {
		run_all_kernels(space, &chase);
		space_close(space);
	}
	chase_drop(&configuration);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_of_the_size_asked_for),
		cmocka_unit_test(memory_stops_for_a_signal_and_shrinks_for_a_deadline),
		cmocka_unit_test(pages_touched_in_a_random_order_have_no_frames_in_a_row),
		cmocka_unit_test(smaps_of_a_range_are_summed_up),
		cmocka_unit_test(the_host_runs_all_kernels),
		cmocka_unit_test(both_spaces_run_the_same_bytes),
		cmocka_unit_test(a_vcpu_runs_all_kernels_on_contiguous_and_shuffled_frames),
		cmocka_unit_test(a_vcpu_maps_2m_leaves_on_huge_pages),
		cmocka_unit_test(a_vcpu_that_goes_astray_is_an_error_with_its_registers),
		cmocka_unit_test(guest_pages_may_be_larger_or_smaller_than_their_backing),
		cmocka_unit_test(five_levels_work_or_are_refused_by_name),
	};

	return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}
