/*
 * Building a JSON object of facts. A known fact is a value under KEY. An unknown fact is null under KEY, with the
 * reason under KEY_reason. The first shortage of memory is remembered, and facts_end() then returns NULL.
 */
#ifndef NESTWALK_FACTS_H
#define NESTWALK_FACTS_H

#include "base/reason.h"
#include "machine/source.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct facts {
	json_t *object;
	bool failed;
};

struct facts facts_begin(void);

/* The object, which the caller owns; NULL where memory was short (then nothing is left to free). */
json_t *facts_end(struct facts *facts);

/* `value` becomes the object's, also on failure; NULL is a shortage of memory. */
void facts_json(struct facts *facts, const char *key, json_t *value);
void facts_null(struct facts *facts, const char *key, const struct reason *why);

/* Bytes that are not printable ASCII become '?', as recorded files may hold control sequences for a terminal. */
void facts_text(struct facts *facts, const char *key, const char *text);
json_t *facts_string(const char *text);

/* The same for a key that does not come from this program (a file's name). */
void facts_text_under(struct facts *facts, const char *foreign_key, const char *text);

void facts_u64(struct facts *facts, const char *key, uint64_t value);
void facts_bool(struct facts *facts, const char *key, bool value);
void facts_real(struct facts *facts, const char *key, double value);

/* Put the text of a file, or null with the reason why it could not be read. */
void facts_file_text(struct facts *facts, const char *key, const struct machine_source *source, const char *path_format,
	...) __attribute__((format(printf, 4, 5)));
void facts_file_u64(struct facts *facts, const char *key, const struct machine_source *source, const char *path_format,
	...) __attribute__((format(printf, 4, 5)));

/* Append to an array. `value` becomes the array's; NULL is a shortage of memory, which is remembered. */
void facts_append(struct facts *facts, json_t *array, json_t *value);

#endif
