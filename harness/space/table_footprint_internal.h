/* What the table footprint reads from /proc. Nothing but the table footprint and its tests includes this. */
#ifndef NESTWALK_TABLE_FOOTPRINT_INTERNAL_H
#define NESTWALK_TABLE_FOOTPRINT_INTERNAL_H

#include "space/table_footprint.h"

/*
 * Memory in page tables of hypervisors, all VMs of this machine together: SecPageTables of /proc/meminfo (Linux 6.1,
 * Documentation/filesystems/proc.rst). The kernel gathers it from its CPUs in batches; a write to
 * /proc/sys/vm/stat_refresh makes it exact, which takes root; without root the number is unknown. It is read until it
 * no longer changes, as tables of a VM that has ended are freed a little later. This takes some 20 ms.
 */
void table_footprint_secondary_tables(struct table_footprint_number *number);

/*
 * The number of KiB behind `key` ("VmPTE:") in a file of /proc, in bytes. 0; -errno of opening it; -ENOENT no such key.
 */
int table_footprint_kib_read(const char *path, const char *key, uint64_t *bytes);

#endif
