/*
 * The parts of a machine's description. Each returns a new object or array, which the caller owns; NULL only where
 * memory is short. A KEY that is null has a KEY_reason beside it. Sizes are in bytes, frequencies in Hz.
 */
#ifndef NESTWALK_DESCRIBE_H
#define NESTWALK_DESCRIBE_H

#include "machine/source.h"

#include <jansson.h>

/* {"kind": "live"|"recorded"|"cpuid", "name"} */
json_t *describe_source(const struct machine_source *source);

/*
 * {"vendor", "name", "family", "model", "stepping", "microcode", "physical_address_bits", "virtual_address_bits",
 * "line_bytes", "pcid", "invpcid", "virtualization", "core_kind"}; microcode is text as in cpuinfo ("0xa10113e")
 */
json_t *describe_cpu(const struct machine_source *source);

/*
 * {"entries": null or [{"level", "kind", "page_sizes_bytes": [...], "entries", "ways": number, "full" or null,
 * "source_leaf": "0x18", "source_subleaf" (of leaf 0x18) or "source_descriptor" (of leaf 2)}], "note"}; the note says
 * why these entries are not to be trusted
 */
json_t *describe_tlbs(const struct machine_source *source);

/* {"levels_hardware", "levels_used", "levels_used_told_by"} */
json_t *describe_paging(const struct machine_source *source);

/* {"hz", "told_by", "invariant", "advertised_hz", "advertised_by"} */
json_t *describe_tsc(const struct machine_source *source);

/* {"name", "is_guest", "signature", "interface", "told_by"}; is_guest, signature and interface may be null */
json_t *describe_outer(const struct machine_source *source);

/*
 * {"packages", "numa_nodes", "cores", "pus", "pus_per_core", "allowed_cpus": "0-7,16", "caches": [{"level", "type":
 * "data"|"instruction"|"unified", "size_bytes", "line_bytes", "ways": number or "full", "shared_by_pus", "count"}],
 * "numa": [{"node", "memory_bytes", "cpus", "page_types": [{"page_bytes", "pages"}]}]}; page_types as hwloc has them;
 * all null where there is no topology
 */
json_t *describe_topology(const struct machine_source *source);

/*
 * {"hardware_bytes": [4096, ...], "thp": {"mode", "mode_note", "enabled", "defrag", "shmem_enabled", "pmd_size_bytes",
 * "sizes": [{"page_bytes", "enabled"}]}, "hugetlb": [{"page_bytes", "total_pages", "free_pages", "reserved_pages",
 * "surplus_pages", "usable_pages", "usable_note", "nodes": [{"node", "total_pages", "free_pages"}]}]}
 */
json_t *describe_page_sizes(const struct machine_source *source);

/* {"total_bytes", "available_bytes", "available_limited_by", "budget_bytes", "swap_total_bytes"} */
json_t *describe_memory(const struct machine_source *source);

/*
 * {"usable": true|false|null, "api_version", "module", "paging", "paging_told_by", "tdp_mmu", "nested",
 * "module_parameters": {name: text}, "kvm_parameters": {name: text}}
 */
json_t *describe_kvm(const struct machine_source *source);

/* {"available": true|false|null, "kernel_available", "perf_event_paranoid", "pmus": [...], "nmi_watchdog"};
 * "available_reason" stands beside false, too. `nestwalk env` adds "metrics": run.json's "counters" */
json_t *describe_counters(const struct machine_source *source);

/* {"release", "version", "lockdown", "clocksource", "command_line": [the words that affect measurements]} */
json_t *describe_kernel(const struct machine_source *source);

/* {name: text of /sys/devices/system/cpu/vulnerabilities/name}, or {"all": null} with a reason */
json_t *describe_mitigations(const struct machine_source *source);

/*
 * {"smt_active", "governors": [...], "scaling_driver", "boost", "stolen_ns", "stolen_fraction" (of the time not idle,
 * since boot), "load_1min", "load_5min", "load_15min", "isolated_cpus", "nohz_full_cpus", "cpu_quota_cpus"}
 */
json_t *describe_noise(const struct machine_source *source);

/*
 * The allocator of this process: {"name": "libc.so.6", "version" (null for others than the GNU C library),
 * "is_glibc", "settings": ["GLIBC_TUNABLES=...", "MALLOC_...=..."] of its environment}
 */
json_t *describe_allocator(const struct machine_source *source);

/*
 * {"thp_disabled", "memory_policy", "scheduling", "nice", "timer_slack_ns", "addresses_randomized",
 * "address_space_limit_bytes", "data_limit_bytes", "locked_memory_limit_bytes", "processes_limit", "environment":
 * [{"variable", "taken_out", "why"}]}: what this process inherited (process.h, environment.h)
 */
json_t *describe_process(const struct machine_source *source);

#endif
