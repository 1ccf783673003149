//! A call as a ladder: we on the left, the far end on the right, time downwards.
//!
//! In: a trace, hostile. Out: lines of 80 columns in ASCII: terminals in Japan show other line art now one,
//! now two columns wide.
//! Source: the charts of ITU-T T.30 annexes, which every fax technician has seen.
//! Not here: what a frame means (`t30::describe`), what an ending means (`settle/endings.rs`).

use modem::{Entry, Said, Trace, What};
use t30::Described;

/// Of a line, and of the space between the two rails.
const WIDTH: usize = 80;
const LANE: usize = WIDTH - TIME - 2;
/// Seconds since ATD, before the left rail.
const TIME: usize = 9;
/// The shortest arrow.
const ARROW: usize = 4;
/// A host that decides faster than this is not mentioned.
const SLOW_MS: i64 = 100;

/// What is shown besides the call itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// The dialogue with the modem.
    pub at: bool,
    pub colour: bool,
}

/// Draws a call.
pub fn draw(trace: &Trace, style: Style) -> String {
    let mut ladder = Ladder {
        colour: style.colour,
        dialogue: if style.at { Dialogue::Whole } else { needed_dialogue(trace) },
        lines: Vec::new(),
        shown_at: String::new(),
        since: 0,
        stage: Stage::BeforeDialling,
    };
    ladder.lines.push(format!("{:>TIME$} us{:>width$}", "seconds", "far end", width = LANE - 1));
    let mut rest = trace.entries.as_slice();
    while let Some((entry, behind)) = rest.split_first() {
        ladder.entry(entry, behind);
        rest = behind;
    }
    if trace.dropped > 0 {
        ladder.lines.push(format!(
            "{:>TIME$} {} more entries had no room, before the end of the call",
            "", trace.dropped
        ));
    }
    ladder.lines.join("\n")
}

/// How much of the dialogue with the modem is drawn.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Dialogue {
    /// The number dialled, and what the modem says to it.
    Dialling,
    /// All from dialling on.
    Call,
    Whole,
}

/// Without a session of ours the modem's own words are all that there is: it had the session itself
/// (Class 2), or never came so far as to dial.
fn needed_dialogue(trace: &Trace) -> Dialogue {
    let (mut session, mut dialled, mut class2) = (false, false, false);
    for entry in &trace.entries {
        match &entry.what {
            What::Session(_) => session = true,
            What::Command(line) => {
                dialled |= line.starts_with("ATD");
                class2 |= line.contains("+FCLASS=2");
            }
            _ => {} // tells nothing about that
        }
    }
    match (session, dialled, class2) {
        (true, _, _) | (false, true, false) => Dialogue::Dialling,
        (false, true, true) => Dialogue::Call,
        (false, false, _) => Dialogue::Whole,
    }
}

/// What passed in an entry, in one line of words.
pub fn say(what: &What) -> String {
    let text = match what {
        What::Command(line) => format!("to the modem: {line}"),
        What::Reply(line) => format!("the modem: {line}"),
        What::DtrDropped => "DTR is dropped".into(),
        What::Reopened => "the device is closed and opened again".into(),
        What::HangUp { means, verified: true } => format!("on-hook was seen, by {means}"),
        What::HangUp { means, verified: false } => format!("on-hook was not seen, by {means}"),
        What::Fault { code, says } | What::Ended { code, says } => format!("{says} ({code})"),
        What::Session(_) => "the session begins".into(),
        What::Control { silence_ms, frames } => {
            let frames: Vec<String> = frames.iter().map(|frame| frame_in_hex(&frame.0)).collect();
            format!("sends, after {silence_ms} ms of silence, {}", frames.join(" and "))
        }
        What::Carrier { silence_ms, modulation, short, page, octets } => {
            let training = if *short { "short" } else { "long" };
            format!(
                "sends, after {silence_ms} ms of silence, {} with {modulation}, {training} training, {octets} octets",
                page.map_or("TCF".into(), |page| format!("page {}", number(page)))
            )
        }
        What::Listen { until_ms } => format!("listens until {:.3} s", *until_ms as f64 / 1000.0),
        What::Sent => "it is sent".into(),
        What::Frame(frame) => format!("hears {}", frame_in_hex(&frame.0)),
        What::BadFrame => "hears a damaged frame".into(),
        What::Quiet => "hears nothing".into(),
        What::AskFarEnd => "asks whether this machine may get pages".into(),
        What::Judged(true) => "yes, it may".into(),
        What::Judged(false) => "no, it may not".into(),
        What::AskLengths { page, codings } => {
            format!("asks how long page {} is in {}", number(*page), codings.join(", "))
        }
        What::Lengths(octets) => {
            let octets: Vec<String> = octets.iter().map(usize::to_string).collect();
            format!("is told {} octets", octets.join(", "))
        }
        What::AskPage { page, contract } => format!("asks for page {}: {contract}", number(*page)),
        What::Page { octets } => format!("gets a page of {octets} octets"),
        What::AskStart { page } => format!("asks whether page {} may start", number(*page)),
        What::MayStart(true) => "yes, it may start".into(),
        What::MayStart(false) => "no, it may not start".into(),
        What::Abort => "is told to stop".into(),
        What::Agreed(contract) => format!("agrees on {contract}"),
        What::Training { modulation, tries } => format!("trains {modulation}, try {tries}"),
        What::Trained { modulation } => format!("has trained {modulation}"),
        What::Confirmed { page } => format!("has page {} confirmed", number(*page)),
        What::Repeat { page, frames: 0 } => format!("is to send page {} again", number(*page)),
        What::Repeat { page, frames } => {
            format!("is to send {frames} frames of page {} again", number(*page))
        }
    };
    plain(&text)
}

/// The lines so far, and what the next needs to know.
struct Ladder {
    colour: bool,
    dialogue: Dialogue,
    lines: Vec<String>,
    /// The time of the last line, not to be said twice.
    shown_at: String,
    /// When the last question was asked, or listening began.
    since: i64,
    stage: Stage,
}

/// How far the call has come.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Stage {
    BeforeDialling,
    /// The modem's words tell what becomes of it.
    Dialling,
    /// They say nothing that the frames do not.
    Dialled,
}

#[derive(Clone, Copy)]
enum Paint {
    Us,
    FarEnd,
    Page,
    Aside,
    Trouble,
}

impl Paint {
    /// Select Graphic Rendition of ECMA-48: cyan, green, bold, faint, red.
    const fn code(self) -> u8 {
        match self {
            Self::Us => 36,
            Self::FarEnd => 32,
            Self::Page => 1,
            Self::Aside => 2,
            Self::Trouble => 31,
        }
    }
}

impl Ladder {
    fn entry(&mut self, Entry { at_ms, what }: &Entry, behind: &[Entry]) {
        let at_ms = *at_ms;
        let waited_ms = at_ms.saturating_sub(self.since);
        match what {
            What::Command(line) if line.starts_with("ATD") => {
                self.stage = Stage::Dialling;
                self.aside(at_ms, Paint::Aside, &format!("> {line}"));
            }
            What::Command(line) => {
                if self.stage == Stage::Dialling {
                    self.stage = Stage::Dialled;
                }
                if self.shows_dialogue() {
                    self.aside(at_ms, Paint::Aside, &format!("> {line}"));
                }
            }
            What::Reply(line) if self.shows_dialogue() || self.stage == Stage::Dialling => {
                self.reply(at_ms, line);
            }
            What::Reply(_) => {}
            What::DtrDropped | What::Reopened | What::HangUp { verified: true, .. } => {
                self.aside(at_ms, Paint::Aside, &format!("* {}", say(what)));
            }
            What::HangUp { verified: false, .. } | What::Fault { .. } | What::Abort => {
                self.aside(at_ms, Paint::Trouble, &format!("! {}", say(what)));
            }
            What::Session(_) => self.stage = Stage::Dialled,
            What::Control { silence_ms: _, frames } => {
                let paint = Paint::Us;
                for frame in frames {
                    self.ours(at_ms, paint, '-', &frame_in_words(&frame.0));
                }
                if took_ms(at_ms, behind).is_none() {
                    self.aside(at_ms, Paint::Trouble, "! not sent to its end");
                }
            }
            What::Carrier { silence_ms: _, modulation, short: _, page, octets } => {
                let took = match took_ms(at_ms, behind) {
                    Some(took_ms) => format!("{octets} octets in {}", seconds(took_ms)),
                    None => format!("not sent to its end of {octets} octets"),
                };
                let (paint, line, what) = match page {
                    None => (Paint::Us, '=', "TCF".to_owned()),
                    Some(page) => (Paint::Page, '#', format!("PAGE {}", number(*page))),
                };
                self.ours(at_ms, paint, line, &format!("{what}  {modulation}, {took}"));
            }
            What::Listen { .. }
            | What::AskFarEnd
            | What::AskLengths { .. }
            | What::AskPage { .. }
            | What::AskStart { .. } => {
                self.since = at_ms;
            }
            What::Frame(frame) => {
                self.theirs(at_ms, Paint::FarEnd, &frame_in_words(&frame.0));
            }
            What::BadFrame => self.theirs(at_ms, Paint::Trouble, "a damaged frame"),
            What::Quiet => {
                let text = format!("(nothing for {})", seconds(waited_ms));
                self.line(at_ms, Paint::Trouble, &format!("{text:^LANE$}"));
            }
            What::Judged(true) => {
                self.aside(at_ms, Paint::Aside, "* this machine may get the page")
            }
            What::Judged(false) => {
                self.aside(at_ms, Paint::Trouble, "! this machine may not get the page");
            }
            What::MayStart(false) => self.aside(at_ms, Paint::Trouble, "! the page may not start"),
            What::Lengths(_) | What::Page { .. } | What::MayStart(true) if waited_ms >= SLOW_MS => {
                self.aside(at_ms, Paint::Aside, &format!("* waited {} for us", seconds(waited_ms)));
            }
            What::Lengths(_) | What::Page { .. } | What::MayStart(true) => {}
            What::Confirmed { .. } => self.aside(at_ms, Paint::Aside, &format!("* {}", say(what))),
            What::Ended { code, .. } => {
                let paint = if code == "delivered" { Paint::Aside } else { Paint::Trouble };
                self.aside(at_ms, paint, &format!("* session over: {}", say(what)));
            }
            // The frames have said it.
            What::Sent
            | What::Agreed(_)
            | What::Training { .. }
            | What::Trained { .. }
            | What::Repeat { .. } => {}
        }
    }

    /// A word of the modem; where it has the session, as the signal that it stands for.
    fn reply(&mut self, at_ms: i64, line: &str) {
        let said = if self.dialogue == Dialogue::Call { modem::explain(line) } else { None };
        match said {
            Some(Said::ByUs(words)) => self.ours(at_ms, Paint::Us, '-', &words),
            Some(Said::ByFarEnd(words)) => self.theirs(at_ms, Paint::FarEnd, &words),
            None => self.aside(at_ms, Paint::Aside, &format!("< {line}")),
        }
    }

    fn shows_dialogue(&self) -> bool {
        match self.dialogue {
            Dialogue::Dialling => false,
            Dialogue::Call => self.stage != Stage::BeforeDialling,
            Dialogue::Whole => true,
        }
    }

    /// From us: the words at our rail.
    fn ours(&mut self, at_ms: i64, paint: Paint, line: char, words: &str) {
        let mut parts = wrap(words).into_iter();
        let words = parts.next().unwrap_or_default();
        let shaft: String = std::iter::repeat_n(line, LANE - words.len() - 4).collect();
        self.line(at_ms, paint, &format!(" {words} {shaft}> "));
        parts.for_each(|part| self.line(at_ms, paint, &format!("   {part}")));
    }

    /// From the far end: the words at its rail.
    fn theirs(&mut self, at_ms: i64, paint: Paint, words: &str) {
        let mut parts = wrap(words).into_iter();
        let words = parts.next().unwrap_or_default();
        let shaft: String = std::iter::repeat_n('-', LANE - words.len() - 4).collect();
        self.line(at_ms, paint, &format!(" <{shaft} {words} "));
        parts.for_each(|part| {
            self.line(at_ms, paint, &format!("{part:>width$} ", width = LANE - 1))
        });
    }

    fn aside(&mut self, at_ms: i64, paint: Paint, words: &str) {
        wrap(words).iter().for_each(|part| self.line(at_ms, paint, &format!(" {part}")));
    }

    fn line(&mut self, at_ms: i64, paint: Paint, inside: &str) {
        // Silences between signals last some hundredths of a second.
        let hundredths = at_ms / 10;
        let time = format!("{:.2}", hundredths as f64 / 100.0);
        let shown = if time == self.shown_at { "" } else { &time };
        let inside: String = format!("{:<LANE$}", plain(inside)).chars().take(LANE).collect();
        let (on, off) = match self.colour {
            true => (format!("\x1b[{}m", paint.code()), "\x1b[0m"),
            false => (String::new(), ""),
        };
        self.lines.push(format!("{shown:>TIME$}|{on}{inside}{off}|"));
        self.shown_at = time;
    }
}

/// How long what was to be done took, if it was done.
fn took_ms(at_ms: i64, behind: &[Entry]) -> Option<i64> {
    let next = behind.iter().find(|entry| match entry.what {
        What::Command(_) | What::Reply(_) => false,
        _ => true, // whatever came, it was over
    });
    next.filter(|entry| entry.what == What::Sent).map(|entry| entry.at_ms.saturating_sub(at_ms))
}

/// Words in lines that leave room for an arrow.
fn wrap(words: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in plain(words).split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= LANE - 4 - ARROW => {
                line.push(' ');
                line.push_str(word);
            }
            // A word longer than a line is cut when it is drawn.
            Some(_) | None => lines.push(word.chars().take(LANE - 4 - ARROW).collect()),
        }
    }
    lines
}

fn frame_in_words(frame: &[u8]) -> String {
    let Described { name, meaning } = t30::describe(frame);
    if meaning.is_empty() { name } else { format!("{name}  {meaning}") }
}

fn frame_in_hex(frame: &[u8]) -> String {
    let hex: Vec<String> = frame.iter().map(|octet| format!("{octet:02X}")).collect();
    format!("{} [{}]", frame_in_words(frame), hex.join(" "))
}

/// Pages as people count them.
fn number(page: u16) -> u32 {
    u32::from(page) + 1
}

fn seconds(ms: i64) -> String {
    format!("{:.1} s", ms as f64 / 1000.0)
}

/// Nothing that moves a cursor, changes a colour or takes two columns.
fn plain(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests;
