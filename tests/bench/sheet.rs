//! `make bench-sheet`: what a sheet costs from JSON to coded page, beside Ghostscript from a ready PDF of it.
//!
//! In: `sheet.json`, the fields of a usual first contact, and `sheet.pdf`, the same page as the PDF export
//! of typst 0.15.2 wrote it: Ghostscript's part is only to paint and code it, the QR code it is spared. SHEETS (5000)
//! is how many sheets one worker draws before its memory is read for the last time, each with credentials of
//! its own.
//! Out: processor time and wall time, median and 95th percentile, of rounds in which all take their turn;
//! octets of the page; resident memory of the worker on the way.
//! Method: processor time of the processes that work, from the kernel's accounts, so that a busy machine moves
//! it little; wall time beside it. Both resolutions of a sheet are painted by one request, as a call does it;
//! one is coded.
//! Not here: goals; the templates as they are, which `make sheet-bytes` looks at.
#![allow(unsafe_code, reason = "the account of ended processes is the system's")]

use std::error::Error;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use sheet::wire::{self, Answer, Ask};
use t4::{Coding, Encoding};

/// Odd, so that the median is one of them.
const ROUNDS: usize = 41;
const FONTS: &str = "/usr/share/fonts/truetype/bizud-gothic";
/// What people read as a password, and no letter that needs a reading.
const LETTERS: &[u8] = b"ABDEFHKMNPRT3479abdefhmnrty";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bench");
    let fields: Value = serde_json::from_slice(&std::fs::read(folder.join("sheet.json"))?)?;
    let sheets: u32 = match std::env::var("SHEETS") {
        Ok(sheets) => sheets.parse()?,
        Err(_) => 5000,
    };
    let out = tempfile::tempdir()?;

    let mut worker = Worker::start()?;
    worker.coded(&fields, 0)?; // so that it is warm
    let (mut warm, mut cold, mut peer) = (Vec::new(), Vec::new(), Vec::new());
    let mut octets = 0;
    for round in 0..ROUNDS {
        let number = u32::try_from(round)?;
        warm.push(worker.timed(&fields, number, &mut octets)?);
        cold.push(timed_process(|| {
            let mut worker = Worker::start()?;
            worker.coded(&fields, number)?;
            worker.end()
        })?);
        peer.push(timed_process(|| ghostscript(&folder.join("sheet.pdf"), out.path()))?);
    }
    let peer_octets = strip_octets(&out.path().join("page.tif"))?;

    println!(
        "{ROUNDS} rounds, ms                    processor   95 %     wall   95 %   octets of MMR"
    );
    let warm = row("JSON to coded page, warm worker", &mut warm, octets);
    let cold = row("the same, with a process started", &mut cold, octets);
    let peer = row("Ghostscript tiffg4, ready PDF", &mut peer, peer_octets);
    println!("Ghostscript / warm {:.1}, / cold {:.2}\n", peer / warm, peer / cold);

    println!("sheets of one worker   resident MiB");
    for number in 1..=sheets {
        worker.coded(&fields, number)?;
        if [1, 10, 100, 1000].contains(&number) || number == sheets {
            println!("{number:>20}   {:>12.1}", worker.resident_kib()? as f64 / 1024.0);
        }
    }
    worker.end()
}

/// One sheet or process: processor time and wall time.
#[derive(Clone, Copy)]
struct Took {
    processor_ms: f64,
    wall_ms: f64,
}

/// Prints a row of the table; gives the median of processor time.
fn row(name: &str, took: &mut [Took], octets: usize) -> f64 {
    let quantiles = |of: fn(&Took) -> f64| {
        let mut all: Vec<f64> = took.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        (all[all.len() / 2], all[all.len() * 95 / 100])
    };
    let (processor, processor_95) = quantiles(|took| took.processor_ms);
    let (wall, wall_95) = quantiles(|took| took.wall_ms);
    println!("{name:<34}{processor:8.1} {processor_95:6.1} {wall:8.1} {wall_95:6.1} {octets:8}");
    processor
}

/// The worker as its keeper runs it, without limits.
struct Worker {
    process: Child,
    to: BufWriter<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Worker {
    fn start() -> Outcome<Self> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        // Examples are built beside the programs, in a folder of their own.
        let examples = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
        let mut process = Command::new(examples.join("../shirase-sheet"))
            .arg(repository.join("templates/fax"))
            .arg(FONTS)
            .env_clear()
            .envs([("RAYON_NUM_THREADS", "1"), ("MALLOC_ARENA_MAX", "1")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (to, from) = (process.stdin.take(), process.stdout.take());
        let (to, from) = to.zip(from).ok_or("no pipes")?;
        Ok(Self { process, to: BufWriter::new(to), from: BufReader::new(from) })
    }

    /// Draws a sheet with credentials of its own and codes the fine page.
    fn coded(&mut self, fields: &Value, number: u32) -> Outcome<Vec<u8>> {
        let mut fields = fields.clone();
        let mut state = u64::from(number);
        for name in ["login_id", "password", "first_time_key"] {
            let length = fields["credentials"][name].as_str().map_or(0, str::len);
            let letters: String = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    char::from(LETTERS[(state >> 33) as usize % LETTERS.len()])
                })
                .collect();
            fields["credentials"][name] = json!(letters);
        }
        let ask = Ask::Draw { template: String::from("first_contact"), fields };
        wire::write_ask(&mut self.to, &ask)?;
        match wire::read_answer(&mut self.from)?? {
            Answer::Drawn(drawn) => Ok(t4::encode(&drawn.fine.page, &Encoding::file(Coding::Mmr))),
            Answer::Coverage(_) => Err("another answer".into()),
        }
    }

    fn timed(&mut self, fields: &Value, number: u32, octets: &mut usize) -> Outcome<Took> {
        let (start, before) = (now(), self.processor_ms()? + own_ms(libc::RUSAGE_SELF));
        *octets = self.coded(fields, number)?.len();
        let wall_ms = start.elapsed().as_secs_f64() * 1e3;
        let processor_ms = self.processor_ms()? + own_ms(libc::RUSAGE_SELF) - before;
        Ok(Took { processor_ms, wall_ms })
    }

    /// Of all its threads.
    fn processor_ms(&self) -> Outcome<f64> {
        let mut total_ns = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let account = std::fs::read_to_string(task?.path().join("schedstat"))?;
            total_ns += account.split(' ').next().ok_or("an empty account")?.parse::<u64>()?;
        }
        Ok(total_ns as f64 / 1e6)
    }

    fn resident_kib(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no VmRSS")?;
        Ok(size.trim().parse()?)
    }

    fn end(mut self) -> Outcome<()> {
        drop(self.to);
        match self.process.wait()?.success() {
            true => Ok(()),
            false => Err("the worker failed".into()),
        }
    }
}

/// 204.14 × 195.58 dpi are 8.037 pels and 7.7 rows a millimetre.
fn ghostscript(pdf: &Path, out: &Path) -> Outcome<()> {
    let mut to = std::ffi::OsString::from("-sOutputFile=");
    to.push(out.join("page.tif"));
    let status = Command::new("gs")
        .args(["-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=tiffg4", "-r204.14x195.58"])
        .arg(to)
        .arg(pdf)
        .status()
        .map_err(|error| format!("gs (Debian: ghostscript): {error}"))?;
    if status.success() { Ok(()) } else { Err("gs failed".into()) }
}

/// Octets of the page itself in a fax file, without directory and white at the foot of A4, which costs one bit
/// a row.
fn strip_octets(file: &Path) -> Outcome<usize> {
    let pages = t4::container::read(std::io::Cursor::new(std::fs::read(file)?))?;
    let [page] = pages.as_slice() else { return Err("not one page".into()) };
    Ok(t4::encode(&page.page, &Encoding::file(Coding::Mmr)).len())
}

/// A process from its start to its end.
fn timed_process(run: impl FnOnce() -> Outcome<()>) -> Outcome<Took> {
    let (start, before) = (now(), own_ms(libc::RUSAGE_CHILDREN));
    run()?;
    let wall_ms = start.elapsed().as_secs_f64() * 1e3;
    Ok(Took { processor_ms: own_ms(libc::RUSAGE_CHILDREN) - before, wall_ms })
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}

/// Processor time of this process, or of those that it has waited for.
fn own_ms(whose: libc::c_int) -> f64 {
    // SAFETY: all zero is a valid `rusage`, and the pointer is to it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(whose, &raw mut usage), 0, "Linux has this account");
        usage
    };
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    ms(usage.ru_utime) + ms(usage.ru_stime)
}
