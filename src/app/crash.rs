//! Named places on the way of a notification where a test ends the process as a power failure of the kernel would not: at
//! once, with nothing flushed and no handler run.
//!
//! In: `SHIRASE_CRASH=name:n` in the environment of a build with debug assertions: the n-th time that place is passed, the process
//! kills itself. Out: nothing; in a release build [`here`] is empty and the environment is not looked at.
//! A place is named for what was just done or is about to be done, so that its name says what the next start finds.
//! Not here: who asks for it and what must hold afterwards (`tests/crash`).

use crate::job::names::stable_names;

/// A place. In the order in which a notification passes them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Point {
    /// The new store is made beside its place; it is not moved there yet.
    StoreMadeBeside,
    /// A step of the schema is written and not committed.
    StoreMigrating,
    /// A step of the schema is committed, others may follow.
    StoreMigrated,
    /// What a crash left open is known, nothing of it is ended.
    RecoverFound,
    /// One attempt that was open is ended, not committed.
    RecoverEnded,
    /// All that was open is ended and on disk; nobody was answered yet.
    RecoverCommitted,
    /// A request was judged good; the store has not heard of it.
    AcceptJudged,
    /// Its row is written, not committed.
    AcceptWritten,
    /// It is on disk; its caller does not know.
    AcceptCommitted,
    /// A request is known from before; its caller was not answered again.
    ReplayFound,
    /// A group of commands has run; COMMIT is next.
    GroupRan,
    /// A group is on disk; nobody who asked was told.
    GroupCommitted,
    /// The log is about to be written back and cut.
    CheckpointBegins,
    /// It was.
    CheckpointDone,
    /// The withdrawal is written, not committed.
    CancelWritten,
    /// It is on disk; its caller does not know.
    CancelCommitted,
    /// The report about an office is written, not committed.
    OfficeWritten,
    /// It is on disk; its caller does not know.
    OfficeCommitted,
    /// What has run out is ended, not committed.
    SweepWritten,
    /// It is on disk.
    SweepCommitted,
    /// The device of a line is about to be opened.
    DeviceOpens,
    /// The attempt is written, not committed.
    ClaimWritten,
    /// The attempt is on disk; nothing is drawn.
    ClaimCommitted,
    /// The sheet is drawn, coded and proven; nobody is called yet.
    SheetProven,
    /// `dialing` is about to be handed to the store.
    DialAsked,
    /// `dialing` is written, not committed.
    DialWritten,
    /// `dialing` is on disk; no octet of ATD has left.
    DialCommitted,
    /// The far end has answered.
    Answered,
    /// The far end is judged to be the right one.
    FarEndJudged,
    /// `page_started` is about to be handed to the store.
    PageAsked,
    /// `page_started` is written, not committed.
    PageWritten,
    /// `page_started` is on disk; no octet of the page has left.
    PageCommitted,
    /// A part of the page has left.
    PageMidway,
    /// All of the page has left; the far end has said nothing to it.
    PageLeft,
    /// The far end has acknowledged the page; the store does not know.
    PageAcknowledged,
    /// The result is written, not committed.
    SettleWritten,
    /// The result of a call is on disk; the line is not let go.
    CallSettled,
    /// The line is on-hook.
    CallHungUp,
    /// The mail's attempt is written, not committed.
    MailClaimWritten,
    /// The mail's attempt is on disk; nobody is connected to.
    MailClaimCommitted,
    /// `dot_sent` is about to be handed to the store.
    DotAsked,
    /// `dot_sent` is on disk; no octet of the content has left.
    DotCommitted,
    /// The relay has said something to the whole mail; the store does not know.
    MailReplied,
    /// The result of a mail is on disk.
    MailSettled,
    /// A mail of the receipt box was read; the store does not know.
    ReceiptRead,
    /// What follows from a receipt is written, not committed.
    ReceiptWritten,
    /// A receipt is on disk; the mail still lies in the box.
    ReceiptCommitted,
    /// A sign of the exchange is written, not committed.
    SignWritten,
    /// It is on disk; its caller does not know.
    SignCommitted,
    /// A decision about an uncertain notification is written, not committed.
    DecisionWritten,
    /// It is on disk; its caller does not know.
    DecisionCommitted,
    /// That a notification is held back is written, not committed.
    HoldWritten,
    /// It is on disk; its caller does not know.
    HoldCommitted,
    /// That it goes on is written, not committed.
    ReleaseWritten,
    /// It is on disk; its caller does not know.
    ReleaseCommitted,
    /// What is new is written down as owed to an endpoint, not committed.
    WebhookDueWritten,
    /// What is owed to an endpoint is on disk; nothing of it is posted.
    WebhookDueCommitted,
    /// The endpoint has answered, or nobody did; the store does not know.
    WebhookPosted,
    /// What became of the posts is written, not committed.
    WebhookMarkWritten,
    /// It is on disk; what comes next is not asked for.
    WebhookMarked,
    /// A notification that is old is taken out with all that was its own, not committed.
    ForgetWritten,
    /// It is gone for good; the journal does not say so.
    ForgetCommitted,
    /// The store has come further than the file beside it says, which is about to be written.
    MarkBegins,
    /// A slot of that file is written, not synced.
    MarkWritten,
    /// The file says how far the store has come; nobody who asked was told.
    MarkSynced,
    /// The appliance is told to stop; calls may be on.
    StopBegins,
    /// No line and no lane moves any more; the store is open.
    StopStoreOpen,
}

stable_names!(Point {
    StoreMadeBeside => "store.made_beside",
    StoreMigrating => "store.migrating",
    StoreMigrated => "store.migrated",
    RecoverFound => "recover.found",
    RecoverEnded => "recover.ended",
    RecoverCommitted => "recover.committed",
    AcceptJudged => "accept.judged",
    AcceptWritten => "accept.written",
    AcceptCommitted => "accept.committed",
    ReplayFound => "replay.found",
    GroupRan => "group.ran",
    GroupCommitted => "group.committed",
    CheckpointBegins => "checkpoint.begins",
    CheckpointDone => "checkpoint.done",
    CancelWritten => "cancel.written",
    CancelCommitted => "cancel.committed",
    OfficeWritten => "office.written",
    OfficeCommitted => "office.committed",
    SweepWritten => "sweep.written",
    SweepCommitted => "sweep.committed",
    DeviceOpens => "device.opens",
    ClaimWritten => "claim.written",
    ClaimCommitted => "claim.committed",
    SheetProven => "sheet.proven",
    DialAsked => "dial.asked",
    DialWritten => "dial.written",
    DialCommitted => "dial.committed",
    Answered => "call.answered",
    FarEndJudged => "call.far_end_judged",
    PageAsked => "page.asked",
    PageWritten => "page.written",
    PageCommitted => "page.committed",
    PageMidway => "page.midway",
    PageLeft => "page.left",
    PageAcknowledged => "page.acknowledged",
    SettleWritten => "settle.written",
    CallSettled => "call.settled",
    CallHungUp => "call.hung_up",
    MailClaimWritten => "mail.claim_written",
    MailClaimCommitted => "mail.claim_committed",
    DotAsked => "dot.asked",
    DotCommitted => "dot.committed",
    MailReplied => "mail.replied",
    MailSettled => "mail.settled",
    ReceiptRead => "receipt.read",
    ReceiptWritten => "receipt.written",
    ReceiptCommitted => "receipt.committed",
    SignWritten => "sign.written",
    SignCommitted => "sign.committed",
    DecisionWritten => "decision.written",
    DecisionCommitted => "decision.committed",
    HoldWritten => "hold.written",
    HoldCommitted => "hold.committed",
    ReleaseWritten => "release.written",
    ReleaseCommitted => "release.committed",
    WebhookDueWritten => "webhook.due_written",
    WebhookDueCommitted => "webhook.due_committed",
    WebhookPosted => "webhook.posted",
    WebhookMarkWritten => "webhook.mark_written",
    WebhookMarked => "webhook.marked",
    ForgetWritten => "forget.written",
    ForgetCommitted => "forget.committed",
    MarkBegins => "mark.begins",
    MarkWritten => "mark.written",
    MarkSynced => "mark.synced",
    StopBegins => "stop.begins",
    StopStoreOpen => "stop.store_open",
});

/// Ends the process if a test wants that here.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn here(_point: Point) {}

/// Done while compiling: nothing is left of it.
#[cfg(not(debug_assertions))]
const _: () = here(Point::AcceptJudged);

#[cfg(debug_assertions)]
pub use armed::here;

#[cfg(debug_assertions)]
mod armed {
    use std::io::Write;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::Point;

    /// Where this process is to end.
    const WISH: &str = "SHIRASE_CRASH";

    static WANTED: OnceLock<Option<Wanted>> = OnceLock::new();

    /// A place, and how often it is still passed unharmed.
    #[derive(Debug)]
    pub(super) struct Wanted {
        pub(super) point: Point,
        pub(super) passes_left: AtomicU32,
    }

    impl Wanted {
        /// `name:n`, n from 1; `None` for anything else.
        pub(super) fn parse(wish: &str) -> Option<Self> {
            let (name, nth) = wish.split_once(':')?;
            let nth: u32 = nth.parse().ok().filter(|nth| *nth > 0)?;
            Some(Self { point: name.parse().ok()?, passes_left: AtomicU32::new(nth - 1) })
        }

        /// Whether this is the pass that was meant; true once.
        pub(super) fn is_now(&self, point: Point) -> bool {
            point == self.point
                && self
                    .passes_left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                        Some(left.wrapping_sub(1))
                    })
                    .is_ok_and(|left| left == 0)
        }
    }

    /// Ends the process if a test wants that here.
    #[inline]
    pub fn here(point: Point) {
        let wanted = WANTED.get_or_init(wished);
        if let Some(wanted) = wanted
            && wanted.is_now(point)
        {
            end(point);
        }
    }

    fn wished() -> Option<Wanted> {
        let wish = std::env::var(WISH).ok()?;
        let wanted = Wanted::parse(&wish);
        // A wish that nothing can fulfil would make a test of nothing.
        assert!(wanted.is_some(), "{WISH}={wish} is no place");
        wanted
    }

    #[cold]
    #[expect(unsafe_code, reason = "there is no safe call for it")]
    fn end(point: Point) -> ! {
        // For whoever looks into the journal of a test. In one piece: other threads still write until they are ended.
        let said = format!("crash: {point}\n");
        let _unread = std::io::stderr().write_all(said.as_bytes());
        // SAFETY: kill(2) takes two numbers; nothing of this process runs after it.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        loop {
            std::thread::park();
        }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use std::collections::BTreeSet;

    use super::Point;
    use super::armed::{Wanted, here};

    #[test]
    fn wish_is_a_place_and_a_number_from_1_and_nothing_else() {
        assert_eq!(Wanted::parse("dial.committed:3").map(|w| w.point), Some(Point::DialCommitted));
        for wish in ["", "dial.committed", "dial.committed:0", "dial.committed:x", "nowhere:1"] {
            assert!(Wanted::parse(wish).is_none(), "{wish:?}");
        }
    }

    #[test]
    fn third_pass_of_the_place_is_meant_and_no_other_place() {
        let wanted = Wanted::parse("dial.committed:3").expect("a wish");
        let passes = [Point::DialCommitted, Point::DialWritten, Point::DialCommitted];
        assert!(passes.iter().all(|point| !wanted.is_now(*point)));
        assert!(wanted.is_now(Point::DialCommitted));
        assert!(!wanted.is_now(Point::DialCommitted), "once");
    }

    #[test]
    fn without_a_wish_every_place_is_passed() {
        Point::ALL.iter().for_each(|point| here(*point));
    }

    #[test]
    fn no_two_places_share_a_name() {
        let names: BTreeSet<&str> = Point::ALL.iter().map(|point| point.as_str()).collect();
        assert_eq!(names.len(), Point::ALL.len());
    }

    /// A name without a call would be a test that waits in vain.
    #[test]
    fn every_place_stands_in_the_program_once() {
        let mut found = String::new();
        let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry"))
            {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("app/crash.rs") {
                    found += &std::fs::read_to_string(path).expect("text");
                }
            }
        }
        for point in Point::ALL {
            let call = format!("crash::here(Point::{point:?})");
            assert_eq!(found.matches(&call).count(), 1, "{call}");
        }
    }
}
