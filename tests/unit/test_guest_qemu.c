/*
 * guest/qemu.c, possible.c: QEMU's command line for each shape, the meaning of its exit status, and whether a guest is
 * possible.
 */
#include "base/units.h"
#include "guest/guest.h"
#include "guest/qemu.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct qemu_ends ends = {
	.program = "/opt/q, e/qemu-system-x86_64",
	.kernel = "/an image, here/vmlinuz",
	.initramfs = "/an image, here/initramfs",
	.monitor = 11,
	.control = 12,
	.results = 13,
	.console = 14,
};

static struct qemu_command command_of(const struct guest_shape *shape, const char *without)
{
	struct qemu_ends these = ends;
	struct qemu_command command;

	these.without_feature = without;
	assert_int_equal(qemu_command_make(shape, &these, &command), 0);
	assert_null(command.argument[command.count]);
	return command;
}

/* The argument of the which-th option with this name; NULL: there are not that many. */
static const char *value(const struct qemu_command *command, const char *option, unsigned which)
{
	for (size_t i = 0; i + 1 < command->count; i++)
		if (!strcmp(command->argument[i], option) && !which--)
			return command->argument[i + 1];
	return NULL;
}

static bool has_value(const struct qemu_command *command, const char *option, const char *wanted)
{
	const char *found;

	for (unsigned i = 0; (found = value(command, option, i)); i++)
		if (!strcmp(found, wanted))
			return true;
	return false;
}

static void default_shape(void **state)
{
	const struct guest_shape shape = GUEST_SHAPE_DEFAULT;
	struct qemu_command command = command_of(&shape, NULL);

	(void)state;
	assert_string_equal(command.argument[0], ends.program);
	assert_string_equal(value(&command, "-machine", 0), "q35,accel=kvm,memory-backend=ram");
	assert_string_equal(value(&command, "-cpu", 0), "host");
	assert_string_equal(value(&command, "-smp", 0), "1");
	assert_string_equal(value(&command, "-m", 0), "1024M");
	assert_string_equal(value(&command, "-object", 0), "memory-backend-ram,id=ram,size=1073741824,prealloc=off");
	/* These arguments are not lists of options, so a comma stands for itself. */
	assert_string_equal(value(&command, "-kernel", 0), ends.kernel);
	assert_string_equal(value(&command, "-initrd", 0), ends.initramfs);
	assert_string_equal(
		value(&command, "-append", 0), "console=ttyS0 quiet panic=-1 oops=panic transparent_hugepage=madvise");
	qemu_command_free(&command);
	assert_int_equal(command.count, 0);
}

/* Each port has a socket of its own, under the name that guest-images/init looks for. */
static void ports(void **state)
{
	const struct guest_shape shape = GUEST_SHAPE_DEFAULT;
	struct qemu_command command = command_of(&shape, NULL);

	(void)state;
	assert_true(has_value(&command, "-chardev", "socket,id=control,fd=12"));
	assert_true(has_value(&command, "-chardev", "socket,id=results,fd=13"));
	assert_true(has_value(&command, "-chardev", "socket,id=monitor,fd=11"));
	assert_true(has_value(&command, "-chardev", "file,id=console,path=/proc/self/fd/14,append=on"));
	assert_true(has_value(&command, "-device", "virtserialport,chardev=control,name=control"));
	assert_true(has_value(&command, "-device", "virtserialport,chardev=results,name=results"));
	assert_true(has_value(&command, "-device", "isa-debug-exit,iobase=0xf4,iosize=4"));
	assert_true(has_value(&command, "-mon", "chardev=monitor,mode=control"));
	assert_true(has_value(&command, "-serial", "chardev:console"));
	qemu_command_free(&command);
}

static void cpu_models(void **state)
{
	static const struct {
		enum guest_accel accel;
		enum guest_choice five_levels, pmu;
		const char *without, *wanted;
	} rows[] = {
		{ GUEST_KVM, GUEST_MODEL_DEFAULT, GUEST_MODEL_DEFAULT, NULL, "host" },
		{ GUEST_KVM, GUEST_ON, GUEST_MODEL_DEFAULT, NULL, "host,la57=on" },
		{ GUEST_KVM, GUEST_OFF, GUEST_ON, NULL, "host,la57=off,pmu=on" },
		{ GUEST_KVM, GUEST_MODEL_DEFAULT, GUEST_OFF, NULL, "host,pmu=off" },
		{ GUEST_KVM, GUEST_MODEL_DEFAULT, GUEST_MODEL_DEFAULT, "arch-capabilities",
			"host,arch-capabilities=off" },
		{ GUEST_KVM, GUEST_ON, GUEST_ON, "arch-capabilities", "host,la57=on,pmu=on,arch-capabilities=off" },
		{ GUEST_TCG, GUEST_MODEL_DEFAULT, GUEST_MODEL_DEFAULT, NULL, "max,la57=off" },
		{ GUEST_TCG, GUEST_ON, GUEST_MODEL_DEFAULT, NULL, "max,la57=on" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct guest_shape shape = GUEST_SHAPE_DEFAULT;
		struct qemu_command command;

		shape.accel = rows[i].accel;
		shape.five_levels = rows[i].five_levels;
		shape.pmu = rows[i].pmu;
		command = command_of(&shape, rows[i].without);
		assert_string_equal(value(&command, "-cpu", 0), rows[i].wanted);
		assert_non_null(strstr(value(&command, "-machine", 0), guest_accel_names[rows[i].accel]));
		qemu_command_free(&command);
	}
}

static void memory_behind_it(void **state)
{
	static const struct {
		enum backing backing;
		bool warm;
		const char *wanted;
	} rows[] = {
		{ BACKING_4K, false, "memory-backend-memfd,id=ram,size=4294967296,prealloc=off" },
		{ BACKING_4K, true, "memory-backend-memfd,id=ram,size=4294967296,prealloc=on" },
		{ BACKING_2M_THP, true, "memory-backend-ram,id=ram,size=4294967296,prealloc=on" },
		{ BACKING_2M_HUGETLB, false,
			"memory-backend-memfd,id=ram,size=4294967296,hugetlb=on,hugetlbsize=2097152,prealloc=off" },
		{ BACKING_1G_HUGETLB, true,
			"memory-backend-memfd,id=ram,size=4294967296,hugetlb=on,hugetlbsize=1073741824,prealloc=on" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct guest_shape shape = GUEST_SHAPE_DEFAULT;
		struct qemu_command command;

		shape.memory_bytes = 4 * GIB;
		shape.backing = rows[i].backing;
		shape.warm = rows[i].warm;
		command = command_of(&shape, NULL);
		assert_string_equal(value(&command, "-object", 0), rows[i].wanted);
		assert_string_equal(value(&command, "-m", 0), "4096M");
		qemu_command_free(&command);
	}
}

static void words_for_the_kernel_are_one_argument(void **state)
{
	struct guest_shape shape = GUEST_SHAPE_DEFAULT;
	struct qemu_command command;

	(void)state;
	shape.cpus = 8;
	shape.thp = "never";
	shape.append = "hugepages=4 isolcpus=1,2  name=\"a b\" $x";
	command = command_of(&shape, NULL);
	assert_string_equal(value(&command, "-append", 0),
		"console=ttyS0 quiet panic=-1 oops=panic transparent_hugepage=never hugepages=4 isolcpus=1,2  name=\"a b\" $x");
	assert_string_equal(value(&command, "-smp", 0), "8");
	qemu_command_free(&command);
}

static void only_a_finished_job_has_a_status(void **state)
{
	(void)state;
	for (int status = 0; status < 256; status++) {
		bool finished = status >= 33 && status <= 95 && status % 2 == 1;

		assert_int_equal(qemu_job_status(status), finished ? (status - 33) / 2 : -1);
	}
	assert_int_equal(qemu_job_status(33), 0);
	assert_int_equal(qemu_job_status(39), 3);
}

static void shape_as_recorded(void **state)
{
	struct guest_shape shape = GUEST_SHAPE_DEFAULT;
	json_t *json;
	int warm;
	const char *accel, *backing, *levels, *pmu, *thp, *append;
	json_int_t cpus, memory;

	(void)state;
	shape.warm = true;
	shape.five_levels = GUEST_OFF;
	shape.append = "a,b \"c\"";
	json = guest_shape_json(&shape);
	/* The shape has these members and no others. */
	assert_int_equal(json_unpack_ex(json, NULL, JSON_STRICT, "{s:s, s:I, s:I, s:s, s:b, s:s, s:s, s:s, s:s}",
				 "accel", &accel, "cpus", &cpus, "memory_bytes", &memory, "backing", &backing, "warm",
				 &warm, "five_levels", &levels, "pmu", &pmu, "thp", &thp, "append", &append),
		0);
	assert_string_equal(accel, "kvm");
	assert_int_equal(cpus, 1);
	assert_int_equal(memory, GIB);
	assert_string_equal(backing, "2M-thp");
	assert_true(warm);
	assert_string_equal(levels, "off");
	assert_string_equal(pmu, "as it comes");
	assert_string_equal(thp, "madvise");
	assert_string_equal(append, "a,b \"c\"");
	json_decref(json);
}

/* --- whether a guest is possible --- */

static char place[] = "/tmp/nestwalk-test-guest-XXXXXX";
static char *path_before;

static int setup(void **state)
{
	const char *path = getenv("PATH");

	(void)state;
	path_before = path ? strdup(path) : NULL;
	return !mkdtemp(place);
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	if (path_before)
		setenv("PATH", path_before, 1);
	free(path_before);
	snprintf(command, sizeof(command), "rm -r %s", place);
	return system(command);
}

static void make_file(const char *name, mode_t mode)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	chmod(path, mode);
}

/* The error and the reason of guest_possible() under the emulator, which needs no /dev/kvm. */
static int possible(uint64_t memory_bytes, enum backing backing, struct reason *why)
{
	struct guest_request request = { .shape = GUEST_SHAPE_DEFAULT, .image = place };

	request.shape.accel = GUEST_TCG;
	request.shape.memory_bytes = memory_bytes;
	request.shape.backing = backing;
	why->text[0] = '\0';
	return guest_possible(&request, false, why);
}

static void what_is_missing_is_said(void **state)
{
	struct reason why;

	(void)state;
	setenv("PATH", "", 1);
	assert_int_equal(possible(128 * MIB, BACKING_4K, &why), -ENOENT);
	assert_non_null(strstr(why.text, "scripts/setup guest"));
	setenv("PATH", place, 1);
	assert_int_equal(possible(128 * MIB, BACKING_4K, &why), -ENOENT);
	make_file("qemu-system-x86_64", 0755);
	assert_int_equal(possible(128 * MIB, BACKING_4K, &why), -ENOENT);
	assert_non_null(strstr(why.text, "vmlinuz cannot be read"));
	assert_non_null(strstr(why.text, "make guest-image"));
	make_file("vmlinuz", 0644);
	assert_int_equal(possible(128 * MIB, BACKING_4K, &why), -ENOENT);
	assert_non_null(strstr(why.text, "initramfs cannot be read"));
	make_file("initramfs", 0644);
	assert_int_equal(possible(128 * MIB, BACKING_4K, &why), 0);
	/* More memory than machines have. */
	assert_int_equal(possible(1024 * 1024 * GIB, BACKING_4K, &why), -ENOMEM);
	assert_non_null(strstr(why.text, "--guest-memory takes less"));
	assert_int_equal(possible(1024 * 1024 * GIB, BACKING_2M_HUGETLB, &why), -ENOMEM);
	assert_true(why.text[0]);
}

static void found_in_any_directory_of_path(void **state)
{
	char path[160], found[160], wanted[160];
	struct reason why;

	(void)state;
	make_file("qemu-system-x86_64", 0755);
	snprintf(wanted, sizeof(wanted), "%s/qemu-system-x86_64", place);
	snprintf(path, sizeof(path), "/nowhere::%s:/usr/bin", place);
	setenv("PATH", path, 1);
	assert_int_equal(qemu_find(found, sizeof(found), &why), 0);
	assert_string_equal(found, wanted);
	unsetenv("PATH");
	assert_int_equal(qemu_find(found, sizeof(found), &why), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_shape),
		cmocka_unit_test(ports),
		cmocka_unit_test(cpu_models),
		cmocka_unit_test(memory_behind_it),
		cmocka_unit_test(words_for_the_kernel_are_one_argument),
		cmocka_unit_test(only_a_finished_job_has_a_status),
		cmocka_unit_test(shape_as_recorded),
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(found_in_any_directory_of_path),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
