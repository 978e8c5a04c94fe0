/* guest/archive.c, log_keeper.c: what guests send and print, unpacked and kept within limits. */
#include "guest/archive.h"
#include "guest/log_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char place[64], path[256];
static int archive;

static int setup(void **state)
{
	(void)state;
	strcpy(place, "/tmp/nestwalk-test-archive-XXXXXX");
	archive = memfd_create("archive", 0);
	alarm(60);
	return archive < 0 || !mkdtemp(place);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	alarm(0);
	close(archive);
	snprintf(command, sizeof(command), "rm -r %s", place);
	return system(command);
}

static const char *in_place(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", place, name);
	return path;
}

static void block_add(const void *block)
{
	assert_int_equal(write(archive, block, 512), 512);
}

/* Append a member as tar(1) would; @said: the octal text of its size. */
static void member_add_said(const char *name, char type, const char *mode, const char *said, const char *text)
{
	char header[512] = "", block[512] = "";
	unsigned sum = 0;

	snprintf(header, 100, "%s", name);
	memcpy(header + 100, mode, strlen(mode));
	memcpy(header + 124, said, strlen(said));
	header[156] = type;
	memcpy(header + 157, "/etc/passwd", 11);
	memcpy(header + 257, "ustar  ", 8);
	memset(header + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(header); i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
	block_add(header);
	if (!text[0])
		return;
	memcpy(block, text, strlen(text));
	block_add(block);
}

static void member_add(const char *name, char type, const char *mode, const char *text)
{
	char said[12];

	snprintf(said, sizeof(said), "%011o", (unsigned)strlen(text));
	member_add_said(name, type, mode, said, text);
}

static void archive_end(void)
{
	static const char zeros[512];

	block_add(zeros);
	block_add(zeros);
}

static void files_and_directories_arrive(void **state)
{
	struct reason why = { "" };
	struct stat there;
	char text[16] = "";
	FILE *file;

	(void)state;
	member_add("results/", '5', "0007777", "");
	member_add("results", '5', "0007777", "");
	member_add("results/file", '0', "0006755", "said\n");
	member_add("results/run/", '5', "0000000", "");
	member_add("results/run/empty", '\0', "0000000", "");
	member_add("end", '0', "0000644", "0\n");
	archive_end();
	if (archive_unpack(archive, place, &why))
		fail_msg("%s", why.text);
	assert_int_equal(stat(in_place("results/file"), &there), 0);
	assert_int_equal(there.st_mode & 07111, 0);
	assert_int_equal(there.st_uid, geteuid());
	assert_int_equal(there.st_size, 5);
	file = fopen(path, "r");
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_string_equal(text, "said\n");
	assert_int_equal(stat(in_place("results/run"), &there), 0);
	assert_int_equal(there.st_mode & 07000, 0);
	assert_int_equal(stat(in_place("results/run/empty"), &there), 0);
	assert_int_equal(there.st_size, 0);
}

/* Each of these is refused, and nothing of that name is made. */
static void all_else_is_refused(void **state)
{
	static const struct {
		const char *name;
		char type;
	} cases[] = { { "link", '2' }, { "hard", '1' }, { "character", '3' }, { "block", '4' }, { "pipe", '6' },
		{ "sparse", 'S' }, { "././@LongLink", 'L' }, { "pax", 'x' }, { "/tmp/nestwalk-absolute", '0' },
		{ "../nestwalk-escaped", '0' }, { "there/../../nestwalk-escaped", '0' }, { "./file", '0' }, { "", '0' },
		{ "a//b", '0' }, { "nowhere/file", '0' }, { "way/file", '0' }, { "there", '0' }, { "file/in", '0' } };

	(void)state;
	assert_int_equal(mkdir(in_place("there"), 0777), 0);
	assert_int_equal(symlink("/tmp", in_place("way")), 0);
	assert_int_equal(close(open(in_place("file"), O_CREAT | O_WRONLY, 0666)), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reason why = { "" };
		int error;

		assert_int_equal(ftruncate(archive, 0), 0);
		lseek(archive, 0, SEEK_SET);
		member_add(cases[i].name, cases[i].type, "0000644", "");
		archive_end();
		error = archive_unpack(archive, place, &why);
		if (!error)
			fail_msg("%s was unpacked", cases[i].name);
		assert_int_not_equal(why.text[0], '\0');
	}
	assert_int_equal(access("/tmp/nestwalk-absolute", F_OK), -1);
	assert_int_equal(access("/tmp/nestwalk-escaped", F_OK), -1);
	assert_int_equal(access("/tmp/file", F_OK), -1);
}

static void a_name_is_taken_once(void **state)
{
	struct reason why;

	(void)state;
	member_add("file", '0', "0000644", "first");
	member_add("file", '0', "0000644", "second");
	archive_end();
	assert_int_equal(archive_unpack(archive, place, &why), -EEXIST);
}

static void damage_is_noticed(void **state)
{
	static const char *const sizes[] = { "00000002001", "77777777777",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "-0000000001", "9" };
	struct reason why;

	(void)state;
	/* Nothing, less than a block, and no end. */
	assert_int_equal(archive_unpack(archive, place, &why), -EIO);
	assert_int_equal(write(archive, "some", 4), 4);
	assert_int_equal(archive_unpack(archive, place, &why), -EIO);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(ftruncate(archive, 0), 0);
		lseek(archive, 0, SEEK_SET);
		member_add_said("file", '0', "0000644", sizes[i], "");
		archive_end();
		unlink(in_place("file"));
		if (archive_unpack(archive, place, &why) != -EIO)
			fail_msg("size %s was taken", sizes[i]);
	}
	/* A byte of the header that is not what the checksum says. */
	assert_int_equal(ftruncate(archive, 0), 0);
	lseek(archive, 0, SEEK_SET);
	member_add("file", '0', "0000644", "");
	archive_end();
	assert_int_equal(pwrite(archive, "g", 1, 0), 1);
	assert_int_equal(archive_unpack(archive, place, &why), -EIO);
}

static void members_are_counted(void **state)
{
	struct reason why;

	(void)state;
	for (int i = 0; i < 1001; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		member_add(name, '0', "0000644", "");
	}
	archive_end();
	assert_int_equal(archive_unpack(archive, place, &why), -EIO);
	assert_non_null(strstr(why.text, "more than 1000"));
}

/* A flood is cut off, what came before it is kept, and whoever writes never waits. */
static void logs_are_cut_off(void **state)
{
	static const char noise[65536];
	struct log_keeper keeper;
	struct reason why = { "" };
	struct stat there;
	int writer[LOGS];

	(void)state;
	/* What is there is not written to. */
	assert_int_equal(symlink("precious", in_place("console.log")), 0);
	if (log_keeper_start(&keeper, place, writer, &why))
		fail_msg("%s", why.text);
	assert_int_equal(write(writer[LOG_MESSAGES], "few words\n", 10), 10);
	for (uint64_t bytes = 0; bytes < 3 * LOG_BYTES_MOST; bytes += sizeof(noise))
		assert_int_equal(write(writer[LOG_CONSOLE], noise, sizeof(noise)), sizeof(noise));
	/* As a child of QEMU's would, one writer stays. */
	close(writer[LOG_CONSOLE]);
	log_keeper_end(&keeper);
	log_keeper_end(&keeper);
	close(writer[LOG_MESSAGES]);
	assert_int_equal(lstat(in_place("console.log"), &there), 0);
	assert_true(S_ISREG(there.st_mode));
	assert_in_range(there.st_size, LOG_BYTES_MOST, LOG_BYTES_MOST + 200);
	assert_int_equal(stat(in_place("qemu.log"), &there), 0);
	assert_int_equal(there.st_size, 10);
	assert_int_equal(access(in_place("precious"), F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_and_directories_arrive, setup, teardown),
		cmocka_unit_test_setup_teardown(all_else_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_is_taken_once, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(members_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(logs_are_cut_off, setup, teardown),
	};

	return cmocka_run_group_tests_name("guest archives", tests, NULL, NULL);
}
