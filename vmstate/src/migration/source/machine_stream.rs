//! The stream of a machine, for drivers that have no host: carries out the engine's actions that write it.

use vmstate_types::SaveError;

use super::{Done, SourceAction};
use crate::machine::{Machine, SaveOptions, SaveSession};
use crate::registry::Threading;
use crate::section::Output;
use crate::stream::{Command, StreamWriter};

/// The stream that a [`Source`](super::Source) sends of a machine, whose memory is one of its sections.
///
/// It carries out the actions that write bytes, so that a driver is left with the connection and the guest. Postcopy and data
/// channels require [`Outgoing`](crate::migration::Outgoing).
///
/// ```
/// use std::time::Instant;
///
/// use vmstate::Writer;
/// use vmstate::machine::Machine;
/// use vmstate::memory::{PageSize, VecBlock};
/// use vmstate::migration::MigrationStatus;
/// use vmstate::migration::source::{MachineStream, Source, SourceConfig, SourceInput};
/// use vmstate::section::Output;
///
/// let mut machine = Machine::with_type("board");
/// machine.register_ram(PageSize::DEFAULT, [VecBlock::new("ram", vec![7; 1 << 20])])?;
///
/// let mut config = SourceConfig::new(1 << 20, 1);
/// (config.guest_runs, config.can_answer) = (false, false);
/// let (mut source, mut stream) = (Source::new(config, Instant::now())?, MachineStream::new());
/// let mut sent = Writer::new();
/// while let Some(action) = source.poll_action(Instant::now()) {
///     // A driver connects, stops, resumes and closes here, and sends the bytes.
///     let done = stream.execute(&action, &mut machine, &mut Output::new(&mut sent, None))?;
///     source.handle(Instant::now(), SourceInput::Done(done));
/// }
/// assert_eq!(source.statistics(Instant::now()).status, MigrationStatus::Completed);
/// assert!(sent.pending().len() > 1 << 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct MachineStream {
    options: SaveOptions,
    session: Option<SaveSession>,
}

impl MachineStream {
    /// Creates a stream that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how the machine is saved.
    #[must_use]
    pub fn options(mut self, options: SaveOptions) -> Self {
        self.options = options;
        self
    }

    /// Carries out an action: writes its part of the stream, if it has one. Other actions, such as
    /// [`Connect`](SourceAction::Connect), write nothing.
    ///
    /// # Errors
    /// Returns an error if the machine cannot be saved, the output fails, or the action is one of postcopy or of a background
    /// snapshot.
    pub fn execute<T: Threading>(
        &mut self,
        action: &SourceAction,
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
    ) -> Result<Done, SaveError> {
        let start = out.writer().offset();
        match action {
            SourceAction::Begin { commands } => self.begin(commands, machine, out)?,
            // Also after the end of the stream, where the session has ended.
            SourceAction::Send(command) => StreamWriter::new(out.writer()).command(command)?,
            SourceAction::End => {
                self.session.take().map(|session| session.finish(machine, out)).transpose()?;
            }
            action => self.continue_with(action, machine, out)?,
        }
        out.flush()?;
        let left = self.session.as_ref().map_or(0, |session| session.pending_estimate(machine).total());
        let pages = self.session.as_ref().map(|session| session.sent_pages(machine));
        Ok(Done::new(out.writer().offset() - start, left).pages(pages.unwrap_or_default()))
    }

    fn begin<T: Threading>(
        &mut self,
        commands: &[Command],
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
    ) -> Result<(), SaveError> {
        let options = self.options.clone().commands(commands.iter().cloned());
        self.session = Some(SaveSession::begin(machine, out, options)?);
        Ok(())
    }

    fn continue_with<T: Threading>(
        &mut self,
        action: &SourceAction,
        machine: &mut Machine<'_, T>,
        out: &mut Output<'_>,
    ) -> Result<(), SaveError> {
        let Some(session) = &mut self.session else { return Ok(()) };
        match action {
            SourceAction::Iterate { budget } => session.iterate(machine, out, *budget).map(drop),
            SourceAction::Synchronize => {
                session.pending_exact(machine);
                Ok(())
            }
            SourceAction::CompleteLive => session.complete_live(machine, out),
            SourceAction::Devices => session.devices(machine, out),
            SourceAction::Close => {
                // The migration has failed or was cancelled.
                self.session.take().into_iter().for_each(|session| session.abort(machine));
                Ok(())
            }
            SourceAction::Connect | SourceAction::Stop | SourceAction::Resume => Ok(()),
            SourceAction::Throttle(_) | SourceAction::LimitWrites(_) => Ok(()),
            _ => Err(SaveError::misuse(
                "this action of postcopy or of a background snapshot requires the driver `Outgoing`",
            )),
        }
    }
}
