//! What to do about each refusal: the next step of whoever its entry names.
//!
//! In: a [`Code`]. Out: one or two sentences, in English and in Japanese.
//! Not here: what a refusal says, and who mends it (`problem.rs`); the next step after an ending (`settle/endings.rs`).

use super::problem::Code;

/// The next step, in English and in Japanese.
#[rustfmt::skip]
pub(super) const fn next_step(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::WebhookNotFound => (
            "`shirase webhook` lists the names.", "名前は `shirase webhook` で確認してください。"),
        Code::Unauthorized => (
            "Send `Authorization: Bearer client.secret` with a token that `shirase token new` made and the tokens file holds.",
            "`shirase token new` で作成し、トークンファイルに登録したトークンを `Authorization: Bearer` で送ってください。"),
        Code::ScopeMissing => (
            "Use a token with the scope that `detail` names, or have one made with `shirase token new --scope`.",
            "`detail` に示された権限のあるトークンを使うか、`shirase token new --scope` で作成してください。"),
        Code::TooManyFailures => (
            "Find who calls with a wrong or revoked token and give it a right one. Right tokens are let in meanwhile.",
            "誤ったトークンや失効したトークンで接続しているプログラムを探して設定を直してください。正しいトークンはその間も使えます。"),
        Code::TooManyRequests => (
            "Wait as long as Retry-After says, then send again with the same Idempotency-Key; or raise `posts_per_minute`.",
            "Retry-After の時間だけ待ち、同じ Idempotency-Key で送り直してください。必要なら設定 `posts_per_minute` を上げてください。"),
        Code::NoSuchRoute => (
            "Compare the path with `/v1/openapi.json` or `/v1/docs`.",
            "`/v1/openapi.json` または `/v1/docs` でパスを確認してください。"),
        Code::MethodNotAllowed => (
            "Use a method that the header Allow names.",
            "Allow ヘッダーに示されたメソッドを使ってください。"),
        Code::NotificationNotFound => (
            "Use the id of the 202, with a token of the same client. Notifications that ended long ago are forgotten.",
            "受付時（202）の ID を、同じクライアントのトークンで指定してください。終了から長い期間がたった通知は消去されています。"),
        Code::CallNotFound => (
            "List the calls that are kept with `/v1/calls` or `shirase calls`.",
            "`/v1/calls` または `shirase calls` で、残っている通話記録を確認してください。"),
        Code::LineNotFound => (
            "List the lines with `/v1/lines` or `shirase lines`.",
            "`/v1/lines` または `shirase lines` で回線名を確認してください。"),
        Code::LineNotTestable => (
            "Wait until the test or the call that is on has ended, then ask again.",
            "実行中のテストまたは通話が終わってから、もう一度実行してください。"),
        Code::ProblemNotFound => (
            "Look the code up among `/v1/problems`, or with `shirase explain`.",
            "`/v1/problems` の一覧か `shirase explain` で確認してください。"),
        Code::InvalidQuery => (
            "Correct the parameter that `detail` names; `/v1/docs` has all of them.",
            "`detail` に示されたパラメーターを直してください。一覧は `/v1/docs` にあります。"),
        Code::CursorTooOld => (
            "Ask for each notification that matters by its id, then read on from the cursor that `detail` names.",
            "必要な通知を ID で確認し、`detail` に示されたカーソルから読み直してください。"),
        Code::TooManyStreams => (
            "Close a stream that is not needed any more, then open this one again.",
            "不要になった接続を閉じてから、もう一度接続してください。"),
        Code::InvalidJson => (
            "Send one JSON value in UTF-8; `detail` names line and column.",
            "UTF-8 の JSON を 1 つだけ送ってください。誤りの行と桁は `detail` にあります。"),
        Code::UnsupportedMediaType => (
            "Send `Content-Type: application/json` and no Content-Encoding.",
            "`Content-Type: application/json` を付け、Content-Encoding は付けずに送ってください。"),
        Code::BodyTooLarge => (
            "Shorten the texts or the list of documents: a body has at most 64 KiB.",
            "本文は 64 KiB までです。文字列か書類の数を減らしてください。"),
        Code::BodyTimeout => (
            "Send the whole body within some seconds, with the same Idempotency-Key.",
            "同じ Idempotency-Key で、本文全体を数秒以内に送ってください。"),
        Code::BodyBroken => (
            "Send the whole body again, with the same Idempotency-Key.",
            "同じ Idempotency-Key で、本文全体をもう一度送ってください。"),
        Code::IdempotencyKeyMissing => (
            "Give each notification a key of its own, a UUID for instance, keep it, and repeat with the same one.",
            "通知ごとに固有のキー（UUID など）を付けて保存し、再送時も同じキーを使ってください。"),
        Code::IdempotencyKeyInvalid => (
            "Send the header once, with 1 to 255 visible ASCII characters, a UUID for instance.",
            "ヘッダーは 1 つだけにし、1～255 文字の ASCII（UUID など）を指定してください。"),
        Code::IdempotencyKeyReused => (
            "For another notification use another key. To repeat one, send exactly the first body.",
            "別の通知には別のキーを使ってください。再送の場合は最初と同じ本文を送ってください。"),
        Code::UnknownField => (
            "Take out the field that `errors` names, or correct its name.",
            "`errors` に示された項目を削除するか、名前を直してください。"),
        Code::MissingField => (
            "Add the field that `errors` names.",
            "`errors` に示された項目を追加してください。"),
        Code::DuplicateField => (
            "Give each field once; `detail` names line and column.",
            "同じ項目は 1 つだけにしてください。位置は `detail` にあります。"),
        Code::WrongType => (
            "Send the field that `errors` names in the type that `/v1/docs` gives.",
            "`errors` に示された項目を、`/v1/docs` にある型で送ってください。"),
        Code::InvalidText => (
            "Enter the text that `errors` names: name or telephone of an office, or the title of a document.",
            "`errors` に示された文字列（事業所名・電話番号・書類名など）を入力してください。"),
        Code::InvalidNumber => (
            "Correct the fax number of the office: digits with area code, hyphens allowed.",
            "事業所の FAX 番号を市外局番から正しく入力してください。"),
        Code::InvalidOfficeNumber => (
            "Correct the office number: ten digits, with its check digit.",
            "事業所番号（10 桁）を正しく入力してください。"),
        Code::InvalidMailAddress => (
            "Ask the office for its address, and register that.",
            "メールアドレスを事業所に確認し、登録し直してください。"),
        Code::InvalidCredential => (
            "Make credentials of visible ASCII characters; `23456789ABCDEFGHJKMNPQRSTVWXYZ` is read best from paper.",
            "ログイン情報は見える ASCII 文字で発行してください。`23456789ABCDEFGHJKMNPQRSTVWXYZ` が紙面で最も読み取りやすい文字です。"),
        Code::InvalidTime => (
            "Write the time as `2026-11-24T09:00:00+09:00`, within the range that `errors` names.",
            "`errors` に示された範囲の日時を `2026-11-24T09:00:00+09:00` の形式で指定してください。"),
        Code::InvalidValue => (
            "Use a value that `errors` or `/v1/docs` names.",
            "`errors` または `/v1/docs` に示された値を使ってください。"),
        Code::DestinationDenied => (
            "Check the fax number with the office: mobile, toll-free and emergency numbers are not called. A technician sees what is denied in `[calling]`.",
            "FAX 番号を事業所に確認してください。携帯・フリーダイヤル・緊急番号には送信しません。拒否の設定は `[calling]` にあります。"),
        Code::ServiceNotSupported => (
            "Check the office number. Tell an office of this kind by other means.",
            "事業所番号を確認してください。この種別の事業所には別の方法で連絡してください。"),
        Code::OfficeClosed => (
            "Ask whether the office is open again; the exchange then reports `reopened` for it.",
            "事業所の再開を確認してください。再開していれば、連携システムから `reopened` を報告します。"),
        Code::OfficeFaxMismatch => (
            "Check both numbers with the office; if its fax number has changed, the exchange reports `fax_changed`.",
            "両方の番号を事業所に確認してください。FAX 番号が変わった場合は、連携システムから `fax_changed` を報告します。"),
        Code::NoLineForKeys => (
            "Add a line with a modem, or a service whose profile may carry keys; see `[[line]]` in the settings.",
            "モデム回線、または KEY を送信できる FAX サービスを設定（`[[line]]`）に追加してください。"),
        Code::NumberNotProven => (
            "Send a `number_proof` to it, or any notice without a key; when that is confirmed, repeat with the same Idempotency-Key.",
            "先に `number_proof`（または KEY を含まない通知）を送り、到達が確認されてから同じ Idempotency-Key で再送してください。"),
        Code::CredentialsRequired => (
            "Add `credentials` with login ID, password and first-time key.",
            "`credentials` にログイン ID・パスワード・初回ダウンロード KEY を指定してください。"),
        Code::FieldNotOfKind => (
            "Take out the field that `errors` names, or use the kind that has it.",
            "`errors` に示された項目を削除するか、その項目のある種類の通知を使ってください。"),
        Code::OutsideCallingHours => (
            "Choose a period that holds some of the calling hours, which `detail` or the settings name.",
            "配信時間帯を含む期間を指定してください。時間帯は `detail` または設定にあります。"),
        Code::QueueHorizon => (
            "Choose a later `not_after`, or repeat after the time that Retry-After names; `projection` says when its turn would come.",
            "`not_after` を延ばすか、Retry-After の時間が過ぎてから再送してください。順番の見込みは `projection` にあります。"),
        Code::Unrenderable => (
            "Replace the characters that `errors` names by ones in common use, or shorten the text.",
            "`errors` に示された文字を一般的な文字に置き換えるか、文字列を短くしてください。"),
        Code::CancelTooLate => (
            "See what became of it, and tell the office by telephone that it does not count.",
            "通知の状態を確認し、無効であることを事業所に電話で伝えてください。"),
        Code::NotUncertain => (
            "Read its state with GET /v1/notifications/{id}: somebody or a receipt has decided before, or it is on its way.",
            "GET /v1/notifications/{id} で状態を確認してください。すでに判断されたか、送信の途中です。"),
        Code::KeyGone => (
            "Rotate with new credentials, or close it.",
            "新しいログイン情報で rotate するか、close で終了してください。"),
        Code::AlreadyFinal => (
            "Read its state; for another notice hand in a new notification.",
            "通知の状態を確認してください。必要な場合は新しい通知を出してください。"),
        Code::NotWaiting => (
            "Read its state: what is being sent goes to its end, and what has ended stays so.",
            "通知の状態を確認してください。送信中の通知は最後まで送信され、終了した通知は変わりません。"),
        Code::SheetUnavailable => (
            "Look into the journal (`journalctl -u shirase -g sheet`) for the file and line; it is tried again within 5 s of mending. Repeat the request then.",
            "ログ（`journalctl -u shirase -g sheet`）でファイルと行を確認して直してください。5 秒以内に再確認されるので、その後もう一度送ってください。"),
        Code::NoLineReady => (
            "See `shirase lines` for what is wrong with each line and what to do.",
            "`shirase lines` で各回線の異常と対処を確認してください。"),
        Code::ClockNotSet => (
            "Set the clock (`timedatectl`), or wait until NTP has, then repeat with the same Idempotency-Key.",
            "時計を合わせるか（`timedatectl`）、NTP による時刻合わせを待って、同じ Idempotency-Key でもう一度送ってください。"),
        Code::StoreFull => (
            "Make room on the disk of the store (`shirase check`), then repeat with the same Idempotency-Key.",
            "保存先のディスクに空きを作り（`shirase check`）、同じ Idempotency-Key でもう一度送ってください。"),
        Code::StoreUnavailable => (
            "Repeat with the same Idempotency-Key. If it stays so, see `systemctl status shirase`.",
            "同じ Idempotency-Key でもう一度送ってください。続く場合は `systemctl status shirase` を確認してください。"),
        Code::OutcomeUnknown => (
            "Repeat with the same Idempotency-Key and body until there is another answer: the key finds out.",
            "ほかの応答が返るまで、同じ Idempotency-Key と本文で繰り返してください。受け付け済みかはキーで判別されます。"),
        Code::Internal => (
            "Repeat once with the same Idempotency-Key, and report it with the journal of that time.",
            "同じ Idempotency-Key で一度だけ再送し、その時刻のログを添えて報告してください。"),
    }
}
