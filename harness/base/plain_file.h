/*
 * Reading files that may come from anybody: from a run that somebody sent, from a guest, from a machine that was recorded.
 * Only a regular file of a bounded size is read: a named pipe would wait for ever, a device never end, and a link show a file
 * of this machine.
 */
#ifndef NESTWALK_BASE_PLAIN_FILE_H
#define NESTWALK_BASE_PLAIN_FILE_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* A whole run.json has some 10 KiB, topology.xml of a large machine 1 MiB. */
#define PLAIN_FILE_DOCUMENT_MOST (16ULL << 20)
/* The points of a run, of which 100 000 have 200 MiB. */
#define PLAIN_FILE_POINTS_MOST (8ULL << 30)
/* A line: a point of 100 000 samples with ten metrics has 10 MiB. */
#define PLAIN_FILE_LINE_MOST (64UL << 20)

/*
 * Open DIRECTORY/NAME for reading; NAME may have directories of its own. No link is followed below DIRECTORY, and no part of
 * NAME is "..". NULL with *why and errno: ENOENT and others of openat(2); ELOOP it is a link; EINVAL it is no regular file, or
 * no such name; EFBIG it has more than `most_bytes`. The caller closes it.
 */
FILE *plain_file_open(const char *directory, const char *name, uint64_t most_bytes, struct reason *why);

/* The same for a path, of which only the last part must not be a link: those before it are the user's own words. */
FILE *plain_file_open_path(const char *path, uint64_t most_bytes, struct reason *why);

/* The same for a path that the user chose as a whole, so that links are followed. */
FILE *plain_file_open_named(const char *path, uint64_t most_bytes, struct reason *why);

/* The rest of a file, with a NUL behind it, which the caller frees; NULL with *why and errno. */
char *plain_file_rest(FILE *file, size_t *length, struct reason *why);

/* As getline(3), but a line of more than PLAIN_FILE_LINE_MOST bytes is an error: -1 with errno EFBIG. */
ssize_t plain_file_line(char **text, size_t *room, FILE *file);

#endif
