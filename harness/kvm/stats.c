#include "kvm/stats.h"

#include "kvm/ioctl.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The largest name and data block that are accepted from the kernel. Today they have 48 bytes and about 1 KiB. */
#define NAME_MOST 256u
#define DATA_MOST (1u << 20)
#define STATS_MOST 1024u

const char *const kvm_count_names[KVM_COUNTS] = {
	[KVM_COUNT_EXITS] = "exits",
	[KVM_COUNT_PF_TAKEN] = "pf_taken",
	[KVM_COUNT_PF_FIXED] = "pf_fixed",
	[KVM_COUNT_PF_GUEST] = "pf_guest",
	[KVM_COUNT_PF_EMULATE] = "pf_emulate",
	[KVM_COUNT_INSN_EMULATION] = "insn_emulation",
	[KVM_COUNT_TLB_FLUSH] = "tlb_flush",
	[KVM_COUNT_MMIO_EXITS] = "mmio_exits",
	[KVM_COUNT_IRQ_EXITS] = "irq_exits",
	[KVM_COUNT_PF_MMIO_SPTE_CREATED] = "pf_mmio_spte_created",
	[KVM_COUNT_PAGES_4K] = "pages_4k",
	[KVM_COUNT_PAGES_2M] = "pages_2m",
	[KVM_COUNT_PAGES_1G] = "pages_1g",
	[KVM_COUNT_MMU_UNSYNC] = "mmu_unsync",
	[KVM_COUNT_MMU_CACHE_MISS] = "mmu_cache_miss",
	[KVM_COUNT_MMU_SHADOW_ZAPPED] = "mmu_shadow_zapped",
	[KVM_COUNT_MMU_RECYCLED] = "mmu_recycled",
	[KVM_COUNT_MMU_PTE_WRITE] = "mmu_pte_write",
};

static int descriptor_read(struct kvm_stats *stats, const struct kvm_stats_header *header, size_t index)
{
	union {
		struct kvm_stats_desc desc;
		unsigned char bytes[sizeof(struct kvm_stats_desc) + NAME_MOST];
	} buffer = { 0 };
	size_t bytes = sizeof(struct kvm_stats_desc) + header->name_size;
	struct kvm_stat *stat = &stats->stat[stats->count];

	if (pread(stats->fd, buffer.bytes, bytes, (off_t)(header->desc_offset + index * bytes)) != (ssize_t)bytes)
		return -EIO;
	/* Histograms hold several values. None of the statistics in use is a histogram. */
	if (buffer.desc.size != 1)
		return 0;
	strncpy(stat->name, buffer.desc.name, sizeof(stat->name) - 1);
	stat->offset = buffer.desc.offset;
	stat->cumulative = (buffer.desc.flags & KVM_STATS_TYPE_MASK) == KVM_STATS_TYPE_CUMULATIVE;
	if (stat->offset + sizeof(uint64_t) > stats->data_bytes)
		stats->data_bytes = stat->offset + (uint32_t)sizeof(uint64_t);
	stats->count++;
	return 0;
}

static int stat_find(const struct kvm_stats *stats, const char *name)
{
	for (size_t i = 0; i < stats->count; i++)
		if (!strcmp(stats->stat[i].name, name))
			return (int)i;
	return -1;
}

int kvm_stats_open(struct kvm_stats *stats, int vm_or_vcpu_fd, struct reason *why)
{
	struct kvm_stats_header header;
	int error;

	*stats = (struct kvm_stats){ .fd = -1 };
	stats->fd = ioctl(vm_or_vcpu_fd, KVM_GET_STATS_FD, NULL);
	if (stats->fd < 0)
		return fail(why, ENOTSUP, "this kernel's KVM has no binary statistics (KVM_GET_STATS_FD, Linux 5.14)");
	if (pread(stats->fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) || header.name_size > NAME_MOST ||
		header.num_desc > STATS_MOST) {
		error = fail(why, EIO, "KVM's statistics header cannot be read");
		goto close;
	}
	stats->data_offset = header.data_offset;
	stats->stat = calloc(header.num_desc ? header.num_desc : 1, sizeof(*stats->stat));
	error = stats->stat ? 0 : fail(why, ENOMEM, "no memory for KVM's statistics");
	for (size_t i = 0; !error && i < header.num_desc; i++)
		if (descriptor_read(stats, &header, i))
			error = fail(why, EIO, "KVM's statistics descriptor %zu cannot be read", i);
	if (!error && stats->data_bytes > DATA_MOST)
		error = fail(why, EIO, "KVM's statistics are implausibly large (%u bytes)", stats->data_bytes);
	if (error)
		goto close;
	stats->data = calloc(1, stats->data_bytes + 1);
	if (!stats->data) {
		error = fail(why, ENOMEM, "no memory for KVM's statistics");
		goto close;
	}
	for (unsigned i = 0; i < KVM_COUNTS; i++)
		stats->count_at[i] = stat_find(stats, kvm_count_names[i]);
	return 0;
close:
	kvm_stats_close(stats);
	return error;
}

void kvm_stats_close(struct kvm_stats *stats)
{
	if (stats->fd >= 0)
		close(stats->fd);
	free(stats->stat);
	free(stats->data);
	*stats = (struct kvm_stats){ .fd = -1 };
}

int kvm_stats_read(struct kvm_stats *stats)
{
	ssize_t got;

	if (stats->fd < 0)
		return -ENOTSUP;
	got = pread(stats->fd, stats->data, stats->data_bytes, stats->data_offset);
	return got == (ssize_t)stats->data_bytes ? 0 : -EIO;
}

uint64_t kvm_stats_count(const struct kvm_stats *stats, enum kvm_count count)
{
	uint64_t value;

	if (stats->fd < 0 || stats->count_at[count] < 0)
		return KVM_COUNT_UNKNOWN;
	memcpy(&value, stats->data + stats->stat[stats->count_at[count]].offset, sizeof(value));
	return value;
}
