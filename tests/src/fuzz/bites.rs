//! A pipe that delivers a few bytes at a time.

use std::io::{self, Read};

/// Delivers `rest` in bites.
pub(super) struct Bites<'a> {
    rest: &'a [u8],
    bite: usize,
}

impl<'a> Bites<'a> {
    pub(super) fn new(bytes: &'a [u8], bite: usize) -> Self {
        Self { rest: bytes, bite: bite.max(1) }
    }
}

impl Read for Bites<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(self.bite);
        self.rest.read(&mut into[..count])
    }
}
