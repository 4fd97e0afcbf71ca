//! Memory and payloads that several tests use.

use vmstate_types::Writer;

use super::record::{Record, write_record};
use crate::memory::{MemoryError, RamBlock, VecBlock};

/// A block of a host with pages of 8 KiB.
pub(super) struct Large(pub(super) VecBlock);

impl RamBlock for Large {
    fn idstr(&self) -> &str {
        self.0.idstr()
    }

    fn size(&self) -> u64 {
        self.0.size()
    }

    fn host_page_size(&self) -> u64 {
        8192
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        self.0.read(offset, into)
    }

    fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
        self.0.write(offset, from)
    }
}

/// Returns a payload with these records, each with its content. Pages are in the block `a`.
pub(super) fn payload(records: &[(Record, &[u8])]) -> Vec<u8> {
    let mut out = Writer::new();
    for (record, content) in records {
        write_record(&mut out, record, "a");
        out.bytes(content);
    }
    write_record(&mut out, &Record::EndOfSection, "");
    out.take()
}
