//! `shirase check`: looks at what the gateway needs of others, and says of each thing what it means and what to do.
//!
//! In: the settings; no daemon has to run. Out: a line for each thing, and a status: 0 if nothing is wrong.
//! Not here: what is looked at (`check/mail.rs`), what it means (`check/judge.rs`).

mod judge;
mod mail;
mod thing;

use super::exit::{Exit, Failure};
use super::print;
pub(super) use thing::Thing;

/// Look at what the gateway needs of others: is it there, is it as it should be, and what to do if not.
#[derive(clap::Args)]
pub struct Check {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Mail(mail::Mail),
}

impl Check {
    /// # Errors
    /// [`Failure`]: settings that cannot be used, or something that is not in order.
    pub async fn run(self) -> Result<(), Failure> {
        match self.what {
            What::Mail(mail) => mail.run().await,
        }
    }
}

/// What is known of a thing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mark {
    /// It is as it should be.
    Good,
    /// It works, but less well than it could.
    Warning,
    /// Mail gets lost or is refused.
    Wrong,
    /// It cannot be told from here.
    Open,
}

impl Mark {
    const fn sign(self) -> char {
        match self {
            Self::Good => '✓',
            Self::Warning => '!',
            Self::Wrong => '✗',
            Self::Open => '?',
        }
    }
}

/// What was found of one thing.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Finding {
    mark: Mark,
    of: Thing,
    /// What was found, and what that means.
    found: String,
    /// What to do about it.
    todo: Option<String>,
}

impl Finding {
    fn good(of: Thing, found: impl Into<String>) -> Self {
        Self { mark: Mark::Good, of, found: found.into(), todo: None }
    }

    fn new(mark: Mark, of: Thing, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { mark, of, found: found.into(), todo: Some(todo.into()) }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Relays and name servers choose some of the words.
        write!(f, "{} {:<12} {}", self.mark.sign(), self.of.word(), print::clean(&self.found))?;
        match &self.todo {
            Some(todo) => write!(f, "\n{:<14} → {todo}", ""),
            None => Ok(()),
        }
    }
}

/// Shows findings as they come, and counts what is not good.
#[derive(Default)]
struct Report {
    wrong: usize,
    warnings: usize,
    open: usize,
}

impl Report {
    fn show(&mut self, findings: impl IntoIterator<Item = Finding>) -> Result<(), Failure> {
        for finding in findings {
            match finding.mark {
                Mark::Wrong => self.wrong += 1,
                Mark::Warning => self.warnings += 1,
                Mark::Open => self.open += 1,
                Mark::Good => {}
            }
            print::out(&finding.to_string())?;
        }
        Ok(())
    }

    /// How it all ends, in one line.
    fn end(self, what: &str) -> Result<(), Failure> {
        let text = format!("{what}: {}", self.counts());
        match self.wrong {
            0 => print::out(&text),
            _some => Err(Failure::new(Exit::NotSent, text)),
        }
    }

    fn counts(&self) -> String {
        let counts = [
            (self.wrong, "wrong"),
            (self.warnings, "could be better"),
            (self.open, "cannot be told from here"),
        ];
        let counted = counts.into_iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = counted.map(|(count, what)| format!("{count} {what}")).collect();
        if words.is_empty() { String::from("all in order") } else { words.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_that_could_not_look_does_not_say_that_all_is_in_order() {
        let counts = |wrong, warnings, open| Report { wrong, warnings, open }.counts();
        assert_eq!(counts(0, 0, 0), "all in order");
        assert_eq!(counts(0, 0, 5), "5 cannot be told from here");
        assert_eq!(counts(1, 2, 0), "1 wrong, 2 could be better");
    }
}
