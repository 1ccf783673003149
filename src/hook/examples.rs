//! One example of each body that the interface takes, for its description.
//!
//! In: the description of all routes. Out: the same, with an example beside each body.
//! The tests read each as the hook does, and compare it with its schema.

use serde_json::{Value, json};
use utoipa::openapi::{OpenApi, RefOr};

/// Puts them where they belong.
pub(super) fn give(api: &mut OpenApi) {
    for route in api.paths.paths.values_mut() {
        for operation in [&mut route.post, &mut route.put, &mut route.delete].into_iter().flatten()
        {
            let Some(RefOr::T(body)) = &mut operation.request_body else { continue };
            for content in body.content.values_mut() {
                let RefOr::T(content) = content else { continue };
                if let Some(RefOr::Ref(to)) = &content.schema {
                    content.example = to.ref_location.rsplit('/').next().and_then(of);
                }
            }
        }
    }
}

/// The example of a type.
fn of(name: &str) -> Option<Value> {
    match name {
        "NewNotification" => Some(json!({
            "kind": "first_contact",
            "sender": {
                "office_number": "1379900028",
                "office_name": "みどり居宅介護支援事業所",
                "phone": "03-0000-1111",
            },
            "recipient": {
                "office_number": "2779900030",
                "office_name": "あおぞら訪問介護ステーション",
                "fax": "03-5550-0001",
            },
            "credentials": {
                "login_id": "AZ2779900030",
                "password": "WM7KQP4ZHR9T",
                "first_time_key": "K7NW42MDXQ93TFHA",
            },
            "documents": [
                { "title": "提供票", "count": 2 },
                { "title": "ケアプラン", "count": 1 },
            ],
        })),
        "Evidence" => Some(json!({ "kind": "first_login" })),
        "Resolution" => Some(json!({ "action": "close", "delivered": true, "by": "佐藤" })),
        "Hold" => Some(json!({ "note": "回線工事のため" })),
        "OfficeEntry" => Some(json!({ "fax": "03-5550-0001" })),
        "OfficeEvent" => {
            Some(json!({ "event": "mail_registered", "mail": "info@aozora.example.jp" }))
        }
        "OneNumber" => Some(json!({ "number": "03-5550-0001" })),
        "NumberLock" => Some(json!({ "number": "03-5550-0001", "fastest_bps": 9600 })),
        _unknown => None,
    }
}
