/* Checking what run.json says about the effective leaf of each backing. */
#include "record/check_point.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct expected_key leaf_keys[] = {
	{ "page_size_bytes", KIND_INTEGER },
	{ "leaf_bytes", KIND_INTEGER | KIND_NULL },
	{ "reason", KIND_STRING | KIND_NULL },
	{ "proof", KIND_OBJECT | KIND_NULL },
};

static const struct expected_key proof_keys[] = {
	{ "lines", KIND_INTEGER },
	{ "apart_bytes", KIND_INTEGER },
	{ "cycles", KIND_NUMBER },
	{ "packed_cycles", KIND_NUMBER },
	{ "control_cycles", KIND_NUMBER },
};

static void check_leaf(struct checking *c, const char *within, const json_t *leaf)
{
	const json_t *bytes = json_object_get(leaf, "leaf_bytes"), *proof = json_object_get(leaf, "proof");
	char beside[120];

	if (!check_keys(c, leaf, within, leaf_keys, COUNT(leaf_keys)))
		return;
	snprintf(beside, sizeof(beside), "%s.proof", within);
	if (json_is_object(proof))
		check_keys(c, proof, beside, proof_keys, COUNT(proof_keys));
	if (json_is_null(bytes))
		return; /* check_nulls() asks for the reason */
	if (json_integer_value(bytes) < 1 ||
		json_integer_value(bytes) > json_integer_value(json_object_get(leaf, "page_size_bytes")))
		finding(c, FINDING_PROBLEM, "%s.leaf_bytes is no part of its page", within);
	if (!json_is_object(proof))
		finding(c, FINDING_PROBLEM, "%s.leaf_bytes is told without a proof", within);
	if (!json_is_null(json_object_get(leaf, "reason")))
		finding(c, FINDING_PROBLEM, "%s.leaf_bytes is told with a reason why it is not", within);
}

void check_effective_leaf(struct checking *c, const json_t *machine)
{
	json_t *all = json_object_get(machine, "effective_leaf"), *leaf;
	const char *backing;

	if (all && !json_is_object(all))
		finding(c, FINDING_PROBLEM, "machine.effective_leaf is not an object");
	json_object_foreach (all, backing, leaf) {
		char within[80];

		snprintf(within, sizeof(within), "machine.effective_leaf.%s", backing);
		if (json_is_object(leaf))
			check_leaf(c, within, leaf);
		else
			finding(c, FINDING_PROBLEM, "%s is not an object", within);
	}
}
