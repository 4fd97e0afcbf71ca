//! Data channels of the source, whose packets the relay receives.

use std::io::Read;

use super::super::channel::{Channel, explain};
use super::packets::{Packet, Receiver};
use super::shared::Shared;
use crate::memory::PageSize;
use crate::migration::protocol::multifd::Hello;

/// A channel that has sent its first message.
pub(super) struct NearChannel<'c> {
    source: &'c Channel,
    hello: Hello,
    page_size: PageSize,
    receiver: Receiver,
}

impl<'c> NearChannel<'c> {
    /// Receives the first message, and waits for the page size. Returns `None` if the channel is closed.
    pub(super) fn begin(shared: &Shared, source: &'c Channel) -> Result<Option<Self>, String> {
        let Some(mut input) = source.input.as_ref() else { return Ok(None) };
        let mut hello = [0; Hello::SIZE];
        input.read_exact(&mut hello).map_err(|error| failed(source, &error))?;
        let hello = Hello::decode(&hello).map_err(|error| failed(source, &error))?;
        let Some(page_size) = shared.await_page_size() else { return Err("missing guest memory".to_owned()) };
        Ok(Some(Self { source, hello, page_size, receiver: Receiver::new(page_size) }))
    }

    pub(super) fn hello(&self) -> Hello {
        self.hello
    }

    pub(super) fn page_size(&self) -> PageSize {
        self.page_size
    }

    /// Receives a packet; `None` at the end of the channel.
    pub(super) fn receive(&mut self) -> Result<Option<Packet<'_>>, String> {
        let Some(input) = self.source.input.as_ref() else { return Ok(None) };
        self.receiver.receive(input).map_err(|error| failed(self.source, &error))
    }
}

/// Returns the reason of a failed channel.
pub(super) fn failed(source: &Channel, error: &impl ToString) -> String {
    let reason = explain(error, source.ending().as_ref());
    format!("a data channel of the source: {reason}")
}

/// Returns the reason if the source opens more than `expected` channels.
pub(super) fn surplus(expected: usize) -> String {
    format!("expected {expected} data channels of the source, found more")
}

/// Returns the reason if the source opens less than `expected` channels.
pub(super) fn missing(expected: usize, found: usize) -> String {
    format!("expected {expected} data channels of the source, found {found}")
}
