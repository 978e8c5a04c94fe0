#include "machine/tlb.h"
#include "base/units.h"
#include "machine/cpu.h"
#include "machine/tlb_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void tlb_add(struct tlb_list *list, const struct tlb_entry *entry)
{
	if (entry->entries && list->count < TLB_ENTRIES_MAX)
		list->entry[list->count++] = *entry;
}

static int by_level_kind_size(const void *a, const void *b)
{
	const struct tlb_entry *x = a, *y = b;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	/* The smallest page size is the lowest bit. */
	if ((x->pages & -x->pages) != (y->pages & -y->pages))
		return (x->pages & -x->pages) < (y->pages & -y->pages) ? -1 : 1;
	return (x->entries > y->entries) - (x->entries < y->entries);
}

static void advertised_collect(const struct cpuid_table *cpuid, struct tlb_list *list)
{
	list->count = 0;
	switch (cpu_vendor(cpuid, NULL)) {
	case VENDOR_INTEL:
		tlb_intel(cpuid, list);
		break;
	case VENDOR_AMD:
	case VENDOR_HYGON:
		tlb_amd(cpuid, list);
		break;
	default:
		break;
	}
	if (list->count)
		qsort(list->entry, list->count, sizeof(list->entry[0]), by_level_kind_size);
}

size_t machine_tlbs(const struct machine_source *source, struct tlb_entry *out, size_t most)
{
	struct tlb_list list;
	size_t count;

	advertised_collect(&source->cpuid, &list);
	count = list.count < most ? list.count : most;
	if (count)
		memcpy(out, list.entry, count * sizeof(*out));
	return count;
}

void machine_tlbs_why_none(const struct machine_source *source, struct reason *why)
{
	char vendor[13];

	if (!source->cpuid.count) {
		*why = source->cpuid_reason;
		return;
	}
	switch (cpu_vendor(&source->cpuid, vendor)) {
	case VENDOR_INTEL:
		fail(why, ENODATA, "neither CPUID leaf 0x18 nor leaf 2 describes a TLB");
		break;
	case VENDOR_AMD:
	case VENDOR_HYGON:
		fail(why, ENODATA, "CPUID leaves 0x80000005, 0x80000006 and 0x80000019 describe no TLB");
		break;
	default:
		fail(why, ENODATA, "how a CPU of vendor '%s' tells its TLBs is not known", vendor);
	}
}

uint64_t machine_tlb_reach(const struct machine_source *source, unsigned level, uint64_t page_bytes)
{
	unsigned size = page_bytes == PAGE_4K	? TLB_4K
			: page_bytes == PAGE_2M ? TLB_2M
			: page_bytes == PAGE_1G ? TLB_1G
						: 0;
	struct tlb_list list;
	uint64_t sum = 0;

	advertised_collect(&source->cpuid, &list);
	for (size_t i = 0; i < list.count; i++) {
		const struct tlb_entry *entry = &list.entry[i];

		if (entry->level == level && entry->pages & size && entry->kind != TLB_INSTRUCTION &&
			entry->kind != TLB_STORE)
			sum += entry->entries;
	}
	return sum;
}

const char *tlb_kind_name(enum tlb_kind kind)
{
	static const char *const names[] = {
		[TLB_DATA] = "data",
		[TLB_INSTRUCTION] = "instruction",
		[TLB_UNIFIED] = "unified",
		[TLB_LOAD] = "load",
		[TLB_STORE] = "store",
	};

	return names[kind];
}

size_t tlb_page_sizes(unsigned pages, uint64_t bytes[4])
{
	size_t count = 0;

	if (pages & TLB_4K)
		bytes[count++] = PAGE_4K;
	if (pages & TLB_2M)
		bytes[count++] = PAGE_2M;
	if (pages & TLB_4M)
		bytes[count++] = 2 * PAGE_2M;
	if (pages & TLB_1G)
		bytes[count++] = PAGE_1G;
	return count;
}
