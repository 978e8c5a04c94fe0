#include "system/interrupts.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The numbers of the CPUs that have a column: not 0, 1, 2 ... where some are offline. Owned by the caller. */
static int columns_read(const char *header, int **column, unsigned *count)
{
	unsigned room = 0;

	*column = NULL;
	*count = 0;
	for (const char *at = strstr(header, "CPU"); at; at = strstr(at + 1, "CPU"))
		room++;
	if (!room)
		return -EINVAL;
	*column = malloc(room * sizeof(**column));
	if (!*column)
		return -ENOMEM;
	for (const char *at = strstr(header, "CPU"); at; at = strstr(at + 1, "CPU"))
		(*column)[(*count)++] = (int)strtol(at + 3, NULL, 10);
	return 0;
}

/* What is behind "label:" in a line, or NULL. */
static const char *line_of(const char *line, const char *label)
{
	size_t length = strlen(label);

	while (*line == ' ')
		line++;
	return !strncmp(line, label, length) && line[length] == ':' ? line + length + 1 : NULL;
}

static bool is_named(int cpu, const int *cpus, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (cpus[i] == cpu)
			return true;
	return false;
}

static int line_counts_add(const char *at, const int *column, unsigned columns, const int *cpus, unsigned cpu_count,
	struct interrupts *counts)
{
	*counts = (struct interrupts){ 0 };
	for (unsigned i = 0; i < columns; i++) {
		uint64_t value;
		char *end;

		while (*at == ' ')
			at++;
		if (!isdigit((unsigned char)*at))
			return -EINVAL;
		value = strtoull(at, &end, 10);
		at = end;
		counts->all += value;
		if (is_named(column[i], cpus, cpu_count))
			counts->of_cpus += value;
	}
	return 0;
}

int interrupts_parse(FILE *stream, const char *label, const int *cpus, unsigned cpu_count, struct interrupts *counts,
	struct reason *why)
{
	char *line = NULL;
	size_t room = 0;
	int *column = NULL;
	unsigned columns = 0;
	int error = getline(&line, &room, stream) < 0 ? -EINVAL : columns_read(line, &column, &columns);
	const char *at = NULL;

	while (!error && !at && getline(&line, &room, stream) >= 0)
		at = line_of(line, label);
	if (!error)
		error = at ? line_counts_add(at, column, columns, cpus, cpu_count, counts) : -ENODATA;
	free(column);
	free(line);
	if (error == -ENODATA)
		return fail(why, ENODATA, "/proc/interrupts has no line '%s:' on this kernel", label);
	if (error == -EINVAL)
		return fail(why, EINVAL, "/proc/interrupts has not a number for each CPU under '%s:'", label);
	return error ? fail(why, -error, "no memory to read /proc/interrupts") : 0;
}

int interrupts_read(
	const char *label, const int *cpus, unsigned cpu_count, struct interrupts *counts, struct reason *why)
{
	FILE *stream = fopen("/proc/interrupts", "re");
	int error;

	if (!stream)
		return fail(why, errno, "/proc/interrupts: %s", strerror(errno));
	error = interrupts_parse(stream, label, cpus, cpu_count, counts, why);
	fclose(stream);
	return error;
}
