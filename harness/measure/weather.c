#include "measure/weather.h"

#include "base/units.h"
#include "space/canary.h"

#include <math.h>

/* Between two readings of a sample that waits: a neighbour stays for seconds, and the wait shall not heat the caches. */
#define WAIT_NS (200 * NS_PER_US)

/* A sample waits no longer than this: a neighbour that stays longer is the weather of this hour. */
#define WAIT_NS_MOST (3 * NS_PER_S)

void weather_open(struct weather *weather, uint64_t seed)
{
	*weather = (struct weather){ 0 };
	if (canary_open(&weather->canary, seed, &weather->why))
		weather->canary = NULL;
	else if (!canary_facts(weather->canary).known)
		weather->why = canary_facts(weather->canary).unknown;
}

void weather_close(struct weather *weather)
{
	canary_close(weather->canary);
	weather->canary = NULL;
}

void weather_look_again(struct weather *weather)
{
	if (!weather || !weather->canary || canary_facts(weather->canary).known)
		return;
	if (canary_calibrate(weather->canary, &weather->why))
		weather_close(weather);
}

static struct weather_reading reading_take(const struct weather *weather)
{
	double cycles = canary_read(weather->canary);

	return (struct weather_reading){ cycles, canary_is_quiet(weather->canary, cycles) };
}

struct weather_reading weather_wait(struct weather *weather, uint64_t *patience_ns, bool (*stop)(void))
{
	uint64_t began = now_ns(), waited = 0;
	struct weather_reading reading;

	if (!weather || !weather->canary)
		return (struct weather_reading){ .cycles = NAN };
	reading = reading_take(weather);
	weather->first_readings++;
	weather->first_quiet += reading.quiet;
	/* Nothing is gained by waiting for a quiet that cannot be recognized. */
	if (reading.quiet || !canary_facts(weather->canary).known)
		return reading;
	while (!reading.quiet && waited < *patience_ns && waited < WAIT_NS_MOST && !(stop && stop())) {
		struct timespec pause = { .tv_nsec = WAIT_NS };

		nanosleep(&pause, NULL);
		reading = reading_take(weather);
		waited = now_ns() - began;
	}
	*patience_ns -= waited < *patience_ns ? waited : *patience_ns;
	weather->waited_ns += waited;
	return reading;
}

struct weather_reading weather_after(struct weather *weather, struct weather_reading before)
{
	struct weather_reading after;

	if (!weather || !weather->canary)
		return before;
	after = reading_take(weather);
	after.quiet = after.quiet && before.quiet;
	after.cycles = fmax(after.cycles, before.cycles);
	weather->samples++;
	weather->quiet_samples += after.quiet;
	return after;
}

static json_t *share_json(uint64_t part, uint64_t whole)
{
	return whole ? json_real((double)part / (double)whole) : json_null();
}

json_t *weather_json(const struct weather *weather)
{
	struct canary_facts facts;
	json_t *json;

	if (!weather->canary)
		return json_pack("{s:n, s:n, s:n, s:s}", "floor_cycles", "quiet_below_cycles", "quiet_share", "reason",
			weather->why.text);
	facts = canary_facts(weather->canary);
	if (!facts.known)
		return json_pack("{s:n, s:n, s:n, s:I, s:s}", "floor_cycles", "quiet_below_cycles", "quiet_share",
			"readings", (json_int_t)weather->first_readings, "reason", facts.unknown.text);
	json = json_pack("{s:f, s:f, s:i, s:i, s:I, s:I, s:I, s:f}", "floor_cycles", facts.floor_cycles,
		"quiet_below_cycles", facts.quiet_most_cycles, "pages", (int)facts.pages, "lines", (int)facts.lines,
		"readings", (json_int_t)weather->first_readings, "samples", (json_int_t)weather->samples,
		"quiet_samples", (json_int_t)weather->quiet_samples, "waited_s",
		(double)weather->waited_ns / (double)NS_PER_S);
	if (!json)
		return NULL;
	json_object_set_new(json, "quiet_share", share_json(weather->first_quiet, weather->first_readings));
	json_object_set_new(json, "busy_share",
		share_json(weather->first_readings - weather->first_quiet, weather->first_readings));
	return json;
}
