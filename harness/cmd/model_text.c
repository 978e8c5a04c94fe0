/* The answer of nestwalk model for people. */
#include "cmd/model.h"

#include "base/format.h"
#include "base/units.h"
#include "infer/model_describe.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS 80u

static const uint64_t leaves[] = { PAGE_4K, PAGE_2M, PAGE_1G };
#define LEAVES 3u

static void section(const char *title)
{
	printf("\n%s\n", title);
}

/* Words behind a label, broken behind one of `parts` where the line is full. */
static void words_print(const char *label, const char *words, const char *parts)
{
	const size_t room = COLUMNS - 16;

	for (; *words; label = "") {
		size_t length = strlen(words), shown;

		if (length > room)
			for (length = room; length && !strchr(parts, words[length - 1]);)
				length--;
		/* One long word is better whole than broken. */
		if (!length)
			length = strcspn(words, parts) + 1;
		shown = words[length - 1] == ' ' ? length - 1 : length;
		printf("  %-12s  %.*s\n", label, (int)shown, words);
		words += length < strlen(words) ? length : strlen(words);
	}
}

static void machine_print(const struct model_request *request)
{
	const struct model_machine *machine = &request->machine;
	struct size_text guest, host;
	char trees[96];

	printf("Theory for %s\n\n", request->source);
	snprintf(trees, sizeof(trees), "%u levels, pages of %s; the host's: %u levels, pages of %s",
		machine->guest.tree.levels, size_format(request->leaf_bytes, &guest), machine->host.tree.levels,
		size_format(request->host_leaf_bytes, &host));
	words_print("tables", trees, " ");
	words_print("TLBs", machine->tlbs ? model_words_tlbs(machine).text : "not described", ",");
	words_print("entries held", model_words_held(&machine->guest).text, ",");
	words_print("host entries", model_words_held(&machine->host).text, ",");
	words_print("nested TLB", model_words_nested_tlb(machine).text, ",");
	words_print("caches", model_words_caches(machine).text, ",");
	for (size_t i = 0; i < request->notes.count; i++)
		words_print(i ? "" : "assumed", request->notes.at[i].text, " ");
}

static struct model_tree tree_of(const struct model_tree *tree, uint64_t leaf_bytes, unsigned held_level)
{
	return (struct model_tree){ tree->levels, model_leaf_level(leaf_bytes), held_level };
}

static void references_print(const struct model_request *request)
{
	const struct model_machine *machine = &request->machine;
	const struct model_nested_held nothing = { false, false };

	section("References of a walk, with nothing held");
	printf("  %-12s  %6s  %26s  %26s\n", "", "", "nested, on host leaves of", "shadow, on host leaves of");
	printf("  %-12s  %6s  %8s %8s %8s  %8s %8s %8s\n", "guest's leaf", "native", "4K", "2M", "1G", "4K", "2M",
		"1G");
	for (unsigned g = 0; g < LEAVES; g++) {
		struct model_tree guest = tree_of(&machine->guest.tree, leaves[g], 0);
		struct size_text size;

		printf("  %-12s  %6u ", size_format(leaves[g], &size), model_tree_reads(&guest));
		for (unsigned h = 0; h < LEAVES; h++) {
			struct model_tree host = tree_of(&machine->host.tree, leaves[h], 0);

			printf(" %8u", model_nested_references(&guest, &host, nothing));
		}
		printf(" ");
		for (unsigned h = 0; h < LEAVES; h++) {
			struct model_tree host = tree_of(&machine->host.tree, leaves[h], 0);
			struct model_tree merged = model_shadow_tree(&guest, &host);

			printf(" %8u", model_tree_reads(&merged));
		}
		printf("\n");
	}
}

/* By what is held of the guest's tree (rows) and of the host's (columns). */
static void remaining_print(const struct model_request *request)
{
	const struct model_machine *machine = &request->machine;
	struct model_tree host = tree_of(&machine->host.tree, request->host_leaf_bytes, 0), near = host;
	const struct model_nested_held nothing = { false, false }, tables = { true, false }, all = { true, true };

	near.held_level = near.leaf_level + 1;
	section("What is left of them where upper entries are held, for these pages");
	printf("  %-11s  %6s  %9s  %12s %10s\n", "", "", "nested:", "host's", "nested TLB");
	printf("  %-11s  %6s  %9s  %12s %10s %12s %8s\n", "guest holds", "native", "no more",
		model_entry_names[near.held_level], "has tables", "and host's", "has all");
	for (unsigned level = machine->guest.tree.levels + 1; level > model_leaf_level(request->leaf_bytes); level--) {
		unsigned held = level > machine->guest.tree.levels ? 0 : level;
		struct model_tree guest = tree_of(&machine->guest.tree, request->leaf_bytes, held);

		printf("  %-11s  %6u  %9u  %12u %10u %12u %8u\n", held ? model_entry_names[held] : "nothing",
			model_tree_reads(&guest), model_nested_references(&guest, &host, nothing),
			model_nested_references(&guest, &near, nothing), model_nested_references(&guest, &host, tables),
			model_nested_references(&guest, &near, tables), model_nested_references(&guest, &host, all));
	}
}

static void trees_print(const char *name, const struct model_trees *trees)
{
	uint64_t pages = model_table_pages_sum(&trees->pages);

	printf("  %-18s %7" PRIu64, name, trees->trees);
	for (unsigned level = MODEL_TREE_LEVELS_MOST; level >= 1; level--)
		printf(" %7" PRIu64, trees->pages.of_level[level]);
	printf("  %10s\n", format_bytes((double)(pages * PAGE_4K)).text);
}

static void together_print(const char *name, const struct model_trees *guest, const struct model_trees *hypervisor)
{
	uint64_t pages = model_table_pages_sum(&guest->pages) + model_table_pages_sum(&hypervisor->pages);

	printf("  %-18s %7" PRIu64 "  %-38s  %10s\n", name, guest->trees + hypervisor->trees, "with the guests'",
		format_bytes((double)(pages * PAGE_4K)).text);
}

static void tables_print(const struct model_request *request)
{
	struct model_footprint footprint;
	char title[160];

	model_request_footprint(request, &footprint);
	snprintf(title, sizeof(title),
		"Page tables of %" PRIu64 " VMs of %" PRIu64 " processes, each with %s of %s memory", request->vms,
		request->processes, format_bytes((double)request->mapped_bytes).text,
		request->shared_memory ? "shared" : "its own");
	section(title);
	printf("  %-18s %7s", "", "trees");
	for (unsigned level = MODEL_TREE_LEVELS_MOST; level >= 1; level--)
		printf(" %7s", (const char *[]){ "", "PTs", "PDs", "PDPTs", "PML4s", "PML5s" }[level]);
	printf("  %10s\n", "bytes");
	trees_print("native", &footprint.native);
	trees_print("guests", &footprint.guest);
	trees_print("hypervisor, nested", &footprint.nested);
	trees_print("hypervisor, shadow", &footprint.shadow);
	together_print("nested, in all", &footprint.guest, &footprint.nested);
	together_print("shadow, in all", &footprint.guest, &footprint.shadow);
}

static void exits_print(void)
{
	static const char *const faults[MODEL_FAULTS] = {
		[MODEL_FAULT_WARM] = "fault on a frame that has memory",
		[MODEL_FAULT_COLD] = "fault on a frame that has none yet",
		[MODEL_FAULT_UPGRADE] = "fault that makes a page writable",
		[MODEL_FAULT_BACKING] = "memory that the host took away",
	};
	static const char *const flushes[MODEL_FLUSHES] = { "", ", then invlpg", ", then CR3 again" };

	section("Exits of a guest under Linux's KVM");
	printf("  %-52s  %8s  %8s\n", "", "nested", "shadow");
	for (enum model_fault fault = 0; fault < MODEL_FAULTS; fault++)
		for (enum model_flush flush = 0; flush < MODEL_FLUSHES; flush++) {
			char name[80];

			snprintf(name, sizeof(name), "%s%s", faults[fault], flushes[flush]);
			if (model_exits_per_fault(PAGING_NESTED, fault, flush) >= 0)
				printf("  %-52s  %8d  %8d\n", name, model_exits_per_fault(PAGING_NESTED, fault, flush),
					model_exits_per_fault(PAGING_SHADOW, fault, flush));
		}
	printf("  %-52s  %8d  %8d\n", "a table's first changed entry, without CR3, once",
		model_exits_per_table(PAGING_NESTED, MODEL_FAULT_WARM, MODEL_FLUSH_NONE),
		model_exits_per_table(PAGING_SHADOW, MODEL_FAULT_WARM, MODEL_FLUSH_NONE));
	printf("  %-52s  %8d  %8d\n", "load of CR3", model_exits_per_cr3_load(PAGING_NESTED),
		model_exits_per_cr3_load(PAGING_SHADOW));
}

static void row_print(const struct model_row *row, const struct model_machine *machine)
{
	printf("  %9s", format_count((double)row->pages).text);
	for (enum model_mode mode = 0; mode < MODEL_MODES; mode++) {
		const struct model_counts *counts = &row->counts[mode];
		double accesses = (double)counts->accesses;
		double references = (double)(counts->references[MODEL_GUEST] + counts->references[MODEL_HOST]);

		printf(" %7.1f%% %5.2f %7s", 100 * (double)counts->tlb[machine->tlbs] / accesses, references / accesses,
			format_number(row->translation_cycles[mode]).text);
	}
	printf("\n");
}

static int curve_print(const struct model_request *request, struct reason *why)
{
	bool unknown = false;
	int error = 0;

	if (!request->machine.tlbs) {
		section("No curve: --tlb, --cpuid or --run must tell the TLBs.");
		return 0;
	}
	section("A chase over so many pages, simulated: what each access costs in translation");
	printf("  %9s %22s %22s %22s\n", "", "native", "nested", "shadow");
	printf("  %9s", "pages");
	for (enum model_mode mode = 0; mode < MODEL_MODES; mode++)
		printf(" %8s %5s %7s", "walks", "refs", "cycles");
	printf("\n");
	for (size_t i = 0; !error && i < request->counts; i++) {
		struct model_row row;

		error = model_row_make(request, i, &row, why);
		if (error)
			break;
		row_print(&row, &request->machine);
		for (enum model_mode mode = 0; mode < MODEL_MODES; mode++)
			unknown = unknown || isnan(row.translation_cycles[mode]);
	}
	if (!error && unknown)
		printf("  ? A latency is not known: say +cycles of TLB levels, and --reference-cycles or\n"
		       "  cycles of all --caches with --memory-cycles.\n");
	return error;
}

int model_print(const struct model_request *request, struct reason *why)
{
	machine_print(request);
	references_print(request);
	remaining_print(request);
	tables_print(request);
	exits_print();
	return curve_print(request, why);
}
