/* The CPUs that a thread may use, on machines of any size. */
#ifndef NESTWALK_AFFINITY_H
#define NESTWALK_AFFINITY_H

#include <sched.h>

/*
 * The largest NR_CPUS of an x86-64 kernel (arch/x86/Kconfig). A cpu_set_t has 1024, and the kernel refuses to write a set
 * that has room for fewer CPUs than it knows.
 */
#define AFFINITY_CPUS 8192

struct affinity {
	cpu_set_t set[AFFINITY_CPUS / CPU_SETSIZE];
};

/* Those of a thread (0: the caller). 0 or -errno. */
int affinity_read(pid_t thread, struct affinity *out);
int affinity_write(pid_t thread, const struct affinity *cpus);

/* Let a thread run on one CPU only. 0 or -errno: -EINVAL where the CPU is not there, or a cpuset forbids it. */
int affinity_bind(pid_t thread, unsigned cpu);

unsigned affinity_count(const struct affinity *cpus);

#endif
