#include "space/laboratory_guest.h"

#include "base/units.h"
#include "kvm/descriptors.h"
#include "space/kernels.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Guest-physical layout. Each part has a GiB of its own, for the reason that vcpu.c gives. */
#define GPA_ARENA (1 * GIB)
#define GPA_DOOR (3 * GIB)
#define GPA_MEMORY (4 * GIB)

#define CONTROL_PAGES ((LABORATORY_SERVICE - LABORATORY_CONTROL) / PAGE_4K)
#define LISTS 4u
/*
 * Tables that map control pages, lists and the window: a root, at most three tables between, and a page table for each.
 */
#define COMMON_TABLE_PAGES (GUEST_LEVELS_MAX - 1 + 1 + LISTS + 1)
#define LOOP_OFFSET 0xf00u /* of vcpu_loop on the page of CPL 3's code */

/* All spaces share the entry of this level for LABORATORY_CONTROL. It spans 512 GiB, and the region lies outside. */
#define SHARED_LEVEL 4u
#define SHARED_BYTES (512 * GIB)
static_assert(LABORATORY_REGION / SHARED_BYTES != LABORATORY_CONTROL / SHARED_BYTES,
	"region and control pages share a top-level entry");

static uint64_t list_bytes(const struct laboratory_guest_spec *spec)
{
	return bytes_round_up(spec->list_words * sizeof(uint64_t), PAGE_4K);
}

/* The most bytes of tables of one space: those of its memory, its root, and the tables above the shared entry. */
static uint64_t space_bytes(const struct laboratory_guest_spec *spec)
{
	return guest_table_bytes(spec->mapped_bytes, spec->page_bytes, spec->levels) + 2 * PAGE_4K;
}

static int guest_arena_make(struct laboratory_guest *guest, struct reason *why)
{
	const struct laboratory_guest_spec *spec = &guest->spec;
	uint64_t bytes = CONTROL_PAGES * PAGE_4K + LISTS * list_bytes(spec) + COMMON_TABLE_PAGES * PAGE_4K +
			 spec->spaces * space_bytes(spec);

	return backed_alloc(&guest->arena, BACKING_4K, bytes_round_up(bytes, PAGE_4K), NULL, why);
}

/* Take the next `bytes` of the arena, which guest_arena_make() has made large enough. */
static unsigned char *arena_take(struct laboratory_guest *guest, uint64_t bytes)
{
	unsigned char *at = guest->arena.at + guest->arena_used;

	guest->arena_used += bytes;
	return at;
}

static gpa_t arena_gpa(const struct laboratory_guest *guest, const void *at)
{
	return (gpa_t){ GPA_ARENA + (uint64_t)((const unsigned char *)at - guest->arena.at) };
}

static struct guest_table table_at_end(const struct laboratory_guest *guest, uint64_t bytes)
{
	return (struct guest_table){ .levels = guest->spec.levels,
		.arena = guest->arena.at + guest->arena_used,
		.arena_gpa = arena_gpa(guest, guest->arena.at + guest->arena_used),
		.arena_bytes = bytes };
}

static int space_pages_map(
	struct laboratory_guest *guest, const struct guest_mapping *first, uint64_t bytes, struct reason *why)
{
	struct guest_mapping mapping = *first;
	int error = 0;

	for (uint64_t done = 0; !error && done < bytes; done += mapping.page_bytes) {
		error = guest_table_map(&guest->common, &mapping, why);
		mapping.gva.at += mapping.page_bytes;
		mapping.gpa.at += mapping.page_bytes;
	}
	return error;
}

/* Pages below LABORATORY_CODE3 are for CPL 0 only. */
static int control_make(struct laboratory_guest *guest, struct reason *why)
{
	unsigned char *control = arena_take(guest, CONTROL_PAGES * PAGE_4K);
	int error = 0;

	for (uint64_t gva = LABORATORY_CONTROL; !error && gva < LABORATORY_SERVICE; gva += PAGE_4K) {
		struct guest_mapping mapping = {
			.gva = { gva },
			.gpa = arena_gpa(guest, control + (gva - LABORATORY_CONTROL)),
			.page_bytes = PAGE_4K,
			.executable = gva == LABORATORY_CODE0 || gva == LABORATORY_CODE3,
			.supervisor = gva < LABORATORY_CODE3,
		};

		if (gva == LABORATORY_DOOR)
			mapping.gpa.at = GPA_DOOR;
		error = guest_table_map(&guest->common, &mapping, why);
	}
	guest->state = (struct laboratory_state *)(void *)(control + (LABORATORY_STATE - LABORATORY_CONTROL));
	guest->call = (struct laboratory_call *)(void *)(control + (LABORATORY_CALL - LABORATORY_CONTROL));
	return error;
}

static int lists_make(struct laboratory_guest *guest, struct reason *why)
{
	const struct {
		uint64_t gva;
		uint64_t **at;
		bool supervisor;
	} lists[LISTS] = {
		{ LABORATORY_ORDER, &guest->order, false },
		{ LABORATORY_LAPS, &guest->laps, false },
		{ LABORATORY_AFTER, &guest->after, true },
		{ LABORATORY_BEFORE, &guest->before, true },
	};
	int error = 0;

	if (!guest->spec.list_words)
		return 0;
	for (unsigned i = 0; !error && i < LISTS; i++) {
		unsigned char *at = arena_take(guest, list_bytes(&guest->spec));
		struct guest_mapping mapping = {
			.gva = { lists[i].gva },
			.gpa = arena_gpa(guest, at),
			.page_bytes = PAGE_4K,
			.supervisor = lists[i].supervisor,
		};

		*lists[i].at = (uint64_t *)(void *)at;
		error = space_pages_map(guest, &mapping, list_bytes(&guest->spec), why);
	}
	return error;
}

/* Make the tables of a space: its part of the memory, and the shared entry. */
static int space_make(struct laboratory_guest *guest, uint32_t index, struct reason *why)
{
	const struct laboratory_guest_spec *spec = &guest->spec;
	struct guest_table *table = &guest->space[index];
	int error;

	*table = table_at_end(guest, space_bytes(spec));
	error = guest_table_init(table, why);
	if (!error)
		error = guest_table_share(table, &guest->common, (gva_t){ LABORATORY_CONTROL }, SHARED_LEVEL, why);
	for (uint64_t i = 0; !error && i < spec->mapped_bytes / spec->page_bytes; i++) {
		struct guest_mapping mapping = {
			.gva = { LABORATORY_REGION + i * spec->page_bytes },
			.gpa = { GPA_MEMORY + index * spec->step_bytes +
				 (spec->frame ? spec->frame[i] : i) * spec->page_bytes },
			.page_bytes = spec->page_bytes,
		};

		error = guest_table_map(table, &mapping, why);
	}
	arena_take(guest, table->used_bytes);
	return error;
}

/* Map the leaf tables of space 0 for CPL 0, in the order of the pages that they map. */
static int table_window_make(struct laboratory_guest *guest, struct reason *why)
{
	unsigned leaf = guest->spec.page_bytes == PAGE_4K ? 1 : 2;
	uint64_t reach = PAGE_4K / sizeof(uint64_t) * guest->spec.page_bytes;
	int error = 0;

	if (!guest->spec.list_words)
		return 0;
	for (uint64_t done = 0; !error && done < guest->spec.mapped_bytes; done += reach) {
		struct guest_entry found;
		struct guest_mapping mapping = {
			.gva = { LABORATORY_TABLE + done / reach * PAGE_4K },
			.page_bytes = PAGE_4K,
			.supervisor = true,
		};

		error = guest_table_entry(&guest->space[0], (gva_t){ LABORATORY_REGION + done }, leaf, &found);
		mapping.gpa = found.gpa;
		if (!error)
			error = guest_table_map(&guest->common, &mapping, why);
	}
	return error;
}

static int tables_make(struct laboratory_guest *guest, struct reason *why)
{
	int error;

	guest->common = table_at_end(guest, COMMON_TABLE_PAGES * PAGE_4K);
	arena_take(guest, COMMON_TABLE_PAGES * PAGE_4K);
	error = guest_table_init(&guest->common, why);
	if (!error)
		error = control_make(guest, why);
	if (!error)
		error = lists_make(guest, why);
	for (uint32_t i = 0; !error && i < guest->spec.spaces; i++)
		error = space_make(guest, i, why);
	if (!error)
		error = table_window_make(guest, why);
	return error;
}

static void control_fill(struct laboratory_guest *guest)
{
	unsigned char *control = (unsigned char *)guest->state - (LABORATORY_STATE - LABORATORY_CONTROL);
	unsigned char *code3 = control + (LABORATORY_CODE3 - LABORATORY_CONTROL);

	memcpy(control + (LABORATORY_CODE0 - LABORATORY_CONTROL), laboratory_code0_begin,
		(size_t)(laboratory_code0_end - laboratory_code0_begin));
	memcpy(code3, laboratory_code3_begin, (size_t)(laboratory_code3_end - laboratory_code3_begin));
	memcpy(code3 + LOOP_OFFSET, vcpu_loop_begin, (size_t)(vcpu_loop_end - vcpu_loop_begin));
	kvm_descriptors_write(control + (LABORATORY_DESCRIPTORS - LABORATORY_CONTROL),
		(gva_t){ LABORATORY_DESCRIPTORS }, (gva_t){ LABORATORY_STACK0 + PAGE_4K });
	laboratory_guest_handler(guest, laboratory_fault_none);
	guest->state->base = LABORATORY_REGION;
	guest->state->shift = (uint64_t)__builtin_ctzll(guest->spec.page_bytes);
	guest->call->mailbox.call = LABORATORY_CALL;
}

static int machine_make(struct laboratory_guest *guest, struct reason *why)
{
	const struct laboratory_guest_spec *spec = &guest->spec;
	const struct kvm_memory slots[] = {
		{ { GPA_ARENA }, guest->arena.at, guest->arena.bytes },
		{ { GPA_MEMORY }, spec->memory->at, spec->memory->bytes },
	};
	struct kvm_start start = {
		.root = laboratory_guest_root(guest, 0),
		.levels = spec->levels,
		.rip = { LABORATORY_CODE3 + LOOP_OFFSET },
		/* The top of the page, 16-byte aligned as the ABI wants it before a call. */
		.rsp = { LABORATORY_STACK3 + PAGE_4K },
		.rbx = LABORATORY_CALL + offsetof(struct laboratory_call, mailbox),
		.rbp = LABORATORY_DOOR,
		.descriptors = { LABORATORY_DESCRIPTORS },
	};
	int error = 0;

	if (spec->page_bytes == PAGE_1G && !kvm_vm_has_1g_pages(&guest->vm))
		return fail(why, ENOTSUP, "this CPU and KVM give a guest no 1G leaves");
	if ((GPA_MEMORY + spec->memory->bytes) >> kvm_vm_physical_bits(&guest->vm))
		return fail(why, ENOTSUP, "a guest here has %u physical address bits, too few for %" PRIu64 " GiB",
			kvm_vm_physical_bits(&guest->vm), spec->memory->bytes / GIB);
	for (size_t i = 0; !error && i < sizeof(slots) / sizeof(slots[0]); i++)
		error = kvm_vm_add_memory(&guest->vm, &slots[i], why);
	if (!error)
		error = kvm_vcpu_open(&guest->vm, &guest->vcpu, &start, why);
	return error;
}

int laboratory_guest_open(struct laboratory_guest *guest, const struct laboratory_guest_spec *spec, struct reason *why)
{
	uint64_t last = spec->step_bytes * (spec->spaces - 1) + spec->mapped_bytes;
	int error;

	*guest = (struct laboratory_guest){ .spec = *spec, .vcpu = { .fd = -1, .stats.fd = -1 } };
	error = kvm_vm_open(&guest->vm, why);
	if (error)
		return error;
	if (!spec->spaces || !spec->mapped_bytes || last > spec->memory->bytes)
		return fail(why, EINVAL, "the guest's spaces map more than its memory");
	guest->space = calloc(spec->spaces, sizeof(*guest->space));
	if (!guest->space)
		return fail(why, ENOMEM, "no memory for %" PRIu32 " address spaces", spec->spaces);
	error = guest_arena_make(guest, why);
	if (!error)
		error = tables_make(guest, why);
	if (!error) {
		control_fill(guest);
		error = machine_make(guest, why);
	}
	return error;
}

void laboratory_guest_close(struct laboratory_guest *guest)
{
	kvm_vcpu_close(&guest->vcpu);
	kvm_vm_close(&guest->vm);
	backed_free(&guest->arena);
	free(guest->space);
	guest->space = NULL;
}

gpa_t laboratory_guest_root(const struct laboratory_guest *guest, uint32_t space)
{
	return guest->space[space].arena_gpa;
}

void laboratory_guest_handler(struct laboratory_guest *guest, const unsigned char *handler)
{
	unsigned char *control = (unsigned char *)guest->state - (LABORATORY_STATE - LABORATORY_CONTROL);

	kvm_descriptors_gate(control + (LABORATORY_DESCRIPTORS - LABORATORY_CONTROL), VECTOR_PAGE_FAULT,
		(gva_t){ LABORATORY_CODE0 + (uint64_t)(handler - laboratory_code0_begin) });
}

int laboratory_guest_run(struct laboratory_guest *guest, const unsigned char *entry, struct reason *why)
{
	int error;

	guest->call->mailbox.entry = LABORATORY_CODE3 + (uint64_t)(entry - laboratory_code3_begin);
	error = kvm_vcpu_run(&guest->vcpu, (gpa_t){ GPA_DOOR }, why);
	if (error == -EINTR)
		return fail(why, EINTR, "interrupted");
	if (!error && guest->state->stray)
		return fail(why, EIO, "a page fault in the guest that nobody asked for, at %#" PRIx64 ", rip %#" PRIx64,
			guest->state->stray_at, guest->state->stray_rip);
	return error;
}
