/* What tells whether a page is that of its run as it is now, drawn by this program. */
#ifndef NESTWALK_REPORT_SITE_STAMP_H
#define NESTWALK_REPORT_SITE_STAMP_H

#include "base/reason.h"
#include "report/files.h"

#include <stddef.h>
#include <stdint.h>

/* FNV-1a of 64 bits: it guards against mistakes, not against people who look for two files with one sum. */
#define CHECKSUM_EMPTY 0xcbf29ce484222325u

/* The checksum with so many bytes more. */
uint64_t checksum_of(uint64_t checksum, const void *bytes, size_t length);

/* The checksum of what draws: this program, and all files in the folders `plots`, ended by NULL. 0, or an error with *why. */
int checksum_of_drawing(const char *const *plots, uint64_t *checksum, struct reason *why);

/*
 * The same with the runs that are drawn: the size and the time of change of their files. A file that cannot be read is one
 * more state of a run.
 */
uint64_t checksum_of_runs(uint64_t checksum, const struct names *runs);

#endif
