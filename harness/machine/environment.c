#include "machine/environment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum fate {
	CLEARED,
	KEPT, /* and recorded */
	KEPT_OF_ALLOCATOR,
};

/* For each library and program that nestwalk uses, what it reads. A name is the beginning of all names that are meant. */
static const struct {
	const char *beginning;
	enum fate fate;
	const char *why;
} variables[] = {
	{ "HWLOC_", CLEARED, "hwloc describes another machine (XMLFILE, SYNTHETIC, FSROOT) or a part of this one" },
	{ "LIBPFM_", CLEARED, "libpfm4 takes the CPU for another model (FORCE_PMU) or leaves events out" },
	{ "GSL_RNG_", CLEARED, "random choices follow from the seed of a run alone" },
	{ "SQLITE_", CLEARED, "SQLite's temporary files belong where those of others are: TMPDIR" },
	{ "GNUPLOT_", CLEARED, "gnuplot reads other files, and draws with other fonts" },
	{ "GNUTERM", CLEARED, "gnuplot opens another terminal before a figure names its own" },
	{ "GNUHELP", CLEARED, "gnuplot reads another file" },
	{ "GDFONTPATH", CLEARED, "gnuplot's fonts" },
	{ "FIT_", CLEARED, "gnuplot writes a log, or calls a program" },
	{ "QEMU_", CLEARED, "QEMU loads other modules (MODULE_DIR) and opens devices that no guest here has" },
	{ "GLIBC_TUNABLES=", KEPT_OF_ALLOCATOR, "glibc read them before main(): malloc, and code for CPU features" },
	{ "MALLOC_", KEPT_OF_ALLOCATOR, "glibc and jemalloc (MALLOC_CONF) read them before main()" },
	{ "_RJEM_MALLOC_CONF=", KEPT_OF_ALLOCATOR, "jemalloc" },
	{ "TCMALLOC_", KEPT_OF_ALLOCATOR, "tcmalloc" },
	{ "MIMALLOC_", KEPT_OF_ALLOCATOR, "mimalloc" },
	{ "LD_", KEPT,
		"the loader read them before main(): other libraries (PRELOAD, LIBRARY_PATH), other code (BIND_NOW)" },
};

#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

static struct environment_variable *cleared;
static size_t cleared_count;

static bool begins_with(const char *variable, size_t i)
{
	return !strncmp(variable, variables[i].beginning, strlen(variables[i].beginning));
}

/* The row of a variable, or VARIABLES. */
static size_t row_of(const char *variable)
{
	size_t i = 0;

	while (i < VARIABLES && !begins_with(variable, i))
		i++;
	return i;
}

/* Without memory for its name a variable is taken out all the same, and not told. */
static void clear(const char *variable, const char *why)
{
	char *name = strndup(variable, strcspn(variable, "="));
	struct environment_variable *grown = realloc(cleared, (cleared_count + 1) * sizeof(*grown));

	cleared = grown ? grown : cleared;
	if (name)
		unsetenv(name);
	if (name && grown)
		cleared[cleared_count++] = (struct environment_variable){ name, true, why };
	else
		free(name);
}

void environment_clean(void)
{
	size_t count = 0;

	while (environ && environ[count])
		count++;
	/* From the end, as unsetenv() moves those behind. */
	while (count-- > 0) {
		/* There are fewer than before where a name stood twice. */
		size_t row = environ[count] ? row_of(environ[count]) : VARIABLES;

		if (row < VARIABLES && variables[row].fate == CLEARED)
			clear(environ[count], variables[row].why);
	}
}

bool environment_found(size_t i, struct environment_variable *variable)
{
	size_t found = cleared_count;

	if (i < cleared_count) {
		*variable = cleared[i];
		return true;
	}
	for (char **at = environ; at && *at; at++) {
		size_t row = row_of(*at);

		/* What nestwalk itself has set since then, like HWLOC_HIDE_ERRORS, is not told. */
		if (row == VARIABLES || variables[row].fate == CLEARED || found++ < i)
			continue;
		*variable = (struct environment_variable){ *at, false, variables[row].why };
		return true;
	}
	return false;
}

bool environment_is_of_allocator(const char *variable)
{
	size_t row = row_of(variable);

	return row < VARIABLES && variables[row].fate == KEPT_OF_ALLOCATOR;
}
