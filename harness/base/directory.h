/* Directories. */
#ifndef NESTWALK_BASE_DIRECTORY_H
#define NESTWALK_BASE_DIRECTORY_H

#include "base/reason.h"

/*
 * Make the directory `path` where it is not there yet; what is above it has to be there. 0; a negative errno with *why:
 * -EEXIST something else has the name, -ELOOP a link, which may lead anywhere.
 */
int directory_make(const char *path, struct reason *why);

/*
 * Where temporary files go: $TMPDIR, otherwise the first of /tmp, /var/tmp and /dev/shm that can be written to, otherwise
 * /tmp, where trying will tell why not. Valid until the environment changes.
 */
const char *directory_temporary(void);

#endif
