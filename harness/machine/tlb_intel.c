/* Intel: CPUID leaf 0x18 where there is one, else the descriptors of leaf 2 (SDM vol. 2A, CPUID, table 3-12). */
#include "machine/tlb_internal.h"

#include <stdbool.h>

#define LEAF_DESCRIPTORS 0x2u
#define LEAF_TRANSLATION 0x18u

#define FULL TLB_WAYS_FULL
#define ANY_WAYS 0 /* the manual does not say */
#define TLB_2M_4M (TLB_2M | TLB_4M)

/*
 * Every descriptor of leaf 2 that describes a TLB. One byte may describe two arrays: then it has two rows. Levels are
 * as the manual gives them ("shared 2nd-level TLB"). order_levels() finds the levels of what the manual calls "TLB0",
 * "uTLB" and "TLB1".
 */
static const struct {
	uint8_t descriptor;
	uint8_t level;
	enum tlb_kind kind;
	unsigned pages;
	uint32_t entries, ways;
} descriptors[] = {
	{ 0x01, 1, TLB_INSTRUCTION, TLB_4K, 32, 4 },
	{ 0x02, 1, TLB_INSTRUCTION, TLB_4M, 2, FULL },
	{ 0x03, 1, TLB_DATA, TLB_4K, 64, 4 },
	{ 0x04, 1, TLB_DATA, TLB_4M, 8, 4 },
	{ 0x05, 1, TLB_DATA, TLB_4M, 32, 4 },
	{ 0x0B, 1, TLB_INSTRUCTION, TLB_4M, 4, 4 },
	{ 0x4F, 1, TLB_INSTRUCTION, TLB_4K, 32, ANY_WAYS },
	{ 0x50, 1, TLB_INSTRUCTION, TLB_4K | TLB_2M_4M, 64, ANY_WAYS },
	{ 0x51, 1, TLB_INSTRUCTION, TLB_4K | TLB_2M_4M, 128, ANY_WAYS },
	{ 0x52, 1, TLB_INSTRUCTION, TLB_4K | TLB_2M_4M, 256, ANY_WAYS },
	{ 0x55, 1, TLB_INSTRUCTION, TLB_2M_4M, 7, FULL },
	{ 0x56, 1, TLB_DATA, TLB_4M, 16, 4 },
	{ 0x57, 1, TLB_DATA, TLB_4K, 16, 4 },
	{ 0x59, 1, TLB_DATA, TLB_4K, 16, FULL },
	{ 0x5A, 1, TLB_DATA, TLB_2M_4M, 32, 4 },
	{ 0x5B, 1, TLB_DATA, TLB_4K | TLB_4M, 64, ANY_WAYS },
	{ 0x5C, 1, TLB_DATA, TLB_4K | TLB_4M, 128, ANY_WAYS },
	{ 0x5D, 1, TLB_DATA, TLB_4K | TLB_4M, 256, ANY_WAYS },
	{ 0x61, 1, TLB_INSTRUCTION, TLB_4K, 48, FULL },
	{ 0x63, 1, TLB_DATA, TLB_2M_4M, 32, 4 },
	{ 0x63, 1, TLB_DATA, TLB_1G, 4, 4 },
	{ 0x64, 1, TLB_DATA, TLB_4K, 512, 4 },
	{ 0x6A, 1, TLB_DATA, TLB_4K, 64, 8 },
	{ 0x6B, 1, TLB_DATA, TLB_4K, 256, 8 },
	{ 0x6C, 1, TLB_DATA, TLB_2M_4M, 128, 8 },
	{ 0x6D, 1, TLB_DATA, TLB_1G, 16, FULL },
	{ 0x76, 1, TLB_INSTRUCTION, TLB_2M_4M, 8, FULL },
	{ 0xA0, 1, TLB_DATA, TLB_4K, 32, FULL },
	{ 0xB0, 1, TLB_INSTRUCTION, TLB_4K, 128, 4 },
	{ 0xB1, 1, TLB_INSTRUCTION, TLB_2M, 8, 4 }, /* 8 of 2M, or 4 of 4M */
	{ 0xB2, 1, TLB_INSTRUCTION, TLB_4K, 64, 4 },
	{ 0xB3, 1, TLB_DATA, TLB_4K, 128, 4 },
	{ 0xB4, 1, TLB_DATA, TLB_4K, 256, 4 },
	{ 0xB5, 1, TLB_INSTRUCTION, TLB_4K, 64, 8 },
	{ 0xB6, 1, TLB_INSTRUCTION, TLB_4K, 128, 8 },
	{ 0xBA, 1, TLB_DATA, TLB_4K, 64, 4 },
	{ 0xC0, 1, TLB_DATA, TLB_4K | TLB_4M, 8, 4 },
	{ 0xC1, 2, TLB_UNIFIED, TLB_4K | TLB_2M, 1024, 8 },
	{ 0xC2, 1, TLB_DATA, TLB_4K | TLB_2M, 16, 4 },
	{ 0xC3, 2, TLB_UNIFIED, TLB_4K | TLB_2M, 1536, 6 },
	{ 0xC3, 2, TLB_UNIFIED, TLB_1G, 16, 4 },
	{ 0xC4, 1, TLB_DATA, TLB_2M_4M, 32, 4 },
	{ 0xCA, 2, TLB_UNIFIED, TLB_4K, 512, 4 },
};

#define DESCRIPTORS (sizeof(descriptors) / sizeof(descriptors[0]))

static void add_descriptor(struct tlb_list *list, uint8_t descriptor)
{
	for (size_t i = 0; i < DESCRIPTORS; i++) {
		struct tlb_entry entry = {
			.level = descriptors[i].level,
			.kind = descriptors[i].kind,
			.pages = descriptors[i].pages,
			.entries = descriptors[i].entries,
			.ways_least = descriptors[i].ways,
			.ways_most = descriptors[i].ways,
			.leaf = LEAF_DESCRIPTORS,
			.detail = descriptor,
		};

		if (descriptors[i].descriptor == descriptor)
			tlb_add(list, &entry);
	}
}

/*
 * Two data TLBs of one page size are two levels, the larger behind the smaller (Core 2's TLB0 of 16 and TLB1 of 256,
 * Silvermont's uTLB of 32 and TLB of 128); the descriptors do not number them.
 */
static void order_levels(struct tlb_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		for (size_t j = 0; j < list->count; j++) {
			struct tlb_entry *small = &list->entry[i], *large = &list->entry[j];

			if (small->kind == TLB_DATA && large->kind == TLB_DATA && small->level == 1 &&
				small->pages & large->pages && small->entries < large->entries)
				large->level = 2;
		}
	}
}

static void add_leaf_2(const struct cpuid_table *cpuid, struct tlb_list *list)
{
	struct cpuid_record leaf;
	uint32_t registers[4];

	if (!cpuid_get(cpuid, LEAF_DESCRIPTORS, 0, &leaf))
		return;
	registers[0] = leaf.eax & ~0xFFu; /* AL is the number of times to execute the leaf: 1 */
	registers[1] = leaf.ebx;
	registers[2] = leaf.ecx;
	registers[3] = leaf.edx;
	for (size_t i = 0; i < 4; i++) {
		if (registers[i] & 1u << 31) /* the register holds no descriptors */
			continue;
		for (unsigned shift = 0; shift < 32; shift += 8)
			add_descriptor(list, (uint8_t)(registers[i] >> shift));
	}
	order_levels(list);
}

/* One subleaf of leaf 0x18. False where it describes nothing, which does not end the list (SDM: "may be sparse"). */
static bool add_translation(struct tlb_list *list, const struct cpuid_record *leaf)
{
	static const enum tlb_kind kinds[] = {
		[1] = TLB_DATA, [2] = TLB_INSTRUCTION, [3] = TLB_UNIFIED, [4] = TLB_LOAD, [5] = TLB_STORE
	};
	uint32_t type = leaf->edx & 0x1F, ways = leaf->ebx >> 16, sets = leaf->ecx;
	struct tlb_entry entry = {
		.level = leaf->edx >> 5 & 0x7,
		.pages = leaf->ebx & (TLB_4K | TLB_2M | TLB_4M | TLB_1G), /* EBX bits 3:0, in this order */
		.leaf = LEAF_TRANSLATION,
		.detail = leaf->subleaf,
	};

	/* More than 2^20 entries are garbage and no TLB: the largest TLB so far has 2048. */
	if (type == 0 || type > 5 || !ways || !sets || sets > 1u << 20 || (uint64_t)ways * sets > 1u << 20)
		return false;
	entry.kind = kinds[type];
	entry.entries = ways * sets;
	entry.ways_least = entry.ways_most = leaf->edx & 1u << 8 ? TLB_WAYS_FULL : ways;
	tlb_add(list, &entry);
	return true;
}

void tlb_intel(const struct cpuid_table *cpuid, struct tlb_list *list)
{
	struct cpuid_record leaf;
	bool any = false;

	if (cpuid_get(cpuid, LEAF_TRANSLATION, 0, &leaf)) {
		/* EAX of subleaf 0 is the highest one. A hypervisor may claim any number, so it is limited. */
		for (uint32_t sub = 0, last = leaf.eax < TLB_ENTRIES_MAX ? leaf.eax : TLB_ENTRIES_MAX; sub <= last;
			sub++) {
			if (cpuid_get(cpuid, LEAF_TRANSLATION, sub, &leaf))
				any |= add_translation(list, &leaf);
		}
	}
	/*
	 * A CPU with leaf 0x18 has descriptor 0xFE, "see leaf 0x18", in leaf 2. Where leaf 2 has TLBs as well, they are
	 * the same TLBs with less detail.
	 */
	if (!any)
		add_leaf_2(cpuid, list);
}
