//! Running guests move between boards and real QEMUs, which are controlled only through their monitors.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use vmstate_tests::board::{BoardProcess, binary};
use vmstate_tests::guests::HASHER;
use vmstate_tests::qemu::{Qemu, VERSIONS};
use vmstate_tests::transport::Transport;

/// The guest in a QEMU.
pub(crate) struct Guest {
    pub(crate) qemu: Qemu,
    serial: UnixStream,
    pub(crate) folder: TempDir,
}

impl Guest {
    /// A QEMU that runs the guest, or waits for it.
    pub(crate) fn new(version: &str, more: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let (image, serial) = (folder.path().join("image"), folder.path().join("serial"));
        std::fs::write(&image, HASHER).unwrap();
        let listener = UnixListener::bind(&serial).unwrap();
        let (image, serial) = (image.display().to_string(), format!("unix:{}", serial.display()));
        let machine = ["-M", "virt", "-m", "16M", "-bios", &image, "-serial", &serial];
        let qemu = Qemu::start(version, "riscv64", &[&machine, more].concat());
        let (serial, _) = listener.accept().unwrap();
        serial.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { qemu, serial, folder }
    }

    /// A QEMU whose guest is ready for keys.
    pub(crate) fn started(version: &str) -> Self {
        // Building the board takes long after a change, and the guest's verification of itself as long as it has run.
        binary();
        let mut guest = Self::new(version, &[]);
        guest.read_until("hasher");
        guest
    }

    /// Reads the guest's output up to a line that contains `text`.
    pub(crate) fn read_until(&mut self, text: &str) -> String {
        let (start, mut printed, mut buffer) = (Instant::now(), String::new(), [0; 256]);
        loop {
            let complete = printed.rfind('\n').map_or("", |end| &printed[..end]);
            if let Some(line) = complete.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            let length = self.serial.read(&mut buffer).unwrap_or_else(|error| panic!("{error}, after: {printed}"));
            printed += std::str::from_utf8(&buffer[..length]).unwrap();
            assert!(start.elapsed() < Duration::from_secs(60), "no line with `{text}` in: {printed}");
        }
    }

    /// Has the guest verify itself.
    pub(crate) fn verdict(&mut self) -> String {
        self.serial.write_all(b"v").unwrap();
        self.read_until("keys")
    }

    /// Has the guest verify itself, and panics if anything is wrong.
    #[track_caller]
    pub(crate) fn assert_right(&mut self) {
        let verdict = self.verdict();
        assert!(verdict.starts_with("right: "), "{verdict}");
    }

    /// Moves the guest to a board, which goes on as a QEMU of release `next`.
    fn leave(mut self, transport: Transport, next: &str) -> BoardProcess {
        let mut board = BoardProcess::start(&["--incoming", "defer", "--qemu", next]);
        transport.migrate(&mut self.qemu, &mut board, self.folder.path());
        assert_eq!((self.qemu.status().as_str(), board.status().as_str()), ("postmigrate", "running"));
        board.assert_right();
        board
    }

    /// Moves the guest from a board to a new QEMU.
    fn arrive(version: &str, transport: Transport, mut board: BoardProcess) -> Self {
        let mut guest = Self::new(version, &["-incoming", "defer"]);
        transport.migrate(&mut board, &mut guest.qemu, guest.folder.path());
        assert_eq!((board.status().as_str(), guest.qemu.status().as_str()), ("postmigrate", "running"));
        guest.assert_right();
        board.assert_silent();
        guest
    }
}

/// Returns the transports that a QEMU has.
pub(crate) fn transports(version: &str) -> impl Iterator<Item = Transport> {
    let has_files = version != "7.2";
    Transport::ALL.into_iter().filter(move |transport| has_files || *transport != Transport::File)
}

/// Moves the guest from QEMU to the board and back over each transport, once with a return path of QEMU and once without.
fn round_trips(version: &str) {
    let mut guest = Guest::started(version);
    for (number, transport) in transports(version).enumerate() {
        let answers = number % 2 == 0 && matches!(transport, Transport::Tcp | Transport::Unix);
        let change = json!([{ "capability": "return-path", "state": answers }]);
        guest.qemu.execute("migrate-set-capabilities", json!({ "capabilities": change }));
        let board = guest.leave(transport, version);
        guest = Guest::arrive(version, transport, board);
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

/// Each release rejects the guest of the others, because the version of its processor differs.
#[test]
fn guest_moves_between_releases_over_the_board() {
    let mut guest = Guest::started("7.2");
    for version in ["10.0", "11.1", "7.2", "11.1", "10.0", "7.2"] {
        guest = Guest::arrive(version, Transport::Unix, guest.leave(Transport::Unix, version));
    }
}

#[test]
fn other_machine_type_is_rejected() {
    for version in VERSIONS {
        let mut qemu = Qemu::start(version, "riscv64", &["-M", "spike", "-m", "16M", "-bios", "none"]);
        let (mut board, uri) = BoardProcess::awaiting(&[]);
        qemu.execute("migrate", json!({ "uri": uri }));
        assert_eq!(board.ended().code(), Some(2));
        assert!(board.log().contains("machine type"), "{version}: {}", board.log());

        let mut board = BoardProcess::running(&["--qemu", version]);
        let mut spike =
            Qemu::start(version, "riscv64", &["-M", "spike", "-m", "16M", "-bios", "none", "-incoming", "defer"]);
        let uri = format!("unix:{}", board.path("spike").display());
        spike.execute("migrate-incoming", json!({ "uri": uri }));
        board.execute("migrate", json!({ "uri": uri }));
        board.wait_for(&["failed"]);
        board.assert_right();
    }
}

#[test]
fn cancelled_guest_stays_at_the_board() {
    for version in VERSIONS {
        let mut board = BoardProcess::running(&["--qemu", version]);
        board.enable("pause-before-switchover");
        let mut guest = Guest::new(version, &["-incoming", "defer"]);
        let uri = format!("unix:{}", guest.folder.path().join("guest").display());
        guest.qemu.execute("migrate-incoming", json!({ "uri": uri }));
        board.execute("migrate", json!({ "uri": uri }));
        board.wait_for(&["pre-switchover"]);
        board.execute("migrate_cancel", json!({}));
        board.wait_for(&["cancelled"]);
        board.assert_right();
    }
}

#[test]
fn guest_survives_a_killed_qemu() {
    for version in VERSIONS {
        let mut board = BoardProcess::running(&["--qemu", version]);
        board.execute("migrate-set-parameters", json!({"max-bandwidth": 20_000}));
        let mut guest = Guest::new(version, &["-incoming", "defer"]);
        let uri = format!("unix:{}", guest.folder.path().join("guest").display());
        guest.qemu.execute("migrate-incoming", json!({ "uri": uri }));
        board.execute("migrate", json!({ "uri": uri }));
        board.wait_for(&["active"]);
        drop(guest);
        board.wait_for(&["failed"]);
        board.assert_right();
    }
}
