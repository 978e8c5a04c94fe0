/*
 * Writing a file whose directory may come from anybody: it is made anew beside its place, and takes the place of what was there
 * when it is whole. So no link, pipe or device that somebody left under its name is ever written to.
 */
#ifndef NESTWALK_BASE_NEW_FILE_H
#define NESTWALK_BASE_NEW_FILE_H

#include "base/reason.h"

#include <stdio.h>

struct new_file {
	FILE *out;
	char *path, *beside; /* PATH.partial; owned */
};

/* Make PATH.partial; what is there under that name is removed. 0, or -errno with *why; then there is nothing to end. */
int new_file_open(struct new_file *file, const char *path, struct reason *why);

/*
 * Close the file and put it in its place; where that fails, or a write before did, it is removed. 0, or -errno with *why.
 * It is not made durable: that is fsync(2), before.
 */
int new_file_put(struct new_file *file, struct reason *why);

/* Close the file and remove it: something else has failed. */
void new_file_drop(struct new_file *file);

#endif
