#include "report/html.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Figures are drawn on white, so they stand on a white card in the dark. */
static const char style[] =
	":root{color-scheme:light dark;--ink:#1c1e21;--paper:#fff;--faint:#5c6370;--line:#d9dce1;--shade:#f4f5f7}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e3e5e8;--paper:#17191c;--faint:#9aa2ad;--line:#3a3f46;--shade:#22252a}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;padding:1.2rem 1rem 4rem;max-width:62rem;color:var(--ink);background:var(--paper);font:1rem/1.55 system-ui,-apple-system,'Segoe UI','DejaVu Sans',Helvetica,Arial,sans-serif}\n"
	"h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.25rem;margin-top:2.4rem;padding-top:.8rem;border-top:1px solid var(--line)}h3{font-size:1.05rem;margin-top:1.8rem}\n"
	"p:has(>img){overflow-x:auto}\n"
	"img{display:block;width:100%;max-width:60rem;min-width:36rem;height:auto;margin:.8rem auto;padding:.4rem;background:#fff;border:1px solid var(--line);border-radius:.5rem}\n"
	"table{display:block;max-width:100%;overflow-x:auto;border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;margin:1rem 0}\n"
	"th,td{padding:.3rem .7rem;border-bottom:1px solid "
	"var(--line);text-align:left;vertical-align:top;min-width:4.5rem}\n"
	"th{background:var(--shade)}[align=right]{text-align:right;white-space:nowrap}\n"
	"code,pre{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:.88em}\n"
	"pre{padding:.7rem 1rem;overflow-x:auto;background:var(--shade);border-radius:.4rem}\n"
	"a{color:inherit}li{margin:.25rem 0}\n"
	"@media print{:root{--ink:#000;--paper:#fff;--line:#bbb;--shade:#f2f2f2}body{max-width:none;padding:0;font-size:10pt}table{display:table;overflow:visible}img{min-width:0;border:0;padding:0}img,table,pre{break-inside:avoid}h2,h3{break-after:avoid}}\n";

static char *read_all(const char *directory, const char *name, size_t *length, struct reason *why)
{
	char *path, *text = NULL;
	FILE *file;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		fail(why, ENOMEM, "out of memory");
		return NULL;
	}
	file = fopen(path, "re");
	if (file) {
		size_t room = 0;
		/* An SVG holds no NUL, so this is the whole file. */
		ssize_t got = getdelim(&text, &room, '\0', file);

		*length = got > 0 ? (size_t)got : 0;
		fclose(file);
	}
	if (!file || !text)
		fail(why, EIO, "cannot read %s: %s", path, strerror(errno));
	free(path);
	return text;
}

static void write_base64(FILE *out, const unsigned char *bytes, size_t length)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length; i += 3) {
		unsigned group = (unsigned)bytes[i] << 16;

		if (i + 1 < length)
			group |= (unsigned)bytes[i + 1] << 8;
		if (i + 2 < length)
			group |= bytes[i + 2];
		fputc(digit[group >> 18], out);
		fputc(digit[group >> 12 & 63], out);
		fputc(i + 1 < length ? digit[group >> 6 & 63] : '=', out);
		fputc(i + 2 < length ? digit[group & 63] : '=', out);
	}
}

/*
 * Markdown to HTML in cmark's safe mode: a run's texts may come from anybody. That mode drops data: addresses too,
 * which is why images are put in afterwards.
 */
static char *render(const char *markdown)
{
	cmark_parser *parser;
	cmark_syntax_extension *table;
	cmark_node *document;
	char *html;

	cmark_gfm_core_extensions_ensure_registered();
	parser = cmark_parser_new(CMARK_OPT_DEFAULT | CMARK_OPT_VALIDATE_UTF8);
	table = cmark_find_syntax_extension("table");
	if (table)
		cmark_parser_attach_syntax_extension(parser, table);
	cmark_parser_feed(parser, markdown, strlen(markdown));
	document = cmark_parser_finish(parser);
	html = cmark_render_html(document, CMARK_OPT_DEFAULT, cmark_parser_get_syntax_extensions(parser));
	cmark_node_free(document);
	cmark_parser_free(parser);
	return html;
}

static int write_image(FILE *out, const struct page *page, const char *name, struct reason *why)
{
	size_t length = 0;
	char *svg = read_all(page->directory, name, &length, why);

	if (!svg)
		return -EIO;
	fputs("src=\"data:image/svg+xml;base64,", out);
	write_base64(out, (const unsigned char *)svg, length);
	fputc('"', out);
	free(svg);
	return 0;
}

/* Copy the HTML, with each src="NAME" of an embedded image replaced by the image itself. */
static int write_body(FILE *out, const char *html, const struct page *page, struct reason *why)
{
	static const char attribute[] = "src=\"";
	const char *found;

	while ((found = strstr(html, attribute))) {
		const char *name = found + strlen(attribute);
		size_t length = strcspn(name, "\"");
		bool embedded = false;

		fwrite(html, 1, (size_t)(found - html), out);
		for (size_t i = 0; i < page->images && !embedded; i++) {
			if (strlen(page->embedded[i]) != length || memcmp(page->embedded[i], name, length))
				continue;
			if (write_image(out, page, page->embedded[i], why))
				return -EIO;
			embedded = true;
		}
		if (!embedded)
			fputs("src=\"\"", out); /* nothing is fetched from elsewhere */
		html = name + length + (name[length] == '"');
	}
	fputs(html, out);
	return 0;
}

static void write_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"", *text))
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text, out);
	}
}

int html_write(const char *path, const struct page *page, struct reason *why)
{
	char *html = render(page->markdown);
	FILE *out;
	int rc;

	if (!html)
		return fail(why, ENOMEM, "out of memory");
	out = fopen(path, "we");
	if (!out) {
		rc = fail(why, errno, "cannot write %s: %s", path, strerror(errno));
		goto out;
	}
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
		out);
	write_escaped(out, page->title);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", style);
	rc = write_body(out, html, page, why);
	fputs("</body>\n</html>\n", out);
	if (ferror(out) && !rc)
		rc = fail(why, EIO, "cannot write %s: %s", path, strerror(EIO));
	if (fclose(out) && !rc)
		rc = fail(why, errno, "cannot write %s: %s", path, strerror(errno));
out:
	free(html);
	return rc;
}
