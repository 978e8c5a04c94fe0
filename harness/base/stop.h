/* Whether the program was asked to end soon (Ctrl-C and its like). */
#ifndef NESTWALK_BASE_STOP_H
#define NESTWALK_BASE_STOP_H

#include <stdbool.h>

/* Ask for it. May be called by a signal handler. There is no way back. */
void stop_ask(void);

/*
 * Whether it was asked for. A system call that a signal interrupted (EINTR) is no such request: the signal may be that of a
 * process that was stopped and goes on (Ctrl-Z, fg), or of a debugger.
 */
bool stop_asked(void);

#endif
