//! A name server of a few lines: a table of records, and answers that no honest server gives.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// A record that a name has.
#[derive(Clone)]
pub enum Record {
    Txt(String),
    Mx(u16, &'static str),
    Address(IpAddr),
}

/// Names and what they have.
#[derive(Clone, Default)]
pub struct Zone(HashMap<String, Vec<Record>>);

impl Zone {
    pub fn txt(self, name: &str, text: impl Into<String>) -> Self {
        self.with(name, Record::Txt(text.into()))
    }

    pub fn mx(self, name: &str, preference: u16, host: &'static str) -> Self {
        self.with(name, Record::Mx(preference, host))
    }

    pub fn address(self, name: &str, address: &str) -> Self {
        self.with(name, Record::Address(address.parse().expect("an address")))
    }

    fn with(mut self, name: &str, record: Record) -> Self {
        self.0.entry(name.to_owned()).or_default().push(record);
        self
    }

    /// What an honest server says to a question.
    fn answer(&self, question: &[u8]) -> Vec<u8> {
        let (name, end) = name_in(question);
        let wanted = u16::from_be_bytes([question[end], question[end + 1]]);
        let all = self.0.get(&name);
        let records: Vec<Vec<u8>> = all
            .into_iter()
            .flatten()
            .filter(|record| record.kind() == wanted)
            .map(Record::octets)
            .collect();
        let code = if all.is_some() { 0 } else { 3 };
        let mut answer = [&question[..2], &[0x81, 0x80 | code, 0, 1]].concat();
        answer.extend(u16::try_from(records.len()).expect("few").to_be_bytes());
        answer.extend([0; 4]);
        answer.extend(&question[12..end + 4]);
        answer.extend(records.concat());
        answer
    }
}

impl Record {
    fn kind(&self) -> u16 {
        match self {
            Self::Address(IpAddr::V4(_)) => 1,
            Self::Mx(..) => 15,
            Self::Txt(_) => 16,
            Self::Address(IpAddr::V6(_)) => 28,
        }
    }

    fn octets(&self) -> Vec<u8> {
        let data = match self {
            Self::Address(IpAddr::V4(address)) => address.octets().to_vec(),
            Self::Address(IpAddr::V6(address)) => address.octets().to_vec(),
            Self::Mx(preference, host) => {
                let mut data = preference.to_be_bytes().to_vec();
                for label in host.split('.').filter(|label| !label.is_empty()) {
                    data.push(u8::try_from(label.len()).expect("a label"));
                    data.extend(label.as_bytes());
                }
                data.push(0);
                data
            }
            Self::Txt(text) => {
                let string =
                    |part: &[u8]| [&[u8::try_from(part.len()).unwrap_or(255)], part].concat();
                text.as_bytes().chunks(255).flat_map(string).collect()
            }
        };
        let mut octets = vec![0xc0, 12];
        octets.extend(self.kind().to_be_bytes());
        octets.extend([0, 1, 0, 0, 0, 60]);
        octets.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        octets.extend(data);
        octets
    }
}

/// The name asked for, in small letters, and where the question's type begins.
fn name_in(question: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while question[at] != 0 {
        let label = &question[at + 1..=at + usize::from(question[at])];
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += 1 + label.len();
    }
    (labels.join("."), at + 1)
}

/// Serves a zone by UDP, and by TCP what is longer than a datagram.
pub async fn serve(zone: Zone) -> SocketAddr {
    let zone = Arc::new(zone);
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = udp.local_addr().expect("an address");
        if let Ok(tcp) = TcpListener::bind(address).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().expect("an address");
    let of_udp = Arc::clone(&zone);
    tokio::spawn(answer_with(udp, move |question| {
        let mut answer = of_udp.answer(question);
        if answer.len() > 512 {
            answer[2] |= 2; // TC: ask again by TCP
            answer[6..8].fill(0);
            answer.truncate(name_in(question).1 + 4);
        }
        Some(answer)
    }));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let zone = Arc::clone(&zone);
            tokio::spawn(async move {
                while let Ok(length) = stream.read_u16().await {
                    let mut question = vec![0; usize::from(length)];
                    let _ = stream.read_exact(&mut question).await;
                    let answer = zone.answer(&question);
                    let length = u16::try_from(answer.len()).expect("less than 64 KiB");
                    let _ = stream.write_all(&[&length.to_be_bytes()[..], &answer].concat()).await;
                }
            });
        }
    });
    address
}

/// A server by UDP that says whatever this says.
pub async fn strange(say: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = udp.local_addr().expect("an address");
    tokio::spawn(answer_with(udp, say));
    address
}

async fn answer_with(udp: UdpSocket, say: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    let mut question = [0; 4096];
    while let Ok((length, from)) = udp.recv_from(&mut question).await {
        if let Some(answer) = say(&question[..length]) {
            let _ = udp.send_to(&answer, from).await;
        }
    }
}
