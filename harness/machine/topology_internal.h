/* What the files of the topology share. */
#ifndef NESTWALK_TOPOLOGY_INTERNAL_H
#define NESTWALK_TOPOLOGY_INTERNAL_H

#include "machine/topology.h"

/* Let hwloc read the described machine, with its flags. The caller destroys *hwloc, also after an error, unless it is NULL. */
int topology_read(
	const struct machine_source *source, unsigned long flags, hwloc_topology_t *hwloc, struct reason *why);

/* -ENODATA, with a reason for a machine on which nothing can be bound. */
int topology_not_live(struct reason *why);

#endif
