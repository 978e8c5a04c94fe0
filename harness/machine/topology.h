/* Packages, cores, caches and NUMA nodes (hwloc); choosing and binding the CPU and the memory to measure with. */
#ifndef NESTWALK_TOPOLOGY_H
#define NESTWALK_TOPOLOGY_H

#include "base/reason.h"
#include "machine/source.h"

#include <hwloc.h>

struct topology {
	const struct machine_source *source; /* lives longer */
	hwloc_topology_t hwloc;
	hwloc_bitmap_t allowed; /* logical CPUs (OS numbers) that this process may run on */
	bool live; /* false: this describes a recorded machine, and nothing can be bound */
};

/*
 * Discover the topology of the live machine, or of a recorded one from its topology.xml, else from its sysfs.
 * Returns 0 with *out (the caller closes it), or -errno with *why: -ENODATA where a recorded machine has neither.
 * Not for use while other threads run: hwloc takes some of its options from environment variables. No privilege.
 */
int topology_open(const struct machine_source *source, struct topology *out, struct reason *why);
void topology_close(struct topology *topology);

/*
 * Whether hwloc reads DIRECTORY/topology.xml, which may come from anybody, and survives it (trial.h). 0; -EINVAL with *why: it
 * does not; -errno with *why and of plain_file_open(): there is no such plain file.
 */
int topology_check_xml(const char *directory, struct reason *why);

/*
 * The logical CPU to measure on.
 * @requested: -1 to choose: one this process may use, on another core than CPU 0's (which takes most interrupts) where
 * there is one, first thread of its core. Otherwise the requested CPU is checked. Returns 0 with *cpu;
 * -WRONG_REQUEST with *why, which names the CPUs that are allowed.
 */
int topology_choose_cpu(const struct topology *topology, int requested, int *cpu, struct reason *why);

/*
 * The logical CPUs that work done at the same time is bound to, in the order in which they are taken: `first`, then one
 * of each other core, those near it (by hwloc's logical order, which follows the machine's parts) first, then the
 * cores' further threads. Only allowed ones. Returns 0 with *cpus (the caller frees it) and *count; -ENOMEM.
 */
int topology_worker_cpus(const struct topology *topology, int first, int **cpus, unsigned *count);

/*
 * Another logical CPU of the same core (its SMT sibling) that this process may run on. 0 with *sibling; -ENODEV with *why:
 * this Linux sees none, which does not mean that there is none.
 */
int topology_sibling(const struct topology *topology, int cpu, int *sibling, struct reason *why);

/* Bind the calling thread to one logical CPU. 0, or -errno with *why; -ENODATA for a recorded machine. */
int topology_bind_thread(const struct topology *topology, int cpu, struct reason *why);

/*
 * The NUMA node (OS number) whose memory is to be used on a CPU: the CPU's own, or where that has no memory, or cpusets do
 * not allow it, the nearest that has and that they do. Returns 0 with *node, and *why saying whose memory it is where it is not the
 * CPU's own node (otherwise empty); -ENODATA with *why where no node is known.
 */
int topology_memory_node(const struct topology *topology, int cpu, int *node, struct reason *why);

/*
 * Bind the calling thread's future memory to a NUMA node (policy BIND: memory of other nodes is refused). On a machine
 * with one node it succeeds and does nothing, as there is no choice and containers often forbid the call; *why says so,
 * and is empty otherwise. 0, or -errno with *why; -ENODATA for a recorded machine.
 */
int topology_bind_memory(const struct topology *topology, int node, struct reason *why);

/* hwloc's XML (version 2 format) to a file. 0, or -errno with *why. */
int topology_export(const struct topology *topology, const char *path, struct reason *why);

#endif
