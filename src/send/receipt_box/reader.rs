//! What a mail of the receipt box says.
//!
//! In: its octets, from anybody. Out: a receipt, or which other kind of mail it is.
//! Not here: how a report is read (`drivers/mail`), what a receipt changes (`settle/receipts.rs`).

use std::sync::Arc;

use mail::TokenKey;
use mail::provider::{Answer, Provider, Said, read_answer};
use mail::report::Content;
use serde_json::json;

use crate::send::mailbox_board::Fate;
use crate::settle::receipts::{self, FaxFailure, Receipt, Report};

/// What a mail of the box says.
pub struct Reader {
    pub key: TokenKey,
    /// Services that send a fax for a mail, and answer by mail.
    pub providers: Vec<Arc<Provider>>,
}

impl Reader {
    /// A receipt, or what else the mail is.
    pub(in crate::send) fn read(&self, octets: &[u8]) -> Result<Receipt, Fate> {
        let mut providers = self.providers.iter();
        if let Some(answer) =
            providers.find_map(|provider| read_answer(octets, provider, &self.key))
        {
            return Ok(of_answer(&answer));
        }
        let reading = mail::read(octets, &self.key);
        receipts::receipt_of(&reading).ok_or(match reading.content {
            Content::Automatic => Fate::Automatic,
            Content::Delivery(_) | Content::Disposition(_) | Content::Unusable(_) => {
                Fate::ForeignReport
            }
            Content::Unstructured | Content::Other => Fate::Other,
        })
    }
}

fn of_answer(answer: &Answer) -> Receipt {
    let report = match answer.said {
        Said::Sent => Report::FaxSent { pages: answer.pages },
        Said::Busy => Report::FaxFailed(FaxFailure::Busy),
        Said::NoAnswer => Report::FaxFailed(FaxFailure::NoAnswer),
        Said::NoFax => Report::FaxFailed(FaxFailure::NoFax),
        Said::Failed => Report::FaxFailed(FaxFailure::Failed),
        // It has it, and tells no more as yet.
        Said::Accepted => Report::Relayed,
    };
    let detail = json!({ "pages": answer.pages, "number_ends": answer.number_ends });
    Receipt { token: answer.about, report, detail }
}
