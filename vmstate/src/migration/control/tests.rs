//! Conversations with a program that records the calls of commands.

use serde_json::{Value, json};

use super::super::{Channels, MigrationStatus, QemuRelease, Statistics, Uri};
use super::*;

/// A program that records its operations.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub(super) statistics: Statistics,
    pub(super) done: Vec<String>,
}

impl Recorder {
    fn record(&mut self, what: impl Into<String>) -> Result<(), CommandError> {
        self.done.push(what.into());
        Ok(())
    }
}

impl Operations for Recorder {
    fn run_state(&self) -> RunState {
        RunState::Running
    }

    fn statistics(&self) -> Statistics {
        self.statistics.clone()
    }

    fn migrate(&mut self, channels: &Channels, resume: bool, _: &Settings) -> Result<(), CommandError> {
        self.record(format!("migrate {} {resume}", channels.main))
    }

    fn migrate_incoming(&mut self, uri: &Uri, _: bool, _: &Settings) -> Result<(), CommandError> {
        self.record(format!("incoming {uri}"))
    }

    fn cancel(&mut self) {
        self.done.push("cancel".to_owned());
    }

    fn continue_from(&mut self, state: MigrationStatus) -> Result<(), CommandError> {
        self.record(format!("continue {state}"))
    }

    fn apply(&mut self, settings: &Settings) {
        self.done.push(format!("limit {}", settings.parameters.max_bandwidth));
    }

    fn stop(&mut self) -> Result<(), CommandError> {
        self.record("stop")
    }

    fn cont(&mut self) -> Result<(), CommandError> {
        Err(CommandError::new("the guest is at the destination"))
    }

    fn quit(&mut self) {
        self.done.push("quit".to_owned());
    }
}

fn run(board: &mut Recorder, name: &str, arguments: &Value) -> Result<Value, CommandError> {
    let mut settings = Settings::new(QemuRelease::V10_0);
    let command = MonitorCommand::parse(name, arguments.as_object().unwrap(), settings.release)?;
    execute(command, &mut settings, board)
}

#[test]
fn programs_and_files_are_permitted_by_the_program() {
    let channel = |kind, address| json!({ "channel-type": kind, "addr": address });
    let socket = json!({ "transport": "socket", "type": "unix", "path": "/x" });
    let file = json!({ "transport": "file", "filename": "/x", "offset": 0 });
    let cases = [
        ("migrate", json!({ "uri": "exec:cat" }), "exec"),
        ("migrate", json!({ "uri": "file:/x" }), "file"),
        ("migrate", json!({ "channels": [channel("main", socket), channel("cpr", file)] }), "file"),
        ("migrate-incoming", json!({ "uri": "exec:cat" }), "exec"),
        ("migrate-incoming", json!({ "uri": "file:/x" }), "file"),
        ("migrate-recover", json!({ "uri": "exec:cat" }), "exec"),
    ];
    for (name, arguments, protocol) in cases {
        for permitted in [false, true] {
            let mut settings = Settings::new(QemuRelease::V11_1);
            (settings.programs, settings.files) = (permitted, permitted);
            let mut board = Recorder::default();
            let command = MonitorCommand::parse(name, arguments.as_object().unwrap(), settings.release).unwrap();
            let answer = execute(command, &mut settings, &mut board);
            let error = answer.err().map(|error| error.to_string()).unwrap_or_default();
            let expected = format!("this program does not permit addresses with '{protocol}:'");
            assert_eq!(error.starts_with(&expected), !permitted, "{name} {arguments}: {error}");
            assert!(permitted || board.done.is_empty(), "{name} {arguments}");
        }
    }
}

#[test]
fn commands_reach_the_program() {
    let mut board = Recorder::default();
    for (name, arguments) in [
        ("migrate", json!({"uri": "tcp:host:1"})),
        ("migrate-incoming", json!({"uri": "unix:/x"})),
        ("migrate_cancel", json!({})),
        ("migrate-continue", json!({"state": "pre-switchover"})),
        ("migrate-set-parameters", json!({"max-bandwidth": 5})),
        ("stop", json!({})),
        ("quit", json!({})),
    ] {
        assert_eq!(run(&mut board, name, &arguments), Ok(json!({})), "{name}");
    }
    let expected = [
        "migrate tcp:host:1 false",
        "incoming unix:/x",
        "cancel",
        "continue pre-switchover",
        "limit 5",
        "stop",
        "quit",
    ];
    assert_eq!(board.done, expected);
    assert_eq!(run(&mut board, "cont", &json!({})).unwrap_err().to_string(), "the guest is at the destination");
}

#[test]
fn second_migration_is_rejected() {
    let mut board = Recorder::default();
    board.statistics.status = MigrationStatus::Active;
    let error = run(&mut board, "migrate", &json!({"uri": "tcp:host:1"})).unwrap_err();
    assert_eq!(error.to_string(), "There's a migration process in progress");
    run(&mut board, "migrate", &json!({"uri": "tcp:host:1", "resume": true})).unwrap();
    let capabilities = json!({"capabilities": [{"capability": "events", "state": true}]});
    run(&mut board, "migrate-set-capabilities", &capabilities).unwrap_err();
}

#[test]
fn optional_operations_have_qemu_messages() {
    let mut board = Recorder::default();
    for (name, arguments, expected) in [
        ("migrate-pause", json!({}), "migrate-pause is currently only supported during"),
        ("migrate-recover", json!({"uri": "tcp:a:1"}), "Migrate recover can only be run when postcopy is paused."),
        ("migrate-start-postcopy", json!({}), "Enable postcopy with migrate_set_capability"),
        ("yank", json!({"instances": [{"type": "migration"}]}), "Instance not found"),
        ("x-force-run", json!({}), "x-force-run is only possible while it is unknown"),
        ("x-abandon", json!({}), "x-abandon is only possible while it is unknown"),
        ("x-rewind", json!({}), "x-rewind is not implemented"),
        ("calc-dirty-rate", json!({"calc-time": 1}), "mode page-sampling is not enabled"),
    ] {
        let error = run(&mut board, name, &arguments).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{name}: {error}");
    }
    board.statistics.status = MigrationStatus::PostcopyActive;
    let error = run(&mut board, "migrate-pause", &json!({})).unwrap_err().to_string();
    assert_eq!(error, "migrate-pause is not implemented");
    assert_eq!(run(&mut board, "query-yank", &json!({})), Ok(json!([])));
    assert_eq!(run(&mut board, "query-dirty-rate", &json!({})).unwrap()["status"], "unstarted");
}

#[test]
fn every_command_of_the_table_is_executed() {
    for command in run(&mut Recorder::default(), "query-commands", &json!({})).unwrap().as_array().unwrap() {
        let name = command["name"].as_str().unwrap();
        if name != "qmp_capabilities" {
            let error = run(&mut Recorder::default(), name, &json!({})).err();
            assert!(error.is_none_or(|error| error.class() == ErrorClass::GenericError), "{name}");
        }
    }
}
