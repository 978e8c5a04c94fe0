/*
 * A QEMU for tests: this test program itself, under the name qemu-system-x86_64. It takes the sockets from its command line
 * as QEMU does, and plays the monitor and a guest that behaves as $FAKE_GUEST says.
 */
#ifndef NESTWALK_TEST_GUEST_FAKE_H
#define NESTWALK_TEST_GUEST_FAKE_H

#include "base/units.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAKE_NAME "qemu-system-x86_64"
#define FAKE_MEMORY_BYTES (128 * MIB)
#define FAKE_TOUCHED_BYTES (2 * MIB)
#define FAKE_FAULTS 1000

static struct {
	int monitor, control, results, console;
	bool kvm, without_arch_capabilities;
	const char *behaviour;
	unsigned asked; /* how often for the vCPUs' statistics */
} fake;

static inline bool fake_is(const char *behaviour)
{
	return !strcmp(fake.behaviour, behaviour);
}

static inline void fake_arguments(int argc, char **argv)
{
	static const struct {
		const char *prefix;
		int *fd;
	} ends[] = {
		{ "socket,id=monitor,fd=", &fake.monitor },
		{ "socket,id=control,fd=", &fake.control },
		{ "socket,id=results,fd=", &fake.results },
		{ "file,id=console,path=/proc/self/fd/", &fake.console },
	};

	for (int i = 1; i < argc; i++) {
		for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++)
			if (!strncmp(argv[i], ends[e].prefix, strlen(ends[e].prefix)))
				*ends[e].fd = atoi(argv[i] + strlen(ends[e].prefix));
		fake.kvm = fake.kvm || strstr(argv[i], "accel=kvm");
		fake.without_arch_capabilities =
			fake.without_arch_capabilities || strstr(argv[i], "arch-capabilities=off");
	}
}

/* What the guest's kernel prints. */
static inline void fake_prints(const char *text)
{
	(void)!write(fake.console, text, strlen(text));
}

static inline void fake_says(const char *text)
{
	(void)!write(fake.control, text, strlen(text));
}

/* The next line of the host. Exits where the host has closed the port. */
static inline const char *fake_hears(void)
{
	static char line[4096];
	size_t length = 0;

	while (length + 1 < sizeof(line)) {
		if (read(fake.control, line + length, 1) != 1)
			_exit(1);
		if (line[length] == '\n')
			break;
		length++;
	}
	line[length] = '\0';
	return line;
}

static inline void fake_answer(const char *command, int id)
{
	char text[512];
	const char *what = "{}";

	if (strstr(command, "query-kvm"))
		what = fake.kvm && !fake_is("says-no-kvm") ? "{\"enabled\": true}" : "{\"enabled\": false}";
	if (strstr(command, "query-cpus-fast")) {
		snprintf(text, sizeof(text),
			"{\"event\": \"NOISE\"}\n{\"return\": [{\"thread-id\": %d}], \"id\": %d}\n",
			fake_is("names-init") ? 1 : (int)getpid(), id);
		(void)!write(fake.monitor, text, strlen(text));
		return;
	}
	if (strstr(command, "query-stats"))
		what = "[]";
	if (strstr(command, "\"vcpu\"") && !fake_is("no-statistics"))
		/* 2 exits and half a fault of the hypervisor for each of the guest's. */
		what = fake.asked++
			       ? "[{\"stats\": [{\"name\": \"exits\", \"value\": 2100}, {\"name\": \"pf_taken\", \"value\": 507}, {\"name\": \"pages_4k\", \"value\": 9}]}]"
			       : "[{\"stats\": [{\"name\": \"exits\", \"value\": 100}, {\"name\": \"pf_taken\", \"value\": 7}, {\"name\": \"pages_4k\", \"value\": 4}]}]";
	snprintf(text, sizeof(text), "{\"return\": %s, \"id\": %d}\n", what, id);
	(void)!write(fake.monitor, text, strlen(text));
}

static inline void *fake_monitor(void *data)
{
	static const char greeting[] = "{\"QMP\": {}}\n";
	char command[4096];
	ssize_t got;

	if (fake_is("silent-monitor"))
		return NULL;
	(void)!write(fake.monitor, greeting, strlen(greeting));
	/* One command at a time, as the host waits for each answer. */
	while ((got = read(fake.monitor, command, sizeof(command) - 1)) > 0) {
		const char *id;

		command[got] = '\0';
		id = strstr(command, "\"id\":");
		fake_answer(command, id ? atoi(id + 5) : 0);
	}
	return data;
}

/* Send what guest-images/init does: all of it, half of it, or without the marker. */
static inline void fake_delivers(int status)
{
	char command[320], block[4096];
	size_t got, left = fake_is("cut-archive") ? 1500 : SIZE_MAX;
	FILE *tar;

	snprintf(command, sizeof(command),
		"cd \"$FAKE_PLACE\" && rm -rf sent && mkdir -p sent/results/run && cd sent && echo {} >results/run/run.json && echo said >results/job.log && echo %d >end && %s && tar -c results %s",
		status, fake_is("sends-link") ? "ln -s /etc/passwd results/run/run.json.partial" : ":",
		fake_is("no-marker") ? "" : "end");
	tar = popen(command, "r");
	while (tar && left && (got = fread(block, 1, sizeof(block), tar)) > 0) {
		(void)!write(fake.results, block, got < left ? got : left);
		left -= got < left ? got : left;
	}
	if (tar)
		pclose(tar);
}

/* From power-on to the order to begin. */
static inline void fake_boots(void)
{
	if (fake_is("refuses")) {
		fprintf(stderr, "qemu: -cpu host: this machine is not to be had\n\n");
		exit(1);
	}
	if (fake_is("msr") && !fake.without_arch_capabilities) {
		fprintf(stderr, "qemu-system-x86_64: error: failed to set MSR 0x10a to 0x0\n"
				"qemu-system-x86_64: kvm.c:3213: kvm_buf_set_msrs: Assertion failed.\n");
		abort();
	}
	fake_prints("Linux version 6\r\n");
	if (fake_is("hangs-at-boot")) {
		fake_prints("waiting for the root device\r\n\r\n");
		pause();
	}
	fake_says(fake_is("noisy") ? "\n\nBooting, read\nsome noise\nready\n" : "ready\n");
	while (strcmp(fake_hears(), "."))
		;
	fake_says("begin\n");
	if (strcmp(fake_hears(), "go"))
		exit(1);
}

/* Run the job, up to the exit status of nestwalk. */
static inline int fake_works(void)
{
	if (fake_is("panics")) {
		fake_prints("Kernel panic - not syncing: out of everything\r\n");
		exit(0);
	}
	if (fake_is("killed"))
		raise(SIGKILL);
	if (fake_is("hangs-in-job"))
		pause();
	if (fake_is("until-stopped")) {
		while (strcmp(fake_hears(), "stop"))
			;
		return 1;
	}
	return fake_is("fails") ? 3 : 0;
}

static inline int fake_qemu(int argc, char **argv)
{
	pthread_t thread;
	char text[64];
	char *memory;
	int status;

	fake.behaviour = getenv("FAKE_GUEST");
	fake_arguments(argc, argv);
	memory = mmap(NULL, FAKE_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || !fake.behaviour || pthread_create(&thread, NULL, fake_monitor, &fake))
		return 1;
	memset(memory, 1, FAKE_TOUCHED_BYTES);
	fake_boots();
	status = fake_works();
	if (fake_is("cannot-count"))
		snprintf(text, sizeof(text), "end %d unknown\n", status);
	else
		snprintf(text, sizeof(text), fake_is("mumbles") ? "end soon\n" : "end %d %d\n", status, FAKE_FAULTS);
	fake_says(text);
	fake_hears();
	while (fake_is("talks-on")) {
		fake_says("end 0 1\n");
		usleep(5000);
	}
	if (!fake_is("no-archive"))
		fake_delivers(fake_is("two-statuses") ? status + 1 : status);
	/* Under the KVM of some machines a guest can only power off (guest-images/finish.c). */
	_exit(fake_is("powers-off") || fake_is("no-archive") ? 0 : fake_is("odd-exit") ? 97 : 33 + 2 * status);
}

#endif
