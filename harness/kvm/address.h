/* Addresses of a guest, typed, so that a virtual one cannot be passed for a physical one. */
#ifndef NESTWALK_ADDRESS_H
#define NESTWALK_ADDRESS_H

#include <stdint.h>

typedef struct {
	uint64_t at;
} gva_t; /* guest-virtual */

typedef struct {
	uint64_t at;
} gpa_t; /* guest-physical */

#endif
