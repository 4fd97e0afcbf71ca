//! The reasons why a machine cannot be migrated.
//!
//! (QEMU: `migrate_add_blocker_modes` and `migration_is_blocked` in `migration/migration.c`.)

use super::parameter::Mode;

/// The reasons why a machine cannot be migrated, which devices add and remove while the guest runs.
///
/// ```
/// use vmstate::migration::{Blockers, Mode};
///
/// let mut blockers = Blockers::new();
/// let shared = blockers.add("the folder `data` is mounted", &[Mode::Normal])?;
/// assert_eq!(blockers.reasons(Mode::Normal), ["the folder `data` is mounted"]);
/// assert!(blockers.reasons(Mode::CprTransfer).is_empty(), "the mount survives there");
/// blockers.remove(shared);
/// assert!(blockers.reasons(Mode::Normal).is_empty());
/// # Ok::<(), vmstate::migration::OnlyMigratable>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Blockers {
    only_migratable: bool,
    entries: Vec<Entry>,
    next: u64,
}

/// Identifies a reason, to remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockedReason(u64);

#[derive(Debug, Clone)]
struct Entry {
    id: BlockedReason,
    text: Text,
    /// The blocked modes; all if it is empty.
    modes: Vec<Mode>,
}

/// QEMU words a reason differently in its answers to `query-migrate` and `migrate`.
#[derive(Debug, Clone)]
enum Text {
    Reason(String),
    /// The name of a device whose description is unmigratable.
    Device(String),
}

/// The error for a device that cannot be migrated, in a program that requires devices that can (`-only-migratable`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{qemu_message}")]
pub struct OnlyMigratable {
    qemu_message: String,
}

impl Blockers {
    /// Creates an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Rejects all reasons from now on, so that the machine stays migratable (`-only-migratable`).
    #[must_use]
    pub fn only_migratable(self) -> Self {
        Self { only_migratable: true, ..self }
    }

    /// Adds a reason for some modes of migration, or for all if `modes` is empty.
    ///
    /// # Errors
    /// Returns an error if all devices must be migratable.
    pub fn add(&mut self, reason: impl Into<String>, modes: &[Mode]) -> Result<BlockedReason, OnlyMigratable> {
        let reason = reason.into();
        if self.only_migratable {
            let qemu_message = format!("disallowing migration blocker (--only-migratable) for: {reason}");
            return Err(OnlyMigratable { qemu_message });
        }
        Ok(self.insert(Text::Reason(reason), modes))
    }

    /// Adds a device without a state that can be migrated, such as `0000:00:01.0/nvme`.
    ///
    /// # Errors
    /// Returns an error if all devices must be migratable.
    pub fn add_device(&mut self, name: impl Into<String>) -> Result<BlockedReason, OnlyMigratable> {
        let name = name.into();
        if self.only_migratable {
            let qemu_message = format!("Device {name} is not migratable, but --only-migratable was specified");
            return Err(OnlyMigratable { qemu_message });
        }
        Ok(self.insert(Text::Device(name), &[]))
    }

    fn insert(&mut self, text: Text, modes: &[Mode]) -> BlockedReason {
        let id = BlockedReason(self.next);
        self.next += 1;
        self.entries.push(Entry { id, text, modes: modes.to_vec() });
        id
    }

    /// Removes a reason. Returns `false` if it has been removed already.
    pub fn remove(&mut self, id: BlockedReason) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.id != id);
        self.entries.len() < before
    }

    /// Returns the reasons against a migration in `mode`, as the command `migrate` answers them.
    #[must_use]
    pub fn reasons(&self, mode: Mode) -> Vec<String> {
        let blocked = self.entries.iter().filter(|entry| entry.modes.is_empty() || entry.modes.contains(&mode));
        let text = |entry: &Entry| match &entry.text {
            Text::Reason(reason) => reason.clone(),
            Text::Device(name) => format!("State blocked by non-migratable device '{name}'"),
        };
        blocked.map(text).collect()
    }

    /// Returns all reasons, as the command `query-migrate` lists them (`blocked-reasons`).
    #[must_use]
    pub fn blocked_reasons(&self) -> Vec<String> {
        let text = |entry: &Entry| match &entry.text {
            Text::Reason(reason) => reason.clone(),
            Text::Device(name) => format!("non-migratable device: {name}"),
        };
        self.entries.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_qemu_messages() {
        let mut blockers = Blockers::new();
        blockers.add_device("0000:00:01.0/nvme").unwrap();
        assert_eq!(blockers.blocked_reasons(), ["non-migratable device: 0000:00:01.0/nvme"]);
        assert_eq!(blockers.reasons(Mode::Normal), ["State blocked by non-migratable device '0000:00:01.0/nvme'"]);
    }

    #[test]
    fn only_migratable_rejects_with_qemu_messages() {
        let mut blockers = Blockers::new().only_migratable();
        let error = blockers.add_device("nvme").unwrap_err().to_string();
        assert_eq!(error, "Device nvme is not migratable, but --only-migratable was specified");
        let error = blockers.add("peer mode", &[]).unwrap_err().to_string();
        assert_eq!(error, "disallowing migration blocker (--only-migratable) for: peer mode");
        assert!(blockers.blocked_reasons().is_empty());
    }

    #[test]
    fn reasons_apply_to_their_modes() {
        let mut blockers = Blockers::new();
        let everywhere = blockers.add("everywhere", &[]).unwrap();
        blockers.add("moved", &[Mode::Normal]).unwrap();
        assert_eq!(blockers.reasons(Mode::Normal), ["everywhere", "moved"]);
        assert_eq!(blockers.reasons(Mode::CprReboot), ["everywhere"]);
        assert!(blockers.remove(everywhere) && !blockers.remove(everywhere));
        assert!(blockers.reasons(Mode::CprReboot).is_empty());
    }
}
