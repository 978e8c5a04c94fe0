/* Printing facts on stdout: sections of labelled lines, from a JSON object whose nulls have reasons beside them. */
#ifndef NESTWALK_PRINT_H
#define NESTWALK_PRINT_H

#include <jansson.h>

enum print_unit {
	PRINT_PLAIN,
	PRINT_BYTES, /* "2M" */
	PRINT_HZ, /* "2596.146 MHz" */
};

/* Room for one formatted value with its reason, or for a list, which says how many of its elements did not fit. */
struct print_text {
	char text[640];
};

void print_section(const char *title);

/*
 * Print a label and a text. The text is broken at blanks to fit a terminal of 100 columns, its further lines stand
 * under the first.
 */
void print_row(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Format a value for people; null is "unknown". This and the next two functions return out->text. */
const char *print_value(const json_t *value, enum print_unit unit, struct print_text *out);

/* Format the value of a key, and the reason beside it if there is one. */
const char *print_value_reason(const json_t *object, const char *key, enum print_unit unit, struct print_text *out);

/* Format a number with the word for what is counted ("64 bytes"); of an unknown one the reason, and no such word. */
const char *print_counted_value(const json_t *object, const char *key, const char *counted, struct print_text *out);

/* Format the elements of an array with commas between them. */
const char *print_list(const json_t *list, enum print_unit unit, struct print_text *out);

/* The text of KEY_reason; NULL where there is none. */
const char *print_reason(const json_t *object, const char *key);

/*
 * Print a row with a value, or with the elements of an array ("none" where it is empty); where there is none, print
 * the reason.
 */
void print_value_row(const char *label, const json_t *object, const char *key, enum print_unit unit);
void print_list_row(const char *label, const json_t *object, const char *key, enum print_unit unit);

#endif
