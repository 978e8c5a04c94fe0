/*
 * What each tuned constant of the level inference buys: many synthetic curves with known truth are inferred again and
 * again, each time with one constant moved, and errors are counted. `make ablation` builds and runs it; docs/METHOD.md
 * has the table.
 *
 * Usage: ablation [SEEDS [NAME | NAME=VALUE]...]: only these constants are moved, while those with a value have that
 * throughout. TALK=1 in the environment names the machines whose levels are missed or invented.
 *
 * Columns: mean error of entries and the 95 % quantile of it, part of the intervals that hold the truth, their mean width
 * and the mean error of added costs, all in per cent; levels missed and invented; walk costs told and wrong.
 */
#include "infer/levels.h"
#include "infer/tuned.h"

#include "scenarios.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFINE_MOST 48
#define SAMPLES_MOST 8
#define KNOBS_MOST 128
#define MATCH 1.5 /* an inferred level within this factor of a true one is that one */
#define REACHES 3.0 /* a sweep that goes so many times beyond a level must show it */

/* --- The variables that stand for the tuned constants. --- */

static struct knob {
	const char *name;
	double usual, value;
} knobs[KNOBS_MOST];
static size_t knob_count;
static char **settings; /* NAME=VALUE, which hold throughout */

const double *tuned_find(const char *name, double value)
{
	for (size_t i = 0; i < knob_count; i++)
		if (!strcmp(knobs[i].name, name))
			return &knobs[i].value;
	if (knob_count == KNOBS_MOST) {
		fputs("ablation: too many tuned constants\n", stderr);
		exit(1);
	}
	for (char **setting = settings; *setting; setting++) {
		const char *equals = strchr(*setting, '=');

		if (equals && strlen(name) == (size_t)(equals - *setting) && !strncmp(name, *setting, strlen(name)))
			value = atof(equals + 1);
	}
	knobs[knob_count] = (struct knob){ name, value, value };
	return &knobs[knob_count++].value;
}

/* --- Measurements, each simulated once. --- */

struct measured {
	size_t scenario;
	unsigned seed;
	enum curve_pass pass;
	uint64_t pages;
	struct model_sample sample[SAMPLES_MOST];
};

static struct measured *cache;
static size_t cached, cache_slots;

static uint64_t mixed(uint64_t a, uint64_t b)
{
	return statistics_seed(a, b);
}

static size_t slot_of(const struct measured *key)
{
	uint64_t hash = mixed(mixed(key->scenario * 2 + key->pass, key->seed), key->pages);
	size_t slot = hash % cache_slots;

	while (cache[slot].pages && !(cache[slot].scenario == key->scenario && cache[slot].seed == key->seed &&
					    cache[slot].pass == key->pass && cache[slot].pages == key->pages))
		slot = (slot + 1) % cache_slots;
	return slot;
}

static const struct measured *measured(size_t scenario, unsigned seed, enum curve_pass pass, uint64_t pages)
{
	struct measured key = { .scenario = scenario, .seed = seed, .pass = pass, .pages = pages };
	const struct scenario *of = &scenarios[scenario];
	struct model model = of->model;
	size_t slot = slot_of(&key);
	uint64_t random = mixed(mixed(scenario * 2 + pass, seed), pages) | 1;

	if (cache[slot].pages)
		return &cache[slot];
	if (++cached > cache_slots / 2) {
		fputs("ablation: too many measurements\n", stderr);
		exit(1);
	}
	if (of->vanishes && pass == CURVE_REFINE)
		model.tlb[0].ways = 0;
	cache[slot] = key;
	model_samples(&model, pages, cache[slot].sample, of->samples, &random);
	return &cache[slot];
}

static void add(struct curve *curve, size_t scenario, unsigned seed, enum curve_pass pass, uint64_t pages)
{
	const struct measured *point = measured(scenario, seed, pass, pages);

	for (size_t i = 0; i < scenarios[scenario].samples; i++) {
		double net = point->sample[i].gross - point->sample[i].baseline;
		struct curve_sample sample = { point->sample[i].gross, point->sample[i].baseline, net, net / 4,
			(double)i };

		curve_add(curve, pass, (double)pages, &sample);
	}
}

/* --- What is counted. --- */

struct score {
	double sum_error, sum_log_width, sum_cost_error; /* of the levels found */
	double worst[4096];
	size_t found, covered, missed, invented, walks, walks_wrong;
};

static double truth_entries(const struct scenario *of, size_t level)
{
	return (double)of->model.tlb[level].sets * of->model.tlb[level].ways;
}

static void count_found(struct score *score, const struct inferred_level *level, double truth, double cost)
{
	double error = fabs(log(level->entries / truth));

	score->worst[score->found++] = error;
	score->sum_error += error;
	score->sum_cost_error += fabs(log(level->added_cycles.median / cost));
	score->sum_log_width += log(level->entries_hi / level->entries_lo);
	score->covered += level->entries_lo <= truth && truth <= level->entries_hi;
}

static void count(struct score *score, const struct scenario *of, const struct inferred_levels *levels, bool talk)
{
	bool used[16] = { false };
	size_t before = score->missed + score->invented;

	for (size_t k = 0; k < MODEL_TLBS && of->model.tlb[k].ways && !of->vanishes; k++) {
		double truth = truth_entries(of, k);
		bool found = false;

		for (size_t i = 0; i < levels->levels && i < 16 && !found; i++) {
			if (used[i] || fabs(log(levels->level[i].entries / truth)) > log(MATCH))
				continue;
			used[i] = found = true;
			count_found(score, &levels->level[i], truth, of->model.tlb[k].added);
		}
		score->missed += !found && (double)of->last >= REACHES * truth;
	}
	for (size_t i = 0; i < levels->levels && i < 16; i++)
		score->invented += !used[i];
	for (size_t i = 0; i < levels->walks; i++) {
		size_t last = 0;
		double cost = 0;

		for (; last < MODEL_TLBS && of->model.tlb[last].ways; last++)
			cost += of->model.tlb[last].added;
		score->walks++;
		score->walks_wrong += fabs(log(levels->walk[i].cycles.median / cost)) > log(MATCH);
	}
	if (talk && score->missed + score->invented > before)
		for (size_t i = 0; i < (levels->levels ? levels->levels : 1); i++)
			printf("    %s: level at %.0f\n", of->name, levels->levels ? levels->level[i].entries : 0.0);
}

static void infer(struct score *score, size_t scenario, unsigned seed, bool talk)
{
	const struct scenario *of = &scenarios[scenario];
	struct curve sweep = { .stride = 1 }, both = { .stride = 1 };
	struct inferred_levels levels;
	uint64_t pages[MODEL_POINTS], refine[REFINE_MOST];
	size_t points = model_ladder(8, of->last, pages), more = 0;

	for (size_t i = 0; i < points; i++) {
		add(&sweep, scenario, seed, CURVE_SWEEP, pages[i]);
		add(&both, scenario, seed, CURVE_SWEEP, pages[i]);
	}
	curve_finish(&sweep);
	if (!of->sweep_only)
		more = levels_refine(&sweep, 1, refine, REFINE_MOST);
	for (size_t i = 0; i < more; i++)
		add(&both, scenario, seed, CURVE_REFINE, refine[i]);
	curve_finish(&both);
	levels_infer(&both, 1, seed, &levels);
	count(score, of, &levels, talk);
	levels_free(&levels);
	curve_free(&sweep);
	curve_free(&both);
}

static void infer_all(unsigned seeds, bool talk, struct score *score)
{
	*score = (struct score){ 0 };
	for (size_t i = 0; i < scenario_count; i++)
		for (unsigned seed = 1; seed <= seeds; seed++)
			infer(score, i, seed, talk);
}

static void print(const char *name, double value, const struct score *score)
{
	double n = (double)score->found;

	printf("%-24s %9.4g  %5.2f %5.1f  %5.1f  %5.1f  %5.1f  %4zu %4zu  %4zu %4zu\n", name, value,
		100 * score->sum_error / n, 100 * statistics_quantile(score->worst, score->found, 0.95),
		100 * (double)score->covered / n, 100 * score->sum_log_width / n, 100 * score->sum_cost_error / n,
		score->missed, score->invented, score->walks, score->walks_wrong);
	fflush(stdout);
}

/* --- Variants, in as many processes as there are CPUs. --- */

static bool wanted(int argc, char **argv, const char *name)
{
	bool any = false;

	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], name))
			return true;
		any = any || !strchr(argv[i], '=');
	}
	return !any;
}

/* A name in lower case is a switch: it is only turned off. */
static void vary(const struct knob *knob, unsigned seeds, bool talk)
{
	static const double factors[] = { 0.5, 2 };
	bool is_switch = knob->name[0] >= 'a';
	struct score score;

	for (size_t k = 0; k < (is_switch ? 1 : 2); k++) {
		((struct knob *)knob)->value = is_switch ? 0 : knob->usual * factors[k];
		infer_all(seeds, talk, &score);
		print(knob->name, knob->value, &score);
	}
}

int main(int argc, char **argv)
{
	unsigned seeds = argc > 1 ? (unsigned)atoi(argv[1]) : 3;
	long processes = sysconf(_SC_NPROCESSORS_ONLN), running = 0;
	struct score score;

	settings = argv;
	cache_slots = 1 << 18;
	cache = calloc(cache_slots, sizeof(*cache));
	printf("%-24s %9s  %5s %5s  %5s  %5s  %5s  %4s %4s  %4s %4s\n", "constant", "value", "error", "p95", "cover",
		"width", "cost", "miss", "new", "walk", "bad");
	infer_all(seeds, getenv("TALK") != NULL, &score);
	print("as it is", 0, &score);
	for (size_t i = 0; i < knob_count; i++) {
		if (!wanted(argc, argv, knobs[i].name))
			continue;
		if (running == processes) {
			wait(NULL);
			running--;
		}
		if (!fork()) {
			vary(&knobs[i], seeds, getenv("TALK") != NULL);
			_exit(0);
		}
		running++;
	}
	while (running-- > 0)
		wait(NULL);
	return 0;
}
