#include "record/anonymous.h"

#include "base/member.h"
#include "base/plain_file.h"
#include "record/anonymous_words.h"
#include "record/load.h"

#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Every number that nestwalk writes has fewer digits than 15, and comes out as it was. 17 are enough for any number, but
 * write 0.1 as 0.10000000000000001.
 */
#define DIGITS 15
#define DIGITS_MOST 17
#define OPEN_DIRECTORIES 8

/* What hwloc says of CPUs and caches, and of itself; the rest is about this one machine. */
static const char *const kept_infos[] = { "Architecture", "Backend", "CPUFamilyNumber", "CPUModel", "CPUModelNumber",
	"CPUStepping", "CPUVendor", "Inclusive", "hwlocVersion" };

struct copying {
	const char *from, *to; /* directories */
	struct anonymous_words *words;
	FILE *points;
	struct reason *why;
};

/* Open a file of the copy. NULL with *why. */
static FILE *copy_open(const struct copying *copying, const char *name)
{
	char *path = run_file(copying->to, name);
	FILE *out = path ? fopen(path, "wex") : NULL;

	if (!out)
		fail(copying->why, errno, "cannot write %s/%s: %s", copying->to, name, strerror(errno));
	free(path);
	return out;
}

static int copy_close(const struct copying *copying, FILE *out, const char *name)
{
	bool bad = ferror(out);

	bad = fclose(out) || bad;
	return bad ? fail(copying->why, EIO, "cannot write %s/%s", copying->to, name) : 0;
}

/* A value as text with each of its numbers, which the caller frees. NULL: memory is short. */
static char *json_text(const json_t *value, size_t format)
{
	char *text = json_dumps(value, format | JSON_REAL_PRECISION(DIGITS));
	json_t *again = text ? json_loads(text, 0, NULL) : NULL;
	bool is_whole = again && json_equal((json_t *)value, again);

	json_decref(again);
	if (is_whole)
		return text;
	free(text);
	return json_dumps(value, format | JSON_REAL_PRECISION(DIGITS_MOST));
}

static int json_write(const struct copying *copying, const json_t *value, size_t format, FILE *out)
{
	json_t *replaced = anonymous_words_json(copying->words, value);
	char *text = replaced ? json_text(replaced, format) : NULL;
	int rc = 0;

	if (!text)
		rc = fail(copying->why, ENOMEM, "out of memory");
	else if (fprintf(out, "%s\n", text) < 0)
		rc = fail(copying->why, EIO, "cannot write in %s", copying->to);
	free(text);
	json_decref(replaced);
	return rc;
}

/* One of the files that are JSON as a whole. */
static int about_write(const struct copying *copying, const json_t *about, const char *name)
{
	FILE *out = copy_open(copying, name);
	int rc = out ? json_write(copying, about, JSON_INDENT(2), out) : -EIO, error;

	error = out ? copy_close(copying, out, name) : 0;
	return rc ? rc : error;
}

static json_t *point_read(const struct text_line *line)
{
	return json_loadb(line->text, line->length, JSON_REJECT_DUPLICATES, NULL);
}

static int point_learn(void *context, const struct text_line *line)
{
	const struct copying *copying = context;
	json_t *point = point_read(line);
	int rc = point ? anonymous_words_learn(copying->words, point) : 0;

	json_decref(point);
	return rc ? fail(copying->why, ENOMEM, "out of memory") : 0;
}

static int point_write(void *context, const struct text_line *line)
{
	const struct copying *copying = context;
	json_t *point = point_read(line);
	int rc = 0;

	if (point)
		rc = json_write(copying, point, JSON_COMPACT, copying->points);
	else if (!line->cut)
		rc = fail(copying->why, EINVAL, "%s/points.jsonl:%zu: not JSON", copying->from, line->number);
	json_decref(point);
	return rc;
}

static int points_write(struct copying *copying)
{
	char *path = run_file(copying->from, "points.jsonl");
	int rc = path ? 0 : fail(copying->why, ENOMEM, "out of memory"), error;

	copying->points = rc ? NULL : copy_open(copying, "points.jsonl");
	if (!rc)
		rc = copying->points ? json_each_line(path, point_write, copying, copying->why) : -EIO;
	error = copying->points ? copy_close(copying, copying->points, "points.jsonl") : 0;
	free(path);
	return rc ? rc : error;
}

/* The value of an attribute within a tag; its length, 0 where it is not there. */
static size_t attribute_find(const char *tag, const char *name, const char **value)
{
	*value = strstr(tag, name);
	if (!*value)
		return 0;
	*value += strlen(name);
	return strcspn(*value, "\"");
}

static bool info_is_kept(const char *tag)
{
	const char *name;
	size_t length = attribute_find(tag, "name=\"", &name);

	for (size_t i = 0; i < sizeof(kept_infos) / sizeof(kept_infos[0]); i++)
		if (strlen(kept_infos[i]) == length && !strncmp(name, kept_infos[i], length))
			return true;
	return false;
}

/* Where a tag ends; a > within quotes is none of its own. */
static const char *tag_end(const char *tag)
{
	bool quoted = false;

	for (; *tag && (quoted || *tag != '>'); tag++)
		quoted = quoted != (*tag == '"');
	return *tag ? tag + 1 : tag;
}

/* The XML without those <info>s that tell more than what CPU it is, and without other programs' data. */
static int topology_filter(const struct copying *copying, const char *xml, FILE *out)
{
	while (*xml) {
		const char *end = *xml == '<' ? tag_end(xml) : xml + strcspn(xml, "<");
		char *tag = strndup(xml, (size_t)(end - xml)), *replaced = NULL;

		if (tag)
			replaced = anonymous_words_text(copying->words, tag);
		if (!tag || !replaced) {
			free(tag);
			return fail(copying->why, ENOMEM, "out of memory");
		}
		if (!strncmp(tag, "<!--", 4) || (!strncmp(tag, "<info ", 6) && !info_is_kept(tag)))
			end += strspn(end, " \t\r\n");
		else
			fputs(replaced, out);
		free(replaced);
		free(tag);
		xml = end;
	}
	return 0;
}

static int topology_write(const struct copying *copying)
{
	FILE *in = plain_file_open(copying->from, "topology.xml", PLAIN_FILE_DOCUMENT_MOST, copying->why), *out;
	size_t length;
	char *xml;
	int rc, error;

	/* A run without it is not valid, but can be read. */
	if (!in)
		return errno == ENOENT ? 0 : -errno;
	xml = plain_file_rest(in, &length, copying->why);
	rc = xml ? 0 : -EIO;
	fclose(in);
	out = rc ? NULL : copy_open(copying, "topology.xml");
	if (!rc)
		rc = out ? topology_filter(copying, xml, out) : -EIO;
	error = out ? copy_close(copying, out, "topology.xml") : 0;
	free(xml);
	return rc ? rc : error;
}

/* The run.json of the joined runs, by the file names that nestwalk gives them: other names may lead anywhere. */
static int joined_each(const struct copying *copying, const json_t *about,
	int (*each)(const struct copying *copying, const json_t *joined, const char *name))
{
	size_t i;
	json_t *element;
	int rc = 0;

	json_array_foreach (json_object_get(about, "joined"), i, element) {
		const char *name = member_text(element, "file");
		char expected[64];
		json_t *joined;
		FILE *file;

		snprintf(expected, sizeof(expected), "joined/%zu-run.json", i + 1);
		if (!name || strcmp(name, expected))
			return fail(copying->why, EINVAL, "%s/run.json: joined: the file is not called %s",
				copying->from, expected);
		file = plain_file_open(copying->from, name, PLAIN_FILE_DOCUMENT_MOST, copying->why);
		if (!file)
			return -errno;
		joined = json_loadf(file, JSON_REJECT_DUPLICATES, NULL);
		fclose(file);
		if (!joined)
			return fail(copying->why, EINVAL, "cannot read %s/%s", copying->from, name);
		rc = each(copying, joined, name);
		json_decref(joined);
		if (rc)
			return rc;
	}
	return 0;
}

static int joined_learn(const struct copying *copying, const json_t *joined, const char *name)
{
	(void)name;
	return anonymous_words_learn(copying->words, joined) ? fail(copying->why, ENOMEM, "out of memory") : 0;
}

/* Names may stand in any file, and so all are read before the first is written. */
static int all_learn(struct copying *copying, const json_t *about)
{
	char *points = run_file(copying->from, "points.jsonl");
	int rc = points && !anonymous_words_learn(copying->words, about) ? 0 : -ENOMEM;

	if (rc)
		fail(copying->why, ENOMEM, "out of memory");
	if (!rc)
		rc = joined_each(copying, about, joined_learn);
	if (!rc)
		rc = json_each_line(points, point_learn, copying, copying->why);
	anonymous_words_settle(copying->words);
	free(points);
	return rc;
}

static int all_write(struct copying *copying, const json_t *about)
{
	char *joined = run_file(copying->to, "joined");
	int rc = joined ? 0 : fail(copying->why, ENOMEM, "out of memory");

	if (!rc && json_array_size(json_object_get(about, "joined")) && mkdir(joined, 0777))
		rc = fail(copying->why, errno, "cannot make %s: %s", joined, strerror(errno));
	free(joined);
	if (!rc)
		rc = about_write(copying, about, "run.json");
	if (!rc)
		rc = joined_each(copying, about, about_write);
	if (!rc)
		rc = points_write(copying);
	return rc ? rc : topology_write(copying);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

int anonymous_write(const char *path, const char *to, struct reason *why)
{
	struct copying copying = { .from = path, .to = to, .why = why };
	json_t *about = NULL;
	int rc = run_about_load(path, &about, why);

	if (!rc && !(copying.words = anonymous_words_new(why)))
		rc = -ENOMEM;
	if (!rc)
		rc = all_learn(&copying, about);
	if (!rc && mkdir(to, 0777)) {
		rc = fail(
			why, errno, "cannot make %s: %s; name a directory that is not there yet", to, strerror(errno));
	} else if (!rc) {
		rc = all_write(&copying, about);
		if (rc)
			nftw(to, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
	}
	anonymous_words_free(copying.words);
	json_decref(about);
	return rc;
}
