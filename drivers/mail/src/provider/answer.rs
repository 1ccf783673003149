//! What a mail-to-fax service says became of a fax.
//!
//! In: a mail of the receipt box, from anybody; the [`Provider`]. Out: an [`Answer`] about an attempt of ours.
//! Anybody can write any `From`. An answer is believed because it carries the attempt's token as well, which only those saw
//! who had our mail: the service, and the mail hosts between. The domain in `From` keeps its answers apart from other
//! mail with a token, such as a holiday note. Who runs such a host could say "sent" of a fax that was not: against him
//! helps only a service that answers over a way of its own, and nothing in a mail.
//! An answer that says two things says nothing, and so does one that no rule knows.
//! Limits: those of [`report`](crate::report); [`MOST_LINES`] lines are looked at.
//! Not here: what follows from it (`src/settle`).

use std::borrow::Cow;

use mail_parser::Message;
use serde::Deserialize;

use super::letter::Provider;
use super::pattern::{Found, fold};
use super::profile::{Answers, Domain, Rule, TokenPlace};
use crate::report;
use crate::token::{Subject, TokenKey};

/// Chosen: the longest answers that are known have some thirty.
const MOST_LINES: usize = 500;

/// What a service says about one fax.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// What its token names: the attempt.
    pub about: Subject,
    /// What became of it.
    pub said: Said,
    /// How many pages, if it says so.
    pub pages: Option<u16>,
    /// The last four digits of the number that it names, for people.
    pub number_ends: Option<String>,
}

/// What became of a fax.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// The far machine took it.
    Sent,
    /// The number was engaged, each time.
    Busy,
    /// Nobody and nothing answered.
    NoAnswer,
    /// Something answered that is no fax machine.
    NoFax,
    /// It did not come through, for another reason or none: a part of the page may be printed.
    Failed,
    /// The service has the fax and goes on trying.
    Accepted,
}

/// Reads one mail; `None` if it is no answer of this service about a fax of ours.
#[must_use]
pub fn read_answer(octets: &[u8], provider: &Provider, key: &TokenKey) -> Option<Answer> {
    let answers = provider.profile.answers.as_ref()?;
    let message = report::parsed(octets)?;
    if !is_from(&message, &answers.domains, provider.account.gateway.as_deref()) {
        return None;
    }
    let subject = fold(message.subject().unwrap_or_default());
    let text = message.body_text(0).unwrap_or_default();
    let about = key.find(token_texts(&message, answers.token, &text).iter().map(AsRef::as_ref))?;
    let lines: Vec<Vec<char>> = text.lines().take(MOST_LINES).map(fold).collect();
    let (said, found) = judged(answers, &subject, &lines)?;
    let number_ends = found
        .number
        .and_then(|number| number.get(number.len().checked_sub(4)?..).map(str::to_owned));
    Some(Answer { about, said, pages: found.pages, number_ends })
}

/// One sender, in one of these domains or below.
fn is_from(message: &Message<'_>, domains: &[Domain], gateway: Option<&str>) -> bool {
    let Some(from) = message.from() else { return false };
    let mut senders = from.iter();
    let (Some(sender), None) = (senders.next(), senders.next()) else { return false };
    let Some((_, domain)) = sender.address().and_then(|address| address.rsplit_once('@')) else {
        return false;
    };
    let domain = domain.to_ascii_lowercase();
    let known = domains.iter().filter_map(|known| match known {
        Domain::Named(name) => Some(name.as_str()),
        Domain::Gateway => gateway,
    });
    known.into_iter().any(|known| {
        domain.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Where the token is looked for. That a service repeats a subject or text is known of it; in the mail of a person
/// it proves nothing (`report`).
fn token_texts<'a>(
    message: &'a Message<'_>,
    place: TokenPlace,
    text: &'a str,
) -> Vec<Cow<'a, str>> {
    let mut texts: Vec<Cow<'a, str>> = report::addressees(message).map(Cow::Owned).collect();
    match place {
        TokenPlace::Address => {}
        TokenPlace::Subject => texts.extend(message.subject().map(Cow::Borrowed)),
        TokenPlace::Text => {
            texts.extend(message.subject().map(Cow::Borrowed));
            texts.push(Cow::Borrowed(text));
        }
    }
    texts
}

/// What the first rule says that fits, unless another one makes a fax of it that was sent and was not.
fn judged(answers: &Answers, subject: &[char], lines: &[Vec<char>]) -> Option<(Said, Found)> {
    let fit = |rule: &Rule| fits(rule, subject, lines).map(|found| (rule.means, found));
    let mut fitting = answers.rules.iter().filter_map(fit);
    let (said, found) = fitting.next()?;
    let was_sent = said == Said::Sent;
    fitting.all(|(other, _)| (other == Said::Sent) == was_sent).then_some((said, found))
}

fn fits(rule: &Rule, subject: &[char], lines: &[Vec<char>]) -> Option<Found> {
    let found = match &rule.subject {
        Some(pattern) => pattern.find(subject)?,
        None => Found::default(),
    };
    rule.text.iter().try_fold(found, |found, pattern| {
        lines.iter().find_map(|line| pattern.find(line)).map(|more| found.with(more))
    })
}
