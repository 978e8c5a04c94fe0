#include "base/number.h"

#include <errno.h>
#include <stdlib.h>

bool number_whole(double number, uint64_t most, uint64_t *whole)
{
	/* The first double that no uint64_t holds; a NaN compares with nothing. */
	if (!(number >= 0 && number < 0x1p64) || (uint64_t)number > most)
		return false;
	*whole = (uint64_t)number;
	return true;
}

bool number_of_text(const char *text, uint64_t most, uint64_t *whole)
{
	unsigned long long number;
	char *end;

	/* strtoull() takes signs and blanks. */
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*end || errno || number > most)
		return false;
	*whole = number;
	return true;
}
