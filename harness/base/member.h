/* Members of JSON objects that may be missing or of another type, and numbers that may be unknown. */
#ifndef NESTWALK_BASE_MEMBER_H
#define NESTWALK_BASE_MEMBER_H

#include <jansson.h>
#include <stdbool.h>

/* The string `key` of an object, borrowed from it. NULL where the object has no such string, or is not an object. */
const char *member_text(const json_t *object, const char *key);

/* Whether the string `key` of an object is this word. */
bool member_is(const json_t *object, const char *key, const char *word);

/* A new reference to a number, or to null where the number is not finite. NULL where memory is short. */
json_t *number_or_null(double number);

/*
 * A new string of a text that comes from a system or a user (an argument, a host name, a path, a file of the kernel),
 * whatever bytes it has: cleaned (base/text.h), as jansson makes no string of what is not UTF-8. NULL where memory is
 * short.
 */
json_t *text_json(const char *text);

#endif
