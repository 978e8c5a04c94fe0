#include "report/site_conf.h"

#include "base/plain_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Paths that do not begin with a slash begin where the file is. */
struct conf_reading {
	struct site_conf *conf;
	const char *directory;
	size_t directory_length; /* with its slash; 0: the file is in the current directory */
};

static int path_add(const struct conf_reading *reading, struct names *paths, const char *path, struct reason *why)
{
	char *whole;
	int rc;

	if (asprintf(&whole, "%.*s%s", *path == '/' ? 0 : (int)reading->directory_length, reading->directory, path) < 0)
		return fail(why, ENOMEM, "out of memory");
	rc = names_add(paths, whole) ? fail(why, ENOMEM, "out of memory") : 0;
	free(whole);
	return rc;
}

static int title_read(const struct conf_reading *reading, char *text, struct reason *why)
{
	if (reading->conf->title)
		return fail(why, EINVAL, "there is a title already");
	reading->conf->title = strdup(text);
	return reading->conf->title ? 0 : fail(why, ENOMEM, "out of memory");
}

static int run_read(const struct conf_reading *reading, char *text, struct reason *why)
{
	return path_add(reading, &reading->conf->runs, text, why);
}

static int formats_read(const struct conf_reading *reading, char *text, struct reason *why)
{
	return site_formats_read(text, &reading->conf->formats, why);
}

/* The next word, which stands in double quotes where it has blanks. *rest moves behind it. NULL: there is none. */
static char *word_next(char **rest)
{
	char *word = *rest + strspn(*rest, " \t"), *end;

	if (!*word)
		return NULL;
	if (*word == '"') {
		end = strchr(++word, '"');
		if (!end)
			return NULL;
	} else {
		end = word + strcspn(word, " \t");
	}
	*rest = end + (*end != '\0');
	*end = '\0';
	return word;
}

static int compare_read(const struct conf_reading *reading, char *text, struct reason *why)
{
	struct site_conf *conf = reading->conf;
	struct site_comparison *grown = reallocarray(conf->comparison, conf->comparisons + 1, sizeof(*grown));
	char *word;
	int rc = 0;

	if (!grown)
		return fail(why, ENOMEM, "out of memory");
	conf->comparison = grown;
	grown[conf->comparisons] = (struct site_comparison){ 0 };
	while (!rc && (word = word_next(&text)))
		rc = path_add(reading, &grown[conf->comparisons].runs, word, why);
	conf->comparisons++;
	if (rc)
		return rc;
	if (text[strspn(text, " \t")])
		return fail(why, EINVAL, "a quote is not closed");
	return grown[conf->comparisons - 1].runs.count < 2
		       ? fail(why, EINVAL, "a comparison needs two runs: compare: A B")
		       : 0;
}

static const struct {
	const char *key;
	int (*read)(const struct conf_reading *reading, char *text, struct reason *why);
} keys[] = {
	{ "title", title_read },
	{ "run", run_read },
	{ "compare", compare_read },
	{ "formats", formats_read },
};

/* Where a line's text begins; its blanks at both ends are gone. In place. */
static char *trimmed(char *line)
{
	char *end;

	line += strspn(line, " \t\r\n");
	end = line + strlen(line);
	while (end > line && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return line;
}

static int line_read(const struct conf_reading *reading, char *line, struct reason *why)
{
	char *text = trimmed(line), *colon = strchr(text, ':');

	if (!*text || *text == '#')
		return 0;
	if (!colon)
		return fail(why, EINVAL, "'%.80s' is not KEY: VALUE", text);
	*colon = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char *value = trimmed(colon + 1);

		if (strcmp(keys[i].key, trimmed(text)))
			continue;
		return *value ? keys[i].read(reading, value, why) : fail(why, EINVAL, "%s: has no value", keys[i].key);
	}
	return fail(why, EINVAL, "there is no key '%.80s': title, run, compare and formats are known", text);
}

int site_conf_read(const char *path, struct site_conf *conf, struct reason *why)
{
	const char *slash = strrchr(path, '/');
	const struct conf_reading reading = { conf, path, slash ? (size_t)(slash - path) + 1 : 0 };
	size_t number = 0, room = 0;
	char *line = NULL;
	FILE *file = plain_file_open_named(path, PLAIN_FILE_DOCUMENT_MOST, why);
	int rc = 0;

	*conf = (struct site_conf){ 0 };
	if (!file)
		return -errno;
	while (!rc && getline(&line, &room, file) > 0) {
		struct reason told;

		number++;
		rc = line_read(&reading, line, &told);
		if (rc)
			fail(why, -rc, "%s: line %zu: %s", path, number, told.text);
	}
	if (!rc && ferror(file))
		rc = fail(why, EIO, "cannot read %s", path);
	fclose(file);
	free(line);
	if (rc)
		site_conf_free(conf);
	return rc;
}

void site_conf_free(struct site_conf *conf)
{
	for (size_t i = 0; i < conf->comparisons; i++)
		names_free(&conf->comparison[i].runs);
	free(conf->comparison);
	names_free(&conf->runs);
	free(conf->title);
	*conf = (struct site_conf){ 0 };
}

int site_formats_read(const char *list, struct site_formats *formats, struct reason *why)
{
	static const char *const known[] = { "svg", "png", "pdf" };
	bool wanted[3] = { true };
	size_t count = 0;

	while (*(list += strspn(list, ", \t"))) {
		size_t length = strcspn(list, ", \t"), i = 0;

		while (i < 3 && (strlen(known[i]) != length || strncmp(known[i], list, length)))
			i++;
		if (i == 3)
			return fail(why, EINVAL, "'%.*s' is no format: svg, png and pdf are", (int)length, list);
		wanted[i] = true;
		list += length;
	}
	for (size_t i = 0; i < 3; i++)
		if (wanted[i])
			formats->name[count++] = known[i];
	formats->name[count] = NULL;
	return 0;
}
