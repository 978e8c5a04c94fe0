/* A run without what identifies the people and machines that it was made by, for publishing. */
#ifndef NESTWALK_RECORD_ANONYMOUS_H
#define NESTWALK_RECORD_ANONYMOUS_H

#include "base/reason.h"

/*
 * Copy the run `path` to `to`, a directory that is not there yet: run.json, points.jsonl, topology.xml and the run.json of
 * joined runs, with words in place of names (record/anonymous_words.h). Numbers stay as they are.
 * A guest's console, QEMU's messages and the report are not copied, nor what topology.xml tells beyond the CPU, nor a last
 * line that was cut off. 0, or a negative errno with *why: -EEXIST `to` is there. On failure there is no `to`.
 */
int anonymous_write(const char *path, const char *to, struct reason *why);

#endif
