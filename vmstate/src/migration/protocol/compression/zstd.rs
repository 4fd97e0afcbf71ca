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

/// Returns the free capacity of `output` as a buffer, without clearing it: it is 1 MiB, and used for each page.
fn with_capacity(output: &mut Vec<u8>) -> OutBuffer<'_, Vec<u8>> {
    let used = output.len();
    OutBuffer::around_pos(output, used)
}

impl Encode for Encoder {
    fn encode(&mut self, page: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        let mut input = InBuffer::around(page);
        let mut output = with_capacity(output);
        while input.pos() < page.len() {
            let before = (input.pos(), output.pos());
            self.0.run(&mut input, &mut output)?;
            if (input.pos(), output.pos()) == before {
                return Err(incompressible());
            }
        }
        Ok(())
    }

    fn flush(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        match self.0.flush(&mut with_capacity(output))? {
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
