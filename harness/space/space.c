#include "space/space.h"

#include <errno.h>

const char *const frames_names[FRAMES_COUNT] = { "contiguous", "shuffled" };

static const struct {
	int (*open)(const struct space_spec *spec, struct space **space, struct reason *why);
} settings[SETTING_SPACES] = {
	[SETTING_HOST] = { host_space_open },
	[SETTING_HOST_AGAIN] = { host_space_open },
	[SETTING_VCPU] = { vcpu_space_open },
};

int space_open(const struct space_spec *spec, struct space **space, struct reason *why)
{
	*space = NULL;
	return settings[spec->setting].open(spec, space, why);
}

void space_close(struct space *space)
{
	if (space)
		space->ops->close(space);
}

int space_run(struct space *space, enum kernel kernel, struct reason *why)
{
	return space->ops->run(space, kernel, why);
}

void *space_pointer(const struct space *space, uint64_t address)
{
	return space->ops->pointer(space, address);
}

struct kvm_stats *space_vm_stats(const struct space *space)
{
	return space->ops->vm_stats ? space->ops->vm_stats(space) : NULL;
}

struct kvm_stats *space_vcpu_stats(const struct space *space)
{
	return space->ops->vcpu_stats ? space->ops->vcpu_stats(space) : NULL;
}
