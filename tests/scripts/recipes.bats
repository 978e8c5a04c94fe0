#!/usr/bin/env bats
# The recipes of docs/ARCHITECTURE.md, followed to the letter in a copy of this tree: a bench is one file, a figure is one
# folder, and nothing else has to change. Of the copy only the new bench is compiled.

setup_file() {
	root=$BATS_TEST_DIRNAME/../..
	tree=$BATS_FILE_TMPDIR/tree
	[ -x "$root/build/nestwalk" ] || skip "build/nestwalk has not been built"
	git -C "$root" ls-files --error-unmatch Makefile >/dev/null 2>&1 || skip "this is no git checkout"
	mkdir "$tree"
	# Files that are being worked on are part of it; files that were removed are not.
	(cd "$root" && git ls-files -z --cached --others --exclude-standard -- . ':!results' | while IFS= read -r -d '' file; do
		[ ! -e "$file" ] || printf '%s\0' "$file"
	done | xargs -0 cp -a --parents -t "$tree")
	mkdir "$tree/build"
	(cd "$root/build" && cp -a --parents -t "$tree/build" benches harness ./*.flags nestwalk)
	cd "$tree" || return
	git init -q
	git add -A
	git -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false commit -q --no-verify -m before
	blocks docs/ARCHITECTURE.md
	make SETUP=: build
	# Every sample may be disturbed on a busy machine: then the run is made again.
	for _ in 1 2 3 4 5; do
		rm -rf "$BATS_FILE_TMPDIR/run"
		! build/nestwalk run -b first-touch --rounds 3 -s host -o "$BATS_FILE_TMPDIR/run" || break
	done
	build/nestwalk report "$BATS_FILE_TMPDIR/run"
}

setup() {
	cd "$BATS_FILE_TMPDIR/tree" || return
	run_directory=$BATS_FILE_TMPDIR/run
}

# Write each fenced block of a page that follows a line "`FILE`:" to that file.
blocks() {
	awk '
	/^`[^`]+`:$/ { file = $0; gsub(/[`:]/, "", file); next }
	/^```/ {
		if (inside) { close(inside); inside = "" }
		else if (file) { system("mkdir -p \"$(dirname \"" file "\")\""); inside = file; file = "" }
		next
	}
	inside { print > inside }' "$1"
}

@test "a bench is a file and a page, a figure is a folder: nothing else changes" {
	run git status --porcelain --untracked-files=all
	[ "$output" = "?? benches/first-touch.c
?? docs/benches/first-touch.md
?? plots/first-touch/figure.gp
?? plots/first-touch/table.sql
?? plots/first-touch/text.md" ]
}

@test "the new bench is listed, with its question and its axis" {
	build/nestwalk list | grep -A 5 '^first-touch' | grep -q 'first touch of a page'
	build/nestwalk list --json | grep -q '"first-touch"'
}

@test "the run of the new bench is valid, and its metrics have their traits" {
	build/nestwalk check "$run_directory"
	run build/nestwalk query -f tsv "$run_directory" \
		"SELECT unit, per, better, time FROM trait WHERE bench = 'first-touch' AND metric = 'touch_ns'"
	[ "${lines[1]}" = $'ns\tpage\tless\t1' ]
	run build/nestwalk query -f tsv "$run_directory" \
		"SELECT DISTINCT faults_per_page BETWEEN 1 AND 9 FROM first_touch WHERE status = 'ok'"
	[ "${lines[1]}" = 1 ]
}

@test "its sentence, with a number, its table and its picture are in the report" {
	grep -Eq '^The first touch of a page costs [0-9.]+.* ns where [0-9]+ new pages are touched in a row\.$' \
		"$run_directory/report/report.md"
	grep -q '](first-touch\.svg)' "$run_directory/report/report.md"
	grep -q '^| host | ' "$run_directory/report/report.md"
	grep -q '</svg>' "$run_directory/report/first-touch.svg"
	grep -q '^# The first touch of a page' "$run_directory/report/first-touch.tsv"
}

@test "a recipe has at most ten lines" {
	run awk '
	/^## / { in_recipes = $0 == "## Recipes" }
	/^### / { recipe = $0 }
	in_recipes && recipe && /^([0-9]+\.|   )/ { lines[recipe]++ }
	END { for (r in lines) { number++; if (lines[r] > 10) print r ": " lines[r] " lines" } if (number != 6) print number " recipes" }' \
		docs/ARCHITECTURE.md
	[ -z "$output" ]
}
