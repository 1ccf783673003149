//! The queue in SQLite: WAL, `synchronous=FULL`, one writer thread with group commit, one reader thread, one that writes the log
//! back; single rows are looked up where they are asked for.
//!
//! In: a path, the key of the credentials, the time. Out: a [`Queue`] whose answers are on disk.
//!
//! | file | does |
//! |---|---|
//! | `file` | opens or makes the file, refuses what is not sound |
//! | `look` | a look from outside, that changes nothing |
//! | `recover` | ends what a crash left open |
//! | `writer` | the one thread that writes |
//! | `log` | the log, written back beside the writer |
//! | `accept` | what is taken on, once |
//! | `appliance` | which store it is, and what is held |
//! | `high_water` | how far the store has come, in a file of its own |
//! | `claim` | whose turn on a line it is; what has run out |
//! | `mails` | whose turn in a lane it is; mails by domain |
//! | `receipts` | what comes in later about an attempt, or does not |
//! | `offices` | what clients report of offices |
//! | `cancel` | what is withdrawn |
//! | `resolution` | what is decided about uncertain ones, and who is reminded to |
//! | `changes` | every change of a state, with its event |
//! | `history` | a mark on each event, and whether all are as they were written |
//! | `views` | what clients may see |
//! | `numbers` | what is remembered of a number |
//! | `calls` | what passed on calls |
//! | `room` | how much of the disk is left, and a reserve of it |
//! | `tally` | what there is, counted |
//! | `forget` | what is over for so long that nobody asks for it |
//! | `webhooks` | what endpoints have been told |
//! | `record` | rows to jobs and back |
//! | `fault` | what can go wrong |

mod accept;
mod appliance;
mod calls;
mod cancel;
mod changes;
mod claim;
mod fault;
mod file;
mod forget;
mod high_water;
mod history;
mod log;
mod look;
mod mails;
mod numbers;
mod offices;
mod receipts;
mod record;
mod recover;
mod resolution;
mod room;
mod tally;
mod views;
mod webhooks;
mod writer;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod decision_tests;
#[cfg(test)]
mod history_tests;
#[cfg(test)]
mod long_queue_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod restored_tests;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::watch;

use self::fault::Fault;
use self::history::History;
use self::log::Log;
pub use self::look::{StoreSeen, look_at};
pub use self::recover::Recovered;
pub use self::room::LEAST_FREE;
use self::room::Room;
use self::writer::{Beside, Effect, Writer};
use super::calls::MOST_OCTETS;
use super::seal::Sealer;
pub use super::seal::StoreKey;
use super::{
    Acceptance, Accepted, Alarm, Appliance, CallFilter, CallId, CallRecord, CallRow, Cancelled,
    Claim, Dialled, Feed, Filter, Fingerprint, Held, HoldReason, LineAsk, MailAsk, MailClaim,
    MailDomain, Note, NumberId, NumberRow, OneHeld, Pace, Pending, Place, Queue, QueueError,
    Received, ReceivedMail, Resolution, Resolved, Signed, Step, Swept, Tally, Unreadable, View,
    WebhookBoard, WebhookEndpoint, WebhookOpened, WebhookOutcome, WebhookWork,
};
use crate::app::crash::{self, Point};
use crate::job::{
    AttemptId, ClientId, FaxNumber, IdempotencyKey, JobId, OfficeNumber, Sign, UnixMillis,
};
use crate::office::known::{Known, Lock};
use crate::office::{Office, OfficeChange, Route};
use crate::schedule::windows::Windows;
use crate::settle::Settlement;
use crate::settle::mailing::Overdue;

/// The version of a job's credentials; later ones come by a decision.
const FIRST_VERSION: u32 = 1;

/// An open store. Dropping it lets what waits finish, writes the log back and gives the file free.
pub struct Sqlite {
    sealer: Arc<Sealer>,
    /// When a FAX can follow a mail.
    windows: Arc<Windows>,
    room: Arc<Room>,
    alarm: Alarm,
    history: Arc<Mutex<History>>,
    /// Of looking for what is to be forgotten.
    round: forget::Round,
    // Fields drop in this order: the writer last, so that closing it writes the log back, then the lock.
    lookups: Lookups,
    reader: Reader,
    writer: Writer,
    _lock: file::Lock,
}

impl Sqlite {
    /// Opens the store at `path`, or makes one, and ends what a crash left open. In `windows` a FAX can follow what went
    /// by mail.
    ///
    /// # Errors
    /// [`QueueError::InUse`] if another process has it; [`QueueError::Broken`] if the file is not one that
    /// this program and key can use: it is then as it was; [`QueueError::Failing`] and [`QueueError::Full`], which pass.
    pub fn open(
        path: &Path,
        key: &StoreKey,
        windows: Windows,
        now: UnixMillis,
    ) -> Result<(Self, Recovered), QueueError> {
        let (sealer, windows) = (Arc::new(Sealer::new(key)), Arc::new(windows));
        let lock = file::lock(path)?;
        let (high_water, found) = file::open_high_water(path)?;
        let mut conn = file::open(&lock, path, &sealer)?;
        let lookups = Lookups(Mutex::new(file::open_reader(path, &sealer)?));
        let reader = Reader::start(file::open_reader(path, &sealer)?).map_err(no_thread)?;
        let (room, alarm) = (Arc::new(file::room(path)), Alarm::default());
        let log = Log::watch(&mut conn, file::open_for_log(path)?);
        let log = log.map_err(no_thread)?;
        let beside = Beside { high_water, log, room: room.clone(), alarm: alarm.clone() };
        let writer = Writer::start(conn, Box::new(writer::commit), Some(beside));
        let writer = writer.map_err(no_thread)?;
        let (opener, hours) = (sealer.clone(), windows.clone());
        let recovered = writer
            .submit(move |conn, effects| {
                appliance::start(conn, &found, now)?;
                // Whoever was here before may have been killed before it cut the log.
                effects.extend([Effect::Moved(now), Effect::SecretDestroyed]);
                recover::recover(conn, &opener, &hours, now, effects)
            })
            .wait()?;
        crash::here(Point::RecoverCommitted);
        // It is there by now.
        writer.submit(move |conn, _effects| appliance::has_high_water(conn)).wait()?;
        let (history, round) = (Arc::default(), forget::Round::default());
        let store = Self {
            sealer,
            windows,
            room,
            alarm,
            history,
            round,
            lookups,
            reader,
            writer,
            _lock: lock,
        };
        Ok((store, recovered))
    }
}

impl Sqlite {
    /// When the store at `path` was last at work, as far as that is known: to be asked before a clock is believed.
    pub fn last_seen(path: &Path) -> Option<UnixMillis> {
        file::open_high_water(path).ok().and_then(|(_file, found)| found.at())
    }

    /// Raised when the writer has stopped for good, whoever asks for something then.
    pub fn alarm(&self) -> Alarm {
        self.alarm.clone()
    }
}

impl Sqlite {
    /// How it keeps pace, from now on.
    pub fn pace(&self) -> Pace {
        self.writer.pace()
    }
}

fn no_thread(error: std::io::Error) -> QueueError {
    QueueError::Failing { detail: format!("cannot start a thread: {error}") }
}

impl Queue for Sqlite {
    fn accept(&self, request: Acceptance) -> Pending<Accepted> {
        if !self.room.takes_new_work() {
            return Pending::ready(Err(QueueError::Full));
        }
        let row = new_row(&self.sealer, &request);
        self.writer.submit(move |conn, _effects| accept::accept(conn, &row?))
    }

    fn earlier(
        &self,
        client: ClientId,
        key: IdempotencyKey,
        fingerprint: [u8; 32],
    ) -> Pending<Option<Accepted>> {
        self.lookups.ask(|conn| accept::earlier(conn, &client, &key, &fingerprint))
    }

    fn dialled(&self, number: FaxNumber, now: UnixMillis) -> Pending<Dialled> {
        self.lookups.ask(|conn| claim::dialled(conn, number.digits(), now))
    }

    fn claim(&self, now: UnixMillis, ask: LineAsk) -> Pending<Option<Claim>> {
        let (sealer, windows) = (self.sealer.clone(), self.windows.clone());
        self.writer
            .submit(move |conn, effects| claim::claim(conn, &sealer, &windows, now, &ask, effects))
    }

    fn claim_mail(&self, now: UnixMillis, ask: MailAsk) -> Pending<Option<MailClaim>> {
        let (sealer, windows) = (self.sealer.clone(), self.windows.clone());
        self.writer
            .submit(move |conn, effects| mails::claim(conn, &sealer, &windows, now, &ask, effects))
    }

    fn give_up_mails(&self, now: UnixMillis, overdue: Overdue) -> Pending<u32> {
        let windows = self.windows.clone();
        self.writer
            .submit(move |conn, effects| mails::give_up(conn, &windows, now, overdue, effects))
    }

    fn step(&self, attempt: AttemptId, step: Step) -> Pending<()> {
        self.writer.submit(move |conn, _effects| changes::step(conn, attempt, step))
    }

    fn settle(&self, attempt: AttemptId, settlement: Settlement) -> Pending<()> {
        let sealer = self.sealer.clone();
        self.writer.submit(move |conn, effects| {
            changes::settle(conn, &sealer, attempt, &settlement, effects)
        })
    }

    fn receive(&self, mail: ReceivedMail) -> Pending<Received> {
        let (sealer, windows) = (self.sealer.clone(), self.windows.clone());
        self.writer
            .submit(move |conn, effects| receipts::receive(conn, &sealer, &windows, &mail, effects))
    }

    fn inbox_place(&self) -> Pending<Option<Place>> {
        self.reader.ask(receipts::place)
    }

    fn unsure_mails(&self) -> Pending<Vec<mail::Subject>> {
        self.reader.ask(mails::unsure)
    }

    fn sign(&self, client: ClientId, id: JobId, sign: Sign, now: UnixMillis) -> Pending<Signed> {
        let sealer = self.sealer.clone();
        self.writer.submit(move |conn, effects| {
            receipts::sign(conn, &sealer, &client, id, sign, now, effects)
        })
    }

    fn office(&self, client: ClientId, number: OfficeNumber) -> Pending<Option<Office>> {
        self.lookups.ask(|conn| offices::find(conn, &client, &number))
    }

    fn offices(
        &self,
        client: ClientId,
        after: Option<OfficeNumber>,
        limit: u16,
    ) -> Pending<Vec<Office>> {
        self.reader.ask(move |conn| offices::list(conn, &client, after.as_ref(), limit))
    }

    fn change_office(
        &self,
        client: ClientId,
        number: OfficeNumber,
        change: OfficeChange,
        now: UnixMillis,
    ) -> Pending<Office> {
        self.writer
            .submit(move |conn, _effects| offices::change(conn, &client, &number, change, now))
    }

    fn mail_domains(&self, client: ClientId, since: UnixMillis) -> Pending<Vec<MailDomain>> {
        self.reader.ask(move |conn| mails::domains(conn, &client, since))
    }

    fn sweep(&self, now: UnixMillis) -> Pending<Swept> {
        let windows = self.windows.clone();
        self.writer.submit(move |conn, effects| {
            effects.push(Effect::Moved(now));
            claim::sweep(conn, &windows, now, effects)
        })
    }

    fn cancel(&self, client: ClientId, id: JobId, now: UnixMillis) -> Pending<Cancelled> {
        self.writer.submit(move |conn, effects| cancel::cancel(conn, &client, id, now, effects))
    }

    fn appliance(&self) -> Pending<Appliance> {
        let (room, history) = (self.room.clone(), self.history.clone());
        self.reader.ask(move |conn| {
            let altered = history.lock().unwrap_or_else(PoisonError::into_inner).altered();
            appliance::show(conn, &room, altered)
        })
    }

    fn hold_all(&self, reason: HoldReason, note: Option<Note>, now: UnixMillis) -> Pending<bool> {
        self.writer.submit(move |conn, _effects| {
            appliance::hold_all(conn, reason, note.as_ref().map(Note::as_str), now)
        })
    }

    fn release_all(&self) -> Pending<Option<Held>> {
        self.writer.submit(move |conn, _effects| appliance::release_all(conn))
    }

    fn hold(
        &self,
        client: ClientId,
        id: JobId,
        note: Option<Note>,
        now: UnixMillis,
    ) -> Pending<OneHeld> {
        self.writer.submit(move |conn, effects| {
            appliance::hold(conn, &client, id, note.as_ref(), now, effects)
        })
    }

    fn release(&self, client: ClientId, id: JobId, now: UnixMillis) -> Pending<OneHeld> {
        self.writer.submit(move |conn, effects| appliance::release(conn, &client, id, now, effects))
    }

    fn resolve(
        &self,
        client: ClientId,
        id: JobId,
        resolution: Resolution,
        fingerprint: Fingerprint,
        now: UnixMillis,
    ) -> Pending<Resolved> {
        let (sealer, windows) = (self.sealer.clone(), self.windows.clone());
        let asked = resolution::Asked { client, id, fingerprint, now };
        self.writer.submit(move |conn, effects| {
            resolution::resolve(conn, &sealer, &windows, &asked, &resolution, effects)
        })
    }

    fn stop_wanted(&self, attempt: AttemptId) -> bool {
        self.writer.stop_wanted(attempt)
    }

    fn show(&self, client: ClientId, id: JobId) -> Pending<Option<View>> {
        self.reader.ask(move |conn| views::show(conn, &client, id))
    }

    fn list(&self, client: ClientId, filter: Filter) -> Pending<Option<Vec<View>>> {
        self.reader.ask(move |conn| views::list(conn, &client, &filter))
    }

    fn events(&self, client: ClientId, after: i64, limit: u16) -> Pending<Feed> {
        self.reader.ask(move |conn| views::events(conn, &client, after, limit))
    }

    fn news(&self) -> watch::Receiver<i64> {
        self.writer.news()
    }

    fn tally(&self) -> Pending<Tally> {
        self.reader.ask(tally::tally)
    }

    fn forget_old(&self, before: UnixMillis, most: u32) -> Pending<u32> {
        let round = self.round.clone();
        self.writer.submit(move |conn, _effects| forget::forget_old(conn, &round, before, most))
    }

    fn look_back(&self, now: UnixMillis) -> Pending<Option<i64>> {
        let history = self.history.clone();
        self.reader.ask(move |conn| {
            let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
            history.look(conn, now)
        })
    }

    fn webhook_open(&self, endpoint: WebhookEndpoint, now: UnixMillis) -> Pending<WebhookOpened> {
        self.writer.submit(move |conn, _effects| webhooks::open(conn, &endpoint, now))
    }

    fn webhook_work(&self, endpoint: String, now: UnixMillis, most: u16) -> Pending<WebhookWork> {
        self.writer.submit(move |conn, _effects| webhooks::work(conn, &endpoint, now, most))
    }

    fn webhook_done(
        &self,
        endpoint: String,
        outcomes: Vec<WebhookOutcome>,
        now: UnixMillis,
    ) -> Pending<()> {
        self.writer.submit(move |conn, _effects| webhooks::done(conn, &endpoint, &outcomes, now))
    }

    fn webhook_retry(&self, endpoint: String, now: UnixMillis) -> Pending<Option<u32>> {
        self.writer.submit(move |conn, _effects| webhooks::retry(conn, &endpoint, now))
    }

    fn webhook_back(
        &self,
        endpoint: String,
        told_at: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Pending<u32> {
        self.writer.submit(move |conn, _effects| webhooks::back(conn, &endpoint, told_at, now))
    }

    fn webhook_boards(&self) -> Pending<Vec<WebhookBoard>> {
        self.reader.ask(webhooks::boards)
    }

    fn numbers(&self, after: Option<NumberId>, limit: u16) -> Pending<Vec<NumberRow>> {
        let sealer = self.sealer.clone();
        self.reader.ask(move |conn| numbers::list(conn, &sealer, after, limit))
    }

    fn known(&self, number: FaxNumber) -> Pending<Option<Result<Known, Unreadable>>> {
        self.lookups.ask(|conn| numbers::recall(conn, &self.sealer, number.digits()))
    }

    fn lock(&self, number: FaxNumber, lock: Option<Lock>, now: UnixMillis) -> Pending<bool> {
        let sealer = self.sealer.clone();
        self.writer.submit(move |conn, effects| {
            numbers::lock(conn, &sealer, number.digits(), lock, now, effects)
        })
    }

    fn forget(&self, number: FaxNumber, now: UnixMillis) -> Pending<bool> {
        self.writer
            .submit(move |conn, effects| numbers::forget(conn, number.digits(), now, effects))
    }

    fn record_call(&self, call: CallRecord) -> Pending<CallId> {
        self.writer.submit(move |conn, _effects| {
            calls::record(conn, &call, MOST_OCTETS).inspect_err(|fault| {
                // Nobody waits for the answer.
                let error = fault.for_caller();
                tracing::warn!(line = call.line, %error, "queue.trace.not_kept");
            })
        })
    }

    fn forget_calls(&self, before: UnixMillis) -> Pending<u32> {
        self.writer.submit(move |conn, _effects| calls::forget(conn, before))
    }

    fn calls(&self, client: ClientId, filter: CallFilter) -> Pending<Vec<CallRow>> {
        self.reader.ask(move |conn| calls::list(conn, &client, &filter))
    }

    fn call(&self, client: ClientId, id: CallId) -> Pending<Option<(CallRow, serde_json::Value)>> {
        self.reader.ask(move |conn| calls::show(conn, &client, id))
    }
}

/// Names and seals a request, before it waits for the writer: its secrets stay on the caller's thread.
fn new_row(sealer: &Sealer, request: &Acceptance) -> Result<accept::NewRow, Fault> {
    let no_seal = || Fault::Row { detail: "the credentials could not be sealed".into() };
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| no_seal())?;
    let id = JobId::new(request.now, u128::from_le_bytes(random));
    let job = &request.job;
    let sealed = job
        .content
        .credentials()
        .map(|credentials| sealer.seal(id, FIRST_VERSION, credentials).map_err(|_| no_seal()))
        .transpose()?;
    Ok(accept::NewRow {
        id,
        client: request.client.clone(),
        key: request.key.clone(),
        fingerprint: request.fingerprint,
        now: request.now,
        kind: job.kind().as_str(),
        urgency: record::urgency_rank(job.urgency),
        office_number: job.recipient.office_number.to_string(),
        fax_digits: job.recipient.fax.digits().to_owned(),
        mail_to: match &request.route {
            Route::Fax { .. } => None,
            Route::Mail(route) => Some(route.to().clone()),
        },
        fields: record::fields_json(job)?,
        sealed,
        sealed_version: FIRST_VERSION,
        not_before: job.not_before,
        not_after: job.not_after,
    })
}

/// A connection for rows to which an index leads, on the thread of whoever asks: that takes some microseconds, less than to
/// wake another thread, and stands behind no list.
struct Lookups(Mutex<Connection>);

impl Lookups {
    fn ask<T>(&self, question: impl FnOnce(&Connection) -> Result<T, Fault>) -> Pending<T> {
        // Each question is a transaction of its own: nothing of another one is left in the connection.
        let conn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pending::ready(question(&conn).map_err(|fault| fault.for_caller()))
    }
}

/// The thread that reads what takes longer: a list never holds up an acceptance.
struct Reader {
    questions: Option<Sender<Question>>,
    thread: Option<JoinHandle<()>>,
}

type Question = Box<dyn FnOnce(&Connection) + Send>;

impl Reader {
    fn start(conn: Connection) -> std::io::Result<Self> {
        let (questions, waiting) = channel::<Question>();
        let answer_all = move || waiting.iter().for_each(|question| question(&conn));
        let thread = std::thread::Builder::new().name("queue-reader".into()).spawn(answer_all)?;
        Ok(Self { questions: Some(questions), thread: Some(thread) })
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Pending<T> {
        let (give, pending) = Pending::channel();
        let question = move |conn: &Connection| {
            // Whoever asked may have gone away.
            let _gone = give.send(question(conn).map_err(|fault| fault.for_caller()));
        };
        if let Some(questions) = &self.questions {
            // A stopped reader drops the question, and with it the end that would answer.
            let _dropped = questions.send(Box::new(question));
        }
        pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.questions = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("queue.reader.panicked");
        }
    }
}
