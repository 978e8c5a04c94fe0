#include "base/format.h"

#include "base/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SIGNIFICANT 3
#define MOST_DECIMALS 4 /* a smaller number is zero to a reader */
#define MOST_DIGITS 5 /* of a number without an interval, which may be a count: 65536 pages are not 65500 */
#define MOST_PLAIN 1e18 /* what no machine has */

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

/* Of a large number the last digits are noise: the power of ten that is the last to be told. 0: all digits are. */
static int rounding_of(double number)
{
	int digits = isfinite(number) && number != 0 ? (int)floor(log10(fabs(number)) + 2e-4) + 1 : 0;

	return digits > MOST_DIGITS ? digits - SIGNIFICANT : 0;
}

/*
 * The same of a number with an interval, which says how much of it is known: two digits of the distance to its nearer end are
 * told (a long tail on one side does not blur the other), and no more than three of the number. Smaller numbers have decimals.
 */
static int rounding_within(double near, double lo, double hi)
{
	double below = near - lo, above = hi - near;
	double known = below > 0 && (below < above || above <= 0) ? below : above;
	int of_interval, of_number;

	if (!isfinite(near) || fabs(near) < 1000)
		return 0;
	if (!(known > 0) || !isfinite(known))
		return rounding_of(near);
	of_interval = (int)floor(log10(known)) - 1;
	of_number = (int)floor(log10(fabs(near)) + 2e-4) + 1 - SIGNIFICANT;
	return of_interval > of_number ? of_interval : of_number;
}

/* A number with so many decimals, or, of a large one, rounded to a power of ten. */
static struct text number_at(double number, int decimals, int rounding)
{
	struct text out;

	if (fabs(number) >= 1000 || rounding)
		return format_count(round(number / pow(10, rounding)) * pow(10, rounding));
	snprintf(out.text, sizeof(out.text), "%.*f", decimals, number);
	return out;
}

struct text format_number(double number)
{
	if (!isfinite(number) || fabs(number) >= MOST_PLAIN)
		return (struct text){ "?" };
	/* -0.00004 reads as 0, not as -0.0000. */
	if (fabs(number) < pow(10, -MOST_DECIMALS) / 2)
		return (struct text){ "0" };
	return number_at(number, decimals_of(number), rounding_of(number));
}

struct text format_count(double number)
{
	struct text plain, out;
	size_t length, used = 0;

	if (!isfinite(number) || fabs(number) >= MOST_PLAIN)
		return (struct text){ "?" };
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
	int decimals = decimals_of(value), rounding = rounding_within(value, lo, hi);

	if (!isfinite(value) || !isfinite(lo) || !isfinite(hi))
		return format_number(value);
	snprintf(out.text, sizeof(out.text), "%.30s [%.30s, %.30s]", number_at(value, decimals, rounding).text,
		number_at(lo, decimals, rounding).text, number_at(hi, decimals, rounding).text);
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
