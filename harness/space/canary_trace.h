/*
 * The weather of a core: what a trace of canary readings says about the core's other thread. Pure: times come from the
 * caller, and whether a reading is quiet from canary_is_quiet().
 */
#ifndef NESTWALK_CANARY_TRACE_H
#define NESTWALK_CANARY_TRACE_H

#include "base/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct canary_trace {
	/* Results, complete after canary_trace_end(). */
	size_t readings, busy; /* in a spell */
	size_t spikes; /* short disturbances, which count as quiet */
	size_t spells;
	uint64_t longest_spell_ns;

	/* The trace so far. */
	bool quiet_before, in_spell, pending; /* pending: the last reading is busy, and perhaps alone */
	uint64_t last_ns, last_busy_ns, spell_from_ns, spell_to_ns;
	bool busy_before;
};

/*
 * Add the next reading of a trace that begins with a struct of zeros. @at_ns: its time, never less than the last one's.
 *
 * One busy reading alone between quiet ones nearby is a spike: a timer tick of this kernel or of a neighbour's, not a
 * busy neighbour. Other busy readings form spells. A spell goes on over pauses of up to CANARY_TRACE_PAUSE_NS. Where readings
 * are further apart than CANARY_TRACE_NEAR_NS, nothing tells spikes from weather, and each busy reading belongs to a spell.
 * A spell lasts until the reading after its last busy one, where that is near, and otherwise until that busy one.
 */
void canary_trace_add(struct canary_trace *trace, uint64_t at_ns, bool quiet);
#define CANARY_TRACE_NEAR_NS (5 * NS_PER_MS)
#define CANARY_TRACE_PAUSE_NS (20 * NS_PER_MS)

/* The trace ends. */
void canary_trace_end(struct canary_trace *trace);

/* The share of readings that were busy; NAN where there are no readings. */
double canary_trace_busy_share(const struct canary_trace *trace);

#endif
