//! The real daemon as a bench runs it: with a store on disk, and started again after it was killed.
//!
//! In: the program, usually of a release build, and what its settings say more. Out: its address, a token, its store, and
//! what the kernel says of it.
//! Not here: the software line (`tests/appliance`).

#![allow(dead_code, reason = "each program that includes this uses a part of it")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shirase::queue::sqlite::StoreKey;

/// A start that takes longer will not end: a store of a million takes seconds.
const START: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A gateway that is set up; its daemon runs or does not.
pub struct Gateway {
    folder: tempfile::TempDir,
    programs: Programs,
    port: u16,
    pub token: String,
    daemon: Option<Child>,
}

/// What is run.
#[derive(Clone)]
pub struct Programs {
    pub shirase: PathBuf,
    pub worker: PathBuf,
}

impl Programs {
    /// The daemon that the first argument names, or that of this build; the worker of this build.
    pub fn from_arguments() -> Self {
        let here = std::env::current_exe().expect("a path"); // target/<profile>/examples/<this>
        let built = here.parent().and_then(Path::parent).expect("target/<profile>");
        let programs = Self {
            shirase: std::env::args_os()
                .nth(1)
                .map_or_else(|| built.join("shirase"), PathBuf::from),
            worker: built.join("shirase-sheet"),
        };
        for program in [&programs.shirase, &programs.worker] {
            assert!(program.exists(), "{} is missing: `make build`", program.display());
        }
        programs
    }
}

impl Gateway {
    /// Makes key, token and settings; `more`, which is told the folder, stands behind the tables that every gateway has.
    pub fn new(programs: &Programs, more: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempfile::tempdir_in(beside_this_program()).expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = port.expect("a port").port();
        let mut gateway =
            Self { folder, programs: programs.clone(), port, token: String::new(), daemon: None };
        gateway.run(&["key", "new", &gateway.place("master-key")]);
        let tokens = gateway.place("tokens");
        let made = [
            "token",
            "new",
            "bench",
            "--scope",
            "notify,read,numbers,lines",
            "--tokens-file",
            &tokens,
        ];
        gateway.token = gateway.run(&made);
        let settings = format!(
            r#"
[http]
listen = "127.0.0.1:{port}"
tokens_file = "{tokens}"
[store]
path = "{store}"
key_file = "{key}"
[site]
name = "書類交換サイト"
url = "https://exchange.example.jp/"
help_name = "書類交換サイト 窓口"
help_phone = "03-0000-0000"
help_hours = "平日 9:00～17:00"
[sheet]
program = "{worker}"
templates = "{templates}"
[calling]
hours = "always_open"
self_test = "never"
keys_only_to_proven = false
{more}"#,
            store = gateway.store().display(),
            key = gateway.place("master-key"),
            worker = programs.worker.display(),
            templates = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/fax"),
            more = more(gateway.folder.path()),
        );
        fs::write(gateway.place("shirase.toml"), settings).expect("settings");
        gateway
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn store(&self) -> PathBuf {
        self.path("queue.db")
    }

    pub fn key(&self) -> StoreKey {
        let octets = fs::read(self.path("master-key")).expect("the key");
        StoreKey::new(octets.try_into().expect("32 octets"))
    }

    fn place(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    fn run(&self, arguments: &[&str]) -> String {
        let ended = Command::new(&self.programs.shirase).args(arguments).output().expect("it runs");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).expect("text").trim().to_owned()
    }

    /// Starts the daemon and waits until it answers for all it has to do; how long that took to the first answer.
    pub fn start(&mut self, environment: &[(&str, String)]) -> Duration {
        let log = File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let began = wall();
        let daemon = Command::new(&self.programs.shirase)
            .args(["serve", "--config", &self.place("shirase.toml")])
            .env_remove("JOURNAL_STREAM")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the daemon starts");
        self.daemon = Some(daemon);
        self.until("it answers", |gateway| gateway.get("/healthz"));
        began.elapsed()
    }

    /// Waits until every kind of sheet was tried, which takes longer than a start.
    pub fn await_sheets(&mut self) {
        self.until("its sheets are tried", |gateway| {
            gateway.since_start().contains("render.sheets.tried failed=0")
        });
    }

    fn since_start(&self) -> String {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let start = log.rfind("app.store.opened").unwrap_or(0);
        log.get(start..).unwrap_or_default().to_owned()
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().expect("kill");
            daemon.wait().expect("wait");
        }
    }

    /// How long a GET takes whose answer is a success.
    pub fn look(&self, path: &str) -> Duration {
        let began = wall();
        assert!(self.get(path), "{path}");
        began.elapsed()
    }

    /// SIGTERM, and waits.
    pub fn stop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let sent = Command::new("kill").arg("-TERM").arg(daemon.id().to_string()).status();
            assert!(sent.expect("kill(1)").success());
            let ended = daemon.wait().expect("wait");
            assert!(ended.success(), "{ended}\n{}", self.log());
        }
    }

    /// Whether a GET is answered with success.
    fn get(&self, path: &str) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address()) else { return false };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            self.token
        );
        let mut answer = String::new();
        let _broken =
            stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        answer.starts_with("HTTP/1.1 2")
    }

    fn until(&mut self, what: &str, seen: impl Fn(&Self) -> bool) {
        let began = wall();
        while !seen(self) {
            let ended = self.daemon.as_mut().and_then(|daemon| daemon.try_wait().ok().flatten());
            assert!(ended.is_none(), "the daemon ended before {what}: {ended:?}\n{}", self.log());
            assert!(began.elapsed() < START, "waited in vain until {what}\n{}", self.log());
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The end of what it has logged.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn of_the_kernel(&self, file: &str) -> String {
        let id = self.daemon.as_ref().expect("a daemon runs").id();
        fs::read_to_string(format!("/proc/{id}/{file}")).expect("it runs")
    }

    /// The most memory that it ever had.
    pub fn peak_memory_mib(&self) -> u64 {
        let status = self.of_the_kernel("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib >> 10
    }

    /// Time on a processor, its own and the kernel's for it.
    pub fn busy(&self) -> Duration {
        /// `getconf CLK_TCK`, 100 on every Linux.
        const TICK: Duration = Duration::from_millis(10);
        let stat = self.of_the_kernel("stat");
        let behind_name = stat.rsplit_once(')').expect("a name").1;
        let figures = behind_name.split_whitespace().skip(11).take(2);
        TICK * figures.map(|ticks| ticks.parse::<u32>().expect("a number")).sum::<u32>()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}

/// On the disk on which everything is built: `/tmp` may be memory.
fn beside_this_program() -> PathBuf {
    std::env::current_exe().expect("a path").parent().expect("a folder").to_owned()
}

#[allow(clippy::disallowed_methods, reason = "a measurement in wall time")]
pub fn wall() -> Instant {
    Instant::now()
}
