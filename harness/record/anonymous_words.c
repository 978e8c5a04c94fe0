#include "record/anonymous_words.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Shorter names, such as "vm", are parts of words that identify nobody: they are replaced only where they are the whole. */
#define NAME_LEAST 3

/*
 * What can be seen from a text's form, in the order in which it is looked for. A name is not the middle of a longer word.
 * A time of day is no address of IPv6, which has three colons or two in a row; a version has fewer dots than IPv4.
 */
#define HEX "[0-9a-fA-F]"
#define PATH_WORD "[^][[:space:]\"'`,;:(){}<>|=/]"
static const struct form {
	const char *word; /* in place of it */
	const char *pattern;
} forms[] = {
	{ "mail", "[[:alnum:]._%+-]+@[[:alnum:]][[:alnum:].-]*" },
	{ "uuid", HEX "{8}-(" HEX "{4}-){3}" HEX "{12}" },
	{ "mac", "(" HEX "{2}[:-]){5,7}" HEX "{2}" },
	{ "address", HEX "{0,4}(:" HEX "{1,4})*::(" HEX "{1,4}:)*" HEX "{0,4}" },
	{ "address", "(" HEX "{1,4}:){3,7}" HEX "{1,4}" },
	{ "address", "([0-9]{1,3}\\.){3}[0-9]{1,3}" },
	{ "id", HEX "{32,}" },
	{ "path", "(~[[:alnum:]_.-]*|\\.{1,2})?/" PATH_WORD "+(/" PATH_WORD "+)*/?" },
};

/* Paths that are the same on every machine, and say what to look at. */
static const char *const known_paths[] = { "/sys/", "/proc/", "/dev/kvm", "/dev/cpu/", "/dev/hugepages", "/dev/shm",
	"/usr/bin/", "/usr/lib/", "/usr/share/" };

/* What a key says its text is. A key that has one of these in it is enough. */
static const struct {
	const char *key, *word;
} keys[] = {
	{ "hostname", "host" },
	{ "host_name", "host" },
	{ "username", "user" },
	{ "user_name", "user" },
	{ "serial", "serial" },
	{ "uuid", "uuid" },
	{ "asset_tag", "serial" },
	{ "machine_id", "id" },
	{ "mac_address", "mac" },
};

/* Words of results and of their reasons, which a host may happen to be called. */
static const char *const own_words[] = { "host", "guest", "kvm", "tcg", "linux", "nestwalk", "bare-metal", "software" };

/* Longer texts are reasons with numbers in them, which seldom come twice. */
#define REMEMBERED_BYTES_MOST 256

/* No text of nestwalk's is as long. Searching one takes time by the square of its length: it is left out as a whole. */
#define SEARCHED_BYTES_MOST 4096

struct anonymous_words {
	regex_t form[COUNT(forms)];
	size_t forms; /* compiled */
	json_t *words; /* name -> what stands for it */
	json_t *learnt; /* names in small letters that other texts are searched for, and their words */
	json_t *counts; /* word -> how many names of that kind */
	json_t *own; /* names of benches, parameters and the like in these results: name -> true */
	json_t *done; /* short text -> what it became: a run says the same in each of its points */
};

struct anonymous_words *anonymous_words_new(struct reason *why)
{
	struct anonymous_words *words = calloc(1, sizeof(*words));

	if (!words)
		goto failed;
	words->words = json_object();
	words->learnt = json_object();
	words->counts = json_object();
	words->own = json_object();
	words->done = json_object();
	if (!words->words || !words->learnt || !words->counts || !words->own || !words->done)
		goto failed;
	for (; words->forms < COUNT(forms); words->forms++)
		if (regcomp(&words->form[words->forms], forms[words->forms].pattern, REG_EXTENDED))
			goto failed;
	return words;
failed:
	anonymous_words_free(words);
	fail(why, ENOMEM, "out of memory");
	return NULL;
}

void anonymous_words_free(struct anonymous_words *words)
{
	if (!words)
		return;
	for (size_t i = 0; i < words->forms; i++)
		regfree(&words->form[i]);
	json_decref(words->words);
	json_decref(words->learnt);
	json_decref(words->counts);
	json_decref(words->own);
	json_decref(words->done);
	free(words);
}

/* What stands for a name of length bytes; a new word where it has none yet. NULL: memory is short. */
static const char *word_of(struct anonymous_words *words, const char *name, size_t length, const char *kind)
{
	char *key = strndup(name, length);
	const json_t *known = key ? json_object_get(words->words, key) : NULL;

	if (key && !known) {
		json_int_t number = json_integer_value(json_object_get(words->counts, kind)) + 1;

		json_object_set_new(words->counts, kind, json_integer(number));
		json_object_set_new(words->words, key, json_sprintf("%s-%lld", kind, (long long)number));
		known = json_object_get(words->words, key);
	}
	free(key);
	return json_string_value(known);
}

/* A copy in small letters, which the caller frees; NULL: memory is short. */
static char *lower(const char *name, size_t length)
{
	char *copy = strndup(name, length);

	for (char *c = copy; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

static bool is_own_word(const char *name)
{
	for (size_t i = 0; i < COUNT(own_words); i++)
		if (!strcasecmp(name, own_words[i]))
			return true;
	return false;
}

/* Other texts are searched for a name that stands for `word`. */
static int name_search(struct anonymous_words *words, const char *name, const char *word)
{
	if (strlen(name) < NAME_LEAST || is_own_word(name))
		return 0;
	return json_object_set_new(words->learnt, name, json_string(word)) ? -ENOMEM : 0;
}

/* Learn a name of length bytes. Case makes no other name: hosts have it in some places only. */
static int name_learn(struct anonymous_words *words, const char *name, size_t length, const char *kind)
{
	char *key = lower(name, length);
	const char *word = key ? word_of(words, key, length, kind) : NULL;
	int rc = word ? name_search(words, key, word) : -ENOMEM;

	free(key);
	return rc;
}

int anonymous_words_learn_host(struct anonymous_words *words, const char *name)
{
	size_t first = strcspn(name, ".");
	char *whole = lower(name, strlen(name)), *own = lower(name, first);
	const char *word = whole && own ? word_of(words, own, first, "host") : NULL;
	int rc = word && !json_object_set_new(words->words, whole, json_string(word)) ? 0 : -ENOMEM;

	/* A host is called by the first part of its name, too, and others of its domain by the rest. */
	word = rc ? NULL : json_string_value(json_object_get(words->words, whole));
	rc = word ? name_search(words, whole, word) : rc;
	rc = rc ? rc : name_search(words, own, word);
	if (!rc && name[first] && name[first + 1])
		rc = name_learn(words, name + first + 1, strlen(name + first + 1), "domain");
	free(whole);
	free(own);
	return rc;
}

/* The names of users, as their home directories tell. */
static int homes_learn(struct anonymous_words *words, const char *text)
{
	static const char *const above[] = { "/home/", "/Users/" };
	int rc = 0;

	for (size_t i = 0; i < COUNT(above) && !rc; i++) {
		for (const char *at = text; !rc && (at = strstr(at, above[i]));) {
			size_t length;

			at += strlen(above[i]);
			length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
			rc = length ? name_learn(words, at, length, "user") : 0;
		}
	}
	return rc;
}

/* What a key says about its text. NULL: nothing. */
static const char *kind_of_key(const char *key)
{
	for (size_t i = 0; key && i < COUNT(keys); i++)
		if (strcasestr(key, keys[i].key))
			return keys[i].word;
	return NULL;
}

static bool is_one_of(const char *key, const char *const *list)
{
	for (; key && *list; list++)
		if (!strcmp(key, *list))
			return true;
	return false;
}

/* Note the names that results are found by. They identify nobody, whatever a host is called. */
static int own_learn(struct anonymous_words *words, const char *key, const json_t *value)
{
	static const char *const of_texts[] = { "bench", "setting", "paging", "benches", "settings", NULL };
	static const char *const of_keys[] = { "params", "metrics", "samples", NULL };
	bool is_named = is_one_of(key, of_keys);
	const char *name;
	json_t *unused;
	int rc = 0;

	if (json_is_string(value) && is_one_of(key, of_texts))
		rc = json_object_set_new(words->own, json_string_value(value), json_true());
	json_object_foreach ((json_t *)value, name, unused) {
		(void)unused;
		if (is_named && json_object_set_new(words->own, name, json_true()))
			rc = -1;
	}
	return rc ? -ENOMEM : 0;
}

static int learn(struct anonymous_words *words, const char *key, const json_t *value)
{
	const char *text = json_string_value(value), *kind = text ? kind_of_key(key) : NULL, *name;
	size_t i;
	json_t *element;
	int rc = 0;

	if (text && *text && key && (!strcmp(key, "host") || (kind && !strcmp(kind, "host"))))
		rc = anonymous_words_learn_host(words, text);
	else if (text && *text && kind)
		rc = name_learn(words, text, strlen(text), kind);
	if (text && !rc)
		rc = homes_learn(words, text);
	if (!rc)
		rc = own_learn(words, key, value);
	json_object_foreach ((json_t *)value, name, element)
		rc = rc ? rc : learn(words, name, element);
	json_array_foreach (value, i, element)
		rc = rc ? rc : learn(words, key, element);
	return rc;
}

int anonymous_words_learn(struct anonymous_words *words, const json_t *value)
{
	return learn(words, NULL, value);
}

/* A piece of a text that is replaced. */
struct piece {
	size_t at, length;
	const char *word; /* NULL: memory is short */
};

static bool is_within_word(const char *text, size_t at, size_t length)
{
	return (at && isalnum((unsigned char)text[at - 1])) || isalnum((unsigned char)text[at + length]);
}

/* Where a name stands in a text as a word of its own. NULL: nowhere. */
static const char *name_find(const char *text, const char *from, const char *name)
{
	const char *at = from;

	while ((at = strcasestr(at, name)) && is_within_word(text, (size_t)(at - text), strlen(name)))
		at++;
	return at;
}

void anonymous_words_settle(struct anonymous_words *words)
{
	const char *name, *own;
	json_t *unused;
	void *next;

	json_object_foreach_safe(words->learnt, next, name, unused)
	{
		bool is_own = false;

		json_object_foreach (words->own, own, unused)
			is_own = is_own || name_find(own, own, name);
		if (is_own)
			json_object_del(words->learnt, name);
	}
}

/* The first learnt name in a text at or behind `from`. */
static bool learnt_find(struct anonymous_words *words, const char *text, size_t from, struct piece *piece)
{
	const char *name;
	json_t *word;
	bool found = false;

	json_object_foreach (words->learnt, name, word) {
		size_t length = strlen(name);
		const char *at = name_find(text, text + from, name);
		size_t place = at ? (size_t)(at - text) : 0;

		/* Of two that begin at one place, the longer one. */
		if (!at || (found && (place > piece->at || (place == piece->at && length <= piece->length))))
			continue;
		*piece = (struct piece){ place, length, json_string_value(word) };
		found = true;
	}
	return found;
}

static bool is_known_path(const char *path, size_t length)
{
	for (size_t i = 0; i < COUNT(known_paths); i++)
		if (length >= strlen(known_paths[i]) && !strncmp(path, known_paths[i], strlen(known_paths[i])))
			return true;
	return false;
}

/* Whether what looks like a form is one. */
static bool is_form(const struct form *form, const char *text, size_t at, size_t length)
{
	if (!length || is_within_word(text, at, length))
		return false;
	if (!strcmp(form->word, "path"))
		/* "and/or" is no path, nor is an XML element's end. */
		return !(at && strchr("*<", text[at - 1])) && !is_known_path(text + at, length);
	if (!strcmp(form->word, "address"))
		return strpbrk(text + at, "0123456789abcdefABCDEF") && length > 3 && text[at + length] != '.';
	return true;
}

/* The first piece of that form at or behind `from`. */
static bool form_find(struct anonymous_words *words, size_t which, const char *text, size_t from, struct piece *piece)
{
	regmatch_t match;

	while (!regexec(&words->form[which], text + from, 1, &match, from ? REG_NOTBOL : 0)) {
		size_t at = from + (size_t)match.rm_so, length = (size_t)(match.rm_eo - match.rm_so);

		if (is_form(&forms[which], text, at, length)) {
			*piece = (struct piece){ at, length, word_of(words, text + at, length, forms[which].word) };
			return true;
		}
		from = at + (length ? length : 1);
		if (from > strlen(text))
			break;
	}
	return false;
}

/* Replace each piece that a search finds. The text that is given is freed. NULL: memory is short. */
static char *pieces_replace(struct anonymous_words *words, char *text, ssize_t which)
{
	char *replaced = NULL;
	size_t size, from = 0;
	struct piece piece;
	FILE *out = text ? open_memstream(&replaced, &size) : NULL;
	bool short_of_memory = !out;

	while (out && !short_of_memory &&
		(which < 0 ? learnt_find(words, text, from, &piece)
			   : form_find(words, (size_t)which, text, from, &piece))) {
		fwrite(text + from, 1, piece.at - from, out);
		short_of_memory = !piece.word;
		fputs(piece.word ? piece.word : "", out);
		from = piece.at + piece.length;
	}
	if (out)
		fputs(text + from, out);
	if (out && fclose(out))
		short_of_memory = true;
	free(text);
	if (!short_of_memory)
		return replaced;
	free(replaced);
	return NULL;
}

char *anonymous_words_text(struct anonymous_words *words, const char *text)
{
	const json_t *done = json_object_get(words->done, text);
	char *replaced = strdup(done ? json_string_value(done) : text);

	if (done)
		return replaced;
	if (strlen(text) > SEARCHED_BYTES_MOST) {
		const char *word = word_of(words, text, strlen(text), "text");

		free(replaced);
		return word ? strdup(word) : NULL;
	}
	/* Paths and addresses before names, which may be a part of them. */
	for (size_t i = 0; i < COUNT(forms) && replaced; i++)
		replaced = pieces_replace(words, replaced, (ssize_t)i);
	if (replaced)
		replaced = pieces_replace(words, replaced, -1);
	if (replaced && strlen(text) < REMEMBERED_BYTES_MOST)
		json_object_set_new(words->done, text, json_string(replaced));
	return replaced;
}

/* A text of results: one that its key says is a name is replaced as a whole. */
static json_t *text_replace(struct anonymous_words *words, const char *key, const char *text)
{
	const char *kind = key && !strcmp(key, "host") ? "host" : kind_of_key(key);
	char *replaced;
	json_t *value;

	if (kind && *text) {
		replaced = lower(text, strlen(text));
		value = replaced ? json_string(word_of(words, replaced, strlen(replaced), kind)) : NULL;
		free(replaced);
		return value;
	}
	replaced = anonymous_words_text(words, text);
	value = replaced ? json_string(replaced) : NULL;
	free(replaced);
	return value;
}

static json_t *replace(struct anonymous_words *words, const char *key, const json_t *value);

/* The words of a command line: what is said of files is left out, with or without a slash in it. */
static json_t *command_line_replace(struct anonymous_words *words, const json_t *line)
{
	static const char *const of_files[] = { "-o", "--output", "-p", "--plots", NULL };
	json_t *replaced = json_array();
	bool is_file = false;
	size_t i;
	json_t *element;

	json_array_foreach (line, i, element) {
		const char *text = json_string_value(element);
		/* "--output=FILE", "root=DEVICE" */
		size_t key = text ? strcspn(text, "=/") : 0;
		const char *name = text && text[key] == '=' ? text + key + 1 : text;

		/* The first is nestwalk itself, with its subcommand. */
		if (text && i && (is_file || strchr(name, '/')))
			json_array_append_new(replaced, json_sprintf("%.*s%s", (int)(name - text), text,
								word_of(words, name, strlen(name), "path")));
		else
			json_array_append_new(replaced, replace(words, NULL, element));
		is_file = is_one_of(text, of_files);
	}
	return replaced;
}

static json_t *replace(struct anonymous_words *words, const char *key, const json_t *value)
{
	json_t *replaced, *element;
	const char *name;
	size_t i;

	if (json_is_string(value))
		return text_replace(words, key, json_string_value(value));
	if (json_is_array(value) && key && !strcmp(key, "command_line"))
		return command_line_replace(words, value);
	if (json_is_array(value)) {
		replaced = json_array();
		json_array_foreach (value, i, element)
			if (json_array_append_new(replaced, replace(words, key, element)))
				goto failed;
		return replaced;
	}
	if (!json_is_object(value))
		return json_incref((json_t *)value);
	replaced = json_object();
	json_object_foreach ((json_t *)value, name, element) {
		char *other = anonymous_words_text(words, name);
		int rc = other ? json_object_set_new(replaced, other, replace(words, name, element)) : -1;

		free(other);
		if (rc)
			goto failed;
	}
	return replaced;
failed:
	json_decref(replaced);
	return NULL;
}

json_t *anonymous_words_json(struct anonymous_words *words, const json_t *value)
{
	return replace(words, NULL, value);
}
