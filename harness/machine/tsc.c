#include "machine/tsc.h"
#include "base/units.h"
#include "machine/cpu.h"
#include "machine/outer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <x86intrin.h>

/*
 * The measurement is much longer than the 100 ns or so that reading a clock costs, so it is right to some ppm. Users do
 * not notice 20 ms.
 */
#define MEASURE_NS (20 * NS_PER_MS)

/* Both clocks are read this often at each end, and the tightest pair is taken, as an interrupt spoils one pair. */
#define READ_TRIES 16

/* An exact advertised frequency lies within the crystal's tolerance (some 100 ppm) of the measured one. */
#define AGREE_PPM 500

struct instant {
	uint64_t ns, tsc;
};

static uint64_t raw_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return timespec_ns(t);
}

static struct instant read_clocks(void)
{
	struct instant best = { 0 };
	uint64_t best_width = UINT64_MAX;

	for (int i = 0; i < READ_TRIES; i++) {
		uint64_t before = __rdtsc(), ns = raw_ns(), after = __rdtsc();

		if (after - before < best_width) {
			best_width = after - before;
			best = (struct instant){ .ns = ns, .tsc = before + (after - before) / 2 };
		}
	}
	return best;
}

static uint64_t measure(void)
{
	struct timespec pause = { .tv_nsec = MEASURE_NS };
	struct instant first, last;

	first = read_clocks();
	/*
	 * The thread sleeps and does not spin, because others may be measuring. A sleep that a signal cuts short is
	 * still a measurement.
	 */
	nanosleep(&pause, NULL);
	last = read_clocks();
	if (last.ns <= first.ns || last.tsc <= first.tsc)
		return 0;
	return (uint64_t)((double)(last.tsc - first.tsc) * (double)NS_PER_S / (double)(last.ns - first.ns));
}

/* Hypervisors whose leaf 0x40000010 is VMware's timing leaf. Hyper-V numbers its leaves otherwise. */
static bool has_timing_leaf(const struct outer *outer)
{
	return !strcmp(outer->signature, "KVMKVMKVM") || !strcmp(outer->signature, "VMwareVMware") ||
	       !strcmp(outer->signature, "bhyve bhyve ") || !strcmp(outer->signature, "ACRNACRNACRN");
}

/* Fill advertised_* with what CPUID says. Returns whether that is an exact number, not a nominal one. */
static bool advertised_frequency(const struct machine_source *source, const struct outer *outer, struct tsc *out)
{
	struct cpuid_record base, leaf;

	if (outer->is_guest && has_timing_leaf(outer) && cpuid_get(&source->cpuid, 0x40000000, 0, &base) &&
		base.eax >= 0x40000010 && cpuid_get(&source->cpuid, 0x40000010, 0, &leaf) && leaf.eax) {
		out->advertised_hz = leaf.eax * HZ_PER_KHZ;
		snprintf(out->advertised_by, sizeof(out->advertised_by), "the hypervisor's CPUID leaf 0x40000010");
		return true;
	}
	if (cpuid_get(&source->cpuid, 0x15, 0, &leaf) && leaf.eax && leaf.ebx && leaf.ecx) {
		out->advertised_hz = (uint64_t)leaf.ecx * leaf.ebx / leaf.eax;
		snprintf(out->advertised_by, sizeof(out->advertised_by),
			"CPUID leaf 0x15: crystal of %" PRIu32 " Hz times %" PRIu32 "/%" PRIu32, leaf.ecx, leaf.ebx,
			leaf.eax);
		return true;
	}
	/* The TSC of CPUs with leaf 0x15 ticks at about the base frequency, whose nominal value is in leaf 0x16. */
	if (cpuid_get(&source->cpuid, 0x15, 0, &leaf) && leaf.eax && leaf.ebx &&
		cpuid_get(&source->cpuid, 0x16, 0, &leaf) && leaf.eax & 0xFFFF) {
		out->advertised_hz = (leaf.eax & 0xFFFF) * HZ_PER_MHZ;
		snprintf(out->advertised_by, sizeof(out->advertised_by),
			"CPUID leaf 0x16: nominal base frequency, within about 1 %%");
	}
	return false;
}

static void settle_live(bool exact, struct tsc *out)
{
	uint64_t measured = measure();
	uint64_t apart = measured > out->advertised_hz ? measured - out->advertised_hz : out->advertised_hz - measured;

	if (measured && !(exact && apart <= measured / HZ_PER_MHZ * AGREE_PPM)) {
		out->hz = measured;
		snprintf(out->told_by, sizeof(out->told_by), "measured against CLOCK_MONOTONIC_RAW for %d ms",
			(int)(MEASURE_NS / NS_PER_MS));
	} else if (measured) {
		out->hz = out->advertised_hz;
		snprintf(out->told_by, sizeof(out->told_by), "%s", out->advertised_by);
	} else {
		fail(&out->reason, EIO, "the TSC or CLOCK_MONOTONIC_RAW did not advance while it was measured");
	}
}

void machine_tsc(const struct machine_source *source, struct tsc *out)
{
	struct cpuid_record leaf;
	struct outer outer;
	bool exact;

	memset(out, 0, sizeof(*out));
	machine_outer(source, &outer);
	exact = advertised_frequency(source, &outer, out);
	if (cpuid_get(&source->cpuid, 0x80000007, 0, &leaf)) {
		out->invariant_known = true;
		out->invariant = leaf.edx & 1u << 8;
	}
	if (source_is_live(source)) {
		settle_live(exact, out);
	} else if (out->advertised_hz) {
		out->hz = out->advertised_hz;
		memcpy(out->told_by, out->advertised_by, sizeof(out->told_by));
	} else if (!source->cpuid.count) {
		out->reason = source->cpuid_reason;
	} else {
		fail(&out->reason, ENODATA,
			"this CPU does not tell it by CPUID, and it can only be measured on the machine itself");
	}
}
