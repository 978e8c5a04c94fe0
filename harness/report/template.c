#include "report/template.h"

#include "base/text.h"
#include "record/database.h"
#include "report/rows.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define OPEN "{{"
#define CLOSE "}}"

/* A template that is being written. */
struct writing {
	sqlite3 *db;
	const struct template_hooks *hooks;
	const char *whole; /* its text, to tell on which line something stands */
	struct reason *why;
};

/* A part of a template's text: from `at` up to `end`. */
struct span {
	const char *at, *end;
};

static int block_write(struct writing *writing, struct span text, const struct template_scope *scope, FILE *out);

static size_t line_of(const struct writing *writing, const char *at)
{
	size_t line = 1;

	for (const char *c = writing->whole; c < at; c++)
		line += *c == '\n';
	return line;
}

/* Say on which line of the template something failed. */
static int fail_at(struct writing *writing, const char *at, int error, const char *words)
{
	struct reason told;

	/* The words may be those of *why itself. */
	snprintf(told.text, sizeof(told.text), "%s", words);
	return fail(writing->why, error, "line %zu: %.400s", line_of(writing, at), told.text);
}

/* The end of what opens at `at`; things within it may stand in braces, too. NULL: it is never closed. */
static const char *tag_end(const char *at, const char *end)
{
	int depth = 0;

	for (; at + 1 < end; at++) {
		if (!strncmp(at, OPEN, 2)) {
			depth++;
			at++;
		} else if (!strncmp(at, CLOSE, 2)) {
			at++;
			if (!--depth)
				return at + 1;
		}
	}
	return NULL;
}

static char *span_copy(struct span span)
{
	while (span.at < span.end && isspace((unsigned char)*span.at))
		span.at++;
	while (span.end > span.at && isspace((unsigned char)span.end[-1]))
		span.end--;
	return strndup(span.at, (size_t)(span.end - span.at));
}

/* What stands in a tag: "each: SELECT 1" is the word "each" and the argument "SELECT 1"; "name" is a word alone. */
struct tag {
	char *word, *argument; /* owned; no argument: NULL */
};

static int tag_read(struct span inside, struct tag *tag)
{
	const char *colon = memchr(inside.at, ':', (size_t)(inside.end - inside.at));

	*tag = (struct tag){ 0 };
	tag->word = span_copy((struct span){ inside.at, colon ? colon : inside.end });
	if (colon)
		tag->argument = span_copy((struct span){ colon + 1, inside.end });
	return tag->word && (tag->argument || !colon) ? 0 : -ENOMEM;
}

static void tag_free(struct tag *tag)
{
	free(tag->word);
	free(tag->argument);
}

sqlite3_value *template_value(const struct template_scope *scope, const char *name)
{
	for (; scope; scope = scope->outer)
		for (int i = 0; i < scope->columns; i++)
			if (!strcmp(scope->name[i], name))
				return scope->value[i];
	return NULL;
}

int template_bind(sqlite3_stmt *statement, const struct template_scope *scope, struct reason *why)
{
	for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
		const char *name = sqlite3_bind_parameter_name(statement, i);
		sqlite3_value *value = name ? template_value(scope, name + 1) : NULL;

		if (!value)
			return fail(why, EINVAL, "nothing around this query has the name %s", name ? name : "?");
		sqlite3_bind_value(statement, i, value);
	}
	return 0;
}

/* A query with the values of its surroundings. NULL with *why. */
static sqlite3_stmt *query_open(
	struct writing *writing, const char *at, const char *sql, const struct template_scope *scope)
{
	sqlite3_stmt *statement = database_prepare(writing->db, sql, writing->why);

	if (!statement) {
		fail_at(writing, at, EIO, writing->why->text);
	} else if (template_bind(statement, scope, writing->why)) {
		fail_at(writing, at, EINVAL, writing->why->text);
		sqlite3_finalize(statement);
		statement = NULL;
	}
	return statement;
}

static void scope_free(struct template_scope *scope)
{
	for (int i = 0; i < scope->columns; i++) {
		if (scope->name)
			free(scope->name[i]);
		if (scope->value)
			sqlite3_value_free(scope->value[i]);
	}
	free(scope->name);
	free(scope->value);
}

static int scope_fill(sqlite3_stmt *row, const struct template_scope *outer, struct template_scope *scope)
{
	int columns = sqlite3_column_count(row);

	*scope = (struct template_scope){ .outer = outer, .columns = columns };
	scope->name = calloc((size_t)columns, sizeof(*scope->name));
	scope->value = calloc((size_t)columns, sizeof(*scope->value));
	for (int i = 0; i < columns && scope->name && scope->value; i++) {
		scope->name[i] = strdup(sqlite3_column_name(row, i));
		scope->value[i] = sqlite3_value_dup(sqlite3_column_value(row, i));
		if (!scope->name[i] || !scope->value[i])
			return -ENOMEM;
	}
	return scope->name && scope->value ? 0 : -ENOMEM;
}

/* A value as text that nothing takes for markup; NULL is nothing. */
static void value_write(const struct writing *writing, sqlite3_value *value, FILE *out)
{
	void (*text_write)(const char *text, FILE *to) =
		writing->hooks->text ? writing->hooks->text : rows_write_markdown;

	if (sqlite3_value_type(value) == SQLITE_FLOAT)
		fprintf(out, "%.7g", sqlite3_value_double(value));
	else if (sqlite3_value_type(value) != SQLITE_NULL)
		text_write((const char *)sqlite3_value_text(value), out);
}

static int value_tag(
	struct writing *writing, const char *at, const char *sql, const struct template_scope *scope, FILE *out)
{
	sqlite3_stmt *statement = query_open(writing, at, sql, scope);
	int rc;

	if (!statement)
		return -EIO;
	rc = database_step(statement, writing->why);
	if (rc > 0)
		value_write(writing, sqlite3_column_value(statement, 0), out);
	if (rc < 0)
		fail_at(writing, at, EIO, writing->why->text);
	sqlite3_finalize(statement);
	return rc < 0 ? rc : 0;
}

static int table_tag(
	struct writing *writing, const char *at, const char *sql, const struct template_scope *scope, FILE *out)
{
	sqlite3_stmt *statement = query_open(writing, at, sql, scope);
	int rc;

	if (!statement)
		return -EIO;
	rc = rows_write(statement, ROWS_MARKDOWN, out, NULL, writing->why);
	if (rc)
		fail_at(writing, at, -rc, writing->why->text);
	sqlite3_finalize(statement);
	return rc;
}

/* Commands are copied from here, so that they are whole unless nobody could have typed them. */
#define CODE_CHARACTERS_MOST 2000

/* A code block ends where a line is not indented: a clean text is one line. */
static int code_tag(
	struct writing *writing, const char *at, const char *sql, const struct template_scope *scope, FILE *out)
{
	sqlite3_stmt *statement = query_open(writing, at, sql, scope);
	int rc;

	if (!statement)
		return -EIO;
	while ((rc = database_step(statement, writing->why)) > 0) {
		const char *text = (const char *)sqlite3_column_text(statement, 0);
		char *copy = text ? strdup(text) : NULL;

		if (copy)
			fprintf(out, "    %s\n", text_shorten(text_clean(copy), CODE_CHARACTERS_MOST));
		free(copy);
	}
	if (rc < 0)
		fail_at(writing, at, EIO, writing->why->text);
	sqlite3_finalize(statement);
	return rc;
}

/* A value in the words of a figure, which may be the title of a picture. */
#define WORDS_CHARACTERS_MOST 60

static void words_write(sqlite3_value *value, FILE *out)
{
	const char *text = (const char *)sqlite3_value_text(value);
	char *copy = text ? strdup(text) : NULL;

	if (copy)
		fputs(text_shorten(text_clean(copy), WORDS_CHARACTERS_MOST), out);
	free(copy);
}

/* The words of a figure's title and description may hold names in braces. The caller frees. NULL with *why. */
static char *words_of(struct writing *writing, struct span span, const struct template_scope *scope)
{
	char *words = NULL, *trimmed = NULL;
	size_t size;
	FILE *out = open_memstream(&words, &size);

	for (; out && span.at < span.end; span.at++) {
		const char *end = strncmp(span.at, OPEN, 2) ? NULL : tag_end(span.at, span.end);
		char *name = end ? span_copy((struct span){ span.at + 2, end - 2 }) : NULL;
		sqlite3_value *value = name ? template_value(scope, name) : NULL;

		if (value && sqlite3_value_type(value) != SQLITE_NULL)
			words_write(value, out);
		else if (!name)
			fputc(*span.at, out);
		if (end)
			span.at = end - 1;
		free(name);
	}
	if (out && !fclose(out))
		trimmed = span_copy((struct span){ words, words + size });
	free(words);
	if (!trimmed)
		fail(writing->why, ENOMEM, "out of memory");
	return trimmed;
}

static int figure_tag(
	struct writing *writing, const char *at, const char *argument, const struct template_scope *scope, FILE *out)
{
	const char *end = argument + strlen(argument), *title_end = argument + strcspn(argument, "|");
	const char *alt = *title_end ? title_end + 1 : argument, *alt_end = alt + strcspn(alt, "|");
	struct figure_words words = {
		.title = words_of(writing, (struct span){ argument, title_end }, scope),
		.alt = words_of(writing, (struct span){ alt, alt_end }, scope),
		.along = *title_end && *alt_end ? words_of(writing, (struct span){ alt_end + 1, end }, scope) : NULL,
	};
	int rc = words.title && words.alt && (words.along || !*title_end || !*alt_end) ? 0 : -ENOMEM;

	if (!rc && !writing->hooks->figure)
		rc = fail(writing->why, EINVAL, "there can be no figure here");
	if (!rc)
		rc = writing->hooks->figure(writing->hooks->context, &words, scope, out, writing->why);
	if (rc)
		fail_at(writing, at, -rc, writing->why->text);
	free(words.title);
	free(words.alt);
	free(words.along);
	return rc;
}

/* Where the block that begins at `body` ends; *after is what follows its {{end}}. */
static int block_find(struct writing *writing, struct span body, const char **end, const char **after)
{
	int depth = 1;
	const char *at = body.at;

	while (at + 1 < body.end) {
		const char *close = strncmp(at, OPEN, 2) ? NULL : tag_end(at, body.end);
		struct tag tag;

		if (!close) {
			at++;
			continue;
		}
		if (tag_read((struct span){ at + 2, close - 2 }, &tag)) {
			tag_free(&tag);
			return fail(writing->why, ENOMEM, "out of memory");
		}
		depth += tag.argument && (!strcmp(tag.word, "each") || !strcmp(tag.word, "if"));
		depth -= !tag.argument && !strcmp(tag.word, "end");
		tag_free(&tag);
		if (!depth) {
			*end = at;
			*after = close;
			return 0;
		}
		at = close;
	}
	/* The body may begin on the next line. */
	return fail_at(writing, body.at - 1, EINVAL, "a block is not closed: {{end}} is missing");
}

/* The rows of a block's query: all of them, or the first. They are read before the block is written. */
struct block_rows {
	struct template_scope *row;
	size_t count;
};

static void block_rows_free(struct block_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		scope_free(&rows->row[i]);
	free(rows->row);
}

static int block_rows_read(struct writing *writing, const char *at, const struct tag *tag,
	const struct template_scope *scope, struct block_rows *rows)
{
	bool once = !strcmp(tag->word, "if");
	sqlite3_stmt *statement = query_open(writing, at, tag->argument, scope);
	int rc = statement ? 1 : -EIO;

	while (rc > 0 && !(once && rows->count) && (rc = database_step(statement, writing->why)) > 0) {
		struct template_scope *grown = reallocarray(rows->row, rows->count + 1, sizeof(*grown));

		if (grown)
			rows->row = grown;
		if (!grown || scope_fill(statement, scope, &grown[rows->count++]))
			rc = fail(writing->why, ENOMEM, "out of memory");
	}
	if (statement && rc < 0)
		fail_at(writing, at, -rc, writing->why->text);
	sqlite3_finalize(statement);
	return rc < 0 ? rc : 0;
}

/*
 * Write a block for each row of its query, or for the first one only. The query is over by then: what stands in the block
 * may drop tables, which SQLite allows only where nothing is being read.
 */
static int rows_tag(struct writing *writing, const char *at, const struct tag *tag, struct span body,
	const struct template_scope *scope, FILE *out)
{
	struct block_rows rows = { 0 };
	int rc = block_rows_read(writing, at, tag, scope, &rows);

	for (size_t i = 0; i < rows.count && !rc; i++)
		rc = block_write(writing, body, &rows.row[i], out);
	block_rows_free(&rows);
	return rc;
}

/* What stands alone on its line takes the line with it: `at` and `end` are moved over its blanks and its newline. */
static bool stands_alone(struct writing *writing, const char *text_end, const char *at, const char **end)
{
	const char *after = *end;

	while (at > writing->whole && (at[-1] == ' ' || at[-1] == '\t'))
		at--;
	while (after < text_end && (*after == ' ' || *after == '\t'))
		after++;
	if ((at > writing->whole && at[-1] != '\n') || (after < text_end && *after != '\n'))
		return false;
	*end = after < text_end ? after + 1 : after;
	return true;
}

/* Carry out one tag. *end is moved behind it, and behind the block that it opens. */
static int tag_write(
	struct writing *writing, struct span text, const char **end, const struct template_scope *scope, FILE *out)
{
	const char *at = text.at, *after = NULL, *body_end = NULL;
	struct tag tag;
	int rc = tag_read((struct span){ at + 2, *end - 2 }, &tag);
	long before = ftell(out);
	bool alone = stands_alone(writing, text.end, at, end);

	if (rc) {
		rc = fail(writing->why, ENOMEM, "out of memory");
	} else if (tag.word[0] == '#') {
		rc = 0;
	} else if (!tag.argument && template_value(scope, tag.word)) {
		value_write(writing, template_value(scope, tag.word), out);
	} else if (!tag.argument) {
		rc = fail(
			writing->why, EINVAL, "line %zu: nothing here has the name %s", line_of(writing, at), tag.word);
	} else if (!strcmp(tag.word, "value")) {
		rc = value_tag(writing, at, tag.argument, scope, out);
	} else if (!strcmp(tag.word, "table")) {
		rc = table_tag(writing, at, tag.argument, scope, out);
		alone = false;
	} else if (!strcmp(tag.word, "code")) {
		rc = code_tag(writing, at, tag.argument, scope, out);
		alone = false;
	} else if (!strcmp(tag.word, "figure")) {
		rc = figure_tag(writing, at, tag.argument, scope, out);
	} else if (!strcmp(tag.word, "include") && writing->hooks->include) {
		rc = writing->hooks->include(writing->hooks->context, tag.argument, out, writing->why);
	} else if (!strcmp(tag.word, "each") || !strcmp(tag.word, "if")) {
		rc = block_find(writing, (struct span){ *end, text.end }, &body_end, &after);
		if (!rc)
			rc = rows_tag(writing, at, &tag, (struct span){ *end, body_end }, scope, out);
		if (!rc) {
			*end = after;
			stands_alone(writing, text.end, body_end, end);
		}
		alone = false;
	} else {
		rc = fail(writing->why, EINVAL, "line %zu: there is no '%s:'", line_of(writing, at), tag.word);
	}
	/* A value alone on its line keeps the line's end where it gave something. */
	if (!rc && alone && ftell(out) > before)
		fputc('\n', out);
	tag_free(&tag);
	return rc;
}

static int block_write(struct writing *writing, struct span text, const struct template_scope *scope, FILE *out)
{
	int rc = 0;

	while (text.at < text.end && !rc) {
		const char *end;

		if (text.at + 1 >= text.end || strncmp(text.at, OPEN, 2)) {
			fputc(*text.at++, out);
			continue;
		}
		end = tag_end(text.at, text.end);
		if (!end)
			return fail_at(writing, text.at, EINVAL, "what is opened here is not closed: }} is missing");
		rc = tag_write(writing, text, &end, scope, out);
		text.at = end;
	}
	return rc;
}

int template_write(sqlite3 *db, const char *text, const struct template_hooks *hooks, FILE *out, struct reason *why)
{
	struct writing writing = { .db = db, .hooks = hooks, .whole = text, .why = why };

	return block_write(&writing, (struct span){ text, text + strlen(text) }, NULL, out);
}
