/* A fact sheet on stdout: sections of labelled lines, from a JSON object whose nulls have reasons beside them. */
#ifndef NESTWALK_SHEET_H
#define NESTWALK_SHEET_H

#include <jansson.h>

enum sheet_unit {
	SHEET_PLAIN,
	SHEET_BYTES, /* "2M" */
	SHEET_HZ, /* "2596.146 MHz" */
};

/* Room for one formatted value with its reason; longer ones are cut off. */
struct sheet_text {
	char text[640];
};

void sheet_section(const char *title);

/* A label and a text, broken at blanks to fit a terminal of 100 columns, the following lines under the first. */
void sheet_row(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A value for people; null is "unknown". Returns out->text, as do the next two. */
const char *sheet_value(const json_t *value, enum sheet_unit unit, struct sheet_text *out);

/* The value of a key, and the reason beside it if there is one. */
const char *sheet_value_reason(const json_t *object, const char *key, enum sheet_unit unit, struct sheet_text *out);

/* The elements of an array with commas between. */
const char *sheet_list(const json_t *list, enum sheet_unit unit, struct sheet_text *out);

/* The text of KEY_reason; NULL where there is none. */
const char *sheet_reason(const json_t *object, const char *key);

/* A row with a value, or with the elements of an array ("none" where it is empty), or why there is none. */
void sheet_value_row(const char *label, const json_t *object, const char *key, enum sheet_unit unit);
void sheet_list_row(const char *label, const json_t *object, const char *key, enum sheet_unit unit);

#endif
