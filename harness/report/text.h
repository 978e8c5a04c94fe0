/* Numbers and words as a reader wants them, and values out of JSON that may not be there. */
#ifndef NESTWALK_REPORT_TEXT_H
#define NESTWALK_REPORT_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Short texts are returned by value, so that several can stand in one printf. */
struct text {
	char text[96];
};

/* Three significant digits without an exponent: "6.92", "113", "0.0041", "65536"; "?" for what is not a number. */
struct text number_text(double number);

/* A count with its thousands apart: "65 536". "?" for what is not a number. */
struct text count_text(double number);

/* "288 KiB", "11.3 MiB": three significant digits, in powers of two. */
struct text bytes_text(double bytes);

/* " [6.81, 7.02]", with as many decimals as `near`, the number before it, has; "" where either end is not a number. */
struct text interval_text(double near, double lo, double hi);

/* " [72, 75]": of whole things. */
struct text count_interval_text(double lo, double hi);

/* "1.003 [0.998, 1.007]": a ratio near 1, where three digits would hide what matters. */
struct text ratio_text(double ratio, double lo, double hi);

/* "nd" of 2nd. */
const char *ordinal_suffix(unsigned long number);

/* A value of params as a word: "thp", "4K" for an integer whose key ends in _bytes, "4". */
struct text param_text(const char *key, const json_t *value);

/* Append to a text that has `size` bytes of room in all; what does not fit is cut. */
void text_append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Labels go into tables, titles and Markdown, and what they are made of may come from anybody: take markup out. */
void label_clean(char *label);

/* Follow keys separated by dots. NULL, or NaN, where the path ends early or in a value of another kind. */
const json_t *json_at(const json_t *object, const char *path);
const char *string_at(const json_t *object, const char *path);
double number_at(const json_t *object, const char *path);

/*
 * Write text that came from elsewhere (a CPU's name, a reason) so that Markdown takes none of it for markup, on one
 * line. NULL is written as "unknown".
 */
void markdown_text(FILE *out, const char *text);

/* The same inside a table of tab-separated values: no tabs, no line ends, no quotes. NULL is written as "NA". */
void table_text(FILE *out, const char *text);

/* A number in such a table, with all digits that mean something; "NA" for NaN. */
void table_number(FILE *out, double number);

/*
 * Close a text that was opened with open_memstream(markdown, ...). Returns what was written, for the caller to free; NULL,
 * with nothing left to free, where memory was too short for it.
 */
char *text_finish(FILE *text, char **markdown);

#endif
