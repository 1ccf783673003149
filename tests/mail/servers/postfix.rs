//! Postfix from its unpacked package, with everything that it writes in a folder of ours.
//!
//! `master` is started as it is; `postfix start` would only prepare what is prepared here.
//! Source: master(8), postconf(5), virtual(8), pipe(8), access(5) of Postfix 3.7.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::unpacked::{Program, Unpacked, as_root, folder_of};
use super::{DEFERRED, Far, Ports, REFUSED, SINK};

/// Users and groups that every Debian has. Postfix wants one user and one group for itself alone.
const OWNER: &str = "daemon";
const GROUP: &str = "mail";
/// Whom mailboxes belong to.
pub const KEEPER: &str = "nobody";
pub const KEEPERS: &str = "nogroup";

/// Programs of Postfix that are not reached by SMTP: name in master.cf, type, private, privileged, wake-up, most.
const SERVICES: &str = "\
postlog   unix-dgram n - n -   1 postlogd
cleanup   unix n - n -   0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 300 1 tlsmgr
rewrite   unix - - n -   - trivial-rewrite
bounce    unix - - n -   0 bounce
defer     unix - - n -   0 bounce
trace     unix - - n -   0 bounce
proxymap  unix - - n -   - proxymap
smtp      unix - - n -   - smtp
error     unix - - n -   - error
retry     unix - - n -   - error
discard   unix - - n -   - discard
virtual   unix - n n -   - virtual
anvil     unix - - n -   1 anvil
full      unix - n n -   - pipe flags=F user=nobody argv=/bin/sh -c {cat >/dev/null; echo 5.2.2 mailbox full; exit 69}
";

/// The relay: takes mail of those who log in, carries it to the far host, and keeps that of `gateway.test`.
pub fn start_relay(unpacked: &Unpacked, folder: &Path, mailboxes: &Path, ports: &Ports) -> Program {
    let Ports { submission, submissions, relay_plain, far, .. } = ports;
    let login = "-o smtpd_tls_auth_only=yes -o smtpd_sasl_auth_enable=yes \
        -o smtpd_relay_restrictions=permit_sasl_authenticated,reject";
    let listens = format!(
        "127.0.0.1:{submission} inet n - n - - smtpd -o smtpd_tls_security_level=may {login}\n\
         127.0.0.1:{submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes {login}\n\
         127.0.0.1:{relay_plain} inet n - n - - smtpd\n"
    );
    let (top, mailboxes) = (folder.display(), mailboxes.display());
    let settings = format!(
        "myhostname = relay.gateway.test\n\
         virtual_mailbox_domains = gateway.test\n\
         virtual_mailbox_base = {mailboxes}\n\
         virtual_mailbox_maps = inline:{{ {{ receipts@gateway.test = receipts/ }} }}\n\
         transport_maps = inline:{{ {{ {SINK} = discard: }} {{ office.test = smtp:[127.0.0.1]:{far} }} \
            {{ fax.test = smtp:[127.0.0.1]:{far} }} }}\n\
         smtpd_recipient_restrictions = check_recipient_access inline:{{ \
            {{ {REFUSED} = 550 5.1.1 no such office }} {{ {DEFERRED} = 450 4.2.1 try later }} }}\n\
         smtpd_tls_cert_file = {top}/server.pem\n\
         smtpd_tls_key_file = {top}/server.key\n\
         smtpd_tls_received_header = yes\n\
         smtpd_sasl_type = dovecot\n\
         smtpd_sasl_path = {top}/dovecot/auth\n"
    );
    start(unpacked, folder, "relay", &settings, &listens)
}

/// The far host: an office's own.
pub fn start_far(unpacked: &Unpacked, folder: &Path, ports: &Ports) -> Program {
    let Ports { far, relay_plain, .. } = ports;
    let mailboxes = folder.join("far/mailboxes").display().to_string();
    let (office, unknown, greylisted, full) = (
        Far::Office.address(),
        Far::Unknown.address(),
        Far::Greylisted.address(),
        Far::Full.address(),
    );
    let settings = format!(
        "myhostname = mx.office.test\n\
         virtual_mailbox_domains = office.test fax.test\n\
         virtual_mailbox_base = {mailboxes}\n\
         virtual_mailbox_maps = inline:{{ {{ {office} = {office}/ }} {{ {full} = {full}/ }} \
            {{ @fax.test = fax.test/ }} }}\n\
         transport_maps = inline:{{ {{ {full} = full: }} {{ gateway.test = smtp:[127.0.0.1]:{relay_plain} }} }}\n\
         smtpd_recipient_restrictions = check_recipient_access inline:{{ \
            {{ {greylisted} = 450 4.2.0 greylisted, try later }} \
            {{ {unknown} = 550 5.1.1 no such user here }} }}\n"
    );
    start(unpacked, folder, "far", &settings, &format!("127.0.0.1:{far} inet n - n - - smtpd\n"))
}

fn start(unpacked: &Unpacked, folder: &Path, name: &str, settings: &str, listens: &str) -> Program {
    let home = folder.join(name);
    fs::create_dir_all(home.join("conf")).expect("a folder");
    make_queue(&home);
    let programs = unpacked.path("usr/lib/postfix/sbin");
    let keeper = id_of(KEEPER);
    let common = format!(
        "compatibility_level = 3.7\n\
         queue_directory = {home}/queue\n\
         data_directory = {home}/data\n\
         daemon_directory = {programs}\n\
         command_directory = {commands}\n\
         shlib_directory = {libraries}\n\
         meta_directory = {home}/conf\n\
         maillog_file = {home}/log\n\
         maillog_file_prefixes = {home}\n\
         mail_owner = {OWNER}\n\
         setgid_group = {GROUP}\n\
         default_privs = {KEEPER}\n\
         import_environment = MAIL_CONFIG LD_LIBRARY_PATH LANG=C\n\
         default_database_type = texthash\n\
         inet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\n\
         smtp_dns_support_level = disabled\n\
         smtpd_peername_lookup = no\n\
         mydestination =\n\
         local_recipient_maps =\n\
         alias_maps =\n\
         mynetworks = 127.0.0.0/8\n\
         append_dot_mydomain = no\n\
         recipient_delimiter = +\n\
         virtual_transport = virtual\n\
         virtual_uid_maps = static:{keeper}\n\
         virtual_gid_maps = static:{keeper}\n\
         smtpd_error_sleep_time = 0s\n\
         notify_classes =\n\
         delay_warning_time = 1s\n\
         queue_run_delay = 2s\n\
         minimal_backoff_time = 2s\n\
         maximal_backoff_time = 2s\n",
        home = home.display(),
        programs = programs.display(),
        commands = unpacked.path("usr/sbin").display(),
        libraries = unpacked.path("usr/lib/postfix").display(),
    );
    fs::write(home.join("conf/main.cf"), common + settings).expect("main.cf");
    fs::write(home.join("conf/master.cf"), format!("{listens}{SERVICES}")).expect("master.cf");
    let variables = [
        ("LD_LIBRARY_PATH", unpacked.libraries(&[])),
        ("MAIL_CONFIG", home.join("conf").into_os_string()),
    ];
    let line = [
        programs.join("master").into_os_string(),
        OsString::from("-d"), // stays in the process group that is killed at the end
        OsString::from("-c"),
        home.join("conf").into_os_string(),
    ];
    Program::start(&variables, &folder.join("stderr"), &line)
}

/// What `postfix check` would make (conf/postfix-files).
fn make_queue(home: &Path) {
    let queue = home.join("queue");
    let own = [
        "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
        "saved", "trace",
    ];
    let mut install = as_root(&[]);
    install.args(["install", "-d", "-o", OWNER, "-m", "700"]);
    install.args(own.map(|folder| queue.join(folder))).arg(home.join("data"));
    assert!(install.status().is_ok_and(|made| made.success()), "folders of the queue");
    let mut install = as_root(&[]);
    install.args(["install", "-d", "-o", OWNER, "-g", GROUP, "-m", "730"]);
    install.args(["maildrop", "public"].map(|folder| queue.join(folder)));
    assert!(install.status().is_ok_and(|made| made.success()), "folders of the queue");
    folder_of("root", "755", &queue);
    folder_of("root", "755", &queue.join("pid"));
    folder_of(KEEPER, "711", &home.join("mailboxes"));
}

/// As the user database of this machine has it.
pub fn id_of(user: &str) -> u32 {
    let users = fs::read_to_string("/etc/passwd").expect("the users of this machine");
    let entry = users.lines().find(|line| line.split(':').next() == Some(user));
    let id = entry.and_then(|line| line.split(':').nth(2)).and_then(|id| id.parse().ok());
    id.unwrap_or_else(|| panic!("every Debian has the user {user}"))
}
