//! Jobs that `sendfax` submits to a HylaFAX of ours.
//!
//! In: the folder where `.ci/unpack` put the package; root, because its programs change to the user uucp. Out: jobs a second.
//! Its whole spool is a folder of ours: nothing of it is installed, and no service runs. It has no modem, so every job waits.
//! Source: sendfax(1), hfaxd(8), faxq(8), hylafax-server(5), typerules(5) of HylaFAX 6.0.7.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::gateway::wall;

const SUBMITTED: u32 = 60;
const START: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Of its spool, what a server without a modem needs.
const FOLDERS: [&str; 15] = [
    "archive", "bin", "client", "config", "dev", "docq", "doneq", "etc", "info", "log", "pollq",
    "recvq", "sendq", "status", "tmp",
];
const DOCUMENT: &str = "%!PS-Adobe-3.0\n%%Pages: 1\nshowpage\n";
/// The first octets of a document that goes to the server as it is.
const TYPES: &str = "0\tstring\t%!\tps\n";

/// Submits one job after the other, as one who waits for each does; how many in a second.
pub fn submissions() -> f64 {
    let package = package();
    let folder = tempfile::tempdir_in(package.parent().expect("a folder")).expect("a folder");
    let home = folder.path();
    fs::set_permissions(home, fs::Permissions::from_mode(0o755)).expect("our own folder");
    let spool = home.join("spool");
    make_spool(&spool);
    fs::write(home.join("document.ps"), DOCUMENT).expect("a document");
    fs::write(home.join("types"), TYPES).expect("its type");
    fs::write(home.join(".hylarc"), format!("typerules: {}\n", home.join("types").display()))
        .expect("settings of sendfax");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let port = port.expect("a port").port();
    let _queue = Server::start(&package, "faxq", &["-D"], &spool);
    until("faxq listens", || spool.join("FIFO").exists());
    let _door = Server::start(&package, "hfaxd", &["-d", "-i", &port.to_string()], &spool);
    until("hfaxd listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());

    let began = wall();
    for _ in 0..SUBMITTED {
        let submitted = command(&package, "bin/sendfax")
            .env("HOME", home)
            .args(["-n", "-h", &format!("localhost:{port}"), "-d", "0312345678"])
            .arg(home.join("document.ps"))
            .output()
            .expect("sendfax runs");
        let said = String::from_utf8_lossy(&submitted.stderr);
        assert!(submitted.status.success(), "sendfax: {said}");
    }
    let rate = f64::from(SUBMITTED) / began.elapsed().as_secs_f64();
    let waiting = fs::read_dir(spool.join("sendq")).expect("its queue").filter_map(Result::ok);
    let waiting =
        waiting.filter(|job| job.file_name().as_encoded_bytes().starts_with(b"q")).count();
    assert_eq!(waiting, SUBMITTED as usize, "jobs in its queue");
    rate
}

/// One of its programs; killed when dropped.
struct Server(Child);

impl Server {
    fn start(package: &Path, name: &str, arguments: &[&str], spool: &Path) -> Self {
        let started = command(package, &format!("sbin/{name}"))
            .args(arguments)
            .arg("-q")
            .arg(spool)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(started.unwrap_or_else(|error| panic!("{name} starts as root: {error}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn make_spool(spool: &Path) {
    for folder in FOLDERS {
        fs::create_dir_all(spool.join(folder)).expect("a folder of the spool");
    }
    for (name, content) in [
        ("etc/setup.cache", ""),
        ("etc/config", ""),
        ("etc/hosts.hfaxd", "127.0.0.1:10::\nlocalhost:10::\n"),
        ("log/xferfaxlog", ""),
        ("docq/seqf", "1"),
        ("sendq/seqf", "1"),
        ("recvq/seqf", "1"),
    ] {
        fs::write(spool.join(name), content).expect("a file of the spool");
    }
    let secret = fs::Permissions::from_mode(0o600);
    fs::set_permissions(spool.join("etc/hosts.hfaxd"), secret).expect("for its owner");
    let uucp = crate::servers::postfix::id_of("uucp");
    let mut left = vec![spool.to_owned()];
    while let Some(path) = left.pop() {
        chown(&path, Some(uucp), None).expect("root may give files away: run it as root");
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of ours").filter_map(Result::ok);
            left.extend(entries.map(|entry| entry.path()));
        }
    }
}

fn command(package: &Path, program: &str) -> Command {
    let mut command = Command::new(package.join("usr").join(program));
    command.env("LD_LIBRARY_PATH", package.join("usr/lib/hylafax"));
    command
}

/// Where `.ci/unpack` puts packages that are used without being installed.
fn package() -> PathBuf {
    let here = std::env::current_exe().expect("a path"); // target/<profile>/examples/<this>
    let built = here.parent().and_then(Path::parent).expect("target/<profile>");
    let package = built.join("unpacked/hylafax-server");
    assert!(package.exists(), "{}: `.ci/unpack` puts it there", package.display());
    package
}

fn until(what: &str, seen: impl Fn() -> bool) {
    let began = wall();
    while !seen() {
        assert!(began.elapsed() < START, "waited in vain: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
