/*
 * What identifies people and machines in texts, and words in place of it: names of hosts and users, addresses, paths,
 * serial numbers. Within one run, the same name becomes the same word everywhere ("host-1"), so that what belongs
 * together still does. The words tell nothing: they are counted in the order of appearance.
 */
#ifndef NESTWALK_RECORD_ANONYMOUS_WORDS_H
#define NESTWALK_RECORD_ANONYMOUS_WORDS_H

#include "base/reason.h"

#include <jansson.h>

struct anonymous_words;

/* NULL with *why: memory is short. The caller frees it with anonymous_words_free(). */
struct anonymous_words *anonymous_words_new(struct reason *why);
void anonymous_words_free(struct anonymous_words *words);

/*
 * Learn from a JSON value the names that other texts may hold: hosts from members `host` and the like, users from home
 * directories. 0, or -ENOMEM.
 */
int anonymous_words_learn(struct anonymous_words *words, const json_t *value);

/* Learn the name of a host. 0, or -ENOMEM. */
int anonymous_words_learn_host(struct anonymous_words *words, const char *name);

/* What was learnt is all: names that results use themselves, for a bench or a parameter, are looked for no more. */
void anonymous_words_settle(struct anonymous_words *words);

/* A text without what identifies, which the caller frees; NULL: memory is short. */
char *anonymous_words_text(struct anonymous_words *words, const char *text);

/* A JSON value with all of its texts so, keys included, as a new reference; NULL: memory is short. Numbers stay. */
json_t *anonymous_words_json(struct anonymous_words *words, const json_t *value);

#endif
