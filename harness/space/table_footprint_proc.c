#include "space/table_footprint_internal.h"

#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* longer than a scheduler tick, after which the kernel frees tables that readers may still see */
#define SETTLE_NS (10 * NS_PER_MS)
#define SETTLE_TRIES 30

int table_footprint_kib_read(const char *path, const char *key, uint64_t *bytes)
{
	FILE *file = fopen(path, "re");
	char line[256];
	int error = -ENOENT;
	uint64_t kib;

	if (!file)
		return -errno;
	while (error && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)) && sscanf(line + strlen(key), "%" SCNu64, &kib) == 1) {
			*bytes = kib * KIB;
			error = 0;
		}
	fclose(file);
	return error;
}

static int counts_refresh(void)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, "1", 1) != 1)
		error = -errno;
	close(fd);
	return error;
}

static bool secondary_tables_read(struct table_footprint_number *number)
{
	int error = counts_refresh();

	number->known = false;
	if (error) {
		fail(&number->why, -error,
			"SecPageTables is only exact after a write to /proc/sys/vm/stat_refresh (%s): %s",
			strerror(-error),
			error == -EACCES || error == -EPERM ? "run as root" : "this kernel has no such file");
		return false;
	}
	error = table_footprint_kib_read("/proc/meminfo", "SecPageTables:", &number->value);
	if (error) {
		fail(&number->why, -error,
			"this kernel does not tell its hypervisor's page tables (SecPageTables, Linux 6.1)");
		return false;
	}
	number->known = true;
	return true;
}

void table_footprint_secondary_tables(struct table_footprint_number *number)
{
	const struct timespec pause = { .tv_nsec = (long)SETTLE_NS };
	uint64_t last;

	*number = (struct table_footprint_number){ 0 };
	if (!secondary_tables_read(number))
		return;
	for (unsigned i = 0; i < SETTLE_TRIES; i++) {
		last = number->value;
		nanosleep(&pause, NULL);
		if (!secondary_tables_read(number) || number->value == last)
			return;
	}
}
