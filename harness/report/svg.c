#include "report/svg.h"

#include "base/new_file.h"
#include "report/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The size on paper. A viewBox alone makes a picture as large as there is room. */
static void size_write(const char *svg, double width_mm, FILE *out)
{
	const char *box = strstr(svg, "viewBox=\"");
	double width, height;

	if (box && sscanf(box, "viewBox=\"0 0 %lf %lf\"", &width, &height) == 2 && width > 0)
		fprintf(out, " width=\"%gmm\" height=\"%.2fmm\"", width_mm, width_mm * height / width);
}

/* gnuplot escapes & and <; XML forbids this end of what nobody began, too. */
static void text_write(const char *svg, FILE *out)
{
	static const char end[] = "]]>";
	const char *found;

	while ((found = strstr(svg, end))) {
		fwrite(svg, 1, (size_t)(found - svg), out);
		fputs("]]&gt;", out);
		svg = found + strlen(end);
	}
	fputs(svg, out);
}

int svg_publish(const char *scratch, const struct gnuplot_picture *kind, const char *path, struct reason *why)
{
	static const char tag[] = "<svg";
	char *svg = file_read(scratch, kind->file, why);
	const char *rest = svg ? strstr(svg, tag) : NULL;
	double width_mm = strtod(kind->mm, NULL);
	struct new_file file;
	int rc = 0;

	if (!svg)
		rc = -EIO;
	else if (!rest)
		rc = fail(why, EIO, "what gnuplot drew is no SVG");
	if (!rc)
		rc = new_file_open(&file, path, why);
	if (!rc) {
		rest += strlen(tag);
		fwrite(svg, 1, (size_t)(rest - svg), file.out);
		if (width_mm > 0)
			size_write(rest, width_mm, file.out);
		text_write(rest, file.out);
		rc = new_file_put(&file, why);
	}
	free(svg);
	return rc;
}
