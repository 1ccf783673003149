//! What is taken on: once for each key, and as it was handed in.

use std::collections::HashSet;

use super::*;

pub(crate) fn every_kind_in_either_language_comes_back_as_it_was_handed_in(queue: &dyn Queue) {
    for (kind, language) in
        Kind::ALL.iter().flat_map(|kind| Language::ALL.iter().map(|language| (*kind, *language)))
    {
        let job = NewJob { language, ..examples::of(kind) };
        let id = accept(queue, request(&format!("{kind}-{language}"), |new| *new = job.clone()));
        let got = claim(queue, NOW, "line1").expect("due");
        assert_eq!((got.id, got.standing.kind), (id, kind));
        assert_eq!(show(queue, id).kind, kind.as_str());
        assert_eq!(format!("{:?}", got.job), format!("{job:?}"), "but for what is never shown");
        let secrets = |job: &NewJob| {
            let credentials = job.content.credentials()?;
            let parts = [&credentials.login_id, &credentials.password, &credentials.first_time_key];
            Some(parts.map(|part| part.expose().to_owned()))
        };
        assert_eq!(secrets(&got.job), secrets(&job));
        dial(queue, got.attempt, NOW);
        start_page(queue, got.attempt);
        assert_eq!(queue.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
    }
}

pub(crate) fn same_key_64_times_at_once_is_one_job(queue: &dyn Queue) {
    let answers: Vec<Accepted> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..64)
            .map(|_| scope.spawn(|| queue.accept(request("same", |_| {})).wait().expect("answers")))
            .collect();
        posts.into_iter().map(|post| post.join().expect("no panic")).collect()
    });
    let new = answers.iter().filter(|answer| matches!(answer, Accepted::New { .. })).count();
    let ids: HashSet<JobId> = answers
        .iter()
        .map(|answer| match answer {
            Accepted::New { id, .. } | Accepted::Replay { id, .. } => *id,
            Accepted::OtherBody => panic!("the body was the same"),
        })
        .collect();
    assert_eq!((new, ids.len(), answers.len()), (1, 1, 64));
    assert_eq!(event_names(queue), ["accepted"]);
}

pub(crate) fn same_key_other_body_is_told_apart_and_stores_nothing(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let mut other = request("a", to_number("0612345678"));
    other.fingerprint = [2; 32];
    assert_eq!(queue.accept(other).wait(), Ok(Accepted::OtherBody));
    assert_eq!(
        queue.accept(request("a", |_| {})).wait(),
        Ok(Accepted::Replay { id, channel: Channel::Fax })
    );
    assert_eq!(event_names(queue).len(), 1);
}

pub(crate) fn earlier_request_is_known_by_client_key_and_body(queue: &dyn Queue) {
    let earlier = |client: ClientId, key: &str, fingerprint: u8| {
        let key = IdempotencyKey::parse(key).expect("valid");
        queue.earlier(client, key, [fingerprint; 32]).wait()
    };
    assert_eq!(earlier(client(), "a", 1), Ok(None));
    let id = accept(queue, request("a", |_| {}));
    assert_eq!(earlier(client(), "a", 1), Ok(Some(Accepted::Replay { id, channel: Channel::Fax })));
    assert_eq!(earlier(client(), "a", 2), Ok(Some(Accepted::OtherBody)));
    assert_eq!(earlier(client(), "b", 1), Ok(None));
    assert_eq!(earlier(ClientId("other".into()), "a", 1), Ok(None));
}

pub(crate) fn same_key_of_another_client_is_another_job(queue: &dyn Queue) {
    let ours = accept(queue, request("a", |_| {}));
    let mut theirs = request("a", |_| {});
    theirs.client = ClientId("other".into());
    let theirs = accept(queue, theirs);
    assert_ne!(ours, theirs);
    // And neither sees the other's.
    assert!(queue.show(client(), theirs).wait().expect("answers").is_none());
    let cancelled = queue.cancel(client(), theirs, NOW).wait();
    assert_eq!(cancelled, Ok(Cancelled::NotFound));
    let listed = queue.list(client(), Filter { limit: 10, ..Filter::default() }).wait();
    let listed: Vec<JobId> =
        listed.expect("answers").expect("few").into_iter().map(|view| view.id).collect();
    assert_eq!(listed, [ours]);
    let events = feed(queue, 0, 10);
    assert!(events.iter().all(|event| event.job == ours));
}
