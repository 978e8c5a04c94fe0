#include "record/load.h"

#include "base/plain_file.h"
#include "base/text.h"
#include "record/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *run_file(const char *path, const char *name)
{
	size_t length = strlen(path);
	char *file;

	/* A shell completes a directory to "RUN/". */
	while (length > 1 && path[length - 1] == '/')
		length--;
	return asprintf(&file, "%.*s/%s", (int)length, path, name) < 0 ? NULL : file;
}

char *point_identity(const json_t *point)
{
	static const char *const keys[] = { "bench", "setting", "paging", "accel", "params", "pass" };
	json_t *parts = json_array();
	char *text;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *part = json_object_get(point, keys[i]);

		json_array_append_new(parts, part ? json_incref(part) : json_null());
	}
	text = json_dumps(parts, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(parts);
	return text;
}

/* What to do with each line of a file. */
struct lines_reader {
	int (*each)(void *context, const struct text_line *line);
	void *context;
	bool clean;
};

static int lines_read(const char *path, const struct lines_reader *reader, struct reason *why)
{
	FILE *file = plain_file_open_path(path, PLAIN_FILE_POINTS_MOST, why);
	char *text = NULL;
	size_t room = 0;
	ssize_t length;
	struct text_line line = { 0 };
	int rc = 0;

	if (!file)
		return -errno;
	while (!rc && (errno = 0, length = plain_file_line(&text, &room, file)) >= 0) {
		line = (struct text_line){
			.number = line.number + 1,
			.text = text,
			.length = (size_t)length,
			.cut = length == 0 || text[length - 1] != '\n',
		};
		if (strspn(text, " \t\r\n") == (size_t)length)
			continue;
		if (reader->clean) {
			line.length = text_clean_json(text, line.length);
			text[line.length] = '\0';
		}
		rc = reader->each(reader->context, &line);
	}
	if (!rc && errno)
		rc = fail(why, errno, "cannot read %s: line %zu: %s", path, line.number + 1, strerror(errno));
	free(text);
	fclose(file);
	return rc;
}

int json_each_line(
	const char *path, int (*each)(void *context, const struct text_line *line), void *context, struct reason *why)
{
	return lines_read(path, &(struct lines_reader){ each, context, true }, why);
}

/* The points of a run directory: those of points.jsonl, then those that only its journal has. */
static int points_read(const char *path, const struct lines_reader *reader, struct reason *why)
{
	char *points = run_file(path, "points.jsonl");
	int rc = points ? lines_read(points, reader, why) : fail(why, ENOMEM, "out of memory");

	free(points);
	return rc ? rc : journal_each_line(path, reader->each, reader->context, why);
}

int run_each_line(
	const char *path, int (*each)(void *context, const struct text_line *line), void *context, struct reason *why)
{
	return points_read(path, &(struct lines_reader){ each, context, true }, why);
}

/* The receiver of a run's points, while its lines are read. */
struct points_reader {
	int (*each)(void *context, const struct point_line *line);
	void *context;
};

static int point_parse(void *context, const struct text_line *text)
{
	const struct points_reader *reader = context;
	struct point_line line = { .number = text->number, .cut = text->cut };
	json_error_t error;
	int rc;

	/* By length, not as a string: a block of zeros after a crash must not pass for the end of a line. */
	line.point = json_loadb(text->text, text->length, JSON_REJECT_DUPLICATES, &error);
	if (!line.point) {
		line.problem = error.text;
	} else if (!json_is_object(line.point)) {
		json_decref(line.point);
		line.point = NULL;
		line.problem = "not a JSON object";
	}
	rc = reader->each(reader->context, &line);
	json_decref(line.point);
	return rc;
}

int points_each_line(
	const char *path, int (*each)(void *context, const struct point_line *line), void *context, struct reason *why)
{
	struct points_reader reader = { each, context };

	return points_read(path, &(struct lines_reader){ point_parse, &reader, false }, why);
}

struct reading {
	const char *path;
	struct loaded_run *run;
	json_t *where; /* identity -> index in run->points */
	struct reason *why;
};

static int keep_point(void *context, const struct point_line *line)
{
	struct reading *reading = context;
	json_t *index;
	char *identity;
	int rc = 0;

	if (!line->point) {
		if (!line->cut)
			return fail(reading->why, EINVAL, "%s:%zu: %s", reading->path, line->number, line->problem);
		reading->run->truncated = true;
		return 0;
	}
	identity = point_identity(line->point);
	if (!identity)
		return fail(reading->why, ENOMEM, "out of memory");
	index = json_object_get(reading->where, identity);
	if (index)
		rc = json_array_set(reading->run->points, (size_t)json_integer_value(index), line->point);
	else if (!json_object_set_new(
			 reading->where, identity, json_integer((json_int_t)json_array_size(reading->run->points))))
		rc = json_array_append(reading->run->points, line->point);
	else
		rc = -1;
	free(identity);
	return rc ? fail(reading->why, ENOMEM, "out of memory") : 0;
}

/* A file of JSON with its texts cleaned, which the caller frees; NULL with *why and errno. It may hold any bytes. */
static char *json_read(const char *path, size_t *length, struct reason *why)
{
	FILE *file = plain_file_open_path(path, PLAIN_FILE_DOCUMENT_MOST, why);
	char *text = file ? plain_file_rest(file, length, why) : NULL;
	int error = errno;

	if (file)
		fclose(file);
	errno = error;
	if (text)
		*length = text_clean_json(text, *length);
	return text;
}

static int about_load(const char *dir, const char *path, json_t **about, struct reason *why)
{
	json_error_t error;
	size_t length;
	char *text = json_read(path, &length, why);
	json_t *schema;

	if (!text && (errno == ENOENT || errno == ENOTDIR))
		return fail(why, ENOENT, "%s is not a run directory: it has no run.json", dir);
	if (!text)
		return -errno;
	*about = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	free(text);
	if (!*about)
		return fail(why, EINVAL, "%s:%d: %s", path, error.line > 0 ? error.line : 1, error.text);
	if (!json_is_object(*about))
		return fail(why, EINVAL, "%s:1: not a JSON object", path);
	schema = json_object_get(*about, "schema");
	if (!json_is_integer(schema))
		return fail(why, EINVAL, "%s:1: no schema number; is this a nestwalk run?", path);
	if (json_integer_value(schema) != RUN_SCHEMA)
		return fail(why, EINVAL, "%s:1: schema %lld, but this nestwalk reads schema %d", path,
			(long long)json_integer_value(schema), RUN_SCHEMA);
	return 0;
}

int run_about_load(const char *path, json_t **about, struct reason *why)
{
	char *file = run_file(path, "run.json");
	int rc = file ? about_load(path, file, about, why) : fail(why, ENOMEM, "out of memory");

	free(file);
	return rc;
}

int run_load(const char *path, struct loaded_run *run, struct reason *why)
{
	struct reading reading = { .run = run, .why = why };
	char *points = run_file(path, "points.jsonl"); /* for messages */
	int rc;

	*run = (struct loaded_run){ .path = strdup(path), .points = json_array() };
	reading.path = points;
	reading.where = json_object();
	if (!points || !run->path || !run->points || !reading.where)
		rc = fail(why, ENOMEM, "out of memory");
	else
		rc = run_about_load(path, &run->about, why);
	if (!rc)
		rc = run_each_line(path, point_parse, &(struct points_reader){ keep_point, &reading }, why);
	json_decref(reading.where);
	free(points);
	if (rc)
		run_unload(run);
	return rc;
}

void run_unload(struct loaded_run *run)
{
	free(run->path);
	json_decref(run->about);
	json_decref(run->points);
	*run = (struct loaded_run){ 0 };
}
