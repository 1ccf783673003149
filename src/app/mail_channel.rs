//! The running mail channel, as the rest of the program sees it: started, watched, stopped.
//!
//! In: `[mail]` of the settings. Out: its lanes, its mailbox for receipts, its texts, and what the hook shows of them.
//! Not here: what a lane does (`schedule/mail_lanes.rs`), how a mail goes (`send/mail.rs`), how receipts are read
//! (`send/receipt_box.rs`).

use std::fmt;
use std::sync::Arc;

use mail::TokenKey;
use mail::smtp::Relay;
use tokio::runtime::Handle;

use super::exit::{Exit, Failure};
use super::secrets::{self, MASTER_KEY_OCTETS};
use super::settings::{Mail, Settings};
use super::systemd::{Heartbeats, Pulse};
use crate::hook::MailBoards;
use crate::queue::Alarm;
use crate::render::{Folders, Letters};
use crate::schedule::lines::Bell;
use crate::schedule::mail_board::{MailBoard, RelayState};
use crate::schedule::mail_lanes::{Lanes, LanesHandle};
use crate::send::LineFault;
use crate::send::mail::MailDesk;
use crate::send::receipt_box::{self, Reader, ReceiptBox};

/// Says what the derived key is for.
const TOKENS: &[u8] = b"shirase: tokens in the return paths of mails, 1";

/// The key by which reports prove that they are about a mail of ours. Another master key makes all that are under way
/// strangers.
pub fn token_key(master_key: &[u8; MASTER_KEY_OCTETS]) -> TokenKey {
    TokenKey::new(*secrets::derived_key(master_key, TOKENS))
}

/// Reads and tries the texts of mails, if there are any.
pub fn letters(settings: &Settings) -> Option<Arc<Letters>> {
    let mail = settings.mail.as_ref()?;
    let folders =
        Folders { mails: mail.templates.clone(), sheets: settings.sheet.templates.clone() };
    Some(Arc::new(Letters::new(settings.site.face(), folders, mail.face())))
}

/// The lanes and the mailbox, and what is known of them.
pub struct MailChannel {
    board: MailBoard,
    lanes: LanesHandle,
    receipts: ReceiptBox,
}

impl MailChannel {
    /// Starts the lanes and the mailbox. Servers that do not answer are waited for, and so are passwords and certificates
    /// that cannot be read: FAX goes on without them.
    ///
    /// # Errors
    /// [`Failure`] if the system gives no thread.
    pub fn start(
        settings: &Mail,
        reader: Reader,
        desk: MailDesk,
        bell: Arc<Bell>,
        hearts: &Heartbeats,
        alarm: &Alarm,
        runtime: &Handle,
    ) -> Result<Self, Failure> {
        let receipts = ReceiptBox::start(receipt_box::Parts {
            store: Box::new(Arc::clone(&desk.queue)),
            open: receipt_box::opener(settings.inbox.clone()),
            reader,
            sent_folder: settings.inbox.sent_folder.clone(),
            clock: Arc::clone(&desk.clock),
            alarm: alarm.clone(),
        })
        .map_err(|error| Failure::new(Exit::Internal, format!("mailbox: {error}")))?;
        hearts.watch("mailbox", receipts.turns());
        let relay = format!("{}:{}", settings.relay.host, settings.relay.port);
        let board = MailBoard::new(relay, settings.relay.connections, desk.clock.now());
        let pulse = Pulse::default();
        let (watched, shown, clock) = (pulse.clone(), board.clone(), Arc::clone(&desk.clock));
        hearts.watch("mail", move || match shown.status(clock.now()).state {
            RelayState::Starting | RelayState::Ready | RelayState::Faulty(_) => {
                Some(watched.turns())
            }
            RelayState::Stopped => None,
        });
        let kept = settings.clone();
        let lanes = Lanes {
            desk: Arc::new(desk),
            opens: Arc::new(move || open_relay(&kept)),
            lanes: settings.relay.connections,
            per_domain: settings.per_domain,
            fax_after: settings.fax_after_hours.0,
            bell,
            alarm: alarm.clone(),
            board: board.clone(),
            pulse,
        };
        Ok(Self { board, lanes: lanes.start(runtime), receipts })
    }

    /// For those who look at it.
    pub fn boards(&self) -> MailBoards {
        MailBoards { relay: Some(self.board.clone()), inbox: Some(self.receipts.board().clone()) }
    }

    /// Waits until the last mail is settled; the bell has to be stopped first.
    pub fn stop(mut self, runtime: &Handle) {
        self.receipts.stop();
        runtime.block_on(self.lanes.join());
    }
}

/// The way to the relay, with password and certificates as their files have them now.
pub fn open_relay(settings: &Mail) -> Result<Relay, LineFault> {
    let relay = settings.relay().map_err(|error| file_fault(&error))?;
    Relay::new(relay).map_err(|error| match &settings.relay.ca_file {
        Some(path) => file_fault(&format_args!("{}: {error}", path.display())),
        None => file_fault(&error),
    })
}

/// A password, a code or certificates cannot be used; `what` names the file. It is waited for: another service may write
/// it later than we start.
pub fn file_fault(what: &dyn fmt::Display) -> LineFault {
    let message = format!("{what}: mend the file, it is read again by itself");
    LineFault { code: "mail-settings", message }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::app::settings::tests::{LEAST, parse};

    #[test]
    fn password_that_is_written_late_keeps_the_relay_waiting_and_is_then_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("password");
        let login = |table: &str| {
            let file = path.display();
            format!(
                "[mail.{table}.login]\nmechanism = \"plain\"\nuser = \"u\"\npassword_file = \"{file}\"\n"
            )
        };
        let mail = format!(
            "[mail]\nfrom = \"n@example.jp\"\nreceipts = \"r@example.jp\"\n\
             [mail.relay]\nhost = \"relay.example.jp\"\n{}[mail.inbox]\nhost = \"mail.example.jp\"\n{}",
            login("relay"),
            login("inbox"),
        );
        let settings = parse(&format!("{LEAST}{mail}")).expect("settings");
        let mail = settings.mail.expect("mail");
        let fault = open_relay(&mail).err().expect("no password");
        assert!(fault.is_absence() && fault.code == "mail-settings", "{fault}");
        assert!(fault.message.starts_with(&path.display().to_string()), "{fault}");
        std::fs::write(&path, "s3cret\n").expect("a file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
        assert!(open_relay(&mail).is_ok());
    }

    #[test]
    fn tokens_are_made_with_a_key_of_their_own_that_follows_from_the_master_key() {
        let token = token_key(&[1; 32]).mint([2; 16]);
        assert_eq!(token_key(&[1; 32]).open(token.as_str()), Some([2; 16]));
        assert_eq!(token_key(&[2; 32]).open(token.as_str()), None);
        assert_eq!(TokenKey::new([1; 32]).open(token.as_str()), None, "the master key makes none");
    }
}
