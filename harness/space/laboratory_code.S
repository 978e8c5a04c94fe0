/*
 * The code of the laboratory's guest, in two blocks. Code for CPL 0 is copied to LABORATORY_CODE0, code for CPL 3 to
 * LABORATORY_CODE3. Both are position-independent except for the fixed addresses of laboratory_guest.h.
 *
 * CPL 0 code uses only common instructions: where a KVM module interprets the code, its instruction emulator must know
 * each of them.
 */
#include "space/kernel_clock.inc"
#include "space/laboratory_guest.h"

	.text

/* --- CPL 0 --- */

	.balign	4096
	.globl	laboratory_code0_begin
laboratory_code0_begin:

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
 * The page-fault handler. For a fault in the region, entry i of the table becomes entry i of the list, and the fault is
 * counted. Any other fault is a service. The stack holds rcx, rax, error code, rip, ...
 */
.macro FAULT_HANDLER flush
	.balign	64
	.globl	laboratory_fault_\flush
laboratory_fault_\flush:
	push	%rax
	push	%rcx
	mov	%cr2, %rax
	sub	LABORATORY_STATE + STATE_BASE, %rax
	mov	LABORATORY_STATE + STATE_SHIFT, %ecx
	shr	%cl, %rax
	cmp	LABORATORY_STATE + STATE_PAGES, %rax
	jae	service
	mov	LABORATORY_AFTER(, %rax, 8), %rcx
	mov	%rcx, LABORATORY_TABLE(, %rax, 8)
	FLUSH_\flush
	incq	LABORATORY_STATE + STATE_FAULTS
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
	sub	$LABORATORY_SERVICE, %rax
	cmp	$SERVICE_CR3, %rax
	je	service_cr3
	cmp	$SERVICE_FILL, %rax
	je	service_fill
	cmp	$SERVICE_LOADS, %rax
	je	service_loads
	cmp	$SERVICE_SPIN, %rax
	je	service_spin
	/* A stray fault: note it and leave the guest for good. */
	mov	%cr2, %rax
	mov	%rax, LABORATORY_STATE + STATE_STRAY_AT
	mov	24(%rsp), %rax
	mov	%rax, LABORATORY_STATE + STATE_STRAY_RIP
	movq	$1, LABORATORY_STATE + STATE_STRAY
1:	movq	$0, LABORATORY_DOOR
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
 * AMD APM vol. 2 7.6.4). The first RDTSC of a lap may come early, while the end of the lap before is still under way.
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

	.globl	laboratory_code0_end
laboratory_code0_end:

/* --- CPL 3: struct laboratory_call * is in %rdi; called by vcpu_loop of kernels.S --- */

	.balign	4096
	.globl	laboratory_code3_begin
laboratory_code3_begin:

.macro SERVE which
	mov	$LABORATORY_SERVICE + \which, %edx
	movb	$0, (%rdx)
.endm

/*
 * `chunks` timed chunks of `count` stores, to the addresses in `list` one after the other; each word stored is its own
 * address. Cycles go to `laps`.
 */
	.balign	64
	.globl	laboratory_touch
laboratory_touch:
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

/* `chunks` empty laps: the cost of reading the clock. */
	.balign	64
	.globl	laboratory_empty
laboratory_empty:
	mov	ARGS_CHUNKS(%rdi), %r8
	mov	ARGS_LAPS(%rdi), %r9
1:	CLOCK_START
	CLOCK_STOP
	dec	%r8
	jnz	1b
	ret

/* Load from `count` addresses in `list`, untimed. */
	.balign	64
	.globl	laboratory_read
laboratory_read:
	mov	ARGS_LIST(%rdi), %rsi
	mov	ARGS_COUNT(%rdi), %r10
1:	mov	(%rsi), %rax
	mov	(%rax), %rax
	add	$8, %rsi
	dec	%r10
	jnz	1b
	ret

/* Copy `count` words from `list` to `target` at CPL 0. */
	.balign	64
	.globl	laboratory_fill
laboratory_fill:
	mov	ARGS_LIST(%rdi), %rsi
	mov	ARGS_COUNT(%rdi), %rcx
	mov	ARGS_TARGET(%rdi), %rdi
	SERVE	SERVICE_FILL
	ret

/* Run `count` rounds of two register instructions at CPL 0, timed as one lap. */
	.balign	64
	.globl	laboratory_spin
laboratory_spin:
	mov	ARGS_COUNT(%rdi), %rsi
	mov	ARGS_LAPS(%rdi), %r9
	CLOCK_START
	SERVE	SERVICE_SPIN
	CLOCK_STOP
	ret

/* Run `count` laps of CR3 loads at CPL 0, of cr3 and cr3_next in turns; in the end CR3 is cr3. */
	.balign	64
	.globl	laboratory_loads
laboratory_loads:
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
	.globl	laboratory_switch_touch
laboratory_switch_touch:
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

/* Load CR3 with `cr3`, then load from each of `count` pages from `list` on, `target` bytes apart. */
	.balign	64
	.globl	laboratory_sweep
laboratory_sweep:
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

	.globl	laboratory_code3_end
laboratory_code3_end:

	.section .note.GNU-stack, "", @progbits
