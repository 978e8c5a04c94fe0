#include "cmd/run_guest.h"

#include "base/units.h"
#include "cmd/cmd.h"
#include "guest/join.h"
#include "guest/vm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	KEY_CPUS = 512,
	KEY_MEMORY,
	KEY_BACKING,
	KEY_FRAMES,
	KEY_LEVELS,
	KEY_PMU,
	KEY_THP,
	KEY_APPEND,
	KEY_IMAGE,
	KEY_FORCE,
	KEY_ACCEL
};

static const struct argp_option options[] = {
	{ 0, 0, 0, 0, "The Linux guest of setting guest:", 2 },
	{ "guest-cpus", KEY_CPUS, "N", 0, "its vCPUs, each pinned to a CPU (default 1)", 0 },
	{ "guest-memory", KEY_MEMORY, "SIZE", 0, "its memory (default 1G)", 0 },
	{ "guest-backing", KEY_BACKING, "BACKING", 0,
		"what is behind its memory here: 4K, 2M-thp (the default), 2M-hugetlb, 1G-hugetlb", 0 },
	{ "guest-frames", KEY_FRAMES, "warm|cold", 0,
		"warm: all its memory is touched before it starts; cold (the default): the hypervisor faults it in",
		0 },
	{ "guest-levels", KEY_LEVELS, "4|5", 0, "levels of its page tables (default: what the CPU model has)", 0 },
	{ "guest-pmu", KEY_PMU, "on|off", 0, "a virtual PMU (default: what the CPU model has)", 0 },
	{ "guest-thp", KEY_THP, "MODE", 0, "transparent huge pages inside: always, madvise (the default), never", 0 },
	{ "guest-append", KEY_APPEND, "WORDS", 0, "more for its kernel's command line", 0 },
	{ "guest-image", KEY_IMAGE, "DIRECTORY", 0,
		"a kernel and initramfs made by guest-images/build (default: what `make guest-image` made)", 0 },
	{ "guest-force", KEY_FORCE, NULL, 0, "try a KVM that is known not to boot a stock kernel", 0 },
	{ "accel", KEY_ACCEL, "kvm|tcg", 0,
		"tcg: QEMU's emulator instead of KVM. Its times are no machine's: they are marked so, and never drawn beside a processor's",
		0 },
	{ 0 },
};

/* Find `text` among names[count]; a text that is not there is a usage error. */
static unsigned choice_find(
	struct argp_state *state, const char *option, const char *text, const char *const *names, unsigned count)
{
	char known[128] = "";

	for (unsigned i = 0; i < count; i++) {
		if (!strcmp(names[i], text))
			return i;
		strcat(known, i ? ", " : "");
		strcat(known, names[i]);
	}
	argp_error(state, "--%s: '%s' is none of %s", option, text, known);
	return 0;
}

static enum guest_choice on_or_off(
	struct argp_state *state, const char *option, const char *text, const char *const off_and_on[2])
{
	return choice_find(state, option, text, off_and_on, 2) ? GUEST_ON : GUEST_OFF;
}

static void memory_parse(struct argp_state *state, const char *text, struct guest_shape *shape)
{
	/* A kernel and its image unpacked take some 100 MiB; more than a TiB is a slip of the hand. */
	if (size_parse(text, &shape->memory_bytes) || shape->memory_bytes < 128 * MIB ||
		shape->memory_bytes > 1024 * GIB || shape->memory_bytes % PAGE_2M)
		argp_error(state, "--guest-memory wants a size from 128M to 1024G in steps of 2M, not '%s'", text);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const frames[] = { "cold", "warm" }, *const levels[] = { "4", "5" };
	static const char *const switches[] = { "off", "on" }, *const modes[] = { "always", "madvise", "never" };
	struct guest_arguments *arguments = state->input;
	struct guest_shape *shape = &arguments->shape;
	char *end;

	switch (key) {
	case KEY_CPUS:
		shape->cpus = (unsigned)strtoul(arg, &end, 10);
		if (*end || arg[0] < '1' || arg[0] > '9' || shape->cpus > 1024)
			argp_error(state, "--guest-cpus wants a number from 1 to 1024, not '%s'", arg);
		return 0;
	case KEY_MEMORY:
		memory_parse(state, arg, shape);
		return 0;
	case KEY_BACKING:
		shape->backing = (enum backing)choice_find(state, "guest-backing", arg, backing_names, BACKING_LEAVES);
		return 0;
	case KEY_FRAMES:
		shape->warm = choice_find(state, "guest-frames", arg, frames, 2);
		return 0;
	case KEY_LEVELS:
		shape->five_levels = on_or_off(state, "guest-levels", arg, levels);
		return 0;
	case KEY_PMU:
		shape->pmu = on_or_off(state, "guest-pmu", arg, switches);
		return 0;
	case KEY_THP:
		shape->thp = modes[choice_find(state, "guest-thp", arg, modes, 3)];
		return 0;
	case KEY_APPEND:
		shape->append = arg;
		return 0;
	case KEY_IMAGE:
		arguments->image = arg;
		return 0;
	case KEY_FORCE:
		arguments->forced = true;
		return 0;
	case KEY_ACCEL:
		shape->accel = (enum guest_accel)choice_find(state, "accel", arg, guest_accel_names, GUEST_ACCELS);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp guest_argp = { .options = options, .parser = parse };

/* $NESTWALK_GUEST_IMAGE, else guest/image beside the program, where `make guest-image` puts it. */
static const char *image_default(char *text, size_t bytes)
{
	const char *told = getenv("NESTWALK_GUEST_IMAGE");
	ssize_t length = readlink("/proc/self/exe", text, bytes - 1);
	char *slash;

	if (told && told[0])
		return told;
	text[length < 0 ? 0 : length] = '\0';
	slash = strrchr(text, '/');
	snprintf(slash ? slash + 1 : text, bytes - (size_t)(slash ? slash + 1 - text : 0), "guest/image");
	return text;
}

#define PARAMS_MAX 32 /* as many as run.c accepts */
#define WORDS_MAX (2 * PARAMS_MAX + 11) /* of the command in the guest: two a parameter, and eleven others */

/* The command in the guest: `run` with the same benches, parameters and effort, in setting host. */
struct command {
	const char *word[WORDS_MAX + 1];
	size_t count;
	char benches[1024], seed[24], rounds[16];
	char *param[PARAMS_MAX]; /* owned */
};

static void command_free(struct command *command)
{
	for (size_t i = 0; i < PARAMS_MAX; i++)
		free(command->param[i]);
}

/* 0, or -ENOMEM. command_free() in any case. */
static int command_make(const struct guest_job *job, struct command *command)
{
	size_t used = 0;

	*command = (struct command){ 0 };
	for (size_t i = 0; i < job->bench_count && used < sizeof(command->benches); i++)
		used += (size_t)snprintf(command->benches + used, sizeof(command->benches) - used, "%s%s", i ? "," : "",
			job->benches[i]->name);
	snprintf(command->seed, sizeof(command->seed), "%" PRIu64, job->seed);
	{
		const char *const fixed[] = { "run", "-s", "host", "--effort", job->effort->name, "-b",
			command->benches, "--seed", command->seed };

		for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
			command->word[command->count++] = fixed[i];
	}
	if (job->rounds) {
		snprintf(command->rounds, sizeof(command->rounds), "%u", job->rounds);
		command->word[command->count++] = "--rounds";
		command->word[command->count++] = command->rounds;
	}
	for (size_t i = 0; i < job->plan->param_count; i++) {
		const struct param *param = &job->plan->params[i];
		char *text;

		if (i == PARAMS_MAX || asprintf(&text, "%s=%s", param->name, param->values) < 0)
			return -ENOMEM;
		command->param[i] = text;
		command->word[command->count++] = "--param";
		command->word[command->count++] = text;
	}
	return 0;
}

static double job_seconds(const struct guest_job *job)
{
	double seconds = 0;

	for (size_t i = 0; i < job->bench_count; i++)
		seconds += effort_seconds(job->effort, job->benches[i]);
	return seconds;
}

#define BOOT_SECONDS 3 /* under KVM on an ordinary machine */

double guest_seconds(const struct guest_job *job)
{
	return BOOT_SECONDS + job_seconds(job);
}

static void guest_progress_show(const char *what, double elapsed_s, void *data)
{
	static double shown_s;
	static const char *shown;
	bool terminal = isatty(STDERR_FILENO);

	(void)data;
	/* On a terminal one line is written over; elsewhere a line for each thing that begins. */
	if (terminal ? shown == what && elapsed_s < shown_s + 1 && elapsed_s > shown_s : shown == what)
		return;
	shown_s = elapsed_s;
	shown = what;
	if (terminal)
		fprintf(stderr, "\rguest: %s, %.0f s so far%60s", what, elapsed_s, "");
	else
		fprintf(stderr, "guest: %s\n", what);
}

int guest_look(const struct guest_arguments *arguments, struct reason *why)
{
	char image[4200];
	const struct guest_request request = {
		.shape = arguments->shape,
		.image = arguments->image ? arguments->image : image_default(image, sizeof(image)),
	};

	return guest_possible(&request, arguments->forced, why);
}

/* The paging mode of guests here, as the run proved or found it. Under an emulator it is software. */
static const char *guest_paging(const struct guest_arguments *arguments, const struct job *job)
{
	return arguments->shape.accel == GUEST_TCG ? "software" : job->around.context.paging[SETTING_VCPU];
}

/* Say how nestwalk ended in the guest, with its last words. */
static int guest_failure(const struct guest_result *result, const char *directory, const char *what, struct reason *why)
{
	char words[200];

	guest_last_line(directory, "results/job.log", words, sizeof(words));
	return fail(why, EIO, "nestwalk ended in the guest with status %d%s%s%s (%s/results/job.log has all)",
		result->job_status, what, words[0] ? "; its last words: " : "", words, directory);
}

/*
 * Join the guest's results. A guest that had nothing to measure, or errors at some points, has points that say so. A
 * guest that was stopped, or ended in another way, has measured only some of its points.
 */
static int take_home(const struct guest_result *result, const struct guest_request *request, const struct job *job,
	const char *paging, struct guest_points *points, struct reason *why)
{
	int error;

	if (!result->run[0])
		return guest_failure(result, request->directory, " and left no results", why);
	error = guest_join(job->request.path, result, paging, points, why);
	if (result->stopped)
		return fail(why, EINTR, "it was stopped before its end (%s)%s",
			request->stop && request->stop() ? "interrupted" : "it took too long",
			error && error != -ECANCELED ? ", and had nothing finished" : "");
	if (error && error != -ECANCELED && result->job_status)
		return guest_failure(result, request->directory, " and left nothing to join", why);
	if (error)
		return error;
	if (result->job_status != EXIT_DONE && result->job_status != EXIT_FAILED && result->job_status != EXIT_SKIPPED)
		return guest_failure(result, request->directory, "", why);
	return 0;
}

int guest_measure(const struct guest_arguments *arguments, const struct guest_job *what, const struct job *job,
	struct guest_points *points, struct reason *why)
{
	static struct command command;
	char image[4200], directory[4200];
	struct guest_result result = { .facts = NULL };
	struct guest_request request = {
		.shape = arguments->shape,
		.image = arguments->image ? arguments->image : image_default(image, sizeof(image)),
		.command = command.word,
		.directory = directory,
		.cpus = job->cpus,
		.cpu_count = job->around.cpu_count,
		.seconds = what->rounds ? 0 : effort_seconds_most(job_seconds(what)),
		.stop = what->stop,
		.progress = guest_progress_show,
	};
	int error, noted;

	*points = (struct guest_points){ 0 };
	snprintf(directory, sizeof(directory), "%s/guest", job->request.path);
	error = command_make(what, &command);
	if (error)
		fail(why, ENOMEM, "no memory for a guest's command");
	else
		error = guest_run(&request, &result, why);
	if (!error)
		error = take_home(&result, &request, job, guest_paging(arguments, job), points, why);
	noted = guest_note(
		job->request.path, error ? "error" : "ok", error ? why->text : NULL, result.facts, error ? NULL : why);
	guest_result_free(&result);
	command_free(&command);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\n");
	return error ? error : noted;
}
