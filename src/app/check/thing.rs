//! The things that `shirase check` looks at: the code of each, and what a fault of it means.
//!
//! In: nothing. Out: [`Thing`], whose code stands beside each finding. The finding itself says what was found this time.
//! Not here: what is looked at (the other files of `check`).

use crate::job::Mender::Technician;
use crate::job::meaning::{Meaning, entry};
use crate::job::names::stable_names;

/// What was looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::app) enum Thing {
    Settings,
    Credentials,
    Listener,
    Sheets,
    Faces,
    Letters,
    Store,
    Disk,
    Device,
    Clock,
    Webhook,
    Relay,
    Tls,
    Login,
    Certificate,
    Reports,
    Size,
    Envelope,
    Inbox,
    MailHosts,
    Spf,
    Dkim,
    Dmarc,
    Unit,
}

stable_names!(Thing {
    Settings => "check-settings",
    Credentials => "check-credentials",
    Listener => "check-listener",
    Sheets => "check-sheets",
    Faces => "check-faces",
    Letters => "check-letters",
    Store => "check-store",
    Disk => "check-disk",
    Device => "check-device",
    Clock => "check-clock",
    Webhook => "check-webhook",
    Relay => "check-relay",
    Tls => "check-tls",
    Login => "check-login",
    Certificate => "check-certificate",
    Reports => "check-reports",
    Size => "check-size",
    Envelope => "check-envelope",
    Inbox => "check-inbox",
    MailHosts => "check-mail-hosts",
    Spf => "check-spf",
    Dkim => "check-dkim",
    Dmarc => "check-dmarc",
    Unit => "check-unit",
});

impl Thing {
    /// A word or two for the line of a finding.
    pub(super) fn word(self) -> &'static str {
        self.as_str().trim_start_matches("check-")
    }

    /// What it is, and what a fault of it costs.
    #[rustfmt::skip]
    pub(in crate::app) fn meaning(self) -> Meaning {
        let of = |label_ja, text, text_ja, next, next_ja| entry(self.as_str(), label_ja, Some(Technician), text, text_ja, next, next_ja);
        match self {
            Self::Settings => of("設定ファイル",
                "The settings file: with a fault in it the daemon does not start (78).", "設定ファイルです。誤りがあると起動しません（78）。",
                "Mend it at the line and column that the finding names.", "示された行と桁を直してください。"),
            Self::Credentials => of("秘密ファイル",
                "The files with tokens, keys and passwords: there, right, and readable by nobody else.", "トークン・鍵・パスワードのファイルの有無、内容、権限です。",
                "Make them with `shirase token new` and `shirase key new`, mode 0600, owned by root.", "`shirase token new` と `shirase key new` で作成し、所有者 root・モード 0600 にしてください。"),
            Self::Listener => of("待ち受け",
                "The addresses of the hook, and who may call there.", "HTTP の待ち受けアドレスと、呼び出せる相手です。",
                "Correct `[http]` and `[http.tls]`: other machines call over TLS.", "`[http]` と `[http.tls]` を直してください。他のマシンからは TLS で呼び出します。"),
            Self::Sheets => of("用紙テンプレート",
                "Each sheet, drawn with its longest and its fewest fields: one that fails refuses its kind.", "各用紙を最長と最短の項目で作成した結果です。失敗した種類の通知は受け付けません。",
                "Mend the template at the file and line that the finding names.", "示されたファイルと行のテンプレートを直してください。"),
            Self::Faces => of("書体",
                "The faces of the sheets: without them nothing can be drawn.", "用紙の書体です。ないと用紙を作成できません。",
                "Install fonts-morisawa-bizud-gothic, or correct `fonts` of `[sheet]`.", "fonts-morisawa-bizud-gothic をインストールするか、`[sheet]` の `fonts` を直してください。"),
            Self::Letters => of("メール文面",
                "The texts of mails: a kind without one goes by FAX.", "メールの文面です。ない種類は FAX で送ります。",
                "Mend the text at the place that the finding names.", "示された箇所の文面を直してください。"),
            Self::Store => of("保存データ",
                "The database of notifications: sound, and of a version that this program knows.", "通知のデータベースの健全性とバージョンです。",
                "Restore it from a copy, or install the newer program again; never mend it by hand.", "コピーから復元するか、新しいプログラムを入れ直してください。手作業で修復しないでください。"),
            Self::Disk => of("ディスクの空き",
                "Free space where the store lies: too little, and new notifications are refused.", "保存先の空き容量です。不足すると新しい通知を受け付けません。",
                "Make room on that disk.", "そのディスクに空きを作ってください。"),
            Self::Device => of("モデム",
                "The serial device of a line: there, ours to open, and no other program's.", "回線のシリアル機器の有無、権限、他のプログラムの使用です。",
                "Plug the modem in, put the service into the group of the device, or stop the other program.", "モデムの接続、サービスのグループ、他のプログラムを確認してください。"),
            Self::Clock => of("時計",
                "The clock of this machine: calling hours, the redial rule and deadlines follow it.", "このマシンの時計です。配信時間帯・再発信の間隔・期限の基準になります。",
                "Set the clock, and keep it by NTP: `timedatectl set-ntp true`.", "時刻を合わせ、NTP を有効にしてください（`timedatectl set-ntp true`）。"),
            Self::Webhook => of("Webhook",
                "Where the exchange is told: its name, an address that is allowed, TLS, and the secret.", "通知先の名前・アドレス・TLS・秘密鍵です。",
                "Correct `[[webhook]]`, or ask whoever runs that endpoint.", "`[[webhook]]` を直すか、通知先の管理者に確認してください。"),
            Self::Relay => of("メールサーバー",
                "The relay that takes our mails.", "メールを送信するサーバーです。",
                "Look at host and port of `[mail.relay]`, at the network and at firewalls.", "`[mail.relay]` の host と port、ネットワークとファイアウォールを確認してください。"),
            Self::Tls => of("メールのTLS",
                "The encrypted connection to the relay.", "メールサーバーとの暗号化接続です。",
                "`host` has to be the name in the certificate; a private authority goes into `ca_file`.", "`host` を証明書の名前に合わせ、独自の認証局は `ca_file` に指定してください。"),
            Self::Login => of("メールのログイン",
                "The login at the relay.", "メールサーバーへのログインです。",
                "Look at user, mechanism and password_file of `[mail.relay.login]`.", "`[mail.relay.login]` の user・mechanism・password_file を確認してください。"),
            Self::Certificate => of("証明書",
                "The certificate of `[http.tls]`, or that of the relay: right, and valid for how long.", "`[http.tls]` またはメールサーバーの証明書の正しさと有効期限です。",
                "Renew it; that of the relay its operator has to.", "更新してください。メールサーバーの証明書は管理者に更新を依頼してください。"),
            Self::Reports => of("配達報告",
                "Whether the relay reports on delivery (DSN).", "メールサーバーの配達報告（DSN）の有無です。",
                "Ask its operator for DSN (RFC 3461).", "サーバーの管理者に DSN（RFC 3461）を依頼してください。"),
            Self::Size => of("メールの大きさ",
                "How large a mail the relay takes.", "メールサーバーが受け付ける大きさです。",
                "Ask its operator for 1 MiB or more.", "サーバーの管理者に 1 MiB 以上を依頼してください。"),
            Self::Envelope => of("差出人と宛先",
                "Whether the relay would take a mail with our return path.", "当方の返送先でメールを受け付けるかの確認です。",
                "Its operator has to let this login send as the address of receipts.", "このログインが受信箱のアドレスで送信できるよう、管理者に依頼してください。"),
            Self::Inbox => of("受信箱",
                "The mailbox for receipts: until it can be read, no bounce is seen.", "報告を受け取る受信箱です。読めない間は不達に気付けません。",
                "Correct `[mail.inbox]` as the finding says.", "示された内容に従い `[mail.inbox]` を直してください。"),
            Self::MailHosts => of("MXレコード",
                "Whether the domains of sender and receipts take mail (MX).", "差出人と受信箱のドメインのメール受信設定（MX）です。",
                "Publish an MX for the domain.", "ドメインの MX を公開してください。"),
            Self::Spf => of("SPF",
                "Whether receivers find our relay among those that may send for the domain (SPF).", "ドメインの送信元としてメールサーバーが登録されているか（SPF）です。",
                "Add the relay to the record; its operator names the `include:` for it.", "SPF レコードにメールサーバーを追加してください。"),
            Self::Dkim => of("DKIM",
                "The key by which receivers check the relay's signature (DKIM).", "署名を確認する公開鍵（DKIM）です。",
                "Publish the key as the relay's operator gives it.", "メールサーバーの管理者が示す鍵を公開してください。"),
            Self::Dmarc => of("DMARC",
                "What the domain asks receivers to do with mail that fails both (DMARC).", "認証に失敗したメールの扱いの指定（DMARC）です。",
                "Publish or mend the record as the finding says.", "示された内容に従いレコードを公開または修正してください。"),
            Self::Unit => of("サービスの制限",
                "Whether the service as it is shipped lets the daemon out to these hosts, and callers in.", "サービスの設定で、これらのホストとの通信が許可されているかです。",
                "Set `IPAddressAllow=` with `systemctl edit shirase`, then restart it.", "`systemctl edit shirase` で `IPAddressAllow=` を設定し、再起動してください。"),
        }
    }
}
