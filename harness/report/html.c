#include "report/html.h"

#include "base/new_file.h"
#include "base/text.h"
#include "report/html_body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void escaped_write(const char *text, size_t length, FILE *out)
{
	for (const char *end = text + length; text < end;) {
		size_t plain = 0;

		while (text + plain < end && !strchr("<>&\"'", text[plain]))
			plain++;
		fwrite(text, 1, plain, out);
		text += plain;
		if (text < end)
			fprintf(out, "&#%d;", *text++);
	}
}

void html_write_text(const char *text, FILE *out)
{
	char *copy = strdup(text), *at = copy;

	while (at && *at) {
		size_t length = strcspn(at, "\n\t");

		escaped_write(at, text_clean_bytes(at, length), out);
		at += length;
		if (*at)
			fputc(*at++, out);
	}
	free(copy);
}

void html_frame_begin(const struct html_frame *frame, FILE *out)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
		out);
	html_write_text(frame->title, out);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<header>\n", frame->style);
	fputs("<a class=\"skip\" href=\"#main\">Skip to the content</a>\n", out);
	if (frame->home)
		fprintf(out, "<nav aria-label=\"Site\"><a href=\"%s\">All runs</a></nav>\n", frame->home);
	fputs("</header>\n<main id=\"main\">\n", out);
}

void html_frame_end(FILE *out)
{
	fputs("</main>\n</body>\n</html>\n", out);
}

int html_write(const char *path, const struct page *page, struct reason *why)
{
	char *body = html_body_make(page, why);
	struct new_file file;
	int rc = 0;

	if (!body)
		return -EIO;
	rc = new_file_open(&file, path, why);
	if (!rc) {
		html_frame_begin(&page->frame, file.out);
		fputs(body, file.out);
		html_frame_end(file.out);
		rc = new_file_put(&file, why);
	}
	free(body);
	return rc;
}
