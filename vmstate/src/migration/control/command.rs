//! The commands: names, arguments and replies as one table, from which parsing, checks and the schema derive.

use std::time::Duration;

use serde_json::Value;

use super::super::{Announcement, Capability, MigrationStatus, QemuRelease, Uri};
use super::arguments::{Arguments, Member, Type, check_object, optional, required, since_10_0};
use super::error::CommandError;
use super::job::{self, SnapshotAction, SnapshotRequest};
use super::reply;
use super::request::{self as dirty_rate, DirtyRateRequest};

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
        /// The address.
        uri: Uri,
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
    /// `human-monitor-command`: executes a line of the human monitor (HMP).
    Human(String),
}

/// A row of the table of commands.
pub(super) struct Specification {
    pub(super) name: &'static str,
    pub(super) arguments: fn(QemuRelease) -> Vec<Member>,
    pub(super) returns: fn(QemuRelease) -> Type,
    parse: fn(&Arguments<'_>, QemuRelease) -> Result<MonitorCommand, CommandError>,
}

/// A command without arguments and without a reply.
macro_rules! plain {
    ($name:literal, $command:ident) => {
        plain!($name, $command, |_| Type::Object(Vec::new()))
    };
    ($name:literal, $command:ident, $returns:expr) => {
        Specification {
            name: $name,
            arguments: |_| Vec::new(),
            returns: $returns,
            parse: |_, _| Ok(MonitorCommand::$command),
        }
    };
}

pub(super) const COMMANDS: &[Specification] = &[
    plain!("query-version", QueryVersion, |_| reply::version_type()),
    plain!("query-commands", QueryCommands, |_| Type::list(Type::Object(vec![required("name", Type::Text)]))),
    plain!("query-qmp-schema", QuerySchema, |_| reply::schema_type()),
    plain!("query-status", QueryStatus, reply::status_type),
    plain!("stop", Stop),
    plain!("cont", Cont),
    plain!("quit", Quit),
    Specification { name: "getfd", arguments: descriptor_arguments, returns: nothing, parse: parse_get_descriptor },
    Specification {
        name: "closefd",
        arguments: descriptor_arguments,
        returns: nothing,
        parse: |arguments, _| Ok(MonitorCommand::CloseDescriptor(arguments.owned("fdname"))),
    },
    Specification { name: "migrate", arguments: migrate_arguments, returns: nothing, parse: parse_migrate },
    Specification { name: "migrate-incoming", arguments: incoming_arguments, returns: nothing, parse: parse_incoming },
    plain!("migrate_cancel", MigrateCancel),
    Specification {
        name: "migrate-continue",
        arguments: |release| vec![required("state", Type::Words(reply::status_names(release)))],
        returns: nothing,
        parse: parse_continue,
    },
    plain!("migrate-pause", MigratePause),
    Specification {
        name: "migrate-recover",
        arguments: |_| vec![required("uri", Type::Text)],
        returns: nothing,
        parse: |arguments, _| Ok(MonitorCommand::MigrateRecover(arguments.owned("uri").parse()?)),
    },
    plain!("migrate-start-postcopy", MigrateStartPostcopy),
    plain!("x-force-run", ForceRun),
    plain!("x-abandon", Abandon),
    plain!("x-rewind", Rewind, |_| Type::Object(vec![required("states", Type::Integer)])),
    Specification {
        name: "migrate-set-capabilities",
        arguments: |release| vec![required("capabilities", reply::capabilities_type(release))],
        returns: nothing,
        parse: parse_capabilities,
    },
    plain!("query-migrate-capabilities", QueryCapabilities, reply::capabilities_type),
    Specification {
        name: "migrate-set-parameters",
        arguments: reply::parameter_members,
        returns: nothing,
        parse: |arguments, _| Ok(MonitorCommand::SetParameters(arguments.0.clone())),
    },
    plain!("query-migrate-parameters", QueryParameters, |release| Type::Object(reply::parameter_members(release))),
    plain!("query-migrate", QueryMigrate, reply::statistics_type),
    Specification { name: "yank", arguments: yank_arguments, returns: nothing, parse: parse_yank },
    plain!("query-yank", QueryYank, |_| reply::yank_type()),
    Specification { name: "announce-self", arguments: announce_arguments, returns: nothing, parse: parse_announce },
    Specification {
        name: "calc-dirty-rate",
        arguments: dirty_rate::arguments,
        returns: nothing,
        parse: |arguments, release| Ok(MonitorCommand::CalcDirtyRate(dirty_rate::parse(arguments, release)?)),
    },
    Specification {
        name: "query-dirty-rate",
        arguments: |release| since_10_0(release, || optional("calc-time-unit", dirty_rate::unit_type())),
        returns: reply::dirty_rate_type,
        parse: |_, _| Ok(MonitorCommand::QueryDirtyRate),
    },
    Specification {
        name: "snapshot-save",
        arguments: job::arguments,
        returns: nothing,
        parse: |arguments, _| job::parse(arguments, SnapshotAction::Save).map(MonitorCommand::Snapshot),
    },
    Specification {
        name: "snapshot-load",
        arguments: job::arguments,
        returns: nothing,
        parse: |arguments, _| job::parse(arguments, SnapshotAction::Load).map(MonitorCommand::Snapshot),
    },
    Specification {
        name: "snapshot-delete",
        arguments: job::delete_arguments,
        returns: nothing,
        parse: |arguments, _| job::parse(arguments, SnapshotAction::Delete).map(MonitorCommand::Snapshot),
    },
    plain!("query-jobs", QueryJobs, |_| job::list_type()),
    Specification {
        name: "job-dismiss",
        arguments: |_| vec![required("id", Type::Text)],
        returns: nothing,
        parse: |arguments, _| Ok(MonitorCommand::DismissJob(arguments.owned("id"))),
    },
    Specification {
        name: "human-monitor-command",
        arguments: |_| vec![required("command-line", Type::Text), optional("cpu-index", Type::Integer)],
        returns: |_| Type::Text,
        parse: |arguments, _| Ok(MonitorCommand::Human(arguments.owned("command-line"))),
    },
];

fn nothing(_: QemuRelease) -> Type {
    Type::Object(Vec::new())
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

fn descriptor_arguments(_: QemuRelease) -> Vec<Member> {
    vec![required("fdname", Type::Text)]
}

fn parse_get_descriptor(arguments: &Arguments<'_>, _: QemuRelease) -> Result<MonitorCommand, CommandError> {
    let name = arguments.owned("fdname");
    // It would hide the descriptor of this number.
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(CommandError::new("Parameter 'fdname' expects a name not starting with a digit"));
    }
    Ok(MonitorCommand::GetDescriptor(name))
}

/// The address: 7.2 has only the form of text.
fn address_arguments(release: QemuRelease) -> Vec<Member> {
    match release {
        QemuRelease::V7_2 => vec![required("uri", Type::Text)],
        _ => vec![optional("uri", Type::Text), optional("channels", Type::list(Type::Any))],
    }
}

fn migrate_arguments(release: QemuRelease) -> Vec<Member> {
    let mut members = address_arguments(release);
    members.push(optional("resume", Type::Flag));
    // The monitor never waits for the migration. 11.1 has removed the argument, which had no effect.
    if release < QemuRelease::V11_1 {
        members.push(optional("detach", Type::Flag));
    }
    if release == QemuRelease::V7_2 {
        members.extend([optional("blk", Type::Flag), optional("inc", Type::Flag)]);
    }
    members
}

fn parse_migrate(arguments: &Arguments<'_>, _: QemuRelease) -> Result<MonitorCommand, CommandError> {
    if let Some(option) = ["blk", "inc"].into_iter().find(|option| arguments.flag(option) == Some(true)) {
        return Err(CommandError::new(format!("'{option}' is not implemented: block devices are not migrated")));
    }
    let uri = parse_address(arguments)?;
    Ok(MonitorCommand::Migrate { uri, resume: arguments.flag("resume").unwrap_or(false) })
}

fn incoming_arguments(release: QemuRelease) -> Vec<Member> {
    let mut members = address_arguments(release);
    members.extend(since_10_0(release, || optional("exit-on-error", Type::Flag)));
    members
}

fn parse_incoming(arguments: &Arguments<'_>, _: QemuRelease) -> Result<MonitorCommand, CommandError> {
    let uri = parse_address(arguments)?;
    Ok(MonitorCommand::MigrateIncoming { uri, exit_on_error: arguments.flag("exit-on-error").unwrap_or(true) })
}

/// Parses the address: one of `uri` and `channels`.
fn parse_address(arguments: &Arguments<'_>) -> Result<Uri, CommandError> {
    match (arguments.text("uri"), arguments.get("channels")) {
        (Some(uri), None) => Ok(uri.parse()?),
        (None, Some(channels)) => Ok(Uri::from_channels(channels)?),
        _ => Err(CommandError::new("need either 'uri' or 'channels' argument")),
    }
}

fn parse_continue(arguments: &Arguments<'_>, _: QemuRelease) -> Result<MonitorCommand, CommandError> {
    let name = arguments.text("state").unwrap_or_default();
    let status = MigrationStatus::from_name(name).ok_or_else(|| CommandError::unknown_word("state", name))?;
    Ok(MonitorCommand::MigrateContinue(status))
}

fn parse_capabilities(arguments: &Arguments<'_>, release: QemuRelease) -> Result<MonitorCommand, CommandError> {
    let parse = |value: &Value| {
        let name = value.get("capability").and_then(Value::as_str).unwrap_or_default();
        let state = value.get("state").and_then(Value::as_bool).unwrap_or_default();
        Ok((Capability::from_name(name, release)?, state))
    };
    let changes: Result<_, CommandError> = arguments.list("capabilities").iter().map(parse).collect();
    changes.map(MonitorCommand::SetCapabilities)
}

fn yank_arguments(_: QemuRelease) -> Vec<Member> {
    vec![required("instances", reply::yank_type())]
}

fn parse_yank(arguments: &Arguments<'_>, _: QemuRelease) -> Result<MonitorCommand, CommandError> {
    let is_migration = |instance: &Value| instance.get("type").and_then(Value::as_str) == Some("migration");
    if arguments.list("instances").iter().all(is_migration) {
        Ok(MonitorCommand::Yank)
    } else {
        Err(CommandError::new("Instance not found"))
    }
}

fn announce_arguments(_: QemuRelease) -> Vec<Member> {
    let mut members: Vec<_> = ["initial", "max", "rounds", "step"].map(|name| required(name, Type::Integer)).into();
    members.extend([optional("interfaces", Type::list(Type::Text)), optional("id", Type::Text)]);
    members
}

fn parse_announce(arguments: &Arguments<'_>, _: QemuRelease) -> Result<MonitorCommand, CommandError> {
    let number = |name| Ok::<_, CommandError>(arguments.unsigned(name)?.unwrap_or_default());
    let milliseconds = |name| Ok::<_, CommandError>(Duration::from_millis(number(name)?));
    let interfaces = arguments.get("interfaces").is_some().then(|| arguments.list("interfaces"));
    let names = |list: &[Value]| list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
    Ok(MonitorCommand::AnnounceSelf(Announcement {
        initial: milliseconds("initial")?,
        max: milliseconds("max")?,
        rounds: number("rounds")?,
        step: milliseconds("step")?,
        interfaces: interfaces.map(names),
    }))
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
        let expected = Ok(MonitorCommand::Migrate { uri, resume: false });
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
        assert_eq!(message("migrate", &json!({"uri": "bogus:1"})), "unknown migration protocol: bogus:1");
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
        assert_eq!(message("yank", &json!({"instances": [{"type": "chardev"}]})), "Instance not found");
    }

    #[test]
    fn commands_are_sorted_by_name_only_once() {
        let names: std::collections::HashSet<_> = COMMANDS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), COMMANDS.len());
    }
}
