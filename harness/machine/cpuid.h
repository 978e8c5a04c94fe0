/* CPUID as a table of registers: taken from one CPU of the live machine, or read from a dump of another. */
#ifndef NESTWALK_CPUID_H
#define NESTWALK_CPUID_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A dump of one CPU is 50 to 250 lines today; leaves with many subleaves (0xD, 0x14, 0x1D, 0x20) keep adding some. */
#define CPUID_RECORDS_MAX 1024

struct cpuid_record {
	uint32_t leaf, subleaf;
	uint32_t eax, ebx, ecx, edx;
};

struct cpuid_table {
	struct cpuid_record record[CPUID_RECORDS_MAX];
	size_t count; /* 0: no CPUID is known */
};

/*
 * Execute CPUID on the CPU the thread is on, bound to it meanwhile (hybrid machines differ between CPUs), with all
 * subleaves that this program reads. The thread's affinity is as before afterwards. No privilege. Never fails.
 */
void cpuid_execute(struct cpuid_table *table);

/*
 * Read a dump: lines "CPUID leaf: EAX-EBX-ECX-EDX [SL subleaf]" (all hexadecimal; text after that is a comment), or
 * the output of `cpuid -r`. Only the first CPU of a dump is read. Blank lines and lines starting with '#' are skipped.
 * @name: what to call the dump in reasons. @text: need not end with a NUL. Returns 0, or -EINVAL with the name, the
 * line number and what is wrong in *why; the table is then empty.
 */
int cpuid_parse(const char *name, const char *text, size_t length, struct cpuid_table *table, struct reason *why);

/* As cpuid_parse(), from a file. Also -errno of open or read, -EISDIR, -EFBIG (over 4 MiB: not a dump). */
int cpuid_load(const char *path, struct cpuid_table *table, struct reason *why);

/* The registers of a leaf; all zero and false where the table does not have it, or it lies above the highest leaf. */
bool cpuid_get(const struct cpuid_table *table, uint32_t leaf, uint32_t subleaf, struct cpuid_record *out);

#endif
