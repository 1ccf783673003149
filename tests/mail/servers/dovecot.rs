//! Dovecot from its unpacked packages: IMAP for the mailboxes of `gateway.test`, and AUTH for the relay.
//!
//! It looks for its TLS module in one folder whose name is compiled in. A copy of its library gets a name relative to
//! where it runs instead, of the same length; all else is as Debian built it.
//! Source: doveconf(1), doc.dovecot.org for 2.3.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::unpacked::{Program, Unpacked, folder_of};
use super::{Ports, RECEIPTS, SENDER, postfix};

const MODULES: &[u8] = b"/usr/lib/dovecot/modules\0";
const LIBRARY: &str = "libdovecot.so.0";

pub fn start(unpacked: &Unpacked, folder: &Path, mailboxes: &Path, ports: &Ports) -> Program {
    let home = folder.join("dovecot");
    // It runs in `run`, where it finds `modules`.
    fs::create_dir_all(home.join("run")).expect("a folder");
    symlink(unpacked.path("usr/lib/dovecot/modules"), home.join("run/modules")).expect("a link");
    let library = home.join("lib");
    fs::create_dir(&library).expect("a folder");
    fs::write(library.join(LIBRARY), relative(&unpacked.path("usr/lib/dovecot").join(LIBRARY)))
        .expect("a library");
    folder_of(postfix::KEEPER, "711", mailboxes);

    let accounts =
        [SENDER, RECEIPTS].map(|(name, password)| format!("{name}:{{PLAIN}}{password}\n"));
    fs::write(home.join("accounts"), accounts.concat()).expect("accounts");
    let settings = home.join("dovecot.conf");
    fs::write(&settings, text(unpacked, folder, mailboxes, ports)).expect("settings");

    // Started by doveconf, for it would start doveconf where that is installed.
    let line = [
        unpacked.path("usr/bin/doveconf").into_os_string(),
        OsString::from("-c"),
        settings.clone().into_os_string(),
        OsString::from("-m"),
        OsString::from("master"),
        OsString::from("-p"),
        OsString::from("-e"),
        unpacked.path("usr/sbin/dovecot").into_os_string(),
        OsString::from("-c"),
        settings.into_os_string(),
        OsString::from("-F"),
    ];
    let variables = [("LD_LIBRARY_PATH", unpacked.libraries(&[library]))];
    Program::start(&variables, &folder.join("stderr"), &line)
}

fn relative(library: &Path) -> Vec<u8> {
    let mut octets = fs::read(library).expect("Dovecot's library");
    let at = octets.windows(MODULES.len()).position(|part| part == MODULES);
    let at = at.expect("the folder of modules is compiled into Dovecot's library");
    let name = b"modules\0";
    octets[at..at + name.len()].copy_from_slice(name);
    octets
}

fn text(unpacked: &Unpacked, folder: &Path, mailboxes: &Path, ports: &Ports) -> String {
    let Ports { imap, imaps, .. } = ports;
    let keeper = postfix::id_of(postfix::KEEPER);
    let (top, mailboxes) = (folder.display(), mailboxes.display());
    let programs = unpacked.path("usr/lib/dovecot");
    format!(
        "base_dir = {top}/dovecot/run
state_dir = {top}/dovecot/state
libexec_dir = {programs}
mail_plugin_dir = {programs}/modules
import_environment = TZ LD_LIBRARY_PATH
log_path = {top}/dovecot/log
default_internal_user = daemon
default_internal_group = daemon
default_login_user = games
first_valid_uid = 1
protocols = imap
ssl = yes
ssl_cert = <{top}/server.pem
ssl_key = <{top}/server.key
disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {top}/dovecot/accounts
}}
userdb {{
  driver = static
  args = uid={keeper} gid={keeper} home={mailboxes}/%n
}}
mail_location = maildir:{mailboxes}/%n
maildir_stat_dirs = no
mailbox_idle_check_interval = 1s
namespace inbox {{
  inbox = yes
  mailbox Done {{
    auto = create
  }}
  mailbox Sent {{
    auto = create
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service auth {{
  unix_listener {top}/dovecot/auth {{
    mode = 0666
  }}
}}
",
        programs = programs.display(),
    )
}
