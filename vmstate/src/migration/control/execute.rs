//! The execution of commands.

use serde_json::{Map, Value, json};

use super::super::Uri;
use super::command::Command;
use super::error::CommandError;
use super::operations::Operations;
use super::settings::Settings;
use super::{reply, schema};

/// Executes a command, and returns the reply.
///
/// ```
/// # use vmstate::migration::control::{execute, Command, CommandError, Operations, RunState, Settings};
/// # use vmstate::migration::{MigrationStatus, QemuRelease, Statistics, Uri};
/// # struct Board;
/// # impl Operations for Board {
/// #     fn run_state(&self) -> RunState { RunState::Running }
/// #     fn statistics(&self) -> Statistics { Statistics::default() }
/// #     fn migrate(&mut self, _: &Uri, _: bool, _: &Settings) -> Result<(), CommandError> { Ok(()) }
/// #     fn migrate_incoming(&mut self, _: &Uri, _: bool, _: &Settings) -> Result<(), CommandError> { Ok(()) }
/// #     fn cancel(&mut self) {}
/// #     fn continue_from(&mut self, _: MigrationStatus) -> Result<(), CommandError> { Ok(()) }
/// #     fn stop(&mut self) -> Result<(), CommandError> { Ok(()) }
/// #     fn cont(&mut self) -> Result<(), CommandError> { Ok(()) }
/// #     fn quit(&mut self) {}
/// # }
/// # let mut board = Board;
/// let mut settings = Settings::new(QemuRelease::V10_0);
/// let status = execute(Command::QueryStatus, &mut settings, &mut board)?;
/// assert_eq!(status, serde_json::json!({"status": "running", "running": true}));
/// # Ok::<(), CommandError>(())
/// ```
///
/// # Errors
/// Returns the error that the client receives: the command is not possible in this state, or a value is rejected.
pub fn execute(
    command: Command,
    settings: &mut Settings,
    operations: &mut dyn Operations,
) -> Result<Value, CommandError> {
    match command {
        Command::QueryVersion => Ok(reply::version(settings.release)),
        Command::QueryCommands => Ok(schema::commands()),
        Command::QuerySchema => Ok(schema::schema(settings.release)),
        Command::QueryStatus => Ok(reply::status(operations.run_state(), settings.release)),
        Command::QueryCapabilities => Ok(settings.capabilities_reply()),
        Command::QueryParameters => Ok(settings.parameters_reply()),
        Command::QueryMigrate => {
            Ok(reply::statistics(&operations.statistics(), &operations.blocked_reasons(), settings.release))
        }
        Command::QueryYank => Ok(reply::yank(operations.can_yank())),
        Command::QueryDirtyRate => Ok(reply::dirty_rate(&operations.dirty_rate(), settings.release)),
        Command::Stop => done(operations.stop()),
        Command::Cont => done(operations.cont()),
        Command::Quit => {
            operations.quit();
            done(Ok(()))
        }
        Command::Migrate { uri, resume } => done(migrate(&uri, resume, settings, operations)),
        Command::MigrateIncoming { uri, exit_on_error } => {
            done(operations.migrate_incoming(&uri, exit_on_error, settings))
        }
        Command::MigrateCancel => {
            operations.cancel();
            done(Ok(()))
        }
        Command::MigrateContinue(state) => done(operations.continue_from(state)),
        Command::MigratePause => done(operations.pause()),
        Command::MigrateRecover(uri) => done(operations.recover(&uri)),
        Command::MigrateStartPostcopy => done(operations.start_postcopy()),
        Command::SetCapabilities(changes) => done(settings.set_capabilities(&changes, is_migrating(operations))),
        Command::SetParameters(changes) => done(set_parameters(&changes, settings, operations)),
        Command::Yank => done(operations.yank()),
        Command::AnnounceSelf(announcement) => done(operations.announce(&announcement)),
        Command::CalcDirtyRate(request) => done(operations.measure_dirty_rate(&request)),
    }
}

/// Converts the result of a command without a reply.
fn done(result: Result<(), CommandError>) -> Result<Value, CommandError> {
    result.map(|()| json!({}))
}

fn migrate(uri: &Uri, resume: bool, settings: &Settings, operations: &mut dyn Operations) -> Result<(), CommandError> {
    if is_migrating(operations) && !resume {
        return Err(CommandError::new("There's a migration process in progress"));
    }
    operations.migrate(uri, resume, settings)
}

fn set_parameters(
    changes: &Map<String, Value>,
    settings: &mut Settings,
    operations: &mut dyn Operations,
) -> Result<(), CommandError> {
    settings.set_parameters(changes)?;
    operations.apply(settings);
    Ok(())
}

fn is_migrating(operations: &dyn Operations) -> bool {
    !operations.statistics().status.is_final()
}
