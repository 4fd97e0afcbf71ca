//! Certificates for tests.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};

/// A certificate authority.
pub(in super::super) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// The names in a certificate.
#[derive(Clone, Copy)]
pub(in super::super) struct Names<'n> {
    pub(in super::super) common: &'n str,
    pub(in super::super) alternative: &'n [&'n str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Validity {
    Now,
    Expired,
}

/// The number of the certificates that a revocation list names.
const REVOKED: u64 = 7;

impl Authority {
    pub(in super::super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Writes the files of one side: `kind` is `server` or `client`.
    pub(in super::super) fn issue(&self, folder: &Path, kind: &str, names: Names<'_>, validity: Validity) {
        self.issue_with_serial(folder, kind, names, validity, 1);
    }

    /// Writes the files of one side, whose certificate the revocation list names.
    pub(in super::super) fn issue_revoked(&self, folder: &Path, kind: &str, names: Names<'_>) {
        self.issue_with_serial(folder, kind, names, Validity::Now, REVOKED);
    }

    fn issue_with_serial(&self, folder: &Path, kind: &str, names: Names<'_>, validity: Validity, serial: u64) {
        let alternative: Vec<_> = names.alternative.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(alternative).unwrap();
        params.serial_number = Some(SerialNumber::from(serial));
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, names.common);
        params.distinguished_name.push(DnType::OrganizationName, "Example, Ltd.");
        if validity == Validity::Expired {
            (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("ca-cert.pem"), &self.certificate).unwrap();
        fs::write(folder.join(format!("{kind}-cert.pem")), certificate).unwrap();
        fs::write(folder.join(format!("{kind}-key.pem")), key.serialize_pem()).unwrap();
    }

    /// Writes the revocation list.
    pub(in super::super) fn revoke(&self, folder: &Path) {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(REVOKED),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        fs::write(folder.join("ca-crl.pem"), list.signed_by(&self.issuer).unwrap().pem().unwrap()).unwrap();
    }
}
