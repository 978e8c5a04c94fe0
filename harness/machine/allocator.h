/*
 * The allocator of this process: its C library's malloc(), or the malloc() of a library that the user put before it
 * (LD_PRELOAD). The dynamic linker knows which (dladdr(3)). No privilege.
 */
#ifndef NESTWALK_ALLOCATOR_H
#define NESTWALK_ALLOCATOR_H

#include <stdbool.h>

struct allocator {
	char name[96]; /* file name of the object that malloc() is in: "libc.so.6", "libjemalloc.so.2" */
	bool glibc; /* the allocator is the GNU C library's, so that mallinfo2(3) describes it */
	char version[32]; /* of the GNU C library; "" for others: there is no common way to ask them */
};

void machine_allocator(struct allocator *allocator);

#endif
