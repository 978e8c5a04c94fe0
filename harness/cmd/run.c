/* nestwalk run: measure, and write a run directory. */
#include "cmd/cmd.h"
#include "machine/reserve.h"
#include "measure/benches.h"
#include "measure/job.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define LIST_MAX 32 /* of -b, -s and --param: far more than there are benches and axes */

enum { KEY_EFFORT = 256, KEY_CPU, KEY_SEED, KEY_PARAM, KEY_RESERVE };

struct arguments {
	const struct bench *benches[LIST_MAX];
	struct param params[LIST_MAX];
	char path[4096];
	struct reservation reservation;
	struct job_request request;
};

static volatile sig_atomic_t signal_seen;

static void on_signal(int number)
{
	signal_seen = number;
}

static bool stop(void)
{
	return signal_seen != 0;
}

static const struct argp_option options[] = {
	{ "bench", 'b', "BENCH,...", 0,
		"benches to run (default: all that have the settings and parameters given, of which effort quick takes "
		"those with a first answer; `nestwalk list`)",
		0 },
	{ "setting", 's', "SETTING,...", 0, "where: host, vcpu (default: all)", 0 },
	{ "effort", KEY_EFFORT, "EFFORT", 0,
		"quick (a first answer, under 30 s), normal (the default), thorough; `nestwalk list` says how long "
		"each takes",
		0 },
	{ "param", KEY_PARAM, "NAME=V,...", 0,
		"measure these values of a bench's parameter instead of the default ones, e.g. page_size=4K,2M or "
		"pages=60-90 (`nestwalk list`); may be given for several parameters",
		0 },
	{ "cpu", KEY_CPU, "N", 0, "the logical CPU to measure on (default: chosen, not CPU 0 where there is another)",
		0 },
	{ "seed", KEY_SEED, "N", 0, "repeat a run's random choices (default: drawn, and recorded in run.json)", 0 },
	{ "reserve-huge", KEY_RESERVE, "SIZE:PAGES,...", 0,
		"add to the hugetlb pools for the time of the run, e.g. 2M:512,1G:8, and give back afterwards whatever "
		"happens (needs root)",
		0 },
	{ "output", 'o', "RUNDIR", 0, "the run directory (default: results/<host>/<UTC stamp>)", 0 },
	{ 0 },
};

static void benches_parse(struct argp_state *state, struct arguments *arguments, char *list)
{
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		const struct bench *bench = benches_find(name);

		if (!bench)
			argp_error(state, "no bench named '%s'; `nestwalk list` shows them", name);
		if (arguments->request.bench_count < LIST_MAX)
			arguments->benches[arguments->request.bench_count++] = bench;
	}
}

static void settings_parse(struct argp_state *state, struct arguments *arguments, char *list)
{
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		unsigned s = 0;

		while (s < SETTING_COUNT && strcmp(setting_name((enum setting)s), name))
			s++;
		if (s == SETTING_COUNT)
			argp_error(state, "no setting named '%s'; there are host and vcpu", name);
		arguments->request.plan.settings |= SETTING_BIT(s);
	}
}

static void param_parse(struct argp_state *state, struct arguments *arguments, char *text)
{
	char *equals = strchr(text, '=');
	size_t *count = &arguments->request.plan.param_count;
	bool known = false;

	if (!equals || equals == text)
		argp_error(state, "--param wants NAME=VALUES, not '%s'", text);
	if (*count == LIST_MAX)
		argp_error(state, "more than %d --param", LIST_MAX);
	*equals = '\0';
	for (size_t i = 0; i < benches_count(); i++)
		known = known || plan_axis(benches_at(i), text);
	if (!known)
		argp_error(state, "no bench has a parameter '%s'; `nestwalk list` shows them", text);
	arguments->params[(*count)++] = (struct param){ .name = text, .values = equals + 1 };
}

static uint64_t number_parse(struct argp_state *state, const char *what, const char *text, uint64_t most)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value > most)
		argp_error(state, "%s wants a whole number up to %" PRIu64 ", not '%s'", what, most, text);
	return value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct job_request *request = &arguments->request;
	struct reason why;

	switch (key) {
	case 'b':
		benches_parse(state, arguments, arg);
		return 0;
	case 's':
		settings_parse(state, arguments, arg);
		return 0;
	case 'o':
		if (!arg[0] || strlen(arg) >= sizeof(arguments->path))
			argp_error(state, "-o wants the path of a directory");
		strcpy(arguments->path, arg);
		return 0;
	case KEY_EFFORT:
		request->effort = effort_find(arg);
		if (!request->effort)
			argp_error(state, "no effort named '%s'; there are quick, normal and thorough", arg);
		return 0;
	case KEY_PARAM:
		param_parse(state, arguments, arg);
		return 0;
	case KEY_CPU:
		request->cpu = (int)number_parse(state, "--cpu", arg, INT_MAX);
		return 0;
	case KEY_RESERVE:
		if (reserve_parse(arg, &arguments->reservation, &why))
			argp_error(state, "--reserve-huge: %s", why.text);
		return 0;
	case KEY_SEED:
		/* JSON integers are signed. */
		request->seed = number_parse(state, "--seed", arg, INT64_MAX);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "run takes no arguments but options; did you mean -b %s?", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Measure what address translation costs, and write a run directory.\v"
	       "Settings: `host` is a process of this Linux; `vcpu` is a bare vCPU of /dev/kvm, a guest without an "
	       "operating "
	       "system whose page tables nestwalk builds itself. Both run the same machine code on the same pages.\n\n"
	       "Half of the available memory is used at most. An interrupted run (Ctrl-C) keeps what it has "
	       "measured.\n\n"
	       "Examples:\n"
	       "  nestwalk run --effort quick\n"
	       "  nestwalk run -s host --param page_size=4K --param pages=60-120 -o my-run\n"
	       "Then `nestwalk tlb RUNDIR` and `nestwalk report RUNDIR`.",
};

/* One line that is written over on a terminal; elsewhere a plain line a round. */
static void show_progress(const struct progress *progress, void *data)
{
	static uint64_t shown_ns;
	bool terminal = isatty(STDERR_FILENO);
	uint64_t now = now_ns();
	char text[160];

	(void)data;
	/* Rounds of a small plan take milliseconds; ten lines a second can be read by nobody. */
	if (shown_ns && now - shown_ns < (terminal ? 100 * NS_PER_MS : NS_PER_S))
		return;
	shown_ns = now;
	snprintf(text, sizeof(text),
		"%s: %s, round %u, %zu of %zu points precise, %" PRIu64 " MiB under test, %.0f s left", progress->bench,
		progress->pass == PASS_SWEEP ? "sweep" : "second pass", progress->round + 1, progress->points_finished,
		progress->points, progress->memory_bytes / MIB, progress->left_s);
	if (terminal)
		fprintf(stderr, "\r%-100s", text);
	else
		fprintf(stderr, "%s\n", text);
}

static void signals_catch(void)
{
	/* No SA_RESTART: a vCPU that runs must come back to see the signal. */
	struct sigaction action = { .sa_handler = on_signal };
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	/* A reader of our progress that went away must not end a measurement, and a file size limit is an error to tell. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

/* Where no bench is named: those that run in a setting asked for, and have every parameter that is given. */
static void benches_choose(struct arguments *arguments, bool first_answers)
{
	struct job_request *request = &arguments->request;

	for (size_t i = 0; i < benches_count() && i < LIST_MAX; i++) {
		const struct bench *bench = benches_at(i);
		bool fits = (bench->settings & request->plan.settings) && (bench->first_answer || !first_answers);

		for (size_t p = 0; p < request->plan.param_count; p++)
			fits = fits && plan_axis(bench, arguments->params[p].name);
		if (fits)
			arguments->benches[request->bench_count++] = bench;
	}
}

static void defaults_fill(struct arguments *arguments)
{
	struct job_request *request = &arguments->request;
	bool named = request->bench_count > 0;

	request->benches = arguments->benches;
	request->plan.params = arguments->params;
	if (!request->plan.settings)
		request->plan.settings = SETTING_BIT(SETTING_COUNT) - 1;
	if (!named)
		benches_choose(arguments, request->effort->first_answers);
	/* A parameter that no bench of the first answer has asks for those that have it. */
	if (!named && !request->bench_count)
		benches_choose(arguments, false);
	if (!arguments->path[0])
		run_default_path(arguments->path, sizeof(arguments->path));
	request->path = arguments->path;
}

static void announce(const struct job *job)
{
	double seconds = 0;

	for (size_t i = 0; i < job->request.bench_count; i++)
		seconds += effort_seconds(job->request.effort, job->request.benches[i]);
	fprintf(stderr,
		"nestwalk: effort %s, about %.0f s (at most %.0f s) on CPU %d, at most %" PRIu64 " MiB of memory; %s\n",
		job->request.effort->name, seconds, effort_seconds_most(seconds), job->cpu,
		(job->memory_budget_bytes < job->request.effort->memory_most_bytes
				? job->memory_budget_bytes
				: job->request.effort->memory_most_bytes) /
			MIB,
		job->outer);
}

/* What came of it, in the words and with the exit code of the worst part. */
static int conclude(const struct job *job, int error, const struct reason *why)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\n");
	fprintf(stderr, "nestwalk: %zu points measured, %zu skipped, %zu in error\n", job->ok, job->skipped,
		job->errors);
	printf("results: %s\n", job->request.path);
	if (error == -EINTR) {
		fprintf(stderr, "nestwalk: interrupted; what was measured is kept and can be reported\n");
		return EXIT_FAILED;
	}
	if (error)
		return cmd_fail(EXIT_FAILED, why);
	if (!job->ok && !job->errors) {
		fprintf(stderr, "nestwalk: nothing could be measured: %s\n", job->first_skip.text);
		return EXIT_SKIPPED;
	}
	return job->errors ? EXIT_FAILED : EXIT_DONE;
}

int cmd_run(int argc, char **argv)
{
	static struct arguments arguments;
	static struct job job;
	struct reason why = { "" };
	char **command_line = malloc(((size_t)argc + 1) * sizeof(*command_line));
	int error, code;

	if (!command_line)
		return EXIT_FAILED;
	arguments.request = (struct job_request){
		.effort = effort_find("normal"), .cpu = -1, .stop = stop, .progress = show_progress
	};
	for (int i = 0; i < argc; i++)
		command_line[i] = strdup(argv[i]);
	command_line[argc] = NULL;
	arguments.request.command_line = (const char *const *)command_line;
	/* 32 bits: enough not to repeat, short enough to type. */
	if (getrandom(&arguments.request.seed, sizeof(uint32_t), 0) != sizeof(uint32_t))
		arguments.request.seed = now_ns() & UINT32_MAX;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	defaults_fill(&arguments);
	signals_catch();
	error = arguments.request.bench_count
			? reserve_take(&arguments.reservation, &why)
			: fail(&why, EINVAL,
				  "no bench has all these parameters in these settings; `nestwalk list` shows them");
	if (!error)
		error = job_open(&job, &arguments.request, &why);
	if (error) {
		code = cmd_fail(error == -EINVAL ? EXIT_USAGE : error == -ENOMEM ? EXIT_SKIPPED : EXIT_FAILED, &why);
	} else {
		announce(&job);
		error = job_run(&job, &why);
		code = conclude(&job, error, &why);
	}
	job_close(&job);
	reserve_release(&arguments.reservation);
	for (int i = 0; i < argc; i++)
		free(command_line[i]);
	free(command_line);
	return code;
}
