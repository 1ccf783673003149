//! A box and a store that write down in which order they are used.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard};

use mail::mailbox::Fetched;
use mail::{Subject, TokenKey};

use super::super::{Opener, Reader, ReceiptBox};
use super::*;
use crate::app::clock::Clock;
use crate::job::{JobId, JobState, UnixMillis};
use crate::queue::Alarm;

const KEY: [u8; 32] = [9; 32];
const NOW: UnixMillis = UnixMillis(1_795_000_000_000);

/// What the box and the store hold, and what was done with them: `keep` and `pass` with the place that was kept.
#[derive(Default)]
struct House {
    done: Vec<String>,
    uid_validity: u32,
    mails: BTreeMap<u32, Vec<u8>>,
    /// Answered once each, before the mails.
    open_faults: VecDeque<MailboxError>,
    /// Answered each time.
    fetch_faults: BTreeMap<u32, MailboxError>,
    put_away_fault: Option<MailboxError>,
    /// `None`: there is no such folder.
    copies: Option<BTreeSet<String>>,
    /// What happens while the box is waited at; then it is to stop.
    meanwhile: VecDeque<fn(&mut House)>,
    place: Option<Place>,
    attempts: BTreeSet<Subject>,
    unsure: Vec<Subject>,
    /// Their attempts are not over for the store.
    early: BTreeSet<Subject>,
    /// What the clock shows, and how far it is ahead while nobody believes it.
    now: i64,
    ahead: i64,
    hashes: BTreeSet<[u8; 32]>,
    kept: Vec<(Subject, Report)>,
    kept_at: BTreeSet<UnixMillis>,
    store_faults: VecDeque<QueueError>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<House>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, House> {
        self.0.lock().expect("no test panics with it")
    }

    fn note(&self, what: impl Into<String>) {
        self.lock().done.push(what.into());
    }
}

/// The next pause of this thread ends at once.
fn wake() {
    std::thread::current().unpark();
}

impl Clock for Shared {
    fn now(&self) -> UnixMillis {
        let house = self.lock();
        UnixMillis(NOW.0 + house.now + house.ahead)
    }

    fn surely(&self) -> UnixMillis {
        UnixMillis(NOW.0 + self.lock().now)
    }
}

impl OpenBox for Shared {
    fn uid_validity(&self) -> u32 {
        self.lock().uid_validity
    }

    fn after(&mut self, uid: u32) -> Result<Vec<u32>, MailboxError> {
        let house = self.lock();
        Ok(house.mails.keys().copied().filter(|have| *have > uid).take(2).collect())
    }

    fn fetch(&mut self, uid: u32) -> Result<Option<Fetched>, MailboxError> {
        let house = self.lock();
        if let Some(error) = house.fetch_faults.get(&uid) {
            wake();
            return Err(error.clone());
        }
        let mail = house.mails.get(&uid).filter(|octets| !octets.is_empty());
        Ok(mail.map(|octets| Fetched { octets: octets.clone(), is_cut: false }))
    }

    fn done(&mut self, uid: u32) -> Result<(), MailboxError> {
        self.note(format!("away {uid}"));
        self.lock().put_away_fault.clone().map_or(Ok(()), Err)
    }

    fn sent(&mut self, folder: &str, tokens: &[Token]) -> Result<Vec<bool>, MailboxError> {
        assert_eq!(folder, "Sent");
        let refused = MailboxError::Refused { asked: "EXAMINE", said: "no such folder".into() };
        let house = self.lock();
        let copies = house.copies.as_ref().ok_or(refused)?;
        Ok(tokens.iter().map(|token| copies.contains(token.as_str())).collect())
    }

    fn wait(&mut self, longest: Duration) -> Result<(), MailboxError> {
        assert!(longest <= LOOK_EVERY, "{longest:?}");
        let mut house = self.lock();
        house.done.push("wait".into());
        let event = house.meanwhile.pop_front().ok_or(MailboxError::Stopped)?;
        event(&mut house);
        Ok(())
    }
}

impl ReceiptStore for Shared {
    fn place(&self) -> Pending<Option<Place>> {
        answered(Ok(self.lock().place))
    }

    fn receive(&self, mail: ReceivedMail) -> Pending<Received> {
        let mut house = self.lock();
        if let Some(error) = house.store_faults.pop_front() {
            wake();
            return answered(Err(error));
        }
        if mail.receipt.as_ref().is_some_and(|receipt| house.early.contains(&receipt.token)) {
            house.done.push("early".into());
            return answered(Ok(Received::NotYet));
        }
        let before = house.place.filter(|place| place.uid_validity == mail.place.uid_validity);
        let uid = before.map_or(0, |place| place.uid).max(mail.place.uid);
        house.place = Some(Place { uid, ..mail.place });
        let Some(receipt) = mail.receipt else {
            house.done.push(format!("pass {}", mail.place.uid));
            return answered(Ok(Received::Nothing));
        };
        if !house.attempts.contains(&receipt.token) {
            return answered(Ok(Received::UnknownAttempt));
        }
        if !house.hashes.insert(mail.sha256) {
            return answered(Ok(Received::Known));
        }
        house.done.push(format!("keep {}", mail.place.uid));
        house.kept.push((receipt.token, receipt.report));
        house.kept_at.insert(mail.now);
        let job = JobId::new(mail.now, 1);
        answered(Ok(Received::Taken { job, state: JobState::HandedOff }))
    }

    fn unsure(&self) -> Pending<Vec<Subject>> {
        answered(Ok(self.lock().unsure.clone()))
    }
}

fn answered<T>(answer: Result<T, QueueError>) -> Pending<T> {
    let (give, take) = Pending::channel();
    assert!(give.send(answer).is_ok());
    take
}

fn thread(house: &Shared) -> ReadingThread {
    let opened = house.clone();
    let open: Opener = Box::new(move |_| {
        if let Some(error) = opened.lock().open_faults.pop_front() {
            wake();
            return Err(error.into());
        }
        Ok(Box::new(opened.clone()))
    });
    let parts = Parts {
        store: Box::new(house.clone()),
        open,
        reader: Reader { key: TokenKey::new(KEY), providers: vec![] },
        sent_folder: Some("Sent".into()),
        clock: Arc::new(house.clone()),
        alarm: Alarm::default(),
    };
    ReadingThread::new(parts, MailboxBoard::new(NOW), Arc::default(), Interrupt::default())
}

/// Reads until nothing happens any more; what was done, in order.
fn read(house: &Shared) -> (Vec<String>, ReadingThread) {
    let mut thread = thread(house);
    thread.run();
    assert_eq!(thread.board.status().state, MailboxState::Stopped);
    (std::mem::take(&mut house.lock().done), thread)
}

fn house(mails: impl IntoIterator<Item = (u32, Vec<u8>)>) -> Shared {
    let house = Shared::default();
    {
        let mut house = house.lock();
        (house.uid_validity, house.mails) = (7, mails.into_iter().collect());
        house.attempts = [[1; 16], [2; 16]].into();
    }
    house
}

fn token(octet: u8) -> String {
    TokenKey::new(KEY).mint([octet; 16]).as_str().to_owned()
}

/// A mail host says that it delivered.
fn delivered(octet: u8) -> Vec<u8> {
    report(&token(octet))
}

fn report(token: &str) -> Vec<u8> {
    format!(
        "Return-Path: <>\r\nTo: <r+{token}@example.jp>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\n\r\nok\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example.co.jp\r\n\r\nFinal-Recipient: rfc822; a@example.co.jp\r\n\
         Action: delivered\r\nStatus: 2.0.0\r\n\r\n--b--\r\n"
    )
    .into_bytes()
}

fn holiday_note() -> Vec<u8> {
    format!("To: <r+{}@example.jp>\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n", token(1))
        .into_bytes()
}

#[test]
fn receipt_is_on_disk_before_it_is_put_away() {
    let house = house([(5, delivered(1)), (9, delivered(2))]);
    let (done, thread) = read(&house);
    assert_eq!(done, ["keep 5", "away 5", "keep 9", "away 9", "wait"]);
    assert_eq!(house.lock().kept, [([1; 16], Report::Delivered), ([2; 16], Report::Delivered)]);
    assert_eq!(thread.board.status().mails, [(Fate::Taken, 2)].into());
}

/// By a clock that is ahead there would be no time left for the FAX that follows a mail which came back.
#[test]
fn receipt_comes_when_it_is_at_least_whatever_the_clock_says() {
    let house = house([(5, delivered(1))]);
    {
        let mut house = house.lock();
        house.ahead = 365 * 24 * 60 * 60 * 1000;
        house.unsure = vec![[2; 16]];
        house.copies = Some([token(2)].into());
    }
    read(&house);
    let house = house.lock();
    assert_eq!((house.kept.len(), &house.kept_at), (2, &[NOW].into()));
}

#[test]
fn what_is_no_receipt_stays_where_it_is_and_is_counted_by_its_kind() {
    let forged = report(TokenKey::new([8; 32]).mint([1; 16]).as_str());
    let another_store = delivered(3);
    let person = b"Subject: hello\r\n\r\nWhere is my fax?\r\n".to_vec();
    let house = house([
        (1, holiday_note()),
        (2, forged),
        (3, another_store),
        (4, person),
        (5, b"\xff\x00\r\n--".to_vec()),
        (6, delivered(1)),
    ]);
    let (done, thread) = read(&house);
    assert_eq!(done, ["pass 1", "pass 2", "pass 4", "pass 5", "keep 6", "away 6", "wait"]);
    let expected = [
        (Fate::Taken, 1),
        (Fate::UnknownAttempt, 1),
        (Fate::Automatic, 1),
        (Fate::ForeignReport, 1),
        (Fate::Other, 2),
    ];
    assert_eq!(thread.board.status().mails, expected.into());
    assert_eq!(house.lock().place, Some(Place { uid_validity: 7, uid: 6 }));
}

#[test]
fn start_goes_on_behind_the_last_mail_that_the_store_knows() {
    let house = house([(5, delivered(1)), (9, delivered(2))]);
    house.lock().place = Some(Place { uid_validity: 7, uid: 5 });
    assert_eq!(read(&house).0, ["keep 9", "away 9", "wait"]);
}

#[test]
fn mails_numbered_anew_are_all_looked_at_and_none_is_taken_twice() {
    let house = house([(5, delivered(1))]);
    read(&house);
    {
        let mut house = house.lock();
        house.uid_validity = 8;
        house.mails = [(1, delivered(1)), (2, delivered(2))].into();
    }
    let (done, thread) = read(&house);
    assert_eq!(done, ["away 1", "keep 2", "away 2", "wait"]);
    assert_eq!(house.lock().kept.len(), 2);
    assert_eq!(thread.board.status().mails, [(Fate::Taken, 1), (Fate::TakenBefore, 1)].into());
}

#[test]
fn numbers_that_change_while_the_box_is_open_are_seen_at_the_next_look() {
    let house = house([(5, delivered(1))]);
    house.lock().meanwhile.push_back(|house| {
        house.uid_validity = 8;
        house.mails = [(1, delivered(2))].into();
    });
    assert_eq!(read(&house).0, ["keep 5", "away 5", "wait", "keep 1", "away 1", "wait"]);
}

/// Six hours go by.
fn hours_later(house: &mut House) {
    house.now += 6 * 60 * 60 * 1000;
}

#[test]
fn mail_that_alone_is_not_given_holds_up_no_other_and_is_left_behind_after_many_hours() {
    for error in [
        MailboxError::Nonsense("x"),
        MailboxError::TooLong,
        MailboxError::Refused { asked: "FETCH", said: "[SERVERBUG]".into() },
    ] {
        let house = house([(5, delivered(1)), (9, delivered(2))]);
        house.lock().fetch_faults.insert(5, error.clone());
        house.lock().meanwhile = vec![hours_later as fn(&mut House); 7].into();
        let (done, thread) = read(&house);
        assert_eq!(done[..2], ["keep 4", "away 9"], "{error}");
        assert_eq!(done[2..], ["wait"; 8], "{error}");
        assert_eq!(thread.board.status().mails, [(Fate::Taken, 1)].into(), "{error}");
        let place = house.lock().place;
        assert_eq!(place, Some(Place { uid_validity: 7, uid: 4 }), "a start tries it again");
        house.lock().meanwhile = vec![hours_later as fn(&mut House); 8].into();
        let (done, thread) = read(&house);
        assert_eq!(done[..1], ["away 9"], "{error}");
        assert_eq!(done[9..], ["pass 9", "wait"], "{error}");
        assert_eq!(thread.board.status().mails[&Fate::Unreadable], 1, "{error}");
        assert_eq!(house.lock().place, Some(Place { uid_validity: 7, uid: 9 }));
    }
}

#[test]
fn server_that_gives_no_mail_at_all_is_at_fault_and_none_is_left_behind() {
    for error in [
        MailboxError::Broken("the server closed it".into()),
        MailboxError::Refused { asked: "FETCH", said: "the disk is gone".into() },
    ] {
        let house = house([(5, delivered(1)), (9, delivered(2)), (12, delivered(1))]);
        house.lock().fetch_faults = [5, 9, 12].map(|uid| (uid, error.clone())).into();
        let mut thread = thread(&house);
        for _ in 0..100 {
            let Err(Ended::Box(fault)) = thread.read() else { panic!("it gives nothing") };
            thread.failed(&fault);
            hours_later(&mut house.lock());
        }
        let state = thread.board.status().state;
        assert!(matches!(state, MailboxState::Faulty { .. }), "{error}: {state:?}");
        assert_eq!(house.lock().done, [""; 0], "{error}");
        house.lock().fetch_faults.clear();
        thread.run();
        assert_eq!(house.lock().kept.len(), 2, "{error}");
        assert_eq!(house.lock().place, Some(Place { uid_validity: 7, uid: 12 }), "{error}");
        assert_eq!(thread.board.status().mails, [(Fate::Taken, 2), (Fate::TakenBefore, 1)].into());
    }
}

#[test]
fn box_whose_only_mail_is_not_given_is_at_fault() {
    let house = house([(5, delivered(1))]);
    house.lock().fetch_faults.insert(5, MailboxError::TooLong);
    let mut thread = thread(&house);
    for _ in 0..20 {
        let Err(Ended::Box(fault)) = thread.read() else { panic!("it gives nothing") };
        thread.failed(&fault);
        hours_later(&mut house.lock());
    }
    assert!(matches!(thread.board.status().state, MailboxState::Faulty { .. }));
    // Somebody takes it away.
    house.lock().mails.clear();
    house.lock().fetch_faults.clear();
    assert!(matches!(thread.read(), Err(Ended::Stopped)));
    assert_eq!(thread.board.status().state, MailboxState::Reading);
}

#[test]
fn report_that_overtook_its_attempt_holds_up_no_other_and_comes_back() {
    let house = house([(5, delivered(1)), (9, delivered(2))]);
    house.lock().early = [[1; 16]].into();
    house.lock().meanwhile = [
        (|house| {
            assert_eq!(house.place, Some(Place { uid_validity: 7, uid: 4 }), "not behind it");
            house.now += 999;
        }) as fn(&mut House),
        |house| house.now += 1,
        |house| {
            house.early.clear();
            house.now += 2000;
        },
    ]
    .into();
    let (done, _) = read(&house);
    let expected =
        ["early", "keep 4", "away 9", "wait", "wait", "early", "wait", "keep 9", "away 5", "wait"];
    assert_eq!(done, expected);
    assert_eq!(house.lock().place, Some(Place { uid_validity: 7, uid: 9 }));
}

#[test]
fn start_reads_a_report_again_that_had_overtaken_its_attempt() {
    let house = house([(5, delivered(1)), (9, delivered(2))]);
    house.lock().early = [[1; 16]].into();
    read(&house);
    house.lock().early.clear();
    assert_eq!(read(&house).0, ["keep 5", "away 5", "away 9", "wait"]);
}

#[test]
fn box_is_shown_to_be_read_from_its_first_mail_on() {
    let house = house([(5, delivered(1)), (9, delivered(2))]);
    house.lock().open_faults = [MailboxError::NoTls].into();
    house.lock().fetch_faults.insert(9, MailboxError::TooLong);
    let mut thread = thread(&house);
    assert!(matches!(thread.read(), Err(Ended::Box(_))));
    assert!(matches!(thread.board.status().state, MailboxState::Faulty { .. }));
    thread.failures = 9;
    assert!(matches!(thread.read(), Err(Ended::Box(_))), "9 is still to come");
    assert_eq!((thread.board.status().state, thread.failures), (MailboxState::Reading, 0));
}

#[test]
fn mail_that_somebody_took_away_is_passed_by() {
    let house = house([(5, Vec::new()), (9, delivered(2))]);
    assert_eq!(read(&house).0, ["keep 9", "away 9", "wait"]);
}

#[test]
fn full_disk_is_waited_for_and_nothing_is_put_away_before_there_is_room() {
    let house = house([(5, delivered(1))]);
    house.lock().store_faults = [QueueError::Full, QueueError::Full].into();
    assert_eq!(read(&house).0, ["keep 5", "away 5", "wait"]);
}

#[tokio::test]
async fn store_that_cannot_be_believed_ends_everything_with_the_mail_where_it_was() {
    let house = house([(5, delivered(1))]);
    house.lock().store_faults = [QueueError::Ambiguous].into();
    let (done, thread) =
        std::thread::scope(|scope| scope.spawn(|| read(&house)).join().expect("it ends in order"));
    assert_eq!(done, [""; 0]);
    thread.parts.alarm.raised().await;
}

#[test]
fn receipt_that_cannot_be_put_away_is_kept_and_the_next_one_comes() {
    let house = house([(5, delivered(1)), (9, delivered(2))]);
    let refused = MailboxError::Refused { asked: "MOVE", said: "over quota".into() };
    house.lock().put_away_fault = Some(refused);
    assert_eq!(read(&house).0, ["keep 5", "away 5", "keep 9", "away 9", "wait"]);
}

#[test]
fn copy_of_a_mail_without_answer_says_that_the_relay_has_it() {
    let house = house([]);
    {
        let mut house = house.lock();
        house.unsure = vec![[1; 16], [2; 16]];
        house.copies = Some([token(2)].into());
        house.place = Some(Place { uid_validity: 7, uid: 4 });
        house.meanwhile.push_back(hours_later); // still unsure at the next look: it is told once
    }
    read(&house);
    assert_eq!(house.lock().kept, [([2; 16], Report::SentCopy)]);
    assert_eq!(house.lock().place, Some(Place { uid_validity: 7, uid: 4 }));
}

#[test]
fn missing_folder_of_copies_does_not_keep_receipts_back() {
    let house = house([(5, delivered(1))]);
    house.lock().unsure = vec![[1; 16]];
    assert_eq!(read(&house).0, ["keep 5", "away 5", "wait"]);
}

#[test]
fn fault_is_on_the_board_until_the_box_is_open_again() {
    let shared = house([(5, delivered(1))]);
    shared.lock().open_faults = [MailboxError::NoTls, MailboxError::NoTls].into();
    let mut thread = thread(&shared);
    let Err(Ended::Box(fault)) = thread.read() else { panic!("it is not open") };
    let state = thread.board.status().state;
    assert_eq!(fault.code(), "imap-no-tls");
    assert_eq!(thread.board.status().last_look, None);
    assert!(matches!(&state, MailboxState::Faulty { code: "imap-no-tls", .. }), "{state:?}");
    shared.lock().open_faults.clear();
    assert!(matches!(thread.read(), Err(Ended::Stopped)));
    assert_eq!(thread.board.status().state, MailboxState::Reading);
    assert_eq!(thread.board.status().last_look, Some(thread.parts.clock.now()));
    assert_eq!(shared.lock().done, ["keep 5", "away 5", "wait"]);
}

#[test]
fn connection_that_ends_once_is_no_fault_and_one_that_ends_again_is() {
    let shared = house([(5, delivered(1))]);
    let lost = MailboxError::Broken("the server closed it".into());
    shared.lock().fetch_faults.insert(5, lost.clone());
    let mut thread = thread(&shared);
    let fault = BoxFault::from(lost);
    thread.failed(&fault);
    assert_eq!(thread.board.status().state, MailboxState::Starting);
    thread.failed(&fault);
    assert!(matches!(thread.board.status().state, MailboxState::Faulty { .. }));
}

#[test]
fn pauses_grow_to_their_longest_and_begin_longer_after_a_refused_login() {
    let lost = BoxFault::from(MailboxError::TooLong);
    let seconds = |fault: &BoxFault| [1, 2, 5, 9, 10, 400].map(|n| pause(fault, n).as_secs());
    assert_eq!(seconds(&lost), [1, 2, 16, 256, 300, 300]);
    let login = BoxFault::from(MailboxError::Login(String::new()));
    assert_eq!(seconds(&login), [60, 120, 300, 300, 300, 300]);
}

#[test]
fn box_that_waits_for_its_server_is_away_for_the_watchdog_and_stops_when_it_is_told() {
    let (is_waiting, waits) = std::sync::mpsc::channel();
    let open: Opener = Box::new(move |interrupt| {
        is_waiting.send(()).expect("the test listens");
        while !interrupt.is_raised() {
            std::thread::park(); // as the driver does: until it is interrupted
        }
        Err(MailboxError::Stopped.into())
    });
    let parts = Parts { open, ..thread(&house([])).parts };
    let mut receipts = ReceiptBox::start(parts).expect("a thread");
    waits.recv().expect("it opens the box");
    assert_eq!(receipts.turns()(), None);
    receipts.stop();
    assert_eq!(receipts.board().status().state, MailboxState::Stopped);
    assert_eq!(receipts.turns()(), None, "it is over, and not stuck");
}

#[test]
fn flood_is_told_at_its_first_tenth_and_hundredth_mail() {
    let told: Vec<u64> = (0..=1000).filter(|count| is_worth_telling(*count)).collect();
    assert_eq!(told, [1, 10, 100, 1000]);
}
