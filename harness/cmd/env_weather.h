/* nestwalk env --weather: a live meter of what somebody else does on the core's other thread. */
#ifndef NESTWALK_CMD_ENV_WEATHER_H
#define NESTWALK_CMD_ENV_WEATHER_H

#include "cmd/cmd.h"

#include <argp.h>
#include <stdbool.h>

/* Options of the command line; texts are as the user wrote them. */
struct env_weather_request {
	const char *duration; /* NULL: no weather was asked for */
	const char *cpu; /* NULL: choose */
	bool busy_sibling; /* make the other thread busy every other second, where this Linux owns it */
	bool json;
};

/* --weather, --cpu and --busy-sibling, into a struct env_weather_request. */
extern const struct argp env_weather_argp;

/* Whether one of these options was used. */
bool env_weather_wanted(const struct env_weather_request *request);

/* Watch, show it, and print a summary. The exit code: EXIT_SKIPPED where the weather cannot be told here. */
int env_weather(const struct env_weather_request *request);

#endif
