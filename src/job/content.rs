//! What a notification has to say: the kinds of sheets, and what each of them carries.
//!
//! In: values that `hook` or the store has parsed. Out: [`Content`], in which a secret stands in the sheets that
//! are made for it and nowhere else: what takes a [`Notice`] cannot be handed one.
//! Not here: a sheet that tries a line belongs to nobody's notification (`render`).

use super::names::stable_names;
use super::{Credentials, Document, IfUncertain, MailHint};

/// Which sheet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Login ID, password and first-time key for an office that knows nothing of the exchange.
    FirstContact,
    /// New ones in place of the old, which are void.
    CredentialsReissued,
    /// Documents wait on the site.
    Document,
    /// A message waits on the site.
    Message,
    /// From the next notice on by e-mail: the last FAX.
    ChannelChanged,
    /// Is this the number of this office? Says nothing else.
    NumberProof,
}

stable_names!(Kind {
    FirstContact => "first_contact",
    CredentialsReissued => "credentials_reissued",
    Document => "document",
    Message => "message",
    ChannelChanged => "channel_changed",
    NumberProof => "number_proof",
});

impl Kind {
    /// Whether whoever picks up the sheet holds a key.
    pub fn has_secret(self) -> bool {
        match self {
            Self::FirstContact | Self::CredentialsReissued => true,
            Self::Document | Self::Message | Self::ChannelChanged | Self::NumberProof => false,
        }
    }
}

/// What the sheet says.
#[derive(Clone, Debug)]
pub enum Content {
    /// On paper only, once; but if whoever sends it says otherwise, or decides so later.
    Keys(Keys),
    /// Nothing that somebody could use who should not have it.
    Notice(Notice),
}

/// A sheet with credentials.
#[derive(Clone, Debug)]
pub struct Keys {
    pub credentials: Credentials,
    pub occasion: Occasion,
    pub if_uncertain: IfUncertain,
}

/// Why credentials are sent.
#[derive(Clone, Debug)]
pub enum Occasion {
    FirstContact { documents: Vec<Document> },
    Reissued,
}

impl Occasion {
    pub fn kind(&self) -> Kind {
        match self {
            Self::FirstContact { .. } => Kind::FirstContact,
            Self::Reissued => Kind::CredentialsReissued,
        }
    }
}

/// A sheet without a secret.
#[derive(Clone, Debug)]
pub enum Notice {
    Document {
        documents: Vec<Document>,
    },
    Message,
    /// `mail_hint` reminds of the address that was registered, without giving it away.
    ChannelChanged {
        mail_hint: Option<MailHint>,
    },
    NumberProof,
}

impl Notice {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Document { .. } => Kind::Document,
            Self::Message => Kind::Message,
            Self::ChannelChanged { .. } => Kind::ChannelChanged,
            Self::NumberProof => Kind::NumberProof,
        }
    }
}

impl Content {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Keys(keys) => keys.occasion.kind(),
            Self::Notice(notice) => notice.kind(),
        }
    }

    pub fn credentials(&self) -> Option<&Credentials> {
        match self {
            Self::Keys(keys) => Some(&keys.credentials),
            Self::Notice(_) => None,
        }
    }

    /// What follows when nobody knows whether it is on paper; `None` of what has no key.
    pub fn if_uncertain(&self) -> Option<IfUncertain> {
        match self {
            Self::Keys(keys) => Some(keys.if_uncertain),
            Self::Notice(_) => None,
        }
    }

    /// What waits on the site; empty if the sheet does not say.
    pub fn documents(&self) -> &[Document] {
        match self {
            Self::Keys(Keys { occasion: Occasion::FirstContact { documents }, .. })
            | Self::Notice(Notice::Document { documents }) => documents,
            Self::Keys(Keys { occasion: Occasion::Reissued, .. })
            | Self::Notice(Notice::Message | Notice::ChannelChanged { .. } | Notice::NumberProof) => {
                &[]
            }
        }
    }

    pub fn mail_hint(&self) -> Option<&MailHint> {
        match self {
            Self::Notice(Notice::ChannelChanged { mail_hint }) => mail_hint.as_ref(),
            Self::Keys(_)
            | Self::Notice(Notice::Document { .. } | Notice::Message | Notice::NumberProof) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::examples;

    #[test]
    fn every_kind_has_its_content_and_secrets_stand_where_their_kind_says() {
        for kind in Kind::ALL {
            let job = examples::of(*kind);
            assert_eq!(job.kind(), *kind);
            assert_eq!(job.content.credentials().is_some(), kind.has_secret(), "{kind}");
        }
    }
}
