//! Figures of a relayed migration.

/// Figures of a relayed migration, of its main connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayFigures {
    /// The machine type, if the stream contains it.
    pub machine: Option<String>,
    /// The size of guest memory in bytes.
    pub memory: u64,
    /// The bytes that the source has sent.
    pub bytes: u64,
    /// The pages with content.
    pub pages: u64,
    /// The pages of zeros.
    pub zero_pages: u64,
    /// The sections of devices.
    pub devices: u64,
}
