/*
 * LD_PRELOAD=short_of_memory.so SHORT_OF=libjansson SHORT_AT=N COMMAND: the N-th allocation (from 1), and all that follow, of code in
 * that library fail. SHORT_OF=nestwalk is the program itself. For tests of what becomes of such an error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* glibc's own names, which no header declares: dlsym(RTLD_NEXT, ...) would itself ask for memory. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);

static uintptr_t from, to; /* the library's code */
static unsigned long left;

static int look_at_library(struct dl_phdr_info *info, size_t size, void *name)
{
	(void)size;
	/* The program itself has an empty name. */
	if (!(info->dlpi_name[0] ? strstr(info->dlpi_name, name) : !strcmp(name, "nestwalk") ? name : NULL))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];

		if (part->p_type == PT_LOAD && part->p_flags & PF_X) {
			from = info->dlpi_addr + part->p_vaddr;
			to = from + part->p_memsz;
		}
	}
	return 1;
}

__attribute__((constructor)) static void begin(void)
{
	const char *name = getenv("SHORT_OF"), *at = getenv("SHORT_AT");

	left = at ? strtoul(at, NULL, 10) : 0;
	if (name && left)
		dl_iterate_phdr(look_at_library, (void *)name);
}

static int is_short(const void *caller)
{
	if ((uintptr_t)caller < from || (uintptr_t)caller >= to)
		return 0;
	if (left > 1) {
		left--;
		return 0;
	}
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t bytes)
{
	return is_short(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	return is_short(__builtin_return_address(0)) ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes)
{
	return is_short(__builtin_return_address(0)) ? NULL : __libc_realloc(old, bytes);
}
