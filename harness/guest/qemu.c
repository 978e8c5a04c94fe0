#include "guest/qemu.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const guest_accel_names[GUEST_ACCELS] = { "kvm", "tcg" };

/* guest-images/finish.c: v = 16 + status is written to isa-debug-exit, which ends QEMU with 2v + 1. */
#define FINISHED_FIRST 33
#define FINISHED_LAST 95

static const char *choice_name(enum guest_choice choice)
{
	static const char *const names[] = { "as it comes", "off", "on" };

	return names[choice];
}

json_t *guest_shape_json(const struct guest_shape *shape)
{
	return json_pack("{s:s, s:i, s:I, s:s, s:b, s:s, s:s, s:s, s:s}", "accel", guest_accel_names[shape->accel],
		"cpus", (int)shape->cpus, "memory_bytes", (json_int_t)shape->memory_bytes, "backing",
		backing_name(shape->backing), "warm", shape->warm, "five_levels", choice_name(shape->five_levels),
		"pmu", choice_name(shape->pmu), "thp", shape->thp, "append", shape->append);
}

/* Append one argument. Where memory runs out the command stays incomplete, because count is not advanced. */
__attribute__((format(printf, 2, 3))) static void argument_add(struct qemu_command *command, const char *format, ...)
{
	char **place = &command->argument[command->count];
	va_list list;

	va_start(list, format);
	if (command->count < QEMU_ARGUMENTS_MAX && vasprintf(place, format, list) >= 0)
		command->count++;
	else
		*place = NULL;
	va_end(list);
}

static void add_cpu(struct qemu_command *command, const struct guest_shape *shape, const char *without)
{
	char features[128] = "";
	size_t used = 0;

	/* The emulated CPU model has 5 levels, which few machines have; the default is 4, as on most machines. */
	if (shape->five_levels != GUEST_MODEL_DEFAULT || shape->accel == GUEST_TCG)
		used += (size_t)snprintf(features + used, sizeof(features) - used, ",la57=%s",
			shape->five_levels == GUEST_ON ? "on" : "off");
	if (shape->pmu != GUEST_MODEL_DEFAULT)
		used += (size_t)snprintf(
			features + used, sizeof(features) - used, ",pmu=%s", shape->pmu == GUEST_ON ? "on" : "off");
	if (without)
		snprintf(features + used, sizeof(features) - used, ",%s=off", without);
	argument_add(command, "-cpu");
	argument_add(command, "%s%s", shape->accel == GUEST_KVM ? "host" : "max", features);
}

/*
 * Memory of a known page size. memfd for 4K (the kernel's shmem has huge pages only where an administrator says so) and for
 * hugetlb; THP comes to anonymous memory, which QEMU itself advises to be huge.
 */
static void add_memory(struct qemu_command *command, const struct guest_shape *shape)
{
	const char *prealloc = shape->warm ? "on" : "off";

	argument_add(command, "-object");
	if (shape->backing == BACKING_2M_THP)
		argument_add(command, "memory-backend-ram,id=ram,size=%" PRIu64 ",prealloc=%s", shape->memory_bytes,
			prealloc);
	else if (backing_is_hugetlb(shape->backing))
		argument_add(command,
			"memory-backend-memfd,id=ram,size=%" PRIu64 ",hugetlb=on,hugetlbsize=%" PRIu64 ",prealloc=%s",
			shape->memory_bytes, backing_page_bytes(shape->backing), prealloc);
	else
		argument_add(command, "memory-backend-memfd,id=ram,size=%" PRIu64 ",prealloc=%s", shape->memory_bytes,
			prealloc);
	argument_add(command, "-m");
	argument_add(command, "%" PRIu64 "M", shape->memory_bytes / MIB);
}

static void add_ports(struct qemu_command *command, const struct qemu_ends *ends)
{
	static const char *const names[] = { "control", "results" };
	const int ports[] = { ends->control, ends->results };

	argument_add(command, "-device");
	argument_add(command, "virtio-serial-pci");
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		argument_add(command, "-chardev");
		argument_add(command, "socket,id=%s,fd=%d", names[i], ports[i]);
		argument_add(command, "-device");
		argument_add(command, "virtserialport,chardev=%s,name=%s", names[i], names[i]);
	}
	argument_add(command, "-chardev");
	argument_add(command, "socket,id=monitor,fd=%d", ends->monitor);
	argument_add(command, "-mon");
	argument_add(command, "chardev=monitor,mode=control");
	/* QEMU opens the file itself, so its name must not hold a comma. */
	argument_add(command, "-chardev");
	argument_add(command, "file,id=console,path=/proc/self/fd/%d,append=on", ends->console);
	argument_add(command, "-serial");
	argument_add(command, "chardev:console");
}

int qemu_command_make(const struct guest_shape *shape, const struct qemu_ends *ends, struct qemu_command *command)
{
	static const char *const fixed[] = { "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot" };

	*command = (struct qemu_command){ 0 };
	argument_add(command, "%s", ends->program);
	argument_add(command, "-machine");
	argument_add(command, "q35,accel=%s,memory-backend=ram", guest_accel_names[shape->accel]);
	add_cpu(command, shape, ends->without_feature);
	argument_add(command, "-smp");
	argument_add(command, "%u", shape->cpus);
	add_memory(command, shape);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		argument_add(command, "%s", fixed[i]);
	argument_add(command, "-kernel");
	argument_add(command, "%s", ends->kernel);
	argument_add(command, "-initrd");
	argument_add(command, "%s", ends->initramfs);
	argument_add(command, "-append");
	/* An oops counts as a panic: a kernel that has gone wrong must not go on to deliver results. */
	/*
	 * Under KVM Linux does not check whether the timer interrupt works. Under the emulator it does, and fails where the
	 * emulator is not scheduled for a moment, because its machine is busy.
	 */
	argument_add(command, "console=ttyS0 quiet panic=-1 oops=panic%s transparent_hugepage=%s%s%s",
		shape->accel == GUEST_TCG ? " no_timer_check" : "", shape->thp, shape->append[0] ? " " : "",
		shape->append);
	add_ports(command, ends);
	argument_add(command, "-device");
	argument_add(command, "isa-debug-exit,iobase=0xf4,iosize=4");
	/* The last argument is there only if all before it are. */
	if (!command->count || strncmp(command->argument[command->count - 1], "isa-debug-exit", 14)) {
		qemu_command_free(command);
		return -ENOMEM;
	}
	return 0;
}

void qemu_command_free(struct qemu_command *command)
{
	for (size_t i = 0; i < command->count; i++)
		free(command->argument[i]);
	*command = (struct qemu_command){ 0 };
}

int qemu_job_status(int exit_status)
{
	if (exit_status < FINISHED_FIRST || exit_status > FINISHED_LAST || exit_status % 2 == 0)
		return -1;
	return (exit_status - FINISHED_FIRST) / 2;
}

/* QEMU's names: everywhere; RHEL's and its kin's, which lies outside of PATH (/usr/libexec). */
static const char *const qemu_names[] = { "qemu-system-x86_64", "qemu-kvm" };
#define QEMU_OF_RHEL "/usr/libexec/qemu-kvm"

static bool find_in_path(const char *name, char *text, size_t bytes)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		int length = (int)strcspn(path, ":");

		snprintf(text, bytes, "%.*s/%s", length, path, name);
		if (length && !access(text, X_OK))
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}

int qemu_find(char *text, size_t bytes, struct reason *why)
{
	for (size_t i = 0; i < sizeof(qemu_names) / sizeof(qemu_names[0]); i++)
		if (find_in_path(qemu_names[i], text, bytes))
			return 0;
	snprintf(text, bytes, QEMU_OF_RHEL);
	if (!access(text, X_OK))
		return 0;
	return fail(why, ENOENT,
		"no qemu-system-x86_64 in PATH, nor qemu-kvm there or in /usr/libexec: a Linux guest needs QEMU (scripts/setup guest)");
}
