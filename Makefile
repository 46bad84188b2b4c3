# SPDX-License-Identifier: MIT
# The only build file. make help lists the targets; V=1 shows the commands.

VERSION     := 0.1.0

PREFIX      ?= /usr
SBINDIR     ?= $(PREFIX)/sbin
COMPDIR     ?= $(PREFIX)/share/bash-completion/completions
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
	-DPNS_CONF='"$(SYSCONFDIR)/security/pam_ns.conf"' -DPNS_MODULE='"$(SECUREDIR)/pam_ns.so"'

INI_LIBS    := $(shell pkg-config --libs iniparser 2>/dev/null || echo -liniparser)
INI_CFLAGS  := $(shell pkg-config --cflags iniparser 2>/dev/null)
PAM_LIBS    := $(shell pkg-config --libs pam 2>/dev/null || echo -lpam)
# Static where libcap and the C library are there as archives: nothing to look up at each login.
STATIC_PIE  := $(shell echo 'int main(void){return 0;}' | $(CC) -fPIE -static-pie -x c - -lcap \
	-o /dev/null 2>/dev/null && echo -static-pie)
MODULE_CAP  := $(shell pkg-config --libs libcap 2>/dev/null || echo -lcap)
CAP_LIBS    := $(shell pkg-config $(if $(STATIC_PIE),--static) --libs libcap 2>/dev/null || echo -lcap)

# What the helper takes of the core: nothing that needs NSS, PAM or iniparser.
TYPES       := err keys paths types types_caps types_hook types_net types_paths
SHARED      := $(TYPES) deadline entry fd layout nstab plan
POLICY      := ini nss section policy
CORE        := $(SHARED) $(POLICY) caller confine instance join program session spawn
MODULE_OBJ  := $(addprefix $B/pam_ns/,$(addsuffix .o,$(CORE) pam_ns))
HELPER_OBJ  := $(patsubst %.c,$B/%.o,$(wildcard helper/*.c)) \
	$(addprefix $B/static/,$(addsuffix .o,$(SHARED)))
# The same objects as the module's: no second parser, no second reader of the registry.
CTL_OBJ     := $(patsubst %.c,$B/%.o,$(wildcard ctl/*.c)) \
	$(addprefix $B/pam_ns/,$(addsuffix .o,$(CORE) registry))
UNIT_OBJ    := $(addprefix $B/pam_ns/,$(addsuffix .o,$(SHARED) $(POLICY)))
UNITS       := $(patsubst tests/unit/%.c,$B/tests/unit/%,$(wildcard tests/unit/test_*.c))
TOOLS       := $(patsubst tests/tools/%.c,$B/tests/tools/%,$(wildcard tests/tools/*.c))
FAULTS      := $B/tests/faults/faults
BENCHES     := $(patsubst tests/bench/%.c,$B/tests/bench/%,$(wildcard tests/bench/*.c))
FUZZERS     := $(patsubst tests/fuzz/%.c,$B/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
MANS        := $(wildcard man/*.[58])
JOBS        ?= $(shell nproc)

SHIM        := $B/tests/sanitize/shim.so $B/tests/sanitize/pidfds
comma       := ,
Q           := $(if $(V),,@)
say          = $(if $(V),,@printf '  %-5s %s\n' $1 $2)

.PHONY: all clean install uninstall check check-unit check-asan check-vm units demo bench faults \
	fuzz fuzzers sanitized soak attacks deps lint help tests
all: $B/pam_ns.so $B/pam_ns_helper $B/pam_nsctl

help:
	@echo 'make            build pam_ns.so, pam_ns_helper and pam_nsctl'
	@echo 'make demo       (root) show an isolated SSH login beside the host'
	@echo 'make check      (root) every test;  make check T=20-sshd: one of them'
	@echo 'make check-vm   (root) the same and more in a Debian 12 of its own: systemd, kernel 6.1'
	@echo 'make bench      (root) what a login costs, against bare kernel calls and others; minutes'
	@echo 'make faults     (root) every system call of a login made to fail, minutes'
	@echo 'make fuzz       (root) each fuzz harness for FUZZ_SECONDS=600'
	@echo 'make check-asan (root) unit tests and real logins under sanitizers, the module under valgrind'
	@echo 'make soak       (root) 10,000 logins while processes are killed (N=1000: so many)'
	@echo 'make attacks    (root) the races and crowds of tests/7*.t at full length, half an hour'
	@echo 'make lint       static checks'
	@echo 'make deps       (root) install what the others need'
	@echo 'make install    DESTDIR= PREFIX= SECUREDIR= LIBEXECDIR= SBINDIR= SYSCONFDIR= MANDIR='

# A sanitizer's runtime is not in the module, but in the program: preloaded.
SO_LINK     := $(if $(SAN),-shared-libasan,-Wl$(comma)-z$(comma)defs)
$B/pam_ns.so: $(MODULE_OBJ)
	$(call say,LINK,$@)
	$Q$(CC) -shared $(SAN) $(LDFLAGS) $(LINKHARD) $(SO_LINK) -o $@ $^ $(PAM_LIBS) $(INI_LIBS) $(MODULE_CAP)

$B/pam_ns_helper: $(HELPER_OBJ) $(if $(SAN),$B/tests/sanitize/options.o)
	$(call say,LINK,$@)
	$Q$(CC) $(or $(STATIC_PIE),-pie) $(SAN) $(LDFLAGS) $(LINKHARD) -o $@ $^ $(CAP_LIBS)

$B/pam_nsctl: $(CTL_OBJ)
	$(call say,LINK,$@)
	$Q$(CC) -pie $(SAN) $(LDFLAGS) $(LINKHARD) -o $@ $^ $(INI_LIBS) $(MODULE_CAP)

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

$B/ctl/%.o: ctl/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) $(PATHS) -fPIE -c -o $@ $<

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

# All of it again under AddressSanitizer and UndefinedBehaviorSanitizer, which want the helper dynamic.
SANITIZE    := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
sanitized: $(SHIM)
	$Q$(MAKE) --no-print-directory B=$B/asan CC=$(FUZZ_CC) SAN='$(SANITIZE)' HARDEN= STATIC_PIE= CFLAGS='-O1 -g' \
		$B/asan/pam_ns_helper units $B/asan/planted_helper $B/asan/pam_ns.so $B/asan/planted.so $B/asan/pam_nsctl

$B/planted_helper: $(HELPER_OBJ) $B/tests/sanitize/options.o $B/tests/sanitize/planted.o
	$(call say,LINK,$@)
	$Q$(CC) -pie $(SAN) $(LDFLAGS) -Wl,--wrap=pns_plan_decode,--wrap=init_prepare -o $@ $^ $(CAP_LIBS)

$B/planted.so: $(MODULE_OBJ) $B/tests/sanitize/planted_so.o
	$(call say,LINK,$@)
	$Q$(CC) -shared $(SAN) $(LDFLAGS) $(SO_LINK) -Wl,--wrap=pns_caller_join -o $@ $^ $(PAM_LIBS) $(INI_LIBS) $(MODULE_CAP)

$B/tests/sanitize/%.o: tests/sanitize/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -Ihelper -fPIC -c -o $@ $<

$B/tests/sanitize/%.so: tests/sanitize/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -DSHIM_SOCKET='"/run/bed/pidfds"' -fPIC -shared -o $@ $<

$B/tests/sanitize/pidfds: tests/sanitize/pidfds.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -o $@ $<

# libFuzzer is clang's. Everything is compiled anew, with coverage and sanitizers in it.
FUZZ_CC     ?= clang
FUZZ_FLAGS  := -std=gnu11 -D_GNU_SOURCE -Ipam_ns -Ihelper $(WARN) -O1 -g -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all $(INI_CFLAGS) -MMD -MP $(filter -Werror,$(CFLAGS))
FUZZ_OBJ    := $(addprefix $B/fuzz/pam_ns/,$(addsuffix .o,$(SHARED) $(POLICY) spawn)) $B/fuzz/helper/init.o
# Of init's and spawn.c's system calls those that the harness answers itself; see there.
FUZZ_CALLS  := poll kill waitpid getpid clock_gettime unlinkat _exit
FUZZ_SPAWN  := poll kill waitpid socketpair clone
FUZZ_WRAP_answers := pns_fd_open_trusted pns_plan_encode
FUZZ_WRAP_ini    := pns_fd_open_trusted pns_fd_read_all iniparser_freedict
FUZZ_WRAP_messages := pns_deadline_in pns_deadline_ms
FUZZ_WRAP_policy := pns_fd_open_trusted pns_fd_read_all pns_group_lookup pns_groups_have

$B/fuzz/%.o: %.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link \
		$(foreach call,$(if $(filter helper/%,$<),$(FUZZ_CALLS),$(if $(filter %/spawn.c,$<),$(FUZZ_SPAWN))), \
		-D$(call)=fuzz_$(call)) -c -o $@ $<

# An archive: each harness takes what it needs of it. Made anew, or what is no longer in the tree stays in it.
$B/fuzz/pam_ns.a: $(FUZZ_OBJ)
	$Qrm -f $@ && $(AR) rcs $@ $^

$B/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $B/fuzz/pam_ns.a Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< $B/fuzz/pam_ns.a \
		$(addprefix -Wl$(comma)--wrap=,$(FUZZ_WRAP_$*)) $(INI_LIBS) $(MODULE_CAP)

# The example policy comes from the table; the committed copy is tested to be the same.
conf/pam_ns.conf: $B/pam_nsctl
	$(call say,GEN,$@)
	$Q$B/pam_nsctl keys --conf >$@.new && mv $@.new $@

install: all
	install -d -m 755 $(DESTDIR)$(SECUREDIR) $(DESTDIR)$(LIBEXECDIR) \
		$(DESTDIR)$(SYSCONFDIR)/security/pam_ns.d/users $(DESTDIR)$(DOCDIR)/pam.d $(DESTDIR)$(DOCDIR)/hooks \
		$(DESTDIR)$(DOCDIR)/policies \
		$(DESTDIR)$(SBINDIR) $(DESTDIR)$(COMPDIR) \
		$(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8
	install -m 644 $B/pam_ns.so $(DESTDIR)$(SECUREDIR)/pam_ns.so
	install -m 755 $B/pam_ns_helper $(DESTDIR)$(LIBEXECDIR)/pam_ns_helper
	install -m 755 $B/pam_nsctl $(DESTDIR)$(SBINDIR)/pam_nsctl
	install -m 644 conf/completion/pam_nsctl $(DESTDIR)$(COMPDIR)/pam_nsctl
	test -e $(DESTDIR)$(SYSCONFDIR)/security/pam_ns.conf || \
		install -m 644 conf/pam_ns.conf $(DESTDIR)$(SYSCONFDIR)/security/pam_ns.conf
	install -m 644 conf/pam_ns.conf README.md SECURITY.md CHANGELOG.md $(DESTDIR)$(DOCDIR)
	install -m 644 conf/pam.d/* $(DESTDIR)$(DOCDIR)/pam.d
	install -m 644 conf/policies/* $(DESTDIR)$(DOCDIR)/policies
	install -m 755 conf/hooks/* $(DESTDIR)$(DOCDIR)/hooks
	$(foreach man,$(MANS),install -m 644 $(man) \
		$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(man)))/$(notdir $(man)) &&) true

# The policy is the admin's: it stays.
uninstall:
	rm -f $(DESTDIR)$(SECUREDIR)/pam_ns.so $(DESTDIR)$(LIBEXECDIR)/pam_ns_helper \
		$(DESTDIR)$(SBINDIR)/pam_nsctl $(DESTDIR)$(COMPDIR)/pam_nsctl
	rm -rf $(DESTDIR)$(DOCDIR)
	rm -f $(foreach man,$(MANS),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(man)))/$(notdir $(man)))

deps:
	$Qtests/deps

# Built by a second make: on a fresh machine, what is linked with is only found after deps.
check:
	$Qtests/deps check
	$Q$(MAKE) --no-print-directory all tests sanitized fuzzers
	$Qtests/run $(T)

tests: $(UNITS) $(TOOLS) $(SHIM) $(FAULTS)

units: $(UNITS)
	@:

check-unit: $(UNITS)
	$Qtests/run unit

check-asan: deps
	$Q$(MAKE) --no-print-directory all tests sanitized
	$Qtests/run 47-sanitizers

fuzzers: $(FUZZERS) $B/pam_nsctl

# Long enough to find something: seconds for each harness.
FUZZ_SECONDS ?= 600
fuzz: deps
	$Q$(MAKE) --no-print-directory fuzzers
	$Qtests/fuzz/run $(FUZZ_SECONDS)
check-vm:
	$Qtests/deps vm
	$Qtests/vm/run $(T)

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
# Takes a while: N=1000 make soak
soak:
	$Qtests/deps check
	$Q$(MAKE) --no-print-directory all tests
	$Qtests/soak

attacks: deps
	$Q$(MAKE) --no-print-directory all tests
	$QPAM_NS_ROUNDS=10000 PAM_NS_LOGINS=1000 tests/run 7

lint:
	$Qtests/lint

clean:
	rm -rf $B

-include $(shell find $B -path $B/vm -prune -o -name '*.d' -print 2>/dev/null)
