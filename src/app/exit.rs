//! What the exit status of `shirase` says. Numbers never change meaning; `systemd/shirase.service` and scripts read them.
//!
//! Source: sysexits.h for 65 to 78; 1 to 6 are our own.

use std::process::ExitCode;

use crate::job::Mender::{CareManager, Technician};
use crate::job::meaning::{Meaning, entry};

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Done; with `submit --wait`: the far machine confirmed every page.
    Done,
    /// The notification ended without being sent: failed, expired or cancelled. `lines test` and `check`: what was looked
    /// at is not in order. `explain`: there is no such code.
    NotSent,
    /// Wrong words on the command line (clap's own number).
    Usage,
    /// It may or may not be on paper, or is held: somebody must decide. Also if its time to be decided ran out.
    Undecided,
    /// The gateway refused the request; the reason was printed.
    Refused,
    /// `--wait` ended before the notification did; it goes on.
    StillOnItsWay,
    /// `sheet --compare`: the page in the file is not the sheet; `calls replay`: the session does otherwise.
    Differs,
    /// The store is not one that this program can use. systemd does not restart.
    Store,
    /// The gateway cannot be reached.
    Unreachable,
    /// Something that should not happen inside of this program.
    Internal,
    /// It is unknown whether the last change is on disk. systemd restarts, and the store tells.
    Ambiguous,
    /// Another daemon has the store.
    Busy,
    /// Settings or secret files are wrong; the place was printed. systemd does not restart.
    Settings,
}

impl Exit {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::Done,
        Self::NotSent,
        Self::Usage,
        Self::Undecided,
        Self::Refused,
        Self::StillOnItsWay,
        Self::Differs,
        Self::Store,
        Self::Unreachable,
        Self::Internal,
        Self::Ambiguous,
        Self::Busy,
        Self::Settings,
    ];

    /// What it says to people; its code is the number in digits.
    #[rustfmt::skip]
    pub const fn meaning(self) -> Meaning {
        match self {
            Self::Done => entry("0", "完了", None,
                "Done; with `submit --wait` the far machine confirmed every page.", "完了しました（`submit --wait` では全ページの受信を確認）。",
                "Nothing to do.", "対応は不要です。"),
            Self::NotSent => entry("1", "未送信・異常あり", Some(Technician),
                "The notification was not sent, what was looked at is not in order, or there is no such code.", "通知が送信されなかったか、確認した対象に異常があるか、該当するコードがありません。",
                "Read what was printed: it says why and what to do.", "表示された理由と対処を確認してください。"),
            Self::Usage => entry("2", "引数の誤り", Some(Technician),
                "Wrong words on the command line.", "コマンドの引数に誤りがあります。",
                "See `shirase help VERB`.", "`shirase help コマンド名` を確認してください。"),
            Self::Undecided => entry("3", "未確定", Some(CareManager),
                "The notification may or may not be on paper, or it is held.", "届いたか確定できないか、保留されています。",
                "Call the office and ask for the reference on the sheet.", "事業所に電話し、照会番号の用紙が届いているか確認してください。"),
            Self::Refused => entry("4", "拒否", Some(Technician),
                "The gateway refused the request.", "ゲートウェイが要求を拒否しました。",
                "Look the printed code up with `shirase explain CODE`.", "表示されたコードを `shirase explain コード` で確認してください。"),
            Self::StillOnItsWay => entry("5", "送信継続中", None,
                "Waiting ended before the notification did; it goes on.", "待ち時間が終わりましたが、送信は続いています。",
                "See it later with `shirase show ID`.", "後で `shirase show ID` で確認してください。"),
            Self::Differs => entry("6", "不一致", Some(Technician),
                "The page in the file is not the sheet, or the replayed call does otherwise.", "ファイルのページが用紙と一致しないか、通信の再現結果が異なります。",
                "Look at what was printed for the first difference.", "表示された最初の違いを確認してください。"),
            Self::Store => entry("65", "保存データ使用不可", Some(Technician),
                "The store is not one that this program can use; the file is as it was.", "保存データをこのプログラムで使用できません。ファイルは変更していません。",
                "Read the message: restore a copy, or install the newer program again.", "メッセージを確認し、コピーから復元するか、新しいプログラムを入れ直してください。"),
            Self::Unreachable => entry("69", "接続不可", Some(Technician),
                "The gateway cannot be reached.", "ゲートウェイに接続できません。",
                "Is it running (`systemctl status shirase`), and is the address right?", "起動しているか（`systemctl status shirase`）、アドレスが正しいか確認してください。"),
            Self::Internal => entry("70", "内部エラー", Some(Technician),
                "Something that should not happen inside of this program.", "プログラムの内部で異常が起きました。",
                "Report it with what was printed and the journal of that time.", "表示内容とその時刻のログを添えて報告してください。"),
            Self::Ambiguous => entry("74", "保存結果不明", Some(Technician),
                "It is unknown whether the last change is on disk.", "最後の変更が保存されたか確定できません。",
                "systemd restarts it, and the store tells; look for disk errors in `journalctl -k`.", "systemd が再起動し、保存データから確定します。`journalctl -k` でディスクの異常を確認してください。"),
            Self::Busy => entry("75", "使用中", Some(Technician),
                "Another daemon has the store or the port.", "別のプロセスが保存データまたはポートを使用しています。",
                "Stop the other one, or wait until it has stopped.", "もう一方を停止するか、停止するまで待ってください。"),
            Self::Settings => entry("78", "設定の誤り", Some(Technician),
                "Settings or secret files are wrong; the place was printed.", "設定または秘密ファイルに誤りがあります。場所は表示のとおりです。",
                "Mend the file at that line, then `shirase check`.", "示された行を直し、`shirase check` で確認してください。"),
        }
    }

    /// The number that the shell sees.
    pub const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotSent => 1,
            Self::Usage => 2,
            Self::Undecided => 3,
            Self::Refused => 4,
            Self::StillOnItsWay => 5,
            Self::Differs => 6,
            Self::Store => 65,
            Self::Unreachable => 69,
            Self::Internal => 70,
            Self::Ambiguous => 74,
            Self::Busy => 75,
            Self::Settings => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// A command that did not do what it was asked, and the one line for the person who asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

impl From<super::settings::SettingsError> for Failure {
    fn from(error: super::settings::SettingsError) -> Self {
        Self::new(Exit::Settings, error.to_string())
    }
}

impl From<crate::schedule::windows::HoursError> for Failure {
    fn from(error: crate::schedule::windows::HoursError) -> Self {
        Self::new(Exit::Settings, format!("calling.hours: {error}"))
    }
}

impl From<super::secrets::SecretError> for Failure {
    fn from(error: super::secrets::SecretError) -> Self {
        Self::new(Exit::Settings, error.to_string())
    }
}
