/* base/plain_file.c, new_file.c, number.c: files and numbers of strangers. */
#include "base/new_file.h"
#include "base/number.h"
#include "base/plain_file.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB_BYTES (1 << 20)

static char place[64], path[128], target[128];

static int setup(void **state)
{
	(void)state;
	strcpy(place, "/tmp/nestwalk-test-files-XXXXXX");
	/* A test that hangs is killed. */
	alarm(60);
	return !mkdtemp(place);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	alarm(0);
	snprintf(command, sizeof(command), "rm -r %s", place);
	return system(command);
}

static const char *in_place(char *text, const char *name)
{
	snprintf(text, sizeof(path), "%s/%s", place, name);
	return text;
}

static void text_make(const char *name, const char *text)
{
	FILE *file = fopen(in_place(path, name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Whether a file holds exactly this. */
static void text_is_in(const char *name, const char *wanted)
{
	char got[64] = "";
	FILE *file = fopen(in_place(path, name), "r");

	assert_non_null(file);
	assert_true(fread(got, 1, sizeof(got) - 1, file) == strlen(wanted));
	assert_string_equal(got, wanted);
	fclose(file);
}

static void refused(const char *name, int error)
{
	struct reason why = { "" };

	errno = 0;
	assert_null(plain_file_open(place, name, MIB_BYTES, &why));
	assert_int_equal(errno, error);
	assert_non_null(strstr(why.text, name));
}

static void only_regular_files_are_read(void **state)
{
	(void)state;
	text_make("file", "said");
	assert_int_equal(mkdir(in_place(path, "directory"), 0777), 0);
	text_make("directory/file", "said");
	assert_int_equal(mkfifo(in_place(path, "pipe"), 0666), 0);
	assert_int_equal(symlink("file", in_place(path, "link")), 0);
	assert_int_equal(symlink("directory", in_place(path, "way")), 0);
	assert_int_equal(symlink("/dev/zero", in_place(path, "zero")), 0);
	refused("nothing", ENOENT);
	refused("directory", EINVAL);
	refused("pipe", EINVAL);
	refused("link", ELOOP);
	refused("zero", ELOOP);
	refused("way/file", ENOTDIR);
	refused("directory/../file", EINVAL);
	refused("..", EINVAL);
	refused("/etc/passwd", EINVAL);
	refused("directory/", EINVAL);
}

static void whole_files_and_links_that_the_user_named(void **state)
{
	static const char *const names[] = { "file", "directory/file" };
	struct reason why = { "" };
	size_t length = 0;
	FILE *file;
	char *text;

	(void)state;
	text_make("file", "said");
	assert_int_equal(mkdir(in_place(path, "directory"), 0777), 0);
	text_make("directory/file", "said");
	for (size_t i = 0; i < 2; i++) {
		file = plain_file_open(place, names[i], 4, &why);
		assert_non_null(file);
		text = plain_file_rest(file, &length, &why);
		assert_string_equal(text, "said");
		assert_int_equal(length, 4);
		free(text);
		fclose(file);
	}
	assert_int_equal(symlink("file", in_place(path, "link")), 0);
	assert_null(plain_file_open_path(path, 4, &why));
	file = plain_file_open_named(path, 4, &why);
	assert_non_null(file);
	fclose(file);
	assert_null(plain_file_open_named("/dev/zero", 4, &why));
	assert_non_null(strstr(why.text, "not a regular file"));
}

static void what_is_too_large_is_not_read(void **state)
{
	struct reason why;
	size_t room = 0;
	char *text = NULL;
	FILE *file;

	(void)state;
	text_make("file", "");
	assert_int_equal(truncate(path, MIB_BYTES + 1), 0);
	refused("file", EFBIG);
	/* A line without an end, which takes no room on the disk. */
	assert_int_equal(truncate(path, PLAIN_FILE_LINE_MOST + 1), 0);
	file = plain_file_open_path(path, 2 * PLAIN_FILE_LINE_MOST, &why);
	assert_non_null(file);
	assert_int_equal(plain_file_line(&text, &room, file), -1);
	assert_int_equal(errno, EFBIG);
	fclose(file);
	free(text);
}

static void lines_hold_any_bytes(void **state)
{
	static const char bytes[] = "one\n\0two\n\nthree";
	size_t room = 0;
	char *text = NULL;
	FILE *file = fmemopen((void *)(uintptr_t)bytes, sizeof(bytes) - 1, "r");

	(void)state;
	assert_int_equal(plain_file_line(&text, &room, file), 4);
	assert_string_equal(text, "one\n");
	assert_int_equal(plain_file_line(&text, &room, file), 5);
	assert_memory_equal(text, "\0two\n", 6);
	assert_int_equal(plain_file_line(&text, &room, file), 1);
	assert_int_equal(plain_file_line(&text, &room, file), 5);
	assert_string_equal(text, "three");
	assert_int_equal(plain_file_line(&text, &room, file), -1);
	fclose(file);
	free(text);
}

/* A file takes the place of whatever somebody left under its two names. */
static void what_was_there_is_never_written_to(void **state)
{
	struct new_file file;
	struct reason why = { "" };
	struct stat there;

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		text_make("precious", "mine");
		in_place(target, "precious");
		for (int i = 0; i < 2; i++) {
			in_place(path, i ? "new.partial" : "new");
			unlink(path);
			assert_int_equal(kind == 0   ? symlink(target, path)
					 : kind == 1 ? link(target, path)
						     : mkfifo(path, 0666),
				0);
		}
		assert_int_equal(new_file_open(&file, in_place(path, "new"), &why), 0);
		fputs("theirs", file.out);
		assert_int_equal(new_file_put(&file, &why), 0);
		text_is_in("precious", "mine");
		text_is_in("new", "theirs");
		assert_int_equal(lstat(in_place(path, "new"), &there), 0);
		assert_true(S_ISREG(there.st_mode));
		assert_int_equal(lstat(in_place(path, "new.partial"), &there), -1);
	}
}

static void a_file_that_fails_leaves_the_old_one(void **state)
{
	struct new_file file;
	struct reason why = { "" };

	(void)state;
	text_make("new", "old");
	assert_int_equal(new_file_open(&file, path, &why), 0);
	new_file_drop(&file);
	text_is_in("new", "old");
	assert_int_equal(access(in_place(path, "new.partial"), F_OK), -1);
	/* A directory of that name does not go away for a file. */
	assert_int_equal(mkdir(in_place(path, "directory"), 0777), 0);
	assert_int_equal(new_file_open(&file, path, &why), 0);
	assert_int_equal(new_file_put(&file, &why), -EISDIR);
	assert_int_equal(access(in_place(path, "directory.partial"), F_OK), -1);
	assert_int_equal(new_file_open(&file, in_place(path, "not/there"), &why), -ENOENT);
}

static void numbers_become_whole_or_stay(void **state)
{
	static const double bad[] = { NAN, INFINITY, -INFINITY, -1, -0x1p63, 0x1p64, 1e200, 1001 };
	static const char *const words[] = { "", "-1", "+1", " 1", "1 ", "1.5", "0x10", "99999999999999999999",
		"1001" };
	uint64_t whole = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(number_whole(bad[i], 1000, &whole));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_false(number_of_text(words[i], 1000, &whole));
	assert_false(number_whole(0x1p64, UINT64_MAX, &whole));
	assert_int_equal(whole, 7);
	assert_true(number_whole(999.9, 1000, &whole));
	assert_int_equal(whole, 999);
	assert_true(number_whole(-0.0, 1000, &whole));
	assert_int_equal(whole, 0);
	assert_true(number_whole(0x1p63, UINT64_MAX, &whole));
	assert_true(whole == 1ULL << 63);
	assert_true(number_of_text("18446744073709551615", UINT64_MAX, &whole));
	assert_true(whole == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_regular_files_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(whole_files_and_links_that_the_user_named, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_too_large_is_not_read, setup, teardown),
		cmocka_unit_test(lines_hold_any_bytes),
		cmocka_unit_test_setup_teardown(what_was_there_is_never_written_to, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_fails_leaves_the_old_one, setup, teardown),
		cmocka_unit_test(numbers_become_whole_or_stay),
	};

	return cmocka_run_group_tests_name("plain files", tests, NULL, NULL);
}
