//! Is the store sound, of a version that this program knows, and is there room around it?

use std::path::Path;

use super::{Finding, Mark, Thing};
use crate::queue::QueueError;
use crate::queue::sqlite::{LEAST_FREE, StoreSeen, look_at};

/// Free octets below which somebody should know. Chosen: a year of notifications takes less.
const LITTLE_FREE: u64 = 1 << 30;

pub(super) fn look(path: &Path) -> Vec<Finding> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let free =
        rustix::fs::statvfs(folder).map(|found| found.f_bavail.saturating_mul(found.f_frsize));
    vec![judge(path, look_at(path)), judge_free(folder, free.map_err(|error| error.to_string()))]
}

fn judge(path: &Path, seen: Result<Option<StoreSeen>, QueueError>) -> Finding {
    let place = path.display();
    match seen {
        Ok(None) => Finding::new(
            Mark::Open,
            Thing::Store,
            format!("{place}: there is none yet; the daemon makes it at its first start"),
            "systemctl start shirase",
        ),
        Ok(Some(StoreSeen { version, known, octets })) => {
            let mib = octets.div_ceil(1 << 20);
            let newer = if version < known {
                format!("; the next start makes it version {known}: keep a copy")
            } else {
                String::new()
            };
            Finding::good(
                Thing::Store,
                format!("{place}: sound, version {version}, {mib} MiB{newer}"),
            )
        }
        Err(error) => Finding::new(
            Mark::Wrong,
            Thing::Store,
            error.to_string(),
            "restore a copy, or install the newer program again; never mend it by hand",
        ),
    }
}

fn judge_free(folder: &Path, free: Result<u64, String>) -> Finding {
    let place = folder.display();
    let free = match free {
        Ok(free) => free,
        Err(why) => {
            let todo = "systemd makes it (StateDirectory=); else make it, for the service alone";
            return Finding::new(Mark::Wrong, Thing::Disk, format!("{place}: {why}"), todo);
        }
    };
    let found = format!("{place}: {} MiB free", free >> 20);
    if free < LEAST_FREE {
        let todo = "make room: with less than 64 MiB no notification is accepted (store-full)";
        return Finding::new(Mark::Wrong, Thing::Disk, found, todo);
    }
    if free < LITTLE_FREE {
        let todo = "make room before it is below 64 MiB, when nothing is accepted any more";
        return Finding::new(Mark::Warning, Thing::Disk, found, todo);
    }
    Finding::good(Thing::Disk, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disk_is_judged_by_what_the_daemon_refuses_below() {
        let mark = |free| judge_free(Path::new("/x"), free).mark;
        assert_eq!(mark(Ok(LEAST_FREE - 1)), Mark::Wrong);
        assert_eq!(mark(Ok(LEAST_FREE)), Mark::Warning);
        assert_eq!(mark(Ok(LITTLE_FREE)), Mark::Good);
        assert_eq!(mark(Err(String::from("No such file or directory"))), Mark::Wrong);
    }

    #[test]
    fn store_that_is_none_is_wrong_and_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("queue.db");
        assert_eq!(judge(&path, look_at(&path)).mark, Mark::Open, "none yet");
        std::fs::write(&path, "no database").expect("written");
        let finding = judge(&path, look_at(&path));
        assert_eq!(finding.mark, Mark::Wrong, "{finding}");
        assert_eq!(std::fs::read(&path).expect("read"), b"no database");
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            1,
            "no log beside it"
        );
    }
}
