/* Facts about this process that it inherited: switches, limits, policies, variables of libraries. */
#include "machine/describe.h"
#include "machine/environment.h"
#include "machine/facts.h"
#include "machine/process.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

static void limit_fact(struct facts *facts, const char *key, const struct machine_source *source, const char *name)
{
	struct reason why;
	uint64_t limit;
	int error = process_limit(source, name, &limit, &why);

	if (!error && limit == SOURCE_UNLIMITED)
		error = fail(&why, ENOENT, "there is no limit");
	if (error)
		facts_null(facts, key, &why);
	else
		facts_u64(facts, key, limit);
}

static void thp_fact(struct facts *facts, const struct machine_source *source)
{
	char *status, value[16];
	struct reason why;
	int error = source_read_all(source, "/proc/self/status", &status, &why);

	if (!error && !text_field(status, "THP_enabled", value, sizeof(value)))
		error = fail(&why, ENODATA, "/proc/self/status has no THP_enabled (Linux before 5.0)");
	free(status);
	if (error)
		facts_null(facts, "thp_disabled", &why);
	else
		facts_bool(facts, "thp_disabled", !strcmp(value, "0"));
}

/* The policy that was in force before nestwalk binds its memory, where this is called before that. */
static void memory_policy_fact(struct facts *facts, const struct machine_source *source)
{
	/* include/uapi/linux/mempolicy.h; older headers lack the last ones */
	static const char *const names[] = { "default", "preferred", "bind", "interleave", "local", "preferred-many",
		"weighted-interleave" };
	struct reason why;
	int mode, error = 0;

	if (!source_is_live(source))
		error = source_not_tried(source, &why);
	else if (syscall(SYS_get_mempolicy, &mode, NULL, 0UL, NULL, 0UL))
		error = fail(&why, errno, "get_mempolicy: %s", strerror(errno));
	else
		mode &= ~(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING);
	if (!error && (mode < 0 || mode >= (int)(sizeof(names) / sizeof(names[0]))))
		error = fail(&why, EINVAL, "get_mempolicy told an unknown policy, %d", mode);
	if (error)
		facts_null(facts, "memory_policy", &why);
	else
		facts_text(facts, "memory_policy", names[mode]);
}

static void scheduling_facts(struct facts *facts, const struct machine_source *source)
{
	struct process_scheduling scheduling;
	struct reason why;

	if (process_scheduling(source, &scheduling, &why)) {
		facts_null(facts, "scheduling", &why);
		facts_null(facts, "nice", &why);
		return;
	}
	facts_text(facts, "scheduling", scheduling.policy);
	facts_json(facts, "nice", json_integer(scheduling.nice));
}

/* Without it (setarch -R) every run has its memory at the same addresses, and one placement stands for all. */
static void randomization_fact(struct facts *facts, const struct machine_source *source)
{
	unsigned long persona;
	struct reason why;
	char text[32], *end;
	int error = source_read_text(source, text, sizeof(text), &why, "/proc/self/personality");

	persona = error ? 0 : strtoul(text, &end, 16);
	if (!error && (end == text || *end))
		error = fail(&why, EINVAL, "/proc/self/personality: '%s' is not a number", text);
	if (error)
		facts_null(facts, "addresses_randomized", &why);
	else
		facts_bool(facts, "addresses_randomized", !(persona & ADDR_NO_RANDOMIZE));
}

static void environment_facts(struct facts *facts, const struct machine_source *source)
{
	struct environment_variable variable;
	struct reason why;
	json_t *list;

	if (!source_is_live(source)) {
		source_not_tried(source, &why);
		facts_null(facts, "environment", &why);
		return;
	}
	list = json_array();
	for (size_t i = 0; environment_found(i, &variable); i++) {
		struct facts one = facts_begin();

		facts_text(&one, "variable", variable.text);
		facts_bool(&one, "taken_out", variable.taken_out);
		facts_text(&one, "why", variable.why);
		facts_append(facts, list, facts_end(&one));
	}
	facts_json(facts, "environment", list);
}

json_t *describe_process(const struct machine_source *source)
{
	struct facts facts = facts_begin();

	thp_fact(&facts, source);
	memory_policy_fact(&facts, source);
	scheduling_facts(&facts, source);
	facts_file_u64(&facts, "timer_slack_ns", source, "/proc/self/timerslack_ns");
	randomization_fact(&facts, source);
	limit_fact(&facts, "address_space_limit_bytes", source, "Max address space");
	limit_fact(&facts, "data_limit_bytes", source, "Max data size");
	limit_fact(&facts, "locked_memory_limit_bytes", source, "Max locked memory");
	limit_fact(&facts, "processes_limit", source, "Max processes");
	environment_facts(&facts, source);
	return facts_end(&facts);
}
