//! Frames by name, as they stand on the line.
//!
//! In: `MCF`, `PPR 0 3`, `DIS v17 ecm`. Out: octets; and back to names for a trace.
//! Source: ITU-T T.30 (09/2005) 5.3.6.1 and table 2. Kept apart from the tables in `src` on purpose:
//! what both get wrong in the same way no test would see.

use std::fmt::Write as _;

/// Control fields in line order, X as 0.
const FCF: [(&str, u8); 31] = [
    ("DIS", 0x80),
    ("CSI", 0x40),
    ("NSF", 0x20),
    ("DTC", 0x81),
    ("CIG", 0x41),
    ("PWD", 0xC1),
    ("DCS", 0x82),
    ("TSI", 0x42),
    ("SUB", 0xC2),
    ("SID", 0xA2),
    ("CTC", 0x12),
    ("CFR", 0x84),
    ("FTT", 0x44),
    ("CTR", 0xC4),
    ("EOM", 0x8E),
    ("MPS", 0x4E),
    ("EOP", 0x2E),
    ("PPS", 0xBE),
    ("EOR", 0xCE),
    ("RR", 0x6E),
    ("MCF", 0x8C),
    ("RTP", 0xCC),
    ("RTN", 0x4C),
    ("PIP", 0xAC),
    ("PIN", 0x2C),
    ("PPR", 0xBC),
    ("RNR", 0xEC),
    ("ERR", 0x1C),
    ("FDM", 0xFC),
    ("DCN", 0xFA),
    ("CRP", 0x1A),
];

const ADDRESS: u8 = 0xFF;
/// Control field when another frame follows in the carrier, and when none does.
const MORE: u8 = 0x03;
const LAST: u8 = 0x13;

/// Octets of a long FIF that a trace shows.
const SHOWN_OCTETS: usize = 16;

/// A frame of the called machine, X as 0; `more` if another follows in its carrier.
///
/// # Errors
/// What is wrong with the text.
pub fn frame(text: &str, more: bool) -> Result<Vec<u8>, String> {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    if name == "hex" {
        return hex(rest);
    }
    let (_, fcf) = FCF.iter().find(|(n, _)| *n == name).ok_or(format!("no signal {name:?}"))?;
    let fif = match name {
        "CSI" => format!("{rest:<20}").bytes().rev().collect(),
        "DIS" | "DTC" => dis(rest)?,
        "PPR" => ppr(rest)?,
        _ => hex(rest)?,
    };
    Ok([&[ADDRESS, if more { MORE } else { LAST }, *fcf], fif.as_slice()].concat())
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let octet = |h| u8::from_str_radix(h, 16).map_err(|_| format!("no octet {h:?}"));
    text.split_whitespace().map(octet).collect()
}

/// A DIS by what it offers: `v17 fine mr any 0ms ecm mmr`, single bits as `+6` and `-10`, or its
/// octets as `hex 00 EE F8`. Every bit that is not named is 0, but that it receives; extend bits are
/// set as needed.
fn dis(text: &str) -> Result<Vec<u8>, String> {
    if let Some(octets) = text.strip_prefix("hex") {
        return hex(octets);
    }
    let mut bits = vec![10];
    let mut without = Vec::new();
    for word in text.split_whitespace() {
        let named: &[usize] = match word {
            "v17" => &[11, 12, 14],
            "v29" => &[11, 12],
            "v29-only" => &[11],
            "v27ter" => &[12],
            "v27ter-2400" => &[],
            "v33" => &[11, 12, 13],
            "fine" => &[15],
            "mr" => &[16],
            "b4" => &[19],
            "any" => &[20],
            "0ms" => &[21, 22, 23],
            "5ms" => &[21],
            "10ms" => &[22],
            "20ms" => &[],
            "40ms" => &[23],
            "10/5ms" => &[22, 23],
            "20/10ms" => &[21, 22],
            "40/20ms" => &[21, 23],
            "ecm" => &[27],
            "mmr" => &[31],
            "t85" => &[78],
            "t85-l0" => &[79],
            "sub" => &[49],
            "pwd" => &[50],
            _ => {
                let number = |sign| word.strip_prefix(sign).and_then(|n| n.parse::<usize>().ok());
                match (number('+'), number('-')) {
                    (Some(bit), _) => bits.push(bit),
                    (_, Some(bit)) => without.push(bit),
                    _ => return Err(format!("DIS has no {word:?}")),
                }
                continue;
            }
        };
        bits.extend(named);
    }
    bits.retain(|bit| !without.contains(bit));
    let last = bits.iter().map(|bit| bit.div_ceil(8)).max().unwrap_or(0).max(3);
    bits.extend((3..last).map(|octet| octet * 8));
    let mut octets = vec![0; last];
    for bit in bits {
        octets[(bit - 1) / 8] |= 1 << ((bit - 1) % 8);
    }
    Ok(octets)
}

/// Frame numbers that a PPR asks for: `0 3 9`, `0-9`, or none.
fn ppr(text: &str) -> Result<Vec<u8>, String> {
    let mut map = vec![0; 32];
    for word in text.split_whitespace() {
        let (from, to) = word.split_once('-').unwrap_or((word, word));
        let number = |n: &str| n.parse::<u8>().map_err(|_| format!("PPR of {n:?}"));
        for frame in number(from)?..=number(to)? {
            map[usize::from(frame) / 8] |= 1 << (frame % 8);
        }
    }
    Ok(map)
}

/// A frame as a trace shows it: name and FIF; what is no frame of the table in hex.
pub fn name(frame: &[u8]) -> String {
    let in_hex = |octets: &[u8]| {
        let mut text = String::new();
        for octet in octets.iter().take(SHOWN_OCTETS) {
            write!(text, " {octet:02X}").unwrap();
        }
        if octets.len() > SHOWN_OCTETS {
            write!(text, " .. ({} octets)", octets.len()).unwrap();
        }
        text
    };
    let [ADDRESS, MORE | LAST, fcf, fif @ ..] = frame else {
        return format!("hex{}", in_hex(frame));
    };
    // X is the lowest bit on the line, and tells DIS, CSI and NSF from commands to send.
    let Some((name, _)) = FCF.iter().find(|(_, f)| f == fcf || (f | 1 == *fcf && fcf & 0x0E != 0))
    else {
        return format!("hex{}", in_hex(frame));
    };
    match *name {
        "CSI" | "TSI" | "SUB" => {
            let text: Vec<u8> = fif.iter().rev().copied().collect();
            let text = text.escape_ascii().to_string();
            format!("{name} {}", text.trim()).trim_end().to_owned()
        }
        "SID" => "SID ..".to_owned(),
        "PPR" => {
            let asked = (0..=255_u8).filter(|&n| {
                fif.get(usize::from(n) / 8).is_some_and(|octet| octet & (1 << (n % 8)) != 0)
            });
            format!("PPR{}", numbers(asked))
        }
        name => format!("{name}{}", in_hex(fif)),
    }
}

/// ` 0 3 9`, or ` 0-255` for more than four.
pub fn numbers(numbers: impl Iterator<Item = u8>) -> String {
    let numbers: Vec<u8> = numbers.collect();
    match numbers.as_slice() {
        [first, .., last] if numbers.len() > 4 => format!(" {first}-{last} ({})", numbers.len()),
        few => few.iter().map(|n| format!(" {n}")).collect(),
    }
}

/// The head of a frame of ours: address, control field by its place, X = 1.
pub fn check_ours(frame: &[u8], last: bool) {
    let want = if last { LAST } else { MORE };
    assert_eq!(frame[..2], [ADDRESS, want], "head of {}", name(frame));
    assert_eq!(frame[2] & 1, 1, "X of {}", name(frame));
}

#[test]
fn dis_by_words_is_the_octets_of_table_2() {
    // The DIS of a published trace, and one with its seventh octet.
    assert_eq!(dis("v17 fine any 20/10ms +24").unwrap(), [0x00, 0x6E, 0xB8]);
    let boxes = dis("v17 fine mr any 0ms ecm mmr sub").unwrap();
    assert_eq!(boxes, [0x00, 0xEE, 0xF8, 0xC4, 0x80, 0x80, 0x01]);
}
