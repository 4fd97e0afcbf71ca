//! zlib.

use std::io;

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Decode, Encode, incompressible, invalid};

pub(super) struct Encoder(Compress);

impl Encoder {
    pub(super) fn new(level: u8) -> Self {
        Self(Compress::new(flate2::Compression::new(level.min(9).into()), true))
    }

    fn run(&mut self, input: &[u8], output: &mut Vec<u8>, flush: FlushCompress) -> io::Result<()> {
        let before = self.0.total_in();
        let status = self.0.compress_vec(input, output, flush)?;
        let complete = self.0.total_in() - before == input.len() as u64;
        match status {
            Status::Ok if complete && output.len() < output.capacity() => Ok(()),
            _ => Err(incompressible()),
        }
    }
}

impl Encode for Encoder {
    fn encode(&mut self, page: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        self.run(page, output, FlushCompress::None)
    }

    fn flush(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        self.run(&[], output, FlushCompress::Sync)
    }
}

/// A decoder, whose window has 32 KiB.
pub(super) struct Decoder(Decompress);

impl Decoder {
    pub(super) fn new() -> Self {
        Self(Decompress::new(true))
    }
}

impl Decode for Decoder {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<(usize, usize)> {
        let (read, written) = (self.0.total_in(), self.0.total_out());
        // A stream that has ended makes no progress, which is an error if more pages follow.
        self.0
            .decompress(input, output, FlushDecompress::Sync)
            .map_err(|error| invalid(format!("malformed zlib data: {error}")))?;
        let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(0);
        Ok((count(self.0.total_in(), read), count(self.0.total_out(), written)))
    }
}
