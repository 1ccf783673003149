//! Who is connected, and who has to go when the house is full.
//!
//! In: a network that wants a place. Out: a [`Guest`] that holds it, or a refusal.
//! Whoever is being served stays. Of the others (in a handshake, in the middle of a header or a body, idle between two
//! requests) the one that waits longest makes room: a crowd that says nothing drives out its own, and a client that says
//! at once what it wants gets its answer.
//! Not here: how long somebody may be silent (`limits.rs`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::caller::Network;
use super::limits::Limits;

/// Between two lines in the log that somebody had to go: a crowd that comes again and again is one matter.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The places of one house. Clones share them.
#[derive(Clone, Default)]
pub struct Guests(Arc<House>);

#[derive(Default)]
struct House {
    taken: Mutex<Taken>,
    /// Counts waits, so that the longest is the smallest.
    turn: AtomicU64,
}

#[derive(Default)]
struct Taken {
    places: Vec<Arc<Place>>,
    /// When the log was told last that somebody had to go.
    told: Option<Instant>,
}

impl Taken {
    /// Whether to tell it now.
    fn is_news(&mut self, now: Instant) -> bool {
        let is_news = self.told.is_none_or(|told| now.duration_since(told) >= TOLD_EVERY);
        if is_news {
            self.told = Some(now);
        }
        is_news
    }
}

struct Place {
    network: Network,
    /// [`SERVED`], or when it began to wait.
    waits_since: AtomicU64,
    go: Notify,
}

/// In place of a turn.
const SERVED: u64 = u64::MAX;

/// A place that is free again when this is dropped.
pub struct Guest {
    guests: Guests,
    place: Arc<Place>,
}

/// A request of a guest that is being served, until this is dropped.
pub struct Serving {
    guests: Guests,
    place: Arc<Place>,
}

impl Guests {
    /// Takes a place, if need be that of somebody who waits. `None`: all are being served.
    pub fn admit(&self, network: Network, limits: &Limits) -> Option<Guest> {
        let place =
            Place { network, waits_since: AtomicU64::new(self.next_turn()), go: Notify::new() };
        let mut taken = self.taken();
        let own = taken.places.iter().filter(|place| place.network == network).count();
        let full = taken.places.len() >= limits.connections;
        let too_many_of_one = !network.is_here() && own >= limits.connections_per_network;
        if full || too_many_of_one {
            if taken.is_news(Instant::now()) {
                tracing::warn!(connections = taken.places.len(), full, "hook.connection.too_many");
            }
            let longest = taken
                .places
                .iter()
                .enumerate()
                .filter(|(_, place)| !too_many_of_one || place.network == network)
                .map(|(at, place)| (place.waits_since.load(Ordering::Relaxed), at))
                .min()
                .filter(|(since, _)| *since != SERVED);
            let (_, at) = longest?;
            taken.places.swap_remove(at).go.notify_one();
        }
        let place = Arc::new(place);
        taken.places.push(Arc::clone(&place));
        drop(taken);
        Some(Guest { guests: self.clone(), place })
    }

    fn next_turn(&self) -> u64 {
        self.0.turn.fetch_add(1, Ordering::Relaxed)
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// Waits until somebody else needs the place.
    pub async fn has_to_go(&self) {
        self.place.go.notified().await;
    }

    /// Its request is read and will be answered.
    pub fn is_served(&self) -> Serving {
        self.place.waits_since.store(SERVED, Ordering::Relaxed);
        Serving { guests: self.guests.clone(), place: Arc::clone(&self.place) }
    }

    /// The rest of its body is still to come. However often this is said, it waits since the first time.
    pub fn keeps_us_waiting(&self) {
        let (now, order) = (self.guests.next_turn(), Ordering::Relaxed);
        let _waits_already = self.place.waits_since.compare_exchange(SERVED, now, order, order);
    }

    /// Its request has come, and it waits for us.
    pub fn has_sent_all(&self) {
        self.place.waits_since.store(SERVED, Ordering::Relaxed);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.place.waits_since.store(self.guests.next_turn(), Ordering::Relaxed);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut taken = self.guests.taken();
        // Not there if it had to go.
        if let Some(at) = taken.places.iter().position(|place| Arc::ptr_eq(place, &self.place)) {
            taken.places.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    const HOUSE: fn() -> Limits =
        || Limits { connections: 3, connections_per_network: 2, ..Limits::default() };

    fn network(address: &str) -> Network {
        Network::of(address.parse().expect("an address"))
    }

    fn has_to_go(guest: &Guest) -> bool {
        pin!(guest.has_to_go()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    fn enter(guests: &Guests, address: &str) -> Option<Guest> {
        guests.admit(network(address), &HOUSE())
    }

    #[test]
    fn full_house_sends_away_whoever_waits_longest_and_nobody_who_is_served() {
        let guests = Guests::default();
        let first = enter(&guests, "192.0.2.1").expect("room");
        let second = enter(&guests, "192.0.2.2").expect("room");
        let third = enter(&guests, "192.0.2.3").expect("room");
        let serving = first.is_served();
        let _fourth = enter(&guests, "192.0.2.4").expect("in place of the second");
        assert!(has_to_go(&second) && !has_to_go(&first) && !has_to_go(&third));
        // What has been served begins to wait anew.
        drop(serving);
        let _fifth = enter(&guests, "192.0.2.5").expect("in place of the third");
        assert!(has_to_go(&third) && !has_to_go(&first));
    }

    #[test]
    fn crowd_that_comes_again_and_again_is_told_once_a_minute() {
        let (mut taken, began) = (Taken::default(), Instant::now());
        let told = (0..180_000).filter(|ms| taken.is_news(began + Duration::from_millis(*ms)));
        assert_eq!(told.collect::<Vec<_>>(), [0, 60_000, 120_000]);
    }

    #[test]
    fn guest_that_keeps_us_waiting_makes_room_and_stays_once_it_has_sent_all() {
        let guests = Guests::default();
        let inside: Vec<Guest> =
            (1..=3).map(|n| enter(&guests, &format!("192.0.2.{n}")).expect("room")).collect();
        let _serving: Vec<Serving> = inside.iter().map(Guest::is_served).collect();
        for guest in &inside {
            guest.keeps_us_waiting();
        }
        inside[0].keeps_us_waiting();
        inside[1].has_sent_all();
        let _fourth = enter(&guests, "192.0.2.4").expect("in place of the first");
        assert!(has_to_go(&inside[0]), "to wait twice is not to wait anew");
        let _fifth = enter(&guests, "192.0.2.5").expect("in place of the third");
        assert!(has_to_go(&inside[2]) && !has_to_go(&inside[1]), "it waits for us");
    }

    #[test]
    fn house_in_which_all_are_served_takes_nobody_until_one_leaves() {
        let guests = Guests::default();
        let inside: Vec<Guest> =
            (1..=3).map(|n| enter(&guests, &format!("192.0.2.{n}")).expect("room")).collect();
        let _serving: Vec<Serving> = inside.iter().map(Guest::is_served).collect();
        assert!(enter(&guests, "192.0.2.9").is_none());
        drop(inside);
        assert!(enter(&guests, "192.0.2.9").is_some());
    }

    #[test]
    fn network_with_its_share_makes_room_among_its_own_and_this_machine_has_no_share() {
        let guests = Guests::default();
        let other = enter(&guests, "192.0.2.9").expect("room");
        let first = enter(&guests, "192.0.2.1").expect("room");
        let second = enter(&guests, "192.0.2.1").expect("room");
        let _third = enter(&guests, "192.0.2.1").expect("in place of its first");
        assert!(has_to_go(&first) && !has_to_go(&second) && !has_to_go(&other));

        let guests = Guests::default();
        let proxied: Vec<Guest> =
            (0..3).map(|_| enter(&guests, "127.0.0.1").expect("room")).collect();
        assert!(!proxied.iter().any(has_to_go));
    }
}
