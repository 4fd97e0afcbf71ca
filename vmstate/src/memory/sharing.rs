//! Memory that several processes map.

/// The way in which other processes of the host get the memory of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Sharing {
    /// They do not: only this process has the memory.
    #[default]
    Private,
    /// This process passes a descriptor to them: the memory is a memfd.
    Descriptor,
    /// They open its file by the name, or get the descriptor.
    File,
}
