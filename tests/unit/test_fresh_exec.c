/* Freshly executed processes: work is done in them, its failure is reported, and no process is left over. */
#include "base/units.h"
#include "system/fresh_exec.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
/* Its assertion of this name is not used here; ours fills a reason. */
#undef fail

enum wish { WISH_TELL, WISH_FAIL, WISH_DIE, WISH_HANG };

struct task {
	enum wish wish;
	int number;
};

struct result {
	int number;
	pid_t process, parent;
	bool inherited; /* a value of the parent's memory */
	bool wanted; /* the environment variable that started it is still set */
};

static bool changed; /* after the start */

static int work(const void *data, void *out, struct reason *why)
{
	const struct task *task = data;
	struct result *result = out;

	*result = (struct result){ .number = 2 * task->number,
		.process = getpid(),
		.parent = getppid(),
		.inherited = changed,
		.wanted = getenv("NESTWALK_FRESH_EXEC") != NULL };
	switch (task->wish) {
	case WISH_FAIL:
		return fail(why, EXDEV, "it was to fail with %d", task->number);
	case WISH_DIE:
		raise(SIGKILL);
		break;
	case WISH_HANG:
		for (;;)
			pause();
	default:
		break;
	}
	return 0;
}

__attribute__((constructor)) static void serve(void)
{
	fresh_exec_serve("test", work);
}

static int run(enum wish wish, bool (*stop)(void), struct result *result, struct reason *why)
{
	struct task task = { .wish = wish, .number = 21 };
	int error = fresh_exec_run(&(struct fresh_exec){ .name = "test",
					   .task = &task,
					   .result = result,
					   .task_bytes = sizeof(task),
					   .result_bytes = sizeof(*result),
					   .stop = stop,
					   .limit_ns = wish == WISH_HANG && !stop ? 20 * NS_PER_MS : 60 * NS_PER_S },
		why);

	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return error;
}

static void its_result_comes_home(void **state)
{
	struct result result = { 0 };
	struct reason why = { "" };

	(void)state;
	changed = true;
	assert_int_equal(run(WISH_TELL, NULL, &result, &why), 0);
	assert_int_equal(result.number, 42);
	assert_int_equal(result.parent, getpid());
	assert_int_not_equal(result.process, getpid());
	/* It has none of this process's memory, unlike a forked process. */
	assert_false(result.inherited);
	assert_false(result.wanted);
}

static void its_failure_is_told(void **state)
{
	struct result result;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(run(WISH_FAIL, NULL, &result, &why), -EXDEV);
	assert_string_equal(why.text, "it was to fail with 21");
	assert_int_equal(run(WISH_DIE, NULL, &result, &why), -EIO);
	assert_non_null(strstr(why.text, "signal 9"));
}

static bool at_once(void)
{
	return true;
}

static void it_ends_when_it_must(void **state)
{
	struct result result;
	struct reason why = { "" };

	(void)state;
	assert_int_equal(run(WISH_HANG, NULL, &result, &why), -ETIME);
	assert_int_equal(run(WISH_HANG, at_once, &result, &why), -EINTR);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_result_comes_home),
		cmocka_unit_test(its_failure_is_told),
		cmocka_unit_test(it_ends_when_it_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
