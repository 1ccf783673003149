//! One sheet by mail to a service that sends it as a fax and says later what became of it.
//!
//! In: a claim of a line of `kind = "mail-to-fax"`; the relay of `[mail]`. Out: steps of the attempt, each on disk before its
//! side effect, and the settled result. What the service answers comes into the receipt box.
//! Nothing rings before the service has the mail, so the attempt dials when its content starts: both steps are on disk
//! before the first octet of it, and what breaks off earlier is no call for the redial rule.
//! Nobody sees which machine answers there. So a number whose lock names a machine gets nothing this way, and a sheet
//! with a key only if the profile lets it go to the service and the settings do not ask for an identity.
//! Not here: the hand-over (`hand_over.rs`), what a service wants and answers (`drivers/mail`), what a hand-over means (`settle/mailing.rs`), what an answer
//! means (`settle/receipts.rs`).

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use mail::TokenKey;
use mail::provider::{Attachment, Fax, FaxLetterError, Profile, Provider, pdf};
use mail::smtp::{Outcome, Outgoing, Relay, Reply, Trouble};
use serde_json::json;
use t4::container::{self, FileSettings};
use t4::{BitOrder, Coding, Encoding};
use tokio::time::timeout;

use super::fax::Desk;
use super::hand_over::{HandOver, Of, fault_of};
use super::line_test::{self, Plan, StepName, Watch as TestWatch};
use super::sheets::{NoSheet, Sheets};
use super::tag_line::TagLine;
use super::{Carried, Carrier, DeviceMark, LineFault, ModemFacts};
use crate::job::{UnixMillis, hex};
use crate::office::identity::{self, OnAbsent};
use crate::queue::{Claim, LineAsk, QueueError, Step};
use crate::settle::mailing::{self, Ended};
use crate::settle::{AtEnd, Stop, Watch};

/// Longest wait for a relay to let us in, while nothing is to be sent: the watchdog wants to see the line move.
const REACH_WAIT: Duration = Duration::from_secs(10);

/// What a line needs beside the [`Desk`].
pub struct Service {
    pub line: String,
    /// To read its answers, maybe without its code.
    pub provider: Arc<Provider>,
    /// The way to the relay, and the service with its code, their files read anew: a password may have been changed since.
    pub open: Opener,
    /// Makes the tokens by which answers name their attempt.
    pub key: Arc<TokenKey>,
}

/// Makes a way to the relay and the service, or says what keeps it from being one.
pub type Opener = Arc<dyn Fn() -> Result<(Relay, Arc<Provider>), LineFault> + Send + Sync>;

/// A service, as a line.
pub struct MailToFaxCarrier {
    desk: Arc<Desk>,
    service: Service,
    /// As the relay was opened.
    provider: Arc<Provider>,
    /// There while the relay takes our mails, or has answered since it did not.
    relay: Option<Relay>,
}

impl MailToFaxCarrier {
    /// Connects to nothing yet: [`Carrier::make_ready`] does.
    pub fn new(desk: Arc<Desk>, service: Service) -> Self {
        let provider = Arc::clone(&service.provider);
        Self { desk, service, provider, relay: None }
    }

    fn reach(&mut self) -> Result<(), LineFault> {
        self.relay = None;
        let (relay, provider) = (self.service.open)()?;
        self.provider = provider;
        let asked = async { timeout(REACH_WAIT, relay.make_ready()).await };
        let late = Outcome::NotHanded {
            step: mail::smtp::Step::Connect,
            trouble: Trouble::Late(REACH_WAIT),
        };
        let reached = self.desk.runtime.block_on(asked).unwrap_or(Err(late));
        reached.map_err(|outcome| {
            let code = Ended::of(&outcome, None).code();
            fault_of(code, &struck(outcome, &self.provider))
        })?;
        self.relay = Some(relay);
        Ok(())
    }
}

impl Carrier for MailToFaxCarrier {
    fn name(&self) -> &str {
        &self.service.line
    }

    fn device(&self) -> DeviceMark {
        DeviceMark::Absent
    }

    fn ask(&self, now: UnixMillis) -> LineAsk {
        let profile = self.service.provider.profile();
        let hours = Duration::from_secs(3600 * u64::from(profile.answer_hours()));
        LineAsk {
            line: self.service.line.clone(),
            secrets: sends_keys(profile, self.desk.on_absent),
            watch: Some(Watch { until: now.after(hours), then: AtEnd::Decide }),
        }
    }

    fn make_ready(&mut self) -> Result<(), LineFault> {
        if self.relay.is_some() { Ok(()) } else { self.reach() }
    }

    fn dial_tone(&mut self) -> Result<(), LineFault> {
        Ok(()) // there is no exchange that could be silent
    }

    fn modem(&self) -> Option<ModemFacts> {
        None
    }

    fn is_ringing(&self) -> bool {
        false
    }

    fn rings(&self) -> u64 {
        0
    }

    fn carry(&mut self, claim: Claim) -> Result<Carried, QueueError> {
        self.carry_page(&claim, |order| order.page())
    }

    fn test(&mut self, _plan: Plan<'_>, watch: &dyn TestWatch) {
        let began = watch.now();
        watch.starts(StepName::Relay);
        let outcome = match self.reach() {
            Ok(()) => line_test::Outcome::Passed(String::from("answers and lets us in")),
            Err(LineFault { code, message }) => {
                line_test::Outcome::Failed { code, what_to_do: message }
            }
        };
        let took_ms = u64::try_from(watch.now().0.saturating_sub(began.0)).unwrap_or(0);
        watch.ended(line_test::Step { name: StepName::Relay, took_ms, outcome });
        watch.starts(StepName::Service);
        let profile = self.service.provider.profile();
        let answers = if profile.answers() {
            "its answers are read"
        } else {
            "what it answers is not known: every fax ends uncertain, until its profile has rules for them"
        };
        // Whether the service knows us would be told by a fax alone, and nobody gets one without a person.
        let outcome = line_test::Outcome::Skipped(format!("profile {}; {answers}", profile.name()));
        watch.ended(line_test::Step { name: StepName::Service, took_ms: 0, outcome });
    }
}

impl MailToFaxCarrier {
    /// Carries a claim with the page that is drawn for it.
    fn carry_page(
        &mut self,
        claim: &Claim,
        page: impl FnOnce(&Order<'_>) -> Result<t4::Page, Stop>,
    ) -> Result<Carried, QueueError> {
        let (Some(token), Some(watch)) = (claim.token, claim.watch) else {
            return Err(QueueError::Broken {
                detail: String::from("a claim for a mail-to-fax line has no token"),
            });
        };
        let Desk { queue, clock, board, stopping, runtime, windows, .. } = self.desk.as_ref();
        let of = Of {
            queue: queue.as_ref(),
            clock: clock.as_ref(),
            board,
            attempt: claim.attempt,
            job: claim.id,
            line: &claim.line,
        };
        let is_stopping = || stopping.load(Ordering::Acquire);
        let hand_over = HandOver::new(of, &is_stopping);
        let order =
            Order { desk: &self.desk, service: &self.service, provider: &self.provider, claim };
        let mail =
            order.may_go().and_then(|()| page(&order)).and_then(|page| order.mail(&page, token));
        let (outcome, sheet) = match (mail, &self.relay) {
            (Ok((mail, sheet_mark)), Some(relay)) => {
                let (job, line) = (claim.id, &claim.line);
                tracing::info!(%job, line, to = %claim.job.recipient.fax, "fax.mailing"); // the last four digits
                // From here on the service may dial.
                let steps =
                    |now| [Step::Dialing { now, sheet_mark }, Step::PageStarted { now, page: 0 }];
                let outcome = runtime.block_on(hand_over.deliver(relay, &mail, steps));
                (struck(outcome, &self.provider), Some(sheet_mark))
            }
            // A line takes no claim before it is ready.
            (Ok(_), None) => (Outcome::Stopped, None),
            (Err(stop), _) => {
                hand_over.ends(stop);
                (Outcome::Stopped, None)
            }
        };
        let ended = Ended::of(&outcome, hand_over.stop());
        let now = clock.now();
        let mut settlement = mailing::settle_order(ended, claim.standing, watch, now, windows);
        if let (Some(receipt), Some(sheet)) = (settlement.receipt.as_object_mut(), sheet) {
            receipt.insert(String::from("sheet_mark"), json!(hex(&sheet)));
        }
        runtime.block_on(hand_over.settle(&settlement))?;
        let fault = ended.is_fault_of_the_line().then(|| fault_of(settlement.code, &outcome));
        if fault.is_some() {
            self.relay = None;
        }
        Ok(Carried { code: settlement.code, fault, connected: Duration::ZERO })
    }
}

/// One claim on its way.
struct Order<'a> {
    desk: &'a Desk,
    service: &'a Service,
    provider: &'a Provider,
    claim: &'a Claim,
}

impl Order<'_> {
    /// Nobody will see which machine answers. The store's claim goes by what was known then.
    fn may_go(&self) -> Result<(), Stop> {
        let Claim { job, known, .. } = self.claim;
        let on_absent = self.desk.on_absent.for_sheet(job.kind().has_secret());
        let now = self.desk.clock.now();
        let judged = identity::judge(None, &job.recipient.fax, known, on_absent, now);
        if judged.allowed { Ok(()) } else { Err(Stop::IdentityAbsent) }
    }

    /// The sheet as it leaves, credentials and all.
    fn page(&self) -> Result<t4::Page, Stop> {
        let Desk { renderer, clock, .. } = self.desk;
        let Claim { id, job, .. } = self.claim;
        let drawn = || -> Result<t4::Page, NoSheet> {
            let tag_line = TagLine::of(job, renderer.site(), None, clock.now());
            Sheets::draw(renderer, self.claim)?.stamped(&tag_line)?.proven_fine()
        };
        drawn().map_err(|error| {
            tracing::error!(job = %id, code = error.code(), %error, "fax.sheet.failed");
            error.stop()
        })
    }

    /// The mail with the page, and the page's name.
    fn mail(&self, page: &t4::Page, token: mail::Subject) -> Result<(Outgoing, [u8; 32]), Stop> {
        let Claim { id, job, .. } = self.claim;
        let (number, now) = (&job.recipient.fax, self.desk.clock.now());
        let Some(file) = file_of(page, self.provider.profile().attachment()) else {
            tracing::error!(job = %id, code = "sheet-octets-wrong", "fax.sheet.failed");
            return Err(Stop::SheetOctetsWrong);
        };
        let fax = Fax {
            national: number.digits(),
            international: &number.international(),
            file: &file,
            token: &self.service.key.mint(token),
            date: SystemTime::UNIX_EPOCH
                + Duration::from_millis(u64::try_from(now.0).unwrap_or_default()),
        };
        match self.provider.write(&fax) {
            Ok(mail) => Ok((mail, self.desk.marks.of(page))),
            Err(error) => {
                tracing::error!(job = %id, code = error.code(), %error, "fax.letter.failed");
                Err(match error {
                    FaxLetterError::Changed => Stop::SheetOctetsWrong,
                    FaxLetterError::Missing(_)
                    | FaxLetterError::Address(_)
                    | FaxLetterError::Letter(_) => Stop::LetterFailed,
                })
            }
        }
    }
}

/// Whether a sheet with a key may go to a service: it asks for the identity of the machine if the settings do, and nobody
/// hears one there.
pub fn sends_keys(profile: &Profile, on_absent: OnAbsent) -> bool {
    let unseen = match on_absent {
        OnAbsent::Send => true,
        OnAbsent::Refuse => false,
    };
    profile.may_carry_secrets() && unseen
}

/// The page as a file, read again; `None` if that is another page.
fn file_of(page: &t4::Page, attachment: Attachment) -> Option<Vec<u8>> {
    let mmr = Encoding::file(Coding::Mmr);
    let (file, read) = match attachment {
        Attachment::Tiff => {
            // Profile S of RFC 3949 (3.6), for every reader has it.
            let settings = FileSettings {
                coding: Coding::Mh,
                order: BitOrder::LsbFirst,
                software: "",
                date_time: None,
            };
            let mut file = Vec::new();
            container::write(&mut file, std::slice::from_ref(page), &settings).ok()?;
            let mut pages = container::read(Cursor::new(&file)).ok()?;
            let read = pages.pop().filter(|read| pages.is_empty() && read.bad_rows.is_empty())?;
            (file, read.page)
        }
        Attachment::Pdf => {
            let coded = t4::encode(page, &mmr);
            let image = pdf::Image {
                mmr: &coded,
                width_pels: page.width_pels(),
                rows: u16::try_from(page.rows()).ok()?,
                dpi: page.resolution().dpi(),
            };
            let file = pdf::write(&image);
            let coded = pdf::coded_page(&file)?;
            let read = t4::decode(coded, page.width_pels(), page.resolution(), &mmr).ok()?;
            (file, Some(read).filter(|read| read.ended && read.bad_rows.is_empty())?.page)
        }
    };
    (read == *page).then_some(file)
}

/// The relay's words without the code by which the service knows us.
fn struck(outcome: Outcome, provider: &Provider) -> Outcome {
    let reply = |Reply { code, text }| Reply { code, text: provider.strike(&text) };
    let trouble = |trouble| match trouble {
        Trouble::Connect(words) => Trouble::Connect(provider.strike(&words)),
        Trouble::Broken(words) => Trouble::Broken(provider.strike(&words)),
        Trouble::Nonsense(words) => Trouble::Nonsense(provider.strike(&words)),
        Trouble::Certificate(words) => Trouble::Certificate(provider.strike(&words)),
        Trouble::Late(_) | Trouble::NoTls | Trouble::NoMechanism(_) => trouble,
    };
    match outcome {
        Outcome::Accepted { reply: said, dsn } => Outcome::Accepted { reply: reply(said), dsn },
        Outcome::Refused { step, reply: said } => Outcome::Refused { step, reply: reply(said) },
        Outcome::NotHanded { step, trouble: it } => {
            Outcome::NotHanded { step, trouble: trouble(it) }
        }
        Outcome::Unknown { trouble: it } => Outcome::Unknown { trouble: trouble(it) },
        Outcome::Stopped => Outcome::Stopped,
    }
}

#[cfg(test)]
mod tests;
