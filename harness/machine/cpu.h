/* The CPU: its vendor and model, the addresses it supports, the number of levels of its page tables. */
#ifndef NESTWALK_CPU_H
#define NESTWALK_CPU_H

#include "base/reason.h"
#include "machine/source.h"

#include <stdbool.h>
#include <stdint.h>

enum cpu_vendor {
	VENDOR_UNKNOWN,
	VENDOR_INTEL,
	VENDOR_AMD,
	VENDOR_HYGON, /* AMD's Zen under licence: its CPUID is AMD's */
};

/*
 * The vendor, by the twelve letters of CPUID leaf 0, which are copied to letters[13] unless it is NULL ("" without
 * CPUID). Intel SDM vol. 2A, AMD APM vol. 3 E.3.1.
 */
enum cpu_vendor cpu_vendor(const struct cpuid_table *cpuid, char letters[13]);

/*
 * The CPU's identity and features, from CPUID where the source has it, otherwise from /proc/cpuinfo, which shows the
 * same facts decoded.
 */
#define CORE_EFFICIENCY 0x20 /* "Intel Atom" */
#define CORE_PERFORMANCE 0x40 /* "Intel Core" */

struct cpu {
	char vendor[16], name[64]; /* "" where unknown */
	bool model_known;
	unsigned family, model, stepping; /* extended fields added in, as Linux counts them */
	unsigned physical_bits, virtual_bits; /* of addresses; 0 where unknown */
	unsigned line_bytes; /* the unit of CLFLUSH (leaf 1 EBX 15:8); 0 where unknown */
	bool features_known; /* the following were read, all from CPUID */
	bool la57; /* 5-level paging in hardware: leaf 7 ECX bit 16 */
	bool page_2m; /* leaf 1 EDX bit 3 (PSE), without which Linux has no 2M pages: a Xen PV guest */
	bool page_1g; /* leaf 0x80000001 EDX bit 26 */
	bool pcid, invpcid; /* leaf 1 ECX bit 17, leaf 7 EBX bit 10 */
	bool vmx, svm; /* virtualisation: leaf 1 ECX bit 5, leaf 0x80000001 ECX bit 2 */
	bool hybrid; /* cores of several kinds: leaf 7 EDX bit 15. CPUID then differs between them */
	unsigned
		core_type; /* of the core that executed CPUID, leaf 0x1A EAX 31:24: CORE_EFFICIENCY, CORE_PERFORMANCE; 0 */
	struct reason reason; /* why something is unknown */
};

/* No privilege. Never fails. */
void machine_cpu(const struct machine_source *source, struct cpu *out);

/*
 * The number of levels of this Linux's page tables: 4 or 5, with the way it was found in *why; 0 where it is unknown,
 * with the reason. Live: whether the kernel places a mapping above 47 bits when asked to. Recorded: cpuinfo's flag
 * la57, which the kernel shows only while it uses 5 levels (arch/x86/kernel/cpu/common.c clears it otherwise, as with
 * no5lvl).
 */
unsigned paging_levels_used(const struct machine_source *source, struct reason *why);

#endif
