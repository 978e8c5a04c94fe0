/*
 * Memory of transparent huge pages between 4K and 2M. Sizes that are on are had, which needs no root; those that are off are
 * refused. tests/cli/live_mthp.bats turns one on.
 */
#include "base/units.h"
#include "machine/memory.h"
#include "space/backed.h"
#include "space/mthp.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MEMORY (8 * MIB)

/* Sizes between 4K and 2M that this kernel offers are had exactly; the others are refused, and not called by the name. */
static void huge_pages_of_every_size_offered_are_had_exactly(void **state)
{
	struct machine_source source;
	uint64_t offered;

	(void)state;
	machine_source_live(&source);
	offered = mthp_offered(&source);
	for (unsigned backing = BACKING_LEAVES; backing < BACKING_COUNT; backing++) {
		uint64_t page_bytes = backing_page_bytes((enum backing)backing), before = mthp_given(page_bytes);
		struct reason why = { "" };
		struct backed memory;
		int error = backed_alloc(&memory, (enum backing)backing, MEMORY, NULL, &why);

		if (!(offered & page_bytes)) {
			assert_int_equal(error, -ENOMEM);
			assert_non_null(strstr(why.text, backing_name((enum backing)backing)));
			continue;
		}
		if (error == -ENOMEM) {
			print_message("%s\n", why.text);
			continue;
		}
		assert_int_equal(error, 0);
		assert_int_equal((uintptr_t)memory.at % page_bytes, 0);
		assert_in_range(memory.faults_counted, MEMORY / page_bytes, MEMORY / page_bytes * 1.1 + 4);
		if (before != UINT64_MAX)
			assert_true(mthp_given(page_bytes) - before >= MEMORY / page_bytes);
		backed_free(&memory);
	}
}

/* Memory in pages of 4K is not taken for any other: the kernel's counter shows it, and where one may see them, frames. */
static void small_pages_are_not_taken_for_huge_ones(void **state)
{
	struct reason why = { "" };
	struct backed memory;
	struct backed_range range;

	(void)state;
	assert_int_equal(backed_alloc(&memory, BACKING_4K, MEMORY, NULL, &why), 0);
	range = (struct backed_range){ .backing = BACKING_64K_THP,
		.at = memory.at,
		.bytes = MEMORY,
		.present_bytes = MEMORY,
		.given_before = mthp_given(64 * KIB) };
	if (range.given_before == UINT64_MAX) {
		backed_free(&memory);
		print_message("this kernel does not count pages of 64K\n");
		skip();
	}
	assert_int_equal(mthp_verify(&range, &why), -EIO);
	assert_non_null(strstr(why.text, "the kernel counted"));
	/* As if the kernel had given that many to others meanwhile. */
	range.given_before -= MEMORY / (64 * KIB);
	if (!geteuid() && !access("/proc/kpageflags", R_OK)) {
		assert_int_equal(mthp_verify(&range, &why), -EIO);
		assert_non_null(strstr(why.text, "kpageflags"));
	}
	backed_free(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(huge_pages_of_every_size_offered_are_had_exactly),
		cmocka_unit_test(small_pages_are_not_taken_for_huge_ones),
	};

	return cmocka_run_group_tests_name("mthp", tests, NULL, NULL);
}
