/* The part of `nestwalk env` about effective leaves. */
#ifndef NESTWALK_ENV_LEAF_H
#define NESTWALK_ENV_LEAF_H

#include <jansson.h>

/* Print what each backing's pages are held as; nothing where the machine's description does not tell. */
void env_leaf_print(const json_t *machine);

#endif
