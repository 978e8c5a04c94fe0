/* record/anonymous_words.c: what is taken for a name, an address or a path, and what is not. */
#include "record/anonymous_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct anonymous_words *words_new(void)
{
	struct reason why = { "" };
	struct anonymous_words *words = anonymous_words_new(&why);

	assert_non_null(words);
	return words;
}

static void assert_text(struct anonymous_words *words, const char *text, const char *expected)
{
	char *replaced = anonymous_words_text(words, text);

	assert_string_equal(replaced, expected);
	free(replaced);
}

static void forms_are_seen(void **state)
{
	struct anonymous_words *words = words_new();

	(void)state;
	assert_text(words, "10.1.2.3, then 10.1.2.4 and 10.1.2.3:80", "address-1, then address-2 and address-1:80");
	assert_text(words, "fe80::1 ::1%lo 2001:db8:0:1:2:3:4:5", "address-3 ::1%lo address-4");
	assert_text(words, "52:54:00:AB:cd:ef", "mac-1");
	assert_text(words, "root=UUID=4c4c4544-0042-3510-8052-b4c04f4d3232", "root=UUID=uuid-1");
	assert_text(words, "by (me@build.example.org)", "by (mail-1)");
	assert_text(
		words, "in '/srv/a/b.c', ~/x and --x=/opt/x:/srv/a/b.c", "in 'path-1', path-2 and --x=path-3:path-1");
	assert_text(words, "https://example.org/a", "https:/path-4");
	assert_text(words, "0123456789abcdef0123456789abcdef", "id-1");
	anonymous_words_free(words);
}

static void what_only_looks_alike_stays(void **state)
{
	static const char *const texts[] = { "", "6.18.44-fc-v857", "2026-11-22T01:40:27Z", "0000:00:1f.2",
		"and/or 1/2", "x/ y", "/sys/kernel/mm/transparent_hugepage/enabled", "/dev/kvm and /proc/self/smaps",
		"std::x", "tlb-reach", "0x80000005", "2M-thp", "[1, 2]", "a.b.c", "</object>",
		"mitigations=auto,no_guest_host" };
	struct anonymous_words *words = words_new();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_text(words, texts[i], texts[i]);
	anonymous_words_free(words);
}

static void names_are_learnt_once_and_found_everywhere(void **state)
{
	struct anonymous_words *words = words_new();
	json_t *run = json_pack("{s:s, s:[{s:s}], s:s, s:[s, s], s:{s:f}}", "host", "Zebra.lab.example", "joined",
		"host", "zebra", "note", "zebra and emu.lab.example: /home/bob/x, bob_2", "command_line",
		"nestwalk run", "a/b", "bob", "bob", 1.5);
	json_t *replaced;

	(void)state;
	assert_int_equal(anonymous_words_learn(words, run), 0);
	anonymous_words_settle(words);
	replaced = anonymous_words_json(words, run);
	assert_string_equal(json_string_value(json_object_get(replaced, "host")), "host-1");
	assert_string_equal(
		json_string_value(json_object_get(replaced, "note")), "host-1 and emu.domain-1: path-1, user-1_2");
	assert_string_equal(json_string_value(json_array_get(json_object_get(replaced, "command_line"), 1)), "path-2");
	assert_true(json_real_value(json_object_get(json_object_get(replaced, "user-1"), "user-1")) > 1.4);
	json_decref(replaced);
	json_decref(run);
	anonymous_words_free(words);
}

static void words_of_results_are_no_names(void **state)
{
	struct anonymous_words *words = words_new();
	json_t *point = json_pack("{s:s, s:s, s:{s:i}}", "host", "pages", "bench", "tlb-reach", "params", "pages", 8);
	json_t *replaced;

	(void)state;
	assert_int_equal(anonymous_words_learn(words, point), 0);
	assert_int_equal(anonymous_words_learn_host(words, "host"), 0);
	anonymous_words_settle(words);
	replaced = anonymous_words_json(words, point);
	assert_non_null(json_object_get(json_object_get(replaced, "params"), "pages"));
	assert_string_equal(json_string_value(json_object_get(replaced, "host")), "host-1");
	assert_text(words, "many pages of a host", "many pages of a host");
	json_decref(replaced);
	json_decref(point);
	anonymous_words_free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_seen),
		cmocka_unit_test(what_only_looks_alike_stays),
		cmocka_unit_test(names_are_learnt_once_and_found_everywhere),
		cmocka_unit_test(words_of_results_are_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
