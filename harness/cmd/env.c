/* nestwalk env: what this machine is, and what it lets nestwalk measure. */
#include "base/member.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "cmd/env_leaf.h"
#include "cmd/env_system.h"
#include "cmd/env_weather.h"
#include "cmd/print.h"
#include "machine/hypervisor.h"
#include "machine/machine.h"
#include "measure/effective_leaf.h"
#include "measure/hardware.h"
#include "space/laboratory.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct options {
	bool json;
	const char *root, *cpuid;
	struct env_weather_request weather;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->weather;
		return 0;
	case 'j':
		options->json = options->weather.json = true;
		return 0;
	case 'r':
		options->root = argument;
		return 0;
	case 'c':
		options->cpuid = argument;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", argument);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_cpu(const json_t *machine)
{
	const json_t *cpu = json_object_get(machine, "cpu");
	struct print_text a, b, c;

	print_section("CPU");
	print_value_row("name", cpu, "name", PRINT_PLAIN);
	print_value_row("vendor", cpu, "vendor", PRINT_PLAIN);
	if (json_is_integer(json_object_get(cpu, "family")))
		print_row("model", "family %s, model %s, stepping %s",
			print_value(json_object_get(cpu, "family"), PRINT_PLAIN, &a),
			print_value(json_object_get(cpu, "model"), PRINT_PLAIN, &b),
			print_value(json_object_get(cpu, "stepping"), PRINT_PLAIN, &c));
	else
		print_value_row("model", cpu, "family", PRINT_PLAIN);
	print_value_row("microcode", cpu, "microcode", PRINT_PLAIN);
	print_row("address bits", "physical %s, virtual %s",
		print_value_reason(cpu, "physical_address_bits", PRINT_PLAIN, &a),
		print_value_reason(cpu, "virtual_address_bits", PRINT_PLAIN, &b));
	print_row("cache line", "%s%s", print_counted_value(cpu, "line_bytes", "bytes", &a),
		json_is_integer(json_object_get(cpu, "line_bytes")) &&
				(uint64_t)json_integer_value(json_object_get(cpu, "line_bytes")) != LINE_BYTES
			? ": nestwalk measures only CPUs with 64-byte lines"
			: "");
	print_row("PCID", "%s, INVPCID %s", print_value_reason(cpu, "pcid", PRINT_PLAIN, &a),
		print_value_reason(cpu, "invpcid", PRINT_PLAIN, &b));
	print_value_row("VMX or SVM", cpu, "virtualization", PRINT_PLAIN);
	if (member_text(cpu, "core_kind"))
		print_row("kind of core", "%s: one of several of this hybrid CPU, whose TLBs differ",
			member_text(cpu, "core_kind"));
}

static void print_paging_and_clock(const json_t *machine)
{
	const json_t *paging = json_object_get(machine, "paging"), *tsc = json_object_get(machine, "tsc");
	const json_t *outer = json_object_get(machine, "outer");
	const char *told_by = member_text(paging, "levels_used_told_by");
	struct print_text a, b;

	print_row("page-table levels", "hardware %s", print_value_reason(paging, "levels_hardware", PRINT_PLAIN, &a));
	print_row("", "this Linux %s%s%s%s", print_value_reason(paging, "levels_used", PRINT_PLAIN, &b),
		told_by ? " (" : "", told_by ? told_by : "", told_by ? ")" : "");
	told_by = member_text(tsc, "told_by");
	print_row("TSC", "%s%s%s%s", print_value_reason(tsc, "hz", PRINT_HZ, &a), told_by ? " (" : "",
		told_by ? told_by : "", told_by ? ")" : "");
	print_value_row("TSC invariant", tsc, "invariant", PRINT_PLAIN);
	told_by = member_text(outer, "told_by");
	print_row("runs on (outer)", "%s%s%s%s", print_value_reason(outer, "name", PRINT_PLAIN, &a),
		told_by ? " (" : "", told_by ? told_by : "", told_by ? ")" : "");
	if (json_is_string(json_object_get(outer, "interface")))
		print_row("", "it also shows the interface of '%s'", member_text(outer, "interface"));
}

static void print_tlbs(const json_t *machine)
{
	const json_t *tlbs = json_object_get(machine, "tlbs_advertised"), *entry;
	const json_t *entries = json_object_get(tlbs, "entries");
	size_t i;

	printf("\nTLBs, %s\n", member_text(tlbs, "note"));
	if (!json_is_array(entries)) {
		print_row("", "%s", print_reason(tlbs, "entries"));
		return;
	}
	printf("  %-6s %-12s %-14s %8s  %-8s %s\n", "level", "for", "page sizes", "entries", "ways", "CPUID leaf");
	json_array_foreach (entries, i, entry) {
		const json_t *ways = json_object_get(entry, "ways");
		const char *range = print_reason(entry, "ways");
		struct print_text sizes, way;

		/* "CPUID gives a range: 8 to 12" */
		if (json_is_null(ways) && range && strrchr(range, ':'))
			snprintf(way.text, sizeof(way.text), "%s", strrchr(range, ':') + 2);
		else if (json_is_null(ways))
			snprintf(way.text, sizeof(way.text), "?");
		else
			print_value(ways, PRINT_PLAIN, &way);
		printf("  L%-5" JSON_INTEGER_FORMAT " %-12s %-14s %8" JSON_INTEGER_FORMAT "  %-8s %s\n",
			json_integer_value(json_object_get(entry, "level")), member_text(entry, "kind"),
			print_list(json_object_get(entry, "page_sizes_bytes"), PRINT_BYTES, &sizes),
			json_integer_value(json_object_get(entry, "entries")), way.text,
			member_text(entry, "source_leaf"));
	}
}

static void print_topology(const json_t *machine)
{
	const json_t *topology = json_object_get(machine, "topology"), *cache, *node;
	struct print_text a, b, c;
	size_t i;

	print_section("Topology");
	if (json_is_null(json_object_get(topology, "pus"))) {
		print_value_row("CPUs", topology, "pus", PRINT_PLAIN);
		return;
	}
	print_value_row("CPUs", topology, "pus", PRINT_PLAIN);
	print_row("cores", "%s, CPUs a core %s", print_value_reason(topology, "cores", PRINT_PLAIN, &a),
		print_value_reason(topology, "pus_per_core", PRINT_PLAIN, &b));
	print_row("packages", "%s, NUMA nodes %s", print_value_reason(topology, "packages", PRINT_PLAIN, &a),
		print_value_reason(topology, "numa_nodes", PRINT_PLAIN, &b));
	print_value_row("may run on", topology, "allowed_cpus", PRINT_PLAIN);
	json_array_foreach (json_object_get(topology, "caches"), i, cache) {
		char label[32];
		const char *type = member_text(cache, "type");

		snprintf(label, sizeof(label), "L%" JSON_INTEGER_FORMAT " %s",
			json_integer_value(json_object_get(cache, "level")), strcmp(type, "unified") ? type : "");
		print_row(label,
			"%s, lines of %s, ways: %s, shared by %" JSON_INTEGER_FORMAT " CPUs, %" JSON_INTEGER_FORMAT
			" of them",
			print_value(json_object_get(cache, "size_bytes"), PRINT_BYTES, &a),
			print_counted_value(cache, "line_bytes", "bytes", &b),
			print_value(json_object_get(cache, "ways"), PRINT_PLAIN, &c),
			json_integer_value(json_object_get(cache, "shared_by_pus")),
			json_integer_value(json_object_get(cache, "count")));
	}
	json_array_foreach (json_object_get(topology, "numa"), i, node) {
		char label[32];

		snprintf(label, sizeof(label), "NUMA node %" JSON_INTEGER_FORMAT,
			json_integer_value(json_object_get(node, "node")));
		if (json_is_integer(json_object_get(node, "memory_bytes")))
			print_row(label, "%" JSON_INTEGER_FORMAT " MiB, CPUs %s",
				json_integer_value(json_object_get(node, "memory_bytes")) / (json_int_t)MIB,
				member_text(node, "cpus"));
		else
			print_row(label, "memory %s, CPUs %s",
				print_value_reason(node, "memory_bytes", PRINT_PLAIN, &a), member_text(node, "cpus"));
	}
}

static void mib_row(const char *label, const json_t *object, const char *key, const char *note)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_integer(value))
		print_row(label, "%" JSON_INTEGER_FORMAT " MiB%s%s%s", json_integer_value(value) / (json_int_t)MIB,
			note ? " (" : "", note ? note : "", note ? ")" : "");
	else
		print_value_row(label, object, key, PRINT_PLAIN);
}

/* "16K never, 32K never, 2M inherit", and those that benches get */
static void print_thp_sizes(const json_t *sizes)
{
	struct print_text all = { "" }, offered = { "" }, bytes, enabled;
	const json_t *one;
	size_t i;

	json_array_foreach (sizes, i, one) {
		size_t used = strlen(all.text), length = strlen(offered.text);

		print_value(json_object_get(one, "page_bytes"), PRINT_BYTES, &bytes);
		snprintf(all.text + used, sizeof(all.text) - used, "%s%.16s %.32s", used ? ", " : "", bytes.text,
			print_value_reason(one, "enabled", PRINT_PLAIN, &enabled));
		if (json_is_true(json_object_get(one, "offered")))
			snprintf(offered.text + length, sizeof(offered.text) - length, "%s%.16s", length ? ", " : "",
				bytes.text);
	}
	if (all.text[0]) {
		print_row("THP by size", "%s", all.text);
		print_row("THP offered", "%s (`nestwalk run --mthp SIZE` adds one for a run)",
			offered.text[0] ? offered.text : "none");
	}
}

static void print_memory(const json_t *machine)
{
	const json_t *memory = json_object_get(machine, "memory"), *sizes = json_object_get(machine, "page_sizes");
	const json_t *thp = json_object_get(sizes, "thp"), *pool;
	struct print_text a, b, c;
	size_t i;

	print_section("Memory and page sizes");
	mib_row("total", memory, "total_bytes", NULL);
	mib_row("available", memory, "available_bytes", member_text(memory, "available_limited_by"));
	mib_row("nestwalk may take", memory, "budget_bytes", NULL);
	print_list_row("hardware", sizes, "hardware_bytes", PRINT_BYTES);
	print_value_row("THP", thp, "mode", PRINT_PLAIN);
	if (!json_is_null(json_object_get(thp, "mode"))) {
		print_row("", "%s", member_text(thp, "mode_note"));
		print_value_row("THP defrag", thp, "defrag", PRINT_PLAIN);
		print_value_row("THP size", thp, "pmd_size_bytes", PRINT_BYTES);
	}
	print_thp_sizes(json_object_get(thp, "sizes"));
	if (!json_is_array(json_object_get(sizes, "hugetlb")))
		print_value_row("hugetlb", sizes, "hugetlb", PRINT_PLAIN);
	json_array_foreach (json_object_get(sizes, "hugetlb"), i, pool) {
		char label[32];

		snprintf(label, sizeof(label), "hugetlb %.16s",
			print_value(json_object_get(pool, "page_bytes"), PRINT_BYTES, &a));
		print_row(label, "%s, %s, %s", print_counted_value(pool, "total_pages", "pages", &a),
			print_counted_value(pool, "free_pages", "free", &b),
			print_counted_value(pool, "reserved_pages", "reserved", &c));
		if (json_is_string(json_object_get(pool, "usable_note")))
			print_row("", "%s", member_text(pool, "usable_note"));
	}
}

static void print_kvm(const json_t *machine)
{
	const json_t *kvm = json_object_get(machine, "kvm");
	const char *told_by = member_text(kvm, "paging_told_by");
	struct print_text text;

	print_section("KVM");
	print_value_row("/dev/kvm usable", kvm, "usable", PRINT_PLAIN);
	if (json_is_integer(json_object_get(kvm, "api_version")))
		print_value_row("API version", kvm, "api_version", PRINT_PLAIN);
	print_value_row("module", kvm, "module", PRINT_PLAIN);
	print_row("paging of guests", "%s%s%s%s", print_value_reason(kvm, "paging", PRINT_PLAIN, &text),
		told_by ? " (" : "", told_by ? told_by : "", told_by ? ")" : "");
	if (json_object_get(kvm, "paging_proven"))
		print_value_row("... as it proves", kvm, "paging_proven", PRINT_PLAIN);
	if (json_is_number(json_object_get(kvm, "exits_per_guest_fault")))
		print_row("exits a guest fault", "%.2f",
			json_number_value(json_object_get(kvm, "exits_per_guest_fault")));
	if (json_is_string(json_object_get(kvm, "tdp_mmu")))
		print_value_row("tdp_mmu", kvm, "tdp_mmu", PRINT_PLAIN);
	if (json_is_string(json_object_get(kvm, "nested")))
		print_value_row("nested guests", kvm, "nested", PRINT_PLAIN);
}

/* The counters that chases of one setting would have. */
static void print_counted(const char *label, const json_t *setting)
{
	struct print_text list;

	if (json_array_size(json_object_get(setting, "available")))
		print_row(label, "%s", print_list(json_object_get(setting, "available"), PRINT_PLAIN, &list));
	else if (json_is_string(json_object_get(setting, "reason")))
		print_row(label, "nothing: %s", member_text(setting, "reason"));
}

static void print_counters(const json_t *machine)
{
	const json_t *counters = json_object_get(machine, "counters"), *metrics = json_object_get(counters, "metrics");

	print_section("Hardware counters");
	print_value_row("available", counters, "available", PRINT_PLAIN);
	if (json_is_true(json_object_get(counters, "available")))
		print_value_row("of the kernel too", counters, "kernel_available", PRINT_PLAIN);
	print_value_row("paranoid level", counters, "perf_event_paranoid", PRINT_PLAIN);
	print_list_row("PMUs", counters, "pmus", PRINT_PLAIN);
	print_value_row("NMI watchdog", counters, "nmi_watchdog", PRINT_PLAIN);
	if (!metrics)
		return;
	print_value_row("events of", metrics, "microarchitecture", PRINT_PLAIN);
	/* The reason why nothing is available was printed above. */
	if (!json_is_true(json_object_get(counters, "available")))
		return;
	print_counted("counts on the host", json_object_get(metrics, "host"));
	print_counted("counts of a vcpu", json_object_get(metrics, "vcpu"));
}

static void print_table(const json_t *machine)
{
	const json_t *source = json_object_get(machine, "source");

	printf("nestwalk " NESTWALK_VERSION ": %s%s\n",
		!strcmp(member_text(source, "kind"), "live")	   ? ""
		: !strcmp(member_text(source, "kind"), "recorded") ? "the machine recorded in "
								   : "the registers in ",
		member_text(source, "name"));
	print_cpu(machine);
	print_paging_and_clock(machine);
	print_tlbs(machine);
	if (!json_object_get(machine, "topology")) /* a dump of registers only */
		return;
	print_topology(machine);
	print_memory(machine);
	env_leaf_print(machine);
	print_kvm(machine);
	print_counters(machine);
	env_system_print(machine);
}

static int open_source(const struct options *options, struct machine_source *source, struct reason *why)
{
	int error;

	if (!options->root && options->cpuid)
		return machine_source_cpuid(source, options->cpuid, why);
	if (!options->root) {
		machine_source_live(source);
		return 0;
	}
	error = machine_source_root(source, options->root, why);
	if (!error && options->cpuid) {
		error = machine_source_replace_cpuid(source, options->cpuid, why);
		if (error)
			machine_source_close(source);
	}
	return error;
}

/*
 * Put into the description which paging mode a guest here proves. Only on this machine, and where /dev/kvm can be
 * used. 0, or -EPROTO with *why where the proof contradicts sysfs.
 */
static int prove_paging(const struct machine_source *source, json_t *machine, struct reason *why)
{
	json_t *kvm = json_object_get(machine, "kvm");
	struct kvm_module module;
	struct paging_proof proof;
	enum paging told;
	int error;

	if (!source_is_live(source) || !json_is_true(json_object_get(kvm, "usable")))
		return 0;
	machine_kvm_module(source, &module);
	error = laboratory_check_paging(&module, &proof, &told, why);
	if (proof.known) {
		json_object_set_new(kvm, "paging_proven", json_string(paging_name(proof.paging)));
		json_object_set_new(kvm, "exits_per_guest_fault", json_real(proof.exits_per_fault));
	} else {
		json_object_set_new(kvm, "paging_proven", json_null());
		json_object_set_new(kvm, "paging_proven_reason", json_string(proof.reason.text));
	}
	return error;
}

/* Put into the description which metrics a run would count on this machine: its "counters". */
static void look_at_counters(const struct machine_source *source, json_t *machine)
{
	const json_t *usable = json_object_get(json_object_get(machine, "kvm"), "usable");
	struct hardware_request request = { .settings = SETTING_BIT(SETTING_HOST), .source = source };
	struct kvm_module module;
	struct hardware *hardware;

	if (!source_is_live(source))
		return;
	machine_kvm_module(source, &module);
	request.module = &module;
	if (json_is_true(usable))
		request.settings |= SETTING_BIT(SETTING_VCPU);
	/* Where memory is short, the description lacks this part. */
	if (hardware_open(&request, &hardware, NULL))
		return;
	json_object_set_new(json_object_get(machine, "counters"), "metrics", hardware_json(hardware));
	hardware_close(hardware);
}

static int refuse_recorded_weather(void)
{
	struct reason why;

	fail(&why, EINVAL, "--weather watches this machine, so --root and --cpuid say nothing to it");
	return cmd_fail(EXIT_USAGE, &why);
}

int cmd_env(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{ "json", 'j', NULL, 0, "Print JSON: what is unknown is null, with KEY_reason beside it", 0 },
		{ "root", 'r', "DIR", 0,
			"Describe the machine recorded in DIR (proc, sys, dev, cpuid.txt, topology.xml)", 0 },
		{ "cpuid", 'c', "FILE", 0,
			"Decode a CPUID dump of another machine (`cpuid -r`, or 'CPUID leaf: A-B-C-D' lines)", 0 },
		{ 0 },
	};
	static const struct argp_child children[] = { { &env_weather_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		.options = list,
		.children = children,
		.parser = parse_option,
		.doc = "What this machine is, and what it lets nestwalk measure.\vWithout --root and --cpuid it describes this machine. Needs no privilege; what could not be found out is said to be unknown, and why.",
	};
	static struct machine_source source;
	struct options options = { 0 };
	struct reason why;
	json_t *machine;
	int contradiction;

	cmd_parse(&argp, argc, argv, &options);
	if (env_weather_wanted(&options.weather))
		return options.root || options.cpuid ? refuse_recorded_weather() : env_weather(&options.weather);
	if (open_source(&options, &source, &why))
		return cmd_fail(EXIT_FAILED, &why);
	machine = machine_describe(&source);
	contradiction = machine ? prove_paging(&source, machine, &why) : 0;
	if (machine)
		look_at_counters(&source, machine);
	if (machine && source_is_live(&source))
		json_object_set_new(machine, "effective_leaf", effective_leaf_json(&source, false));
	machine_source_close(&source);
	if (!machine) {
		fail(&why, ENOMEM, "out of memory");
		return cmd_fail(EXIT_FAILED, &why);
	}
	if (options.json) {
		json_dumpf(machine, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		putchar('\n');
	} else {
		print_table(machine);
	}
	json_decref(machine);
	return contradiction ? cmd_fail(EXIT_FAILED, &why) : EXIT_DONE;
}
