/* The answer of nestwalk model for machines. */
#include "cmd/model.h"

#include "base/member.h"
#include "base/units.h"
#include "base/vocabulary.h"
#include "infer/model_describe.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

static const uint64_t leaves[] = { PAGE_4K, PAGE_2M, PAGE_1G };

static json_t *words_or_null(const char *words)
{
	return words[0] ? json_string(words) : json_null();
}

static json_t *machine_make(const struct model_request *request)
{
	const struct model_machine *machine = &request->machine;
	json_t *notes = json_array();

	for (size_t i = 0; i < request->notes.count; i++)
		json_array_append_new(notes, json_string(request->notes.at[i].text));
	return json_pack("{s:s, s:i, s:I, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "source",
		request->source, "levels", (int)machine->guest.tree.levels, "page_size_bytes",
		(json_int_t)request->leaf_bytes, "host_levels", (int)machine->host.tree.levels, "host_page_size_bytes",
		(json_int_t)request->host_leaf_bytes, "tlb", words_or_null(model_words_tlbs(machine).text),
		"walk_caches", words_or_null(model_words_held(&machine->guest).text), "host_walk_caches",
		words_or_null(model_words_held(&machine->host).text), "nested_tlb",
		words_or_null(model_words_nested_tlb(machine).text), "caches",
		words_or_null(model_words_caches(machine).text), "walk_from",
		(const char *[]){ "L1", "L2", "L3", "L4" }[machine->walk_from], "memory_cycles",
		number_or_null(machine->memory_cycles), "reference_cycles", number_or_null(machine->reference_cycles),
		"notes", notes);
}

/* Every combination of leaves and of what is held on either side. */
static json_t *references_make(const struct model_machine *machine)
{
	json_t *list = json_array();

	for (unsigned g = 0; g < 3; g++)
		for (unsigned h = 0; h < 3; h++)
			for (unsigned guest_held = g + 1; guest_held <= machine->guest.tree.levels; guest_held++)
				for (unsigned host_held = h + 1; host_held <= machine->host.tree.levels; host_held++) {
					/* A level that is the leaf's own stands for nothing held. */
					struct model_tree guest = { machine->guest.tree.levels, g + 1,
						guest_held > g + 1 ? guest_held : 0 };
					struct model_tree host = { machine->host.tree.levels, h + 1,
						host_held > h + 1 ? host_held : 0 };
					struct model_tree shadow = model_shadow_tree(&guest, &host);
					struct model_nested_held none = { false, false }, tables = { true, false };

					/* The merged tree's leaf may be the host's, below what the guest's may hold. */
					json_array_append_new(list,
						json_pack("{s:I, s:I, s:s?, s:s?, s:i, s:i, s:i, s:i}",
							"page_size_bytes", (json_int_t)leaves[g],
							"host_page_size_bytes", (json_int_t)leaves[h], "held",
							guest.held_level ? model_entry_names[guest.held_level] : NULL,
							"host_held",
							host.held_level ? model_entry_names[host.held_level] : NULL,
							"native", (int)model_tree_reads(&guest), "nested",
							(int)model_nested_references(&guest, &host, none),
							"nested_with_tables_in_nested_tlb",
							(int)model_nested_references(&guest, &host, tables), "shadow",
							(int)model_tree_reads(&shadow)));
				}
	return list;
}

static json_t *trees_make(const struct model_trees *trees)
{
	uint64_t pages = model_table_pages_sum(&trees->pages);
	json_t *levels = json_array();

	for (unsigned level = 1; level <= MODEL_TREE_LEVELS_MOST; level++)
		json_array_append_new(levels, json_integer((json_int_t)trees->pages.of_level[level]));
	return json_pack("{s:I, s:I, s:I, s:o}", "trees", (json_int_t)trees->trees, "pages", (json_int_t)pages, "bytes",
		(json_int_t)(pages * PAGE_4K), "pages_by_level", levels);
}

static json_t *tables_make(const struct model_request *request)
{
	struct model_footprint footprint;

	model_request_footprint(request, &footprint);
	return json_pack("{s:I, s:I, s:I, s:s, s:o, s:o, s:o, s:o}", "vms", (json_int_t)request->vms, "processes",
		(json_int_t)request->processes, "mapped_bytes", (json_int_t)request->mapped_bytes, "memory",
		request->shared_memory ? "shared" : "own", "native", trees_make(&footprint.native), "guest",
		trees_make(&footprint.guest), "nested", trees_make(&footprint.nested), "shadow",
		trees_make(&footprint.shadow));
}

static json_t *fault_make(enum model_fault fault, enum model_flush flush)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i}", "kind", model_fault_names[fault], "flush",
		model_flush_names[flush], "nested", model_exits_per_fault(PAGING_NESTED, fault, flush), "shadow",
		model_exits_per_fault(PAGING_SHADOW, fault, flush), "nested_per_table",
		model_exits_per_table(PAGING_NESTED, fault, flush), "shadow_per_table",
		model_exits_per_table(PAGING_SHADOW, fault, flush));
}

static json_t *exits_make(void)
{
	json_t *faults = json_array();

	for (enum model_fault fault = 0; fault < MODEL_FAULTS; fault++)
		for (enum model_flush flush = 0; flush < MODEL_FLUSHES; flush++)
			if (model_exits_per_fault(PAGING_NESTED, fault, flush) >= 0)
				json_array_append_new(faults, fault_make(fault, flush));
	return json_pack("{s:o, s:{s:i, s:i}}", "faults", faults, "cr3_load", "nested",
		model_exits_per_cr3_load(PAGING_NESTED), "shadow", model_exits_per_cr3_load(PAGING_SHADOW));
}

static json_t *shares_make(const uint64_t *counts, unsigned levels, uint64_t accesses)
{
	json_t *list = json_array();

	for (unsigned level = 0; level <= levels; level++)
		json_array_append_new(list, json_real((double)counts[level] / (double)accesses));
	return list;
}

static json_t *mode_make(const struct model_row *row, enum model_mode mode, const struct model_machine *machine)
{
	const struct model_counts *counts = &row->counts[mode];
	double accesses = (double)counts->accesses;

	return json_pack("{s:o, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:o}", "tlb_share",
		shares_make(counts->tlb, machine->tlbs, counts->accesses), "walks",
		(double)counts->tlb[machine->tlbs] / accesses, "references",
		(double)(counts->references[MODEL_GUEST] + counts->references[MODEL_HOST]) / accesses,
		"host_references", (double)counts->references[MODEL_HOST] / accesses, "shortened_walks",
		(double)counts->held[MODEL_GUEST] / accesses, "nested_tlb_hits", (double)counts->nested_tlb / accesses,
		"reference_lines", shares_make(counts->walk_lines, machine->caches, counts->accesses), "data_lines",
		shares_make(counts->data_lines, machine->caches, counts->accesses), "translation_cycles",
		number_or_null(row->translation_cycles[mode]), "data_cycles", number_or_null(row->data_cycles[mode]));
}

static int curve_make(const struct model_request *request, json_t *curve, struct reason *why)
{
	int error = 0;

	for (size_t i = 0; request->machine.tlbs && !error && i < request->counts; i++) {
		struct model_row row;
		json_t *point = json_object();

		error = model_row_make(request, i, &row, why);
		json_object_set_new(point, "pages", json_integer((json_int_t)row.pages));
		for (enum model_mode mode = 0; !error && mode < MODEL_MODES; mode++)
			json_object_set_new(
				point, paging_name(model_mode_paging[mode]), mode_make(&row, mode, &request->machine));
		json_array_append_new(curve, point);
	}
	return error;
}

int model_print_json(const struct model_request *request, struct reason *why)
{
	json_t *curve = json_array();
	int error = curve_make(request, curve, why);
	json_t *answer = json_pack("{s:o, s:o, s:o, s:o, s:o}", "machine", machine_make(request), "references",
		references_make(&request->machine), "tables", tables_make(request), "exits", exits_make(), "curve",
		curve);

	if (!error && !answer)
		error = fail(why, ENOMEM, "out of memory");
	if (!error) {
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
		putchar('\n');
	}
	json_decref(answer);
	return error;
}
