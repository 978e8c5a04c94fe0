/* The JSON description: whole for every kind of source, a reason beside every null, and this machine's own. */
#include "base/units.h"
#include "machine/machine.h"
#include "machine/outer.h"
#include "machine/topology.h"
#include "machine/tsc.h"

/* cmocka.h needs the others before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct machine_source source;

static void check_nulls(const json_t *value, const char *where);

static void check_object(const json_t *object, const char *where)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		char path[256], reason_key[96];

		snprintf(path, sizeof(path), "%s.%s", where, key);
		snprintf(reason_key, sizeof(reason_key), "%s_reason", key);
		if (json_is_null(value) && !json_string_length(json_object_get(object, reason_key)))
			fail_msg("%s is null without a reason", path);
		check_nulls(value, path);
	}
}

static void check_nulls(const json_t *value, const char *where)
{
	size_t i;
	json_t *element;

	if (json_is_object(value))
		check_object(value, where);
	json_array_foreach (value, i, element)
		check_nulls(element, where);
}

static json_t *describe(void)
{
	json_t *machine = machine_describe(&source);

	assert_non_null(machine);
	check_nulls(machine, source.name);
	return machine;
}

static int is_entry(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Call `check` for every fixture in a directory. */
static void for_each(const char *directory, void (*check)(const char *path))
{
	struct dirent **entries;
	int count = scandir(directory, &entries, is_entry, alphasort);

	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		check(path);
		free(entries[i]);
	}
	free(entries);
}

static void check_recorded(const char *path)
{
	struct reason why = { "" };
	json_t *machine;

	if (machine_source_root(&source, path, &why))
		fail_msg("%s", why.text);
	machine = describe();
	assert_int_equal(json_object_size(machine), 16);
	assert_string_equal(json_string_value(json_object_get(json_object_get(machine, "source"), "kind")), "recorded");
	json_decref(machine);
	machine_source_close(&source);
}

static void test_recorded(void **state)
{
	(void)state;
	for_each("tests/fixtures/machines", check_recorded);
}

static void check_dump(const char *path)
{
	struct reason why = { "" };
	json_t *machine;

	if (machine_source_cpuid(&source, path, &why))
		fail_msg("%s", why.text);
	machine = describe();
	assert_int_equal(json_object_size(machine), 6);
	assert_null(json_object_get(machine, "kvm"));
	json_decref(machine);
}

static void test_dumps(void **state)
{
	(void)state;
	for_each("tests/fixtures/cpuid", check_dump);
}

static void test_live(void **state)
{
	json_t *machine, *copy;
	json_error_t error;
	char *text;

	(void)state;
	machine_source_live(&source);
	machine = describe();
	assert_int_equal(json_object_size(machine), 16);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(machine, "cpu"), "line_bytes")), LINE_BYTES);
	assert_true(json_integer_value(json_object_get(json_object_get(machine, "memory"), "budget_bytes")) > 0);
	/* It survives being written and read. */
	text = json_dumps(machine, 0);
	copy = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	assert_true(json_equal(machine, copy));
	free(text);
	json_decref(copy);
	json_decref(machine);
}

/* Two ways to the frequency of this machine's clock agree. */
static void test_live_tsc(void **state)
{
	struct tsc first, second;
	uint64_t apart;

	(void)state;
	machine_source_live(&source);
	machine_tsc(&source, &first);
	machine_tsc(&source, &second);
	assert_true(first.hz > 100 * HZ_PER_MHZ);
	apart = first.hz > second.hz ? first.hz - second.hz : second.hz - first.hz;
	/* A thousandth: two measurements of 20 ms agree to some ppm unless the machine is very busy. */
	assert_true(apart < first.hz / 1000);
}

static void test_live_binding(void **state)
{
	struct reason why = { "" };
	struct topology topology;
	cpu_set_t before, after;
	int cpu, node;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	machine_source_live(&source);
	assert_int_equal(topology_open(&source, &topology, &why), 0);
	assert_int_equal(topology_choose_cpu(&topology, -1, &cpu, &why), 0);
	/* Describing a machine leaves the thread free. */
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
	assert_int_equal(topology_bind_thread(&topology, cpu, &why), 0);
	assert_int_equal(sched_getcpu(), cpu);
	assert_int_equal(topology_memory_node(&topology, cpu, &node, &why), 0);
	assert_int_equal(topology_bind_memory(&topology, node, &why), 0);
	topology_close(&topology);
	/* Another look at the machine sees the CPUs that this process may now use. */
	assert_int_equal(topology_open(&source, &topology, &why), 0);
	assert_int_equal(hwloc_bitmap_weight(topology.allowed), 1);
	topology_close(&topology);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void test_export(void **state)
{
	char path[] = "/tmp/nestwalk-test-XXXXXX";
	struct reason why = { "" };
	struct topology topology;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	machine_source_live(&source);
	assert_int_equal(topology_open(&source, &topology, &why), 0);
	assert_int_equal(topology_export(&topology, path, &why), 0);
	assert_true(topology_export(&topology, "/none/topology.xml", &why) < 0);
	assert_non_null(strstr(why.text, "/none/topology.xml"));
	topology_close(&topology);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_dumps),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_live_tsc),
		cmocka_unit_test(test_live_binding),
		cmocka_unit_test(test_export),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
