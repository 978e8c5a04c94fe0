/*
 * Unpacking what a guest sends, which may be anything: a tar of which only regular files and directories are taken, below one
 * directory, with plain permissions. tar(1) would also make links, devices and files that run as root.
 */
#ifndef NESTWALK_GUEST_ARCHIVE_H
#define NESTWALK_GUEST_ARCHIVE_H

#include "base/reason.h"

/*
 * Unpack the tar (ustar, as busybox writes it) that begins at the file's start into a directory. Nothing that is there is
 * replaced or followed: a name that exists already is an error, but for directories. 0; -EIO with *why: it is cut off, damaged,
 * or has a member of another kind, an absolute name or one with "..", or too many members; -errno with *why: writing failed. What
 * was unpacked before an error stays.
 */
int archive_unpack(int archive, const char *directory, struct reason *why);

#endif
