//! How a gateway is driven to each point at which it kills itself.
//!
//! In: a point and how many times. Out: a house that was killed there so often, as its logs and its store tell.
//! Every point must really be reached: a gateway that does not die where it should ends the run.
//! Not here: what must hold afterwards (`judge.rs`).

use std::ops::Range;
use std::time::Duration;

use serde_json::json;
use shirase::app::crash::Point;

use crate::house::{Furniture, House, LOOK_EVERY, decision, document, first_contact, later};

/// Longest wait for a gateway to pass a point.
const REACHED_WITHIN: Duration = Duration::from_secs(30);
/// Looks until something more is asked for: a gateway that is busy refuses, and a call may be over before it is withdrawn.
const ASKS_AGAIN: u128 = 100;
/// Most kills in one house, so that no store grows beyond what is judged quickly.
const KILLS_PER_HOUSE: u32 = 50;
const OFFICE: &str = "2779900030";

/// What takes a gateway to a point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// A start without a store.
    NewStore,
    /// A start behind a crash in a call.
    StartAfterCrash,
    /// A start.
    Start,
    /// Notifications with a key, which are sent.
    Fax,
    /// The same request again.
    Repeat,
    Withdraw,
    Report,
    Sign,
    /// Decisions about those of which nobody knows whether they arrived.
    Decide,
    Hold,
    Release,
    /// A start behind a time in which what is over became old.
    Forget,
    /// SIGTERM.
    Stop,
    /// Notices that go by mail, of which reports come back.
    Mail,
    /// Sheets of which the exchange is told.
    Tell,
}

impl Way {
    /// Whether the exchange is told meanwhile: where posts are what it is about, and where a change comes of something else
    /// than a call.
    fn is_told(self) -> bool {
        match self {
            Self::StartAfterCrash
            | Self::Withdraw
            | Self::Sign
            | Self::Decide
            | Self::Hold
            | Self::Release
            | Self::Stop
            | Self::Tell => true,
            // These need a store that is new or old; the others are many.
            Self::NewStore | Self::Forget => false,
            Self::Start | Self::Fax | Self::Repeat | Self::Report | Self::Mail => false,
        }
    }
}

fn way_to(point: Point) -> Way {
    match point {
        Point::StoreMadeBeside | Point::StoreMigrating | Point::StoreMigrated => Way::NewStore,
        Point::RecoverFound | Point::RecoverEnded | Point::RecoverCommitted => Way::StartAfterCrash,
        Point::SweepWritten | Point::SweepCommitted | Point::DeviceOpens => Way::Start,
        Point::AcceptJudged
        | Point::AcceptWritten
        | Point::AcceptCommitted
        | Point::GroupRan
        | Point::GroupCommitted
        | Point::CheckpointBegins
        | Point::CheckpointDone
        | Point::MarkBegins
        | Point::MarkWritten
        | Point::MarkSynced
        | Point::ClaimWritten
        | Point::ClaimCommitted
        | Point::SheetProven
        | Point::DialAsked
        | Point::DialWritten
        | Point::DialCommitted
        | Point::Answered
        | Point::FarEndJudged
        | Point::PageAsked
        | Point::PageWritten
        | Point::PageCommitted
        | Point::PageMidway
        | Point::PageLeft
        | Point::PageAcknowledged
        | Point::SettleWritten
        | Point::CallSettled
        | Point::CallHungUp => Way::Fax,
        Point::ReplayFound => Way::Repeat,
        Point::CancelWritten | Point::CancelCommitted => Way::Withdraw,
        Point::OfficeWritten | Point::OfficeCommitted => Way::Report,
        Point::SignWritten | Point::SignCommitted => Way::Sign,
        Point::DecisionWritten | Point::DecisionCommitted => Way::Decide,
        Point::HoldWritten | Point::HoldCommitted => Way::Hold,
        Point::ReleaseWritten | Point::ReleaseCommitted => Way::Release,
        Point::WebhookDueWritten
        | Point::WebhookDueCommitted
        | Point::WebhookPosted
        | Point::WebhookMarkWritten
        | Point::WebhookMarked => Way::Tell,
        Point::ForgetWritten | Point::ForgetCommitted => Way::Forget,
        Point::StopBegins | Point::StopStoreOpen => Way::Stop,
        Point::MailClaimWritten
        | Point::MailClaimCommitted
        | Point::DotAsked
        | Point::DotCommitted
        | Point::MailReplied
        | Point::MailSettled
        | Point::ReceiptRead
        | Point::ReceiptWritten
        | Point::ReceiptCommitted => Way::Mail,
    }
}

/// Where a gateway is killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// It kills itself.
    Named(Point),
    /// From outside: the relay has the whole mail and has not replied. The gateway waits in its driver, which knows no points.
    RelayHasDot,
}

impl Place {
    pub fn all() -> Vec<Self> {
        Point::ALL.iter().copied().map(Self::Named).chain([Self::RelayHasDot]).collect()
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Named(point) => point.as_str(),
            Self::RelayHasDot => "relay.has_dot",
        }
    }

    fn way(self) -> Way {
        match self {
            Self::Named(point) => way_to(point),
            Self::RelayHasDot => Way::Mail,
        }
    }

    /// How often one house is good for it: a store is made once.
    pub fn kills_per_house(self) -> u32 {
        if self.way() == Way::NewStore { 1 } else { KILLS_PER_HOUSE }
    }
}

/// Where the crash was of which a start tells.
const IN_A_CALL: [Point; 5] = [
    Point::ClaimCommitted,
    Point::DialCommitted,
    Point::PageCommitted,
    Point::PageLeft,
    Point::PageAcknowledged,
];

/// A house whose gateway was killed at a place for each of `nth_kills`, then started once more and stopped. One kill
/// differs from the next in how often the place is passed before, and in what the caller does.
pub fn killed_at(place: Place, nth_kills: Range<u32>) -> House {
    let way = place.way();
    let has_endpoint = way.is_told();
    let mut house = House::new(Furniture {
        has_second_line: matches!(way, Way::Fax | Way::StartAfterCrash),
        has_mail: way == Way::Mail,
        has_endpoint,
        ..Furniture::default()
    });
    if has_endpoint {
        house.introduce_endpoint();
    }
    for kill in nth_kills {
        match place {
            Place::Named(point) => {
                match way_to(point) {
                    Way::StartAfterCrash => {
                        let before = IN_A_CALL[kill as usize % IN_A_CALL.len()];
                        run(&mut house, Way::Fax, before, 1, kill);
                    }
                    // Of this one nobody can know. A notice without a key would go once more, and nothing be left to decide.
                    Way::Decide => run(&mut house, Way::Tell, Point::PageLeft, 1, kill),
                    // Each of these is over and can be forgotten.
                    Way::Forget => {
                        assert!(house.start(None), "{}", house.gateway_log());
                        (0..nth(point, kill)).for_each(|asked| ask(&mut house, Way::Tell, asked));
                        house.be_quiet();
                        house.stop();
                        house.age();
                    }
                    Way::NewStore
                    | Way::Start
                    | Way::Fax
                    | Way::Repeat
                    | Way::Withdraw
                    | Way::Report
                    | Way::Sign
                    | Way::Hold
                    | Way::Release
                    | Way::Stop
                    | Way::Mail
                    | Way::Tell => {}
                }
                run(&mut house, way_to(point), point, nth(point, kill), kill);
            }
            Place::RelayHasDot => {
                house.post_office().be_silent(true);
                assert!(house.start(None), "{}", house.gateway_log());
                ask(&mut house, Way::Mail, kill);
                house
                    .until("the relay has it", |house| house.post_office().has_dot().then_some(()));
                house.kill();
                house.post_office().be_silent(false);
            }
        }
    }
    house.close();
    house
}

/// Which pass it is: not always the first.
fn nth(point: Point, kill: u32) -> u32 {
    match point {
        Point::StoreMigrating | Point::StoreMigrated => 1 + kill % 8,
        Point::GroupRan | Point::GroupCommitted => 1 + kill % 12,
        Point::AcceptJudged | Point::AcceptWritten | Point::AcceptCommitted => 1 + kill % 4,
        // Each start cuts the log as well.
        Point::CheckpointBegins | Point::CheckpointDone => 1 + kill % 3,
        Point::CancelWritten | Point::CancelCommitted | Point::ReplayFound => 1 + kill % 3,
        // The first of several, or the last.
        Point::ForgetWritten => 1 + kill % 3,
        _of_posts if way_to(point) == Way::Tell => 1 + kill % 7,
        _of_calls if matches!(way_to(point), Way::Fax | Way::Mail) => 1 + kill % 2,
        _first => 1,
    }
}

/// Starts the gateway and has it pass the point until it is dead.
fn run(house: &mut House, way: Way, point: Point, nth: u32, kill: u32) {
    if house.start(Some((point.as_str(), nth))) {
        house.show_all();
    }
    let mut asked = 0;
    for look in 1..=REACHED_WITHIN.as_millis() / LOOK_EVERY.as_millis() {
        if house.has_ended() {
            assert!(house.was_killed_at(point), "it ended before {point}\n{}", house.gateway_log());
            return;
        }
        if asked <= nth || look.is_multiple_of(ASKS_AGAIN) {
            ask(house, way, kill + asked);
            asked += 1;
        } else {
            std::thread::sleep(LOOK_EVERY);
        }
    }
    panic!("{point} was not passed {nth} times\n{}", house.gateway_log());
}

/// One thing that a caller wants. The gateway may die of it.
fn ask(house: &mut House, way: Way, turn: u32) {
    let (key, number) = house.fresh();
    match way {
        Way::NewStore | Way::StartAfterCrash | Way::Start | Way::Forget => {}
        Way::Fax => {
            // Some go away before they are answered.
            house.post(&key, &first_contact(&number), turn % 5 != 4);
            if turn.is_multiple_of(3) {
                // To the same number, which must not be called twice at a time.
                let (key, _) = house.fresh();
                house.post(&key, &document(&number), true);
            }
        }
        Way::Tell => drop(house.post(&key, &first_contact(&number), true)),
        Way::Repeat => {
            let body = later(document(&number));
            house.post(&key, &body, true);
            house.post(&key, &body, true);
        }
        Way::Withdraw => {
            // Half of them are on their way.
            let body = if turn.is_multiple_of(2) {
                later(first_contact(&number))
            } else {
                first_contact(&number)
            };
            if let Some(id) = accepted(house, &key, &body) {
                house.withdraw(&id);
            }
        }
        Way::Report => {
            let mail = format!("care{turn}@office.test");
            house.report(OFFICE, &json!({ "event": "mail_registered", "mail": mail }));
            house.report(OFFICE, &json!({ "event": "mail_withdrawn" }));
        }
        Way::Sign => {
            if let Some(id) = accepted(house, &key, &first_contact(&number)) {
                house.sign(&id, ["first_login", "first_download"][turn as usize % 2]);
            }
        }
        Way::Decide => {
            for view in house.show_all().iter().filter(|view| view["state"] == "uncertain") {
                let id = view["id"].as_str().unwrap_or_default();
                house.decide(id, &decision(turn as usize, &key));
            }
        }
        Way::Hold => {
            if let Some(id) = accepted(house, &key, &later(first_contact(&number))) {
                house.hold(&id);
            }
        }
        Way::Release => {
            if let Some(id) = accepted(house, &key, &later(first_contact(&number))) {
                house.hold(&id);
                house.release(&id);
            }
        }
        Way::Stop => {
            house.post(&key, &first_contact(&number), true);
            house.ask_to_stop();
        }
        Way::Mail => {
            // Its address is its own, so that the relay's log tells of which notification it has a mail.
            let mail = format!("n{number}@office.test");
            house.report(OFFICE, &json!({ "event": "mail_registered", "mail": mail }));
            house.post(&key, &document(&number), true);
        }
    }
}

fn accepted(house: &House, key: &str, body: &serde_json::Value) -> Option<String> {
    let answer = house.post(key, body, true)?;
    (answer.status == 202).then(|| answer.body["id"].as_str().map(str::to_owned))?
}
