/* NUMA nodes: which one's memory to use on a CPU, and binding to it. */
#include "machine/topology_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first node in whose set of CPUs a CPU is; one that is usable, where `usable` is not NULL. */
static hwloc_obj_t node_of(hwloc_topology_t hwloc, int cpu, hwloc_const_bitmap_t usable)
{
	hwloc_obj_t node = NULL, found = NULL;

	/* Memory without CPUs of its own (HBM, CXL) is local to CPUs too; Linux numbers it after the ordinary nodes. */
	while ((node = hwloc_get_next_obj_by_type(hwloc, HWLOC_OBJ_NUMANODE, node))) {
		if (usable && !hwloc_bitmap_isset(usable, node->os_index))
			continue;
		if (hwloc_bitmap_isset(node->cpuset, (unsigned)cpu) && (!found || node->os_index < found->os_index))
			found = node;
	}
	return found;
}

/* Take away the nodes that the kernel says this process may not use. hwloc may not see the cgroup that says so. */
static void only_allowed(const struct machine_source *source, hwloc_bitmap_t usable)
{
	hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
	char *status, list[1024];

	if (allowed && !source_read_all(source, "/proc/self/status", &status, NULL)) {
		if (text_field(status, "Mems_allowed_list", list, sizeof(list)) &&
			!hwloc_bitmap_list_sscanf(allowed, list) && !hwloc_bitmap_iszero(allowed))
			hwloc_bitmap_and(usable, usable, allowed);
		free(status);
	}
	hwloc_bitmap_free(allowed);
}

/* The nodes that have memory and may be used. NULL where memory is short. */
static hwloc_bitmap_t usable_nodes(const struct topology *topology)
{
	hwloc_const_bitmap_t allowed = hwloc_topology_get_allowed_nodeset(topology->hwloc);
	hwloc_bitmap_t usable = hwloc_bitmap_alloc();
	hwloc_obj_t node = NULL;

	while (usable && (node = hwloc_get_next_obj_by_type(topology->hwloc, HWLOC_OBJ_NUMANODE, node)))
		if (node->attr->numanode.local_memory && hwloc_bitmap_isset(allowed, node->os_index))
			hwloc_bitmap_set(usable, node->os_index);
	if (usable)
		only_allowed(topology->source, usable);
	return usable;
}

/* The node nearest to `from` by the kernel's table of distances. -1 where there is no such table. */
static int nearest_by_distance(hwloc_topology_t hwloc, hwloc_obj_t from, hwloc_const_bitmap_t usable)
{
	struct hwloc_distances_s *distances = NULL;
	hwloc_uint64_t least = 0;
	unsigned count = 1;
	int row, nearest = -1;

	if (hwloc_distances_get_by_type(
		    hwloc, HWLOC_OBJ_NUMANODE, &count, &distances, HWLOC_DISTANCES_KIND_FROM_OS, 0) ||
		!count)
		return -1;
	row = hwloc_distances_obj_index(distances, from);
	for (unsigned i = 0; row >= 0 && i < distances->nbobjs; i++) {
		hwloc_uint64_t distance = distances->values[(unsigned)row * distances->nbobjs + i];

		if (!distances->objs[i] || !hwloc_bitmap_isset(usable, distances->objs[i]->os_index))
			continue;
		if (nearest < 0 || distance < least) {
			nearest = (int)distances->objs[i]->os_index;
			least = distance;
		}
	}
	hwloc_distances_release(hwloc, distances);
	return nearest;
}

/* Look at the whole machine, as the CPU's own node, and with it its distances, may be hidden by a cpuset. */
static void nearest_find(
	const struct topology *topology, int cpu, hwloc_const_bitmap_t usable, int *node, struct reason *why)
{
	hwloc_topology_t whole = NULL;
	hwloc_obj_t own = NULL;

	*node = -1;
	if (!topology_read(topology->source, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED, &whole, NULL)) {
		own = node_of(whole, cpu, NULL);
		*node = own ? nearest_by_distance(whole, own, usable) : -1;
	}
	if (*node >= 0)
		fail(why, 0, "node %u of CPU %d %s: node %d is the nearest that can be used", own->os_index, cpu,
			own->attr->numanode.local_memory ? "is not allowed to this process" : "has no memory", *node);
	if (whole)
		hwloc_topology_destroy(whole);
	if (*node >= 0)
		return;
	*node = hwloc_bitmap_first(usable);
	fail(why, 0, "which node is near CPU %d is not known: node %d is the first that can be used", cpu, *node);
}

int topology_memory_node(const struct topology *topology, int cpu, int *node, struct reason *why)
{
	hwloc_bitmap_t usable = usable_nodes(topology);
	hwloc_obj_t own;

	fail(why, 0, "%s", "");
	*node = -1;
	if (!usable)
		return fail(why, ENOMEM, "out of memory");
	own = node_of(topology->hwloc, cpu, usable);
	if (own)
		*node = (int)own->os_index;
	else if (!hwloc_bitmap_iszero(usable))
		nearest_find(topology, cpu, usable, node, why);
	hwloc_bitmap_free(usable);
	return *node < 0 ? fail(why, ENODATA, "no NUMA node with memory is known") : 0;
}

int topology_bind_memory(const struct topology *topology, int node, struct reason *why)
{
	hwloc_bitmap_t set;
	int error = 0;

	if (!topology->live)
		return topology_not_live(why);
	fail(why, 0, "%s", "");
	if (hwloc_get_nbobjs_by_type(topology->hwloc, HWLOC_OBJ_NUMANODE) <= 1) {
		fail(why, 0, "there is no other node to choose, so nothing was bound");
		return 0;
	}
	set = hwloc_bitmap_alloc();
	if (!set || hwloc_bitmap_only(set, (unsigned)node))
		error = fail(why, ENOMEM, "out of memory");
	else if (hwloc_set_membind(topology->hwloc, set, HWLOC_MEMBIND_BIND,
			 HWLOC_MEMBIND_THREAD | HWLOC_MEMBIND_STRICT | HWLOC_MEMBIND_BYNODESET))
		error = errno;
	hwloc_bitmap_free(set);
	if (error <= 0)
		return error;
	return fail(why, error, "set_mempolicy to NUMA node %d: %s%s", node, strerror(error),
		error == EPERM || error == ENOSYS ? " (a container's seccomp profile allows it with --cap-add SYS_NICE)"
						  : "");
}
