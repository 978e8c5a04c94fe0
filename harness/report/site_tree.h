/* Directories of a site: how finished pages take the place of older ones, and how pages go whose runs are gone. */
#ifndef NESTWALK_REPORT_SITE_TREE_H
#define NESTWALK_REPORT_SITE_TREE_H

#include "base/reason.h"
#include "report/site_index.h"

#define SITE_UNFINISHED "+" /* begins the name of a directory whose pages are being made, and of no other */

/* Make the site's directories, those above it included. 0, or a negative errno with *why. */
int site_tree_make(const char *site, struct reason *why);

/*
 * Keep others from making the same site. 0 with *lock, a file to be closed in the end; -EBUSY somebody makes it, or another
 * negative errno, with *why.
 */
int site_tree_lock(const char *site, int *lock, struct reason *why);

/* Remove a directory with everything in it, if it is there. */
void site_tree_remove(const char *path);

/* Let the unfinished pages of an entry take the place of its older ones, at once. 0, or a negative errno with *why. */
int site_tree_publish(const struct site_entry *entry, const char *site, struct reason *why);

/* Remove the pages that belong to none of the site's entries, and unfinished ones. What is not of a site stays. */
void site_tree_tidy(const struct site *site);

#endif
