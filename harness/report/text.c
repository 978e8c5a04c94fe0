#include "report/text.h"

#include "base/units.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SIGNIFICANT 3
#define MOST_DECIMALS 4 /* what is smaller is zero to a reader */

static int decimals_of(double number)
{
	int decimals = SIGNIFICANT - 1;

	/* The addition keeps 999.9 from getting a decimal that 1000 would not have. */
	if (isfinite(number) && number != 0)
		decimals -= (int)floor(log10(fabs(number)) + 2e-4);
	if (decimals < 0)
		return 0;
	return decimals > MOST_DECIMALS ? MOST_DECIMALS : decimals;
}

struct text number_text(double number)
{
	struct text out;

	if (!isfinite(number))
		return (struct text){ "?" };
	/* -0.00004 reads as 0, not as -0.0000. */
	if (fabs(number) < pow(10, -MOST_DECIMALS) / 2)
		return (struct text){ "0" };
	snprintf(out.text, sizeof(out.text), "%.*f", decimals_of(number), number);
	return out;
}

struct text count_text(double number)
{
	struct text plain, out;
	size_t length, used = 0;

	if (!isfinite(number) || fabs(number) >= 1e18)
		return number_text(NAN);
	snprintf(plain.text, sizeof(plain.text), "%.0f", number);
	length = strlen(plain.text);
	for (size_t i = 0; i < length; i++) {
		out.text[used++] = plain.text[i];
		/* Four digits read well as they are. */
		if (length > 4 && i + 1 < length && (length - 1 - i) % 3 == 0)
			out.text[used++] = ' ';
	}
	out.text[used] = '\0';
	return out;
}

struct text bytes_text(double bytes)
{
	static const struct {
		double bytes;
		const char *name;
	} units[] = { { (double)GIB, "GiB" }, { (double)MIB, "MiB" }, { (double)KIB, "KiB" }, { 1, "bytes" } };
	struct text out;
	size_t i = 0;

	while (i + 1 < sizeof(units) / sizeof(units[0]) && !(fabs(bytes) >= units[i].bytes))
		i++;
	/* 72 pages are 288 KiB and not 288.0. */
	if (isfinite(bytes) && bytes / units[i].bytes == floor(bytes / units[i].bytes))
		snprintf(out.text, sizeof(out.text), "%.0f %s", bytes / units[i].bytes, units[i].name);
	else
		snprintf(out.text, sizeof(out.text), "%.32s %s", number_text(bytes / units[i].bytes).text,
			units[i].name);
	return out;
}

struct text interval_text(double near, double lo, double hi)
{
	struct text out = { "" };
	int decimals = decimals_of(near);

	if (isfinite(lo) && isfinite(hi))
		snprintf(out.text, sizeof(out.text), " [%.*f, %.*f]", decimals, lo, decimals, hi);
	return out;
}

struct text count_interval_text(double lo, double hi)
{
	struct text out = { "" };

	if (isfinite(lo) && isfinite(hi))
		snprintf(out.text, sizeof(out.text), " [%.0f, %.0f]", lo, hi);
	return out;
}

struct text ratio_text(double ratio, double lo, double hi)
{
	struct text out = { "?" };

	if (isfinite(ratio))
		snprintf(out.text, sizeof(out.text), "%.3f", ratio);
	if (isfinite(ratio) && isfinite(lo) && isfinite(hi))
		snprintf(out.text, sizeof(out.text), "%.3f [%.3f, %.3f]", ratio, lo, hi);
	return out;
}

const char *ordinal_suffix(unsigned long number)
{
	static const char *const suffixes[] = { "th", "st", "nd", "rd" };

	if (number % 100 / 10 == 1 || number % 10 >= sizeof(suffixes) / sizeof(suffixes[0]))
		return "th";
	return suffixes[number % 10];
}

struct text param_text(const char *key, const json_t *value)
{
	size_t length = strlen(key), tail = strlen("_bytes");
	struct size_text size;
	struct text out;

	if (json_is_string(value))
		snprintf(out.text, sizeof(out.text), "%s", json_string_value(value));
	else if (json_is_integer(value) && length > tail && !strcmp(key + length - tail, "_bytes"))
		snprintf(out.text, sizeof(out.text), "%s", size_format((uint64_t)json_integer_value(value), &size));
	else if (json_is_number(value))
		snprintf(out.text, sizeof(out.text), "%.15g", json_number_value(value));
	else
		snprintf(out.text, sizeof(out.text), "%s", json_is_true(value) ? "yes" : "no");
	return out;
}

void text_append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

void label_clean(char *label)
{
	for (; *label; label++) {
		if ((unsigned char)*label < ' ' || strchr("\\`*[]<>&|~\"", *label))
			*label = ' ';
	}
}

const json_t *json_at(const json_t *object, const char *path)
{
	while (object && *path) {
		char key[64];
		size_t length = strcspn(path, ".");

		if (length >= sizeof(key))
			return NULL;
		memcpy(key, path, length);
		key[length] = '\0';
		object = json_object_get(object, key);
		path += length + (path[length] == '.');
	}
	return object;
}

const char *string_at(const json_t *object, const char *path)
{
	return json_string_value(json_at(object, path));
}

double number_at(const json_t *object, const char *path)
{
	const json_t *value = json_at(object, path);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

void markdown_text(FILE *out, const char *text)
{
	if (!text)
		text = "unknown";
	for (; *text; text++) {
		if ((unsigned char)*text < ' ') {
			fputc(' ', out);
			continue;
		}
		if (strchr("\\`*_[]<>&|~", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

void table_text(FILE *out, const char *text)
{
	if (!text)
		text = "NA";
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' || *text == '"' ? ' ' : *text, out);
}

void table_number(FILE *out, double number)
{
	if (isfinite(number))
		fprintf(out, "%.7g", number);
	else
		fputs("NA", out);
}

char *text_finish(FILE *text, char **markdown)
{
	if (!fclose(text))
		return *markdown;
	free(*markdown);
	return NULL;
}
