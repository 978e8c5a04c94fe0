#include "guest/join.h"

#include "base/member.h"
#include "base/units.h"
#include "record/check.h"
#include "record/load.h"
#include "record/merge.h"
#include "record/write.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Add to the guest's run.json what only its host can know. */
static int about_complete(struct loaded_run *run, const json_t *facts, const char *paging, struct reason *why)
{
	struct run_writer writer = { .points = NULL };
	json_t *guest = facts ? json_copy((json_t *)facts) : json_object();

	json_object_set_new(guest, "paging", paging ? json_string(paging) : json_null());
	if (!paging)
		json_object_set_new(guest, "paging_reason", json_string("this KVM's paging mode is not known"));
	if (json_object_set_new(run->about, "guest", guest))
		return fail(why, ENOMEM, "out of memory");
	snprintf(writer.path, sizeof(writer.path), "%s", run->path);
	return run_write_about(&writer, run->about, why);
}

static void count_point(struct guest_points *points, const json_t *point)
{
	const char *status = member_text(point, "status");

	points->ok += status && !strcmp(status, "ok");
	points->skipped += status && !strcmp(status, "skipped");
	points->errors += status && !strcmp(status, "error");
}

static int join_loaded(const struct loaded_run *host, const struct loaded_run *guest, const char *paging,
	struct guest_points *points, struct reason *why)
{
	const struct joined_run joined = { .run = guest, .told = paging };
	const struct merge_request request = { .base = host, .joined = &joined, .count = 1 };
	struct merged merged;
	int error = merge_runs(&request, &merged, why);

	if (error)
		return error;
	error = merge_into_base(&request, &merged, why);
	for (size_t i = json_array_size(host->points); i < json_array_size(merged.points); i++)
		count_point(points, json_array_get(merged.points, i));
	merged_free(&merged);
	return error;
}

/* The points of an incomplete run are joined, too, and the caller is told that some are missing. */
static int run_completeness(const struct loaded_run *guest, struct reason *why)
{
	const char *state = member_text(guest->about, "state");
	const char *reason = member_text(guest->about, "reason");

	if (state && !strcmp(state, "complete"))
		return 0;
	return fail(
		why, ECANCELED, "the guest's own run is not complete%s%s", reason ? ": " : "", reason ? reason : "");
}

int guest_join(const char *host_run, const struct guest_result *result, const char *paging, struct guest_points *points,
	struct reason *why)
{
	struct loaded_run host, guest;
	/* The guest wrote it: of a run that is not sound nothing is joined. */
	int error = check_sound(result->run, why);

	if (!error)
		error = run_load(result->run, &guest, why);
	*points = (struct guest_points){ 0 };
	if (error)
		return error;
	error = about_complete(&guest, result->facts, paging, why);
	if (!error)
		error = run_load(host_run, &host, why);
	if (!error) {
		error = join_loaded(&host, &guest, paging, points, why);
		if (!error)
			error = run_completeness(&guest, why);
		run_unload(&host);
	}
	run_unload(&guest);
	return error;
}

int guest_note(const char *host_run, const char *status, const char *reason, const json_t *facts, struct reason *why)
{
	struct run_writer writer = { .points = NULL };
	struct loaded_run host;
	json_t *guests, *note;
	int error = run_load(host_run, &host, why);

	if (error)
		return error;
	guests = json_object_get(host.about, "guests");
	if (!guests) {
		guests = json_array();
		json_object_set_new(host.about, "guests", guests);
	}
	note = json_pack("{s:s, s:s?, s:o}", "status", status, "reason", reason, "facts",
		facts ? json_incref((json_t *)facts) : json_null());
	if (facts) {
		double seconds =
			json_number_value(json_object_get(host.about, "duration_s")) +
			json_number_value(json_object_get(facts, "run_ms")) * (double)NS_PER_MS / (double)NS_PER_S;

		json_object_set_new(host.about, "duration_s", json_real(seconds));
		json_object_set_new(host.about, "finished_utc", run_utc_now());
	}
	if (!strcmp(status, "error")) {
		json_object_set_new(host.about, "state", json_string("interrupted"));
		json_object_set_new(host.about, "reason", json_sprintf("the Linux guest: %s", reason));
	} else if (member_is(host.about, "state", "running")) {
		json_object_set_new(host.about, "state", json_string("complete"));
	}
	snprintf(writer.path, sizeof(writer.path), "%s", host_run);
	error = json_array_append_new(guests, note) ? fail(why, ENOMEM, "out of memory")
						    : run_write_about(&writer, host.about, why);
	run_unload(&host);
	return error;
}
