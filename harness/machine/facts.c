#include "machine/facts.h"

#include "base/member.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct facts facts_begin(void)
{
	struct facts facts = { .object = json_object() };

	facts.failed = !facts.object;
	return facts;
}

json_t *facts_end(struct facts *facts)
{
	json_t *object = facts->object;

	facts->object = NULL;
	if (!facts->failed)
		return object;
	json_decref(object);
	return NULL;
}

void facts_json(struct facts *facts, const char *key, json_t *value)
{
	if (json_object_set_new(facts->object, key, value))
		facts->failed = true;
}

void facts_null(struct facts *facts, const char *key, const struct reason *why)
{
	char reason_key[96];

	snprintf(reason_key, sizeof(reason_key), "%s_reason", key);
	facts_json(facts, key, json_null());
	facts_text(facts, reason_key, why->text[0] ? why->text : "not known");
}

json_t *facts_string(const char *text)
{
	return text_json(text);
}

void facts_text(struct facts *facts, const char *key, const char *text)
{
	facts_json(facts, key, facts_string(text));
}

void facts_text_under(struct facts *facts, const char *foreign_key, const char *text)
{
	json_t *key = facts_string(foreign_key);

	if (key)
		facts_text(facts, json_string_value(key), text);
	else
		facts->failed = true;
	json_decref(key);
}

void facts_u64(struct facts *facts, const char *key, uint64_t value)
{
	/* jansson's integers are signed; no count here comes near 2^63. */
	facts_json(facts, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

void facts_bool(struct facts *facts, const char *key, bool value)
{
	facts_json(facts, key, json_boolean(value));
}

void facts_real(struct facts *facts, const char *key, double value)
{
	facts_json(facts, key, json_real(value));
}

void facts_file_text(
	struct facts *facts, const char *key, const struct machine_source *source, const char *path_format, ...)
{
	char path[PATH_MAX], *text;
	struct reason why;
	va_list args;

	va_start(args, path_format);
	vsnprintf(path, sizeof(path), path_format, args);
	va_end(args);
	if (source_read_line(source, &text, &why, "%s", path))
		facts_null(facts, key, &why);
	else
		facts_text(facts, key, text);
	free(text);
}

void facts_file_u64(
	struct facts *facts, const char *key, const struct machine_source *source, const char *path_format, ...)
{
	char path[PATH_MAX];
	struct reason why;
	uint64_t value;
	va_list args;

	va_start(args, path_format);
	vsnprintf(path, sizeof(path), path_format, args);
	va_end(args);
	if (source_read_u64(source, &value, &why, "%s", path))
		facts_null(facts, key, &why);
	else
		facts_u64(facts, key, value);
}

void facts_append(struct facts *facts, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		facts->failed = true;
}
