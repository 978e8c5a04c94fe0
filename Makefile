# nestwalk: `make bench` measures, `make test` tests, `make help` lists the rest.
# One non-recursive makefile; everything it makes is under $(BUILD) and results/. `make V=1` shows the commands.

PREFIX ?= /usr/local
BUILD ?= build
EFFORT ?= normal
CFLAGS ?= -O2 -g
SANITIZE ?=
# The command that installs missing compilers, libraries and tools. `make SETUP=:` skips it.
SETUP ?= scripts/setup

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

# The program reads files of strangers, and often runs as root. `make HARDENING=` builds without, for a compiler that lacks some
# of it. It costs no measured loop anything: those are in assembly.
HARDENING ?= $(if $(filter -O%,$(filter-out -O0,$(CFLAGS))),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(FORTIFY)) -fPIE \
	-fstack-protector-strong -fstack-clash-protection
HARDENING_LINK ?= $(if $(HARDENING),-pie -Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now)
# Level 3 came with GCC 12 and glibc 2.35; older ones have 2.
FORTIFY ?= 3
comma := ,

# A newer compiler may have more warnings: `make WERROR=` builds in spite of them.
WERROR ?= -Werror
# GCC's warnings about truncation change with -O, and a reason that is too long is cut on purpose.
WARNINGS := -Wall -Wextra -Wmissing-prototypes -Wwrite-strings -Wshadow -Wno-format-truncation $(WERROR)
PACKAGES := jansson gsl hwloc sqlite3 libcmark-gfm
# pkg-config may be missing until $(SETUP) has run. So it is called at the first use, which is in a recipe, and only
# once.
package_cflags = $(eval package_cflags := $(shell pkg-config --cflags $(PACKAGES)))$(package_cflags)
package_libs = $(eval package_libs := $(shell pkg-config --libs $(PACKAGES)))$(package_libs)

compile = $(CC) -std=c17 -D_GNU_SOURCE -Iharness $(package_cflags) $(WARNINGS) $(defines) -MMD -MP \
	$(CPPFLAGS) $(CFLAGS) $(HARDENING) $(SANITIZE)
link = $(CC) $(CFLAGS) $(HARDENING_LINK) $(SANITIZE) $(LDFLAGS)
# libpfm4 has no .pc file on Debian 12. The .pc file of cmark-gfm also names its extensions.
# argp is part of the GNU C library; with musl it is a library of its own.
argp_lib = $(eval argp_lib := $(if $(findstring musl,$(shell $(CC) -dumpmachine)),-largp))$(argp_lib)
libs = $(package_libs) -lpfm $(argp_lib) -lpthread -lm

object = $(patsubst %,$(BUILD)/%.o,$(basename $(1)))
SOURCES := $(sort $(wildcard harness/*/*.c harness/*/*.S benches/*.c))
OBJECTS := $(call object,$(SOURCES))
# The objects that unit tests link: all but the command line, which prints and exits, and is tested as a program.
LIBRARY := $(call object,$(filter-out harness/cmd/%,$(SOURCES)))

# Each file tests/unit/test_*.c is a test program. Other files there are linked to each test program.
UNIT_SOURCES := $(sort $(wildcard tests/unit/*.c))
UNIT_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(filter tests/unit/test_%,$(UNIT_SOURCES)))
UNIT_COMMON := $(call object,$(filter-out tests/unit/test_%,$(UNIT_SOURCES)))
# What `make ablation` runs: level inference with its constants made variables (harness/infer/tuned.h). The files that put
# what is inferred into a database have no such constants.
ABLATION_SOURCES := $(sort $(shell grep -L '^\#include "record/' harness/infer/*.c) $(wildcard harness/base/*.c tests/ablation/*.c))
ABLATION_OBJECTS := $(patsubst %.c,$(BUILD)/ablation/%.o,$(ABLATION_SOURCES))
SCRIPT_TESTS := $(sort $(wildcard tests/scripts/*.bats))
# Tests that measure run last and one by one: they take memory and huge pages that other tests would miss, they say more
# on a quiet machine, and where a faster test has failed they say little.
LIVE_TESTS := $(sort $(wildcard tests/cli/live_*.bats))
CLI_TESTS := $(filter-out $(LIVE_TESTS),$(sort $(wildcard tests/cli/*.bats)))
EMULATED_TESTS := $(sort $(wildcard tests/emulated/*.bats))

quote = '$(subst ','\'',$(1))'
say = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2);)

.PHONY: all
all: build ## build it (the default)

.PHONY: build
build: $(BUILD)/nestwalk

$(BUILD)/nestwalk: $(OBJECTS) $(BUILD)/link.flags
	$(call say,LINK,$@)$(link) -o $@ $(OBJECTS) $(libs)

$(BUILD)/%.o: %.c $(BUILD)/compile.flags
	$(call say,CC,$<)mkdir -p $(@D) && $(compile) -c -o $@ $<

$(BUILD)/%.o: %.S $(BUILD)/compile.flags
	$(call say,AS,$<)mkdir -p $(@D) && $(compile) -c -o $@ $<

$(call object,$(UNIT_SOURCES)): | setup-test

$(UNIT_PROGRAMS): %: %.o $(UNIT_COMMON) $(LIBRARY) $(BUILD)/link.flags
	$(call say,LINK,$@)$(link) -o $@ $< $(UNIT_COMMON) $(LIBRARY) -lcmocka $(libs)

# The installed program finds its plots here; run from the source tree, it finds those of the tree.
$(BUILD)/harness/report/%.o: private defines = -DNESTWALK_DATADIR='"$(PREFIX)/share/nestwalk"'
$(filter $(BUILD)/harness/report/%,$(LIBRARY)): $(BUILD)/prefix.flags

# A target is made again when its compiler flags or its objects change: these files then change, too.
flags_compile = $(compile)
flags_link = $(link) $(OBJECTS) $(UNIT_COMMON) $(libs)
flags_prefix = $(PREFIX)
.PRECIOUS: $(BUILD)/%.flags
$(BUILD)/%.flags: always | setup
	@mkdir -p $(@D) && printf '%s\n' $(call quote,$(flags_$*)) >$@.new && \
		if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

.PHONY: always
always:

-include $(patsubst %.o,%.d,$(OBJECTS) $(call object,$(UNIT_SOURCES)) $(ABLATION_OBJECTS))

# Setups run one after the other, as two package managers at once would wait for each other.
.PHONY: setup setup-test setup-lint setup-guest
setup:
	@$(SETUP) build
setup-test: setup
	@$(SETUP) test
setup-lint:
	@$(SETUP) lint
setup-guest: setup
	@$(SETUP) guest

# A Linux guest is part of a full run where KVM can boot one. Without QEMU or a kernel there is no guest.
.PHONY: bench
bench: build ## measure this machine (EFFORT=quick|normal|thorough) and draw the report
	@[ $(EFFORT) = quick ] || [ ! -w /dev/kvm ] || [ -d /sys/module/kvm_pvm ] || $(MAKE) --no-print-directory guest-image || :
	@run="results/$$(uname -n)/$$(date -u +%Y%m%dT%H%M%SZ)"; \
	$(BUILD)/nestwalk run --effort $(EFFORT) -o "$$run"; code=$$?; \
	[ -s "$$run/points.jsonl" ] || exit $$code; \
	$(BUILD)/nestwalk tlb "$$run" && $(BUILD)/nestwalk report "$$run" && \
	printf '\nThe answer, with figures: %s\n' "$$run/report/report.html" && exit $$code

# Each half is a run of its own beside the joined run, so that a finished half is never lost.
.PHONY: bench-paging
bench-paging: guest-image ## the same under nested and under shadow paging (as root: it reloads KVM, and restores it)
	@run="results/$$(uname -n)/$$(date -u +%Y%m%dT%H%M%SZ)"; \
	scripts/kvm-paging with nested $(BUILD)/nestwalk run --effort $(EFFORT) -s host,vcpu,guest -o "$$run-nested" && \
	scripts/kvm-paging with shadow $(BUILD)/nestwalk run --effort $(EFFORT) -s vcpu,guest -o "$$run-shadow" && \
	$(BUILD)/nestwalk merge "$$run-nested" "$$run-shadow" -o "$$run" && $(BUILD)/nestwalk report "$$run" && \
	printf '\nThe comparison, with figures: %s\n' "$$run/report/report.html"

# The newest run of this tree that is not the committed example, unless there is no other.
RUN ?= $(shell ls -t results/*/*/run.json results/*/run.json 2>/dev/null | \
	awk '/^results\/reference\// { example = $$0; next } { print; exit } END { if (NR && example) print example }' | \
	sed -n '1s,/run.json$$,,p')

.PHONY: report plots
report plots: build ## draw the report of a run again (RUN=DIRECTORY, otherwise the newest)
	@run=$(call quote,$(RUN)); \
	if [ ! "$$run" ]; then echo 'no run in results/: `make bench` makes one, or say RUN=DIRECTORY' >&2; exit 1; fi; \
	$(BUILD)/nestwalk report "$$run" && printf 'The report: %s\n' "$$run/report/report.html"

.PHONY: publish
publish: build ## make pages of all runs in results/, and an index of them, in results/site
	@$(BUILD)/nestwalk site results

# The example's page, which README links to, is committed. Whatever changes it commits the new one.
.PHONY: reference-site
reference-site: build
	@$(BUILD)/nestwalk site --formats svg --plots docs/reference/plots -o docs/reference results/reference

.PHONY: env
env: build ## describe this machine, and what nestwalk can measure on it
	@$(BUILD)/nestwalk env

# Linux guests: a kernel, as a package that is unpacked and not installed, and an initramfs.
export GUEST := $(BUILD)/guest
.PHONY: guest-image
guest-image: build setup-guest ## what Linux guests boot from, in build/guest/image (KERNEL=VMLINUZ)
	@guest-images/build -m kvm-amd -m kvm-intel -p $(BUILD)/nestwalk $(GUEST)/image && \
	printf 'A kernel and its initramfs: %s\n' $(GUEST)/image

# The same sources with every memory error and undefined operation fatal.
SANITIZED := $(BUILD)/sanitize
in_sanitized = $(MAKE) --no-print-directory BUILD=$(SANITIZED) SETUP=: \
	CFLAGS='-O1 -g -fno-omit-frame-pointer' HARDENING= SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all'

.PHONY: test-programs
test-programs: build $(UNIT_PROGRAMS) | setup-test

.PHONY: sanitized
sanitized: | setup-test
	+@$(in_sanitized) test-programs

run_live = -j 1 NESTWALK=$(BUILD)/nestwalk $(LIVE_TESTS)

# Without QEMU or a kernel, the tests that need them are skipped with the reason. They are fetched before those tests
# run, because fetching is no part of a test's time limit.
get_emulator = { $(SETUP) guest && guest-images/kernel >/dev/null; } || :
# Without a browser, which not every distribution has as a package, its tests are skipped, too.
get_browser = $(SETUP) browser || :
# An emulated machine takes up to 3 GiB and a CPU, so two run at a time.
run_emulated = -j 2 NESTWALK=$(BUILD)/nestwalk $(EMULATED_TESTS)

.PHONY: test
test: test-programs sanitized $(BUILD)/ablation/ablation ## all tests: unit, command line, short real runs, plain and sanitized; emulated machines
	@$(get_emulator)
	@$(get_browser)
	@scripts/test $(UNIT_PROGRAMS) $(UNIT_PROGRAMS:$(BUILD)/%=$(SANITIZED)/%) $(SCRIPT_TESTS) \
		NESTWALK=$(BUILD)/nestwalk $(CLI_TESTS) NESTWALK=$(SANITIZED)/nestwalk $(CLI_TESTS) \
		$(run_live) NESTWALK=$(SANITIZED)/nestwalk $(LIVE_TESTS) $(run_emulated)

.PHONY: test-unit
test-unit: $(UNIT_PROGRAMS) ## only the unit tests, only plain: seconds
	@scripts/test $(UNIT_PROGRAMS)

.PHONY: ablation
ablation: $(BUILD)/ablation/ablation ## what each constant of level inference buys, on synthetic TLBs: a minute
	@$(BUILD)/ablation/ablation

$(BUILD)/ablation/ablation: $(ABLATION_OBJECTS)
	$(call say,LINK,$@)$(link) -o $@ $(ABLATION_OBJECTS) $(libs)

$(BUILD)/ablation/%.o: private defines = -DNESTWALK_ABLATION
$(BUILD)/ablation/%.o: %.c $(BUILD)/compile.flags
	$(call say,CC,$<)mkdir -p $(@D) && $(compile) -c -o $@ $<

.PHONY: scale
scale: build ## what runs of 1 000 to 100 000 points cost to report, ask and export, and a site of 200 runs: four minutes
	@NESTWALK=$(BUILD)/nestwalk tests/scale/print-times

.PHONY: test-cli
test-cli: build | setup-test ## only the command line tests, only plain
	@$(get_browser)
	@scripts/test NESTWALK=$(BUILD)/nestwalk $(CLI_TESTS)

.PHONY: test-live
test-live: build | setup-test ## only the tests that measure this machine, only plain: two minutes
	@scripts/test $(run_live)

.PHONY: test-emulated
test-emulated: build | setup-test ## only KVM's paging modes and Linux guests in emulated machines: two minutes
	@$(get_emulator)
	@scripts/test $(run_emulated)

.PHONY: lint
lint: | setup setup-lint ## formatting, static analysis, house rules
	@scripts/test scripts/lint

.PHONY: format
format: | setup-lint ## format the C files as `make lint` wants them
	@scripts/lint --format

.PHONY: install
install: build ## install to PREFIX (/usr/local), under DESTDIR if given
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install $(BUILD)/nestwalk $(DESTDIR)$(PREFIX)/bin/
	find plots -type f -exec install -D -m 644 {} $(DESTDIR)$(PREFIX)/share/nestwalk/{} ';'
	install -m 644 docs/nestwalk.1 $(DESTDIR)$(PREFIX)/share/man/man1/

.PHONY: uninstall
uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/nestwalk $(DESTDIR)$(PREFIX)/share/man/man1/nestwalk.1
	rm -rf $(DESTDIR)$(PREFIX)/share/nestwalk

.PHONY: clean
clean: ## remove what was built; results stay
	rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z].*:.*## / { sub(/ .*/, "", $$1); printf "  make %-13s %s\n", $$1, $$2 }' Makefile
	@echo 'Variables: EFFORT RUN KERNEL PREFIX DESTDIR BUILD CC CFLAGS SANITIZE V=1 (show commands)'
	@echo '  WERROR= (warnings do not fail the build) SETUP=: (install nothing)'
