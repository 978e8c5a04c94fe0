#include "machine/cpu.h"
#include "base/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum cpu_vendor cpu_vendor(const struct cpuid_table *cpuid, char letters[13])
{
	static const struct {
		const char *letters;
		enum cpu_vendor vendor;
	} vendors[] = {
		{ "GenuineIntel", VENDOR_INTEL },
		{ "AuthenticAMD", VENDOR_AMD },
		{ "HygonGenuine", VENDOR_HYGON },
	};
	struct cpuid_record leaf;
	char found[13] = "";

	if (cpuid_get(cpuid, 0, 0, &leaf)) {
		memcpy(found, &leaf.ebx, 4);
		memcpy(found + 4, &leaf.edx, 4);
		memcpy(found + 8, &leaf.ecx, 4);
	}
	if (letters)
		memcpy(letters, found, sizeof(found));
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
		if (!strcmp(found, vendors[i].letters))
			return vendors[i].vendor;
	}
	return VENDOR_UNKNOWN;
}

/* The name in leaves 0x80000002 to 4, without the blanks that some CPUs put in front. */
static void read_name(const struct cpuid_table *cpuid, char *name, size_t size)
{
	char letters[49] = "";
	const char *start = letters;
	struct cpuid_record leaf;

	for (uint32_t i = 0; i < 3; i++) {
		if (!cpuid_get(cpuid, 0x80000002 + i, 0, &leaf))
			return;
		memcpy(letters + 16 * i, &leaf.eax, 4);
		memcpy(letters + 16 * i + 4, &leaf.ebx, 4);
		memcpy(letters + 16 * i + 8, &leaf.ecx, 4);
		memcpy(letters + 16 * i + 12, &leaf.edx, 4);
	}
	while (*start == ' ')
		start++;
	snprintf(name, size, "%s", start);
	for (size_t length = strlen(name); length && name[length - 1] == ' ';)
		name[--length] = 0;
}

static void from_cpuid(const struct cpuid_table *cpuid, struct cpu *out)
{
	struct cpuid_record leaf;

	cpu_vendor(cpuid, out->vendor);
	read_name(cpuid, out->name, sizeof(out->name));
	if (cpuid_get(cpuid, 1, 0, &leaf)) {
		unsigned base_family = leaf.eax >> 8 & 0xF, base_model = leaf.eax >> 4 & 0xF;

		out->model_known = true;
		out->family = base_family;
		out->model = base_model;
		out->stepping = leaf.eax & 0xF;
		if (base_family == 0xF)
			out->family += leaf.eax >> 20 & 0xFF;
		/*
		 * Linux's rule (x86_model()) adds the extended model for every family from 6 on. The manuals' rule
		 * differs only for obsolete families.
		 */
		if (out->family >= 6)
			out->model += (leaf.eax >> 16 & 0xF) << 4;
		if (leaf.edx & 1u << 19) /* CLFSH: the line size field is valid */
			out->line_bytes = (leaf.ebx >> 8 & 0xFF) * 8;
		out->page_2m = leaf.edx & 1u << 3;
		out->pcid = leaf.ecx & 1u << 17;
		out->vmx = leaf.ecx & 1u << 5;
		out->features_known = true;
	}
	if (cpuid_get(cpuid, 7, 0, &leaf)) {
		out->la57 = leaf.ecx & 1u << 16;
		out->invpcid = leaf.ebx & 1u << 10;
		out->hybrid = leaf.edx & 1u << 15;
	}
	if (cpuid_get(cpuid, 0x1A, 0, &leaf))
		out->core_type = leaf.eax >> 24;
	if (cpuid_get(cpuid, 0x80000001, 0, &leaf)) {
		out->page_1g = leaf.edx & 1u << 26;
		out->svm = leaf.ecx & 1u << 2;
	}
	if (cpuid_get(cpuid, 0x80000008, 0, &leaf)) {
		out->physical_bits = leaf.eax & 0xFF;
		out->virtual_bits = leaf.eax >> 8 & 0xFF;
	}
}

static unsigned field_number(const char *cpuinfo, const char *key)
{
	char value[32];

	return text_field(cpuinfo, key, value, sizeof(value)) ? (unsigned)strtoul(value, NULL, 10) : 0;
}

static void cpu_from_cpuinfo(const char *cpuinfo, struct cpu *out)
{
	char value[64], *flags = text_field_copy(cpuinfo, "flags");

	text_field(cpuinfo, "vendor_id", out->vendor, sizeof(out->vendor));
	text_field(cpuinfo, "model name", out->name, sizeof(out->name));
	if (text_field(cpuinfo, "model", value, sizeof(value))) {
		out->model_known = true;
		out->family = field_number(cpuinfo, "cpu family");
		out->model = field_number(cpuinfo, "model");
		out->stepping = field_number(cpuinfo, "stepping");
	}
	out->line_bytes = field_number(cpuinfo, "clflush size");
	if (text_field(cpuinfo, "address sizes", value, sizeof(value)))
		sscanf(value, "%u bits physical, %u bits virtual", &out->physical_bits, &out->virtual_bits);
	if (flags) {
		/*
		 * The kernel hides features that it does not use, so a missing la57 flag says nothing about the
		 * hardware.
		 */
		out->features_known = true;
		out->la57 = text_has_word(flags, "la57");
		out->page_2m = text_has_word(flags, "pse");
		out->page_1g = text_has_word(flags, "pdpe1gb");
		out->pcid = text_has_word(flags, "pcid");
		out->invpcid = text_has_word(flags, "invpcid");
		out->vmx = text_has_word(flags, "vmx");
		out->svm = text_has_word(flags, "svm");
	}
	free(flags);
}

void machine_cpu(const struct machine_source *source, struct cpu *out)
{
	char *cpuinfo;

	memset(out, 0, sizeof(*out));
	if (source->cpuid.count) {
		from_cpuid(&source->cpuid, out);
		fail(&out->reason, ENODATA, "CPUID does not tell it");
		return;
	}
	if (source_read_all(source, "/proc/cpuinfo", &cpuinfo, &out->reason))
		return;
	cpu_from_cpuinfo(cpuinfo, out);
	free(cpuinfo);
	fail(&out->reason, ENODATA, "/proc/cpuinfo does not tell it, and there is no CPUID");
}

/* Whether the kernel can place memory above the 47 bits that 4-level page tables leave to user space. */
static unsigned levels_by_trying(struct reason *why)
{
	/*
	 * Linux Documentation/arch/x86/x86_64/5level-paging.rst: the kernel places memory there only where the hint
	 * asks for it.
	 */
	void *hint = (void *)(1ULL << 52);
	unsigned char *page = mmap(hint, PAGE_4K, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned levels;

	if (page == MAP_FAILED) {
		fail(why, errno, "mmap: %s", strerror(errno));
		return 0;
	}
	levels = (uintptr_t)page >> 47 ? 5 : 4;
	munmap(page, PAGE_4K);
	fail(why, 0, "tried: a mapping asked for above 47 bits %s", levels == 5 ? "came there" : "came below");
	return levels;
}

unsigned paging_levels_used(const struct machine_source *source, struct reason *why)
{
	char *cpuinfo, *flags;
	unsigned levels = 0;

	if (source_is_live(source))
		return levels_by_trying(why);
	if (source_read_all(source, "/proc/cpuinfo", &cpuinfo, why))
		return 0;
	flags = text_field_copy(cpuinfo, "flags");
	if (flags) {
		levels = text_has_word(flags, "la57") ? 5 : 4;
		fail(why, 0, "cpuinfo %s the flag la57", levels == 5 ? "has" : "does not have");
	} else {
		fail(why, ENODATA, "/proc/cpuinfo has no flags");
	}
	free(flags);
	free(cpuinfo);
	return levels;
}
