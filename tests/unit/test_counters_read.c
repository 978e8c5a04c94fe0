/*
 * Reading counters: buffers and pages built here, then the kernel's own events, which need no PMU. Events that this
 * machine does not let us count are skipped with its reason.
 */
#include "base/units.h"
#include "counters/counters.h"
#include "counters/encode.h"
#include "space/space.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka wants these first, and defines fail(), so it comes after our headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* --- read(2)'s buffer --- */

static const uint64_t ids[] = { 7, 9, 8 };

static void test_decode(void **state)
{
	/* Three events, enabled, running, then value and id of each, in another order than ours. */
	const uint64_t buffer[] = { 3, 5000, 5000, 100, 7, 300, 8, 200, 9 };
	struct reading reading;
	struct reason why;

	(void)state;
	assert_int_equal(reading_decode(buffer, sizeof(buffer), ids, 3, &reading, &why), 0);
	assert_int_equal(reading.count[0], 100);
	assert_int_equal(reading.count[1], 200);
	assert_int_equal(reading.count[2], 300);
	assert_int_equal(reading.enabled_ns, 5000);
	assert_int_equal(reading.running_ns, 5000);
}

static void test_decode_refuses(void **state)
{
	const uint64_t stranger[] = { 3, 5000, 5000, 100, 7, 300, 8, 200, 10 };
	const uint64_t fewer[] = { 2, 5000, 5000, 100, 7, 300, 8 };
	struct reading reading;
	struct reason why;

	(void)state;
	/* End of file is how the kernel says that a pinned group could not be scheduled. */
	assert_int_equal(reading_decode(stranger, 0, ids, 3, &reading, &why), -EBUSY);
	assert_non_null(strstr(why.text, "taken by others"));
	assert_int_equal(reading_decode(stranger, sizeof(stranger), ids, 3, &reading, &why), -EIO);
	assert_non_null(strstr(why.text, "event 9"));
	assert_int_equal(reading_decode(fewer, sizeof(fewer), ids, 3, &reading, &why), -EIO);
	assert_int_equal(reading_decode(stranger, sizeof(stranger) - 8, ids, 3, &reading, &why), -EIO);
	assert_int_equal(reading_decode(stranger, 3, ids, 3, &reading, &why), -EIO);
}

static void test_scaling(void **state)
{
	struct counted counted = reading_between(1000, 400, 400);

	(void)state;
	assert_true(counted.count == 1000 && !counted.scaled);
	/* A quarter of the time: four times the count, and said so. */
	counted = reading_between(1000, 400, 100);
	assert_true(counted.count == 4000 && counted.scaled);
	/* Never on: not 0 but unknown. */
	counted = reading_between(0, 400, 0);
	assert_true(isnan(counted.count) && counted.scaled);
	counted = reading_between(0, 400, 400);
	assert_true(counted.count == 0 && !counted.scaled);
}

/* --- the page that rdpmc goes with --- */

static struct perf_event_mmap_page page;
static uint64_t counter_value;
static unsigned changes_left, reads;

static uint64_t counter_of_page(uint32_t counter)
{
	assert_int_equal(counter, page.index - 1);
	reads++;
	if (changes_left) {
		/* The kernel moves the count into the offset while it is being read. */
		changes_left--;
		page.lock += 2;
		page.offset += 1000;
		counter_value = 5;
	}
	return counter_value;
}

static void page_reset(int64_t offset, uint64_t value)
{
	page = (struct perf_event_mmap_page){ .cap_user_rdpmc = 1,
		.index = 3,
		.offset = offset,
		.pmc_width = 48,
		.time_enabled = 70,
		.time_running = 70 };
	counter_value = value;
	changes_left = reads = 0;
}

static void test_page_counts(void **state)
{
	struct page_reading reading;

	(void)state;
	page_reset(1000, 234);
	reading_page(&page, counter_of_page, &reading);
	assert_true(reading.on);
	assert_int_equal(reading.count, 1234);
	assert_int_equal(reading.enabled_ns, 70);
}

/* The kernel starts a counter at -period, so its upper half is negative, and it overflows in the middle of counting. */
static void test_page_wraps(void **state)
{
	const uint64_t half = UINT64_C(1) << 47, all = UINT64_C(1) << 48;
	struct page_reading before, after;

	(void)state;
	page_reset((int64_t)half, all - half); /* the start of a counter of 48 bits: its count is 0 */
	reading_page(&page, counter_of_page, &before);
	assert_int_equal(before.count, 0);
	counter_value = all - 10; /* ten before the wrap */
	reading_page(&page, counter_of_page, &before);
	counter_value = 15; /* fifteen after it */
	reading_page(&page, counter_of_page, &after);
	assert_int_equal(after.count - before.count, 25);
	/* At the overflow the kernel adds what was counted to the offset and starts again. */
	page.offset += (int64_t)half;
	counter_value = all - half + 20;
	reading_page(&page, counter_of_page, &after);
	assert_int_equal(after.count - before.count, 30);
}

static void test_page_is_read_again(void **state)
{
	struct page_reading reading;

	(void)state;
	page_reset(0, 999);
	changes_left = 2;
	reading_page(&page, counter_of_page, &reading);
	assert_int_equal(reads, 3);
	assert_int_equal(reading.count, 2005); /* never a mixture of before and after */
}

static void test_page_without_a_counter(void **state)
{
	struct page_reading reading;

	(void)state;
	page_reset(4321, 999);
	page.index = 0; /* scheduled out: the offset has it all */
	reading_page(&page, counter_of_page, &reading);
	assert_false(reading.on);
	assert_int_equal(reading.count, 4321);
	page_reset(4321, 999);
	page.cap_user_rdpmc = 0;
	reading_page(&page, counter_of_page, &reading);
	assert_false(reading.on);
	assert_int_equal(reads, 0); /* the instruction would have been fatal */
}

static void test_page_times(void **state)
{
	struct page_reading first, second;

	(void)state;
	page_reset(0, 0);
	page.cap_user_time = 1;
	page.time_mult = 1;
	page.time_shift = 1; /* half a nanosecond a TSC cycle */
	reading_page(&page, counter_of_page, &first);
	reading_page(&page, counter_of_page, &second);
	assert_true(second.enabled_ns > first.enabled_ns);
	assert_true(first.enabled_ns == first.running_ns);
	page.index = 0;
	reading_page(&page, counter_of_page, &second);
	assert_int_equal(second.running_ns, 70); /* only a running event's time goes on */
	assert_true(second.enabled_ns > 70);
	/* A short clock that has wrapped since the kernel wrote the page. */
	page.cap_user_time_short = 1;
	page.time_mask = 0;
	page.time_cycles = 2000;
	reading_page(&page, counter_of_page, &second);
	assert_int_equal(second.enabled_ns, 1070);
}

/* --- the kernel's own events --- */

static struct counting *open_live(unsigned wanted)
{
	struct counting_plan plan = { .wanted = wanted, .scope = COUNT_THREAD };
	struct counting *counting;
	struct reason why = { "" };

	assert_int_equal(counting_open(&plan, &counting, &why), 0);
	return counting;
}

#define PAGES 300

static void test_page_faults(void **state)
{
	struct counting *counting = open_live(COUNT_BIT(COUNT_PAGE_FAULTS));
	const struct reason *why = counting_reason(counting, COUNT_PAGE_FAULTS);
	size_t bytes = PAGES * PAGE_4K;
	struct count_sample sample;
	volatile char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	madvise((void *)(uintptr_t)memory, bytes, MADV_NOHUGEPAGE);
	if (why) {
		print_message("page faults cannot be counted: %s\n", why->text);
		counting_close(counting);
		skip();
	}
	assert_int_equal(counting_groups(counting), 1);
	/*
	 * Round 0 faults on everything that is touched for the first time, with a sanitizer's memory. Round 1 faults on
	 * the new pages only. Round 2 has no faults.
	 */
	for (unsigned round = 0; round < 3; round++) {
		if (round == 1)
			madvise((void *)(uintptr_t)memory, bytes, MADV_DONTNEED);
		counting_begin(counting);
		for (size_t i = 0; i < PAGES; i++)
			memory[i * PAGE_4K] = 1;
		counting_end(counting, &sample);
		counting_rotate(counting);
		assert_null(sample.why[COUNT_PAGE_FAULTS]);
		assert_false(sample.scaled[COUNT_PAGE_FAULTS]);
		if (round == 1)
			assert_in_range((uint64_t)sample.value[COUNT_PAGE_FAULTS], PAGES, PAGES + 8);
		if (round == 2)
			assert_in_range((uint64_t)sample.value[COUNT_PAGE_FAULTS], 0, 8);
		/* A metric that was not asked for is unknown, not 0. */
		assert_true(isnan(sample.value[COUNT_DTLB_LOAD_WALKS]));
		assert_non_null(sample.why[COUNT_DTLB_LOAD_WALKS]);
	}
	munmap((void *)(uintptr_t)memory, bytes);
	counting_close(counting);
}

/* A group of one or more events of the kernel. */
static void open_group(struct event_group *group, const struct perf_event_attr *event, size_t count)
{
	size_t refused;
	int error = group_open(group,
		&(struct group_plan){ .event = event, .count = count, .pinned = true, .calls = &perf_calls_linux },
		&refused);

	if (error) {
		print_message("not allowed here: %s\n", strerror(-error));
		skip();
	}
}

static void test_switches_and_clock(void **state)
{
	const struct microarch *generic = catalogue_fallback(FALLBACK_ANY);
	struct timespec nap = { .tv_nsec = (long)(NS_PER_MS / 10) };
	struct perf_event_attr event[2];
	struct event_group group;
	struct counted counted[2];
	struct reason why = { "" };

	(void)state;
	assert_int_equal(encode_event(generic, "perf::PERF_COUNT_SW_CONTEXT_SWITCHES", &event[0], &why), 0);
	assert_int_equal(encode_event(generic, "perf::PERF_COUNT_SW_TASK_CLOCK", &event[1], &why), 0);
	event[0].exclude_kernel = 0; /* it is in the kernel that a thread is switched */
	open_group(&group, event, 2);
	assert_int_equal(group_begin(&group, &why), 0);
	for (unsigned i = 0; i < 10; i++)
		nanosleep(&nap, NULL);
	assert_int_equal(group_end(&group, counted, &why), 0);
	assert_in_range((uint64_t)counted[0].count, 10, 1000);
	/* The time is between a microsecond and a hundred times that of ten naps. */
	assert_in_range((uint64_t)counted[1].count, NS_PER_US, NS_PER_S);
	/* A group that is off counts nothing. */
	nanosleep(&nap, NULL);
	assert_int_equal(group_begin(&group, &why), 0);
	assert_int_equal(group_end(&group, counted, &why), 0);
	assert_in_range((uint64_t)counted[0].count, 0, 9);
	group_close(&group);
}

/* The attributes of a tracepoint of KVM, by the id that tracefs gives. False where it gives none. */
static bool tracepoint_find(const char *name, struct perf_event_attr *attr)
{
	/* tracefs has its own place since Linux 4.1; debugfs still shows it too. */
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	unsigned long long id;

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		char path[256];
		FILE *file;
		bool found;

		snprintf(path, sizeof(path), "%s/events/kvm/%s/id", roots[i], name);
		file = fopen(path, "re");
		found = file && fscanf(file, "%llu", &id) == 1;
		if (file)
			fclose(file);
		*attr = (struct perf_event_attr){
			.type = PERF_TYPE_TRACEPOINT, .size = sizeof(*attr), .config = id, .disabled = 1
		};
		if (found)
			return true;
	}
	return false;
}

/* Mount tracefs in a mount namespace of its own, so that nobody else sees it and it ends with this process. */
static void mount_tracefs(void)
{
	if (!access("/sys/kernel/tracing/events", F_OK) || geteuid())
		return;
	if (!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		mount("nodev", "/sys/kernel/tracing", "tracefs", 0, NULL);
}

#define RUNS 10u

/*
 * VM exits of a vCPU, counted by KVM's tracepoints: each run of a measured kernel ends in one that goes to user space.
 * kvm_pvm also has the tracepoint of exits, but never fires it.
 */
static void count_exits(void)
{
	struct backed memory, packed;
	struct space_spec spec = {
		.setting = SETTING_VCPU, .levels = 4, .page_bytes = PAGE_4K, .memory = &memory, .packed = &packed
	};
	bool pvm = !access("/sys/module/kvm_pvm", F_OK);
	struct perf_event_attr event[2];
	struct event_group group;
	struct counted counted[2];
	struct space *space;
	struct reason why = { "" };

	mount_tracefs();
	if (!tracepoint_find("kvm_userspace_exit", &event[0]) || !tracepoint_find("kvm_exit", &event[1])) {
		print_message("tracefs has no tracepoints of KVM\n");
		_exit(77);
	}
	if (group_open(&group, &(struct group_plan){ .event = event, .count = 2, .calls = &perf_calls_linux },
		    &(size_t){ 0 }) ||
		backed_alloc(&memory, BACKING_4K, PAGE_2M, NULL, &why) ||
		backed_alloc(&packed, BACKING_4K, PAGE_2M, NULL, &why) || space_open(&spec, &space, &why)) {
		print_message("%s\n", *why.text ? why.text : "tracepoints may not be counted");
		_exit(77);
	}
	for (unsigned i = 0; i < 2 * RUNS; i++) {
		*space->call = (struct kernel_call){ .laps = 1 };
		if (i == RUNS && group_begin(&group, &why)) /* the first runs build what is built once */
			_exit(2);
		if (space_run(space, KERNEL_EMPTY, &why))
			_exit(3);
	}
	if (group_end(&group, counted, &why))
		_exit(2);
	print_message("%u runs: %.0f exits, %.0f of them to user space\n", RUNS, counted[1].count, counted[0].count);
	/* A signal, or a tick, may add some. */
	if (counted[0].count < RUNS || counted[0].count > 100 * RUNS)
		_exit(1);
	_exit(pvm || counted[1].count >= counted[0].count ? 0 : 1);
}

static void test_kvm_exits(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (!child)
		count_exits();
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* With a PMU, events count the work of the program. Without one, each event has a reason. */
static void test_hardware(void **state)
{
	struct counting *counting = open_live(COUNT_ALL & ~COUNT_BIT(COUNT_PAGE_FAULTS));
	const struct reason *why = counting_reason(counting, COUNT_CYCLES);
	struct count_sample sample;

	(void)state;
	for (unsigned m = 0; why && m < COUNT_METRICS; m++)
		assert_true(*counting_reason(counting, (enum count_metric)m)->text);
	if (why) {
		assert_int_equal(counting_groups(counting), 0);
		counting_begin(counting);
		counting_end(counting, &sample);
		assert_true(isnan(sample.value[COUNT_CYCLES]) && sample.why[COUNT_CYCLES] == why);
		print_message("no hardware events: %s\n", why->text);
		counting_close(counting);
		skip();
	}
	for (size_t group = 0; group < counting_groups(counting); group++) {
		counting_begin(counting);
		for (volatile unsigned i = 0; i < 100000; i++)
			;
		counting_end(counting, &sample);
		counting_rotate(counting);
		if (!isnan(sample.value[COUNT_INSTRUCTIONS]))
			assert_true(sample.value[COUNT_INSTRUCTIONS] >= 100000);
	}
	counting_close(counting);
}

static void test_nobody_asked(void **state)
{
	struct count_sample sample;

	(void)state;
	counting_begin(NULL);
	counting_end(NULL, &sample);
	counting_rotate(NULL);
	counting_judge(NULL, &sample, &(struct count_expectation){ .accesses = 1 });
	assert_int_equal(counting_groups(NULL), 0);
	assert_true(isnan(sample.value[COUNT_CYCLES]));
	assert_non_null(strstr(sample.why[COUNT_CYCLES]->text, "not asked for"));
	assert_ptr_equal(counting_reason(NULL, COUNT_CYCLES), sample.why[COUNT_CYCLES]);
	counting_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_decode_refuses),
		cmocka_unit_test(test_scaling),
		cmocka_unit_test(test_page_counts),
		cmocka_unit_test(test_page_wraps),
		cmocka_unit_test(test_page_is_read_again),
		cmocka_unit_test(test_page_without_a_counter),
		cmocka_unit_test(test_page_times),
		cmocka_unit_test(test_page_faults),
		cmocka_unit_test(test_switches_and_clock),
		cmocka_unit_test(test_kvm_exits),
		cmocka_unit_test(test_hardware),
		cmocka_unit_test(test_nobody_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
