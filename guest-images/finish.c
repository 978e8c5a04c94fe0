/*
 * finish STATUS: end this guest at once, with a status that only a job which came to its end can have.
 *
 * A power-off, a reboot and a kernel panic all end QEMU with status 0, and a wrong option with 1. QEMU's isa-debug-exit
 * device ends it with 2v+1 for a byte v written to its port. v is FIRST for a job's exit status 0, and so on up to
 * LAST, so that statuses run from 33 to 95: below 124 to 127, which timeout and shells use, and 128 and more, signals.
 * Without the device the write goes nowhere and this returns; whoever runs it powers off then.
 *
 * Nor does a program get through in a guest of a machine that QEMU's emulator makes: there, under KVM with AMD's extension, the
 * emulator takes the guest's TSS, which says which ports a process may use, for none, and the write is a SIGSEGV.
 *
 * A program, because busybox cannot write ports where the kernel has no /dev/port. Needs root.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/io.h>
#include <unistd.h>

#define PORT 0xf4 /* where -device isa-debug-exit,iobase=0xf4,iosize=4 puts it */
#define FIRST 16
#define LAST 47

static void give_up(int number)
{
	(void)number;
	_exit(1);
}

int main(int argc, char **argv)
{
	int status = argc == 2 ? atoi(argv[1]) : LAST;

	signal(SIGSEGV, give_up);
	if (ioperm(PORT, 1, 1))
		return 1;
	outb(status >= 0 && status < LAST - FIRST ? FIRST + status : LAST, PORT);
	return 0;
}
