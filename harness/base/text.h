/*
 * Texts that may be missing, and texts that may come from anybody. A missing text is NULL.
 *
 * Cleaning makes text of what a file, a guest or a stranger calls one: UTF-8 in one line, without characters that steer a
 * terminal, turn the direction of writing, or that XML has no place for. Each of these becomes a question mark, a character
 * that breaks a line a blank. A text never gets longer.
 */
#ifndef NESTWALK_BASE_TEXT_H
#define NESTWALK_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `text` is this word. A missing text is no word. */
bool text_is(const char *text, const char *word);

/* Whether two texts are equal. Two missing texts are equal. */
bool text_same(const char *a, const char *b);

/* Clean a text in place, and return it. */
char *text_clean(char *text);

/* The same for a text of several lines, which it still has then. */
char *text_clean_lines(char *text);

/* The same for bytes that need not end in a NUL, or hold some. Returns how many are left; none is written behind them. */
size_t text_clean_bytes(char *text, size_t length);

/*
 * Clean the strings in a piece of JSON, raw characters as well as escapes, in place. White space and everything outside of
 * strings stays as it is, and so do control characters, which no string of JSON may hold. Returns how many bytes are left.
 */
size_t text_clean_json(char *json, size_t length);

/* Shorten a text of more than `most` characters in place, with an ellipsis in it, and return it. @most: at least 8. */
char *text_shorten(char *text, size_t most);

#endif
