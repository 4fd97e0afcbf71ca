//! Snapshots that a client saves, loads and deletes.

use std::fs;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::super::human;
use super::*;
use crate::snapshot::{Details, Folder, LoadStream, SaveStream, SnapshotInfo, Store, StoreError};

const NODE: &str = "disk";

fn program(store: impl Store + Send + Sync + 'static) -> Program {
    let mut controller = Controller::new(Board::source()).unwrap();
    controller.set_store(NODE, store);
    Program::new(controller)
}

fn in_folder() -> (Program, Folder, TempDir) {
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    (program(store.clone()), store, folder)
}

fn request(action: &str, job: &str, tag: &str) -> Value {
    let mut request = json!({"job-id": job, "tag": tag, "devices": [NODE]});
    if action != "snapshot-delete" {
        request["vmstate"] = NODE.into();
    }
    request
}

impl Program {
    /// Serves until an event.
    fn wait_alone(&mut self, event: &str) {
        let start = Instant::now();
        while !self.events[self.seen..].iter().any(|found| found == event) {
            self.serve();
            assert!(start.elapsed() < PATIENCE, "no event {event} after {:?}", self.events);
        }
    }

    /// Runs a job. Returns its events and its error.
    fn job(&mut self, action: &str, tag: &str) -> (Vec<String>, Option<String>) {
        self.seen = self.events.len();
        self.run(action, &request(action, "j", tag));
        self.wait_alone("j concluded");
        let jobs = self.run("query-jobs", &json!({}));
        let error = jobs[0]["error"].as_str().map(str::to_owned);
        let events = self.events.split_off(self.seen);
        assert_eq!(self.run("job-dismiss", &json!({"id": "j"})), json!({}));
        assert_eq!(self.run("query-jobs", &json!({})), json!([]));
        (events, error)
    }

    fn line(&mut self, line: &str) -> String {
        let text = self.run("human-monitor-command", &json!({ "command-line": line }));
        text.as_str().unwrap().to_owned()
    }

    fn registers(&mut self) -> (u32, Vec<u8>) {
        self.controller.with_host(|board| (board.register, board.ram.to_vec()))
    }

    fn change(&mut self) {
        self.controller.with_host(|board| {
            board.register += 1;
            crate::memory::RamBlock::write(&board.ram, 4096, &[7; 4096]).unwrap();
        });
    }
}

fn events(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const SAVED: [&str; 7] = ["j created", "j running", "STOP", "RESUME", "j waiting", "j pending", "j concluded"];

#[test]
fn snapshot_is_saved_loaded_and_deleted() {
    let (mut program, store, _folder) = in_folder();
    let before = program.registers();
    assert_eq!(program.job("snapshot-save", "a"), (events(&SAVED), None));
    program.change();
    assert_eq!(program.job("snapshot-save", "b"), (events(&SAVED), None));
    let list = store.list().unwrap();
    assert_eq!((&list[0].parent, &list[1].parent), (&None, &Some("1".to_owned())));
    assert_eq!(program.job("snapshot-load", "a"), (events(&SAVED), None));
    assert!(program.registers() == before);
    assert_eq!(program.run_state(), "running");
    let deleted = ["j created", "j running", "j waiting", "j pending", "j concluded"];
    assert_eq!(program.job("snapshot-delete", "a"), (events(&deleted), None));
    // The snapshot from which it has continued is deleted.
    assert_eq!(program.job("snapshot-save", "c"), (events(&SAVED), None));
    let parents: Vec<_> = store.list().unwrap().into_iter().map(|snapshot| (snapshot.name, snapshot.parent)).collect();
    assert_eq!(parents, [("b".to_owned(), Some("1".to_owned())), ("c".to_owned(), None)]);
}

#[test]
fn failed_job_leaves_the_guest_running() {
    let (mut program, store, _folder) = in_folder();
    let before = program.registers();
    let rejected = events(&["j created", "j running", "j aborting", "j concluded"]);
    for action in ["snapshot-load", "snapshot-delete"] {
        let missing = "Snapshot 'none' does not exist in one or more devices".to_owned();
        assert_eq!(program.job(action, "none"), (rejected.clone(), Some(missing)), "{action}");
    }
    program.job("snapshot-save", "a");
    let again = "Snapshot 'a' already exists in one or more devices".to_owned();
    assert_eq!(program.job("snapshot-save", "a"), (rejected, Some(again)));
    let path = store.stream_path("a").unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let (found, error) = program.job("snapshot-load", "a");
    assert_eq!(found, events(&["j created", "j running", "STOP", "RESUME", "j aborting", "j concluded"]));
    assert!(error.as_ref().is_some_and(|error| error.starts_with("snapshot `a` was not loaded: ")), "{error:?}");
    assert!(program.registers() == before);
    assert_eq!(program.run_state(), "running");
}

#[test]
fn snapshots_are_not_loaded_with_mapped_ram() {
    let (mut program, _store, _folder) = in_folder();
    let set = |on: bool| json!({"capabilities": [{"capability": "mapped-ram", "state": on}]});
    assert_eq!(program.run("migrate-set-capabilities", &set(true)), json!({}));
    assert_eq!(program.job("snapshot-save", "a"), (events(&SAVED), None));
    let rejected = events(&["j created", "j running", "j aborting", "j concluded"]);
    let reason = "Capability mapped-ram is on, but received capability is off".to_owned();
    assert_eq!(program.line("loadvm a"), format!("Error: {reason}\r\n"));
    assert_eq!(program.job("snapshot-load", "a"), (rejected, Some(reason)));
    assert_eq!(program.run_state(), "running");
    assert_eq!(program.run("migrate-set-capabilities", &set(false)), json!({}));
    assert_eq!(program.job("snapshot-load", "a"), (events(&SAVED), None));
}

#[test]
fn guest_that_cannot_run_stays_stopped() {
    let (mut program, _store, _folder) = in_folder();
    program.job("snapshot-save", "a");
    program.controller.with_host(|board| board.rejects = true);
    let (found, error) = program.job("snapshot-load", "a");
    assert_eq!(found, events(&["j created", "j running", "STOP", "j aborting", "j concluded"]));
    assert_eq!(error.unwrap(), "snapshot `a` was loaded, but cannot run here: no such feature");
    assert_eq!(program.run_state(), "paused");
}

#[test]
fn names_do_not_select_files() {
    let outside = TempDir::new().unwrap();
    let inside = outside.path().join("folder");
    let mut program = program(Folder::create(&inside).unwrap());
    let names = ["../escape", "/etc/escape", "..", "1.state", "2", "lock"];
    for name in names {
        assert_eq!(program.job("snapshot-save", name).1, None, "{name}");
    }
    for name in ["1", "../folder/1", "folder#2", "3.state", "\u{1b}[2J"] {
        for action in ["snapshot-load", "snapshot-delete"] {
            let error = program.job(action, name).1.unwrap();
            assert!(error.starts_with("Snapshot '") && !error.contains(char::is_control), "{error}");
        }
    }
    let error = program.job("snapshot-save", "a\nb").1.unwrap();
    assert!(error.contains("without control characters"), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    let mut files: Vec<String> =
        fs::read_dir(inside).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let expected = (1..=names.len()).flat_map(|id| [format!("{id}.json"), format!("{id}.state")]);
    assert_eq!(files, expected.chain(["lock".to_owned()]).collect::<Vec<_>>());
}

/// A store whose saves wait until the test lets them go on.
struct Gate {
    store: Folder,
    gate: Arc<Mutex<Receiver<()>>>,
}

impl Store for Gate {
    fn list(&self) -> Result<Vec<SnapshotInfo>, StoreError> {
        self.store.list()
    }

    fn save(&self, details: &Details, save: &mut SaveStream<'_>) -> Result<SnapshotInfo, StoreError> {
        let saved = self.store.save(details, save);
        self.gate.lock().unwrap().recv_timeout(PATIENCE).expect("the test lets it go on");
        saved
    }

    fn load(&self, key: &str, load: &mut LoadStream<'_>) -> Result<SnapshotInfo, StoreError> {
        self.store.load(key, load)
    }

    fn delete(&self, key: &str) -> Result<SnapshotInfo, StoreError> {
        self.store.delete(key)
    }
}

fn gated() -> (Program, Sender<()>, TempDir) {
    let folder = TempDir::new().unwrap();
    let (sender, gate) = mpsc::channel();
    let store = Folder::open(folder.path()).unwrap();
    (program(Gate { store, gate: Arc::new(Mutex::new(gate)) }), sender, folder)
}

#[test]
fn other_commands_wait_for_a_job() {
    let (mut program, gate, _folder) = gated();
    program.run("snapshot-save", &request("snapshot-save", "first", "a"));
    program.wait_alone("STOP");
    assert_eq!(program.run_state(), "save-vm");
    let dismissed = program.execute("job-dismiss", &json!({"id": "first"})).unwrap_err();
    assert_eq!(dismissed, "Job 'first' in state 'running' cannot accept command verb 'dismiss'");
    let twice = program.execute("snapshot-delete", &request("snapshot-delete", "first", "a")).unwrap_err();
    assert_eq!(twice, "Job ID 'first' already in use");
    let migrated = program.execute("migrate", &json!({"uri": "unix:/nowhere"})).unwrap_err();
    assert!(migrated.starts_with("a job saves, loads or deletes a snapshot"), "{migrated}");
    for line in ["savevm b", "loadvm a", "delvm a"] {
        assert!(program.line(line).starts_with("Error: a job saves"), "{line}");
    }
    // The second job follows the first one, which must leave the guest stopped.
    program.run("snapshot-delete", &request("snapshot-delete", "second", "a"));
    program.run("stop", &json!({}));
    program.run("cont", &json!({}));
    program.run("stop", &json!({}));
    gate.send(()).unwrap();
    program.wait_alone("second concluded");
    assert!(!program.events.contains(&"RESUME".to_owned()), "{:?}", program.events);
    assert_eq!(program.run_state(), "paused");
    let jobs = program.run("query-jobs", &json!({}));
    let ended = |id: &str, kind: &str| json!({"id": id, "type": kind, "status": "concluded", "current-progress": 1, "total-progress": 1});
    assert_eq!(jobs, json!([ended("second", "snapshot-delete"), ended("first", "snapshot-save")]));
}

#[test]
fn quit_waits_for_a_job() {
    let (mut program, gate, folder) = gated();
    program.run("snapshot-save", &request("snapshot-save", "j", "a"));
    gate.send(()).unwrap();
    program.run("quit", &json!({}));
    assert_eq!(program.ended, Some(Ended::Quit));
    assert_eq!(program.controller.jobs()[0].status.name(), "concluded");
    assert_eq!(Folder::open(folder.path()).unwrap().list().unwrap().len(), 1);
}

#[test]
fn migration_excludes_snapshots() {
    let snapshots = TempDir::new().unwrap();
    let store = Folder::open(snapshots.path()).unwrap();
    let (mut source, mut destination, _folder) = migrating(|source| {
        source.controller.set_store(NODE, store.clone());
        source.set_capability("pause-before-switchover");
    });
    source.wait("pre-switchover", &mut destination);
    let error = source.job("snapshot-save", "a").1;
    assert_eq!(error.as_deref(), Some("There's a migration process in progress"));
    assert_eq!(source.line("savevm a"), "Error: There's a migration process in progress\r\n");
    destination.controller.set_store(NODE, store);
    let error = destination.line("savevm a");
    assert_eq!(error, "Error: There's a migration process in progress\r\n");
}

#[test]
fn lines_of_the_human_monitor_are_executed() {
    let (mut program, store, _folder) = in_folder();
    assert_eq!(program.line("info snapshots"), format!("{}\r\n", human::EMPTY));
    let before = program.registers();
    assert_eq!(program.line("savevm \"a b\""), "");
    program.change();
    assert_eq!(program.line(" savevm  \"a b\" "), "", "it replaces the snapshot");
    program.change();
    assert_eq!(program.line("loadvm \"a b\""), "");
    assert_eq!(program.registers().0, before.0 + 1);
    assert_eq!(program.line("savevm"), "");
    let names: Vec<_> = store.list().unwrap().into_iter().map(|snapshot| snapshot.name).collect();
    assert!(names[0] == "a b" && names[1].starts_with("vm-2") && names[1].len() == 17, "{names:?}");
    assert_eq!(program.line("delvm \"a b\""), "");
    let missing = "Error: Snapshot 'a b' does not exist in one or more devices\r\n";
    for command in ["delvm", "loadvm"] {
        assert_eq!(program.line(&format!("{command} \"a b\"")), missing);
    }
    assert_eq!(program.run_state(), "running");
    assert_eq!(program.line("xp 0"), "unknown command: 'xp'\r\n");
    assert_eq!(program.line("info migrate"), "unknown command: 'info migrate'\r\n");
}
