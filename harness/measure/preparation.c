#include "measure/preparation.h"

#include "base/member.h"
#include "machine/process.h"

/* Note a part; a reason may also say how it was done. */
static void part_note(struct preparation *preparation, const char *what, bool done, const struct reason *why)
{
	json_t *part =
		json_pack("{s:s, s:b, s:s?}", "what", what, "done", done, "reason", why->text[0] ? why->text : NULL);

	if (preparation->list && json_array_append_new(preparation->list, part)) {
		json_decref(preparation->list);
		preparation->list = NULL;
	}
}

static void cpu_bind(struct preparation *preparation, const struct topology *topology, int cpu)
{
	struct reason why = { "" };
	int error = topology_bind_thread(topology, cpu, &why);

	part_note(preparation, "measure on one CPU", !error, &why);
}

static void memory_bind(struct preparation *preparation, const struct topology *topology, int cpu)
{
	struct reason whose = { "" }, why = { "" };
	int node, error = topology_memory_node(topology, cpu, &node, &whose);

	if (!error)
		error = topology_bind_memory(topology, node, &why);
	/* The policy that was inherited then decides. */
	preparation->numa_node = error ? -1 : node;
	if (whose.text[0])
		reason_add(&why, "%s", whose.text);
	part_note(preparation, "memory of the CPU's NUMA node", !error, &why);
}

struct preparation preparation_try(const struct machine_source *source, const struct topology *topology, int cpu)
{
	struct preparation preparation = { .list = json_array() };
	struct reason why = { "" };
	bool done;

	cpu_bind(&preparation, topology, cpu);
	memory_bind(&preparation, topology, cpu);
	done = !process_thp_is_off(source, &why);
	part_note(&preparation, "transparent huge pages", done, &why);
	why = (struct reason){ "" };
	done = process_has_ordinary_share(source, &why);
	part_note(&preparation, "an ordinary share of the CPU", done, &why);
	return preparation;
}

bool preparation_missing(const json_t *list, size_t i, struct reason *what)
{
	const json_t *part;
	size_t at;

	json_array_foreach (list, at, part) {
		const char *reason = member_text(part, "reason");

		if (json_is_true(json_object_get(part, "done")) || i-- > 0)
			continue;
		fail(what, 0, "%s: %s", member_text(part, "what"), reason ? reason : "no reason is known");
		return true;
	}
	return false;
}
