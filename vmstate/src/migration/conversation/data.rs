//! The data connections (multifd).

use vmstate_types::LoadError;

use super::pending::Pending;
use super::seen::PageKind;
use crate::memory::PageSize;
use crate::migration::protocol::multifd::{Head, Hello, head_size};
use crate::stream::Decoded;

/// The pages of a packet, all of one block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// The channels synchronize after this packet.
    pub(super) sync: bool,
    pub(super) block: String,
    /// The lowest offset of a page.
    pub(super) first: Option<u64>,
    pub(super) pages: [(PageKind, u64); 2],
}

/// The decoder of a data connection.
#[derive(Debug, Default)]
pub(super) struct Data {
    input: Pending,
    number: Option<u8>,
}

impl Data {
    /// Returns the number of the channel, once it is known.
    pub(super) fn number(&self) -> Option<u8> {
        self.number
    }

    /// Decodes bytes that have arrived. After an error the rest is ignored.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        page_size: PageSize,
        seen: &mut dyn FnMut(Packet),
    ) -> Result<(), LoadError> {
        self.input.push(bytes);
        loop {
            match self.step(page_size, seen) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    self.input.skip_all();
                    return Err(error);
                }
            }
        }
    }

    /// Decodes a message. Returns `false` if it has not arrived completely.
    fn step(&mut self, page_size: PageSize, seen: &mut dyn FnMut(Packet)) -> Result<bool, LoadError> {
        if self.number.is_none() {
            let Some(bytes) = self.input.array::<{ Hello::SIZE }>() else { return Ok(false) };
            self.number = Some(Hello::decode(&bytes)?.id);
            return Ok(true);
        }
        let size = head_size(page_size);
        let packet = self.input.decode(|bytes, _| match bytes.get(..size) {
            Some(head) => packet(head).map(|packet| Decoded::Item(packet, size)),
            None => Ok(Decoded::Need(std::num::NonZeroUsize::MIN)),
        })?;
        let Some((packet, content)) = packet else { return Ok(false) };
        self.input.skip(content);
        seen(packet);
        Ok(true)
    }
}

fn packet(head: &[u8]) -> Result<(Packet, u64), LoadError> {
    let (head, content) = Head::decode_compressed(head)?;
    let kind = if head.is_compressed() { PageKind::Compressed } else { PageKind::Content };
    let packet = Packet {
        sync: head.sync,
        block: head.block.to_owned(),
        first: head.normal().chain(head.zero()).min(),
        pages: [(kind, head.normal().len() as u64), (PageKind::Zero, head.zero().len() as u64)],
    };
    Ok((packet, content))
}
