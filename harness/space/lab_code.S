/*
 * What runs in the laboratory's guest. Two blocks: CPL 0 is copied to LAB_CODE0, CPL 3 to LAB_CODE3; both are
 * position-independent but for the fixed addresses of lab_guest.h.
 *
 * CPL 0 code is plain on purpose: where a KVM module interprets it, an instruction emulator has to know each of them.
 */
#include "space/kernel_clock.inc"
#include "space/lab_guest.h"

	.text

/* --- CPL 0 --- */

	.balign	4096
	.globl	lab_code0_begin
lab_code0_begin:

.macro FLUSH_none
.endm

.macro FLUSH_invlpg
	mov	%cr2, %rax
	invlpg	(%rax)
.endm

.macro FLUSH_cr3
	mov	%cr3, %rax
	mov	%rax, %cr3
.endm

/*
 * The page-fault handler. In the region: entry i of the table becomes entry i of the list, and the fault is counted.
 * Everything else is a service. The stack: rcx, rax, error code, rip, …
 */
.macro FAULT_HANDLER flush
	.balign	64
	.globl	lab_fault_\flush
lab_fault_\flush:
	push	%rax
	push	%rcx
	mov	%cr2, %rax
	sub	LAB_STATE + STATE_BASE, %rax
	mov	LAB_STATE + STATE_SHIFT, %ecx
	shr	%cl, %rax
	cmp	LAB_STATE + STATE_PAGES, %rax
	jae	service
	mov	LAB_AFTER(, %rax, 8), %rcx
	mov	%rcx, LAB_TABLE(, %rax, 8)
	FLUSH_\flush
	incq	LAB_STATE + STATE_FAULTS
	pop	%rcx
	pop	%rax
	add	$8, %rsp
	iretq
.endm

	FAULT_HANDLER none
	FAULT_HANDLER invlpg
	FAULT_HANDLER cr3

	.balign	64
service:
	mov	%cr2, %rax
	sub	$LAB_SERVICE, %rax
	cmp	$SERVICE_CR3, %rax
	je	service_cr3
	cmp	$SERVICE_FILL, %rax
	je	service_fill
	cmp	$SERVICE_LOADS, %rax
	je	service_loads
	cmp	$SERVICE_SPIN, %rax
	je	service_spin
	/* Stray: note it and leave for good. */
	mov	%cr2, %rax
	mov	%rax, LAB_STATE + STATE_STRAY_AT
	mov	24(%rsp), %rax
	mov	%rax, LAB_STATE + STATE_STRAY_RIP
	movq	$1, LAB_STATE + STATE_STRAY
1:	movq	$0, LAB_DOOR
	jmp	1b

service_cr3:
	mov	%r11, %cr3
	jmp	served

service_fill:
	mov	(%rsp), %rcx
	cld
	rep movsq
	mov	%cr3, %rax
	mov	%rax, %cr3
	jmp	served

/*
 * No LFENCE: KVM's instruction emulator does not know it, and MOV to CR3 is serializing itself (Intel SDM vol. 3A 9.3,
 * AMD APM vol. 2 7.6.4). The first RDTSC of a lap may come early by what of the lap before is still under way.
 */
service_loads:
1:	rdtsc
	shl	$32, %rdx
	lea	(%rax, %rdx), %r11
	.rept	LOADS_IN_LAP / 2
	mov	%rsi, %cr3
	mov	%r8, %cr3
	.endr
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	sub	%r11, %rax
	mov	%rax, (%r9)
	add	$8, %r9
	dec	%r10
	jnz	1b
	jmp	served

service_spin:
1:	dec	%rsi
	jnz	1b

served:
	addq	$SERVICE_STORE_BYTES, 24(%rsp)
	pop	%rcx
	pop	%rax
	add	$8, %rsp
	iretq

	.globl	lab_code0_end
lab_code0_end:

/* --- CPL 3: struct lab_call * is in %rdi; called by vcpu_loop of kernels.S --- */

	.balign	4096
	.globl	lab_code3_begin
lab_code3_begin:

.macro SERVE which
	mov	$LAB_SERVICE + \which, %edx
	movb	$0, (%rdx)
.endm

/*
 * `chunks` timed chunks of `count` stores, to the addresses in `list` one after the other; each word stored is its own
 * address. Cycles go to `laps`.
 */
	.balign	64
	.globl	lab_touch
lab_touch:
	mov	ARGS_LIST(%rdi), %rsi
	mov	ARGS_CHUNKS(%rdi), %r8
	mov	ARGS_LAPS(%rdi), %r9
	mov	ARGS_COUNT(%rdi), %rcx
1:	mov	%rcx, %r10
	CLOCK_START
	.balign	64
2:	mov	(%rsi), %rax
	mov	%rax, (%rax)
	add	$8, %rsi
	dec	%r10
	jnz	2b
	CLOCK_STOP
	dec	%r8
	jnz	1b
	ret

/* `chunks` laps of nothing: what reading the clock costs. */
	.balign	64
	.globl	lab_empty
lab_empty:
	mov	ARGS_CHUNKS(%rdi), %r8
	mov	ARGS_LAPS(%rdi), %r9
1:	CLOCK_START
	CLOCK_STOP
	dec	%r8
	jnz	1b
	ret

/* Load from `count` addresses in `list`, untimed. */
	.balign	64
	.globl	lab_read
lab_read:
	mov	ARGS_LIST(%rdi), %rsi
	mov	ARGS_COUNT(%rdi), %r10
1:	mov	(%rsi), %rax
	mov	(%rax), %rax
	add	$8, %rsi
	dec	%r10
	jnz	1b
	ret

/* `count` words from `list` to `target`, by CPL 0. */
	.balign	64
	.globl	lab_fill
lab_fill:
	mov	ARGS_LIST(%rdi), %rsi
	mov	ARGS_COUNT(%rdi), %rcx
	mov	ARGS_TARGET(%rdi), %rdi
	SERVE	SERVICE_FILL
	ret

/* `count` rounds at CPL 0, timed as one lap. */
	.balign	64
	.globl	lab_spin
lab_spin:
	mov	ARGS_COUNT(%rdi), %rsi
	mov	ARGS_LAPS(%rdi), %r9
	CLOCK_START
	SERVE	SERVICE_SPIN
	CLOCK_STOP
	ret

/* `count` laps of CR3 loads at CPL 0, cr3 and cr3_next in turns; cr3 stays. */
	.balign	64
	.globl	lab_loads
lab_loads:
	mov	ARGS_CR3(%rdi), %rsi
	mov	ARGS_CR3_NEXT(%rdi), %r8
	mov	ARGS_COUNT(%rdi), %r10
	mov	ARGS_LAPS(%rdi), %r9
	SERVE	SERVICE_LOADS
	mov	ARGS_CR3(%rdi), %r11
	SERVE	SERVICE_CR3
	ret

/*
 * `chunks` times: CR3 is loaded, with cr3_next and cr3 in turns; then, twice, `count` dependent loads along the chain
 * at `list`, timed. Nothing but the chain is touched between the two clock readings, and the code is one page.
 */
	.balign	64
	.globl	lab_switch_touch
lab_switch_touch:
	mov	ARGS_LIST(%rdi), %rsi
	mov	ARGS_CHUNKS(%rdi), %r8
	mov	ARGS_LAPS(%rdi), %r9
	mov	ARGS_COUNT(%rdi), %rcx
1:	mov	ARGS_CR3_NEXT(%rdi), %r11
	mov	ARGS_CR3(%rdi), %rax
	mov	%rax, ARGS_CR3_NEXT(%rdi)
	mov	%r11, ARGS_CR3(%rdi)
	mov	%rcx, %r10
	SERVE	SERVICE_CR3
	CLOCK_START
	.balign	64
2:	mov	(%rsi), %rsi
	dec	%r10
	jnz	2b
	CLOCK_STOP
	mov	%rcx, %r10
	CLOCK_START
	.balign	64
3:	mov	(%rsi), %rsi
	dec	%r10
	jnz	3b
	CLOCK_STOP
	dec	%r8
	jnz	1b
	mov	%rsi, ARGS_END(%rdi)
	ret

/* CR3 = `cr3`, then a load from each of `count` pages from `list` on, `target` bytes apart. */
	.balign	64
	.globl	lab_sweep
lab_sweep:
	mov	ARGS_CR3(%rdi), %r11
	SERVE	SERVICE_CR3
	mov	ARGS_LIST(%rdi), %rsi
	mov	ARGS_COUNT(%rdi), %r10
	mov	ARGS_TARGET(%rdi), %r9
1:	mov	(%rsi), %rax
	add	%r9, %rsi
	dec	%r10
	jnz	1b
	mov	%rsi, ARGS_END(%rdi)
	ret

	.globl	lab_code3_end
lab_code3_end:

	.section .note.GNU-stack, "", @progbits
