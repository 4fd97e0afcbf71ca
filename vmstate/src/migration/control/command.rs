//! The commands of the monitor.

mod parse;
mod table;

use serde_json::Value;

use super::super::{Announcement, Capability, Channels, MigrationStatus, QemuRelease, Uri};
use super::arguments::{Arguments, check_object};
use super::error::CommandError;
use super::job::SnapshotRequest;
#[cfg(feature = "tls")]
use super::objects::ObjectRequest;
use super::request::DirtyRateRequest;

pub(super) use table::{COMMANDS, Specification};

/// A command, with its arguments checked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum MonitorCommand {
    /// `query-version`: the release.
    QueryVersion,
    /// `query-commands`: the names of all commands.
    QueryCommands,
    /// `query-qmp-schema`: the types of all commands and events.
    QuerySchema,
    /// `query-status`: the run state.
    QueryStatus,
    /// `stop`: stops the guest.
    Stop,
    /// `cont`: lets the guest run.
    Cont,
    /// `quit`: ends the program.
    Quit,
    /// `getfd`: keeps the descriptor that the client has passed, under this name.
    GetDescriptor(String),
    /// `closefd`: closes the descriptor of this name.
    CloseDescriptor(String),
    /// `migrate`: starts a migration, or continues an interrupted one with `resume`.
    Migrate {
        /// The addresses.
        channels: Channels,
        /// Set if to continue an interrupted migration.
        resume: bool,
    },
    /// `migrate-incoming`: listens for a migration.
    MigrateIncoming {
        /// The address.
        uri: Uri,
        /// Set if the program ends if the migration fails.
        exit_on_error: bool,
    },
    /// `migrate_cancel`: cancels the migration.
    MigrateCancel,
    /// `migrate-continue`: leaves the given state of the source.
    MigrateContinue(MigrationStatus),
    /// `migrate-pause`: interrupts a migration whose guest runs on the destination.
    MigratePause,
    /// `migrate-recover`: listens for the continuation of an interrupted migration.
    MigrateRecover(Uri),
    /// `migrate-start-postcopy`: lets the guest run on the destination before all pages have arrived.
    MigrateStartPostcopy,
    /// `x-force-run`: runs a guest that the peer may run, too. The client asserts that the peer is dead or stopped. QEMU has
    /// no such command.
    ForceRun,
    /// `x-abandon`: leaves the guest to the destination. The client asserts that the destination runs it. QEMU has no such
    /// command.
    Abandon,
    /// `x-rewind`: continues from the newest of the earlier states that the program keeps. QEMU has no such command.
    Rewind,
    /// `migrate-set-capabilities`.
    SetCapabilities(Vec<(Capability, bool)>),
    /// `query-migrate-capabilities`.
    QueryCapabilities,
    /// `migrate-set-parameters`.
    SetParameters(serde_json::Map<String, Value>),
    /// `query-migrate-parameters`.
    QueryParameters,
    /// `query-migrate`: the state and the statistics.
    QueryMigrate,
    /// `yank`: breaks the connections of a migration.
    Yank,
    /// `query-yank`: the connections that `yank` can break.
    QueryYank,
    /// `announce-self`: announces the guest's network cards.
    AnnounceSelf(Announcement),
    /// `calc-dirty-rate`: measures how fast the guest writes memory.
    CalcDirtyRate(DirtyRateRequest),
    /// `query-dirty-rate`: the result of the measurement.
    QueryDirtyRate,
    /// `snapshot-save`, `snapshot-load` or `snapshot-delete`: starts a job.
    Snapshot(SnapshotRequest),
    /// `query-jobs`: the jobs that were not dismissed.
    QueryJobs,
    /// `job-dismiss`: forgets a concluded job.
    DismissJob(String),
    /// `object-add`: creates an object that `tls-creds` or `tls-authz` names.
    #[cfg(feature = "tls")]
    AddObject(ObjectRequest),
    /// `object-del`: removes an object.
    #[cfg(feature = "tls")]
    RemoveObject(String),
    /// `human-monitor-command`: executes a line of the human monitor (HMP).
    Human(String),
}

impl MonitorCommand {
    /// Parses a command of `release`: its name and the members of `arguments`.
    ///
    /// # Errors
    /// Returns QEMU's error for an unknown command, a missing or unexpected argument, or an unsuitable value.
    pub fn parse(
        name: &str,
        arguments: &serde_json::Map<String, Value>,
        release: QemuRelease,
    ) -> Result<Self, CommandError> {
        let specification = COMMANDS.iter().find(|row| row.name == name);
        let Specification { arguments: members, parse, .. } =
            specification.ok_or_else(|| CommandError::not_found(name))?;
        // Values of parameters have their own table, with QEMU's messages for each.
        if name != "migrate-set-parameters" {
            check_object(&members(release), arguments, "")?;
        }
        parse(&Arguments(arguments), release)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(name: &str, arguments: &Value, release: QemuRelease) -> Result<MonitorCommand, String> {
        MonitorCommand::parse(name, arguments.as_object().unwrap(), release).map_err(|error| error.to_string())
    }

    fn message(name: &str, arguments: &Value) -> String {
        parse(name, arguments, QemuRelease::V10_0).unwrap_err()
    }

    #[test]
    fn addresses_have_two_forms() {
        let uri: Uri = "unix:/run/x".parse().unwrap();
        let address = json!({"transport": "socket", "type": "unix", "path": "/run/x"});
        let channels = json!({"channels": [{"channel-type": "main", "addr": address}], "detach": true});
        let expected = Ok(MonitorCommand::Migrate { channels: uri.into(), resume: false });
        assert_eq!(parse("migrate", &json!({"uri": "unix:/run/x"}), QemuRelease::V7_2), expected);
        assert_eq!(parse("migrate", &channels, QemuRelease::V10_0), expected);
        let both = json!({"uri": "unix:/run/x", "channels": []});
        let unknown = parse("migrate", &both, QemuRelease::V7_2).unwrap_err();
        assert_eq!(unknown, "Parameter 'channels' is unexpected");
    }

    #[test]
    fn errors_have_qemu_messages() {
        assert_eq!(message("migrate", &json!({})), "need either 'uri' or 'channels' argument");
        assert_eq!(parse("migrate", &json!({}), QemuRelease::V7_2).unwrap_err(), "Parameter 'uri' is missing");
        for uri in ["bogus:1", "", "defer"] {
            let address = json!({ "uri": uri });
            let unknown = format!("unknown migration protocol: {uri}");
            assert_eq!(message("migrate", &address), unknown);
            assert_eq!(parse("migrate-incoming", &address, QemuRelease::V7_2).unwrap_err(), unknown);
            let of_7_2 = parse("migrate", &address, QemuRelease::V7_2).unwrap_err();
            assert_eq!(of_7_2, "Parameter 'uri' expects a valid migration protocol");
        }
        assert_eq!(message("migrate", &json!({"uri": 1})), "Invalid parameter type for 'uri', expected: string");
        assert_eq!(message("nope", &json!({})), "The command nope has not been found");
        assert_eq!(message("migrate-continue", &json!({})), "Parameter 'state' is missing");
        let zzz = json!({"capabilities": [{"capability": "zzz", "state": true}]});
        let unknown = "Parameter 'capability' does not accept value 'zzz'";
        assert_eq!(message("migrate-set-capabilities", &zzz), unknown);
        let rate = |arguments: &Value| message("calc-dirty-rate", arguments);
        assert_eq!(rate(&json!({"calc-time": 61})), "Calculation time is out of range [50ms, 60000ms].");
        let samples = json!({"calc-time": 1, "sample-pages": 200, "mode": "dirty-bitmap"});
        assert_eq!(rate(&samples), "sample-pages is used only in page-sampling mode");
        let yank = |instance: Value| message("yank", &json!({"instances": [instance]}));
        assert_eq!(yank(json!({"type": "chardev"})), "Parameter 'instances[0].id' is missing");
        assert_eq!(yank(json!({"type": "chardev", "id": "serial"})), "Instance not found");
    }

    #[test]
    fn commands_are_sorted_by_name_only_once() {
        let names: std::collections::HashSet<_> = COMMANDS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), COMMANDS.len());
    }
}
