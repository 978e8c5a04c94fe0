/* report/: what is drawn and said of a run, of odd runs, and where gnuplot is missing. */
#include "report/html.h"
#include "report/inferred.h"
#include "report/pairs.h"
#include "report/panels.h"
#include "report/report.h"
#include "report/text.h"
#include "test_report_run.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void panels_and_labels(void **state)
{
	struct loaded_run run;
	struct panel_set set;

	(void)state;
	load(RUNS "complete", &run);
	assert_int_equal(panels_gather(run.points, &set), 0);
	assert_int_equal(set.panels, 1);
	assert_int_equal(set.curves, 2);
	assert_string_equal(set.panel[0].name, "tlb-reach-4K-stride1");
	assert_string_equal(set.panel[0].label, "4K pages");
	assert_string_equal(set.panel[0].curve[0]->label, "host");
	assert_string_equal(set.panel[0].curve[1]->label, "vcpu, nested paging");
	assert_int_equal(set.panel[0].points, 46);
	assert_false(set.curve[0].emulated);
	panels_free(&set);
	run_unload(&run);
}

static void ratio_is_paired(void **state)
{
	struct loaded_run run;
	struct panel_set set;
	struct interval ratio;
	size_t pairs;

	(void)state;
	load(RUNS "complete", &run);
	assert_int_equal(panels_gather(run.points, &set), 0);
	struct ratio_request request = { .over = &set.curve[1],
		.under = &set.curve[0],
		.metric = "gross_cycles",
		.pages_least = 4096,
		.pages_most = 8192,
		.seed = 1 };
	assert_int_equal(ratio_of_pairs(&request, &ratio, &pairs), 0);
	assert_int_equal(pairs, 4); /* one of the four points has one sample */
	assert_true(fabs(ratio.median - 1.5) < 1e-2);
	request.pages_least = request.pages_most = NAN;
	assert_int_equal(ratio_of_pairs(&request, &ratio, &pairs), 0);
	assert_int_equal(pairs, 0);
	panels_free(&set);
	run_unload(&run);
}

static void advertised_counts_data_only(void **state)
{
	struct loaded_run run;

	(void)state;
	load(RUNS "complete", &run);
	assert_true(advertised_entries(run.about, 1, 4096) == 72);
	assert_true(advertised_entries(run.about, 2, 4096) == 2048);
	assert_true(isnan(advertised_entries(run.about, 2, 2097152)));
	assert_int_equal(advertised_levels(run.about, 4096), 2);
	assert_int_equal(advertised_levels(run.about, 1 << 30), 0);
	assert_int_equal(advertised_levels(NULL, 4096), 0);
	run_unload(&run);
}

static void levels_belong_to_their_curve(void **state)
{
	struct loaded_run run;
	struct panel_set set;
	struct level level[LEVELS_MAX];
	struct walk walk;
	json_t *inferred = json_pack(
		"{s:[{s:s, s:i, s:f, s:i, s:i, s:f},{s:s, s:i, s:i, s:i, s:f},{s:s, s:i, s:i}],s:[{s:s, s:i, s:f}]}",
		"levels", "setting", "host", "level", 2, "page_size_bytes", 4096.0, "stride_pages", 1, "entries", 2048,
		"added_cycles", 30.0, "setting", "host", "level", 1, "page_size_bytes", 4096, "entries", 72,
		"added_cycles", 7.0, "setting", "host", "stride_pages", 4, "entries", 18, "walks", "setting", "vcpu",
		"page_size_bytes", 4096, "cycles", 70.0);

	(void)state;
	assert_non_null(inferred);
	load(RUNS "complete", &run);
	assert_int_equal(panels_gather(run.points, &set), 0);
	assert_int_equal(inferred_levels(inferred, &set.curve[0], level, LEVELS_MAX), 2);
	assert_true(level[0].entries.value == 72 && level[1].entries.value == 2048);
	assert_int_equal(inferred_levels(inferred, &set.curve[0], level, 1), 1);
	assert_int_equal(inferred_levels(inferred, &set.curve[1], level, LEVELS_MAX), 0);
	assert_false(inferred_walk(inferred, &set.curve[0], &walk));
	assert_true(inferred_walk(inferred, &set.curve[1], &walk));
	assert_true(isnan(inferred_noise(inferred, &set.curve[1])));
	json_decref(inferred);
	panels_free(&set);
	run_unload(&run);
}

static void text_is_written_without_gnuplot(void **state)
{
	const struct report_request request = { .directory = directory, .plots = "tests" };
	struct loaded_run run;
	struct reason why = { "" };
	char *markdown, *html, *table;

	(void)state;
	load(RUNS "complete", &run);
	assert_int_equal(report_write(&run, &request, &why), -ENOENT);
	assert_non_null(strstr(why.text, "no gnuplot scripts in tests"));
	markdown = read_file("report.md");
	assert_non_null(strstr(markdown, "Figure not drawn: no gnuplot scripts"));
	assert_null(strstr(markdown, "!["));
	assert_non_null(strstr(markdown, "host on bare metal"));
	assert_non_null(strstr(markdown, "no 1G pages reserved"));
	assert_non_null(strstr(markdown, "1.000 [")); /* vcpu / host below the first step */
	html = read_file("report.html");
	assert_non_null(strstr(html, "<table>"));
	table = read_file("tlb-reach-4K-stride1.tsv");
	assert_non_null(strstr(table, "\ncurve\tlabel\tpass\tpages\treach_bytes\tgross_cycles\t"));
	assert_non_null(strstr(table, "\n1\thost\tsweep\t8\t32768\t4\t3.984\t4.016\t"));
	free(table);
	free(html);
	free(markdown);
	run_unload(&run);
}

static void texts_from_elsewhere_are_no_markup(void **state)
{
	struct loaded_run run;
	char *html;

	(void)state;
	load(RUNS "complete", &run);
	json_object_set_new(run.about, "host", json_string("<script>alert(1)</script> ![x](http://x/y.png)"));
	write_text_of(&run);
	html = read_file("report.html");
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "<b>"));
	assert_null(strstr(html, "src=\"http"));
	assert_non_null(strstr(html, "&lt;script&gt;"));
	free(html);
	run_unload(&run);
}

static void an_emulators_times_are_not_told(void **state)
{
	struct loaded_run run;
	char *markdown, *table;

	(void)state;
	load(RUNS "emulated", &run);
	write_text_of(&run);
	markdown = read_file("report.md");
	table = read_file("tlb-reach-4K-stride1.tsv");
	assert_null(table);
	assert_non_null(strstr(markdown, "emulated machine"));
	assert_non_null(strstr(markdown, "No figure"));
	assert_null(strstr(markdown, "an access takes"));
	assert_non_null(strstr(markdown, "| tlb-reach | vcpu | nested | 64 | 3 | 192 | 192 | 12 | 0 |"));
	free(markdown);
	run_unload(&run);
}

static void a_guest_says_so(void **state)
{
	struct loaded_run run;
	char *markdown;

	(void)state;
	load(RUNS "inside-guest", &run);
	write_text_of(&run);
	markdown = read_file("report.md");
	assert_non_null(strstr(markdown, "this host is itself a KVM guest"));
	assert_non_null(strstr(markdown, "vcpu, shadow paging"));
	free(markdown);
	run_unload(&run);
}

static void unfinished_runs_say_so(void **state)
{
	static const char *const runs[] = { RUNS "truncated", RUNS "killed", RUNS "empty" };

	(void)state;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct loaded_run run;
		char *markdown;

		load(runs[i], &run);
		write_text_of(&run);
		markdown = read_file("report.md");
		assert_non_null(strstr(markdown, "has not finished"));
		assert_true(!strstr(markdown, "cut off") == !run.truncated);
		free(markdown);
		run_unload(&run);
	}
}

static void wrong_kinds_do_not_crash(void **state)
{
	struct loaded_run run;
	json_t *point;

	(void)state;
	load(RUNS "killed", &run);
	point = json_array_get(run.points, 1);
	with_every_value_wrong(run.about, write_text_of, &run);
	with_every_value_wrong(json_object_get(run.about, "machine"), write_text_of, &run);
	with_every_value_wrong(point, write_text_of, &run);
	with_every_value_wrong(json_object_get(point, "params"), write_text_of, &run);
	with_every_value_wrong(json_object_get(point, "metrics"), write_text_of, &run);
	with_every_value_wrong(json_object_get(point, "samples"), write_text_of, &run);
	run_unload(&run);
}

static void images_become_part_of_the_page(void **state)
{
	static const char *const images[] = { "a.svg" };
	char *svg = run_file(directory, "a.svg"), *html = run_file(directory, "x.html"), *text;
	const struct page page = { .title = "t<i>",
		.markdown = "![what](a.svg) ![other](b.svg)\n\n<script>x</script>\n",
		.directory = directory,
		.embedded = images,
		.images = 1 };
	struct reason why = { "" };
	FILE *file = fopen(svg, "w");

	(void)state;
	assert_non_null(file);
	fputs("<svg/>", file);
	fclose(file);
	assert_int_equal(html_write(html, &page, &why), 0);
	text = read_file("x.html");
	assert_non_null(strstr(text, "<img src=\"data:image/svg+xml;base64,PHN2Zy8+\" alt=\"what\" />"));
	assert_non_null(strstr(text, "<img src=\"\" alt=\"other\" />"));
	assert_non_null(strstr(text, "t&#60;i&#62;"));
	assert_null(strstr(text, "<script>"));
	free(text);
	unlink(svg);
	assert_int_equal(html_write(html, &page, &why), -EIO);
	free(svg);
	free(html);
}

static void unwritable_directories(void **state)
{
	struct loaded_run run;
	struct reason why = { "" };
	struct report_request request = { .directory = "/proc/nestwalk" };

	(void)state;
	load(RUNS "killed", &run);
	assert_true(report_write(&run, &request, &why) < 0);
	assert_non_null(strstr(why.text, "/proc/nestwalk"));
	request.directory = "Makefile";
	assert_int_equal(report_write(&run, &request, &why), -EEXIST);
	assert_non_null(strstr(why.text, "cannot make the directory Makefile"));
	run_unload(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(panels_and_labels),
		TEST(ratio_is_paired),
		TEST(advertised_counts_data_only),
		TEST(levels_belong_to_their_curve),
		TEST(text_is_written_without_gnuplot),
		TEST(texts_from_elsewhere_are_no_markup),
		TEST(an_emulators_times_are_not_told),
		TEST(a_guest_says_so),
		TEST(unfinished_runs_say_so),
		TEST(wrong_kinds_do_not_crash),
		TEST(images_become_part_of_the_page),
		TEST(unwritable_directories),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
