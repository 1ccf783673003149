//! Is the modem of each line there, ours to open, and no other program's?
//!
//! It is not opened: that would raise its lines, and a call may be on.
//! Not here: how its users are found (`drivers/modem`).

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use modem::{Holder, Holders};

use super::{Finding, Mark, Thing};
use crate::app::settings::Line;

pub(super) fn look(lines: &[Line]) -> Vec<Finding> {
    lines.iter().map(|line| judge(&line.name, &line.device, Holders::of(&line.device))).collect()
}

fn judge(line: &str, device: &Path, users: Holders) -> Finding {
    let place = format!("{line}: {}", device.display());
    let wrong = |found: String, todo: &str| Finding::new(Mark::Wrong, Thing::Device, found, todo);
    let found = match std::fs::metadata(device) {
        Ok(found) => found,
        Err(error) => {
            let todo =
                "plug the modem in and switch it on; `ls /dev/serial/by-id` shows what is there";
            return wrong(format!("{place}: {error}"), todo);
        }
    };
    if !found.file_type().is_char_device() {
        return wrong(format!("{place} is no serial device"), "correct `device` of the line");
    }
    let by = if users.is_empty() { "" } else { ", in use by the daemon" };
    let is_stranger = |user: &Holder| user.name.as_deref() != Some("shirase");
    let strangers = Holders(users.0.into_iter().filter(is_stranger).collect());
    if !strangers.is_empty() {
        let todo = "stop that program, or keep it away from this device: ModemManager by the udev rules of this package";
        return wrong(format!("{place} is used by {strangers}"), todo);
    }
    let (mode, group) = (found.permissions().mode(), found.gid());
    if mode & 0o060 != 0o060 && mode & 0o006 != 0o006 {
        let todo =
            "60-shirase-modem.rules gives it to group dialout; udevadm trigger, then look again";
        return wrong(
            format!("{place}: only its owner may use it (mode {:o})", mode & 0o777),
            todo,
        );
    }
    Finding::good(Thing::Device, format!("{place}, group {group}{by}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_that_is_missing_no_device_or_in_other_hands_is_told_apart() {
        let null = Path::new("/dev/null");
        let by = |name: &str| Holders(vec![Holder { pid: 9, name: Some(name.into()) }]);
        assert_eq!(judge("line1", null, Holders::default()).mark, Mark::Good);
        assert_eq!(judge("line1", null, by("shirase")).mark, Mark::Good);
        let taken = judge("line1", null, by("ModemManager"));
        assert_eq!(taken.mark, Mark::Wrong);
        assert!(taken.found.contains("used by ModemManager (process 9)"), "{taken}");
        for (device, word) in
            [("/dev/not-there", "No such file"), ("/etc/passwd", "no serial device")]
        {
            let finding = judge("line1", Path::new(device), Holders::default());
            assert_eq!(finding.mark, Mark::Wrong);
            assert!(finding.found.contains(word), "{finding}");
        }
    }
}
