/* nestwalk model: what theory says of a machine that is described in words, advertised by CPUID, or found by a run. */
#include "cmd/model.h"

#include "base/units.h"
#include "cmd/cmd.h"
#include "infer/model_describe.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Words of the command line that describe the machine; they come after what --cpuid and --run have filled in. */
enum word {
	WORD_TLB = 1000,
	WORD_CACHES,
	WORD_MEMORY_CYCLES,
	WORD_REFERENCE_CYCLES,
	WORD_WALK,
	WORD_WALK_FROM,
	WORD_WALK_CACHES,
	WORD_HOST_WALK,
	WORD_HOST_WALK_CACHES,
	WORD_NESTED_TLB,
	WORD_LEAF,
	WORD_HOST_LEAF,
	WORD_VMS,
	WORD_PROCESSES,
	WORD_MAPPED,
	WORD_MEMORY,
	WORD_PAGES,
	WORD_STRIDE,
	WORD_FRAMES,
	WORD_SEED,
	WORDS_END,
	KEY_CPUID,
	KEY_RUN,
};

struct arguments {
	const char *word[WORDS_END - WORD_TLB];
	const char *run, *dump;
	bool cpuid, json;
};

static const struct argp_option options[] = {
	{ .doc = "Where the description comes from; words below are said in addition, and count more:", .group = 1 },
	{ .name = "cpuid",
		.key = KEY_CPUID,
		.arg = "FILE",
		.flags = OPTION_ARG_OPTIONAL,
		.doc = "what CPUID advertises here, or in a register dump" },
	{ .name = "run",
		.key = KEY_RUN,
		.arg = "RUN",
		.doc = "what a run has found: TLB levels, sets and ways, what a miss adds" },
	{ .doc = "The machine:", .group = 2 },
	{ .name = "tlb", .key = WORD_TLB, .arg = "LEVELS", .doc = "as in L1:72:full,L2:3072:12way:plru:+7cycles" },
	{ .name = "walk",
		.key = WORD_WALK,
		.arg = "LEVELS",
		.doc = "levels of a guest's tables, and of native ones: 4 or 5 (4)" },
	{ .name = "host-walk",
		.key = WORD_HOST_WALK,
		.arg = "LEVELS",
		.doc = "levels of the host's tables: 4 or 5 (4)" },
	{ .name = "leaf", .key = WORD_LEAF, .arg = "SIZE", .doc = "pages in the guest's tables: 4K, 2M or 1G (4K)" },
	{ .name = "host-leaf", .key = WORD_HOST_LEAF, .arg = "SIZE", .doc = "pages in the host's tables (4K)" },
	{ .name = "walk-caches",
		.key = WORD_WALK_CACHES,
		.arg = "ENTRIES",
		.doc = "upper entries that the CPU holds, as in PDE:512:full,PDPTE:64:full" },
	{ .name = "host-walk-caches",
		.key = WORD_HOST_WALK_CACHES,
		.arg = "ENTRIES",
		.doc = "the same of the host's tables" },
	{ .name = "nested-tlb",
		.key = WORD_NESTED_TLB,
		.arg = "ENTRIES",
		.doc = "translations of guest-physical pages, as in 64:full" },
	{ .name = "caches",
		.key = WORD_CACHES,
		.arg = "LEVELS",
		.doc = "as in L1:32K:8way:4cycles,L2:1M:8way:14cycles" },
	{ .name = "memory-cycles", .key = WORD_MEMORY_CYCLES, .arg = "N", .doc = "latency of what no cache has" },
	{ .name = "walk-from",
		.key = WORD_WALK_FROM,
		.arg = "CACHE",
		.doc = "the cache that walks go to first: L1, L2, ... (L1)" },
	{ .name = "reference-cycles",
		.key = WORD_REFERENCE_CYCLES,
		.arg = "N",
		.doc = "what each reference of a walk costs, where caches do not tell" },
	{ .doc = "The chase whose cost is simulated:", .group = 3 },
	{ .name = "pages", .key = WORD_PAGES, .arg = "LIST", .doc = "how many pages, as in 8-1M or 64,72,80 (8-64K)" },
	{ .name = "stride", .key = WORD_STRIDE, .arg = "N", .doc = "so many pages apart (1)" },
	{ .name = "frames",
		.key = WORD_FRAMES,
		.arg = "WHERE",
		.doc = "pages lie in memory at random, or contiguous (random)" },
	{ .name = "seed",
		.key = WORD_SEED,
		.arg = "N",
		.doc = "of the cycle, of frames and of random replacement (1)" },
	{ .doc = "Page tables:", .group = 4 },
	{ .name = "vms", .key = WORD_VMS, .arg = "N", .doc = "virtual machines (4)" },
	{ .name = "processes", .key = WORD_PROCESSES, .arg = "N", .doc = "processes in each (10)" },
	{ .name = "mapped", .key = WORD_MAPPED, .arg = "SIZE", .doc = "memory that each process maps (1G)" },
	{ .name = "memory",
		.key = WORD_MEMORY,
		.arg = "WHOSE",
		.doc = "the processes of a VM map the same memory (shared), or own (own)" },
	{ .name = "json", .key = 'j', .doc = "print everything as one JSON object", .group = 5 },
	{ 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key >= WORD_TLB && key < WORDS_END) {
		arguments->word[key - WORD_TLB] = argument;
		return 0;
	}
	switch (key) {
	case KEY_CPUID:
		arguments->cpuid = true;
		arguments->dump = argument;
		return 0;
	case KEY_RUN:
		arguments->run = argument;
		return 0;
	case 'j':
		arguments->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is no option: a run is named as in --run RUN", argument);
		return EINVAL;
	case ARGP_KEY_END:
		if (arguments->run && arguments->cpuid)
			argp_error(state, "--cpuid and --run tell of two machines: name one of them");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "What theory says of a machine: references of a walk, pages of tables, exits of a guest, and what a chase over so "
	       "many pages costs, by simulating its TLBs, walks and caches. Nothing is measured."
	       "\vReferences and tables of a nested walk with 2M pages on the host:\n"
	       "  nestwalk model --host-leaf 2M\n"
	       "A curve, with TLBs in words; walks cost 30 cycles a reference:\n"
	       "  nestwalk model --tlb L1:72:full,L2:3072:12way:+7cycles --reference-cycles 30\n"
	       "What upper entries that are held leave of 24 references:\n"
	       "  nestwalk model --tlb L1:64:full,L2:1536:12way:+8cycles --walk-caches PDE:32:full \\\n"
	       "    --caches L1:32K:8way:4cycles,L2:1M:16way:14cycles --memory-cycles 200\n"
	       "This machine, as it advertises itself; and a run, with what it found:\n"
	       "  nestwalk model --cpuid --reference-cycles 30\n"
	       "  nestwalk model --run results/reference --reference-cycles 30\n"
	       "Words of a level, after its size and ways, in any order: lru (where nothing is said), plru, random; inclusive, "
	       "exclusive; bits0-6+9 or bits0-7^8-15 of the page number, which choose the set; cycles. docs/MODEL.md has the "
	       "theory and its sources.",
};

/* --- words that are numbers or names --- */

static int count_parse(const char *text, uint64_t most, uint64_t *count, struct reason *why)
{
	uint64_t number;

	if (size_parse(text, &number) || !number || number > most)
		return fail(why, EINVAL, "'%s' is no number from 1 to %" PRIu64, text, most);
	*count = number;
	return 0;
}

static int levels_parse(const char *text, struct model_tree *tree, struct reason *why)
{
	if (strcmp(text, "4") && strcmp(text, "5"))
		return fail(why, EINVAL, "'%s': tables have 4 or 5 levels", text);
	tree->levels = (unsigned)(text[0] - '0');
	return 0;
}

static int leaf_parse(const char *text, uint64_t *leaf_bytes, struct reason *why)
{
	uint64_t bytes;

	if (size_parse(text, &bytes) || !model_leaf_level(bytes))
		return fail(why, EINVAL, "'%s' is no page of x86-64: 4K, 2M or 1G", text);
	*leaf_bytes = bytes;
	return 0;
}

static int cycles_parse(const char *text, double *cycles, struct reason *why)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0) || isinf(value))
		return fail(why, EINVAL, "'%s' is no number of cycles", text);
	*cycles = value;
	return 0;
}

/* One of two names: 1 the first, 0 the second. */
static int choice_parse(const char *text, const char *yes, const char *no, bool *chosen, struct reason *why)
{
	if (strcmp(text, yes) && strcmp(text, no))
		return fail(why, EINVAL, "'%s': %s or %s", text, yes, no);
	*chosen = !strcmp(text, yes);
	return 0;
}

static int walk_from_parse(const char *text, struct model_machine *machine, struct reason *why)
{
	if (text[0] != 'L' || text[1] < '1' || text[1] > '0' + MODEL_LEVELS || text[2])
		return fail(why, EINVAL, "'%s' is no cache: L1, L2, ...", text);
	machine->walk_from = (unsigned)(text[1] - '1');
	return 0;
}

#define VMS_MOST 65536 /* more than a rack has; products with processes and bytes stay within 64 bits */
#define PROCESSES_MOST 65536
#define STRIDE_MOST (UINT64_C(1) << 20)
/* What a chase may span: half of the addresses that a program has with 4 levels. */
#define SPAN_MOST (64 * 1024 * GIB)

static int word_apply(struct model_request *request, enum word word, const char *text, struct reason *why)
{
	struct model_machine *machine = &request->machine;

	switch (word) {
	case WORD_TLB:
		return model_describe_tlbs(text, machine, why);
	case WORD_CACHES:
		return model_describe_caches(text, machine, why);
	case WORD_MEMORY_CYCLES:
		return cycles_parse(text, &machine->memory_cycles, why);
	case WORD_REFERENCE_CYCLES:
		return cycles_parse(text, &machine->reference_cycles, why);
	case WORD_WALK:
		return levels_parse(text, &machine->guest.tree, why);
	case WORD_HOST_WALK:
		return levels_parse(text, &machine->host.tree, why);
	case WORD_WALK_FROM:
		return walk_from_parse(text, machine, why);
	case WORD_WALK_CACHES:
		return model_describe_held(text, &machine->guest, why);
	case WORD_HOST_WALK_CACHES:
		return model_describe_held(text, &machine->host, why);
	case WORD_NESTED_TLB:
		return model_describe_nested_tlb(text, machine, why);
	case WORD_VMS:
		return count_parse(text, VMS_MOST, &request->vms, why);
	case WORD_PROCESSES:
		return count_parse(text, PROCESSES_MOST, &request->processes, why);
	case WORD_MAPPED:
		return count_parse(text, 1024 * GIB, &request->mapped_bytes, why);
	case WORD_MEMORY:
		return choice_parse(text, "shared", "own", &request->shared_memory, why);
	case WORD_PAGES:
		return model_pages_parse(text, request, why);
	case WORD_STRIDE:
		return count_parse(text, STRIDE_MOST, &request->stride_pages, why);
	case WORD_FRAMES:
		return choice_parse(text, "random", "contiguous", &request->frames_random, why);
	case WORD_SEED:
		return count_parse(text, UINT64_MAX, &request->seed, why);
	default:
		return 0;
	}
}

/* Words that do not go together. */
static int request_check(const struct model_request *request, struct reason *why)
{
	const struct model_machine *machine = &request->machine;

	if (machine->walk_from && machine->walk_from >= machine->caches)
		return fail(why, EINVAL, "--walk-from: there is no cache L%u; --caches describes %u",
			machine->walk_from + 1, machine->caches);
	if (request->mapped_bytes % request->leaf_bytes)
		return fail(why, EINVAL, "--mapped: %" PRIu64 " bytes are not whole pages of the guest",
			request->mapped_bytes);
	if (request->pages[request->counts - 1] > SPAN_MOST / request->stride_pages / request->leaf_bytes)
		return fail(why, EINVAL, "--pages: %" PRIu64 " pages, %" PRIu64 " apart, span more than 64 TiB",
			request->pages[request->counts - 1], request->stride_pages);
	return 0;
}

static const char *word_name(int key)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].key == key)
			return options[i].name;
	return "";
}

/* Take all words, those first that the sources need. false: the reason names the option. */
static int request_make(const struct arguments *arguments, struct model_request *request, struct reason *why)
{
	static const int first[] = { WORD_LEAF, WORD_HOST_LEAF };
	uint64_t *leaves[] = { &request->leaf_bytes, &request->host_leaf_bytes };
	struct reason said;
	int error = 0;

	for (size_t i = 0; i < 2; i++) {
		const char *text = arguments->word[first[i] - WORD_TLB];

		error = text ? leaf_parse(text, leaves[i], &said) : 0;
		if (error)
			return fail(why, -error, "--%s: %s", word_name(first[i]), said.text);
	}
	request->machine.guest.tree.leaf_level = model_leaf_level(request->leaf_bytes);
	request->machine.host.tree.leaf_level = model_leaf_level(request->host_leaf_bytes);
	if (arguments->cpuid)
		error = model_source_cpuid(request, arguments->dump, why);
	else if (arguments->run)
		error = model_source_run(request, arguments->run, why);
	if (!error)
		error = model_pages_parse("8-64K", request, why);
	if (error)
		return error;
	for (int key = WORD_TLB; key < WORDS_END; key++) {
		const char *text = arguments->word[key - WORD_TLB];

		error = text ? word_apply(request, (enum word)key, text, &said) : 0;
		if (error)
			return fail(why, -error, "--%s: %s", word_name(key), said.text);
	}
	return request_check(request, why);
}

int cmd_model(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct model_request request = {
		.machine = { .memory_cycles = NAN,
			.reference_cycles = NAN,
			.guest.tree.levels = 4,
			.host.tree.levels = 4 },
		.source = "the words of the command line",
		.leaf_bytes = PAGE_4K,
		.host_leaf_bytes = PAGE_4K,
		.vms = 4,
		.processes = 10,
		.mapped_bytes = GIB,
		.stride_pages = 1,
		.seed = 1,
		.frames_random = true,
	};
	struct reason why = { "" };
	int error;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	error = request_make(&arguments, &request, &why);
	if (!error)
		error = arguments.json ? model_print_json(&request, &why) : model_print(&request, &why);
	free(request.pages);
	free(request.notes.at);
	/* A word that is wrong is wrong usage; a run or a machine that cannot be read is a failure. */
	return !error ? EXIT_DONE : cmd_fail(!strncmp(why.text, "--", 2) ? EXIT_USAGE : EXIT_FAILED, &why);
}
