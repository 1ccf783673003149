//! The lanes with the real store and the real mail driver, over TCP to a relay that does what a story says.

mod relay;

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};

use mail::smtp::{Deadlines, RelaySettings, Tls};
use mail::{Address, ReturnPath, TokenKey};
use pki::Trust;

use super::*;
use crate::app::clock::Clock;
use crate::job::examples::{self, TUESDAY_10_00 as NOW};
use crate::job::{AttemptState, Channel, FaxBecause, JobId, JobState, Kind, NewJob, ProgressBoard};
use crate::office::{MailRoute, Route};
use crate::queue::contract::{client, request};
use crate::queue::sqlite::{Sqlite, StoreKey};
use crate::queue::{Accepted, Cancelled, HoldReason, Queue, View};
use crate::render::{Folders, Letters, MailFace, SiteFace};
use crate::schedule::windows::Windows;
use crate::settle::AtEnd;
use relay::{Dot, FakeRelay, Heard};

/// Longest wait for anything; most things take some ms.
const SOON: Duration = Duration::from_secs(20);

/// A clock that stands until a story sets it.
struct Stopped(AtomicI64);

impl Stopped {
    fn set(&self, now: UnixMillis) {
        self.0.store(now.0, Ordering::Release);
    }

    fn move_on(&self, span: Duration) {
        self.set(self.now().after(span));
    }
}

impl Clock for Stopped {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::Acquire))
    }
}

/// An appliance with lanes and without lines.
struct House {
    relay: FakeRelay,
    clock: Arc<Stopped>,
    queue: Arc<dyn Queue>,
    bell: Arc<Bell>,
    alarm: Alarm,
    board: MailBoard,
    progress: ProgressBoard,
    lanes: Option<LanesHandle>,
    folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let relay = FakeRelay::start().await;
        Self::with(folder, relay, NOW, repository("templates/mail")).await
    }

    /// The gateway starts, on a store that may have been there before.
    async fn with(
        folder: tempfile::TempDir,
        relay: FakeRelay,
        now: UnixMillis,
        templates: PathBuf,
    ) -> Self {
        let path = folder.path().join("queue.db");
        let open = || {
            Sqlite::open(&path, &StoreKey::new([1; 32]), Windows::Always, now).expect("a store").0
        };
        let queue: Arc<dyn Queue> = Arc::new(tokio::task::block_in_place(open));
        let clock = Arc::new(Stopped(AtomicI64::new(now.0)));
        let mut house = Self {
            clock,
            queue,
            bell: Arc::default(),
            alarm: Alarm::default(),
            board: MailBoard::new(format!("127.0.0.1:{}", relay.port), 4, now),
            progress: ProgressBoard::default(),
            lanes: None,
            relay,
            folder,
        };
        house.lanes = Some(house.lanes(templates).start(&Handle::current()));
        house
    }

    fn lanes(&self, templates: PathBuf) -> Lanes {
        let address = |text| Address::parse(text).expect("valid");
        let face = MailFace {
            from: address("notice@renkei.example.jp"),
            receipts: ReturnPath::new(address("receipts@renkei.example.jp")).expect("short"),
            ask_displayed: false,
            charset: mail::message::Charset::Utf8,
        };
        let folders = Folders { mails: templates, sheets: repository("templates/fax") };
        let letters = Letters::new(SiteFace::default(), folders, face);
        let port = self.relay.port;
        Lanes {
            desk: Arc::new(MailDesk {
                queue: Arc::clone(&self.queue),
                letters: Arc::new(letters),
                key: TokenKey::new([7; 32]),
                clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
                board: self.progress.clone(),
                windows: Windows::Always,
            }),
            opens: Arc::new(move || {
                Relay::new(settings(port)).map_err(|error| stopped(&error.to_string()))
            }),
            lanes: 4,
            per_domain: 2,
            fax_after: Some(Duration::from_secs(9 * 3600)),
            bell: Arc::clone(&self.bell),
            alarm: self.alarm.clone(),
            board: self.board.clone(),
            pulse: Pulse::default(),
        }
    }

    /// A message to somebody at this domain is accepted, and the lanes are woken as the hook does it.
    async fn accept(&self, key: &str, domain: &str) -> JobId {
        let mut acceptance = request(key, |job: &mut NewJob| *job = examples::of(Kind::Message));
        let to = Address::parse(&format!("office@{domain}")).expect("valid");
        let crate::job::Content::Notice(notice) = &acceptance.job.content else {
            panic!("a notice")
        };
        acceptance.route = Route::Mail(MailRoute::of(notice, to).expect("a message may be mailed"));
        acceptance.now = self.clock.now();
        let accepted = self.queue.accept(acceptance).await.expect("the store answers");
        self.bell.ring();
        match accepted {
            Accepted::New { id, channel: Channel::Mail } => id,
            other => panic!("{other:?}"),
        }
    }

    async fn show(&self, id: JobId) -> View {
        let shown = self.queue.show(client(), id).await;
        shown.expect("the store answers").expect("the job is there")
    }

    async fn until(&self, what: &str, seen: impl AsyncFn() -> bool) {
        let waited = timeout(SOON, async {
            while !seen().await {
                sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(waited.await.is_ok(), "{what}: not within {SOON:?}");
    }

    async fn until_state(&self, id: JobId, state: JobState) -> View {
        self.until(state.as_str(), async || self.show(id).await.state == state).await;
        self.show(id).await
    }

    /// The first attempt of a job, once it has ended.
    async fn until_tried(&self, id: JobId) -> View {
        let ended = async || {
            self.show(id).await.attempts.first().is_some_and(|attempt| attempt.code.is_some())
        };
        self.until("its attempt ended", ended).await;
        self.show(id).await
    }

    async fn until_relay(&self, state: &str) {
        let is_it = async || self.board.status(self.clock.now()).state.as_str() == state;
        self.until(state, is_it).await;
    }

    /// An orderly stop.
    async fn stop(&mut self) {
        self.bell.stop();
        if let Some(lanes) = self.lanes.take() {
            timeout(SOON, lanes.join()).await.expect("they end");
        }
    }

    /// The plug is pulled: whatever is not on disk is gone. The relay lives on.
    async fn pull_the_plug(mut self) -> (tempfile::TempDir, FakeRelay) {
        if let Some(LanesHandle(task)) = self.lanes.take() {
            task.abort();
            let _aborted = task.await;
        }
        // Its tasks end on their own.
        self.until("nobody holds the store", async || Arc::strong_count(&self.queue) == 1).await;
        (self.folder, self.relay)
    }
}

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn settings(port: u16) -> RelaySettings {
    RelaySettings {
        host: "127.0.0.1".into(),
        port,
        tls: Tls::Never,
        trust: Trust::System,
        login: None,
        hello: "gateway.example.jp".into(),
        connections: 4,
        deadlines: Deadlines {
            connect: Duration::from_secs(5),
            reply: Duration::from_secs(5),
            content: Duration::from_secs(30),
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notice_is_handed_over_as_soon_as_the_bell_rings_and_its_receipt_is_waited_for() {
    let mut house = House::new().await;
    house.until_relay("ready").await;
    let id = house.accept("a", "example.co.jp").await;
    // Long before the loop would look by itself, were it slow; the tick is 1 s.
    let (domain, mail) = house.relay.next_mail().await;
    assert_eq!(domain, "example.co.jp");
    assert!(mail.contains("Auto-Submitted: auto-generated"), "{mail}");
    let view = house.until_state(id, JobState::HandedOff).await;
    assert_eq!(view.attempts.len(), 1);
    assert_eq!(view.attempts[0].state, AttemptState::HandedOff);
    assert_eq!(view.attempts[0].code.as_deref(), Some("mail-accepted"));
    let watch = view.watch.expect("a receipt is waited for");
    assert_eq!(watch, Watch { until: NOW.after(Duration::from_secs(9 * 3600)), then: AtEnd::Fax });
    house.until("counted", async || house.board.status(NOW).handed_today == 1).await;
    assert!(house.progress.get(id).is_none());
    house.stop().await;
    assert_eq!(house.board.status(NOW).state, RelayState::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_that_is_down_costs_no_try_and_everything_goes_when_it_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let relay = FakeRelay::start().await;
    relay.rules().is_down = true;
    let mut house = House::with(folder, relay, NOW, repository("templates/mail")).await;
    let ids = [house.accept("a", "a.jp").await, house.accept("b", "b.jp").await];
    house.until_relay("faulty").await;
    let fault = house.board.status(NOW).last_fault.expect("it is known").1;
    assert!(fault.code.starts_with("smtp-"), "{fault}");
    for id in ids {
        let view = house.show(id).await;
        assert_eq!((view.state, view.attempts.len()), (JobState::Waiting, 0));
    }
    house.relay.rules().is_down = false;
    house.clock.move_on(Duration::from_secs(300));
    house.bell.ring();
    for id in ids {
        house.until_state(id, JobState::HandedOff).await;
    }
    house.until_relay("ready").await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notice_that_a_dead_relay_holds_for_a_working_day_goes_by_fax() {
    let mut house = House::new().await;
    house.until_relay("ready").await;
    house.relay.rules().is_down = true;
    let early = house.accept("a", "a.jp").await;
    house.until_relay("faulty").await;
    house.clock.move_on(Duration::from_secs(16 * 3600));
    let late = house.accept("b", "b.jp").await;
    house.until("by FAX", async || house.show(early).await.channel == Channel::Fax).await;
    let view = house.show(early).await;
    assert_eq!((view.state, view.because), (JobState::Waiting, Some(FaxBecause::MailNotSent)));
    assert_eq!(house.show(late).await.channel, Channel::Mail);
    // It ends at 10 of the next morning: an hour and a quarter before that is the last moment.
    house.clock.set(NOW.after(Duration::from_secs(24 * 3600 - 75 * 60)));
    house.bell.ring();
    house.until("by FAX", async || house.show(late).await.channel == Channel::Fax).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notice_that_ends_within_the_hour_goes_by_mail_over_a_relay_that_is_well() {
    let mut house = House::new().await;
    house.until_relay("ready").await;
    // It ends at 10 of the next morning. What is overdue is looked for again, since it is so much later.
    house.clock.set(NOW.after(Duration::from_secs(24 * 3600 - 70 * 60)));
    let id = house.accept("a", "a.jp").await;
    house.until_state(id, JobState::HandedOff).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_that_lets_everybody_in_and_takes_nothing_gets_one_mail_at_a_time() {
    let mut house = House::new().await;
    house.until_relay("ready").await;
    house.relay.rules().sender = "550 5.7.1 not you";
    let first = house.accept("a", "a.jp").await;
    house.until_relay("faulty").await;
    let view = house.until_tried(first).await;
    assert_eq!(view.state, JobState::Waiting);
    assert_eq!(view.attempts[0].code.as_deref(), Some("smtp-sender-refused"));
    let others = [house.accept("b", "b.jp").await, house.accept("c", "c.jp").await];
    house.clock.move_on(Duration::from_secs(2));
    house.bell.ring();
    let attempts = async || {
        let mut attempts = 0;
        for id in others {
            attempts += house.show(id).await.attempts.len();
        }
        attempts
    };
    house.until("one more went", async || attempts().await == 1).await;
    house.until("it ended", async || house.board.status(NOW).under_way == 0).await;
    assert_eq!(attempts().await, 1, "the next one waits until the relay is looked at again");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn domain_that_puts_off_rests_while_others_go_on() {
    let mut house = House::new().await;
    house.until_relay("ready").await;
    house.relay.rules().domains.insert("full.jp", "452 4.2.2 mailbox full");
    let first = house.accept("a", "full.jp").await;
    let view = house.until_tried(first).await;
    assert_eq!(view.state, JobState::Waiting);
    assert_eq!(view.attempts[0].code.as_deref(), Some("mail-mailbox-full"));
    house.until("it rests", async || !house.board.status(NOW).resting.is_empty()).await;
    let second = house.accept("b", "full.jp").await;
    let others = [house.accept("c", "a.jp").await, house.accept("d", "b.jp").await];
    for id in others {
        house.until_state(id, JobState::HandedOff).await;
    }
    assert_eq!(house.show(second).await.attempts.len(), 0, "its domain rests");
    house.relay.rules().domains.clear();
    house.clock.move_on(Duration::from_secs(15));
    house.bell.ring();
    house.until_state(second, JobState::HandedOff).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn domain_at_which_the_relay_hangs_up_keeps_no_other_from_its_mail() {
    let mut house = House::new().await;
    house.until_relay("ready").await;
    house.relay.rules().domains.insert("far.jp", "");
    let first = house.accept("a", "far.jp").await;
    let view = house.until_tried(first).await;
    assert_eq!(view.attempts[0].code.as_deref(), Some("mail-broke-off"));
    house.until_relay("faulty").await;
    // Longer due than the other one: it would be the trial of the relay each time.
    let second = house.accept("b", "far.jp").await;
    let other = house.accept("c", "a.jp").await;
    house.clock.move_on(Duration::from_secs(2));
    house.bell.ring();
    house.until_state(other, JobState::HandedOff).await;
    house.until_relay("ready").await;
    assert_eq!(house.show(second).await.attempts.len(), 0, "its domain rests");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn domain_gets_two_of_four_lanes() {
    let mut house = House::new().await;
    house.until_relay("ready").await;
    house.relay.wait_at_recipient(true);
    let mut ids = Vec::new();
    for nth in 0..6 {
        ids.push(house.accept(&format!("a{nth}"), "many.jp").await);
    }
    for nth in 0..2 {
        ids.push(house.accept(&format!("b{nth}"), "few.jp").await);
    }
    let mut domains = Vec::new();
    for _ in 0..4 {
        domains.push(house.relay.next_recipient().await);
    }
    domains.sort();
    assert_eq!(domains, ["few.jp", "few.jp", "many.jp", "many.jp"]);
    house.relay.wait_at_recipient(false);
    for id in ids {
        house.until_state(id, JobState::HandedOff).await;
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notice_that_is_cancelled_before_its_content_leaves_no_mail() {
    let mut house = House::new().await;
    house.relay.wait_at_recipient(true);
    let id = house.accept("a", "a.jp").await;
    house.relay.next_recipient().await;
    let cancelled = house.queue.cancel(client(), id, NOW).await;
    assert_eq!(cancelled, Ok(Cancelled::Stopping));
    let view = house.until_state(id, JobState::Cancelled).await;
    assert_eq!(view.attempts[0].code.as_deref(), Some("cancelled"), "the relay is not waited for");
    house.relay.wait_at_recipient(false);
    house.stop().await;
    let mails = house.relay.unasked().into_iter().filter(|heard| matches!(heard, Heard::Mail(..)));
    assert_eq!(mails.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_whose_content_has_not_begun_when_everything_is_held_waits_and_costs_no_try() {
    let mut house = House::new().await;
    house.relay.wait_at_recipient(true);
    let id = house.accept("a", "a.jp").await;
    house.relay.next_recipient().await;
    assert_eq!(house.queue.hold_all(HoldReason::Person, None, NOW).await, Ok(true));
    house.relay.wait_at_recipient(false);
    let view = house.until_state(id, JobState::Waiting).await;
    assert_eq!(view.attempts[0].code.as_deref(), Some("held-back"));
    assert_eq!(house.relay.unasked(), []);
    assert!(house.queue.release_all().await.is_ok());
    house.clock.move_on(Duration::from_secs(60));
    house.until_state(id, JobState::HandedOff).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_without_a_reply_to_its_dot_is_uncertain_and_is_not_mailed_again() {
    let mut house = House::new().await;
    house.relay.rules().dot = Dot::HangsUp;
    let id = house.accept("a", "a.jp").await;
    house.relay.next_mail().await;
    let view = house.until_state(id, JobState::Uncertain).await;
    assert_eq!(view.attempts[0].code.as_deref(), Some("mail-no-reply"));
    assert!(view.watch.is_some(), "a report may still tell");
    house.relay.rules().dot = Dot::Says("250 ok");
    house.clock.move_on(Duration::from_secs(3600));
    // Another mail shows that the lanes went on.
    let other = house.accept("b", "b.jp").await;
    house.until_state(other, JobState::HandedOff).await;
    let view = house.show(id).await;
    assert_eq!((view.state, view.attempts.len()), (JobState::Uncertain, 1));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_waits_for_the_mail_whose_content_is_out_and_for_no_other() {
    let mut house = House::new().await;
    house.relay.wait_at_dot(true);
    let out = house.accept("a", "a.jp").await;
    house.relay.next_mail().await;
    house.relay.wait_at_recipient(true);
    let not_out = house.accept("b", "b.jp").await;
    house.relay.next_recipient().await;
    house.bell.stop();
    let view = house.until_state(not_out, JobState::Waiting).await;
    assert_eq!(view.attempts[0].state, AttemptState::NotSent);
    assert_eq!(house.show(out).await.state, JobState::Sending, "nobody could say who has it");
    house.relay.wait_at_dot(false);
    house.stop().await;
    assert_eq!(house.show(out).await.state, JobState::HandedOff);
    assert_eq!(house.relay.unasked(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plug_pulled_before_the_content_loses_nothing_and_after_it_mails_nothing_twice() {
    let mut house = House::new().await;
    house.relay.wait_at_recipient(true);
    let before = house.accept("a", "a.jp").await;
    house.relay.next_recipient().await;
    let (folder, relay) = house.pull_the_plug().await;
    relay.wait_at_recipient(false);
    relay.wait_at_dot(true);

    let minute = |n: u64| NOW.after(Duration::from_secs(60 * n));
    let mut house = House::with(folder, relay, minute(2), repository("templates/mail")).await;
    house.clock.set(minute(4)); // after the pause
    house.bell.ring();
    let (_, mail) = house.relay.next_mail().await;
    assert!(mail.contains("Message-ID"));
    assert_eq!(house.show(before).await.attempts[0].code.as_deref(), Some("crash-before-dot"));
    let (folder, relay) = house.pull_the_plug().await;
    relay.wait_at_dot(false);

    let mut house = House::with(folder, relay, minute(60), repository("templates/mail")).await;
    let other = house.accept("b", "b.jp").await;
    house.until_state(other, JobState::HandedOff).await;
    let view = house.show(before).await;
    assert_eq!((view.state, view.attempts.len()), (JobState::Uncertain, 2));
    assert_eq!(view.attempts[1].code.as_deref(), Some("crash-after-dot"));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notice_without_a_text_waits_and_the_relay_hears_nothing_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let relay = FakeRelay::start().await;
    let mut house = House::with(folder, relay, NOW, PathBuf::from("/nonexistent")).await;
    let id = house.accept("a", "a.jp").await;
    house
        .until("it was tried", async || {
            house.show(id).await.attempts.first().is_some_and(|attempt| attempt.code.is_some())
        })
        .await;
    let view = house.show(id).await;
    assert_eq!(view.state, JobState::Waiting);
    assert_eq!(view.attempts[0].code.as_deref(), Some("letter-failed"));
    house.stop().await;
    let asked = house.relay.unasked().into_iter().filter(|heard| *heard != Heard::Connection);
    assert_eq!(asked.count(), 0);
}
