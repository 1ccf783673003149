//! Which mail may go now: whether the relay is well, and which domains rest.
//!
//! In: what looks at the relay and mails came to. Out: the next [`Turn`], the domains that get nothing now, and what the
//! journal is told.
//! A relay that failed gets no mail until it has answered; then one goes, and the others wait for what becomes of it, for
//! there are relays that let everybody in and take nothing. A domain that put mails off rests, longer each time.
//! Pure: time is an argument. It is that of the wall: a rest that began later than now is over.
//! Not here: the loop that asks (`mail_lanes.rs`), whose fault an end was (`settle/mailing.rs`), when a mail that was put
//! off is due again (`backoff.rs`).

use std::collections::HashMap;
use std::time::Duration;

use crate::job::UnixMillis;
use crate::send::LineFault;

/// Between two looks at a relay that fails: doubled each time. Chosen: one that is started anew is back at once, and
/// nobody is flooded by one look in five minutes.
const FIRST_RELAY_REST: Duration = Duration::from_secs(2);
const LONGEST_RELAY_REST: Duration = Duration::from_secs(300);
/// The same of a domain. Chosen: what is put off is put off for minutes (RFC 5321 4.5.4.1), but one full mailbox must not
/// hold back a whole carrier for long.
const FIRST_DOMAIN_REST: Duration = Duration::from_secs(15);
const LONGEST_DOMAIN_REST: Duration = Duration::from_secs(900);

/// What may be done now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    /// Look whether the relay answers.
    Look,
    /// Take the next mail that is due.
    Claim,
    /// Neither.
    Wait,
}

/// What the end of a mail says of the relay and of its domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Said {
    /// The relay took it.
    Taken,
    /// The relay refused this one alone.
    Refused,
    /// The relay put it off, for a reason that others to its domain may meet too.
    PutOff,
    /// The relay took none, and will take no other.
    RelayFault(LineFault),
    /// The relay broke off when it was asked about this one: it, or the domain.
    BrokeOff(LineFault),
    /// Nothing: we ended it.
    Nothing,
}

/// What the journal and the board are told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
    Nothing,
    /// The relay works, for the first time or again.
    Ready,
    /// It does not, since now or for another reason than before.
    Faulty(LineFault),
}

/// The traffic of one relay.
#[derive(Debug)]
pub struct Traffic {
    per_domain: u16,
    relay: Relay,
    domains: HashMap<String, Domain>,
}

/// What is known of the relay.
#[derive(Debug)]
enum Relay {
    /// It failed so often in a row, or was not asked yet; it is asked again after the rest.
    AwaitLook {
        troubles: Troubles,
        rest: Option<Rest>,
    },
    /// It is being asked.
    AwaitAnswer {
        troubles: Troubles,
    },
    /// It answers again. One mail goes, and the next one when it is known what became of that.
    AwaitTrial {
        troubles: Troubles,
        is_out: bool,
    },
    Well,
}

/// How often it failed in a row, and how the last time.
#[derive(Debug, Default)]
struct Troubles {
    count: u32,
    last: Option<LineFault>,
}

#[derive(Debug, Default)]
struct Domain {
    under_way: u16,
    /// How often in a row it put a mail off.
    put_off: u32,
    rest: Option<Rest>,
}

/// A time without tries.
#[derive(Clone, Copy, Debug)]
struct Rest {
    since: UnixMillis,
    pause: Duration,
}

impl Rest {
    /// The `nth` rest in a row, from 1.
    fn nth(nth: u32, first: Duration, longest: Duration, since: UnixMillis) -> Self {
        let doubled = 1_u32.checked_shl(nth.saturating_sub(1)).unwrap_or(u32::MAX);
        Self { since, pause: first.saturating_mul(doubled).min(longest) }
    }

    fn ends(self) -> UnixMillis {
        self.since.after(self.pause)
    }

    fn is_over(self, now: UnixMillis) -> bool {
        now < self.since || now >= self.ends()
    }
}

impl Traffic {
    /// Nothing is known yet: the relay is looked at first.
    pub fn new(per_domain: u16) -> Self {
        let relay = Relay::AwaitLook { troubles: Troubles::default(), rest: None };
        Self { per_domain, relay, domains: HashMap::new() }
    }

    /// What a free lane may do.
    pub fn turn(&self, now: UnixMillis) -> Turn {
        match &self.relay {
            Relay::AwaitLook { rest, .. } if rest.is_none_or(|rest| rest.is_over(now)) => {
                Turn::Look
            }
            Relay::Well | Relay::AwaitTrial { is_out: false, .. } => Turn::Claim,
            Relay::AwaitLook { .. }
            | Relay::AwaitAnswer { .. }
            | Relay::AwaitTrial { is_out: true, .. } => Turn::Wait,
        }
    }

    /// Domains that get nothing now, and until when if they rest. What was put off long ago is forgotten.
    pub fn held(&mut self, now: UnixMillis) -> Vec<(String, Option<UnixMillis>)> {
        self.domains.retain(|_, domain| domain.is_worth_keeping(now));
        let held = |(name, domain): (&String, &Domain)| {
            domain.is_held(self.per_domain, now).then(|| {
                let rest = domain.rest.filter(|rest| !rest.is_over(now));
                (name.clone(), rest.map(Rest::ends))
            })
        };
        self.domains.iter().filter_map(held).collect()
    }

    /// The look that was due begins.
    pub fn look_begins(&mut self) {
        if let Relay::AwaitLook { troubles, .. } = &mut self.relay {
            self.relay = Relay::AwaitAnswer { troubles: std::mem::take(troubles) };
        }
    }

    /// What the look came to.
    pub fn look_ended(&mut self, answered: Result<(), LineFault>, now: UnixMillis) -> Notice {
        let Relay::AwaitAnswer { troubles } = &mut self.relay else { return Notice::Nothing };
        let troubles = std::mem::take(troubles);
        match answered {
            Err(fault) => self.fails(troubles, fault, now),
            Ok(()) if troubles.count == 0 => self.works(),
            Ok(()) => {
                self.relay = Relay::AwaitTrial { troubles, is_out: false };
                Notice::Nothing
            }
        }
    }

    /// A mail to this domain is on its way to the relay.
    pub fn mail_begins(&mut self, domain: &str) {
        self.domains.entry(domain.to_owned()).or_default().under_way += 1;
        if let Relay::AwaitTrial { is_out, .. } = &mut self.relay {
            *is_out = true;
        }
    }

    /// What became of it.
    pub fn mail_ended(&mut self, domain: &str, said: Said, now: UnixMillis) -> Notice {
        let about = self.domains.entry(domain.to_owned()).or_default();
        about.under_way = about.under_way.saturating_sub(1);
        match said {
            Said::Taken => {
                (about.put_off, about.rest) = (0, None);
                self.works()
            }
            Said::Refused => self.works(),
            Said::PutOff => {
                about.is_put_off(now);
                self.works()
            }
            Said::RelayFault(fault) => self.relay_fails(fault, now),
            Said::BrokeOff(fault) => {
                about.is_put_off(now);
                self.relay_fails(fault, now)
            }
            Said::Nothing => {
                if let Relay::AwaitTrial { is_out, .. } = &mut self.relay {
                    *is_out = false;
                }
                Notice::Nothing
            }
        }
    }

    fn works(&mut self) -> Notice {
        match std::mem::replace(&mut self.relay, Relay::Well) {
            Relay::Well => Notice::Nothing,
            Relay::AwaitLook { .. } | Relay::AwaitAnswer { .. } | Relay::AwaitTrial { .. } => {
                Notice::Ready
            }
        }
    }

    fn relay_fails(&mut self, fault: LineFault, now: UnixMillis) -> Notice {
        match &mut self.relay {
            Relay::Well => self.fails(Troubles::default(), fault, now),
            Relay::AwaitTrial { troubles, .. } => {
                let troubles = std::mem::take(troubles);
                self.fails(troubles, fault, now)
            }
            // One that began before it was known: no news.
            Relay::AwaitLook { .. } | Relay::AwaitAnswer { .. } => Notice::Nothing,
        }
    }

    fn fails(&mut self, before: Troubles, fault: LineFault, now: UnixMillis) -> Notice {
        let count = before.count.saturating_add(1);
        let is_news = before.last.as_ref().is_none_or(|last| last.code != fault.code);
        let rest = Rest::nth(count, FIRST_RELAY_REST, LONGEST_RELAY_REST, now);
        let troubles = Troubles { count, last: Some(fault.clone()) };
        self.relay = Relay::AwaitLook { troubles, rest: Some(rest) };
        if is_news { Notice::Faulty(fault) } else { Notice::Nothing }
    }
}

impl Domain {
    fn is_held(&self, per_domain: u16, now: UnixMillis) -> bool {
        // As with the relay: after a rest one goes, and the next when it is known what became of that.
        let most = if self.put_off > 0 { 1 } else { per_domain };
        self.under_way >= most || self.rest.is_some_and(|rest| !rest.is_over(now))
    }

    fn is_put_off(&mut self, now: UnixMillis) {
        // One that began before the rest is no news.
        if self.rest.is_none_or(|rest| rest.is_over(now)) {
            self.put_off = self.put_off.saturating_add(1);
            self.rest = Some(Rest::nth(self.put_off, FIRST_DOMAIN_REST, LONGEST_DOMAIN_REST, now));
        }
    }

    fn is_worth_keeping(&self, now: UnixMillis) -> bool {
        let forgotten = |rest: Rest| {
            Rest { pause: rest.pause.saturating_add(LONGEST_DOMAIN_REST), ..rest }.is_over(now)
        };
        self.under_way > 0 || self.rest.is_some_and(|rest| !forgotten(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_482_000_000);

    fn fault(code: &'static str) -> LineFault {
        LineFault { code, message: String::from("x") }
    }

    fn later(seconds: u64) -> UnixMillis {
        NOW.after(Duration::from_secs(seconds))
    }

    /// Two mails for a domain at a time, and a relay that answered.
    fn well() -> Traffic {
        let mut traffic = Traffic::new(2);
        traffic.look_begins();
        assert_eq!(traffic.look_ended(Ok(()), NOW), Notice::Ready);
        traffic
    }

    fn held(traffic: &mut Traffic, now: UnixMillis) -> Vec<String> {
        traffic.held(now).into_iter().map(|(domain, _)| domain).collect()
    }

    #[test]
    fn relay_is_looked_at_before_the_first_mail_goes() {
        let mut traffic = Traffic::new(2);
        assert_eq!(traffic.turn(NOW), Turn::Look);
        traffic.look_begins();
        assert_eq!(traffic.turn(NOW), Turn::Wait);
        traffic.look_ended(Ok(()), NOW);
        assert_eq!(traffic.turn(NOW), Turn::Claim);
    }

    #[test]
    fn await_look_is_after_rests_that_grow_to_five_minutes_and_told_once() {
        let mut traffic = Traffic::new(2);
        let (mut now, mut rests) = (NOW, Vec::new());
        for nth in 0..10 {
            assert_eq!(traffic.turn(now), Turn::Look);
            traffic.look_begins();
            let notice = traffic.look_ended(Err(fault("smtp-connect")), now);
            let news = Notice::Faulty(fault("smtp-connect"));
            assert_eq!(notice, if nth == 0 { news } else { Notice::Nothing });
            let rest =
                (0..).find(|s| traffic.turn(now.after(Duration::from_secs(*s))) == Turn::Look);
            rests.extend(rest);
            now = now.after(Duration::from_secs(rest.expect("it is asked again")));
        }
        assert_eq!(rests, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        traffic.look_begins();
        let notice = traffic.look_ended(Err(fault("smtp-certificate")), now);
        assert_eq!(notice, Notice::Faulty(fault("smtp-certificate")), "another reason is news");
    }

    #[test]
    fn await_trial_lets_one_mail_go_and_what_becomes_of_it_decides() {
        let failed_once = || {
            let mut traffic = well();
            traffic.mail_begins("a.jp");
            let said = Said::RelayFault(fault("smtp-sender-refused"));
            let told = Notice::Faulty(fault("smtp-sender-refused"));
            assert_eq!(traffic.mail_ended("a.jp", said, NOW), told);
            assert_eq!(traffic.turn(later(1)), Turn::Wait);
            assert_eq!(traffic.turn(later(2)), Turn::Look);
            traffic.look_begins();
            // That it answers is no proof that it takes mails.
            assert_eq!(traffic.look_ended(Ok(()), later(2)), Notice::Nothing);
            assert_eq!(traffic.turn(later(2)), Turn::Claim);
            traffic.mail_begins("b.jp");
            assert_eq!(traffic.turn(later(2)), Turn::Wait, "one is out");
            traffic
        };
        let cases = [
            (Said::Taken, Notice::Ready, Turn::Claim),
            (Said::Refused, Notice::Ready, Turn::Claim),
            (Said::PutOff, Notice::Ready, Turn::Claim),
            (Said::Nothing, Notice::Nothing, Turn::Claim),
            (Said::RelayFault(fault("smtp-sender-refused")), Notice::Nothing, Turn::Wait),
        ];
        for (said, notice, turn) in cases {
            let mut traffic = failed_once();
            assert_eq!(traffic.mail_ended("b.jp", said.clone(), later(2)), notice, "{said:?}");
            assert_eq!(traffic.turn(later(2)), turn, "{said:?}");
            assert_eq!(traffic.turn(later(5)), turn, "{said:?}: it rests for 4 s now");
        }
    }

    #[test]
    fn mails_that_fail_together_count_once_and_one_that_is_taken_after_them_counts_more() {
        let mut traffic = well();
        for _ in 0..2 {
            traffic.mail_begins("a.jp");
            traffic.mail_begins("b.jp");
        }
        let failed = || Said::RelayFault(fault("smtp-connect"));
        assert!(matches!(traffic.mail_ended("a.jp", failed(), NOW), Notice::Faulty(_)));
        assert_eq!(traffic.mail_ended("b.jp", failed(), NOW), Notice::Nothing);
        assert_eq!(traffic.mail_ended("b.jp", failed(), NOW), Notice::Nothing);
        assert_eq!(traffic.turn(later(2)), Turn::Look, "the first rest, not the third");
        assert_eq!(traffic.mail_ended("a.jp", Said::Taken, NOW), Notice::Ready);
        assert_eq!(traffic.turn(NOW), Turn::Claim);
    }

    #[test]
    fn domain_gets_two_at_a_time_and_others_go_on() {
        let mut traffic = well();
        traffic.mail_begins("a.jp");
        traffic.mail_begins("b.jp");
        assert_eq!(held(&mut traffic, NOW), [""; 0]);
        traffic.mail_begins("a.jp");
        assert_eq!(traffic.held(NOW), [(String::from("a.jp"), None)]);
        traffic.mail_ended("a.jp", Said::Taken, NOW);
        assert_eq!(held(&mut traffic, NOW), [""; 0]);
    }

    #[test]
    fn domain_that_puts_off_rests_longer_each_time_gets_one_then_and_all_again_when_it_takes() {
        let mut traffic = well();
        let mut now = NOW;
        for rest_s in [15, 30, 60, 120, 240, 480, 900, 900] {
            traffic.mail_begins("a.jp");
            assert_eq!(traffic.mail_ended("a.jp", Said::PutOff, now), Notice::Nothing);
            let ends = now.after(Duration::from_secs(rest_s));
            assert_eq!(traffic.held(now), [(String::from("a.jp"), Some(ends))]);
            assert_eq!(traffic.turn(now), Turn::Claim, "others go on");
            now = ends;
            assert_eq!(held(&mut traffic, now), [""; 0]);
        }
        traffic.mail_begins("a.jp");
        assert_eq!(held(&mut traffic, now), ["a.jp"], "one at a time after a rest");
        traffic.mail_ended("a.jp", Said::Taken, now);
        traffic.mail_begins("a.jp");
        assert_eq!(held(&mut traffic, now), [""; 0], "two again");
    }

    #[test]
    fn mails_of_a_domain_that_are_put_off_together_count_once() {
        let mut traffic = well();
        traffic.mail_begins("a.jp");
        traffic.mail_begins("a.jp");
        traffic.mail_ended("a.jp", Said::PutOff, NOW);
        traffic.mail_ended("a.jp", Said::PutOff, NOW);
        assert_eq!(held(&mut traffic, later(15)), [""; 0], "the first rest, not the second");
    }

    /// A relay that hangs up about one domain and does well for the others.
    #[test]
    fn domain_at_which_the_relay_breaks_off_is_not_the_next_trial() {
        let mut traffic = well();
        traffic.mail_begins("far.jp");
        let said = Said::BrokeOff(fault("mail-broke-off"));
        let told = Notice::Faulty(fault("mail-broke-off"));
        assert_eq!(traffic.mail_ended("far.jp", said, NOW), told);
        assert_eq!(traffic.turn(later(2)), Turn::Look);
        traffic.look_begins();
        traffic.look_ended(Ok(()), later(2));
        assert_eq!(traffic.turn(later(2)), Turn::Claim);
        assert_eq!(held(&mut traffic, later(2)), ["far.jp"]);
        traffic.mail_begins("a.jp");
        assert_eq!(traffic.mail_ended("a.jp", Said::Taken, later(2)), Notice::Ready);
        assert_eq!(
            held(&mut traffic, later(2)),
            ["far.jp"],
            "that the relay is well says nothing of it"
        );
        assert_eq!(held(&mut traffic, later(15)), [""; 0]);
    }

    #[test]
    fn clock_that_is_set_back_ends_every_rest() {
        let mut traffic = well();
        traffic.mail_begins("a.jp");
        traffic.mail_ended("a.jp", Said::PutOff, NOW);
        traffic.mail_begins("b.jp");
        traffic.mail_ended("b.jp", Said::RelayFault(fault("smtp-connect")), NOW);
        let year_before = NOW.before(Duration::from_secs(365 * 86_400));
        assert_eq!(traffic.turn(year_before), Turn::Look);
        assert_eq!(held(&mut traffic, year_before), [""; 0]);
    }

    #[test]
    fn domains_of_which_nothing_is_to_be_known_are_forgotten() {
        let mut traffic = well();
        for domain in ["a.jp", "b.jp"] {
            traffic.mail_begins(domain);
        }
        traffic.mail_ended("a.jp", Said::Taken, NOW);
        traffic.mail_ended("b.jp", Said::PutOff, NOW);
        traffic.held(NOW);
        assert_eq!(traffic.domains.len(), 1);
        traffic.held(later(15 + 900));
        assert_eq!(traffic.domains.len(), 0);
    }
}
