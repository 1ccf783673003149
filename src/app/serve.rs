//! `shirase serve`: starts the rooms in walking order, and stops them in reverse.
//!
//! | start | what | fails with |
//! |---|---|---|
//! | 1 | settings, secrets | 78 |
//! | 2 | logging | 78 |
//! | 3 | queue: opens the store and ends what a crash left open | 65, 75; 74 if the disk or the system fails, as may pass |
//! | 4 | hook: binds its sockets, so that a daemon that cannot be asked never calls anybody | 75, 78 |
//! | 5 | sheets: all are tried in the background; whoever hands one in waits for the trial of its kind | 70 |
//! | 6 | lines | 70 |
//! | 7 | lanes and mailbox of the mail channel, if there is one; without one all mails that wait are given to FAX | 70 |
//! | 8 | the exchange is told what it has not heard yet | |
//! | 9 | `READY=1`, and requests are answered | |
//!
//! In: the settings file. Out: an exit status, see `exit.rs`. Not here: what the rooms do.
//!
//! It runs until SIGTERM or SIGINT: then nothing new is called for, and requests, calls and mails that are on end side by
//! side. Or until the store cannot be believed any more: then it ends at once with 74, and the next start asks the disk.

use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use super::clock::{Clock, GuardedClock};
use super::condition::Condition;
use super::crash::{self, Point};
use super::exit::{Exit, Failure};
use super::fleet::Fleet;
use super::mail_channel::MailChannel;
use super::renewal::Renewal;
use super::settings::{Http, Line, Settings};
use super::systemd::{self, Heartbeats, Pulse};
use super::tellers::Telling;
use super::{harden, mail_channel, services, telemetry};
use crate::hook::listener::{self, Door};
use crate::hook::tls::Certificates;
use crate::hook::{self, Fingerprints, Hook, Limits, LineDesk, Meters, Queued, Rates, Streams};
use crate::job::ProgressBoard;
use crate::queue::sqlite::{Recovered, Sqlite, StoreKey};
use crate::queue::{Alarm, Queue, QueueError};
use crate::render::{Gate, Renderer, Trials};
use crate::schedule::windows::Windows;
use crate::send::fax::Desk;
use crate::send::mail::MailDesk;
use crate::send::receipt_box::Reader;
use crate::send::sheets::SheetMarks;
use crate::settle::mailing::Overdue;
use crate::tell;

/// Between two sweeps of what has run out. A watchdog time of 30 s is checked every 7.5 s.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Old notifications that go in one step. Chosen: it takes the writer some milliseconds, and a day forgets a million.
const FORGOTTEN_AT_A_TIME: u32 = 64;

/// Connections that wait to be let in; the kernel may bound them further. Chosen: all that a crowd opens in a moment.
const BACKLOG: u32 = 4096;

/// Run the gateway.
#[derive(clap::Args)]
pub struct Serve {
    /// The settings file.
    #[arg(
        long,
        env = "SHIRASE_CONFIG",
        default_value = "/etc/shirase/shirase.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
}

impl Serve {
    /// # Errors
    /// [`Failure`] as the table above says.
    pub fn run(self) -> Result<(), Failure> {
        harden::no_core_and_no_tracer()?;
        let settings = Settings::load(&self.config)?;
        let renewal = Renewal::begin(&settings.http)?;
        let master_key = settings.store.key_file.read_key()?;
        let services = services::of(&settings, &master_key)?;
        telemetry::start()?;
        harden::end_on_panic();

        let windows = settings.calling.windows()?;
        let (path, key) = (&settings.store.path, StoreKey::new(*master_key));
        let clock: Arc<dyn Clock> = Arc::new(GuardedClock::start(Sqlite::last_seen(path)));
        let (store, recovered) = open_store(path, &key, windows.clone(), clock.as_ref())?;
        tracing::info!(
            before_dial = recovered.before_dial,
            in_call = recovered.in_call,
            after_page = recovered.after_page,
            after_dot = recovered.after_dot,
            "app.store.opened"
        );
        let alarm = store.alarm();
        let pace = store.pace();
        let queue: Arc<dyn Queue> = Arc::new(store);
        let appliance = queue.appliance().wait().map_err(|error| store_failure(path, &error))?;
        let progress = ProgressBoard::default();
        let hearts = Heartbeats::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            // The unit allows 256 tasks: whoever waits for a sheet's trial must leave some to the lines and the worker.
            .max_blocking_threads(64)
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Internal, format!("cannot start: {error}")))?;

        let certificates = renewal.certificates();
        let (doors, signals) = {
            let _entered = runtime.enter();
            open_ears(&settings.http, certificates)?
        };
        let (face, worker) = (settings.site.face(), settings.sheet.worker());
        let renderer = Arc::new(Renderer::new(face.clone(), worker.clone()));
        let gate = Arc::new(Gate::new(face.clone(), worker.deadline));
        let trials = Trials::new(Arc::clone(&gate), face, worker);
        let letters = mail_channel::letters(&settings);
        let trials = match &letters {
            Some(letters) => trials.with_letters(Arc::clone(letters)),
            None => trials,
        };
        let trials = trials
            .start()
            .map_err(|error| Failure::new(Exit::Internal, format!("cannot start: {error}")))?;
        let desk = Desk {
            queue: Arc::clone(&queue),
            renderer,
            marks: SheetMarks::new(&master_key),
            clock: Arc::clone(&clock),
            board: progress.clone(),
            windows: windows.clone(),
            on_absent: settings.calling.on_absent_identity,
            stopping: AtomicBool::new(false),
            runtime: runtime.handle().clone(),
        };
        let line_count = settings.lines.len() + services.len();
        let providers = services.iter().map(|service| Arc::clone(&service.provider)).collect();
        let lines = Fleet::start(
            &settings.lines,
            services,
            settings.self_test,
            Arc::new(desk),
            &hearts,
            &alarm,
        )?;
        let mail = match settings.mail.as_ref().zip(letters) {
            Some((mail, letters)) => {
                let desk = MailDesk {
                    queue: Arc::clone(&queue),
                    letters,
                    key: mail_channel::token_key(&master_key),
                    clock: Arc::clone(&clock),
                    board: progress.clone(),
                    windows: windows.clone(),
                };
                let reader = Reader { key: mail_channel::token_key(&master_key), providers };
                let (bell, runtime) = (lines.bell(), runtime.handle());
                Some(MailChannel::start(mail, reader, desk, bell, &hearts, &alarm, runtime)?)
            }
            None => None,
        };
        let parts = tell::Parts {
            queue: Arc::clone(&queue),
            clock: Arc::clone(&clock),
            alarm: alarm.clone(),
        };
        let telling = Telling::start(&settings.webhooks, &parts, &hearts, runtime.handle());
        let hook = Hook::new(hook::Parts {
            queue: Arc::clone(&queue),
            clock: Arc::clone(&clock),
            sheet: gate,
            policy: settings.policy(),
            windows,
            tokens: renewal.tokens(),
            renewals: renewal.board(),
            rates: Rates::new(settings.http.posts_per_minute),
            fingerprints: Fingerprints::new(&master_key),
            progress,
            limits: Limits::default(),
            alarm: alarm.clone(),
            lines: Arc::clone(&lines) as Arc<dyn LineDesk>,
            line_limits: settings.lines.iter().map(Line::limits).collect(),
            mail: mail.as_ref().map(MailChannel::boards).unwrap_or_default(),
            store: hook::hold::store_header(&appliance),
            queued: Queued::default(),
            streams: Streams::default(),
            tellers: telling.tellers(),
            meters: Meters::default(),
            pace,
        });
        let mut condition = Condition::new(format!("{}, {line_count} lines", settings.http.listen));
        let said = condition.now(&appliance, clock.doubt().as_ref());
        let sweeping = Sweep {
            queue,
            clock: Arc::clone(&clock),
            keep_calls: settings.calls.keep(),
            keep: settings.store.keep(),
            has_mail: mail.is_some(),
            alarm: alarm.clone(),
            condition,
        };
        runtime.spawn(sweeping.run(&hearts));
        runtime.spawn(hearts.keep_watchdog());
        tracing::info!(address = %settings.http.listen, lines = line_count, "app.ready");
        systemd::ready(&said.text);
        let look_at_files = Arc::new(Notify::new());
        runtime.spawn(renewal.run(Arc::clone(&look_at_files), clock));
        let hung_up = || {
            see_settings(&self.config);
            look_at_files.notify_one();
            // The thread lives as long as `trials`.
            let _ = trials.send(());
        };
        let (limits, streams) = (hook.limits.clone(), hook.streams.clone());
        let house = House { doors, router: hook::router(hook), limits };
        let begins = || {
            crash::here(Point::StopBegins);
            systemd::stopping();
            // Before the last requests are answered: nothing is called for meanwhile.
            lines.begin_stop();
            streams.end();
            tracing::info!("app.stopping");
        };
        let ended = runtime.block_on(answer(house, signals.stop(hung_up), begins, &alarm));
        if ended.is_err() {
            // What the lines hear from now on cannot be stored: waiting for them helps nobody. As long as they are
            // there, so is the runtime that they wait on.
            let _left = ManuallyDrop::new(runtime);
            return ended;
        }
        // The watchdog goes on while the last calls end.
        lines.join();
        if let Some(mail) = mail {
            mail.stop(runtime.handle());
        }
        telling.stop(runtime.handle());
        crash::here(Point::StopStoreOpen);
        // Blocking work that was begun, such as a sheet being drawn, is waited for no longer.
        runtime.shutdown_timeout(Duration::from_secs(1));
        tracing::info!("app.stopped");
        ended
    }
}

/// Takes the sockets and the signals; from here on SIGTERM is an orderly stop.
fn open_ears(
    http: &Http,
    certificates: Option<Arc<Certificates>>,
) -> Result<(Vec<Door>, Signals), Failure> {
    let mut doors = vec![Door { socket: bind(http.listen)?, certificates: None }];
    if let Some(tls) = &http.tls {
        doors.push(Door { socket: bind(tls.listen)?, certificates });
    }
    Ok((doors, Signals::new()?))
}

fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    listen(address).map_err(|error| {
        let exit = exit_without_socket(error.kind());
        Failure::new(exit, format!("cannot listen on {address}: {error}"))
    })
}

/// What passes is tried again: at boot an interface may get its address after us.
fn exit_without_socket(kind: std::io::ErrorKind) -> Exit {
    match kind {
        std::io::ErrorKind::AddrInUse | std::io::ErrorKind::AddrNotAvailable => Exit::Busy,
        _ => Exit::Settings,
    }
}

/// Room for a whole crowd: of a connection beyond it the kernel keeps nothing, and a client that says nothing would take
/// it for open for ever.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A start right after a stop: old connections may still be in their last wait.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Where requests come in, and who answers them.
struct House {
    doors: Vec<Door>,
    router: axum::Router,
    limits: Limits,
}

/// Answers until `stop`, and then what is under way; or until the alarm, and then nobody any more. `begins` is called
/// first of all.
async fn answer(
    House { doors, router, limits }: House,
    stop: impl Future<Output = ()>,
    begins: impl Fn(),
    alarm: &Alarm,
) -> Result<(), Failure> {
    let until = async {
        stop.await;
        begins();
    };
    tokio::select! {
        () = listener::serve(doors, router, limits, until) => Ok(()),
        () = alarm.raised() => {
            begins();
            Err(Failure::new(Exit::Ambiguous, "the store cannot be believed any more"))
        }
    }
}

/// What the service manager and the terminal say.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::new(Exit::Internal, format!("signals: {error}")))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the signal to stop. SIGHUP changes no setting: it tells whether the file on disk would be
    /// taken at the next start, tries the sheets, and has tokens and certificates read again.
    async fn stop(mut self, hung_up: impl Fn()) {
        loop {
            tokio::select! {
                biased; // what was asked before the stop is still answered
                _ = self.hang_up.recv() => hung_up(),
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
            }
        }
    }
}

fn see_settings(config: &Path) {
    match Settings::load(config) {
        Ok(_) => tracing::info!("app.settings.good_for_next_start"),
        Err(error) => tracing::error!(%error, "app.settings.bad_for_next_start"),
    }
}

/// Ends what has run out and forgets what is old, again and again; a turn shows that the store's writer moves.
struct Sweep {
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    keep_calls: Duration,
    /// How long is remembered what is over.
    keep: Duration,
    /// There is a mail channel. Without one nothing takes what was accepted to go by mail: it goes by FAX.
    has_mail: bool,
    alarm: Alarm,
    condition: Condition,
}

impl Sweep {
    fn run(mut self, hearts: &Heartbeats) -> impl Future<Output = ()> + Send + use<> {
        let pulse = Pulse::default();
        let watched = pulse.clone();
        hearts.watch("store", move || Some(watched.turns()));
        async move {
            let mut ticks = tokio::time::interval(SWEEP_EVERY);
            loop {
                ticks.tick().await;
                match self.turn().await {
                    Ok(()) => {}
                    Err(error @ (QueueError::Ambiguous | QueueError::Stopped)) => {
                        tracing::error!(%error, "app.sweep.failed");
                        self.alarm.raise();
                        return;
                    }
                    Err(
                        error @ (QueueError::Full
                        | QueueError::InUse
                        | QueueError::NotAllowed { .. }
                        | QueueError::Held
                        | QueueError::Failing { .. }
                        | QueueError::Broken { .. }),
                    ) => tracing::error!(%error, "app.sweep.failed"),
                }
                pulse.beat();
            }
        }
    }

    async fn turn(&mut self) -> Result<(), QueueError> {
        let now = self.clock.surely();
        if !self.has_mail {
            let notifications = self.queue.give_up_mails(now, Overdue::all()).await?;
            if notifications > 0 {
                tracing::warn!(notifications, "app.sweep.no_mail_channel");
            }
        }
        let swept = self.queue.sweep(now).await?;
        crash::here(Point::SweepCommitted);
        if swept.ended > 0 {
            tracing::info!(notifications = swept.ended, "app.sweep.expired");
        }
        let calls = self.queue.forget_calls(now.before(self.keep_calls)).await?;
        if calls > 0 {
            tracing::info!(calls, "app.sweep.calls_forgotten");
        }
        let appliance = self.queue.appliance().await?;
        let said = self.condition.now(&appliance, self.clock.doubt().as_ref());
        if said.is_new {
            systemd::status(&said.text);
        }
        if let Some(cursor) = self.queue.look_back(now).await? {
            let todo =
                "keep a copy of the store, and compare /v1/events with what the exchange has";
            tracing::error!(cursor, todo, "app.history.altered");
        }
        // Last of all: what it cannot do keeps nothing else from being done.
        let notifications =
            self.queue.forget_old(now.before(self.keep), FORGOTTEN_AT_A_TIME).await?;
        if notifications > 0 {
            crash::here(Point::ForgetCommitted);
            tracing::info!(notifications, "app.sweep.forgotten");
        }
        Ok(())
    }
}

/// Opens the store. What a crash left open is ended by the time that it is at least: a clock that is ahead while it is
/// in doubt lets nothing run out.
fn open_store(
    path: &Path,
    key: &StoreKey,
    windows: Windows,
    clock: &dyn Clock,
) -> Result<(Sqlite, Recovered), Failure> {
    Sqlite::open(path, key, windows, clock.surely()).map_err(|error| store_failure(path, &error))
}

fn store_failure(path: &Path, error: &QueueError) -> Failure {
    let exit = match error {
        QueueError::InUse => Exit::Busy,
        QueueError::Broken { .. } | QueueError::NotAllowed { .. } | QueueError::Held => Exit::Store,
        // Another start may find it otherwise.
        QueueError::Failing { .. }
        | QueueError::Full
        | QueueError::Ambiguous
        | QueueError::Stopped => Exit::Ambiguous,
    };
    Failure::new(exit, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;

    use super::*;
    use crate::job::examples::TUESDAY_10_00 as NOW;
    use crate::job::{Channel, FaxBecause, JobState, UnixMillis};
    use crate::queue::contract::{accept, by_mail, claim, client, request, show};

    #[test]
    fn address_that_is_taken_or_not_there_yet_is_tried_again_and_a_wrong_one_is_not() {
        use std::io::ErrorKind;
        assert_eq!(exit_without_socket(ErrorKind::AddrInUse), Exit::Busy);
        assert_eq!(exit_without_socket(ErrorKind::AddrNotAvailable), Exit::Busy);
        assert_eq!(exit_without_socket(ErrorKind::PermissionDenied), Exit::Settings);
    }

    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> UnixMillis {
            NOW
        }
    }

    /// A house with a visitor whose request is never answered, and what tells that it is there.
    async fn with_a_visitor() -> (House, Arc<Notify>, TcpStream) {
        let asked = Arc::new(Notify::new());
        let told = Arc::clone(&asked);
        let never = move || {
            told.notify_one();
            std::future::pending::<()>()
        };
        let router = axum::Router::new().route("/", axum::routing::get(never));
        let socket = bind(([127, 0, 0, 1], 0).into()).expect("a door");
        let address = socket.local_addr().expect("an address");
        let mut visitor = TcpStream::connect(address).await.expect("the door is open");
        visitor.write_all(b"GET / HTTP/1.1\r\nHost: shirase\r\n\r\n").await.expect("is heard");
        let (doors, limits) = (vec![Door { socket, certificates: None }], Limits::default());
        (House { doors, router, limits }, asked, visitor)
    }

    #[tokio::test]
    async fn stop_begins_before_the_last_requests_are_answered() {
        let (house, asked, _visitor) = with_a_visitor().await;
        let (begun, alarm) = (Notify::new(), Alarm::default());
        tokio::select! {
            () = begun.notified() => {}
            _ended = answer(house, asked.notified(), || begun.notify_one(), &alarm) => {
                panic!("lines and lanes were to stop first");
            }
        }
    }

    #[tokio::test]
    async fn alarm_waits_for_nobody() {
        let (house, asked, _visitor) = with_a_visitor().await;
        let (begun, alarm) = (Notify::new(), Alarm::default());
        let raised = async {
            asked.notified().await;
            alarm.raise();
        };
        let answering = answer(house, std::future::pending(), || begun.notify_one(), &alarm);
        let both = async { tokio::join!(answering, raised).0 };
        let ended = tokio::time::timeout(Duration::from_secs(1), both).await.expect("at once");
        assert_eq!(ended.expect_err("an alarm").exit, Exit::Ambiguous);
        begun.notified().await;
    }

    /// It came up a year ahead, and the store was at work a minute ago.
    struct Ahead;

    impl Clock for Ahead {
        fn now(&self) -> UnixMillis {
            NOW.after(Duration::from_secs(365 * 24 * 60 * 60))
        }

        fn surely(&self) -> UnixMillis {
            NOW.after(Duration::from_secs(60))
        }
    }

    #[test]
    fn crash_before_a_start_with_a_clock_that_is_ahead_expires_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("queue.db");
        let open = |clock: &dyn Clock| {
            open_store(&path, &StoreKey::new([1; 32]), Windows::Always, clock).expect("opens")
        };
        let (store, _) = open(&Stopped);
        let id = accept(&store, request("a", |_| {}));
        assert!(claim(&store, NOW, "line1").is_some());
        drop(store);
        let (store, recovered) = open(&Ahead);
        assert_eq!(recovered.before_dial, 1, "else there was no crash");
        assert_eq!(show(&store, id).state, JobState::Waiting);
    }

    #[test]
    fn start_that_may_go_well_the_next_time_ends_so_that_there_is_one() {
        let exit = |error| store_failure(Path::new("/x"), &error).exit;
        let detail = String::from("SQLite CannotOpen");
        assert_eq!(exit(QueueError::Failing { detail: detail.clone() }), Exit::Ambiguous);
        assert_eq!(exit(QueueError::Full), Exit::Ambiguous);
        assert_eq!(exit(QueueError::InUse), Exit::Busy);
        assert_eq!(exit(QueueError::Broken { detail }), Exit::Store);
    }

    #[test]
    fn notices_that_wait_for_a_mail_channel_go_by_fax_once_the_settings_have_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("queue.db");
        let store = Sqlite::open(&path, &StoreKey::new([1; 32]), Windows::Always, NOW);
        let queue: Arc<dyn Queue> = Arc::new(store.expect("opens").0);
        let id = accept(queue.as_ref(), by_mail("a", "care@example.jp"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let way = |has_mail| {
            let mut sweep = Sweep {
                queue: Arc::clone(&queue),
                clock: Arc::new(Stopped),
                keep_calls: Duration::from_secs(1),
                keep: Duration::from_secs(1),
                has_mail,
                alarm: Alarm::default(),
                condition: Condition::new(String::new()),
            };
            assert_eq!(runtime.block_on(sweep.turn()), Ok(()));
            let view = queue.show(client(), id).wait().expect("answers").expect("is there");
            (view.channel, view.because, view.due_at)
        };
        assert_eq!(way(true), (Channel::Mail, None, Some(NOW)));
        assert_eq!(way(false), (Channel::Fax, Some(FaxBecause::MailNotSent), Some(NOW)));
    }
}
