//! Why a notification waits: what each `reason` of a notification on its way means to people.
//!
//! In: a reason, as `schedule/backoff.rs` and the store give it. Out: a [`Meaning`].
//! A notification that rests has the code of its ending as its reason, and so has one that goes on by FAX after a mail:
//! those are in `endings.rs`.
//! Not here: how long is waited (`schedule/backoff.rs`).

use crate::job::Mender::{CareManager, Line, Office, Technician};
use crate::job::meaning::{Meaning, entry};

/// The reasons, those of a line first.
#[rustfmt::skip]
pub const REASONS: &[Meaning] = &[
    entry("busy", "話中のため待機", Some(Office),
        "The number was busy; it is called again within minutes.", "相手が話し中でした。数分おきに再送します。",
        "If it stays so, ask the office whether its fax line is in use.", "続く場合は、FAX 回線が使用中でないか事業所に確認してください。"),
    entry("no-answer", "応答なしのため待機", Some(Office),
        "Nobody and nothing answered; it is called again later.", "応答がありませんでした。時間をおいて再送します。",
        "If it stays so, ask the office whether its machine is on and has paper.", "続く場合は、FAX の電源と用紙を事業所に確認してください。"),
    entry("no-fax-tone", "FAX信号なしのため待機", Some(CareManager),
        "No fax tone was heard, so it is called few more times, far apart.", "FAX の信号が聞こえないため、間隔をあけて数回だけ再送します。",
        "Check the fax number with the office: it may be a telephone.", "電話番号の可能性があります。FAX 番号を事業所に確認してください。"),
    entry("handshake", "通信エラーのため待機", Some(Line),
        "A fax machine answered and both did not come to terms before the page.", "FAX は応答しましたが、送信前の通信が成立しませんでした。",
        "Nothing to do yet. If several numbers do so, test the line: `shirase lines test NAME`.", "まだ対応は不要です。複数の番号で起きる場合は、`shirase lines test 回線名` で回線を調べてください。"),
    entry("cannot-receive", "受信不可のため待機", Some(Office),
        "The far machine says that it cannot receive; it is called again within hours.", "相手の FAX が受信できない状態です。数時間以内に再送します。",
        "Ask the office to look at its machine: paper, memory, a message on its display.", "用紙・メモリー・表示メッセージなど、FAX の状態を事業所に確認してください。"),
    entry("line-down", "回線異常のため待機", Some(Line),
        "Our line or modem is not fit to dial; nobody was called.", "回線またはモデムが使えないため、発信していません。",
        "See `shirase lines` for what is wrong and what to do.", "`shirase lines` で異常と対処を確認してください。"),
    entry("sheet-unavailable", "用紙作成不可のため待機", Some(Technician),
        "There is no sheet that may go; nobody was called.", "送信できる用紙を作成できないため、発信していません。",
        "See `journalctl -u shirase -g sheet`: file and line of the template, or the setting.", "`journalctl -u shirase -g sheet` でテンプレートの行または設定を確認してください。"),
    entry("interrupted", "中断のため待機", None,
        "We ended it ourselves before the page: held back, stopping, or the disk too slow.", "保留、停止またはディスクの遅れにより、ページの送信前に当方で中断しました。",
        "Nothing to do: it is tried again at once.", "対応は不要です。すぐに再送します。"),
    entry("unconfirmed", "未確認のため再送待ち", Some(CareManager),
        "A page left and was not confirmed; it holds no key, or its sender wanted it so: one copy more follows.", "送信しましたが受信を確認できませんでした。KEY を含まないか、差出人の指定により、同じ用紙をもう一度送ります。",
        "Nothing to do: the copy says that it is one.", "対応は不要です。再送分には再送である旨を印字します。"),
    entry("mail-deferred", "メール延期のため待機", Some(Office),
        "A mail host put it off; it is tried again, and its FAX goes if that takes too long.", "メールサーバーが受け取りを延期しました。再送し、長引く場合は FAX で送ります。",
        "Nothing to do. If it stays so, ask the office whether its mailbox is full.", "対応は不要です。続く場合は、メールボックスの空きを事業所に確認してください。"),
    entry("service-refused", "FAX事業者拒否のため待機", Some(Technician),
        "The relay does not take this sheet for the fax provider; nobody was called.", "FAX 送信サービス宛てのメールをメールサーバーが拒否しました。発信していません。",
        "Check `gateway` and `account` of the line: `shirase lines`.", "回線の `gateway` と `account` を確認してください（`shirase lines`）。"),
    entry("relay-down", "メールサーバー異常のため待機", Some(Technician),
        "Our relay is not there, does not let us in, or takes nothing.", "メールサーバーに接続できないか、送信を受け付けません。",
        "See `shirase mail`, then `shirase check mail`.", "`shirase mail` と `shirase check mail` で確認してください。"),
    entry("redial-rule", "再発信間隔のため待機", None,
        "The number was called without an answer as often as the rule on automatic redialling allows for now.", "自動再発信の回数の上限に達したため、間隔をあけています。",
        "Nothing to do: `due_at` says when it is called again.", "対応は不要です。次の発信時刻は `due_at` にあります。"),
    entry("for-a-modem", "モデム回線待ち", Some(Technician),
        "It holds a key, and the line whose turn it was may carry none: it waits for a line with a modem.", "KEY を含むため、KEY を送信できない回線では送らず、モデム回線を待っています。",
        "See `shirase lines`: is a line with a modem ready?", "`shirase lines` で、使用できるモデム回線があるか確認してください。"),
    entry("held-by-person", "担当者による保留", Some(Technician),
        "Somebody holds it; nothing is sent, and its end comes all the same.", "担当者が保留しています。送信せず、期限が来れば終了します。",
        "The event `hold` has the note; `shirase release ID` lets it go on.", "理由はイベント `hold` の note にあります。再開するには `shirase release ID` を実行してください。"),
    entry("released", "保留解除", None,
        "It was held and goes on.", "保留が解除され、送信を再開します。",
        "Nothing to do: it has its turn now.", "対応は不要です。順番に送信します。"),
    entry("on-line", "送信中", None,
        "An attempt is on.", "送信しています。",
        "Nothing to do: `live` shows how far it is.", "対応は不要です。進み具合は `live` にあります。"),
];
