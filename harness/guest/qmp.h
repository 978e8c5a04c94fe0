/* QEMU's machine protocol over a connected socket: https://www.qemu.org/docs/master/interop/qmp-spec.html */
#ifndef NESTWALK_GUEST_QMP_H
#define NESTWALK_GUEST_QMP_H

#include "base/reason.h"

#include <jansson.h>
#include <stdbool.h>

#define QMP_LIMIT_MS 5000 /* QEMU answers in a millisecond, but in an emulated machine a thousand times slower */

struct qmp {
	int fd; /* owned by the caller of qmp_open() */
	char *text; /* owned: bytes received that are not a whole line yet */
	size_t length, room;
	unsigned id; /* of the last command */
	unsigned limit_ms; /* for each answer */
};

/* Read the greeting and leave QMP's negotiation mode. 0; -EPROTO, -ETIME, -EPIPE with *why. qmp_close() in any case. */
int qmp_open(struct qmp *qmp, int fd, unsigned limit_ms, struct reason *why);
void qmp_close(struct qmp *qmp);

/*
 * Execute a command. @arguments: an object, whose reference is taken; NULL: none. @answer: its "return", a new
 * reference; may be NULL. 0; -EPROTO with QEMU's own words in *why where it refused; -ETIME no answer in time; -EPIPE
 * QEMU is gone; -ENOMEM. Events that arrive meanwhile are ignored.
 */
int qmp_execute(struct qmp *qmp, const char *command, json_t *arguments, json_t **answer, struct reason *why);

/* Thread numbers of the vCPUs, in order, into threads[most]; *count of them. Errors as above. */
int qmp_vcpu_threads(struct qmp *qmp, int *threads, unsigned most, unsigned *count, struct reason *why);

/* Whether the guest runs under KVM. Errors as above. */
int qmp_runs_kvm(struct qmp *qmp, bool *enabled, struct reason *why);

/*
 * KVM's statistics of the VM and, summed, of all its vCPUs: an object name -> number. New reference in *stats.
 * -ENODATA with *why: this QEMU (before 7.1) or this kernel has none.
 */
int qmp_kvm_stats(struct qmp *qmp, json_t **stats, struct reason *why);

#endif
