#include "base/format.h"

#include "base/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SIGNIFICANT 3
#define MOST_DECIMALS 4 /* a smaller number is zero to a reader */

static int decimals_of(double number)
{
	int decimals = SIGNIFICANT - 1;

	/* The addition keeps 999.9 from getting a decimal that 1000 would not have. */
	if (isfinite(number) && number != 0)
		decimals -= (int)floor(log10(fabs(number)) + 2e-4);
	if (decimals < 0)
		return 0;
	return decimals > MOST_DECIMALS ? MOST_DECIMALS : decimals;
}

struct text format_number(double number)
{
	struct text out;

	if (!isfinite(number))
		return (struct text){ "?" };
	/* -0.00004 reads as 0, not as -0.0000. */
	if (fabs(number) < pow(10, -MOST_DECIMALS) / 2)
		return (struct text){ "0" };
	snprintf(out.text, sizeof(out.text), "%.*f", decimals_of(number), number);
	return out;
}

struct text format_count(double number)
{
	struct text plain, out;
	size_t length, used = 0;

	if (!isfinite(number) || fabs(number) >= 1e18)
		return format_number(NAN);
	snprintf(plain.text, sizeof(plain.text), "%.0f", number);
	length = strlen(plain.text);
	for (size_t i = 0; i < length; i++) {
		out.text[used++] = plain.text[i];
		/* Four digits read well as they are. */
		if (length > 4 && i + 1 < length && (length - 1 - i) % 3 == 0)
			out.text[used++] = ' ';
	}
	out.text[used] = '\0';
	return out;
}

struct text format_bytes(double bytes)
{
	static const struct {
		double bytes;
		const char *name;
	} units[] = { { (double)GIB, "GiB" }, { (double)MIB, "MiB" }, { (double)KIB, "KiB" }, { 1, "bytes" } };
	struct text out;
	size_t i = 0;

	while (i + 1 < sizeof(units) / sizeof(units[0]) && !(fabs(bytes) >= units[i].bytes))
		i++;
	/* A whole number of units has no decimals: 72 pages are 288 KiB, not 288.0. */
	if (isfinite(bytes) && bytes / units[i].bytes == floor(bytes / units[i].bytes))
		snprintf(out.text, sizeof(out.text), "%.0f %s", bytes / units[i].bytes, units[i].name);
	else
		snprintf(out.text, sizeof(out.text), "%.32s %s", format_number(bytes / units[i].bytes).text,
			units[i].name);
	return out;
}

struct text format_interval(double near, double lo, double hi)
{
	struct text out = { "" };
	int decimals = decimals_of(near);

	if (isfinite(lo) && isfinite(hi))
		snprintf(out.text, sizeof(out.text), " [%.*f, %.*f]", decimals, lo, decimals, hi);
	return out;
}

struct text format_count_interval(double lo, double hi)
{
	struct text out = { "" };

	if (isfinite(lo) && isfinite(hi))
		snprintf(out.text, sizeof(out.text), " [%.0f, %.0f]", lo, hi);
	return out;
}

struct text format_estimate(double value, double lo, double hi)
{
	struct text out;

	snprintf(out.text, sizeof(out.text), "%.40s%.50s", format_number(value).text,
		format_interval(value, lo, hi).text);
	return out;
}

struct text format_ratio(double ratio, double lo, double hi)
{
	struct text out = { "?" };

	if (isfinite(ratio))
		snprintf(out.text, sizeof(out.text), "%.3f", ratio);
	if (isfinite(ratio) && isfinite(lo) && isfinite(hi))
		snprintf(out.text, sizeof(out.text), "%.3f [%.3f, %.3f]", ratio, lo, hi);
	return out;
}

const char *format_ordinal_suffix(unsigned long number)
{
	static const char *const suffixes[] = { "th", "st", "nd", "rd" };

	if (number % 100 / 10 == 1 || number % 10 >= sizeof(suffixes) / sizeof(suffixes[0]))
		return "th";
	return suffixes[number % 10];
}
