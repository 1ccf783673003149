//! How often somebody may try, and how often a client may hand in.
//!
//! In: a refused token and where it came from; a client that hands in. Out: go on, or how long to wait.
//! Refusals are counted by network and by the client that the token claims to be of, ten a minute each. Whoever has a
//! right token is never counted: a stranger, or a forgotten script, behind the same proxy cannot shut the exchange out,
//! and a secret of 256 bits is not found by trying.
//! Source: the generic cell rate algorithm (ITU-T I.371), by `governor`.
//! Not here: connections (`guests.rs`); whether the lines can reach what was handed in.

use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::caller::Network;
use crate::job::ClientId;

/// Refused tokens a minute. Chosen: a person who pastes the wrong one tries three times.
const FAILURES_A_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// Most sources of refused tokens that are told apart, about 1 MiB; beyond them all others share one count.
const MOST_SOURCES: usize = 10_000;

type Limiter<K, C> = RateLimiter<K, HashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The counts of one gateway.
pub struct Rates<C: Clock = DefaultClock> {
    clock: C,
    failures: Limiter<Source, C>,
    /// Keys are clients of the tokens file, so they are few.
    posts: Option<Limiter<ClientId, C>>,
    hasher: RandomState,
}

/// Who has shown a wrong token.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
enum Source {
    Network(Network),
    /// Hash of the client's name in the token; there may be no such client.
    Claimed(u64),
    /// Everybody for whom there is no room.
    Others,
}

impl Rates {
    /// `posts`: notifications a minute of one client; `None` for no bound.
    pub fn new(posts: Option<NonZeroU32>) -> Self {
        Self::with_clock(posts, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Rates<C> {
    fn with_clock(posts: Option<NonZeroU32>, clock: C) -> Self {
        let limiter =
            |most| RateLimiter::hashmap_with_clock(Quota::per_minute(most), clock.clone());
        Self {
            failures: limiter(FAILURES_A_MINUTE),
            posts: posts.map(|most| {
                RateLimiter::hashmap_with_clock(Quota::per_minute(most), clock.clone())
            }),
            hasher: RandomState::new(),
            clock,
        }
    }

    /// A token was refused.
    ///
    /// # Errors
    /// How long to wait, once there were too many.
    pub fn failed(&self, network: Network, claimed: Option<&str>) -> Result<(), Duration> {
        let by_network = self.count(Source::Network(network));
        let by_name = match claimed {
            Some(name) => self.count(Source::Claimed(self.hasher.hash_one(name))),
            None => Ok(()),
        };
        by_network.and(by_name)
    }

    fn count(&self, source: Source) -> Result<(), Duration> {
        if self.failures.len() < MOST_SOURCES {
            return checked(&self.failures, &source, &self.clock);
        }
        checked(&self.failures, &Source::Others, &self.clock)?;
        // At most ten times a minute, for it looks at all of them.
        self.failures.retain_recent();
        Ok(())
    }

    /// A client hands something in.
    ///
    /// # Errors
    /// How long to wait, if it has handed in too much.
    pub fn post(&self, client: &ClientId) -> Result<(), Duration> {
        match &self.posts {
            Some(posts) => checked(posts, client, &self.clock),
            None => Ok(()),
        }
    }
}

fn checked<K: Clone + Eq + std::hash::Hash, C: Clock>(
    limiter: &Limiter<K, C>,
    key: &K,
    clock: &C,
) -> Result<(), Duration> {
    limiter.check_key(key).map_err(|until| until.wait_time_from(clock.now()))
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn network(n: u32) -> Network {
        Network::of(std::net::Ipv4Addr::from(0xC000_0200 + n).into())
    }

    fn rates(posts: Option<u32>) -> (Rates<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Rates::with_clock(posts.and_then(NonZeroU32::new), clock.clone()), clock)
    }

    #[test]
    fn eleventh_refusal_of_a_network_waits_and_other_networks_do_not() {
        let (rates, clock) = rates(None);
        for n in 0..10 {
            assert_eq!(rates.failed(network(1), Some(&format!("name-{n}"))), Ok(()), "{n}");
        }
        let wait = rates.failed(network(1), None).expect_err("too many");
        assert!((Duration::from_secs(5)..=Duration::from_secs(6)).contains(&wait), "{wait:?}");
        assert_eq!(rates.failed(network(2), None), Ok(()));
        clock.advance(wait);
        assert_eq!(rates.failed(network(1), None), Ok(()), "after the wait");
    }

    #[test]
    fn name_that_many_networks_try_waits_as_well() {
        let (rates, _) = rates(None);
        for n in 0..10 {
            assert_eq!(rates.failed(network(n), Some("exchange")), Ok(()), "{n}");
        }
        assert!(rates.failed(network(11), Some("exchange")).is_err());
        assert_eq!(rates.failed(network(12), Some("other")), Ok(()));
    }

    #[test]
    fn crowd_of_strangers_is_counted_together_and_forgotten_in_time() {
        let (rates, clock) = rates(None);
        let most = u32::try_from(MOST_SOURCES).expect("small");
        let first_refused = (0..most + 100).find(|n| rates.failed(network(*n), None).is_err());
        assert_eq!(first_refused, Some(most + 10), "the last ten share one count");
        assert!(rates.failures.len() <= MOST_SOURCES + 1);
        clock.advance(Duration::from_secs(61));
        assert_eq!(rates.failed(network(most + 200), None), Ok(()));
        assert!(rates.failures.len() < 10, "{} are remembered", rates.failures.len());
    }

    #[test]
    fn client_hands_in_what_the_settings_allow_and_another_is_not_concerned() {
        let (rates, clock) = rates(Some(60));
        let (exchange, other) = (ClientId("exchange".into()), ClientId("other".into()));
        assert!((0..60).all(|_| rates.post(&exchange).is_ok()));
        assert_eq!(rates.post(&exchange), Err(Duration::from_secs(1)));
        assert_eq!(rates.post(&other), Ok(()));
        clock.advance(Duration::from_secs(1));
        assert_eq!(rates.post(&exchange), Ok(()));
    }

    #[test]
    fn without_a_bound_of_the_settings_there_is_none() {
        let (rates, _) = rates(None);
        let exchange = ClientId("exchange".into());
        assert!((0..100_000).all(|_| rates.post(&exchange).is_ok()));
    }
}
