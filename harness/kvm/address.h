/* Addresses of a guest. Each kind has a type, so that a virtual address cannot be passed for a physical one. */
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
