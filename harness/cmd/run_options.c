#include "cmd/run_options.h"

#include "base/stop.h"
#include "cmd/cmd.h"
#include "measure/benches.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ROUNDS_MOST 100000 /* of each point; the samples of a point are all kept in memory and in one line */

enum { KEY_EFFORT = 256, KEY_ROUNDS, KEY_CPU, KEY_SEED, KEY_PARAM, KEY_RESERVE, KEY_MTHP, KEY_RESUME };

static const struct argp_option options[] = {
	{ "bench", 'b', "BENCH,...", 0,
		"benches to run (default: all that have the settings and parameters given; `nestwalk list`)", 0 },
	{ "setting", 's', "SETTING,...", 0,
		"where: host, vcpu, guest (default: host and vcpu, and above effort quick a guest where one can be had)",
		0 },
	{ "effort", KEY_EFFORT, "EFFORT", 0,
		"quick (a first answer of each bench, at few values, some 20 s), normal (the default), thorough; `nestwalk list` says how long each takes",
		0 },
	{ "rounds", KEY_ROUNDS, "N", 0,
		"measure N rounds over all points, however long they take, instead of until they are precise or the effort's time is used; values and memory stay the effort's",
		0 },
	{ "param", KEY_PARAM, "NAME=V,...", 0,
		"measure these values of a bench's parameter instead of the default ones, e.g. page_size=4K,2M or pages=60-90, with a step pages=64-260:8, with eight values an octave pages=8-64K*8 (`nestwalk list`); may be given for several parameters",
		0 },
	{ "cpu", KEY_CPU, "N", 0, "the logical CPU to measure on (default: chosen, not CPU 0 where there is another)",
		0 },
	{ "seed", KEY_SEED, "N", 0, "repeat a run's random choices (default: drawn, and recorded in run.json)", 0 },
	{ "reserve-huge", KEY_RESERVE, "SIZE:PAGES,...", 0,
		"add to the hugetlb pools for the time of the run, e.g. 2M:512,1G:8, and give back afterwards whatever happens (needs root)",
		0 },
	{ "mthp", KEY_MTHP, "SIZE,...", 0,
		"turn on transparent huge pages of these sizes between 4K and 2M for the time of the run, e.g. 16K,64K, and restore the setting afterwards whatever happens (needs root, Linux 6.8); benches of a host then measure them",
		0 },
	{ "output", 'o', "RUNDIR", 0, "the run directory (default: results/<host>/<UTC stamp>)", 0 },
	{ "resume", KEY_RESUME, "RUNDIR", 0,
		"go on with a run that was killed or interrupted: its points keep their samples and get those that they lack, with its own options, seed and CPU; refused on another machine or kernel",
		0 },
	{ 0 },
};

static void benches_parse(struct argp_state *state, struct run_arguments *arguments, char *list)
{
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		const struct bench *bench = benches_find(name);

		if (!bench)
			argp_error(state, "no bench named '%s'; `nestwalk list` shows them", name);
		/* A bench that is named twice is measured once: its points would be the same ones. */
		for (size_t i = 0; i < arguments->request.bench_count && bench; i++)
			if (arguments->benches[i] == bench)
				bench = NULL;
		if (bench && arguments->request.bench_count < LIST_MAX)
			arguments->benches[arguments->request.bench_count++] = bench;
	}
}

static void settings_parse(struct argp_state *state, struct run_arguments *arguments, char *list)
{
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		unsigned s = 0;

		if (!strcmp(name, "guest")) {
			arguments->guest.wanted = arguments->guest.named = true;
			continue;
		}
		/* The host is measured again without being asked. */
		while (s < SETTING_SPACES &&
			(!(EVERYWHERE & SETTING_BIT(s)) || strcmp(setting_name((enum setting)s), name)))
			s++;
		if (s == SETTING_SPACES)
			argp_error(state, "no setting named '%s'; there are host, vcpu and guest", name);
		arguments->request.plan.settings |= SETTING_BIT(s);
	}
}

static void param_parse(struct argp_state *state, struct run_arguments *arguments, char *text)
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

static uint64_t number_parse(
	struct argp_state *state, const char *what, const char *text, uint64_t least, uint64_t most)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < least || value > most)
		argp_error(state, "%s wants a whole number from %" PRIu64 " to %" PRIu64 ", not '%s'", what, least,
			most, text);
	return value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_arguments *arguments = state->input;
	struct job_request *request = &arguments->request;
	struct reason why;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->guest;
		return 0;
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
	case KEY_ROUNDS:
		request->rounds = (unsigned)number_parse(state, "--rounds", arg, 1, ROUNDS_MOST);
		return 0;
	case KEY_PARAM:
		param_parse(state, arguments, arg);
		return 0;
	case KEY_CPU:
		request->cpu = (int)number_parse(state, "--cpu", arg, 0, INT_MAX);
		return 0;
	case KEY_RESERVE:
		if (reserve_parse_pools(arg, &arguments->reservation, &why))
			argp_error(state, "--reserve-huge: %s", why.text);
		return 0;
	case KEY_MTHP:
		if (reserve_parse_sizes(arg, &arguments->reservation, &why))
			argp_error(state, "--mthp: %s", why.text);
		return 0;
	case KEY_RESUME:
		arguments->resumed = arg;
		return 0;
	case KEY_SEED:
		/* JSON integers are signed. */
		request->seed = number_parse(state, "--seed", arg, 0, INT64_MAX);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "run takes no arguments but options; did you mean -b %s?", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &guest_argp, 0, NULL, 0 }, { 0 } };

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.doc = "Measure what address translation costs, and write a run directory.\vSettings: `host` is a process of this Linux; `vcpu` is a bare vCPU of /dev/kvm, a guest without an operating system whose page tables nestwalk builds itself. Both run the same machine code on the same pages. `guest` is a Linux guest booted by QEMU from the image that `make guest-image` makes: it runs the benches that host has, and its results join the run.\n\n"
	       "Half of the available memory is used at most. An interrupted run (Ctrl-C) keeps what it has measured.\n\n"
	       "A run that was killed has lost no finished sample: everything reads it, and --resume completes it.\n\n"
	       "Examples:\n"
	       "  nestwalk run --effort quick\n"
	       "  nestwalk run -s host --param page_size=4K --param pages=60-120 -o my-run\n"
	       "  nestwalk run --resume my-run\n"
	       "  nestwalk run -s host,guest -b fault-storm --guest-memory 4G --guest-backing 2M-hugetlb\n"
	       "Then `nestwalk tlb RUNDIR` and `nestwalk report RUNDIR`.",
};

/* Whether a bench has every parameter that is given, and, where that is asked, takes its values. */
static bool bench_has_params(const struct bench *bench, const struct plan_request *plan, bool values)
{
	struct plan_request with_host = *plan;
	struct plan trial;

	for (size_t p = 0; p < plan->param_count; p++)
		if (!plan_axis(bench, plan->params[p].name))
			return false;
	if (!values || !plan->param_count)
		return true;
	with_host.settings = EVERYWHERE;
	if (plan_make(&trial, bench, &with_host, NULL))
		return false;
	plan_free(&trial);
	return true;
}

/*
 * Where no bench is named, choose those that run in a setting asked for and take every parameter given with its
 * values. Where none takes the values, choose those that have the parameters; job_open() then refuses the values with
 * the reason.
 */
static void benches_choose(struct run_arguments *arguments, unsigned settings)
{
	struct job_request *request = &arguments->request;

	for (int values = 1; values >= 0 && !request->bench_count; values--)
		for (size_t i = 0; i < benches_count() && request->bench_count < LIST_MAX; i++) {
			const struct bench *bench = benches_at(i);

			if ((bench->settings & settings) && bench_has_params(bench, &request->plan, values))
				arguments->benches[request->bench_count++] = bench;
		}
}

/* A guest measures the benches that its host would. In a run for a guest only, the host measures nothing. */
static void benches_share(struct run_arguments *arguments)
{
	struct job_request *request = &arguments->request;
	size_t count = request->bench_count;

	memcpy(arguments->run_benches, arguments->benches, sizeof(arguments->run_benches));
	request->run_benches = arguments->run_benches;
	request->run_bench_count = count;
	request->guest = arguments->guest.wanted;
	if (!arguments->guest.wanted)
		return;
	request->bench_count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct bench *bench = arguments->benches[i];

		if (bench->settings & SETTING_BIT(SETTING_HOST))
			arguments->guest_benches[arguments->guest_bench_count++] = bench;
		if (bench->settings & request->plan.settings)
			arguments->benches[request->bench_count++] = bench;
	}
}

static void defaults_fill(struct run_arguments *arguments)
{
	struct job_request *request = &arguments->request;
	bool named = request->bench_count > 0;
	unsigned settings;

	request->benches = arguments->benches;
	request->plan.brief = request->effort->brief;
	request->plan.params = arguments->params;
	if (!request->plan.settings && !arguments->guest.named) {
		request->plan.settings = EVERYWHERE;
		/* A first answer has no time for a guest. */
		arguments->guest.wanted = !request->effort->brief && !guest_look(&arguments->guest, NULL);
	}
	settings = request->plan.settings | (arguments->guest.wanted ? SETTING_BIT(SETTING_HOST) : 0);
	if (!named)
		benches_choose(arguments, settings);
	benches_share(arguments);
	if (!arguments->path[0])
		run_default_path(arguments->path, sizeof(arguments->path));
	request->path = arguments->path;
}

static void arguments_default(struct run_arguments *arguments)
{
	*arguments = (struct run_arguments){
		.request = { .effort = effort_find("normal"), .cpu = -1, .stop = stop_asked },
		.guest.shape = GUEST_SHAPE_DEFAULT,
		.reservation = RESERVATION_EMPTY,
	};
	/* 32 bits: enough not to repeat, short enough to type. */
	if (getrandom(&arguments->request.seed, sizeof(uint32_t), 0) != sizeof(uint32_t))
		arguments->request.seed = now_ns() & UINT32_MAX;
}

/* Words that parsing takes apart, or keeps: of this command line, and of the run's that is resumed. Each ended by NULL. */
#define LINES_MOST 3
static char **lines[LINES_MOST];
static size_t line_count;

/* Room for so many words; kept until run_arguments_free(). NULL where memory is short. */
static char **words_new(int count)
{
	char **words = line_count < LINES_MOST ? calloc((size_t)count + 1, sizeof(*words)) : NULL;

	if (words)
		lines[line_count++] = words;
	return words;
}

static char **words_copy(int count, char *const *words)
{
	char **copy = words_new(count);

	for (int i = 0; copy && i < count; i++)
		copy[i] = strdup(words[i]);
	return copy;
}

void run_arguments_free(struct run_arguments *arguments)
{
	resume_close(&arguments->resume);
	while (line_count) {
		char **words = lines[--line_count];

		for (size_t i = 0; words[i]; i++)
			free(words[i]);
		free(words);
	}
}

/* Take the options of the run that is resumed in place of those given, which are none but --resume itself. */
static int resume_take(struct run_arguments *arguments, struct reason *why)
{
	const char *path = arguments->resumed;
	struct resume resume;
	const json_t *words, *about;
	char **given;
	int error = resume_open(&resume, path, why), count;

	if (error)
		return error;
	about = resume.run.about;
	words = json_object_get(about, "command_line");
	count = (int)json_array_size(words);
	given = words_new(count);
	for (int i = 0; given && i < count; i++) {
		const char *word = json_string_value(json_array_get(words, (size_t)i));

		given[i] = strdup(word ? word : "");
	}
	if (!given || !count) {
		resume_close(&resume);
		return fail(why, EINVAL, "%s does not say with which options it was begun", path);
	}
	arguments_default(arguments);
	arguments->request.command_line = (const char *const *)words_copy(count, given);
	cmd_parse(&argp, count, given, arguments);
	arguments->resume = resume;
	arguments->resumed = path;
	arguments->request.resume = &arguments->resume;
	arguments->request.seed = (uint64_t)json_integer_value(json_object_get(about, "seed"));
	arguments->request.cpu = (int)json_integer_value(json_object_get(about, "cpu"));
	snprintf(arguments->path, sizeof(arguments->path), "%s", path);
	return 0;
}

int run_arguments_take(struct run_arguments *arguments, int argc, char **argv,
	void (*progress)(const struct progress *progress, void *data), struct reason *why)
{
	int error = 0;

	arguments_default(arguments);
	arguments->request.command_line = (const char *const *)words_copy(argc, argv);
	if (!arguments->request.command_line)
		return fail(why, ENOMEM, "no memory for the command line");
	cmd_parse(&argp, argc, argv, arguments);
	if (arguments->resumed) {
		/* "--resume RUN" or "--resume=RUN" */
		if (argc > 3 || (argc == 3 && strcmp(argv[1], "--resume")))
			return fail(why, WRONG_REQUEST, "--resume takes no other options: the run has its own");
		error = resume_take(arguments, why);
	}
	if (error)
		return error;
	arguments->request.progress = progress;
	defaults_fill(arguments);
	if (arguments->resumed && resume_guest_is_done(&arguments->resume))
		arguments->guest.wanted = arguments->request.guest = false;
	if (!arguments->request.bench_count && !arguments->guest_bench_count)
		return fail(why, WRONG_REQUEST,
			"no bench has all these parameters in these settings; `nestwalk list` shows them");
	return 0;
}
