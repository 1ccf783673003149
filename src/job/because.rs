//! Why a FAX comes although a mail address is known.
//!
//! Not here: when it is decided (`settle`), the words for it on the sheet (`templates/fax`).

use super::names::stable_names;

/// The reason, as the sheet gives it to the office.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FaxBecause {
    /// The mail came back.
    MailBounced,
    /// Nobody was seen to read it in time.
    MailUnread,
    /// It could not be handed to the relay, and there is no more time.
    MailNotSent,
}

stable_names!(FaxBecause {
    MailBounced => "mail-bounced",
    MailUnread => "mail-unread",
    MailNotSent => "mail-not-sent",
});
