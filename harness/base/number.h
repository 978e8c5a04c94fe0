/* Whole numbers of numbers that may come from anybody: from JSON, from SQL, from the text of a guest. */
#ifndef NESTWALK_BASE_NUMBER_H
#define NESTWALK_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The whole part of `number`, in *whole. False, and *whole unchanged, where it is not finite, negative, or more than `most`:
 * the language does not say what a cast makes of such a number.
 */
bool number_whole(double number, uint64_t most, uint64_t *whole);

/* The same for a text of decimal digits and nothing else. */
bool number_of_text(const char *text, uint64_t most, uint64_t *whole);

#endif
