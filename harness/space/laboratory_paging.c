/* The paging mode of KVM, proven by its behaviour. */
#include "space/laboratory.h"

#include "base/units.h"

#include <errno.h>

/*
 * There are enough pages that the exits of entering and leaving do not look like one per fault, and few enough to take
 * a few ms.
 */
#define PAGES 128u

/*
 * How many faults reach KVM for each fault of the guest. Under nested paging none does, except that the kernel may move
 * a page now and then. Under shadow paging at least one does.
 */
#define NESTED_MOST 0.1
#define SHADOW_LEAST 0.9

int laboratory_prove_paging(enum paging *proven, double *exits_per_fault, struct reason *why)
{
	const struct laboratory_spec spec = {
		.pages = PAGES, .page_bytes = PAGE_4K, .levels = 4, .backing = BACKING_4K, .seed = 1
	};
	const struct fault_experiment experiment = { .kind = FAULT_GUEST_WARM, .pages = PAGES };
	struct fault_result result = { 0 };
	struct laboratory *laboratory;
	double taken;
	int error = laboratory_open(&spec, &laboratory, why);

	*proven = PAGING_UNKNOWN;
	if (error)
		return error;
	error = laboratory_fault(laboratory, &experiment, &result, why);
	laboratory_close(laboratory);
	if (error)
		return error;
	if (result.usage.kvm[KVM_COUNT_PF_TAKEN] == KVM_COUNT_UNKNOWN ||
		result.usage.kvm[KVM_COUNT_EXITS] == KVM_COUNT_UNKNOWN)
		return fail(why, ENOTSUP,
			"this kernel's KVM has no binary statistics (Linux 5.14), so its paging mode cannot be proven");
	taken = (double)result.usage.kvm[KVM_COUNT_PF_TAKEN] / (double)result.faults;
	if (exits_per_fault)
		*exits_per_fault = (double)result.usage.kvm[KVM_COUNT_EXITS] / (double)result.faults;
	if (taken <= NESTED_MOST)
		*proven = PAGING_NESTED;
	else if (taken >= SHADOW_LEAST)
		*proven = PAGING_SHADOW;
	else
		return fail(why, EIO,
			"KVM took %.2f page faults for each one of the guest: nested paging takes none, shadow paging at least one",
			taken);
	return 0;
}

int laboratory_check_paging(
	const struct kvm_module *module, struct paging_proof *proof, enum paging *told, struct reason *why)
{
	*proof = (struct paging_proof){ .paging = PAGING_UNKNOWN };
	proof->known = !laboratory_prove_paging(&proof->paging, &proof->exits_per_fault, &proof->reason);
	*told = proof->known ? proof->paging : module->paging;
	if (proof->known && module->paging != PAGING_UNKNOWN && module->paging != proof->paging)
		return fail(why, EPROTO,
			"%s says %s paging, but guest faults take %.2f exits each, which is %s paging: one of them is wrong, and no number taken here could be trusted",
			module->reason.text, paging_name(module->paging), proof->exits_per_fault,
			paging_name(proof->paging));
	return 0;
}
