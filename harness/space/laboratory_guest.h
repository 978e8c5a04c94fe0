/*
 * The guest that the laboratory and the table footprint run: a VM with one vCPU, code at CPL 0 and at CPL 3, and any
 * number of address spaces that all have the same control pages and each map some of the guest's memory.
 *
 * Included by laboratory_code.S too, which takes addresses and offsets from here.
 */
#ifndef NESTWALK_LABORATORY_GUEST_H
#define NESTWALK_LABORATORY_GUEST_H

/*
 * Guest-virtual layout, the same in every space. Control pages lie below 2 GiB, so that code at CPL 0 reaches them by
 * 32-bit absolute addresses, without a register; memory under test has top-level entries to itself.
 */
#define LABORATORY_CONTROL 0x40000000
#define LABORATORY_CODE0 (LABORATORY_CONTROL + 0x0000) /* CPL 0: handlers and services */
#define LABORATORY_STATE (LABORATORY_CONTROL + 0x1000) /* struct laboratory_state */
#define LABORATORY_DESCRIPTORS (LABORATORY_CONTROL + 0x2000)
#define LABORATORY_STACK0 (LABORATORY_CONTROL + 0x3000)
#define LABORATORY_CODE3 (LABORATORY_CONTROL + 0x4000) /* CPL 3, and what follows */
#define LABORATORY_STACK3 (LABORATORY_CONTROL + 0x5000)
#define LABORATORY_CALL (LABORATORY_CONTROL + 0x6000) /* struct laboratory_call */
#define LABORATORY_DOOR (LABORATORY_CONTROL + 0x7000) /* no memory lies behind it: a store leaves the guest */
#define LABORATORY_SERVICE (LABORATORY_CONTROL + 0x8000) /* never mapped: a store here asks CPL 0 for a service */

/* Lists, each of up to LABORATORY_PAGES_MAX words, a page table's reach apart from each other. */
#define LABORATORY_ORDER (LABORATORY_CONTROL + 0x1000000) /* CPL 3: addresses in the order of their touch */
#define LABORATORY_LAPS (LABORATORY_CONTROL + 0x2000000) /* CPL 3: TSC cycles of each chunk or lap */
#define LABORATORY_AFTER (LABORATORY_CONTROL + 0x3000000) /* table entries as the fault handler writes them */
#define LABORATORY_BEFORE \
	(LABORATORY_CONTROL + 0x4000000) /* table entries as they are filled in before an experiment */
#define LABORATORY_TABLE (LABORATORY_CONTROL + 0x5000000) /* the leaf tables of space 0 themselves */

#define LABORATORY_REGION 0x10000000000 /* memory under test: 1 TiB */

/*
 * Services. Code at CPL 3 asks for one by a page fault, which works on every KVM (a software interrupt does not under
 * kvm_pvm); the handler then skips the store, `movb $0, (%rdx)`, three bytes long.
 */
#define SERVICE_FILL 0 /* %rcx words from (%rsi) to (%rdi), then CR3 is reloaded */
#define SERVICE_CR3 1 /* CR3 = %r11 */
#define SERVICE_LOADS 2 /* %r10 laps of LOADS_IN_LAP loads of CR3, %rsi and %r8 in turns, TSC cycles to (%r9) */
#define SERVICE_SPIN 3 /* %rsi rounds of two register instructions */
#define SERVICE_STORE_BYTES 3

#define LOADS_IN_LAP 64

#define STATE_FAULTS 0
#define STATE_BASE 8
#define STATE_SHIFT 16
#define STATE_PAGES 24
#define STATE_STRAY 32
#define STATE_STRAY_AT 40
#define STATE_STRAY_RIP 48

#define ARGS_LIST 0
#define ARGS_COUNT 8
#define ARGS_CHUNKS 16
#define ARGS_LAPS 24
#define ARGS_CR3 32
#define ARGS_CR3_NEXT 40
#define ARGS_TARGET 48
#define ARGS_END 56

#ifndef __ASSEMBLER__

#include "base/reason.h"
#include "kvm/guest_table.h"
#include "kvm/vm.h"
#include "space/backed.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* What the fault handler reads and writes; in the guest at LABORATORY_STATE. */
struct laboratory_state {
	uint64_t faults; /* handled in the region */
	uint64_t base; /* of the region; page i begins at base + (i << shift) */
	uint64_t shift;
	uint64_t pages; /* a fault beyond them is a service, or stray */
	uint64_t stray; /* 1: a fault that nobody asked for ended the run */
	uint64_t stray_at, stray_rip;
};

/* Arguments of CPL 3 code, in the guest at LABORATORY_CALL. Which are used: see laboratory_code.S. */
struct laboratory_call {
	uint64_t list;
	uint64_t count;
	uint64_t chunks;
	uint64_t laps;
	uint64_t cr3, cr3_next;
	uint64_t target;
	uint64_t end; /* out */
	struct {
		uint64_t entry, call;
	} mailbox; /* what vcpu_loop in kernels.S reads */
};

static_assert(offsetof(struct laboratory_state, faults) == STATE_FAULTS, "laboratory_code.S");
static_assert(offsetof(struct laboratory_state, base) == STATE_BASE, "laboratory_code.S");
static_assert(offsetof(struct laboratory_state, shift) == STATE_SHIFT, "laboratory_code.S");
static_assert(offsetof(struct laboratory_state, pages) == STATE_PAGES, "laboratory_code.S");
static_assert(offsetof(struct laboratory_state, stray) == STATE_STRAY, "laboratory_code.S");
static_assert(offsetof(struct laboratory_state, stray_at) == STATE_STRAY_AT, "laboratory_code.S");
static_assert(offsetof(struct laboratory_state, stray_rip) == STATE_STRAY_RIP, "laboratory_code.S");
static_assert(offsetof(struct laboratory_call, list) == ARGS_LIST, "laboratory_code.S");
static_assert(offsetof(struct laboratory_call, count) == ARGS_COUNT, "laboratory_code.S");
static_assert(offsetof(struct laboratory_call, chunks) == ARGS_CHUNKS, "laboratory_code.S");
static_assert(offsetof(struct laboratory_call, laps) == ARGS_LAPS, "laboratory_code.S");
static_assert(offsetof(struct laboratory_call, cr3) == ARGS_CR3, "laboratory_code.S");
static_assert(offsetof(struct laboratory_call, cr3_next) == ARGS_CR3_NEXT, "laboratory_code.S");
static_assert(offsetof(struct laboratory_call, target) == ARGS_TARGET, "laboratory_code.S");
static_assert(offsetof(struct laboratory_call, end) == ARGS_END, "laboratory_code.S");

/* Code at CPL 0, copied to LABORATORY_CODE0: a fault handler for each kind of flush. */
extern const unsigned char laboratory_code0_begin[], laboratory_code0_end[];
extern const unsigned char laboratory_fault_none[], laboratory_fault_invlpg[], laboratory_fault_cr3[];

/* Code at CPL 3, copied to LABORATORY_CODE3. */
extern const unsigned char laboratory_code3_begin[], laboratory_code3_end[];
extern const unsigned char laboratory_touch[], laboratory_empty[], laboratory_read[], laboratory_fill[],
	laboratory_spin[], laboratory_loads[], laboratory_switch_touch[], laboratory_sweep[];

struct laboratory_guest_spec {
	const struct backed *memory; /* under test; outlives the guest */
	uint64_t page_bytes; /* leaf */
	unsigned levels;
	uint32_t spaces;
	uint64_t mapped_bytes; /* by each space, at LABORATORY_REGION */
	uint64_t step_bytes; /* space i maps memory from i * step_bytes on; 0: all the same */
	const uint32_t
		*frame; /* page i of a space is in frame[i]; NULL: contiguous; outlives laboratory_guest_open() */
	uint32_t list_words; /* of each list; 0: there are no lists, and no window on the tables */
};

struct laboratory_guest {
	struct laboratory_guest_spec spec;
	struct backed arena; /* control pages, lists, tables */
	uint64_t arena_used;
	struct guest_table common; /* what all spaces share */
	struct guest_table *space; /* owned; spec.spaces of them */
	struct kvm_vm vm;
	struct kvm_vcpu vcpu;
	struct laboratory_state *state; /* these in the arena */
	struct laboratory_call *call;
	uint64_t *order, *laps, *after, *before;
};

/*
 * 0; -EINVAL; -ENOENT, -EACCES, -ENOTSUP no such VM here; -ENOMEM; -ENOSPC; -EIO. Call laboratory_guest_close() in
 * either case.
 */
int laboratory_guest_open(struct laboratory_guest *guest, const struct laboratory_guest_spec *spec, struct reason *why);
void laboratory_guest_close(struct laboratory_guest *guest);

/* The root of a space, as CR3 holds it. */
gpa_t laboratory_guest_root(const struct laboratory_guest *guest, uint32_t space);

/* Choose the handler of page faults, one of laboratory_fault_*. */
void laboratory_guest_handler(struct laboratory_guest *guest, const unsigned char *handler);

/*
 * Run code of CPL 3 on guest->call. 0; -EINTR a signal came; -EIO the run ended in another way, or with a stray fault
 * (*why).
 */
int laboratory_guest_run(struct laboratory_guest *guest, const unsigned char *entry, struct reason *why);

#endif
#endif
