#include "base/member.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *member_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

bool member_is(const json_t *object, const char *key, const char *word)
{
	return text_is(member_text(object, key), word);
}

json_t *number_or_null(double number)
{
	return isfinite(number) ? json_real(number) : json_null();
}

json_t *text_json(const char *text)
{
	char *clean = strdup(text);
	json_t *string = clean ? json_string(text_clean(clean)) : NULL;

	free(clean);
	return string;
}
