#include "cmd/site_draw.h"

#include "base/directory.h"
#include "base/stop.h"
#include "cmd/database.h"
#include "cmd/site_compare.h"
#include "report/labels.h"
#include "report/report.h"
#include "report/site_tree.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- one entry, in a process of its own --- */

enum { CHILD_DONE, CHILD_INTERRUPTED = 3, CHILD_FAILED };

static const char *const *formats_of(const struct site_drawing *drawing, const struct site_entry *entry)
{
	return entry->all_formats ? drawing->all_formats : drawing->formats;
}

/*
 * The report of an entry's runs, in `directory`. Several runs are labelled and drawn into the same figures. 0, or a negative
 * errno with *why; *cells, where they could be read, belong to the caller.
 */
static int entry_report(const struct site_drawing *drawing, const struct site_entry *entry,
	const struct report_request *request, json_t **cells, struct reason *why)
{
	const char *const *plots = drawing->plots;
	struct report_request with_comparison = *request;
	char *comparison = NULL;
	sqlite3 *db;
	int rc =
		cmd_database_open((const char *const *)entry->runs.name, entry->runs.count, DATABASE_SAMPLES, &db, why);

	if (rc)
		return rc;
	while (plots[1])
		plots++;
	rc = entry->runs.count > 1 ? labels_put(db, NULL, 0, why) : 0;
	if (!rc)
		rc = cmd_database_fill(db, why);
	if (!rc)
		*cells = site_cells_make(db, *plots, why);
	if (!rc && !*cells)
		rc = -EIO;
	if (!rc && entry->runs.count > 1) {
		comparison = site_compare_text(db, why);
		rc = comparison ? 0 : -EIO;
	}
	with_comparison.more = comparison;
	if (!rc)
		rc = report_write(db, &with_comparison, why);
	free(comparison);
	sqlite3_close(db);
	return rc;
}

static bool has_page(const char *directory)
{
	char *page;
	bool has;

	if (asprintf(&page, "%s/" SITE_PAGE, directory) < 0)
		return false;
	has = !access(page, F_OK);
	free(page);
	return has;
}

/* What has to be there for an entry, whatever became of its report: a page and a row. */
static int entry_finish(const struct site_drawing *drawing, const struct site_entry *entry, const char *directory,
	const struct site_outcome *outcome, struct reason *why)
{
	int rc = directory_make(directory, why);

	if (!rc && !has_page(directory))
		rc = site_problem_page_write(
			drawing->site, entry, directory, outcome->problem ? outcome->problem : "it has no page", why);
	return rc ? rc : site_row_write(entry, directory, outcome, why);
}

static int entry_draw(
	const struct site_drawing *drawing, const struct site_entry *entry, const char *directory, unsigned processes)
{
	const struct report_request request = {
		.directory = directory,
		.plots = drawing->own_plots,
		.page = SITE_PAGE,
		.home = SITE_HOME,
		.formats = formats_of(drawing, entry),
		.processes = processes,
		.stop = stop_asked,
	};
	struct site_outcome outcome = { .formats = request.formats };
	struct reason problem, why;
	int rc;

	site_tree_remove(directory);
	rc = entry_report(drawing, entry, &request, &outcome.cells, &problem);
	if (rc == -EINTR || stop_asked())
		return CHILD_INTERRUPTED;
	if (rc)
		outcome.problem = problem.text;
	rc = entry_finish(drawing, entry, directory, &outcome, &why);
	json_decref(outcome.cells);
	return rc ? CHILD_FAILED : CHILD_DONE;
}

/* --- all of them --- */

struct child {
	pid_t process;
	struct site_entry *entry;
	char *directory; /* owned */
};

struct children {
	const struct site_drawing *drawing;
	struct child *child; /* as many as may run at a time */
	size_t running, most;
	unsigned processes; /* that draw at a time, for each child */
};

static size_t cpus_count(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : (size_t)CPU_COUNT(&cpus);
}

static int child_start(struct children *children, struct site_entry *entry, struct reason *why)
{
	const struct site_drawing *drawing = children->drawing;
	struct child child = { .entry = entry };

	child.directory = site_entry_directory(entry, drawing->site->directory, SITE_UNFINISHED);
	if (!child.directory)
		return fail(why, ENOMEM, "out of memory");
	child.process = fork();
	if (!child.process)
		_exit(entry_draw(drawing, entry, child.directory, children->processes));
	if (child.process < 0) {
		free(child.directory);
		return fail(why, EAGAIN, "cannot start a process: %s", strerror(errno));
	}
	children->child[children->running++] = child;
	return 0;
}

/* The pages of a child that ended: published, or, where it broke down, those that say so. 0, or an error with *why. */
static int child_publish(const struct children *children, const struct child *child, int status, struct reason *why)
{
	const struct site_drawing *drawing = children->drawing;
	struct site_outcome outcome = { .formats = formats_of(drawing, child->entry) };
	struct reason problem;
	int rc = 0;

	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_INTERRUPTED) {
		site_tree_remove(child->directory);
		return 0;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		if (WIFSIGNALED(status))
			fail(&problem, EIO, "what draws it was ended by signal %d", WTERMSIG(status));
		else
			fail(&problem, EIO, "its pages could not be written");
		outcome.problem = problem.text;
		rc = entry_finish(drawing, child->entry, child->directory, &outcome, why);
	}
	if (!rc)
		rc = site_tree_publish(child->entry, drawing->site->directory, why);
	site_entry_read(child->entry, drawing->site->directory);
	return rc;
}

/* Wait for one of the children. 0, or a negative errno with *why. */
static int one_finish(struct children *children, struct reason *why)
{
	int status, rc = 0;
	pid_t ended;

	do
		ended = waitpid(-1, &status, 0);
	while (ended < 0 && errno == EINTR);
	if (ended < 0)
		return fail(why, errno, "cannot wait for a process: %s", strerror(errno));
	for (size_t i = 0; i < children->running; i++) {
		struct child child = children->child[i];

		if (child.process != ended)
			continue;
		children->child[i] = children->child[--children->running];
		rc = child_publish(children, &child, status, why);
		free(child.directory);
		break;
	}
	return rc;
}

static bool is_to_draw(const struct site_drawing *drawing, const struct site_entry *entry)
{
	return !site_entry_is_current(entry, formats_of(drawing, entry));
}

int site_draw(const struct site_drawing *drawing, struct reason *why)
{
	struct children children = { .drawing = drawing, .most = cpus_count() };
	struct reason ignored;
	size_t waiting = 0;
	int rc = 0;

	for (size_t i = 0; i < drawing->site->entries; i++)
		waiting += is_to_draw(drawing, &drawing->site->entry[i]);
	/* Few entries are drawn by several processes each. */
	children.processes = waiting && waiting < children.most ? (unsigned)(children.most / waiting) : 1;
	children.child = calloc(children.most, sizeof(*children.child));
	if (!children.child)
		return fail(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < drawing->site->entries && !rc; i++) {
		if (!is_to_draw(drawing, &drawing->site->entry[i]))
			continue;
		if (children.running == children.most)
			rc = one_finish(&children, why);
		if (!rc && stop_asked())
			rc = fail(why, EINTR, "interrupted: not all is drawn; the same command goes on from here");
		if (!rc)
			rc = child_start(&children, &drawing->site->entry[i], why);
	}
	while (children.running) {
		int error = one_finish(&children, rc ? &ignored : why);

		rc = rc ? rc : error;
	}
	if (!rc && stop_asked())
		rc = fail(why, EINTR, "interrupted: not all is drawn; the same command goes on from here");
	free(children.child);
	return rc;
}
