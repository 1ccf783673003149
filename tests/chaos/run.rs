//! `make chaos FOR=600`: everything goes wrong at once, and what was acknowledged is neither lost nor sent twice in secret.
//!
//! A million notifications wait, 2,000 slow callers hold connections, the plug of a modem is pulled and put back, the relay
//! is gone, slow, or breaks off, and the gateway is killed, again and again and all at the same time; meanwhile honest callers
//! hand in, repeat, withdraw and decide. Then all goes well again, and what is due has to come to an end.
//!
//! In: FOR (seconds), ROWS (that wait), SLOW (callers), SEED (of all chance). Out: how things stand, every ten seconds; at the end
//! what was lost and what was sent twice without a decision, and exit code 1 if that is not nothing, or if something of
//! all this did not happen at all: a run that could not show anything proves nothing.
//! The gateway and all else is of the same build as this program: `make chaos` takes what is installed.
//!
//! | file | does |
//! |---|---|
//! | `chance` | the same choices for the same seed |
//! | `honest`, `slow` | callers |
//! | `lines` | two lines, and the plug of one |
//! | `gate` | stands before the relay |
//! | `verdict` | has it judged by `crash-check`, who has no part in all this, and shows that it could be judged otherwise |
//!
//! Not here: a crash at each named point (`tests/crash`), a power cut (`tests/powercut`), what sheets look like: a stand-in
//! draws them at once.

mod chance;
#[allow(dead_code, reason = "nobody is told here")]
#[path = "../crash/exchange.rs"]
mod exchange;
mod gate;
#[path = "../crash/history.rs"]
mod history;
mod honest;
#[allow(dead_code, reason = "here is no short story")]
#[path = "../crash/house.rs"]
mod house;
#[path = "../crash/line.rs"]
mod line;
mod lines;
#[allow(dead_code, reason = "the gate is silent in its place")]
#[path = "../crash/post_office.rs"]
mod post_office;
#[path = "../bench/seed.rs"]
mod seed;
mod slow;
mod verdict;

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shirase::queue::sqlite::StoreKey;
use tokio::task::JoinSet;

use chance::Chance;
use gate::Gate;
use history::Log;
use honest::Honest;
use house::{Furniture, House, MASTER_KEY};
use line::Pace;
use lines::Lines;
use post_office::PostOffice;
use slow::Crowd;
use verdict::Figures;

const HONEST_CALLERS: u64 = 8;
/// Who takes chances, beside the honest and, behind these, the slow.
const KILLER: u64 = 100;
const PLUG: u64 = 101;
const GATE: u64 = 102;
const DECIDER: u64 = 103;
const SENDER: u64 = 104;
const LAST: u64 = 105;
const FIRST_SLOW: u64 = 1000;

/// What waits is due so much later: nobody has to carry it meanwhile.
const LATER: Duration = Duration::from_secs(20 * 24 * 3600);
const LONGEST_LIFE: Duration = Duration::from_secs(20);
const LONGEST_PLUGGED: Duration = Duration::from_secs(15);
const LONGEST_OF_RELAY: Duration = Duration::from_secs(12);
const LONGEST_QUIET: Duration = Duration::from_secs(200);
/// Beyond the time that was asked for.
const PATIENCE: Duration = Duration::from_secs(60);
const TELL_EVERY: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Files of this program and of a gateway: as many as the unit gives it (`systemd/shirase.service`).
const FILES: u32 = 4096;

/// What is wanted.
struct Plan {
    lasts: Duration,
    rows: u32,
    slow: usize,
    seed: u64,
}

impl Plan {
    fn from_environment() -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok().filter(|text| !text.is_empty());
            text.map(|text| text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is a number")))
        };
        Self {
            lasts: Duration::from_secs(number("FOR").unwrap_or(600)),
            rows: u32::try_from(number("ROWS").unwrap_or(1_000_000)).expect("ROWS"),
            slow: usize::try_from(number("SLOW").unwrap_or(2_000)).expect("SLOW"),
            seed: number("SEED").unwrap_or_else(|| history::now_ms().unsigned_abs()),
        }
    }

    /// In a short run all happens sooner.
    fn at_most(&self, longest: Duration) -> Duration {
        longest.min(self.lasts / 3)
    }

    /// 33,600 bit/s, or whatever lets some sheets go in a short run; one has 6,500 octets.
    fn pace(&self) -> Pace {
        let page = Duration::from_micros(1_550_000).min(self.lasts / 12);
        Pace { answer: Duration::from_millis(700).min(self.lasts / 25), page_octet: page / 6_500 }
    }

    fn chance(&self, actor: u64) -> Chance {
        Chance::new(self.seed, actor)
    }
}

fn main() -> ExitCode {
    let plan = Plan::from_environment();
    println!(
        "SEED={} for {} s, {} slow callers; load {}",
        plan.seed,
        plan.lasts.as_secs(),
        plan.slow,
        load()
    );
    raise_files();
    // The store is on the disk; the logs, of which each line is synced, are not to keep that busy.
    let folder = tempfile::tempdir_in(beside_this_program()).expect("a folder");
    let memory = Path::new("/dev/shm");
    let logs = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let logs = logs.expect("a folder");
    for name in [history::HISTORY, history::LINE, history::RELAY] {
        symlink(logs.path().join(name), folder.path().join(name)).expect("a link");
    }
    let began = wall();
    let store = folder.path().join("queue.db");
    seed::fill(&store, &StoreKey::new(MASTER_KEY), plan.rows, LATER);
    println!("{} notifications wait, written in {:.0} s", plan.rows, began.elapsed().as_secs_f64());
    let figures = run(&plan, folder.path());
    if verdict::tell(folder.path(), plan.rows, &figures) {
        ExitCode::SUCCESS
    } else {
        println!("kept: {}, {}", folder.keep().display(), logs.keep().display());
        ExitCode::FAILURE
    }
}

/// All of it; the gateway has ended in order when this returns.
fn run(plan: &Plan, folder: &Path) -> Figures {
    let log = |name: &str| Log::open(&folder.join(name));
    let lines = Lines::new(folder, plan.pace(), &Arc::new(log(history::LINE)));
    let post_office = PostOffice::start(log(history::RELAY));
    let gate = Gate {
        front: an_address(),
        back: post_office.relay(),
        longest: plan.at_most(LONGEST_OF_RELAY),
        troubles: AtomicU64::new(0),
    };
    let mail = post_office.settings(gate.front, &folder.join("mail-password"));
    let more = Lines::settings(folder) + &mail;
    let furniture = Furniture { more: &more, without_line: true, ..Furniture::default() };
    let house = House::in_folder(folder, furniture);
    let gateway = house.address().parse().expect("an address");
    let honest = Honest::new(house.caller());
    let crowd = Arc::<Crowd>::default();
    let times = Times::default();
    let over = &times.over;
    let mut at_work =
        AtWork { plan, house, lines: &lines, honest: &honest, figures: Figures::default() };

    std::thread::scope(|scope| {
        // A panic ends the others too.
        let _ends = Ends(&times);
        scope.spawn(|| on_the_net(plan, gateway, &crowd, &gate, &times));
        at_work.start();
        // However short it all is, there is something to send all the time.
        let mut callers = vec![scope.spawn(|| {
            let mut chance = plan.chance(SENDER);
            while sleep_unless(over, plan.lasts / 8) {
                honest.hand_in_each(&mut chance, over);
            }
        })];
        callers.extend((0..HONEST_CALLERS).map(|caller| {
            let honest = &honest;
            scope.spawn(move || honest.call(plan.chance(caller), over))
        }));
        scope.spawn(|| honest.decide(plan.chance(DECIDER), over));
        let plugged = plan.at_most(LONGEST_PLUGGED);
        scope.spawn({
            let lines = &lines;
            move || lines.pull_the_first(plugged, plan.chance(PLUG), over)
        });
        at_work.kill_again_and_again(&crowd, &gate, &times);
        // Once more, so that nothing waits for a relay that has long been back.
        at_work.kill();
        over.store(true, Ordering::Release);
        at_work.start();
        callers.into_iter().for_each(|caller| caller.join().expect("a caller that is answered"));
        println!("all goes well again; load {}", load());
        at_work.figures.sheets = lines::NAMES.map(|name| verdict::printed(folder, Some(name)));
        at_work.figures.mails = verdict::mailed(folder);
        honest.hand_in_each(&mut plan.chance(LAST), &times.all_over);
        at_work.figures.ends = honest.until_ended(plan.at_most(LONGEST_QUIET));
        at_work.stop();
    });
    let mut figures = at_work.figures;
    figures.told = std::mem::take(&mut *honest.told());
    figures.plugs = lines.pulled();
    figures.relay_troubles = gate.troubles.load(Ordering::Relaxed);
    figures.slow = (crowd.most_connected(), crowd.put_out());
    figures
}

/// How far it is.
#[derive(Default)]
struct Times {
    /// A sheet and a mail have gone, so that there is something to judge.
    has_begun: AtomicBool,
    over: AtomicBool,
    /// The time without trouble too.
    all_over: AtomicBool,
}

/// Whoever is on the network: the slow callers, and the gate before the relay.
fn on_the_net(plan: &Plan, gateway: SocketAddr, crowd: &Arc<Crowd>, gate: &Gate, times: &Times) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut callers = JoinSet::new();
        for (nth, actor) in (0..plan.slow).zip(FIRST_SLOW..) {
            callers.spawn(slow::is_slow(nth, gateway, Arc::clone(crowd), plan.chance(actor)));
        }
        tokio::select! {
            () = gate.stay_open() => {}
            () = until(&times.has_begun) => {}
        }
        tokio::select! {
            () = gate.open_and_shut(plan.chance(GATE)) => {}
            () = until(&times.over) => {}
        }
        drop(callers);
        tokio::select! {
            () = gate.stay_open() => {}
            () = until(&times.all_over) => {}
        }
    });
}

async fn until(flag: &AtomicBool) {
    while !flag.load(Ordering::Acquire) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// When it goes, all is over.
struct Ends<'a>(&'a Times);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        let Times { has_begun, over, all_over } = self.0;
        [has_begun, over, all_over].iter().for_each(|flag| flag.store(true, Ordering::Release));
    }
}

/// Waits; false once the flag is up.
fn sleep_unless(over: &AtomicBool, wait: Duration) -> bool {
    let began = wall();
    while began.elapsed() < wait && !over.load(Ordering::Acquire) {
        std::thread::sleep(LOOK_EVERY.min(wait));
    }
    !over.load(Ordering::Acquire)
}

/// Who starts the gateway, kills it, and tells how things stand.
struct AtWork<'a> {
    plan: &'a Plan,
    house: House,
    lines: &'a Lines,
    honest: &'a Honest,
    figures: Figures,
}

impl AtWork<'_> {
    /// Returns once it answers.
    fn start(&mut self) {
        self.lines.plug_all();
        let began = wall();
        assert!(self.house.start(None), "the gateway starts\n{}", self.house.gateway_log());
        self.house.until("it answers", |house| says_yes(house, "/healthz").then_some(()));
        self.figures.answered.push(began.elapsed());
        self.honest.gateway_is_up(true);
    }

    /// SIGKILL; nobody is on a line then.
    fn kill(&mut self) {
        self.look_at_memory();
        self.honest.gateway_is_up(false);
        self.house.kill();
        self.lines.unplug_all();
        self.figures.kills += 1;
    }

    fn stop(&mut self) {
        self.look_at_memory();
        self.house.show_all();
        self.house.stop();
        self.lines.unplug_all();
    }

    fn kill_again_and_again(&mut self, crowd: &Crowd, gate: &Gate, times: &Times) {
        let mut chance = self.plan.chance(KILLER);
        let longest = self.plan.at_most(LONGEST_LIFE);
        let began = wall();
        let (mut told, mut lives) = (began, 0);
        while self.goes_on(began) {
            if lives > 0 {
                times.has_begun.store(true, Ordering::Release);
                self.kill();
                self.start();
            }
            lives += 1;
            let (born, life) = (wall(), chance.up_to(longest));
            let mut is_ready = false;
            // The first life ends behind the first sheet and the first mail.
            let is_young = |work: &Self| born.elapsed() < life || lives == 1 && !work.has_sent();
            while is_young(self) && self.goes_on(began) {
                if !is_ready && lives > 1 && says_yes(&self.house, "/readyz") {
                    is_ready = true;
                    let answered = self.figures.answered.last().copied().unwrap_or_default();
                    self.figures.ready.push(answered + born.elapsed());
                }
                if told.elapsed() >= TELL_EVERY {
                    told = wall();
                    self.tell(began, crowd, gate);
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }

    /// As long as was asked for, and on a machine that has much else to do until there is something to judge.
    fn goes_on(&self, began: Instant) -> bool {
        let lasts = self.plan.lasts;
        began.elapsed() < lasts || began.elapsed() < lasts + PATIENCE && !self.has_sent()
    }

    fn has_sent(&self) -> bool {
        let folder = self.house.folder();
        verdict::printed(folder, None) > 0 && verdict::mailed(folder) > 0
    }

    fn tell(&self, began: Instant, crowd: &Crowd, gate: &Gate) {
        let folder = self.house.folder();
        let slowest = self.figures.ready.iter().max().copied().unwrap_or_default();
        println!(
            "{:>5} s: {} acknowledged, {} sheets, {} mails; {} kills, slowest ready in {:.1} s; {} slow callers \
             connected, plug pulled {} times, relay in trouble {} times",
            began.elapsed().as_secs(),
            self.honest.told().acknowledged,
            verdict::printed(folder, None),
            verdict::mailed(folder),
            self.figures.kills,
            slowest.as_secs_f64(),
            crowd.connected(),
            self.lines.pulled(),
            gate.troubles.load(Ordering::Relaxed),
        );
    }

    fn look_at_memory(&mut self) {
        let Some(id) = self.house.process_id() else { return };
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        self.figures.memory_kib = self.figures.memory_kib.max(kib.unwrap_or_default());
    }
}

fn says_yes(house: &House, path: &str) -> bool {
    house.exchange("GET", path, "", "", true).is_some_and(|answer| answer.status == 200)
}

/// For 2,000 callers; what a shell gives may be less.
fn raise_files() {
    let (own, most) = (std::process::id().to_string(), format!("--nofile={FILES}:"));
    let raised = Command::new("prlimit").args(["--pid", &own, &most]).status();
    assert!(raised.is_ok_and(|status| status.success()), "prlimit: not {FILES} files");
}

/// Of this run alone, and at a port that no caller is given by chance.
fn an_address() -> SocketAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    SocketAddr::from(([127, 2, high, low.max(1)], 2525))
}

/// On the disk on which everything is built: `/tmp` may be memory.
fn beside_this_program() -> PathBuf {
    let here = std::env::current_exe().expect("a path");
    here.parent().expect("a folder").to_owned()
}

/// Of the machine, over the last minute.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

#[allow(clippy::disallowed_methods, reason = "a measurement in wall time")]
fn wall() -> Instant {
    Instant::now()
}
