/*
 * Variables of the environment that libraries and child processes read. Some would make a library describe another machine,
 * or draw otherwise: they are taken out when the program starts. Others did their work before main() began: they stay, and
 * are recorded.
 */
#ifndef NESTWALK_ENVIRONMENT_H
#define NESTWALK_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Take out what is to be taken out. Called once, before any library is used and while there is one thread. */
void environment_clean(void);

/* A variable that was found, and what became of it. */
struct environment_variable {
	const char *text; /* "NAME" of one that was taken out, "NAME=VALUE" of one that stays */
	bool taken_out;
	const char *why;
};

/* The i-th of those that were taken out, and then of those that stay and may change numbers. False behind the last. */
bool environment_found(size_t i, struct environment_variable *variable);

/* Whether a variable ("NAME=VALUE") is one that allocators read. */
bool environment_is_of_allocator(const char *variable);

#endif
