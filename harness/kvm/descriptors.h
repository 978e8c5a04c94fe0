/*
 * What a 64-bit CPU needs in memory to take an exception from CPL 3 to CPL 0 and come back: GDT, TSS and IDT, in one
 * page. Formats: Intel SDM vol. 3A 3.4.5 (segments), 6.14.1 (gates), 7.7 (64-bit TSS); AMD APM vol. 2 4.8, 12.2.5.
 */
#ifndef NESTWALK_DESCRIPTORS_H
#define NESTWALK_DESCRIPTORS_H

#include "kvm/address.h"

/* Offsets in the page. */
#define DESCRIPTORS_GDT 0x000
#define DESCRIPTORS_TSS 0x100
#define DESCRIPTORS_IDT 0x200

/* Selectors. They are Linux's, so KVM sees them often and handles them well. */
#define SELECTOR_KERNEL_CODE 0x10
#define SELECTOR_USER_DATA (0x28 | 3)
#define SELECTOR_USER_CODE (0x30 | 3)
#define SELECTOR_TSS 0x40

/* Types of segments and gates: SDM vol. 3A 3.4.5.1 and 3.5. */
#define TYPE_DATA_ACCESSED 3
#define TYPE_CODE_ACCESSED 11
#define TYPE_TSS_BUSY 11
#define TYPE_INTERRUPT_GATE 14

#define VECTORS 32u /* exceptions; there are no interrupts here */
#define VECTOR_PAGE_FAULT 14u

#define GDT_LIMIT (SELECTOR_TSS + 16 - 1)
#define TSS_LIMIT 0x67 /* 104 bytes: SDM vol. 3A figure 7-11 */
#define IDT_LIMIT (VECTORS * 16 - 1)

/*
 * Fill the (zeroed) 4K page that the guest maps at `at`. Exceptions then push onto the stack that ends at `stack_top`.
 */
void kvm_descriptors_write(void *page, gva_t at, gva_t stack_top);

/* Send an exception to CPL 0 code at `handler`. An exception without a gate ends the vCPU (a triple fault). */
void kvm_descriptors_gate(void *page, unsigned vector, gva_t handler);

#endif
