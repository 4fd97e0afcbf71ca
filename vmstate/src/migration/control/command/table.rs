//! The commands: names, arguments and replies as one table, from which parsing, checks and the schema derive.

use super::super::super::{QemuRelease, Uri};
use super::super::arguments::{Arguments, Member, Type, optional, required, since_10_0};
use super::super::error::CommandError;
use super::super::job::{self, SnapshotAction};
#[cfg(feature = "tls")]
use super::super::objects;
use super::super::reply;
use super::super::request as dirty_rate;
use super::MonitorCommand;
use super::parse::{
    announce_arguments, descriptor_arguments, incoming_arguments, migrate_arguments, parse_announce,
    parse_capabilities, parse_continue, parse_get_descriptor, parse_incoming, parse_migrate, parse_yank,
    yank_arguments,
};

/// A row of the table of commands.
pub(in super::super) struct Specification {
    pub(in super::super) name: &'static str,
    pub(in super::super) arguments: fn(QemuRelease) -> Vec<Member>,
    pub(in super::super) returns: fn(QemuRelease) -> Type,
    pub(super) parse: fn(&Arguments<'_>, QemuRelease) -> Result<MonitorCommand, CommandError>,
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

pub(in super::super) const COMMANDS: &[Specification] = &[
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
        parse: |arguments, _| Ok(MonitorCommand::MigrateRecover(Uri::of_peer(&arguments.owned("uri"))?)),
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
    #[cfg(feature = "tls")]
    Specification {
        name: "object-add",
        arguments: |_| objects::arguments(),
        returns: nothing,
        parse: |arguments, _| objects::parse(arguments).map(MonitorCommand::AddObject),
    },
    #[cfg(feature = "tls")]
    Specification {
        name: "object-del",
        arguments: |_| vec![required("id", Type::Text)],
        returns: nothing,
        parse: |arguments, _| Ok(MonitorCommand::RemoveObject(arguments.owned("id"))),
    },
];

fn nothing(_: QemuRelease) -> Type {
    Type::Object(Vec::new())
}
