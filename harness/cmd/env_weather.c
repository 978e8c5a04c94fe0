#include "cmd/env_weather.h"

#include "base/format.h"
#include "base/member.h"
#include "base/stop.h"
#include "base/units.h"
#include "bench.h"
#include "cmd/print.h"
#include "cmd/signals.h"
#include "machine/topology.h"
#include "space/canary.h"
#include "space/canary_trace.h"
#include "system/sibling_load.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Between two readings. They take 1 % of the CPU so, and miss no spell that a measurement of a millisecond could meet. */
#define PAUSE_NS NS_PER_MS

/* A watch takes some hundred readings at least, and is no service that runs for ever. */
#define LEAST_NS (100 * NS_PER_MS)
#define MOST_NS (24 * NS_PER_HOUR)
/* One that makes the sibling busy: a second of either kind. */
#define SIBLING_LEAST_NS (2 * NS_PER_S)

/* A character of the strip stands for so long: some 90 readings. */
#define SLICE_NS (100 * NS_PER_MS)
#define SLICES_PER_S ((unsigned)(NS_PER_S / SLICE_NS))
/* The strip on a terminal, which leaves room for the numbers in 100 columns. */
#define SLICES_SHOWN 40

/* After the sibling was told to change, the readings of so long say nothing of what it does now. */
#define SIBLING_SETTLES_NS (5 * NS_PER_MS)
/* A canary that is worth its name finds this much more busy time with a busy sibling than with an idle one. */
#define SIBLING_DIFFERENCE 0.5

struct slice {
	unsigned readings, busy;
};

struct meter {
	uint64_t duration_ns;
	int cpu, sibling; /* before meter_open(): -1, or the CPU asked for; the sibling is -1 where there is none */
	struct reason no_sibling;
	bool json, busy_sibling;
	struct topology topology;
	struct canary *canary;
	struct sibling_load *load;
	enum sibling phase;
	uint64_t phase_from_ns;
	struct canary_trace trace, of_phase[SIBLING_COUNT];
	struct slice slice[SLICES_SHOWN]; /* number i of the watch is in slice[i % SLICES_SHOWN] */
	uint64_t slices; /* begun so far */
	double least_cycles, most_cycles; /* since the last second began */
	double run_least_cycles, run_most_cycles;
	double level_now_cycles[CANARY_LEVELS], level_sum_cycles[CANARY_LEVELS];
	unsigned level_readings; /* of each */
	uint64_t start_ns, watched_ns, last_ns;
};

static const char *const level_names[CANARY_LEVELS] = { [CANARY_L2] = "L2", [CANARY_L3] = "L3" };
static const char *const level_keys[CANARY_LEVELS] = { [CANARY_L2] = "l2", [CANARY_L3] = "l3" };

/* "73 %", "9.8 %": no more digits than a share of some thousand readings has. */
static struct text percent(double share)
{
	struct text out;

	snprintf(out.text, sizeof(out.text), "%.*f %%", share < 0.1 ? 1 : 0, 100 * share);
	return out;
}

/* '.': quiet; ':' and '#': busy, up to half of the time and more; ' ': nothing was read. */
static char slice_mark(const struct slice *slice)
{
	if (!slice->readings)
		return ' ';
	/* One busy reading of a slice may be a timer tick. */
	if (slice->busy <= 1)
		return '.';
	return 2 * slice->busy < slice->readings ? ':' : '#';
}

static double level_excess(const struct meter *meter, enum canary_level level)
{
	return meter->level_now_cycles[level] / canary_facts(meter->canary).level_floor_cycles[level] - 1;
}

/* The last `shown` slices as a strip, and what the last readings cost. */
static void meter_show(const struct meter *meter, unsigned shown)
{
	char strip[SLICES_SHOWN + 1] = "";
	unsigned length = 0;

	for (uint64_t i = meter->slices > shown ? meter->slices - shown : 0; i < meter->slices; i++)
		strip[length++] = slice_mark(&meter->slice[i % SLICES_SHOWN]);
	printf("%6.1f s  %-*s  %.1f to %.1f cycles, L2 %+.0f %%, L3 %+.0f %%",
		(double)(meter->last_ns - meter->start_ns) / (double)NS_PER_S, (int)shown, strip, meter->least_cycles,
		meter->most_cycles, 100 * level_excess(meter, CANARY_L2), 100 * level_excess(meter, CANARY_L3));
}

static void levels_read(struct meter *meter)
{
	for (unsigned level = 0; level < CANARY_LEVELS; level++) {
		double cycles = canary_read_level(meter->canary, (enum canary_level)level);

		meter->level_now_cycles[level] = cycles;
		meter->level_sum_cycles[level] += cycles;
	}
	meter->level_readings++;
}

static void slice_end(struct meter *meter, bool terminal)
{
	bool second = meter->slices % SLICES_PER_S == 0;

	if (second)
		levels_read(meter);
	if (!meter->json && terminal) {
		putchar('\r');
		meter_show(meter, SLICES_SHOWN);
		fputs("\033[K", stdout); /* erases the rest of an older, longer line */
	} else if (!meter->json && second) {
		meter_show(meter, SLICES_PER_S);
		putchar('\n');
	}
	fflush(stdout);
	if (second) {
		meter->least_cycles = INFINITY;
		meter->most_cycles = 0;
	}
}

/* Put the time into slices, so that each SLICE_NS since the start has one. */
static void slices_go_on(struct meter *meter, bool terminal)
{
	uint64_t due = 1 + (meter->last_ns - meter->start_ns) / SLICE_NS;

	while (meter->slices < due) {
		if (meter->slices)
			slice_end(meter, terminal);
		meter->slice[meter->slices++ % SLICES_SHOWN] = (struct slice){ 0 };
	}
}

static void meter_note(struct meter *meter, double cycles)
{
	bool quiet = canary_is_quiet(meter->canary, cycles);
	struct slice *slice = &meter->slice[(meter->slices - 1) % SLICES_SHOWN];

	canary_trace_add(&meter->trace, meter->last_ns, quiet);
	if (meter->load && meter->last_ns - meter->phase_from_ns > SIBLING_SETTLES_NS)
		canary_trace_add(&meter->of_phase[meter->phase], meter->last_ns, quiet);
	slice->readings++;
	slice->busy += !quiet;
	meter->least_cycles = fmin(meter->least_cycles, cycles);
	meter->most_cycles = fmax(meter->most_cycles, cycles);
	meter->run_least_cycles = fmin(meter->run_least_cycles, cycles);
	meter->run_most_cycles = fmax(meter->run_most_cycles, cycles);
}

/* The first second is idle, the next busy, and so on. */
static void sibling_turn(struct meter *meter)
{
	enum sibling phase = (meter->last_ns - meter->start_ns) / NS_PER_S % 2 ? SIBLING_BUSY : SIBLING_IDLE;

	if (!meter->load || phase == meter->phase)
		return;
	meter->phase = phase;
	meter->phase_from_ns = meter->last_ns;
	sibling_load_set(meter->load, phase == SIBLING_BUSY);
}

static int meter_watch(struct meter *meter, struct reason *why)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_NS };
	bool terminal = isatty(STDOUT_FILENO);
	int error = 0;

	/* The first readings of the longer chases are cold. */
	levels_read(meter);
	levels_read(meter);
	for (unsigned level = 0; level < CANARY_LEVELS; level++)
		meter->level_sum_cycles[level] = 0;
	meter->level_readings = 0;
	levels_read(meter);
	meter->start_ns = meter->last_ns = now_ns();
	while (!error && !stop_asked() && meter->last_ns - meter->start_ns < meter->duration_ns) {
		slices_go_on(meter, terminal);
		sibling_turn(meter);
		if (canary_facts(meter->canary).known)
			meter_note(meter, canary_read(meter->canary));
		else
			error = canary_calibrate(meter->canary, why);
		nanosleep(&pause, NULL);
		meter->last_ns = now_ns();
	}
	if (terminal && !meter->json)
		putchar('\n');
	meter->watched_ns = meter->last_ns - meter->start_ns;
	canary_trace_end(&meter->trace);
	for (unsigned phase = 0; phase < SIBLING_COUNT; phase++)
		canary_trace_end(&meter->of_phase[phase]);
	return error;
}

static double level_mean(const struct meter *meter, unsigned level)
{
	return meter->level_sum_cycles[level] / (double)meter->level_readings;
}

static json_t *levels_json(const struct meter *meter, const struct canary_facts *facts)
{
	json_t *levels = json_object();

	for (unsigned level = 0; level < CANARY_LEVELS; level++)
		json_object_set_new(levels, level_keys[level],
			json_pack("{s:o, s:o}", "floor_cycles", number_or_null(facts->level_floor_cycles[level]),
				"mean_cycles", number_or_null(level_mean(meter, level))));
	return levels;
}

static double seconds(uint64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

/* Numbers that mean something only where the weather is known; otherwise null. */
static json_t *if_known(const struct canary_facts *facts, double number)
{
	return number_or_null(facts->known ? number : NAN);
}

static bool told_apart(const struct meter *meter)
{
	return canary_trace_busy_share(&meter->of_phase[SIBLING_BUSY]) -
		       canary_trace_busy_share(&meter->of_phase[SIBLING_IDLE]) >=
	       SIBLING_DIFFERENCE;
}

static void print_json(const struct meter *meter, const struct canary_facts *facts)
{
	const struct canary_trace *trace = &meter->trace;
	json_t *out = json_pack("{s:i, s:o, s:f, s:b, s:b}", "cpu", meter->cpu, "sibling_cpu",
		meter->sibling < 0 ? json_null() : json_integer(meter->sibling), "watched_s",
		seconds(meter->watched_ns), "interrupted", stop_asked(), "known", facts->known);

	if (meter->sibling < 0)
		json_object_set_new(out, "sibling_cpu_reason", json_string(meter->no_sibling.text));
	if (!facts->known)
		json_object_set_new(out, "known_reason", json_string(facts->unknown.text));
	json_object_set_new(out, "busy_share", if_known(facts, canary_trace_busy_share(trace)));
	json_object_set_new(out, "busy_spells", facts->known ? json_integer((json_int_t)trace->spells) : json_null());
	json_object_set_new(out, "busy_longest_s", if_known(facts, seconds(trace->longest_spell_ns)));
	json_object_set_new(out, "readings", json_integer((json_int_t)trace->readings));
	json_object_set_new(out, "busy_readings", json_integer((json_int_t)trace->busy));
	json_object_set_new(out, "spikes", json_integer((json_int_t)trace->spikes));
	json_object_set_new(out, "floor_cycles", if_known(facts, facts->floor_cycles));
	json_object_set_new(out, "quiet_most_cycles", if_known(facts, facts->quiet_most_cycles));
	json_object_set_new(out, "least_cycles", if_known(facts, meter->run_least_cycles));
	json_object_set_new(out, "most_cycles", if_known(facts, meter->run_most_cycles));
	json_object_set_new(out, "canary",
		json_pack("{s:i, s:i, s:o}", "pages", (int)facts->pages, "lines", (int)facts->lines, "pages_advertised",
			facts->pages_advertised ? json_integer(facts->pages_advertised) : json_null()));
	json_object_set_new(out, "levels", levels_json(meter, facts));
	if (meter->load)
		json_object_set_new(out, "busy_sibling",
			json_pack("{s:o, s:o, s:b}", "busy_share_while_idle",
				number_or_null(canary_trace_busy_share(&meter->of_phase[SIBLING_IDLE])),
				"busy_share_while_busy",
				number_or_null(canary_trace_busy_share(&meter->of_phase[SIBLING_BUSY])), "told_apart",
				told_apart(meter)));
	json_dumpf(out, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(out);
}

static void print_summary(const struct meter *meter, const struct canary_facts *facts)
{
	const struct canary_trace *trace = &meter->trace;
	char advertised[64] = "";

	printf("CPU %d: the core's other thread was busy in %s of %.1f s", meter->cpu,
		percent(canary_trace_busy_share(trace)).text, seconds(meter->watched_ns));
	if (trace->spells)
		printf(" (longest %s s)", format_number(seconds(trace->longest_spell_ns)).text);
	putchar('\n');
	print_row("readings", "%zu, of which %zu are busy, and %zu alone are spikes (a timer tick is no weather)",
		trace->readings, trace->busy, trace->spikes);
	print_row("cost of an access", "%.2f to %.2f cycles; quiet up to %.2f, an L1 hit is %.2f",
		meter->run_least_cycles, meter->run_most_cycles, facts->quiet_most_cycles, facts->floor_cycles);
	if (facts->pages_advertised)
		snprintf(advertised, sizeof(advertised), " (CPUID tells of %u)", facts->pages_advertised);
	print_row("canary", "%u pages in the first TLB level%s, %u lines in the L1 data cache", facts->pages,
		advertised, facts->lines);
	for (unsigned level = 0; level < CANARY_LEVELS; level++)
		print_row(level_names[level], "%.1f cycles on average, %.1f at best", level_mean(meter, level),
			facts->level_floor_cycles[level]);
	if (!meter->load)
		return;
	print_row("sibling idle", "CPU %d asleep: busy in %s of the readings", meter->sibling,
		percent(canary_trace_busy_share(&meter->of_phase[SIBLING_IDLE])).text);
	print_row("sibling busy", "CPU %d sweeping memory: busy in %s: the canary %s", meter->sibling,
		percent(canary_trace_busy_share(&meter->of_phase[SIBLING_BUSY])).text,
		told_apart(meter) ? "tells them apart" : "does NOT tell them apart");
}

/* 0; -CANNOT_HERE there is no sibling to make busy; -WRONG_REQUEST no such CPU; -errno with *why. */
static int meter_open(struct meter *meter, struct reason *why)
{
	static struct machine_source source;
	struct reason unbound;
	int error;

	machine_source_live(&source);
	error = topology_open(&source, &meter->topology, why);
	machine_source_close(&source);
	if (error)
		return error;
	error = topology_choose_cpu(&meter->topology, meter->cpu, &meter->cpu, why);
	/* A watch wherever the scheduler puts it is better than none. */
	if (!error && topology_bind_thread(&meter->topology, meter->cpu, &unbound))
		fprintf(stderr, "nestwalk: watching without a CPU of its own: %s\n", unbound.text);
	if (!error && topology_sibling(&meter->topology, meter->cpu, &meter->sibling, &meter->no_sibling))
		meter->sibling = -1;
	if (!error && meter->busy_sibling && meter->sibling < 0)
		error = fail(why, CANNOT_HERE, "--busy-sibling: %s", meter->no_sibling.text);
	if (!error && meter->busy_sibling)
		error = sibling_load_start(&meter->load, meter->sibling, why);
	if (!error)
		error = canary_open(&meter->canary, now_ns(), why);
	if (!error)
		error = canary_add_levels(meter->canary, why);
	return error;
}

/* The exit code for a watch that ended in order. */
static enum exit_code meter_tell(const struct meter *meter)
{
	struct canary_facts facts = canary_facts(meter->canary);
	struct reason why;

	if (meter->json)
		print_json(meter, &facts);
	if (!facts.known || !meter->trace.readings) {
		fail(&why, ENODATA, "the weather is not known: %s",
			facts.known ? "the watch ended before its first reading" : facts.unknown.text);
		return cmd_fail(EXIT_SKIPPED, &why);
	}
	if (!meter->json)
		print_summary(meter, &facts);
	return meter->load && !told_apart(meter) ? EXIT_FAILED : EXIT_DONE;
}

/* From the words of the command line. 0; -EINVAL with *why. */
static int meter_ask(struct meter *meter, const struct env_weather_request *request, struct reason *why)
{
	char *end;
	long cpu;

	if (!request->duration)
		return fail(why, EINVAL, "--cpu and --busy-sibling are options of --weather: say --weather 10s, too");
	if (duration_parse(request->duration, &meter->duration_ns) || meter->duration_ns < LEAST_NS ||
		meter->duration_ns > MOST_NS)
		return fail(why, EINVAL,
			"--weather wants a duration from 100ms to 24h, like 10s, 500ms or 2m, not '%s'",
			request->duration);
	if (request->busy_sibling && meter->duration_ns < SIBLING_LEAST_NS)
		return fail(why, EINVAL, "--busy-sibling needs two seconds at least, one of either kind");
	meter->cpu = -1;
	if (!request->cpu)
		return 0;
	errno = 0;
	cpu = strtol(request->cpu, &end, 10);
	meter->cpu = (int)cpu;
	if (!isdigit((unsigned char)request->cpu[0]) || *end || errno || cpu > INT_MAX)
		return fail(why, EINVAL, "--cpu wants the number of a CPU, not '%s'", request->cpu);
	return 0;
}

/* Open, watch and tell, of a meter that was asked for in order. */
static enum exit_code meter_run(struct meter *meter)
{
	struct reason why;
	int error;

	signals_catch();
	error = meter_open(meter, &why);
	if (!error)
		error = meter_watch(meter, &why);
	if (!error)
		return meter_tell(meter);
	return cmd_error(error, &why);
}

int env_weather(const struct env_weather_request *request)
{
	struct meter meter = {
		.json = request->json,
		.busy_sibling = request->busy_sibling,
		.least_cycles = INFINITY,
		.run_least_cycles = INFINITY,
	};
	enum exit_code code;
	struct reason why;

	if (meter_ask(&meter, request, &why))
		return cmd_fail(EXIT_USAGE, &why);
	code = meter_run(&meter);
	canary_close(meter.canary);
	sibling_load_stop(meter.load);
	if (meter.topology.hwloc)
		topology_close(&meter.topology);
	return code;
}

bool env_weather_wanted(const struct env_weather_request *request)
{
	return request->duration || request->cpu || request->busy_sibling;
}

enum key {
	KEY_WEATHER = 256,
	KEY_CPU,
	KEY_BUSY_SIBLING,
};

static error_t env_weather_parse(int key, char *argument, struct argp_state *state)
{
	struct env_weather_request *request = state->input;

	switch (key) {
	case KEY_WEATHER:
		request->duration = argument;
		return 0;
	case KEY_CPU:
		request->cpu = argument;
		return 0;
	case KEY_BUSY_SIBLING:
		request->busy_sibling = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option env_weather_options[] = {
	{ "weather", KEY_WEATHER, "DURATION", 0,
		"Instead, watch for so long (10s, 2m) whether somebody else keeps the core's other thread busy", 1 },
	{ "cpu", KEY_CPU, "N", 0, "--weather: the logical CPU to watch on (default: as `run` chooses)", 1 },
	{ "busy-sibling", KEY_BUSY_SIBLING, NULL, 0,
		"--weather: make that thread busy every other second, where this Linux owns it: a test of the watch",
		1 },
	{ 0 },
};

const struct argp env_weather_argp = { .options = env_weather_options, .parser = env_weather_parse };
