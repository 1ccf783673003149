//! What `GET /v1/status` and a preflight point out besides refusals, endings and faults, and what to do about it.
//!
//! In: a code. Out: a [`Meaning`]. Not here: when it is pointed out (`status.rs`, `preflight.rs`).

use super::problem::Code;
use crate::job::Mender::{CareManager, Technician};
use crate::job::meaning::{Meaning, entry};
use crate::send::faults::FAULTS;
use crate::settle::endings;
use crate::tell;

pub const HELD: &str = "held";
pub const CLOCK_IN_DOUBT: &str = "clock-in-doubt";
pub const HISTORY_ALTERED: &str = "history-altered";
pub const QUEUE_LATE: &str = "queue-late";
pub const WEBHOOK_NOT_TAKEN: &str = "webhook-not-taken";
pub const TOKENS_NOT_RENEWED: &str = "tokens-not-renewed";
pub const CERTIFICATES_NOT_RENEWED: &str = "certificates-not-renewed";
pub const CERTIFICATE_RUNS_OUT: &str = "certificate-runs-out";
pub const UNCERTAIN_OPEN: &str = "uncertain-open";
pub const NOTHING_USABLE: &str = "nothing-usable";
pub const NUMBER_RESTS: &str = "number-rests";
pub const NUMBER_UNKNOWN: &str = "number-unknown";
/// Of a line or the relay whose fault has no entry of its own.
const OUT_OF_ORDER: &str = "out-of-order";

/// What is pointed out of the appliance, then of one notification.
#[rustfmt::skip]
pub const ALERTS: &[Meaning] = &[
    entry(HELD, "送信停止中", Some(Technician),
        "The gateway holds everything back: nothing is dialled, nothing mailed.", "送信を全体で停止しています。発信もメール送信も行いません。",
        "Do what the message says, then `shirase release`.", "メッセージに従って確認し、`shirase release` で再開してください。"),
    entry(CLOCK_IN_DOUBT, "時計の異常", Some(Technician),
        "The clock has jumped or is not set; nothing is sent until it is believed.", "時計が大きくずれたか、合っていません。正しいと確認できるまで送信しません。",
        "Look at `timedatectl`: is the time right, and is NTP in step?", "`timedatectl` で時刻と NTP の同期を確認してください。"),
    entry(HISTORY_ALTERED, "記録の改変", Some(Technician),
        "Somebody has changed, put in or taken out events of the feed, past the gateway.", "ゲートウェイを介さずに、記録（イベント）が変更、追加または削除されました。",
        "Keep a copy of the store, find out who can write the file, and compare `/v1/events` with what the exchange has.", "ストアのコピーを保全し、書き込める人を確認して、`/v1/events` を連携システムの記録と照合してください。"),
    entry(QUEUE_LATE, "送信遅延", Some(Technician),
        "Something waits for a line although it could have been called for hours.", "送信できる時間が続いているのに、長く待っている通知があります。",
        "See `shirase list --state waiting`, then `shirase why ID` for what it waits for.", "`shirase list --state waiting` で一覧、`shirase why ID` で理由を確認してください。"),
    entry(WEBHOOK_NOT_TAKEN, "Webhook未受領", Some(Technician),
        "An endpoint of the exchange does not take what it is told; the feed has all of it.", "連携システムの Webhook が通知を受け取っていません。記録はすべて `/v1/events` にあります。",
        "See `shirase webhook` for what is wrong, and `shirase webhook retry` once it is mended.", "`shirase webhook` で原因を確認し、直したら `shirase webhook retry` を実行してください。"),
    entry(TOKENS_NOT_RENEWED, "トークン更新不可", Some(Technician),
        "The tokens file cannot be used as it is now: the tokens that it held before go on working, also those that were taken out.", "トークンファイルを使用できません。以前のトークンが、削除したものも含めて有効なままです。",
        "Mend the file where the message says; it is read again within half a minute.", "メッセージに示された箇所を直してください。30 秒以内に再度読み込みます。"),
    entry(CERTIFICATES_NOT_RENEWED, "証明書更新不可", Some(Technician),
        "The files of `[http.tls]` cannot be used as they are now: what they held before is still in use.", "`[http.tls]` のファイルを使用できません。以前に読み込んだ内容を引き続き使用しています。",
        "Mend the file that the message names, it is read again within half a minute; a key of $CREDENTIALS_DIRECTORY at a start only (`systemctl restart shirase`).", "メッセージに示されたファイルを直してください。30 秒以内に再度読み込みます。$CREDENTIALS_DIRECTORY の鍵は起動時にのみ読み込むため、`systemctl restart shirase` を実行してください。"),
    entry(CERTIFICATE_RUNS_OUT, "証明書期限切れ間近", Some(Technician),
        "The certificate of `[http.tls]` has run out or will within 14 days: from then on callers on other machines refuse it.", "`[http.tls]` の証明書の有効期限が切れたか、14 日以内に切れます。切れると他のマシンから接続できません。",
        "Renew it, put it where `[http.tls]` says, and look at it with `shirase check`.", "証明書を更新して `[http.tls]` の場所に置き、`shirase check` で確認してください。"),
    entry(UNCERTAIN_OPEN, "到達未確認あり", Some(CareManager),
        "Some may or may not be on paper, and wait for a decision.", "届いたか確認できず、判断を待っている通知があります。",
        "See `shirase list --state uncertain`: call each office and ask for the sheet with that reference.", "`shirase list --state uncertain` で一覧を出し、照会番号の用紙の有無を事業所に確認してください。"),
    entry(OUT_OF_ORDER, "使用不可", Some(Technician),
        "It does not work; the message has the particulars.", "使用できません。詳細はメッセージにあります。",
        "Do what the message says.", "メッセージに従って対処してください。"),
    entry(NOTHING_USABLE, "送信手段なし", Some(Technician),
        "No line, or for a mail no relay, works now; it would wait until one does.", "使用できる回線（メールの場合は中継サーバー）がありません。復旧まで待機します。",
        "See `shirase status` for what is wrong and what to do.", "`shirase status` で異常と対処を確認してください。"),
    entry(NUMBER_RESTS, "発信休止中の番号", Some(CareManager),
        "Call after call met no fax tone at this number; it is not called again before a day has passed.", "この番号では FAX の応答が続けてないため、1 日発信を控えます。",
        "Check the fax number with the office.", "FAX 番号を事業所に確認してください。"),
    entry(NUMBER_UNKNOWN, "相手未確認の番号", Some(CareManager),
        "No machine has said yet who it is at this number.", "この番号の FAX はまだ名乗っていません。",
        "Compare the number with what the office has registered.", "番号を事業所の登録内容と照合してください。"),
];

/// The entry of one of the codes above, of an ending, or of a fault.
pub(super) fn meaning(code: &str) -> Meaning {
    let of = |table: &'static [Meaning], code: &str| table.iter().find(|entry| entry.code == code);
    let found =
        [ALERTS, FAULTS, tell::faults::FAULTS].into_iter().find_map(|table| of(table, code));
    let found = found.or_else(|| endings::find(code));
    found.or_else(|| of(ALERTS, OUT_OF_ORDER)).copied().unwrap_or_else(|| refusal(Code::Internal))
}

/// The entry of a refusal that is pointed out before anybody is refused.
pub(super) fn refusal(code: Code) -> Meaning {
    let told = code.entry();
    Meaning {
        code: told.code,
        label_ja: "",
        text: told.title,
        text_ja: told.title_ja,
        acts: Some(told.mender),
        next: told.next,
        next_ja: told.next_ja,
    }
}
