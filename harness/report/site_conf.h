/* What site.conf says: further runs, comparisons, the title and the formats of a site. docs/PUBLISHING.md describes it. */
#ifndef NESTWALK_REPORT_SITE_CONF_H
#define NESTWALK_REPORT_SITE_CONF_H

#include "base/reason.h"
#include "report/files.h"

#include <stddef.h>

struct site_comparison {
	struct names runs; /* paths, two or more */
};

/* Formats of pictures: some of "svg", "png", "pdf", ended by NULL. None: not given. */
struct site_formats {
	const char *name[4];
};

struct site_conf {
	char *title; /* NULL: none is given */
	struct names runs; /* paths of further runs, or of directories with runs below */
	struct site_formats formats; /* of the pictures of every run */
	struct site_comparison *comparison;
	size_t comparisons;
};

/*
 * Read a file. Paths in it are relative to its directory. 0 with *conf, whose contents site_conf_free() frees; a negative
 * errno with *why naming file and line: -ENOENT there is no such file, -EINVAL a line is not understood.
 */
int site_conf_read(const char *path, struct site_conf *conf, struct reason *why);
void site_conf_free(struct site_conf *conf);

/* The formats in a list, such as "svg png" or "svg,png", and svg, which pages show. 0, or -EINVAL with *why. */
int site_formats_read(const char *list, struct site_formats *formats, struct reason *why);

#endif
