/* A database of runs as an SQLite file, for programs that are not nestwalk, and to ask it again. */
#ifndef NESTWALK_RECORD_DATABASE_FILE_H
#define NESTWALK_RECORD_DATABASE_FILE_H

#include "base/reason.h"

#include <sqlite3.h>
#include <stdio.h>

/* PRAGMA user_version of a file: another number means tables that this version does not know. */
#define DATABASE_FILE_VERSION 2

/*
 * Write all tables of `db` to a file. It is written beside `path`, and takes its place when it is whole. 0, or a negative
 * errno with *why.
 */
int database_file_write(sqlite3 *db, const char *path, struct reason *why);

/*
 * Open a file that database_file_write() made, to read it; the SQL functions of results are there. The caller closes *db.
 * 0, or a negative errno with *why: -EINVAL it is no such file, or one of another version.
 */
int database_file_open(const char *path, sqlite3 **db, struct reason *why);

/* An open stream to a file beside `path`, which the caller frees as *beside. NULL with *why. */
FILE *database_file_beside(const char *path, char **beside, struct reason *why);

#endif
