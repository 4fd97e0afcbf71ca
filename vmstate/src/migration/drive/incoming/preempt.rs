//! The channel for requested pages of a destination (`postcopy-preempt`).

use std::io;
use std::time::Instant;

use super::driver::{Driver, is_decided};
use crate::migration::capability::Capability;
use crate::migration::destination::DestinationInput;
use crate::migration::drive::channel::Channel;
use crate::migration::drive::socket::Socket;
use crate::migration::status::Event;

/// The reason if the source has not opened the channel.
const MISSING: &str =
    "the channel for requested pages is missing; set `postcopy-preempt` to the same value on both sides";

/// The reason if only the source has the channel.
const SURPLUS: &str = "unexpected channel for requested pages; set `postcopy-preempt` to the same value on both sides";

impl<E: FnMut(Event)> Driver<'_, E> {
    /// Accepts the channel, and places its pages from here on. Nothing identifies it: it is the connection after the main one.
    pub(super) fn accept_preempt(&mut self) -> DestinationInput {
        let accepted = match self.await_preempt() {
            Ok(Some(channel)) => channel,
            Ok(None) => return DestinationInput::Failed(MISSING.to_owned()),
            Err(error) => return DestinationInput::Failed(error.to_string()),
        };
        let main = self.channel.as_ref().and_then(Channel::socket).map(Socket::try_clone);
        match main {
            Some(Ok(main)) => self.with_postcopy(|postcopy| postcopy.accept_preempt(accepted, main)),
            Some(Err(error)) => DestinationInput::Failed(error.to_string()),
            None => DestinationInput::Lost("the connection is closed".to_owned()),
        }
    }

    /// Rejects a source that has opened the channel although nothing reads it here, while the source can keep its guest.
    /// The channel is a connection that sends nothing and stays open.
    pub(super) fn reject_preempt(&self) -> Result<(), String> {
        let expected = self.config.capabilities.has(Capability::PostcopyPreempt);
        if expected || self.incoming.server.is_some() || self.engine.session().is_none() {
            return Ok(());
        }
        while let Some(channel) = self.listener().accept(self.progress, || true).map_err(|error| error.to_string())? {
            if channel.socket().is_some_and(|socket| !socket.has_ended() && !socket.has_bytes()) {
                return Err(SURPLUS.to_owned());
            }
        }
        Ok(())
    }

    fn await_preempt(&self) -> io::Result<Option<Channel>> {
        // The source waits for the destination as long as for progress.
        let patience = self.config.parameters.answer_timeout.min(self.progress / 2);
        let deadline = Instant::now() + patience;
        let control = &self.incoming.control;
        let until = || Instant::now() >= deadline || is_decided(control, &self.engine);
        loop {
            let Some(channel) = self.listener().accept(self.progress, until)? else { return Ok(None) };
            // The channel of an attempt that has failed, or a stranger.
            if !channel.socket().is_some_and(Socket::has_ended) {
                return Ok(Some(channel));
            }
        }
    }
}
