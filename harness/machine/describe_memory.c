/* Page sizes the hardware and the kernel offer, and how much memory there is. */
#include "base/units.h"
#include "machine/cpu.h"
#include "machine/describe.h"
#include "machine/facts.h"
#include "machine/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THP "/sys/kernel/mm/transparent_hugepage"
#define HUGETLB "/sys/kernel/mm/hugepages"

/* "hugepages-2048kB" is 2 MiB. */
static bool pool_size(const char *name, uint64_t *bytes)
{
	unsigned long long kib;
	int used = 0;

	if (sscanf(name, "hugepages-%llukB%n", &kib, &used) != 1 || name[used] || !kib || kib > UINT64_MAX / KIB)
		return false;
	*bytes = kib * KIB;
	return true;
}

/* A THP setting: the word that is chosen in its file. */
static void thp_switch(struct facts *facts, const char *key, const struct machine_source *source, const char *file)
{
	struct reason why;
	char text[160], word[32];

	if (source_read_text(source, text, sizeof(text), &why, THP "/%s", file))
		facts_null(facts, key, &why);
	else
		facts_text(facts, key, text_chosen(text, word, sizeof(word)) ? word : text);
}

/* Whether benches get pages of this size, and what tells so or would change it. */
static void thp_offered(struct facts *facts, const struct machine_source *source, uint64_t bytes)
{
	struct reason why;
	enum thp_mode mode = page_is_mthp(bytes) ? mthp_mode(source, bytes, &why) : thp_mode(source, &why);

	facts_bool(facts, "offered", mode == THP_ALWAYS || mode == THP_MADVISE);
	facts_text(facts, "offered_note", why.text);
}

/* The switches of each THP size (Linux 6.8). Hardware may coalesce pages of the smaller sizes into one TLB entry. */
static json_t *thp_sizes(const struct machine_source *source, struct facts *owner)
{
	struct source_names names;
	json_t *list = json_array();

	/* Without the directory there is no THP; thp_mode() has already given that reason. */
	source_list(source, &names, NULL, THP);
	for (size_t i = 0; i < names.count; i++) {
		struct facts facts = facts_begin();
		const char *name = names.name[i];
		char file[NAME_MAX + 16];
		uint64_t bytes;

		/* A size that is for shared memory only has no such file. */
		if (pool_size(name, &bytes) && source_exists(source, THP "/%s/enabled", name)) {
			facts_u64(&facts, "page_bytes", bytes);
			snprintf(file, sizeof(file), "%s/enabled", name);
			thp_switch(&facts, "enabled", source, file);
			if (bytes == PAGE_2M || page_is_mthp(bytes))
				thp_offered(&facts, source, bytes);
			facts_append(owner, list, facts_end(&facts));
		} else {
			json_decref(facts_end(&facts));
		}
	}
	source_names_free(&names);
	return list;
}

static json_t *describe_thp(const struct machine_source *source)
{
	struct facts facts = facts_begin();
	struct reason why = { "" };
	enum thp_mode mode = thp_mode(source, &why);

	if (mode == THP_UNKNOWN) {
		facts_null(&facts, "mode", &why);
	} else {
		facts_text(&facts, "mode", thp_mode_name(mode));
		facts_text(&facts, "mode_note", why.text);
	}
	thp_switch(&facts, "enabled", source, "enabled");
	thp_switch(&facts, "defrag", source, "defrag");
	thp_switch(&facts, "shmem_enabled", source, "shmem_enabled");
	facts_file_u64(&facts, "pmd_size_bytes", source, THP "/hpage_pmd_size");
	facts_json(&facts, "sizes", thp_sizes(source, &facts));
	return facts_end(&facts);
}

static json_t *pool_nodes(const struct machine_source *source, struct facts *owner, const char *pool)
{
	struct source_names names;
	json_t *list = json_array();

	source_list(source, &names, NULL, "/sys/devices/system/node");
	for (size_t i = 0; i < names.count; i++) {
		struct facts facts;
		char directory[PATH_MAX];
		unsigned node;
		int used = 0;

		if (sscanf(names.name[i], "node%u%n", &node, &used) != 1 || names.name[i][used])
			continue;
		snprintf(directory, sizeof(directory), "/sys/devices/system/node/%s/hugepages/%s", names.name[i], pool);
		if (!source_exists(source, "%s", directory))
			continue;
		facts = facts_begin();
		facts_u64(&facts, "node", node);
		facts_file_u64(&facts, "total_pages", source, "%s/nr_hugepages", directory);
		facts_file_u64(&facts, "free_pages", source, "%s/free_hugepages", directory);
		facts_append(owner, list, facts_end(&facts));
	}
	source_names_free(&names);
	return list;
}

static json_t *describe_pool(const struct machine_source *source, const char *name, uint64_t bytes)
{
	struct facts facts = facts_begin();
	char directory[PATH_MAX];
	struct reason why;
	uint64_t usable;

	snprintf(directory, sizeof(directory), HUGETLB "/%s", name);
	facts_u64(&facts, "page_bytes", bytes);
	facts_file_u64(&facts, "total_pages", source, "%s/nr_hugepages", directory);
	facts_file_u64(&facts, "free_pages", source, "%s/free_hugepages", directory);
	facts_file_u64(&facts, "reserved_pages", source, "%s/resv_hugepages", directory);
	facts_file_u64(&facts, "surplus_pages", source, "%s/surplus_hugepages", directory);
	if (hugetlb_free(source, bytes, -1, &usable, &why)) {
		facts_null(&facts, "usable_pages", &why);
	} else {
		facts_u64(&facts, "usable_pages", usable);
		facts_text(&facts, "usable_note", why.text);
	}
	facts_json(&facts, "nodes", pool_nodes(source, &facts, name));
	return facts_end(&facts);
}

static void describe_hugetlb(struct facts *facts, const struct machine_source *source)
{
	struct source_names names;
	struct reason why;
	json_t *list;

	if (source_list(source, &names, &why, HUGETLB)) {
		source_names_free(&names);
		facts_null(facts, "hugetlb", &why);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < names.count; i++) {
		uint64_t bytes;

		if (pool_size(names.name[i], &bytes))
			facts_append(facts, list, describe_pool(source, names.name[i], bytes));
	}
	source_names_free(&names);
	facts_json(facts, "hugetlb", list);
}

json_t *describe_page_sizes(const struct machine_source *source)
{
	struct facts facts = facts_begin();
	struct cpu cpu;

	machine_cpu(source, &cpu);
	if (cpu.features_known) {
		json_t *sizes = json_array();

		facts_append(&facts, sizes, json_integer(PAGE_4K));
		if (cpu.page_2m)
			facts_append(&facts, sizes, json_integer(PAGE_2M));
		if (cpu.page_1g)
			facts_append(&facts, sizes, json_integer(PAGE_1G));
		facts_json(&facts, "hardware_bytes", sizes);
	} else {
		facts_null(&facts, "hardware_bytes", &cpu.reason);
	}
	facts_json(&facts, "thp", describe_thp(source));
	describe_hugetlb(&facts, source);
	return facts_end(&facts);
}

static void meminfo_bytes(struct facts *facts, const char *key, const char *meminfo, const char *field)
{
	struct reason why;
	char value[64];

	if (text_field(meminfo, field, value, sizeof(value))) {
		facts_u64(facts, key, strtoull(value, NULL, 10) * KIB);
	} else {
		fail(&why, ENODATA, "/proc/meminfo has no %s", field);
		facts_null(facts, key, &why);
	}
}

json_t *describe_memory(const struct machine_source *source)
{
	struct facts facts = facts_begin();
	uint64_t available;
	struct reason why;
	char *meminfo;

	if (source_read_all(source, "/proc/meminfo", &meminfo, &why)) {
		facts_null(&facts, "total_bytes", &why);
		facts_null(&facts, "swap_total_bytes", &why);
	} else {
		meminfo_bytes(&facts, "total_bytes", meminfo, "MemTotal");
		meminfo_bytes(&facts, "swap_total_bytes", meminfo, "SwapTotal");
		free(meminfo);
	}
	if (memory_available(source, &available, &why)) {
		facts_null(&facts, "available_bytes", &why);
		facts_null(&facts, "budget_bytes", &why);
	} else {
		facts_u64(&facts, "available_bytes", available);
		facts_text(&facts, "available_limited_by", why.text);
		facts_u64(&facts, "budget_bytes", available / 2);
	}
	return facts_end(&facts);
}
