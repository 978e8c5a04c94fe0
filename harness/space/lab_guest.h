/*
 * The guest that laboratory and census run: a VM with one vCPU, code at CPL 0 and at CPL 3, and any number of address
 * spaces that all have the same control pages and each map some of the guest's memory.
 *
 * Included by lab_code.S too, which takes addresses and offsets from here.
 */
#ifndef NESTWALK_LAB_GUEST_H
#define NESTWALK_LAB_GUEST_H

/*
 * Guest-virtual layout, the same in every space. Control pages lie below 2 GiB, so that code at CPL 0 reaches them by
 * 32-bit absolute addresses, without a register; memory under test has top-level entries to itself.
 */
#define LAB_CONTROL 0x40000000
#define LAB_CODE0 (LAB_CONTROL + 0x0000) /* CPL 0: handlers and services */
#define LAB_STATE (LAB_CONTROL + 0x1000) /* struct lab_state */
#define LAB_DESCRIPTORS (LAB_CONTROL + 0x2000)
#define LAB_STACK0 (LAB_CONTROL + 0x3000)
#define LAB_CODE3 (LAB_CONTROL + 0x4000) /* CPL 3, and what follows */
#define LAB_STACK3 (LAB_CONTROL + 0x5000)
#define LAB_CALL (LAB_CONTROL + 0x6000) /* struct lab_call */
#define LAB_DOOR (LAB_CONTROL + 0x7000) /* no memory behind it: a store leaves the guest */
#define LAB_SERVICE (LAB_CONTROL + 0x8000) /* never mapped: a store here asks CPL 0 for a service */

/* Lists, each of up to LAB_PAGES_MAX words, a page table's reach apart from each other. */
#define LAB_ORDER (LAB_CONTROL + 0x1000000) /* CPL 3: addresses in the order of their touch */
#define LAB_LAPS (LAB_CONTROL + 0x2000000) /* CPL 3: TSC cycles of each chunk or lap */
#define LAB_AFTER (LAB_CONTROL + 0x3000000) /* table entries as the fault handler writes them */
#define LAB_BEFORE (LAB_CONTROL + 0x4000000) /* table entries as they are filled in before an experiment */
#define LAB_TABLE (LAB_CONTROL + 0x5000000) /* the leaf tables of space 0 themselves */

#define LAB_REGION 0x10000000000 /* memory under test: 1 TiB */

/*
 * Services. A page fault is the way in, as it works on every KVM (a software interrupt does not under kvm_pvm); the
 * handler then skips the store, `movb $0, (%rdx)`, three bytes long.
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

/* What the fault handler reads and writes; in the guest at LAB_STATE. */
struct lab_state {
	uint64_t faults; /* handled in the region */
	uint64_t base; /* of the region; page i begins at base + (i << shift) */
	uint64_t shift;
	uint64_t pages; /* faults beyond are services, or stray */
	uint64_t stray; /* 1: a fault that nobody asked for came, and ended the run */
	uint64_t stray_at, stray_rip;
};

/* Arguments of CPL 3 code, in the guest at LAB_CALL. Which are used: see lab_code.S. */
struct lab_call {
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

static_assert(offsetof(struct lab_state, faults) == STATE_FAULTS, "lab_code.S");
static_assert(offsetof(struct lab_state, base) == STATE_BASE, "lab_code.S");
static_assert(offsetof(struct lab_state, shift) == STATE_SHIFT, "lab_code.S");
static_assert(offsetof(struct lab_state, pages) == STATE_PAGES, "lab_code.S");
static_assert(offsetof(struct lab_state, stray) == STATE_STRAY, "lab_code.S");
static_assert(offsetof(struct lab_state, stray_at) == STATE_STRAY_AT, "lab_code.S");
static_assert(offsetof(struct lab_state, stray_rip) == STATE_STRAY_RIP, "lab_code.S");
static_assert(offsetof(struct lab_call, list) == ARGS_LIST, "lab_code.S");
static_assert(offsetof(struct lab_call, count) == ARGS_COUNT, "lab_code.S");
static_assert(offsetof(struct lab_call, chunks) == ARGS_CHUNKS, "lab_code.S");
static_assert(offsetof(struct lab_call, laps) == ARGS_LAPS, "lab_code.S");
static_assert(offsetof(struct lab_call, cr3) == ARGS_CR3, "lab_code.S");
static_assert(offsetof(struct lab_call, cr3_next) == ARGS_CR3_NEXT, "lab_code.S");
static_assert(offsetof(struct lab_call, target) == ARGS_TARGET, "lab_code.S");
static_assert(offsetof(struct lab_call, end) == ARGS_END, "lab_code.S");

/* Code at CPL 0, copied to LAB_CODE0: a fault handler for each kind of flush. */
extern const unsigned char lab_code0_begin[], lab_code0_end[];
extern const unsigned char lab_fault_none[], lab_fault_invlpg[], lab_fault_cr3[];

/* Code at CPL 3, copied to LAB_CODE3. */
extern const unsigned char lab_code3_begin[], lab_code3_end[];
extern const unsigned char lab_touch[], lab_empty[], lab_read[], lab_fill[], lab_spin[], lab_loads[],
	lab_switch_touch[], lab_sweep[];

struct lab_guest_spec {
	const struct backed *memory; /* under test; outlives the guest */
	uint64_t page_bytes; /* leaf */
	unsigned levels;
	uint32_t spaces;
	uint64_t mapped_bytes; /* by each space, at LAB_REGION */
	uint64_t step_bytes; /* space i maps memory from i * step_bytes on; 0: all the same */
	const uint32_t *frame; /* page i of a space is in frame[i]; NULL: contiguous; outlives lab_guest_open() */
	uint32_t list_words; /* of each list; 0: there are no lists, and no window on the tables */
};

struct lab_guest {
	struct lab_guest_spec spec;
	struct backed arena; /* control pages, lists, tables */
	uint64_t arena_used;
	struct guest_table common; /* what all spaces share */
	struct guest_table *space; /* owned; spec.spaces of them */
	struct kvm_vm vm;
	struct kvm_vcpu vcpu;
	struct lab_state *state; /* these in the arena */
	struct lab_call *call;
	uint64_t *order, *laps, *after, *before;
};

/* 0; -EINVAL; -ENOENT, -EACCES, -ENOTSUP no such VM here; -ENOMEM; -ENOSPC; -EIO. lab_guest_close() in either case. */
int lab_guest_open(struct lab_guest *guest, const struct lab_guest_spec *spec, struct reason *why);
void lab_guest_close(struct lab_guest *guest);

/* What CR3 holds for a space. */
gpa_t lab_guest_root(const struct lab_guest *guest, uint32_t space);

/* Choose the handler of page faults, one of lab_fault_*. */
void lab_guest_handler(struct lab_guest *guest, const unsigned char *handler);

/* Run code of CPL 3 on guest->call. 0; -EINTR a signal came; -EIO it ended otherwise, or with a stray fault (*why). */
int lab_guest_run(struct lab_guest *guest, const unsigned char *entry, struct reason *why);

#endif
#endif
