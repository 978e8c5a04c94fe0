#include "report/site_find.h"

#include "report/site_stamp.h"

#include <ctype.h>
#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Long enough for a host's name and a time; a file system takes 255 bytes. */
#define NAME_MOST 100

static bool has_file(const char *directory, const char *name)
{
	struct stat there;
	char *path;
	bool has;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return false;
	has = !stat(path, &there) && S_ISREG(there.st_mode);
	free(path);
	return has;
}

static bool is_same(const char *path, const char *other)
{
	struct stat a, b;

	return other && !stat(path, &a) && !stat(other, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int entry_compare(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

int site_find(struct names *runs, const char *directory, const char *but, struct reason *why)
{
	char *const roots[] = { (char *)directory, NULL }; /* fts_open() does not write there */
	size_t before = runs->count;
	FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, entry_compare);
	bool is_directory = false;
	FTSENT *entry;
	int rc = tree ? 0 : -ENOMEM;

	while (!rc && (entry = fts_read(tree))) {
		if (entry->fts_info != FTS_D)
			continue;
		is_directory = true;
		if (is_same(entry->fts_path, but)) {
			fts_set(tree, entry, FTS_SKIP);
		} else if (has_file(entry->fts_path, "run.json") || has_file(entry->fts_path, "points.jsonl")) {
			fts_set(tree, entry, FTS_SKIP);
			rc = names_add(runs, entry->fts_path);
		}
	}
	if (tree)
		fts_close(tree);
	if (!rc && runs->count == before && !is_directory)
		rc = names_add(runs, directory);
	return rc ? fail(why, ENOMEM, "out of memory") : 0;
}

char *site_name(const char *path)
{
	bool changed = strlen(path) > NAME_MOST || *path == '.';
	char *name = malloc(2 * strlen(path) + sizeof("-0123456789abcdef")), *end = name;

	if (!name)
		return NULL;
	for (const char *c = path; *c && end < name + NAME_MOST; c++) {
		bool plain = isalnum((unsigned char)*c) || strchr("._-", *c);

		if (*c == '/') {
			*end++ = '-';
			*end++ = '-';
			continue;
		}
		/* No name is hidden. */
		*end = plain && (end > name || *c != '.') ? *c : '-';
		end++;
		changed |= !plain;
	}
	if (changed)
		end += sprintf(end, "-%08" PRIx32, (uint32_t)checksum_of(CHECKSUM_EMPTY, path, strlen(path)));
	*end = '\0';
	return name;
}
