/* The time stamp counter: its frequency, the source of that number, and whether the frequency is constant. */
#ifndef NESTWALK_TSC_H
#define NESTWALK_TSC_H

#include "base/reason.h"
#include "machine/source.h"

#include <stdbool.h>
#include <stdint.h>

struct tsc {
	uint64_t hz; /* 0: not known, .reason says why */
	char told_by[96]; /* where hz comes from */
	bool invariant_known,
		invariant; /* counts at one rate in all P-, C- and T-states (CPUID 0x80000007 EDX bit 8) */
	uint64_t
		advertised_hz; /* what CPUID says, 0 if nothing; differs from hz where the measurement contradicts it */
	char advertised_by[96];
	struct reason reason;
};

/*
 * Live: measured against CLOCK_MONOTONIC_RAW within about 20 ms (to some ppm); what CPUID advertises is taken instead
 * where the two agree, and is exact. Otherwise: what CPUID advertises. No privilege. Never fails.
 * Sources: Intel SDM vol. 2A CPUID leaves 0x15 (TSC/crystal ratio) and 0x16 (base frequency, nominal); VMware's timing
 * leaf 0x40000010 (EAX: TSC kHz), which QEMU and others also give under KVM; AMD APM vol. 3 0x80000007 EDX bit 8.
 */
void machine_tsc(const struct machine_source *source, struct tsc *out);

#endif
