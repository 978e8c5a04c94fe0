#include "report/site_stamp.h"

#include "base/plain_file.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FNV_PRIME 0x100000001b3u

uint64_t checksum_of(uint64_t checksum, const void *bytes, size_t length)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < length; i++)
		checksum = (checksum ^ byte[i]) * FNV_PRIME;
	return checksum;
}

static uint64_t text_checksum(uint64_t checksum, const char *text)
{
	return checksum_of(checksum, text, strlen(text) + 1);
}

static int file_checksum(const char *path, uint64_t *checksum, struct reason *why)
{
	char bytes[65536];
	FILE *file = plain_file_open_named(path, PLAIN_FILE_POINTS_MOST, why);
	size_t got;
	int rc = 0;

	if (!file)
		return -errno;
	while ((got = fread(bytes, 1, sizeof(bytes), file)))
		*checksum = checksum_of(*checksum, bytes, got);
	if (ferror(file))
		rc = fail(why, EIO, "cannot read %s", path);
	fclose(file);
	return rc;
}

static int entry_compare(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int folder_checksum(const char *folder, uint64_t *checksum, struct reason *why)
{
	char *const roots[] = { (char *)folder, NULL }; /* fts_open() does not write there */
	FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, entry_compare);
	FTSENT *entry;
	int rc = tree ? 0 : fail(why, ENOMEM, "out of memory");

	while (!rc && (entry = fts_read(tree))) {
		if (entry->fts_info != FTS_F)
			continue;
		*checksum = text_checksum(*checksum, entry->fts_path + strlen(folder));
		rc = file_checksum(entry->fts_path, checksum, why);
	}
	if (tree)
		fts_close(tree);
	return rc;
}

int checksum_of_drawing(const char *const *plots, uint64_t *checksum, struct reason *why)
{
	int rc;

	*checksum = CHECKSUM_EMPTY;
	rc = file_checksum("/proc/self/exe", checksum, why);
	for (; *plots && !rc; plots++)
		rc = folder_checksum(*plots, checksum, why);
	return rc;
}

uint64_t checksum_of_runs(uint64_t checksum, const struct names *runs)
{
	static const char *const files[] = { "run.json", "points.jsonl" };

	for (size_t i = 0; i < runs->count; i++) {
		checksum = text_checksum(checksum, runs->name[i]);
		for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
			struct stat there = { 0 };
			int64_t state[3];
			char *path;

			if (asprintf(&path, "%s/%s", runs->name[i], files[k]) < 0)
				continue;
			if (stat(path, &there))
				there.st_size = -1;
			state[0] = there.st_size;
			state[1] = there.st_mtim.tv_sec;
			state[2] = there.st_mtim.tv_nsec;
			checksum = checksum_of(checksum, state, sizeof(state));
			free(path);
		}
	}
	return checksum;
}
