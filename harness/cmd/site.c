/* nestwalk site: the pages of all runs, and an index of them. */
#include "cmd/cmd.h"
#include "cmd/signals.h"
#include "cmd/site_draw.h"
#include "report/plots.h"
#include "report/site_conf.h"
#include "report/site_find.h"
#include "report/site_stamp.h"
#include "report/site_tree.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * PNG and PDF take four times as long to draw as SVG, which pages show. So only the newest runs have them, unless formats are
 * asked for: those that are still being looked at.
 */
#define NEWEST_IN_ALL_FORMATS 3

struct arguments {
	char **directories;
	int count;
	const char *output, *conf, *formats, *plots;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->output = argument;
		return 0;
	case 'c':
		arguments->conf = argument;
		return 0;
	case 'f':
		arguments->formats = argument;
		return 0;
	case 'p':
		arguments->plots = argument;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->directories = state->argv + state->next;
		arguments->count = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ .name = "output", .key = 'o', .arg = "DIR", .doc = "write there instead of to DIRECTORY/site" },
	{ .name = "conf",
		.key = 'c',
		.arg = "FILE",
		.doc = "further runs, comparisons, the title; DIRECTORY/site.conf where that is there" },
	{ .name = "formats",
		.key = 'f',
		.arg = "LIST",
		.doc = "of all pictures: svg, png, pdf. Otherwise svg, and all three for the newest three runs and for comparisons" },
	{ .name = "plots", .key = 'p', .arg = "DIR", .doc = "also the figures in DIR, a folder for each" },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[DIRECTORY...]",
	.doc = "Make static pages of all runs below each DIRECTORY (otherwise results): an index, and the report of each run.\vWhat has not changed is not drawn again, and pages of runs that are gone are removed. The pages need no server: open index.html. docs/PUBLISHING.md describes site.conf.\nExamples:\n  nestwalk site\n  nestwalk site --formats svg,png,pdf -o /srv/www results /mnt/results",
};

/* The site and what it is made from; all owned. */
struct making {
	struct site site;
	struct site_conf conf;
	bool formats_asked; /* then every run has those, and no other */
	char *directory, *style, *ours;
	uint64_t drawing; /* checksum of what draws */
};

/* --- entries --- */

static bool is_listed(const struct site *site, const char *path)
{
	char *real = realpath(path, NULL);
	bool listed = false;

	for (size_t i = 0; real && i < site->entries && !listed; i++) {
		char *other = site->entry[i].runs.count == 1 ? realpath(site->entry[i].runs.name[0], NULL) : NULL;

		listed = other && !strcmp(real, other);
		free(other);
	}
	free(real);
	return listed;
}

/* Two labels may have one name, and two runs one label; the later one gets a checksum of its paths. */
static int name_make_own(const struct site *site, struct site_entry *entry, struct reason *why)
{
	uint64_t checksum = CHECKSUM_EMPTY;
	char *own;

	for (size_t i = 0; i < entry->runs.count; i++)
		checksum = checksum_of(checksum, entry->runs.name[i], strlen(entry->runs.name[i]) + 1);
	for (size_t i = 0; i < site->entries; i++) {
		if (strcmp(site->entry[i].kind, entry->kind) || strcmp(site->entry[i].name, entry->name))
			continue;
		if (asprintf(&own, "%s-%08" PRIx32, entry->name, (uint32_t)checksum) < 0)
			return fail(why, ENOMEM, "out of memory");
		free(entry->name);
		entry->name = own;
		break;
	}
	return 0;
}

/* Add an entry of these runs, which are taken. */
static int entry_add(struct making *making, struct names *runs, const char *label, struct reason *why)
{
	struct site *site = &making->site;
	struct site_entry *grown = reallocarray(site->entry, site->entries + 1, sizeof(*grown)), *entry;
	int rc;

	if (!grown)
		return fail(why, ENOMEM, "out of memory");
	site->entry = grown;
	entry = &grown[site->entries];
	rc = site_entry_make(entry, runs, label, why);
	if (!rc)
		rc = name_make_own(site, entry, why);
	site->entries++;
	if (rc)
		return rc;
	entry->stamp = checksum_of_runs(making->drawing, &entry->runs);
	site_entry_read(entry, making->directory);
	return 0;
}

/* What is left of a path within a directory; of the directory itself its last part. */
static const char *label_in(const char *path, const char *directory)
{
	size_t length = strlen(directory);
	const char *slash;

	if (!strncmp(path, directory, length)) {
		while (path[length] == '/')
			length++;
		if (path[length])
			return path + length;
	}
	slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

/* All runs below a directory. */
static int runs_add(struct making *making, const char *directory, const char *above, struct reason *why)
{
	struct names found = { 0 };
	int rc = site_find(&found, directory, making->directory, why);

	for (size_t i = 0; i < found.count && !rc; i++) {
		struct names runs = { 0 };

		if (is_listed(&making->site, found.name[i]))
			continue;
		rc = names_add(&runs, found.name[i]) ? fail(why, ENOMEM, "out of memory") : 0;
		if (!rc)
			rc = entry_add(making, &runs, label_in(found.name[i], above), why);
		names_free(&runs);
	}
	names_free(&found);
	return rc;
}

static int comparison_add(
	struct making *making, struct site_comparison *comparison, const char *above, struct reason *why)
{
	char *label = NULL;
	size_t size;
	FILE *out = open_memstream(&label, &size);
	int rc;

	if (!out)
		return fail(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < comparison->runs.count; i++)
		fprintf(out, "%s%s", i ? " against " : "", label_in(comparison->runs.name[i], above));
	rc = fclose(out) ? fail(why, ENOMEM, "out of memory") : entry_add(making, &comparison->runs, label, why);
	free(label);
	return rc;
}

static int entries_make(struct making *making, const struct arguments *arguments, const char *conf, struct reason *why)
{
	const char *slash = conf ? strrchr(conf, '/') : NULL;
	char *above = slash ? strndup(conf, (size_t)(slash - conf)) : strdup("");
	int rc = above ? 0 : fail(why, ENOMEM, "out of memory");

	for (int i = 0; i < arguments->count && !rc; i++)
		rc = runs_add(making, arguments->directories[i], arguments->directories[i], why);
	for (size_t i = 0; i < making->conf.runs.count && !rc; i++)
		rc = runs_add(making, making->conf.runs.name[i], above, why);
	for (size_t i = 0; i < making->conf.comparisons && !rc; i++)
		rc = comparison_add(making, &making->conf.comparison[i], above, why);
	free(above);
	return rc;
}

static bool is_newer(const struct site_entry *entry, const struct site_entry *than)
{
	int order = strcmp(entry->started, than->started);

	/* Of two that began at one time, one has to be the newer. */
	return entry->runs.count == 1 && (order ? order > 0 : entry < than);
}

/* Comparisons and the newest runs have pictures in all formats, unless formats are asked for. */
static void formats_choose(struct site *site)
{
	for (size_t i = 0; i < site->entries; i++) {
		struct site_entry *entry = &site->entry[i];
		size_t newer = 0;

		for (size_t k = 0; k < site->entries; k++)
			newer += is_newer(&site->entry[k], entry);
		entry->all_formats = entry->runs.count > 1 || newer < NEWEST_IN_ALL_FORMATS;
	}
}

/* --- the command --- */

/* Read the configuration, if there is one, whose path is *conf, which the caller frees. */
static int conf_read(struct making *making, const struct arguments *arguments, char **conf, struct reason *why)
{
	int rc = 0;

	if (arguments->conf)
		*conf = strdup(arguments->conf);
	else if (asprintf(conf, "%s/site.conf", arguments->directories[0]) < 0)
		*conf = NULL;
	if (!*conf)
		return fail(why, ENOMEM, "out of memory");
	if (arguments->conf || !access(*conf, F_OK))
		rc = site_conf_read(*conf, &making->conf, why);
	if (!rc && arguments->formats)
		rc = site_formats_read(arguments->formats, &making->conf.formats, why);
	making->formats_asked = making->conf.formats.name[0] != NULL;
	return rc;
}

static int problems_print(const struct site *site)
{
	int code = EXIT_DONE;

	for (size_t i = 0; i < site->entries; i++) {
		const char *problem = site_entry_problem(&site->entry[i]);
		struct reason why;

		if (!problem)
			continue;
		fail(&why, EIO, "%.200s: %s", site->entry[i].label, problem);
		code = cmd_fail(EXIT_FAILED, &why);
	}
	return code;
}

/* What pages are drawn with: the folders of figures, the style, and their checksum. */
static int plots_read(struct making *making, const char *own, const char *plots[3], struct reason *why)
{
	size_t count = 0;

	making->ours = plots_find(why);
	if (!making->ours)
		return -ENOENT;
	if (own)
		plots[count++] = own;
	plots[count++] = making->ours;
	plots[count] = NULL;
	making->style = own ? file_read(own, "page.css", why) : NULL;
	if (!making->style)
		making->style = file_read(making->ours, "page.css", why);
	return making->style ? checksum_of_drawing(plots, &making->drawing, why) : -ENOENT;
}

static int site_make(struct making *making, const struct arguments *arguments, struct reason *why)
{
	static const struct site_formats usual = { { "svg" } }, all = { { "svg", "png", "pdf" } };
	const char *plots[3];
	char *conf = NULL;
	struct reason ignored;
	int rc = conf_read(making, arguments, &conf, why), error;

	if (!rc)
		rc = plots_read(making, arguments->plots, plots, why);
	if (!rc)
		rc = entries_make(making, arguments, conf, why);
	free(conf);
	if (rc)
		return rc;
	making->site.directory = making->directory;
	making->site.style = making->style;
	making->site.title = making->conf.title ? making->conf.title : "What address translation costs: all runs";
	if (!making->formats_asked)
		formats_choose(&making->site);
	rc = site_draw(
		&(struct site_drawing){
			.site = &making->site,
			.own_plots = arguments->plots,
			.plots = plots,
			.formats = making->formats_asked ? making->conf.formats.name : usual.name,
			.all_formats = all.name,
		},
		why);
	/* What is drawn can be seen, also where not all is. */
	error = site_index_write(&making->site, rc ? &ignored : why);
	if (!rc && !error)
		site_tree_tidy(&making->site);
	return rc ? rc : error;
}

static void making_free(struct making *making)
{
	for (size_t i = 0; i < making->site.entries; i++)
		site_entry_free(&making->site.entry[i]);
	free(making->site.entry);
	site_conf_free(&making->conf);
	free(making->directory);
	free(making->style);
	free(making->ours);
}

/* Directories that are there, without a slash at the end; `results` where none are named. 0, or an error with *why. */
static int directories_check(struct arguments *arguments, struct reason *why)
{
	static char usual[] = "results";
	static char *one[] = { usual };

	if (!arguments->count) {
		arguments->directories = one;
		arguments->count = 1;
	}
	for (int i = 0; i < arguments->count; i++) {
		char *directory = arguments->directories[i];
		size_t length = strlen(directory);

		while (length > 1 && directory[length - 1] == '/')
			directory[--length] = '\0';
		if (access(directory, F_OK))
			return fail(
				why, errno, "cannot read %s: %s; `make bench` makes a run", directory, strerror(errno));
	}
	return 0;
}

/* Find where the site goes, and make that directory ours alone. */
static int directory_open(struct making *making, const struct arguments *arguments, int *lock, struct reason *why)
{
	int rc;

	if (arguments->output)
		making->directory = strdup(arguments->output);
	else if (asprintf(&making->directory, "%s/site", arguments->directories[0]) < 0)
		making->directory = NULL;
	if (!making->directory)
		return fail(why, ENOMEM, "out of memory");
	rc = site_tree_make(making->directory, why);
	return rc ? rc : site_tree_lock(making->directory, lock, why);
}

int cmd_site(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct making making = { 0 };
	struct reason why;
	int rc, lock = -1, code;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	signals_catch();
	rc = directories_check(&arguments, &why);
	if (!rc)
		rc = directory_open(&making, &arguments, &lock, &why);
	if (!rc)
		rc = site_make(&making, &arguments, &why);
	code = problems_print(&making.site);
	if (rc)
		code = cmd_fail(EXIT_FAILED, &why);
	else
		cmd_say(stdout, "%s/index.html", making.directory);
	if (lock >= 0)
		close(lock);
	making_free(&making);
	return code;
}
