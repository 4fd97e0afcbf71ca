//! Certificates for encrypted migrations, in folders as QEMU's `tls-creds-x509` reads them.

use std::fs;
use std::path::Path;

use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// The subject of the certificates of clients, in the order of its parts in the certificate.
fn client() -> [(DnType, DnValue); 3] {
    let country = PrintableString::try_from("AQ").expect("printable characters");
    [
        (DnType::CountryName, DnValue::PrintableString(country)),
        (DnType::OrganizationName, "Example, Ltd.".into()),
        (DnType::CommonName, "source".into()),
    ]
}

impl Authority {
    /// Creates an authority.
    ///
    /// # Panics
    /// If the random number generator fails.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Writes the files of a server `localhost` and of a client into a folder.
    ///
    /// # Panics
    /// If a file cannot be written.
    pub fn write_to(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("a folder");
        fs::write(folder.join("ca-cert.pem"), &self.certificate).expect("a file");
        self.issue(folder, "server", &["localhost", "127.0.0.1"], [(DnType::CommonName, "localhost".into())]);
        self.issue(folder, "client", &[], client());
    }

    fn issue(&self, folder: &Path, kind: &str, names: &[&str], subject: impl IntoIterator<Item = (DnType, DnValue)>) {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("names of hosts");
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind, value);
        }
        // QEMU checks the purposes of the certificates that it loads.
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![match kind {
            "server" => ExtendedKeyUsagePurpose::ServerAuth,
            _ => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        fs::write(folder.join(format!("{kind}-cert.pem")), certificate).expect("a file");
        fs::write(folder.join(format!("{kind}-key.pem")), key.serialize_pem()).expect("a file");
    }
}
