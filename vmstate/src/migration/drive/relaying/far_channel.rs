//! Data channels of the destination, to which the relay sends packets.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::channel::{Channel, Link, explain};
use super::packets::Sender;
use crate::memory::PageSize;
use crate::migration::Uri;
use crate::migration::parameter::Parameters;
use crate::migration::protocol::multifd::Hello;
use crate::migration::relay::Pages;

/// Connects all channels, and sends their first messages.
pub(super) fn connect(
    link: &Link,
    destination: &Uri,
    uuid: [u8; 16],
    parameters: &Parameters,
) -> io::Result<Vec<Channel>> {
    let open = |id| {
        let channel = link.open(destination)?;
        let mut output = channel.output.as_ref().ok_or(ErrorKind::Unsupported)?;
        output.write_all(&Hello { uuid, id }.encode())?;
        Ok(channel)
    };
    (0..parameters.multifd_channels).map(open).collect()
}

/// A channel. Dropping it closes the connection.
pub(super) struct FarChannel {
    sender: Sender,
    connection: Channel,
}

impl FarChannel {
    /// Sends packets over a connection that has sent its first message.
    pub(super) fn new(mut connection: Channel, page_size: PageSize, parameters: &Parameters) -> io::Result<Self> {
        let output = connection.output.take().ok_or(ErrorKind::Unsupported)?;
        Ok(Self { sender: Sender::new(output, page_size, parameters)?, connection })
    }

    pub(super) fn connection(&self) -> &Channel {
        &self.connection
    }

    /// Sends pages. `packets` counts the packets of all channels.
    pub(super) fn send(&mut self, pages: Pages<'_>, packets: &AtomicU64) -> Result<(), String> {
        let sent = self.sender.send(pages, packets.fetch_add(1, Ordering::Relaxed));
        self.explained(sent)
    }

    /// Sends a synchronization point.
    pub(super) fn synchronize(&mut self, packets: &AtomicU64) -> Result<(), String> {
        let sent = self.sender.synchronize(packets.fetch_add(1, Ordering::Relaxed));
        self.explained(sent)
    }

    fn explained(&self, sent: io::Result<()>) -> Result<(), String> {
        sent.map_err(|error| destination_failed(&explain(&error, self.connection.ending().as_ref())))
    }
}

pub(super) fn destination_failed(error: &impl ToString) -> String {
    format!("a data channel of the destination: {}", error.to_string())
}
