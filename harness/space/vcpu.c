/*
 * The vcpu space: a bare vCPU whose page tables are built here. It has no operating system, no interrupts and no QEMU:
 * it runs the measured kernel and nothing else.
 *
 * Guest-physical layout. Each part is in a GiB of its own: Linux's shadow MMU splits a 1G leaf when page tables of the
 * guest lie inside the region it maps.
 */
#include "kvm/guest_table.h"
#include "kvm/vm.h"
#include "space/permutation.h"
#include "space/space.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GPA_ARENA (1 * GIB) /* control pages, then page tables */
#define GPA_PACKED (2 * GIB)
/* no memory lies here: a store leaves the guest. It is below KVM's own pages at 4 GiB - 16 MiB */
#define GPA_DOOR (3 * GIB)
#define GPA_MEMORY (4 * GIB)

/* Control pages at the start of the arena, each 4K. The door is a virtual page only: its arena page is not used. */
enum control_page {
	CONTROL_CODE,
	CONTROL_LOOP,
	CONTROL_STACK,
	CONTROL_CALL,
	CONTROL_DOOR,
	CONTROL_PAGES,
};

/* What vcpu_loop in kernels.S reads: on the call page, behind the call structure. */
struct mailbox {
	uint64_t entry, call;
};

struct vcpu_space {
	struct space space;
	struct backed arena;
	struct guest_table table;
	struct kvm_vm vm;
	struct kvm_vcpu vcpu;
	struct mailbox *mailbox;
	uint32_t *frame; /* shuffled: page i of memory is in frame[i]; NULL: contiguous */
};

static struct vcpu_space *vcpu_of(const struct space *space)
{
	return (struct vcpu_space *)(uintptr_t)space;
}

static unsigned char *control_at(const struct vcpu_space *vcpu, enum control_page page)
{
	return vcpu->arena.at + (uint64_t)page * PAGE_4K;
}

static gva_t control_gva(const struct vcpu_space *vcpu, enum control_page page)
{
	return (gva_t){ (uintptr_t)control_at(vcpu, page) };
}

static int vcpu_run(struct space *space, enum kernel kernel, struct reason *why)
{
	struct vcpu_space *vcpu = vcpu_of(space);

	vcpu->mailbox->entry = control_gva(vcpu, CONTROL_CODE).at + kernel_offset(kernel);
	return kvm_vcpu_run(&vcpu->vcpu, (gpa_t){ GPA_DOOR }, why);
}

/* The guest-virtual address of page i of the memory under test. */
static uint64_t page_address(const struct space_spec *spec, uint64_t i)
{
	return spec->sparse ? sparse_page(spec->sparse, (uint32_t)i)
			    : (uintptr_t)spec->memory->at + i * spec->page_bytes;
}

static uint64_t pages_under_test(const struct space_spec *spec)
{
	uint64_t pages = spec->memory->bytes / spec->page_bytes;

	if (spec->sparse && spec->sparse->spec.shared_frames)
		return spec->sparse->spec.pages;
	/* There may be less memory than pages (after the deadline), or more (memory comes in pages of its backing). */
	return spec->sparse && spec->sparse->spec.pages < pages ? spec->sparse->spec.pages : pages;
}

/* The frame of page i, counted from the start of the memory under test. */
static uint64_t frame_of(const struct vcpu_space *vcpu, uint64_t i)
{
	const struct sparse *sparse = vcpu->space.spec.sparse;

	if (sparse && sparse->spec.shared_frames)
		return i / SPARSE_SHARERS;
	return vcpu->frame ? vcpu->frame[i] : i;
}

static void *vcpu_pointer(const struct space *space, uint64_t address)
{
	const struct vcpu_space *vcpu = vcpu_of(space);
	const struct space_spec *spec = &space->spec;
	uint64_t base = (uintptr_t)spec->memory->at;
	uint64_t page = spec->sparse ? sparse_find(spec->sparse, address) : (address - base) / spec->page_bytes;

	/* Outside of the memory under test is the packed memory, whose addresses are the same in both. */
	if (page >= pages_under_test(spec) || address < page_address(spec, page) ||
		address - page_address(spec, page) >= spec->page_bytes)
		return (void *)(uintptr_t)address;
	return spec->memory->at + frame_of(vcpu, page) * spec->page_bytes + address - page_address(spec, page);
}

static struct kvm_stats *vcpu_vm_stats(const struct space *space)
{
	return vcpu_of(space)->vm.stats.fd >= 0 ? &vcpu_of(space)->vm.stats : NULL;
}

static struct kvm_stats *vcpu_vcpu_stats(const struct space *space)
{
	return vcpu_of(space)->vcpu.stats.fd >= 0 ? &vcpu_of(space)->vcpu.stats : NULL;
}

static const unsigned char *vcpu_code(const struct space *space)
{
	return control_at(vcpu_of(space), CONTROL_CODE);
}

static void vcpu_close(struct space *space)
{
	struct vcpu_space *vcpu = vcpu_of(space);

	kvm_vcpu_close(&vcpu->vcpu);
	kvm_vm_close(&vcpu->vm);
	backed_free(&vcpu->arena);
	free(vcpu->frame);
	free(vcpu);
}

static const struct space_ops vcpu_ops = {
	.run = vcpu_run,
	.pointer = vcpu_pointer,
	.vm_stats = vcpu_vm_stats,
	.vcpu_stats = vcpu_vcpu_stats,
	.code = vcpu_code,
	.close = vcpu_close,
};

/* The most that the tables of the memory under test take. */
static uint64_t memory_table_bytes(const struct space_spec *spec)
{
	const struct sparse_spec *sparse = spec->sparse ? &spec->sparse->spec : NULL;

	return sparse ? guest_table_sparse_bytes(
				sparse_tables(sparse), sparse_span_bytes(sparse), spec->page_bytes, spec->levels)
		      : guest_table_bytes(spec->memory->bytes, spec->page_bytes, spec->levels);
}

/*
 * Page tables have the same backing as the data, as in a guest whose memory has one backing. Where that is 1G pages,
 * they have the next smaller one, so that no whole 1G page is spent on them.
 */
static int vcpu_arena_make(struct vcpu_space *vcpu, struct reason *why)
{
	const struct space_spec *spec = &vcpu->space.spec;
	uint64_t bytes =
		(CONTROL_PAGES + 1) * PAGE_4K + memory_table_bytes(spec) +
		guest_table_bytes(spec->packed->bytes, backing_page_bytes(spec->packed->backing), spec->levels) +
		guest_table_bytes(CONTROL_PAGES * PAGE_4K, PAGE_4K, spec->levels);
	enum backing backing = spec->memory->backing;
	int error;

	bytes = (bytes + PAGE_2M - 1) / PAGE_2M * PAGE_2M;
	if (backing == BACKING_1G_HUGETLB)
		backing = BACKING_2M_THP;
	error = backed_alloc(&vcpu->arena, backing, bytes, NULL, why);
	/* The backing of tables is not what is measured. Small pages will do where there are no others. */
	if (error && backing != BACKING_4K)
		error = backed_alloc(&vcpu->arena, BACKING_4K, bytes, NULL, why);
	if (error)
		return error;
	backed_keep_from_children(vcpu->arena.at, vcpu->arena.bytes);
	vcpu->table = (struct guest_table){
		.levels = spec->levels,
		.arena = vcpu->arena.at + CONTROL_PAGES * PAGE_4K,
		.arena_gpa = { GPA_ARENA + CONTROL_PAGES * PAGE_4K },
		.arena_bytes = vcpu->arena.bytes - CONTROL_PAGES * PAGE_4K,
	};
	return guest_table_init(&vcpu->table, why);
}

/* Map the memory under test at the virtual addresses where this process has it, or has reserved them. */
static int map_memory(struct vcpu_space *vcpu, struct reason *why)
{
	const struct space_spec *spec = &vcpu->space.spec;
	uint64_t pages = pages_under_test(spec);
	int error = 0;

	for (uint64_t i = 0; !error && i < pages; i++) {
		struct guest_mapping mapping = {
			.gva = { page_address(spec, i) },
			.gpa = { GPA_MEMORY + frame_of(vcpu, i) * spec->page_bytes },
			.page_bytes = spec->page_bytes,
		};

		error = guest_table_map(&vcpu->table, &mapping, why);
	}
	return error;
}

static int map_packed(struct vcpu_space *vcpu, struct reason *why)
{
	const struct backed *packed = vcpu->space.spec.packed;
	uint64_t page_bytes = backing_page_bytes(packed->backing);
	int error = 0;

	for (uint64_t at = 0; !error && at < packed->bytes; at += page_bytes) {
		struct guest_mapping mapping = {
			.gva = { (uintptr_t)packed->at + at }, .gpa = { GPA_PACKED + at }, .page_bytes = page_bytes
		};

		error = guest_table_map(&vcpu->table, &mapping, why);
	}
	return error;
}

static int map_control(struct vcpu_space *vcpu, struct reason *why)
{
	int error = 0;

	for (unsigned page = 0; !error && page < CONTROL_PAGES; page++) {
		struct guest_mapping mapping = {
			.gva = control_gva(vcpu, (enum control_page)page),
			.gpa = { page == CONTROL_DOOR ? GPA_DOOR : GPA_ARENA + page * PAGE_4K },
			.page_bytes = PAGE_4K,
			.executable = page == CONTROL_CODE || page == CONTROL_LOOP,
		};

		error = guest_table_map(&vcpu->table, &mapping, why);
	}
	return error;
}

static int map_all(struct vcpu_space *vcpu, struct reason *why)
{
	int error = map_control(vcpu, why);

	if (!error)
		error = map_memory(vcpu, why);
	if (!error)
		error = map_packed(vcpu, why);
	return error;
}

static void control_fill(struct vcpu_space *vcpu)
{
	memcpy(control_at(vcpu, CONTROL_CODE), kernels_begin, (size_t)(kernels_end - kernels_begin));
	memcpy(control_at(vcpu, CONTROL_LOOP), vcpu_loop_begin, (size_t)(vcpu_loop_end - vcpu_loop_begin));
	vcpu->space.call = (struct kernel_call *)(void *)control_at(vcpu, CONTROL_CALL);
	vcpu->mailbox = (struct mailbox *)(void *)(control_at(vcpu, CONTROL_CALL) + sizeof(struct kernel_call));
	vcpu->mailbox->call = control_gva(vcpu, CONTROL_CALL).at;
}

static int machine_make(struct vcpu_space *vcpu, struct reason *why)
{
	const struct space_spec *spec = &vcpu->space.spec;
	const struct kvm_memory slots[] = {
		{ { GPA_ARENA }, vcpu->arena.at, vcpu->arena.bytes },
		{ { GPA_PACKED }, spec->packed->at, spec->packed->bytes },
		{ { GPA_MEMORY }, spec->memory->at, spec->memory->bytes },
	};
	struct kvm_start start = {
		.root = vcpu->table.arena_gpa,
		.levels = spec->levels,
		.rip = control_gva(vcpu, CONTROL_LOOP),
		/* The top of the page, 16-byte aligned as the ABI wants it before a call. */
		.rsp = { control_gva(vcpu, CONTROL_STACK).at + PAGE_4K },
		.rbx = (uintptr_t)vcpu->mailbox,
		.rbp = control_gva(vcpu, CONTROL_DOOR).at,
	};
	int error = 0;

	if (spec->page_bytes == PAGE_1G && !kvm_vm_has_1g_pages(&vcpu->vm))
		return fail(why, ENOTSUP, "this CPU and KVM give a guest no 1G leaves");
	if ((GPA_MEMORY + spec->memory->bytes) >> kvm_vm_physical_bits(&vcpu->vm))
		return fail(why, ENOTSUP, "a guest here has %u physical address bits, too few for %" PRIu64 " GiB",
			kvm_vm_physical_bits(&vcpu->vm), spec->memory->bytes / GIB);
	for (size_t i = 0; !error && i < sizeof(slots) / sizeof(slots[0]); i++)
		error = kvm_vm_add_memory(&vcpu->vm, &slots[i], why);
	if (!error)
		error = kvm_vcpu_open(&vcpu->vm, &vcpu->vcpu, &start, why);
	return error;
}

static int frames_make(struct vcpu_space *vcpu, struct reason *why)
{
	const struct space_spec *spec = &vcpu->space.spec;
	uint64_t pages = pages_under_test(spec);

	if (spec->frames == FRAMES_CONTIGUOUS)
		return 0;
	vcpu->frame = permutation_shuffled((uint32_t)pages, spec->seed);
	return vcpu->frame ? 0 : fail(why, ENOMEM, "no memory for the order of %" PRIu64 " frames", pages);
}

int vcpu_space_open(const struct space_spec *spec, struct space **space, struct reason *why)
{
	struct vcpu_space *vcpu;
	int error;

	if (spec->page_bytes > backing_page_bytes(spec->memory->backing) && spec->memory->bytes % spec->page_bytes)
		return fail(why, EINVAL, "guest memory is not a whole number of guest pages");
	vcpu = calloc(1, sizeof(*vcpu));
	if (!vcpu)
		return fail(why, ENOMEM, "no memory for a vcpu space");
	vcpu->space = (struct space){
		.ops = &vcpu_ops, .spec = *spec, .in_place = !spec->sparse && spec->frames == FRAMES_CONTIGUOUS
	};
	vcpu->vcpu = (struct kvm_vcpu){ .fd = -1, .stats.fd = -1 };
	error = kvm_vm_open(&vcpu->vm, why);
	if (!error)
		error = frames_make(vcpu, why);
	if (!error)
		error = vcpu_arena_make(vcpu, why);
	if (!error)
		error = map_all(vcpu, why);
	if (!error) {
		control_fill(vcpu);
		error = machine_make(vcpu, why);
	}
	if (error) {
		vcpu_close(&vcpu->space);
		return error;
	}
	*space = &vcpu->space;
	return 0;
}
