//! What the tag line of a call says: when, from whom, to whom, which page.
//!
//! In: the time at which the pages of a call are drawn, seconds before it; the settings of the line, the job. Out: a sheet with the line stamped on it.
//! Source: what fax machines in Japan print at the head of a page (発信元記録); digits and signs that a reader of
//! either language understands. The called number is not on it: a sheet in a wrong tray would tell it.
//! Not here: dots and pels (`drivers/tagline`).

use crate::job::{NewJob, UnixMillis};
use crate::render::SiteFace;

/// One call, as the head of its pages tells it.
#[derive(Clone, Copy, Debug)]
pub struct TagLine<'a> {
    /// When its pages were drawn: the modem gets the call some seconds later, and may then still find the line busy.
    pub at: UnixMillis,
    /// The name of the site, in the language of the sheet.
    pub sender: &'a str,
    /// The number of our line, as the far machine shows it.
    pub tsi: Option<&'a str>,
    /// The name of the office that is called.
    pub receiver: &'a str,
}

/// Between when, who and which page.
const GAP: &str = "  ";

impl<'a> TagLine<'a> {
    /// Of a call with the sheet of this job.
    pub fn of(job: &'a NewJob, site: &'a SiteFace, tsi: Option<&'a str>, at: UnixMillis) -> Self {
        let sender = &site.in_language(job.language).name;
        Self { at, sender, tsi, receiver: job.recipient.office_name.as_str() }
    }

    /// The page with its tag line.
    ///
    /// # Errors
    /// [`tagline::StampError`]: something is drawn where the line goes.
    pub fn stamp(
        &self,
        sheet: &t4::Page,
        page: u16,
        pages: u16,
    ) -> Result<t4::Page, tagline::StampError> {
        tagline::stamp(sheet, &self.text(tagline::columns(sheet), page, pages))
    }

    /// Exactly `columns` wide: the page stands at the right edge. Names that are too long for that are cut.
    fn text(&self, columns: u16, page: u16, pages: u16) -> String {
        let when = japanese_time(self.at);
        let number = self.tsi.map(|tsi| format!(" {tsi}")).unwrap_or_default();
        let arrow = " → ";
        let which = format!("{GAP}P.{page}/{pages}");
        let taken: u16 = [when.as_str(), GAP, &number, arrow, &which]
            .iter()
            .fold(0, |taken, part| taken.saturating_add(tagline::columns_of(part)));
        let free = columns.saturating_sub(taken);
        let (sender, receiver) =
            share(free, tagline::columns_of(self.sender), tagline::columns_of(self.receiver));
        let sender = tagline::shortened(self.sender, sender);
        let receiver = tagline::shortened(self.receiver, receiver);
        let left = format!("{when}{GAP}{sender}{number}{arrow}{receiver}");
        let white =
            columns.saturating_sub(tagline::columns_of(&left) + tagline::columns_of(&which));
        format!("{left}{}{which}", " ".repeat(white.into()))
    }
}

/// What each of two gets of too little: half, or less if it does not need as much.
fn share(free: u16, one: u16, other: u16) -> (u16, u16) {
    let half = free / 2;
    let one_gets = one.min(half.max(free.saturating_sub(other)));
    (one_gets, other.min(free - one_gets))
}

/// `2026/11/25 19:17` in Japan.
fn japanese_time(at: UnixMillis) -> String {
    at.in_japan().map(|at| at.strftime("%Y/%m/%d %H:%M").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Language, examples};
    use crate::render::SiteWords;

    /// Of a page 1728 pels wide.
    const COLUMNS: u16 = 164;

    fn usual() -> TagLine<'static> {
        TagLine {
            at: UnixMillis(1_795_618_620_000), // 2026-11-25T23:57:00+09:00
            sender: "書類交換サイト",
            tsi: Some("03 0000 0000"),
            receiver: "あおば居宅介護支援事業所",
        }
    }

    #[test]
    fn usual_line_says_when_from_whom_to_whom_and_which_page() {
        let text = usual().text(COLUMNS, 1, 1);
        let (left, page) = text.split_at(text.find("P.").expect("the page"));
        assert_eq!(
            left.trim_end(),
            "2026/11/25 23:57  書類交換サイト 03 0000 0000 → あおば居宅介護支援事業所"
        );
        assert_eq!(page, "P.1/1");
        assert_eq!(tagline::columns_of(&text), COLUMNS);
    }

    #[test]
    fn sheet_in_english_names_the_site_in_english() {
        let named = |name: &str| SiteWords { name: name.into(), ..SiteWords::default() };
        let site = SiteFace { ja: named("連携便"), en: named("Renkei"), ..SiteFace::default() };
        let mut job = examples::first_contact();
        let receiver = job.recipient.office_name.clone();
        assert_eq!(TagLine::of(&job, &site, None, usual().at).sender, "連携便");
        job.language = Language::English;
        let line = TagLine::of(&job, &site, None, usual().at);
        assert_eq!((line.sender, line.receiver), ("Renkei", receiver.as_str()));
    }

    #[test]
    fn call_at_midnight_in_japan_has_the_date_of_the_new_day_while_utc_has_the_old() {
        let at = |minutes: i64| japanese_time(UnixMillis(usual().at.0 + minutes * 60_000));
        assert_eq!((at(2).as_str(), at(3).as_str()), ("2026/11/25 23:59", "2026/11/26 00:00"));
        assert_eq!(japanese_time(UnixMillis(usual().at.0 + 2 * 60_000 + 59_999)), at(2));
    }

    #[test]
    fn line_without_a_number_of_ours_leaves_it_out() {
        let text = TagLine { tsi: None, ..usual() }.text(COLUMNS, 2, 3);
        assert!(text.contains("書類交換サイト → あおば"), "{text}");
        assert!(text.ends_with("  P.2/3"), "{text}");
    }

    #[test]
    fn two_long_names_get_half_each_and_a_short_one_leaves_its_room_to_the_other() {
        let long = "居宅介護支援事業所".repeat(7);
        for (sender, receiver) in [(long.as_str(), long.as_str()), (&long, "短"), ("短", &long)] {
            let text = TagLine { sender, receiver, ..usual() }.text(COLUMNS, 1, 1);
            assert_eq!(tagline::columns_of(&text), COLUMNS, "{text}");
            assert!(text.ends_with("  P.1/1"), "{text}");
            assert!(text.contains("… 03 0000 0000 → ") || sender == "短", "{text}");
            assert!(text.contains("…  ") || receiver == "短", "{text}");
        }
        assert_eq!(share(100, 80, 90), (50, 50));
        assert_eq!(share(100, 20, 90), (20, 80));
        assert_eq!(share(100, 80, 30), (70, 30));
        assert_eq!(share(100, 10, 10), (10, 10));
        assert_eq!(share(0, 10, 10), (0, 0));
    }
}
