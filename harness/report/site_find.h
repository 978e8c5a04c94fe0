/* Which runs a site has. */
#ifndef NESTWALK_REPORT_SITE_FIND_H
#define NESTWALK_REPORT_SITE_FIND_H

#include "base/reason.h"
#include "report/files.h"

/*
 * Append the runs in and below a directory, in the order of their paths: a run is a directory with a run.json or a
 * points.jsonl. What is inside a run belongs to it. `but`: a directory that is passed over, the site itself. Where there is
 * neither a run nor a directory, the path is appended as it is, for the site to say that it cannot be read. 0, or -ENOMEM with
 * *why.
 */
int site_find(struct names *runs, const char *directory, const char *but, struct reason *why);

/*
 * The name of a run's pages, which is that of a file and an address: "host/20261122T014000Z" is host--20261122T014000Z. Where
 * the path has other characters than letters, digits, '.', '_' and '-', or is long, a checksum of it is at the end of its
 * name. The caller frees. NULL where memory is short.
 */
char *site_name(const char *path);

#endif
