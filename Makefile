# nestwalk: `make bench` measures, `make test` tests, `make help` lists the rest.
# One non-recursive makefile; everything it makes is under build/ and results/.

CC ?= gcc
PREFIX ?= /usr/local
EFFORT ?= normal
BUILD ?= build
SANITIZE ?=

PACKAGES := jansson gsl hwloc libpfm libcmark-gfm
# Recursive on purpose: pkg-config may only be there once `setup` has run.
PKG_CFLAGS = $(shell pkg-config --cflags jansson gsl hwloc)
LIBS = $(shell pkg-config --libs jansson gsl hwloc) -lpfm -lcmark-gfm-extensions -lcmark-gfm -lpthread

WARNINGS := -Wall -Wextra -Wmissing-prototypes -Wwrite-strings -Wshadow -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Iharness $(WARNINGS) $(CFLAGS) $(SANITIZE) -MMD -MP $(PKG_CFLAGS)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s%s\n' $(1) $(2);)

HARNESS := $(sort $(wildcard harness/*/*.c harness/*/*.S))
BENCHES := $(sort $(wildcard benches/*.c))
MAIN := harness/cmd/main.c
object = $(patsubst %,$(BUILD)/%.o,$(basename $(1)))
LIBRARY_OBJECTS := $(call object,$(filter-out $(MAIN),$(HARNESS)) $(BENCHES))
OBJECTS := $(LIBRARY_OBJECTS) $(call object,$(MAIN))

UNIT_TESTS := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BINARIES := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_TESTS))

.PHONY: all
all: $(BUILD)/nestwalk

$(BUILD)/nestwalk: $(OBJECTS)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(SANITIZE) -o $@ $(OBJECTS) $(LIBS)

$(BUILD)/%.o: %.c Makefile | setup
	$(call say,CC,$<)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/%.o: %.S Makefile | setup
	$(call say,AS,$<)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/tests/unit/%: tests/unit/%.c $(LIBRARY_OBJECTS) Makefile | setup-test
	$(call say,TEST,$<)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -o $@ $< $(LIBRARY_OBJECTS) $(LIBS) -lcmocka -lm

.PHONY: setup setup-test
setup:
	@scripts/setup build
setup-test:
	@scripts/setup build test

-include $(OBJECTS:.o=.d) $(UNIT_BINARIES:=.d)
