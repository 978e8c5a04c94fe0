/* Descriptions of machines: words that are understood, what they come back as, and what is said of those that are not. */
#include "infer/model_describe.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void words_are_understood(void **unused)
{
	struct model_machine machine = { 0 };
	struct reason why;

	(void)unused;
	assert_int_equal(model_describe_tlbs("L1:72:full,L2:3072:12way:random:+7cycles:bits0-6+9", &machine, &why), 0);
	assert_int_equal(machine.tlbs, 2);
	assert_int_equal(machine.tlb[0].shape.sets, 1);
	assert_int_equal(machine.tlb[0].shape.ways, 72);
	assert_int_equal(machine.tlb[1].shape.sets, 256);
	assert_int_equal(machine.tlb[1].shape.replacement, MODEL_RANDOM);
	assert_true(machine.tlb[1].cycles == 7);
	assert_int_equal(model_shape_set(&machine.tlb[1].shape, 127 + 128 + 512), 255);
	assert_int_equal(model_describe_caches("L1:32K:8way:4cycles,L2:1M:8way:14cycles:exclusive", &machine, &why), 0);
	assert_int_equal(machine.cache[1].shape.sets, 2048);
	assert_int_equal(machine.cache[1].inclusion, MODEL_EXCLUSIVE);
	assert_int_equal(model_describe_held("PDPTE:16:4way:plru,PDE:512:full", &machine.guest, &why), 0);
	assert_int_equal(machine.guest.held[2].ways, 512);
	assert_int_equal(machine.guest.held[3].sets, 4);
	assert_int_equal(model_describe_nested_tlb("64:full", &machine, &why), 0);
	assert_int_equal(machine.nested_tlb.ways, 64);
	/* An exclusive or of two lists of bits. */
	assert_int_equal(model_describe_tlbs("L1:1024:4way:bits0-7^8-15", &machine, &why), 0);
	assert_int_equal(model_shape_set(&machine.tlb[0].shape, 0x0101), 0);
	assert_int_equal(model_shape_set(&machine.tlb[0].shape, 0x0301), 2);
}

static void words_come_back(void **unused)
{
	static const char *const tlbs[] = { "L1:72:full:lru", "L1:64:4way:plru,L2:1536:12way:lru:bits0-6^7-13:+9cycles",
		"L1:16:full:random,L2:64:full:lru:exclusive,L3:3072:12way:random:bits0-6+9:inclusive:+7.5cycles" };
	static const char caches[] =
		"L1:32K:8way:lru:4cycles,L2:1M:8way:plru:14cycles,L3:32M:16way:lru:exclusive:50cycles";
	static const char held[] = "PDE:512:full:lru,PDPTE:16:4way:random";
	struct model_machine machine = { 0 };
	struct reason why;

	(void)unused;
	for (size_t i = 0; i < sizeof(tlbs) / sizeof(tlbs[0]); i++) {
		assert_int_equal(model_describe_tlbs(tlbs[i], &machine, &why), 0);
		assert_string_equal(model_words_tlbs(&machine).text, tlbs[i]);
	}
	assert_int_equal(model_describe_caches(caches, &machine, &why), 0);
	assert_string_equal(model_words_caches(&machine).text, caches);
	assert_int_equal(model_describe_held(held, &machine.host, &why), 0);
	assert_string_equal(model_words_held(&machine.host).text, held);
	assert_string_equal(model_words_held(&machine.guest).text, "");
	assert_int_equal(model_describe_nested_tlb("64:16way:plru", &machine, &why), 0);
	assert_string_equal(model_words_nested_tlb(&machine).text, "64:16way:plru");
}

static void mistakes_are_named(void **unused)
{
	static const struct {
		const char *text, *said;
	} wrong[] = {
		{ "", "a level is missing" },
		{ "L1:72:full,", "a level is missing behind" },
		{ "L1:72:full,,L2:64:full", "a level is missing" },
		{ "72:full", "'72' stands where L1 is due" },
		{ "L2:72:full", "'L2' stands where L1 is due" },
		{ "L1", "'L1': its size is missing" },
		{ "L1:many:full", "'many' is no number of entries" },
		{ "L1:0:full", "'0' is no number of entries" },
		{ "L1:-4:full", "'-4' is no number of entries" },
		{ "L1:99999999999999999999:full", "is no number of entries" },
		{ "L1:72", "'72': ways are missing" },
		{ "L1:72:12", "'12' says no ways: 'full', or a number as in '12way'" },
		{ "L1:72:0way", "1 to 65536 ways" },
		{ "L1:72:5way", "72 entries are no multiple of 5 ways" },
		{ "L1:72:full:fifo", "'fifo' is not known here: lru, plru, random" },
		{ "L1:72:full:+7cycles", "'+7cycles' is not known here" },
		{ "L1:72:full:inclusive", "'inclusive' is not known here" },
		{ "L1:72:full,L2:64:full:7cycles", "cycles as in +7cycles" },
		{ "L1:72:full,L2:64:full:+nancycles", "'+nancycles' is not known" },
		{ "L1:64:4way:bits0-7", "choose one of 256 sets; there are 16" },
		{ "L1:64:4way:bits0-3^4-6", "two as long as each other" },
		{ "L1:64:4way:bits3-0", "says no bits" },
		{ "L1:64:4way:bits0-3+", "says no bits" },
		{ "L1:64:4way:bits99", "says no bits" },
		{ "L1:1:full,L2:1:full,L3:1:full,L4:1:full,L5:1:full", "up to 4 levels" },
		{ "L1:1:full:a:b:c:d:e:f:g:h", "at most 10 words" },
	};
	struct model_machine machine;
	struct reason why;

	(void)unused;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		machine = (struct model_machine){ 0 };
		why.text[0] = 0;
		assert_int_equal(model_describe_tlbs(wrong[i].text, &machine, &why), -EINVAL);
		if (!strstr(why.text, wrong[i].said))
			fail_msg("%s: %s", wrong[i].text, why.text);
	}
	assert_int_equal(model_describe_caches("L1:100:full", &machine, &why), -EINVAL);
	assert_non_null(strstr(why.text, "'100' is no size of a cache"));
	assert_int_equal(model_describe_caches("L1:64G:16way", &machine, &why), -EINVAL);
	assert_non_null(strstr(why.text, "the most that are simulated"));
	assert_int_equal(model_describe_held("PTE:4:full", &machine.guest, &why), -EINVAL);
	assert_non_null(strstr(why.text, "'PTE' is no entry that is held: PDE"));
	assert_int_equal(model_describe_held("PDE:4:full,PDE:8:full", &machine.guest, &why), -EINVAL);
	assert_non_null(strstr(why.text, "'PDE' is there already"));
	assert_int_equal(model_describe_nested_tlb("64:full,8:full", &machine, &why), -EINVAL);
	assert_non_null(strstr(why.text, "'8:full' is too much"));
	assert_int_equal(model_describe_nested_tlb("64", &machine, &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_understood),
		cmocka_unit_test(words_come_back),
		cmocka_unit_test(mistakes_are_named),
	};

	return cmocka_run_group_tests_name("model descriptions", tests, NULL, NULL);
}
