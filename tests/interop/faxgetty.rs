//! HylaFAX's `faxgetty` as a fax machine that answers call after call.
//!
//! In: the folder where `.ci/unpack` put the package, a terminal, what the machine is to offer. Out: the
//! received pages. Its whole spool is a folder of ours: nothing of it is installed, and no service runs.
//! Source: hylafax-config(5), hylafax-server(5) of HylaFAX 6.0.7.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// It answers within seconds of wall time, whatever the speed of the line.
const PATIENCE: Duration = Duration::from_secs(60);
/// It tells its state in a file only.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const IDLE: &str = "Running and idle";
/// Of its spool (hylafax-server(5)), what a receiver needs.
const FOLDERS: [&str; 10] =
    ["bin", "client", "dev", "etc", "info", "log", "lock", "recvq", "status", "tmp"];

/// What the machine tells callers that it can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Offers {
    pub coding: t30::Coding,
    pub ecm: bool,
}

impl Offers {
    pub const T85_ECM: Self = Self { coding: t30::Coding::T85, ecm: true };
    pub const MMR_ECM: Self = Self { coding: t30::Coding::Mmr, ecm: true };
    pub const MR_ECM: Self = Self { coding: t30::Coding::Mr, ecm: true };
    pub const MH_ECM: Self = Self { coding: t30::Coding::Mh, ecm: true };
    pub const MR: Self = Self { coding: t30::Coding::Mr, ecm: false };
    pub const MH: Self = Self { coding: t30::Coding::Mh, ecm: false };
}

/// The running program, with its terminal and spool; ended when dropped.
pub struct FaxGetty {
    child: Child,
    spool: PathBuf,
    status: PathBuf,
    /// Its CSI, digits.
    pub number: String,
}

impl FaxGetty {
    pub fn start(spool: &Path, device: &Path, number: &str, offers: Offers) -> Self {
        let hylafax = unpacked();
        for folder in FOLDERS {
            fs::create_dir_all(spool.join(folder)).expect("a folder of the spool");
        }
        let id = device.strip_prefix("/dev").expect("a device").display().to_string();
        let id = id.replace('/', "_");
        fs::write(spool.join(format!("etc/config.{id}")), config(spool, number, offers))
            .expect("its settings");
        for log in ["log/seqf", "log/xferfaxlog", "recvq/seqf"] {
            File::create(spool.join(log)).expect("its log");
        }
        give_to_uucp(spool);
        let child = Command::new(hylafax.join("usr/sbin/faxgetty"))
            .env("LD_LIBRARY_PATH", hylafax.join("usr/lib/hylafax"))
            .args(["-p", "-q"])
            .arg(spool)
            .arg(device)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("faxgetty starts");
        let status = spool.join("status").join(id);
        Self { child, spool: spool.to_owned(), status, number: number.to_owned() }
    }

    /// Waits until it would answer.
    pub fn await_idle(&mut self) -> Result<(), String> {
        self.until("it is idle", |getty| getty.status().starts_with(IDLE).then_some(()))
    }

    /// Waits until it has noticed the call that is over, and would answer the next.
    pub fn await_idle_again(&mut self) -> Result<(), String> {
        self.until("it is busy", |getty| (!getty.status().starts_with(IDLE)).then_some(()))?;
        self.await_idle()
    }

    /// The page of the call that is over, taken out of its queue.
    pub fn await_page(&mut self) -> Result<PathBuf, String> {
        let page = self.until("it has the page", |getty| {
            // It is readable by all when it is complete.
            getty.pages().into_iter().find(|page| {
                page.metadata().is_ok_and(|page| page.permissions().mode() & 0o777 == 0o644)
            })
        })?;
        let kept = page.with_extension("taken");
        fs::rename(&page, &kept).map_err(|error| error.to_string())?;
        Ok(kept)
    }

    pub fn has_page(&self) -> bool {
        !self.pages().is_empty()
    }

    fn pages(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.spool.join("recvq")).expect("its receive queue");
        let files = folder.filter_map(Result::ok).map(|entry| entry.path());
        files.filter(|path| path.extension().is_some_and(|ending| ending == "tif")).collect()
    }

    fn status(&self) -> String {
        fs::read_to_string(&self.status).unwrap_or_default()
    }

    fn until<T>(
        &mut self,
        what: &str,
        mut seen: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T, String> {
        let began = crate::wall();
        while began.elapsed() < PATIENCE {
            if let Some(seen) = seen(self) {
                return Ok(seen);
            }
            if let Ok(Some(ended)) = self.child.try_wait() {
                return Err(format!("faxgetty has ended, {ended}, before {what}"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(format!("waited until {what}; faxgetty says: {}", self.status()))
    }
}

impl Drop for FaxGetty {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(spool: &Path, number: &str, offers: Offers) -> String {
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let t85 = offers.coding == t30::Coding::T85;
    let mmr = t85 || offers.coding == t30::Coding::Mmr;
    let mr = mmr || offers.coding == t30::Coding::Mr;
    let abroad = number.strip_prefix('0').unwrap_or(number);
    [
        "CountryCode: 81".to_owned(),
        "AreaCode: 3".to_owned(),
        "LongDistancePrefix: 0".to_owned(),
        "InternationalPrefix: 010".to_owned(),
        format!("FAXNumber: \"+81 {abroad}\""),
        format!("LocalIdentifier: \"+81 {abroad}\""),
        "RingsBeforeAnswer: 1".to_owned(),
        "RecvFileMode: 0644".to_owned(),
        "DeviceMode: 0666".to_owned(),
        "SpeakerVolume: off".to_owned(),
        "ServerTracing: 0xFFF".to_owned(),
        "SessionTracing: 0xFFF".to_owned(),
        "ModemType: Class1".to_owned(),
        "ModemFlowControl: rtscts".to_owned(),
        "ModemRate: 115200".to_owned(),
        // The soft modem is ready at once; the usual pauses would take 6 s before each call.
        "ModemResetDelay: 0".to_owned(),
        "ModemSoftResetCmdDelay: 0".to_owned(),
        format!("Class1ECMSupport: {}", yes(offers.ecm)),
        format!("Class1MRSupport: {}", yes(mr)),
        format!("Class1MMRSupport: {}", yes(mmr)),
        format!("Class1JBIGSupport: {}", yes(t85)),
        format!("UUCPLockDir: {}", spool.join("lock").display()),
        String::new(),
    ]
    .join("\n")
}

/// Where `.ci/unpack` puts packages that are used without being installed.
fn unpacked() -> PathBuf {
    let beside = crate::softline::program("softline");
    let folder = beside.with_file_name("unpacked").join("hylafax-server");
    assert!(folder.exists(), "{} is missing: `make interop` puts it there", folder.display());
    folder
}

/// It works as this user, which every Debian has.
fn give_to_uucp(spool: &Path) {
    let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let uid = users
        .lines()
        .find_map(|line| line.strip_prefix("uucp:")?.split(':').nth(1)?.parse().ok())
        .expect("the user uucp is in /etc/passwd");
    let mut left = vec![spool.to_owned()];
    while let Some(path) = left.pop() {
        chown(&path, Some(uid), None).expect("root may give files away");
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of ours").filter_map(Result::ok);
            left.extend(entries.map(|entry| entry.path()));
        }
    }
}

/// A temporary folder is its owner's alone; the spools in it are another user's.
pub fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("our own folder");
}
