//! The mail by which a page goes to a mail-to-fax service.
//!
//! In: a [`Provider`], which is a [`Profile`] and an [`Account`] with the service; a [`Fax`]. Out: a mail for a relay, or why there is none.
//! The mail is taken apart again before anybody gets it: what a reader finds attached is the file that was given, octet
//! for octet, under the number that was asked for.
//! Not here: the page as a file (the caller, and `pdf.rs`), whether it may go this way (`src/office`).

use std::fmt;
use std::time::SystemTime;

use mail_parser::{MessageParser, MimeHeaders};
use zeroize::Zeroizing;

use super::profile::{Profile, Sender};
use super::template::{Field, Values};
use crate::message::{self, Charset, File, Letter, LetterError};
use crate::smtp::Outgoing;
use crate::{Address, AddressError, ReturnPath, Token, TokenKey};

/// What a struck-out code shows.
const STRUCK: &str = "***";

/// What is agreed with the service. `Debug` shows no code.
pub struct Account {
    /// The sender that the service knows.
    pub from: Address,
    /// Where answers and reports go.
    pub return_path: ReturnPath,
    /// The gateway's domain, if the profile needs it.
    pub gateway: Option<String>,
    /// The account's name, if the profile needs it.
    pub account: Option<String>,
    /// The secret behind it, if the profile needs it.
    pub code: Option<Zeroizing<String>>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}

/// One page for one number.
pub struct Fax<'a> {
    /// The number as it is dialled inside the country, digits only.
    pub national: &'a str,
    /// The same with its country code, digits only.
    pub international: &'a str,
    /// The page in the form that [`Profile::attachment`] says.
    pub file: &'a [u8],
    /// Names the attempt.
    pub token: &'a Token,
    /// When it was written.
    pub date: SystemTime,
}

/// Why there is no mail. The fault of the settings, or ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FaxLetterError {
    /// The profile needs something that the account does not have.
    #[error("the profile needs {{{}}}, and the settings give none", .0.name())]
    Missing(Field),
    /// Number, account, code and gateway make no address together.
    #[error("the address for the gateway is none: {0}")]
    Address(AddressError),
    /// The letter is none.
    #[error(transparent)]
    Letter(#[from] LetterError),
    /// Read again, the mail does not have the page.
    #[error("the page that is attached is not the page that was drawn")]
    Changed,
}

impl FaxLetterError {
    /// A name for the reason that never changes its meaning.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing(_) => "provider-field-missing",
            Self::Address(error) => error.code(),
            Self::Letter(error) => error.code(),
            Self::Changed => "provider-page-changed",
        }
    }
}

/// A service and what is agreed with it.
#[derive(Debug)]
pub struct Provider {
    pub(super) profile: Profile,
    pub(super) account: Account,
}

impl Provider {
    /// Takes both, if the account has all that a mail of this profile needs, and a mail to some number can be written
    /// with it.
    ///
    /// # Errors
    /// [`FaxLetterError`].
    pub fn new(profile: Profile, account: Account) -> Result<Self, FaxLetterError> {
        let has = [
            (Field::Gateway, account.gateway.is_some()),
            (Field::Account, account.account.is_some()),
            (Field::Code, account.code.is_some()),
        ];
        let missing = has.into_iter().find(|(field, given)| profile.needs(*field) && !given);
        if let Some((field, _)) = missing {
            return Err(FaxLetterError::Missing(field));
        }
        let provider = Self { profile, account };
        // Of eleven digits, as the longest are. It goes nowhere.
        let trial = Fax {
            national: "05012345678",
            international: "815012345678",
            file: b"page",
            token: &TokenKey::new([0; 32]).mint([0; 16]),
            date: SystemTime::UNIX_EPOCH,
        };
        provider.write(&trial).map(|_| provider)
    }

    /// What the service wants and answers.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The words of a relay, the code struck out of them: some repeat what they were told.
    #[must_use]
    pub fn strike(&self, words: &str) -> String {
        match self.account.code.as_deref().filter(|code| !code.is_empty()) {
            Some(code) => words.replace(code.as_str(), STRUCK),
            None => words.to_owned(),
        }
    }

    /// Writes the mail.
    ///
    /// # Errors
    /// [`FaxLetterError`].
    pub fn write(&self, fax: &Fax<'_>) -> Result<Outgoing, FaxLetterError> {
        let Self { profile, account } = self;
        let values = Values {
            international: fax.international,
            national: fax.national,
            gateway: account.gateway.as_deref().unwrap_or_default(),
            account: account.account.as_deref().unwrap_or_default(),
            code: account.code.as_ref().map_or("", |code| code.as_str()),
            token: fax.token.as_str(),
        };
        let to = Address::parse(&profile.to.fill(&values)).map_err(FaxLetterError::Address)?;
        let of_attempt = account.return_path.of(fax.token);
        let address = |sender| match sender {
            Sender::Registered => &account.from,
            Sender::Attempt => &of_attempt,
        };
        let octets = message::compose(&Letter {
            from_name: "",
            from: address(profile.from),
            to: &to,
            subject: &profile.subject.fill(&values),
            text: &profile.text.fill(&values),
            html: None,
            attachment: Some(File {
                name: &profile.file_name,
                media_type: profile.attachment.media_type(),
                octets: fax.file.to_vec(),
            }),
            token: fax.token,
            date: fax.date,
            ask_displayed: None,
            reply_to: Some(&of_attempt),
            charset: Charset::Utf8, // it is all ASCII
        })?;
        if !shows(&octets, &to, fax.file) {
            return Err(FaxLetterError::Changed);
        }
        Outgoing::new(address(profile.return_path).clone(), to, fax.token, octets)
            .map_err(|_| FaxLetterError::Changed)
    }
}

/// Whether a reader finds this file, and no other one, in a mail to this address.
fn shows(octets: &[u8], to: &Address, file: &[u8]) -> bool {
    let Some(read) = MessageParser::default().parse(octets) else { return false };
    let addressed = read.to().and_then(|to| to.first()).and_then(|to| to.address());
    let mut attached = read.attachments();
    let is_it = attached
        .next()
        .is_some_and(|part| part.contents() == file && part.attachment_name().is_some());
    is_it && attached.next().is_none() && addressed == Some(to.as_str())
}
