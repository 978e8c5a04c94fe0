#include "space/smaps.h"

#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/*
 * The kernel goes on to further mappings until a read is full (fs/seq_file.c). One that is shorter than the text of a
 * mapping has no pages counted but those of mappings that are looked at: those of 4 GiB in small pages take 50 ms.
 */
#define READ_BYTES 512

static void field_add(struct smaps_pages *pages, const char *line)
{
	uint64_t kib;

	if (sscanf(line, "Rss: %" SCNu64 " kB", &kib) == 1)
		pages->mapped_bytes += kib * KIB;
	else if (sscanf(line, "AnonHugePages: %" SCNu64 " kB", &kib) == 1)
		pages->anon_huge_bytes += kib * KIB;
	else if (sscanf(line, "Private_Hugetlb: %" SCNu64 " kB", &kib) == 1) {
		/* hugetlb pages are not counted in Rss. */
		pages->hugetlb_bytes += kib * KIB;
		pages->mapped_bytes += kib * KIB;
	} else if (sscanf(line, "KernelPageSize: %" SCNu64 " kB", &kib) == 1 && kib * KIB > pages->kernel_page_bytes)
		pages->kernel_page_bytes = kib * KIB;
}

int smaps_parse(FILE *stream, uint64_t start, uint64_t bytes, struct smaps_pages *pages)
{
	char line[512];
	bool inside = false, found = false;

	*pages = (struct smaps_pages){ 0 };
	while (fgets(line, sizeof(line), stream)) {
		uint64_t from, to;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2) {
			/* Mappings are in the order of their addresses, and the kernel counts the pages of each as it is read. */
			if (from >= start + bytes)
				break;
			inside = from >= start && to <= start + bytes;
			found = found || inside;
		} else if (inside) {
			field_add(pages, line);
		}
	}
	return found ? 0 : -ENOENT;
}

int smaps_read(uint64_t start, uint64_t bytes, struct smaps_pages *pages, struct reason *why)
{
	FILE *stream = fopen("/proc/self/smaps", "re");
	char buffer[READ_BYTES];
	int error;

	if (!stream)
		return fail(why, errno, "/proc/self/smaps: %s", strerror(errno));
	setvbuf(stream, buffer, _IOFBF, sizeof(buffer));
	error = smaps_parse(stream, start, bytes, pages);
	fclose(stream);
	if (error)
		return fail(why, -error, "/proc/self/smaps does not show the memory under test");
	return 0;
}
