#include "base/reason.h"

#include <stdarg.h>
#include <stdio.h>

int fail(struct reason *why, int error, const char *format, ...)
{
	if (why) {
		va_list args;

		va_start(args, format);
		vsnprintf(why->text, sizeof(why->text), format, args);
		va_end(args);
	}
	return -error;
}
