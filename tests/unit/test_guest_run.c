/* guest/guest.c, vm.c, host_observer.c: a guest from power-on to its results, or to the reason why there are none. */
#include "guest/guest.h"

#include "base/units.h"
#include "guest/vm.h"
#include "test_guest_fake.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SHORT_S 0.4
#define START_S 3 /* time to start and to say something, and not much more */
/* For guests that behave well: longer than they take on a busy machine. */
#define LONG_S 60
#define LONG_MS 20000

static char place[] = "/tmp/nestwalk-test-guest-XXXXXX";
static char directory[64];
static int cpu;

static int group_setup(void **state)
{
	char program[4096], path[4096], link[64];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	(void)state;
	if (length < 0 || !mkdtemp(place))
		return -1;
	program[length] = '\0';
	snprintf(directory, sizeof(directory), "%s/guest", place);
	snprintf(link, sizeof(link), "%s/" FAKE_NAME, place);
	snprintf(path, sizeof(path), "%s:%s", place, getenv("PATH"));
	cpu = sched_getcpu();
	return symlink(program, link) || setenv("PATH", path, 1) || setenv("FAKE_PLACE", place, 1);
}

static int group_teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", place);
	return system(command);
}

static unsigned open_files(void)
{
	DIR *list = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(list))
		count++;
	closedir(list);
	return count;
}

static bool (*stop)(void);
static bool at_once(void)
{
	return true;
}

/* Once the guest measures. */
static bool measuring;
static bool once_it_measures(void)
{
	return measuring;
}

static void progress(const char *what, double elapsed_s, void *data)
{
	(void)data;
	assert_true(elapsed_s >= 0);
	measuring = !strcmp(what, "measuring");
}

static struct guest_limits limits;
static double job_seconds;

static int setup(void **state)
{
	(void)state;
	limits = (struct guest_limits){ .boot_s = LONG_S, .ending_s = LONG_S, .monitor_ms = LONG_MS };
	job_seconds = LONG_S;
	stop = NULL;
	measuring = false;
	return 0;
}

/* guest_run() of a guest with this behaviour: nothing is left over, and the logs are kept. */
static int run(const char *behaviour, enum guest_accel accel, struct guest_result *result, struct reason *why)
{
	static const char *const command[] = { "run", "-s", "host", NULL };
	struct guest_request request = {
		.shape = GUEST_SHAPE_DEFAULT,
		.image = place,
		.command = command,
		.directory = directory,
		.cpus = &cpu,
		.cpu_count = 1,
		.seconds = job_seconds,
		.limits = limits,
		.stop = stop,
		.progress = progress,
	};
	unsigned files = open_files();
	char log[96], clean[96];
	int error;

	snprintf(clean, sizeof(clean), "rm -rf %s", directory);
	assert_int_equal(system(clean), 0);
	request.shape.accel = accel;
	request.shape.memory_bytes = FAKE_MEMORY_BYTES;
	setenv("FAKE_GUEST", behaviour, 1);
	why->text[0] = '\0';
	error = guest_run(&request, result, why);
	assert_int_equal(open_files(), files);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	snprintf(log, sizeof(log), "%s/console.log", directory);
	assert_int_equal(access(log, R_OK), 0);
	snprintf(log, sizeof(log), "%s/qemu.log", directory);
	assert_int_equal(access(log, R_OK), 0);
	assert_non_null(result->facts);
	return error;
}

static const json_t *fact(const struct guest_result *result, const char *name)
{
	return json_object_get(result->facts, name);
}

static double number(const struct guest_result *result, const char *name, const char *in)
{
	const json_t *value = json_object_get(fact(result, name), in);

	assert_true(json_is_number(value));
	return json_number_value(value);
}

static void null_with_reason(const struct guest_result *result, const char *name)
{
	char reason[64];

	snprintf(reason, sizeof(reason), "%s_reason", name);
	assert_true(json_is_null(fact(result, name)));
	assert_true(json_string_length(fact(result, reason)) > 0);
}

static void a_guest_that_does_as_it_should(void **state)
{
	struct guest_result result;
	struct reason why;
	char last[64];

	(void)state;
	assert_int_equal(run("good", GUEST_KVM, &result, &why), 0);
	assert_true(result.complete);
	assert_false(result.stopped);
	assert_int_equal(result.job_status, 0);
	assert_non_null(strstr(result.run, "/guest/results/run"));
	assert_int_equal(access(result.run, F_OK), 0);
	assert_string_equal(guest_last_line(directory, "console.log", last, sizeof(last)), "Linux version 6");
	/* The host's facts: cumulative counts have grown, others are as at the end. */
	assert_int_equal(json_integer_value(fact(&result, "guest_faults")), FAKE_FAULTS);
	assert_true(number(&result, "kvm", "exits") == 2000);
	assert_true(number(&result, "kvm", "pf_taken") == 500);
	assert_true(number(&result, "kvm", "pages_4k") == 9);
	assert_true(number(&result, "kvm", "exits_per_guest_fault") == 2);
	assert_true(number(&result, "kvm", "pf_taken_per_guest_fault") == 0.5);
	assert_true(number(&result, "memory", "mapped_bytes") == FAKE_TOUCHED_BYTES);
	assert_int_equal(json_integer_value(json_array_get(fact(&result, "vcpus_pinned"), 0)), cpu);
	assert_true(json_real_value(fact(&result, "boot_ms")) > 0);
	assert_true(json_real_value(fact(&result, "run_ms")) >= json_real_value(fact(&result, "boot_ms")));
	assert_true(json_number_value(json_object_get(fact(&result, "shape"), "memory_bytes")) == FAKE_MEMORY_BYTES);
	guest_result_free(&result);
	assert_null(result.facts);
}

static void an_emulator_has_no_counts_of_kvm(void **state)
{
	struct guest_result result;
	struct reason why;

	(void)state;
	assert_int_equal(run("good", GUEST_TCG, &result, &why), 0);
	null_with_reason(&result, "kvm");
	assert_int_equal(json_integer_value(fact(&result, "guest_faults")), FAKE_FAULTS);
	guest_result_free(&result);
	assert_int_equal(run("no-statistics", GUEST_KVM, &result, &why), 0);
	null_with_reason(&result, "kvm");
	guest_result_free(&result);
	/* Without the guest's own count of faults there is no count per fault. */
	assert_int_equal(run("cannot-count", GUEST_KVM, &result, &why), 0);
	null_with_reason(&result, "guest_faults");
	assert_true(number(&result, "kvm", "exits") == 2000);
	assert_null(json_object_get(fact(&result, "kvm"), "exits_per_guest_fault"));
	guest_result_free(&result);
}

/* Guests that end in different ways and deliver their results. */
static void jobs_that_end_otherwise(void **state)
{
	struct guest_result result;
	struct reason why;

	(void)state;
	assert_int_equal(run("noisy", GUEST_KVM, &result, &why), 0);
	assert_true(result.complete);
	guest_result_free(&result);
	assert_int_equal(run("fails", GUEST_KVM, &result, &why), 0);
	assert_false(result.complete);
	assert_int_equal(result.job_status, 3);
	assert_true(result.run[0]);
	guest_result_free(&result);
	assert_int_equal(run("powers-off", GUEST_KVM, &result, &why), 0);
	assert_true(result.complete);
	guest_result_free(&result);
	/*
	 * The guest is started again without the feature that QEMU should not have asked for. The messages are those of
	 * the second start.
	 */
	assert_int_equal(run("msr", GUEST_KVM, &result, &why), 0);
	assert_true(result.complete);
	guest_result_free(&result);
}

/* Guests that deliver no results. */
static void guests_that_come_to_nothing(void **state)
{
	static const struct {
		const char *behaviour;
		bool began;
		double boot_s, ending_s, seconds;
		unsigned monitor_ms;
		int error;
		const char *said, *also;
	} rows[] = {
		{ "refuses", false, LONG_S, LONG_S, LONG_S, LONG_MS, -EIO, "QEMU ended before the guest did anything",
			"QEMU: qemu: -cpu host: this machine is not to be had (" },
		{ "hangs-at-boot", false, START_S, LONG_S, LONG_S, LONG_MS, -ETIME, "the guest did not boot",
			"the guest's last words: waiting for the root device (" },
		{ "hangs-in-job", true, LONG_S, SHORT_S, SHORT_S, LONG_MS, -ETIME,
			"the guest did not end its job in time", "Linux version 6" },
		{ "talks-on", true, LONG_S, SHORT_S, LONG_S, LONG_MS, -ETIME, "the guest did not end its job in time",
			"console.log has all" },
		{ "panics", true, LONG_S, LONG_S, LONG_S, LONG_MS, -EIO, "the guest ended before its job did",
			"the guest's last words: Kernel panic - not syncing" },
		{ "killed", true, LONG_S, LONG_S, LONG_S, LONG_MS, -EIO, "the guest ended before its job did", "" },
		{ "mumbles", true, LONG_S, LONG_S, LONG_S, LONG_MS, -EIO, "ended its job with 'end soon'", "" },
		{ "cut-archive", true, LONG_S, LONG_S, LONG_S, LONG_MS, -EIO, "results are not whole", "" },
		{ "no-marker", true, LONG_S, LONG_S, LONG_S, LONG_MS, -EIO, "results are not whole", "" },
		{ "sends-link", true, LONG_S, LONG_S, LONG_S, LONG_MS, -EIO, "neither a file nor a directory",
			"run.json.partial" },
		{ "names-init", true, LONG_S, LONG_S, LONG_S, LONG_MS, -EPROTO, "thread 1", "" },
		{ "no-archive", true, LONG_S, LONG_S, LONG_S, LONG_MS, -EIO, "sent no results", "" },
		{ "two-statuses", true, LONG_S, LONG_S, LONG_S, LONG_MS, -EIO, "the guest's job ended with 1", "" },
		{ "odd-exit", true, LONG_S, LONG_S, LONG_S, LONG_MS, -EIO, "QEMU's exit status 97", "" },
		{ "says-no-kvm", true, LONG_S, LONG_S, LONG_S, LONG_MS, -EIO, "does not run under KVM", "" },
		{ "silent-monitor", true, LONG_S, LONG_S, LONG_S, 200, -ETIME, "monitor does not answer", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t start = now_ns();
		struct guest_result result;
		struct reason why;

		limits = (struct guest_limits){ rows[i].boot_s, rows[i].ending_s, rows[i].monitor_ms };
		job_seconds = rows[i].seconds;
		print_message("%s\n", rows[i].behaviour);
		assert_int_equal(run(rows[i].behaviour, GUEST_KVM, &result, &why), rows[i].error);
		if (!strstr(why.text, rows[i].said) || !strstr(why.text, rows[i].also))
			fail_msg("%s", why.text);
		assert_string_equal(result.run, "");
		assert_false(result.complete);
		/* The guest is ended at the deadline that was given, not at another one. */
		assert_in_range(now_ns() - start, 0, LONG_S * NS_PER_S / 2);
		if (!rows[i].began)
			null_with_reason(&result, "boot_ms");
		if (!rows[i].began)
			null_with_reason(&result, "vcpus_pinned");
		guest_result_free(&result);
	}
}

static void what_was_not_seen_is_null(void **state)
{
	struct guest_result result;
	struct reason why;

	(void)state;
	assert_int_equal(run("panics", GUEST_KVM, &result, &why), -EIO);
	null_with_reason(&result, "kvm");
	null_with_reason(&result, "memory");
	null_with_reason(&result, "guest_faults");
	assert_true(json_real_value(fact(&result, "boot_ms")) > 0);
	guest_result_free(&result);
}

static void a_stop_brings_home_what_there_is(void **state)
{
	struct guest_result result;
	struct reason why;

	(void)state;
	stop = once_it_measures;
	assert_int_equal(run("until-stopped", GUEST_KVM, &result, &why), 0);
	assert_true(result.stopped);
	assert_false(result.complete);
	assert_int_equal(result.job_status, 1);
	assert_true(result.run[0]);
	guest_result_free(&result);
	/* The end of its time has the same effect. */
	stop = NULL;
	job_seconds = SHORT_S;
	assert_int_equal(run("until-stopped", GUEST_KVM, &result, &why), 0);
	assert_true(result.stopped);
	assert_true(result.run[0]);
	guest_result_free(&result);
	/* A guest that does not obey is ended, and a user who asked to stop is told so. */
	stop = once_it_measures;
	limits.ending_s = SHORT_S;
	measuring = false;
	assert_int_equal(run("hangs-in-job", GUEST_KVM, &result, &why), -EINTR);
	assert_string_equal(why.text, "interrupted");
	guest_result_free(&result);
	/* While a guest boots it has no results to deliver. */
	stop = at_once;
	assert_int_equal(run("good", GUEST_KVM, &result, &why), -EINTR);
	guest_result_free(&result);
}

/* --- the process alone --- */

static const struct guest_shape shape = GUEST_SHAPE_DEFAULT;

static struct guest_files files_of(const char *program)
{
	return (struct guest_files){ .program = program, .kernel = "k", .initramfs = "i", .directory = place };
}

static void qemu_ends_with_its_parent(void **state)
{
	char program[96];
	int told[2];
	pid_t parent, orphan;

	(void)state;
	snprintf(program, sizeof(program), "%s/" FAKE_NAME, place);
	setenv("FAKE_GUEST", "hangs-at-boot", 1);
	/* Orphans become children of this process, so that it can wait for them. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe(told), 0);
	parent = fork();
	assert_true(parent >= 0);
	if (!parent) {
		const struct guest_files files = files_of(program);
		struct guest_vm vm;

		if (!guest_vm_start(&shape, &files, &vm, NULL))
			(void)!write(told[1], &vm.process, sizeof(vm.process));
		raise(SIGKILL);
	}
	assert_int_equal(read(told[0], &orphan, sizeof(orphan)), sizeof(orphan));
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_int_equal(waitpid(orphan, NULL, 0), orphan);
	close(told[0]);
	close(told[1]);
}

static void a_program_that_is_not_there(void **state)
{
	const struct guest_files files = files_of("/nowhere/qemu");
	struct guest_vm vm;
	int status = 0;

	(void)state;
	assert_int_equal(guest_vm_start(&shape, &files, &vm, NULL), 0);
	assert_int_equal(guest_vm_wait(&vm, LONG_MS, &status), 0);
	assert_int_equal(status, 127);
	guest_vm_end(&vm);
	guest_vm_end(&vm);
}

static void a_directory_that_is_not_there(void **state)
{
	struct guest_files files = files_of("/nowhere/qemu");
	unsigned open_before = open_files();
	struct reason why;
	struct guest_vm vm;

	(void)state;
	files.directory = "/nowhere";
	assert_int_equal(guest_vm_start(&shape, &files, &vm, &why), -ENOENT);
	assert_non_null(strstr(why.text, "/nowhere/console.log"));
	assert_int_equal(open_files(), open_before);
}

static void the_last_line_that_says_something(void **state)
{
	char path[96], last[64];
	FILE *file;

	(void)state;
	assert_string_equal(guest_last_line(place, "no-such-log", last, sizeof(last)), "");
	snprintf(path, sizeof(path), "%s/log", place);
	file = fopen(path, "w");
	fputs("first\nlast words\r\n\r\n \t\r\n", file);
	fclose(file);
	assert_string_equal(guest_last_line(place, "log", last, sizeof(last)), "last words");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_guest_that_does_as_it_should, setup),
		cmocka_unit_test_setup(an_emulator_has_no_counts_of_kvm, setup),
		cmocka_unit_test_setup(jobs_that_end_otherwise, setup),
		cmocka_unit_test_setup(guests_that_come_to_nothing, setup),
		cmocka_unit_test_setup(what_was_not_seen_is_null, setup),
		cmocka_unit_test_setup(a_stop_brings_home_what_there_is, setup),
		cmocka_unit_test(qemu_ends_with_its_parent),
		cmocka_unit_test(a_program_that_is_not_there),
		cmocka_unit_test(a_directory_that_is_not_there),
		cmocka_unit_test(the_last_line_that_says_something),
	};
	const char *name = strrchr(argv[0], '/');

	if (name && !strcmp(name + 1, FAKE_NAME))
		return fake_qemu(argc, argv);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
