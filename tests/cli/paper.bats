#!/usr/bin/env bats
# nestwalk report --paper: figures of the widths of a column and of a page, and what to cite.
# shellcheck disable=SC2154 # $stderr is set by run

bats_require_minimum_version 1.5.0

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	out=$BATS_TEST_TMPDIR/report
	export NESTWALK_PLOTS=$BATS_TEST_DIRNAME/../../plots
}

paper() {
	run --separate-stderr "$nestwalk" report --paper "$runs/$1" -o "$out"
	echo "$output$stderr"
	[ "$status" -eq 0 ]
	[ "$output" = "$out/report.html" ]
}

need() {
	command -v "$1" >/dev/null || skip "no $1 (poppler-utils)"
}

@test "each figure is a PDF and an SVG as wide as a page, and as a column or refused with a reason" {
	for name in complete laboratory guests storms; do
		rm -rf "$out"
		paper $name
		[ -n "$(find "$out" -name '*.svg')" ]
		for figure in "$out"/*.png; do
			figure=$(basename "$figure" .png)
			for mm in 85 175; do
				for format in pdf svg; do
					[ -s "$out/paper/$figure-${mm}mm.$format" ] || grep -q "^nestwalk: $figure is not drawn $mm mm wide: ...*" <<<"$stderr"
				done
			done
			[ -s "$out/paper/$figure-175mm.pdf" ]
		done
		[ "$(find "$out/paper" -name '*-85mm.pdf' | wc -l)" -gt 0 ]
	done
}

@test "without --paper there is no folder for it" {
	"$nestwalk" report "$runs/complete" -o "$out"
	[ ! -e "$out/paper" ]
}

@test "a figure that is refused leaves none of an earlier report" {
	mkdir -p "$out/paper"
	echo old >"$out/paper/tlb-reach-4K-stride1-85mm.pdf"
	echo old >"$out/paper/tlb-reach-4K-stride1-85mm.svg"
	paper complete
	[[ "$stderr" == *"tlb-reach-4K-stride1 is not drawn 85 mm wide"* ]]
	[ ! -e "$out/paper/tlb-reach-4K-stride1-85mm.pdf" ]
	[ ! -e "$out/paper/tlb-reach-4K-stride1-85mm.svg" ]
}

@test "pages have the widths that were asked for, and no more than a page's height" {
	need pdfinfo
	paper laboratory
	for file in "$out"/paper/*.pdf; do
		width=${file##*-} width=${width%mm.pdf}
		# A point is 1/72 of an inch.
		pdfinfo "$file" | awk -v mm="$width" '/^Page size/ { width = $3 * 25.4 / 72; height = $5 * 25.4 / 72 } /^Pages/ { pages = $2 }
			END { exit !(width > mm - 0.5 && width < mm + 0.5 && height > 20 && height < 235 && pages == 1) }'
		grep -q "<svg width=\"${width}mm\" height=\"[0-9.]*mm\"" "${file%.pdf}.svg"
	done
}

@test "a PDF has its letters in it, and none smaller than 6 pt" {
	need pdffonts
	for name in complete laboratory storms; do
		rm -rf "$out"
		paper $name
		for file in "$out"/paper/*.pdf; do
			# Each row below the two of the head is a font: emb is the last column but four.
			pdffonts "$file" | awk 'NR > 2 { fonts++; if ($(NF - 4) != "yes") bad = 1 } END { exit bad || !fonts }'
			# A line of DejaVu Sans is 1.164 times as high as its font; turned text is as wide, and is left out.
			pdftotext -bbox "$file" - | sed -nE 's/.*xMin="([0-9.]+)" yMin="([0-9.]+)" xMax="([0-9.]+)" yMax="([0-9.]+)">(.*)<\/word>/\1 \2 \3 \4 \5/p' |
				awk -v file="$file" '$3 - $1 > $4 - $2 && ($4 - $2) / 1.164 < 5.9 { print file, $0; bad = 1 } END { exit bad }'
		done
	done
}

@test "lines of a figure on paper differ without colours, too" {
	paper walks
	# Two places of one figure have lines of two kinds, dashed ones among them.
	[ "$(grep -c 'stroke-dasharray' "$out/paper/walk-cache-175mm.svg")" -gt 0 ]
	[ "$(grep -c "stroke-dasharray" "$out/walk-cache.svg")" -eq 0 ]
}

@test "what to cite, with the facts of the run" {
	paper complete
	grep -q 'nestwalk 0.1.0 on Example_CPU 72-entry <b> ' "$out/paper/method.txt"
	grep -q ' on 2026-11-22, at effort quick with the seed ' "$out/paper/method.txt"
	grep -Eq ': [0-9]+ points of 1 benchmarks, [0-9]+ to [0-9]+ samples a point' "$out/paper/method.txt"
	# LaTeX gives these a meaning.
	grep -qF 'title = "Costs of address translation on Example\_CPU 72-entry <b>"' "$out/paper/nestwalk.bib"
	[ "$(grep -c '^@misc{ ' "$out/paper/nestwalk.bib")" -eq 2 ]
	run ! grep -F '{{' "$out/paper/nestwalk.bib" "$out/paper/method.txt"
	[ "$(tr -cd '{' <"$out/paper/nestwalk.bib" | wc -c)" -eq "$(tr -cd '}' <"$out/paper/nestwalk.bib" | wc -c)" ]
}

@test "the version to cite is the program's" {
	version=$("$nestwalk" --version)
	grep -qx "version: ${version#nestwalk }" "$BATS_TEST_DIRNAME/../../CITATION.cff"
}
