/* Theory: references of walks, pages of tables, exits; against the numbers of the manuals and against KVM's own counts. */
#include "infer/model_tables.h"
#include "infer/model_theory.h"

#include "base/units.h"
#include "space/laboratory_guest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNTS "tests/fixtures/counts/"

static struct model_tree tree(unsigned levels, unsigned leaf_level, unsigned held_level)
{
	return (struct model_tree){ levels, leaf_level, held_level };
}

static unsigned nested(struct model_tree guest, struct model_tree host)
{
	return model_nested_references(&guest, &host, (struct model_nested_held){ false, false });
}

static void references_of_walks(void **unused)
{
	struct model_tree four = tree(4, 1, 0), huge = tree(4, 2, 0), merged;

	(void)unused;
	assert_int_equal(model_tree_reads(&four), 4);
	/* n (n + 1) + n: 24 for four levels, 35 for five; 2M on either side saves a level of it. */
	assert_int_equal(nested(four, four), 24);
	assert_int_equal(nested(tree(5, 1, 0), tree(5, 1, 0)), 35);
	assert_int_equal(nested(tree(5, 1, 0), four), 29);
	assert_int_equal(nested(huge, four), 19);
	assert_int_equal(nested(four, huge), 19);
	assert_int_equal(nested(huge, huge), 15);
	assert_int_equal(nested(tree(4, 3, 0), tree(4, 3, 0)), 8);
	for (unsigned g = 2; g <= 5; g++)
		for (unsigned h = 2; h <= 5; h++)
			assert_int_equal(nested(tree(g < 4 ? 4 : g, g < 4 ? 5 - g : 1, 0),
						 tree(h < 4 ? 4 : h, h < 4 ? 5 - h : 1, 0)),
				(g + 1) * (h + 1) - 1);
	/* The smaller leaf of both is that of the shadow tree, and of the TLB. */
	merged = model_shadow_tree(&huge, &four);
	assert_int_equal(model_tree_reads(&merged), 4);
	assert_int_equal(model_nested_leaf_level(&four, &huge), 1);
}

static void references_that_remain(void **unused)
{
	struct model_tree host = tree(4, 1, 0), near = tree(4, 1, 2), guest = tree(4, 1, 2);

	(void)unused;
	assert_int_equal(model_tree_reads(&guest), 1);
	guest = tree(4, 1, 4);
	assert_int_equal(model_tree_reads(&guest), 3);
	/* The guest's PDE is held: its PTE, and a walk for the page. */
	assert_int_equal(nested(tree(4, 1, 2), host), 5);
	/* The host's PDEs are held: each of its walks reads one entry. */
	assert_int_equal(nested(tree(4, 1, 0), near), 9);
	assert_int_equal(nested(tree(4, 1, 2), near), 2);
	/* A nested TLB: where it has the tables, the guest's entries and one walk remain; where it has all, the entries. */
	guest = tree(4, 1, 0);
	assert_int_equal(model_nested_references(&guest, &host, (struct model_nested_held){ true, false }), 8);
	assert_int_equal(model_nested_references(&guest, &host, (struct model_nested_held){ true, true }), 4);
}

static void trees_and_tables_of_a_footprint(void **unused)
{
	struct model_footprint_request request = { 4, 10, 16 * MIB, tree(4, 1, 0), tree(4, 1, 0), true };
	struct model_footprint footprint;

	(void)unused;
	model_footprint(&request, &footprint);
	assert_int_equal(footprint.guest.trees + footprint.nested.trees, 44);
	assert_int_equal(footprint.guest.trees + footprint.shadow.trees, 80);
	/* A process: root, PDPT, directory, 8 page tables. */
	assert_int_equal(model_table_pages_sum(&footprint.guest.pages), 40 * 11);
	assert_int_equal(model_table_pages_sum(&footprint.shadow.pages), 40 * 11);
	assert_int_equal(footprint.guest.pages.of_level[1], 40 * 8);
	/* A VM: its 16 MiB, and 110 pages of tables, which take a ninth page table. */
	assert_int_equal(model_table_pages_sum(&footprint.nested.pages), 4 * (3 + 9));
	assert_int_equal(model_table_pages_sum(&footprint.native.pages), 40 * 11);
	request.shared = false;
	model_footprint(&request, &footprint);
	assert_int_equal(model_table_pages_sum(&footprint.nested.pages), 4 * (3 + 81));
	/* 2M in the guest on 4K: under shadow paging a VM has the tables below its leaves once a frame. */
	request = (struct model_footprint_request){ 1, 3, 8 * MIB, tree(4, 2, 0), tree(4, 1, 0), true };
	model_footprint(&request, &footprint);
	assert_int_equal(model_table_pages_sum(&footprint.shadow.pages), 3 * 3 + 4);
}

static void ranges_share_tables(void **unused)
{
	const struct model_range range[] = { { 0, PAGE_4K, 1 }, { PAGE_4K, PAGE_2M, 1 },
		{ PAGE_1G - PAGE_4K, PAGE_2M, 1 } };
	struct model_table_pages pages;

	(void)unused;
	model_tree_pages(range, 3, 4, &pages);
	/* Tables 0, 1 and 511, and the first of the next GiB, which has its own directory. */
	assert_int_equal(pages.of_level[1], 4);
	assert_int_equal(pages.of_level[2], 2);
	assert_int_equal(pages.of_level[3], 1);
	assert_int_equal(pages.of_level[4], 1);
	model_tree_pages(range, 0, 5, &pages);
	assert_int_equal(model_table_pages_sum(&pages), 1);
}

/* --- against counts of Linux's KVM on emulated machines --- */

/* Lines of a table of text; the first names its columns. Calls check() with the others. Returns how many. */
static unsigned each_row(const char *path, void (*check)(const char *line))
{
	FILE *file = fopen(path, "re");
	unsigned rows = 0;
	char line[256];

	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	while (fgets(line, sizeof(line), file)) {
		check(line);
		rows++;
	}
	fclose(file);
	return rows;
}

static enum paging paging_of(const char *name)
{
	assert_true(!strcmp(name, "nested") || !strcmp(name, "shadow"));
	return name[0] == 'n' ? PAGING_NESTED : PAGING_SHADOW;
}

/*
 * The guests of table footprints (space/laboratory_guest.c): control pages and tables from 1 GiB of guest-physical memory
 * on, in less than 2 MiB; a door at 3 GiB; memory from 4 GiB on.
 */
static uint64_t hypervisor_pages(const struct model_footprint_request *request, enum paging paging)
{
	uint64_t memory = request->mapped_bytes * (request->shared ? 1 : request->processes);
	const struct model_range physical[] = { { 1 * GIB, PAGE_2M, 1 }, { 3 * GIB, PAGE_4K, 1 },
		{ 4 * GIB, memory, request->host.leaf_level } };
	const struct model_range control = { LABORATORY_CONTROL, PAGE_4K, 1 };
	struct model_table_pages pages;
	struct model_footprint footprint;

	if (paging == PAGING_NESTED) {
		model_tree_pages(physical, 3, request->host.levels, &pages);
		/* SecPageTables does not count the root (Linux 6.1, arch/x86/kvm/mmu/tdp_mmu.c). */
		return request->vms * (model_table_pages_sum(&pages) - 1);
	}
	model_footprint(request, &footprint);
	/* All processes of a VM have the tables of its control pages in common, but for the root. */
	model_tree_pages(&control, 1, request->guest.levels, &pages);
	return model_table_pages_sum(&footprint.shadow.pages) + request->vms * (model_table_pages_sum(&pages) - 1);
}

static void check_tables(const char *line)
{
	struct model_footprint_request request = { .guest.levels = 4, .host.levels = 4 };
	char machine[16], mode[16], memory[16];
	uint64_t guest_leaf, host_leaf, guest_pages, counted;
	struct model_footprint footprint;

	assert_int_equal(sscanf(line,
				 "%15s %15s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %15s %" SCNu64 " %" SCNu64
				 " %" SCNu64,
				 machine, mode, &request.vms, &request.processes, &guest_leaf, &host_leaf, memory,
				 &request.mapped_bytes, &guest_pages, &counted),
		10);
	request.guest.leaf_level = model_leaf_level(guest_leaf);
	request.host.leaf_level = model_leaf_level(host_leaf);
	request.shared = !strcmp(memory, "shared");
	model_footprint(&request, &footprint);
	if (model_table_pages_sum(&footprint.guest.pages) != guest_pages ||
		hypervisor_pages(&request, paging_of(mode)) != counted)
		print_message("%s", line);
	assert_int_equal(model_table_pages_sum(&footprint.guest.pages), guest_pages);
	assert_int_equal(hypervisor_pages(&request, paging_of(mode)), counted);
}

static void tables_are_predicted_to_the_page(void **unused)
{
	(void)unused;
	assert_in_range(each_row(COUNTS "tables.tsv", check_tables), 60, 200);
}

static unsigned index_of(const char *name, const char *const *names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(name, names[i]))
			return i;
	fail_msg("no such name: %s", name);
	return 0;
}

/* One exit ends the experiment; interrupts of the host are no matter of theory. */
static void check_faults(const char *line)
{
	char machine[16], mode[16], kind[16], flush_name[16], order[16];
	uint64_t pages, exits, interrupts;
	enum model_fault fault;
	enum model_flush flush;
	enum paging paging;

	assert_int_equal(sscanf(line, "%15s %15s %15s %15s %15s %" SCNu64 " %" SCNu64 " %" SCNu64, machine, mode, kind,
				 flush_name, order, &pages, &exits, &interrupts),
		8);
	paging = paging_of(mode);
	fault = index_of(kind, model_fault_names, MODEL_FAULTS);
	flush = index_of(flush_name, model_flush_names, MODEL_FLUSHES);
	if (exits - interrupts - 1 !=
		pages * (uint64_t)model_exits_per_fault(paging, fault, flush) +
			(pages + 511) / 512 * (uint64_t)model_exits_per_table(paging, fault, flush))
		print_message("%s", line);
	assert_int_equal(exits - interrupts - 1,
		pages * (uint64_t)model_exits_per_fault(paging, fault, flush) +
			(pages + 511) / 512 * (uint64_t)model_exits_per_table(paging, fault, flush));
}

static void exits_of_faults_are_predicted_to_the_exit(void **unused)
{
	(void)unused;
	assert_in_range(each_row(COUNTS "faults.tsv", check_faults), 28, 200);
}

/* Leaving the guest, and interrupts, add some hundredths. */
static void check_loads(const char *line)
{
	char machine[16], mode[16], change[16], pcid[16];
	double counted;
	int theory;

	assert_int_equal(sscanf(line, "%15s %15s %15s %15s %lf", machine, mode, change, pcid, &counted), 5);
	theory = model_exits_per_cr3_load(paging_of(mode));
	assert_true(counted >= theory && counted < theory + 0.05);
}

static void exits_of_loads_are_predicted(void **unused)
{
	(void)unused;
	assert_in_range(each_row(COUNTS "loads.tsv", check_loads), 4, 200);
	assert_true(model_exits_per_cr3_load(PAGING_NATIVE) < 0);
	assert_true(model_exits_per_fault(PAGING_SOFTWARE, MODEL_FAULT_WARM, MODEL_FLUSH_NONE) < 0);
	assert_true(model_exits_per_fault(PAGING_SHADOW, MODEL_FAULT_BACKING, MODEL_FLUSH_CR3) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references_of_walks),
		cmocka_unit_test(references_that_remain),
		cmocka_unit_test(trees_and_tables_of_a_footprint),
		cmocka_unit_test(ranges_share_tables),
		cmocka_unit_test(tables_are_predicted_to_the_page),
		cmocka_unit_test(exits_of_faults_are_predicted_to_the_exit),
		cmocka_unit_test(exits_of_loads_are_predicted),
	};

	return cmocka_run_group_tests_name("model theory", tests, NULL, NULL);
}
