//! The keeper of the worker process: starts it confined, asks it, ends it when it is late or worn.
//!
//! In: [`Request`]s. Out: sheets, or [`SheetError`]. One thread per process starts it and talks to
//! it, so that the caller can wait with a deadline and without a clock.
//! Source: prctl(2), setrlimit(2), `close_range(2)`.
//! Not here: what is said (`wire.rs`), what the worker does (`src/bin/shirase-sheet`).

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::wire::{self, Answer, Ask};
use crate::{Coverage, Drawn, Request, SheetError};

/// After so many answers a process is replaced, should the typesetter keep anything for ever after all.
/// Measured: resident memory is the same after 10 sheets and after 5 000, and a start costs 32 ms.
const ANSWERS_PER_PROCESS: u32 = 1000;
/// Files a worker may have open: three pipes, a template and a font, with room for the C library.
const MAX_OPEN_FILES: u64 = 32;
/// How much of a dead worker's last words is kept.
const LAST_WORDS_OCTETS: u64 = 512;

/// How the worker process is run.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// The `shirase-sheet` program.
    pub program: PathBuf,
    /// Folder of `*.typ`; nothing outside it can be read by a template.
    pub templates: PathBuf,
    /// Font files, or folders of them. One that is not there is an error: a sheet that silently
    /// falls back to another face would differ between two machines.
    pub fonts: Vec<PathBuf>,
    /// Longest time for one answer, the start of the process included.
    pub deadline: Duration,
    /// Address space of the worker, in octets. Measured with the BIZ UDGothic fonts: 65 MB for
    /// a usual sheet; what only the renderer can draw takes 20 MB more.
    pub memory_limit: u64,
}

/// Keeper of one worker process; a worker that dies or overruns is ended and started anew.
pub struct Worker {
    settings: WorkerSettings,
    process: Option<Process>,
}

impl Worker {
    /// Keeps settings; the process starts with the first sheet.
    #[must_use]
    pub fn new(settings: WorkerSettings) -> Self {
        Self { settings, process: None }
    }

    /// Draws a sheet at both resolutions; blocks for at most the deadline, or twice that if a process which had
    /// answered before breaks off: then a new one is asked once.
    ///
    /// # Errors
    /// Any [`SheetError`]. After [`SheetError::Deadline`] and [`SheetError::Worker`] the process is
    /// gone, and the next request starts a new one.
    pub fn draw(&mut self, request: &Request) -> Result<Drawn, SheetError> {
        let ask = Ask::Draw { template: request.template.clone(), fields: request.fields.clone() };
        match self.ask(ask)? {
            Answer::Drawn(drawn) => Ok(drawn),
            Answer::Coverage(_) => Err(self.confused()),
        }
    }

    /// The characters for which a face that templates name has a glyph.
    ///
    /// # Errors
    /// [`SheetError::Font`], [`SheetError::Template`] for a folder that cannot be read, and as for
    /// [`Worker::draw`].
    pub fn coverage(&mut self) -> Result<Coverage, SheetError> {
        match self.ask(Ask::Coverage)? {
            Answer::Coverage(coverage) => Ok(coverage),
            Answer::Drawn(_) => Err(self.confused()),
        }
    }

    fn ask(&mut self, ask: Ask) -> Result<Answer, SheetError> {
        if let Some(kept) = self.process.take() {
            match self.ask_of(kept, ask.clone()) {
                // It may have ended long ago, for want of memory on the machine: no fault of this sheet.
                Err(SheetError::Worker { .. }) => {}
                asked => return asked?,
            }
        }
        self.ask_of(Process::start(&self.settings)?, ask)?
    }

    /// Asks a process, and keeps it if it has answered and may go on: dropping it ends it. An outer error means
    /// that it broke off.
    fn ask_of(
        &mut self,
        mut process: Process,
        ask: Ask,
    ) -> Result<Result<Answer, SheetError>, SheetError> {
        let answer = process.ask(ask, self.settings.deadline)?;
        if process.answers_given < ANSWERS_PER_PROCESS {
            self.process = Some(process);
        }
        Ok(answer)
    }

    /// Ends a process that answers something else than it was asked.
    fn confused(&mut self) -> SheetError {
        self.process = None;
        SheetError::Worker { detail: String::from("it answered another question") }
    }
}

/// What the process said to one request; `Err` if the conversation broke off.
type Said = io::Result<Result<Answer, SheetError>>;

/// A worker that was started. Dropping it kills the process and waits for its end.
struct Process {
    child: Child,
    asks: Sender<Ask>,
    answers: Receiver<Said>,
    answers_given: u32,
}

impl Process {
    fn start(settings: &WorkerSettings) -> Result<Self, SheetError> {
        let failed = |error: io::Error| SheetError::Worker {
            detail: format!("cannot start {}: {error}", settings.program.display()),
        };
        let mut command = Command::new(&settings.program);
        command.arg(&settings.templates).args(&settings.fonts);
        // One thread and one arena: each further one would reserve address space under the limit.
        command.env_clear().env("RAYON_NUM_THREADS", "1").env("MALLOC_ARENA_MAX", "1");
        command.current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        confine(&mut command, settings);

        let (asks, asked) = mpsc::channel();
        let (answered, answers) = mpsc::channel();
        let (start, started) = mpsc::channel();
        let name = String::from("sheet-worker");
        let talk = move || converse(&mut command, &start, &asked, &answered);
        thread::Builder::new().name(name).spawn(talk).map_err(failed)?;
        match started.recv() {
            Ok(Ok(child)) => Ok(Self { child, asks, answers, answers_given: 0 }),
            Ok(Err(error)) => Err(failed(error)),
            Err(mpsc::RecvError) => Err(failed(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Asks one thing. An outer error means that the process is of no more use.
    fn ask(
        &mut self,
        ask: Ask,
        deadline: Duration,
    ) -> Result<Result<Answer, SheetError>, SheetError> {
        if self.asks.send(ask).is_err() {
            return Err(self.gone("it ended between two sheets"));
        }
        match self.answers.recv_timeout(deadline) {
            Ok(Ok(answer)) => {
                self.answers_given += 1;
                Ok(answer)
            }
            Ok(Err(error)) => Err(self.gone(&error.to_string())),
            Err(RecvTimeoutError::Timeout) => Err(SheetError::Deadline { deadline }),
            Err(RecvTimeoutError::Disconnected) => Err(self.gone("it stopped answering")),
        }
    }

    /// How the process ended, with its last words if it had any.
    fn gone(&mut self, cause: &str) -> SheetError {
        let status = match self.child.kill().and_then(|()| self.child.wait()) {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let mut words = Vec::new();
        if let Some(stderr) = self.child.stderr.take() {
            // What cannot be read is not there; the status alone then has to do.
            let _ = stderr.take(LAST_WORDS_OCTETS).read_to_end(&mut words);
        }
        let words = String::from_utf8_lossy(&words);
        let words = words.trim();
        let detail = match words.is_empty() {
            true => format!("{cause} ({status})"),
            false => format!("{cause} ({status}): {words}"),
        };
        SheetError::Worker { detail }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has been waited for already. The thread that talks to it then reads
        // the end of the pipe and ends too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the process and carries messages until either side is gone. The thread that starts it
/// must live as long as it does: `PR_SET_PDEATHSIG` counts the thread as the parent.
fn converse(
    command: &mut Command,
    start: &Sender<io::Result<Child>>,
    asks: &Receiver<Ask>,
    answers: &Sender<Said>,
) {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            // If nobody waits for the child any more, nobody misses the error.
            let _ = start.send(Err(error));
            return;
        }
    };
    let (Some(mut to), Some(mut from)) = (child.stdin.take(), child.stdout.take()) else {
        return; // cannot be: both were asked for as pipes
    };
    if start.send(Ok(child)).is_err() {
        return;
    }
    for ask in asks {
        let said = wire::write_ask(&mut to, &ask).and_then(|()| wire::read_answer(&mut from));
        let broken = said.is_err();
        if answers.send(said).is_err() || broken {
            return;
        }
    }
}

/// What the process may not do, set between fork and exec so that no instruction of it runs without.
#[expect(unsafe_code, reason = "limits of a child can only be set in the child, before exec")]
fn confine(command: &mut Command, settings: &WorkerSettings) {
    use std::os::unix::process::CommandExt;

    let cpu_seconds = settings.deadline.as_secs().saturating_add(1);
    let limits = [
        (libc::RLIMIT_AS, settings.memory_limit),
        // The deadline is the real limit. This one, for a whole life of sheets, ends a process that runs on
        // because its keeper is stopped.
        (libc::RLIMIT_CPU, cpu_seconds.saturating_mul(ANSWERS_PER_PROCESS.into())),
        (libc::RLIMIT_NOFILE, MAX_OPEN_FILES),
        // A page with a secret touches no disk: neither as a file nor as a core. Where cores go to a
        // program, the worker itself forbids them.
        (libc::RLIMIT_FSIZE, 0),
        (libc::RLIMIT_CORE, 0),
    ];
    let set_limits = move || {
        for (resource, limit) in limits {
            let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
            // SAFETY: `limit` lives through the call.
            checked(unsafe { libc::setrlimit(resource, &raw const limit) })?;
        }
        // SAFETY: plain numbers in, no memory touched. Descriptors are closed by exec, not here,
        // because the standard library reports a failed exec through one of them.
        unsafe {
            checked(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
            checked(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
            #[expect(clippy::cast_possible_wrap, reason = "a flag bit, far from the sign")]
            let cloexec = libc::CLOSE_RANGE_CLOEXEC as libc::c_int;
            checked(libc::close_range(3, libc::c_uint::MAX, cloexec))
        }
    };
    // SAFETY: the closure only makes system calls, which is all that may be done after fork.
    unsafe { command.pre_exec(set_limits) };
}

fn checked(returned: libc::c_int) -> io::Result<()> {
    if returned == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
