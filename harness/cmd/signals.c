#include "cmd/signals.h"

#include "base/stop.h"

#include <signal.h>
#include <stddef.h>

static void on_signal(int number)
{
	(void)number;
	stop_ask();
}

void signals_catch(void)
{
	/* SA_RESTART is not set, because a running vCPU must return to user space to see the signal. */
	struct sigaction action = { .sa_handler = on_signal };
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	/*
	 * A reader of the progress that goes away must not end a measurement. A file size limit is an error to
	 * report, not a signal to die of.
	 */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}
