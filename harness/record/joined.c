#include "record/joined.h"

#include "base/member.h"
#include "base/text.h"
#include "base/vocabulary.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Boots of one machine differ little in the memory that the kernel keeps for itself; a guest has less memory than its
 * host.
 */
#define SAME_MEMORY 0.02

#define UNTOLD "a guest cannot see it: say RUN=nested or RUN=shadow"

bool paging_is_of_guest(const char *paging)
{
	return paging_find(paging) > PAGING_NATIVE;
}

bool joined_file_is_own(const char *name)
{
	static const char folder[] = "joined/";
	const char *file = name ? name + strlen(folder) : "";

	return name && !strncmp(name, folder, strlen(folder)) && file[0] && file[0] != '.' && !strchr(file, '/');
}

static const json_t *machine_of(const json_t *about, const char *part)
{
	return json_object_get(json_object_get(json_object_get(about, "machine"), part), "name");
}

static const char *outer_of(const json_t *about)
{
	return json_string_value(machine_of(about, "outer"));
}

static const char *cpu_of(const json_t *about)
{
	return json_string_value(machine_of(about, "cpu"));
}

static const char *kernel_of(const json_t *about)
{
	const json_t *kernel = json_object_get(json_object_get(about, "machine"), "kernel");

	return member_text(kernel, "release");
}

static const char *host_of(const json_t *about)
{
	return member_text(about, "host");
}

static const char *or_unknown(const char *text)
{
	return text ? text : "unknown";
}

static double memory_of(const json_t *about)
{
	const json_t *memory = json_object_get(json_object_get(about, "machine"), "memory");
	const json_t *total = json_object_get(memory, "total_bytes");

	return json_is_number(total) ? json_number_value(total) : NAN;
}

/* Whether a hypervisor is beneath that Linux, as far as is known. */
static bool runs_in_guest(const json_t *about)
{
	const json_t *outer = json_object_get(json_object_get(about, "machine"), "outer");
	const json_t *said = json_object_get(outer, "is_guest");
	const char *name = outer_of(about);

	if (json_is_boolean(said))
		return json_is_true(said);
	return name && strcmp(name, "bare-metal") && strcmp(name, "unknown");
}

static bool same_machine(const json_t *base, const json_t *run)
{
	double a = memory_of(base), b = memory_of(run);

	/* Where both run under a hypervisor, a guest of the base may differ from the base in its memory size only. */
	if (runs_in_guest(run) && isfinite(a) && isfinite(b) && fabs(a - b) > SAME_MEMORY * a)
		return false;
	return text_same(host_of(base), host_of(run)) && text_same(cpu_of(base), cpu_of(run)) &&
	       text_same(outer_of(base), outer_of(run));
}

void joined_warn(struct joined_judgement *judgement, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(judgement->warnings, json_string(text));
}

static void warn_of_differences(const json_t *base, const json_t *run, struct joined_judgement *out)
{
	const char *version = member_text(base, "version");
	const char *its_version = member_text(run, "version");
	const char *state = member_text(run, "state");

	if (!text_same(cpu_of(base), cpu_of(run)))
		joined_warn(out, "another CPU model: %s here, %s in the first run", or_unknown(cpu_of(run)),
			or_unknown(cpu_of(base)));
	if (!text_same(version, its_version))
		joined_warn(out, "another version of nestwalk: %s here, %s in the first run", or_unknown(its_version),
			or_unknown(version));
	if (!text_same(kernel_of(base), kernel_of(run)))
		joined_warn(out, "another kernel: %s here, %s in the first run", or_unknown(kernel_of(run)),
			or_unknown(kernel_of(base)));
	if (!text_is(state, "complete"))
		joined_warn(out, "the run is not complete but %s", or_unknown(state));
}

/* A text about the guest or its shape, as the host that booted the guest recorded it. */
static const char *told_of_guest(const json_t *about, const char *key)
{
	const json_t *guest = json_object_get(about, "guest");
	const char *text = member_text(guest, key);

	return text ? text : member_text(json_object_get(guest, "shape"), key);
}

/* The paging mode as the run itself records it; NULL where it does not. */
static const char *paging_known(const json_t *about)
{
	const char *paging = told_of_guest(about, "paging"), *outer = outer_of(about);

	/* QEMU's emulator is known by its CPUID signature (machine/outer.c). */
	if ((outer && strstr(outer, "TCG")) || text_is(told_of_guest(about, "accel"), "tcg"))
		return "software";
	return paging_is_of_guest(paging) ? paging : NULL;
}

static int judge_guest(const struct joined_run *joined, struct joined_judgement *out, struct reason *why)
{
	const json_t *about = joined->run->about;
	const char *known = paging_known(about), *outer = outer_of(about);
	const char *accel = told_of_guest(about, "accel");

	if (joined->told && known && strcmp(joined->told, known))
		return fail(why, EINVAL, "%s=%s contradicts the run, which says %s paging", joined->run->path,
			joined->told, known);
	/* An emulated guest cannot show KVM's signature, as KVM itself answers CPUID where it runs a guest. */
	if (text_is(joined->told, "software") && text_is(outer, "KVM"))
		return fail(why, EINVAL, "%s=software contradicts the run, which ran on KVM and not on an emulator",
			joined->run->path);
	out->paging = known ? known : joined->told;
	out->paging_reason = out->paging ? NULL : UNTOLD;
	if (text_is(out->paging, "software"))
		out->accel = "tcg";
	else if (text_is(accel, "kvm") || text_is(outer, "KVM"))
		out->accel = "kvm";
	else
		out->accel_reason = "the hypervisor beneath is not known to be KVM";
	return 0;
}

static int origin_judge(const struct loaded_run *base, const struct joined_run *joined, struct joined_judgement *out,
	struct reason *why)
{
	const json_t *about = joined->run->about;
	bool shaped = json_is_object(json_object_get(about, "guest"));

	if (same_machine(base->about, about) && !shaped) {
		if (joined->told)
			return fail(why, EINVAL,
				"%s was measured on the host of %s and not inside a guest of it: leave out '=%s'; its vcpu points say their paging themselves",
				joined->run->path, base->path, joined->told);
		return 0;
	}
	out->guest = shaped || runs_in_guest(about) || (joined->told && !text_is(outer_of(about), "bare-metal"));
	if (out->guest)
		return judge_guest(joined, out, why);
	return fail(why, EINVAL,
		"%s was measured on %s (%s, %s) outside any guest, and %s on %s (%s): only runs of one host and of its guests can be joined",
		joined->run->path, or_unknown(host_of(about)), or_unknown(cpu_of(about)), or_unknown(outer_of(about)),
		base->path, or_unknown(host_of(base->about)), or_unknown(cpu_of(base->about)));
}

int joined_judge(const struct loaded_run *base, const struct joined_run *joined, struct joined_judgement *out,
	struct reason *why)
{
	int rc;

	*out = (struct joined_judgement){ .warnings = json_array() };
	if (!out->warnings)
		return fail(why, ENOMEM, "out of memory");
	rc = origin_judge(base, joined, out, why);
	if (rc) {
		joined_free(out);
		return rc;
	}
	if (out->guest && runs_in_guest(base->about))
		out->outer = outer_of(base->about);
	warn_of_differences(base->about, joined->run->about, out);
	return 0;
}

void joined_free(struct joined_judgement *judgement)
{
	json_decref(judgement->warnings);
	judgement->warnings = NULL;
}
