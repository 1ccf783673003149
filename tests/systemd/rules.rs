//! The udev rules, read and applied to described devices.
//!
//! Debian 12 has no `udevadm verify`, and `udevadm test` wants the device: so the few words of the
//! language that our rules use are known here, and any other word is an error.
//! Source: udev(7) of systemd 252.
//! Not here: the rest of that language.

use std::collections::BTreeMap;
use std::fs;

/// One `KEY{attribute} operator "value"`.
#[derive(Debug)]
struct Word {
    key: String,
    operator: &'static str,
    value: String,
}

/// What udev knows of a device when our rules are read.
struct Device {
    action: &'static str,
    subsystem: &'static str,
    vendor_and_product: (&'static str, &'static str),
}

/// What the rules did with it.
#[derive(Debug, Default, Eq, PartialEq)]
struct Outcome {
    properties: BTreeMap<String, String>,
    links: Vec<String>,
}

const SOCKET: &str = "pci-0000:00:14.0-usb-0:2:1.0";

fn parse(text: &str) -> Vec<Vec<Word>> {
    let is_rule = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().filter(is_rule).map(parse_rule).collect()
}

/// No value of ours holds a comma or a quote, so a rule can be cut at its commas.
fn parse_rule(line: &str) -> Vec<Word> {
    let word = |text: &str| {
        let operator =
            ["==", "!=", "+=", "="].into_iter().find(|&operator| text.contains(operator));
        let operator = operator.unwrap_or_else(|| panic!("no operator in {text}"));
        let (key, value) = text.split_once(operator).unwrap();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = value.unwrap_or_else(|| panic!("no quotes in {text}")).to_owned();
        Word { key: key.to_owned(), operator, value }
    };
    line.split(", ").map(word).collect()
}

/// `a|b` and `?*` are the only patterns we use.
fn matches(pattern: &str, value: &str) -> bool {
    match pattern {
        "?*" => !value.is_empty(),
        words => words.split('|').any(|word| word == value),
    }
}

fn apply(rules: &[Vec<Word>], device: &Device) -> Outcome {
    let mut outcome = Outcome::default();
    let mut seek_label: Option<String> = None;
    for rule in rules {
        if let Some(label) = &seek_label {
            let found = rule.iter().any(|word| word.key == "LABEL" && word.value == *label);
            if !found {
                continue;
            }
            seek_label = None;
        }
        for word in rule {
            if !apply_word(word, device, &mut outcome, &mut seek_label) {
                break;
            }
        }
    }
    assert_eq!(seek_label, None, "GOTO without its LABEL");
    outcome
}

/// False if the word is a match that fails: the rest of its rule is then left out.
fn apply_word(
    word: &Word,
    device: &Device,
    outcome: &mut Outcome,
    seek_label: &mut Option<String>,
) -> bool {
    let property = word.key.strip_prefix("ENV{").and_then(|key| key.strip_suffix('}'));
    let actual = match (word.key.as_str(), property) {
        ("ACTION", _) => device.action,
        ("SUBSYSTEM", _) => device.subsystem,
        ("ATTRS{idVendor}", _) => device.vendor_and_product.0,
        ("ATTRS{idProduct}", _) => device.vendor_and_product.1,
        (_, Some(name)) => outcome.properties.get(name).map_or("", String::as_str),
        (_, None) => "",
    };
    match (word.key.as_str(), word.operator, property) {
        ("ACTION" | "SUBSYSTEM" | "ATTRS{idVendor}" | "ATTRS{idProduct}", "==", _)
        | (_, "==", Some(_)) => return matches(&word.value, actual),
        ("SUBSYSTEM", "!=", _) | (_, "!=", Some(_)) => return !matches(&word.value, actual),
        (_, "=", Some(name)) => {
            outcome.properties.insert(name.to_owned(), word.value.clone());
        }
        ("IMPORT{builtin}", "=", _) => {
            assert_eq!(word.value, "path_id");
            outcome.properties.insert("ID_PATH".to_owned(), SOCKET.to_owned());
        }
        ("SYMLINK", "+=", _) => {
            let path = outcome.properties.get("ID_PATH").expect("ID_PATH is set before its use");
            outcome.links.push(word.value.replace("$env{ID_PATH}", path));
        }
        ("GOTO", "=", _) => *seek_label = Some(word.value.clone()),
        ("TAG", "+=", _) => assert_eq!(word.value, "systemd"),
        ("LABEL", "=", _) => {}
        _ => panic!("a word that udev, or this reader, does not know: {word:?}"),
    }
    true
}

fn outcome_of(device: &Device) -> Outcome {
    let text = fs::read_to_string(super::repository("systemd/60-shirase-modem.rules")).unwrap();
    apply(&parse(&text), device)
}

/// Of the modems that the rules list: US Robotics USR5637.
const USR5637: (&str, &str) = ("0baf", "0303");

#[test]
fn modem_port_is_named_by_its_socket_and_kept_from_modem_manager() {
    let port = Device { action: "add", subsystem: "tty", vendor_and_product: USR5637 };
    let got = outcome_of(&port);
    assert_eq!(got.links, [format!("shirase/{SOCKET}")]);
    assert_eq!(got.properties.get("ID_MM_PORT_IGNORE").map(String::as_str), Some("1"));
}

#[test]
fn modem_as_a_usb_device_is_kept_from_modem_manager_and_has_no_name() {
    let usb = Device { action: "add", subsystem: "usb", vendor_and_product: USR5637 };
    let got = outcome_of(&usb);
    assert_eq!(got.links, [""; 0]);
    assert_eq!(got.properties.get("ID_MM_DEVICE_IGNORE").map(String::as_str), Some("1"));
}

#[test]
fn serial_adapter_that_is_no_modem_is_left_alone() {
    let adapter = Device { action: "add", subsystem: "tty", vendor_and_product: ("0403", "6001") };
    assert_eq!(outcome_of(&adapter), Outcome::default());
}

#[test]
fn other_part_of_a_modem_is_left_alone() {
    let audio = Device { action: "add", subsystem: "sound", vendor_and_product: USR5637 };
    assert_eq!(outcome_of(&audio), Outcome::default());
}

#[test]
fn modem_that_is_unplugged_is_left_alone() {
    let gone = Device { action: "remove", subsystem: "tty", vendor_and_product: USR5637 };
    assert_eq!(outcome_of(&gone), Outcome::default());
}
