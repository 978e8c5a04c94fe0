/*
 * The measured kernels. struct kernel_call * is in %rdi. Only caller-saved registers are used, and no memory but the
 * chain, the call structure (once a lap) and the return address.
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

	.globl	kernels_end
kernels_end:

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
