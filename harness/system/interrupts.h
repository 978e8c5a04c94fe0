/*
 * Interrupts as the kernel counts them: one line of /proc/interrupts, a column a CPU that is online (Documentation/
 * filesystems/proc.rst 1.2). No privilege.
 */
#ifndef NESTWALK_INTERRUPTS_H
#define NESTWALK_INTERRUPTS_H

#include "base/reason.h"

#include <stdint.h>
#include <stdio.h>

/*
 * Interrupts that came to a CPU because another wanted TLB entries gone (arch/x86/mm/tlb.c counts them where they
 * arrive, in irq_tlb_count).
 */
#define INTERRUPTS_TLB "TLB"

/* Since boot. */
struct interrupts {
	uint64_t all; /* of all CPUs */
	uint64_t of_cpus; /* of those named */
};

/*
 * Sum up the line of that label ("TLB", "LOC"). 0 with *counts; -ENODATA with *why there is no such line; -EINVAL with
 * *why the text is not what the kernel writes; -ENOMEM.
 */
int interrupts_parse(FILE *stream, const char *label, const int *cpus, unsigned cpu_count, struct interrupts *counts,
	struct reason *why);

/* The same of this machine, now. Also -errno of opening the file. It takes the kernel some 50 us, milliseconds on large
 * machines. */
int interrupts_read(
	const char *label, const int *cpus, unsigned cpu_count, struct interrupts *counts, struct reason *why);

#endif
