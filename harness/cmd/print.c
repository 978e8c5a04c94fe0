#include "cmd/print.h"
#include "base/member.h"
#include "base/text.h"
#include "base/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LABEL_COLUMNS 22
#define LINE_COLUMNS 98 /* fits a terminal of 100 */

void print_row(const char *label, const char *format, ...)
{
	static const size_t room = LINE_COLUMNS - LABEL_COLUMNS - 3;
	char text[2048];
	const char *at = text;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
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

void print_value_row(const char *label, const json_t *object, const char *key, enum print_unit unit)
{
	struct print_text text;

	print_row(label, "%s", print_value_reason(object, key, unit, &text));
}

const char *print_list(const json_t *list, enum print_unit unit, struct print_text *out)
{
	size_t used = 0;

	out->text[0] = 0;
	for (size_t i = 0; i < json_array_size(list) && used < sizeof(out->text) - 1; i++) {
		struct print_text one;
		int length = snprintf(out->text + used, sizeof(out->text) - used, "%s%.*s", i ? ", " : "",
			(int)sizeof(one.text) - 1, print_value(json_array_get(list, i), unit, &one));

		used += length > 0 ? (size_t)length : 0;
	}
	return out->text;
}

void print_list_row(const char *label, const json_t *object, const char *key, enum print_unit unit)
{
	const json_t *list = json_object_get(object, key);
	struct print_text text;

	if (!json_is_array(list))
		print_value_row(label, object, key, unit);
	else
		print_row(label, "%s", json_array_size(list) ? print_list(list, unit, &text) : "none");
}
