//! Endpoints with the real store, over days of simulated time, to a receiver that does what a story says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use webhook::{Answered, PostError};

use super::teller::Posted;
use super::*;
use crate::app::clock::{Clock, Doubt};
use crate::job::examples::TUESDAY_10_00 as NOW;
use crate::job::{ClientId, JobId, UnixMillis};
use crate::queue::contract::{client, request};
use crate::queue::sqlite::{Sqlite, StoreKey};
use crate::queue::{
    Accepted, Alarm, Cancelled, Feed, Queue, WebhookBoard, WebhookEndpoint, WebhookFate,
    WebhookOutcome,
};
use crate::schedule::windows::Windows;
use crate::send::LineFault;

/// Follows the timers of the runtime, which jump from one to the next.
struct Simulated {
    began: Instant,
    is_in_doubt: Arc<AtomicBool>,
}

impl Clock for Simulated {
    fn now(&self) -> UnixMillis {
        NOW.after(self.began.elapsed())
    }

    fn doubt(&self) -> Option<Doubt> {
        let now = self.now();
        let doubt = Doubt { says: now, expected: now, believed_in: None, is_guess: false };
        self.is_in_doubt.load(Ordering::Relaxed).then_some(doubt)
    }
}

/// A post as the receiver sees it.
#[derive(Clone, Debug)]
struct Got {
    id: String,
    name: String,
    notification: String,
    cursor: i64,
    at_s: i64,
    taken: bool,
}

/// What the receiver does with a post.
type Does = Box<dyn FnMut(&Got) -> Answer + Send>;

enum Answer {
    Takes,
    Fails(PostError),
    /// No answer, ever.
    Hangs,
}

fn says(status: u16) -> Answer {
    Answer::Fails(PostError::Status { status, again_after: None })
}

struct Receiver {
    does: Mutex<Does>,
    got: mpsc::UnboundedSender<Got>,
}

impl Receiver {
    fn now_does(&self, does: impl FnMut(&Got) -> Answer + Send + 'static) {
        *self.does.lock().expect("unharmed") = Box::new(does);
    }
}

/// The way to it.
struct Wire(Arc<Receiver>);

impl Post for Wire {
    fn post<'a>(&'a self, message: &'a webhook::Message<'a>, now_s: i64) -> Posted<'a> {
        let body: Value = serde_json::from_slice(message.body).expect("JSON");
        let name = body["type"].as_str().expect("a type");
        let mut got = Got {
            id: message.id.to_owned(),
            name: name.strip_prefix("notification.").unwrap_or(name).to_owned(),
            notification: body["data"]["notification"].as_str().unwrap_or_default().to_owned(),
            cursor: body["data"]["cursor"].as_i64().unwrap_or_default(),
            at_s: now_s,
            taken: false,
        };
        let answer = (self.0.does.lock().expect("unharmed"))(&got);
        got.taken = matches!(answer, Answer::Takes);
        let _ = self.0.got.send(got);
        Box::pin(async move {
            match answer {
                Answer::Takes => Ok(Answered { status: 204, address: [127, 0, 0, 1].into() }),
                Answer::Fails(error) => Err(error),
                Answer::Hangs => std::future::pending().await,
            }
        })
    }
}

/// A store, and endpoints that are told of it.
struct House {
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    clock_is_in_doubt: Arc<AtomicBool>,
    folder: tempfile::TempDir,
}

/// A running endpoint.
struct Running {
    receiver: Arc<Receiver>,
    got: mpsc::UnboundedReceiver<Got>,
    tellers: Tellers,
    task: JoinHandle<()>,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("queue.db");
        // Whoever opens a store waits for its thread.
        let open = move || Sqlite::open(&path, &StoreKey::new([1; 32]), Windows::Always, NOW);
        let opened = std::thread::spawn(open).join().expect("no panic");
        let queue: Arc<dyn Queue> = Arc::new(opened.expect("opens").0);
        let clock_is_in_doubt = Arc::new(AtomicBool::new(false));
        let is_in_doubt = Arc::clone(&clock_is_in_doubt);
        let clock = Arc::new(Simulated { began: Instant::now(), is_in_doubt });
        Self { queue, clock, clock_is_in_doubt, folder }
    }

    /// Starts an endpoint of this name, and waits until the store knows it.
    async fn tell(&self, name: &str, carries: Carries) -> Running {
        self.tell_of(name, client(), carries, |_| Ok(())).await
    }

    async fn tell_of(
        &self,
        name: &str,
        client: ClientId,
        carries: Carries,
        files: impl Fn(()) -> Result<(), LineFault> + Send + Sync + 'static,
    ) -> Running {
        let running = self.start(name, client, carries, files);
        running.until(|state| *state != TellState::Starting).await;
        running
    }

    /// Starts it, and waits for nothing: its task has not done a step.
    fn start(
        &self,
        name: &str,
        client: ClientId,
        carries: Carries,
        files: impl Fn(()) -> Result<(), LineFault> + Send + Sync + 'static,
    ) -> Running {
        let (give, got) = mpsc::unbounded_channel();
        let does: Does = Box::new(|_| Answer::Takes);
        let receiver = Arc::new(Receiver { does: Mutex::new(does), got: give });
        let end = Arc::clone(&receiver);
        let open: Opener =
            Arc::new(move || files(()).map(|()| Box::new(Wire(Arc::clone(&end))) as Box<dyn Post>));
        let endpoint = WebhookEndpoint { name: name.into(), client, carries };
        let origin = String::from("https://exchange.example.jp");
        let teller = Teller::new(endpoint, origin, open, Arc::clone(&self.clock));
        let tellers = Tellers::new(vec![teller]);
        let parts = Parts {
            queue: Arc::clone(&self.queue),
            clock: Arc::clone(&self.clock),
            alarm: Alarm::default(),
        };
        let (work, _pulse) = tellers.work(&tellers.all()[0], parts);
        let task = tokio::spawn(work);
        Running { receiver, got, tellers, task }
    }

    async fn accept(&self, key: &str) -> JobId {
        match self.queue.accept(request(key, |_| {})).await {
            Ok(Accepted::New { id, .. }) => id,
            other => panic!("not new: {other:?}"),
        }
    }

    /// A notification with two events: `accepted`, `cancelled`.
    async fn withdrawn(&self, key: &str) -> JobId {
        let id = self.accept(key).await;
        let cancelled = self.queue.cancel(client(), id, self.clock.now()).await;
        assert_eq!(cancelled, Ok(Cancelled::Done));
        id
    }

    async fn board(&self, name: &str) -> WebhookBoard {
        let boards = self.queue.webhook_boards().await.expect("answers");
        boards.into_iter().find(|board| board.name == name).expect("it is known")
    }

    /// Writes what this program never writes.
    fn damage(&self, sql: &str) {
        let file = rusqlite::Connection::open(self.folder.path().join("queue.db")).expect("opens");
        file.execute_batch(sql).expect("written");
    }

    async fn feed(&self) -> Vec<(i64, String, Value)> {
        let Ok(Feed::Rows(rows)) = self.queue.events(client(), 0, 1000).await else {
            panic!("nothing is forgotten");
        };
        rows.into_iter().map(|row| (row.cursor, row.name, row.detail)).collect()
    }
}

impl Running {
    /// The next posts.
    async fn next(&mut self, count: usize) -> Vec<Got> {
        let mut posts = Vec::new();
        while posts.len() < count {
            posts.push(self.got.recv().await.expect("a post"));
        }
        posts
    }

    /// All posts until so many were taken.
    async fn until_taken(&mut self, count: usize) -> Vec<Got> {
        let mut posts: Vec<Got> = Vec::new();
        while posts.iter().filter(|got| got.taken).count() < count {
            posts.push(self.got.recv().await.expect("a post"));
        }
        posts
    }

    async fn until(&self, is_so: impl Fn(&TellState) -> bool) {
        while !is_so(&self.tellers.all()[0].status().state) {
            tokio::task::yield_now().await;
        }
    }

    /// Ends it as a stop of the gateway does.
    async fn stop(self) {
        self.tellers.stop();
        self.task.await.expect("no panic");
    }

    /// Ends it as SIGKILL does.
    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.expect_err("killed").is_cancelled());
    }
}

/// What was taken of a notification, in order.
fn taken_of<'a>(posts: &'a [Got], id: &JobId) -> Vec<&'a str> {
    let id = id.to_string();
    let of_it = posts.iter().filter(|got| got.taken && got.notification == id);
    of_it.map(|got| got.name.as_str()).collect()
}

/// However often an event was posted, it had one id; no two had the same.
fn one_id_for_each_event(posts: &[Got]) {
    for one in posts {
        for other in posts {
            assert_eq!(one.id == other.id, one.cursor == other.cursor, "{one:?} {other:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_event_is_told_once_and_those_of_a_notification_in_order() {
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::All).await;
    let mut ids = Vec::new();
    for key in 0..20 {
        ids.push(house.withdrawn(&key.to_string()).await);
    }
    let posts = exchange.until_taken(40).await;
    assert_eq!(posts.len(), 40);
    one_id_for_each_event(&posts);
    for id in &ids {
        assert_eq!(taken_of(&posts, id), ["accepted", "cancelled"]);
    }
    exchange.stop().await;
    let board = house.board("exchange").await;
    assert_eq!((board.behind, board.retrying, board.given_up, board.failed), (0, 0, 0, None));
}

#[tokio::test(start_paused = true)]
async fn usual_endpoint_is_told_the_state_and_not_that_it_was_accepted() {
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::Usual).await;
    house.withdrawn("a").await;
    let posts = exchange.next(1).await;
    assert_eq!(posts[0].name, "cancelled");
    // An event that it is not told leaves nothing behind.
    house.accept("b").await;
    assert_eq!(house.board("exchange").await.behind, 0);
}

#[tokio::test(start_paused = true)]
async fn new_endpoint_is_told_what_happens_from_then_on_and_one_put_back_what_it_missed() {
    let house = House::new();
    house.withdrawn("before").await;
    let mut exchange = house.tell("exchange", Carries::All).await;
    let first = house.withdrawn("first").await;
    let posts = exchange.until_taken(2).await;
    assert_eq!(taken_of(&posts, &first), ["accepted", "cancelled"]);
    exchange.stop().await;
    // Taken out of the settings, and put back later.
    let meanwhile = house.withdrawn("meanwhile").await;
    assert_eq!(house.board("exchange").await.behind, 2);
    let mut exchange = house.tell("exchange", Carries::All).await;
    let posts = exchange.until_taken(2).await;
    assert_eq!(taken_of(&posts, &meanwhile), ["accepted", "cancelled"]);
    exchange.stop().await;
}

#[tokio::test(start_paused = true)]
async fn new_endpoint_is_told_what_was_accepted_before_its_task_did_a_step() {
    let house = House::new();
    // The next wait of this test is the first in which the task can move; the store is asked first.
    let mut running = house.start("first", client(), Carries::All, |()| Ok(()));
    let id = house.withdrawn("while-starting").await;
    let posts = running.next(1).await;
    assert_eq!(taken_of(&posts, &id), ["accepted"]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn endpoint_hears_of_its_own_client_only_and_begins_anew_as_that_of_another() {
    let house = House::new();
    let other = || ClientId("other".into());
    let exchange = house.tell("exchange", Carries::All).await;
    let mut stranger = house.tell_of("stranger", other(), Carries::All, |_| Ok(())).await;
    exchange.receiver.now_does(|_| says(500));
    house.withdrawn("a").await;
    exchange.until(|state| matches!(state, TellState::Telling | TellState::Resting { .. })).await;
    exchange.stop().await;
    assert!(stranger.got.try_recv().is_err(), "what happens to others is not told");
    // The name goes to another client: what the first was owed is nothing for it.
    let mut taken_over = house.tell_of("exchange", other(), Carries::All, |_| Ok(())).await;
    assert_eq!(house.board("exchange").await.behind, 0);
    assert!(taken_over.got.try_recv().is_err());
    taken_over.stop().await;
    stranger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn event_that_is_refused_holds_up_its_own_notification_and_no_other() {
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::All).await;
    let poisoned = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&poisoned);
    let mut refused = 0;
    exchange.receiver.now_does(move |got| {
        let mut poisoned = seen.lock().expect("unharmed");
        if poisoned.is_empty() {
            poisoned.clone_from(&got.notification);
        }
        if *poisoned == got.notification && refused < 4 {
            refused += 1;
            return says(500);
        }
        Answer::Takes
    });
    let first = house.withdrawn("first").await;
    let mut others = Vec::new();
    for key in ["b", "c", "d"] {
        others.push(house.withdrawn(key).await);
    }
    let posts = exchange.until_taken(8).await;
    one_id_for_each_event(&posts);
    assert_eq!(posts.iter().filter(|got| !got.taken).count(), 4);
    // Nothing of it came before its first event was taken, and the others did not wait for that.
    assert_eq!(taken_of(&posts, &first), ["accepted", "cancelled"]);
    assert!(posts.iter().filter(|got| !got.taken).all(|got| got.name == "accepted"));
    for id in &others {
        assert_eq!(taken_of(&posts, id), ["accepted", "cancelled"]);
    }
    let place = |id: &JobId| posts.iter().rposition(|got| got.notification == id.to_string());
    assert!(others.iter().all(|id| place(id) < place(&first)));
    exchange.stop().await;
}

#[tokio::test(start_paused = true)]
async fn exchange_that_is_away_for_two_days_gets_all_in_order_minutes_after_something_new_finds_it_back()
 {
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::All).await;
    exchange.receiver.now_does(|_| {
        let detail = String::from("connection refused");
        Answer::Fails(PostError::Connect { address: [10, 0, 0, 1].into(), detail })
    });
    let mut ids = Vec::new();
    for key in 0..20 {
        ids.push(house.withdrawn(&key.to_string()).await);
    }
    // The simulated clock goes on while the store writes, so that this is at least two days, and less than 75 hours.
    tokio::time::sleep(Duration::from_secs(48 * 3600)).await;
    ids.push(house.withdrawn("new").await);
    let back_at_s = house.clock.now().0 / 1000;
    exchange.receiver.now_does(|_| Answer::Takes);
    let posts = exchange.until_taken(42).await;
    for id in &ids {
        assert_eq!(taken_of(&posts, id), ["accepted", "cancelled"]);
    }
    one_id_for_each_event(&posts);
    let last = posts.last().expect("posts").at_s;
    assert!(last - back_at_s < 600, "the last came {} s after it was back", last - back_at_s);
    // It was left in peace meanwhile: at most one post every five minutes, and some before it was seen to be away.
    let in_vain = posts.iter().filter(|got| !got.taken).count();
    let most = usize::try_from((back_at_s - NOW.0 / 1000) / 300).expect("later") + 60;
    assert!((3..=most).contains(&in_vain), "{in_vain} posts in vain");
    exchange.stop().await;
    let board = house.board("exchange").await;
    assert_eq!((board.behind, board.given_up), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn b38_receiver_whose_clock_is_ten_minutes_off_believes_once_it_is_set_since_each_try_has_its_own_time()
 {
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::Usual).await;
    let clock = Arc::clone(&house.clock);
    let set_at = NOW.after(Duration::from_secs(3600));
    exchange.receiver.now_does(move |got| {
        let now = clock.now();
        let off_s = if now < set_at { 600 } else { 0 };
        // As the receiver's library judges it.
        match (now.0 / 1000 + off_s - got.at_s).abs() <= 300 {
            true => Answer::Takes,
            false => says(401),
        }
    });
    let id = house.withdrawn("a").await;
    let posts = exchange.until_taken(1).await;
    assert_eq!(taken_of(&posts, &id), ["cancelled"]);
    assert!(posts.len() > 3 && posts.windows(2).all(|two| two[0].at_s < two[1].at_s), "{posts:?}");
    one_id_for_each_event(&posts);
    exchange.stop().await;
}

#[tokio::test(start_paused = true)]
async fn event_that_nobody_takes_for_75_hours_is_given_up_aloud_and_its_notification_goes_on() {
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::Usual).await;
    exchange.receiver.now_does(|got| match got.name.as_str() {
        "cancelled" => says(422),
        _ => Answer::Takes,
    });
    let id = house.withdrawn("a").await;
    let posts = exchange.until_taken(1).await;
    let (told, refused) = posts.split_last().expect("posts");
    assert_eq!((told.name.as_str(), &told.notification), (GIVEN_UP, &id.to_string()));
    assert_eq!(refused.len(), 10);
    one_id_for_each_event(&posts);
    let hours = (refused[9].at_s - refused[0].at_s) / 3600;
    assert!((75..84).contains(&hours), "{hours} h");
    exchange.stop().await;
    let feed = house.feed().await;
    let (_, _, detail) = feed.iter().find(|(_, name, _)| name == GIVEN_UP).expect("in the feed");
    assert_eq!(detail["missed"], refused[0].cursor);
    assert_eq!((&detail["endpoint"], &detail["posts"]), (&"exchange".into(), &10.into()));
    let board = house.board("exchange").await;
    assert_eq!((board.behind, board.given_up), (0, 1));
    assert!(board.failed.is_some_and(|(_, code, _)| code == "webhook-status"));
}

#[tokio::test(start_paused = true)]
async fn word_that_one_was_given_up_is_not_followed_by_another_when_it_is_given_up_too() {
    let house = House::new();
    let exchange = house.tell("exchange", Carries::Usual).await;
    exchange.receiver.now_does(|_| says(500));
    house.withdrawn("a").await;
    while house.board("exchange").await.given_up < 2 {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    let given_up = house.feed().await.into_iter().filter(|(_, name, _)| name == GIVEN_UP).count();
    assert_eq!(given_up, 1);
    exchange.stop().await;
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_answers_410_gets_nothing_until_somebody_says_otherwise() {
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::Usual).await;
    exchange.receiver.now_does(|_| Answer::Fails(PostError::Gone));
    let first = house.withdrawn("first").await;
    assert_eq!(exchange.next(1).await[0].notification, first.to_string());
    exchange.until(|state| *state == TellState::Disabled).await;
    exchange.stop().await;
    let feed = house.feed().await;
    assert!(feed.iter().any(|(_, name, _)| name == DISABLED), "{feed:?}");

    // A start changes nothing of it, days neither.
    let mut exchange = house.tell("exchange", Carries::Usual).await;
    exchange.until(|state| *state == TellState::Disabled).await;
    let second = house.withdrawn("second").await;
    tokio::time::sleep(Duration::from_secs(100 * 3600)).await;
    assert!(exchange.got.try_recv().is_err());
    let board = house.board("exchange").await;
    assert!(board.disabled_at.is_some() && board.behind == 2, "{board:?}");

    let now = house.clock.now();
    assert_eq!(house.queue.webhook_retry("exchange".into(), now).await, Ok(Some(1)));
    exchange.tellers.all()[0].wake();
    let posts = exchange.until_taken(2).await;
    assert_eq!((taken_of(&posts, &first).len(), taken_of(&posts, &second).len()), (1, 1));
    exchange.stop().await;
    assert_eq!(house.queue.webhook_retry("nobody".into(), now).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_hangs_delays_no_other() {
    let house = House::new();
    let hanging = house.tell("hanging", Carries::All).await;
    let mut lively = house.tell("lively", Carries::All).await;
    hanging.receiver.now_does(|_| Answer::Hangs);
    for key in ["a", "b", "c"] {
        house.withdrawn(key).await;
    }
    assert_eq!(lively.until_taken(6).await.len(), 6);
    // The other got what was there when it looked, and owes an answer since.
    assert!((1..=3).contains(&hanging.got.len()), "{} posts", hanging.got.len());
    lively.stop().await;
    hanging.stop().await;
}

#[tokio::test(start_paused = true)]
async fn gateway_that_is_killed_between_post_and_mark_posts_again_with_the_same_id() {
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::Usual).await;
    exchange.receiver.now_does(|_| Answer::Hangs);
    house.withdrawn("a").await;
    let before = exchange.next(1).await;
    exchange.kill().await;
    let mut exchange = house.tell("exchange", Carries::Usual).await;
    let after = exchange.until_taken(1).await;
    assert_eq!((&after[0].id, after[0].cursor), (&before[0].id, before[0].cursor));
    exchange.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stop_gives_posts_under_way_some_seconds_and_leaves_them_for_the_next_start() {
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::Usual).await;
    exchange.receiver.now_does(|_| Answer::Hangs);
    house.withdrawn("a").await;
    exchange.next(1).await;
    let before = house.clock.now();
    exchange.stop().await;
    let seconds = (house.clock.now().0 - before.0) / 1000;
    assert!((5..10).contains(&seconds), "{seconds} s");
    assert_eq!(house.board("exchange").await.behind, 1);
}

#[tokio::test(start_paused = true)]
async fn secret_that_cannot_be_read_keeps_its_endpoint_waiting_and_is_taken_when_it_is_there() {
    let house = House::new();
    let is_there = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_there);
    let files = move |()| match seen.load(Ordering::Relaxed) {
        true => Ok(()),
        false => Err(LineFault { code: "webhook-settings", message: "no file".into() }),
    };
    let mut exchange = house.tell_of("exchange", client(), Carries::Usual, files).await;
    exchange.until(|state| matches!(state, TellState::Faulty(_))).await;
    let id = house.withdrawn("a").await;
    assert!(exchange.got.try_recv().is_err());
    assert_eq!(exchange.tellers.all()[0].test().await.map_err(|f| f.code), Err("webhook-settings"));
    is_there.store(true, Ordering::Relaxed);
    let posts = exchange.until_taken(1).await;
    assert_eq!(posts[0].notification, id.to_string());
    exchange.stop().await;
}

#[tokio::test(start_paused = true)]
async fn post_that_was_put_off_by_a_clock_a_year_ahead_comes_when_the_clock_is_set_right() {
    let house = House::new();
    let name = || String::from("exchange");
    house.tell("exchange", Carries::Usual).await.stop().await;
    house.withdrawn("a").await;
    let work = house.queue.webhook_work(name(), NOW, 8).await.expect("answers");
    let event = work.due[0].event.cursor;
    let put_off = |due| WebhookOutcome {
        event,
        fate: WebhookFate::Again { due, code: "webhook-status", detail: String::from("500") },
    };
    let due_at = async |now| {
        let work = house.queue.webhook_work(name(), now, 8).await.expect("answers");
        work.due.len()
    };
    let in_a_day = NOW.after(Duration::from_secs(86_400));
    house.queue.webhook_done(name(), vec![put_off(in_a_day)], NOW).await.expect("kept");
    assert_eq!((due_at(NOW).await, due_at(in_a_day).await), (0, 1));
    let in_a_year = NOW.after(Duration::from_secs(365 * 86_400));
    house.queue.webhook_done(name(), vec![put_off(in_a_year)], in_a_year).await.expect("kept");
    assert_eq!(due_at(NOW).await, 1);
}

#[tokio::test(start_paused = true)]
async fn ping_goes_out_at_once_and_changes_nothing() {
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::Usual).await;
    let teller = exchange.tellers.named("exchange").expect("it is there").clone();
    assert_eq!(teller.test().await.map(|answered| answered.status), Ok(204));
    let ping = exchange.next(1).await.remove(0);
    assert_eq!((ping.name.as_str(), ping.id.starts_with("ping_")), ("ping", true));
    exchange.receiver.now_does(|_| says(503));
    let fault = teller.test().await.expect_err("refused");
    assert_eq!(fault.code, "webhook-status");
    assert!(fault.message.starts_with("answered 503. Look into the receiver's log"), "{fault}");
    let board = house.board("exchange").await;
    assert_eq!((board.behind, board.failed, board.given_up), (0, None, 0));
    exchange.stop().await;
}

#[tokio::test(start_paused = true)]
async fn ten_notifications_that_are_always_refused_keep_no_other_waiting_and_are_given_up_in_time()
{
    const POISONED: usize = 10;
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::Usual).await;
    let poisoned = Arc::new(Mutex::new(Vec::<String>::new()));
    let seen = Arc::clone(&poisoned);
    exchange.receiver.now_does(move |got| {
        let mut poisoned = seen.lock().expect("unharmed");
        if poisoned.len() < POISONED && !poisoned.contains(&got.notification) {
            poisoned.push(got.notification.clone());
        }
        match got.name == "cancelled" && poisoned.contains(&got.notification) {
            true => says(500),
            false => Answer::Takes,
        }
    });
    for key in 0..POISONED {
        house.withdrawn(&format!("poisoned-{key}")).await;
    }
    let mut posts = exchange.next(3 * POISONED).await;
    let mut healthy = 0;
    while house.board("exchange").await.given_up < 10 {
        let id = house.withdrawn(&format!("healthy-{healthy}")).await;
        while let Ok(got) = exchange.got.try_recv() {
            posts.push(got);
        }
        let before = posts.len();
        while taken_of(&posts[before..], &id).is_empty() {
            posts.extend(exchange.next(1).await);
        }
        // What had gone out already, and at most one that was looked for at the same moment.
        let in_vain = posts[before..].iter().filter(|got| !got.taken).count();
        assert!(in_vain <= 9, "{in_vain} posts in vain before healthy {healthy}");
        healthy += 1;
        tokio::time::sleep(Duration::from_secs(1800)).await;
    }
    assert!(healthy > 50, "{healthy}");
    one_id_for_each_event(&posts);
    for id in poisoned.lock().expect("unharmed").iter() {
        let refused = posts.iter().filter(|got| !got.taken && got.notification == *id).count();
        // Ten by the schedule, and one when the endpoint was first seen to be well.
        assert!((10..=11).contains(&refused), "{refused} posts of one that is refused");
    }
    exchange.stop().await;
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_gets_one_at_a_time_gets_what_never_failed_before_what_did() {
    let house = House::new();
    let name = || String::from("exchange");
    house.tell("exchange", Carries::Usual).await.stop().await;
    for key in 0..8 {
        house.withdrawn(&key.to_string()).await;
    }
    let work = house.queue.webhook_work(name(), NOW, 8).await.expect("answers");
    let failed = |due: &crate::queue::WebhookDue| WebhookOutcome {
        event: due.event.cursor,
        fate: WebhookFate::Again { due: NOW, code: "webhook-status", detail: String::from("500") },
    };
    let outcomes: Vec<_> = work.due.iter().map(failed).collect();
    assert_eq!(outcomes.len(), 8);
    house.queue.webhook_done(name(), outcomes, NOW).await.expect("kept");
    let healthy = house.withdrawn("healthy").await;
    // Asked twice: what was taken and not posted still goes first.
    for _look in 0..2 {
        let work = house.queue.webhook_work(name(), NOW, 1).await.expect("answers");
        assert_eq!((work.due.len(), work.due[0].event.job), (1, healthy));
        assert!(work.more);
    }
    let work = house.queue.webhook_work(name(), NOW, 8).await.expect("answers");
    assert_eq!((work.due.len(), work.due[0].event.job), (8, healthy));
    // Nothing new: what failed is not forgotten.
    let told = WebhookOutcome { event: work.due[0].event.cursor, fate: WebhookFate::Told };
    house.queue.webhook_done(name(), vec![told], NOW).await.expect("kept");
    let work = house.queue.webhook_work(name(), NOW, 1).await.expect("answers");
    assert_eq!((work.due.len(), work.due[0].tries), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_is_back_gets_what_failed_meanwhile_and_not_what_it_refused_before() {
    let house = House::new();
    let name = || String::from("exchange");
    house.tell("exchange", Carries::Usual).await.stop().await;
    let minute = |count: u64| NOW.after(Duration::from_secs(60 * count));
    let late = minute(600);
    let again = WebhookFate::Again { due: late, code: "webhook-status", detail: "500".into() };
    let post = async |key: &str, at, fate| {
        let id = house.withdrawn(key).await;
        let work = house.queue.webhook_work(name(), at, 8).await.expect("answers");
        assert_eq!(work.due.len(), 1);
        let outcome = WebhookOutcome { event: work.due[0].event.cursor, fate };
        house.queue.webhook_done(name(), vec![outcome], at).await.expect("kept");
        id
    };
    post("refused", minute(0), again.clone()).await;
    post("taken", minute(1), WebhookFate::Told).await;
    let away = post("away", minute(2), again).await;
    let told_at = house.queue.webhook_work(name(), minute(3), 8).await.expect("answers").told_at;
    assert_eq!(told_at, Some(minute(1)));
    assert_eq!(house.queue.webhook_back(name(), told_at, minute(3)).await, Ok(1));
    let work = house.queue.webhook_work(name(), minute(3), 8).await.expect("answers");
    assert_eq!((work.due.len(), work.due[0].event.job), (1, away));
    // By hand all of it is due, and for as long as anew.
    assert_eq!(house.queue.webhook_retry(name(), minute(4)).await, Ok(Some(2)));
    let work = house.queue.webhook_work(name(), minute(4), 8).await.expect("answers");
    assert!(work.due.len() == 2 && work.due.iter().all(|due| due.turn_at == minute(4)));
}

#[tokio::test(start_paused = true)]
async fn event_that_cannot_be_read_is_given_up_and_what_is_behind_it_told() {
    for is_taken_already in [false, true] {
        let house = House::new();
        let name = || String::from("exchange");
        house.tell("exchange", Carries::All).await.stop().await;
        let first = house.withdrawn("first").await;
        if is_taken_already {
            let work = house.queue.webhook_work(name(), NOW, 8).await.expect("answers");
            assert_eq!(work.due.len(), 1);
        }
        house.damage(
            "PRAGMA ignore_check_constraints=ON;
             DROP TRIGGER event_stays;
             UPDATE event SET detail = CAST(X'7b22ff227d' AS TEXT) WHERE name = 'accepted';",
        );
        let second = house.withdrawn("second").await;
        let mut exchange = house.tell("exchange", Carries::All).await;
        let posts = exchange.until_taken(3).await;
        assert_eq!(taken_of(&posts, &first), ["cancelled"]);
        assert_eq!(taken_of(&posts, &second), ["accepted", "cancelled"]);
        exchange.stop().await;
        let board = house.board("exchange").await;
        assert_eq!((board.behind, board.given_up), (0, 1), "{is_taken_already}");
        assert!(board.failed.is_some_and(|(_, code, _)| code == "record-unreadable"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_endpoint_was_still_owed_when_it_is_forgotten_is_counted() {
    let house = House::new();
    let name = || String::from("exchange");
    house.tell("exchange", Carries::Usual).await.stop().await;
    house.withdrawn("taken").await;
    let work = house.queue.webhook_work(name(), NOW, 8).await.expect("answers");
    let told = WebhookOutcome { event: work.due[0].event.cursor, fate: WebhookFate::Told };
    house.queue.webhook_done(name(), vec![told], NOW).await.expect("kept");
    house.withdrawn("posted").await;
    let work = house.queue.webhook_work(name(), NOW, 8).await.expect("answers");
    assert_eq!(work.due.len(), 1);
    house.withdrawn("behind").await;
    let later = house.clock.now().after(Duration::from_secs(86_400));
    assert_eq!(house.queue.forget_old(later, 10).await, Ok(3));
    let board = house.board("exchange").await;
    assert_eq!((board.behind, board.given_up), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_posted_while_the_clock_is_in_doubt_and_all_of_it_afterwards() {
    let house = House::new();
    let mut exchange = house.tell("exchange", Carries::Usual).await;
    house.clock_is_in_doubt.store(true, Ordering::Relaxed);
    let id = house.withdrawn("a").await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(exchange.got.try_recv().is_err());
    house.clock_is_in_doubt.store(false, Ordering::Relaxed);
    let posts = exchange.until_taken(1).await;
    assert_eq!((posts.len(), taken_of(&posts, &id).len()), (1, 1));
    exchange.stop().await;
}

#[tokio::test(start_paused = true)]
async fn files_on_a_disk_that_hangs_are_named_and_hold_one_thread_however_often_they_are_wanted() {
    let house = House::new();
    let (let_go, hangs) = std::sync::mpsc::channel::<()>();
    let (hangs, reads) = (Mutex::new(hangs), Arc::new(Mutex::new(0)));
    let seen = Arc::clone(&reads);
    let files = move |()| {
        *seen.lock().expect("unharmed") += 1;
        // Ends when the other end is dropped.
        let _ = hangs.lock().expect("unharmed").recv();
        Ok(())
    };
    // A thread that hangs keeps simulated time from jumping: it is led by the hand.
    let began = Arc::clone(&reads);
    let time = async {
        while *began.lock().expect("unharmed") == 0 {
            tokio::task::yield_now().await;
        }
        loop {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    };
    let trial = async {
        let mut exchange = house.tell_of("exchange", client(), Carries::Usual, files).await;
        exchange.until(|state| matches!(state, TellState::Faulty(_))).await;
        let fault = exchange.tellers.all()[0].test().await.expect_err("hangs");
        assert!(fault.message.contains("not read within 20 s"), "{fault}");
        assert_eq!(*reads.lock().expect("unharmed"), 1);
        drop(let_go);
        let id = house.withdrawn("a").await;
        assert_eq!(exchange.until_taken(1).await[0].notification, id.to_string());
        exchange.stop().await;
    };
    tokio::select! {
        () = trial => {}
        () = time => {}
    }
}
