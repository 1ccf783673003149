//! What the owner of a domain asks receivers to do with mail that cannot prove to be from there.
//!
//! In: a domain. Out: a [`DmarcRecord`], found at the domain or above it; whether two domains are of one organization.
//! The organization is found by walking up to the highest record, not by a list of public suffixes: such a list grows
//! old in a box, and the walk errs on the side of "not the same".
//! Source: RFC 7489 6.3 (record), 6.6.3 (discovery), 3.1 (alignment).
//! Not here: reports of others about our mail.

use super::dkim::tags;
use super::names::{Names, Unanswered};

/// Labels of a name that are walked at most; deeper ones are not mail domains of anybody.
const MOST_LABELS: usize = 8;

/// What was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DmarcRecord {
    /// No record at the domain or above.
    Nothing,
    /// One.
    There(Dmarc),
    /// One that receivers take no notice of, for this reason.
    Broken {
        /// Where it stands.
        at: String,
        /// Why.
        why: &'static str,
    },
}

/// A record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dmarc {
    /// The domain that it stands at: the one asked for, or one above.
    pub at: String,
    /// What is asked for mail of the domain asked for.
    pub demand: Demand,
    /// `aspf=s`: the return path must be of exactly the From domain, not only of its organization.
    pub spf_strict: bool,
    /// `adkim=s`: so must the signature.
    pub dkim_strict: bool,
    /// Somebody gets reports (`rua`).
    pub reports: bool,
}

/// What receivers should do with mail that proves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Demand {
    /// Nothing.
    None,
    /// To the folder of spam.
    Quarantine,
    /// To nobody.
    Reject,
}

impl Demand {
    /// As in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::None, Self::Quarantine, Self::Reject]
            .into_iter()
            .find(|demand| demand.as_str().eq_ignore_ascii_case(word))
    }
}

impl DmarcRecord {
    /// Looks at `_dmarc.domain`, and above until something is found.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn look(names: &Names, domain: &str) -> Result<Self, Unanswered> {
        for at in upwards(domain) {
            match Self::at(names, at, at == domain).await? {
                Self::Nothing => {}
                found => return Ok(found),
            }
        }
        Ok(Self::Nothing)
    }

    async fn at(names: &Names, at: &str, own: bool) -> Result<Self, Unanswered> {
        let texts = names.texts(&format!("_dmarc.{at}")).await?;
        let is_ours = |text: &&String| tags(text).first() == Some(&("v", "DMARC1"));
        let mut records = texts.iter().filter(is_ours);
        match (records.next(), records.next()) {
            (None, _) => Ok(Self::Nothing),
            (Some(text), None) => Ok(Self::read(at, text, own)),
            (Some(_), Some(_)) => {
                Ok(Self::Broken { at: at.to_owned(), why: "several records at one name" })
            }
        }
    }

    fn read(at: &str, text: &str, own: bool) -> Self {
        let tags = tags(text);
        let tag = |name| tags.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        let reports = tag("rua").is_some_and(|to| !to.is_empty());
        let policy = tag("p").map(Demand::of);
        let demand = match (policy, if own { None } else { tag("sp").map(Demand::of) }) {
            (_, Some(Some(of_subdomains))) => of_subdomains,
            (Some(Some(policy)), None | Some(None)) => policy,
            // RFC 7489 6.6.3: with a place for reports it counts as `none`.
            (None | Some(None), _) if reports => Demand::None,
            (None | Some(None), _) => {
                return Self::Broken { at: at.to_owned(), why: "no p, or one that there is not" };
            }
        };
        let strict = |name| tag(name).is_some_and(|mode| mode.eq_ignore_ascii_case("s"));
        Self::There(Dmarc {
            at: at.to_owned(),
            demand,
            spf_strict: strict("aspf"),
            dkim_strict: strict("adkim"),
            reports,
        })
    }
}

/// Whether two domains are of one organization, as far as their own records say.
///
/// # Errors
/// [`Unanswered`].
pub async fn same_organization(names: &Names, one: &str, other: &str) -> Result<bool, Unanswered> {
    if one.eq_ignore_ascii_case(other) {
        return Ok(true);
    }
    let (one, other) = tokio::join!(organization(names, one), organization(names, other));
    Ok(one? == other?)
}

/// The highest domain above this one that has a record; without any the domain itself.
async fn organization<'a>(names: &Names, domain: &'a str) -> Result<&'a str, Unanswered> {
    let mut highest = domain;
    for at in upwards(domain) {
        match DmarcRecord::at(names, at, true).await? {
            DmarcRecord::Nothing => {}
            DmarcRecord::There(_) | DmarcRecord::Broken { .. } => highest = at,
        }
    }
    Ok(highest)
}

/// The domain and those above it that have two labels or more, of a deep one the last few.
pub fn upwards(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |name| name.split_once('.').map(|(_, rest)| rest))
        .filter(|name| name.contains('.'))
        .filter(move |name| *name == domain || name.split('.').count() < MOST_LABELS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(demand: Demand, reports: bool) -> DmarcRecord {
        let at = String::from("example.jp");
        DmarcRecord::There(Dmarc { at, demand, spf_strict: false, dkim_strict: false, reports })
    }

    #[test]
    fn policy_is_that_of_the_domain_or_of_those_below_it() {
        let text = "v=DMARC1; p=reject; sp=quarantine";
        assert_eq!(DmarcRecord::read("example.jp", text, true), there(Demand::Reject, false));
        assert_eq!(DmarcRecord::read("example.jp", text, false), there(Demand::Quarantine, false));
        let text = "v=DMARC1; p=none";
        assert_eq!(DmarcRecord::read("example.jp", text, false), there(Demand::None, false));
    }

    #[test]
    fn record_without_a_policy_counts_only_if_somebody_gets_reports() {
        let text = "v=DMARC1; p=maybe; rua=mailto:a@example.jp";
        assert_eq!(DmarcRecord::read("example.jp", text, true), there(Demand::None, true));
        let broken = DmarcRecord::read("example.jp", "v=DMARC1; p=maybe", true);
        assert!(matches!(broken, DmarcRecord::Broken { .. }), "{broken:?}");
    }

    #[test]
    fn walk_goes_up_to_two_labels_and_skips_the_middle_of_a_deep_name() {
        let names: Vec<&str> = upwards("a.b.example.co.jp").collect();
        assert_eq!(names, ["a.b.example.co.jp", "b.example.co.jp", "example.co.jp", "co.jp"]);
        let deep = format!("{}example.jp", "x.".repeat(60));
        assert_eq!(upwards(&deep).count(), 7);
    }
}
