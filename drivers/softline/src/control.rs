//! What a person does to the line while it runs: pulls a modem's plug and puts it back.
//!
//! In: lines of text on standard input, `unplug NAME` and `plug NAME`. Out: [`Command`]s.
//! A line that is no command is told on standard error and changes nothing.
//! Not here: what becomes of a line without its modem (`modem_end`).

use rustix::event::{PollFd, PollFlags, Timespec};
use std::os::fd::AsFd;

/// A command is far shorter.
const LONGEST: usize = 256;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Command {
    /// The terminal vanishes, as that of a USB modem does.
    Unplug(String),
    /// A new terminal comes, behind the same link; its own name may be another.
    Plug(String),
}

/// Standard input, as far as it has come.
#[derive(Default)]
pub(crate) struct Control {
    unfinished: Vec<u8>,
    ended: bool,
}

impl Control {
    /// The commands that came since the last call. Never waits.
    pub(crate) fn take(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        while let Some(line) = self.line() {
            match Command::parse(&line) {
                Some(command) => commands.push(command),
                None => eprintln!("softline: no command: {}", line.escape_debug()),
            }
        }
        commands
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unfinished.iter().position(|octet| *octet == b'\n') {
                let rest = self.unfinished.split_off(end + 1);
                let line = std::mem::replace(&mut self.unfinished, rest);
                return Some(String::from_utf8_lossy(&line).trim().to_owned());
            }
            let room = LONGEST.saturating_sub(self.unfinished.len());
            if self.ended || room == 0 || !something_is_there() {
                self.ended |= room == 0;
                return None;
            }
            let mut octets = vec![0; room];
            match rustix::io::read(std::io::stdin().as_fd(), &mut octets) {
                Ok(0) | Err(_) => self.ended = true,
                Ok(len) => self.unfinished.extend_from_slice(&octets[..len]),
            }
        }
    }
}

fn something_is_there() -> bool {
    let input = std::io::stdin();
    let mut fds = [PollFd::new(&input, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
}

impl Command {
    fn parse(line: &str) -> Option<Self> {
        match line.split_once(' ')? {
            ("unplug", name) => Some(Self::Unplug(name.trim().to_owned())),
            ("plug", name) => Some(Self::Plug(name.trim().to_owned())),
            _other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_a_word_and_a_line() {
        assert_eq!(Command::parse("unplug line1"), Some(Command::Unplug("line1".into())));
        assert_eq!(Command::parse("plug line1"), Some(Command::Plug("line1".into())));
        assert_eq!(Command::parse("unplug"), None);
        assert_eq!(Command::parse("hang up"), None);
    }
}
