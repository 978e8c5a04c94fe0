/* Reading /proc/interrupts: texts of other machines, and this machine's. */
#include "system/interrupts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int first_and_third[] = { 0, 2 };

static int parse(const char *text, const char *label, struct interrupts *counts, struct reason *why)
{
	FILE *stream = fmemopen((void *)(uintptr_t)text, strlen(text) + 1, "r");
	int error;

	assert_non_null(stream);
	error = interrupts_parse(stream, label, first_and_third, 2, counts, why);
	fclose(stream);
	return error;
}

/* Linux 6.1, three CPUs. */
static const char three[] = "            CPU0       CPU1       CPU2       \n"
			    "   0:         42          0          0   IO-APIC   2-edge      timer\n"
			    "  27:          0          7     180021   PCI-MSI 512000-edge      ahci[TLB:99]\n"
			    " NMI:          0          0          0   Non-maskable interrupts\n"
			    " LOC:    1250584    1456642    9000001   Local timer interrupts\n"
			    " TLB:      58250      50664    4294967296   TLB shootdowns\n"
			    " ERR:          0\n"
			    " MIS:          0\n";

static void a_line_is_summed_up(void **state)
{
	struct interrupts counts;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(parse(three, INTERRUPTS_TLB, &counts, &why), 0);
	assert_int_equal(counts.all, UINT64_C(58250) + 50664 + UINT64_C(4294967296));
	assert_int_equal(counts.of_cpus, UINT64_C(58250) + UINT64_C(4294967296));
	assert_int_equal(parse(three, "LOC", &counts, &why), 0);
	assert_int_equal(counts.of_cpus, 1250584 + 9000001);
}

/* CPU 1 is offline: it has no column, and the second column belongs to another CPU. */
static void columns_are_told_by_the_header(void **state)
{
	static const char text[] = "           CPU0       CPU2       CPU3       \n"
				   "TLB:         10        200       3000   TLB shootdowns\n";
	struct interrupts counts;

	(void)state;
	assert_int_equal(parse(text, INTERRUPTS_TLB, &counts, NULL), 0);
	assert_int_equal(counts.all, 3210);
	assert_int_equal(counts.of_cpus, 210);
}

/* A kernel for one CPU has no such line. */
static void a_line_that_is_missing_is_told(void **state)
{
	static const char text[] = "           CPU0       \n"
				   "  0:         42   IO-APIC   2-edge      timer\n"
				   "NMI:          0   Non-maskable interrupts\n"
				   "TLBX:         1   no such thing\n";
	struct interrupts counts;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(parse(text, INTERRUPTS_TLB, &counts, &why), -ENODATA);
	assert_non_null(strstr(why.text, "'TLB:'"));
}

static void what_the_kernel_does_not_write_is_refused(void **state)
{
	/* No text; no header; a column too few, as for ERR; no number. */
	static const char *const texts[] = { "\n", "TLB: 1 2\n", "  CPU0 CPU1\nTLB:  1\n",
		"  CPU0 CPU1\nTLB:  1  TLB shootdowns\n", "  CPU0\nTLB: -1\n", "  CPU0\nTLB:" };
	struct interrupts counts;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct reason why = { "" };

		assert_int_equal(parse(texts[i], INTERRUPTS_TLB, &counts, &why), -EINVAL);
		assert_true(why.text[0]);
	}
}

/* More CPUs than a small buffer holds. */
static void a_large_machine_is_read(void **state)
{
	static char text[2 * 16 * 512];
	struct interrupts counts;
	size_t at = 0;

	(void)state;
	for (unsigned cpu = 0; cpu < 512; cpu++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " CPU%u", cpu);
	at += (size_t)snprintf(text + at, sizeof(text) - at, "\nTLB:");
	for (unsigned cpu = 0; cpu < 512; cpu++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " %u", cpu);
	assert_true(at < sizeof(text) - 1);
	assert_int_equal(parse(text, INTERRUPTS_TLB, &counts, NULL), 0);
	assert_int_equal(counts.all, 511 * 512 / 2);
	assert_int_equal(counts.of_cpus, 2);
}

/* Timer interrupts of this machine: there are some, and they never become fewer. */
static void this_machine_is_read(void **state)
{
	struct interrupts before, after;
	struct reason why = { "" };

	(void)state;
	if (interrupts_read("LOC", first_and_third, 1, &before, &why) == -ENOENT)
		skip();
	assert_string_equal(why.text, "");
	assert_int_equal(interrupts_read("LOC", first_and_third, 1, &after, &why), 0);
	assert_true(before.all > 0 && before.of_cpus <= before.all);
	assert_true(after.all >= before.all && after.of_cpus >= before.of_cpus);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_summed_up),
		cmocka_unit_test(columns_are_told_by_the_header),
		cmocka_unit_test(a_line_that_is_missing_is_told),
		cmocka_unit_test(what_the_kernel_does_not_write_is_refused),
		cmocka_unit_test(a_large_machine_is_read),
		cmocka_unit_test(this_machine_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
