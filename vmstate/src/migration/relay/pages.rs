//! Pages on their way between the main connection and data channels.

/// Pages of one block, as a packet of a data channel (multifd) contains them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pages<'p> {
    /// The name of the block.
    pub block: &'p str,
    /// The offsets of the pages with content.
    pub normal: &'p [u64],
    /// The offsets of the pages of zeros.
    pub zero: &'p [u64],
    /// The content of the normal pages.
    pub content: &'p [u8],
}

impl<'p> Pages<'p> {
    /// Creates pages of a block.
    #[must_use]
    pub fn new(block: &'p str, normal: &'p [u64], zero: &'p [u64], content: &'p [u8]) -> Self {
        Self { block, normal, zero, content }
    }

    /// Returns whether the packet has no pages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.normal.is_empty() && self.zero.is_empty()
    }
}

/// Pages of one block that were collected for a packet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageBatch {
    pub(super) block: String,
    pub(super) normal: Vec<u64>,
    pub(super) zero: Vec<u64>,
    pub(super) content: Vec<u8>,
}

impl PageBatch {
    /// Returns the pages.
    #[must_use]
    pub fn pages(&self) -> Pages<'_> {
        Pages::new(&self.block, &self.normal, &self.zero, &self.content)
    }

    /// Returns the number of pages.
    pub(super) fn len(&self) -> usize {
        self.normal.len() + self.zero.len()
    }
}
