#include "measure/effective_leaf.h"

#include "machine/memory.h"
#include "machine/outer.h"
#include "space/leaf_probe.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Whether there is memory for a probe now. 0, or -errno with *why. */
static int probe_is_possible(
	const struct machine_source *source, enum backing backing, bool may_take_1g, struct reason *why)
{
	uint64_t page_bytes = backing_page_bytes(backing), pages = leaf_probe_bytes(page_bytes) / page_bytes,
		 free_pages;
	struct outer outer;
	struct size_text size;
	struct reason pool;
	int error;

	machine_outer(source, &outer);
	if (strstr(outer.name, "TCG") || strstr(outer.name, "emulat"))
		return fail(why, ENOTSUP, "the times of an emulated machine say nothing about a processor's TLBs");
	if (page_bytes == PAGE_1G && !may_take_1g)
		return fail(why, EAGAIN,
			"zeroing a page of 1G takes longer than a look at a machine may: a run that finds one free tells");
	if (!backing_is_hugetlb(backing))
		return 0;
	error = hugetlb_free(source, page_bytes, -1, &free_pages, &pool);
	if (error || free_pages < pages)
		return fail(why, error ? -error : ENOMEM, "a probe takes %" PRIu64 " MiB of huge pages of %s: %s",
			pages * page_bytes / MIB, size_format(page_bytes, &size), pool.text);
	return 0;
}

static int backing_probe(enum backing backing, struct leaf *leaf, struct reason *why)
{
	struct backed memory;
	int error = backed_alloc(&memory, backing, leaf_probe_bytes(backing_page_bytes(backing)), NULL, why);

	if (error)
		return error;
	error = leaf_probe_memory(&memory, leaf, why);
	backed_free(&memory);
	return error;
}

static json_t *proof_of_leaf_json(const struct leaf_costs *proof)
{
	if (!proof->apart_bytes)
		return json_null();
	return json_pack("{s:i, s:I, s:f, s:f, s:f}", "lines", LEAF_LINES, "apart_bytes",
		(json_int_t)proof->apart_bytes, "cycles", proof->cycles, "packed_cycles", proof->packed_cycles,
		"control_cycles", proof->control_cycles);
}

json_t *effective_leaf_json(const struct machine_source *source, bool may_take_1g)
{
	json_t *all = json_object();

	for (enum backing backing = 0; all && backing < BACKING_LEAVES; backing++) {
		struct leaf leaf = { .page_bytes = backing_page_bytes(backing) };
		int error = probe_is_possible(source, backing, may_take_1g, &leaf.reason);
		bool known;

		if (!error)
			error = backing_probe(backing, &leaf, &leaf.reason);
		known = !error && leaf.leaf_bytes;
		if (json_object_set_new(all, backing_name(backing),
			    json_pack("{s:I, s:o, s:o, s:o}", "page_size_bytes", (json_int_t)leaf.page_bytes,
				    "leaf_bytes", known ? json_integer((json_int_t)leaf.leaf_bytes) : json_null(),
				    "reason", known ? json_null() : json_string(leaf.reason.text), "proof",
				    proof_of_leaf_json(&leaf.proof)))) {
			json_decref(all);
			all = NULL;
		}
	}
	return all;
}
