//! What technicians see of endpoints, and ask of them.

use ::webhook::{Answered, PostError};

use super::*;
use crate::tell::{Carries, Post, Teller};

/// Does one thing with every post.
struct Says(Result<Answered, PostError>);

impl Post for Says {
    fn post<'a>(
        &'a self,
        _message: &'a ::webhook::Message<'a>,
        _now_s: i64,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Answered, PostError>> + Send + 'a>> {
        let answer = self.0.clone();
        Box::pin(async move { answer })
    }
}

pub(super) fn endpoint(name: &str, says: Result<Answered, PostError>) -> Teller {
    let endpoint = WebhookEndpoint {
        name: name.into(),
        client: ClientId("exchange".into()),
        carries: Carries::Usual,
    };
    let origin = String::from("https://exchange.example.jp");
    let open = move || Ok(Box::new(Says(says.clone())) as Box<dyn Post>);
    Teller::new(endpoint, origin, Arc::new(open), Arc::new(Stopped(TUESDAY_10_00)))
}

async fn house(scopes: &'static [Scope]) -> House {
    let taken = Ok(Answered { status: 204, address: [192, 0, 2, 1].into() });
    let tellers =
        Tellers::new(vec![endpoint("good", taken), endpoint("gone", Err(PostError::Gone))]);
    House::with(Setup { scopes, tellers, ..Setup::default() }).await
}

#[tokio::test]
async fn endpoints_are_shown_in_the_order_of_the_settings_without_their_paths() {
    let list = house(&[Scope::Operate]).await.get("/v1/webhooks").await;
    assert_eq!(list.status, 200);
    let list = list.json();
    assert_eq!((&list[0]["name"], &list[1]["name"]), (&json!("good"), &json!("gone")));
    assert_eq!(list[0]["origin"], "https://exchange.example.jp");
    assert_eq!((&list[0]["state"], &list[0]["cursor"]), (&json!("starting"), &Value::Null));
}

#[tokio::test]
async fn try_of_an_endpoint_says_what_came_back_and_what_to_do() {
    let house = house(&[Scope::Operate]).await;
    let good = house.post_empty("/v1/webhooks/good/test").await.json();
    assert_eq!((&good["taken"], &good["status"]), (&json!(true), &json!(204)));
    assert_eq!(good["address"], "192.0.2.1");
    let gone = house.post_empty("/v1/webhooks/gone/test").await.json();
    assert_eq!((&gone["taken"], &gone["fault"]["code"]), (&json!(false), &json!("webhook-gone")));
    let message = gone["fault"]["message"].as_str().expect("a message");
    assert!(message.ends_with("run `shirase webhook retry`."), "{message}");
    let retry = house.post_empty("/v1/webhooks/gone/retry").await;
    assert_eq!((retry.status, retry.json()["due"].as_u64()), (202, Some(3)));
    for path in ["none/test", "none/retry", "%FF/test"] {
        let answer = house.post_empty(&format!("/v1/webhooks/{path}")).await;
        answer.is_problem(404, "webhook-not-found");
    }
}

#[tokio::test]
async fn who_may_notify_and_read_may_not_see_or_try_endpoints() {
    let house = house(&[Scope::Notify, Scope::Read]).await;
    house.get("/v1/webhooks").await.is_problem(403, "scope-missing");
    for wish in ["test", "retry"] {
        let answer = house.post_empty(&format!("/v1/webhooks/good/{wish}")).await;
        answer.is_problem(403, "scope-missing");
    }
}
