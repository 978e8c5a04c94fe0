/* Ctrl-C and its like end a command soon, not at once: what it changed is put back, and what it has is kept. */
#ifndef NESTWALK_CMD_SIGNALS_H
#define NESTWALK_CMD_SIGNALS_H

/* From now on SIGINT, SIGTERM and SIGHUP only make stop_asked() true (base/stop.h). SIGPIPE and SIGXFSZ become errors of write(). */
void signals_catch(void);

#endif
