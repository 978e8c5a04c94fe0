#include "base/reason.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(struct reason *why, int error, const char *format, ...)
{
	if (why) {
		va_list args;

		va_start(args, format);
		vsnprintf(why->text, sizeof(why->text), format, args);
		va_end(args);
		/* It may quote a file's name, a stranger's file, or be cut off in the middle of a character. */
		text_clean(why->text);
	}
	return -error;
}

void reason_add(struct reason *why, const char *format, ...)
{
	size_t used = why ? strlen(why->text) : 0;
	va_list args;

	if (!why)
		return;
	if (used)
		used += (size_t)snprintf(why->text + used, sizeof(why->text) - used, "; ");
	if (used >= sizeof(why->text))
		return;
	va_start(args, format);
	vsnprintf(why->text + used, sizeof(why->text) - used, format, args);
	va_end(args);
}
