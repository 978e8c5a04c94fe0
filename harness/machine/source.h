/* Where facts about a machine come from: this machine, a recorded tree of another, or a dump of its registers. */
#ifndef NESTWALK_SOURCE_H
#define NESTWALK_SOURCE_H

#include "base/reason.h"
#include "machine/cpuid.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum source_kind {
	SOURCE_LIVE, /* this machine: files of / and the CPUID instruction */
	SOURCE_RECORDED, /* a directory with proc/, sys/, dev/ and perhaps cpuid.txt and topology.xml of some machine */
	SOURCE_CPUID, /* registers only: everything read from files is unknown */
};

/*
 * About 28 KiB, with no pointers: may be copied, needs no freeing but machine_source_close() for a recorded one.
 * Paths given to the functions below are absolute on the described machine ("/proc/meminfo"). A recorded tree is read
 * inside its root only: a symbolic link in it, absolute ones too, never leads to the live machine (openat2(2) with
 * RESOLVE_IN_ROOT, Linux 5.6).
 */
struct machine_source {
	enum source_kind kind;
	int root_fd; /* SOURCE_RECORDED: its directory; else -1 */
	char name[PATH_MAX]; /* its name in messages: "this machine", or the path given */
	struct cpuid_table cpuid;
	struct reason cpuid_reason; /* why cpuid.count is 0 */
};

/* Describe this machine. CPUID is executed once, here; files are read when asked for. */
void machine_source_live(struct machine_source *source);

/*
 * A recorded tree. Its cpuid.txt, if there is one, is the CPUID. Returns 0 or -errno with *why (no such directory, not a
 * directory, malformed cpuid.txt).
 */
int machine_source_root(struct machine_source *source, const char *root, struct reason *why);

/* A register dump of another machine: as cpuid_load(). */
int machine_source_cpuid(struct machine_source *source, const char *path, struct reason *why);

/* Replace the CPUID of a source by that of a dump. On failure the source is as before. */
int machine_source_replace_cpuid(struct machine_source *source, const char *path, struct reason *why);

void machine_source_close(struct machine_source *source);

/* Whether devices may be opened and times measured, so that facts can be found by trying. */
bool source_is_live(const struct machine_source *source);

/* Write to *why that nothing can be tried on this source, and return -ENODATA. Only for sources that are not live. */
int source_not_tried(const struct machine_source *source, struct reason *why);

/*
 * Read a text file into text[size], NUL-terminated, without trailing white space. Returns 0, or -errno with *why (may
 * be NULL) and an empty text: -ENOENT, -EACCES, -ENODATA (a source without files), -EINVAL (holds a NUL byte), -EISDIR,
 * -EFBIG (does not fit: nothing is cut off), -ENOMEM. A placeholder (text_is_placeholder()) is -ENODATA, too. procfs and sysfs files need no privilege unless said where they
 * are used.
 */
int source_read_text(const struct machine_source *source, char *text, size_t size, struct reason *why,
	const char *path_format, ...) __attribute__((format(printf, 5, 6)));

/* The whole of a text file, NUL-terminated: *text is the caller's to free(). -EFBIG only for what no system writes. */
int source_read_all(const struct machine_source *source, const char *path, char **text, struct reason *why);

/* The same without trailing white space, for a file that holds one value of any length. */
int source_read_line(const struct machine_source *source, char **text, struct reason *why, const char *path_format, ...)
	__attribute__((format(printf, 4, 5)));

/* A file that holds one decimal or 0x number and nothing after it. Also -EINVAL (not a number), -ERANGE. */
int source_read_u64(const struct machine_source *source, uint64_t *value, struct reason *why, const char *path_format,
	...) __attribute__((format(printf, 4, 5)));

/* A file that begins with a limit: SOURCE_UNLIMITED where there is none. Also -EINVAL (neither). */
#define SOURCE_UNLIMITED UINT64_MAX
int source_read_limit(const struct machine_source *source, uint64_t *limit, struct reason *why, const char *path_format,
	...) __attribute__((format(printf, 4, 5)));

/* Whether a file, directory or device is there. False where that cannot be told. */
bool source_exists(const struct machine_source *source, const char *path_format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Whether sysfs is there at all. Containers hide all of it at times, and then a file that is missing says nothing about
 * the machine. Otherwise *why says so.
 */
bool source_has_sysfs(const struct machine_source *source, struct reason *why);

/*
 * The value of the first "key: value" or "key : value" line of a procfs text (cpuinfo, meminfo, status) into
 * value[size], without surrounding white space. False, and an empty value, where no line has that key, or the value is a
 * placeholder.
 */
bool text_field(const char *text, const char *key, char *value, size_t size);

/*
 * Whether a text is what a kernel or firmware writes where it has no value: "(null)", "N/A", "To Be Filled By O.E.M."
 * and the like, in any case of letters. An empty text is none: it is an empty list, or what the file says.
 */
bool text_is_placeholder(const char *text);

/*
 * A limit, to the next white space: a number, or what is written where there is no limit ("max", "unlimited", "-1"; v1 groups
 * have 2^63 less a page), which becomes SOURCE_UNLIMITED. False where it is neither.
 */
bool text_limit(const char *text, uint64_t *limit);

/* The same value whole, however long it is (flags of a CPU, a list of CPUs): the caller's to free(). NULL: no such line. */
char *text_field_copy(const char *text, const char *key);

/* Whether `word` is one of the words of `text`, which white space or commas part. */
bool text_has_word(const char *text, const char *word);

/* The bracketed word of a list of choices ("always [madvise] never"). False, and an empty word, where there is none. */
bool text_chosen(const char *text, char *word, size_t size);

/* Names in a directory, sorted; without those that start with a dot. */
struct source_names {
	char **name;
	size_t count;
};

/* Returns 0, or -errno with *why. The caller frees with source_names_free(), also after an error. */
int source_list(const struct machine_source *source, struct source_names *names, struct reason *why,
	const char *path_format, ...) __attribute__((format(printf, 4, 5)));
void source_names_free(struct source_names *names);

#endif
