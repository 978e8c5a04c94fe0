#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What stands for a character that is no text. */
#define NO_TEXT '?'

bool text_is(const char *text, const char *word)
{
	return text && !strcmp(text, word);
}

bool text_same(const char *a, const char *b)
{
	return a == b || (a && text_is(b, a));
}

/* The bytes of the character of UTF-8 at `at`, of which `left` bytes are there, and its number; 0: it is none. */
static size_t character_read(const char *at, size_t left, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)*at;
	size_t bytes = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	*code = bytes == 1 ? first : first & (0x7fU >> bytes);
	if (bytes > left || (first >= 0x80 && first < 0xc2) || first > 0xf4)
		return 0;
	for (size_t i = 1; i < bytes; i++) {
		if (((unsigned char)at[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | ((unsigned char)at[i] & 0x3f);
	}
	/* Longer than needed, beyond Unicode, or half of a pair of UTF-16. */
	return *code < least[bytes] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000) ? 0 : bytes;
}

/* What a character becomes: 0 where it stays as it is. */
static char replacement_of(uint32_t code)
{
	/* Characters that break lines; U+0085, U+2028 and U+2029 are Unicode's own. */
	if ((code >= '\t' && code <= '\r') || code == 0x85 || code == 0x2028 || code == 0x2029)
		return ' ';
	/* C0, DEL and C1 steer terminals; marks and overrides of direction make a reader see another text than is there. */
	if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e || code == 0x200f ||
		(code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return NO_TEXT;
	/* XML has no place for these, and no text uses them: Unicode's non-characters and the mark of byte order. */
	return (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code <= 0xfdef) || code == 0xfeff ? NO_TEXT : 0;
}

size_t text_clean_bytes(char *text, size_t length)
{
	char *out = text;

	for (size_t at = 0, bytes; at < length; at += bytes) {
		uint32_t code;
		char other;

		bytes = character_read(text + at, length - at, &code);
		other = bytes ? replacement_of(code) : NO_TEXT;
		bytes = bytes ? bytes : 1;
		if (!other)
			memmove(out, text + at, bytes);
		else
			*out = other;
		out += other ? 1 : bytes;
	}
	return (size_t)(out - text);
}

char *text_clean(char *text)
{
	text[text_clean_bytes(text, strlen(text))] = '\0';
	return text;
}

char *text_clean_lines(char *text)
{
	char *out = text, *at = text;

	while (*at) {
		size_t length = strcspn(at, "\n"), kept = text_clean_bytes(at, length);

		memmove(out, at, kept);
		out += kept;
		at += length;
		if (*at)
			*out++ = *at++;
	}
	*out = '\0';
	return text;
}

/* The number in \uXXXX at `at`; -1: it is none. */
static long escape_number(const char *at, size_t left)
{
	char digits[5] = "";

	if (left < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	memcpy(digits, at + 2, 4);
	return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

/* The bytes of the escape at `at`, and what it becomes: 0 where it stays as it is. */
static size_t escape_read(const char *at, size_t left, char *other)
{
	long code = escape_number(at, left), second = code < 0 ? -1 : escape_number(at + 6, left - 6);
	bool is_pair = code >= 0xd800 && code < 0xdc00 && second >= 0xdc00 && second < 0xe000;

	*other = 0;
	if (code < 0) {
		if (left > 1 && strchr("bfnrt", at[1]))
			*other = at[1] == 'b' ? NO_TEXT : ' ';
		return left > 1 ? 2 : 1;
	}
	if (is_pair)
		*other = replacement_of((uint32_t)(0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00)));
	else
		*other = code >= 0xd800 && code < 0xe000 ? NO_TEXT : replacement_of((uint32_t)code);
	return is_pair ? 12 : 6;
}

size_t text_clean_json(char *json, size_t length)
{
	char *out = json;

	for (size_t at = 0, bytes; at < length; at += bytes) {
		uint32_t code;
		char other = 0;

		if (json[at] == '\\') {
			bytes = escape_read(json + at, length - at, &other);
		} else {
			bytes = character_read(json + at, length - at, &code);
			/* Control characters are white space between values, and an error elsewhere, which a parser tells. */
			other = !bytes ? NO_TEXT : code < 0x20 ? 0 : replacement_of(code);
			bytes = bytes ? bytes : 1;
		}
		if (!other)
			memmove(out, json + at, bytes);
		else
			*out = other;
		out += other ? 1 : bytes;
	}
	return (size_t)(out - json);
}

/* The byte at which the character number `count` begins; the length of a shorter text. */
static size_t byte_of(const char *text, size_t count)
{
	size_t at = 0;

	while (text[at] && count) {
		at++;
		while (((unsigned char)text[at] & 0xc0) == 0x80)
			at++;
		count--;
	}
	return at;
}

char *text_shorten(char *text, size_t most)
{
	static const char ellipsis[] = "…";
	size_t length = strlen(text), total = 0, head, tail;

	for (const char *c = text; *c; c++)
		total += ((unsigned char)*c & 0xc0) != 0x80;
	/* The ellipsis has three bytes, which a text that loses fewer characters may not have. */
	if (total <= most || most < 8 || total < most + sizeof(ellipsis))
		return text;
	/* Names that differ often do so at their end. */
	head = byte_of(text, most * 2 / 3);
	tail = byte_of(text, total - (most - most * 2 / 3 - 1));
	memcpy(text + head, ellipsis, sizeof(ellipsis) - 1);
	memmove(text + head + sizeof(ellipsis) - 1, text + tail, length - tail + 1);
	return text;
}
