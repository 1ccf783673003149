//! Which programs have a serial device open: the first question when it is taken or answers nonsense.
//!
//! In: a device. Out: [`Holders`], as far as this user may see them.
//! Source: proc(5), `/proc/PID/fd` and `/proc/PID/comm`; FHS 5.9, lock files `LCK..NAME` with a process id
//! in ten columns, as uucp, minicom, mgetty and HylaFAX leave them.
//! Not here: taking a device away from anybody.
//!
//! A process of another user shows its files to root only, and a service manager may hide it wholly: then
//! a lock file is all that is left, and [`Holders`] says which command to run instead.

use std::fmt;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Where lock files of serial ports lie, FHS 5.9 and its older name.
const LOCKS: [&str; 2] = ["/run/lock", "/var/lock"];
/// A lock file holds one number; more is none of ours.
const LOCK_MAX: usize = 64;
/// Most holders that are named: more help nobody.
const NAMED: usize = 4;

/// One process with the device open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holder {
    pub pid: u32,
    /// The program's name as the kernel keeps it, 15 characters at most; `None` if it is hidden.
    pub name: Option<String>,
}

/// All that are known; none is no proof that there is none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Holders(pub Vec<Holder>);

impl Holders {
    /// Looks through all processes and lock files; a few milliseconds.
    pub fn of(device: &Path) -> Self {
        let mut found = Self::in_processes(device);
        for pid in lock_files(device) {
            if !found.iter().any(|holder| holder.pid == pid) && is_alive(pid) {
                found.push(Holder { pid, name: name_of(pid) });
            }
        }
        found.truncate(NAMED);
        Self(found)
    }

    /// Those but this process itself.
    pub fn others(device: &Path) -> Self {
        let mut holders = Self::of(device);
        holders.0.retain(|holder| holder.pid != std::process::id());
        holders
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn in_processes(device: &Path) -> Vec<Holder> {
        let Ok(device) = fs::metadata(device) else { return Vec::new() };
        let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let has_it = |pid: &u32| {
            // Not permitted, or ended meanwhile: nothing is known of it.
            let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            files.into_iter().any(|file| {
                // The link is followed: by its number a device is the same under every name.
                fs::metadata(file.path()).is_ok_and(|open| {
                    open.file_type().is_char_device() && open.rdev() == device.rdev()
                })
            })
        };
        pids.filter(has_it).map(|pid| Holder { pid, name: name_of(pid) }).collect()
    }
}

impl fmt::Display for Holders {
    /// `ModemManager (process 812)`, several with commas; `another program` if none is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("another program");
        }
        for (place, Holder { pid, name }) in self.0.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            let name = name.as_deref().unwrap_or("a program");
            write!(f, "{comma}{name} (process {pid})")?;
        }
        Ok(())
    }
}

/// What a person does about a program that has `device` open.
pub(crate) struct Advice<'a> {
    pub device: &'a Path,
    pub by: &'a Holders,
}

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is = |name: &str| self.by.0.iter().any(|holder| holder.name.as_deref() == Some(name));
        if is("ModemManager") {
            return f.write_str(
                "`systemctl disable --now ModemManager`, or a udev rule with ID_MM_DEVICE_IGNORE for this modem",
            );
        }
        match self.by.0.first() {
            Some(Holder { pid, .. }) => {
                write!(f, "stop it (`systemctl status {pid}` names its service)")
            }
            None => {
                write!(
                    f,
                    "stop it (`sudo fuser -v {}` names it; this user may not see it)",
                    self.device.display()
                )
            }
        }
    }
}

fn name_of(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    // A process names itself: what is no plain text stays out of logs.
    let name: String = name.trim_end().chars().filter(|c| !c.is_control()).collect();
    (!name.is_empty()).then_some(name)
}

/// Also of a process that is hidden: signal 0 is answered "not permitted" by one that lives.
#[expect(unsafe_code, reason = "kill(2) with signal 0 only asks")]
fn is_alive(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return false };
    // SAFETY: no pointers; signal 0 is sent to nobody.
    let there = pid > 0 && unsafe { libc::kill(pid, 0) } == 0;
    there || (pid > 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM))
}

/// Process ids in lock files of this device, under its own and its real name.
fn lock_files(device: &Path) -> Vec<u32> {
    let real = fs::canonicalize(device).ok();
    let names = [Some(device), real.as_deref()];
    let names = names.into_iter().flatten().filter_map(|path| path.file_name()?.to_str());
    let files = names.flat_map(|name| LOCKS.map(|folder| format!("{folder}/LCK..{name}")));
    files.filter_map(|file| pid_in(&fs::read(file).ok()?)).collect()
}

fn pid_in(lock: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(lock.get(..lock.len().min(LOCK_MAX))?).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(name: Option<&str>) -> Holders {
        Holders(vec![Holder { pid: 812, name: name.map(str::to_owned) }])
    }

    fn advice(by: &Holders) -> String {
        Advice { device: Path::new("/dev/ttyACM0"), by }.to_string()
    }

    #[test]
    fn known_holder_is_named_with_its_process_and_what_to_do() {
        let by = holder(Some("minicom"));
        assert_eq!(by.to_string(), "minicom (process 812)");
        assert!(advice(&by).contains("systemctl status 812"));
    }

    #[test]
    fn modem_manager_is_told_by_name_how_to_be_kept_away() {
        assert!(advice(&holder(Some("ModemManager"))).contains("disable --now ModemManager"));
    }

    #[test]
    fn hidden_holder_is_another_program_and_the_command_to_find_it() {
        assert_eq!(Holders::default().to_string(), "another program");
        assert!(advice(&Holders::default()).contains("sudo fuser -v /dev/ttyACM0"));
        assert_eq!(holder(None).to_string(), "a program (process 812)");
    }

    #[test]
    fn lock_file_gives_the_process_of_every_maker_and_no_other_number() {
        assert_eq!(pid_in(b"       812\n"), Some(812));
        assert_eq!(pid_in(b"812 minicom root\n"), Some(812));
        assert_eq!(pid_in(b"-1"), None);
        assert_eq!(pid_in(&[0xFF; 200]), None);
        assert_eq!(pid_in(b""), None);
    }

    #[test]
    fn living_process_is_told_from_one_that_cannot_be() {
        assert!(is_alive(std::process::id()));
        assert!(!is_alive(0) && !is_alive(u32::MAX));
    }
}
