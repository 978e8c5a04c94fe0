/* The host space: this process. The kernel makes its page tables, whose leaves are the backing's pages. */
#include "space/space.h"

#include <errno.h>
#include <stdlib.h>

struct host_space {
	struct space space;
	struct kernel_call call;
};

static int host_run(struct space *space, enum kernel kernel, struct reason *why)
{
	(void)why;
	kernel_entry(kernel)(space->call);
	return 0;
}

static void *host_pointer(const struct space *space, uint64_t address)
{
	(void)space;
	return (void *)(uintptr_t)address;
}

static const unsigned char *host_code(const struct space *space)
{
	(void)space;
	return kernels_begin;
}

static void host_close(struct space *space)
{
	free(space);
}

static const struct space_ops host_ops = {
	.run = host_run,
	.pointer = host_pointer,
	.code = host_code,
	.close = host_close,
};

int host_space_open(const struct space_spec *spec, struct space **space, struct reason *why)
{
	struct host_space *host;
	enum backing backing = spec->sparse ? spec->sparse->spec.backing : spec->memory->backing;

	if (spec->sparse && spec->sparse->spec.shared_frames)
		return fail(why, EINVAL, "a process cannot have a frame in several pages");
	if (spec->page_bytes != backing_page_bytes(backing))
		return fail(why, EINVAL, "on a host a page is its own backing");
	host = calloc(1, sizeof(*host));
	if (!host)
		return fail(why, ENOMEM, "no memory for a host space");
	host->space = (struct space){ .ops = &host_ops, .spec = *spec, .call = &host->call, .in_place = true };
	*space = &host->space;
	return 0;
}
