//! `make bench-accept`: how many notifications a second are taken on, each on disk before it is answered, beside Postfix
//! and HylaFAX on the same disk in the same minute.
//!
//! In: the daemon of a release build. Out: figures, and exit code 1 if a goal is missed.
//! Ours is the whole way: 64 callers that keep their connections, HTTP, the body with a key in it, the check whether it
//! can be drawn, COMMIT. Then once more with 5 ms more for each fsync, as a slow disk has them. Postfix's `smtp-source` hands mails
//! of the same length to a Postfix over 64 connections; `sendfax` hands one page after the other to a HylaFAX.
//! The processor time of one acceptance is told as well, because it stays the same when others use the machine.
//! Not here: a queue that is long already (`queue.rs`).

#![expect(clippy::unwrap_used, reason = "a measurement")]

#[path = "callers.rs"]
mod callers;
#[path = "gateway.rs"]
mod gateway;
#[path = "accept/hylafax.rs"]
mod hylafax;
#[path = "../mail/servers/mod.rs"]
mod servers;
#[path = "accept/syncs.rs"]
mod syncs;

use std::process::{Command, ExitCode};
use std::time::Duration;

use callers::{Load, Measured, post_all};
use gateway::{Gateway, Programs, wall};
use servers::{SINK, Servers};
use syncs::Syncs;

const CALLERS: usize = 64;
const POSTS: u32 = 20_000;
/// Mails to Postfix, and posts to a slow disk: as many as show the rate.
const FEWER: u32 = 6_000;
/// Before anything is measured: caches fill, the log of the store gets its size.
const WARM_UP: u32 = 3_000;
const SLOWER: Duration = Duration::from_millis(5);

/// A second.
const GOAL: f64 = 5_000.0;
const GOAL_SLOWER: f64 = 1_000.0;
/// 99 of 100 answers.
const GOAL_P99: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let programs = Programs::from_arguments();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    let cores = std::thread::available_parallelism().unwrap();
    println!(
        "{CALLERS} callers, first contacts with a key, each on disk before its 202; {cores} cores, load {}",
        load.split(' ').next().unwrap()
    );
    let (ours, kept) = shirase(&programs, Duration::ZERO, POSTS, GOAL);
    let (_, kept_slower) = shirase(&programs, SLOWER, FEWER, GOAL_SLOWER);
    let postfix = smtp_source();
    println!("  Postfix              {postfix:>7.0}/s   smtp-source, {CALLERS} connections");
    let hylafax = hylafax::submissions();
    println!("  HylaFAX              {hylafax:>7.1}/s   sendfax -n, one after the other");
    println!("  shirase to Postfix {:.1}, to HylaFAX {:.0}", ours / postfix, ours / hylafax);
    if kept && kept_slower { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Acceptances a second, and whether the goals are kept.
fn shirase(programs: &Programs, slower: Duration, posts: u32, goal: f64) -> (f64, bool) {
    let mut gateway = Gateway::new(programs, |_| String::new());
    let syncs = Syncs::new(&gateway.path("syncs"), slower);
    gateway.start(&syncs.environment());
    gateway.await_sheets();
    let load = |posts, first| Load {
        address: gateway.address().parse().unwrap(),
        token: gateway.token.clone(),
        callers: CALLERS,
        posts,
        first,
        pace: None,
    };
    post_all(load(WARM_UP, 0));
    let (busy, synced) = (gateway.busy(), syncs.count());
    let measured = post_all(load(posts, WARM_UP));
    let (busy, synced) = (gateway.busy() - busy, syncs.count() - synced);
    let rate = measured.a_second();
    let kept = rate >= goal && measured.quantile(0.99) <= GOAL_P99;
    let what =
        if slower.is_zero() { "shirase".into() } else { format!("shirase, sync +{slower:?}") };
    println!(
        "  {what:<20} {rate:>7.0}/s   {}; {synced} syncs, {:.1} in each; processor {:.0} us each; goal {goal}/s and p99 {GOAL_P99:?}{}",
        times(&measured),
        f64::from(posts) / synced as f64,
        busy.as_micros() as f64 / f64::from(posts),
        if kept { "" } else { "  MISSED" }
    );
    (rate, kept)
}

fn times(measured: &Measured) -> String {
    let ms = |part| measured.quantile(part).as_secs_f64() * 1e3;
    format!("p50 {:.1}, p99 {:.1}, max {:.1} ms", ms(0.5), ms(0.99), ms(1.0))
}

/// Mails a second into the queue of a Postfix.
fn smtp_source() -> f64 {
    /// As long as the body of one of our posts.
    const OCTETS: u32 = 520;
    let servers = Servers::start();
    let ended = |mails: u32| {
        let program = servers.unpacked.path("usr/sbin/smtp-source");
        let mut command = Command::new(program);
        command
            .env("LD_LIBRARY_PATH", servers.unpacked.libraries(&[]))
            .args(["-s", &CALLERS.to_string(), "-m", &mails.to_string(), "-l", &OCTETS.to_string()])
            .args(["-f", "notice@gateway.test", "-t", &format!("office@{SINK}"), "-d"])
            .arg(format!("127.0.0.1:{}", servers.ports.relay_plain));
        let began = wall();
        let ended = command.status().expect("smtp-source of the package postfix");
        assert!(ended.success(), "{ended}");
        f64::from(mails) / began.elapsed().as_secs_f64()
    };
    // Its processes are started by the first connections.
    ended(FEWER / 20);
    ended(FEWER)
}
