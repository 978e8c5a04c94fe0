/*
 * The measured kernels. struct kernel_call * is in %rdi. Only caller-saved registers are used, and no memory but the
 * chain, the call structure (once a lap) and the return address. Kernels of several chains need more registers: they save
 * the callee's on the stack and keep the call structure's address and the laps there, all outside of the timed loop.
 */
#include "space/kernel_clock.inc"
#include "space/kernels.h"

	.text

	.balign	4096
	.globl	kernels_begin
kernels_begin:

	.globl	kernel_walk
	.type	kernel_walk, @function
kernel_walk:
	mov	CALL_START(%rdi), %rsi
	mov	CALL_COUNT(%rdi), %r10
	xor	%eax, %eax
1:	add	%rsi, %rax
	mov	(%rsi), %rsi
	dec	%r10
	jnz	1b
	mov	%rsi, CALL_END(%rdi)
	mov	%rax, CALL_SUM(%rdi)
	ret

	.balign	64
	.globl	kernel_chase
	.type	kernel_chase, @function
kernel_chase:
	mov	CALL_START(%rdi), %rsi
	mov	CALL_LAPS(%rdi), %r8
	lea	CALL_LAP_TSC(%rdi), %r9
1:	mov	CALL_COUNT(%rdi), %r10
	CLOCK_START
	.balign	64
2:
	.rept	KERNEL_UNROLL
	mov	(%rsi), %rsi
	.endr
	dec	%r10
	jnz	2b
	CLOCK_STOP
	dec	%r8
	jnz	1b
	mov	%rsi, CALL_END(%rdi)
	ret

/*
 * Register + register: Golden Cove and later carry out additions of small constants at rename, several a cycle, so an
 * add of an immediate does not count cycles there.
 */
	.balign	64
	.globl	kernel_adds
	.type	kernel_adds, @function
kernel_adds:
	mov	CALL_START(%rdi), %rsi
	mov	CALL_LAPS(%rdi), %r8
	lea	CALL_LAP_TSC(%rdi), %r9
	mov	$1, %ecx
1:	mov	CALL_COUNT(%rdi), %r10
	CLOCK_START
	.balign	64
2:
	.rept	KERNEL_UNROLL
	add	%rcx, %rsi
	.endr
	dec	%r10
	jnz	2b
	CLOCK_STOP
	dec	%r8
	jnz	1b
	mov	%rsi, CALL_END(%rdi)
	ret

	.balign	64
	.globl	kernel_empty
	.type	kernel_empty, @function
kernel_empty:
	mov	CALL_LAPS(%rdi), %r8
	lea	CALL_LAP_TSC(%rdi), %r9
1:	CLOCK_START
	CLOCK_STOP
	dec	%r8
	jnz	1b
	ret

/*
 * Chases of several chains: each register that is named holds the place of one. %rax counts down, %r11 holds the lap's
 * start, and %rdx belongs to the clock. On the stack: where the lap's time goes, groups of a lap, laps left, the call.
 */
.macro CHASE_CHAINS name, chains, chain:vararg
	.balign	64
	.globl	\name
	.type	\name, @function
\name:
	.irp	saved, rbx, rbp, r12, r13, r14, r15
	push	%\saved
	.endr
	push	%rdi
	push	CALL_LAPS(%rdi)
	push	CALL_COUNT(%rdi)
	lea	CALL_LAP_TSC(%rdi), %rax
	push	%rax
	mov	%rdi, %rax
	.set	at, CALL_CHAIN
	.irp	place, \chain
	mov	at(%rax), %\place
	.set	at, at + 8
	.endr
1:	CLOCK_START
	mov	8(%rsp), %rax
	.balign	64
2:
	.rept	KERNEL_CHAINS_UNROLL / \chains
	.irp	place, \chain
	mov	(%\place), %\place
	.endr
	.endr
	dec	%rax
	jnz	2b
	CLOCK_READ
	mov	(%rsp), %rdx
	mov	%rax, (%rdx)
	addq	$8, (%rsp)
	decq	16(%rsp)
	jnz	1b
	mov	24(%rsp), %rax
	.set	at, CALL_CHAIN
	.irp	place, \chain
	mov	%\place, at(%rax)
	.set	at, at + 8
	.endr
	add	$32, %rsp
	.irp	saved, r15, r14, r13, r12, rbp, rbx
	pop	%\saved
	.endr
	ret
.endm

	CHASE_CHAINS kernel_chase_2, 2, rsi, rcx
	CHASE_CHAINS kernel_chase_3, 3, rsi, rcx, rdi
	CHASE_CHAINS kernel_chase_4, 4, rsi, rcx, rdi, r8
	CHASE_CHAINS kernel_chase_6, 6, rsi, rcx, rdi, r8, r9, r10
	CHASE_CHAINS kernel_chase_8, 8, rsi, rcx, rdi, r8, r9, r10, rbx, r14
	CHASE_CHAINS kernel_chase_12, 12, rsi, rcx, rdi, r8, r9, r10, rbx, r14, r15, rbp, r12, r13

	.globl	kernels_end
kernels_end:
	/* They are copied into a page of a vCPU: the assembler refuses to go back where they are larger than that. */
	.org	kernels_begin + 4096

/*
 * The bare vCPU's main loop, at CPL 3. %rbx: mailbox { entry, call }; %rbp: an address whose guest-physical page has
 * no memory behind it. The store there leaves the guest (KVM_EXIT_MMIO): `out` would need IOPL 3, which not every
 * KVM module honours. KVM_RUN goes on behind the store.
 */
	.globl	vcpu_loop_begin
vcpu_loop_begin:
1:	mov	8(%rbx), %rdi
	call	*(%rbx)
	movq	$0, (%rbp)
	jmp	1b
	.globl	vcpu_loop_end
vcpu_loop_end:

	.section .note.GNU-stack, "", @progbits
