//! The way to the relay: at times nobody is there, at times it says an octet a second, at times it breaks off wherever it
//! likes, and in between it is open.
//!
//! In: the address that the gateway knows, and that of the relay behind. Out: how often it was not open.
//! Not here: the relay itself, which logs what it took (`tests/crash/post_office.rs`).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::chance::Chance;

const BETWEEN_OCTETS: Duration = Duration::from_secs(1);
/// A mail and what is said around it: some break off before, some after.
const ASKED_OCTETS: u64 = 6000;
const SAID_OCTETS: u64 = 160;

pub struct Gate {
    pub front: SocketAddr,
    pub back: SocketAddr,
    /// Each way of being lasts no longer.
    pub longest: Duration,
    pub troubles: AtomicU64,
}

#[derive(Clone, Copy)]
enum Way {
    Open,
    Shut,
    Drips,
    BreaksOff,
}

impl Gate {
    /// Never ends.
    pub async fn open_and_shut(&self, mut chance: Chance) {
        for trouble in [Way::Shut, Way::Drips, Way::BreaksOff].into_iter().cycle() {
            self.troubles.fetch_add(1, Ordering::Relaxed);
            for way in [trouble, Way::Open] {
                let lasts = chance.up_to(self.longest);
                let _time_is_up = timeout(lasts, self.be(way, &mut chance)).await;
            }
        }
    }

    /// Never ends.
    pub async fn stay_open(&self) {
        self.be(Way::Open, &mut Chance::new(0, 0)).await;
    }

    /// Whoever is in it when this is dropped is cut off.
    async fn be(&self, way: Way, chance: &mut Chance) {
        if matches!(way, Way::Shut) {
            return std::future::pending().await;
        }
        let listener = TcpListener::bind(self.front).await.expect("an address of this machine");
        let mut inside = JoinSet::new();
        loop {
            let Ok((client, _)) = listener.accept().await else { continue };
            let (asked, said) = (chance.below(ASKED_OCTETS), chance.below(SAID_OCTETS));
            let back = self.back;
            inside.spawn(async move {
                let Ok(relay) = TcpStream::connect(back).await else { return };
                pass(client, relay, way, asked, said).await;
            });
            while inside.try_join_next().is_some() {}
        }
    }
}

async fn pass(mut client: TcpStream, mut relay: TcpStream, way: Way, asked: u64, said: u64) {
    match way {
        Way::Open => drop(copy_bidirectional(&mut client, &mut relay).await),
        Way::Shut => {}
        Way::BreaksOff => {
            let ((from_client, mut to_client), (from_relay, mut to_relay)) =
                (client.split(), relay.split());
            let (mut asked, mut said) = (from_client.take(asked), from_relay.take(said));
            tokio::select! {
                _ = copy(&mut asked, &mut to_relay) => {}
                _ = copy(&mut said, &mut to_client) => {}
            }
        }
        Way::Drips => {
            let mut octet = [0];
            while relay.read_exact(&mut octet).await.is_ok()
                && client.write_all(&octet).await.is_ok()
            {
                sleep(BETWEEN_OCTETS).await;
            }
        }
    }
}
