/* nestwalk merge: join the runs of a host and of its guests into one comparison. */
#include "record/merge.h"

#include "base/member.h"
#include "cmd/cmd.h"
#include "record/check.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_REPLACE = 256 };

/* One RUN[=MODE] of the command line. */
struct named_run {
	const char *path;
	const char *mode; /* NULL: none was given */
};

struct arguments {
	char **runs;
	int count;
	struct named_run *named; /* number of runs */
	const char *directory;
	bool replace;
};

/* A directory's name may have an equals sign; then the whole argument is the directory. */
static void name_parse(struct argp_state *state, char *argument, struct named_run *out)
{
	char *equals = strrchr(argument, '=');

	*out = (struct named_run){ .path = argument };
	if (!equals || !access(argument, F_OK))
		return;
	if (!paging_is_of_guest(equals + 1))
		argp_error(state, "no paging mode '%s' of a guest; there are nested, shadow and software", equals + 1);
	out->mode = equals + 1;
	*equals = '\0';
}

static error_t runs_parse(struct argp_state *state, struct arguments *arguments)
{
	if (arguments->count < 2)
		argp_error(state, "which runs? Name that of the host and at least one to join");
	if (!arguments->directory || !arguments->directory[0])
		argp_error(state, "where to? Name the directory to make with -o");
	arguments->named = calloc((size_t)arguments->count, sizeof(*arguments->named));
	if (!arguments->named)
		return ENOMEM;
	for (int i = 0; i < arguments->count; i++)
		name_parse(state, arguments->runs[i], &arguments->named[i]);
	if (arguments->named[0].mode)
		argp_error(state, "'%s=%s': the first run is the host's, which is no guest", arguments->named[0].path,
			arguments->named[0].mode);
	return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->directory = argument;
		return 0;
	case KEY_REPLACE:
		arguments->replace = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->runs = state->argv + state->next;
		arguments->count = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		return runs_parse(state, arguments);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ .name = "output",
		.key = 'o',
		.arg = "DIRECTORY",
		.doc = "the run directory to make; must not exist, or be empty" },
	{ .name = "replace",
		.key = KEY_REPLACE,
		.doc = "where two runs measured the same point, take the later run's (otherwise that is an error)" },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "HOST_RUN RUN[=nested|shadow|software]... -o DIRECTORY",
	.doc = "Join run directories of one host and of its guests into one, which `nestwalk report` then compares.\vThe first run is the host's, and stays as it is. Of a run that was made inside a guest of that host the points of setting host become points of setting guest. A guest cannot see whether its hypervisor uses nested or shadow paging: say it behind the run, as in RUN=nested. A further run of the same host joins as it is, for instance one of vCPUs with the other paging mode.\n\n"
	       "What makes a comparison doubtful (another CPU model, kernel or version) is said, and kept in run.json.\n\n"
	       "For instance, with a run of the host, one inside a guest, and one of vCPUs after KVM was loaded with EPT or NPT off:\n\n"
	       "  nestwalk run -o host\n"
	       "  nestwalk run -s host -o guest        (inside the guest; then copied here)\n"
	       "  nestwalk run -s vcpu -o shadow\n"
	       "  nestwalk merge host guest=nested shadow -o all\n"
	       "  nestwalk report all",
};

/* Tell what became of each run: doubts on stderr, the rest on stdout. */
static void merged_print(const struct merged *merged, const char *directory)
{
	size_t i, k;
	json_t *element, *warning;

	json_array_foreach (json_object_get(merged->about, "joined"), i, element) {
		const char *path = member_text(json_array_get(merged->sources, i), "path");
		const char *paging = member_text(element, "paging");
		const char *unknown = member_text(element, "paging_reason");
		bool is_guest = member_is(element, "as", "guest");

		json_array_foreach (json_object_get(element, "warnings"), k, warning)
			cmd_say(stderr, "nestwalk: %s: %s", path, json_string_value(warning));
		if (!paging && is_guest)
			cmd_say(stderr, "nestwalk: %s: paging mode not known: %s", path,
				unknown ? unknown : "it does not say why");
		cmd_say(stdout, "%s: %lld points of setting %s%s%s", path,
			(long long)json_integer_value(json_object_get(element, "points")),
			is_guest ? "guest" : "host or vcpu", paging ? ", guests' paging " : "", paging ? paging : "");
	}
	cmd_say(stdout, "%s: %zu points of %zu runs; `nestwalk report %s` compares them", directory,
		json_array_size(merged->points), json_array_size(merged->sources) + 1, directory);
}

static enum exit_code runs_join(const struct merge_request *request, const char *directory)
{
	struct merged merged;
	struct reason why;

	if (merge_runs(request, &merged, &why))
		return cmd_fail(EXIT_FAILED, &why);
	if (merge_write(request, &merged, directory, &why)) {
		merged_free(&merged);
		return cmd_fail(EXIT_FAILED, &why);
	}
	merged_print(&merged, directory);
	merged_free(&merged);
	return EXIT_DONE;
}

static enum exit_code load_and_join(const struct arguments *arguments)
{
	const struct named_run *named = arguments->named;
	size_t count = (size_t)arguments->count, loaded = 0;
	struct loaded_run *run = calloc(count, sizeof(*run));
	struct joined_run *joined = calloc(count, sizeof(*joined));
	enum exit_code code = EXIT_DONE;
	struct reason why = { "out of memory" };

	if (!run || !joined)
		code = cmd_fail(EXIT_FAILED, &why);
	for (; code == EXIT_DONE && loaded < count; loaded++) {
		if (run_load(named[loaded].path, &run[loaded], &why)) {
			code = cmd_fail(EXIT_FAILED, &why);
			break;
		}
		/* What is joined of runs that are not sound is none either. */
		if (check_sound(named[loaded].path, &why))
			code = cmd_fail(EXIT_FAILED, &why);
		joined[loaded] = (struct joined_run){ .run = &run[loaded], .told = named[loaded].mode };
	}
	if (code == EXIT_DONE)
		code = runs_join(&(struct merge_request){ .base = &run[0],
					 .joined = joined + 1,
					 .count = count - 1,
					 .replace = arguments->replace },
			arguments->directory);
	for (size_t i = 0; i < loaded; i++)
		run_unload(&run[i]);
	free(joined);
	free(run);
	return code;
}

int cmd_merge(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	enum exit_code code;

	cmd_parse(&argp, argc, argv, &arguments);
	code = load_and_join(&arguments);
	free(arguments.named);
	return code;
}
