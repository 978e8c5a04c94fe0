#include "space/kernels.h"

static kernel_function *const entries[KERNEL_COUNT] = {
	[KERNEL_WALK] = kernel_walk,
	[KERNEL_CHASE] = kernel_chase,
	[KERNEL_ADDS] = kernel_adds,
	[KERNEL_EMPTY] = kernel_empty,
};

kernel_function *kernel_entry(enum kernel kernel)
{
	return entries[kernel];
}

uint64_t kernel_offset(enum kernel kernel)
{
	return (uint64_t)((uintptr_t)entries[kernel] - (uintptr_t)kernels_begin);
}
