//! Zstandard.

use std::io;

use zstd::stream::raw::{self, DParameter, InBuffer, Operation, OutBuffer};

use super::{Decode, Encode, incompressible, invalid};

/// The largest window of the levels up to 20 has 32 MiB. Larger ones are rejected before they are allocated.
const WINDOW_LOG: u32 = 25;

pub(super) struct Encoder(raw::Encoder<'static>);

impl Encoder {
    pub(super) fn new(level: u8) -> io::Result<Self> {
        raw::Encoder::new(level.into()).map(Self)
    }
}

/// Calls an operation with the free capacity of `output`, and returns its result.
fn with_capacity(
    output: &mut Vec<u8>,
    run: impl FnOnce(&mut OutBuffer<'_, [u8]>) -> io::Result<usize>,
) -> io::Result<usize> {
    let used = output.len();
    output.resize(output.capacity(), 0);
    let mut buffer = OutBuffer::around(output.get_mut(used..).unwrap_or_default());
    let result = run(&mut buffer);
    let written = buffer.pos();
    output.truncate(used + written);
    result
}

impl Encode for Encoder {
    fn encode(&mut self, page: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        let mut input = InBuffer::around(page);
        with_capacity(output, |output| {
            while input.pos() < page.len() {
                let before = (input.pos(), output.pos());
                self.0.run(&mut input, output)?;
                if (input.pos(), output.pos()) == before {
                    return Err(incompressible());
                }
            }
            Ok(0)
        })?;
        Ok(())
    }

    fn flush(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        match with_capacity(output, |output| self.0.flush(output))? {
            0 => Ok(()),
            _ => Err(incompressible()),
        }
    }
}

pub(super) struct Decoder(raw::Decoder<'static>);

impl Decoder {
    pub(super) fn new() -> io::Result<Self> {
        let mut decoder = raw::Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(Self(decoder))
    }
}

impl Decode for Decoder {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<(usize, usize)> {
        let (mut from, mut to) = (InBuffer::around(input), OutBuffer::around(output));
        self.0.run(&mut from, &mut to).map_err(|error| invalid(format!("malformed zstd data: {error}")))?;
        Ok((from.pos(), to.pos()))
    }
}
