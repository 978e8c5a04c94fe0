/* Numbers as text for readers: three significant digits, thousands apart, sizes in powers of two, intervals. */
#ifndef NESTWALK_BASE_FORMAT_H
#define NESTWALK_BASE_FORMAT_H

/* Texts are returned by value, so that several can stand in one printf. */
struct text {
	char text[96];
};

/*
 * Three significant digits without an exponent: "6.92", "113", "0.0041". Up to five digits before the point are all told, as
 * they may be a count: "65 536", but "4 740 000". "?" for NaN and infinity.
 */
struct text format_number(double number);

/* A count with its thousands apart: "65 536". "?" for NaN and infinity. */
struct text format_count(double number);

/* "288 KiB", "11.3 MiB": three significant digits, in powers of two. */
struct text format_bytes(double bytes);

/* " [72, 75]": the interval of a count. */
struct text format_count_interval(double lo, double hi);

/* "54.2 [53.1, 55.0]", "4 740 000 [4 200 000, 6 060 000]": a number and its interval, in no more digits than that supports. */
struct text format_estimate(double value, double lo, double hi);

/* "1.003 [0.998, 1.007]": a ratio near 1, where three digits would hide what matters. */
struct text format_ratio(double ratio, double lo, double hi);

/* "st", "nd", "rd" or "th": the ending of an ordinal number. */
const char *format_ordinal_suffix(unsigned long number);

#endif
