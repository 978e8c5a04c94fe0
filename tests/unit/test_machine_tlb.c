/* Advertised TLBs of ten real CPUs against the sizes their makers published. */
#include "base/units.h"
#include "machine/tlb.h"

/* cmocka.h needs the others before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static struct machine_source source;

static void load(const char *name)
{
	char path[256];
	struct reason why = { "" };

	snprintf(path, sizeof(path), "tests/fixtures/cpuid/%s.txt", name);
	if (machine_source_cpuid(&source, path, &why))
		fail_msg("%s", why.text);
}

/* Published figures: the vendors' optimisation manuals and software developer's manuals. 0: none of that size. */
static const struct {
	const char *name;
	uint64_t l1_4k, l1_2m, l1_1g, l2_4k, l2_2m, l2_1g;
} published[] = {
	{ "intel-nehalem", 64, 32, 0, 512, 0, 0 },
	{ "intel-haswell", 64, 32, 4, 1024, 1024, 0 },
	{ "intel-skylakex", 64, 32, 4, 1536, 1536, 16 },
	/* The L1 for loads is 96 by the manual; CPUID advertises 64 and is not trusted. */
	{ "intel-alderlake-hybrid", 64, 32, 8, 2048, 1024, 1024 },
	{ "intel-sapphirerapids", 64, 32, 8, 2048, 1024, 1024 },
	{ "amd-zen1-naples", 64, 64, 64, 1536, 1536, 0 },
	{ "amd-zen2-rome", 64, 64, 64, 2048, 2048, 0 },
	{ "amd-zen3-milan", 64, 64, 64, 2048, 2048, 64 },
	{ "amd-zen4-genoa", 72, 72, 72, 3072, 3072, 64 },
	/* In units of 32, said by L2TlbSizeX32: 4096, not 128. */
	{ "amd-zen5-turin", 96, 96, 96, 4096, 4096, 1024 },
};

static void test_published(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
		load(published[i].name);
		assert_int_equal(machine_tlb_reach(&source, 1, PAGE_4K), published[i].l1_4k);
		assert_int_equal(machine_tlb_reach(&source, 1, PAGE_2M), published[i].l1_2m);
		assert_int_equal(machine_tlb_reach(&source, 1, PAGE_1G), published[i].l1_1g);
		assert_int_equal(machine_tlb_reach(&source, 2, PAGE_4K), published[i].l2_4k);
		assert_int_equal(machine_tlb_reach(&source, 2, PAGE_2M), published[i].l2_2m);
		assert_int_equal(machine_tlb_reach(&source, 2, PAGE_1G), published[i].l2_1g);
		assert_int_equal(machine_tlb_reach(&source, 3, PAGE_4K), 0);
	}
}

static const struct tlb_entry *find(
	const struct tlb_entry *entries, size_t count, unsigned level, enum tlb_kind kind, unsigned pages)
{
	for (size_t i = 0; i < count; i++) {
		if (entries[i].level == level && entries[i].kind == kind && entries[i].pages == pages)
			return &entries[i];
	}
	fail_msg("no L%u %s TLB for pages %x", level, tlb_kind_name(kind), pages);
	return NULL;
}

static void test_ways(void **state)
{
	struct tlb_entry entries[TLB_ENTRIES_MAX];
	size_t count;

	(void)state;
	load("amd-zen5-turin");
	count = machine_tlbs(&source, entries, TLB_ENTRIES_MAX);
	assert_int_equal(find(entries, count, 1, TLB_DATA, TLB_4K)->ways_least, TLB_WAYS_FULL);
	assert_int_equal(find(entries, count, 2, TLB_DATA, TLB_4K)->ways_least, 8);
	assert_int_equal(find(entries, count, 2, TLB_DATA, TLB_4K)->ways_most, 8);
	assert_int_equal(find(entries, count, 2, TLB_DATA, TLB_4K)->leaf, 0x80000006);
	assert_int_equal(find(entries, count, 2, TLB_INSTRUCTION, TLB_4K)->entries, 2048);
	/* 3072 entries, "8 to 15 ways": 8 or 12 divide it. */
	load("amd-zen4-genoa");
	count = machine_tlbs(&source, entries, TLB_ENTRIES_MAX);
	assert_int_equal(find(entries, count, 2, TLB_DATA, TLB_4K)->ways_least, 8);
	assert_int_equal(find(entries, count, 2, TLB_DATA, TLB_4K)->ways_most, 12);
	load("intel-sapphirerapids");
	count = machine_tlbs(&source, entries, TLB_ENTRIES_MAX);
	assert_int_equal(count, 8);
	assert_int_equal(find(entries, count, 1, TLB_STORE, TLB_4K | TLB_2M | TLB_4M | TLB_1G)->entries, 16);
	assert_int_equal(find(entries, count, 2, TLB_UNIFIED, TLB_4K | TLB_1G)->ways_least, 8);
	assert_int_equal(find(entries, count, 2, TLB_UNIFIED, TLB_4K | TLB_1G)->detail, 8);
	/* Descriptor 0x63 describes two arrays. */
	load("intel-haswell");
	count = machine_tlbs(&source, entries, TLB_ENTRIES_MAX);
	assert_int_equal(find(entries, count, 1, TLB_DATA, TLB_2M | TLB_4M)->detail, 0x63);
	assert_int_equal(find(entries, count, 1, TLB_DATA, TLB_1G)->detail, 0x63);
}

static struct cpuid_record *record(uint32_t leaf)
{
	for (size_t i = 0; i < source.cpuid.count; i++) {
		if (source.cpuid.record[i].leaf == leaf)
			return &source.cpuid.record[i];
	}
	fail_msg("no leaf %x", leaf);
	return NULL;
}

/* Where a hypervisor hides the unit but passes on the sizes, the plain sizes are advertised. */
static void test_hidden_unit(void **state)
{
	(void)state;
	load("amd-zen5-turin");
	record(0x80000021)->eax &= ~(1u << 14);
	assert_int_equal(machine_tlb_reach(&source, 2, PAGE_4K), 128);
	assert_int_equal(machine_tlb_reach(&source, 1, PAGE_4K), 96);
}

/* Core 2: a first TLB of 16 entries for loads, and one of 256 behind it. */
static void test_unnumbered_levels(void **state)
{
	(void)state;
	load("intel-nehalem");
	record(2)->eax = 0x05B0B101;
	record(2)->ebx = 0x005657F0;
	record(2)->ecx = 0;
	record(2)->edx = 0x2CB4307D;
	assert_int_equal(machine_tlb_reach(&source, 1, PAGE_4K), 16);
	assert_int_equal(machine_tlb_reach(&source, 2, PAGE_4K), 256);
}

static void test_invalid_descriptors(void **state)
{
	struct tlb_entry entries[4];

	(void)state;
	load("intel-nehalem");
	/* Bit 31 set: the register holds no descriptors. */
	record(2)->eax = 0x80B0B101;
	record(2)->ebx = 0x8056570F;
	record(2)->ecx = 0x80030303;
	record(2)->edx = 0x80CACACA;
	assert_int_equal(machine_tlbs(&source, entries, 4), 0);
}

static void test_unknown_vendor(void **state)
{
	struct tlb_entry entries[4];
	struct reason why = { "" };

	(void)state;
	load("amd-zen5-turin");
	memcpy(&record(0)->ebx, "Cent", 4);
	memcpy(&record(0)->edx, "aurH", 4);
	memcpy(&record(0)->ecx, "auls", 4);
	assert_int_equal(machine_tlbs(&source, entries, 4), 0);
	machine_tlbs_why_none(&source, &why);
	assert_non_null(strstr(why.text, "'CentaurHauls'"));
}

static void test_room(void **state)
{
	struct tlb_entry entries[3];

	(void)state;
	load("amd-zen5-turin");
	assert_int_equal(machine_tlbs(&source, entries, 3), 3);
	assert_int_equal(machine_tlbs(&source, NULL, 0), 0);
}

/* Any registers at all: no crash, and no entry without entries. */
static void test_random_registers(void **state)
{
	uint64_t random = 88172645463325252ULL;
	static const char *const names[] = { "amd-zen5-turin", "intel-sapphirerapids", "intel-haswell" };

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct tlb_entry entries[TLB_ENTRIES_MAX];
		size_t count;

		if (round % 1000 == 0)
			load(names[round / 1000]);
		for (size_t i = 0; i < source.cpuid.count; i++) {
			uint32_t leaf = source.cpuid.record[i].leaf;
			uint32_t *registers = &source.cpuid.record[i].eax;

			if (leaf != 2 && leaf != 0x18 && leaf != 0x80000005 && leaf != 0x80000006 && leaf != 0x80000019)
				continue;
			for (size_t r = 0; r < 4; r++) {
				random ^= random << 13;
				random ^= random >> 7;
				random ^= random << 17;
				registers[r] = (uint32_t)random;
			}
		}
		count = machine_tlbs(&source, entries, TLB_ENTRIES_MAX);
		assert_true(count <= TLB_ENTRIES_MAX);
		for (size_t i = 0; i < count; i++) {
			uint64_t bytes[4];

			assert_true(entries[i].entries > 0);
			assert_true(tlb_page_sizes(entries[i].pages, bytes) <= 4);
			assert_non_null(tlb_kind_name(entries[i].kind));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_hidden_unit),
		cmocka_unit_test(test_unnumbered_levels),
		cmocka_unit_test(test_invalid_descriptors),
		cmocka_unit_test(test_unknown_vendor),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_random_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
