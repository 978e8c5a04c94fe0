#include "report/site_tree.h"

#include "base/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char *const kinds[] = { "runs", "compare" };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* More open directories at a time are not worth a descriptor each. */
#define DESCRIPTORS 16

static int above_make(char *path, struct reason *why)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int rc;

		*slash = '\0';
		rc = directory_make(path, why);
		*slash = '/';
		if (rc)
			return rc;
	}
	return 0;
}

int site_tree_make(const char *site, struct reason *why)
{
	int rc = 0;

	for (size_t i = 0; i < KINDS && !rc; i++) {
		char *path;

		if (asprintf(&path, "%s/%s/", site, kinds[i]) < 0)
			return fail(why, ENOMEM, "out of memory");
		rc = above_make(path, why);
		free(path);
	}
	return rc;
}

int site_tree_lock(const char *site, int *lock, struct reason *why)
{
	int directory = open(site, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (directory < 0)
		return fail(why, errno, "cannot open %s: %s", site, strerror(errno));
	/* Some network file systems have no locks: the site is then made without. */
	if (flock(directory, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
		close(directory);
		return fail(why, EBUSY, "another nestwalk is making %s", site);
	}
	*lock = directory;
	return 0;
}

static int one_remove(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	remove(path);
	return 0;
}

void site_tree_remove(const char *path)
{
	nftw(path, one_remove, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

/* Exchange two directories. Where the file system cannot, the older one is out of the way for a moment. */
static int exchange(const char *unfinished, const char *path)
{
	char *aside;
	int rc;

	if (!renameat2(AT_FDCWD, unfinished, AT_FDCWD, path, RENAME_EXCHANGE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (asprintf(&aside, "%s.old", unfinished) < 0)
		return -ENOMEM;
	rc = rename(path, aside) || rename(unfinished, path) || rename(aside, unfinished) ? -errno : 0;
	free(aside);
	return rc;
}

int site_tree_publish(const struct site_entry *entry, const char *site, struct reason *why)
{
	char *path = site_entry_directory(entry, site, ""),
	     *unfinished = site_entry_directory(entry, site, SITE_UNFINISHED);
	int rc = path && unfinished ? 0 : -ENOMEM;

	if (!rc)
		rc = !access(path, F_OK) ? exchange(unfinished, path) : rename(unfinished, path) ? -errno : 0;
	if (rc)
		fail(why, -rc, "cannot make %s: %s", path ? path : "its pages", strerror(-rc));
	else
		site_tree_remove(unfinished);
	free(path);
	free(unfinished);
	return rc ? -EIO : 0;
}

static bool is_of_site(const char *directory)
{
	char *row;
	bool is;

	if (asprintf(&row, "%s/row.json", directory) < 0)
		return false;
	is = !access(row, F_OK);
	free(row);
	return is;
}

static bool has_entry(const struct site *site, const char *kind, const char *name)
{
	for (size_t i = 0; i < site->entries; i++)
		if (!strcmp(site->entry[i].kind, kind) && !strcmp(site->entry[i].name, name))
			return true;
	return false;
}

static void kind_tidy(const struct site *site, const char *kind)
{
	struct names names = { 0 };
	struct reason ignored;
	char *path;

	if (asprintf(&path, "%s/%s", site->directory, kind) < 0)
		return;
	names_list(&names, path, &ignored);
	for (size_t i = 0; i < names.count; i++) {
		char *directory;

		if (has_entry(site, kind, names.name[i]) || asprintf(&directory, "%s/%s", path, names.name[i]) < 0)
			continue;
		if (!strncmp(names.name[i], SITE_UNFINISHED, strlen(SITE_UNFINISHED)) || is_of_site(directory))
			site_tree_remove(directory);
		free(directory);
	}
	names_free(&names);
	free(path);
}

void site_tree_tidy(const struct site *site)
{
	for (size_t i = 0; i < KINDS; i++)
		kind_tidy(site, kinds[i]);
}
