/* What the files that decode TLBs share. Nothing else includes this. */
#ifndef NESTWALK_TLB_INTERNAL_H
#define NESTWALK_TLB_INTERNAL_H

#include "machine/tlb.h"

struct tlb_list {
	struct tlb_entry entry[TLB_ENTRIES_MAX];
	size_t count;
};

void tlb_add(struct tlb_list *list, const struct tlb_entry *entry);

/* Append the TLBs of a vendor's leaves. */
void tlb_intel(const struct cpuid_table *cpuid, struct tlb_list *list);
void tlb_amd(const struct cpuid_table *cpuid, struct tlb_list *list);

#endif
