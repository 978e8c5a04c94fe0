/* Comparing texts that may be missing. A missing text is NULL. */
#ifndef NESTWALK_BASE_TEXT_H
#define NESTWALK_BASE_TEXT_H

#include <stdbool.h>

/* Whether `text` is this word. A missing text is no word. */
bool text_is(const char *text, const char *word);

/* Whether two texts are equal. Two missing texts are equal. */
bool text_same(const char *a, const char *b);

#endif
