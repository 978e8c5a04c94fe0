#include "kvm/descriptors.h"

#include <assert.h>
#include <string.h>

/* In the upper half of a descriptor: its type, and the bits beside it. */
#define SEGMENT_CODE_OR_DATA (1ULL << 44)
#define SEGMENT_DPL_USER (3ULL << 45)
#define SEGMENT_PRESENT (1ULL << 47)
#define SEGMENT_LONG (1ULL << 53)
#define SEGMENT_32_BIT (1ULL << 54)
#define SEGMENT_IN_PAGES (1ULL << 55)
#define SEGMENT_TYPE(type) ((uint64_t)(type) << 40)
#define SEGMENT_LIMIT_ALL 0x000f00000000ffffULL

#define GATE_PRESENT (1ULL << 47)
#define TSS_RSP0 4 /* offset, bytes */
/* where the TSS holds the offset of the I/O permission bitmap; an offset beyond the limit allows no port */
#define TSS_IO_MAP 102

static_assert(DESCRIPTORS_GDT + GDT_LIMIT < DESCRIPTORS_TSS, "GDT and TSS overlap");
static_assert(DESCRIPTORS_TSS + TSS_LIMIT < DESCRIPTORS_IDT, "TSS and IDT overlap");
static_assert(DESCRIPTORS_IDT + IDT_LIMIT < 0x1000, "more than a page");

static void entry_write(unsigned char *table, unsigned selector, uint64_t value)
{
	memcpy(table + selector / 8 * 8, &value, sizeof(value));
}

void kvm_descriptors_write(void *page, gva_t at, gva_t stack_top)
{
	unsigned char *gdt = (unsigned char *)page + DESCRIPTORS_GDT, *tss = (unsigned char *)page + DESCRIPTORS_TSS;
	uint64_t any = SEGMENT_LIMIT_ALL | SEGMENT_CODE_OR_DATA | SEGMENT_PRESENT | SEGMENT_IN_PAGES;
	uint64_t tss_at = at.at + DESCRIPTORS_TSS;
	uint16_t io_map = TSS_LIMIT + 1;

	entry_write(gdt, SELECTOR_KERNEL_CODE, any | SEGMENT_TYPE(TYPE_CODE_ACCESSED) | SEGMENT_LONG);
	entry_write(gdt, SELECTOR_USER_CODE, any | SEGMENT_TYPE(TYPE_CODE_ACCESSED) | SEGMENT_LONG | SEGMENT_DPL_USER);
	entry_write(
		gdt, SELECTOR_USER_DATA, any | SEGMENT_TYPE(TYPE_DATA_ACCESSED) | SEGMENT_32_BIT | SEGMENT_DPL_USER);
	entry_write(gdt, SELECTOR_TSS,
		TSS_LIMIT | (tss_at & 0xffffff) << 16 | (tss_at >> 24 & 0xff) << 56 | SEGMENT_TYPE(TYPE_TSS_BUSY) |
			SEGMENT_PRESENT);
	entry_write(gdt, SELECTOR_TSS + 8, tss_at >> 32);
	memcpy(tss + TSS_RSP0, &stack_top.at, sizeof(stack_top.at));
	memcpy(tss + TSS_IO_MAP, &io_map, sizeof(io_map));
}

void kvm_descriptors_gate(void *page, unsigned vector, gva_t handler)
{
	uint64_t gate[2] = {
		(handler.at & 0xffff) | (uint64_t)SELECTOR_KERNEL_CODE << 16 | SEGMENT_TYPE(TYPE_INTERRUPT_GATE) |
			GATE_PRESENT | (handler.at >> 16 & 0xffff) << 48,
		handler.at >> 32,
	};

	memcpy((unsigned char *)page + DESCRIPTORS_IDT + vector * sizeof(gate), gate, sizeof(gate));
}
