//! Strangers at the listener: plaintext, silence, and nonsense. Connections that are cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use super::*;

fn connect(waiting: &Waiting) -> TcpStream {
    let Uri::Tcp(address) = &waiting.address else { panic!("{}", waiting.address) };
    let socket = TcpStream::connect((address.host.as_str(), address.port.parse().unwrap())).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket
}

#[test]
fn strangers_are_rejected_while_others_are_served() {
    let site = Site::new();
    let mut config = site.destination("server");
    config.parameters.connect_timeout = Duration::from_millis(300);
    let waiting = Waiting::new(&site.addresses()[0], config);
    for bytes in [&b"QEVM\0\0\0\x03"[..], b"GET / HTTP/1.1\r\n\r\n", &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0], &[0xff; 70000]]
    {
        let mut stranger = connect(&waiting);
        // The destination may close the connection before the end.
        let _ = stranger.write_all(bytes);
        let _ = stranger.shutdown(Shutdown::Write);
        // An alert, or the end.
        let _ = stranger.read_to_end(&mut Vec::new());
    }
    // It is closed by the deadline.
    let mut silent = connect(&waiting);
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0);
    drop(connect(&waiting));
    let rejections = waiting.complete(site.source("client"));
    let count = |text: &str| rejections.iter().filter(|reason| reason.contains(text)).count();
    assert!(count("sends something else than TLS") >= 2, "{rejections:?}");
    assert_eq!(count("does not complete the handshake in time"), 1, "{rejections:?}");
    assert!(rejections.iter().all(|reason| reason.starts_with("TLS handshake failed: ")), "{rejections:?}");
}

#[test]
fn silent_strangers_do_not_delay_a_source() {
    let site = Site::new();
    let mut config = site.destination("server");
    // Without threads, the source would wait this long for each of them.
    config.parameters.connect_timeout = Duration::from_secs(3600);
    let waiting = Waiting::new(&site.addresses()[0], config);
    let silent: Vec<_> = (0..8).map(|_| connect(&waiting)).collect();
    waiting.complete(site.source("client"));
    drop(silent);
}

#[test]
fn plaintext_destination_is_noticed() {
    let site = Site::new();
    let waiting = Waiting::new(&site.addresses()[0], DestinationConfig::default());
    let (board, status, error) = waiting.send(site.source("client"));
    assert!(board.runs && status == MigrationStatus::Failed, "{error}");
    assert!(error.contains("TLS handshake failed"), "{error}");
    let (destination, loaded, _) = waiting.loading.join().unwrap();
    assert!(loaded.is_err() && !destination.runs);
}

#[test]
fn silent_destination_is_given_up() {
    let site = Site::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri: Uri = format!("tcp:127.0.0.1:{}", listener.local_addr().unwrap().port()).parse().unwrap();
    let mut config = site.source("client");
    config.parameters.connect_timeout = Duration::from_millis(100);
    let mut source = Board::source();
    let error = Outgoing::start_with(&mut source, &uri, config).unwrap().finish().unwrap_err().to_string();
    assert!(error.contains("does not complete the handshake in time"), "{error}");
    assert!(source.runs);
}

/// QEMU's sources verify the certificate of the destination after the handshake.
#[test]
fn source_that_leaves_after_the_handshake_is_rejected() {
    let site = Site::new();
    let waiting = Waiting::new(&site.addresses()[0], site.destination("server"));
    let credentials = TlsCredentials::x509(site.path("client"), TlsEndpoint::Client).unwrap();
    for is_orderly in [true, false] {
        let mut config = credentials.client_config().unwrap();
        config.alpn_protocols.clear();
        let (config, name) = (Arc::new(config), "localhost".try_into().unwrap());
        let mut socket = connect(&waiting);
        let mut connection = rustls::ClientConnection::new(config, name).unwrap();
        while connection.is_handshaking() || connection.wants_write() {
            connection.complete_io(&mut socket).unwrap();
        }
        if is_orderly {
            connection.send_close_notify();
            connection.complete_io(&mut socket).unwrap();
        }
    }
    let rejections = waiting.complete(site.source("client"));
    let count = |text: &str| rejections.iter().filter(|reason| reason.contains(text)).count();
    assert_eq!((count("closed the connection after it"), count("may have rejected")), (1, 1), "{rejections:?}");
}

/// Forwards a connection to the destination, and closes both ends after some bytes.
fn cut_after(address: &Uri, limit: usize) -> Uri {
    let Uri::Tcp(address) = address.clone() else { panic!("{address}") };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("tcp:127.0.0.1:{}", listener.local_addr().unwrap().port()).parse().unwrap();
    thread::spawn(move || {
        let (source, _) = listener.accept().unwrap();
        let destination = TcpStream::connect((address.host.as_str(), address.port.parse().unwrap())).unwrap();
        let (mut back, mut to_source) = (destination.try_clone().unwrap(), source.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut back, &mut to_source));
        let _ = std::io::copy(&mut (&source).take(limit.try_into().unwrap()), &mut (&destination));
        let _ = destination.shutdown(Shutdown::Write);
        let _ = source.shutdown(Shutdown::Both);
    });
    uri
}

#[test]
fn truncated_connections_fail_on_both_sides() {
    let site = Site::new();
    // At least one record of TLS arrives: without a byte of the stream, the connection is rejected.
    for limit in [100_000, 1_000_000] {
        let waiting = Waiting::new(&site.addresses()[0], site.destination("server"));
        let address = cut_after(&waiting.address, limit);
        let mut source = Board::source();
        let sent = Outgoing::start_with(&mut source, &address, site.source("client")).unwrap().finish();
        let (destination, loaded, _) = waiting.loading.join().unwrap();
        let (sent, loaded) = (sent.unwrap_err().to_string(), loaded.unwrap_err().to_string());
        assert!(source.runs && !destination.runs, "{sent}; {loaded}");
        // The destination may find it first when it answers.
        let reasons = ["TLS: the connection is truncated", "TLS: connection lost"];
        assert!(reasons.iter().any(|reason| loaded.contains(reason)), "{loaded}");
        assert_eq!(destination.ram.to_vec(), vec![0xaa; SIZE]);
    }
}
