//! The arguments of commands that concern a migration.

use std::time::Duration;

use serde_json::Value;

use super::super::super::{Announcement, Capability, Channels, InvalidUri, MigrationStatus, QemuRelease, Uri};
use super::super::arguments::{Arguments, Member, Type, optional, required, since_10_0};
use super::super::error::CommandError;
use super::super::reply;
use super::MonitorCommand;

pub(super) fn descriptor_arguments(_: QemuRelease) -> Vec<Member> {
    vec![required("fdname", Type::Text)]
}

pub(super) fn parse_get_descriptor(arguments: &Arguments<'_>, _: QemuRelease) -> Result<MonitorCommand, CommandError> {
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

pub(super) fn migrate_arguments(release: QemuRelease) -> Vec<Member> {
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

pub(super) fn parse_migrate(arguments: &Arguments<'_>, release: QemuRelease) -> Result<MonitorCommand, CommandError> {
    if let Some(option) = ["blk", "inc"].into_iter().find(|option| arguments.flag(option) == Some(true)) {
        return Err(CommandError::new(format!("'{option}' is not implemented: block devices are not migrated")));
    }
    let channels = parse_address(arguments, Channels::parse, |error| match release {
        QemuRelease::V7_2 if error.is_unknown_protocol() => CommandError::new(UNKNOWN_IN_7_2),
        _ => error.into(),
    })?;
    Ok(MonitorCommand::Migrate { channels, resume: arguments.flag("resume").unwrap_or(false) })
}

pub(super) fn incoming_arguments(release: QemuRelease) -> Vec<Member> {
    let mut members = address_arguments(release);
    members.extend(since_10_0(release, || optional("exit-on-error", Type::Flag)));
    members
}

pub(super) fn parse_incoming(arguments: &Arguments<'_>, _: QemuRelease) -> Result<MonitorCommand, CommandError> {
    let uri = parse_address(arguments, Uri::from_channels, CommandError::from)?;
    Ok(MonitorCommand::MigrateIncoming { uri, exit_on_error: arguments.flag("exit-on-error").unwrap_or(true) })
}

/// The message of 7.2 about an unknown protocol (`qmp_migrate` in `migration/migration.c`).
const UNKNOWN_IN_7_2: &str = "Parameter 'uri' expects a valid migration protocol";

/// Parses the address: one of `uri` and `channels`. `convert` words the error of a malformed one.
fn parse_address<A: From<Uri>>(
    arguments: &Arguments<'_>,
    from_channels: impl FnOnce(&Value) -> Result<A, InvalidUri>,
    convert: impl FnOnce(InvalidUri) -> CommandError,
) -> Result<A, CommandError> {
    match (arguments.text("uri"), arguments.get("channels")) {
        (Some(uri), None) => Uri::of_peer(uri).map(A::from).map_err(convert),
        (None, Some(channels)) => from_channels(channels).map_err(convert),
        _ => Err(CommandError::new("need either 'uri' or 'channels' argument")),
    }
}

pub(super) fn parse_continue(arguments: &Arguments<'_>, _: QemuRelease) -> Result<MonitorCommand, CommandError> {
    let name = arguments.text("state").unwrap_or_default();
    let status = MigrationStatus::from_name(name).ok_or_else(|| CommandError::unknown_word("state", name))?;
    Ok(MonitorCommand::MigrateContinue(status))
}

pub(super) fn parse_capabilities(
    arguments: &Arguments<'_>,
    release: QemuRelease,
) -> Result<MonitorCommand, CommandError> {
    let parse = |value: &Value| {
        let name = value.get("capability").and_then(Value::as_str).unwrap_or_default();
        let state = value.get("state").and_then(Value::as_bool).unwrap_or_default();
        Ok((Capability::from_name(name, release)?, state))
    };
    let changes: Result<_, CommandError> = arguments.list("capabilities").iter().map(parse).collect();
    changes.map(MonitorCommand::SetCapabilities)
}

pub(super) fn yank_arguments(_: QemuRelease) -> Vec<Member> {
    vec![required("instances", reply::yank_type())]
}

pub(super) fn parse_yank(arguments: &Arguments<'_>, _: QemuRelease) -> Result<MonitorCommand, CommandError> {
    let is_migration = |instance: &Value| instance.get("type").and_then(Value::as_str) == Some("migration");
    if arguments.list("instances").iter().all(is_migration) {
        Ok(MonitorCommand::Yank)
    } else {
        Err(CommandError::new("Instance not found"))
    }
}

pub(super) fn announce_arguments(_: QemuRelease) -> Vec<Member> {
    let mut members: Vec<_> = ["initial", "max", "rounds", "step"].map(|name| required(name, Type::Integer)).into();
    members.extend([optional("interfaces", Type::list(Type::Text)), optional("id", Type::Text)]);
    members
}

pub(super) fn parse_announce(arguments: &Arguments<'_>, _: QemuRelease) -> Result<MonitorCommand, CommandError> {
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
