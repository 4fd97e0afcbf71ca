//! Running guests move over encrypted channels between boards and real QEMUs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use vmstate_tests::board::{BoardProcess, binary};
use vmstate_tests::certificates::Authority;
use vmstate_tests::qemu::VERSIONS;
use vmstate_tests::transport::{Program, Transport};

use super::live::Guest;

/// The name of the client's certificate, as both QEMU and this library write it.
const CLIENT: &str = r"C=AQ,O=Example\, Ltd.,CN=source";

/// A folder with certificates, and the objects that use them.
struct Site {
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        // The guest verifies itself for as long as it has run, so nothing is built meanwhile.
        binary();
        let folder = TempDir::new().unwrap();
        Authority::new("Authority").write_to(&folder.path().join("right"));
        Authority::new("Foreign").write_to(&folder.path().join("foreign"));
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the objects of a program: credentials for both sides, of a foreign authority, and authorizations.
    fn objects(&self, option: &'static str) -> Vec<String> {
        let credentials = |id: &str, folder: &str, endpoint: &str| {
            format!("tls-creds-x509,id={id},dir={},endpoint={endpoint},verify-peer=on", self.path(folder).display())
        };
        let authorization = |id: &str, name: &str| format!("authz-simple,id={id},identity={}", name.replace(',', ",,"));
        let objects = [
            credentials("client", "right", "client"),
            credentials("server", "right", "server"),
            credentials("foreign", "foreign", "client"),
            authorization("source", CLIENT),
            authorization("stranger", "CN=stranger"),
        ];
        objects.into_iter().flat_map(|object| [option.to_owned(), object]).collect()
    }

    fn board(&self, version: &str, more: &[&str]) -> BoardProcess {
        let objects = self.objects("--object");
        let objects: Vec<_> = objects.iter().map(String::as_str).collect();
        BoardProcess::start(&[&["--qemu", version], more, &objects].concat())
    }

    fn qemu(&self, version: &str, more: &[&str]) -> Guest {
        let objects = self.objects("-object");
        let objects: Vec<_> = objects.iter().map(String::as_str).collect();
        Guest::new(version, &[more, &objects].concat())
    }
}

fn set(program: &mut dyn Program, parameters: serde_json::Value) {
    program.execute("migrate-set-parameters", parameters);
}

fn enable(program: &mut dyn Program, channels: u8) {
    let change = json!([{ "capability": "multifd", "state": channels > 0 }]);
    program.execute("migrate-set-capabilities", json!({ "capabilities": change }));
    set(program, json!({ "multifd-channels": channels.max(1) }));
}

/// Moves a guest over encrypted channels.
fn migrate(
    source: &mut dyn Program,
    destination: &mut dyn Program,
    (transport, channels): (Transport, u8),
    folder: &std::path::Path,
) {
    enable(source, channels);
    enable(destination, channels);
    set(source, json!({ "tls-creds": "client", "tls-hostname": "localhost" }));
    set(destination, json!({ "tls-creds": "server", "tls-authz": "source" }));
    transport.migrate(source, destination, folder);
}

/// Moves the guest from QEMU to the board and back.
fn round_trips(version: &str) {
    let site = Site::new();
    let mut guest = site.qemu(version, &[]);
    guest.read_until("hasher");
    for way in [(Transport::Tcp, 0), (Transport::Unix, 3), (Transport::Unix, 0), (Transport::Tcp, 2)] {
        let mut board = site.board(version, &["--incoming", "defer"]);
        migrate(&mut guest.qemu, &mut board, way, guest.folder.path());
        assert_eq!((guest.qemu.status().as_str(), board.status().as_str()), ("postmigrate", "running"), "{way:?}");
        board.assert_right();
        let mut next = site.qemu(version, &["-incoming", "defer"]);
        migrate(&mut board, &mut next.qemu, way, next.folder.path());
        assert_eq!((board.status().as_str(), next.qemu.status().as_str()), ("postmigrate", "running"), "{way:?}");
        next.assert_right();
        board.assert_silent();
        guest = next;
    }
}

#[test]
fn guest_moves_to_qemu_7_2_and_back() {
    round_trips("7.2");
}

#[test]
fn guest_moves_to_qemu_10_0_and_back() {
    round_trips("10.0");
}

#[test]
fn guest_moves_to_qemu_11_1_and_back() {
    round_trips("11.1");
}

/// Waits until a migration has failed.
fn wait_for_failure(program: &mut dyn Program) -> String {
    let start = Instant::now();
    loop {
        let reply = program.execute("query-migrate", json!({}));
        if reply["status"] == "failed" {
            return reply["error-desc"].as_str().unwrap_or_default().to_owned();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{reply}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The parameters of sources that a destination rejects.
fn wrong_sources() -> [serde_json::Value; 3] {
    [
        json!({ "tls-creds": "foreign", "tls-hostname": "localhost" }),
        json!({ "tls-creds": "client", "tls-hostname": "other.example" }),
        json!({ "tls-creds": "" }),
    ]
}

#[test]
fn board_rejects_wrong_qemus_and_accepts_a_right_one() {
    for version in VERSIONS {
        let site = Site::new();
        let mut guest = site.qemu(version, &[]);
        guest.read_until("hasher");
        let mut board = site.board(version, &["--incoming", "defer"]);
        set(&mut board, json!({ "tls-creds": "server", "tls-authz": "source" }));
        let uri = format!("unix:{}", site.path("guest").display());
        board.execute("migrate-incoming", json!({ "uri": uri }));
        for wrong in wrong_sources() {
            set(&mut guest.qemu, wrong.clone());
            guest.qemu.execute("migrate", json!({ "uri": uri }));
            wait_for_failure(&mut guest.qemu);
            assert_eq!(guest.qemu.status(), "running", "{version}: {wrong}");
            assert_eq!(board.status(), "inmigrate", "{version}: {wrong}");
        }
        guest.assert_right();
        set(&mut guest.qemu, json!({ "tls-creds": "client", "tls-hostname": "localhost" }));
        guest.qemu.execute("migrate", json!({ "uri": uri }));
        guest.qemu.wait_for_migration();
        board.wait_for(&["completed"]);
        board.assert_right();
    }
}

#[test]
fn qemu_rejects_wrong_boards_and_accepts_a_right_one() {
    for version in VERSIONS {
        let site = Site::new();
        let mut board = site.board(version, &[]);
        board.line_with("hasher");
        let mut guest = site.qemu(version, &["-incoming", "defer"]);
        set(&mut guest.qemu, json!({ "tls-creds": "server", "tls-authz": "source" }));
        let uri = format!("unix:{}", site.path("guest").display());
        guest.qemu.execute("migrate-incoming", json!({ "uri": uri }));
        for wrong in wrong_sources() {
            set(&mut board, wrong.clone());
            board.execute("migrate", json!({ "uri": uri }));
            let reason = wait_for_failure(&mut board);
            if wrong["tls-creds"] != "" {
                assert!(reason.contains("TLS handshake failed"), "{version}: {wrong}: {reason}");
            }
            assert_eq!((board.status().as_str(), guest.qemu.status().as_str()), ("running", "inmigrate"), "{version}");
        }
        board.assert_right();
        board.wait_for(&["failed"]);
        board.wait_for(&["failed"]);
        board.wait_for(&["failed"]);
        set(&mut board, json!({ "tls-creds": "client", "tls-hostname": "localhost" }));
        board.execute("migrate", json!({ "uri": uri }));
        board.wait_for(&["completed"]);
        guest.qemu.wait_for_migration();
        guest.assert_right();
    }
}

#[test]
fn qemu_does_not_authorize_the_board() {
    for version in VERSIONS {
        let site = Site::new();
        let mut board = site.board(version, &[]);
        board.line_with("hasher");
        let mut guest = site.qemu(version, &["-incoming", "defer"]);
        set(&mut guest.qemu, json!({ "tls-creds": "server", "tls-authz": "stranger" }));
        let uri = format!("unix:{}", site.path("guest").display());
        guest.qemu.execute("migrate-incoming", json!({ "uri": uri }));
        set(&mut board, json!({ "tls-creds": "client", "tls-hostname": "localhost" }));
        board.execute("migrate", json!({ "uri": uri }));
        let reason = wait_for_failure(&mut board);
        // The end, or a reset if QEMU has not read everything.
        assert!(
            reason.contains("(TLS: connection lost") || reason.contains("(TLS: the connection is"),
            "{version}: {reason}"
        );
        board.assert_right();
        // QEMU's words contain its form of the name.
        let log = guest.qemu.output();
        assert!(log.contains(&format!("TLS x509 authz check for {CLIENT} is denied")), "{version}: {log}");
    }
}

/// Objects that a client of the monitor creates. Both programs get the same commands.
fn create(program: &mut dyn Program, kind: &str, id: &str, properties: &serde_json::Value) {
    let mut arguments = json!({ "qom-type": kind, "id": id });
    arguments.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
    program.execute("object-add", arguments);
}

/// Moves a guest with objects of the monitor, after a list has denied its source.
fn migrate_with_created_objects(source: &mut dyn Program, destination: &mut dyn Program, site: &Site) {
    let folder = site.path("right").display().to_string();
    create(source, "tls-creds-x509", "tls0", &json!({ "dir": folder, "endpoint": "client" }));
    create(destination, "tls-creds-x509", "tls0", &json!({ "dir": folder, "endpoint": "server", "verify-peer": true }));
    let deny = json!({ "match": "*,CN=source", "policy": "deny", "format": "glob" });
    create(destination, "authz-list", "auth0", &json!({ "policy": "allow", "rules": [deny] }));
    set(source, json!({ "tls-creds": "tls0", "tls-hostname": "localhost" }));
    set(destination, json!({ "tls-creds": "tls0", "tls-authz": "auth0" }));
    let uri = json!({ "uri": format!("unix:{}", site.path("socket").display()) });
    destination.execute("migrate-incoming", uri.clone());
    source.execute("migrate", uri.clone());
    wait_for_failure(source);

    destination.execute("object-del", json!({ "id": "auth0" }));
    let allow = json!({ "match": CLIENT, "policy": "allow" });
    create(destination, "authz-list", "auth0", &json!({ "rules": [allow] }));
    source.execute("migrate", uri);
}

#[test]
fn client_of_the_monitor_creates_objects() {
    for version in VERSIONS {
        let site = Site::new();
        let mut guest = Guest::started(version);
        let mut board = BoardProcess::start(&["--qemu", version, "--incoming", "defer"]);
        migrate_with_created_objects(&mut guest.qemu, &mut board, &site);
        guest.qemu.wait_for_migration();
        board.wait_for(&["completed"]);
        board.assert_right();

        let mut next = Guest::new(version, &["-incoming", "defer"]);
        board.execute("object-del", json!({ "id": "tls0" }));
        migrate_with_created_objects(&mut board, &mut next.qemu, &site);
        next.qemu.wait_for_migration();
        next.assert_right();
    }
}
