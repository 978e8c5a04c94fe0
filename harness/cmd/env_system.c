#include "cmd/env_system.h"

#include "base/units.h"
#include "cmd/print.h"

#include <stdio.h>
#include <string.h>

static void print_kernel(const json_t *machine)
{
	const json_t *kernel = json_object_get(machine, "kernel"), *value;
	json_t *mitigations = json_object_get(machine, "mitigations");
	struct print_text unaffected = { "" };
	const char *key;

	print_section("Kernel");
	print_value_row("release", kernel, "release", PRINT_PLAIN);
	print_value_row("clock source", kernel, "clocksource", PRINT_PLAIN);
	print_value_row("lockdown", kernel, "lockdown", PRINT_PLAIN);
	print_list_row("command line", kernel, "command_line", PRINT_PLAIN);

	print_section("Mitigations");
	if (print_reason(mitigations, "all")) {
		print_value_row("all", mitigations, "all", PRINT_PLAIN);
		return;
	}
	json_object_foreach (mitigations, key, value) {
		size_t used = strlen(unaffected.text);
		const char *text = json_string_value(value);

		if (strcmp(text, "Not affected"))
			print_row(key, "%s", text);
		else
			snprintf(unaffected.text + used, sizeof(unaffected.text) - used, "%s%s", used ? ", " : "", key);
	}
	if (unaffected.text[0])
		print_row("not affected", "%s", unaffected.text);
}

static void print_allocator(const json_t *machine)
{
	const json_t *allocator = json_object_get(machine, "allocator");

	print_section("Allocator");
	print_value_row("malloc() is in", allocator, "name", PRINT_PLAIN);
	print_value_row("version", allocator, "version", PRINT_PLAIN);
	print_list_row("settings", allocator, "settings", PRINT_PLAIN);
}

static void print_noise(const json_t *machine)
{
	const json_t *noise = json_object_get(machine, "noise");
	struct print_text a, b, c;

	print_section("Noise");
	print_value_row("SMT active", noise, "smt_active", PRINT_PLAIN);
	print_list_row("governors", noise, "governors", PRINT_PLAIN);
	print_value_row("boost", noise, "boost", PRINT_PLAIN);
	if (json_is_integer(json_object_get(noise, "stolen_ns")))
		print_row("stolen so far", "%.2f s, %.2f %% of the time not idle",
			(double)json_integer_value(json_object_get(noise, "stolen_ns")) / (double)NS_PER_S,
			100 * json_real_value(json_object_get(noise, "stolen_fraction")));
	else
		print_value_row("stolen so far", noise, "stolen_ns", PRINT_PLAIN);
	if (json_is_real(json_object_get(noise, "load_1min")))
		print_row("load", "%s, %s, %s (1, 5, 15 min)",
			print_value(json_object_get(noise, "load_1min"), PRINT_PLAIN, &a),
			print_value(json_object_get(noise, "load_5min"), PRINT_PLAIN, &b),
			print_value(json_object_get(noise, "load_15min"), PRINT_PLAIN, &c));
	else
		print_value_row("load", noise, "load_1min", PRINT_PLAIN);
	if (json_string_length(json_object_get(noise, "isolated_cpus")))
		print_value_row("isolated CPUs", noise, "isolated_cpus", PRINT_PLAIN);
	if (json_string_length(json_object_get(noise, "nohz_full_cpus")))
		print_value_row("nohz_full CPUs", noise, "nohz_full_cpus", PRINT_PLAIN);
	if (json_is_real(json_object_get(noise, "cpu_quota_cpus")))
		print_value_row("CPU quota", noise, "cpu_quota_cpus", PRINT_PLAIN);
	else
		print_row("CPU quota", "%s", print_reason(noise, "cpu_quota_cpus"));
}

/* Only what differs from what nearly every process has. */
static void print_process(const json_t *machine)
{
	const json_t *process = json_object_get(machine, "process"), *variable;
	json_int_t nice = json_integer_value(json_object_get(process, "nice"));
	struct print_text a;
	size_t i;

	print_section("This process, as it was started");
	print_value_row("memory policy", process, "memory_policy", PRINT_PLAIN);
	print_row("scheduling", "%s, nice %" JSON_INTEGER_FORMAT,
		print_value_reason(process, "scheduling", PRINT_PLAIN, &a), nice);
	if (json_is_true(json_object_get(process, "thp_disabled")))
		print_row("huge pages", "transparent ones are off for this process (PR_SET_THP_DISABLE)");
	if (json_is_false(json_object_get(process, "addresses_randomized")))
		print_row("addresses", "not randomized (setarch -R): all runs have the same");
	if (json_is_integer(json_object_get(process, "address_space_limit_bytes")))
		print_value_row("address space", process, "address_space_limit_bytes", PRINT_BYTES);
	if (json_is_integer(json_object_get(process, "data_limit_bytes")))
		print_value_row("data", process, "data_limit_bytes", PRINT_BYTES);
	json_array_foreach (json_object_get(process, "environment"), i, variable)
		print_row(json_is_true(json_object_get(variable, "taken_out")) ? "ignored variable" : "variable",
			"%s: %s", json_string_value(json_object_get(variable, "variable")),
			json_string_value(json_object_get(variable, "why")));
}

void env_system_print(const json_t *machine)
{
	print_kernel(machine);
	print_allocator(machine);
	print_process(machine);
	print_noise(machine);
}
