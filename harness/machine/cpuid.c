#include "machine/cpuid.h"

#include "base/affinity.h"

#include <cpuid.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Larger than any dump of all CPUs of a large machine that `cpuid -r` wrote so far (about 12 KiB a CPU). */
#define DUMP_BYTES_MAX (4UL << 20)
/* cpuid(1) writes a dump of many CPUs within a second. */
#define PIPE_WAIT_MS 10000

/* Where ranges of leaves begin. */
#define EXTENDED 0x80000000u
#define HYPERVISOR 0x40000000u
#define HYPERVISOR_END 0x40010000u /* Linux looks for signatures up to here (asm/cpuid: for_each_possible_hypervisor) */
#define HYPERVISOR_STEP 0x100u

/*
 * No range has more leaves today. A larger number comes from a hypervisor that answers arbitrary values for unknown
 * leaves.
 */
#define RANGE_MAX 0x80u

static const struct cpuid_record *record_find(const struct cpuid_table *table, uint32_t leaf, uint32_t subleaf)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->record[i].leaf == leaf && table->record[i].subleaf == subleaf)
			return &table->record[i];
	}
	return NULL;
}

bool cpuid_get(const struct cpuid_table *table, uint32_t leaf, uint32_t subleaf, struct cpuid_record *out)
{
	uint32_t range = leaf >= EXTENDED ? EXTENDED : 0;
	const struct cpuid_record *found = record_find(table, leaf, subleaf), *highest = record_find(table, range, 0);

	memset(out, 0, sizeof(*out));
	if (!found)
		return false;
	/* The hypervisor's range is not checked: not all hypervisors tell their highest leaf. */
	if ((leaf < HYPERVISOR || leaf >= EXTENDED) && (!highest || leaf > highest->eax))
		return false;
	*out = *found;
	return true;
}

/* --- the live CPU --- */

static struct cpuid_record leaf_execute(struct cpuid_table *table, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_record record = { .leaf = leaf, .subleaf = subleaf };

	__cpuid_count(leaf, subleaf, record.eax, record.ebx, record.ecx, record.edx);
	if (table->count < CPUID_RECORDS_MAX)
		table->record[table->count++] = record;
	return record;
}

/* Whether there may be another subleaf after `last`. Only for the leaves whose subleaves are read by this program. */
static bool has_next_subleaf(const struct cpuid_record *first, const struct cpuid_record *last)
{
	switch (last->leaf) {
	case 0x4: /* caches: type 0 ends the list */
	case 0x8000001D:
		return (last->eax & 0x1F) != 0;
	case 0x7: /* EAX of subleaf 0 is the highest subleaf */
	case 0x18:
		return last->subleaf < first->eax;
	case 0xB: /* topology: level type 0 ends the list */
	case 0x1F:
	case 0x80000026:
		return (last->ecx & 0xFF00) != 0;
	default:
		return false;
	}
}

static void execute_range(struct cpuid_table *table, uint32_t base, uint32_t highest)
{
	for (uint32_t leaf = base; leaf <= highest && leaf - base < RANGE_MAX; leaf++) {
		struct cpuid_record first = leaf_execute(table, leaf, 0), last = first;

		while (has_next_subleaf(&first, &last) && last.subleaf < RANGE_MAX)
			last = leaf_execute(table, leaf, last.subleaf + 1);
	}
}

static void execute_hypervisor(struct cpuid_table *table)
{
	struct cpuid_record first = leaf_execute(table, HYPERVISOR, 0);
	uint32_t highest = first.eax;

	/* KVM once put 0 there, meaning HYPERVISOR + 1 (Linux Documentation/virt/kvm/x86/cpuid.rst). */
	if (highest < HYPERVISOR || highest - HYPERVISOR >= HYPERVISOR_STEP)
		highest = HYPERVISOR + 1;
	execute_range(table, HYPERVISOR + 1, highest);
	/* Only a hypervisor that poses as Hyper-V has its own signature further up. */
	if (memcmp(&first.ebx, "Micr", 4))
		return;
	for (uint32_t base = HYPERVISOR + HYPERVISOR_STEP; base < HYPERVISOR_END; base += HYPERVISOR_STEP) {
		struct cpuid_record other = { 0 };

		__cpuid_count(base, 0, other.eax, other.ebx, other.ecx, other.edx);
		if (other.eax >= base && other.eax - base < HYPERVISOR_STEP) {
			execute_range(table, base, other.eax);
			return;
		}
	}
}

void cpuid_execute(struct cpuid_table *table)
{
	struct affinity before;
	bool bound = false;
	unsigned highest;
	struct cpuid_record features;
	int cpu = sched_getcpu();

	memset(table, 0, sizeof(*table));
	if (cpu >= 0 && !affinity_read(0, &before))
		bound = !affinity_bind(0, (unsigned)cpu);
	highest = __get_cpuid_max(0, NULL);
	execute_range(table, 0, highest);
	if (cpuid_get(table, 1, 0, &features) && features.ecx & (1u << 31))
		execute_hypervisor(table);
	highest = __get_cpuid_max(EXTENDED, NULL);
	if (highest >= EXTENDED)
		execute_range(table, EXTENDED, highest);
	if (bound)
		affinity_write(0, &before);
}

/* --- dumps --- */

/* Exactly `digits` hexadecimal digits, or 1 to -digits of them. Moves *at beyond them. */
static bool read_hex(const char **at, int digits, uint32_t *value)
{
	int most = digits < 0 ? -digits : digits, count = 0;

	*value = 0;
	while (count < most && isxdigit((unsigned char)**at)) {
		int digit = toupper((unsigned char)**at);

		*value = *value << 4 | (uint32_t)(digit <= '9' ? digit - '0' : digit - 'A' + 10);
		(*at)++;
		count++;
	}
	return count && (digits < 0 || count == digits) && !isxdigit((unsigned char)**at);
}

static bool read_literal(const char **at, const char *literal)
{
	size_t length = strlen(literal);

	if (strncmp(*at, literal, length))
		return false;
	*at += length;
	return true;
}

/* "CPUID 00000004: 1C004121-01C0003F-0000003F-00000000 [SL 01]"; without [SL] it is subleaf 0. */
static bool parse_dashed(const char *line, struct cpuid_record *record)
{
	const char *at = line, *sub;

	memset(record, 0, sizeof(*record));
	if (!read_literal(&at, "CPUID ") || !read_hex(&at, 8, &record->leaf) || !read_literal(&at, ": "))
		return false;
	if (!read_hex(&at, 8, &record->eax) || !read_literal(&at, "-") || !read_hex(&at, 8, &record->ebx) ||
		!read_literal(&at, "-") || !read_hex(&at, 8, &record->ecx) || !read_literal(&at, "-") ||
		!read_hex(&at, 8, &record->edx))
		return false;
	if (*at && !isspace((unsigned char)*at))
		return false;
	sub = strchr(at, '[');
	if (!sub)
		return true;
	at = sub + 1;
	if (!read_literal(&at, "SL "))
		return strchr(at, ']') != NULL; /* "[GenuineIntel]": a comment, if it is whole */
	return read_hex(&at, -8, &record->subleaf) && read_literal(&at, "]");
}

/* "   0x00000004 0x01: eax=0x1c004122 ebx=0x01c0003f ecx=0x0000003f edx=0x00000000" */
static bool parse_raw(const char *line, struct cpuid_record *record)
{
	const char *at = line;

	memset(record, 0, sizeof(*record));
	return read_literal(&at, "0x") && read_hex(&at, 8, &record->leaf) && read_literal(&at, " 0x") &&
	       read_hex(&at, -8, &record->subleaf) && read_literal(&at, ": eax=0x") && read_hex(&at, 8, &record->eax) &&
	       read_literal(&at, " ebx=0x") && read_hex(&at, 8, &record->ebx) && read_literal(&at, " ecx=0x") &&
	       read_hex(&at, 8, &record->ecx) && read_literal(&at, " edx=0x") && read_hex(&at, 8, &record->edx) && !*at;
}

enum line_kind {
	LINE_RECORD,
	LINE_NOTHING,
	LINE_NEXT_CPU, /* starts the registers of a CPU */
	LINE_SECTION, /* "------[ Logical CPU #0 ]------" */
	LINE_MALFORMED,
};

static enum line_kind parse_line(const char *line, struct cpuid_record *record)
{
	while (isspace((unsigned char)*line))
		line++;
	if (!*line || *line == '#')
		return LINE_NOTHING;
	if (!strncmp(line, "------[", 7))
		return LINE_SECTION;
	if (parse_dashed(line, record) || parse_raw(line, record))
		return LINE_RECORD;
	if (!strncmp(line, "CPU", 3) && line[strlen(line) - 1] == ':' &&
		strspn(line + 3, " 0123456789:") == strlen(line + 3))
		return LINE_NEXT_CPU;
	return LINE_MALFORMED;
}

/* Copy a line for a message: characters that would disturb a terminal become '?', and a long line is cut. */
static const char *line_quote(const char *line, char *quoted, size_t size)
{
	size_t i;

	for (i = 0; line[i] && i < size - 1; i++)
		quoted[i] = isprint((unsigned char)line[i]) ? line[i] : '?';
	quoted[i] = 0;
	return quoted;
}

/* A dump whose highest leaf is missing was cut off. Its missing leaves would look like missing hardware. */
static int check_whole(const char *name, size_t lines, const struct cpuid_table *table, struct reason *why)
{
	static const uint32_t ranges[] = { 0, EXTENDED };

	for (size_t r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++) {
		const struct cpuid_record *base = record_find(table, ranges[r], 0);
		uint32_t last = ranges[r];

		if (!base)
			return fail(why, EINVAL,
				"%s:%zu: leaf 0x%X is missing at the end of the dump, so it is cut off", name, lines,
				ranges[r]);
		if (base->eax < ranges[r] || base->eax - ranges[r] > 0xFFFF)
			continue; /* no extended leaves: a CPU before x86-64 */
		for (size_t i = 0; i < table->count; i++) {
			uint32_t leaf = table->record[i].leaf;

			if (leaf > last && leaf - ranges[r] <= 0xFFFF)
				last = leaf;
		}
		if (last < base->eax)
			return fail(why, EINVAL,
				"%s:%zu: leaf 0x%X names leaves up to 0x%X, but the last one here is 0x%X: the dump is cut off",
				name, lines, ranges[r], base->eax, last);
	}
	if (!record_find(table, 1, 0))
		return fail(why, EINVAL, "%s:%zu: leaf 1 is missing", name, lines);
	return 0;
}

static int add_record(const char *name, size_t line_number, struct cpuid_table *table,
	const struct cpuid_record *record, struct reason *why)
{
	if (table->count == CPUID_RECORDS_MAX)
		return fail(why, EINVAL, "%s:%zu: more than %d registers for one CPU", name, line_number,
			CPUID_RECORDS_MAX);
	table->record[table->count++] = *record;
	return 0;
}

/* Add the registers of one line. Returns 0, 1 where the first CPU's registers have ended, or -EINVAL. */
static int parse_one(const char *name, size_t line_number, const char *line, bool *sections, struct cpuid_table *table,
	struct reason *why)
{
	struct cpuid_record record;
	char quoted[48];

	switch (parse_line(line, &record)) {
	case LINE_RECORD:
		/*
		 * A second leaf 0 means that another CPU follows without a header. Other repeated leaves are ignored.
		 */
		if (record_find(table, record.leaf, record.subleaf))
			return record.leaf == 0;
		return add_record(name, line_number, table, &record, why);
	case LINE_NOTHING:
		return 0;
	case LINE_SECTION:
		*sections = true;
		return table->count > 0;
	case LINE_NEXT_CPU:
		return table->count > 0;
	case LINE_MALFORMED:
		break;
	}
	/* Files of CPU collections also have sections that hold no registers. */
	if (*sections && strncmp(line, "CPUID ", 6))
		return 0;
	return fail(why, EINVAL,
		"%s:%zu: '%s' is not a CPUID line (expected 'CPUID leaf: EAX-EBX-ECX-EDX [SL subleaf]' or the output of `cpuid -r`)",
		name, line_number, line_quote(line, quoted, sizeof(quoted)));
}

#define BYTE_ORDER_MARK "\xEF\xBB\xBF" /* U+FEFF in UTF-8 */

int cpuid_parse(const char *name, const char *text, size_t length, struct cpuid_table *table, struct reason *why)
{
	const char *at = text, *end = text + length;
	size_t line_number = 0;
	bool sections = false;
	int error = 0;

	memset(table, 0, sizeof(*table));
	/* Editors of Windows begin a text with the mark of byte order. */
	if (length >= sizeof(BYTE_ORDER_MARK) - 1 && !memcmp(at, BYTE_ORDER_MARK, sizeof(BYTE_ORDER_MARK) - 1))
		at += sizeof(BYTE_ORDER_MARK) - 1;
	while (at < end && !error) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t line_length = (size_t)((newline ? newline : end) - at);
		char line[160]; /* the longest true line has 90 */

		line_number++;
		if (memchr(at, 0, line_length)) {
			error = fail(why, EINVAL, "%s:%zu: holds a NUL byte, so it is not a text dump of CPUID", name,
				line_number);
			break;
		}
		while (line_length && isspace((unsigned char)at[line_length - 1]))
			line_length--;
		snprintf(
			line, sizeof(line), "%.*s", (int)(line_length < sizeof(line) ? line_length : sizeof(line)), at);
		error = parse_one(name, line_number, line, &sections, table, why);
		at = newline ? newline + 1 : end;
	}
	if (error >= 0)
		error = table->count ? check_whole(name, line_number, table, why)
				     : fail(why, EINVAL, "%s:%zu: holds no CPUID lines", name, line_number);
	if (error < 0)
		table->count = 0;
	return error < 0 ? error : 0;
}

/* A pipe may get its text from a program that still works. */
static bool is_readable_soon(int fd)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, PIPE_WAIT_MS) == 1;
}

int cpuid_load(const char *path, struct cpuid_table *table, struct reason *why)
{
	/* O_NONBLOCK: opening a named pipe must not wait for a writer. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY), error = 0;
	char *text = NULL;
	struct stat status;
	size_t used = 0;

	table->count = 0;
	if (fd < 0)
		return fail(why, errno, "%s: %s", path, strerror(errno));
	if (!fstat(fd, &status) && S_ISDIR(status.st_mode)) {
		error = fail(why, EISDIR, "%s: is a directory, not a CPUID dump", path);
		goto out;
	}
	text = malloc(DUMP_BYTES_MAX);
	if (!text) {
		error = fail(why, ENOMEM, "%s: out of memory", path);
		goto out;
	}
	for (;;) {
		ssize_t got = read(fd, text + used, DUMP_BYTES_MAX - used);

		if (got < 0 && (errno == EINTR || (errno == EAGAIN && is_readable_soon(fd))))
			continue;
		if (got < 0)
			error = fail(why, errno, "%s: %s", path, strerror(errno));
		if (got <= 0)
			break;
		used += (size_t)got;
		if (used == DUMP_BYTES_MAX) {
			error = fail(
				why, EFBIG, "%s: over %lu MiB, so it is not a CPUID dump", path, DUMP_BYTES_MAX >> 20);
			break;
		}
	}
	if (!error && !used)
		error = fail(why, EINVAL, "%s:1: is empty", path);
	if (!error)
		error = cpuid_parse(path, text, used, table, why);
out:
	free(text);
	close(fd);
	return error;
}
