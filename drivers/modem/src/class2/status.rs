//! Phase D: what became of the page, in the modem's words.
//!
//! In: a page in the modem's buffers. Out: a [`Status`], or the end of the call.
//! Source: SP-2388-A (+FET, +FPTS), T.32 (+FPS; OK and ERROR behind the end mark); T.30 5.3.6.1.7.
//! Not here: what follows from it (`session.rs`).

use super::dialect::PageEnd;
use super::session::{Class2, End, Met, session_end};
use super::words::{self, Word};
use crate::at::Reply;
use crate::port::Port;
use crate::{Ending, Fault, HangUpCause, HungUp};
use std::time::Duration;
use t30::{CallError, Millis};
use tracing::warn;

/// From the last octet of a page to its status: what the modem still holds, three tries of the command
/// (T.30 figure 5-2b), and with error correction repeats of the last block.
const STATUS: Duration = Duration::from_secs(180);
/// A question that the modem answers by itself.
const QUESTION: Duration = Duration::from_secs(3);

/// A page status in words.
pub(super) enum Status {
    Taken(Taken),
    Rejected,
    Operator,
}

/// What the modem says to a page that was taken: proof once, and only made where that is read.
#[derive(Debug)]
pub(crate) struct Taken(());

impl<P: Port> Class2<'_, P> {
    /// The page is with the modem: what does the far end say to it?
    ///
    /// Taken only if a status says so, nothing else in the same breath speaks against it, and the
    /// modem's own OK agrees. A modem that is asked tells the status that it has, perhaps one of an
    /// earlier page: it is asked only if it ended this one itself, and not over a mishap.
    pub(super) fn await_status(&mut self, page: u16) -> Met<Status> {
        let command = match self.dialect.page_end {
            PageEnd::Mark { .. } => None,
            PageEnd::Command { next_page, no_more } => {
                let (mut heard, result) = self.hear(STATUS)?;
                self.hear_the_rest(&mut heard)?;
                if heard.hung_up.is_some() || result != Some(Reply::Ok) {
                    return Err(self.no_status(heard, result));
                }
                Some(if self.is_last(page) { no_more } else { next_page })
            }
        };
        if let Some(command) = command {
            self.talk.start(command, command)?;
        }
        let (mut heard, result) = self.hear(STATUS)?;
        let good = match result {
            // A modem that hung up and keeps its OK to itself has said all.
            None | Some(Reply::Ok) => true,
            Some(Reply::Error) => false,
            Some(other) => return Err(self.no_status(heard, Some(other))),
        };
        if let (PageEnd::Mark { question, .. }, Some(_)) = (self.dialect.page_end, result) {
            self.hear_the_rest(&mut heard)?;
            if heard.status.is_none() && !heard.ended_badly() {
                self.ask(question, &mut heard)?;
            }
        }
        let contradicted = heard.contradicted
            || heard.hung_up.as_ref().is_some_and(|it| it.cause().contradicts_a_confirmation());
        match (heard.status, good, contradicted) {
            // MCF, RTP and PIP.
            (Some(1 | 3 | 5), true, false) => Ok(Status::Taken(Taken(()))),
            // RTN; a modem that has hung up sends nothing again.
            (Some(2), _, _) if heard.hung_up.is_none() => Ok(Status::Rejected),
            (Some(2), _, _) => Err(session_end(CallError::Rtn { page, times: 1 })),
            (Some(4), _, _) if heard.hung_up.is_none() => Ok(Status::Operator),
            (Some(4), _, _) => Err(session_end(CallError::Pin { page })),
            (status, _, _) => {
                warn!(page, ?status, good, contradicted, "modem.page_status.missing");
                Err(match heard.hung_up {
                    Some(hung_up) => End::Ending(Ending::HungUp(hung_up)),
                    None => Fault::NoPageStatus { page }.into(),
                })
            }
        }
    }

    /// What the modem says of the page when it is asked.
    fn ask(&mut self, question: &str, heard: &mut Heard) -> Met<()> {
        let answer = self.talk.command(question, QUESTION)?;
        if answer.result != Reply::Ok {
            return Ok(());
        }
        for line in &answer.text {
            // Some modems leave the name of the status away.
            match words::bare_page_status(line) {
                Some(status) => heard.take(Word::PageStatus(Some(status))),
                None => heard.take(self.word(line)),
            }
        }
        Ok(())
    }

    /// Everything until a final result; `None` for the result that a modem which hung up never gave.
    fn hear(&mut self, wait: Duration) -> Met<(Heard, Option<Reply>)> {
        let until = self.talk.after(wait);
        let mut heard = Heard::default();
        loop {
            match self.talk.reply(until)? {
                Some(Reply::Text(line)) => heard.take(self.word(&line)),
                Some(Reply::Ring | Reply::Connect) => {}
                Some(result) => return Ok((heard, Some(result))),
                None if heard.hung_up.is_some() => return Ok((heard, None)),
                None => return Err(self.talk.silent(wait).into()),
            }
        }
    }

    /// What already stands behind a final result: the next command would throw it away.
    fn hear_the_rest(&mut self, heard: &mut Heard) -> Met<()> {
        while let Some(reply) = self.talk.reply(Millis(0))? {
            if let Reply::Text(line) = reply {
                heard.take(self.word(&line));
            }
        }
        Ok(())
    }

    /// No status can come any more.
    fn no_status(&self, heard: Heard, result: Option<Reply>) -> End {
        match (heard.hung_up, result) {
            (Some(hung_up), _) => End::Ending(Ending::HungUp(hung_up)),
            (None, Some(result)) => End::Fault(self.talk.lost("the end of a page", &result)),
            (None, None) => End::Fault(self.talk.silent(STATUS)),
        }
    }
}

/// What was said on the way to a final result.
#[derive(Debug, Default)]
struct Heard {
    status: Option<u8>,
    /// Two statuses that differ, one that is no number, or one behind a hang-up over a mishap.
    contradicted: bool,
    hung_up: Option<HungUp>,
}

impl Heard {
    /// The modem hung up, and not because all was said.
    fn ended_badly(&self) -> bool {
        self.hung_up.as_ref().is_some_and(|it| it.cause() != HangUpCause::Normal)
    }

    fn take(&mut self, word: Word) {
        match word {
            Word::PageStatus(status) => {
                self.contradicted |= status.is_none()
                    || self.status.is_some_and(|before| Some(before) != status)
                    || self.ended_badly();
                // Of two the one that claims less.
                self.status = match (self.status, status) {
                    (Some(1 | 3 | 5), Some(now)) => Some(now),
                    (Some(before), _) => Some(before),
                    (None, now) => now,
                };
            }
            // Of two the one that says more.
            Word::HungUp(hung_up) if !self.ended_badly() => self.hung_up = Some(hung_up),
            Word::HungUp(_) => {}
            Word::Connected
            | Word::Csi(_)
            | Word::Dis(_)
            | Word::Dcs(_)
            | Word::Nsf(_)
            | Word::Voice
            | Word::Other => {}
        }
    }
}
