/*
 * The laboratory: a bare vCPU that also has code at CPL 0, so that it can take page faults, change its own page tables
 * and load CR3, as an operating system does. It answers what a page fault costs in the guest, what a CR3 load costs,
 * how many exits each takes, and thereby how the hypervisor translates addresses.
 *
 * An experiment says what to do; the laboratory prepares the tables, runs the measured code, verifies the result and
 * returns numbers. Everything that must change in a guest's tables once it has run is changed by the guest: a shadow
 * MMU does not see the host's stores.
 *
 * Times are TSC cycles, less the cost of reading the clock. Needs /dev/kvm, no other privilege. One thread at a time
 * uses a laboratory.
 */
#ifndef NESTWALK_LABORATORY_H
#define NESTWALK_LABORATORY_H

#include "base/reason.h"
#include "bench.h"
#include "kvm/stats.h"
#include "machine/hypervisor.h"
#include "space/backed.h"

#include <stdbool.h>
#include <stdint.h>

/* Pages between two readings of the clock: a fault takes 100 ns at least, so reading it costs a per cent at most. */
#define LABORATORY_CHUNK_PAGES 32u
/* 256 MiB of 4K pages: more than any TLB holds, and the lists that describe them take little memory. */
#define LABORATORY_PAGES_MAX 65536u

struct laboratory_spec {
	uint32_t pages; /* in the region under test: a multiple of LABORATORY_CHUNK_PAGES up to LABORATORY_PAGES_MAX */
	uint64_t page_bytes; /* leaf in the guest's tables: PAGE_4K or PAGE_2M */
	unsigned levels; /* of the guest's tables: 4 or 5 */
	enum backing backing; /* of the region on this host; control pages and tables are on 4K pages */
	enum frames frames; /* in what order guest-physical pages follow each other */
	uint64_t seed; /* of frames and of the order of touches */
	const struct backed_limits *limits; /* while memory is made; NULL: none */
};

struct laboratory;

/*
 * Make a VM with pages * page_bytes of fresh memory (rounded up to a page of the backing), two address spaces that map
 * it alike, and one vCPU. A few ms at 512 pages.
 * 0; -EINVAL spec; -ENOENT, -EACCES no /dev/kvm; -ENOTSUP this machine cannot (LA57, 2M); -ENOMEM; -EINTR; -EIO.
 * Owned by the caller: laboratory_close().
 */
int laboratory_open(const struct laboratory_spec *spec, struct laboratory **laboratory, struct reason *why);
void laboratory_close(struct laboratory *laboratory); /* NULL is allowed */

/*
 * Whether the guest's CPL 0 code is interpreted by KVM instruction by instruction (kvm_pvm; found at laboratory_open()
 * by running instructions that no virtualisation hardware hands to the hypervisor). Counts are still right; times are
 * those of an interpreter, not of shadow or nested paging.
 */
bool laboratory_interpreted(const struct laboratory *laboratory);

/* What the host counted while the measured code ran. */
struct laboratory_usage {
	uint64_t minor_faults; /* of this thread, for the guest or for itself */
	uint64_t involuntary_switches;
	uint64_t elapsed_ns, away_ns; /* wall time, and the part of it in which this thread did not run */
	/*
	 * KVM's statistics. Those that count up: by how much they grew; pages_4k/2m/1g and mmu_unsync: their value
	 * afterwards. KVM_COUNT_UNKNOWN: this kernel has none. They include one exit and one MMIO exit for entering and
	 * leaving the measured code.
	 */
	uint64_t kvm[KVM_COUNTS];
};

/* What happens on the first touch (a store) of each page of a fault experiment. */
enum fault_kind {
	FAULT_GUEST_COLD, /* not present in the guest; the frame that its handler maps has no host memory yet */
	FAULT_GUEST_WARM, /* not present in the guest; the frame has host memory, and the hypervisor has mapped it before */
	FAULT_BACKING_ONLY, /* present in the guest; the host memory is gone: the guest takes no fault, the host does */
	FAULT_UPGRADE, /* mapped read-only and read before: the guest's handler makes it writable */
	FAULT_KINDS,
};

/*
 * What the handler does after it has written the entry. No CPU needs a flush there, as a fault leaves no stale TLB
 * entry.
 */
enum fault_flush {
	FLUSH_NONE,
	FLUSH_INVLPG, /* of the page */
	FLUSH_CR3, /* the whole space: CR3 is loaded with its current value */
	FLUSH_KINDS,
};

enum touch_order {
	TOUCH_SHUFFLED,
	TOUCH_SEQUENTIAL, /* by ascending address, so that neighbours which KVM's shadow MMU fills in advance come next */
	TOUCH_ORDERS,
};

/* Names as in results: "guest-cold" "guest-warm" "backing-only" "upgrade"; "none" "invlpg" "cr3". */
extern const char *const fault_kind_names[FAULT_KINDS];
extern const char *const fault_flush_names[FLUSH_KINDS];
extern const char *const touch_order_names[TOUCH_ORDERS]; /* "shuffled" "sequential" */

struct fault_experiment {
	enum fault_kind kind;
	enum fault_flush flush; /* FLUSH_NONE for FAULT_BACKING_ONLY, which runs no handler */
	enum touch_order order;
	uint32_t pages; /* touched: a multiple of LABORATORY_CHUNK_PAGES up to spec.pages */
};

enum space_change {
	SPACE_SAME, /* CR3 is loaded with its current root */
	SPACE_OTHER, /* two roots take turns; both map the same frames at the same addresses */
	SPACE_CHANGES,
};
extern const char *const space_change_names[SPACE_CHANGES]; /* "same" "other" */

struct switch_experiment {
	enum space_change change;
	bool pcid; /* CR4.PCIDE on, a PCID for each space, and loads that keep its TLB entries (CR3 bit 63) */
	uint32_t pages_touched; /* W: 1 .. spec.pages */
};

/*
 * Open a laboratory for a sample of an experiment: spec's seed and limits are the request's, and the sample says
 * whether the laboratory is interpreted, how much time away spoils it, and why counts are unknown that KVM does not
 * have.
 */
int laboratory_open_for(const struct experiment_request *request, const struct laboratory_spec *spec,
	struct laboratory **laboratory, struct sample *sample, struct reason *why);

/* Add a usage to a sample: its time, its faults, and KVM's counts. */
void laboratory_usage_note(const struct laboratory_usage *usage, struct sample *sample);

/* A count of KVM's for each of `events`; NAN where this kernel has no such count. */
double laboratory_usage_per(const struct laboratory_usage *usage, enum kvm_count count, uint64_t events);

struct fault_result {
	uint64_t pages; /* touched */
	uint64_t faults; /* that the guest's handler counted: `pages`, or 0 for FAULT_BACKING_ONLY */
	double tsc_per_fault; /* median over chunks, per page: touch, fault, handler, return, and touch again */
	double tsc_per_fault_mean; /* where a page of the backing serves many touches, only the mean sees its fault */
	double tsc_per_touch; /* the same code over the same pages once more, when no page faults any more */
	struct laboratory_usage usage; /* of the pass that faulted */
	bool interpreted; /* laboratory_interpreted() */
};

/*
 * Carry out one experiment. The guest prepares its tables; the host takes memory away where it is to be cold; the pages
 * are touched while the clock runs; the result is verified. Verified means: the handler counted as many faults as must
 * come, every table entry has the right value, every store has arrived in the frame that the entry names, and cold
 * memory cost the host at least a fault for each of its pages. May be called any number of times. 0; -EINVAL: the
 * experiment makes no sense; -ENOTSUP: this kernel does not take such memory back (hugetlb before Linux 5.18); -EINTR:
 * a signal came; -EIO: verification failed or the vCPU stopped (*why names the exit and the registers). After -EINTR or
 * -EIO the laboratory can only be closed.
 */
int laboratory_fault(struct laboratory *laboratory, const struct fault_experiment *experiment,
	struct fault_result *result, struct reason *why);

struct switch_result {
	double tsc_per_load; /* the MOV to CR3 alone, timed at CPL 0: median over laps of LABORATORY_LOADS loads */
	double tsc_first_touch; /* a page's first touch after a load of CR3, by W dependent loads: median over laps */
	double tsc_warm_touch; /* the same touches once more, without a load of CR3 before them */
	uint64_t loads; /* of CR3, in `load_usage` */
	double exits_per_load; /* of load_usage; negative where KVM has no statistics */
	struct laboratory_usage load_usage; /* of all laps of loads, in which no page of the region is touched */
	uint64_t touch_laps; /* loads of CR3 in `touch_usage`, each followed by W first touches and W warm ones */
	struct laboratory_usage touch_usage;
	bool interpreted; /* tsc_per_load is an interpreter's; touches are at CPL 3, and their times stand */
};

#define LABORATORY_LOADS \
	64u /* of a lap, so that reading the clock at CPL 0, without LFENCE, is under a per cent of it */

/*
 * Loads of CR3, and the first touches after them. W pages of the region are visited in a random cycle, at one line
 * each. Both spaces have been walked before the clock starts. 0; -EINVAL; -ENOTSUP: PCID is asked for, and the guest's
 * CPUID does not have it; -EINTR; -EIO as laboratory_fault().
 */
int laboratory_switch(struct laboratory *laboratory, const struct switch_experiment *experiment,
	struct switch_result *result, struct reason *why);

/* Whether switch_experiment.pcid can be asked for: bit 17 of ECX in CPUID leaf 1, as the guest has it. */
bool laboratory_has_pcid(const struct laboratory *laboratory);

/*
 * Prove how KVM translates a guest's addresses here. The guest takes faults on memory that the hypervisor has mapped
 * already: none of them reaches the hypervisor under nested paging, and each reaches it at least once under shadow
 * paging. It makes a laboratory of its own and takes less than 50 ms.
 * @exits_per_fault: counts all exits; NULL is allowed. 0 with PAGING_NESTED or PAGING_SHADOW; -ENOTSUP: KVM has no
 * statistics to tell by; -EIO: the count lies between the two and proves neither; errors of laboratory_open() and
 * laboratory_fault().
 */
int laboratory_prove_paging(enum paging *proven, double *exits_per_fault, struct reason *why);

/*
 * Compare the proof with what sysfs says. *told is the mode that both agree on, or the mode of the only one that is
 * known. 0; -EPROTO: they contradict each other, and *why names both.
 */
struct paging_proof {
	bool known; /* false: not provable, and `reason` says why */
	enum paging paging;
	double exits_per_fault;
	struct reason reason;
};
int laboratory_check_paging(
	const struct kvm_module *module, struct paging_proof *proof, enum paging *told, struct reason *why);

#endif
