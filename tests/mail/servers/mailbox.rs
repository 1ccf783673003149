//! A mailbox as its files: one mail, one file (maildir(5)).

use std::fs;
use std::path::{Path, PathBuf};

use super::postfix::{KEEPER, KEEPERS};
use super::unpacked::as_root;

/// A Maildir; it is made with the first mail.
pub struct Mailbox(PathBuf);

impl Mailbox {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Every mail of it, also those that a client has seen, oldest first.
    pub fn mails(&self) -> Vec<String> {
        read(&[self.0.join("new"), self.0.join("cur")])
    }

    /// Every mail of one of its folders, e.g. `Done`.
    pub fn folder(&self, name: &str) -> Vec<String> {
        let folder = self.0.join(format!(".{name}"));
        read(&[folder.join("new"), folder.join("cur")])
    }

    /// Puts a mail there as if it had come.
    pub fn put(&self, name: &str, mail: &[u8]) {
        put(&self.0, name, mail);
    }

    /// Puts a mail into one of its folders.
    pub fn put_in(&self, folder: &str, name: &str, mail: &[u8]) {
        put(&self.0.join(format!(".{folder}")), name, mail);
    }
}

fn put(folder: &Path, name: &str, mail: &[u8]) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), mail).expect("a mail");
    let parts = ["", "new", "cur", "tmp"].map(|part| folder.join(part));
    let owner = ["-o", KEEPER, "-g", KEEPERS];
    let mut folders = as_root(&[]);
    folders.args(["install", "-d", "-m", "700"]).args(owner).args(parts);
    let mut put = as_root(&[]);
    // First beside it: whoever looks finds all of it or nothing.
    let (beside, there) = (folder.join("tmp").join(name), folder.join("new").join(name));
    put.args(["install", "-m", "600"]).args(owner).arg(file.path()).arg(&beside);
    let mut rename = as_root(&[]);
    rename.arg("mv").arg(beside).arg(there);
    for mut command in [folders, put, rename] {
        assert!(command.status().is_ok_and(|done| done.success()), "a mail is put there");
    }
}

fn read(folders: &[PathBuf]) -> Vec<String> {
    let mut mails: Vec<PathBuf> = folders.iter().flat_map(|folder| files(folder)).collect();
    // A file's name begins with the second in which the mail came.
    mails.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    mails.iter().filter_map(|path| content(path)).collect()
}

/// Not all of it is ours if we are not root.
fn files(folder: &Path) -> Vec<PathBuf> {
    let listed = as_root(&[]).args(["ls", "-A"]).arg(folder).output().expect("ls runs");
    let names = String::from_utf8(listed.stdout).expect("names");
    names.lines().map(|name| folder.join(name)).collect()
}

/// `None` if a client has just moved it.
fn content(path: &Path) -> Option<String> {
    let read = as_root(&[]).arg("cat").arg(path).output().expect("cat runs");
    read.status.success().then(|| String::from_utf8(read.stdout).expect("mail is ASCII here"))
}
