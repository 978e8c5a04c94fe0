#include "record/database_file.h"

#include "record/database.h"
#include "record/sql_functions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "nstw": by this `file` and we know such a file from another program's. */
#define APPLICATION_ID 0x6e737477

static int backup(sqlite3 *from, sqlite3 *to, struct reason *why)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");

	if (backup) {
		sqlite3_backup_step(backup, -1);
		sqlite3_backup_finish(backup);
	}
	return sqlite3_errcode(to) == SQLITE_OK ? 0 : fail(why, EIO, "%s", sqlite3_errmsg(to));
}

FILE *database_file_beside(const char *path, char **beside, struct reason *why)
{
	FILE *out;

	if (asprintf(beside, "%s.partial", path) < 0) {
		*beside = NULL;
		fail(why, ENOMEM, "out of memory");
		return NULL;
	}
	/* What a killed export left is of no use. */
	unlink(*beside);
	out = fopen(*beside, "wxe");
	if (!out) {
		fail(why, errno, "cannot write %s: %s", *beside, strerror(errno));
		free(*beside);
		*beside = NULL;
	}
	return out;
}

int database_file_write(sqlite3 *db, const char *path, struct reason *why)
{
	char *beside, *pragmas = NULL;
	sqlite3 *file = NULL;
	FILE *made = database_file_beside(path, &beside, why);
	int rc = 0;

	if (!made)
		return -EIO;
	fclose(made);
	pragmas = sqlite3_mprintf(
		"PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION_ID, DATABASE_FILE_VERSION);
	if (!pragmas || sqlite3_open_v2(beside, &file, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		rc = fail(why, EIO, "cannot write %s", beside);
	if (!rc)
		rc = backup(db, file, why);
	if (!rc)
		rc = database_run(file, pragmas, why);
	if (rc) {
		struct reason told = *why;

		fail(why, -rc, "cannot write %s: %.200s", path, told.text);
	}
	if (sqlite3_close(file) != SQLITE_OK && !rc)
		rc = fail(why, EIO, "cannot write %s", path);
	if (!rc && rename(beside, path))
		rc = fail(why, errno, "cannot write %s: %s", path, strerror(errno));
	if (rc)
		unlink(beside);
	sqlite3_free(pragmas);
	free(beside);
	return rc;
}

/* The number that a PRAGMA gives; -1: none, as the file is no database. */
static sqlite3_int64 pragma_number(sqlite3 *db, const char *pragma)
{
	struct reason ignored;
	sqlite3_stmt *statement = database_prepare(db, pragma, &ignored);
	sqlite3_int64 number = -1;

	if (statement && sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

int database_file_open(const char *path, sqlite3 **db, struct reason *why)
{
	sqlite3_int64 version;
	int rc = 0;

	if (sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		rc = fail(why, EIO, "cannot read %s: %s", path, sqlite3_errmsg(*db));
	/* The file may come from anybody: its schema runs no function that could do harm. */
	if (!rc)
		rc = database_run(*db, "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;", why);
	if (!rc && pragma_number(*db, "PRAGMA application_id") != APPLICATION_ID)
		rc = fail(why, EINVAL, "%s is neither a run directory nor a file of `nestwalk export`", path);
	if (!rc) {
		version = pragma_number(*db, "PRAGMA user_version");
		if (version != DATABASE_FILE_VERSION)
			rc = fail(why, EINVAL, "%s has tables of version %lld, but this nestwalk reads version %d",
				path, version, DATABASE_FILE_VERSION);
	}
	if (!rc)
		rc = sql_functions_add(*db, why);
	if (rc) {
		sqlite3_close(*db);
		*db = NULL;
	}
	return rc;
}
