//! Boards and real QEMUs.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use vmstate::Reader;
use vmstate::schema::Release;
use vmstate_examples::virt::Board;
use vmstate_tests::guests::{HASHER, SECOND, assert_right};
use vmstate_tests::qemu::Qemu;

/// The guest in a QEMU.
struct Guest {
    qemu: Qemu,
    serial: UnixStream,
    folder: TempDir,
}

/// As much memory as QEMU's machine has.
const MEMORY: usize = 16 << 20;

impl Guest {
    /// A QEMU that runs the guest, or waits for it.
    fn new(version: &str, more: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let (image, serial) = (folder.path().join("image"), folder.path().join("serial"));
        std::fs::write(&image, HASHER).unwrap();
        let listener = UnixListener::bind(&serial).unwrap();
        let (image, serial) = (image.display().to_string(), format!("unix:{}", serial.display()));
        let machine = ["-M", "virt", "-m", "16M", "-bios", &image, "-serial", &serial];
        let qemu = Qemu::start(version, "riscv64", &[&machine, more].concat());
        let (serial, _) = listener.accept().unwrap();
        serial.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { qemu, serial, folder }
    }

    /// A QEMU whose guest is ready for keys.
    fn started(version: &str) -> Self {
        let mut guest = Self::new(version, &[]);
        guest.read_until("hasher");
        guest
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("migration")
    }

    /// Reads the guest's output up to a line that contains `text`.
    fn read_until(&mut self, text: &str) -> String {
        let (start, mut printed, mut buffer) = (Instant::now(), String::new(), [0; 256]);
        loop {
            let complete = printed.rfind('\n').map_or("", |end| &printed[..end]);
            if let Some(line) = complete.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            let length = self.serial.read(&mut buffer).unwrap_or_else(|error| panic!("{error}, after: {printed}"));
            printed += std::str::from_utf8(&buffer[..length]).unwrap();
            assert!(start.elapsed() < Duration::from_secs(30), "no line with `{text}` in: {printed}");
        }
    }

    /// Has the guest verify itself, and panics if anything is wrong.
    #[track_caller]
    fn assert_right(&mut self) {
        self.serial.write_all(b"v").unwrap();
        let verdict = self.read_until("keys");
        assert!(verdict.starts_with("right: "), "{verdict}");
    }

    /// Moves the guest to a board.
    fn leave(mut self) -> Board {
        let listener = UnixListener::bind(self.socket()).unwrap();
        self.qemu.execute("migrate", json!({ "uri": format!("unix:{}", self.socket().display()) }));
        let (stream, _) = listener.accept().unwrap();
        let mut board = Board::new(MEMORY);
        board.load(&mut Reader::from_read(stream)).unwrap_or_else(|error| panic!("{error}"));
        self.qemu.wait_for_migration();
        board
    }

    /// Moves the guest from a board to a new QEMU.
    fn arrive(version: &str, release: Release, mut board: Board) -> Self {
        let mut guest = Self::new(version, &["-incoming", "defer"]);
        guest.qemu.execute("migrate-incoming", json!({ "uri": format!("unix:{}", guest.socket().display()) }));
        let mut stream = UnixStream::connect(guest.socket()).unwrap();
        // QEMU 11.1 starts the timer that the stream contains.
        if release < Release::Qemu11_1 {
            board.run_to_tick(SECOND);
        }
        board.save_with_return_path(&mut stream, release).unwrap();
        let mut answer = [0; 8];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [0, 1, 0, 4, 0, 0, 0, 0], "all is well");
        guest.qemu.wait_for_migration();
        assert_eq!(guest.qemu.status(), "running");
        guest
    }
}

/// Returns the number of round trips between QEMU and the board, from an environment variable, with a small default.
fn count() -> usize {
    std::env::var("VMSTATE_ROUND_TRIPS").map_or(3, |count| count.parse().unwrap())
}

fn round_trips(release: Release) {
    let version = release.to_string();
    let mut guest = Guest::started(&version);
    guest.assert_right();
    for _ in 0..count() {
        let mut board = guest.leave();
        assert_right(&mut board);
        guest = Guest::arrive(&version, release, board);
        guest.assert_right();
    }
}

#[test]
fn guest_moves_to_qemu_7_2_and_back() {
    round_trips(Release::Qemu7_2);
}

#[test]
fn guest_moves_to_qemu_10_0_and_back() {
    round_trips(Release::Qemu10_0);
}

#[test]
fn guest_moves_to_qemu_11_1_and_back() {
    round_trips(Release::Qemu11_1);
}

/// Moves a guest from one release to another and back over the board.
fn bridge(old: Release, new: Release) {
    let mut guest = Guest::started(&old.to_string());
    for release in [new, old].into_iter().cycle().take(2 * count()) {
        guest = Guest::arrive(&release.to_string(), release, guest.leave());
        guest.assert_right();
    }
}

#[test]
fn guest_moves_between_7_2_and_10_0_over_the_board() {
    bridge(Release::Qemu7_2, Release::Qemu10_0);
}

#[test]
fn guest_moves_between_10_0_and_11_1_over_the_board() {
    bridge(Release::Qemu10_0, Release::Qemu11_1);
}

#[test]
fn guest_moves_between_7_2_and_11_1_over_the_board() {
    bridge(Release::Qemu7_2, Release::Qemu11_1);
}
