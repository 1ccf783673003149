//! What `make install` puts on a machine is accepted by the tools of systemd that will read it.
//!
//! In: `systemd/`, `templates/`, the Makefile and the daemon of this build. Out: nothing.
//! Source: systemd 252 (Debian 12), the oldest that must read our files.
//! Not here: a running systemd. Start, watchdog and stop are tried on a machine that has one.

#![expect(clippy::unwrap_used, reason = "helpers of tests: the panic is the report")]

mod rules;
mod settings;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A machine's file tree with `make install-data` done in it.
struct Machine {
    root: TempDir,
    prefix: &'static str,
}

impl Machine {
    fn with_prefix(prefix: &'static str) -> Self {
        let machine = Self { root: tempfile::tempdir().unwrap(), prefix };
        machine.install();
        machine
    }

    fn install(&self) {
        let mut make = Command::new("sh");
        // A `make` around this test would hand its own variables and job slots down.
        make.env_remove("MAKEFLAGS").env_remove("MAKEOVERRIDES").env_remove("MFLAGS");
        // The umask of a careful root must not keep the daemon from its files.
        make.args(["-c", "umask 077 && exec make \"$@\"", "make", "-s", "install-data"]);
        make.args(["-C", env!("CARGO_MANIFEST_DIR")]);
        make.arg(format!("DESTDIR={}", self.root.path().display()));
        make.arg(format!("PREFIX={}", self.prefix));
        let got = run(&mut make, "make");
        assert!(got.status.success(), "{}", words(&got));
    }

    fn path(&self, absolute: &str) -> PathBuf {
        self.root.path().join(absolute.trim_start_matches('/'))
    }

    fn read(&self, absolute: &str) -> String {
        fs::read_to_string(self.path(absolute)).unwrap()
    }

    fn unit_path(&self) -> String {
        format!("{}/lib/systemd/system/shirase.service", self.prefix)
    }

    /// What `systemd-analyze verify` says in this tree, after Debian's own units and our programs
    /// have come to stand beside our unit.
    fn verify_unit(&self) -> Output {
        let theirs = self.path("/usr/lib/systemd/system");
        fs::create_dir_all(&theirs).unwrap();
        let copied = run(
            Command::new("cp").args(["-a", "/usr/lib/systemd/system/."]).arg(&theirs),
            "coreutils",
        );
        assert!(copied.status.success(), "{}", words(&copied));
        let program = self.path(&format!("{}/bin/shirase", self.prefix));
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_shirase"), program).unwrap();
        run(
            Command::new("systemd-analyze")
                .args(["verify", "--man=no"])
                .arg(format!("--root={}", self.root.path().display()))
                .arg(self.path(&self.unit_path())),
            "systemd",
        )
    }

    fn exposure_is_at_most(&self, tenths: u8) -> Output {
        run(
            Command::new("systemd-analyze")
                .args(["security", "--no-pager", "--offline=true"])
                .arg(format!("--threshold={tenths}"))
                .arg(self.path(&self.unit_path())),
            "systemd",
        )
    }
}

/// Runs a tool; a tool that is not there fails the test with the name of its Debian package.
fn run(command: &mut Command, package: &str) -> Output {
    command.output().unwrap_or_else(|error| {
        let tool = command.get_program().display();
        panic!("{tool}: {error}; `make setup`, or apt-get install {package}")
    })
}

fn words(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat()
}

/// The values of `key=` lines of a unit, in order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let value = |line: &'a str| line.strip_prefix(key)?.strip_prefix('=');
    unit.lines().filter_map(value).collect()
}

#[test]
fn unit_as_installed_is_verified_without_a_word() {
    for prefix in ["/usr", "/usr/local"] {
        let got = Machine::with_prefix(prefix).verify_unit();
        assert_eq!((got.status.code(), words(&got)), (Some(0), String::new()), "{prefix}");
    }
}

#[test]
fn unit_with_a_misspelt_directive_is_reported_so_verify_does_look() {
    let machine = Machine::with_prefix("/usr");
    let unit = machine.path(&machine.unit_path());
    let text = fs::read_to_string(&unit).unwrap().replace("NoNewPrivileges=", "NoNewPrivilege=");
    fs::write(&unit, text).unwrap();
    let got = machine.verify_unit();
    assert!(words(&got).contains("Unknown key 'NoNewPrivilege'"), "{}", words(&got));
}

/// 1.5 is ours; distributions ship network daemons at 9.6. Under 1.0 is out of reach for a process
/// with both network and serial ports, which shows that the threshold does refuse.
#[test]
fn unit_exposure_is_at_most_1_5_and_not_under_1_0() {
    let machine = Machine::with_prefix("/usr");
    let enough = machine.exposure_is_at_most(15);
    assert!(enough.status.success(), "{}", words(&enough));
    assert!(words(&enough).contains("Overall exposure level"), "{}", words(&enough));
    assert!(!machine.exposure_is_at_most(9).status.success());
}

#[test]
fn unit_lets_the_daemon_and_the_sheet_worker_run_under_every_prefix() {
    for prefix in ["/usr", "/usr/local"] {
        let machine = Machine::with_prefix(prefix);
        let unit = machine.read(&machine.unit_path());
        let allowed = values(&unit, "ExecPaths").concat();
        let mut allowed = allowed.split(' ');
        let started = values(&unit, "ExecStart").concat();
        let daemon = format!("{prefix}/bin/shirase");
        assert!(started.starts_with(&format!("{daemon} serve --config ")), "{started}");
        assert!(allowed.any(|path| path == daemon), "{unit}");
        assert!(allowed.any(|path| path == format!("{prefix}/libexec/shirase")), "{unit}");
    }
}

/// Credentials are in the memory of the daemon: no ending may write that to a disk.
#[test]
fn unit_that_hangs_or_crashes_leaves_no_core_file() {
    let machine = Machine::with_prefix("/usr");
    let unit = machine.read(&machine.unit_path());
    for (key, value) in [
        ("WatchdogSignal", "SIGKILL"),
        ("LimitCORE", "0"),
        ("MemorySwapMax", "0"),
        ("UMask", "0077"),
    ] {
        assert_eq!(values(&unit, key), [value], "{key}");
    }
}

#[test]
fn account_is_made_by_sysusers_and_used_by_the_unit() {
    let machine = Machine::with_prefix("/usr");
    let got = run(
        Command::new("systemd-sysusers")
            .args(["--dry-run", "--root"])
            .arg(machine.root.path())
            .arg(machine.path("/usr/lib/sysusers.d/shirase.conf")),
        "systemd",
    );
    assert!(got.status.success(), "{}", words(&got));
    let unit = machine.read(&machine.unit_path());
    let (user, group) = (values(&unit, "User").concat(), values(&unit, "SupplementaryGroups"));
    let group = group.concat();
    for made in [
        // With our own description: a mere member of a group is made too, but without one.
        format!("Creating user '{user}' (FAX gateway)"),
        format!("Creating group '{group}'"),
    ] {
        assert!(words(&got).contains(&made), "{made}: {}", words(&got));
    }
}

#[test]
fn install_over_changed_settings_keeps_them_and_shows_the_new_ones_beside() {
    let machine = Machine::with_prefix("/usr");
    let settings = machine.path("/etc/shirase/shirase.toml");
    fs::write(&settings, "# ours\n").unwrap();
    machine.install();
    assert_eq!(fs::read_to_string(&settings).unwrap(), "# ours\n");
    let shipped = fs::read_to_string(repository("systemd/shirase.toml")).unwrap();
    assert_eq!(machine.read("/usr/share/doc/shirase/shirase.toml"), shipped);
}

#[test]
fn install_by_a_root_with_umask_077_opens_everything_but_the_credentials() {
    let machine = Machine::with_prefix("/usr");
    let unit = machine.unit_path();
    for (path, expected) in [
        ("/etc/shirase", 0o755),
        ("/etc/shirase/credentials", 0o700),
        ("/etc/shirase/shirase.toml", 0o644),
        ("/usr/share/shirase/templates", 0o755),
        ("/usr/share/doc/shirase/shirase.toml", 0o644),
        (unit.as_str(), 0o644),
    ] {
        let mode = fs::metadata(machine.path(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{path} is {mode:o}");
    }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
