//! Peers with unsuitable certificates are rejected, and the listener accepts the next one.

use super::*;

/// Lets a source fail that the destination or the source rejects. The guest of the source runs on. Then lets a right source
/// succeed. Returns the reasons of both sides.
fn reject(site: &Site, source: SourceConfig, destination: DestinationConfig, right: SourceConfig) -> (String, String) {
    let waiting = Waiting::new(&site.addresses()[0], destination);
    let (board, status, error) = waiting.send(source);
    assert_eq!(status, MigrationStatus::Failed, "{error}");
    assert!(board.runs, "{error}");
    let rejections = waiting.complete(right);
    assert_eq!(rejections.len(), 1, "{rejections:?}");
    (error, rejections[0].clone())
}

#[test]
fn foreign_authority_is_rejected_by_the_source() {
    let site = Site::new();
    let foreign = Authority::new("Foreign");
    let names = Names { common: "source", alternative: &[] };
    foreign.issue(&site.path("foreign"), "client", names, Validity::Now);
    let reasons = reject(&site, site.source("foreign"), site.destination("server"), site.source("client"));
    assert!(reasons.0.contains("not issued by an authority in `ca-cert.pem`"), "{reasons:?}");
    assert!(reasons.1.contains("it does not have this side's certificate authority"), "{reasons:?}");
}

#[test]
fn foreign_client_is_rejected_by_the_destination() {
    let site = Site::new();
    let foreign = Authority::new("Foreign");
    let names = Names { common: "source", alternative: &[] };
    foreign.issue(&site.path("foreign"), "client", names, Validity::Now);
    std::fs::copy(site.path("client").join("ca-cert.pem"), site.path("foreign").join("ca-cert.pem")).unwrap();
    for return_path in [true, false] {
        let mut source = site.source("foreign");
        source.capabilities.set(Capability::ReturnPath, return_path);
        let reasons = reject(&site, source, site.destination("server"), site.source("client"));
        assert!(reasons.0.contains("the peer has rejected the connection"), "{reasons:?}");
        assert!(reasons.1.contains("not issued by an authority in `ca-cert.pem`"), "{reasons:?}");
    }
}

#[test]
fn client_without_a_certificate_is_rejected() {
    let site = Site::new();
    std::fs::create_dir(site.path("anonymous")).unwrap();
    std::fs::copy(site.path("client").join("ca-cert.pem"), site.path("anonymous").join("ca-cert.pem")).unwrap();
    let reasons = reject(&site, site.source("anonymous"), site.destination("server"), site.source("client"));
    assert!(reasons.0.contains("it requires a certificate; add `client-cert.pem`"), "{reasons:?}");
    assert!(reasons.1.contains("the source has no certificate"), "{reasons:?}");

    // A destination that verifies nothing accepts it.
    let objects = Objects::new();
    let credentials = TlsCredentials::x509(site.path("server"), TlsEndpoint::Server).unwrap();
    objects.add_credentials("tls0", credentials.verify_peer(false)).unwrap();
    let config = DestinationConfig { objects, ..site.destination("server") };
    Waiting::new(&site.addresses()[0], config).complete(site.source("anonymous"));
}

#[test]
fn wrong_name_is_rejected() {
    let site = Site::new();
    let mut source = site.source("client");
    source.parameters.tls_hostname = "other.example".to_owned();
    let reasons = reject(&site, source.clone(), site.destination("server"), site.source("client"));
    assert!(reasons.0.contains("not issued for `other.example`") && reasons.0.contains("localhost"), "{reasons:?}");
    assert!(reasons.1.contains("not suitable"), "{reasons:?}");

    // A source that verifies nothing accepts it.
    source.objects = Objects::new();
    let credentials = TlsCredentials::x509(site.path("client"), TlsEndpoint::Client).unwrap();
    source.objects.add_credentials("tls0", credentials.verify_peer(false)).unwrap();
    Waiting::new(&site.addresses()[0], site.destination("server")).complete(source.clone());
    source.parameters.tls_hostname.clear();
    Waiting::new(&site.addresses()[1], site.destination("server")).complete(source);
}

#[test]
fn expired_certificates_are_rejected() {
    let site = Site::new();
    site.add_server("expired-server", Validity::Expired);
    let waiting = Waiting::new(&site.addresses()[0], site.destination("expired-server"));
    let (board, status, error) = waiting.send(site.source("client"));
    assert!(board.runs && status == MigrationStatus::Failed && error.contains("has expired"), "{error}");
    // The thread of the destination ends with the tests.

    let names = Names { common: "source", alternative: &[] };
    site.authority.issue(&site.path("expired"), "client", names, Validity::Expired);
    let reasons = reject(&site, site.source("expired"), site.destination("server"), site.source("client"));
    assert!(reasons.0.contains("this side's certificate has expired"), "{reasons:?}");
    assert!(reasons.1.contains("the peer's certificate has expired"), "{reasons:?}");
}

#[test]
fn revoked_certificates_are_rejected() {
    let site = Site::new();
    let names = Names { common: "localhost", alternative: &["localhost"] };
    site.authority.issue_revoked(&site.path("revoked"), "client", names);
    site.authority.revoke(&site.path("server"));
    let reasons = reject(&site, site.source("revoked"), site.destination("server"), site.source("client"));
    assert!(reasons.0.contains("this side's certificate is revoked"), "{reasons:?}");
    assert!(reasons.1.contains("revoked by `ca-crl.pem`"), "{reasons:?}");

    site.authority.issue_revoked(&site.path("revoked-server"), "server", names);
    site.authority.revoke(&site.path("client"));
    let waiting = Waiting::new(&site.addresses()[0], site.destination("revoked-server"));
    let (board, status, error) = waiting.send(site.source("client"));
    assert!(board.runs && status == MigrationStatus::Failed && error.contains("revoked by `ca-crl.pem`"), "{error}");
}

#[test]
fn authorization_decides_by_the_distinguished_name() {
    let site = Site::new();
    site.add_client("other", "other");
    let authorizing = |identity: &str| {
        let mut config = site.destination("server");
        config.objects.add(&format!("authz-simple,id=auth0,identity={}", identity.replace(',', ",,"))).unwrap();
        config.parameters.tls_authz = "auth0".to_owned();
        config
    };
    let destination = authorizing("CN=source,O=Example\\, Ltd.");
    let reasons = reject(&site, site.source("other"), destination, site.source("client"));
    assert!(reasons.0.contains("not authorized (`tls-authz`)"), "{reasons:?}");
    assert!(reasons.1.contains("the client `CN=other,O=Example\\\\, Ltd.` is not authorized"), "{reasons:?}");
}
