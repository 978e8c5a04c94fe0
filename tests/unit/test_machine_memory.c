/* How much memory and which pages recorded machines give: cgroups of both versions, hugetlb pools, THP. */
#include "base/units.h"
#include "machine/cgroup.h"
#include "machine/memory.h"

/* cmocka.h needs the others before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct machine_source source;

static void open_machine(const char *name)
{
	char path[256];
	struct reason why = { "" };

	snprintf(path, sizeof(path), "tests/fixtures/machines/%s", name);
	if (machine_source_root(&source, path, &why))
		fail_msg("%s", why.text);
}

static void test_memory(void **state)
{
	struct reason why = { "" };
	uint64_t bytes;

	(void)state;
	open_machine("intel-ept");
	assert_int_equal(memory_available(&source, &bytes, &why), 0);
	assert_int_equal(bytes, 120000000 * KIB);
	assert_string_equal(why.text, "MemAvailable");
	machine_source_close(&source);
	/* The group above has the lower limit: 1 GiB, of which 400 MiB are used, 100 MiB of them droppable cache. */
	open_machine("container");
	assert_int_equal(memory_available(&source, &bytes, &why), 0);
	assert_int_equal(bytes, 724 * MIB);
	assert_non_null(strstr(why.text, "pod1/memory.max"));
	assert_int_equal(memory_budget(&source, &bytes, &why), 0);
	assert_int_equal(bytes, 362 * MIB);
	machine_source_close(&source);
	assert_int_equal(machine_source_cpuid(&source, "tests/fixtures/cpuid/intel-haswell.txt", NULL), 0);
	assert_int_equal(memory_available(&source, &bytes, &why), -ENODATA);
}

/* Write a file of a tree that is made up here; folders must be there. */
static void put(const char *root, const char *path, const char *text)
{
	char full[256];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	if (!text) {
		assert_int_equal(mkdir(full, 0700), 0);
		return;
	}
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* cgroup v1 beside an empty v2 hierarchy, the mounted root being the container's own group. */
static void test_cgroup_v1(void **state)
{
	static const struct {
		const char *path, *text;
	} tree[] = {
		{ "/proc", NULL },
		{ "/proc/self", NULL },
		{ "/proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n" },
		{ "/proc/self/cgroup", "4:memory:/docker/abc/inner\n3:cpu,cpuacct:/docker/abc\n0::/\n" },
		{ "/proc/self/mountinfo",
			"31 23 0:28 / /cg rw shared:9 - tmpfs tmpfs rw,mode=755\n"
			"41 31 0:38 / /cg/unified rw,relatime - cgroup2 cgroup2 rw\n"
			"35 31 0:32 /docker/abc /cg/memory rw,relatime master:3 - cgroup cgroup rw,memory\n" },
		{ "/cg", NULL },
		{ "/cg/memory", NULL },
		{ "/cg/memory/inner", NULL },
		{ "/cg/memory/memory.limit_in_bytes", "1073741824\n" },
		{ "/cg/memory/memory.usage_in_bytes", "536870912\n" },
		{ "/cg/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 268435456\n" },
		{ "/cg/memory/inner/memory.limit_in_bytes", "9223372036854771712\n" },
		{ "/cg/memory/inner/memory.usage_in_bytes", "1\n" },
	};
	char root[] = "/tmp/nestwalk-test-XXXXXX", full[256];
	const size_t count = sizeof(tree) / sizeof(tree[0]);
	struct reason why = { "" };
	struct cgroup group;
	uint64_t bytes;

	(void)state;
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < count; i++)
		put(root, tree[i].path, tree[i].text);
	assert_int_equal(machine_source_root(&source, root, &why), 0);
	assert_int_equal(cgroup_find(&source, "memory", &group, &why), 0);
	assert_false(group.v2);
	assert_string_equal(group.directory, "/cg/memory/inner");
	assert_true(cgroup_up(&group));
	assert_string_equal(group.directory, "/cg/memory");
	assert_false(cgroup_up(&group));
	assert_int_equal(memory_available(&source, &bytes, &why), 0);
	assert_int_equal(bytes, 768 * MIB);
	/* In no v1 hierarchy: the v2 one, whose root it is in. */
	assert_int_equal(cgroup_find(&source, "hugetlb", &group, &why), 0);
	assert_true(group.v2);
	assert_string_equal(group.directory, "/cg/unified");
	/* Named in /proc/self/cgroup, but not mounted. */
	assert_int_equal(cgroup_find(&source, "cpu", &group, &why), -ENOENT);
	machine_source_close(&source);
	for (size_t i = count; i-- > 0;) {
		snprintf(full, sizeof(full), "%s%s", root, tree[i].path);
		assert_int_equal(remove(full), 0);
	}
	assert_int_equal(rmdir(root), 0);
}

static void test_hugetlb(void **state)
{
	struct reason why = { "" };
	uint64_t pages;

	(void)state;
	open_machine("intel-ept");
	/* 500 free of which 12 are promised; a node has 250. */
	assert_int_equal(hugetlb_free(&source, PAGE_2M, -1, &pages, &why), 0);
	assert_int_equal(pages, 488);
	assert_int_equal(hugetlb_free(&source, PAGE_2M, 1, &pages, &why), 0);
	assert_int_equal(pages, 250);
	assert_int_equal(hugetlb_free(&source, PAGE_1G, 1, &pages, &why), 0);
	assert_int_equal(pages, 0);
	assert_non_null(strstr(why.text, "echo N >"));
	assert_int_equal(hugetlb_free(&source, 16 * MIB, -1, &pages, &why), -ENOENT);
	machine_source_close(&source);
	open_machine("container");
	/* The pool is full, the cgroup allows none. */
	assert_int_equal(hugetlb_free(&source, PAGE_2M, -1, &pages, &why), 0);
	assert_int_equal(pages, 0);
	assert_non_null(strstr(why.text, "cgroup"));
	machine_source_close(&source);
	open_machine("xen-pv");
	assert_int_equal(hugetlb_free(&source, PAGE_2M, -1, &pages, &why), -ENOENT);
	machine_source_close(&source);
}

static void test_thp(void **state)
{
	struct reason why = { "" };

	(void)state;
	open_machine("intel-ept");
	assert_int_equal(thp_mode(&source, &why), THP_MADVISE);
	machine_source_close(&source);
	open_machine("amd-nested");
	assert_int_equal(thp_mode(&source, &why), THP_ALWAYS);
	machine_source_close(&source);
	open_machine("intel-shadow");
	assert_int_equal(thp_mode(&source, &why), THP_NEVER);
	assert_non_null(strstr(why.text, "echo madvise >"));
	machine_source_close(&source);
	open_machine("xen-pv");
	assert_int_equal(thp_mode(&source, &why), THP_UNKNOWN);
	machine_source_close(&source);
}

/* Each size has a switch of its own, which may leave the decision to the general one. */
static void test_mthp(void **state)
{
	static const struct {
		const char *machine;
		uint64_t page_bytes;
		enum thp_mode mode;
		const char *says;
	} rows[] = {
		{ "amd-nested", 16 * KIB, THP_NEVER, "echo madvise | sudo tee" },
		{ "amd-nested", 32 * KIB, THP_MADVISE, "hugepages-32kB/enabled is madvise" },
		{ "amd-nested", 64 * KIB, THP_ALWAYS, "is inherit" },
		{ "amd-nested", 128 * KIB, THP_UNKNOWN, "no transparent huge pages of 128K" },
		{ "amd-nested", 1 * MIB, THP_ALWAYS, "is always" },
		{ "intel-shadow", 64 * KIB, THP_NEVER, "--mthp 64K" },
		{ "intel-shadow", 128 * KIB, THP_MADVISE, "is madvise" },
		{ "xen-pv", 64 * KIB, THP_UNKNOWN, "no transparent huge pages (" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reason why = { "" };

		open_machine(rows[i].machine);
		assert_int_equal(mthp_mode(&source, rows[i].page_bytes, &why), rows[i].mode);
		assert_non_null(strstr(why.text, rows[i].says));
		machine_source_close(&source);
	}
	open_machine("amd-nested");
	assert_int_equal(mthp_offered(&source), 32 * KIB + 64 * KIB + 1 * MIB);
	machine_source_close(&source);
	open_machine("intel-ept");
	assert_int_equal(mthp_offered(&source), 0);
	machine_source_close(&source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cgroup_v1),
		cmocka_unit_test(test_hugetlb),
		cmocka_unit_test(test_thp),
		cmocka_unit_test(test_mthp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
