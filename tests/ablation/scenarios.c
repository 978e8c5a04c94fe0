#include "scenarios.h"

#define FULL(entries, policy, cycles) \
	{ \
		1, entries, policy, false, cycles \
	}
#define SETS(sets, ways, policy, cycles) \
	{ \
		sets, ways, policy, false, cycles \
	}
#define HASHED(sets, ways, policy, cycles) \
	{ \
		sets, ways, policy, true, cycles \
	}
#define QUIET .noise = 0.005
#define NOISY .noise = 0.05
#define NORMAL .samples = 6
#define WALKS .growth = 15, .growth_from = 5000

const struct scenario scenarios[] = {
	/* One level, each policy and way of indexing. */
	{ "full LRU 72", { { FULL(72, LRU, 7) }, QUIET }, 1024, NORMAL },
	{ "full LRU 96, noisy", { { FULL(96, LRU, 7) }, NOISY }, 1024, NORMAL },
	{ "full PLRU 64", { { FULL(64, PLRU, 7) }, QUIET }, 1024, NORMAL },
	{ "full PLRU 32, noisy", { { FULL(32, PLRU, 7) }, NOISY }, 1024, NORMAL },
	{ "full random 72", { { FULL(72, RANDOM, 7) }, QUIET }, 1024, NORMAL },
	{ "full random 51, noisy", { { FULL(51, RANDOM, 7) }, NOISY }, 1024, NORMAL },
	{ "4-way LRU 64", { { SETS(16, 4, LRU, 7) }, QUIET }, 1024, NORMAL },
	{ "6-way LRU 96, noisy", { { SETS(16, 6, LRU, 7) }, NOISY }, 1024, NORMAL },
	{ "4-way PLRU 64", { { SETS(16, 4, PLRU, 7) }, QUIET }, 1024, NORMAL },
	{ "4-way random 64", { { SETS(16, 4, RANDOM, 7) }, QUIET }, 1024, NORMAL },
	{ "hashed 8-way LRU 88", { { HASHED(11, 8, LRU, 7) }, QUIET }, 1024, NORMAL },
	/* Two levels. */
	{ "72 + 12-way LRU 1536", { { FULL(72, LRU, 7), SETS(128, 12, LRU, 30) }, QUIET, WALKS }, 8192, NORMAL },
	{ "72 + 12-way LRU 1536, noisy", { { FULL(72, LRU, 7), SETS(128, 12, LRU, 30) }, NOISY, WALKS }, 8192, NORMAL },
	{ "64 + 8-way PLRU 1024", { { FULL(64, PLRU, 7), SETS(128, 8, PLRU, 30) }, QUIET, WALKS }, 8192, NORMAL },
	{ "64 + 16-way PLRU 2048, noisy", { { FULL(64, LRU, 7), SETS(128, 16, PLRU, 30) }, NOISY, WALKS }, 8192,
		NORMAL },
	{ "72 + 11-way random 2816", { { FULL(72, LRU, 7), SETS(256, 11, RANDOM, 40) }, QUIET, WALKS }, 16384, NORMAL },
	{ "96 + 11-way random 1408, noisy", { { FULL(96, LRU, 7), SETS(128, 11, RANDOM, 30) }, NOISY, WALKS }, 8192,
		NORMAL },
	{ "64 + hashed 12-way LRU 1200", { { FULL(64, LRU, 7), HASHED(100, 12, LRU, 30) }, QUIET, WALKS }, 8192,
		NORMAL },
	{ "64 + hashed 12-way LRU 1536, noisy", { { FULL(64, LRU, 7), HASHED(128, 12, LRU, 30) }, NOISY, WALKS }, 8192,
		NORMAL },
	{ "64 + hashed 8-way LRU 1112", { { FULL(64, LRU, 7), HASHED(139, 8, LRU, 30) }, QUIET, WALKS }, 8192, NORMAL },
	{ "64 + hashed 12-way random 1320", { { FULL(64, LRU, 7), HASHED(110, 12, RANDOM, 30) }, QUIET, WALKS }, 8192,
		NORMAL },
	{ "4-way LRU 64 + hashed 4-way random 1248",
		{ { SETS(16, 4, LRU, 7), HASHED(312, 4, RANDOM, 30) }, QUIET, WALKS }, 8192, NORMAL },
	{ "64 + 6-way LRU 1536, page tables leave a cache at 1300",
		{ { FULL(64, LRU, 7), SETS(256, 6, LRU, 40) }, QUIET, .growth = 8, .growth_from = 1300 }, 8192,
		NORMAL },
	{ "72 + 12-way random 3072, rough placements",
		{ { FULL(72, LRU, 7), SETS(256, 12, RANDOM, 40) }, QUIET, WALKS, .rough = 3, .rough_from = 1500 },
		16384, NORMAL },
	/* Three levels. */
	{ "24 + 192 + random 1536", { { FULL(24, LRU, 4), SETS(32, 6, LRU, 8), SETS(128, 12, RANDOM, 35) }, QUIET },
		8192, NORMAL },
	{ "24 + 192 + random 1536, noisy",
		{ { FULL(24, LRU, 4), SETS(32, 6, LRU, 8), SETS(128, 12, RANDOM, 35) }, NOISY }, 8192, NORMAL },
	{ "16 + hashed 128 + LRU 2048", { { FULL(16, LRU, 4), HASHED(16, 8, LRU, 8), SETS(256, 8, LRU, 35) }, QUIET },
		8192, NORMAL },
	/* Neighbours. */
	{ "96, half disturbed", { { FULL(96, LRU, 7) }, QUIET, .disturbed = 0.5 }, 1024, NORMAL },
	{ "64 + 1536, half disturbed", { { FULL(64, LRU, 7), SETS(128, 12, LRU, 30) }, QUIET, WALKS, .disturbed = 0.5 },
		8192, NORMAL },
	{ "72, bursts", { { FULL(72, LRU, 7) }, QUIET, .bursts = 0.5 }, 1024, NORMAL },
	{ "72 + random 3072, bursts", { { FULL(72, LRU, 7), SETS(256, 12, RANDOM, 40) }, QUIET, WALKS, .bursts = 0.5 },
		16384, NORMAL },
	{ "96, outliers", { { FULL(96, LRU, 7) }, .noise = 0.03, .outliers = 0.2 }, 1024, NORMAL },
	/* What is no level. */
	{ "no level, quiet", { QUIET }, 2048, NORMAL },
	{ "no level, noisy", { NOISY }, 2048, NORMAL },
	{ "no level, outliers and bursts", { .noise = 0.05, .outliers = 0.3 }, 2048, NORMAL },
	{ "no level, ten per cent", { .noise = 0.1 }, 2048, NORMAL },
	{ "no level, ten per cent, 2 samples", { .noise = 0.1 }, 2048, .samples = 2 },
	{ "no level, rough placements from 256", { QUIET, .rough = 2, .rough_from = 256 }, 4096, NORMAL },
	{ "64, rough placements from 512", { { FULL(64, LRU, 7) }, QUIET, .rough = 4, .rough_from = 512 }, 4096,
		NORMAL },
	{ "72 + random 1536, ten per cent", { { FULL(72, LRU, 7), SETS(128, 12, RANDOM, 30) }, .noise = 0.1, WALKS },
		8192, NORMAL },
	{ "64 and a data cache at 512", { { FULL(64, LRU, 7) }, .jump = 4, .jump_at = 512, .baseline_jump = 9, QUIET },
		2048, NORMAL },
	{ "64 and a data cache at 512, dear",
		{ { FULL(64, LRU, 7) }, .jump = 12, .jump_at = 512, .baseline_jump = 9, QUIET }, 2048, NORMAL },
	{ "64 and a blip at 256", { { FULL(64, LRU, 7) }, .jump = 6, .jump_at = 256, .jump_until = 300, QUIET }, 2048,
		NORMAL },
	{ "64 + 768, page tables leave a cache at 4096",
		{ { FULL(64, LRU, 7), SETS(64, 12, LRU, 40) }, .jump = 200, .jump_at = 4096, .growth = 30,
			.growth_from = 1300, QUIET },
		16384, NORMAL },
	{ "64 + 768, page tables leave a cache at 1000",
		{ { FULL(64, LRU, 7), SETS(64, 12, LRU, 30) }, .jump = 40, .jump_at = 1000, QUIET }, 8192, NORMAL },
	{ "72 + random 1536, dear jump at 16384",
		{ { FULL(72, LRU, 7), SETS(128, 12, RANDOM, 40) }, .jump = 200, .jump_at = 16384, .growth = 12,
			.growth_from = 4000, QUIET },
		32768, NORMAL },
	{ "64 + 1536, page tables leave a cache at 1024, slowly",
		{ { FULL(64, LRU, 7), SETS(128, 12, LRU, 30) }, .growth = 4, .growth_from = 1024, QUIET }, 8192,
		NORMAL },
	{ "64 + 1024, walks grow at once",
		{ { FULL(64, LRU, 7), SETS(128, 8, LRU, 20) }, .growth = 25, .growth_from = 1024, QUIET }, 16384,
		NORMAL },
	{ "64 + 1024, walks grow and jump at 3000",
		{ { FULL(64, LRU, 7), SETS(128, 8, LRU, 18) }, .jump = 15, .jump_at = 3000, .growth = 12,
			.growth_from = 1200, QUIET },
		16384, NORMAL },
	{ "64, seen once", { { FULL(64, LRU, 7) }, QUIET }, 1024, NORMAL, .vanishes = true },
	/* Little data. */
	{ "64, sweep to 72", { { FULL(64, LRU, 7) }, QUIET }, 72, NORMAL },
	{ "64, sweep to 128", { { FULL(64, LRU, 7) }, QUIET }, 128, NORMAL },
	{ "64 + hashed 1536, sweep to 2000", { { FULL(64, LRU, 7), HASHED(128, 12, LRU, 30) }, QUIET }, 2000, NORMAL },
	{ "72, medians only", { { FULL(72, LRU, 7) }, .noise = 0.02 }, 1024, .samples = 1, .sweep_only = true },
	{ "72, medians only, outliers", { { FULL(72, LRU, 7) }, .noise = 0.01, .outliers = 0.1 }, 1024, .samples = 1,
		.sweep_only = true },
	{ "64 and a small jump at 400", { { FULL(64, LRU, 7) }, QUIET, .jump = 1.5, .jump_at = 400 }, 2048, NORMAL },
	{ "72 + random 3072, medians only", { { FULL(72, LRU, 7), SETS(256, 12, RANDOM, 40) }, .noise = 0.02, WALKS },
		16384, .samples = 1, .sweep_only = true },
	{ "72 + hashed 1320, 2 samples, noisy", { { FULL(72, LRU, 7), HASHED(110, 12, LRU, 30) }, NOISY, WALKS }, 8192,
		.samples = 2 },
};

const size_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);
