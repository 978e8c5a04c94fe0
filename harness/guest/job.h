/* The script that guest-images/init receives and runs: what a guest is to do. */
#ifndef NESTWALK_GUEST_JOB_H
#define NESTWALK_GUEST_JOB_H

/*
 * The script: tell that it begins and wait for leave; run nestwalk with these arguments (NULL-terminated) into the directory
 * `run`, and end it when told to; tell its exit status and how many page faults the guest took meanwhile, and wait
 * for leave. The caller frees it; NULL where memory is short.
 */
char *guest_job_script(const char *const *command);

/* This line ends a script on the control port; no script has such a line. */
#define GUEST_JOB_END "."

#endif
