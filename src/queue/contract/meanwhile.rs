//! What comes in while a call or a hand-over is on: cancellations, signs, late reports about what went before it.

use mail::smtp::{Outcome as Handed, Reply, Trouble};
use modem::Ending;

use super::*;
use crate::job::Sign;
use crate::schedule::windows::Windows;
use crate::settle::mailing::{self, Ended};
use crate::settle::receipts::{FaxFailure, Report};
use crate::settle::{self, Outcome, Standing, Stop};

pub(crate) fn login_that_overtakes_the_reply_to_the_dot_is_the_proof_when_that_comes(
    queue: &dyn Queue,
) {
    let by_fax = Next::ByFax { due: NOW, because: crate::job::FaxBecause::MailBounced };
    let table = [
        ("a", handed_off(then_fax()), JobState::Confirmed, Some("first-login"), 1),
        ("b", no_reply(then_fax()), JobState::ResolvedDelivered, Some("first-login"), 2),
        // The relay has it not, so nobody can have read it.
        ("c", refused_mail(by_fax), JobState::Waiting, Some("mail-bounced"), 2),
    ];
    for (key, settlement, state, reason, opened) in table {
        let id = accept(queue, by_mail(key, "care@example.jp"));
        let got = claim_mail(queue, NOW, "mail-1").expect("due");
        dot(queue, got.attempt);
        let login = sign(queue, id, Sign::FirstLogin);
        assert_eq!(login, Signed::Taken { state: JobState::Sending }, "{key}");
        assert_eq!(queue.settle(got.attempt, settlement).wait(), Ok(()), "{key}");
        let view = show(queue, id);
        assert_eq!((view.state, view.reason.as_deref()), (state, reason), "{key}");
        assert_eq!(view.watch, None, "{key}: nothing is waited for");
        let domains = queue.mail_domains(client(), NOW).wait().expect("the store answers");
        assert_eq!(domains.first().map(|domain| domain.opened), Some(opened), "{key}");
    }
}

pub(crate) fn login_during_the_call_after_an_unread_mail_ends_it_with_the_call(queue: &dyn Queue) {
    let (id, _) = mailed(queue, "a");
    let over = then_fax().until;
    assert!(queue.sweep(over).wait().is_ok());
    let call = claim(queue, over, "line1").expect("by FAX");
    dial(queue, call.attempt, over);
    assert_eq!(sign(queue, id, Sign::FirstDownload), Signed::Taken { state: JobState::Sending });
    let due = over.after(Duration::from_secs(180));
    let busy = not_sent(over, Reach::NoAnswer, Next::Again { due, reason: "busy" });
    assert_eq!(queue.settle(call.attempt, busy).wait(), Ok(()));
    let view = show(queue, id);
    assert_eq!(view.state, JobState::ResolvedDelivered, "nobody is called again");
    assert_eq!(view.reason.as_deref(), Some("first-download"));
}

/// What went before the attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Before {
    Nothing,
    /// A mail that nobody was seen to read.
    Mail,
    /// A call whose sheet may be out.
    Call,
    /// A sheet that a provider had, who said nothing.
    Order,
}

/// How the attempt ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Busy,
    /// For the last time.
    BusyAndSpent,
    BusyAndTooLate,
    Voice,
    /// By us, because it was withdrawn.
    Stopped,
    /// After the page, without a word.
    Cut,
    Delivered,
    /// A provider has it.
    HandedOff,
    /// A provider may have it.
    NoReply,
    /// A provider does not want it.
    Refused,
    CrashedBeforePage,
    CrashedAfterPage,
}

const ENDS: [End; 12] = [
    End::Busy,
    End::BusyAndSpent,
    End::BusyAndTooLate,
    End::Voice,
    End::Stopped,
    End::Cut,
    End::Delivered,
    End::HandedOff,
    End::NoReply,
    End::Refused,
    End::CrashedBeforePage,
    End::CrashedAfterPage,
];

impl End {
    fn is_of_a_provider(self) -> bool {
        match self {
            Self::HandedOff | Self::NoReply | Self::Refused => true,
            Self::Busy
            | Self::BusyAndSpent
            | Self::BusyAndTooLate
            | Self::Voice
            | Self::Stopped
            | Self::Cut
            | Self::Delivered
            | Self::CrashedBeforePage
            | Self::CrashedAfterPage => false,
        }
    }

    fn is_past_the_page(self) -> bool {
        match self {
            Self::Cut | Self::Delivered | Self::CrashedAfterPage => true,
            Self::HandedOff | Self::NoReply => true,
            // The driver writes that a page starts before it asks.
            Self::Refused => true,
            Self::Busy
            | Self::BusyAndSpent
            | Self::BusyAndTooLate
            | Self::Voice
            | Self::Stopped
            | Self::CrashedBeforePage => false,
        }
    }

    /// As whoever carried it out settles it, with what was known when it began.
    fn settlement(self, claim: &Claim, now: UnixMillis) -> Settlement {
        let of_call = |ending: &Ending, stop, standing: Standing| {
            let page_started = self.is_past_the_page();
            let outcome = Outcome {
                ending,
                stop,
                dialled: true,
                answered: page_started,
                page_started,
                pages_confirmed: u16::from(self == Self::Delivered),
                phase: None,
                far_end: None,
                tried: None,
                t85: t30::T85::Unasked,
                identity: None,
                contract: None,
                times: None,
            };
            settle::settle(&outcome, standing, now, &Windows::Always)
        };
        let of_order = |handed: Handed| {
            let watch = claim.watch.expect("a provider's line asked");
            let ended = Ended::Relay(&handed);
            mailing::settle_order(ended, claim.standing, watch, now, &Windows::Always)
        };
        let reply = |code| Reply { code, text: String::new() };
        let standing = claim.standing;
        match self {
            Self::Busy => of_call(&Ending::Busy, None, standing),
            Self::BusyAndSpent => of_call(&Ending::Busy, None, Standing { dials: 99, ..standing }),
            Self::BusyAndTooLate => {
                of_call(&Ending::Busy, None, Standing { not_after: now, ..standing })
            }
            Self::Voice => of_call(&Ending::Voice, None, standing),
            Self::Stopped => of_call(&Ending::Stopped, Some(Stop::Cancelled), standing),
            Self::Cut => of_call(&Ending::NoCarrier, None, standing),
            Self::Delivered => of_call(&Ending::Delivered, None, standing),
            Self::HandedOff => of_order(Handed::Accepted { reply: reply(250), dsn: true }),
            Self::NoReply => {
                of_order(Handed::Unknown { trouble: Trouble::Late(Duration::from_secs(600)) })
            }
            Self::Refused => {
                of_order(Handed::Refused { step: mail::smtp::Step::Content, reply: reply(550) })
            }
            Self::CrashedBeforePage => settle::after_crash(AttemptState::Dialing, standing, now),
            Self::CrashedAfterPage => settle::after_crash(AttemptState::PageStarted, standing, now),
        }
    }
}

/// What comes in meanwhile.
#[derive(Clone, Copy, Debug)]
struct Meanwhile {
    withdrawn: bool,
    came_back: bool,
    login: bool,
}

/// One notice, by its own way to its own number, whose attempt is about to end.
struct Under<'a> {
    queue: &'a dyn Queue,
    id: JobId,
    claim: Claim,
    now: UnixMillis,
    /// Of what went before.
    token: Option<mail::Subject>,
}

impl<'a> Under<'a> {
    fn begin(queue: &'a dyn Queue, case: u32, before: Before, ask: LineAsk) -> Self {
        let key = format!("case-{case}");
        let digits = format!("031{case:07}");
        let plain = match before {
            Before::Mail => by_mail(&key, "care@example.jp"),
            Before::Nothing | Before::Call | Before::Order => request(&key, message),
        };
        let mut job = plain.job.clone();
        to_number(&digits)(&mut job);
        let route = match plain.route {
            Route::Fax { .. } => Route::Fax { number: job.recipient.fax.clone() },
            mail @ Route::Mail(_) => mail,
        };
        let id = accept(queue, Acceptance { job, route, ..plain });
        let (token, now) = match before {
            Before::Nothing => (None, NOW),
            Before::Mail => {
                let got = claim_mail(queue, NOW, "mail-1").expect("due");
                dot(queue, got.attempt);
                assert_eq!(queue.settle(got.attempt, handed_off(then_fax())).wait(), Ok(()));
                assert!(queue.sweep(then_fax().until).wait().is_ok());
                (Some(got.token), then_fax().until)
            }
            Before::Call => {
                unconfirmed_call(queue, NOW, after_min(10));
                (None, after_min(10))
            }
            Before::Order => {
                let got = ordered(queue, true);
                let silent = got.watch.expect("a provider's line asked").until;
                assert!(queue.sweep(silent).wait().is_ok());
                (got.token, show(queue, id).due_at.expect("another copy follows"))
            }
        };
        let claim = queue.claim(now, ask).wait().expect("the store answers").expect("due");
        assert_eq!(claim.id, id, "no other one is left");
        Self { queue, id, claim, now, token }
    }

    fn runs_to(&self, end: End) {
        dial(self.queue, self.claim.attempt, self.now);
        if end.is_past_the_page() {
            start_page(self.queue, self.claim.attempt);
        }
    }

    fn gets(&self, meanwhile: Meanwhile, before: Before, case: u32) {
        if meanwhile.withdrawn {
            assert!(self.queue.cancel(client(), self.id, self.now).wait().is_ok());
        }
        if let (true, Some(token)) = (meanwhile.came_back, self.token) {
            let report = match before {
                Before::Mail => bounced(),
                Before::Nothing | Before::Call | Before::Order => {
                    Report::FaxFailed(FaxFailure::Busy)
                }
            };
            let mut sha256 = [0; 32];
            sha256[..4].copy_from_slice(&case.to_be_bytes());
            let mail = ReceivedMail { sha256, now: self.now, ..received(1, token, report) };
            let taken = Received::Taken { job: self.id, state: JobState::Sending };
            assert_eq!(receive(self.queue, mail), taken);
        }
        if meanwhile.login {
            let taken = Signed::Taken { state: JobState::Sending };
            assert_eq!(sign(self.queue, self.id, Sign::FirstLogin), taken);
        }
    }

    /// Leaves nothing that another case could meet.
    fn is_done_with(&self) {
        assert!(self.queue.cancel(client(), self.id, self.now).wait().is_ok());
        sign(self.queue, self.id, Sign::FirstDownload);
        assert!(show(self.queue, self.id).state.is_final(), "{:?}", show(self.queue, self.id));
    }
}

pub(crate) fn whatever_comes_in_during_an_attempt_its_end_is_stored_and_true(queue: &dyn Queue) {
    let flags = [false, true];
    let mut case = 0;
    for before in [Before::Nothing, Before::Mail, Before::Call, Before::Order] {
        for end in ENDS {
            for bits in 0..8_u8 {
                let [withdrawn, came_back, login] =
                    [1, 2, 4].map(|bit| flags[usize::from(bits & bit != 0)]);
                let can_come_back = matches!(before, Before::Mail | Before::Order);
                if (end == End::Stopped && !withdrawn) || (came_back && !can_come_back) {
                    continue;
                }
                case += 1;
                let meanwhile = Meanwhile { withdrawn, came_back, login };
                let ask =
                    if end.is_of_a_provider() { provider("provider", true) } else { ask("line1") };
                let under = Under::begin(queue, case, before, ask);
                under.runs_to(end);
                under.gets(meanwhile, before, case);
                let settlement = end.settlement(&under.claim, under.now);
                let evidence = settlement.evidence;
                let story = format!("{before:?}, {meanwhile:?}, {end:?}");
                let settled = queue.settle(under.claim.attempt, settlement).wait();
                assert_eq!(settled, Ok(()), "{story}");

                let view = show(queue, under.id);
                let story = format!("{story}: {} because {:?}", view.state, view.reason);
                let is_out_before = before != Before::Nothing && !came_back;
                let may_be_out = is_out_before || evidence != Evidence::NotSent;
                match view.state {
                    JobState::Confirmed => {
                        assert!(evidence == Evidence::Confirmed || login && may_be_out, "{story}");
                    }
                    JobState::ResolvedDelivered => assert!(login && may_be_out, "{story}"),
                    JobState::Failed | JobState::Expired => assert!(!may_be_out, "{story}"),
                    JobState::Cancelled => assert!(withdrawn && !may_be_out, "{story}"),
                    JobState::Uncertain => assert!(may_be_out && !login, "{story}"),
                    JobState::HandedOff => {
                        assert!(evidence == Evidence::HandedOff && !login, "{story}");
                    }
                    JobState::Waiting => {
                        assert!(!(withdrawn || login && may_be_out), "{story}");
                    }
                    JobState::Sending | JobState::Hold | JobState::ResolvedNotDelivered => {
                        panic!("{story}")
                    }
                }
                under.is_done_with();
            }
        }
    }
}
