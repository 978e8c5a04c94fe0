/* What `nestwalk model` is asked, and what it answers; shared by the parts of this command. */
#ifndef NESTWALK_CMD_MODEL_H
#define NESTWALK_CMD_MODEL_H

#include "base/reason.h"
#include "infer/model_chase.h"
#include "infer/model_machine.h"
#include "infer/model_tables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Paging modes of which curves are drawn. */
enum model_mode {
	MODEL_NATIVE,
	MODEL_NESTED,
	MODEL_SHADOW,
	MODEL_MODES,
};
extern const enum paging model_mode_paging[MODEL_MODES];

/* Sentences about what was assumed. */
struct model_notes {
	struct reason *at; /* owned */
	size_t count;
};
/* Adds one; where memory is short it is lost. */
void model_note(struct model_notes *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct model_request {
	struct model_machine machine;
	const char *source; /* where its description comes from, for readers; borrowed */
	uint64_t leaf_bytes, host_leaf_bytes;
	uint64_t vms, processes, mapped_bytes;
	bool shared_memory;
	uint64_t *pages; /* of the chase, ascending; owned */
	size_t counts;
	uint64_t stride_pages, seed;
	bool frames_random;
	struct model_notes notes;
};

/* Fill in what a machine advertises or a run has found. Notes say what was taken from where. 0, or an error with *why. */
int model_source_cpuid(struct model_request *request, const char *dump, struct reason *why);
int model_source_run(struct model_request *request, const char *run, struct reason *why);

/* Numbers of pages, "8-64K,100000": ranges by half octaves, and single ones. 0; -EINVAL; -ENOMEM. */
int model_pages_parse(const char *text, struct model_request *request, struct reason *why);

/* A chase over so many pages, in each mode. */
struct model_row {
	uint64_t pages;
	struct model_counts counts[MODEL_MODES];
	double translation_cycles[MODEL_MODES], data_cycles[MODEL_MODES]; /* for an access; NaN: unknown */
};
/* The row of request->pages[which]. 0, or -ENOMEM with *why. */
int model_row_make(const struct model_request *request, size_t which, struct model_row *row, struct reason *why);

/* Answer for people, 80 columns wide, or for machines. 0, or an error with *why. */
int model_print(const struct model_request *request, struct reason *why);
int model_print_json(const struct model_request *request, struct reason *why);

/* The footprint that is asked for. */
void model_request_footprint(const struct model_request *request, struct model_footprint *footprint);

#endif
