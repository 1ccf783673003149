//! Settings and secret files that are wrong: the daemon ends with 78 and one line that names the place, and makes nothing. One
//! that runs goes on with what it has.

use std::os::unix::fs::PermissionsExt as _;

use crate::house::House;

/// Starts a daemon that is to end with 78; its one line.
#[track_caller]
fn refused(house: &House) -> String {
    let before = house.log().len();
    assert_eq!(house.starts().ended(), Some(78), "{}", house.log());
    let said = house.log().split_off(before);
    assert_eq!(said.trim_end().lines().count(), 1, "one line: {said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(!house.path("queue.db").exists(), "nothing is made with wrong settings");
    said
}

#[test]
fn b21_every_mistake_in_the_settings_is_one_line_with_file_line_and_column() {
    let house = House::new();
    let line = |device: &str, more: &str| {
        format!("[[line]]\nname = \"a\"\ndevice = \"{device}\"\n{more}\n")
    };
    let twice =
        format!("{}{}", line("/dev/ttyS7", ""), line("/dev/ttyS7", "").replace("\"a\"", "\"b\""));
    for (more, why) in [
        (String::from("lisen = \"127.0.0.1:1\""), "unknown field `lisen`"),
        (String::from("[http]"), "duplicate key"),
        (String::from("[sheet]\ndeadline_ms = 1"), "duplicate key"),
        (String::from("listen = \"127.0.0.1:1\""), "duplicate key"),
        (line("/dev/ttyS7", "answer_wait_s = -5"), "must be from"),
        (line("/dev/ttyS7", "answer_wait_s = 0"), "must be from"),
        (line("/etc/passwd", ""), "is no serial device"),
        (twice, "belongs to another line"),
        (String::from("[calling]\nhours = \"18:00-08:30\""), "must be hours like"),
        (String::from("[calls]\nkeep_days = 99999999999999999999"), "integer"),
        (String::from("a = \"\u{7f}"), "shirase.toml:"),
        (format!("a = {}", "[".repeat(10_000)), "shirase.toml:"),
    ] {
        house.write_settings(&more);
        let said = refused(&house);
        let place = format!("{}:", house.path("shirase.toml").display());
        let (_, rest) = said.split_once(&place).unwrap_or_else(|| panic!("no place: {said}"));
        let mut numbers = rest.split([':', ' ']);
        let is_number = |word: Option<&str>| word.is_some_and(|word| word.parse::<u32>().is_ok());
        assert!(is_number(numbers.next()) && is_number(numbers.next()), "line and column: {said}");
        assert!(said.contains(why), "{why}: {said}");
    }
    let port = |port: &str| {
        house.write_settings("");
        let text = std::fs::read_to_string(house.path("shirase.toml")).expect("settings");
        let text = text.replace(&house.address, &format!("127.0.0.1:{port}"));
        std::fs::write(house.path("shirase.toml"), text).expect("written");
        assert!(refused(&house).contains("must be an address and a port"), "{port}");
    };
    ["0", "99999", "-1", "ssh"].into_iter().for_each(port);
}

#[test]
fn b21_file_of_100_mib_or_none_or_a_folder_is_refused_unread() {
    let house = House::new();
    let path = house.path("shirase.toml");
    let file = std::fs::File::create(&path).expect("a file");
    file.set_len(100 << 20).expect("a hole");
    assert!(refused(&house).contains("longer than 1 MiB"));
    std::fs::write(&path, [0xff, 0xfe, 0x00]).expect("written");
    assert!(refused(&house).contains("shirase.toml"));
    std::fs::remove_file(&path).expect("removed");
    assert!(refused(&house).contains("shirase.toml"));
    std::fs::create_dir(&path).expect("a folder");
    assert!(refused(&house).contains("shirase.toml"));
}

#[test]
fn b21_byte_order_mark_and_line_ends_of_windows_are_no_mistake() {
    let house = House::new();
    let path = house.path("shirase.toml");
    let text = std::fs::read_to_string(&path).expect("settings");
    std::fs::write(&path, format!("\u{feff}{}", text.replace('\n', "\r\n"))).expect("written");
    let mut daemon = house.daemon();
    house.goes_on(&mut daemon);
}

#[test]
fn b22_secret_file_that_is_missing_open_to_all_short_or_edited_is_named_and_not_shown() {
    let house = House::new();
    let (key, tokens) = (house.path("key"), house.path("tokens"));
    let right = std::fs::read(&key).expect("a key");
    let token_line = std::fs::read_to_string(&tokens).expect("tokens");
    let mode = |path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    let with_newline = [right.as_slice(), b"\n"].concat();
    for octets in [&right[..31], &with_newline, &[], &right.repeat(10_000)] {
        std::fs::write(&key, octets).expect("written");
        let said = refused(&house);
        assert!(said.contains("/key"), "{said}");
        assert!(
            said.contains("32 octets") || said.contains("too long") || said.contains("longer"),
            "{said}"
        );
    }
    std::fs::write(&key, &right).expect("written");
    mode(&key, 0o644);
    assert!(refused(&house).contains("/key"));
    mode(&key, 0o600);
    mode(&tokens, 0o666);
    assert!(refused(&house).contains("/tokens"));
    mode(&tokens, 0o600);
    std::fs::write(&tokens, format!("{token_line}exchange sha256:beef read\n")).expect("written");
    let said = refused(&house);
    assert!(said.contains("/tokens:2:") && !said.contains("beef"), "{said}");
    std::fs::write(&tokens, "").expect("written");
    assert!(refused(&house).contains("/tokens"));
    std::fs::write(&tokens, token_line).expect("written");
    std::fs::remove_file(&key).expect("removed");
    assert!(refused(&house).contains("/key"));
    std::fs::write(&key, &right).expect("written");
    mode(&key, 0o600);
    house.goes_on(&mut house.daemon());
}

#[test]
fn b23_hang_up_signal_with_broken_settings_leaves_all_as_it_was_and_alarms_with_the_place() {
    let house = House::new();
    let mut daemon = house.daemon();
    house.write_settings("[calling]\nhour = 1\n");
    daemon.signal("HUP");
    house.until("the alarm", || {
        house.log().contains("app.settings.bad_for_next_start").then_some(())
    });
    let log = house.log();
    let alarm = log.lines().find(|line| line.contains("bad_for_next_start")).expect("a line");
    assert!(alarm.contains("ERROR"), "it alarms: {alarm}");
    assert!(alarm.contains("shirase.toml:") && alarm.contains("unknown field `hour`"), "{alarm}");
    house.goes_on(&mut daemon);
    house.write_settings("");
    daemon.signal("HUP");
    house.until("all is well again", || {
        house.log().contains("app.settings.good_for_next_start").then_some(())
    });
}
