/* Packages, cores, caches and NUMA nodes, from hwloc. */
#include "machine/describe.h"
#include "machine/facts.h"
#include "machine/topology.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Caches that agree in all of these fields make one row, with the number of such caches. */
struct cache_row {
	struct hwloc_cache_attr_s attributes;
	int pus;
	unsigned count;
};

static bool cache_matches(const struct cache_row *row, const struct hwloc_cache_attr_s *cache, int pus)
{
	return row->attributes.depth == cache->depth && row->attributes.type == cache->type &&
	       row->attributes.size == cache->size && row->attributes.associativity == cache->associativity &&
	       row->attributes.linesize == cache->linesize && row->pus == pus;
}

/* *rows is the caller's to free(). Where memory is short there are fewer. */
static size_t collect_caches(hwloc_topology_t topology, struct cache_row **list)
{
	static const hwloc_obj_type_t types[] = { HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L1ICACHE, HWLOC_OBJ_L2CACHE,
		HWLOC_OBJ_L2ICACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L4CACHE };
	size_t count = 0;

	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		hwloc_obj_t cache = NULL;

		while ((cache = hwloc_get_next_obj_by_type(topology, types[t], cache))) {
			int pus = hwloc_bitmap_weight(cache->cpuset);
			struct cache_row *rows = reallocarray(*list, count + 1, sizeof(*rows));
			size_t row = 0;

			if (!rows)
				return count;
			*list = rows;

			while (row < count && !cache_matches(&rows[row], &cache->attr->cache, pus))
				row++;
			if (row == count)
				rows[count++] = (struct cache_row){ .attributes = cache->attr->cache, .pus = pus };
			rows[row].count++;
		}
	}
	return count;
}

static json_t *describe_cache(const struct cache_row *row)
{
	static const char *const types[] = {
		[HWLOC_OBJ_CACHE_UNIFIED] = "unified",
		[HWLOC_OBJ_CACHE_DATA] = "data",
		[HWLOC_OBJ_CACHE_INSTRUCTION] = "instruction",
	};
	struct facts facts = facts_begin();
	struct reason unknown;

	fail(&unknown, ENODATA, "hwloc does not know it");
	facts_u64(&facts, "level", row->attributes.depth);
	facts_text(&facts, "type", types[row->attributes.type]);
	if (row->attributes.size)
		facts_u64(&facts, "size_bytes", row->attributes.size);
	else
		facts_null(&facts, "size_bytes", &unknown);
	if (row->attributes.linesize)
		facts_u64(&facts, "line_bytes", row->attributes.linesize);
	else
		facts_null(&facts, "line_bytes", &unknown);
	if (row->attributes.associativity > 0)
		facts_u64(&facts, "ways", (uint64_t)row->attributes.associativity);
	else if (row->attributes.associativity < 0)
		facts_text(&facts, "ways", "full");
	else
		facts_null(&facts, "ways", &unknown);
	facts_u64(&facts, "shared_by_pus", (uint64_t)row->pus);
	facts_u64(&facts, "count", row->count);
	return facts_end(&facts);
}

static void set_list(struct facts *facts, const char *key, hwloc_const_bitmap_t set)
{
	char *list;

	if (hwloc_bitmap_list_asprintf(&list, set) < 0) {
		facts->failed = true;
		return;
	}
	facts_text(facts, key, list);
	free(list);
}

/* @sized: hwloc knows memory of some node. A node may have none, but not all of them. */
static json_t *describe_node(hwloc_obj_t node, bool sized)
{
	struct facts facts = facts_begin();
	json_t *types = json_array();
	struct reason unknown;

	facts_u64(&facts, "node", node->os_index);
	fail(&unknown, ENODATA, "hwloc does not know it: /sys is not there, or is hidden from this process");
	if (sized)
		facts_u64(&facts, "memory_bytes", node->attr->numanode.local_memory);
	else
		facts_null(&facts, "memory_bytes", &unknown);
	set_list(&facts, "cpus", node->cpuset);
	/* hwloc's page types: the page sizes of this node, each with the number of its pages. */
	for (unsigned i = 0; i < node->attr->numanode.page_types_len; i++) {
		struct facts type = facts_begin();

		facts_u64(&type, "page_bytes", node->attr->numanode.page_types[i].size);
		facts_u64(&type, "pages", node->attr->numanode.page_types[i].count);
		facts_append(&facts, types, facts_end(&type));
	}
	facts_json(&facts, "page_types", types);
	return facts_end(&facts);
}

/* The number of objects of a type. hwloc leaves out a level that it knows nothing about. */
static void count_of(struct facts *facts, const char *key, hwloc_topology_t topology, hwloc_obj_type_t type)
{
	int count = hwloc_get_nbobjs_by_type(topology, type);
	struct reason why;

	fail(&why, ENODATA, "hwloc does not know it");
	if (count > 0)
		facts_u64(facts, key, (uint64_t)count);
	else
		facts_null(facts, key, &why);
}

static void topology_facts(struct facts *facts, const struct topology *topology)
{
	struct cache_row *rows = NULL;
	size_t row_count = collect_caches(topology->hwloc, &rows);
	json_t *caches = json_array(), *nodes = json_array();
	hwloc_obj_t node = NULL, core = NULL;
	int most = 0;

	count_of(facts, "packages", topology->hwloc, HWLOC_OBJ_PACKAGE);
	count_of(facts, "numa_nodes", topology->hwloc, HWLOC_OBJ_NUMANODE);
	count_of(facts, "cores", topology->hwloc, HWLOC_OBJ_CORE);
	count_of(facts, "pus", topology->hwloc, HWLOC_OBJ_PU);
	while ((core = hwloc_get_next_obj_by_type(topology->hwloc, HWLOC_OBJ_CORE, core))) {
		int pus = hwloc_bitmap_weight(core->cpuset);

		most = pus > most ? pus : most;
	}
	facts_u64(facts, "pus_per_core", most > 0 ? (uint64_t)most : 1);
	set_list(facts, "allowed_cpus", topology->allowed);
	for (size_t i = 0; i < row_count; i++)
		facts_append(facts, caches, describe_cache(&rows[i]));
	free(rows);
	facts_json(facts, "caches", caches);
	while ((node = hwloc_get_next_obj_by_type(topology->hwloc, HWLOC_OBJ_NUMANODE, node)))
		facts_append(facts, nodes, describe_node(node, hwloc_get_root_obj(topology->hwloc)->total_memory > 0));
	facts_json(facts, "numa", nodes);
}

json_t *describe_topology(const struct machine_source *source)
{
	static const char *const keys[] = { "packages", "numa_nodes", "cores", "pus", "pus_per_core", "allowed_cpus",
		"caches", "numa" };
	struct facts facts = facts_begin();
	struct topology topology;
	struct reason why;

	if (topology_open(source, &topology, &why)) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			facts_null(&facts, keys[i], &why);
		return facts_end(&facts);
	}
	topology_facts(&facts, &topology);
	topology_close(&topology);
	return facts_end(&facts);
}
