#include "base/affinity.h"

#include <errno.h>

int affinity_read(pid_t thread, struct affinity *out)
{
	CPU_ZERO_S(sizeof(out->set), out->set);
	return sched_getaffinity(thread, sizeof(out->set), out->set) ? -errno : 0;
}

int affinity_write(pid_t thread, const struct affinity *cpus)
{
	return sched_setaffinity(thread, sizeof(cpus->set), cpus->set) ? -errno : 0;
}

int affinity_bind(pid_t thread, unsigned cpu)
{
	struct affinity only;

	if (cpu >= AFFINITY_CPUS)
		return -EINVAL;
	CPU_ZERO_S(sizeof(only.set), only.set);
	CPU_SET_S(cpu, sizeof(only.set), only.set);
	return affinity_write(thread, &only);
}

unsigned affinity_count(const struct affinity *cpus)
{
	return (unsigned)CPU_COUNT_S(sizeof(cpus->set), cpus->set);
}
