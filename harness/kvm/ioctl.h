/* ioctl() that checks the size of the argument's type against the size that the request's number encodes. */
#ifndef NESTWALK_IOCTL_H
#define NESTWALK_IOCTL_H

#include "base/reason.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/* The result of ioctl(fd, request, arg), or -errno with *why saying which request failed. */
#define KVM_IOCTL(fd, request, arg, why) \
	({ \
		static_assert(sizeof(*(arg)) == _IOC_SIZE(request), #request ": wrong argument type"); \
		kvm_ioctl_named((fd), (request), (arg), #request, (why)); \
	})

static inline int kvm_ioctl_named(int fd, unsigned long request, void *arg, const char *name, struct reason *why)
{
	int result = ioctl(fd, request, arg);

	return result >= 0 ? result : fail(why, errno, "%s: %s", name, strerror(errno));
}

/* The same for requests that take a plain number. */
#define KVM_IOCTL_NUMBER(fd, request, number, why) \
	kvm_ioctl_named((fd), (request), (void *)(uintptr_t)(number), #request, (why))

#endif
