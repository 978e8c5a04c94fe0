/* What `nestwalk env` prints of the system: kernel, mitigations, allocator, and what will disturb a measurement. */
#ifndef NESTWALK_CMD_ENV_SYSTEM_H
#define NESTWALK_CMD_ENV_SYSTEM_H

#include <jansson.h>

/* @machine: as machine_describe() makes it of a machine with files. */
void env_system_print(const json_t *machine);

#endif
