//! Why a FAX comes although a mail address is known.
//!
//! Not here: when it is decided (`settle`), the words for it on the sheet, which speak to the office (`templates/fax`).

use super::names::stable_names;

/// The reason, as the sheet gives it to the office.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FaxBecause {
    /// The mail came back, or was refused, and the registered address is why: what to do about it is the office's.
    MailBounced,
    /// Nobody was seen to read it in time.
    MailUnread,
    /// It could not be sent, for a reason that says nothing about the address: no relay in time, a block list, a host
    /// that could not be reached.
    MailNotSent,
    /// The relay may have it or not, and nothing was heard since.
    MailUnsure,
}

stable_names!(FaxBecause {
    MailBounced => "mail-bounced",
    MailUnread => "mail-unread",
    MailNotSent => "mail-not-sent",
    MailUnsure => "mail-unsure",
});

impl FaxBecause {
    /// The same for whoever looks after the notification, one English sentence.
    pub const fn text(self) -> &'static str {
        match self {
            Self::MailBounced => "The registered mail address does not take mail.",
            Self::MailUnread => "Nobody was seen to log in after the mail.",
            Self::MailNotSent => {
                "The mail could not be sent; nothing says that its address is wrong."
            }
            Self::MailUnsure => "Whether the mail arrived is not known.",
        }
    }

    /// The same sentence in Japanese.
    pub const fn text_ja(self) -> &'static str {
        match self {
            Self::MailBounced => "登録されたアドレスにメールが届きませんでした。",
            Self::MailUnread => "メールの送信後、ログインが確認されませんでした。",
            Self::MailNotSent => "メールを送信できませんでした（アドレスの誤りとは限りません）。",
            Self::MailUnsure => "メールが届いたか確認できませんでした。",
        }
    }
}
