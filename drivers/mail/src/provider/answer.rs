//! What a mail-to-fax service says became of a fax.
//!
//! In: a mail of the receipt box, from anybody; the [`Provider`]. Out: an [`Answer`] about an attempt of ours.
//! Anybody can write any `From`. An answer is believed because it carries the attempt's token as well, which only those saw
//! who had our mail: the service, and the mail hosts between. The domain in `From` keeps its answers apart from other
//! mail with a token, such as a holiday note. Who runs such a host could say "sent" of a fax that was not: against him
//! helps only a service that answers over a way of its own, and nothing in a mail.
//! An answer that says two things says nothing, and so does one that no rule knows.
//! Limits: those of [`report`](crate::report); [`MOST_LINES`] lines are looked at, of a text in [`MOST_LEVELS`] multiparts.
//! Not here: what follows from it (`src/settle`).

use serde::Deserialize;

use super::letter::Provider;
use super::pattern::{Found, fold};
use super::profile::{Answers, Domain, Rule, TokenPlace};
use crate::mime::Entity;
use crate::report;
use crate::token::{Subject, TokenKey};

/// Chosen: the longest answers that are known have some thirty.
const MOST_LINES: usize = 500;
/// A text in more multiparts around each other is not read. Known: a text and its HTML, pictures of the HTML, a file.
pub(super) const MOST_LEVELS: usize = 3;

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
    let mail = report::looked_at(octets)?;
    if !is_from(&mail, &answers.domains, provider.account.gateway.as_deref()) {
        return None;
    }
    let subject = mail.header.subject().unwrap_or_default().to_owned();
    let mut token_texts: Vec<String> = report::addressees(&mail).collect();
    let text = shown(mail, MOST_LEVELS).map(|part| part.text()).unwrap_or_default();
    // That a service repeats a subject or text is known of it; in the mail of a person it proves nothing (`report`).
    match answers.token {
        TokenPlace::Address => {}
        TokenPlace::Subject => token_texts.push(subject.clone()),
        TokenPlace::Text => token_texts.extend([subject.clone(), text.clone()]),
    }
    let about = key.find(token_texts.iter().map(String::as_str))?;
    let subject = fold(&subject);
    let lines: Vec<Vec<char>> = text.lines().take(MOST_LINES).map(fold).collect();
    let (said, found) = judged(answers, &subject, &lines)?;
    let number_ends = found
        .number
        .and_then(|number| number.get(number.len().checked_sub(4)?..).map(str::to_owned));
    Some(Answer { about, said, pages: found.pages, number_ends })
}

/// The entity whose text a reader of the mail sees first: of the same text in two forms the plain one.
fn shown(entity: Entity<'_>, levels: usize) -> Option<Entity<'_>> {
    if entity.is_attachment() {
        return None;
    }
    if entity.is("text", "plain") || entity.is("text", "html") {
        return Some(entity);
    }
    let levels = levels.checked_sub(1)?;
    let is_choice = entity.is("multipart", "alternative");
    let mut seen = entity.parts().filter_map(|part| shown(Entity::of(part)?, levels));
    let first = seen.next()?;
    if is_choice && !first.is("text", "plain") {
        return Some(seen.find(|other| other.is("text", "plain")).unwrap_or(first));
    }
    Some(first)
}

/// One sender, in one of these domains or below.
fn is_from(mail: &Entity<'_>, domains: &[Domain], gateway: Option<&str>) -> bool {
    let Some(from) = mail.header.from() else { return false };
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
