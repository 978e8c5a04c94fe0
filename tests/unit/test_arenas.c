/* The memory of a run: who gets how much of the budget, and what is said where there is none. */
#include "measure/arenas.h"

#include <errno.h>
#include <string.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct machine_source source;

static struct arenas_request request_of(uint64_t small_bytes, uint64_t huge_bytes)
{
	struct arenas_request request = {
		.packed_lines = 1024,
		.budget_bytes = 320 * MIB,
		.most_bytes = GIB,
		.source = &source,
		.numa_node = -1,
	};

	request.wish[BACKING_4K].bytes = small_bytes;
	request.wish[BACKING_2M_THP].bytes = huge_bytes;
	return request;
}

static void a_small_wish_is_met_and_the_rest_goes_to_the_large_one(void **state)
{
	struct arenas_request request = request_of(100 * MIB, 800 * MIB);
	struct arenas arenas;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(arenas_make(&arenas, &request, &why), 0);
	assert_int_equal(arenas.of[BACKING_4K].memory.bytes, 100 * MIB);
	if (arenas.of[BACKING_2M_THP].error)
		print_message("not here: %s\n", arenas.of[BACKING_2M_THP].why.text);
	else
		assert_int_equal(arenas.of[BACKING_2M_THP].memory.bytes, 220 * MIB);
	assert_non_null(strstr(arenas.of[BACKING_2M_THP].limit, "share"));
	assert_int_equal(arenas.of[BACKING_2M_HUGETLB].memory.bytes, 0);
	assert_true(arenas_bytes(&arenas) <= 322 * MIB);
	arenas_free(&arenas);
	assert_int_equal(arenas_bytes(&arenas), 0);
}

static void a_tiny_wish_still_has_room_for_placements(void **state)
{
	struct arenas_request request = request_of(PAGE_4K, 0);
	struct arenas arenas;
	json_t *json;

	(void)state;
	assert_int_equal(arenas_make(&arenas, &request, NULL), 0);
	assert_int_equal(arenas.of[BACKING_4K].memory.bytes, 64 * MIB);
	assert_true(arenas.packed.bytes >= 1024 * LINE_BYTES);
	json = arenas_json(&arenas);
	assert_int_equal(json_object_size(json), 1);
	assert_true(json_number_value(json_object_get(json_object_get(json, "4K"), "touch_ns_per_page")) > 0);
	json_decref(json);
	arenas_free(&arenas);
}

/* A guest's page may be larger than the backing's: memory is a multiple of it where there is so much. */
static void memory_is_a_multiple_of_the_largest_page(void **state)
{
	struct arenas_request request = request_of(5 * MIB, 0);
	struct arenas arenas;

	(void)state;
	request.wish[BACKING_4K].unit_bytes = PAGE_2M;
	assert_int_equal(arenas_make(&arenas, &request, NULL), 0);
	assert_int_equal(arenas.of[BACKING_4K].memory.bytes % PAGE_2M, 0);
	arenas_free(&arenas);
	/* Where the page is larger than all memory, the other spaces still have theirs. */
	request.wish[BACKING_4K].unit_bytes = PAGE_1G;
	assert_int_equal(arenas_make(&arenas, &request, NULL), 0);
	assert_int_equal(arenas.of[BACKING_4K].memory.bytes, 320 * MIB);
	assert_int_equal(arenas.of[BACKING_4K].error, 0);
	arenas_free(&arenas);
}

/* A size of transparent huge pages that is off says what to do about it, and takes no share of the budget. */
static void a_size_that_is_off_leaves_its_share_to_others(void **state)
{
	struct arenas_request request = request_of(200 * MIB, 0);
	struct machine_source recorded;
	struct arenas arenas;
	struct reason why = { "" };
	json_t *json;

	(void)state;
	assert_int_equal(machine_source_root(&recorded, "tests/fixtures/machines/intel-ept", &why), 0);
	request.source = &recorded;
	request.wish[BACKING_64K_THP].bytes = GIB;
	assert_int_equal(arenas_make(&arenas, &request, &why), 0);
	assert_int_equal(arenas.of[BACKING_4K].memory.bytes, 200 * MIB);
	assert_int_equal(arenas.of[BACKING_64K_THP].memory.bytes, 0);
	assert_int_equal(arenas.of[BACKING_64K_THP].error, -ENOMEM);
	assert_non_null(strstr(arenas.of[BACKING_64K_THP].why.text, "--mthp 64K"));
	json = arenas_json(&arenas);
	assert_non_null(
		strstr(json_string_value(json_object_get(json_object_get(json, "64K-thp"), "reason")), "echo madvise"));
	json_decref(json);
	arenas_free(&arenas);
	machine_source_close(&recorded);
}

static bool stop_at_once(void)
{
	return true;
}

static void a_signal_ends_the_touching(void **state)
{
	struct arenas_request request = request_of(64 * MIB, 0);
	struct arenas arenas;

	(void)state;
	request.stop = stop_at_once;
	assert_int_equal(arenas_make(&arenas, &request, NULL), -EINTR);
	arenas_free(&arenas);
}

static int setup(void **state)
{
	(void)state;
	machine_source_live(&source);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_wish_is_met_and_the_rest_goes_to_the_large_one),
		cmocka_unit_test(a_tiny_wish_still_has_room_for_placements),
		cmocka_unit_test(memory_is_a_multiple_of_the_largest_page),
		cmocka_unit_test(a_size_that_is_off_leaves_its_share_to_others),
		cmocka_unit_test(a_signal_ends_the_touching),
	};

	return cmocka_run_group_tests_name("arenas", tests, setup, NULL);
}
