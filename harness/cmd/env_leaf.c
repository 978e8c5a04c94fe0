#include "cmd/env_leaf.h"

#include "base/member.h"
#include "cmd/print.h"

/* "4K: 256 lines 32K apart cost 11.0 cycles an access, packed 4.0, in as many 4K pages 11.0" */
void env_leaf_print(const json_t *machine)
{
	const json_t *probed;
	const char *backing;

	if (!json_object_get(machine, "effective_leaf"))
		return;
	print_section("Effective leaf: the largest piece of a page that a TLB entry holds here");
	json_object_foreach (json_object_get(machine, "effective_leaf"), backing, probed) {
		const json_t *proof = json_object_get(probed, "proof");
		struct print_text leaf, apart;

		if (!json_is_integer(json_object_get(probed, "leaf_bytes"))) {
			print_row(backing, "unknown: %s", member_text(probed, "reason"));
			continue;
		}
		print_row(backing,
			"%s: %" JSON_INTEGER_FORMAT
			" lines %s apart cost %.1f cycles an access, packed %.1f, in as many 4K pages %.1f",
			print_value(json_object_get(probed, "leaf_bytes"), PRINT_BYTES, &leaf),
			json_integer_value(json_object_get(proof, "lines")),
			print_value(json_object_get(proof, "apart_bytes"), PRINT_BYTES, &apart),
			json_number_value(json_object_get(proof, "cycles")),
			json_number_value(json_object_get(proof, "packed_cycles")),
			json_number_value(json_object_get(proof, "control_cycles")));
	}
}
