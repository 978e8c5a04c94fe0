#include "machine/machine.h"
#include "machine/describe.h"
#include "machine/facts.h"

json_t *machine_describe(const struct machine_source *source)
{
	static const struct {
		const char *key;
		json_t *(*describe)(const struct machine_source *source);
		bool from_registers; /* a register dump has facts for this part */
	} parts[] = {
		{ "source", describe_source, true },
		{ "cpu", describe_cpu, true },
		{ "tlbs_advertised", describe_tlbs, true },
		{ "paging", describe_paging, true },
		{ "tsc", describe_tsc, true },
		{ "outer", describe_outer, true },
		{ "topology", describe_topology, false },
		{ "page_sizes", describe_page_sizes, false },
		{ "memory", describe_memory, false },
		{ "kvm", describe_kvm, false },
		{ "counters", describe_counters, false },
		{ "kernel", describe_kernel, false },
		{ "mitigations", describe_mitigations, false },
		{ "noise", describe_noise, false },
		{ "allocator", describe_allocator, false },
		{ "process", describe_process, false },
	};
	struct facts facts = facts_begin();

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].from_registers || source->kind != SOURCE_CPUID)
			facts_json(&facts, parts[i].key, parts[i].describe(source));
	}
	return facts_end(&facts);
}
