/* Reading recorded machines: files, the hypervisor beneath, KVM, CPU, clock, topology. */
#include "base/units.h"
#include "machine/cpu.h"
#include "machine/hypervisor.h"
#include "machine/outer.h"
#include "machine/perf.h"
#include "machine/topology.h"
#include "machine/tsc.h"

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

static void test_files(void **state)
{
	struct source_names names;
	struct reason why = { "" };
	uint64_t number;
	char text[16];

	(void)state;
	open_machine("intel-ept");
	assert_int_equal(
		source_read_text(&source, text, sizeof(text), &why, "/sys/module/%s/parameters/ept", "kvm_intel"), 0);
	assert_string_equal(text, "Y");
	assert_int_equal(
		source_read_u64(&source, &number, &why, "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"), 0);
	assert_int_equal(number, PAGE_2M);
	assert_int_equal(source_read_u64(&source, &number, &why, "/sys/module/kvm_intel/parameters/ept"), -EINVAL);
	assert_int_equal(source_read_text(&source, text, sizeof(text), &why, "/proc/none"), -ENOENT);
	assert_non_null(strstr(why.text, "intel-ept/proc/none"));
	assert_int_equal(source_read_text(&source, text, sizeof(text), &why, "/proc"), -EISDIR);
	assert_int_equal(source_list(&source, &names, &why, "/sys/module"), 0);
	assert_int_equal(names.count, 2);
	assert_string_equal(names.name[0], "kvm");
	assert_string_equal(names.name[1], "kvm_intel");
	source_names_free(&names);
	assert_int_equal(source_list(&source, &names, &why, "/sys/none"), -ENOENT);
	source_names_free(&names);
	machine_source_close(&source);
}

/* A recorded tree never shows the live machine's files: not by "..", not by absolute links. */
static void test_no_escape(void **state)
{
	char root[] = "/tmp/nestwalk-test-XXXXXX", path[64], text[4096];
	struct reason why = { "" };
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/proc", root);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/proc/cmdline", root);
	assert_int_equal(symlink("/proc/version", path), 0);
	snprintf(path, sizeof(path), "%s/proc/loop", root);
	assert_int_equal(symlink("loop", path), 0);
	assert_int_equal(machine_source_root(&source, root, &why), 0);
	assert_int_equal(source_read_text(&source, text, sizeof(text), &why, "/proc/cmdline"), -ENOENT);
	assert_int_equal(source_read_text(&source, text, sizeof(text), &why, "/proc/loop"), -ELOOP);
	assert_int_equal(source_read_text(&source, text, sizeof(text), &why, "/../../proc/version"), -ENOENT);
	/* Inside the root an absolute link is followed, to the recorded file. */
	snprintf(path, sizeof(path), "%s/proc/version", root);
	file = fopen(path, "w");
	fputs("recorded\n", file);
	fclose(file);
	assert_int_equal(source_read_text(&source, text, sizeof(text), &why, "/proc/cmdline"), 0);
	assert_string_equal(text, "recorded");
	machine_source_close(&source);
	unlink(path);
	snprintf(path, sizeof(path), "%s/proc/cmdline", root);
	unlink(path);
	snprintf(path, sizeof(path), "%s/proc/loop", root);
	unlink(path);
	snprintf(path, sizeof(path), "%s/proc", root);
	rmdir(path);
	rmdir(root);
}

static void test_no_machine(void **state)
{
	struct reason why = { "" };

	(void)state;
	assert_int_equal(machine_source_root(&source, "tests/fixtures/none", &why), -ENOENT);
	assert_int_equal(machine_source_root(&source, "Makefile", &why), -ENOTDIR);
	assert_int_equal(machine_source_root(&source, "tests/fixtures", &why), -EINVAL);
	assert_non_null(strstr(why.text, "neither proc nor sys"));
}

static void test_text(void **state)
{
	char value[8];

	(void)state;
	assert_true(text_field("a: 1\nmodel name\t: X y \nmodel\t\t: 17\n", "model", value, sizeof(value)));
	assert_string_equal(value, "17");
	assert_true(text_field("a: 1\nmodel name\t: X y \n", "model name", value, sizeof(value)));
	assert_string_equal(value, "X y");
	assert_true(text_field("a: 123456789", "a", value, sizeof(value)));
	assert_string_equal(value, "1234567");
	assert_true(text_field("a:\nb: 2\n", "a", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_false(text_field("ab: 1\n", "a", value, sizeof(value)));
	assert_true(text_has_word("svm npt", "npt"));
	assert_true(text_has_word("cpu,memory", "memory"));
	assert_false(text_has_word("npt_x snpt", "npt"));
	assert_true(text_chosen("always [madvise] never", value, sizeof(value)));
	assert_string_equal(value, "madvise");
	assert_false(text_chosen("always [madvise", value, sizeof(value)));
}

static void test_outer(void **state)
{
	static const struct {
		const char *machine, *name, *interface;
		bool is_guest;
	} cases[] = {
		{ "intel-ept", "bare-metal", "", false },
		{ "amd-nested", "bare-metal", "", false },
		{ "xen-pv", "Xen PV", "", true },
		{ "container", "KVM", "Microsoft Hv", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outer outer;

		open_machine(cases[i].machine);
		machine_outer(&source, &outer);
		assert_true(outer.known);
		assert_string_equal(outer.name, cases[i].name);
		assert_string_equal(outer.interface, cases[i].interface);
		assert_int_equal(outer.is_guest, cases[i].is_guest);
		machine_source_close(&source);
	}
}

/* Signatures by themselves: leaf 0x40000000 of a CPU whose hypervisor bit is set. */
static void test_outer_signatures(void **state)
{
	static const struct {
		char signature[13];
		const char *name;
	} cases[] = {
		{ "KVMKVMKVM", "KVM" },
		{ "VMwareVMware", "VMware" },
		{ "XenVMMXenVMM", "Xen" },
		{ "Microsoft Hv", "Hyper-V" },
		{ "TCGTCGTCGTCG", "QEMU TCG" },
		{ "VBoxVBoxVBox", "VirtualBox" },
		{ "bhyve bhyve ", "bhyve" },
		{ "ACRNACRNACRN", "ACRN" },
		{ "QNXQVMBSQG", "QNX" },
		{ "Jailhouse", "Jailhouse" },
		{ "never seen", "unknown hypervisor" },
		{ "", "unknown hypervisor" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cpuid_record *added;
		struct outer outer;

		assert_int_equal(machine_source_cpuid(&source, "tests/fixtures/cpuid/intel-haswell.txt", NULL), 0);
		for (size_t r = 0; r < source.cpuid.count; r++) {
			if (source.cpuid.record[r].leaf == 1)
				source.cpuid.record[r].ecx |= 1u << 31;
		}
		added = &source.cpuid.record[source.cpuid.count++];
		*added = (struct cpuid_record){ .leaf = 0x40000000, .eax = 0x40000001 };
		memcpy(&added->ebx, cases[i].signature, 4);
		memcpy(&added->ecx, cases[i].signature + 4, 4);
		memcpy(&added->edx, cases[i].signature + 8, 4);
		machine_outer(&source, &outer);
		assert_true(outer.is_guest);
		assert_string_equal(outer.name, cases[i].name);
	}
}

static void test_kvm(void **state)
{
	static const struct {
		const char *machine, *module;
		enum paging paging;
		enum kvm_access access;
		const char *says;
	} cases[] = {
		{ "intel-ept", "kvm_intel", PAGING_NESTED, KVM_NOT_TRIED, "not tried" },
		{ "intel-shadow", "kvm_intel", PAGING_SHADOW, KVM_NOT_TRIED, "not tried" },
		{ "amd-nested", "kvm_amd", PAGING_NESTED, KVM_NOT_TRIED, "not tried" },
		{ "amd-shadow", "kvm_amd", PAGING_SHADOW, KVM_NOT_TRIED, "not tried" },
		{ "xen-pv", "", PAGING_UNKNOWN, KVM_ABSENT, "Xen PV" },
		{ "container", "kvm_intel", PAGING_NESTED, KVM_ABSENT, "--device /dev/kvm" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kvm_device kvm;

		open_machine(cases[i].machine);
		machine_kvm(&source, &kvm);
		assert_string_equal(kvm.module.name, cases[i].module);
		assert_int_equal(kvm.module.paging, cases[i].paging);
		assert_int_equal(kvm.access, cases[i].access);
		assert_non_null(strstr(kvm.reason.text, cases[i].says));
		assert_true(strlen(kvm.module.reason.text) > 5);
		machine_source_close(&source);
	}
	assert_null(paging_name(PAGING_UNKNOWN));
	assert_string_equal(paging_name(PAGING_SHADOW), "shadow");
}

static void test_paging_levels(void **state)
{
	struct reason why = { "" };
	struct cpu cpu;

	(void)state;
	/* Hardware with five levels: one Linux uses them, the other was told no5lvl. */
	open_machine("amd-nested");
	machine_cpu(&source, &cpu);
	assert_true(cpu.la57);
	assert_int_equal(paging_levels_used(&source, &why), 5);
	machine_source_close(&source);
	open_machine("intel-ept");
	machine_cpu(&source, &cpu);
	assert_true(cpu.la57);
	assert_int_equal(paging_levels_used(&source, &why), 4);
	machine_source_close(&source);
}

static void test_cpu(void **state)
{
	struct cpu cpu;

	(void)state;
	open_machine("amd-nested");
	machine_cpu(&source, &cpu);
	assert_string_equal(cpu.vendor, "AuthenticAMD");
	assert_string_equal(cpu.name, "AMD EPYC 9655 96-Core Processor");
	assert_int_equal(cpu.family, 26);
	assert_int_equal(cpu.model, 2);
	assert_int_equal(cpu.stepping, 1);
	assert_int_equal(cpu.line_bytes, 64);
	assert_int_equal(cpu.physical_bits, 52);
	assert_int_equal(cpu.virtual_bits, 57);
	assert_true(cpu.page_1g && cpu.page_2m && (cpu.vmx || cpu.svm));
	machine_source_close(&source);
	/* Without CPUID: the same from cpuinfo. */
	open_machine("xen-pv");
	machine_cpu(&source, &cpu);
	assert_string_equal(cpu.name, "AMD EPYC 7742 64-Core Processor");
	assert_int_equal(cpu.family, 23);
	assert_int_equal(cpu.model, 49);
	assert_false(cpu.page_2m);
	assert_int_equal(cpu.virtual_bits, 48);
	machine_source_close(&source);
}

static void test_tsc(void **state)
{
	static const struct {
		const char *name;
		uint64_t hz;
	} cases[] = {
		{ "intel-sapphirerapids", 2592000000 }, /* 24 MHz * 216 / 2 */
		{ "intel-alderlake-hybrid", 2496000000 }, /* 38.4 MHz * 130 / 2 */
		{ "intel-skylakex", 3300000000 }, /* leaf 0x15 without a crystal: leaf 0x16, nominal */
		{ "intel-haswell", 0 },
		{ "amd-zen5-turin", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[256];
		struct tsc tsc;

		snprintf(path, sizeof(path), "tests/fixtures/cpuid/%s.txt", cases[i].name);
		assert_int_equal(machine_source_cpuid(&source, path, NULL), 0);
		machine_tsc(&source, &tsc);
		assert_int_equal(tsc.hz, cases[i].hz);
		assert_true(tsc.hz ? strlen(tsc.told_by) : strlen(tsc.reason.text));
		assert_true(tsc.invariant_known && tsc.invariant);
	}
}

static void test_topology(void **state)
{
	struct reason why = { "" };
	static const int worker_group_order[] = { 2, 4, 6, 0, 5, 7, 1 };
	struct topology topology;
	int cpu = -1, sibling = -1, node = -1, *group;
	unsigned worker_group_count;

	(void)state;
	open_machine("intel-ept");
	assert_int_equal(topology_open(&source, &topology, &why), 0);
	assert_int_equal(hwloc_get_nbobjs_by_type(topology.hwloc, HWLOC_OBJ_PU), 8);
	/* CPUs 0 and 1 are one core; the first of the next. */
	assert_int_equal(topology_choose_cpu(&topology, -1, &cpu, &why), 0);
	assert_int_equal(cpu, 2);
	assert_int_equal(topology_memory_node(&topology, 2, &node, &why), 0);
	assert_int_equal(node, 0);
	assert_int_equal(topology_memory_node(&topology, 6, &node, &why), 0);
	assert_int_equal(node, 1);
	assert_string_equal(why.text, "");
	assert_int_equal(topology_choose_cpu(&topology, 5, &cpu, &why), 0);
	assert_int_equal(cpu, 5);
	/* Isolated from this process. */
	assert_int_equal(topology_choose_cpu(&topology, 3, &cpu, &why), -WRONG_REQUEST);
	assert_string_equal(why.text, "CPU 3 is not allowed to this process; this process may run on 0-2,4-7");
	assert_int_equal(topology_choose_cpu(&topology, 99, &cpu, &why), -WRONG_REQUEST);
	assert_non_null(strstr(why.text, "CPU 99 is not there"));
	/* The other thread of a core, where this process may use it. */
	assert_int_equal(topology_sibling(&topology, 5, &sibling, &why), 0);
	assert_int_equal(sibling, 4);
	assert_int_equal(topology_sibling(&topology, 2, &sibling, &why), -ENODEV);
	assert_non_null(strstr(why.text, "no other thread of CPU 2's core"));
	assert_int_equal(sibling, 4);
	/* A thread of each core, round from its own, before their second ones. */
	assert_int_equal(topology_worker_cpus(&topology, 2, &group, &worker_group_count), 0);
	assert_int_equal(worker_group_count, sizeof(worker_group_order) / sizeof(worker_group_order[0]));
	assert_memory_equal(group, worker_group_order, sizeof(worker_group_order));
	free(group);
	assert_int_equal(topology_bind_thread(&topology, 2, &why), -ENODATA);
	assert_int_equal(topology_bind_memory(&topology, 2, &why), -ENODATA);
	topology_close(&topology);
	machine_source_close(&source);

	open_machine("amd-nested");
	assert_int_equal(topology_open(&source, &topology, &why), 0);
	assert_int_equal(hwloc_get_nbobjs_by_type(topology.hwloc, HWLOC_OBJ_PU), 2);
	assert_int_equal(topology_choose_cpu(&topology, -1, &cpu, &why), 0);
	assert_int_equal(cpu, 1);
	topology_close(&topology);
	machine_source_close(&source);

	open_machine("container");
	assert_int_equal(topology_open(&source, &topology, &why), 0);
	assert_int_equal(topology_choose_cpu(&topology, -1, &cpu, &why), 0);
	assert_int_equal(cpu, 2);
	assert_int_equal(topology_choose_cpu(&topology, 0, &cpu, &why), -WRONG_REQUEST);
	assert_int_equal(topology_sibling(&topology, 2, &sibling, &why), -ENODEV);
	topology_close(&topology);
	machine_source_close(&source);

	open_machine("amd-shadow");
	assert_int_equal(topology_open(&source, &topology, &why), -ENODATA);
	machine_source_close(&source);
}

static void test_perf(void **state)
{
	struct perf_state perf;

	(void)state;
	open_machine("intel-ept");
	machine_perf(&source, &perf);
	assert_int_equal(perf.access, PERF_NOT_TRIED);
	machine_source_close(&source);
	open_machine("xen-pv");
	machine_perf(&source, &perf);
	assert_int_equal(perf.access, PERF_UNAVAILABLE);
	assert_non_null(strstr(perf.reason.text, "no PMU"));
	machine_source_close(&source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_no_escape),
		cmocka_unit_test(test_no_machine),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_outer),
		cmocka_unit_test(test_outer_signatures),
		cmocka_unit_test(test_kvm),
		cmocka_unit_test(test_paging_levels),
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_tsc),
		cmocka_unit_test(test_topology),
		cmocka_unit_test(test_perf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
