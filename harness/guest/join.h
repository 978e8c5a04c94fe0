/* Joining a guest's run into the run of its host: docs/RESULTS.md, "Joined runs". */
#ifndef NESTWALK_GUEST_JOIN_H
#define NESTWALK_GUEST_JOIN_H

#include "base/reason.h"
#include "guest/guest.h"

/* Points that came from a guest, by their status. */
struct guest_points {
	size_t ok, skipped, errors;
};

/*
 * Write the host's facts about the guest, and `paging`, into the guest's run.json ("guest"). Then join its points into
 * the host's run directory, which stays a valid run whatever happens.
 * @paging: under which it ran: "nested", "shadow", "software"; NULL: not known. 0 with *points; -ECANCELED with *points
 * and *why: they come from a run that is not complete; -errno with *why.
 */
int guest_join(const char *host_run, const struct guest_result *result, const char *paging, struct guest_points *points,
	struct reason *why);

/*
 * Note in the host's run.json ("guests": an array, one more element) what became of a guest: {"status": "ok"
 * "skipped"
 * "error", "reason", "facts"}. With an error the run is not complete, and its `state` says so; otherwise a run that was still going
 * on is complete now. The host's run ends now, and its duration grows by the time of the guest. 0, or -errno with *why: nothing is
 * noted, and the run goes on by what it says of itself.
 */
int guest_note(const char *host_run, const char *status, const char *reason, const json_t *facts, struct reason *why);

#endif
