//! The execution of commands.

use serde_json::{Map, Value, json};

use super::super::{Capability, Channels, MigrationStatus, QemuRelease};
use super::command::MonitorCommand;
use super::error::CommandError;
use super::job::JobInfo;
use super::operations::{Operations, RunState};
use super::settings::Settings;
use super::{reply, schema};

/// Executes a command, and returns the reply.
///
/// ```
/// # use vmstate::migration::control::{execute, MonitorCommand, CommandError, Operations, RunState, Settings};
/// # use vmstate::migration::{Channels, MigrationStatus, QemuRelease, Statistics, Uri};
/// # struct Board;
/// # impl Operations for Board {
/// #     fn run_state(&self) -> RunState { RunState::Running }
/// #     fn statistics(&self) -> Statistics { Statistics::default() }
/// #     fn migrate(&mut self, _: &Channels, _: bool, _: &Settings) -> Result<(), CommandError> { Ok(()) }
/// #     fn migrate_incoming(&mut self, _: &Uri, _: bool, _: &Settings) -> Result<(), CommandError> { Ok(()) }
/// #     fn cancel(&mut self) {}
/// #     fn continue_from(&mut self, _: MigrationStatus) -> Result<(), CommandError> { Ok(()) }
/// #     fn stop(&mut self) -> Result<(), CommandError> { Ok(()) }
/// #     fn cont(&mut self) -> Result<(), CommandError> { Ok(()) }
/// #     fn quit(&mut self) {}
/// # }
/// # let mut board = Board;
/// let mut settings = Settings::new(QemuRelease::V10_0);
/// let status = execute(MonitorCommand::QueryStatus, &mut settings, &mut board)?;
/// assert_eq!(status, serde_json::json!({"status": "running", "running": true}));
/// # Ok::<(), CommandError>(())
/// ```
///
/// # Errors
/// Returns the error that the client receives: the command is not possible in this state, or a value is rejected.
pub fn execute(
    command: MonitorCommand,
    settings: &mut Settings,
    operations: &mut dyn Operations,
) -> Result<Value, CommandError> {
    match command {
        MonitorCommand::QueryVersion => Ok(reply::version(settings.release)),
        MonitorCommand::QueryCommands => Ok(schema::commands()),
        MonitorCommand::QuerySchema => Ok(schema::schema(settings.release)),
        MonitorCommand::QueryStatus => Ok(reply::status(operations.run_state(), settings.release)),
        MonitorCommand::QueryCapabilities => Ok(settings.capabilities_reply()),
        MonitorCommand::QueryParameters => Ok(settings.parameters_reply()),
        MonitorCommand::QueryMigrate => {
            Ok(reply::statistics(&operations.statistics(), &operations.blocked_reasons(), settings.release))
        }
        MonitorCommand::QueryYank => Ok(reply::yank(operations.can_yank())),
        MonitorCommand::QueryDirtyRate => Ok(reply::dirty_rate(&operations.dirty_rate(), settings.release)),
        MonitorCommand::Stop => done(operations.stop()),
        MonitorCommand::Cont => done(operations.cont()),
        MonitorCommand::Quit => {
            operations.quit();
            done(Ok(()))
        }
        // The server has handled it if the client has passed a descriptor.
        MonitorCommand::GetDescriptor(_) => Err(CommandError::new("No file descriptor supplied via SCM_RIGHTS")),
        MonitorCommand::CloseDescriptor(name) => done(operations.close_descriptor(&name)),
        MonitorCommand::Migrate { channels, resume } => done(migrate(&channels, resume, settings, operations)),
        MonitorCommand::MigrateIncoming { uri, exit_on_error } => {
            settings.check_address(&uri)?;
            done(operations.migrate_incoming(&uri, exit_on_error, settings))
        }
        MonitorCommand::MigrateCancel => {
            operations.cancel();
            done(Ok(()))
        }
        MonitorCommand::MigrateContinue(state) => done(operations.continue_from(state)),
        MonitorCommand::MigratePause => done(pause(settings.release, operations)),
        MonitorCommand::MigrateRecover(uri) => {
            settings.check_address(&uri)?;
            done(operations.recover(&uri))
        }
        MonitorCommand::MigrateStartPostcopy => done(start_postcopy(settings, operations)),
        MonitorCommand::ForceRun => done(operations.force_run()),
        MonitorCommand::Abandon => done(operations.abandon()),
        MonitorCommand::Rewind => Ok(json!({ "states": operations.rewind()? })),
        MonitorCommand::SetCapabilities(changes) => done(set_capabilities(&changes, settings, operations)),
        MonitorCommand::SetParameters(changes) => done(set_parameters(&changes, settings, operations)),
        MonitorCommand::Yank => done(operations.yank()),
        MonitorCommand::AnnounceSelf(announcement) => done(operations.announce(&announcement)),
        MonitorCommand::CalcDirtyRate(request) => done(operations.measure_dirty_rate(&request)),
        MonitorCommand::Snapshot(mut request) => {
            request.capabilities = settings.capabilities;
            done(operations.snapshot(request))
        }
        MonitorCommand::QueryJobs => Ok(operations.jobs().iter().map(JobInfo::to_value).collect()),
        MonitorCommand::DismissJob(id) => done(operations.dismiss_job(&id)),
        #[cfg(feature = "tls")]
        MonitorCommand::AddObject(request) => done(request.create(&settings.objects)),
        #[cfg(feature = "tls")]
        MonitorCommand::RemoveObject(id) => done(super::objects::remove(&id, &settings.objects)),
        MonitorCommand::Human(line) => Ok(operations.human(&line, settings)?.into()),
    }
}

/// QEMU's message about the capability `postcopy-ram`.
const POSTCOPY_IS_OFF: &str = "Enable postcopy with migrate_set_capability before the start of migration";

/// Converts the result of a command without a reply.
fn done(result: Result<(), CommandError>) -> Result<Value, CommandError> {
    result.map(|()| json!({}))
}

fn migrate(
    channels: &Channels,
    resume: bool,
    settings: &Settings,
    operations: &mut dyn Operations,
) -> Result<(), CommandError> {
    if is_migrating(operations) && !resume {
        return Err(CommandError::in_progress());
    }
    settings.check_address(&channels.main)?;
    channels.descriptors.iter().try_for_each(|uri| settings.check_address(uri))?;
    operations.migrate(channels, resume, settings)
}

fn pause(release: QemuRelease, operations: &mut dyn Operations) -> Result<(), CommandError> {
    match operations.statistics().status {
        MigrationStatus::PostcopyActive | MigrationStatus::PostcopyRecover => operations.pause(),
        _ => Err(CommandError::not_in_postcopy(release)),
    }
}

/// Starts postcopy. The capability does not change during a migration.
fn start_postcopy(settings: &Settings, operations: &mut dyn Operations) -> Result<(), CommandError> {
    match settings.capabilities.has(Capability::PostcopyRam) {
        true => operations.start_postcopy(),
        false => Err(CommandError::new(POSTCOPY_IS_OFF)),
    }
}

fn set_capabilities(
    changes: &[(Capability, bool)],
    settings: &mut Settings,
    operations: &mut dyn Operations,
) -> Result<(), CommandError> {
    let (mut changed, listens) = (settings.clone(), is_listening(operations));
    changed.set_capabilities(changes, is_migrating(operations) && !listens)?;
    if changed.capabilities.has(Capability::DirtyLimit) && !operations.can_limit_writes() {
        return Err(CommandError::new("dirty-limit requires KVM with accelerator property 'dirty-ring-size' set"));
    }
    if listens {
        operations.reconfigure(&changed)?;
    }
    *settings = changed;
    Ok(())
}

fn set_parameters(
    changes: &Map<String, Value>,
    settings: &mut Settings,
    operations: &mut dyn Operations,
) -> Result<(), CommandError> {
    let mut changed = settings.clone();
    changed.set_parameters(changes)?;
    if is_listening(operations) {
        operations.reconfigure(&changed)?;
    }
    *settings = changed;
    operations.apply(settings);
    Ok(())
}

/// Returns whether the program waits for a source.
fn is_listening(operations: &dyn Operations) -> bool {
    operations.run_state() == RunState::InMigrate && operations.statistics().status == MigrationStatus::Setup
}

fn is_migrating(operations: &dyn Operations) -> bool {
    !operations.statistics().status.is_final()
}
