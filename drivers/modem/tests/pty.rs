//! The serial port against a real pseudo-terminal: deadlines, a writer that hangs, the pulled plug.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use modem::{Dtr, Flow, Port, PortError, SerialPort};
use serialport::{SerialPort as _, TTYPort};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use t30::Millis;

/// The modem's side and the name of ours, which nobody has open.
fn pty() -> (TTYPort, PathBuf) {
    let (mut modem, ours) = TTYPort::pair().unwrap();
    modem.set_timeout(Duration::from_secs(5)).unwrap();
    let device = PathBuf::from(ours.name().unwrap());
    (modem, device)
}

fn open(device: &Path) -> SerialPort {
    SerialPort::open(device, 115_200, Flow::RtsCts).unwrap()
}

fn soon(port: &SerialPort, wait_ms: u64) -> Millis {
    Millis(port.now().0 + wait_ms)
}

#[test]
fn all_octets_pass_both_ways_as_they_are() {
    let (mut modem, device) = pty();
    let mut port = open(&device);
    let all: Vec<u8> = (0..=255).collect();
    let until = soon(&port, 5000);
    assert_eq!(port.write(&all, until).unwrap(), 256);
    let mut came = vec![0; 256];
    modem.read_exact(&mut came).unwrap();
    assert_eq!(came, all);

    modem.write_all(&all).unwrap();
    let mut came = Vec::new();
    while came.len() < 256 {
        let mut some = [0; 100];
        let got = port.read(&mut some, until).unwrap();
        assert!(got > 0, "only {} octets came", came.len());
        came.extend_from_slice(&some[..got]);
    }
    assert_eq!(came, all);
}

#[test]
fn read_without_data_ends_at_its_deadline() {
    let (_modem, device) = pty();
    let mut port = open(&device);
    let until = soon(&port, 150);
    assert_eq!(port.read(&mut [0; 8], until).unwrap(), 0);
    assert!(port.now() >= until && port.now().0 < until.0 + 2000);
    assert_eq!(port.read(&mut [0; 8], Millis(0)).unwrap(), 0, "a deadline in the past");
}

#[test]
fn write_to_a_modem_that_takes_nothing_ends_at_its_deadline() {
    let (_modem, device) = pty();
    let mut port = open(&device);
    let (done, seen) = std::sync::mpsc::channel();
    // On a thread of its own: a write that blocks would never come back to fail.
    std::thread::spawn(move || {
        let until = soon(&port, 400);
        let mut taken = 0;
        // More than a pty buffers, so that the last write that fits in fits only in part.
        while taken < 1_000_000 {
            match port.write(&[0x55; 100_000], until).unwrap() {
                0 => break,
                octets => taken += octets,
            }
        }
        done.send((taken, port.now().0.saturating_sub(until.0))).unwrap();
    });
    let (taken, late_ms) = seen.recv_timeout(Duration::from_secs(20)).expect("the write hung");
    assert!((1..1_000_000).contains(&taken) && late_ms < 2000, "{taken} octets, {late_ms} ms late");
}

#[test]
fn pulled_plug_is_gone_for_reader_and_writer_and_says_what_to_do() {
    let (modem, device) = pty();
    let mut port = open(&device);
    drop(modem);
    let until = soon(&port, 5000);
    let error = port.read(&mut [0; 8], until).unwrap_err();
    assert!(matches!(&error, PortError::Gone { device: named, .. } if *named == device));
    assert_eq!(error.code(), "modem-gone");
    assert!(error.to_string().contains("cable"));
    assert!(port.now() < until, "it did not wait");
    assert_eq!(port.write(&[0], until).unwrap_err().code(), "modem-gone");
    let error = port.reopen().unwrap_err();
    assert!(["device-missing", "modem-gone"].contains(&error.code()), "{error}");
}

#[test]
fn second_program_is_told_that_the_port_is_taken() {
    let (_modem, device) = pty();
    let _port = open(&device);
    let error = SerialPort::open(&device, 115_200, Flow::RtsCts).err().unwrap();
    let PortError::Taken { device: named, by } = &error else { panic!("{error:?}") };
    assert_eq!(named, &device);
    assert!(by.0.iter().any(|holder| holder.pid == std::process::id()), "{error}");
    assert!(error.to_string().contains(&format!("(process {})", std::process::id())), "{error}");
}

#[test]
fn reopen_closes_first_and_works_again() {
    let (mut modem, device) = pty();
    let mut port = open(&device);
    port.reopen().unwrap();
    let until = soon(&port, 5000);
    port.write(b"AT\r", until).unwrap();
    let mut came = [0; 3];
    modem.read_exact(&mut came).unwrap();
    assert_eq!(&came, b"AT\r");
}

#[test]
fn pty_has_no_dtr_and_that_is_no_error() {
    let (_modem, device) = pty();
    assert_eq!(open(&device).set_dtr(false).unwrap(), Dtr::Unknown);
}

#[test]
fn xon_xoff_holds_the_writer_back_only_while_it_is_on() {
    let (mut modem, device) = pty();
    let mut port = SerialPort::open(&device, 115_200, Flow::XonXoff).unwrap();
    modem.write_all(&[0x13]).unwrap();
    let mut octet = [0];
    let until = soon(&port, 5000);
    assert_eq!(port.read(&mut octet, until).unwrap(), 1);
    assert_eq!(octet, [0x13], "off: data as any other");

    port.xon_xoff(true).unwrap();
    modem.write_all(&[0x13]).unwrap();
    let until = soon(&port, 300);
    while port.now() < until && port.write(&[0x55], until).unwrap() > 0 {}
    assert_eq!(port.write(&[0x55], Millis(0)).unwrap(), 0, "held back");
    modem.write_all(&[0x11]).unwrap();
    let until = soon(&port, 5000);
    assert_eq!(port.write(&[0x55], until).unwrap(), 1, "let go");
}

#[test]
fn each_wrong_device_has_its_own_error() {
    let code =
        |device: &Path| SerialPort::open(device, 115_200, Flow::RtsCts).err().unwrap().code();
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(&folder.path().join("none")), "device-missing");
    assert_eq!(code(folder.path()), "device-not-serial");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_eq!(code(&file), "device-not-serial");
    assert_eq!(code(Path::new("/dev/null")), "device-not-serial");
}
