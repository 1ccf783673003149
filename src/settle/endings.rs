//! What every code of an ending means to people: one table, the same for receipts, `shirase show` and
//! `/v1/endings`.
//!
//! In: a code, as `verdict.rs`, the drivers and the store give it. Out: a [`Meaning`]: what happened and what
//! to do next, in English and in Japanese, and who does it.
//! A code never changes its meaning. The tests read the drivers' own lists of codes: a new code without an
//! entry here fails.
//! Not here: what follows from an ending for the notification (`verdict.rs`), why one waits (`reasons.rs`), refusals
//! (`hook/problem.rs`). `app/catalogue.rs` leads to all of them.

use crate::job::Mender;
pub use crate::job::meaning::Meaning;
use crate::job::meaning::entry;

/// The entry of a code; `None` for a word that is not in the catalogue.
pub fn find(code: &str) -> Option<&'static Meaning> {
    ENDINGS.iter().find(|entry| entry.code == code)
}

/// The catalogue: in the order of a call, then of a mail.
#[rustfmt::skip]
pub const ENDINGS: &[Meaning] = &{
    use Mender::{CareManager, Line, Office, Technician};
    [
        entry("delivered", "送信完了", None,
            "The far machine acknowledged every page.", "相手の FAX が全ページの受信を確認しました。",
            "Nothing to do.", "対応は不要です。"),

        // ---- dialling ----
        entry("busy", "話中", Some(Office),
            "The number was busy.", "相手が話し中でした。",
            "If it stays so, ask the office whether its fax line is in use.", "続く場合は、FAX 回線が使用中でないか事業所に確認してください。"),
        entry("no-answer", "応答なし", Some(Office),
            "Nobody and nothing answered.", "応答がありませんでした。",
            "If it stays so, ask the office whether its machine is on and has paper.", "続く場合は、FAX の電源と用紙を事業所に確認してください。"),
        entry("no-carrier", "FAX信号なし", Some(Office),
            "Nothing like a fax machine was heard.", "FAX の信号が聞こえませんでした。",
            "Call the number by telephone: is it a fax machine, and is it on?", "電話でかけてみて、FAX 番号であることと電源を確認してください。"),
        entry("probably-voice", "電話の可能性", Some(CareManager),
            "Call after call no fax tone was heard: it is probably a telephone, so this notification is not sent again.",
            "FAX の信号が続けて聞こえないため、電話番号の可能性があります。この通知の再送を止めました。",
            "Check the fax number and the machine with the office, then hand the notification in anew.",
            "FAX 番号と電源を事業所に確認し、通知を出し直してください。"),
        entry("voice", "電話の可能性（人の応答）", Some(CareManager),
            "A person answered: it is not called again.", "人が電話に出ました。再送を止めました。",
            "Check the fax number with the office, and apologise for the call.", "FAX 番号を事業所に確認し、着信についてお詫びしてください。"),
        entry("no-dial-tone", "発信音なし", Some(Line),
            "Our line has no dial tone; nobody was called.", "回線に発信音がありません。発信していません。",
            "Put a telephone on that socket: is the line dead, or held by another device?", "その回線に電話機をつなぎ、断線や他の機器の使用がないか確認してください。"),
        entry("no-loop-current", "回線断", Some(Line),
            "Our line had no current when it was dialled, or lost it in the call.", "発信時に回線の電流がないか、通信中に電流が切れました。",
            "If the page had begun, call the office. If it stays so, plug the line in and put a telephone on that socket: is the line dead?",
            "ページの送信中だった場合は事業所に確認してください。続く場合は回線の接続を確認し、電話機をつないで断線がないか確認してください。"),
        entry("dial-refused", "発信規制", Some(Technician),
            "The modem refused to dial; nobody was called.", "モデムが発信を拒みました。発信していません。",
            "Some modems forbid repeated calls: switch it off and on, and look for a list of blocked numbers in it.", "再発信を規制するモデムがあります。電源を入れ直し、モデムの規制設定を確認してください。"),
        entry("glare", "着信と衝突", Some(Line),
            "A call came in while we dialled.", "発信と同時に着信がありました。",
            "If it happens often, somebody rings this line: it is for outgoing calls only.", "頻発する場合は、この回線に着信させないでください。"),

        // ---- phase A: a call is up, no DIS yet ----
        entry("no-dis", "FAX信号のみ", Some(Office),
            "A fax tone was heard, but the machine never said what it can do (no DIS).", "FAX の信号はありましたが、機器からの応答（DIS）がありませんでした。",
            "If it stays so, ask the office to switch its machine off and on.", "続く場合は、FAX の電源を入れ直すよう事業所に依頼してください。"),
        entry("dis-garbled", "通信エラー（識別不良）", Some(Line),
            "A fax machine answered, but nothing it said could be read.", "FAX は応答しましたが、信号を読み取れませんでした。",
            "If only this number does so, its line is noisy; if several do, look at our line.", "この番号だけなら相手回線、複数の番号なら当方回線の雑音を調べてください。"),
        entry("dropped-in-phase-a", "通信エラー（切断）", Some(Office),
            "The line was cut before the machine had said who it is.", "相手の識別前に回線が切れました。",
            "If it stays so, call the number by telephone: is it a fax machine?", "続く場合は、電話でかけて FAX 番号であることを確認してください。"),

        // ---- phase B: who it is, what both can do, training ----
        entry("identity-conflict", "宛先不一致", Some(CareManager),
            "Another machine answered than was dialled, or it names itself otherwise than before: nothing was sent.",
            "応答した FAX の識別が、かけた番号やこれまでの識別と異なります。送信していません。",
            "Check the number with the office. If the machine is right: `shirase numbers lock`, with its identity.",
            "FAX 番号を事業所に確認してください。正しい機器なら `shirase numbers lock` で識別を登録します。"),
        entry("identity-not-locked", "宛先未確認", Some(Technician),
            "The machine names itself otherwise than dialled, and nobody has vouched for that name: nothing was sent.",
            "応答した FAX の識別が番号と異なり、技術者の確認がありません。送信していません。",
            "Check the number with the office, then `shirase numbers lock` with the machine's identity.",
            "事業所に確認のうえ、`shirase numbers lock` で識別を登録してください。"),
        entry("identity-absent", "宛先識別なし", Some(Office),
            "The machine does not say who it is, and the settings or a technician's lock of the number ask for it: nothing was sent.",
            "相手の FAX が識別を送らないため、設定または番号の識別登録により送信していません。",
            "Ask the office to enter its number in its machine, or allow such machines in the settings, or lock the number without an identity.",
            "FAX に自局番号を登録するよう事業所に依頼するか、設定で許可するか、識別なしで登録し直してください。"),
        entry("dtc", "ポーリング要求", Some(Office),
            "The far machine wants to fetch pages instead of receiving.", "相手の FAX がポーリング（取り出し）を求めました。",
            "Ask the office to set its machine to receive.", "FAX を受信にするよう事業所に依頼してください。"),
        entry("cannot-receive", "受信不可", Some(Office),
            "The far machine says that it cannot receive: paper out, memory full or switched to sending.", "相手の FAX が受信できない状態です（用紙切れ・メモリー不足など）。",
            "Ask the office to look at its machine. If the notification still waits, it is called again within hours; otherwise hand it in anew.",
            "用紙など FAX の状態を事業所に確認してください。通知が待機中なら数時間以内に再送します。終了している場合は通知を出し直してください。"),
        entry("incompatible", "互換性なし", Some(Technician),
            "The far machine and this line share no way of sending.", "相手の FAX と共通の通信方式がありません。",
            "Raise `fastest_bps` of the line if it is below 4800; otherwise tell the office by other means.", "回線の `fastest_bps` が 4800 未満なら上げてください。それ以外は別の方法で連絡してください。"),
        entry("no-subaddress", "Fコード非対応", Some(Office),
            "The page is for a box of the far machine (F code), and the machine has none; nothing was sent.", "相手の FAX が F コード（サブアドレス）に対応していないため、送信しませんでした。",
            "Ask the office for the number of the machine that has the box, or send without one.", "親展ボックスのある FAX の番号を事業所に確認するか、F コードなしで送ってください。"),
        entry("no-password", "パスワード非対応", Some(Office),
            "The page needs a password at the far machine, and the machine takes none; nothing was sent.", "相手の FAX が F コードのパスワードに対応していないため、送信しませんでした。",
            "Ask the office how its box is guarded, or send without a password.", "親展ボックスの設定を事業所に確認するか、パスワードなしで送ってください。"),
        entry("page-too-long", "用紙長オーバー", Some(Office),
            "The page is longer than the paper of the far machine; nothing was sent.", "ページが相手の FAX の用紙より長いため、送信しませんでした。",
            "Ask the office for a machine with longer paper, or make the page shorter.", "長い用紙を使える FAX を事業所に確認するか、ページを短くしてください。"),
        entry("no-reply-to-dcs", "通信エラー（応答なし）", Some(Line),
            "The far machine did not answer our terms and training signal.", "送信条件の通知とトレーニングに応答がありませんでした。",
            "Later calls go slower by themselves. If it stays so, set `shirase numbers lock --fastest`.", "次の発信は自動的に低速になります。続く場合は `shirase numbers lock --fastest` を設定してください。"),
        entry("cannot-train", "通信エラー（トレーニング）", Some(Line),
            "No speed survived this line: every training failed.", "どの速度でもトレーニングに失敗しました。",
            "If only this number does so, its line is bad; if several do, look at our line.", "この番号だけなら相手回線、複数の番号なら当方回線を調べてください。"),
        entry("dcn-before-page", "通信エラー（相手切断）", Some(Office),
            "The far machine ended the call before the page.", "ページの送信前に相手の FAX が通信を終了しました。",
            "If it stays so, ask the office whether its machine refuses callers, or has no paper.", "続く場合は、着信拒否や用紙切れがないか事業所に確認してください。"),
        entry("modem-phase-b", "通信エラー（手順）", Some(Line),
            "The modem could not come to terms with the far machine.", "モデムが相手の FAX と送信条件を決められませんでした。",
            "If only this number does so, its line is bad; if several do, look at our line.", "この番号だけなら相手回線、複数の番号なら当方回線を調べてください。"),
        entry("dropped-in-phase-b", "通信エラー（切断）", Some(Line),
            "The line was cut while both machines came to terms.", "送信条件のやり取り中に回線が切れました。",
            "If only this number does so, its line is bad; if several do, look at our line.", "この番号だけなら相手回線、複数の番号なら当方回線を調べてください。"),
        entry("unexpected", "通信エラー（手順）", Some(Technician),
            "The far machine said only things that have no place there.", "相手の FAX が手順にない応答を続けました。",
            "If it stays so, look at the recorded call.", "続く場合は、通信記録を調べてください。"),
        entry("refused-far-end", "送信中止", Some(Technician),
            "We refused the machine that answered; nothing was sent.", "応答した FAX への送信を取りやめました。",
            "See the rungs of the attempt for the reason.", "理由は試行の記録をご覧ください。"),

        // ---- phase C: the page is on the line ----
        entry("page-not-allowed", "送信中止", Some(Technician),
            "The page was not allowed to start.", "ページの送信を開始しませんでした。",
            "See the journal for the reason.", "理由はジャーナルをご覧ください。"),
        entry("page-empty", "用紙エラー", Some(Technician),
            "There was no page to send.", "送信するページがありませんでした。",
            "This is a fault of the gateway: report it with the journal.", "ゲートウェイの不具合です。ジャーナルを添えて報告してください。"),
        entry("modem-phase-c", "送信中エラー", Some(CareManager),
            "The modem ended the call at the page: once page data had left, part of it may be printed.", "モデムがページの送信時に通信を終えました。送信が始まっていれば、一部が印刷された可能性があります。",
            "If the attempt is uncertain, call the office; otherwise it is tried again.", "試行が未確定なら事業所に確認してください。それ以外は再送します。"),
        entry("dropped-in-phase-c", "送信中切断（未確定）", Some(CareManager),
            "The line was cut in the middle of the page: part of it may be printed.", "ページの送信中に回線が切れました。一部が印刷された可能性があります。",
            "Call the office: is a sheet with this reference in the tray, and how much of it?", "事業所に電話し、この照会番号の用紙が届いているか確認してください。"),

        // ---- phase D: the page is out, its confirmation is not in ----
        entry("dropped-in-phase-d", "送信後切断（未確定）", Some(CareManager),
            "The line was cut after the page, before its confirmation: it may be printed.", "ページの送信後、確認の前に回線が切れました。印刷された可能性があります。",
            "Call the office: is a sheet with this reference in the tray?", "事業所に電話し、この照会番号の用紙が届いているか確認してください。"),
        entry("modem-no-page-status", "確認応答なし（未確定）", Some(CareManager),
            "The modem sent the page and did not say how it was received.", "モデムがページを送信しましたが、受信結果を報告しませんでした。",
            "Call the office: is a sheet with this reference in the tray?", "事業所に電話し、この照会番号の用紙が届いているか確認してください。"),
        entry("modem-phase-d", "送信後エラー（未確定）", Some(CareManager),
            "The modem ended the call after the page, before its confirmation: it may be printed.", "ページの送信後、確認の前にモデムが通信を終えました。印刷された可能性があります。",
            "Call the office: is a sheet with this reference in the tray?", "事業所に電話し、この照会番号の用紙が届いているか確認してください。"),
        entry("dcn-after-page", "送信後切断（未確定）", Some(CareManager),
            "The far machine ended the call after the page without confirming it.", "ページの送信後、相手の FAX が確認せずに通信を終了しました。",
            "Call the office: is a sheet with this reference in the tray?", "事業所に電話し、この照会番号の用紙が届いているか確認してください。"),
        entry("no-reply-after-page", "確認応答なし（未確定）", Some(CareManager),
            "The page was sent and the far machine did not say that it has it.", "ページを送信しましたが、受信の確認がありませんでした。",
            "Call the office: is a sheet with this reference in the tray?", "事業所に電話し、この照会番号の用紙が届いているか確認してください。"),
        entry("no-reply-to-ctc", "確認応答なし（未確定）", Some(CareManager),
            "Part of the page had to be repeated, and the far machine fell silent.", "ページの一部を再送中に相手の応答がなくなりました。",
            "Call the office: is a sheet with this reference in the tray?", "事業所に電話し、この照会番号の用紙が届いているか確認してください。"),
        entry("rtn", "画質不良（未確定）", Some(CareManager),
            "The far machine rejected the page each time; many print it all the same.", "相手の FAX がページを毎回不良と返しました。印刷された可能性があります。",
            "Call the office: is a legible sheet with this reference in the tray?", "事業所に電話し、この照会番号の用紙が読める状態で届いているか確認してください。"),
        entry("pin", "操作要求（未確定）", Some(CareManager),
            "The far machine rejected the page and asks for a person.", "相手の FAX がページを不良とし、オペレーターを呼び出しました。",
            "Call the office: is a legible sheet with this reference in the tray?", "事業所に電話し、この照会番号の用紙が読める状態で届いているか確認してください。"),
        entry("rnr-timeout", "受信側待機（未確定）", Some(CareManager),
            "The far machine stayed busy with the page until our patience ended.", "相手の FAX がページの処理を終えず、時間切れになりました。",
            "Call the office: is a sheet with this reference in the tray?", "事業所に電話し、この照会番号の用紙が届いているか確認してください。"),
        entry("ppr-exhausted", "回線品質不良（未確定）", Some(CareManager),
            "Parts of the page stayed damaged however often they were repeated.", "再送を繰り返しても、ページの一部が届きませんでした。",
            "Call the office: is a sheet with this reference in the tray, and is it whole?", "事業所に電話し、この照会番号の用紙が全体まで届いているか確認してください。"),

        // ---- any phase ----
        entry("line-dropped", "通信エラー（切断）", Some(Line),
            "The line was cut while the call was being set up.", "接続の途中で回線が切れました。",
            "If several numbers do so, look at our line.", "複数の番号で起きる場合は当方回線を調べてください。"),
        entry("call-limit", "通信時間超過", Some(Line),
            "The call reached its limit of time and was ended.", "通信が制限時間に達したため終了しました。",
            "If the page had begun, call the office; otherwise look at the recorded call.", "ページの送信中だった場合は事業所に確認し、それ以外は通信記録を調べてください。"),
        entry("cancelled", "取消", None,
            "It was withdrawn before the page.", "ページの送信前に取り消されました。",
            "Nothing to do.", "対応は不要です。"),
        entry("held-back", "保留中", Some(Technician),
            "Everything was held back before it began; nobody was called and nothing left.", "開始前に全体が保留されたため、発信も送信もしていません。",
            "See `shirase status`; it goes on after `shirase release`.", "`shirase status` で理由を確認してください。`shirase release` の後に送信します。"),
        entry("shutting-down", "停止中", None,
            "The gateway was being stopped; the call ended before the page.", "ゲートウェイの停止により、ページの送信前に終了しました。",
            "It is tried again after the start.", "起動後に再送します。"),
        entry("stopped", "送信中止", None,
            "The gateway ended the call before the page.", "ページの送信前にゲートウェイが通信を終了しました。",
            "It is tried again.", "再送します。"),
        entry("aborted", "送信中止", None,
            "The gateway ended the call.", "ゲートウェイが通信を終了しました。",
            "It is tried again unless the page had begun.", "ページの送信前であれば再送します。"),
        entry("not-stored-in-time", "記録遅延", Some(Technician),
            "The next step could not be written to the disk in time, so it was not made.", "次の手順をディスクに記録できなかったため、送信を中止しました。",
            "Look at the disk: is it full, slow or failing?", "ディスクの空き・速度・故障を調べてください。"),
        entry("sheet-failed", "用紙エラー", Some(Technician),
            "The sheet could not be drawn, so nobody was called.", "用紙を作成できなかったため、発信していません。",
            "Look at the journal: a template or a font, or the sheet worker. Mended within a day, a notification that still waits goes by itself; otherwise hand it in anew.",
            "テンプレート・フォント・用紙作成プログラムをジャーナルで確認してください。待機中の通知は、1日以内に直せば自動的に送られます。失敗した通知は出し直してください。"),
        entry("sheet-proof-failed", "用紙エラー（印字）", Some(Technician),
            "Read back before dialling, the sheet did not clearly show its ID, password and key, so nobody was called.", "発信前の確認で、用紙からID・パスワード・KEYを正しく読み取れなかったため、発信していません。",
            "Look at the journal for the field and place, then at the sheet with `shirase sheet`: was a template or a font changed? Mended within a day, a notification that still waits goes by itself; otherwise hand it in anew.",
            "ジャーナルで項目と位置を確認し、`shirase sheet`で用紙を見てください。テンプレートかフォントが変わっていませんか。待機中の通知は、1日以内に直せば自動的に送られます。失敗した通知は出し直してください。"),
        entry("sheet-octets-wrong", "内部エラー", Some(Technician),
            "What was coded for the far machine was not the sheet; nothing was sent.", "相手機向けの符号化結果が用紙と一致しませんでした。送信していません。",
            "This is a fault of the gateway: report it with the journal, and hand the notification in anew.", "ゲートウェイの不具合です。ジャーナルを添えて報告し、通知を出し直してください。"),
        entry("crash-before-dial", "再起動", None,
            "The gateway was cut off before it dialled.", "発信前にゲートウェイが中断されました。",
            "It is tried again.", "再送します。"),
        entry("crash-in-call", "再起動", None,
            "The gateway was cut off in the call, before the page.", "通信中、ページの送信前にゲートウェイが中断されました。",
            "It is tried again.", "再送します。"),
        entry("crash-after-page", "再起動（未確定）", Some(CareManager),
            "The gateway was cut off after the page had begun.", "ページの送信開始後にゲートウェイが中断されました。",
            "Call the office: is a sheet with this reference in the tray?", "事業所に電話し、この照会番号の用紙が届いているか確認してください。"),
        entry("no-pages", "内部エラー", Some(Technician),
            "A call was asked for that has no page.", "ページのない送信が指示されました。",
            "This is a fault of the gateway: report it with the journal.", "ゲートウェイの不具合です。ジャーナルを添えて報告してください。"),
        entry("out-of-turn", "内部エラー", Some(Technician),
            "The fax session was driven out of turn.", "FAX 手順の制御に誤りがありました。",
            "This is a fault of the gateway: report it with the journal.", "ゲートウェイの不具合です。ジャーナルを添えて報告してください。"),
        entry("number-not-digits", "内部エラー", Some(Technician),
            "The number holds something else than digits; nobody was called.", "番号に数字以外が含まれています。発信していません。",
            "This is a fault of the gateway: report it with the journal.", "ゲートウェイの不具合です。ジャーナルを添えて報告してください。"),
        entry("own-identity", "設定エラー", Some(Technician),
            "Our own identity cannot be sent.", "自局の識別（TSI）を送信できません。",
            "Correct `tsi` of the line.", "回線の `tsi` を直してください。"),
        entry("box-needs-class-1", "Fコード送信不可（モデム）", Some(Technician),
            "A page for a box with a subaddress or password needs a modem of class 1; nobody was called.", "F コード宛ての送信には Class 1 のモデムが必要です。発信していません。",
            "Put a modem of class 1 on the line.", "その回線に Class 1 のモデムを使ってください。"),

        // ---- modem and device ----
        entry("modem-silent", "モデム無応答", Some(Technician),
            "The modem stopped answering.", "モデムが応答しません。",
            "Check power and cable; switch it off and on.", "電源とケーブルを確認し、電源を入れ直してください。"),
        entry("modem-gone", "モデム切断", Some(Technician),
            "The modem has gone: it was unplugged or lost power.", "モデムが取り外されたか、電源が切れました。",
            "Plug it in again: the line finds it by itself.", "接続し直してください。自動的に復帰します。"),
        entry("modem-off-hook", "回線保留", Some(Technician),
            "The modem does not hang up: the line stays engaged.", "モデムが回線を切断しません。回線がふさがっています。",
            "Switch the modem off and on.", "モデムの電源を入れ直してください。"),
        entry("modem-stuck", "モデム停止", Some(Technician),
            "The modem took no more data.", "モデムがデータを受け取りません。",
            "Check the cable's flow control; switch the modem off and on.", "フロー制御の配線を確認し、電源を入れ直してください。"),
        entry("modem-nonsense", "モデム異常", Some(Technician),
            "The modem gave an answer that makes no sense there.", "モデムの応答が正しくありません。",
            "Check `baud`; switch the modem off and on; try another modem.", "`baud` を確認し、電源を入れ直すか、別のモデムで試してください。"),
        entry("modem-refused", "モデム拒否", Some(Technician),
            "The modem refused a command that it must know.", "モデムが必要なコマンドを拒みました。",
            "Check its profile; try another modem.", "プロファイルを確認するか、別のモデムで試してください。"),
        entry("modem-babble", "モデム異常", Some(Technician),
            "The modem sent octets without end.", "モデムが無意味なデータを送り続けました。",
            "Check `baud` and cable; switch the modem off and on.", "`baud` とケーブルを確認し、電源を入れ直してください。"),
        entry("modem-underrun", "モデム異常", Some(Technician),
            "The modem ended the signal before our data was sent.", "データの送信中にモデムが信号を終えました。",
            "Raise `baud`; look at the machine's load.", "`baud` を上げ、機器の負荷を調べてください。"),
        entry("modem-slow", "モデム遅延", Some(Technician),
            "The modem took too long to get ready.", "モデムの準備に時間がかかりすぎました。",
            "Check cable and `baud`; try another modem.", "ケーブルと `baud` を確認するか、別のモデムで試してください。"),
        entry("modem-not-fax", "モデム非対応", Some(Technician),
            "The modem is no fax modem.", "このモデムには FAX 機能がありません。",
            "Use another modem.", "別のモデムを使ってください。"),
        entry("modem-class-missing", "設定エラー", Some(Technician),
            "The modem does not have the fax class that `class` of the line names.", "回線の `class` に指定した FAX クラスがモデムにありません。",
            "Set `class` to \"auto\", or to one that the journal lists.", "`class` を \"auto\" にするか、ジャーナルにあるクラスを指定してください。"),
        entry("modem-unknown-model", "設定エラー", Some(Technician),
            "`modem` of the line names a model that is not known.", "回線の `modem` に未知の機種名が指定されています。",
            "Set `modem` to \"auto\", or to one that the settings file lists.", "`modem` を \"auto\" にするか、設定ファイルにある機種を指定してください。"),
        entry("modem-country", "国設定不一致", Some(Technician),
            "The modem did not take the country of the line.", "モデムに国番号を設定できませんでした。",
            "Correct `country`, or use a modem that is sold for this country.", "`country` を確認するか、この国で販売されているモデムを使ってください。"),
        entry("modem-no-contract", "モデム異常", Some(Technician),
            "The modem agreed with the far machine on no page format that we can send; nothing was sent.",
            "モデムと相手機の間で送信できる形式が決まりませんでした。送信していません。",
            "Set `class` to \"1\" if the modem has it; try another modem.", "モデムが対応していれば `class` を \"1\" にするか、別のモデムで試してください。"),
        entry("modem-hung-up", "モデム切断", Some(Technician),
            "The modem hung up by itself.", "モデムが自分で回線を切りました。",
            "Look at the call's trace for its code; set `class` to \"1\" if the modem has it.", "通信記録でコードを確認し、対応していれば `class` を \"1\" にしてください。"),
        entry("modem-aborted", "送信中止", Some(Technician),
            "The modem says that the call was stopped.", "モデムが通信の中止を報告しました。",
            "If nobody stopped it, switch the modem off and on.", "中止していない場合は、モデムの電源を入れ直してください。"),
        entry("modem-profile", "設定エラー", Some(Technician),
            "The modem's profile cannot be read.", "モデムのプロファイルを読めません。",
            "This is a fault of the gateway: report it with the journal.", "ゲートウェイの不具合です。ジャーナルを添えて報告してください。"),
        entry("line-prefix", "設定エラー", Some(Technician),
            "`dial_prefix` holds something else than digits and pauses.", "`dial_prefix` に使えない文字があります。",
            "Correct `dial_prefix` of the line.", "回線の `dial_prefix` を直してください。"),
        entry("device-missing", "モデムなし", Some(Technician),
            "The device does not exist.", "装置がありません。",
            "Plug the modem in, or correct `device`: `ls -l /dev/serial/by-id`.", "モデムを接続するか、`device` を直してください（`ls -l /dev/serial/by-id`）。"),
        entry("device-not-serial", "設定エラー", Some(Technician),
            "The device is no serial port.", "装置がシリアルポートではありません。",
            "Correct `device` of the line.", "回線の `device` を直してください。"),
        entry("device-permission", "権限なし", Some(Technician),
            "The service may not open the device.", "装置を開く権限がありません。",
            "Add the service's user to the group that owns it (dialout on Debian).", "サービスのユーザーを装置のグループ（Debian では dialout）に加えてください。"),
        entry("device-taken", "装置使用中", Some(Technician),
            "Another program uses the device.", "装置を別のプログラムが使用しています。",
            "Stop that program: `fuser -v DEVICE` names it.", "`fuser -v 装置` で調べ、そのプログラムを止めてください。"),
        entry("device-shared", "装置競合", Some(Technician),
            "Another program has the device open too, and each takes the other's octets.", "別のプログラムも装置を開いており、データを取り合っています。",
            "Stop that program: `fuser -v DEVICE` names it.", "`fuser -v 装置` で調べ、そのプログラムを止めてください。"),
        entry("device-setup", "設定エラー", Some(Technician),
            "The device refuses to be set up.", "装置を設定できません。",
            "Check `baud` of the line.", "回線の `baud` を確認してください。"),

        // ---- a notice by mail: what the relay said ----
        entry("mail-accepted", "メール引渡し済", None,
            "The mail relay has taken the mail and answers for it. Whether it arrived or was read is not known yet.",
            "メールサーバーがメールを受け付けました。到着や開封はまだ確認されていません。",
            "Nothing to do: reports and the first login are waited for.", "対応は不要です。配達の報告と初回ログインを待っています。"),
        entry("mail-deferred", "メール保留", Some(Technician),
            "The mail was put off by a host: it is not taken now, and may be later.", "メールサーバーが一時的に受信を断りました。",
            "It is tried again, and sent by FAX in time. If it stays so, read the reply in the receipt.",
            "再送し、間に合わない場合は FAX で送ります。続く場合は記録の応答を確認してください。"),
        entry("mail-broke-off", "メール中断", Some(Technician),
            "The relay fell silent or hung up in the middle of the mail; nobody has it.", "メールの途中でサーバーの応答がなくなるか、接続が切れました。送信されていません。",
            "It is tried again, and sent by FAX in time. If one domain alone does so, the relay waits for that domain's answer before its own; if all do, look at the relay.",
            "再送し、間に合わない場合は FAX で送ります。特定のドメインだけなら宛先側の応答待ち、すべてならメールサーバーを調べてください。"),
        entry("mail-no-reply", "メール応答なし（未確定）", Some(CareManager),
            "The whole mail was sent and the relay did not answer: it may have it or not, so it is not sent again.",
            "メールの送信後、サーバーの応答がありませんでした。届いた可能性があるため、再送しません。",
            "Its report is waited for. If no FAX follows by itself, call the office.", "配達の報告を待っています。FAX が続けて送られない場合は、事業所に電話してください。"),
        entry("letter-failed", "メール作成不可", Some(Technician),
            "The mail could not be written, so nothing was sent.", "メールを作成できないため、送信していません。",
            "See the journal: it names the template, or the line's setting, and what is wrong there.", "ジャーナルにあるテンプレートまたは回線設定の誤りを直してください。"),
        entry("crash-before-dot", "再起動", None,
            "The gateway was cut off before the mail was sent.", "メールの送信前にゲートウェイが中断されました。",
            "It is tried again.", "再送します。"),
        entry("crash-after-dot", "再起動（未確定）", Some(CareManager),
            "The gateway was cut off while the mail was sent: the relay may have it or not, so it is not sent again.",
            "メールの送信中にゲートウェイが中断されました。届いた可能性があるため、再送しません。",
            "Its report is waited for. If no FAX follows by itself, call the office.", "配達の報告を待っています。FAX が続けて送られない場合は、事業所に電話してください。"),

        // ---- the relay itself: it costs no try ----
        entry("smtp-connect", "メールサーバー接続不可", Some(Technician),
            "The mail relay cannot be reached; nothing was sent.", "メールサーバーに接続できません。送信していません。",
            "Is it on? Check `host` and `port` of `[mail.relay]`, the firewall, and `IPAddressAllow=` of the unit (`systemctl edit shirase`); run `shirase check mail`.",
            "サーバーの稼働、`[mail.relay]` の `host` と `port`、ファイアウォール、ユニットの `IPAddressAllow=`（`systemctl edit shirase`）を確認し、`shirase check mail` を実行してください。"),
        entry("smtp-late", "メールサーバー応答遅延", Some(Technician),
            "The mail relay did not answer in time; nobody has the mail.", "メールサーバーの応答が時間内にありませんでした。メールは渡っていません。",
            "If it stays so, look at the relay's load and its log.", "続く場合は、メールサーバーの負荷とログを調べてください。"),
        entry("smtp-broken", "メールサーバー切断", Some(Technician),
            "The connection to the mail relay ended before the mail was sent; nobody has it.", "メールの送信前にサーバーとの接続が切れました。メールは渡っていません。",
            "If it stays so, read the relay's log at this time.", "続く場合は、同じ時刻のメールサーバーのログを調べてください。"),
        entry("smtp-nonsense", "メールサーバー応答異常", Some(Technician),
            "What answered does not speak SMTP.", "応答が SMTP の手順に合いません。",
            "Check `host`, `port` and `tls` of `[mail.relay]`: 465 is implicit, 587 is starttls.", "`[mail.relay]` の `host`、`port`、`tls` を確認してください（465 は implicit、587 は starttls）。"),
        entry("smtp-no-tls", "暗号化不可", Some(Technician),
            "The mail relay does not offer STARTTLS, and no mail is sent in the clear.", "メールサーバーが STARTTLS に対応していません。暗号化せずには送信しません。",
            "Switch TLS on in the relay, or set `tls` of `[mail.relay]` to \"implicit\" if it has port 465.",
            "サーバーで TLS を有効にするか、465 番を使う場合は `[mail.relay]` の `tls` を \"implicit\" にしてください。"),
        entry("smtp-certificate", "証明書不正", Some(Technician),
            "The certificate of the mail relay is not one for its name, has run out, or was signed by nobody known.",
            "メールサーバーの証明書の名前・期限・発行者のいずれかが正しくありません。",
            "Read the receipt for which; renew the certificate, correct `host`, or name your own authority in `ca_file`.",
            "記録で理由を確認し、証明書の更新、`host` の修正、または `ca_file` への認証局の指定を行ってください。"),
        entry("smtp-no-mechanism", "認証方式なし", Some(Technician),
            "The mail relay does not offer the way of logging in that the settings name.", "設定の認証方式にメールサーバーが対応していません。",
            "Set `mechanism` of the login to one that `shirase check mail` lists.", "`shirase check mail` に表示される方式を `mechanism` に指定してください。"),
        entry("smtp-login-refused", "認証失敗", Some(Technician),
            "The mail relay refuses our login, or wants one.", "メールサーバーの認証に失敗しました。",
            "Check user and password of the login: was the password changed? Change its file, then restart shirase.",
            "ユーザー名とパスワードを確認してください（パスワードの変更など）。ファイルを直したら shirase を再起動してください。"),
        entry("smtp-sender-refused", "差出人拒否", Some(Technician),
            "The mail relay does not take mail from our return path.", "メールサーバーが差出人（返信先）アドレスを拒否しました。",
            "Allow the address of `receipts` for this login in the relay, with whatever follows a `+` in it.",
            "サーバーでこの認証ユーザーに `receipts` のアドレス（`+` 以降を含む）の使用を許可してください。"),
        entry("smtp-refused", "メールサーバー受付停止", Some(Technician),
            "The mail relay takes no mail now.", "メールサーバーが受付を停止しています。",
            "Read its reply in the receipt: too many connections, a full disk, or a block of our address.",
            "記録の応答（接続数超過、ディスク不足、拒否リストなど）を確認してください。"),

        // ---- the mailbox: why a mail was not taken, or came back ----
        entry("mail-no-such-user", "宛先メール不明", Some(CareManager),
            "Nobody has this mail address.", "宛先のメールアドレスが存在しません。",
            "The notice goes by FAX while there is time. Ask the office for its address and register it anew.",
            "期限内なら FAX で送ります。事業所に正しいアドレスを確認し、登録し直してください。"),
        entry("mail-mailbox-closed", "メールボックス停止", Some(CareManager),
            "The mailbox is shut.", "宛先のメールボックスが停止されています。",
            "The notice goes by FAX while there is time. Ask the office for another address.", "期限内なら FAX で送ります。別のアドレスを事業所に確認してください。"),
        entry("mail-mailbox-full", "メールボックス満杯", Some(Office),
            "The mailbox is full.", "宛先のメールボックスがいっぱいです。",
            "The notice is tried again or goes by FAX while there is time. Ask the office to clear its mailbox.",
            "期限内は再送するか FAX で送ります。メールボックスの整理を事業所に依頼してください。"),
        entry("mail-no-such-domain", "ドメイン不明", Some(CareManager),
            "The domain of the address does not exist, or takes no mail.", "宛先のドメインが存在しないか、メールを受け取りません。",
            "The notice goes by FAX while there is time. Check the address with the office: a slip after the @?",
            "期限内なら FAX で送ります。アドレスの @ 以降を事業所に確認してください。"),
        entry("mail-host-unreachable", "宛先サーバー不通", Some(Office),
            "The recipient's mail host could not be reached, or was not well, for as long as it was tried.",
            "宛先のメールサーバーに接続できないか、異常が続きました。",
            "The notice goes by FAX while there is time. If several domains do so, look at the relay's network and DNS.",
            "期限内なら FAX で送ります。複数のドメインで起きる場合は、サーバーのネットワークと DNS を調べてください。"),
        entry("mail-policy", "受信拒否（迷惑メール判定等）", Some(Technician),
            "A host does not take this mail from us: a block list, a missing SPF, DKIM or DMARC record, or its relay rules.",
            "受信規則（拒否リスト、SPF・DKIM・DMARC、中継の許可）により拒否されました。",
            "Run `shirase check mail`; read the reply in the receipt. May our relay send to other domains?",
            "`shirase check mail` を実行し、記録の応答と、サーバーの中継の許可を確認してください。"),
        entry("mail-content", "メール内容拒否", Some(Technician),
            "A host cannot take the mail as it is: too large, or in a form that it does not know.", "メールの大きさまたは形式により拒否されました。",
            "The notice goes by FAX while there is time. Try the other `charset` of `[mail]`.", "期限内なら FAX で送ります。`[mail]` の `charset` を変えて試してください。"),
        entry("mail-bounced", "メール不達", Some(CareManager),
            "The mail came back, or was refused, for a reason that has no name.", "メールが届かずに返送、または拒否されました。",
            "The notice goes by FAX while there is time. Read the host's words in the receipt, and check the address with the office.",
            "期限内なら FAX で送ります。記録の応答を読み、アドレスを事業所に確認してください。"),

        // ---- after a mail was handed off ----
        entry("mail-delivered", "メール配達済", None,
            "The recipient's mail host says that the mail lies in the mailbox. Nothing says that it was read.",
            "宛先のサーバーがメールボックスへの配達を報告しました。開封は確認されていません。",
            "Nothing to do.", "対応は不要です。"),
        entry("mail-unread", "メール未閲覧", None,
            "Nobody was seen to log in after the mail, so it goes by FAX.", "メールの送信後、ログインが確認されないため、FAX で送ります。",
            "If it happens often with an office, ask whether it reads that mailbox: `shirase mail` has the figures.",
            "同じ事業所で続く場合は、そのアドレスを見ているか確認してください（`shirase mail`）。"),
        entry("mail-unsure", "メール到着不明", Some(Technician),
            "Whether the relay has the mail was never heard, so it goes by FAX; the mail may have come as well.",
            "メールが届いたか確認できないため、FAX でも送ります。メールも届いている可能性があります。",
            "Nothing to do for the office. If it happens again, look for broken connections in the relay's log, and set `sent_folder` of `[mail.inbox]`.",
            "事業所への対応は不要です。続く場合は、メールサーバーのログで接続の切断を調べ、`[mail.inbox]` の `sent_folder` を設定してください。"),
        entry("mail-not-sent", "メール送信不可", Some(Technician),
            "It could not be handed to the relay in time, so it goes by FAX.", "期限までにメールを送信できないため、FAX で送ります。",
            "See the attempts for the reason, and mend it for the next notices.", "試行の記録で理由を確認し、次の通知までに原因を取り除いてください。"),
        entry("receipt-overdue", "報告なし（未確定）", Some(CareManager),
            "The mail was sent, and neither a report nor a login followed. There is no time for a FAX, or none is wanted.",
            "メールの送信後、配達の報告もログインもありません。FAX を送る時間がないか、送らない設定です。",
            "Call the office and ask whether it has the mail.", "事業所に電話し、メールが届いているか確認してください。"),
        entry("first-login", "ログイン確認", None,
            "Somebody of the office logged in with it.", "事業所のログインが確認されました。",
            "Nothing to do.", "対応は不要です。"),
        entry("terms-accepted", "利用同意確認", None,
            "Somebody of the office accepted the terms of the site.", "事業所の利用規約への同意が確認されました。",
            "Nothing to do.", "対応は不要です。"),
        entry("first-download", "受取確認", None,
            "Somebody of the office fetched the documents.", "事業所による書類の受け取りが確認されました。",
            "Nothing to do.", "対応は不要です。"),

        // ---- by mail to a fax provider ----
        entry("provider-sent", "送信完了（FAX事業者）", None,
            "The fax provider says that the sheet was received.", "FAX 送信サービスが送信完了を報告しました。",
            "Nothing to do.", "対応は不要です。"),
        entry("provider-page-count", "枚数不一致（未確定）", Some(CareManager),
            "The fax provider speaks of another number of pages than the one that was sent.", "FAX 送信サービスの報告した枚数が 1 枚ではありません。",
            "Call the office: is a sheet with this reference in the tray, and is it whole?", "事業所に電話し、この照会番号の用紙が全体まで届いているか確認してください。"),
        entry("provider-busy", "話中", Some(Office),
            "The fax provider found the number busy.", "FAX 送信サービスから、相手が話し中との報告がありました。",
            "If it stays so, ask the office whether its fax line is in use.", "続く場合は、FAX 回線が使用中でないか事業所に確認してください。"),
        entry("provider-no-answer", "応答なし", Some(Office),
            "The fax provider got no answer at the number.", "FAX 送信サービスから、応答がないとの報告がありました。",
            "If it stays so, ask the office whether its machine is on and has paper.", "続く場合は、FAX の電源と用紙を事業所に確認してください。"),
        entry("provider-no-fax", "FAX信号なし", Some(CareManager),
            "The fax provider heard no fax machine at the number.", "FAX 送信サービスから、相手が FAX ではないとの報告がありました。",
            "Check the fax number with the office.", "FAX 番号を事業所に確認してください。"),
        entry("provider-failed", "送信失敗（未確定）", Some(CareManager),
            "The fax provider says that it failed and not at what: a part of the page may be printed.",
            "FAX 送信サービスが失敗を報告しました。一部が印刷された可能性があります。",
            "Call the office: is a sheet with this reference in the tray?", "事業所に電話し、この照会番号の用紙が届いているか確認してください。"),
        entry("service-refused", "FAX事業者受付拒否", Some(Technician),
            "The mail relay does not take mail for this fax provider, so nothing was sent.", "FAX 送信サービス宛てのメールをメールサーバーが拒否しました。送信していません。",
            "Read its reply in the receipt: check `gateway` and `account` of the line, and the relay's way there. It is tried again, and by other lines.",
            "記録の応答を読み、回線の `gateway` と `account`、サーバーの配送設定を確認してください。再送し、他の回線でも送ります。"),
        entry("provider-bounced", "FAX事業者不達", Some(Technician),
            "The mail to the fax provider came back, so nothing was sent.", "FAX 送信サービス宛てのメールが返送されました。送信していません。",
            "Check account and address form of the line's provider: is our sender registered there?", "契約と宛先の形式、差出人の登録を確認してください。"),
        entry("provider-silent", "報告なし（未確定）", Some(CareManager),
            "The fax provider took the sheet and did not say in time what became of it.", "FAX 送信サービスから、時間内に結果の報告がありませんでした。",
            "Call the office: is a sheet with this reference in the tray? Technician: do the provider's answers reach the receipt box?",
            "事業所に電話し、この照会番号の用紙が届いているか確認してください。技術者は結果通知の受信を確認してください。"),

        // ---- no call was made ----
        entry("number-is-a-telephone", "停止中宛先", Some(CareManager),
            "Earlier calls to this number met people, so it was not called.", "以前の発信で人が電話に出たため、発信していません。",
            "Check the fax number with the office. Technician: `shirase numbers forget` allows new calls.",
            "FAX 番号を事業所に確認してください。技術者は `shirase numbers forget` で解除できます。"),
        entry("number-unreadable", "番号記録破損", Some(Technician),
            "The number is locked, and what is stored of it cannot be read, so it was not called.",
            "この番号は登録されていますが、保存された内容を読み取れないため、発信していません。",
            "Check the fax number with the office, then set it anew with `shirase numbers lock`, or `shirase numbers forget` it.",
            "FAX 番号を事業所に確認し、`shirase numbers lock` で登録し直すか、`shirase numbers forget` で消去してください。"),
        entry("office-closed", "閉鎖中の事業所", Some(CareManager),
            "The office was reported as closed after the key was taken on, so it was not called.", "受付後に事業所の閉鎖が報告されたため、発信していません。",
            "Revoke the key. If the office is open after all, report it as reopened and send a new key.",
            "鍵を失効させてください。開いている場合は、再開を報告してから新しい鍵を送ってください。"),
        entry("office-fax-mismatch", "登録番号と不一致", Some(CareManager),
            "The office was registered with another fax number after the key was taken on, so it was not called.",
            "受付後に事業所の FAX 番号が変わったため、発信していません。",
            "Check the number with the office, and send a new key to it.", "FAX 番号を事業所に確認し、その番号に新しい鍵を送ってください。"),
        entry("number-not-proven", "番号未確認", Some(CareManager),
            "Something was reported after the key was taken on by which others may stand at the machine, so it was not called.",
            "受付後の変更により、別の人が FAX を受け取る可能性があるため、発信していません。",
            "Send a number_proof first. Once it is confirmed, send a new key.", "先に number_proof を送り、確認されてから新しい鍵を送ってください。"),
        entry("by-client", "取消", None,
            "It was withdrawn before it was sent.", "送信前に取り消されました。",
            "Nothing to do.", "対応は不要です。"),
        entry("credentials-rotated", "新しい版で再送", None,
            "It was uncertain: new credentials are sent, and those on sheets before are void.",
            "未確定のため、新しいログイン情報で再送します。以前の用紙のものは使えません。",
            "Nothing to do.", "対応は不要です。"),
        entry("sent-again-by-decision", "再送指示", None,
            "It was uncertain, and somebody decided that it is sent once more, marked as a copy.",
            "未確定のため、担当者の判断により、再送と明記して送ります。",
            "Nothing to do.", "対応は不要です。"),
        entry("closed-delivered", "到着確認", None,
            "It was uncertain, and somebody says that it arrived.", "未確定でしたが、到着したことを担当者が確認しました。",
            "Nothing to do.", "対応は不要です。"),
        entry("closed-not-delivered", "未着確認", Some(CareManager),
            "It was uncertain, and somebody says that it did not arrive; nothing more is sent.",
            "未確定でしたが、届いていないことを担当者が確認しました。これ以上は送りません。",
            "Revoke what was on the sheet, and hand a new notification in if the office is still to be told.",
            "用紙に載せたログイン情報を失効させ、必要であれば通知を出し直してください。"),
        entry("copy-not-sent", "再送不可（未確定）", Some(CareManager),
            "A sheet of it may have arrived before; the copy could not be sent, and no other one follows.",
            "以前に送信した用紙が届いた可能性があります。再送はできず、これ以上は送りません。",
            "Call the office and ask whether a sheet with this reference is there.", "事業所に電話し、この番号の用紙が届いているか確認してください。"),
        entry("by-client-unconfirmed", "取消（未確定）", Some(CareManager),
            "It was withdrawn after a sheet that may have arrived; no other one is sent.",
            "届いた可能性のある用紙の送信後に取り消されました。再送はしません。",
            "Call the office and ask whether a sheet with this reference is there.", "事業所に電話し、この番号の用紙が届いているか確認してください。"),
        entry("not-after", "期限切れ", Some(CareManager),
            "Its time ran out before it could be sent.", "期限までに送信できませんでした。",
            "See the attempts for the reason, and tell the office by other means.", "理由は試行の記録をご覧のうえ、別の方法で連絡してください。"),
        entry("key-expired-unresolved", "期限切れ（未確定）", Some(CareManager),
            "Nobody said whether the sheet arrived, and its key has run out.", "用紙の到着が確認されないまま、鍵の期限が切れました。",
            "Call the office first. Only if no sheet with this reference is there, or its key does not work, hand a new notification with a new key in.",
            "まず事業所に電話してください。この照会番号の用紙がないか、鍵が使えない場合だけ、新しい鍵で通知を出し直してください。"),
        entry("not-after-unconfirmed", "期限切れ（未確定）", Some(CareManager),
            "Nobody said whether the sheet arrived, and its time has run out.", "用紙の到着が確認されないまま、期限が切れました。",
            "Call the office first. Only if no sheet with this reference is there, hand the notification in anew.",
            "まず事業所に電話してください。この照会番号の用紙が届いていない場合だけ、通知を出し直してください。"),
        entry("record-unreadable", "記録破損", Some(Technician),
            "What was stored of the notification cannot be read.", "保存された通知を読み取れません。",
            "Restore the store from a copy, and report it.", "保存データをコピーから復元し、報告してください。"),
        entry("secret-unreadable", "記録破損", Some(Technician),
            "The stored credentials do not open.", "保存されたログイン情報を復号できません。",
            "Is the master key the right one? Restore the store from a copy.", "マスターキーを確認し、保存データをコピーから復元してください。"),
    ]
};

/// The codes that the sources of the drivers list, so that no table of ours can miss one.
#[cfg(test)]
pub(super) mod listed {
    pub(in crate::settle) fn session_codes() -> Vec<&'static str> {
        codes_in(include_str!("../../drivers/t30/src/error.rs"))
    }

    pub(in crate::settle) fn modem_codes() -> Vec<&'static str> {
        let class_2 = codes_in(include_str!("../../drivers/modem/src/class2/codes.rs"));
        [codes_in(include_str!("../../drivers/modem/src/error.rs")), class_2].concat()
    }

    pub(in crate::settle) fn verdict_codes() -> Vec<&'static str> {
        [codes_in(include_str!("verdict.rs")), vec!["probably-voice"]].concat()
    }

    /// Every `=> "code"`.
    fn codes_in(source: &'static str) -> Vec<&'static str> {
        let arms = source.split("=> \"").skip(1);
        let codes: Vec<_> = arms.filter_map(|rest| Some(rest.split_once('"')?.0)).collect();
        assert!(codes.len() > 8, "the list of codes looks otherwise now: {codes:?}");
        codes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::listed::{modem_codes, session_codes, verdict_codes};

    use super::*;

    #[test]
    fn every_code_that_can_end_a_call_has_an_entry() {
        let of_the_store = [
            "number-is-a-telephone",
            "number-unreadable",
            "office-closed",
            "office-fax-mismatch",
            "number-not-proven",
            "by-client",
            "by-client-unconfirmed",
            "copy-not-sent",
            "not-after",
            "not-after-unconfirmed",
            "key-expired-unresolved",
        ];
        let of_a_crash = ["crash-before-dial", "crash-in-call", "crash-after-page"];
        let all = [session_codes(), modem_codes(), verdict_codes()].concat();
        for code in all.into_iter().chain(of_the_store).chain(of_a_crash) {
            assert!(find(code).is_some(), "`{code}` has no entry");
        }
        assert_eq!(find("no-such-ending"), None);
    }

    #[test]
    fn every_entry_is_one_of_its_kind_and_speaks_both_languages() {
        let mut seen = HashSet::new();
        for entry in ENDINGS {
            let code = entry.code;
            assert!(seen.insert(code), "{code} twice");
            assert!(
                code.bytes().all(|o| o.is_ascii_lowercase() || o.is_ascii_digit() || o == b'-')
            );
            for english in [entry.text, entry.next] {
                assert!(english.is_ascii() && english.ends_with(['.', '?']), "{code}: {english}");
            }
            for japanese in [entry.text_ja, entry.next_ja] {
                assert!(japanese.ends_with('。'), "{code}: {japanese}");
            }
            assert!(!entry.label_ja.is_ascii() && entry.label_ja.chars().count() <= 16, "{code}");
        }
    }

    /// The last call of a notification ends as those before it: it must not promise one more.
    #[test]
    fn what_to_do_when_a_machine_cannot_receive_holds_for_the_last_call_too() {
        let cannot_receive = find("cannot-receive").expect("an entry");
        assert!(
            cannot_receive.next.contains("If the notification still waits, it is called again")
        );
        assert!(cannot_receive.next.ends_with("otherwise hand it in anew."));
        assert!(cannot_receive.next_ja.contains("待機中なら数時間以内に再送します"));
        assert!(cannot_receive.next_ja.ends_with("通知を出し直してください。"));
    }

    /// A sheet that may be printed is asked for at the office, by whoever knows the office.
    #[test]
    fn uncertain_endings_send_somebody_to_the_telephone() {
        for entry in ENDINGS.iter().filter(|entry| entry.label_ja.ends_with("（未確定）")) {
            assert_eq!(entry.acts, Some(Mender::CareManager), "{}", entry.code);
        }
    }
}
