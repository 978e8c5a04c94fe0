#include "guest/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES 512
/* A run directory and what belongs to it: some ten files. */
#define MEMBERS_MOST 1000
#define NAME_BYTES 256 /* 100, and a prefix of 155 with a slash */

/* POSIX.1-1988, "ustar". Numbers are octal texts. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[8], user[32],
		group[32], major[8], minor[8], prefix[155], rest[12];
};

_Static_assert(sizeof(struct header) == BLOCK_BYTES, "a header fills a block");

/* One member of an archive. */
struct member {
	char name[NAME_BYTES + 1];
	char type;
	uint64_t bytes;
};

static int damaged(struct reason *why)
{
	return fail(why, EIO, "the guest's results are not whole: no tar that can be unpacked");
}

/* A whole block, or false. */
static bool block_read(int archive, void *block)
{
	size_t used = 0;

	while (used < BLOCK_BYTES) {
		ssize_t got = read(archive, (char *)block + used, BLOCK_BYTES - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		used += (size_t)got;
	}
	return true;
}

static bool octal_read(const char *text, size_t bytes, uint64_t *number)
{
	size_t i = 0;

	*number = 0;
	while (i < bytes && text[i] == ' ')
		i++;
	for (; i < bytes && text[i] >= '0' && text[i] <= '7'; i++)
		*number = *number << 3 | (uint64_t)(text[i] - '0');
	/* 12 digits are the most, which a 64-bit number holds; a number of another form is not for files of such a size. */
	return i == bytes || text[i] == ' ' || text[i] == '\0';
}

static bool checksum_holds(const struct header *header)
{
	const unsigned char *byte = (const unsigned char *)header;
	uint64_t said, sum = 0;

	for (size_t i = 0; i < BLOCK_BYTES; i++) {
		bool own = i >= offsetof(struct header, checksum) &&
			   i < offsetof(struct header, checksum) + sizeof(header->checksum);

		sum += own ? ' ' : byte[i];
	}
	return octal_read(header->checksum, sizeof(header->checksum), &said) && said == sum;
}

/* 1 with *member; 0 the archive ends; -EIO with *why. */
static int member_read(int archive, struct member *member, struct reason *why)
{
	static const char zeros[BLOCK_BYTES];
	struct header header;

	if (!block_read(archive, &header))
		return damaged(why);
	if (!memcmp(&header, zeros, BLOCK_BYTES))
		return 0;
	if (!checksum_holds(&header) || memcmp(header.magic, "ustar", 5) ||
		!octal_read(header.size, sizeof(header.size), &member->bytes))
		return damaged(why);
	/* In GNU's form times stand where POSIX has a prefix. */
	if (header.magic[5] == '\0' && header.prefix[0])
		snprintf(member->name, sizeof(member->name), "%.155s/%.100s", header.prefix, header.name);
	else
		snprintf(member->name, sizeof(member->name), "%.100s", header.name);
	member->type = header.type ? header.type : '0';
	return 1;
}

/* Whether a name leads nowhere but down. Directories may end in a slash. */
static bool name_is_below(const char *name)
{
	if (!*name)
		return false;
	while (*name) {
		size_t length = strcspn(name, "/");

		if (!length || (length == 1 && name[0] == '.') || (length == 2 && !strncmp(name, "..", 2)))
			return false;
		name += length;
		name += *name == '/';
	}
	return true;
}

/* A descriptor of the directory that a member is in, and what it is called there; -1 with errno. */
static int parent_open(int root, char *name, const char **last)
{
	int at = dup(root);
	char *slash;

	while (at >= 0 && (slash = strchr(name, '/'))) {
		int next, error;

		*slash = '\0';
		next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		error = errno;
		close(at);
		errno = error;
		at = next;
		name = slash + 1;
	}
	*last = name;
	return at;
}

/* The bytes of a member, which fill whole blocks, into a file. */
static int content_copy(int archive, uint64_t bytes, int file, struct reason *why)
{
	char block[BLOCK_BYTES];

	while (bytes) {
		size_t now = bytes < BLOCK_BYTES ? (size_t)bytes : BLOCK_BYTES;

		if (!block_read(archive, block))
			return damaged(why);
		if (write(file, block, now) != (ssize_t)now)
			return fail(why, errno ? errno : ENOSPC, "a guest's results cannot be written: %s",
				strerror(errno ? errno : ENOSPC));
		bytes -= now;
	}
	return 0;
}

static int member_unpack(int archive, const struct member *member, int parent, const char *name, struct reason *why)
{
	int file, error;

	if (member->type == '5') {
		if (!mkdirat(parent, name, 0777) || errno == EEXIST)
			return 0;
		return fail(why, errno, "a guest's results cannot be written: %s: %s", name, strerror(errno));
	}
	file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (file < 0)
		return fail(why, errno, "a guest's results cannot be written: %s: %s", name, strerror(errno));
	error = content_copy(archive, member->bytes, file, why);
	if (close(file) && !error)
		error = fail(why, errno, "a guest's results cannot be written: %s", strerror(errno));
	return error;
}

static int member_take(int archive, struct member *member, int root, struct reason *why)
{
	size_t length = strlen(member->name);
	const char *last;
	int parent, error;

	if (member->type != '0' && member->type != '5')
		return fail(why, EIO, "the guest sent %.100s, which is neither a file nor a directory", member->name);
	if (!name_is_below(member->name) || (member->type == '5' && member->bytes))
		return fail(why, EIO, "the guest sent a file under the name %.100s", member->name);
	if (member->name[length - 1] == '/')
		member->name[length - 1] = '\0';
	parent = parent_open(root, member->name, &last);
	if (parent < 0)
		return fail(why, EIO, "the guest sent %.100s before its directory, or twice", last);
	error = member_unpack(archive, member, parent, last, why);
	close(parent);
	return error;
}

int archive_unpack(int archive, const char *directory, struct reason *why)
{
	struct member member;
	size_t members = 0;
	int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;

	if (root < 0)
		return fail(why, errno, "a guest's results: %s: %s", directory, strerror(errno));
	if (lseek(archive, 0, SEEK_SET))
		error = fail(why, errno, "a guest's results: %s", strerror(errno));
	else
		error = 1;
	while (error > 0 && (error = member_read(archive, &member, why)) > 0) {
		if (++members > MEMBERS_MOST)
			error = fail(why, EIO, "the guest sent more than %d files", MEMBERS_MOST);
		else
			error = member_take(archive, &member, root, why);
		error = error ? error : 1;
	}
	close(root);
	return error;
}
