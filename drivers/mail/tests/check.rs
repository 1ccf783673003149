//! What is found out about a domain that sends mail, asked of a name server on loopback.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail so")]

#[path = "support/dns.rs"]
mod dns;

use std::net::IpAddr;
use std::time::Duration;

use dns::{Zone, serve, strange};
use mail::check::{
    All, Demand, DkimKey, DkimRecord, DmarcRecord, Names, Spf, SpfFault, SpfResult, Unanswered,
    same_organization,
};

const RELAY: &str = "203.0.113.25";

async fn names(zone: Zone) -> Names {
    Names::new(Some(serve(zone).await), Duration::from_secs(5)).unwrap()
}

async fn spf(zone: Zone, address: Option<&str>) -> Spf {
    let address = address.map(|address| address.parse::<IpAddr>().unwrap());
    Spf::look(&names(zone).await, "example.jp", address).await
}

#[tokio::test]
async fn relay_of_a_provider_passes_by_its_include() {
    let zone = Zone::default()
        .txt("example.jp", "site-verification=x")
        .txt("example.jp", "v=spf1 mx include:spf.provider.jp -all")
        .mx("example.jp", 10, "mx.example.jp")
        .address("mx.example.jp", "192.0.2.1")
        .txt("spf.provider.jp", "v=spf1 ip4:203.0.113.0/24 ip6:2001:db8::/32 ~all");
    let got = spf(zone.clone(), Some(RELAY)).await;
    assert_eq!(got, Spf { result: SpfResult::Pass, all: All::Fail, questions: 2 });
    assert_eq!(spf(zone.clone(), Some("2001:db8::7")).await.result, SpfResult::Pass);
    assert_eq!(spf(zone.clone(), Some("192.0.2.1")).await.result, SpfResult::Pass);
    assert_eq!(spf(zone.clone(), Some("203.0.114.25")).await.result, SpfResult::Fail);
    assert_eq!(spf(zone.clone(), Some("2001:db9::7")).await.result, SpfResult::Fail);
    // Without an address the record is walked to its end all the same.
    let got = spf(zone, None).await;
    assert_eq!(got, Spf { result: SpfResult::Neutral, all: All::Fail, questions: 2 });
}

#[tokio::test]
async fn each_way_of_a_record_ends_as_a_receiver_would_say() {
    let base =
        || Zone::default().address("out.example.jp", RELAY).address("example.jp", "192.0.2.9");
    let text = |record: &str| base().txt("example.jp", record);
    let broken = |fault| SpfResult::Broken(fault);
    for (zone, result) in [
        (base(), SpfResult::None),
        (text("v=spf10 +all"), SpfResult::None),
        (text("v=spf1 ~all"), SpfResult::SoftFail),
        (text("v=spf1"), SpfResult::Neutral),
        (text("v=spf1 ?ip4:203.0.113.25 -all"), SpfResult::Neutral),
        (text("v=spf1 a:out.example.jp/24 -all"), SpfResult::Pass),
        (text("V=SPF1 A:OUT.EXAMPLE.JP -ALL"), SpfResult::Pass),
        (text("v=spf1 a -all"), SpfResult::Fail),
        (
            text("v=spf1 redirect=_r.example.jp").txt("_r.example.jp", "v=spf1 +all"),
            SpfResult::Pass,
        ),
        (text("v=spf1 -all redirect=nowhere.jp"), SpfResult::Fail),
        (text("v=spf1 exists:out.example.jp -all"), SpfResult::Pass),
        (text("v=spf1 exists:%{i}.b.jp -all"), SpfResult::Depends("exists:%{i}.b.jp".into())),
        (text("v=spf1 exists:%{i}.b.jp ip4:203.0.113.25 -all"), SpfResult::Pass),
        (text("v=spf1 -ptr ip4:203.0.113.25 -all"), SpfResult::Depends("-ptr".into())),
        (
            text("v=spf1 -all").txt("example.jp", "v=spf1 +all"),
            broken(SpfFault::Several("example.jp".into())),
        ),
        (text("v=spf1 +all ipv4:192.0.2.1"), broken(SpfFault::Term("ipv4:192.0.2.1".into()))),
        (
            text("v=spf1 include:nowhere.jp -all"),
            broken(SpfFault::NothingIncluded("nowhere.jp".into())),
        ),
        (text("v=spf1 include:example.jp -all"), broken(SpfFault::Questions)),
        (text("v=spf1 a:a.jp a:b.jp a:c.jp +all"), broken(SpfFault::InVain)),
    ] {
        assert_eq!(spf(zone, Some(RELAY)).await.result, result);
    }
    // What stands beside `all` is not asked for, also where nothing matches.
    let beside = text("v=spf1 -all redirect=nowhere.jp");
    assert_eq!(spf(beside, None).await.result, SpfResult::Neutral);
}

#[tokio::test]
async fn record_with_ten_questions_is_good_and_with_eleven_it_is_not() {
    let zone = |count: usize| {
        let mut record = String::from("v=spf1");
        let mut zone = Zone::default();
        for at in 0..count {
            record += &format!(" a:h{at}.example.jp");
            zone = zone.address(&format!("h{at}.example.jp"), "192.0.2.1");
        }
        zone.txt("example.jp", format!("{record} -all"))
    };
    assert_eq!(spf(zone(10), Some(RELAY)).await.result, SpfResult::Fail);
    let got = spf(zone(11), None).await;
    assert_eq!(got.result, SpfResult::Broken(SpfFault::Questions));
    let mut many = Zone::default().txt("example.jp", "v=spf1 mx -all");
    for _ in 0..11 {
        many = many.mx("example.jp", 10, "mx.example.jp");
    }
    let got = spf(many, Some(RELAY)).await;
    assert_eq!(got.result, SpfResult::Broken(SpfFault::MailHosts("example.jp".into())));
}

#[tokio::test]
async fn key_that_is_longer_than_a_datagram_is_read_over_tcp() {
    // An RSA key of 4096 bits, and a text that must be put aside.
    let modulus = [&[0x02, 0x82, 0x02, 0x01, 0x00][..], &[0xd1; 512]].concat();
    let key = [&modulus[..], &[0x02, 0x03, 1, 0, 1]].concat();
    let key = [&[0x30, 0x82, 0x02, 0x0a][..], &key].concat();
    let record = format!("v=DKIM1; k=rsa; p={}", data_encoding::BASE64.encode(&key));
    let names = names(Zone::default().txt("s1._domainkey.example.jp", record)).await;
    let found = DkimRecord::look(&names, "s1", "example.jp").await;
    let key = DkimKey::Rsa { bits: 4096 };
    assert_eq!(found, Ok(DkimRecord::Key { key, testing: false }));
    assert_eq!(DkimRecord::look(&names, "s2", "example.jp").await, Ok(DkimRecord::Nothing));
    // What cannot stand in a name is told, not asked.
    let long = "s".repeat(64);
    assert_eq!(DkimRecord::look(&names, &long, "example.jp").await, Err(Unanswered::Name));
}

#[tokio::test]
async fn policy_above_the_domain_is_found_and_so_is_the_organization() {
    let zone = Zone::default()
        .txt(
            "_dmarc.example.co.jp",
            "v=DMARC1; p=reject; sp=quarantine; adkim=s; rua=mailto:d@example.co.jp",
        )
        .txt("_dmarc.other.co.jp", "v=DMARC1; p=none")
        .txt("_dmarc.twice.jp", "v=DMARC1; p=none")
        .txt("_dmarc.twice.jp", "v=DMARC1; p=reject");
    let names = names(zone).await;
    let found = DmarcRecord::look(&names, "notice.example.co.jp").await.unwrap();
    let DmarcRecord::There(dmarc) = found else { panic!("{found:?}") };
    assert_eq!((dmarc.at.as_str(), dmarc.demand), ("example.co.jp", Demand::Quarantine));
    assert!(dmarc.dkim_strict && !dmarc.spf_strict && dmarc.reports);
    assert_eq!(DmarcRecord::look(&names, "nothing.jp").await, Ok(DmarcRecord::Nothing));
    let twice = DmarcRecord::look(&names, "twice.jp").await.unwrap();
    assert!(matches!(twice, DmarcRecord::Broken { .. }), "{twice:?}");
    for (one, other, same) in [
        ("example.co.jp", "bounce.example.co.jp", true),
        ("notice.example.co.jp", "bounce.example.co.jp", true),
        ("example.co.jp", "other.co.jp", false),
        ("example.co.jp", "nothing.co.jp", false),
    ] {
        assert_eq!(same_organization(&names, one, other).await, Ok(same), "{one} {other}");
    }
}

#[tokio::test]
async fn mail_hosts_come_in_their_order_and_the_null_one_is_a_dot() {
    let zone = Zone::default()
        .mx("example.jp", 20, "b.example.jp")
        .mx("example.jp", 10, "A.example.jp")
        .mx("no-mail.jp", 0, ".");
    let names = names(zone).await;
    assert_eq!(names.mail_hosts("example.jp").await.unwrap(), ["a.example.jp", "b.example.jp"]);
    assert_eq!(names.mail_hosts("no-mail.jp").await.unwrap(), ["."]);
    assert_eq!(names.mail_hosts("none.jp").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn server_that_lies_or_is_silent_leaves_the_question_open_in_time() {
    type Say = fn(&[u8]) -> Option<Vec<u8>>;
    let refused: Say = |question| {
        let mut answer = question[..12].to_vec();
        (answer[2], answer[3]) = (0x81, 0x85);
        answer[6..12].fill(0);
        Some([answer, question[12..].to_vec()].concat())
    };
    let cases: [(&str, Say); 5] = [
        ("silence", |_| None),
        ("noise", |_| Some(vec![0xff; 1000])),
        ("nothing", |_| Some(Vec::new())),
        // A name that points at itself.
        ("loop", |question| {
            let mut answer = question.to_vec();
            (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
            answer.truncate(12);
            answer.extend([0xc0, 12, 0, 16, 0, 1]);
            Some(answer)
        }),
        ("refused", refused),
    ];
    let mut open = tokio::task::JoinSet::new();
    for (case, say) in cases {
        open.spawn(async move {
            let names = Names::new(Some(strange(say).await), Duration::from_millis(600)).unwrap();
            let asked = names.texts("example.jp");
            let got = tokio::time::timeout(Duration::from_secs(5), asked).await.expect(case);
            assert!(got.is_err(), "{case}: {got:?}");
            let spf = Spf::look(&names, "example.jp", None).await;
            assert!(matches!(spf.result, SpfResult::Unanswered(_)), "{case}: {spf:?}");
        });
    }
    while let Some(done) = open.join_next().await {
        done.unwrap();
    }
}
