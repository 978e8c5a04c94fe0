/* AMD and Hygon: CPUID leaves 0x80000005, 0x80000006, 0x80000019 (AMD APM vol. 3, appendix E.4). */
#include "machine/tlb_internal.h"

#include <stdbool.h>

#define LEAF_L1 0x80000005u
#define LEAF_L2 0x80000006u
#define LEAF_1G 0x80000019u
#define LEAF_FEATURES_2 0x80000021u

/* 0x80000021 EAX: L2TlbSizeX32, "L2 TLB sizes are encoded as multiples of 32". */
#define L2_TLB_SIZE_X32 (1u << 14)

struct range {
	uint32_t least, most;
};

/*
 * The 4-bit associativity of leaves 0x80000006 and 0x80000019 (APM vol. 3 table E-4). For some TLBs of newer CPUs the
 * code gives only a range of ways.
 */
static const struct range associativity[16] = {
	[0x0] = { 0, 0 }, /* disabled */
	[0x1] = { 1, 1 },
	[0x2] = { 2, 2 },
	[0x3] = { 3, 3 },
	[0x4] = { 4, 5 },
	[0x5] = { 6, 7 },
	[0x6] = { 8, 15 },
	[0x8] = { 16, 31 },
	[0x9] = { 0, 0 }, /* "see leaf 0x8000001D", which describes caches only: unknown */
	[0xA] = { 32, 47 },
	[0xB] = { 48, 63 },
	[0xC] = { 64, 95 },
	[0xD] = { 96, 127 },
	[0xE] = { 128, TLB_WAYS_FULL - 1 },
	[0xF] = { TLB_WAYS_FULL, TLB_WAYS_FULL },
};

/*
 * All sets have the same number of ways, so the ways divide the number of entries. Often only one number in the range
 * does.
 */
static struct range ways_narrow(struct range ways, uint32_t entries)
{
	struct range fitting = { 0, 0 };

	for (uint32_t n = ways.least; n && n <= ways.most && n <= entries; n++) {
		if (entries % n)
			continue;
		fitting.least = fitting.least ? fitting.least : n;
		fitting.most = n;
	}
	return fitting;
}

/*
 * Decode a 16-bit half of a register of leaf 0x80000006 or 0x80000019: entries in bits 11:0, associativity code in
 * 15:12.
 */
static void add_half(struct tlb_list *list, struct tlb_entry entry, uint32_t half, uint32_t unit)
{
	struct range ways = associativity[half >> 12 & 0xF];

	entry.entries = (half & 0xFFF) * unit;
	/* Code 0 means "disabled". Some hypervisors leave an L2 TLB with a size and 0 ways: it is not there. */
	if (!(half >> 12 & 0xF))
		return;
	if (ways.most != TLB_WAYS_FULL)
		ways = ways_narrow(ways, entry.entries);
	entry.ways_least = ways.least;
	entry.ways_most = ways.most;
	tlb_add(list, &entry);
}

/* Data TLB in the upper half, instruction TLB in the lower; an upper half of 0 means that the lower one is unified. */
static void add_register(struct tlb_list *list, struct tlb_entry entry, uint32_t value, uint32_t unit)
{
	bool unified = entry.level == 2 && !(value >> 16);

	entry.kind = TLB_DATA;
	add_half(list, entry, value >> 16, unit);
	entry.kind = unified ? TLB_UNIFIED : TLB_INSTRUCTION;
	add_half(list, entry, value & 0xFFFF, unit);
}

/* An 8-bit associativity of leaf 0x80000005: the number itself; 0 is reserved, 0xFF fully associative. */
static void add_l1_half(struct tlb_list *list, struct tlb_entry entry, uint32_t half)
{
	uint32_t ways = half >> 8 & 0xFF;

	entry.entries = half & 0xFF;
	entry.ways_least = entry.ways_most = ways == 0xFF ? TLB_WAYS_FULL : ways;
	tlb_add(list, &entry);
}

static void add_l1(struct tlb_list *list, unsigned pages, uint32_t value)
{
	struct tlb_entry entry = { .level = 1, .pages = pages, .leaf = LEAF_L1 };

	entry.kind = TLB_DATA;
	add_l1_half(list, entry, value >> 16);
	entry.kind = TLB_INSTRUCTION;
	add_l1_half(list, entry, value & 0xFFFF);
}

void tlb_amd(const struct cpuid_table *cpuid, struct tlb_list *list)
{
	struct cpuid_record leaf;
	uint32_t unit = 1;

	if (cpuid_get(cpuid, LEAF_FEATURES_2, 0, &leaf) && leaf.eax & L2_TLB_SIZE_X32)
		unit = 32;
	if (cpuid_get(cpuid, LEAF_L1, 0, &leaf)) {
		/* EAX is for 2M pages; a 4M page takes two of the same entries, and 64-bit paging has none. */
		add_l1(list, TLB_2M, leaf.eax);
		add_l1(list, TLB_4K, leaf.ebx);
	}
	if (cpuid_get(cpuid, LEAF_L2, 0, &leaf)) {
		struct tlb_entry entry = { .level = 2, .leaf = LEAF_L2 };

		entry.pages = TLB_2M;
		add_register(list, entry, leaf.eax, unit);
		entry.pages = TLB_4K;
		add_register(list, entry, leaf.ebx, unit);
	}
	if (cpuid_get(cpuid, LEAF_1G, 0, &leaf)) {
		struct tlb_entry entry = { .pages = TLB_1G, .leaf = LEAF_1G };

		entry.level = 1;
		add_register(list, entry, leaf.eax, 1);
		entry.level = 2;
		add_register(list, entry, leaf.ebx, unit);
	}
}
