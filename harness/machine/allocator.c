#include "machine/allocator.h"

#include "machine/describe.h"
#include "machine/environment.h"
#include "machine/facts.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

/*
 * The function that this program's own calls of malloc() reach. The linker bound the reference to one symbol version,
 * and dlsym(3) may find another version. In a program that is not position-independent the reference leads to the
 * program's own linkage table; dlsym() then finds the function behind it.
 */
static bool malloc_find(Dl_info *its)
{
	void *(*volatile bound)(size_t) = malloc;
	void *behind = dlsym(RTLD_DEFAULT, "malloc");
	Dl_info own;

	if (!dladdr((void *)bound, its) || !dladdr((void *)machine_allocator, &own))
		return false;
	if (its->dli_fbase == own.dli_fbase && behind && !dladdr(behind, its))
		return false;
	return its->dli_fname != NULL;
}

/* Whether the function is the GNU C library's, and its version. Other C libraries (musl) do not tell theirs. */
static void glibc_look(struct allocator *allocator, const Dl_info *its)
{
#ifdef __GLIBC__
	Dl_info libc = { 0 };

	allocator->glibc = dladdr((void *)gnu_get_libc_version, &libc) && libc.dli_fbase == its->dli_fbase;
	if (allocator->glibc)
		snprintf(allocator->version, sizeof(allocator->version), "%s", gnu_get_libc_version());
#else
	(void)allocator;
	(void)its;
#endif
}

void machine_allocator(struct allocator *allocator)
{
	Dl_info its;
	const char *slash;

	*allocator = (struct allocator){ .name = "this program" };
	if (!malloc_find(&its))
		return;
	slash = strrchr(its.dli_fname, '/');
	snprintf(allocator->name, sizeof(allocator->name), "%s", slash ? slash + 1 : its.dli_fname);
	glibc_look(allocator, &its);
}

static json_t *allocator_settings(struct facts *owner)
{
	json_t *list = json_array();

	for (char **variable = environ; variable && *variable; variable++)
		if (environment_is_of_allocator(*variable))
			facts_append(owner, list, facts_string(*variable));
	return list;
}

json_t *describe_allocator(const struct machine_source *source)
{
	struct facts facts = facts_begin();
	struct allocator allocator;
	struct reason why;

	if (!source_is_live(source)) {
		source_not_tried(source, &why);
		facts_null(&facts, "name", &why);
		facts_null(&facts, "version", &why);
		facts_null(&facts, "is_glibc", &why);
		facts_null(&facts, "settings", &why);
		return facts_end(&facts);
	}
	machine_allocator(&allocator);
	facts_text(&facts, "name", allocator.name);
	if (allocator.glibc) {
		facts_text(&facts, "version", allocator.version);
	} else {
		fail(&why, ENOTSUP, "only that of the GNU C library can be asked for");
		facts_null(&facts, "version", &why);
	}
	facts_bool(&facts, "is_glibc", allocator.glibc);
	facts_json(&facts, "settings", allocator_settings(&facts));
	return facts_end(&facts);
}
