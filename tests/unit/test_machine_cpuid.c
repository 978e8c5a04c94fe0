/* CPUID dumps: both formats are read alike, and nothing that is not a dump is taken for one. */
#include "machine/cpuid.h"
#include "machine/source.h"

/* cmocka.h needs the others before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DUMPS "tests/fixtures/cpuid/"

static const char *const dumps[] = { "amd-zen1-naples", "amd-zen2-rome", "amd-zen3-milan", "amd-zen4-genoa",
	"amd-zen5-turin", "intel-alderlake-hybrid", "intel-haswell", "intel-nehalem", "intel-sapphirerapids",
	"intel-skylakex" };

#define DUMP_COUNT (sizeof(dumps) / sizeof(dumps[0]))

/* The smallest whole dump: leaves 0 and 1, no further ones. */
#define SMALL \
	"CPUID 00000000: 00000001-756E6547-6C65746E-49656E69\n" \
	"CPUID 00000001: 000306C3-00100800-7FFAFBFF-BFEBFBFF\n" \
	"CPUID 80000000: 80000000-00000000-00000000-00000000\n"

static struct cpuid_table table;

static int parse(const char *text, struct reason *why)
{
	return cpuid_parse("x.txt", text, strlen(text), &table, why);
}

static char *slurp(const char *name, size_t *length)
{
	char path[256];
	FILE *file;
	char *text = malloc(64 * 1024);

	snprintf(path, sizeof(path), DUMPS "%s.txt", name);
	file = fopen(path, "r");
	assert_non_null(file);
	*length = fread(text, 1, 64 * 1024 - 1, file);
	text[*length] = 0;
	fclose(file);
	return text;
}

static void test_real_dumps(void **state)
{
	(void)state;
	for (size_t i = 0; i < DUMP_COUNT; i++) {
		char path[256];
		struct reason why = { "" };
		struct cpuid_record leaf;

		snprintf(path, sizeof(path), DUMPS "%s.txt", dumps[i]);
		assert_int_equal(cpuid_load(path, &table, &why), 0);
		assert_true(cpuid_get(&table, 1, 0, &leaf));
		assert_false(cpuid_get(&table, 0x40000000, 0, &leaf));
		assert_int_equal(leaf.eax, 0);
	}
}

static void test_subleaves(void **state)
{
	struct cpuid_record leaf;

	(void)state;
	assert_int_equal(cpuid_load(DUMPS "intel-haswell.txt", &table, NULL), 0);
	assert_true(cpuid_get(&table, 4, 3, &leaf));
	assert_int_equal(leaf.ecx, 0x1FFF);
	assert_false(cpuid_get(&table, 4, 4, &leaf));
	/* Above the highest leaf, which is 0xD here. */
	assert_false(cpuid_get(&table, 0x18, 0, &leaf));
}

/* The same registers as `cpuid -r` writes them. */
static void test_raw_format(void **state)
{
	struct cpuid_record leaf;
	struct reason why = { "" };
	const char *text = "CPU 0:\n"
			   "   0x00000000 0x00: eax=0x00000001 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n"
			   "   0x00000001 0x00: eax=0x000306c3 ebx=0x00100800 ecx=0x7ffafbff edx=0xbfebfbff\n"
			   "   0x80000000 0x00: eax=0x80000000 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n"
			   "CPU 1:\n"
			   "   0x00000001 0x00: eax=0xdeadbeef ebx=0x00100800 ecx=0x7ffafbff edx=0xbfebfbff\n"
			   "   what comes after the first CPU is not read\n";

	(void)state;
	assert_int_equal(parse(text, &why), 0);
	assert_true(cpuid_get(&table, 1, 0, &leaf));
	assert_int_equal(leaf.eax, 0x306C3);
	assert_int_equal(leaf.edx, 0xBFEBFBFF);
	assert_int_equal(table.count, 3);
}

/* A file of a CPU collection: other sections before and after, DOS line ends, a second CPU. */
static void test_collection_format(void **state)
{
	struct cpuid_record leaf;
	struct reason why = { "" };
	const char *text = "------[ Versions ]------\r\n"
			   "Program Version : 1.2\r\n"
			   "------[ Logical CPU #0 ]------\r\n"
			   "\r\n"
			   "CPUID 00000000: 00000001-756E6547-6C65746E-49656E69 [GenuineIntel]\r\n"
			   "CPUID 00000001: 000306C3-00100800-7FFAFBFF-BFEBFBFF\r\n"
			   "CPUID 80000000: 80000000-00000000-00000000-00000000\r\n"
			   "MSR 0000001B: 0000-0000-FEE0-0900\r\n"
			   "------[ Logical CPU #1 ]------\r\n"
			   "CPUID 00000001: DEADBEEF-00100800-7FFAFBFF-BFEBFBFF\r\n";

	(void)state;
	assert_int_equal(parse(text, &why), 0);
	assert_true(cpuid_get(&table, 1, 0, &leaf));
	assert_int_equal(leaf.eax, 0x306C3);
}

static void test_two_cpus_without_header(void **state)
{
	(void)state;
	assert_int_equal(parse(SMALL SMALL, NULL), 0);
	assert_int_equal(table.count, 3);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "x.txt:0: holds no CPUID lines" },
		{ "\n\n# nothing\n", "x.txt:3: holds no CPUID lines" },
		{ "hello\n", "x.txt:1: 'hello' is not a CPUID line" },
		{ SMALL "CPUID 0000000", "x.txt:4: 'CPUID 0000000' is not a CPUID line" },
		{ SMALL "CPUID 00000002: 76036301-00F0B5FF-00000000-00C100\n", "x.txt:4:" },
		{ SMALL "CPUID 00000002: 76036301-00F0B5FF-00000000-00C100000\n", "x.txt:4:" },
		{ SMALL "CPUID 00000004: 76036301-00F0B5FF-00000000-00C10000 [SL 0\n", "x.txt:4:" },
		{ SMALL "CPUID 00000004: 76036301-00F0B5FF-00000000-00C10000 [SL XY]\n", "x.txt:4:" },
		{ SMALL "   0x00000004 0x00: eax=0x00000001 ebx=0x00000001\n", "x.txt:4:" },
		{ SMALL "\033[31mred\n", "'?[31mred'" },
		{ "CPUID 00000000: 0000000D-756E6547-6C65746E-49656E69\n", "names leaves up to 0xD" },
		{ "CPUID 00000000: 00000001-756E6547-6C65746E-49656E69\n"
		  "CPUID 00000001: 000306C3-00100800-7FFAFBFF-BFEBFBFF\n",
			"leaf 0x80000000 is missing" },
		{ "CPUID 00000001: 000306C3-00100800-7FFAFBFF-BFEBFBFF\n", "leaf 0x0 is missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reason why = { "" };

		assert_int_equal(parse(cases[i].text, &why), -EINVAL);
		if (!strstr(why.text, cases[i].says))
			fail_msg("case %zu: '%s' does not say '%s'", i, why.text, cases[i].says);
		assert_null(strchr(why.text, '\n'));
		assert_int_equal(table.count, 0);
	}
}

static void test_binary(void **state)
{
	static const char binary[] = SMALL "\0\0";
	struct reason why = { "" };

	(void)state;
	assert_int_equal(cpuid_parse("x.txt", binary, sizeof(binary) - 1, &table, &why), -EINVAL);
	assert_non_null(strstr(why.text, "x.txt:4: holds a NUL byte"));
}

static void test_unreadable(void **state)
{
	struct reason why = { "" };

	(void)state;
	assert_int_equal(cpuid_load("tests/fixtures/cpuid/none.txt", &table, &why), -ENOENT);
	assert_non_null(strstr(why.text, "tests/fixtures/cpuid/none.txt: No such file"));
	assert_int_equal(cpuid_load("tests/fixtures/cpuid", &table, &why), -EISDIR);
	assert_int_equal(cpuid_load("/dev/null", &table, &why), -EINVAL);
	assert_int_equal(cpuid_load("/dev/zero", &table, &why), -EFBIG);
}

static void test_too_many(void **state)
{
	const size_t lines = CPUID_RECORDS_MAX + 1, width = 64;
	char *text = malloc(lines * width + sizeof(SMALL));
	struct reason why = { "" };
	size_t used = (size_t)sprintf(text, "%s", SMALL);

	(void)state;
	for (size_t i = 0; i < lines; i++)
		used += (size_t)sprintf(
			text + used, "CPUID 00000004: 00000001-00000002-00000003-00000004 [SL %zX]\n", i);
	assert_int_equal(cpuid_parse("x.txt", text, used, &table, &why), -EINVAL);
	assert_non_null(strstr(why.text, "more than 1024 registers"));
	free(text);
}

/* Whatever is cut off or changed in a dump: a table with leaves 0 and 1, or a reason; never anything else. */
static void check_some(const char *text, size_t length)
{
	struct reason why = { "" };
	int error = cpuid_parse("x.txt", text, length, &table, &why);
	struct cpuid_record leaf;

	if (error) {
		assert_int_equal(error, -EINVAL);
		assert_true(strlen(why.text) > 10);
		assert_int_equal(table.count, 0);
	} else {
		assert_true(cpuid_get(&table, 0, 0, &leaf));
	}
}

static void test_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < DUMP_COUNT; i++) {
		size_t length;
		char *text = slurp(dumps[i], &length);

		for (size_t cut = 0; cut < length; cut++) {
			/* A copy of that size, so that a sanitizer sees reading beyond it. */
			char *part = malloc(cut ? cut : 1);

			memcpy(part, text, cut);
			check_some(part, cut);
			/*
			 * A dump that is cut before the last leaf must be refused, as missing leaves would look like
			 * missing hardware.
			 */
			if (cut + 60 < length)
				assert_int_equal(table.count, 0);
			free(part);
		}
		free(text);
	}
}

static void test_mutated(void **state)
{
	uint64_t random = 88172645463325252ULL; /* xorshift's customary start; any but 0 */

	(void)state;
	for (size_t i = 0; i < DUMP_COUNT; i++) {
		size_t length;
		char *text = slurp(dumps[i], &length);

		for (int round = 0; round < 2000; round++) {
			size_t at;
			char before;

			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			at = random % length;
			before = text[at];
			text[at] = (char)(random >> 32);
			check_some(text, length);
			text[at] = before;
		}
		free(text);
	}
}

static void test_live(void **state)
{
	struct cpuid_record leaf;

	(void)state;
	cpuid_execute(&table);
	assert_true(cpuid_get(&table, 0, 0, &leaf));
	assert_true(cpuid_get(&table, 1, 0, &leaf));
	assert_true(cpuid_get(&table, 0x80000001, 0, &leaf));
	assert_true(leaf.edx & 1u << 29); /* long mode, as this is a 64-bit program */
	for (size_t i = 0; i < table.count; i++) {
		for (size_t j = 0; j < i; j++)
			assert_false(table.record[i].leaf == table.record[j].leaf &&
				     table.record[i].subleaf == table.record[j].subleaf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_dumps),
		cmocka_unit_test(test_subleaves),
		cmocka_unit_test(test_raw_format),
		cmocka_unit_test(test_collection_format),
		cmocka_unit_test(test_two_cpus_without_header),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
