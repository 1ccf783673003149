//! What the code of a post that failed means, and what to do, for whoever looks at an endpoint at eight in the morning.
//!
//! In: a code, as the webhook driver gives it. Out: a [`Meaning`]. The message beside it has the particulars.

use webhook::PostError;

use crate::job::Mender::Technician;
use crate::job::meaning::{Meaning, entry};

/// What happened, and what to do.
pub(super) fn sentence(error: &PostError) -> String {
    format!("{error}. {}", what_to_do(error))
}

/// What to do.
pub fn what_to_do(error: &PostError) -> &'static str {
    FAULTS.iter().find(|entry| entry.code == error.code()).map_or("", |entry| entry.next)
}

/// Why a post was not taken.
#[rustfmt::skip]
pub const FAULTS: &[Meaning] = &[
    entry("webhook-settings", "Webhook設定の誤り", Some(Technician),
        "A secret or a certificate of a webhook is not there or not right.", "Webhook のシークレットか証明書のファイルがないか、誤っています。",
        "Mend the file that the message names: it is read again within a minute; one of /etc/shirase/credentials at a start only (`systemctl restart shirase`). Nothing is lost meanwhile.", "メッセージに示されたファイルを直してください。1 分以内に再度読み込みます。/etc/shirase/credentials のファイルは起動時にのみ読み込むため、`systemctl restart shirase` を実行してください。その間も失われるものはありません。"),
    entry("webhook-no-address", "Webhook名前解決不可", Some(Technician),
        "The name in `url` has no address, or the name server cannot be asked.", "`url` の名前からアドレスを取得できません。",
        "Look at the name in `url`, and whether the unit lets us out to the name server.", "`url` の名前と、ユニットがネームサーバーへの通信を許可しているかを確認してください。"),
    entry("webhook-address-forbidden", "Webhook宛先禁止", Some(Technician),
        "The name in `url` leads to an address that is not of the Internet.", "`url` の名前がインターネット以外のアドレスを示しています。",
        "If it is meant, list its network in `allow_networks` of this [[webhook]].", "意図した宛先であれば、`[[webhook]]` の `allow_networks` にそのネットワークを追加してください。"),
    entry("webhook-needs-tls", "WebhookにTLS必須", Some(Technician),
        "Without TLS nothing goes to an address of the Internet.", "インターネット上の宛先には TLS なしで送りません。",
        "Write https in `url`.", "`url` を https にしてください。"),
    entry("webhook-connect", "Webhook接続不可", Some(Technician),
        "Nobody takes the connection.", "受信側に接続できません。",
        "See that the receiver runs, and that IPAddressAllow= of the unit lets us out to it.", "受信側が動作しているか、ユニットの IPAddressAllow= が宛先を許可しているかを確認してください。"),
    entry("webhook-certificate", "Webhook証明書不正", Some(Technician),
        "The receiver's certificate is out of date, or made by nobody who is believed.", "受信側の証明書が期限切れか、信頼できない発行元のものです。",
        "Renew it, or name its authority in `ca_file`.", "証明書を更新するか、発行元を `ca_file` に指定してください。"),
    entry("webhook-wrong-name", "Webhook証明書不一致", Some(Technician),
        "The receiver's certificate is that of another host.", "受信側の証明書の名前が一致しません。",
        "Write a name in `url` that the certificate bears.", "`url` を証明書に記載された名前にしてください。"),
    entry("webhook-tls", "WebhookTLS不成立", Some(Technician),
        "TLS was begun and did not come about.", "TLS 接続が成立しませんでした。",
        "See that the receiver speaks TLS 1.2 or 1.3 at this port.", "受信側がこのポートで TLS 1.2 または 1.3 に対応しているか確認してください。"),
    entry("webhook-reset", "Webhook切断", Some(Technician),
        "The receiver ended the connection before an answer.", "受信側が応答の前に接続を切りました。",
        "Look into the receiver's log.", "受信側のログを確認してください。"),
    entry("webhook-no-http", "Webhook応答不正", Some(Technician),
        "What the receiver answered is no HTTP.", "受信側の応答が HTTP ではありません。",
        "Look at the port in `url`.", "`url` のポートを確認してください。"),
    entry("webhook-late", "Webhook応答なし", Some(Technician),
        "The receiver gave no answer in 20 s.", "受信側が 20 秒以内に応答しませんでした。",
        "See that the receiver runs and answers before it works, and that the unit lets us out to it.", "受信側が動作し、処理より先に応答しているか、ユニットが通信を許可しているかを確認してください。"),
    entry("webhook-redirect", "Webhook転送", Some(Technician),
        "The receiver sends us on, which is not followed.", "受信側が別の場所へ転送しようとしました。転送には従いません。",
        "Write the place that it leads to in `url`.", "転送先を `url` に設定してください。"),
    entry("webhook-gone", "Webhook停止", Some(Technician),
        "The receiver answered 410: it wants no posts any more, and gets none.", "受信側が 410 を返したため、送信を停止しました。",
        "If that was a mistake, mend the receiver and run `shirase webhook retry`.", "誤りであれば、受信側を直して `shirase webhook retry` を実行してください。"),
    entry("webhook-status", "Webhook拒否", Some(Technician),
        "The receiver answered with a status that is no 2xx.", "受信側が 2xx 以外のステータスを返しました。",
        "Look into the receiver's log; after 401 or 403 compare the secret and the clocks.", "受信側のログを確認してください。401 や 403 の場合は、シークレットと時計を照合してください。"),
];
