/* Reading procfs texts: fields and words. */
#include "machine/source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool text_is_placeholder(const char *text)
{
	/*
	 * printf() of the kernel writes "(null)" for a list that was never made (nohz_full) and a text parameter that was not
	 * given; drivers write the next ones, and firmware (dmidecode(8)) the others.
	 */
	static const char *const placeholders[] = { "(null)", "(none)", "<null>", "<unknown>", "<unsupported>",
		"<not supported>", "N/A", "not required", "not available", "not specified", "not applicable",
		"not present", "unspecified", "to be filled by O.E.M.", "to be filled by O.E.M", "O.E.M.",
		"default string", "system manufacturer", "system product name" };

	for (size_t i = 0; i < sizeof(placeholders) / sizeof(placeholders[0]); i++)
		if (!strcasecmp(text, placeholders[i]))
			return true;
	return false;
}

/* What no group and no process can have is "no limit" in v1 (mm/page_counter.c: PAGE_COUNTER_MAX, in whole pages). */
#define LIMIT_NONE (UINT64_C(1) << 62)

bool text_limit(const char *text, uint64_t *limit)
{
	static const char *const none[] = { "max", "unlimited", "-1" };
	size_t length = strcspn(text, " \t\n");
	char *end;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		if (strlen(none[i]) == length && !strncmp(text, none[i], length)) {
			*limit = SOURCE_UNLIMITED;
			return true;
		}
	}
	/* A number that does not fit is the greatest one. */
	*limit = strtoull(text, &end, 10);
	if (*limit >= LIMIT_NONE)
		*limit = SOURCE_UNLIMITED;
	return isdigit((unsigned char)text[0]) && end == text + length;
}

/* Whether a part of a text is a placeholder. None of them has as many characters as `word` has room for. */
static bool is_placeholder(const char *at, size_t length)
{
	char word[64];

	if (length >= sizeof(word))
		return false;
	memcpy(word, at, length);
	word[length] = 0;
	return text_is_placeholder(word);
}

/* The value of the first "key: value" line, and its length. NULL where no line has that key, or a placeholder for a value. */
static const char *field_find(const char *text, const char *key, size_t *length)
{
	size_t key_length = strlen(key);

	for (const char *line = text; line && *line;) {
		const char *end = strchrnul(line, '\n');
		const char *at = line + key_length;

		if (!strncmp(line, key, key_length)) {
			while (at < end && (*at == ' ' || *at == '\t'))
				at++;
			if (at < end && *at == ':') {
				for (at++; at < end && isspace((unsigned char)*at);)
					at++;
				while (end > at && isspace((unsigned char)end[-1]))
					end--;
				*length = (size_t)(end - at);
				return is_placeholder(at, *length) ? NULL : at;
			}
		}
		line = *end ? end + 1 : NULL;
	}
	return NULL;
}

bool text_field(const char *text, const char *key, char *value, size_t size)
{
	size_t length;
	const char *at = field_find(text, key, &length);

	value[0] = 0;
	if (!at)
		return false;
	if (length > size - 1)
		length = size - 1;
	memcpy(value, at, length);
	value[length] = 0;
	return true;
}

char *text_field_copy(const char *text, const char *key)
{
	size_t length;
	const char *at = field_find(text, key, &length);

	return at ? strndup(at, length) : NULL;
}

static bool parts_words(char character)
{
	return !character || character == ',' || isspace((unsigned char)character);
}

bool text_has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += length) {
		if ((at == text || parts_words(at[-1])) && parts_words(at[length]))
			return true;
	}
	return false;
}

bool text_chosen(const char *text, char *word, size_t size)
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;
	size_t length;

	word[0] = 0;
	if (!close)
		return false;
	length = (size_t)(close - open - 1) < size - 1 ? (size_t)(close - open - 1) : size - 1;
	memcpy(word, open + 1, length);
	word[length] = 0;
	return true;
}
