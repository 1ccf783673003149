//! One sheet by mail to a service that sends it as a fax and says later what became of it.
//!
//! In: a claim of a line of `kind = "mail-to-fax"`; the relay of `[mail]`. Out: steps of the attempt, each on disk before its
//! side effect, and the settled result. What the service answers comes into the receipt box.
//! Nothing rings before the service has the mail, so the attempt dials when its content starts: both steps are on disk
//! before the first octet of it, and what breaks off earlier is no call for the redial rule.
//! Nobody sees which machine answers there. So a number whose lock names a machine gets nothing this way, and a sheet
//! with a key only if the profile lets it go to the service and the settings do not ask for an identity.
//! Not here: what a service wants and answers (`drivers/mail`), what a hand-over means (`settle/mailing.rs`), what an answer
//! means (`settle/receipts.rs`).

use std::io::Cursor;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use mail::TokenKey;
use mail::provider::{Attachment, Fax, FaxLetterError, Provider, pdf};
use mail::smtp::{Go, Outcome, Outgoing, Relay, Reply, Trouble};
use serde_json::json;
use t4::container::{self, FileSettings};
use t4::{BitOrder, Coding, Encoding};
use tokio::time::{sleep, timeout};

use super::fax::Desk;
use super::line_test::{self, Plan, StepName, Watch as TestWatch};
use super::sheets::{NoSheet, Sheets, sheet_sha256};
use super::tag_line::TagLine;
use super::{Carried, Carrier, DeviceMark, LineFault, ModemFacts, journal};
use crate::job::{Live, UnixMillis, hex};
use crate::office::identity::{self, OnAbsent};
use crate::queue::{Claim, LineAsk, QueueError, Step};
use crate::settle::mailing::{self, Ended};
use crate::settle::words::masked;
use crate::settle::{AtEnd, Settlement, Stop, Watch};

/// Longest wait for a step to reach the disk: the relay waits minutes for the content (RFC 5321 4.5.3.2.5), a COMMIT
/// takes about 0.1 s when it is slow.
const STORE_WAIT: Duration = Duration::from_secs(5);
/// Longest wait for a relay to let us in, while nothing is to be sent: the watchdog wants to see the line move.
const REACH_WAIT: Duration = Duration::from_secs(10);
/// A full disk is tried again this often, a second apart, before the result is given up.
const FULL_TRIES: u32 = 60;
/// Between two looks whether the gateway stops or the client wants it no more, as long as no content has left.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Longest wait for a mail whose content has begun, when the gateway stops: the service manager waits 100 s.
const CONTENT_AT_STOP: Duration = Duration::from_secs(90);

/// What a line needs beside the [`Desk`].
pub struct Service {
    pub line: String,
    pub provider: Arc<Provider>,
    /// The way to the relay as it is set now: a password may have been changed since.
    pub open: Opener,
    /// Makes the tokens by which answers name their attempt.
    pub key: Arc<TokenKey>,
}

/// Makes a way to the relay, or says what keeps it from being one.
pub type Opener = Arc<dyn Fn() -> Result<Relay, LineFault> + Send + Sync>;

/// A service, as a line.
pub struct MailToFaxCarrier {
    desk: Arc<Desk>,
    service: Service,
    /// There while the relay takes our mails, or has answered since it did not.
    relay: Option<Relay>,
}

impl MailToFaxCarrier {
    /// Connects to nothing yet: [`Carrier::make_ready`] does.
    pub fn new(desk: Arc<Desk>, service: Service) -> Self {
        Self { desk, service, relay: None }
    }

    fn reach(&mut self) -> Result<(), LineFault> {
        self.relay = None;
        let relay = (self.service.open)()?;
        let asked = async { timeout(REACH_WAIT, relay.make_ready()).await };
        let late = Outcome::NotHanded {
            step: mail::smtp::Step::Connect,
            trouble: Trouble::Late(REACH_WAIT),
        };
        let reached = self.desk.runtime.block_on(asked).unwrap_or(Err(late));
        reached.map_err(|outcome| {
            let code = Ended::of(&outcome, None).code();
            fault_of(code, &struck(outcome, &self.service.provider))
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
        // A key asks for the identity of the machine if the settings do, and nobody hears one here.
        let unseen = match self.desk.on_absent {
            OnAbsent::Send => true,
            OnAbsent::Refuse => false,
        };
        LineAsk {
            line: self.service.line.clone(),
            secrets: profile.may_carry_secrets() && unseen,
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
        let order = Order {
            desk: &self.desk,
            service: &self.service,
            claim,
            content: AtomicBool::default(),
            stop: OnceLock::new(),
        };
        let mail =
            order.may_go().and_then(|()| page(&order)).and_then(|page| order.mail(&page, token));
        let (outcome, sheet) = match (mail, &self.relay) {
            (Ok((mail, sheet)), Some(relay)) => {
                let outcome = self.desk.runtime.block_on(order.deliver(relay, &mail, sheet));
                (struck(outcome, &self.service.provider), Some(sheet))
            }
            // A line takes no claim before it is ready.
            (Ok(_), None) => (Outcome::Stopped, None),
            (Err(stop), _) => {
                order.ends(stop);
                (Outcome::Stopped, None)
            }
        };
        let ended = Ended::of(&outcome, order.stop.get().copied());
        let now = self.desk.clock.now();
        let mut settlement =
            mailing::settle_order(ended, claim.standing, watch, now, &self.desk.windows);
        if let (Some(receipt), Some(sheet)) = (settlement.receipt.as_object_mut(), sheet) {
            receipt.insert(String::from("sheet_sha256"), json!(hex(&sheet)));
        }
        journal::settled(claim.id, claim.attempt, &claim.line, &settlement);
        let stored = order.stored(&settlement);
        self.desk.board.clear(claim.id);
        stored?;
        let fault = ended.is_fault_of_the_line().then(|| fault_of(settlement.code, &outcome));
        if fault.is_some() {
            self.relay = None;
        }
        Ok(Carried { code: settlement.code, fault })
    }
}

/// One claim on its way.
struct Order<'a> {
    desk: &'a Desk,
    service: &'a Service,
    claim: &'a Claim,
    /// Its content may be on its way.
    content: AtomicBool,
    /// Why we ended it before that, if we did.
    stop: OnceLock<Stop>,
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
        let Some(file) = file_of(page, self.service.provider.profile().attachment()) else {
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
        match self.service.provider.write(&fax) {
            Ok(mail) => Ok((mail, sheet_sha256(page))),
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

    async fn deliver(&self, relay: &Relay, mail: &Outgoing, sheet_sha256: [u8; 32]) -> Outcome {
        let (job, line) = (self.claim.id, &self.claim.line);
        tracing::info!(%job, line, to = %self.claim.job.recipient.fax, "fax.mailing"); // the last four digits
        self.live("connecting");
        let handing = relay.deliver(mail, async || self.content_starts(sheet_sha256).await);
        tokio::select! {
            biased; // what is known is better than what is not
            outcome = handing => outcome,
            outcome = self.stopped() => outcome,
        }
    }

    /// Ends when the gateway stops or the client wants it no more: at once without content, otherwise when it was waited
    /// for long enough.
    async fn stopped(&self) -> Outcome {
        while self.why_stop().is_none() {
            sleep(LOOK_EVERY).await;
        }
        if self.content.load(Ordering::Acquire) {
            while self.why_stop() != Some(Stop::ShuttingDown) {
                sleep(LOOK_EVERY).await;
            }
            sleep(CONTENT_AT_STOP).await;
            return Outcome::Unknown { trouble: Trouble::Late(CONTENT_AT_STOP) };
        }
        if let Some(stop) = self.why_stop() {
            self.ends(stop);
        }
        Outcome::Stopped
    }

    fn why_stop(&self) -> Option<Stop> {
        if self.desk.stopping.load(Ordering::Acquire) {
            Some(Stop::ShuttingDown)
        } else {
            self.desk.queue.stop_wanted(self.claim.attempt).then_some(Stop::Cancelled)
        }
    }

    /// Goes on only if both steps are on disk: from here on the service may dial.
    async fn content_starts(&self, sheet_sha256: [u8; 32]) -> Go {
        if let Some(stop) = self.why_stop() {
            return self.ends(stop);
        }
        // From here on a stop does not cut in: a step may be on its way to the disk.
        self.content.store(true, Ordering::Release);
        let now = self.desk.clock.now();
        for step in [Step::Dialing { now, sheet_sha256 }, Step::PageStarted { now, page: 0 }] {
            let stored = timeout(STORE_WAIT, self.desk.queue.step(self.claim.attempt, step)).await;
            let job = self.claim.id;
            match stored {
                Ok(Ok(())) => {}
                Ok(Err(QueueError::NotAllowed { .. }))
                    if self.desk.queue.stop_wanted(self.claim.attempt) =>
                {
                    return self.ends(Stop::Cancelled);
                }
                Ok(Err(error)) => {
                    tracing::error!(%job, %error, "fax.step.not_stored");
                    return self.ends(Stop::NotStored);
                }
                Err(_late) => {
                    tracing::error!(%job, "fax.step.late");
                    return self.ends(Stop::NotStored);
                }
            }
        }
        self.live("content");
        Go::On
    }

    /// Ends it before its content; the first reason counts.
    fn ends(&self, why: Stop) -> Go {
        self.stop.get_or_init(|| why);
        Go::Stop
    }

    /// The store's last word on the result.
    fn stored(&self, settlement: &Settlement) -> Result<(), QueueError> {
        let settle = || self.desk.queue.settle(self.claim.attempt, settlement.clone()).wait();
        let mut stored = settle();
        for _ in 0..FULL_TRIES {
            if stored != Err(QueueError::Full) {
                break;
            }
            tracing::error!(job = %self.claim.id, "fax.result.disk_full");
            std::thread::sleep(Duration::from_secs(1));
            stored = settle();
        }
        stored
    }

    fn live(&self, phase: &'static str) {
        let line = self.claim.line.clone();
        self.desk.board.set(self.claim.id, Live { line, phase, percent: None });
    }
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

/// Why the line takes no sheet now.
fn fault_of(code: &'static str, outcome: &Outcome) -> LineFault {
    let message = match outcome {
        Outcome::Refused { reply, .. } => format!(
            "the mail relay said {} {}: look at `gateway` and `account` of this line, try `shirase check mail`, and ask the service whether it knows this sender",
            reply.code,
            masked(&reply.text)
        ),
        Outcome::NotHanded { trouble, .. } | Outcome::Unknown { trouble } => format!(
            "the mail relay was not reached ({}): look at [mail.relay] and the network, then try `shirase check mail`",
            masked(&trouble.to_string())
        ),
        // What stops it here is the letter.
        Outcome::Accepted { .. } | Outcome::Stopped => String::from(
            "no mail could be written for it: see the journal, and look at `account`, `gateway` and `code_file` of this line",
        ),
    };
    LineFault { code, message }
}

#[cfg(test)]
mod tests;
