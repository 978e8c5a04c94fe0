/* Writing a run directory: docs/RESULTS.md. Lines that were written are never lost. */
#ifndef NESTWALK_WRITE_H
#define NESTWALK_WRITE_H

#include "base/reason.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>

struct run_writer {
	char path[4096]; /* of the directory */
	FILE *points, *journal;
};

/*
 * Make the directory (and those above it), points.jsonl and the journal (record/journal.h). 0; -EEXIST it holds a run already; -errno with *why:
 * not writable, no room. Owned by the caller: run_writer_close().
 */
int run_writer_open(struct run_writer *writer, const char *path, struct reason *why);

/*
 * The same for a run that goes on: open its points.jsonl and its journal, and cut off lines that were not finished. 0; -EBUSY with
 * *why: another nestwalk writes there; -errno with *why.
 */
int run_writer_resume(struct run_writer *writer, const char *path, struct reason *why);
void run_writer_close(struct run_writer *writer);

/* Replace run.json as a whole: a reader sees the old one or the new one. 0, or -errno with *why. */
int run_write_about(const struct run_writer *writer, const json_t *about, struct reason *why);

/* Append one line to points.jsonl and flush it. 0, or -errno with *why (the disk is full). */
int run_write_point(struct run_writer *writer, const json_t *point, struct reason *why);

/* Append one line to the journal (record/journal.h) and flush it. 0, or -errno with *why (the disk is full). */
int run_write_journal(struct run_writer *writer, const json_t *entry, struct reason *why);

/*
 * Replace points.jsonl by these points, a line each, and remove the journal, which they make needless. The file is replaced
 * as a whole; on failure both are unchanged.
 */
int run_write_points(struct run_writer *writer, const json_t *points, struct reason *why);

/* PATH of a file of the run, in text[bytes]; returns text. */
char *writer_file(const struct run_writer *writer, const char *name, char *text, size_t bytes);

/* The current time in the format of run.json: "2026-11-22T01:40:00Z". New reference, or NULL. */
json_t *run_utc_now(void);

/* The name of this machine, whole and as it is: up to 64 bytes that need not be text. "" where it has none. Returns name. */
char *run_host_name(char name[HOST_NAME_MAX + 1]);

/*
 * results/<host>/<UTC stamp> below the working directory, in text[bytes]. <host> is one component: a name like "..", "a/b"
 * or "" leads nowhere else.
 */
void run_default_path(char *text, size_t bytes);

#endif
