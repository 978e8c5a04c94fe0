#include "report/html_body.h"

#include "report/files.h"
#include "report/html_figure.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the document's nodes --- */

struct nodes {
	cmark_node **node;
	size_t count;
};

static bool is_of(cmark_node *node, const char *type)
{
	return !strcmp(cmark_node_get_type_string(node), type);
}

static bool is_changed(cmark_node *node)
{
	return is_of(node, "heading") || is_of(node, "image") || is_of(node, "link") || is_of(node, "table");
}

/* All nodes that change, in their order: to change a document while walking it is not safe. */
static int nodes_find(cmark_node *document, struct nodes *nodes)
{
	cmark_iter *iter = cmark_iter_new(document);
	cmark_event_type event;
	int rc = 0;

	while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE && !rc) {
		cmark_node *node = cmark_iter_get_node(iter);
		cmark_node **grown;

		if (event != CMARK_EVENT_ENTER || !is_changed(node))
			continue;
		grown = reallocarray(nodes->node, nodes->count + 1, sizeof(*grown));
		if (grown) {
			nodes->node = grown;
			nodes->node[nodes->count++] = node;
		}
		rc = grown ? 0 : -ENOMEM;
	}
	cmark_iter_free(iter);
	return rc;
}

/* The text within a node, without markup. The caller frees. NULL where memory is short. */
static char *text_of(cmark_node *node)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	cmark_iter *iter = out ? cmark_iter_new(node) : NULL;
	cmark_event_type event;

	while (iter && (event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
		cmark_node *at = cmark_iter_get_node(iter);

		if (event == CMARK_EVENT_ENTER && (is_of(at, "text") || is_of(at, "code")))
			fputs(cmark_node_get_literal(at), out);
		else if (event == CMARK_EVENT_ENTER && (is_of(at, "softbreak") || is_of(at, "linebreak")))
			fputc(' ', out);
	}
	if (iter)
		cmark_iter_free(iter);
	return out && !fclose(out) ? text : (free(text), NULL);
}

/* HTML of our own, which stands in the page as it is: cmark's safe mode leaves out what a text brings. */
static cmark_node *own_html(cmark_node_type type, const char *enter, const char *leave)
{
	cmark_node *node = cmark_node_new(type);

	cmark_node_set_on_enter(node, enter);
	cmark_node_set_on_exit(node, leave);
	return node;
}

/* --- headings --- */

struct heading {
	char *id, *text; /* owned */
};

struct body {
	const struct page *page;
	struct names files;
	struct heading *heading; /* of the second level, in their order */
	size_t headings;
};

/* "Cost per access: 4K pages" is section-cost-per-access-4k-pages; the second of a name gets a number. */
static char *heading_id(const struct body *body, const char *text)
{
	char *id = NULL, *end;

	if (asprintf(&id, "section-%s", text) < 0)
		return NULL;
	end = id + strlen("section-");
	for (const char *c = text; *c; c++) {
		if (isalnum((unsigned char)*c))
			*end++ = (char)tolower((unsigned char)*c);
		else if (end[-1] != '-')
			*end++ = '-';
	}
	while (end > id && end[-1] == '-')
		end--;
	*end = '\0';
	for (size_t i = 0; i < body->headings; i++)
		if (!strcmp(body->heading[i].id, id)) {
			char *longer;

			free(id);
			return asprintf(&longer, "%s-%zu", body->heading[i].id, body->headings) < 0 ? NULL : longer;
		}
	return id;
}

/* A heading of the second level becomes a link to itself, and is listed at the top of the page. */
static int heading_mark(struct body *body, cmark_node *heading)
{
	struct heading *grown = reallocarray(body->heading, body->headings + 1, sizeof(*grown));
	cmark_node *link, *child;
	char *open;

	if (!grown)
		return -ENOMEM;
	body->heading = grown;
	grown[body->headings].text = text_of(heading);
	grown[body->headings].id = grown[body->headings].text ? heading_id(body, grown[body->headings].text) : NULL;
	if (!grown[body->headings++].id)
		return -ENOMEM;
	if (asprintf(&open, "<a id=\"%s\" href=\"#%s\">", grown[body->headings - 1].id, grown[body->headings - 1].id) <
		0)
		return -ENOMEM;
	link = own_html(CMARK_NODE_CUSTOM_INLINE, open, "</a>");
	free(open);
	while ((child = cmark_node_first_child(heading)))
		cmark_node_append_child(link, child);
	cmark_node_append_child(heading, link);
	return 0;
}

static void contents_write(const struct body *body, FILE *out)
{
	if (body->headings < 2)
		return;
	fputs("<nav aria-label=\"On this page\">\n<details>\n<summary>On this page</summary>\n<ul>\n", out);
	for (size_t i = 0; i < body->headings; i++) {
		fprintf(out, "<li><a href=\"#%s\">", body->heading[i].id);
		html_write_text(body->heading[i].text, out);
		fputs("</a></li>\n", out);
	}
	fputs("</ul>\n</details>\n</nav>\n", out);
}

/* --- tables --- */

/* A table scrolls in a box of its own, which is called as the heading above it. */
static int table_box(const struct body *body, cmark_node *table)
{
	char *open = NULL;
	size_t size;
	FILE *out = open_memstream(&open, &size);
	cmark_node *box;

	if (!out)
		return -ENOMEM;
	fputs("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Table", out);
	if (body->headings) {
		fputs(": ", out);
		html_write_text(body->heading[body->headings - 1].text, out);
	}
	fputs("\">", out);
	if (fclose(out)) {
		free(open);
		return -ENOMEM;
	}
	box = own_html(CMARK_NODE_CUSTOM_BLOCK, open, "</div>");
	free(open);
	cmark_node_insert_before(table, box);
	cmark_node_append_child(box, table);
	return 0;
}

/* --- figures --- */

/* The name of the figure that an address with this suffix is of, "levels" for "levels.svg"; NULL: none. */
static const char *figure_of(const struct page *page, const char *address, const char *suffix)
{
	for (size_t i = 0; address && i < page->figure_count; i++) {
		size_t length = strlen(page->figures[i]);

		if (!strncmp(page->figures[i], address, length) && !strcmp(address + length, suffix))
			return page->figures[i];
	}
	return NULL;
}

/* An image that is no figure leaves its words: nothing is fetched from elsewhere. */
static void image_leave_words(cmark_node *image)
{
	cmark_node *child;

	while ((child = cmark_node_first_child(image)))
		cmark_node_insert_before(image, child);
	cmark_node_unlink(image);
	cmark_node_free(image);
}

/* Put the figure of an image, or of a link to its table, behind the block that it stands in, or in its place. */
static int figure_put(const struct body *body, cmark_node *image, struct reason *why)
{
	bool drawn = is_of(image, "image");
	const char *name = figure_of(body->page, cmark_node_get_url(image), drawn ? ".svg" : ".tsv");
	cmark_node *block = image;
	char *alt, *html;

	if (!name) {
		if (drawn)
			image_leave_words(image);
		return 0;
	}
	while (cmark_node_parent(block) && !is_of(cmark_node_parent(block), "document"))
		block = cmark_node_parent(block);
	alt = text_of(image);
	html = alt ? html_figure_make(&(struct html_figure){ body->page, &body->files, name, alt, drawn }, why) : NULL;
	if (!alt)
		fail(why, ENOMEM, "out of memory");
	if (html)
		cmark_node_insert_after(block, own_html(CMARK_NODE_CUSTOM_BLOCK, html, ""));
	free(html);
	free(alt);
	cmark_node_unlink(image);
	cmark_node_free(image);
	if (!cmark_node_first_child(block)) {
		cmark_node_unlink(block);
		cmark_node_free(block);
	}
	return html ? 0 : -EIO;
}

/* --- the whole --- */

/*
 * cmark knows no scope of heads of tables, and gives code that scrolls no place for the focus. What looks like a tag in its
 * HTML is one, as text has no brackets.
 */
static const struct {
	const char *tag, *more;
} mended[] = {
	{ "<th>", " scope=\"col\"" },
	{ "<th align", " scope=\"col\"" },
	{ "<pre><code", " tabindex=\"0\"" },
};

static void mended_write(const char *html, FILE *out)
{
	const char *tag;

	for (; (tag = strchr(html, '<')); html = tag) {
		size_t length = 1;

		fwrite(html, 1, (size_t)(tag - html), out);
		for (size_t i = 0; i < sizeof(mended) / sizeof(mended[0]); i++) {
			if (strncmp(tag, mended[i].tag, strlen(mended[i].tag)))
				continue;
			length = strcspn(tag, " >");
			fprintf(out, "%.*s%s", (int)length, tag, mended[i].more);
			break;
		}
		if (length == 1)
			fputc('<', out);
		tag += length;
	}
	fputs(html, out);
}

/*
 * Markdown to a document. It is written in cmark's safe mode, as a run's texts may come from anybody; what is put into it
 * here is our own.
 */
static cmark_node *document_parse(const char *markdown)
{
	cmark_parser *parser;
	cmark_syntax_extension *table;
	cmark_node *document;

	cmark_gfm_core_extensions_ensure_registered();
	parser = cmark_parser_new(CMARK_OPT_DEFAULT | CMARK_OPT_VALIDATE_UTF8);
	table = cmark_find_syntax_extension("table");
	if (table)
		cmark_parser_attach_syntax_extension(parser, table);
	cmark_parser_feed(parser, markdown, strlen(markdown));
	document = cmark_parser_finish(parser);
	cmark_parser_free(parser);
	return document;
}

static int document_change(struct body *body, cmark_node *document, struct reason *why)
{
	struct nodes nodes = { 0 };
	int rc = nodes_find(document, &nodes);

	for (size_t i = 0; i < nodes.count && !rc; i++) {
		cmark_node *node = nodes.node[i];

		if (is_of(node, "table"))
			rc = table_box(body, node);
		else if (cmark_node_get_heading_level(node) == 2)
			rc = heading_mark(body, node);
	}
	/* From the last one, so that what stands in another node is gone before that is. */
	for (size_t i = nodes.count; i-- > 0 && !rc;) {
		cmark_node *node = nodes.node[i];

		if (is_of(node, "image") || is_of(node, "link"))
			rc = figure_put(body, node, why);
	}
	free(nodes.node);
	return rc == -ENOMEM ? fail(why, ENOMEM, "out of memory") : rc;
}

static char *document_render(const struct body *body, cmark_node *document, struct reason *why)
{
	cmark_syntax_extension *table = cmark_find_syntax_extension("table");
	cmark_llist *extensions = table ? cmark_llist_append(cmark_get_default_mem_allocator(), NULL, table) : NULL;
	char *html = cmark_render_html(document, CMARK_OPT_DEFAULT, extensions), *text = NULL;
	size_t size;
	FILE *out = html ? open_memstream(&text, &size) : NULL;

	if (out) {
		contents_write(body, out);
		mended_write(html, out);
	}
	if (!out || fclose(out)) {
		fail(why, ENOMEM, "out of memory");
		free(text);
		text = NULL;
	}
	free(html);
	cmark_llist_free(cmark_get_default_mem_allocator(), extensions);
	return text;
}

char *html_body_make(const struct page *page, struct reason *why)
{
	struct body body = { .page = page };
	cmark_node *document = document_parse(page->markdown);
	int rc = document ? names_list(&body.files, page->directory, why) : fail(why, ENOMEM, "out of memory");
	char *html = NULL;

	if (!rc)
		rc = document_change(&body, document, why);
	if (!rc)
		html = document_render(&body, document, why);
	if (document)
		cmark_node_free(document);
	for (size_t i = 0; i < body.headings; i++) {
		free(body.heading[i].id);
		free(body.heading[i].text);
	}
	free(body.heading);
	names_free(&body.files);
	return html;
}
