/* Facts from CPUID: CPU, TLBs, paging levels, TSC, and the hypervisor beneath. */
#include "machine/cpu.h"
#include "machine/describe.h"
#include "machine/facts.h"
#include "machine/outer.h"
#include "machine/tlb.h"
#include "machine/tsc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *describe_source(const struct machine_source *source)
{
	static const char *const kinds[] = {
		[SOURCE_LIVE] = "live",
		[SOURCE_RECORDED] = "recorded",
		[SOURCE_CPUID] = "cpuid",
	};
	struct facts facts = facts_begin();

	facts_text(&facts, "kind", kinds[source->kind]);
	facts_text(&facts, "name", source->name);
	return facts_end(&facts);
}

static void text_or_null(struct facts *facts, const char *key, const char *text, const struct reason *why)
{
	if (text[0])
		facts_text(facts, key, text);
	else
		facts_null(facts, key, why);
}

static void known_number(struct facts *facts, const char *key, uint64_t value, bool known, const struct reason *why)
{
	if (known)
		facts_u64(facts, key, value);
	else
		facts_null(facts, key, why);
}

static void bool_or_null(struct facts *facts, const char *key, bool value, bool known, const struct reason *why)
{
	if (known)
		facts_bool(facts, key, value);
	else
		facts_null(facts, key, why);
}

/*
 * The microcode's revision is not in CPUID: the kernel reads it from a register of the CPU, which hypervisors may
 * hide or make up.
 */
static void describe_microcode(struct facts *facts, const struct machine_source *source)
{
	char *cpuinfo, value[32];
	struct reason why;

	if (source_read_all(source, "/proc/cpuinfo", &cpuinfo, &why)) {
		facts_null(facts, "microcode", &why);
		return;
	}
	if (text_field(cpuinfo, "microcode", value, sizeof(value))) {
		facts_text(facts, "microcode", value);
	} else {
		fail(&why, ENODATA, "/proc/cpuinfo does not show it: hypervisors often hide it");
		facts_null(facts, "microcode", &why);
	}
	free(cpuinfo);
}

/* Which kind of core CPUID was executed on. */
static void core_kind_facts(struct facts *facts, const struct cpu *cpu)
{
	struct reason why;

	if (cpu->hybrid && cpu->core_type == CORE_PERFORMANCE) {
		facts_text(facts, "core_kind", "performance");
	} else if (cpu->hybrid && cpu->core_type == CORE_EFFICIENCY) {
		facts_text(facts, "core_kind", "efficiency");
	} else {
		fail(&why, ENODATA, "%s",
			!cpu->features_known ? cpu->reason.text
			: cpu->hybrid	     ? "this hybrid CPU does not tell it by CPUID leaf 0x1A"
					     : "all cores are of one kind, as far as CPUID tells");
		facts_null(facts, "core_kind", &why);
	}
}

json_t *describe_cpu(const struct machine_source *source)
{
	struct facts facts = facts_begin();
	struct cpu cpu;

	machine_cpu(source, &cpu);
	text_or_null(&facts, "vendor", cpu.vendor, &cpu.reason);
	text_or_null(&facts, "name", cpu.name, &cpu.reason);
	known_number(&facts, "family", cpu.family, cpu.model_known, &cpu.reason);
	known_number(&facts, "model", cpu.model, cpu.model_known, &cpu.reason);
	known_number(&facts, "stepping", cpu.stepping, cpu.model_known, &cpu.reason);
	describe_microcode(&facts, source);
	known_number(&facts, "physical_address_bits", cpu.physical_bits, cpu.physical_bits, &cpu.reason);
	known_number(&facts, "virtual_address_bits", cpu.virtual_bits, cpu.virtual_bits, &cpu.reason);
	known_number(&facts, "line_bytes", cpu.line_bytes, cpu.line_bytes, &cpu.reason);
	bool_or_null(&facts, "pcid", cpu.pcid, cpu.features_known, &cpu.reason);
	bool_or_null(&facts, "invpcid", cpu.invpcid, cpu.features_known, &cpu.reason);
	bool_or_null(&facts, "virtualization", cpu.vmx || cpu.svm, cpu.features_known, &cpu.reason);
	core_kind_facts(&facts, &cpu);
	return facts_end(&facts);
}

static void describe_ways(struct facts *facts, const struct tlb_entry *entry)
{
	struct reason why;

	if (entry->ways_least == TLB_WAYS_FULL) {
		facts_text(facts, "ways", "full");
	} else if (entry->ways_least && entry->ways_least == entry->ways_most) {
		facts_u64(facts, "ways", entry->ways_least);
	} else {
		if (entry->ways_least)
			fail(&why, ENODATA, "CPUID gives a range: %u to %u", entry->ways_least, entry->ways_most);
		else
			fail(&why, ENODATA, "CPUID does not tell it");
		facts_null(facts, "ways", &why);
	}
}

static json_t *describe_tlb(const struct tlb_entry *entry)
{
	struct facts facts = facts_begin();
	json_t *sizes = json_array();
	uint64_t bytes[4];
	size_t count = tlb_page_sizes(entry->pages, bytes);
	char leaf[16];

	facts_u64(&facts, "level", entry->level);
	facts_text(&facts, "kind", tlb_kind_name(entry->kind));
	for (size_t i = 0; i < count; i++)
		facts_append(&facts, sizes, json_integer((json_int_t)bytes[i]));
	facts_json(&facts, "page_sizes_bytes", sizes);
	facts_u64(&facts, "entries", entry->entries);
	describe_ways(&facts, entry);
	snprintf(leaf, sizeof(leaf), "0x%X", entry->leaf);
	facts_text(&facts, "source_leaf", leaf);
	if (entry->detail) {
		snprintf(leaf, sizeof(leaf), "0x%02X", entry->detail);
		facts_text(&facts, entry->leaf == 2 ? "source_descriptor" : "source_subleaf", leaf);
	}
	return facts_end(&facts);
}

json_t *describe_tlbs(const struct machine_source *source)
{
	struct tlb_entry entries[TLB_ENTRIES_MAX];
	size_t count = machine_tlbs(source, entries, TLB_ENTRIES_MAX);
	struct facts facts = facts_begin();
	struct reason why;
	struct outer outer;

	machine_outer(source, &outer);
	if (count) {
		json_t *list = json_array();

		for (size_t i = 0; i < count; i++)
			facts_append(&facts, list, describe_tlb(&entries[i]));
		facts_json(&facts, "entries", list);
	} else {
		machine_tlbs_why_none(source, &why);
		facts_null(&facts, "entries", &why);
	}
	facts_text(&facts, "note",
		outer.is_guest ? "as CPUID advertises them: not measured, and the hypervisor may have made them up"
			       : "as CPUID advertises them: not measured");
	return facts_end(&facts);
}

json_t *describe_paging(const struct machine_source *source)
{
	struct facts facts = facts_begin();
	struct reason why;
	struct cpu cpu;
	unsigned levels;

	machine_cpu(source, &cpu);
	if (cpu.features_known && (source->cpuid.count || cpu.la57)) {
		facts_u64(&facts, "levels_hardware", cpu.la57 ? 5 : 4);
	} else {
		if (cpu.features_known)
			fail(&why, ENODATA, "no CPUID recorded, and cpuinfo shows la57 only where the kernel uses it");
		else
			why = cpu.reason;
		facts_null(&facts, "levels_hardware", &why);
	}
	levels = paging_levels_used(source, &why);
	if (levels) {
		facts_u64(&facts, "levels_used", levels);
		facts_text(&facts, "levels_used_told_by", why.text);
	} else {
		facts_null(&facts, "levels_used", &why);
	}
	return facts_end(&facts);
}

json_t *describe_tsc(const struct machine_source *source)
{
	struct facts facts = facts_begin();
	struct reason why;
	struct tsc tsc;

	machine_tsc(source, &tsc);
	known_number(&facts, "hz", tsc.hz, tsc.hz, &tsc.reason);
	if (tsc.hz)
		facts_text(&facts, "told_by", tsc.told_by);
	fail(&why, ENODATA, "%s",
		source->cpuid.count ? "CPUID leaf 0x80000007 is not there" : source->cpuid_reason.text);
	bool_or_null(&facts, "invariant", tsc.invariant, tsc.invariant_known, &why);
	fail(&why, ENODATA, "%s", source->cpuid.count ? "CPUID does not tell it" : source->cpuid_reason.text);
	known_number(&facts, "advertised_hz", tsc.advertised_hz, tsc.advertised_hz, &why);
	if (tsc.advertised_hz)
		facts_text(&facts, "advertised_by", tsc.advertised_by);
	return facts_end(&facts);
}

json_t *describe_outer(const struct machine_source *source)
{
	struct facts facts = facts_begin();
	struct reason why;
	struct outer outer;

	machine_outer(source, &outer);
	if (outer.known) {
		facts_text(&facts, "name", outer.name);
		facts_bool(&facts, "is_guest", outer.is_guest);
		facts_text(&facts, "told_by", outer.told_by);
	} else {
		facts_null(&facts, "name", &outer.reason);
		facts_null(&facts, "is_guest", &outer.reason);
	}
	fail(&why, ENODATA, outer.is_guest ? "the hypervisor shows none" : "no hypervisor is seen");
	text_or_null(&facts, "signature", outer.signature, outer.known ? &why : &outer.reason);
	fail(&why, ENODATA, "no second hypervisor signature is shown");
	text_or_null(&facts, "interface", outer.interface, outer.known ? &why : &outer.reason);
	return facts_end(&facts);
}
