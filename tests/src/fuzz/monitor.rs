//! The monitor of migrations.

use serde_json::Value;
use vmstate::migration::control::{CommandError, Monitor, MonitorEvent, Operations, RunState, Settings, execute};
use vmstate::migration::{Channels, MigrationStatus, QemuRelease, Statistics, Uri};

use super::Target;

/// The target. A reply has up to the size of the schema, about 30 KiB, for a command of 30 bytes.
pub const TARGET: Target = Target { name: "monitor", run, seeds, fixed: 16 << 20, per_byte: 4096 };

/// A program whose operations do nothing.
struct Idle;

impl Operations for Idle {
    fn run_state(&self) -> RunState {
        RunState::Paused
    }

    fn statistics(&self) -> Statistics {
        Statistics::default()
    }

    fn migrate(&mut self, channels: &Channels, _: bool, _: &Settings) -> Result<(), CommandError> {
        // Addresses survive the conversion to their other form.
        let channel = |name, uri: &Uri| Some(serde_json::json!({ "channel-type": name, "addr": uri.to_address()? }));
        let list = [Some(("main", &channels.main)), channels.descriptors.as_ref().map(|uri| ("cpr", uri))];
        let list: Option<Vec<_>> = list.into_iter().flatten().map(|(name, uri)| channel(name, uri)).collect();
        if let Some(list) = list {
            Channels::parse(&list.into()).expect("addresses in their other form");
        }
        Ok(())
    }

    fn migrate_incoming(&mut self, _: &Uri, _: bool, _: &Settings) -> Result<(), CommandError> {
        Ok(())
    }

    fn cancel(&mut self) {}

    fn continue_from(&mut self, _: MigrationStatus) -> Result<(), CommandError> {
        Ok(())
    }

    fn stop(&mut self) -> Result<(), CommandError> {
        Ok(())
    }

    fn cont(&mut self) -> Result<(), CommandError> {
        Ok(())
    }

    fn quit(&mut self) {}
}

/// The first byte selects the release and the size of the chunks in which the rest arrives.
fn run(bytes: &[u8]) {
    let Some((selection, commands)) = bytes.split_first() else { return };
    let release = [QemuRelease::V7_2, QemuRelease::V10_0, QemuRelease::V11_1][usize::from(selection % 3)];
    let whole = converse(commands, commands.len(), release);
    let in_chunks = converse(commands, usize::from(selection / 3) + 1, release);
    assert_eq!(whole, in_chunks, "the replies depend on the chunks");
    for line in whole.lines() {
        let message: Value = serde_json::from_str(line).expect("a reply is JSON");
        assert!(message.is_object() && !line.contains(char::is_control), "{line}");
    }
}

/// Returns the bytes that a client reads.
fn converse(bytes: &[u8], chunk: usize, release: QemuRelease) -> String {
    let (mut monitor, mut settings) = (Monitor::new(release), Settings::new(release));
    for chunk in bytes.chunks(chunk.max(1)) {
        monitor.receive(chunk);
        while let Some(request) = monitor.next_request() {
            let result = execute(request.command, &mut settings, &mut Idle);
            monitor.reply(request.id, result);
            monitor.event(&MonitorEvent::Stop, std::time::Duration::ZERO);
        }
    }
    String::from_utf8(monitor.transmit().to_vec()).expect("replies are UTF-8")
}

fn seeds() -> Vec<Vec<u8>> {
    let commands = [
        r#"{"execute": "query-qmp-schema", "id": [1]}"#,
        r#"{"execute": "query-migrate"}{"execute": "query-migrate-parameters"}"#,
        r#"{"execute": "migrate", "arguments": {"uri": "tcp:host:4444", "resume": false}}"#,
        r#"{"execute": "migrate", "arguments": {"channels": [{"channel-type": "main", "addr":
            {"transport": "file", "filename": "x", "offset": 1}}]}}"#,
        r#"{"execute": "migrate-set-capabilities", "arguments": {"capabilities":
            [{"capability": "switchover-ack", "state": true}]}}"#,
        r#"{"execute": "migrate-set-parameters", "arguments": {"downtime-limit": -1, "tls-creds": null}}"#,
        r#"{"execute": "calc-dirty-rate", "arguments": {"calc-time": 1, "mode": "dirty-bitmap"}}"#,
        r#"{"execute": "snapshot-save", "arguments": {"job-id": "a", "tag": "../b", "vmstate": "c", "devices": ["c"]}}"#,
        r#"{"execute": "query-jobs"}{"execute": "job-dismiss", "arguments": {"id": "a"}}"#,
        r#"{"execute": "human-monitor-command", "arguments": {"command-line": "info \"snap shots\""}}"#,
        r#"{"execute": "yank", "arguments": {"instances": [{"type": "migration"}]}} ] {"#,
    ];
    let negotiated = |command: &&str| [b"\x06{\"execute\": \"qmp_capabilities\"}", command.as_bytes()].concat();
    commands.iter().map(negotiated).collect()
}
