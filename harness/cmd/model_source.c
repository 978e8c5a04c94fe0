/* Descriptions that need no words: what a machine advertises, and what a run has found. */
#include "cmd/model.h"

#include "base/member.h"
#include "base/units.h"
#include "cmd/database.h"
#include "infer/model_describe.h"
#include "machine/machine.h"
#include "record/database.h"
#include "record/load.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- advertised --- */

static bool holds_page(const json_t *tlb, uint64_t page_bytes)
{
	const json_t *sizes = json_object_get(tlb, "page_sizes_bytes"), *size;
	size_t i;

	json_array_foreach (sizes, i, size) {
		if (json_integer_value(size) == (json_int_t)page_bytes)
			return true;
	}
	return false;
}

static bool is_for_loads(const json_t *part)
{
	return !member_is(part, "kind", "instruction") && !member_is(part, "kind", "store") &&
	       !member_is(part, "type", "instruction");
}

static uint64_t member_number(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));

	return number > 0 ? (uint64_t)number : 0;
}

/* The largest of the parts of a level that loads of such pages use; page_bytes 0: a cache. */
static const json_t *part_find(const json_t *parts, unsigned level, uint64_t page_bytes, const char *size)
{
	const json_t *part, *found = NULL;
	size_t i;

	json_array_foreach (parts, i, part) {
		if (member_number(part, "level") != level || !is_for_loads(part) ||
			(page_bytes && !holds_page(part, page_bytes)))
			continue;
		if (!found || member_number(part, size) > member_number(found, size))
			found = part;
	}
	return found;
}

/* Entries and ways as advertised; false: these cannot be. */
static bool shape_read(const json_t *part, uint64_t entries, struct model_shape *shape)
{
	uint64_t ways = member_number(part, "ways");

	*shape = (struct model_shape){ 0 };
	shape->ways = (uint32_t)(ways && ways <= MODEL_WAYS_MOST ? ways : entries);
	return entries && entries <= MODEL_ENTRIES_MOST && !model_describe_sets(shape, entries, NULL);
}

static void tlbs_advertised(struct model_request *request, const json_t *machine)
{
	const json_t *list = json_object_get(machine, "tlbs_advertised");
	struct model_machine *out = &request->machine;

	list = json_is_array(list) ? list : json_object_get(list, "entries");
	for (out->tlbs = 0; out->tlbs < MODEL_LEVELS; out->tlbs++) {
		const json_t *part = part_find(list, out->tlbs + 1, request->leaf_bytes, "entries");
		struct model_level level = { .cycles = out->tlbs ? NAN : 0 };

		if (!part || !shape_read(part, member_number(part, "entries"), &level.shape))
			break;
		if (!member_number(part, "ways") && !member_is(part, "ways", "full"))
			model_note(&request->notes,
				"L%u TLB: its ways are not advertised; it is taken as fully associative",
				out->tlbs + 1);
		out->tlb[out->tlbs] = level;
	}
	if (out->tlbs)
		model_note(&request->notes,
			"TLBs are those advertised, which need not be true; replacement is taken as LRU");
	else
		model_note(&request->notes, "no TLBs for such pages are advertised: --tlb describes them");
}

static void caches_advertised(struct model_request *request, const json_t *machine)
{
	const json_t *list = json_object_get(json_object_get(machine, "topology"), "caches");
	struct model_machine *out = &request->machine;

	for (out->caches = 0; out->caches < MODEL_LEVELS; out->caches++) {
		const json_t *part = part_find(list, out->caches + 1, 0, "size_bytes");
		struct model_level level = { .cycles = NAN };

		if (!part || !shape_read(part, member_number(part, "size_bytes") / LINE_BYTES, &level.shape))
			break;
		out->cache[out->caches] = level;
	}
}

static void levels_used(struct model_request *request, const json_t *machine)
{
	uint64_t levels = member_number(json_object_get(machine, "paging"), "levels_used");

	if (levels == 4 || levels == 5)
		request->machine.guest.tree.levels = request->machine.host.tree.levels = (unsigned)levels;
}

int model_source_cpuid(struct model_request *request, const char *dump, struct reason *why)
{
	static struct machine_source source;
	json_t *machine;
	int error = 0;

	if (dump)
		error = machine_source_cpuid(&source, dump, why);
	else
		machine_source_live(&source);
	if (error)
		return error;
	machine = machine_describe(&source);
	if (machine) {
		tlbs_advertised(request, machine);
		caches_advertised(request, machine);
		levels_used(request, machine);
	}
	json_decref(machine);
	machine_source_close(&source);
	request->source = dump ? "a register dump of CPUID" : "what CPUID advertises on this machine";
	return machine ? 0 : fail(why, ENOMEM, "out of memory");
}

/* --- found by a run --- */

/*
 * Levels of the host: sets and ways where chases over chosen pages have shown them, else the entries that a curve shows.
 * In a run without a host, those of its first setting.
 */
static const char levels_query[] =
	"SELECT level, sets, ways, entries, index_function, replacement, added FROM (SELECT g.level, g.sets, g.ways, g.entries,"
	" g.index_function, g.replacement, (SELECT added_cycles FROM tlb_level t JOIN curve c USING (curve) WHERE c.setting ="
	" g.setting AND c.page_size_bytes = ?1 AND t.level = g.level ORDER BY c.stride_pages LIMIT 1) AS added, 0 AS rank,"
	" g.place_rank FROM geometry g WHERE g.page_size_bytes = ?1 AND g.sets IS NOT NULL UNION ALL SELECT t.level, NULL, NULL,"
	" t.entries, NULL, CASE t.law WHEN 'random' THEN 'random' END, t.added_cycles, 1, c.place_rank FROM tlb_level t JOIN"
	" curve c USING (curve) WHERE c.page_size_bytes = ?1 AND c.stride_pages = 1) WHERE level = ?2"
	" ORDER BY place_rank, rank LIMIT 1";

/* "bits 0-6 and 9 of the page number" as "0-6+9"; "XOR of bits 0-7 and 8-15 of the page number" as "0-7^8-15". */
static void index_read(const char *text, struct model_shape *shape, struct model_notes *notes)
{
	bool folded = !strncmp(text, "XOR of bits ", 12);
	char bits[96] = "";
	size_t used = 0;

	if (!folded && strncmp(text, "bits ", 5)) /* "page number modulo 256", "none: one set" */
		return;
	for (text += folded ? 12 : 5; *text && strncmp(text, " of", 3) && used + 1 < sizeof(bits);) {
		bool comma = !strncmp(text, ", ", 2), and = !strncmp(text, " and ", 5);

		bits[used++] = and&&folded ? '^' : comma || and? '+' : *text;
		text += comma ? 2 : and? 5 : 1;
	}
	if (model_describe_index(shape, bits, NULL)) {
		shape->index = (struct model_index){ 0 };
		model_note(notes, "the run's index '%s' is not understood: low bits are taken instead", bits);
	}
}

static enum model_replacement replacement_read(const char *text)
{
	if (text && !strcmp(text, "random"))
		return MODEL_RANDOM;
	return text && !strcmp(text, "pseudo-LRU") ? MODEL_PLRU : MODEL_LRU;
}

static bool level_read(struct model_request *request, sqlite3_stmt *row, double *added)
{
	double sets = database_number(row, 1), ways = database_number(row, 2), entries = database_number(row, 3);
	const char *index = (const char *)sqlite3_column_text(row, 4);
	struct model_level level = { .cycles = *added };
	struct model_machine *machine = &request->machine;

	if (isnan(sets) || isnan(ways)) {
		sets = 1;
		ways = entries;
		model_note(&request->notes, "L%u TLB: the run has not found its sets; it is taken as fully associative",
			machine->tlbs + 1);
	}
	if (!(sets >= 1 && ways >= 1 && ways <= MODEL_WAYS_MOST && sets * ways <= MODEL_ENTRIES_MOST))
		return false;
	level.shape = (struct model_shape){ .sets = (uint32_t)sets,
		.ways = (uint32_t)ways,
		.replacement = replacement_read((const char *)sqlite3_column_text(row, 5)) };
	if (index)
		index_read(index, &level.shape, &request->notes);
	*added = database_number(row, 6);
	machine->tlb[machine->tlbs++] = level;
	return true;
}

static int tlbs_found(struct model_request *request, sqlite3 *db, struct reason *why)
{
	double added = 0; /* what a miss of the level before adds: a hit of this one costs as much more */
	int rc = 1;

	request->machine.tlbs = 0;
	for (int level = 1; level <= MODEL_LEVELS && rc > 0; level++) {
		sqlite3_stmt *row = database_prepare(db, levels_query, why);

		if (!row)
			return -EIO;
		sqlite3_bind_int64(row, 1, (sqlite3_int64)request->leaf_bytes);
		sqlite3_bind_int(row, 2, level);
		rc = database_step(row, why);
		if (rc > 0 && !level_read(request, row, &added))
			rc = 0;
		sqlite3_finalize(row);
	}
	return rc < 0 ? rc : 0;
}

int model_source_run(struct model_request *request, const char *run, struct reason *why)
{
	const char *runs[] = { run };
	json_t *about = NULL;
	sqlite3 *db = NULL;
	int rc = run_about_load(run, &about, why);

	if (!rc)
		rc = cmd_database_open(runs, 1, DATABASE_SAMPLES, &db, why);
	if (!rc)
		rc = cmd_database_fill(db, why);
	if (!rc) {
		const json_t *machine = json_object_get(about, "machine");

		caches_advertised(request, machine);
		levels_used(request, machine);
		rc = tlbs_found(request, db, why);
		if (!rc && !request->machine.tlbs) {
			model_note(&request->notes, "the run has found no TLB level for such pages");
			tlbs_advertised(request, machine);
		}
	}
	sqlite3_close(db);
	json_decref(about);
	request->source = "what the run has found";
	return rc;
}
