//! A call as a script: what the far end answers, what the line and the caller do.
//!
//! In: the text of a `.call` file. Out: settings, a [`Host`] and a [`Scripted`] far end.
//!
//! A script begins with its story, in lines with `#`. Without further lines it is a good call: the far
//! end presents itself with `CSI 03 1234 5678 + DIS`, and answers every command as it should. Lines
//! change that:
//!
//! ```text
//! ours: pages=1000,300 fastest=V29At9600 ecm=no mr=no mmr=no t85=no fine=no tsi=03 sub=1 pwd=2 length=420
//! dis: v29 fine 20ms                the DIS that `DIS` alone means; else v17 fine mr any 0ms ecm mmr
//! on dcs V17: FTT forever           replies to a command in turn; when used up, the next rule counts
//! on eop: quiet | noise | CRP x2    nothing, a damaged frame, then twice CRP
//! on pps null: after 2.5 MCF        the carrier begins 2.5 s after the command, not 0.075
//! on answer: NSF 00 + CSI 1 + DIS   frames of one carrier; the event is the answering of the call, and
//!                                   again whenever its DIS had no answer for 3 s
//! on dcs: FTT & after 1 CFR         two carriers
//! on any: quiet forever
//! at 12.5: DCN                      something it says of itself, whatever we do
//! host: judges no                   `yes` and `no` in turn, yes at their end; `starts yes no` likewise
//! host: lengths 4000 3000 2000 1000  octets of the pages in MH, MR, MMR and T.85
//! host: aborts at 12.5              or `aborts on > PPS`: in place of the answer to that line
//! ```
//!
//! Frames are `NAME FIF-in-hex`, a DIS by its offers, a CSI by its text, a PPR by frame numbers;
//! `noise N` for N damaged octets, `hex FF 13 ..` for a whole frame, `echo` for our own last frames.

use std::collections::VecDeque;

use t30::{Identity, Modulation, Password, SenderSettings, Subaddress};

use crate::frames;
use crate::line::{AbortAt, Carrier, FarEnd, GAP_MS, Heard, Host, Sound};

/// What a far end offers unless its script says otherwise.
const DIS: &str = "v17 fine mr any 0ms ecm mmr";
const CSI: &str = "03 1234 5678";
/// Octets of the pages in MH, MR, MMR and T.85, whatever the pages are.
pub const LENGTHS: [usize; 4] = [4_000, 3_000, 2_000, 1_000];
const NOISE_OCTETS: usize = 3;

pub struct Script {
    pub settings: SenderSettings,
    pub host: Host,
    pub far: Scripted,
}

/// A far end that does what a good one does, but for its rules.
pub struct Scripted {
    dis: String,
    rules: Vec<Rule>,
    of_itself: Vec<(u64, Carrier)>,
}

struct Rule {
    /// `any`, or the words that an event begins with.
    on: String,
    replies: VecDeque<(Vec<Carrier>, Times)>,
}

#[derive(Clone, Copy)]
enum Times {
    Left(u32),
    Forever,
}

impl Script {
    /// # Errors
    /// The line that cannot be read, and why.
    pub fn read(text: &str) -> Result<Self, String> {
        let story = text.lines().take_while(|line| line.starts_with("# ")).count();
        if story == 0 {
            return Err("a script begins with its story: # ...".into());
        }
        let lines = || text.lines().skip(story).filter(|line| !line.trim().is_empty());
        let dis = lines().find_map(|line| line.strip_prefix("dis: ")).unwrap_or(DIS);
        let mut script = Self {
            settings: SenderSettings::new(1),
            host: Host {
                pages: vec![page(1_000)],
                lengths: LENGTHS.to_vec(),
                judges: VecDeque::new(),
                starts: VecDeque::new(),
                abort: None,
            },
            far: Scripted { dis: dis.to_owned(), rules: Vec::new(), of_itself: Vec::new() },
        };
        for line in lines() {
            script.line(line).map_err(|why| format!("{line:?}: {why}"))?;
        }
        Ok(script)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let (what, rest) = line.split_once(": ").ok_or("no colon")?;
        match what.split_once(' ').unwrap_or((what, "")) {
            ("dis", "") => Ok(()),
            ("ours", "") => rest.split_whitespace().try_for_each(|word| self.ours(word)),
            ("host", "") => self.host(rest),
            ("on", on) => {
                let replies = rest.split(" | ").map(|reply| self.far.reply(reply));
                let replies = replies.collect::<Result<_, _>>()?;
                self.far.rules.push(Rule { on: on.to_owned(), replies });
                Ok(())
            }
            ("at", at) => {
                let carrier = self.far.carrier(rest)?;
                self.far.of_itself.push((millis(at)?, carrier));
                Ok(())
            }
            _ => Err(format!("no {what:?}")),
        }
    }

    fn ours(&mut self, word: &str) -> Result<(), String> {
        let (key, value) = word.split_once('=').ok_or(format!("{word:?} has no ="))?;
        let yes = value == "yes";
        let ours = &mut self.settings;
        match key {
            "pages" => {
                let octets = value.split(',').map(|n| n.parse().map(page));
                self.host.pages = octets.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
                ours.pages = u16::try_from(self.host.pages.len()).map_err(|e| e.to_string())?;
            }
            "fastest" => ours.fastest = modulation(value)?,
            "ecm" => ours.ecm = yes,
            "mr" => ours.mr = yes,
            "mmr" => ours.mmr = yes,
            "t85" => ours.t85 = yes,
            "fine" => ours.fine = yes,
            "length" => ours.longest_page_mm = value.parse().map_err(|_| "no length")?,
            "tsi" => ours.tsi = Some(Identity::parse(value).map_err(|e| e.to_string())?),
            "sub" => ours.sub = Some(Subaddress::parse(value).map_err(|e| e.to_string())?),
            "pwd" => ours.pwd = Some(Password::parse(value).map_err(|e| e.to_string())?),
            _ => return Err(format!("no setting {key:?}")),
        }
        Ok(())
    }

    fn host(&mut self, rest: &str) -> Result<(), String> {
        let (verb, rest) = rest.split_once(' ').ok_or("the host does what?")?;
        let answers = || rest.split_whitespace().map(|word| word == "yes").collect();
        match verb {
            "judges" => self.host.judges = answers(),
            "starts" => self.host.starts = answers(),
            "lengths" => {
                let lengths = rest.split_whitespace().map(str::parse);
                self.host.lengths = lengths.collect::<Result<_, _>>().map_err(|_| "no lengths")?;
            }
            "aborts" => {
                self.host.abort = Some(match rest.split_once(' ') {
                    Some(("at", at)) => AbortAt::Time(millis(at)?),
                    Some(("on", words)) => AbortAt::Line(words.to_owned()),
                    _ => return Err("aborts at SECONDS or on WORDS".into()),
                });
            }
            _ => return Err(format!("the host never {verb:?}")),
        }
        Ok(())
    }
}

impl Scripted {
    fn reply(&self, text: &str) -> Result<(Vec<Carrier>, Times), String> {
        let text = text.trim();
        let (text, times) = match text.rsplit_once(' ') {
            Some((text, "forever")) => (text, Times::Forever),
            Some((text, n)) if n.starts_with('x') => {
                (text, Times::Left(n[1..].parse().map_err(|_| format!("how often is {n:?}?"))?))
            }
            _ => (text, Times::Left(1)),
        };
        if text == "quiet" {
            return Ok((Vec::new(), times));
        }
        let carriers = text.split(" & ").map(|carrier| self.carrier(carrier));
        Ok((carriers.collect::<Result<_, _>>()?, times))
    }

    fn carrier(&self, text: &str) -> Result<Carrier, String> {
        let (after_ms, text) = match text.strip_prefix("after ") {
            Some(rest) => {
                let (after, text) = rest.split_once(' ').ok_or("after SECONDS what?")?;
                (millis(after)?, text)
            }
            None => (GAP_MS, text),
        };
        let words: Vec<&str> = text.split(" + ").collect();
        let sounds = words.iter().enumerate().map(|(place, word)| {
            let more = place + 1 < words.len();
            Ok(match word.split_once(' ').unwrap_or((word, "")) {
                ("echo", "") => Sound::Echo,
                ("noise", "") => Sound::Noise(NOISE_OCTETS),
                ("noise", n) => Sound::Noise(n.parse().map_err(|_| format!("noise of {n:?}"))?),
                ("DIS", "") => Sound::Frame(frames::frame(&format!("DIS {}", self.dis), more)?),
                _ => Sound::Frame(frames::frame(word, more)?),
            })
        });
        Ok(Carrier { after_ms, sounds: sounds.collect::<Result<_, String>>()? })
    }

    /// What a good far end says.
    fn good(&self, heard: &Heard) -> Vec<Carrier> {
        let text = match heard {
            Heard::Answer => format!("CSI {CSI} + DIS"),
            Heard::Command(event) => match event.split(' ').next().unwrap_or_default() {
                "dcs" => "CFR",
                "eop" | "mps" | "pps" | "rr" => "MCF",
                "ctc" => "CTR",
                "eor" => "ERR",
                _ => return Vec::new(), // DCN
            }
            .to_owned(),
        };
        vec![self.carrier(&text).expect("what a good far end says can be read")]
    }
}

impl FarEnd for Scripted {
    fn answer(&mut self, heard: &Heard) -> Vec<Carrier> {
        let event = match heard {
            Heard::Answer => "answer",
            Heard::Command(event) => event.as_str(),
        };
        for rule in &mut self.rules {
            if rule.on != "any" && !event.starts_with(&rule.on) {
                continue;
            }
            let Some((carriers, times)) = rule.replies.front_mut() else { continue };
            let carriers = carriers.clone();
            match times {
                Times::Forever => {}
                Times::Left(left) if *left > 1 => *left -= 1,
                Times::Left(_) => drop(rule.replies.pop_front()),
            }
            return carriers;
        }
        self.good(heard)
    }

    fn of_itself(&mut self) -> Vec<(u64, Carrier)> {
        std::mem::take(&mut self.of_itself)
    }
}

/// Octets that differ from frame to frame, with runs of ones that need stuffing.
pub fn page(octets: usize) -> Vec<u8> {
    let octet = |i: usize| if i % 7 < 3 { 0xFF } else { u8::try_from(i / 256 % 256).unwrap() };
    (0..octets).map(octet).collect()
}

fn modulation(name: &str) -> Result<Modulation, String> {
    use Modulation::*;
    [V27ter2400, V27ter4800, V29At7200, V29At9600, V17At7200, V17At9600, V17At12000, V17At14400]
        .into_iter()
        .find(|modulation| format!("{modulation:?}") == name)
        .ok_or(format!("no modulation {name:?}"))
}

fn millis(seconds: &str) -> Result<u64, String> {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let part = format!("{part:0<3}");
    match (whole.parse::<u64>(), part.parse::<u64>()) {
        (Ok(whole), Ok(part)) if part < 1_000 => Ok(whole * 1_000 + part),
        _ => Err(format!("{seconds:?} are no seconds")),
    }
}
