//! Buffers for direct I/O.

/// The buffer of pages without an address, or with an address that direct I/O does not accept.
#[derive(Debug)]
pub(crate) struct AlignedBuffer {
    bytes: Vec<u8>,
    alignment: usize,
}

impl AlignedBuffer {
    /// Creates a buffer whose bytes, and all borrowed memory, are at a multiple of `alignment`.
    pub(crate) fn new(alignment: usize) -> Self {
        Self { bytes: Vec::new(), alignment: alignment.max(1) }
    }

    /// Returns whether memory at this address needs no copy.
    pub(crate) fn accepts(&self, address: *const u8) -> bool {
        address.addr().is_multiple_of(self.alignment)
    }

    /// Returns `length` bytes.
    pub(crate) fn get(&mut self, length: usize) -> &mut [u8] {
        let most = self.alignment - 1;
        self.bytes.resize(length + most, 0);
        let start = self.bytes.as_ptr().align_offset(self.alignment).min(most);
        &mut self.bytes[start..start + length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_has_the_alignment() {
        let mut buffer = AlignedBuffer::new(4096);
        for length in [1, 4096, 10, 300_000] {
            let bytes = buffer.get(length);
            assert_eq!((bytes.len(), bytes.as_ptr().addr() % 4096), (length, 0));
            let (first, second) = (bytes.as_ptr(), bytes.as_ptr().wrapping_add(1));
            assert!(buffer.accepts(first) && !buffer.accepts(second));
        }
        assert!(AlignedBuffer::new(1).accepts(std::ptr::without_provenance(7)));
    }
}
