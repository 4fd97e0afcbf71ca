//! The properties of the protocol, as checks of one state.

use super::world::World;
use crate::migration::MigrationStatus;
use crate::stream::DestinationState;

/// The properties, in the order of their definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Property {
    /// The source and the destination never run the guest at the same time, and no page is lost or stale.
    NeverTwo,
    /// Commands and messages lead to one running guest, while a process that has it lives.
    NeverNone,
    /// A migration that ends before the switchover leaves the source running and the destination unchanged.
    Unchanged,
    /// Each wait ends by a timeout or by a command.
    Bounded,
    /// Both sides know the reason of a failure, unless the connection has failed.
    Reason,
}

/// Returns whether living processes have the guest: the destination after it has run it, and otherwise the source, or the
/// destination that has loaded it. Until a destination has all pages, the source has the others.
pub(super) fn has_holder(world: &World) -> bool {
    if world.destination_ran {
        // Missing pages are only on the source.
        let has_pages = world.source.as_ref().is_some_and(|source| !source.engine.is_finished());
        return world.destination.as_ref().is_some_and(|destination| destination.is_whole() || has_pages);
    }
    let source = world.source.as_ref().is_some_and(|source| {
        // An operator has left the guest to a destination that has died since.
        !(source.engine.is_finished() && world.source_status() == Some(MigrationStatus::Completed))
    });
    let destination = world.destination.as_ref().is_some_and(|destination| {
        let declined = destination.engine.session().is_some_and(|(_, state)| state == DestinationState::Declined);
        let is_loaded = destination.committed && destination.engine.status() == MigrationStatus::Loaded;
        is_loaded && !declined && destination.is_whole()
    });
    source || destination
}

/// Checks sides that have ended without a switchover.
pub(super) fn ended_changed(world: &World) -> Option<(Property, String)> {
    if let Some(source) = world.source.as_ref().filter(|source| source.engine.is_finished()) {
        let status = world.source_status();
        if status != Some(MigrationStatus::Completed) && !source.runs {
            return Some((Property::Unchanged, "the source has ended without its guest".to_owned()));
        }
    }
    let destination = world.destination.as_ref().filter(|destination| destination.engine.is_finished())?;
    let is_changed = destination.devices.is_some() || destination.pages.iter().any(Option::is_some);
    let has_failed = destination.engine.status() == MigrationStatus::Failed && !destination.committed;
    (has_failed && is_changed).then(|| (Property::Unchanged, "the destination has failed and is changed".to_owned()))
}

/// Checks that a state in which nothing happens by itself is an end, or waits for a command.
pub(super) fn unbounded(world: &World, is_terminal: bool) -> Option<(Property, String)> {
    if !is_terminal {
        return None;
    }
    let source =
        world.source.as_ref().is_none_or(|source| source.engine.is_finished() || is_waiting(world.source_status()));
    // A destination that listens waits for a source, or for the command to stop it.
    let destination = world
        .destination
        .as_ref()
        .is_none_or(|destination| destination.engine.is_finished() || destination.link.is_none());
    if !source || !destination {
        return Some((Property::Bounded, "a side waits without a timeout".to_owned()));
    }
    let owns = !world.run_sent && !world.forced;
    let stopped = world.source.as_ref().is_some_and(|source| !source.runs);
    (owns && stopped).then(|| (Property::Unchanged, "the guest is stopped without RUN".to_owned()))
}

/// Returns whether a source waits for a command, without a connection.
fn is_waiting(status: Option<MigrationStatus>) -> bool {
    matches!(status, Some(MigrationStatus::Doubt | MigrationStatus::PostcopyPaused))
}

/// Checks that each side knows why the other one has failed.
pub(super) fn unknown_reason(world: &World) -> Option<String> {
    if world.setup.timeouts || !world.setup.handshake {
        return None;
    }
    let source = world.source.as_ref()?;
    // It cannot answer before the source has introduced itself.
    let destination = world.destination.as_ref().filter(|destination| destination.engine.session().is_some())?;
    let failed = source.engine.is_finished() && world.source_status() != Some(MigrationStatus::Completed);
    let declined = destination.engine.status() == MigrationStatus::Failed;
    // A destination that listens again is not told about a migration that it has not begun.
    if !failed || !declined {
        return None;
    }
    let (ours, theirs) = (world.source_error(), destination.engine.error().unwrap_or_default());
    let cancelled = world.source_status() == Some(MigrationStatus::Cancelled);
    let ours = ours.unwrap_or_else(|| if cancelled { "cancelled".to_owned() } else { String::new() });
    // A side whose write fails has no connection to learn the reason from.
    let lost = ours.contains("broken pipe") || theirs.contains("broken pipe");
    let known = lost || ["cancelled", "rejected"].iter().any(|reason| ours.contains(reason) && theirs.contains(reason));
    (!known).then(|| format!("the source reports {ours:?}, and the destination {theirs:?}"))
}
