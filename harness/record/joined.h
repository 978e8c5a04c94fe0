/* What one run is to another that it is to stand beside: of the same host, of a guest of it, or of something else. */
#ifndef NESTWALK_JOINED_H
#define NESTWALK_JOINED_H

#include "base/reason.h"
#include "record/load.h"

#include <jansson.h>
#include <stdbool.h>

/* The paging modes of a guest; a name for each of them on the command line and in results. */
bool paging_is_of_guest(const char *paging);

struct joined_run {
	const struct loaded_run *run;
	const char *told; /* paging of the guest it was made in, as the user says; NULL: the user does not say */
};

/* What joined_judge() finds. Strings are borrowed from the run or constant; `warnings` is owned: joined_free(). */
struct joined_judgement {
	bool guest; /* made inside a guest of the base's host; otherwise on that host itself */
	const char *paging, *paging_reason; /* of a guest; NULL with the reason where it is not known */
	const char *accel, *accel_reason; /* of a guest: "kvm" or "tcg"; NULL with the reason */
	const char *outer; /* what the host of the base runs on, where that is a hypervisor too; NULL: it is none */
	json_t *warnings; /* array of sentences: what makes a comparison with the base doubtful */
};

/*
 * A run is of the host of `base` where host name, CPU name and what both ran on agree and, where that is a hypervisor, the
 * size of memory, too. Another run is of a guest where it says that it ran in one (machine.outer, or a `guest` object in
 * its run.json). The paging mode cannot be seen from within a guest: it is what the user told, what `guest.paging` says,
 * or software where the CPUID signature is an emulator's.
 * 0; -EINVAL with *why: neither of both, or what was told contradicts what the run says; -ENOMEM.
 */
int joined_judge(const struct loaded_run *base, const struct joined_run *joined, struct joined_judgement *out,
	struct reason *why);
void joined_free(struct joined_judgement *judgement);

/* Append a sentence to judgement->warnings. */
void joined_warn(struct joined_judgement *judgement, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
