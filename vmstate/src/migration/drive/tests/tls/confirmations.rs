//! Sources wait until the destination has accepted their certificate: the handshake is complete on their side before, and a
//! small guest is sent at once.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rustls::ServerConnection;

use super::*;
use crate::migration::tls::Denied;

/// A destination that is not of this library.
struct Foreign {
    connection: ServerConnection,
    socket: TcpStream,
}

impl Foreign {
    /// Sends everything up to the end of the source's handshake.
    fn accept(listener: &TcpListener, config: rustls::ServerConfig) -> Self {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
        connection.read_tls(&mut socket).unwrap();
        connection.process_new_packets().unwrap();
        let mut foreign = Self { connection, socket };
        foreign.send();
        foreign
    }

    fn send(&mut self) {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.socket).unwrap();
        }
    }

    /// Reads the end of the handshake, which may be in several pieces.
    fn complete(&mut self) {
        while self.connection.is_handshaking() {
            self.connection.read_tls(&mut self.socket).unwrap();
            self.connection.process_new_packets().unwrap();
        }
        self.send();
    }

    /// Returns the bytes of the stream that arrive.
    fn received(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.connection.read_tls(&mut self.socket).is_ok_and(|count| count > 0) {
            self.connection.process_new_packets().unwrap();
            let _ = self.connection.reader().read_to_end(&mut bytes);
        }
        bytes
    }
}

/// Returns the reason with which a migration without the return path fails. The guest runs on.
fn reason_of<T: Send + 'static>(
    site: &Site,
    server: &str,
    timeout: Duration,
    destination: impl FnOnce(TcpListener, rustls::ServerConfig) -> T + Send + 'static,
) -> (String, T) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri: Uri = format!("tcp:127.0.0.1:{}", listener.local_addr().unwrap().port()).parse().unwrap();
    let credentials = TlsCredentials::x509(site.path(server), TlsEndpoint::Server).unwrap();
    let config = credentials.server_config(None, &Denied::default()).unwrap();
    let destination = thread::spawn(move || destination(listener, config));
    let mut config = site.source("client");
    config.capabilities.set(Capability::ReturnPath, false);
    config.parameters.connect_timeout = timeout;
    let mut source = Board::source();
    let error = Outgoing::start_with(&mut source, &uri, config).unwrap().finish().unwrap_err().to_string();
    assert!(source.runs, "{error}");
    (error, destination.join().unwrap())
}

#[test]
fn source_without_return_path_learns_a_late_rejection() {
    let site = Site::new();
    let credentials = Authority::new("Foreign");
    credentials.issue(&site.path("strict"), "server", Names { common: "other", alternative: &[] }, Validity::Now);
    for file in ["server-cert.pem", "server-key.pem"] {
        std::fs::copy(site.path("server").join(file), site.path("strict").join(file)).unwrap();
    }
    let (error, ()) = reason_of(&site, "strict", Duration::from_secs(60), |listener, config| {
        let mut foreign = Foreign::accept(&listener, config);
        thread::sleep(Duration::from_millis(500));
        foreign.connection.read_tls(&mut foreign.socket).unwrap();
        foreign.connection.process_new_packets().unwrap_err();
        foreign.send();
    });
    assert!(error.contains("the peer has rejected the connection"), "{error}");
}

#[test]
fn destination_that_confirms_nothing_gets_no_guest() {
    let site = Site::new();
    let (error, stream) = reason_of(&site, "server", Duration::from_secs(2), |listener, config| {
        let mut foreign = Foreign::accept(&listener, config);
        foreign.complete();
        foreign.received()
    });
    assert!(error.contains("the peer does not complete the handshake in time"), "{error}");
    assert_eq!(stream, b"");
}

#[test]
fn destination_with_another_byte_gets_no_guest() {
    let site = Site::new();
    let (error, stream) = reason_of(&site, "server", Duration::from_secs(60), |listener, config| {
        let mut foreign = Foreign::accept(&listener, config);
        foreign.complete();
        foreign.connection.writer().write_all(&[7]).unwrap();
        foreign.send();
        foreign.received()
    });
    assert!(error.contains("the peer sends [7] instead of [1]"), "{error}");
    assert_eq!(stream, b"");
}
