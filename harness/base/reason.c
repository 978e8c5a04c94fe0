#include "base/reason.h"

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
	}
	return -error;
}

void reason_prefix(struct reason *why, const char *format, ...)
{
	char old[sizeof(why->text)];
	va_list args;
	int used;

	if (!why)
		return;
	memcpy(old, why->text, sizeof(old));
	va_start(args, format);
	used = vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof(why->text))
		snprintf(why->text + used, sizeof(why->text) - (size_t)used, ": %.*s", (int)sizeof(old) - used, old);
}
