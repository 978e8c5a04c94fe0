/*
 * The laboratory: its tables and descriptors, every experiment, and its errors. Needs no root. Tests that run a guest
 * need /dev/kvm, or are skipped.
 */
#include "base/stop.h"
#include "base/units.h"
#include "kvm/descriptors.h"
#include "kvm/guest_table.h"
#include "space/laboratory_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PAGES 64u

static const struct laboratory_spec small = {
	.pages = PAGES, .page_bytes = PAGE_4K, .levels = 4, .backing = BACKING_4K, .seed = 5
};

static struct laboratory *laboratory_make(const struct laboratory_spec *spec)
{
	struct laboratory *laboratory = NULL;
	struct reason why = { "" };
	int error = laboratory_open(spec, &laboratory, &why);

	if (error == -ENOENT || error == -EACCES || error == -ENOTSUP || error == -ENOMEM) {
		print_message("no laboratory here: %s\n", why.text);
		skip();
	}
	assert_string_equal(why.text, "");
	assert_int_equal(error, 0);
	return laboratory;
}

static void an_entry_is_found_and_shared_tables_are_the_same(void **state)
{
	unsigned char *memory = aligned_alloc(PAGE_4K, 16 * PAGE_4K);
	struct guest_table from = { .levels = 4, .arena = memory, .arena_gpa = { GIB }, .arena_bytes = 8 * PAGE_4K };
	struct guest_table to = from;
	struct guest_mapping mapping = {
		.gva = { 0x40003000 }, .gpa = { 7 * PAGE_4K }, .page_bytes = PAGE_4K, .supervisor = true
	};
	struct guest_entry found, again;

	(void)state;
	to.arena += 8 * PAGE_4K;
	to.arena_gpa.at += 8 * PAGE_4K;
	assert_int_equal(guest_table_init(&from, NULL), 0);
	assert_int_equal(guest_table_init(&to, NULL), 0);
	assert_int_equal(guest_table_entry(&from, mapping.gva, 1, &found), -ENOENT);
	assert_int_equal(guest_table_share(&to, &from, mapping.gva, 4, NULL), -ENOENT);
	assert_int_equal(guest_table_map(&from, &mapping, NULL), 0);
	assert_int_equal(guest_table_entry(&from, mapping.gva, 1, &found), 0);
	/* The fourth page table page of the tree, its fourth entry; not for CPL 3. */
	assert_int_equal(found.gpa.at, GIB + 3 * PAGE_4K + 3 * 8);
	assert_int_equal(*found.entry & ~(1ULL << 63), 7 * PAGE_4K | 0x63);
	assert_int_equal(guest_table_share(&to, &from, mapping.gva, 4, NULL), 0);
	assert_int_equal(guest_table_share(&to, &from, mapping.gva, 4, NULL), -EEXIST);
	assert_int_equal(to.used_bytes, PAGE_4K);
	assert_int_equal(guest_table_entry(&from, mapping.gva, 4, &found), 0);
	assert_int_equal(guest_table_entry(&to, mapping.gva, 4, &again), 0);
	assert_int_equal(*found.entry, *again.entry);
	free(memory);
}

static uint64_t word_at(const unsigned char *page, unsigned offset)
{
	uint64_t word;

	memcpy(&word, page + offset, sizeof(word));
	return word;
}

/* Against the figures of the manuals, written out. */
static void descriptors_are_as_the_manuals_draw_them(void **state)
{
	unsigned char page[4096] = { 0 };

	(void)state;
	kvm_descriptors_write(page, (gva_t){ 0x123456789000 }, (gva_t){ 0x7fff0000 });
	kvm_descriptors_gate(page, VECTOR_PAGE_FAULT, (gva_t){ 0xaaaabbbbcccc });
	assert_int_equal(word_at(page, DESCRIPTORS_GDT + 0x10), 0x00af9b000000ffff);
	assert_int_equal(word_at(page, DESCRIPTORS_GDT + 0x28), 0x00cff3000000ffff);
	assert_int_equal(word_at(page, DESCRIPTORS_GDT + 0x30), 0x00affb000000ffff);
	assert_int_equal(word_at(page, DESCRIPTORS_GDT + 0x40), 0x56008b7891000067);
	assert_int_equal(word_at(page, DESCRIPTORS_GDT + 0x48), 0x1234);
	assert_int_equal(word_at(page, DESCRIPTORS_TSS + 4), 0x7fff0000);
	assert_int_equal(word_at(page, DESCRIPTORS_IDT + 14 * 16), 0xbbbb8e000010cccc);
	assert_int_equal(word_at(page, DESCRIPTORS_IDT + 14 * 16 + 8), 0xaaaa);
}

static void check_fault(struct laboratory *laboratory, const struct fault_experiment *experiment, enum paging paging)
{
	struct fault_result result;
	struct reason why = { "" };
	int error = laboratory_fault(laboratory, experiment, &result, &why);
	const uint64_t *kvm = result.usage.kvm;

	assert_string_equal(why.text, "");
	assert_int_equal(error, 0);
	assert_int_equal(result.pages, experiment->pages);
	assert_int_equal(result.faults, experiment->kind == FAULT_BACKING_ONLY ? 0 : experiment->pages);
	assert_true(result.tsc_per_fault > 0 && result.tsc_per_touch > 0);
	if (experiment->kind == FAULT_GUEST_COLD || experiment->kind == FAULT_BACKING_ONLY)
		assert_true(result.usage.minor_faults >= experiment->pages);
	else
		assert_true(result.usage.minor_faults < experiment->pages / 2);
	if (paging == PAGING_UNKNOWN)
		return;
	if (experiment->kind == FAULT_BACKING_ONLY)
		assert_in_range(kvm[KVM_COUNT_PF_TAKEN], experiment->pages, 2 * experiment->pages);
	else if (paging == PAGING_SHADOW)
		assert_true(
			kvm[KVM_COUNT_PF_TAKEN] >= experiment->pages && kvm[KVM_COUNT_PF_GUEST] >= experiment->pages);
	else if (experiment->kind == FAULT_GUEST_COLD)
		assert_in_range(kvm[KVM_COUNT_PF_TAKEN], experiment->pages, 2 * experiment->pages);
	else
		assert_true(kvm[KVM_COUNT_PF_TAKEN] <= experiment->pages / 10);
}

static void check_all_faults(const struct laboratory_spec *spec)
{
	struct laboratory *laboratory = laboratory_make(spec);
	enum paging paging = PAGING_UNKNOWN;
	struct reason why;

	laboratory_prove_paging(&paging, NULL, &why);
	for (unsigned kind = 0; kind < FAULT_KINDS; kind++)
		for (unsigned flush = 0; flush < (kind == FAULT_BACKING_ONLY ? 1 : FLUSH_KINDS); flush++)
			for (unsigned order = 0; order < 2; order++) {
				struct fault_experiment experiment = { (enum fault_kind)kind, (enum fault_flush)flush,
					(enum touch_order)order, PAGES };

				check_fault(laboratory, &experiment, paging);
			}
	laboratory_close(laboratory);
}

static void every_fault_experiment_counts_what_it_must(void **state)
{
	(void)state;
	check_all_faults(&small);
}

static void shuffled_frames_and_fewer_pages_than_there_are(void **state)
{
	struct laboratory_spec spec = small;

	(void)state;
	spec.frames = FRAMES_SHUFFLED;
	spec.pages = 1024;
	check_all_faults(&spec);
}

static void five_levels_work_or_are_refused_by_name(void **state)
{
	struct laboratory_spec spec = small;

	(void)state;
	spec.levels = 5;
	check_all_faults(&spec);
}

static void leaves_of_2m_on_huge_pages(void **state)
{
	struct laboratory_spec spec = {
		.pages = 32, .page_bytes = PAGE_2M, .levels = 4, .backing = BACKING_2M_THP, .frames = FRAMES_SHUFFLED
	};
	struct laboratory *laboratory = laboratory_make(&spec);
	struct fault_experiment experiment = { .kind = FAULT_GUEST_COLD, .pages = 32 };
	struct fault_result result;
	struct reason why = { "" };
	int error = laboratory_fault(laboratory, &experiment, &result, &why);

	(void)state;
	if (error && strstr(why.text, "fragmented")) {
		laboratory_close(laboratory);
		print_message("%s\n", why.text);
		skip();
	}
	assert_int_equal(error, 0);
	if (result.usage.kvm[KVM_COUNT_PAGES_2M] != KVM_COUNT_UNKNOWN)
		assert_int_equal(result.usage.kvm[KVM_COUNT_PAGES_2M], 32);
	experiment.kind = FAULT_GUEST_WARM;
	assert_int_equal(laboratory_fault(laboratory, &experiment, &result, &why), 0);
	laboratory_close(laboratory);
}

static void spaces_are_switched_and_touched(void **state)
{
	struct laboratory *laboratory = laboratory_make(&small);
	struct reason why = { "" };

	(void)state;
	for (unsigned change = 0; change < SPACE_CHANGES; change++)
		for (uint32_t pages = 1; pages <= PAGES; pages *= 8) {
			struct switch_experiment experiment = { .change = (enum space_change)change,
				.pages_touched = pages };
			struct switch_result result;

			assert_int_equal(laboratory_switch(laboratory, &experiment, &result, &why), 0);
			assert_true(result.tsc_per_load > 0);
			assert_true(result.tsc_first_touch > 0);
			assert_true(result.loads == 15 * LABORATORY_LOADS);
			assert_int_equal(result.interpreted, laboratory_interpreted(laboratory));
		}
	/* The experiment leaves the laboratory usable. */
	check_fault(laboratory, &(struct fault_experiment){ .kind = FAULT_GUEST_WARM, .pages = PAGES }, PAGING_UNKNOWN);
	laboratory_close(laboratory);
}

static void pcids_work_or_are_refused_by_name(void **state)
{
	struct laboratory *laboratory = laboratory_make(&small);
	struct switch_experiment experiment = { .change = SPACE_OTHER, .pcid = true, .pages_touched = 8 };
	struct switch_result result;
	struct reason why = { "" };
	int error = laboratory_switch(laboratory, &experiment, &result, &why);

	(void)state;
	if (!laboratory_has_pcid(laboratory)) {
		assert_int_equal(error, -ENOTSUP);
		assert_non_null(strstr(why.text, "PCID"));
	} else {
		assert_string_equal(why.text, "");
		assert_int_equal(error, 0);
	}
	check_fault(laboratory, &(struct fault_experiment){ .kind = FAULT_UPGRADE, .pages = PAGES }, PAGING_UNKNOWN);
	laboratory_close(laboratory);
}

static void wrong_wishes_are_refused(void **state)
{
	struct laboratory_spec spec = small;
	struct fault_result result;
	struct switch_result switched;
	struct reason why = { "" };
	struct laboratory *laboratory;

	(void)state;
	spec.pages = 33;
	assert_int_equal(laboratory_open(&spec, &laboratory, &why), -EINVAL);
	spec.pages = LABORATORY_PAGES_MAX + LABORATORY_CHUNK_PAGES;
	assert_int_equal(laboratory_open(&spec, &laboratory, &why), -EINVAL);
	spec = small;
	spec.page_bytes = PAGE_1G;
	assert_int_equal(laboratory_open(&spec, &laboratory, &why), -EINVAL);
	spec = small;
	spec.levels = 3;
	assert_int_equal(laboratory_open(&spec, &laboratory, &why), -EINVAL);
	assert_null(laboratory);
	laboratory_close(NULL);
	laboratory = laboratory_make(&small);
	assert_int_equal(
		laboratory_fault(laboratory, &(struct fault_experiment){ .pages = 2 * PAGES }, &result, &why), -EINVAL);
	assert_int_equal(
		laboratory_fault(laboratory, &(struct fault_experiment){ .pages = 7 }, &result, &why), -EINVAL);
	assert_int_equal(
		laboratory_fault(laboratory,
			&(struct fault_experiment){ .kind = FAULT_BACKING_ONLY, .flush = FLUSH_CR3, .pages = PAGES },
			&result, &why),
		-EINVAL);
	assert_int_equal(
		laboratory_switch(laboratory, &(struct switch_experiment){ .pages_touched = 0 }, &switched, &why),
		-EINVAL);
	assert_int_equal(laboratory_switch(laboratory, &(struct switch_experiment){ .pages_touched = PAGES + 1 },
				 &switched, &why),
		-EINVAL);
	/* The laboratory is still usable after all this. */
	check_fault(laboratory, &(struct fault_experiment){ .kind = FAULT_GUEST_COLD, .pages = PAGES }, PAGING_UNKNOWN);
	laboratory_close(laboratory);
}

/* A handler that maps the wrong frame: counts and times look right, only the data tells. */
static void a_store_to_the_wrong_frame_is_found(void **state)
{
	struct laboratory *laboratory = laboratory_make(&small);
	struct fault_experiment experiment = { .kind = FAULT_GUEST_WARM, .pages = PAGES };
	struct fault_result result;
	struct reason why = { "" };
	uint64_t other;

	(void)state;
	other = laboratory->guest.after[3];
	laboratory->guest.after[3] = laboratory->guest.after[4];
	laboratory->guest.after[4] = other;
	assert_int_equal(laboratory_fault(laboratory, &experiment, &result, &why), -EIO);
	assert_non_null(strstr(why.text, "did not arrive"));
	assert_int_equal(laboratory_fault(laboratory, &experiment, &result, &why), -EIO);
	assert_non_null(strstr(why.text, "only be closed"));
	laboratory_close(laboratory);
}

static void a_stray_fault_ends_an_experiment(void **state)
{
	struct laboratory *laboratory = laboratory_make(&small);
	struct reason why = { "" };

	(void)state;
	laboratory->guest.state->pages = 0;
	laboratory->guest.order[0] = LABORATORY_REGION + GIB + 0x40;
	laboratory->guest.call->list = LABORATORY_ORDER;
	laboratory->guest.call->count = 1;
	assert_int_equal(laboratory_run(laboratory, laboratory_read, &why), -EIO);
	assert_non_null(strstr(why.text, "0x10040000040"));
	laboratory_close(laboratory);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
	(void)number;
	alarms++;
}

/* Signals that ask for nothing come again and again while the guest runs. */
static void a_signal_ends_no_experiment(void **state)
{
	struct laboratory *laboratory = laboratory_make(&small);
	struct fault_experiment experiment = { .kind = FAULT_GUEST_WARM, .pages = PAGES };
	struct sigaction action = { .sa_handler = on_alarm }, before;
	const struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { 0 };
	struct fault_result result;
	struct reason why = { "" };

	(void)state;
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	while (alarms < 20)
		assert_int_equal(laboratory_fault(laboratory, &experiment, &result, &why), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	laboratory_close(laboratory);
}

/* The last of all tests, as a stop that was asked for is not taken back. */
static void a_stop_ends_an_experiment(void **state)
{
	struct laboratory *laboratory = laboratory_make(&small);
	struct fault_experiment experiment = { .kind = FAULT_GUEST_WARM, .pages = PAGES };
	struct fault_result result;
	struct reason why = { "" };

	(void)state;
	stop_ask();
	assert_int_equal(laboratory_fault(laboratory, &experiment, &result, &why), -EINTR);
	assert_int_equal(laboratory_fault(laboratory, &experiment, &result, &why), -EIO);
	laboratory_close(laboratory);
}

/* Without gate and stack an exception cannot be taken: the error names the exit and the registers. */
static void a_guest_that_cannot_handle_a_fault_is_an_error(void **state)
{
	struct laboratory *laboratory = laboratory_make(&small);
	struct reason why = { "" };

	(void)state;
	memset((unsigned char *)laboratory->guest.state + (LABORATORY_DESCRIPTORS - LABORATORY_STATE), 0, PAGE_4K);
	laboratory->guest.order[0] = LABORATORY_REGION + GIB;
	laboratory->guest.call->list = LABORATORY_ORDER;
	laboratory->guest.call->count = 1;
	assert_int_equal(laboratory_run(laboratory, laboratory_read, &why), -EIO);
	assert_non_null(strstr(why.text, "KVM_EXIT_"));
	assert_non_null(strstr(why.text, "rip"));
	laboratory_close(laboratory);
}

static void paging_is_proven(void **state)
{
	enum paging paging;
	double exits = -1;
	struct reason why = { "" };
	uint64_t start = now_ns();
	int error = laboratory_prove_paging(&paging, &exits, &why);

	(void)state;
	if (error == -ENOENT || error == -EACCES || error == -ENOTSUP) {
		print_message("%s\n", why.text);
		skip();
	}
	assert_string_equal(why.text, "");
	assert_int_equal(error, 0);
	print_message("%s, %.2f exits per guest fault, proven in %.1f ms\n", paging_name(paging), exits,
		(double)(now_ns() - start) / (double)NS_PER_MS);
	assert_true(paging == PAGING_NESTED ? exits < 0.5 : exits >= 1);
}

/* The proven mode is compared with sysfs; a contradiction names both. */
static void test_contradicted_paging(void **state)
{
	struct kvm_module module = { .paging = PAGING_UNKNOWN };
	struct paging_proof proof;
	struct reason why = { "" };
	enum paging told;

	(void)state;
	assert_int_equal(laboratory_check_paging(&module, &proof, &told, &why), 0);
	if (!proof.known) {
		print_message("not provable here: %s\n", proof.reason.text);
		assert_int_equal(told, PAGING_UNKNOWN);
		skip();
	}
	assert_int_equal(told, proof.paging);
	module.paging = proof.paging;
	assert_int_equal(laboratory_check_paging(&module, &proof, &told, &why), 0);
	module.paging = proof.paging == PAGING_NESTED ? PAGING_SHADOW : PAGING_NESTED;
	snprintf(module.reason.text, sizeof(module.reason.text), "kvm_other npt=1");
	assert_int_equal(laboratory_check_paging(&module, &proof, &told, &why), -EPROTO);
	assert_non_null(strstr(why.text, "kvm_other npt=1 says"));
	assert_non_null(strstr(why.text, paging_name(proof.paging)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_found_and_shared_tables_are_the_same),
		cmocka_unit_test(descriptors_are_as_the_manuals_draw_them),
		cmocka_unit_test(every_fault_experiment_counts_what_it_must),
		cmocka_unit_test(shuffled_frames_and_fewer_pages_than_there_are),
		cmocka_unit_test(five_levels_work_or_are_refused_by_name),
		cmocka_unit_test(leaves_of_2m_on_huge_pages),
		cmocka_unit_test(spaces_are_switched_and_touched),
		cmocka_unit_test(pcids_work_or_are_refused_by_name),
		cmocka_unit_test(wrong_wishes_are_refused),
		cmocka_unit_test(a_store_to_the_wrong_frame_is_found),
		cmocka_unit_test(a_stray_fault_ends_an_experiment),
		cmocka_unit_test(a_signal_ends_no_experiment),
		cmocka_unit_test(a_guest_that_cannot_handle_a_fault_is_an_error),
		cmocka_unit_test(paging_is_proven),
		cmocka_unit_test(test_contradicted_paging),
		cmocka_unit_test(a_stop_ends_an_experiment),
	};

	return cmocka_run_group_tests_name("laboratory", tests, NULL, NULL);
}
