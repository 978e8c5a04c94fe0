/*
 * The words for where and how something was measured: settings, paging modes, backings. Their names (command line and
 * results), labels (tables and figures), order and colours stand here and nowhere else.
 */
#ifndef NESTWALK_BASE_VOCABULARY_H
#define NESTWALK_BASE_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The places where measured code runs. */
enum setting {
	SETTING_HOST, /* a process of this Linux */
	SETTING_HOST_AGAIN, /* the host, measured once more on the same pages: what equals differ by (the A/A control) */
	SETTING_VCPU, /* a bare vCPU of /dev/kvm: a guest without an operating system, whose page tables nestwalk builds */
	SETTING_GUEST, /* a Linux guest booted by QEMU; inside it, nestwalk runs in the setting host */
	SETTING_COUNT,
};

/* Settings in which this process measures itself, by a space of its own: host, host-again and vcpu. They come first in the enum. */
#define SETTING_SPACES SETTING_GUEST

/* The ways in which addresses are translated in a setting. */
enum paging {
	PAGING_UNKNOWN,
	PAGING_NATIVE, /* one table, walked by hardware */
	PAGING_NESTED, /* EPT or NPT: two tables, walked by hardware */
	PAGING_SHADOW, /* the hypervisor keeps a merged table */
	PAGING_SOFTWARE, /* an emulator */
	PAGING_COUNT,
};

/* The backing of the memory under test on this Linux: a leaf size, and how the kernel is asked for it. */
enum backing {
	BACKING_4K, /* anonymous memory, THP refused */
	BACKING_2M_THP, /* anonymous memory, THP asked for and verified */
	BACKING_2M_HUGETLB, /* from the hugetlb pool */
	BACKING_1G_HUGETLB, /* from the hugetlb pool */
	BACKING_LEAVES, /* the pages of those above are leaves of the CPU's tables, those of the others several leaves */
	BACKING_16K_THP = BACKING_LEAVES, /* anonymous memory, THP of this size asked for and verified */
	BACKING_32K_THP,
	BACKING_64K_THP,
	BACKING_128K_THP,
	BACKING_256K_THP,
	BACKING_512K_THP,
	BACKING_1M_THP,
	BACKING_COUNT,
};

extern const char *const setting_names[SETTING_COUNT]; /* "host" "host-again" "vcpu" "guest" */
extern const char *const paging_names[PAGING_COUNT]; /* NULL "native" "nested" "shadow" "software" */
extern const char *const backing_names[BACKING_COUNT]; /* "4K" "2M-thp" "2M-hugetlb" "1G-hugetlb" "16K-thp" ... */

/* NULL for a value out of range; paging_name() also for PAGING_UNKNOWN. */
const char *setting_name(enum setting setting);
const char *paging_name(enum paging paging);
const char *backing_name(enum backing backing);

/* The setting whose rules hold in this one: the host's for host-again; otherwise its own. */
enum setting setting_like(enum setting setting);

/*
 * The page size of a backing in bytes, whether its pages come from the hugetlb pool, and whether they are transparent
 * huge pages between 4K and 2M.
 */
uint64_t backing_page_bytes(enum backing backing);
bool backing_is_hugetlb(enum backing backing);
bool backing_is_mthp(enum backing backing);

/* The value of a name; -1 where the name is NULL or unknown. paging_find() never returns PAGING_UNKNOWN. */
int setting_find(const char *name);
int paging_find(const char *name);

/*
 * A place is a setting together with its paging mode. Names come from results, so that either may be NULL or unknown.
 *
 * place_rank: the place's position in tables and legends. The host is first, since all others are compared with it;
 * within a setting nested paging comes before shadow paging, and unknown names come last.
 * place_label: "host", "vcpu, shadow paging", "guest, paging not known"; written to `label`, cut at `bytes`.
 * place_colour: "#rrggbb" of Okabe and Ito's palette, which colour-blind readers can tell apart. A setting has one
 * colour in every figure, and shadow paging has its dark shade. Of several runs in one figure, numbered from 1, each has a
 * lighter or darker shade of it; the fifth has that of the first again.
 * paging_colour: the same for figures in which the paging mode alone tells lines apart.
 */
unsigned place_rank(const char *setting, const char *paging);
void place_label(const char *setting, const char *paging, char *label, size_t bytes);
const char *place_colour(const char *setting, const char *paging, unsigned run);
const char *paging_colour(const char *paging, unsigned run);

#endif
