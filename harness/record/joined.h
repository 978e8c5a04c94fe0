/*
 * The relation of one run to another that it is joined to: it is of the same host, of a guest of that host, or of
 * another machine.
 */
#ifndef NESTWALK_JOINED_H
#define NESTWALK_JOINED_H

#include "base/reason.h"
#include "record/load.h"

#include <jansson.h>
#include <stdbool.h>

/* The paging modes of a guest; a name for each of them on the command line and in results. */
bool paging_is_of_guest(const char *paging);

/*
 * Whether `name`, of the member "file" of run.json's "joined", is the name of a file in the run's own folder `joined`: who wrote
 * run.json chose it.
 */
bool joined_file_is_own(const char *name);

struct joined_run {
	const struct loaded_run *run;
	const char *told; /* paging of the guest that it was made in, as the user says; NULL: the user does not say */
};

/* What joined_judge() finds. Strings are borrowed from the run or constant; `warnings` is owned: joined_free(). */
struct joined_judgement {
	bool guest; /* made inside a guest of the base's host; otherwise on that host itself */
	const char *paging, *paging_reason; /* of a guest; NULL with the reason where it is not known */
	const char *accel, *accel_reason; /* of a guest: "kvm" or "tcg"; NULL with the reason */
	const char *outer; /* the hypervisor beneath the host of the base; NULL: there is none */
	json_t *warnings; /* array of sentences: what makes a comparison with the base doubtful */
};

/*
 * A run belongs to the host of `base` where both have the same host name, CPU name and hypervisor beneath and, under a
 * hypervisor, the same memory size. Another run belongs to a guest where it says that it ran in a guest (machine.outer,
 * or a `guest` object in its run.json). The paging mode cannot be seen from within a guest: it is the mode that the
 * user gives, the mode in `guest.paging`, or software where the CPUID signature is an emulator's. 0; -EINVAL with *why:
 * the run belongs to neither, or the user's mode contradicts the run's; -ENOMEM.
 */
int joined_judge(const struct loaded_run *base, const struct joined_run *joined, struct joined_judgement *out,
	struct reason *why);
void joined_free(struct joined_judgement *judgement);

/* Append a sentence to judgement->warnings. */
void joined_warn(struct joined_judgement *judgement, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
