#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *suffix;
	uint64_t bytes;
} size_units[] = { { "G", GIB }, { "M", MIB }, { "K", KIB }, { "", 1 } };

#define SIZE_UNITS (sizeof(size_units) / sizeof(size_units[0]))

int size_parse(const char *text, uint64_t *bytes)
{
	char *end;
	uint64_t number;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	for (size_t i = 0; i < SIZE_UNITS; i++) {
		size_t length = strlen(size_units[i].suffix);

		if (strncasecmp(end, size_units[i].suffix, length))
			continue;
		/* "4K", "4KiB" and "4KB" mean the same here: pages and caches come in powers of two. */
		if (end[length] && strcasecmp(end + length, "B") && (!length || strcasecmp(end + length, "iB")))
			return -EINVAL;
		if (number > UINT64_MAX / size_units[i].bytes)
			return -EINVAL;
		*bytes = number * size_units[i].bytes;
		return 0;
	}
	return -EINVAL;
}

int duration_parse(const char *text, uint64_t *ns)
{
	static const struct {
		const char *suffix;
		uint64_t ns;
	} units[] = { { "ms", NS_PER_MS }, { "s", NS_PER_S }, { "", NS_PER_S }, { "m", NS_PER_MINUTE },
		{ "h", NS_PER_HOUR } };
	uint64_t number;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		if (number > UINT64_MAX / units[i].ns)
			return -EINVAL;
		*ns = number * units[i].ns;
		return 0;
	}
	return -EINVAL;
}

const char *size_format(uint64_t bytes, struct size_text *out)
{
	size_t i = 0;

	while (i + 1 < SIZE_UNITS && (bytes == 0 || bytes % size_units[i].bytes))
		i++;
	snprintf(out->text, sizeof(out->text), "%" PRIu64 "%s", bytes / size_units[i].bytes, size_units[i].suffix);
	return out->text;
}

const char *unit_name(enum unit unit)
{
	static const char *const names[UNITS] = {
		[UNIT_COUNT] = "count",
		[UNIT_NS] = "ns",
		[UNIT_CYCLES] = "cycles",
		[UNIT_BYTES] = "bytes",
		[UNIT_PER_S] = "1/s",
		[UNIT_SHARE] = "share",
		[UNIT_RATIO] = "ratio",
	};

	return names[unit];
}

bool unit_is_time(enum unit unit)
{
	return unit == UNIT_NS || unit == UNIT_CYCLES;
}
