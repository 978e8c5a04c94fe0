/* Reading procfs texts: fields and words. */
#include "machine/source.h"

#include <ctype.h>
#include <string.h>

bool text_field(const char *text, const char *key, char *value, size_t size)
{
	size_t key_length = strlen(key);

	value[0] = 0;
	for (const char *line = text; line && *line;) {
		const char *end = strchrnul(line, '\n');
		const char *at = line + key_length;

		if (!strncmp(line, key, key_length)) {
			while (at < end && (*at == ' ' || *at == '\t'))
				at++;
			if (at < end && *at == ':') {
				size_t length;

				for (at++; at < end && isspace((unsigned char)*at);)
					at++;
				while (end > at && isspace((unsigned char)end[-1]))
					end--;
				length = (size_t)(end - at) < size - 1 ? (size_t)(end - at) : size - 1;
				memcpy(value, at, length);
				value[length] = 0;
				return true;
			}
		}
		line = *end ? end + 1 : NULL;
	}
	return false;
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
