//! What is on a disk when the power goes: from a record of operations to the files that are found afterwards.
//!
//! In: the recorder's log (`recorder.c`). Out: after each operation, the [`Image`]s that a disk may hold.
//! Source: fsync(2): what was synced stays, of the rest each sector may be there or not; names stay once their folder
//! was synced.
//! Not here: what an image must hold (`main.rs`).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value;

/// A disk writes so many octets whole or not at all.
const SECTOR: usize = 512;

/// One record of the log.
#[derive(Debug)]
pub enum Operation {
    Opened {
        file: u64,
        length: u64,
        path: String,
    },
    Written {
        file: u64,
        offset: usize,
        octets: Vec<u8>,
    },
    Cut {
        file: u64,
        length: usize,
    },
    Synced {
        file: u64,
    },
    Moved {
        from: String,
        to: String,
    },
    Gone {
        path: String,
    },
    /// A caller asks for something about one notification.
    Asked {
        connection: u64,
        request: String,
    },
    /// And is told this.
    Answered {
        connection: u64,
        status: u16,
        body: Value,
    },
    /// This number went out to the modem.
    Dialled {
        number: String,
    },
    /// The modem is told to hang up.
    HungUp,
    /// A page begins to go out to the modem.
    Page {
        connection: u64,
    },
    /// A mail on this connection is for the office of this number.
    Recipient {
        connection: u64,
        number: String,
    },
    /// Its content begins to go out.
    Content {
        connection: u64,
    },
    /// A modem or a relay says something, or a part of it.
    Heard {
        connection: u64,
        words: String,
    },
}

impl Operation {
    /// Behind it there is more to find on the disk, or more that must be there.
    pub fn is_a_place_to_cut(&self) -> bool {
        match self {
            Self::Asked { .. } | Self::HungUp | Self::Recipient { .. } | Self::Heard { .. } => {
                false
            }
            Self::Opened { .. }
            | Self::Written { .. }
            | Self::Cut { .. }
            | Self::Synced { .. }
            | Self::Moved { .. }
            | Self::Gone { .. }
            | Self::Answered { .. }
            | Self::Dialled { .. }
            | Self::Page { .. }
            | Self::Content { .. } => true,
        }
    }
}

/// Reads the log; the last record may be cut, as the program was killed.
pub fn operations(log: &[u8]) -> Vec<Operation> {
    let mut operations = Vec::new();
    let mut rest = log;
    while let Some((head, more)) = rest.split_first_chunk::<21>() {
        let number = |from: usize| {
            u64::from_le_bytes(head[from..from + 8].try_into().expect("eight octets"))
        };
        let (kind, file, offset) = (head[0], number(1), number(9));
        let length = u32::from_le_bytes(head[17..21].try_into().expect("four octets")) as usize;
        let Some((octets, more)) = more.split_at_checked(length) else { break };
        rest = more;
        let text = || String::from_utf8_lossy(octets).into_owned();
        operations.push(match kind {
            1 => Operation::Opened { file, length: offset, path: text() },
            2 => Operation::Written { file, offset: offset as usize, octets: octets.to_vec() },
            3 => Operation::Cut { file, length: offset as usize },
            4 => Operation::Synced { file },
            5 => {
                let both = text();
                let (from, to) = both.split_once('\0').expect("two paths");
                Operation::Moved { from: from.to_owned(), to: to.to_owned() }
            }
            6 => Operation::Gone { path: text() },
            7 => {
                let answer = text();
                let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
                let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
                let body = serde_json::from_str(body).unwrap_or_default();
                Operation::Answered { connection: file, status: status.expect("a status"), body }
            }
            8 => {
                Operation::Dialled { number: text().chars().filter(char::is_ascii_digit).collect() }
            }
            9 => Operation::Page { connection: file },
            10 => {
                let line = text();
                let number = line.split_once("<n").and_then(|(_, rest)| rest.split_once('@'));
                let number = number.map(|(number, _)| number.to_owned()).unwrap_or_default();
                Operation::Recipient { connection: file, number }
            }
            11 => Operation::Content { connection: file },
            12 => Operation::Asked { connection: file, request: text() },
            13 => Operation::Heard { connection: file, words: text() },
            14 => Operation::HungUp,
            other => panic!("the recorder does not write {other}"),
        });
    }
    operations
}

/// What of the unsynced is lost.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// All of it.
    Everything,
    /// None of it.
    Nothing,
    /// Some sectors, told by this seed.
    Sectors(u64),
}

/// The files of a folder, by name.
pub type Image = BTreeMap<String, Vec<u8>>;

enum Pending {
    Write { offset: usize, octets: Vec<u8> },
    Cut { length: usize },
}

#[derive(Default)]
struct File {
    synced: Vec<u8>,
    pending: Vec<Pending>,
}

enum Naming {
    Made { path: String, file: u64 },
    Moved { from: String, to: String },
    Gone { path: String },
}

/// A disk on the way.
pub struct Disk {
    folder: String,
    folder_file: Option<u64>,
    files: HashMap<u64, File>,
    /// As the program sees them.
    names: BTreeMap<String, u64>,
    synced_names: BTreeMap<String, u64>,
    pending_names: Vec<Naming>,
    /// fsync of files whose names end so does nothing: what a store would be that does not wait for its log.
    deaf_to: Option<&'static str>,
}

impl Disk {
    /// An empty folder. Syncs of files whose names end with `deaf_to` do nothing.
    pub fn new(folder: &Path, deaf_to: Option<&'static str>) -> Self {
        Self {
            folder: folder.to_str().expect("a path in UTF-8").to_owned(),
            folder_file: None,
            files: HashMap::new(),
            names: BTreeMap::new(),
            synced_names: BTreeMap::new(),
            pending_names: Vec::new(),
            deaf_to,
        }
    }

    pub fn take(&mut self, operation: &Operation) {
        match operation {
            Operation::Opened { file, path, .. } if Path::new(path) == Path::new(&self.folder) => {
                self.folder_file = Some(*file);
            }
            Operation::Opened { file, length, path } => {
                let is_new = self.names.insert(path.clone(), *file) != Some(*file);
                if is_new {
                    // The number of a deleted file is given again.
                    self.files.insert(*file, File::default());
                    self.pending_names.push(Naming::Made { path: path.clone(), file: *file });
                }
                if *length == 0 {
                    self.pend(*file, Pending::Cut { length: 0 });
                }
            }
            Operation::Written { file, offset, octets } => {
                self.pend(*file, Pending::Write { offset: *offset, octets: octets.clone() });
            }
            Operation::Cut { file, length } => self.pend(*file, Pending::Cut { length: *length }),
            Operation::Synced { file } if self.folder_file == Some(*file) => {
                for naming in std::mem::take(&mut self.pending_names) {
                    name(&mut self.synced_names, &naming);
                }
            }
            Operation::Synced { file } => {
                let is_deaf = self.deaf_to.is_some_and(|end| {
                    self.names.iter().any(|(path, of)| of == file && path.ends_with(end))
                });
                if !is_deaf && let Some(File { synced, pending }) = self.files.get_mut(file) {
                    pending.drain(..).for_each(|change| apply(synced, &change, |_sector| true));
                }
            }
            Operation::Moved { from, to } => {
                if let Some(file) = self.names.remove(from) {
                    self.names.insert(to.clone(), file);
                }
                self.pending_names.push(Naming::Moved { from: from.clone(), to: to.clone() });
            }
            Operation::Gone { path } => {
                self.names.remove(path);
                self.pending_names.push(Naming::Gone { path: path.clone() });
            }
            Operation::Asked { .. }
            | Operation::Answered { .. }
            | Operation::Dialled { .. }
            | Operation::HungUp
            | Operation::Page { .. }
            | Operation::Recipient { .. }
            | Operation::Content { .. }
            | Operation::Heard { .. } => {}
        }
    }

    fn pend(&mut self, file: u64, change: Pending) {
        self.files.entry(file).or_default().pending.push(change);
    }

    /// What is found after a power cut now.
    pub fn image(&self, loss: Loss) -> Image {
        let mut chance = Chance(match loss {
            Loss::Everything | Loss::Nothing => 0,
            Loss::Sectors(seed) => seed,
        });
        let mut keeps = |_sector: usize| match loss {
            Loss::Everything => false,
            Loss::Nothing => true,
            Loss::Sectors(_) => chance.coin(),
        };
        let mut names = self.synced_names.clone();
        // Names are journalled: in their order, up to some point.
        self.pending_names.iter().take_while(|_| keeps(0)).for_each(|new| name(&mut names, new));
        let content = |file: &u64, keeps: &mut dyn FnMut(usize) -> bool| {
            let Some(File { synced, pending }) = self.files.get(file) else { return Vec::new() };
            let mut octets = synced.clone();
            pending.iter().for_each(|change| apply(&mut octets, change, &mut *keeps));
            octets
        };
        let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        names.iter().map(|(path, file)| (base(path), content(file, &mut keeps))).collect()
    }
}

fn name(names: &mut BTreeMap<String, u64>, naming: &Naming) {
    match naming {
        Naming::Made { path, file } => {
            names.insert(path.clone(), *file);
        }
        Naming::Moved { from, to } => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
        Naming::Gone { path } => {
            names.remove(path);
        }
    }
}

/// Does a change as far as its sectors are kept.
fn apply(octets: &mut Vec<u8>, change: &Pending, mut keeps: impl FnMut(usize) -> bool) {
    match change {
        Pending::Cut { length } if keeps(0) => octets.resize(*length, 0),
        Pending::Cut { .. } => {}
        Pending::Write { offset, octets: new } => {
            let mut at = 0;
            while at < new.len() {
                let place = offset + at;
                let length = (SECTOR - place % SECTOR).min(new.len() - at);
                if keeps(place / SECTOR) {
                    if octets.len() < place + length {
                        octets.resize(place + length, 0);
                    }
                    octets[place..place + length].copy_from_slice(&new[at..at + length]);
                }
                at += length;
            }
        }
    }
}

/// Numbers that look like chance and are the same for the same seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn coin(&mut self) -> bool {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) & 1 == 1
    }
}
