/*
 * The weather of a run: whether somebody else used this core's other thread. Before each sample the canary is read
 * (space/canary.h), and while it says that the core is not ours, the sample waits, as long as the bench has time for that.
 */
#ifndef NESTWALK_WEATHER_H
#define NESTWALK_WEATHER_H

#include "base/reason.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct canary;

struct weather {
	struct canary *canary; /* owned; NULL: there is none */
	struct reason why; /* why there is none */
	uint64_t samples, quiet_samples; /* that were weighed, and that were quiet from end to end */
	/* Readings of samples before they waited: these are the weather of the whole run. */
	uint64_t first_readings, first_quiet;
	uint64_t waited_ns;
};

/* A sample's weather: core cycles per access of the canary, the dearer of its readings; NAN: not known. */
struct weather_reading {
	double cycles;
	bool quiet;
};

/*
 * Open the canary on the CPU that the thread is bound to. Without one, weather is unknown and nothing waits. Some 40 ms, 120
 * where the core is busy. weather_close() is due.
 */
void weather_open(struct weather *weather, uint64_t seed);
void weather_close(struct weather *weather);

/* Where no quiet moment was seen yet, look for one again. 40 ms then; nothing otherwise. */
void weather_look_again(struct weather *weather);

/*
 * Read the canary, again and again while it is not quiet, until *patience_ns, which sinks by what was waited, is used up or
 * stop() says so. `weather` may be NULL, here and below: weather is unknown then.
 */
struct weather_reading weather_wait(struct weather *weather, uint64_t *patience_ns, bool (*stop)(void));

/* Read it once more after the sample: it was quiet if it was so before and after. */
struct weather_reading weather_after(struct weather *weather, struct weather_reading before);

/* run.json's "weather" (docs/RESULTS.md). New reference; NULL where memory is short. */
json_t *weather_json(const struct weather *weather);

#endif
