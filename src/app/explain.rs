//! `shirase explain`: what a code means, and what to do about it.
//!
//! In: a code. Out: its entry in both languages. No gateway is asked.
//! Not here: the texts; `catalogue.rs` leads to them.

use super::catalogue::{self, Explained, Sort};
use super::exit::{Exit, Failure};
use super::print;
use crate::job::Mender;

/// Say what a code means and what to do: of a refusal, an ending, a reason, a fault, a state, a finding of `check`, or an
/// exit status. Needs no gateway. The status is 0 if there is such a code, else 1, and the nearest codes are named.
#[derive(clap::Args)]
pub struct Explain {
    /// The code, as in `no-dis`, `unrenderable`, `uncertain` or 78.
    #[arg(required_unless_present = "list")]
    code: Option<String>,
    /// All codes, one a line, sort by sort.
    #[arg(long, conflicts_with = "code")]
    list: bool,
}

impl Explain {
    /// # Errors
    /// [`Failure`]: there is no such code.
    pub fn run(self) -> Result<(), Failure> {
        match self.code {
            None => Sort::ALL.iter().try_for_each(|sort| print::out(&listed(*sort))),
            Some(code) => {
                let found = catalogue::find(&code);
                if found.is_empty() {
                    return Err(Failure::new(Exit::NotSent, unknown(&code)));
                }
                let shown: Vec<String> = found.iter().map(explained).collect();
                print::out(&shown.join("\n\n"))
            }
        }
    }
}

fn unknown(code: &str) -> String {
    let (code, nearest) = (print::clean(code), catalogue::nearest(code));
    if nearest.is_empty() {
        return format!("there is no code {code}; `shirase explain --list` has all of them");
    }
    format!("there is no code {code}; did you mean {}?", nearest.join(", "))
}

fn listed(sort: Sort) -> String {
    let (title, title_ja) = sort.title();
    let mut lines = vec![format!("{title} / {title_ja}")];
    lines.extend(
        catalogue::of(sort).iter().map(|entry| format!("  {:<26} {}", entry.code, entry.text)),
    );
    lines.push(String::new());
    lines.join("\n")
}

fn explained(entry: &Explained) -> String {
    let status = entry.status.map(|status| format!(", HTTP {status}")).unwrap_or_default();
    let label = if entry.label_ja.is_empty() { "" } else { "  " };
    let (acts, acts_ja) =
        entry.acts.map_or(("nobody", "なし"), |acts| (acts.english(), Mender::japanese(acts)));
    format!(
        "{} ({}{status}){label}{}\n  {}\n  → {}\n  acts: {acts}\n\n  {}\n  → {}\n  対応: {acts_ja}",
        entry.code,
        entry.sort,
        entry.label_ja,
        entry.text,
        entry.next,
        entry.text_ja,
        entry.next_ja,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str) -> String {
        catalogue::find(code).iter().map(explained).collect::<Vec<_>>().join("\n\n")
    }

    #[test]
    fn code_is_explained_in_both_languages_with_who_acts_and_what_to_do() {
        assert_eq!(
            shown("no-dial-tone"),
            "no-dial-tone (ending)  発信音なし\n  \
             Our line has no dial tone; nobody was called.\n  \
             → Put a telephone on that socket: is the line dead, or held by another device?\n  \
             acts: whoever runs the telephone line\n\n  \
             回線に発信音がありません。発信していません。\n  \
             → その回線に電話機をつなぎ、断線や他の機器の使用がないか確認してください。\n  \
             対応: 回線"
        );
        assert!(shown("store-full").starts_with("store-full (refusal, HTTP 507)\n"));
        assert!(shown("78").starts_with("78 (exit)  設定の誤り\n"));
        assert_eq!(shown("busy").matches("acts:").count(), 2, "why it ended, and why it waits");
    }

    #[test]
    fn unknown_code_names_the_nearest_or_where_all_are() {
        assert_eq!(
            unknown("no-dis-tone"),
            "there is no code no-dis-tone; did you mean no-dial-tone, no-fax-tone?"
        );
        assert!(unknown("???").ends_with("`shirase explain --list` has all of them"));
        assert!(!unknown("a\u{1b}[2J").contains('\u{1b}'));
    }
}
