/* Whose memory is used on a CPU: nodes without memory, nodes that cpusets hide, distances; and what a refusal becomes. */
#include "machine/topology.h"
#include "measure/preparation.h"

/* cmocka.h needs the others before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NODES 4
#define CPUS_OF_NODE 2

/* A recorded machine of four nodes with two CPUs each, of which some have no memory or are not allowed. */
struct machine {
	const char *name;
	unsigned without_memory; /* a bit a node */
	const char *allowed; /* Mems_allowed_list; NULL: no such line */
	hwloc_uint64_t distance[NODES][NODES];
};

/* The usual table: a ring, in which opposite nodes are furthest apart. */
#define RING \
	{ \
		{ 10, 21, 32, 21 }, { 21, 10, 21, 32 }, { 32, 21, 10, 21 }, \
		{ \
			21, 32, 21, 10 \
		} \
	}

static char root[] = "/tmp/nestwalk-test-XXXXXX";
static char status_path[64], xml_path[64];

static void topology_make(const struct machine *machine, const char *path)
{
	hwloc_topology_t hwloc;
	hwloc_obj_t node[NODES];
	hwloc_distances_add_handle_t handle;

	assert_int_equal(hwloc_topology_init(&hwloc), 0);
	assert_int_equal(hwloc_topology_set_synthetic(hwloc, "group:4 [numa(memory=1073741824)] core:1 pu:2"), 0);
	assert_int_equal(hwloc_topology_load(hwloc), 0);
	for (unsigned i = 0; i < NODES; i++) {
		node[i] = hwloc_get_obj_by_type(hwloc, HWLOC_OBJ_NUMANODE, i);
		assert_non_null(node[i]);
		if (machine->without_memory & 1u << i)
			node[i]->attr->numanode.local_memory = 0;
	}
	if (machine->distance[0][0]) {
		handle = hwloc_distances_add_create(
			hwloc, "NUMALatency", HWLOC_DISTANCES_KIND_FROM_OS | HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0);
		assert_non_null(handle);
		assert_int_equal(
			hwloc_distances_add_values(hwloc, handle, NODES, node, (hwloc_uint64_t *)machine->distance, 0),
			0);
		assert_int_equal(hwloc_distances_add_commit(hwloc, handle, 0), 0);
	}
	assert_int_equal(hwloc_topology_export_xml(hwloc, path, 0), 0);
	hwloc_topology_destroy(hwloc);
}

static void machine_make(const struct machine *machine)
{
	FILE *file = fopen(status_path, "w");

	assert_non_null(file);
	if (machine->allowed)
		fprintf(file, "Mems_allowed_list:\t%s\n", machine->allowed);
	fclose(file);
	topology_make(machine, xml_path);
}

static int tree_make(void **state)
{
	char path[64];

	(void)state;
	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof(path), "%s/proc", root);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/proc/self", root);
	mkdir(path, 0700);
	snprintf(status_path, sizeof(status_path), "%s/proc/self/status", root);
	snprintf(xml_path, sizeof(xml_path), "%s/topology.xml", root);
	return 0;
}

static int tree_remove(void **state)
{
	char path[64];

	(void)state;
	remove(status_path);
	remove(xml_path);
	snprintf(path, sizeof(path), "%s/proc/self", root);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/proc", root);
	rmdir(path);
	return rmdir(root);
}

static void test_nearest_node(void **state)
{
	static const struct {
		struct machine machine;
		int cpu, node;
		const char *says; /* NULL: nothing */
	} rows[] = {
		{ { "all", 0, "0-3", RING }, 5, 2, NULL },
		{ { "status without a list", 0, NULL, RING }, 7, 3, NULL },
		{ { "no memory", 1 << 2, "0-3", RING }, 5, 1, "node 2 of CPU 5 has no memory: node 1 is the nearest" },
		{ { "no memory, a neighbour hidden", 1 << 2, "0,2-3", RING }, 5, 3, "node 3 is the nearest" },
		{ { "hidden", 0, "0,3", RING }, 2, 0, "node 1 of CPU 2 is not allowed to this process: node 0" },
		{ { "only the furthest is left", 1 << 1, "1,3", RING }, 2, 3, "node 3 is the nearest" },
		{ { "asymmetric", 1 << 0, "0-3",
			  { { 10, 40, 30, 20 }, { 11, 10, 20, 20 }, { 20, 20, 10, 20 }, { 20, 20, 20, 10 } } },
			0, 3, "node 3 is the nearest" },
		{ { "no distances", 1 << 2, "0-3", { { 0 } } }, 5, 0,
			"not known: node 0 is the first that can be used" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct machine_source source;
		struct reason why = { "stale" };
		struct topology topology;
		int node = -2;

		print_message("%s\n", rows[i].machine.name);
		machine_make(&rows[i].machine);
		assert_int_equal(machine_source_root(&source, root, &why), 0);
		assert_int_equal(topology_open(&source, &topology, &why), 0);
		assert_int_equal(topology_memory_node(&topology, rows[i].cpu, &node, &why), 0);
		assert_int_equal(node, rows[i].node);
		if (rows[i].says)
			assert_non_null(strstr(why.text, rows[i].says));
		else
			assert_string_equal(why.text, "");
		topology_close(&topology);
		machine_source_close(&source);
	}
}

static void test_no_memory_at_all(void **state)
{
	static const struct machine machine = { "none", 15, "0-3", RING };
	static struct machine_source source;
	struct reason why = { "" };
	struct topology topology;
	int node;

	(void)state;
	machine_make(&machine);
	assert_int_equal(machine_source_root(&source, root, &why), 0);
	assert_int_equal(topology_open(&source, &topology, &why), 0);
	assert_int_equal(topology_memory_node(&topology, 5, &node, &why), -ENODATA);
	assert_int_equal(node, -1);
	topology_close(&topology);
	machine_source_close(&source);
}

/* Let the kernel refuse a system call to this process from now on. */
static void refuse(unsigned number, unsigned error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(77);
}

/*
 * A child to which these calls are refused prepares, on this machine, seen as one of two nodes. Its exit status: 77 where the
 * kernel takes no filter, 0 where the list is as expected.
 */
static int prepare_refused(unsigned first, unsigned second, unsigned error, unsigned done)
{
	static struct machine_source source;
	struct topology topology = { .source = &source, .live = true };
	struct preparation preparation;
	struct reason missing;
	unsigned parts = 0;
	int status;
	pid_t child = fork();

	if (child) {
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		return WEXITSTATUS(status);
	}
	machine_source_live(&source);
	if (hwloc_topology_init(&topology.hwloc) ||
		hwloc_topology_set_flags(topology.hwloc, HWLOC_TOPOLOGY_FLAG_IS_THISSYSTEM) ||
		hwloc_topology_set_synthetic(
			topology.hwloc, "[numa(memory=1073741824)][numa(memory=1073741824)] pu:1") ||
		hwloc_topology_load(topology.hwloc))
		_exit(2);
	topology.allowed = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology.hwloc));
	refuse(first, error);
	refuse(second, error);
	preparation = preparation_try(&source, &topology, 0);
	for (size_t i = 0; i < json_array_size(preparation.list); i++)
		parts |= (unsigned)json_is_true(json_object_get(json_array_get(preparation.list, i), "done")) << i;
	if (json_array_size(preparation.list) != 4 || (parts & 3) != done)
		_exit(3);
	if (!(done & 2) && preparation.numa_node != -1)
		_exit(4);
	if (done != 3 &&
		(!preparation_missing(preparation.list, 0, &missing) || !strstr(missing.text, strerror((int)error))))
		_exit(5);
	_exit(0);
}

static void test_refused(void **state)
{
	static const unsigned errors[] = { EPERM, ENOSYS, EINVAL, ENOMEM };

	(void)state;
	if (prepare_refused(SYS_getpgid, SYS_getpgid, EPERM, 3) == 77)
		skip();
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		assert_int_equal(prepare_refused(SYS_set_mempolicy, SYS_mbind, errors[i], 1), 0);
		assert_int_equal(prepare_refused(SYS_sched_setaffinity, SYS_set_mempolicy, errors[i], 0), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest_node),
		cmocka_unit_test(test_no_memory_at_all),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, tree_make, tree_remove);
}
