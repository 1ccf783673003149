//! `shirase check mail`: relay and mailbox as the daemon uses them, and what receivers find in the DNS.
//!
//! Nothing is sent and nothing moved: the relay is asked up to the recipient, and hung up on.
//! Not here: what the findings mean (`judge.rs`), how they are found out (`drivers/mail`).

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use ::mail::TokenKey;
use ::mail::check::{
    DkimRecord, DmarcRecord, Names, Spf, USUAL_SELECTORS, same_organization, upwards,
};
use ::mail::mailbox::{Interrupt, Mailbox, MailboxError};
use ::mail::smtp::{Look, Outcome, Relay};

use super::judge::{self, Alignment, SendsFrom, Signature};
use super::{Finding, Mark, Report, Thing};
use crate::app::clock::{Clock, SystemClock};
use crate::app::exit::{Exit, Failure};
use crate::app::settings::{self, Settings};

/// For one question to the DNS. Chosen: a resolver that is well needs less than 2 s for a name nobody has asked for yet.
const DNS_WITHIN: Duration = Duration::from_secs(10);

/// Look at the mail channel as it is set: does the relay take our mail, can receipts be read, and will receivers believe
/// us? As root, with CREDENTIALS_DIRECTORY=/etc/shirase/credentials if the passwords are there. The status is 0 unless
/// something is wrong; what cannot be told from here, such as a DNS that does not answer, is shown and is no fault.
#[derive(clap::Args, Default)]
pub struct Mail {
    /// The DNS server to ask, such as 192.0.2.1:53. Those of this machine.
    #[arg(long, value_name = "ADDRESS:PORT")]
    resolver: Option<SocketAddr>,
    /// The name of the key with which the relay signs (DKIM). Some usual names are tried.
    #[arg(long, value_name = "NAME")]
    selector: Option<String>,
    /// The address from which the relay sends to the world, if it is another than the one it listens on.
    #[arg(long, value_name = "ADDRESS")]
    sends_from: Option<IpAddr>,
}

impl Mail {
    /// # Errors
    /// [`Failure`]: no mail channel in the settings, or a secret that cannot be read.
    pub(super) async fn run(self, config: &Path) -> Result<Report, Failure> {
        let settings = Settings::load(config)?;
        let Some(mail) = settings.mail else {
            let message = format!(
                "{}: there is no [mail] in it, so every notice goes by FAX",
                config.display()
            );
            return Err(Failure::new(Exit::Settings, message));
        };
        let names = Names::new(self.resolver, DNS_WITHIN).map_err(|error| {
            Failure::new(Exit::Settings, format!("{error}; --resolver ADDRESS:PORT asks one"))
        })?;
        let mut report = Report::default();
        let look = look(&mail).await?;
        report.add(judge::relay(&look, &mail.relay, SystemClock.now()));
        report.add(judge::inbox(&inbox(&mail.inbox).await?, &mail.inbox));
        let peer = look.ok().map(|look| look.offers.peer.ip());
        self.domains(&names, &mail, peer, &mut report).await;
        let (relay, inbox) = (&mail.relay, &mail.inbox);
        report.add(judge::fence(&[
            (&relay.host, addresses(&relay.host, relay.port).await),
            (&inbox.host, addresses(&inbox.host, inbox.port).await),
        ]));
        Ok(report)
    }

    async fn domains(
        &self,
        names: &Names,
        mail: &settings::Mail,
        peer: Option<IpAddr>,
        report: &mut Report,
    ) {
        let (from, returns) = (mail.from.domain(), mail.receipts.domain());
        report.add([mail_hosts(names, from).await]);
        if returns != from {
            report.add([mail_hosts(names, returns).await]);
        }
        let sends_from = SendsFrom::of(self.sends_from, peer);
        let spf = Spf::look(names, returns, sends_from.address()).await;
        report.add(judge::spf(returns, &spf, sends_from));
        report.add([self.signature(names, from).await]);
        let dmarc = DmarcRecord::look(names, from).await;
        let alignment = match same_organization(names, from, returns).await {
            Ok(same) => Ok(Alignment { equal: from == returns, same }),
            Err(why) => Err(why),
        };
        report.add([judge::dmarc(from, returns, dmarc, alignment)]);
    }

    /// Looks for the key at the sender's domain and above: a signature for the organization counts as well.
    async fn signature(&self, names: &Names, domain: &str) -> Finding {
        let named = self.selector.as_deref();
        let selectors = named.as_ref().map_or(USUAL_SELECTORS, std::slice::from_ref);
        for at in upwards(domain) {
            for selector in selectors {
                match DkimRecord::look(names, selector, at).await {
                    Ok(DkimRecord::Nothing) => {}
                    record => {
                        let guessed = named.is_none();
                        let key = Signature::Found { selector, at, guessed, record };
                        return judge::dkim(domain, &key);
                    }
                }
            }
        }
        judge::dkim(domain, &named.map_or(Signature::NoneUsual, Signature::NotThere))
    }
}

/// Asks the relay as for a mail to our own receipts: the one mailbox of which we know that it should be there.
async fn look(mail: &settings::Mail) -> Result<Result<Look, Outcome>, Failure> {
    let relay = Relay::new(mail.relay()?)
        .map_err(|error| Failure::new(Exit::Settings, format!("mail.relay.ca_file: {error}")))?;
    // A key that nobody has: what comes back for it is taken for a forgery.
    let address = mail.receipts.of(&TokenKey::new([0; 32]).mint([0; 16]));
    Ok(relay.look(&address, &address).await)
}

/// Opens the mailbox as the daemon does. Nothing in it is changed.
async fn inbox(
    settings: &settings::Inbox,
) -> Result<Result<judge::InboxSeen, MailboxError>, Failure> {
    let (mailbox, sent_folder) = (settings.mailbox()?, settings.sent_folder.clone());
    // The mailbox blocks.
    let look = move || {
        let mut mailbox = Mailbox::open(&mailbox, &Interrupt::default())?;
        let mails = mailbox.mails();
        let sent_folder = sent_folder.map(|folder| mailbox.sent(&folder, &[]).map(drop));
        let (offers, done_folder) = (mailbox.offers(), mailbox.has_done_folder()?);
        mailbox.leave();
        Ok(judge::InboxSeen { offers, mails, done_folder, sent_folder })
    };
    tokio::task::spawn_blocking(look)
        .await
        .map_err(|error| Failure::new(Exit::Internal, format!("the mailbox: {error}")))
}

/// As this machine finds them, and so the daemon. None of a name that is not found: then it was not reached either.
async fn addresses(host: &str, port: u16) -> Vec<IpAddr> {
    let found = tokio::net::lookup_host((host, port)).await;
    found.map_or_else(|_not_found| Vec::new(), |found| found.map(|address| address.ip()).collect())
}

async fn mail_hosts(names: &Names, domain: &str) -> Finding {
    let hosts = names.mail_hosts(domain).await;
    let addresses = match &hosts {
        Ok(hosts) if hosts.is_empty() => names.addresses(domain).await,
        Ok(_) | Err(_) => Ok(Vec::new()),
    };
    match (hosts, addresses) {
        (Ok(hosts), Ok(addresses)) => judge::mail_hosts(domain, &hosts, &addresses),
        (Err(why), _) | (_, Err(why)) => {
            judge::unanswered(Mark::Open, Thing::MailHosts, domain, &why)
        }
    }
}
