#!/usr/bin/env bats
# The pages of nestwalk in a browser (tests/browser/check.html). Measures nothing.

bats_require_minimum_version 1.5.0

setup_file() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	export NESTWALK_PLOTS=$BATS_TEST_DIRNAME/../../plots
	results=$BATS_FILE_TMPDIR/results
	mkdir "$results"
	cp -r "$runs"/{complete,laboratory,bad-schema,all-skipped} "$results"
	jq '.machine.cpu.name = "<script>x" + "y" * 3000' "$runs/truncated/run.json" >"$results/run.json.new"
	cp -r "$runs/truncated" "$results"
	mv "$results/run.json.new" "$results/truncated/run.json"
	echo 'compare: complete truncated' >"$results/site.conf"
	"$nestwalk" site --formats svg "$results" 2>/dev/null || [ -s "$results/site/index.html" ]
	"$nestwalk" report "$runs/laboratory" -o "$BATS_FILE_TMPDIR/report" >/dev/null
}

setup() {
	site=$BATS_FILE_TMPDIR/results/site
	for browser in chromium chromium-browser google-chrome ''; do
		! type -P "$browser" >/dev/null || break
	done
	[ "$browser" ] || skip "no Chromium (scripts/setup browser)"
}

# look WIDTH light|dark PAGE...: what the browser finds wrong is in $wrong, and where the pages lead to in $links.
look() {
	local dir=$BATS_TEST_TMPDIR/look dark=1

	[ "$2" = light ] || dark=0
	mkdir -p "$dir"
	cp "$BATS_TEST_DIRNAME/../browser/check.html" "$dir"
	{
		echo "const width = $1, pages = ["
		printf '"file://%s",\n' "${@:3}"
		echo "];"
	} >"$dir/pages.js"
	timeout 120 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$dir/profile" --allow-file-access-from-files \
		--blink-settings=preferredColorScheme=$dark --enable-logging=stderr --dump-dom "file://$dir/check.html" \
		>"$dir/dom" 2>"$dir/said" </dev/null
	wrong=$(sed -n 's/^<pre id="wrong">//; /^<pre id="links">/q; /^file:/,/<\/pre>/p; /^not looked/p' "$dir/dom" | sed 's/<\/pre>//')
	wrong+=$(grep CONSOLE "$dir/said" || :)
	links=$(sed -n '/^<pre id="links">/,/<\/pre>/p' "$dir/dom" | sed 's/<pre id="links">//; s/<\/pre>//')
	grep -q 'id="links"' "$dir/dom"
}

pages() {
	find "$site" "$BATS_FILE_TMPDIR/report" -name '*.html'
}

# fine WIDTH SCHEME: nothing is wrong with any page.
fine() {
	mapfile -t all < <(pages)
	[ "${#all[@]}" -gt 15 ]
	look "$1" "$2" "${all[@]}"
	echo "$wrong"
	[ -z "$wrong" ]
}

@test "on a phone, light: pictures load, nothing is too wide, text can be read, and every link leads somewhere" {
	fine 360 light
	[ "$(wc -l <<<"$links")" -gt 80 ]
	while IFS= read -r link; do
		[ -s "$link" ] || { echo "leads nowhere: $link" && false; }
	done <<<"$links"
}

@test "on a phone, dark" {
	fine 360 dark
}

@test "on a desk" {
	fine 1200 light
}

@test "what is wrong with a page is seen" {
	page=$BATS_TEST_TMPDIR/page.html
	cat >"$page" <<-'HTML'
		<!DOCTYPE html><html><head><title>x</title></head><body>
		<h1>One</h1><h3>Three</h3><img src="missing.svg"><p style="width:500px">wide</p><p style="color:#999;background:#fff">faint</p>
		<a href="#nowhere">x</a><a href="missing.html">y</a><a href="https://example.org/">z</a>
		<div style="overflow:auto;width:100px"><p style="width:200px">w</p></div><p id="a"></p><p id="a"></p>
		<table><tr><th>head</th></tr></table><script>console.error("broken")</script></body></html>
	HTML
	look 360 light "$page"
	echo "$wrong"
	for what in 'no picture' 'no words' 'pixels wide' 'contrast of only' 'leads nowhere: #nowhere' 'is not on its own: https' \
		'the keyboard does not reach it' 'skips a level' 'an id twice: a' 'a language' 'without a scope' 'has a script' broken; do
		[[ "$wrong" == *"$what"* ]]
	done
	[ "$(sort <<<"$links")" = "$BATS_TEST_TMPDIR/missing.html"$'\n'"$BATS_TEST_TMPDIR/missing.svg" ]
}
