#include "report/paper.h"

#include "base/directory.h"
#include "base/new_file.h"
#include "base/text.h"
#include "report/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void plain_write(const char *text, FILE *out)
{
	char *copy = strdup(text);

	if (copy)
		fputs(text_clean(copy), out);
	free(copy);
}

/* BibTeX counts braces even behind a backslash, and so they become parentheses. */
static void latex_write(const char *text, FILE *out)
{
	static const struct {
		char character;
		const char *latex;
	} special[] = {
		{ '\\', "\\textbackslash " },
		{ '^', "\\textasciicircum " },
		{ '~', "\\textasciitilde " },
		{ '{', "(" },
		{ '}', ")" },
		{ '"', "''" },
		{ '$', "\\$" },
		{ '&', "\\&" },
		{ '#', "\\#" },
		{ '_', "\\_" },
		{ '%', "\\%" },
		{ '@', "(at)" },
	};
	char *copy = strdup(text);

	for (const char *c = copy ? text_clean(copy) : ""; *c; c++) {
		size_t i = 0;

		while (i < sizeof(special) / sizeof(special[0]) && special[i].character != *c)
			i++;
		if (i < sizeof(special) / sizeof(special[0]))
			fputs(special[i].latex, out);
		else
			fputc(*c, out);
	}
	free(copy);
}

/* The files, and how texts of a run are written in each. */
static const struct {
	const char *name;
	void (*text)(const char *text, FILE *out);
} templates[] = {
	{ "method.txt", plain_write },
	{ "nestwalk.bib", latex_write },
};

/* A template of the first folder that has it; the caller frees. NULL with *why. */
static char *template_read(const struct report *report, const char *name, struct reason *why)
{
	char *text = NULL;

	for (const char *const *plots = report->plots; *plots && !text; plots++)
		text = file_read(*plots, name, why);
	return text;
}

static int template_fill(const struct report *report, size_t which, struct reason *why)
{
	const struct template_hooks hooks = { .text = templates[which].text };
	char *text = template_read(report, templates[which].name, why), *path = NULL;
	struct new_file file;
	int rc = text ? 0 : -EIO;

	if (!rc && asprintf(&path, "%s/" PAPER "/%s", report->directory, templates[which].name) < 0)
		rc = fail(why, ENOMEM, "out of memory");
	if (!rc)
		rc = new_file_open(&file, path, why);
	if (!rc) {
		rc = template_write(report->db, text, &hooks, file.out, why);
		if (rc)
			new_file_drop(&file);
		else
			rc = new_file_put(&file, why);
	}
	free(path);
	free(text);
	return rc;
}

int paper_write(const struct report *report, struct reason *why)
{
	char *folder;
	int rc;

	if (asprintf(&folder, "%s/" PAPER, report->directory) < 0)
		return fail(why, ENOMEM, "out of memory");
	rc = directory_make(folder, why);
	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]) && !rc; i++)
		rc = template_fill(report, i, why);
	free(folder);
	return rc;
}
