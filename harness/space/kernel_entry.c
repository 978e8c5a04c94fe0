#include "space/kernels.h"

static kernel_function *const entries[KERNEL_COUNT] = {
	[KERNEL_WALK] = kernel_walk,
	[KERNEL_CHASE] = kernel_chase,
	[KERNEL_ADDS] = kernel_adds,
	[KERNEL_EMPTY] = kernel_empty,
	[KERNEL_CHASE_2] = kernel_chase_2,
	[KERNEL_CHASE_3] = kernel_chase_3,
	[KERNEL_CHASE_4] = kernel_chase_4,
	[KERNEL_CHASE_6] = kernel_chase_6,
	[KERNEL_CHASE_8] = kernel_chase_8,
	[KERNEL_CHASE_12] = kernel_chase_12,
};

kernel_function *kernel_entry(enum kernel kernel)
{
	return entries[kernel];
}

uint64_t kernel_offset(enum kernel kernel)
{
	return (uint64_t)((uintptr_t)entries[kernel] - (uintptr_t)kernels_begin);
}

double kernel_least_lap_tsc(const struct kernel_call *call)
{
	uint64_t least = call->lap_tsc[0];

	for (uint64_t i = 1; i < call->laps; i++)
		least = call->lap_tsc[i] < least ? call->lap_tsc[i] : least;
	return (double)least;
}

enum kernel kernel_of_chains(unsigned chains)
{
	static const struct {
		unsigned chains;
		enum kernel kernel;
	} kernels[] = {
		{ 1, KERNEL_CHASE },
		{ 2, KERNEL_CHASE_2 },
		{ 3, KERNEL_CHASE_3 },
		{ 4, KERNEL_CHASE_4 },
		{ 6, KERNEL_CHASE_6 },
		{ 8, KERNEL_CHASE_8 },
		{ 12, KERNEL_CHASE_12 },
	};

	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		if (kernels[i].chains == chains)
			return kernels[i].kernel;
	return KERNEL_COUNT;
}
