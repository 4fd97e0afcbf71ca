//! Distinguished names of certificates as text.

use x509_cert::Certificate;
use x509_cert::der::Decode;

/// Returns the name of the holder of a certificate, such as `CN=host.example,O=Example`, in the order of the certificate.
pub(super) fn distinguished_name(certificate: &[u8]) -> Option<String> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let parts = certificate.tbs_certificate.subject.0.iter().map(ToString::to_string);
    Some(parts.collect::<Vec<_>>().join(","))
}
