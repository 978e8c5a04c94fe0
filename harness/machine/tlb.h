/*
 * TLBs as CPUID advertises them. They are never trusted: a hypervisor may pass on anything, and CPUs round.
 *
 * Sources: Intel SDM vol. 2A, CPUID, leaf 2 (table 3-12) and leaf 0x18; AMD APM vol. 3 appendix E, leaves 0x80000005,
 * 0x80000006, 0x80000019, and 0x80000021 EAX bit 14 (L2TlbSizeX32: L2 TLB sizes are in units of 32, Zen 5).
 */
#ifndef NESTWALK_TLB_H
#define NESTWALK_TLB_H

#include "base/reason.h"
#include "machine/source.h"

#include <stddef.h>
#include <stdint.h>

enum tlb_kind {
	TLB_DATA, /* loads and stores */
	TLB_INSTRUCTION,
	TLB_UNIFIED, /* data and instructions */
	TLB_LOAD, /* Intel leaf 0x18: hit by loads only, filled by loads and stores */
	TLB_STORE, /* Intel leaf 0x18 */
};

/* Bits of tlb_entry.pages: the sizes an entry can hold. They share the entries. */
enum {
	TLB_4K = 1 << 0,
	TLB_2M = 1 << 1,
	TLB_4M = 1 << 2, /* only without PAE, never under a 64-bit Linux */
	TLB_1G = 1 << 3,
};

#define TLB_WAYS_FULL UINT32_MAX /* fully associative */

struct tlb_entry {
	unsigned level; /* 1 is next to the core */
	enum tlb_kind kind;
	unsigned pages; /* TLB_4K | ... */
	uint32_t entries;
	uint32_t ways_least, ways_most; /* equal where CPUID is exact; both 0: CPUID does not say; or TLB_WAYS_FULL */
	uint32_t leaf; /* the CPUID leaf that advertises it */
	uint32_t detail; /* leaf 2: the descriptor; leaf 0x18: the subleaf; else 0 */
};

/* No CPU has advertised more than a dozen TLBs so far; leaf 2 has room for 15 descriptors. */
#define TLB_ENTRIES_MAX 64

/*
 * The advertised TLBs, by level, then kind, then smallest page size. Returns how many were written to out[most]. 0
 * where none are advertised or the vendor is not known: machine_tlbs_why_none() says which. One level may have several
 * entries for one page size (Intel splits L2 into an array for 2M and one for 1G pages): machine_tlb_reach() adds them
 * up.
 */
size_t machine_tlbs(const struct machine_source *source, struct tlb_entry *out, size_t most);
void machine_tlbs_why_none(const struct machine_source *source, struct reason *why);

/*
 * How many translations of pages of `page_bytes` (4K, 2M, 1G) a load can find in `level`, as advertised: the sum over
 * its data, unified and load TLBs. 0: none advertised.
 */
uint64_t machine_tlb_reach(const struct machine_source *source, unsigned level, uint64_t page_bytes);

/* "data", "instruction", "unified", "load", "store". */
const char *tlb_kind_name(enum tlb_kind kind);

/* Page sizes in bytes, ascending, into bytes[4]; returns how many. */
size_t tlb_page_sizes(unsigned pages, uint64_t bytes[4]);

#endif
