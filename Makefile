# The commands of this repository. Each one installs what it needs, then does its work.
#
#   make demo         one notification from an HTTP call to a page on a far fax machine
#   make demo KEEP=1  the same, and leaves daemon and line running to try things on
#   make clean-demo   stops what KEEP=1 left running and deletes its files
#   make test         every test
#   make build        every program, into target/debug; also what plain `make` does
#   make setup        only the Debian packages of .ci/packages
#   make interop      pages to HylaFAX and efax over the software line, and 50 plugs pulled; needs root, for HylaFAX
#   make noise-table  rewrites tests/golden/noise.txt: pages confirmed over a line with noise; ten minutes
#   make legibility-table  rewrites tests/golden/legibility.txt: what tesseract still reads after a bad line; some minutes
#   make pictures     every sheet before and after a bad line, as target/pictures/index.html
#   make bench-line   connected time of a page against the shortest that T.30 allows
#   make sheet-bytes  rewrites tests/golden/sheet-bytes.txt and sheet-habits.txt: what each sheet costs, and why no more
#   make bench-sheet  a sheet from JSON to coded page beside Ghostscript, and the worker's memory; builds the typesetter optimised
#   make bench-mail   notices handed to a Postfix beside Postfix's own smtp-source
#   make bench-accept acceptances a second, each on disk before its answer, beside Postfix and HylaFAX; as root, builds the daemon optimised
#   make bench-queue  the same gateway with a million notifications that wait: start, answers, memory; ROWS=1000000
#   make bench-codec  MH, MR and MMR beside libtiff and the fax crate
#   make crash        SIGKILL at every named point, RUNS=20 times each, and 10,000 keys eight times each through kills
#   make chaos        a million wait, 2,000 slow callers, a plug pulled, no relay, SIGKILL: all at once, for FOR=600 seconds; ROWS, SLOW, SEED
#   make deny         licences, banned crates, sources and known weaknesses of what we depend on
#   make fuzz         octets of strangers against every reader of them, SECONDS=300 for each
#   make release      every program as it is installed, into target/release
#   make install      puts them, the unit, rules, settings and templates in place; see "Install" below
#
# Not here: what the steps do (.ci/setup, .ci/unpack, .ci/deny, .ci/fuzz, tests/demo/run.sh, tests/interop/run.rs,
# tests/noise/table.rs, tests/legibility/, tests/bench/, tests/crash/, tests/chaos/).

CARGO ?= cargo
KEEP ?=
SECONDS ?= 300
RUNS ?= 20
ROWS ?= 1000000
FOR ?= 600
SLOW ?= 2000
SEED ?=

.PHONY: all setup build demo clean-demo test interop noise-table legibility-table pictures sheet-bytes bench-line bench-sheet bench-mail bench-accept bench-queue bench-codec crash chaos deny fuzz release install install-bin install-data
all: build

setup:
	@.ci/setup

build: setup
	$(CARGO) build --workspace --bins

demo: build
	@KEEP=$(KEEP) tests/demo/run.sh

clean-demo:
	@tests/demo/run.sh --clean

interop: build
	@.ci/unpack $(or $(CARGO_TARGET_DIR),target)/debug/unpacked
	$(CARGO) run --quiet --example interop
	UNPLUGS=50 $(CARGO) test --quiet --workspace --test appliance plugs_pulled

noise-table: build
	$(CARGO) run --quiet --example noise-table

sheet-bytes: build
	GOLDEN=rewrite $(CARGO) test --quiet --workspace --test it bytes
	@cat tests/golden/sheet-bytes.txt tests/golden/sheet-habits.txt

legibility-table: build
	$(CARGO) run --quiet --example legibility-table

pictures: build
	$(CARGO) run --quiet --example pictures

bench-line: build
	$(CARGO) run --quiet --example bench-line

# Without optimisation a sheet takes ten times as long. The measurement itself needs no typesetter.
bench-sheet: setup
	$(CARGO) build --quiet --release -p sheet --bins
	$(CARGO) run --quiet --release -p sheet --no-default-features --example bench-sheet

bench-mail: build
	@.ci/unpack $(or $(CARGO_TARGET_DIR),target)/debug/unpacked
	$(CARGO) run --quiet --example bench-mail

# The daemon as it is installed; what measures it needs no optimisation, nor does the worker that tries the sheets.
RELEASED = $(or $(CARGO_TARGET_DIR),target)/release/shirase

bench-accept: build
	@.ci/unpack $(or $(CARGO_TARGET_DIR),target)/debug/unpacked
	$(CARGO) build --quiet --release -p shirase --bin shirase
	$(CARGO) run --quiet --example bench-accept -- $(RELEASED)

bench-queue: build
	$(CARGO) build --quiet --release -p shirase --bin shirase
	ROWS=$(ROWS) $(CARGO) run --quiet --example bench-queue -- $(RELEASED)

# Only this needs nothing but the codecs, so it is worth what an optimised build costs.
bench-codec: setup
	$(CARGO) run --quiet --release -p t4 --example bench-codec

crash: setup
	$(CARGO) build --quiet --profile crash -p shirase --bin shirase --example crash --example crash-check --example crash-paper
	$(or $(CARGO_TARGET_DIR),target)/crash/examples/crash $(RUNS)
	CRASH_KEYS=10000 $(CARGO) test --quiet --profile crash -p shirase --test crash every_key -- --nocapture

# The daemon as it is installed, and all around it of the same build.
chaos: setup
	$(CARGO) build --quiet --release -p shirase --bin shirase --example chaos --example crash-check --example crash-paper
	FOR=$(FOR) ROWS=$(ROWS) SLOW=$(SLOW) SEED=$(SEED) $(or $(CARGO_TARGET_DIR),target)/release/examples/chaos

# cargo-nextest keeps tests that call from disturbing each other; without it, every test waits for
# the one before. Documentation examples are not its business.
test: build
	@.ci/unpack $(or $(CARGO_TARGET_DIR),target)/debug/unpacked
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	    set -x; $(CARGO) nextest run --workspace; \
	else \
	    set -x; $(CARGO) test --workspace --lib --bins --examples --tests -- --test-threads=1; \
	fi
	$(CARGO) test --workspace --doc

deny:
	@.ci/deny

fuzz:
	@.ci/fuzz $(SECONDS)

# Install ----------------------------------------------------------------------------------------
# `make release`, then `sudo make install`: nothing is built as root. For a package:
# `make install PREFIX=/usr DESTDIR=folder`. Settings that are already there stay as they are.

PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= $(or $(CARGO_TARGET_DIR),target)/release

ETC = $(DESTDIR)/etc/shirase
BIN = $(DESTDIR)$(PREFIX)/bin
LIB = $(DESTDIR)$(PREFIX)/lib
SHARE = $(DESTDIR)$(PREFIX)/share
WORKER = $(DESTDIR)$(PREFIX)/libexec/shirase
# The files in systemd/ name the paths of PREFIX=/usr.
RELOCATE = umask 022 && sed -E 's,/usr/(bin/shirase|libexec/shirase|share/shirase|share/doc),$(PREFIX)/\1,g'

release: setup
	$(CARGO) build --release --locked --workspace --bins

install: install-bin install-data
	@[ -n "$(DESTDIR)" ] || printf '%s\n' \
	    'Next, as root:' \
	    '  systemd-sysusers' \
	    '  shirase key new /etc/shirase/credentials/master-key' \
	    '  shirase token new exchange --scope notify,read --tokens-file /etc/shirase/tokens' \
	    '  shirase token new exchange --scope read,lines,numbers --tokens-file /etc/shirase/tokens' \
	    '  editor /etc/shirase/shirase.toml' \
	    '  udevadm control --reload && udevadm trigger --subsystem-match=tty --subsystem-match=usb' \
	    '  systemctl daemon-reload && systemctl enable --now shirase'

install-bin:
	@[ -x $(BUILD)/shirase ] || { echo '$(BUILD)/shirase is not there: make release' >&2; exit 1; }
	install -D $(BUILD)/shirase $(BIN)/shirase
	install -D $(BUILD)/softline $(BIN)/softline
	install -D $(BUILD)/shirase-sheet $(WORKER)/shirase-sheet

install-data:
	install -d $(ETC) $(LIB)/systemd/system $(SHARE)/shirase $(SHARE)/doc/shirase
	install -d -m 0700 $(ETC)/credentials
	$(RELOCATE) systemd/shirase.service >$(LIB)/systemd/system/shirase.service
	$(RELOCATE) systemd/shirase.toml >$(SHARE)/doc/shirase/shirase.toml
	[ -e $(ETC)/shirase.toml ] || install -m 0644 $(SHARE)/doc/shirase/shirase.toml $(ETC)/shirase.toml
	install -D -m 0644 systemd/sysusers.conf $(LIB)/sysusers.d/shirase.conf
	install -D -m 0644 systemd/60-shirase-modem.rules $(LIB)/udev/rules.d/60-shirase-modem.rules
	umask 022 && cp -R templates $(SHARE)/shirase/
	install -m 0644 README.md CHANGELOG.md LICENSE $(SHARE)/doc/shirase/
