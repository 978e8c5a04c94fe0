#include "space/canary_trace.h"

#include <math.h>

static void spell_end(struct canary_trace *trace)
{
	uint64_t length_ns = trace->spell_to_ns - trace->spell_from_ns;

	if (!trace->in_spell)
		return;
	trace->in_spell = false;
	if (length_ns > trace->longest_spell_ns)
		trace->longest_spell_ns = length_ns;
}

/* The reading at that time belongs to a spell. */
static void spell_add(struct canary_trace *trace, uint64_t at_ns)
{
	trace->busy++;
	if (!trace->in_spell) {
		trace->in_spell = true;
		trace->spells++;
		trace->spell_from_ns = at_ns;
	}
	trace->spell_to_ns = trace->last_busy_ns = at_ns;
}

/* Whether a busy reading may turn out to be a spike: quiet right before, and nothing busy for a pause's time. */
static bool may_be_alone(const struct canary_trace *trace, uint64_t at_ns)
{
	return trace->quiet_before && at_ns - trace->last_ns <= CANARY_TRACE_NEAR_NS &&
	       (!trace->busy_before || at_ns - trace->last_busy_ns > CANARY_TRACE_PAUSE_NS);
}

void canary_trace_add(struct canary_trace *trace, uint64_t at_ns, bool quiet)
{
	trace->readings++;
	if (trace->pending) {
		if (quiet && at_ns - trace->last_ns <= CANARY_TRACE_NEAR_NS)
			trace->spikes++;
		else
			spell_add(trace, trace->last_ns);
		trace->pending = false;
	}
	if (trace->in_spell && !trace->quiet_before && at_ns - trace->last_ns <= CANARY_TRACE_NEAR_NS)
		trace->spell_to_ns = at_ns;
	if (trace->in_spell && (quiet || trace->quiet_before) && at_ns - trace->last_busy_ns > CANARY_TRACE_PAUSE_NS)
		spell_end(trace);
	if (!quiet) {
		trace->pending = may_be_alone(trace, at_ns);
		if (!trace->pending)
			spell_add(trace, at_ns);
		trace->busy_before = true;
		trace->last_busy_ns = at_ns;
	}
	trace->quiet_before = quiet;
	trace->last_ns = at_ns;
}

void canary_trace_end(struct canary_trace *trace)
{
	trace->spikes += trace->pending;
	trace->pending = false;
	spell_end(trace);
}

double canary_trace_busy_share(const struct canary_trace *trace)
{
	return trace->readings ? (double)trace->busy / (double)trace->readings : NAN;
}
