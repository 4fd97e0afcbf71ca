//! Errors of TLS connections, with their causes and remedies.

use rustls::{AlertDescription, CertificateError, Error};

/// Returns the reason of an error.
pub(super) fn explain(error: &Error) -> String {
    match error {
        Error::AlertReceived(alert) => explain_alert(*alert),
        Error::InvalidCertificate(error) => explain_certificate(error),
        Error::NoCertificatesPresented => {
            "the source has no certificate; add `client-cert.pem` and `client-key.pem` to its credentials".to_owned()
        }
        Error::InvalidMessage(_) => {
            "the peer sends something else than TLS; set `tls-creds` on both sides or on none".to_owned()
        }
        other => other.to_string(),
    }
}

fn explain_alert(alert: AlertDescription) -> String {
    let cause = match alert {
        AlertDescription::UnknownCA => "it does not have this side's certificate authority in its `ca-cert.pem`",
        AlertDescription::CertificateRequired => {
            "it requires a certificate; add `client-cert.pem` and `client-key.pem` to the credentials"
        }
        AlertDescription::CertificateExpired => "this side's certificate has expired",
        AlertDescription::CertificateRevoked => "this side's certificate is revoked",
        AlertDescription::AccessDenied => "this side's certificate is not authorized (`tls-authz`)",
        AlertDescription::BadCertificate | AlertDescription::UnsupportedCertificate => {
            "this side's certificate is not suitable, for example for another name"
        }
        _ => return format!("the peer has rejected the connection (alert {alert:?})"),
    };
    format!("the peer has rejected the connection: {cause}")
}

fn explain_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "the peer's certificate is not issued by an authority in `ca-cert.pem`".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the peer's certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the peer's certificate is not valid yet".to_owned()
        }
        CertificateError::Revoked => "the peer's certificate is revoked by `ca-crl.pem`".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let presented = presented.join(", ");
            format!(
                "the peer's certificate is not issued for `{}` but for: {}; set `tls-hostname` to its name",
                expected.to_str(),
                presented.escape_debug()
            )
        }
        other => format!("the peer's certificate cannot be verified: {other}"),
    }
}
