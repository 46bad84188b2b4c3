# SPDX-License-Identifier: MIT
# The only build file. make help lists the targets; V=1 shows the commands.

VERSION     := 0.1.0

PREFIX      ?= /usr
SBINDIR     ?= $(PREFIX)/sbin
LIBEXECDIR  ?= $(PREFIX)/libexec
MANDIR      ?= $(PREFIX)/share/man
DOCDIR      ?= $(PREFIX)/share/doc/pam_ns
SYSCONFDIR  ?= /etc
# Where the installed libpam looks for its modules.
SECUREDIR   ?= $(firstword $(patsubst %/pam_unix.so,%,$(wildcard \
	$(addsuffix /security/pam_unix.so,$(shell pkg-config --variable=libdir pam 2>/dev/null) \
	/lib/$(shell $(CC) -print-multiarch 2>/dev/null) /lib64 /usr/lib64 /lib /usr/lib))) /lib/security)

B           := build
CC          ?= cc
CFLAGS      ?= -O2 -g
WARN        := -Wall -Wextra -Wformat=2 -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wcast-qual -Wvla
HARDEN      := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
LINKHARD    := -Wl,-z,relro,-z,now,-z,noexecstack
SAN         ?=
ALL_CFLAGS  := -std=gnu11 -D_GNU_SOURCE -Ipam_ns $(WARN) $(HARDEN) $(CFLAGS) $(SAN) -MMD -MP
PATHS       := -DPNS_HELPER='"$(LIBEXECDIR)/pam_ns_helper"' \
	-DPNS_CONF='"$(SYSCONFDIR)/security/pam_ns.conf"'

INI_LIBS    := $(shell pkg-config --libs iniparser 2>/dev/null || echo -liniparser)
INI_CFLAGS  := $(shell pkg-config --cflags iniparser 2>/dev/null)
PAM_LIBS    := $(shell pkg-config --libs pam 2>/dev/null || echo -lpam)
# Static where libcap and the C library are there as archives: nothing to look up at each login.
STATIC_PIE  := $(shell echo 'int main(void){return 0;}' | $(CC) -fPIE -static-pie -x c - -lcap \
	-o /dev/null 2>/dev/null && echo -static-pie)
MODULE_CAP  := $(shell pkg-config --libs libcap 2>/dev/null || echo -lcap)
CAP_LIBS    := $(shell pkg-config $(if $(STATIC_PIE),--static) --libs libcap 2>/dev/null || echo -lcap)

# What the helper takes of the core: nothing that needs NSS, PAM or iniparser.
TYPES       := err keys types types_caps types_hook types_net words
SHARED      := $(TYPES) fd nstab plan
POLICY      := ini nss section policy
CORE        := $(SHARED) $(POLICY) caller confine instance session spawn
MODULE_OBJ  := $(addprefix $B/pam_ns/,$(addsuffix .o,$(CORE) pam_ns))
HELPER_OBJ  := $(patsubst %.c,$B/%.o,$(wildcard helper/*.c)) \
	$(addprefix $B/static/,$(addsuffix .o,$(SHARED)))
UNIT_OBJ    := $(addprefix $B/pam_ns/,$(addsuffix .o,$(SHARED) $(POLICY)))
UNITS       := $(patsubst tests/unit/%.c,$B/tests/unit/%,$(wildcard tests/unit/test_*.c))
TOOLS       := $(patsubst tests/tools/%.c,$B/tests/tools/%,$(wildcard tests/tools/*.c))
FAULTS      := $B/tests/faults/faults
BENCHES     := $(patsubst tests/bench/%.c,$B/tests/bench/%,$(wildcard tests/bench/*.c))
MANS        := $(wildcard man/*.[58])
JOBS        ?= $(shell nproc)

Q           := $(if $(V),,@)
say          = $(if $(V),,@printf '  %-5s %s\n' $1 $2)

.PHONY: all clean install uninstall check check-unit check-asan demo bench faults deps lint help \
	tests
all: $B/pam_ns.so $B/pam_ns_helper

help:
	@echo 'make            build pam_ns.so and pam_ns_helper'
	@echo 'make demo       (root) show an isolated SSH login beside the host'
	@echo 'make check      (root) every test;  make check T=20-sshd: one of them'
	@echo 'make bench      (root) what a login costs, against bare kernel calls and others; minutes'
	@echo 'make faults     (root) every system call of a login made to fail, a minute'
	@echo 'make lint       static checks'
	@echo 'make deps       (root) install what the others need'
	@echo 'make install    DESTDIR= PREFIX= SECUREDIR= LIBEXECDIR= SYSCONFDIR= MANDIR='

$B/pam_ns.so: $(MODULE_OBJ)
	$(call say,LINK,$@)
	$Q$(CC) -shared $(SAN) $(LDFLAGS) $(LINKHARD) -Wl,-z,defs -o $@ $^ $(PAM_LIBS) $(INI_LIBS) $(MODULE_CAP)

$B/pam_ns_helper: $(HELPER_OBJ)
	$(call say,LINK,$@)
	$Q$(CC) $(or $(STATIC_PIE),-pie) $(SAN) $(LDFLAGS) $(LINKHARD) -o $@ $^ $(CAP_LIBS)

$B/pam_ns/%.o: pam_ns/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) $(INI_CFLAGS) $(PATHS) -fPIC -fvisibility=hidden -c -o $@ $<

$B/static/%.o: pam_ns/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -fPIE -c -o $@ $<

$B/helper/%.o: helper/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -fPIE -c -o $@ $<

$B/tests/unit/%: tests/unit/%.c $(UNIT_OBJ)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -o $@ $< $(UNIT_OBJ) -lcmocka $(INI_LIBS) $(MODULE_CAP)

$B/tests/tools/%: tests/tools/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -o $@ $< -lpam -lpthread

$B/tests/bench/%: tests/bench/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -o $@ $< -lpam

$B/tests/faults/%: tests/faults/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -o $@ $< -lpam

$B/genconf: conf/genconf.c $(patsubst %,$B/pam_ns/%.o,$(TYPES))
	$(call say,CC,$<)
	$Q$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c %.o,$^) $(MODULE_CAP)

# The example policy comes from the table; the committed copy is tested to be the same.
conf/pam_ns.conf: $B/genconf
	$(call say,GEN,$@)
	$Q$B/genconf >$@.new && mv $@.new $@

install: all
	install -d -m 755 $(DESTDIR)$(SECUREDIR) $(DESTDIR)$(LIBEXECDIR) \
		$(DESTDIR)$(SYSCONFDIR)/security/pam_ns.d/users $(DESTDIR)$(DOCDIR)/pam.d $(DESTDIR)$(DOCDIR)/hooks \
		$(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8
	install -m 644 $B/pam_ns.so $(DESTDIR)$(SECUREDIR)/pam_ns.so
	install -m 755 $B/pam_ns_helper $(DESTDIR)$(LIBEXECDIR)/pam_ns_helper
	test -e $(DESTDIR)$(SYSCONFDIR)/security/pam_ns.conf || \
		install -m 644 conf/pam_ns.conf $(DESTDIR)$(SYSCONFDIR)/security/pam_ns.conf
	install -m 644 conf/pam_ns.conf README.md SECURITY.md CHANGELOG.md $(DESTDIR)$(DOCDIR)
	install -m 644 conf/pam.d/* $(DESTDIR)$(DOCDIR)/pam.d
	install -m 755 conf/hooks/* $(DESTDIR)$(DOCDIR)/hooks
	$(foreach man,$(MANS),install -m 644 $(man) \
		$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(man)))/$(notdir $(man)) &&) true

# The policy is the admin's: it stays.
uninstall:
	rm -f $(DESTDIR)$(SECUREDIR)/pam_ns.so $(DESTDIR)$(LIBEXECDIR)/pam_ns_helper
	rm -rf $(DESTDIR)$(DOCDIR)
	rm -f $(foreach man,$(MANS),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(man)))/$(notdir $(man)))

deps:
	$Qtests/deps

# Built by a second make: on a fresh machine, what is linked with is only found after deps.
check: deps
	$Q$(MAKE) --no-print-directory all tests
	$Qtests/run $(T)

tests: $(UNITS) $(TOOLS) $(FAULTS) $B/genconf

check-unit: $(UNITS)
	$Qtests/run unit

# The same, watched by the sanitizers; objects of its own.
check-asan:
	$Q$(MAKE) --no-print-directory B=$B/asan CFLAGS='-O1 -g' \
		SAN='-fsanitize=address,undefined -fno-sanitize-recover=undefined' \
		$(UNITS:$B/%=$B/asan/%)
	$QCMOCKA_MESSAGE_OUTPUT=TAP prove -e '' $(UNITS:$B/%=$B/asan/%)

demo:
	$Qtests/deps demo
	$Q$(MAKE) --no-print-directory all $B/tests/tools/logsink
	$Qtests/demo

bench:
	$Qtests/deps bench
	$Q$(MAKE) --no-print-directory all $B/tests/tools/logsink $(BENCHES)
	$Qtests/bench/bench

faults:
	$Qtests/deps demo
	$Q$(MAKE) --no-print-directory all $B/tests/tools/logsink $(FAULTS)
	$Qtests/faults/run

lint:
	$Qtests/lint

clean:
	rm -rf $B

-include $(shell find $B -name '*.d' 2>/dev/null)
