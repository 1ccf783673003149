//! A certificate authority that only the test knows, and the certificate of the servers on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// In a folder: `ca.pem`, `other-ca.pem`, which signed nothing, `server.pem` and `server.key` for `localhost`.
pub struct Authority(PathBuf);

impl Authority {
    pub fn new(folder: &Path) -> Self {
        let (certificate, issuer) = authority();
        let key = KeyPair::generate().expect("a key");
        let server = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()])
            .expect("a name")
            .signed_by(&key, &issuer)
            .expect("a certificate");
        let (other, _) = authority();
        for (name, pem) in [
            ("ca.pem", certificate),
            ("other-ca.pem", other),
            ("server.pem", server.pem()),
            ("server.key", key.serialize_pem()),
        ] {
            fs::write(folder.join(name), pem).expect("a file");
        }
        Self(folder.to_owned())
    }

    /// Who signed the certificate of all servers.
    pub fn file(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// Somebody else.
    pub fn other_file(&self) -> PathBuf {
        self.0.join("other-ca.pem")
    }
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    (certificate, Issuer::new(params, key))
}
