#include "base/reason.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

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
