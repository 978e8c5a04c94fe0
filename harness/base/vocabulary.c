#include "base/vocabulary.h"

#include "base/units.h"

#include <stdio.h>
#include <string.h>

/* Okabe and Ito's colours, and dark shades of the second and third of them. */
#define BLUE "#0072B2"
#define VERMILION "#D55E00"
#define GREEN "#009E73"
#define PURPLE "#CC79A7"
#define SKY_BLUE "#56B4E9"
#define DARK_VERMILION "#7A3600"
#define DARK_GREEN "#004D38"

/*
 * A colour in each of several runs. Runs differ by lightness, which black and white show, too, and keep the hue of the
 * setting, or one that is near. None is so pale that text in it cannot be read.
 */
#define SHADES 4
struct shades {
	const char *of_run[SHADES];
};
#define BLUES \
	{ \
		{ \
			BLUE, "#4FA8DC", "#0B2A4A", "#7A6FD0" \
		} \
	}
#define VERMILIONS \
	{ \
		{ \
			VERMILION, "#E8923F", "#8C1C13", "#B8487F" \
		} \
	}
#define DARK_VERMILIONS \
	{ \
		{ \
			DARK_VERMILION, "#B08055", "#331600", "#8A6F2E" \
		} \
	}
#define GREENS \
	{ \
		{ \
			GREEN, "#5FBF9B", "#00593F", "#86A32E" \
		} \
	}
#define DARK_GREENS \
	{ \
		{ \
			DARK_GREEN, "#5F9985", "#00211A", "#4F6B1E" \
		} \
	}
#define SKY_BLUES \
	{ \
		{ \
			SKY_BLUE, "#8CC4E8", "#2F6F96", "#A9A2E0" \
		} \
	}
#define PURPLES \
	{ \
		{ \
			PURPLE, "#D9A9C2", "#7D3C5C", "#A98BC4" \
		} \
	}

const char *const setting_names[SETTING_COUNT] = { "host", "host-again", "vcpu", "guest" };
const char *const backing_names[BACKING_COUNT] = {
	[BACKING_4K] = "4K",
	[BACKING_2M_THP] = "2M-thp",
	[BACKING_2M_HUGETLB] = "2M-hugetlb",
	[BACKING_1G_HUGETLB] = "1G-hugetlb",
	[BACKING_16K_THP] = "16K-thp",
	[BACKING_32K_THP] = "32K-thp",
	[BACKING_64K_THP] = "64K-thp",
	[BACKING_128K_THP] = "128K-thp",
	[BACKING_256K_THP] = "256K-thp",
	[BACKING_512K_THP] = "512K-thp",
	[BACKING_1M_THP] = "1M-thp",
};

const char *const paging_names[PAGING_COUNT] = {
	[PAGING_NATIVE] = "native",
	[PAGING_NESTED] = "nested",
	[PAGING_SHADOW] = "shadow",
	[PAGING_SOFTWARE] = "software",
};

static const struct {
	uint64_t page_bytes;
	bool hugetlb;
} backing_pages[BACKING_COUNT] = {
	[BACKING_4K] = { PAGE_4K, false },
	[BACKING_2M_THP] = { PAGE_2M, false },
	[BACKING_2M_HUGETLB] = { PAGE_2M, true },
	[BACKING_1G_HUGETLB] = { PAGE_1G, true },
	[BACKING_16K_THP] = { 16 * KIB, false },
	[BACKING_32K_THP] = { 32 * KIB, false },
	[BACKING_64K_THP] = { 64 * KIB, false },
	[BACKING_128K_THP] = { 128 * KIB, false },
	[BACKING_256K_THP] = { 256 * KIB, false },
	[BACKING_512K_THP] = { 512 * KIB, false },
	[BACKING_1M_THP] = { 1 * MIB, false },
};

static const struct {
	struct shades colour, shadow_colour;
} setting_colours[SETTING_COUNT] = {
	[SETTING_HOST] = { BLUES, BLUES },
	[SETTING_HOST_AGAIN] = { SKY_BLUES, SKY_BLUES },
	[SETTING_VCPU] = { VERMILIONS, DARK_VERMILIONS },
	[SETTING_GUEST] = { GREENS, DARK_GREENS },
};

static const struct shades unknown_colours = PURPLES;

/* Where everything was measured in one setting, shadow paging has the colour that bare vCPUs have elsewhere. */
static const struct shades paging_colours[PAGING_COUNT] = {
	[PAGING_NATIVE] = BLUES,
	[PAGING_NESTED] = SKY_BLUES,
	[PAGING_SHADOW] = VERMILIONS,
	[PAGING_SOFTWARE] = PURPLES,
};

static int name_find(const char *const *names, int count, const char *name)
{
	for (int i = 0; name && i < count; i++)
		if (names[i] && !strcmp(names[i], name))
			return i;
	return -1;
}

const char *setting_name(enum setting setting)
{
	return (unsigned)setting < SETTING_COUNT ? setting_names[setting] : NULL;
}

const char *paging_name(enum paging paging)
{
	return (unsigned)paging < PAGING_COUNT ? paging_names[paging] : NULL;
}

const char *backing_name(enum backing backing)
{
	return (unsigned)backing < BACKING_COUNT ? backing_names[backing] : NULL;
}

enum setting setting_like(enum setting setting)
{
	return setting == SETTING_HOST_AGAIN ? SETTING_HOST : setting;
}

uint64_t backing_page_bytes(enum backing backing)
{
	return backing_pages[backing].page_bytes;
}

bool backing_is_hugetlb(enum backing backing)
{
	return backing_pages[backing].hugetlb;
}

bool backing_is_mthp(enum backing backing)
{
	return page_is_mthp(backing_page_bytes(backing));
}

int setting_find(const char *name)
{
	return name_find(setting_names, SETTING_COUNT, name);
}

int paging_find(const char *name)
{
	return name_find(paging_names, PAGING_COUNT, name);
}

unsigned place_rank(const char *setting, const char *paging)
{
	int where = setting_find(setting), how = paging_find(paging);

	return (unsigned)(where < 0 ? SETTING_COUNT : where) * PAGING_COUNT +
	       (unsigned)((how < 0 ? PAGING_COUNT : how) - PAGING_NATIVE);
}

void place_label(const char *setting, const char *paging, char *label, size_t bytes)
{
	if (paging && strcmp(paging, paging_names[PAGING_NATIVE]))
		snprintf(label, bytes, "%.24s, %.16s paging", setting ? setting : "?", paging);
	else if (!paging && setting_find(setting) == SETTING_GUEST)
		snprintf(label, bytes, "%s, paging not known", setting);
	else
		snprintf(label, bytes, "%.24s", setting ? setting : "?");
}

static const char *shade_of(const struct shades *shades, unsigned run)
{
	return shades->of_run[run ? (run - 1) % SHADES : 0];
}

const char *place_colour(const char *setting, const char *paging, unsigned run)
{
	int where = setting_find(setting);

	if (where < 0)
		return shade_of(&unknown_colours, run);
	return shade_of(paging_find(paging) == PAGING_SHADOW ? &setting_colours[where].shadow_colour
							     : &setting_colours[where].colour,
		run);
}

const char *paging_colour(const char *paging, unsigned run)
{
	int how = paging_find(paging);

	return shade_of(how < 0 ? &unknown_colours : &paging_colours[how], run);
}
