/* Memory of page tables: what the hypervisor adds, against processes, with the formulas of the paging modes. */
#include "base/units.h"
#include "report/figure.h"
#include "report/huge.h"
#include "report/lanes.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "table-memory"
#define VMS_MAX 16
#define PROCESSES_MAX 64

static const char *const axes[] = { "vms", "processes", "page_size_bytes", "backing", "memory", NULL };

static const char *const memories[] = { "shared", "own" };

#define MEMORIES (sizeof(memories) / sizeof(memories[0]))

static bool is_hypervisors(const json_t *point)
{
	return number_at(point, "params.vms") > 0 && number_at(point, "params.processes") > 0 &&
	       string_at(point, "params.memory") && string_at(point, "params.backing") &&
	       isfinite(metric_at(point, "expected_shadow_bytes").value);
}

static bool is_native(const json_t *point)
{
	return number_at(point, "params.processes") > 0 && string_at(point, "params.backing") &&
	       isfinite(metric_at(point, "table_bytes").value);
}

struct subject {
	const struct report *report;
	struct lanes lanes, native;
	struct combination combination[COMBINATIONS_MAX];
	double vms[VMS_MAX], processes[PROCESSES_MAX];
	size_t combinations, vm_counts, process_counts;
};

/* What a point is of: which memory, how many VMs, how many processes in each. */
struct place {
	const struct combination *combination;
	const char *memory;
	double vms, processes;
};

static const json_t *point_of(const struct lane *lane, const struct place *place)
{
	size_t i;
	json_t *point;

	json_array_foreach (lane->points, i, point) {
		if (number_at(point, "params.vms") == place->vms &&
			number_at(point, "params.processes") == place->processes &&
			number_at(point, "params.page_size_bytes") == place->combination->page_bytes &&
			text_is(point, "params.backing", place->combination->backing) &&
			text_is(point, "params.memory", place->memory))
			return point;
	}
	return NULL;
}

static int gather(struct subject *subject)
{
	int rc = lanes_gather(subject->report->run->points, is_hypervisors, axes, &subject->lanes);

	if (rc)
		return rc;
	rc = lanes_gather(subject->report->run->points, is_native, axes, &subject->native);
	if (rc) {
		lanes_free(&subject->lanes);
		return rc;
	}
	subject->combinations = huge_combinations(&subject->lanes, subject->combination);
	subject->vm_counts = lanes_numbers(&subject->lanes, "params.vms", subject->vms, VMS_MAX);
	subject->process_counts = lanes_numbers(&subject->lanes, "params.processes", subject->processes, PROCESSES_MAX);
	return 0;
}

static void write_row(FILE *table, const struct subject *subject, size_t lane_index, const struct place *place)
{
	const struct lane *lane = &subject->lanes.lane[lane_index];
	const json_t *point = point_of(lane, place);
	size_t vm = 0;

	if (!point)
		return;
	while (subject->vms[vm] != place->vms)
		vm++;
	fprintf(table, "%zu\t%s\t", lane_index + 1, lane->label);
	table_text(table, lane->paging);
	fprintf(table, "\t%s\t%zu\t%s\t%s\t%zu\t%.7g\t%.7g\t%.7g", lane->emulated ? "yes" : "no",
		(size_t)(place->combination - subject->combination) + 1, place->combination->label, place->memory,
		vm + 1, place->vms, place->processes, place->vms * place->processes);
	table_estimate(table, metric_at(point, "hypervisor_table_bytes"));
	fputc('\t', table);
	table_number(table, metric_at(point, "guest_table_bytes").value);
	fputc('\t', table);
	table_number(table, metric_at(point, "expected_nested_bytes").value);
	fputc('\t', table);
	table_number(table, metric_at(point, "expected_shadow_bytes").value);
	fputc('\n', table);
}

static int write_table(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME, why);

	if (!table)
		return -EIO;
	fprintf(table,
		"# Memory of page tables: what the hypervisor added, and what the formula of each paging mode says.\n"
		"# memory: shared: the processes of a VM map the same memory; own: each its own. vm: rank of vms.\n"
		"lane\tlabel\tpaging\temulated\tcombination\twhat\tmemory\tvm\tvms\tprocesses\ttrees\thypervisor_bytes\thypervisor_bytes_lo\thypervisor_bytes_hi\tguest_bytes\texpected_nested_bytes\texpected_shadow_bytes\n");
	/* Processes innermost: a line of the picture is an unbroken run of rows. */
	for (size_t lane = 0; lane < subject->lanes.count; lane++) {
		for (size_t i = 0; i < subject->combinations * MEMORIES * subject->vm_counts; i++) {
			struct place place = {
				.combination = &subject->combination[i / subject->vm_counts / MEMORIES],
				.memory = memories[i / subject->vm_counts % MEMORIES],
				.vms = subject->vms[i % subject->vm_counts],
			};

			for (size_t p = 0; p < subject->process_counts; p++) {
				place.processes = subject->processes[p];
				write_row(table, subject, lane, &place);
			}
		}
	}
	return table_close(subject->report, NAME, table, why);
}

/* The point with most address spaces in all. */
static const json_t *largest(const struct subject *subject, const struct lane *lane, struct place place)
{
	const json_t *found = NULL;
	double most = 0;

	for (size_t v = 0; v < subject->vm_counts; v++) {
		for (size_t p = 0; p < subject->process_counts; p++) {
			const json_t *point;

			place.vms = subject->vms[v];
			place.processes = subject->processes[p];
			point = point_of(lane, &place);
			if (point && place.vms * place.processes >= most) {
				most = place.vms * place.processes;
				found = point;
			}
		}
	}
	return found;
}

static void explain_largest(FILE *text, const struct lane *lane, const struct place *place, const json_t *point)
{
	double bytes = metric_at(point, "hypervisor_table_bytes").value;

	fprintf(text, "| %s | %s, %s | %s × %s | %s | %s | %s | %s | %s |\n", lane->label, place->combination->label,
		place->memory, count_text(number_at(point, "params.vms")).text,
		count_text(number_at(point, "params.processes")).text,
		bytes_text(metric_at(point, "guest_table_bytes").value).text,
		isfinite(bytes) ? bytes_text(bytes).text : "not known",
		bytes_text(metric_at(point, "expected_nested_bytes").value).text,
		bytes_text(metric_at(point, "expected_shadow_bytes").value).text,
		isfinite(bytes) ? bytes_text(metric_at(point, "hypervisor_bytes_per_gib").value).text : "not known");
}

/* How far the farthest point of a lane lies from the formula of its paging mode. */
static void explain_fit(FILE *text, const struct lane *lane)
{
	const char *formula = lane->paging && !strcmp(lane->paging, "nested")	? "expected_nested_bytes"
			      : lane->paging && !strcmp(lane->paging, "shadow") ? "expected_shadow_bytes"
										: NULL;
	double worst = 0;
	size_t points = 0, i;
	json_t *point;

	json_array_foreach (lane->points, i, point) {
		double off = metric_at(point, "hypervisor_table_bytes").value /
				     metric_at(point, formula ? formula : "").value -
			     1;

		if (!isfinite(off))
			continue;
		points++;
		if (fabs(off) > fabs(worst))
			worst = off;
	}
	if (!formula || !points)
		return;
	fprintf(text, "- **%s**: %zu points were held against the %s formula", lane->label, points, lane->paging);
	if (fabs(worst) < 1e-4)
		fprintf(text, ", and all of them meet it.\n");
	else
		fprintf(text, "; the farthest is %s %% %s it.\n", number_text(100 * fabs(worst)).text,
			worst < 0 ? "below" : "above");
}

/* Where there was no hypervisor: page tables of so many processes. */
static void explain_native(FILE *text, const struct subject *subject)
{
	size_t k;
	json_t *point;

	if (subject->native.count)
		fprintf(text,
			"\nNatively, page tables as the kernel counts them (VmPTE), most processes of each kind:\n\n");
	for (size_t i = 0; i < subject->native.count; i++) {
		struct combination kinds[COMBINATIONS_MAX];
		const struct lanes one = { &subject->native.lane[i], 1 };
		size_t count = huge_combinations(&one, kinds);

		for (size_t c = 0; c < count; c++) {
			const json_t *most = NULL;

			json_array_foreach (one.lane->points, k, point) {
				if (number_at(point, "params.page_size_bytes") == kinds[c].page_bytes &&
					text_is(point, "params.backing", kinds[c].backing) &&
					(!most || number_at(point, "params.processes") >
							  number_at(most, "params.processes")))
					most = point;
			}
			if (most)
				fprintf(text,
					"- **%s**, %s: %s processes take %s (leaf tables by the formula: %s), %s a GiB mapped.\n",
					one.lane->label, kinds[c].label,
					count_text(number_at(most, "params.processes")).text,
					bytes_text(metric_at(most, "table_bytes").value).text,
					bytes_text(metric_at(most, "expected_bytes").value).text,
					bytes_text(metric_at(most, "bytes_per_gib").value).text);
		}
	}
}

static char *explain(const struct subject *subject)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"Each process of each VM has a tree of page tables in its guest. The hypervisor adds a tree for each VM under nested paging, and one for each process under shadow paging: 4 VMs of 10 processes make 40 + 4 = 44 trees, or 40 + 40 = 80. Trees are not bytes: where the processes of a VM map the same memory (*shared*), bytes follow the trees; where each has its *own*, the nested tree covers all of it. Marks are what the hypervisor's tables were measured to take, lines what the formulas say. With most processes:\n\n"
		"| setting | pages, memory | VMs × processes | guests' tables | hypervisor's, measured | nested formula | shadow formula | measured, a GiB mapped |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
	for (size_t lane = 0; lane < subject->lanes.count; lane++) {
		for (size_t i = 0; i < subject->combinations * MEMORIES; i++) {
			const struct place place = { .combination = &subject->combination[i / MEMORIES],
				.memory = memories[i % MEMORIES] };
			const json_t *point = largest(subject, &subject->lanes.lane[lane], place);

			if (point)
				explain_largest(text, &subject->lanes.lane[lane], &place, point);
		}
	}
	fputc('\n', text);
	for (size_t lane = 0; lane < subject->lanes.count; lane++)
		explain_fit(text, &subject->lanes.lane[lane]);
	explain_native(text, subject);
	return text_finish(text, &markdown);
}

static int add_figure(struct report *report, const struct subject *subject, struct reason *why)
{
	int rc = write_table(subject, why);

	if (rc)
		return rc;
	return figure_add_words(report,
		&(struct figure_words){
			.name = NAME,
			.heading = "Memory of page tables",
			.title = "What page tables the hypervisor adds, by processes and paging mode",
			.alt = "Memory of the hypervisor's page tables against VMs times processes, with formulas",
		},
		explain(subject), why);
}

static int prepare(struct report *report, struct reason *why)
{
	struct subject subject = { .report = report };
	int rc = gather(&subject);

	if (rc)
		return fail(why, ENOMEM, "out of memory");
	if (subject.combinations && subject.vm_counts && subject.process_counts)
		rc = add_figure(report, &subject, why);
	lanes_free(&subject.lanes);
	lanes_free(&subject.native);
	return rc;
}

const struct figure_family tables_family = { .prepare = prepare };
