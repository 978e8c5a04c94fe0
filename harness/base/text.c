#include "base/text.h"

#include <string.h>

bool text_is(const char *text, const char *word)
{
	return text && !strcmp(text, word);
}

bool text_same(const char *a, const char *b)
{
	return a == b || (a && text_is(b, a));
}
