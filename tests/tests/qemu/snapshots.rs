//! The commands about snapshots, compared with QEMU: the same image is the store of both.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use vmstate::migration::QemuRelease;
use vmstate::migration::control::{CommandError, Controller, MonitorCommand, Operations, Settings, execute};
use vmstate::schema::Release;
use vmstate::snapshot::{Qcow2, Store, StoreErrorKind};
use vmstate_examples::virt::{Board, BoardHost, Vcpu};
use vmstate_tests::guests::HASHER;
use vmstate_tests::qcow2;
use vmstate_tests::qemu::Qemu;

const RELEASES: [(&str, QemuRelease); 3] =
    [("7.2", QemuRelease::V7_2), ("10.0", QemuRelease::V10_0), ("11.1", QemuRelease::V11_1)];
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);
const NODE: &str = "disk0";

/// A program with a store.
trait Program {
    fn execute(&mut self, command: &str, arguments: &Value) -> Value;

    fn line(&mut self, line: &str) -> String {
        let text = self.execute("human-monitor-command", &json!({ "command-line": line }));
        text.as_str().expect("a text").to_owned()
    }

    /// Runs a job, and returns its error or an empty text. The guest runs afterwards, also in QEMU.
    fn job(&mut self, command: &str, arguments: &Value) -> String {
        self.execute(command, arguments);
        let start = Instant::now();
        let job = loop {
            let job = self.execute("query-jobs", &json!({}))[0].take();
            if job["status"] == "concluded" {
                break job;
            }
            assert!(start.elapsed() < PATIENCE, "{command} {arguments}: {job}");
            sleep(PAUSE);
        };
        self.execute("job-dismiss", &json!({ "id": job["id"] }));
        self.execute("cont", &json!({}));
        job["error"].as_str().unwrap_or_default().to_owned()
    }
}

impl Program for Qemu {
    fn execute(&mut self, command: &str, arguments: &Value) -> Value {
        Self::execute(self, command, arguments.clone())
    }
}

/// The board under the control of this library.
struct Ours {
    controller: Controller<BoardHost>,
    settings: Settings,
    /// The guest ends with it.
    _terminal: Vcpu,
}

impl Ours {
    fn new(image: &Path, release: QemuRelease) -> Self {
        let mut board = Board::new(1 << 20);
        board.load_image(HASHER).unwrap();
        let (host, vcpu) = BoardHost::new(board, Release::Qemu10_0);
        let mut controller = Controller::new(host).unwrap();
        controller.set_store(NODE, Qcow2::open(image).unwrap());
        controller.cont().unwrap();
        Self { controller, settings: Settings::new(release), _terminal: vcpu }
    }
}

impl Program for Ours {
    fn execute(&mut self, command: &str, arguments: &Value) -> Value {
        let parsed = MonitorCommand::parse(command, arguments.as_object().expect("an object"), self.settings.release);
        let result: Result<_, CommandError> =
            parsed.and_then(|parsed| execute(parsed, &mut self.settings, &mut self.controller));
        result.unwrap_or_else(|error| panic!("{command} {arguments}: {error}"))
    }
}

fn qemu(version: &str, image: &Path) -> Qemu {
    let drive = format!("file={},if=none,id=disk,format=qcow2,node-name={NODE}", image.display());
    Qemu::start(version, "x86_64", &["-machine", "microvm", "-m", "4M", "-drive", &drive])
}

/// Ends a QEMU, and waits until it has released the image.
pub(crate) fn quit(mut qemu: Qemu, image: &Path) {
    Program::execute(&mut qemu, "quit", &json!({}));
    let (store, start) = (Qcow2::open(image).unwrap(), Instant::now());
    while store.delete("none").unwrap_err().kind() != StoreErrorKind::NotFound {
        assert!(start.elapsed() < PATIENCE, "QEMU does not end");
        sleep(PAUSE);
    }
}

fn arguments(changes: &Value) -> Value {
    let mut arguments = json!({"job-id": "j", "tag": "a", "vmstate": NODE, "devices": [NODE]});
    for (name, value) in changes.as_object().expect("an object") {
        arguments[name] = value.clone();
    }
    arguments
}

/// Returns the outcomes of jobs and lines, with their commands.
fn outcomes(program: &mut dyn Program) -> Vec<(String, String)> {
    let mut outcomes = Vec::new();
    for command in ["snapshot-save", "snapshot-load"] {
        for changes in [
            json!({}),
            json!({"tag": if command == "snapshot-save" { "a" } else { "none" }}),
            json!({"tag": "1"}),
            json!({"tag": "c", "vmstate": "none"}),
            json!({"tag": "c", "devices": []}),
            json!({"tag": "c", "devices": ["none"]}),
            json!({"tag": "c", "devices": [NODE, "none"]}),
            json!({"tag": "b", "devices": [NODE, NODE]}),
        ] {
            outcomes.push((format!("{command} {changes}"), program.job(command, &arguments(&changes))));
        }
    }
    for changes in [json!({"devices": []}), json!({"devices": ["none"]}), json!({"tag": "b"})] {
        let mut arguments = arguments(&changes);
        arguments.as_object_mut().expect("an object").remove("vmstate");
        outcomes.push((format!("snapshot-delete {changes}"), program.job("snapshot-delete", &arguments)));
    }
    for line in [
        "",
        "bogus x",
        "info bogus",
        "info snapshots x",
        "loadvm",
        "delvm",
        "savevm a b",
        "savevm \"a",
        "loadvm 'a b'",
        "loadvm \"a\\qb\"",
        "loadvm \"a\"x",
        "savevm \"a b\"",
        "loadvm \"a b\"",
        "savevm -x",
        "delvm -x",
        "loadvm none",
    ] {
        outcomes.push((line.to_owned(), program.line(line)));
        program.execute("cont", &json!({}));
    }
    outcomes
}

#[test]
fn outcomes_and_tables_equal_qemus() {
    let folder = TempDir::new().unwrap();
    for (version, release) in RELEASES {
        let [theirs, ours] = ["theirs", "ours"].map(|name| folder.path().join(format!("{name}-{version}")));
        [&theirs, &ours].iter().for_each(|path| fs::write(path, qcow2::image(16, 1 << 20)).unwrap());
        let (mut qemu_process, mut program) = (qemu(version, &theirs), Ours::new(&ours, release));
        let expected = outcomes(&mut qemu_process);
        let found = outcomes(&mut program);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{version}");
        }
        assert!(program.execute("query-status", &json!({}))["running"] == true, "also after failures");

        // Both list both images alike.
        let list = qemu_process.line("info snapshots");
        quit(qemu_process, &theirs);
        assert!(list.contains("a b") && list.contains("KiB"), "{list}");
        assert_eq!(Ours::new(&theirs, release).line("info snapshots"), list, "{version}");
        let list = program.line("info snapshots");
        let mut qemu_process = qemu(version, &ours);
        assert_eq!(qemu_process.line("info snapshots"), list, "{version}");
        quit(qemu_process, &ours);
    }
}

/// QEMU succeeds.
#[test]
fn deleting_a_missing_snapshot_is_an_error() {
    let folder = TempDir::new().unwrap();
    let image = folder.path().join("image");
    fs::write(&image, qcow2::image(16, 1 << 20)).unwrap();
    let request = json!({"job-id": "j", "tag": "none", "devices": [NODE]});
    for (version, release) in RELEASES {
        let mut qemu_process = qemu(version, &image);
        assert_eq!(qemu_process.job("snapshot-delete", &request), "");
        assert_eq!(qemu_process.line("delvm none"), "");
        quit(qemu_process, &image);
        let mut ours = Ours::new(&image, release);
        let missing = "Snapshot 'none' does not exist in one or more devices";
        assert_eq!(ours.job("snapshot-delete", &request), missing);
        assert_eq!(ours.line("delvm none"), format!("Error: {missing}\r\n"));
    }
}
