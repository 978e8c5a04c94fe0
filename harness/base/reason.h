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
 * Two errors that no system call and no library returns, as an errno ends at 4095 (MAX_ERRNO, include/linux/err.h). Exit codes
 * follow from these two alone: an EINVAL of the kernel is no wrong command line, and an ENOMEM of a library does not say
 * that this machine cannot be measured.
 */
enum {
	WRONG_REQUEST = 5001, /* what was asked for on the command line has no meaning, or none here */
	CANNOT_HERE, /* this machine, or what this process may do on it, does not allow it */
};

/*
 * Fill *why (which may be NULL) and return -error, so that `return fail(why, EINVAL, "...")` is the whole error path.
 * @error: a positive errno value.
 */
int fail(struct reason *why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Append a sentence to *why (which may be NULL), behind a semicolon where there is one already. */
void reason_add(struct reason *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
