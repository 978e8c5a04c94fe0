#include "cmd/print.h"
#include "base/member.h"
#include "base/text.h"
#include "base/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMNS 22
#define LINE_COLUMNS 98 /* fits a terminal of 100 */

void print_row(const char *label, const char *format, ...)
{
	static const size_t room = LINE_COLUMNS - LABEL_COLUMNS - 3;
	char *text;
	const char *at;
	va_list args;
	int length_all;

	va_start(args, format);
	length_all = vasprintf(&text, format, args);
	va_end(args);
	if (length_all < 0)
		return;
	at = text;
	text_clean(text);
	do {
		size_t length = strlen(at);

		if (length > room) {
			for (length = room; length && at[length] != ' ';)
				length--;
			if (!length) /* one long word: a path, better whole than broken */
				length = strcspn(at, " ");
		}
		printf("  %-*s %.*s\n", LABEL_COLUMNS, label, (int)length, at);
		label = "";
		at += length;
		while (*at == ' ')
			at++;
	} while (*at);
	free(text);
}

void print_section(const char *title)
{
	printf("\n%s\n", title);
}

const char *print_value(const json_t *value, enum print_unit unit, struct print_text *out)
{
	struct size_text size;

	if (json_is_string(value))
		snprintf(out->text, sizeof(out->text), "%s", json_string_value(value));
	else if (json_is_boolean(value))
		snprintf(out->text, sizeof(out->text), "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_real(value))
		snprintf(out->text, sizeof(out->text), "%.2f", json_real_value(value));
	else if (!json_is_integer(value))
		snprintf(out->text, sizeof(out->text), "unknown");
	else if (unit == PRINT_BYTES)
		snprintf(out->text, sizeof(out->text), "%s", size_format((uint64_t)json_integer_value(value), &size));
	else if (unit == PRINT_HZ)
		snprintf(out->text, sizeof(out->text), "%.3f MHz",
			(double)json_integer_value(value) / (double)HZ_PER_MHZ);
	else
		snprintf(out->text, sizeof(out->text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return out->text;
}

const char *print_reason(const json_t *object, const char *key)
{
	char reason_key[96];

	snprintf(reason_key, sizeof(reason_key), "%s_reason", key);
	return member_text(object, reason_key);
}

const char *print_value_reason(const json_t *object, const char *key, enum print_unit unit, struct print_text *out)
{
	const char *reason = print_reason(object, key);
	size_t used;

	print_value(json_object_get(object, key), unit, out);
	used = strlen(out->text);
	if (reason)
		snprintf(out->text + used, sizeof(out->text) - used, ": %s", reason);
	return out->text;
}

const char *print_counted_value(const json_t *object, const char *key, const char *counted, struct print_text *out)
{
	size_t used;

	print_value_reason(object, key, PRINT_PLAIN, out);
	used = strlen(out->text);
	if (json_is_number(json_object_get(object, key)))
		snprintf(out->text + used, sizeof(out->text) - used, " %s", counted);
	return out->text;
}

void print_value_row(const char *label, const json_t *object, const char *key, enum print_unit unit)
{
	const char *string = member_text(object, key), *reason = print_reason(object, key);
	struct print_text text;

	/* A text of a system may be long: a list of CPUs, the name of a file. */
	if (string)
		print_row(label, "%s%s%s", string, reason ? ": " : "", reason ? reason : "");
	else
		print_row(label, "%s", print_value_reason(object, key, unit, &text));
}

const char *print_list(const json_t *list, enum print_unit unit, struct print_text *out)
{
	/* Room for what says how many are left out. */
	static const size_t room = sizeof(out->text) - sizeof(" and 18446744073709551615 more");
	size_t used = 0;

	out->text[0] = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct print_text one;

		print_value(json_array_get(list, i), unit, &one);
		if (used + strlen(one.text) + 2 > room) {
			snprintf(
				out->text + used, sizeof(out->text) - used, " and %zu more", json_array_size(list) - i);
			break;
		}
		used += (size_t)snprintf(
			out->text + used, sizeof(out->text) - used, "%s%.*s", i ? ", " : "", (int)room, one.text);
	}
	return out->text;
}

void print_list_row(const char *label, const json_t *object, const char *key, enum print_unit unit)
{
	const json_t *list = json_object_get(object, key);
	struct print_text one;
	char *text = NULL;
	size_t length;
	FILE *all;

	if (!json_is_array(list)) {
		print_value_row(label, object, key, unit);
		return;
	}
	all = open_memstream(&text, &length);
	if (!all)
		return;
	for (size_t i = 0; i < json_array_size(list); i++)
		fprintf(all, "%s%s", i ? ", " : "", print_value(json_array_get(list, i), unit, &one));
	if (!fclose(all))
		print_row(label, "%s", length ? text : "none");
	free(text);
}
