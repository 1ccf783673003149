//! The shipped texts, and what becomes of edits.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::job::examples::{self, TUESDAY_10_00};
use crate::render::{Gate, SiteWords, Trials};

fn templates() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/templates"))
}

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

fn site() -> SiteFace {
    let words = |name: &str| SiteWords {
        name: name.into(),
        help_name: "サポート窓口".into(),
        help_hours: "平日 9:00～17:00".into(),
        ..SiteWords::default()
    };
    SiteFace {
        url: "https://exchange.example.jp/".into(),
        help_phone: "03-5550-0199".into(),
        ja: words("書類交換サイト"),
        en: words("Document Exchange"),
    }
}

fn face(charset: Charset) -> MailFace {
    MailFace {
        from: address("notice@exchange.example.jp"),
        receipts: ReturnPath::new(address("receipts@exchange.example.jp")).expect("short enough"),
        ask_displayed: false,
        charset,
    }
}

fn letters_in(mails: &Path, site: SiteFace) -> Letters {
    let folders = Folders { mails: mails.to_path_buf(), sheets: templates().join("fax") };
    Letters::new(site, folders, face(Charset::Utf8))
}

fn shipped() -> Letters {
    letters_in(&templates().join("mail"), site())
}

/// The mail of a notification to `office@example.com`.
fn written(letters: &Letters, job: &crate::job::NewJob) -> Result<Written, LetterError> {
    let Content::Notice(notice) = &job.content else { panic!("no notice") };
    let letter = LetterOf {
        id: JobId::new(TUESDAY_10_00, 1),
        notice,
        language: job.language,
        sender: &job.sender,
        office_name: &job.recipient.office_name,
        to: &address("office@example.com"),
        token: *b"0123456789abcdef",
    };
    letters.compose(&letter, &TokenKey::new([7; 32]), TUESDAY_10_00)
}

/// A copy of the folder of mails with one file changed; and a clock that ticks: a look sees sizes too.
fn edited(name: &str, edit: impl Fn(&str) -> String) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("words")).expect("a folder");
    for sub in ["", "words"] {
        for entry in fs::read_dir(templates().join("mail").join(sub)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                let to = folder.path().join(sub).join(path.file_name().expect("a name"));
                fs::copy(&path, to).expect("copied");
            }
        }
    }
    edit_in(folder.path(), name, edit);
    folder
}

fn edit_in(folder: &Path, name: &str, edit: impl Fn(&str) -> String) {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).expect("reads");
    let edited = edit(&text);
    assert_ne!(edited, text, "nothing was edited");
    fs::write(&path, edited).expect("writes");
}

fn why_not(folder: &Path, site: SiteFace, language: Language) -> String {
    let mut job = examples::of(Kind::Document);
    job.language = language;
    written(&letters_in(folder, site), &job)
        .map(|written| written.text)
        .expect_err("no mail")
        .to_string()
}

const DOCUMENT: &str = "\
さくらデイサービス　御中

書類交換サイトからのお知らせです。
ひまわり居宅介護支援事業所から　03-9876-5432

■ 書類が届いています
・提供票（2件）

■ ご覧になるには
1. パソコンでサイトにログイン
   https://exchange.example.jp/
2. 「提供票/ファイルダウンロード」を開いて保存
3. 返事は「メッセージ交換」から

ログインIDとパスワードは、FAXでお送りした用紙をご覧ください。
メールでお送りしたり、お尋ねしたりすることはありません。
お知らせの届け先は、サイトの「事業所情報変更」で変えられます。
このメールは送信専用です。ご返信いただいてもお答えできません。

────────────────
サポート窓口　03-5550-0199　平日 9:00～17:00
心当たりがなければ、お電話ください。
2026年11月24日　No. G009-QTW0
";

#[test]
fn mail_of_documents_says_all_that_its_sheet_says_in_the_order_in_which_a_stranger_asks() {
    let written = written(&shipped(), &examples::of(Kind::Document)).expect("a mail");
    let reference = super::super::reference(JobId::new(TUESDAY_10_00, 1));
    assert_eq!(written.subject, format!("【書類交換サイト】書類が届いています（{reference}）"));
    assert_eq!(written.text, DOCUMENT.replace("G009-QTW0", &reference));
}

#[test]
fn mail_of_a_message_in_english_is_english_but_for_the_words_on_the_screens() {
    let mut job = examples::of(Kind::Message);
    job.language = Language::English;
    let written = written(&shipped(), &job).expect("a mail");
    assert!(
        written.subject.starts_with("[Document Exchange] A message for you ("),
        "{}",
        written.subject
    );
    for said in
        ["This is a notice from Document Exchange.", "「メッセージ交換」", "24 November 2026"]
    {
        assert!(written.text.contains(said), "{said}: {}", written.text);
    }
}

/// No tracking, nothing fetched, nothing that runs; and the text tells what the HTML tells.
#[test]
fn html_has_one_link_that_shows_where_it_leads_and_nothing_from_a_network() {
    let folder = templates().join("mail");
    let edition = |language| {
        let folders = Folders { mails: folder.clone(), sheets: templates().join("fax") };
        Edition::read(&folders, &site(), language).expect("reads")
    };
    for language in Language::ALL {
        for kind in LETTER_KINDS {
            let job = examples::of(kind);
            let Content::Notice(notice) = &job.content else { panic!("no notice") };
            let letter = LetterOf {
                id: JobId::new(TUESDAY_10_00, 1),
                notice,
                language: *language,
                sender: &job.sender,
                office_name: &job.recipient.office_name,
                to: &address("office@example.com"),
                token: [0; 16],
            };
            let fields = fields::of_letter(&site(), &letter).expect("fields");
            let Texts { text, html, .. } =
                edition(*language).texts(kind.as_str(), &fields).expect("texts");
            let link = "<a href=\"https://exchange.example.jp/\">https://exchange.example.jp/</a>";
            assert_eq!(html.matches(link).count(), 1);
            assert_eq!(html.matches("http").count(), 2);
            for unwanted in
                ["src=", "url(", "<img", "<script", "<style", "<link", "<form", "color:", "@import"]
            {
                assert!(!html.contains(unwanted), "{unwanted}");
            }
            let bare: String = html
                .split('<')
                .filter_map(|part| part.split_once('>'))
                .flat_map(|(_, text)| text.chars().filter(|character| !character.is_whitespace()))
                .collect();
            let marks = |line: &str| {
                line.trim_start_matches(['■', '・', '1', '2', '3', '.', ' ', '─']).to_owned()
            };
            for line in text.lines().map(marks) {
                let line: String =
                    line.chars().filter(|character| !character.is_whitespace()).collect();
                assert!(bare.contains(&line), "{kind}, {language}: {line} is not in {bare}");
            }
        }
    }
}

#[test]
fn fields_in_html_are_text_and_an_address_keeps_its_slashes() {
    let mut job = examples::of(Kind::Document);
    job.sender.office_name = SheetText::parse("<b>\"&'</b> {{ x }}", 60).expect("a text");
    let mut site = site();
    site.ja.words.insert("letter_notice".into(), "<i>{site}".into());
    let folder = edited("layout.html", |text| text.replace("<hr>", "<p>x</p>"));
    let letters = letters_in(folder.path(), site);
    let written = written(&letters, &job).expect("a mail");
    assert!(written.text.contains("<b>\"&'</b> {{ x }}から"), "{}", written.text);
    let octets = String::from_utf8(written.octets.clone()).expect("ASCII");
    let read = mail_parts(&octets);
    for said in [
        "&lt;b&gt;&quot;&amp;&#39;&lt;/b&gt; {{ x }}",
        "&lt;i&gt;書類",
        "https://exchange",
        "<p>x</p>",
    ] {
        assert!(read.contains(said), "{said}: {read}");
    }
}

/// The HTML of a mail, decoded.
fn mail_parts(octets: &str) -> String {
    let html = octets.split("Content-Type: text/html").nth(1).expect("HTML");
    let (_, coded) = html.split_once("\r\n\r\n").expect("a body");
    let coded: String = coded.split("\r\n--").next().expect("a boundary").split("\r\n").collect();
    let octets = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, coded).expect("base64");
    String::from_utf8(octets).expect("UTF-8")
}

#[test]
fn longest_fields_fit_and_no_line_of_a_text_is_wider_than_70_columns() {
    let letters = shipped();
    for kind in LETTER_KINDS {
        for language in Language::ALL {
            let (_, job) = longest(kind, *language).expect("the limits are kept");
            let written = written(&letters, &job).expect("a mail");
            let widest = written.text.lines().map(fold::columns).max().expect("lines");
            assert!((60..=fold::MOST_COLUMNS).contains(&widest), "{widest}");
            assert!(written.octets.len() < 30_000, "{}", written.octets.len());
        }
    }
}

#[test]
fn mail_carries_the_name_of_the_site_and_the_return_path_of_its_attempt() {
    let job = examples::of(Kind::Document);
    let Content::Notice(notice) = &job.content else { panic!("no notice") };
    let to = address("office@example.com");
    let letter = LetterOf {
        id: JobId::new(TUESDAY_10_00, 1),
        notice,
        language: Language::English,
        sender: &job.sender,
        office_name: &job.recipient.office_name,
        to: &to,
        token: *b"0123456789abcdef",
    };
    let key = TokenKey::new([7; 32]);
    let letters = shipped();
    let octets = letters.compose(&letter, &key, TUESDAY_10_00).expect("a mail").octets;
    let shown = String::from_utf8(octets).expect("ASCII");
    assert!(
        shown.contains("From: \"Document Exchange\" <notice@exchange.example.jp>\r\n"),
        "{shown}"
    );
    assert_eq!(key.find([&*shown]), Some(letter.token));
    assert!(shown.contains("Date: Tue, 24 Nov 2026 01:00:00 +0000\r\n"), "{shown}");
    assert!(letters.write(&letter, &key, TUESDAY_10_00).is_ok());
}

#[test]
fn notices_that_go_by_fax_only_have_no_mail() {
    for kind in [Kind::ChannelChanged, Kind::NumberProof] {
        assert_eq!(
            written(&shipped(), &examples::of(kind)).map(|_| ()),
            Err(LetterError::NoMail { kind })
        );
    }
}

#[test]
fn old_charset_takes_the_shipped_texts_whole() {
    let folders = Folders { mails: templates().join("mail"), sheets: templates().join("fax") };
    let letters = Letters::new(site(), folders, face(Charset::Iso2022Jp));
    for kind in LETTER_KINDS {
        for language in Language::ALL {
            let job = crate::job::NewJob { language: *language, ..examples::of(kind) };
            let octets = written(&letters, &job).expect("a mail").octets;
            let shown = String::from_utf8_lossy(&octets).to_lowercase();
            assert!(
                shown.contains("iso-2022-jp") && !shown.contains("utf-8"),
                "{kind}, {language}"
            );
        }
    }
}

#[test]
fn edit_with_an_error_is_named_with_file_and_line() {
    let cases = [
        (
            "document.txt",
            "document.title",
            "document.tite",
            "document.txt:4: ",
            "there is no such field",
        ),
        ("layout.html", "site.help_name", "site.help_nam", "layout.html:", "undefined value"),
        (
            "layout.txt",
            "letter_notice",
            "leter_notice",
            "layout.txt:7: ",
            "words.leter_notice: no sentence",
        ),
        ("document.html", "{% endfor %}", "", "document.html:", "syntax error"),
        (
            "layout.txt",
            "{{ issued }}",
            "{% include \"../README.md\" %}",
            "layout.txt:",
            "template not found",
        ),
        (
            "words/ja.toml",
            "letter_notice",
            "notice",
            "words/ja.toml: ",
            "a sentence of mails begins with letter_",
        ),
        ("words/ja.toml", "からのお知らせです。\"", "からの", "words/ja.toml:8: ", ""),
        (
            "words/ja.toml",
            "{reference}",
            "{refrence}",
            "words/ja.toml: ",
            "nothing is called {refrence} here",
        ),
        (
            "layout.txt",
            "{{ issued }}",
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            "layout.txt:",
            "engine ran out of fuel",
        ),
        (
            "layout.txt",
            "{{ issued }}",
            "{{ 'x' * 999999999 }}",
            "layout.txt:",
            "engine ran out of fuel",
        ),
        (
            "layout.txt",
            "{{ issued }}",
            "{{ 'x' * 100000 }}",
            "document.txt: ",
            "more than 65536 octets",
        ),
    ];
    for (file, from, to, place, what) in cases {
        let folder = edited(file, |text| text.replacen(from, to, 1));
        let why = why_not(folder.path(), site(), Language::Japanese);
        assert!(why.contains(place) && why.contains(what), "{file}, {to}: {why}");
        assert!(!why.contains('\n'), "{why}");
    }
    let why = why_not(Path::new("/nowhere"), site(), Language::Japanese);
    assert!(why.starts_with("/nowhere"), "{why}");
}

#[test]
fn sentence_of_the_settings_stands_in_mails_and_one_of_no_name_is_told() {
    let folder = templates().join("mail");
    let mut site = site();
    site.ja.words.insert("letter_no_reply".into(), "返信は{menu_messages}から".into());
    let written =
        written(&letters_in(&folder, site.clone()), &examples::of(Kind::Message)).expect("a mail");
    assert!(written.text.contains("返信は「メッセージ交換」から"), "{}", written.text);
    site.en.words.insert("letter_no_reply_".into(), "x".into());
    let why = why_not(&folder, site, Language::English);
    assert!(
        why.starts_with("[site.words.en]: letter_no_reply_: no sentence has this name"),
        "{why}"
    );
}

#[test]
fn failed_edit_leaves_the_mails_as_they_were_until_one_passes_and_holds_up_no_other_language() {
    let folder = edited("words/ja.toml", |text| text.replace("からのお知らせです", "より"));
    let letters = letters_in(folder.path(), site());
    let said = |language| {
        let job = crate::job::NewJob { language, ..examples::of(Kind::Message) };
        written(&letters, &job).map(|written| written.text)
    };
    let first = said(Language::Japanese).expect("a mail");
    assert!(first.contains("書類交換サイトより。"), "{first}");

    edit_in(folder.path(), "words/ja.toml", |text| {
        text.replace("letter_notice = ", "letter_notic = ")
    });
    edit_in(folder.path(), "words/en.toml", |text| text.replace("This is a notice", "A notice"));
    letters.look(false);
    assert_eq!(said(Language::Japanese), Ok(first));
    assert!(said(Language::English).expect("a mail").contains("A notice from Document Exchange."));

    edit_in(folder.path(), "words/ja.toml", |text| {
        text.replace("letter_notic = ", "letter_notice = ").replace("より", "からです")
    });
    letters.look(false);
    assert!(said(Language::Japanese).expect("a mail").contains("書類交換サイトからです。"));
}

/// As it runs in the gateway: beside the sheets, in the thread of their trials.
#[test]
fn edit_is_seen_by_the_trials_of_the_sheets_when_they_are_asked_for() {
    let folder = edited("words/ja.toml", |text| text.replace("からのお知らせです", "より"));
    let letters = Arc::new(letters_in(folder.path(), site()));
    let worker = sheet::WorkerSettings {
        program: folder.path().join("no-worker"),
        templates: folder.path().to_path_buf(),
        fonts: Vec::new(),
        deadline: Duration::from_secs(10),
        memory_limit: 1 << 30,
    };
    let gate = Arc::new(Gate::new(site(), Duration::ZERO));
    let trials = Trials::new(gate, site(), worker).with_letters(Arc::clone(&letters));
    let ask = trials.start().expect("a thread");
    edit_in(folder.path(), "words/ja.toml", |text| text.replace("より", "からです"));
    ask.send(()).expect("the trials go on");
    let is_seen = || {
        let written = written(&letters, &examples::of(Kind::Message)).expect("a mail");
        written.text.contains("書類交換サイトからです。")
    };
    for _ in 0..1000 {
        if is_seen() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it never was");
}

#[test]
fn error_in_use_names_the_place_and_not_the_field() {
    // Passes its trial, in which no office is called this.
    let folder = edited("layout.txt", |text| {
        let name = "{% if sender.office_name == \"秘密\" %}{{ sender.office_name|int }}{% endif %}";
        text.replacen("{{ issued }}", name, 1)
    });
    let letters = letters_in(folder.path(), site());
    let mut job = examples::of(Kind::Document);
    assert!(written(&letters, &job).is_ok());
    job.sender.office_name = SheetText::parse("秘密", 60).expect("a text");
    let error = written(&letters, &job).map(|_| ()).expect_err("no mail");
    assert!(error.to_string().starts_with("layout.txt:"), "{error}");
    assert!(!error.to_string().contains("秘密"), "{error}");
    assert_eq!(error.code(), "letter-template");
}
