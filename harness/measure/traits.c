#include "measure/traits.h"

#include "measure/point.h"

static json_t *metrics_of(const struct bench *bench)
{
	static const char *const better[] = { [NEITHER] = NULL, [LESS] = "less", [MORE] = "more" };
	json_t *all = json_object();

	for (const struct metric *metric = bench_metrics(bench); metric->name; metric++)
		json_object_set_new(all, metric->name,
			json_pack("{s:s, s:s?, s:s?, s:b, s:b}", "unit", unit_name(metric->unit), "per", metric->per,
				"better", better[metric->better], "signed", metric->signed_value, "time",
				unit_is_time(metric->unit)));
	return all;
}

static json_t *axes_of(const struct bench *bench)
{
	static const char *const kinds[AXIS_KINDS] = {
		[AXIS_COUNT] = "count",
		[AXIS_BYTES] = "bytes",
		[AXIS_PAGE_SIZE] = "page_size",
		[AXIS_CHOICE] = "choice",
	};
	json_t *all = json_object();

	for (size_t i = 0; i < bench->axis_count; i++)
		json_object_set_new(all, bench->axes[i].key,
			json_pack("{s:s, s:s}", "kind", kinds[bench->axes[i].kind], "help", bench->axes[i].help));
	return all;
}

static json_t *of_each(const struct bench *const *benches, size_t count, json_t *(*describe)(const struct bench *bench))
{
	json_t *all = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(all, benches[i]->name, describe(benches[i]));
	return all;
}

json_t *traits_of_metrics(const struct bench *const *benches, size_t count)
{
	return of_each(benches, count, metrics_of);
}

json_t *traits_of_axes(const struct bench *const *benches, size_t count)
{
	return of_each(benches, count, axes_of);
}
