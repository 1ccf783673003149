//! A relay that does what a story says, on as many connections as come.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::timeout;

use super::SOON;

/// What it says to the final dot.
#[derive(Clone, Copy)]
pub(super) enum Dot {
    Says(&'static str),
    /// It hangs up instead.
    HangsUp,
}

/// How it behaves now.
pub(super) struct Rules {
    /// It lets nobody in, and hangs up on whoever says something.
    pub(super) is_down: bool,
    pub(super) sender: &'static str,
    /// What it says to recipients of these domains, if anything before it hangs up; 250 to others.
    pub(super) domains: HashMap<&'static str, &'static str>,
    pub(super) dot: Dot,
}

/// What it hears.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Heard {
    Connection,
    /// Domain of the recipient.
    Recipient(String),
    /// Domain of the recipient, and the mail; said before the reply to the dot.
    Mail(String, String),
}

pub(super) struct FakeRelay {
    pub(super) port: u16,
    rules: Arc<Mutex<Rules>>,
    heard: UnboundedReceiver<Heard>,
    /// While true it does not reply to recipients.
    waits_at_recipient: watch::Sender<bool>,
    /// While true it does not reply to dots.
    waits_at_dot: watch::Sender<bool>,
}

impl FakeRelay {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let rules = Arc::new(Mutex::new(Rules {
            is_down: false,
            sender: "250 ok",
            domains: HashMap::new(),
            dot: Dot::Says("250 2.0.0 ok: queued as 4ABC"),
        }));
        let (tell, heard) = unbounded_channel();
        let (waits_at_recipient, at_recipient) = watch::channel(false);
        let (waits_at_dot, at_dot) = watch::channel(false);
        let kept = Arc::clone(&rules);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (rules, tell) = (Arc::clone(&rules), tell.clone());
                let waits = (at_recipient.clone(), at_dot.clone());
                tokio::spawn(async move { talk(stream, &rules, &tell, waits).await });
            }
        });
        Self { port, rules: kept, heard, waits_at_recipient, waits_at_dot }
    }

    pub(super) fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().expect("rules")
    }

    pub(super) fn wait_at_recipient(&self, waits: bool) {
        self.waits_at_recipient.send_replace(waits);
    }

    pub(super) fn wait_at_dot(&self, waits: bool) {
        self.waits_at_dot.send_replace(waits);
    }

    pub(super) async fn next(&mut self) -> Heard {
        let heard = timeout(SOON, self.heard.recv()).await;
        heard.expect("the relay is told something").expect("it runs")
    }

    /// The next recipient; connections and mails before it are passed over.
    pub(super) async fn next_recipient(&mut self) -> String {
        loop {
            if let Heard::Recipient(domain) = self.next().await {
                return domain;
            }
        }
    }

    /// The next mail; connections and recipients before it are passed over.
    pub(super) async fn next_mail(&mut self) -> (String, String) {
        loop {
            if let Heard::Mail(domain, mail) = self.next().await {
                return (domain, mail);
            }
        }
    }

    /// All that it has heard and nobody asked for.
    pub(super) fn unasked(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }
}

async fn talk(
    stream: TcpStream,
    rules: &Mutex<Rules>,
    tell: &UnboundedSender<Heard>,
    (mut at_recipient, mut at_dot): (watch::Receiver<bool>, watch::Receiver<bool>),
) -> Option<()> {
    let rules = || rules.lock().expect("rules");
    tell.send(Heard::Connection).ok()?;
    if rules().is_down {
        return None;
    }
    let mut stream = BufReader::new(stream);
    say(&mut stream, "220 relay").await?;
    let mut domain = String::new();
    loop {
        let line = hear(&mut stream).await?;
        if rules().is_down {
            return None;
        }
        let verb = line.split([' ', '\r']).next().unwrap_or_default();
        match verb {
            "EHLO" => say(&mut stream, "250-relay\r\n250 DSN").await?,
            "MAIL" => {
                let said = rules().sender;
                say(&mut stream, said).await?;
            }
            "RCPT" => {
                let (_, rest) = line.split_once('@')?;
                domain = rest.split('>').next()?.to_owned();
                tell.send(Heard::Recipient(domain.clone())).ok()?;
                at_recipient.wait_for(|waits| !*waits).await.ok()?;
                let said = rules().domains.get(domain.as_str()).copied().unwrap_or("250 ok");
                if said.is_empty() {
                    return None;
                }
                say(&mut stream, said).await?;
            }
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let mut content = String::new();
                while !content.ends_with("\r\n.\r\n") {
                    content += &hear(&mut stream).await?;
                }
                tell.send(Heard::Mail(domain.clone(), content)).ok()?;
                at_dot.wait_for(|waits| !*waits).await.ok()?;
                let dot = rules().dot;
                match dot {
                    Dot::Says(words) => say(&mut stream, words).await?,
                    Dot::HangsUp => return None,
                }
            }
            "QUIT" => {
                say(&mut stream, "221 bye").await?;
                return None;
            }
            _ => say(&mut stream, "250 ok").await?,
        }
    }
}

async fn hear(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).await.ok()?;
    (length > 0).then_some(line)
}

async fn say(stream: &mut BufReader<TcpStream>, words: &str) -> Option<()> {
    stream.write_all(format!("{words}\r\n").as_bytes()).await.ok()
}
