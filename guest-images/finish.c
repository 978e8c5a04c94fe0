/*
 * finish STATUS: end this guest at once, with an exit status of QEMU that means that the job ended by itself.
 *
 * A power-off, a reboot and a kernel panic all end QEMU with status 0, and a wrong option with 1. QEMU's isa-debug-exit
 * device ends it with 2v+1 for a byte v written to its port. v is FIRST for a job's exit status 0, and so on up to
 * LAST, so that statuses run from 33 to 95: below 124 to 127, which timeout and shells use, and 128 and more, signals.
 * Without the device the write has no effect and the program returns. Its caller then powers off.
 *
 * In a guest of an emulated machine the write does not work either. There, under KVM with AMD's extension, QEMU's
 * emulator ignores the I/O permission bitmap of the guest's TSS, and the write is a SIGSEGV.
 *
 * This is a program because busybox cannot write to ports where the kernel has no /dev/port. Needs root.
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
