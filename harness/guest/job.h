/* The script that guest-images/init receives and runs: what a guest is to do. */
#ifndef NESTWALK_GUEST_JOB_H
#define NESTWALK_GUEST_JOB_H

/*
 * The script says that it begins, and waits for the order to begin. It runs nestwalk with these arguments
 * (NULL-terminated) into the directory `run`, and ends it when told to. Then it sends the exit status and the number of
 * page faults that the guest took, and waits for the order to end. The caller frees the text; NULL where memory is
 * short.
 */
char *guest_job_script(const char *const *command);

/* This line ends a script on the control port; no script has such a line. */
#define GUEST_JOB_END "."

#endif
