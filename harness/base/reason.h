/* The reason why something could not be done, as one line that a user can act on. */
#ifndef NESTWALK_REASON_H
#define NESTWALK_REASON_H

/*
 * Library code never prints: it fills a reason and returns a negative errno; cmd/ decides what to do with it.
 * Text is cleaned (base/text.h), so that it can be printed. It is one sentence, lower case, without a trailing full stop, and says what to do where something can be done.
 */
struct reason {
	char text[480];
};

/*
 * Fill *why (which may be NULL) and return -error, so that `return fail(why, EINVAL, "...")` is the whole error path.
 * @error: a positive errno value.
 */
int fail(struct reason *why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Append a sentence to *why (which may be NULL), behind a semicolon where there is one already. */
void reason_add(struct reason *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
