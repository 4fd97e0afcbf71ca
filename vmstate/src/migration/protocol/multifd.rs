//! The packets of data channels (multifd).
//!
//! A channel begins with a [`Hello`]. Then packets follow, each with the pages of one block: a head of 320 bytes, an offset
//! for each page that fits into a packet, whether used or not, and the content of the normal pages, which may be compressed.
//! Nothing flows back.
//! (QEMU: `MultiFDInit_t` and `MultiFDPacket_t` in `migration/multifd.h`.)

use vmstate_types::{LoadError, Reader};

use crate::memory::PageSize;
use crate::migration::parameter::Compression;

/// The first bytes of each message (`MULTIFD_MAGIC`).
pub(crate) const MAGIC: [u8; 4] = 0x1122_3344_u32.to_be_bytes();
const VERSION: u32 = 1;
/// The size of the pages of a packet (`MULTIFD_PACKET_SIZE`).
pub(crate) const PACKET: usize = 512 << 10;
/// The largest size of the compressed pages of a packet: QEMU's buffer.
pub(crate) const COMPRESSED: usize = 2 * PACKET;
const HEAD: usize = 320;
const NAME: usize = 256;
/// The channels synchronize after this packet (`MULTIFD_FLAG_SYNC`).
pub(crate) const SYNC: u32 = 1;
/// The bits that name the compression (`MULTIFD_FLAG_COMPRESSION_MASK`).
const COMPRESSION: u32 = 0x1e;

/// Returns the bits of a compression.
pub(crate) const fn flags_of(compression: Compression) -> u32 {
    match compression {
        Compression::None => 0,
        Compression::Zlib => 2,
        Compression::Zstd => 4,
    }
}

/// The first message of a data channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The UUID of the virtual machine, or zeros.
    pub(crate) uuid: [u8; 16],
    /// The number of the channel, from 0.
    pub(crate) id: u8,
}

impl Hello {
    pub(crate) const SIZE: usize = 64;

    pub(crate) fn encode(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&VERSION.to_be_bytes());
        bytes[8..24].copy_from_slice(&self.uuid);
        bytes[24] = self.id;
        bytes
    }

    /// Decodes the message.
    ///
    /// # Errors
    /// Returns an error if the bytes are not the first message of a data channel.
    pub(crate) fn decode(bytes: &[u8; Self::SIZE]) -> Result<Self, LoadError> {
        let mut reader = Reader::from_slice(bytes);
        magic(&mut reader)?;
        let uuid = reader.array()?;
        Ok(Self { uuid, id: reader.u8()? })
    }
}

fn magic(reader: &mut Reader<'_>) -> Result<(), LoadError> {
    let found: [u8; 4] = reader.array()?;
    if found != MAGIC {
        let message = format!("multifd: received packet magic {:x} expected 11223344", u32::from_be_bytes(found));
        let error = LoadError::malformed("the magic 0x11223344 of a data channel", format!("{found:02x?}"));
        return Err(error.with_qemu_message(message));
    }
    match reader.u32()? {
        VERSION => Ok(()),
        found => Err(LoadError::malformed(format!("version {VERSION} of a data channel"), found.to_string())
            .with_qemu_message(format!("multifd: received packet version {found} expected {VERSION}"))),
    }
}

/// The number of pages of a packet.
pub(crate) fn pages_per_packet(page_size: PageSize) -> usize {
    usize::try_from(page_size.bytes()).map_or(1, |bytes| (PACKET / bytes).max(1))
}

/// The size of a head with its offsets.
pub(crate) fn head_size(page_size: PageSize) -> usize {
    HEAD + 8 * pages_per_packet(page_size)
}

/// The head of a packet, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head<'p> {
    pub(crate) sync: bool,
    flags: u32,
    /// The name of the block; empty without pages.
    pub(crate) block: &'p str,
    /// The offsets of the pages whose content follows.
    normal: &'p [[u8; 8]],
    /// The offsets of zero pages.
    zero: &'p [[u8; 8]],
    /// The size of the content that follows.
    pub(crate) size: usize,
}

impl<'p> Head<'p> {
    /// Decodes a head of [`head_size`] bytes.
    ///
    /// # Errors
    /// Returns an error if it is malformed, or its pages have another compression.
    pub(crate) fn decode(bytes: &'p [u8], page_size: PageSize, compression: Compression) -> Result<Self, LoadError> {
        let (head, content) = Self::decode_compressed(bytes)?;
        let pages = head.normal.len();
        check_flags(head.flags, if pages == 0 { None } else { Some(compression) })?;
        if pages > 0 {
            check_size(content, pages, page_size, compression)?;
        }
        Ok(head)
    }

    /// Decodes a head whose pages may have any compression. Returns the number of bytes that follow it, too.
    ///
    /// # Errors
    /// Returns an error if it is malformed.
    pub(crate) fn decode_compressed(bytes: &'p [u8]) -> Result<(Self, u64), LoadError> {
        let mut reader = Reader::from_slice(bytes);
        magic(&mut reader)?;
        let flags = reader.u32()?;
        let _allocated = reader.u32()?;
        let (normal, size) = (reader.u32()?, reader.u32()?);
        let _number = reader.u64()?;
        let zero = reader.u32()?;
        let (slots, _) = bytes.get(HEAD..).unwrap_or_default().as_chunks();
        let pages = |from: usize, count: usize| slots.get(from..).and_then(|slots| slots.get(..count));
        let (normal, zero_count) = (count(normal), count(zero));
        let (Some(normal), Some(zero)) = (pages(0, normal), pages(normal, zero_count)) else {
            let expected = format!("at most {} pages in a packet", slots.len());
            return Err(LoadError::malformed(expected, format!("{normal} normal and {zero} zero pages")));
        };
        // A packet without content has the size of the one before in QEMU 7.2.
        let size = if normal.is_empty() { 0 } else { size };
        let block = match normal.len() + zero.len() {
            0 => "",
            _ => name(bytes.get(64..64 + NAME).unwrap_or_default())?,
        };
        Ok((Self { sync: flags & SYNC != 0, flags, block, normal, zero, size: count(size) }, size.into()))
    }

    /// Returns whether the pages are compressed.
    #[cfg(feature = "schema")]
    pub(crate) fn is_compressed(&self) -> bool {
        self.flags & COMPRESSION != 0
    }

    /// Returns the compression of the pages, if it is known.
    #[cfg(feature = "schema")]
    pub(crate) fn compression(&self) -> Option<Compression> {
        known_compression(self.flags)
    }

    /// Iterates over the offsets of the pages whose content follows.
    pub(crate) fn normal(&self) -> impl ExactSizeIterator<Item = u64> + Clone + 'p {
        self.normal.iter().copied().map(u64::from_be_bytes)
    }

    /// Iterates over the offsets of the zero pages.
    pub(crate) fn zero(&self) -> impl ExactSizeIterator<Item = u64> + Clone + 'p {
        self.zero.iter().copied().map(u64::from_be_bytes)
    }
}

fn count(pages: u32) -> usize {
    usize::try_from(pages).unwrap_or(usize::MAX)
}

fn known_compression(flags: u32) -> Option<Compression> {
    let known = [Compression::None, Compression::Zlib, Compression::Zstd];
    known.into_iter().find(|compression| flags_of(*compression) == flags & COMPRESSION)
}

/// Checks the flags of a packet, whose pages have this compression. A packet without content may lack the flag.
/// (QEMU: `zlib_recv` in `migration/multifd-zlib.c` and its equivalents.)
fn check_flags(flags: u32, expected: Option<Compression>) -> Result<(), LoadError> {
    let Some(found) = known_compression(flags).filter(|_| flags & !(SYNC | COMPRESSION) == 0) else {
        return Err(LoadError::malformed("known flags of a packet", format!("{flags:#x}")));
    };
    match expected {
        Some(expected) if expected != found => {
            let error = LoadError::malformed(format!("pages with compression `{expected}`"), format!("`{found}`"));
            let (received, expected) = (flags_of(found), flags_of(expected));
            let message = format!("multifd: flags received {received:x} flags expected {expected:x}");
            Err(error.with_qemu_message(message).or_advice("set `multifd-compression` to the same value on both sides"))
        }
        _ => Ok(()),
    }
}

/// Checks the size of the content of a packet.
fn check_size(size: u64, pages: usize, page_size: PageSize, compression: Compression) -> Result<(), LoadError> {
    let expected = match compression {
        Compression::None => {
            let expected = pages as u64 * page_size.bytes();
            if size == expected {
                return Ok(());
            }
            format!("{expected:#x} bytes of pages")
        }
        _ if (1..=COMPRESSED as u64).contains(&size) => return Ok(()),
        _ => format!("1 to {COMPRESSED:#x} bytes of compressed pages"),
    };
    Err(LoadError::malformed(expected, format!("{size:#x}")))
}

fn name(bytes: &[u8]) -> Result<&str, LoadError> {
    let length = bytes.iter().position(|byte| *byte == 0).filter(|length| *length > 0);
    let name = length.and_then(|length| std::str::from_utf8(bytes.get(..length)?).ok());
    name.ok_or_else(|| LoadError::malformed("the name of a block", "other bytes"))
}

/// The head of a packet that is filled page by page. It allocates only when it is created.
#[derive(Debug)]
pub(crate) struct PacketHead {
    bytes: Vec<u8>,
    normal: u32,
    zero: u32,
    slots: usize,
}

impl PacketHead {
    pub(crate) fn new(page_size: PageSize) -> Self {
        let mut bytes = vec![0; head_size(page_size)];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&VERSION.to_be_bytes());
        Self { bytes, normal: 0, zero: 0, slots: pages_per_packet(page_size) }
    }

    /// Begins a packet with pages of a block, which has normal pages first: all `normal` before all `zero`.
    pub(crate) fn fill(&mut self, block: &str, normal: &[u64], zero: &[u64]) {
        self.bytes[64..HEAD].fill(0);
        for (to, from) in self.bytes[64..HEAD - 1].iter_mut().zip(block.as_bytes()) {
            *to = *from;
        }
        let offsets = normal.iter().chain(zero).map(|offset| offset.to_be_bytes());
        let offsets = offsets.chain(std::iter::repeat([0; 8]));
        let (slots, _) = self.bytes[HEAD..].as_chunks_mut();
        slots.iter_mut().zip(offsets).for_each(|(slot, offset)| *slot = offset);
        let counted = |pages: &[u64]| u32::try_from(pages.len()).unwrap_or(u32::MAX);
        (self.normal, self.zero) = (counted(normal), counted(zero));
    }

    /// Completes the head of `size` bytes of content and returns its bytes. `number` counts the packets of all channels.
    pub(crate) fn finish(&mut self, flags: u32, number: u64, size: usize) -> &[u8] {
        let allocated = if self.normal + self.zero == 0 { 0 } else { self.slots };
        for (at, value) in
            [(8, flags), (12, low(allocated as u64)), (16, self.normal), (20, low(size as u64)), (32, self.zero)]
        {
            self.bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        self.bytes[24..32].copy_from_slice(&number.to_be_bytes());
        &self.bytes
    }
}

fn low(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page_size(bytes: u64) -> PageSize {
        PageSize::new(bytes).unwrap()
    }

    #[test]
    fn hello_is_the_recorded_one() {
        let hello = Hello { uuid: *b"\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\0", id: 1 };
        let bytes = hello.encode();
        assert_eq!(bytes[..9], [0x11, 0x22, 0x33, 0x44, 0, 0, 0, 1, 0x11]);
        assert_eq!((bytes[24], &bytes[25..]), (1, &[0; 39][..]));
        assert_eq!(Hello::decode(&bytes).unwrap(), hello);
        for (at, found) in [(0, "[91, 22, 33, 44]"), (7, "129")] {
            let mut wrong = bytes;
            wrong[at] |= 0x80;
            assert_eq!(Hello::decode(&wrong).unwrap_err().found(), found);
        }
    }

    #[test]
    fn packets_have_the_size_of_qemu() {
        assert_eq!(head_size(PageSize::DEFAULT), 1344);
        assert_eq!(pages_per_packet(page_size(1024)), 512);
        let mut head = PacketHead::new(PageSize::DEFAULT);
        assert_eq!(head.finish(SYNC, 7, 0).len(), 1344);
        assert_eq!(head.finish(SYNC, 7, 0)[8..36], *b"\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0");
    }

    proptest! {
        #[test]
        fn heads_are_decoded(
            name in "[a-z.]{1,255}",
            normal in prop::collection::vec(any::<u64>(), 0..64),
            zero in prop::collection::vec(any::<u64>(), 0..64),
            sync in any::<bool>(),
        ) {
            let mut head = PacketHead::new(PageSize::DEFAULT);
            head.fill("another", &[1; 100], &[2; 28]);
            head.fill(&name, &normal, &zero);
            let bytes = head.finish(u32::from(sync), 3, normal.len() * 4096);
            let decoded = Head::decode(bytes, PageSize::DEFAULT, Compression::None).unwrap();
            let empty = normal.is_empty() && zero.is_empty();
            prop_assert_eq!((decoded.sync, decoded.block), (sync, if empty { "" } else { &name }));
            prop_assert!(decoded.normal().eq(normal) && decoded.zero().eq(zero));
        }

        #[test]
        fn any_bytes_give_a_result(bytes in prop::collection::vec(any::<u8>(), 1344), flags in 0..8_u8) {
            let mut bytes = bytes;
            bytes[..8].copy_from_slice(&[0x11, 0x22, 0x33, 0x44, 0, 0, 0, 1]);
            bytes[8..12].copy_from_slice(&[0, 0, 0, flags]);
            for compression in [Compression::None, Compression::Zlib, Compression::Zstd] {
                let _ = Head::decode(&bytes, PageSize::DEFAULT, compression);
            }
        }
    }

    /// Returns the error of a changed head, whose pages should have this compression.
    fn error(compression: Compression, change: impl Fn(&mut [u8])) -> String {
        let mut head = PacketHead::new(PageSize::DEFAULT);
        head.fill("ram", &[0, 4096], &[8192]);
        let mut bytes = head.finish(flags_of(compression), 0, 2 * 4096).to_vec();
        Head::decode(&bytes, PageSize::DEFAULT, compression).unwrap();
        change(&mut bytes);
        let error = Head::decode(&bytes, PageSize::DEFAULT, compression).unwrap_err();
        format!("{}, {}", error.expected(), error.found())
    }

    #[test]
    fn malformed_heads_are_rejected() {
        let error = |change: fn(&mut [u8])| error(Compression::None, change);
        assert_eq!(error(|bytes| bytes[11] = 2), "pages with compression `none`, `zlib`");
        assert_eq!(error(|bytes| bytes[11] = 6), "known flags of a packet, 0x6");
        assert_eq!(error(|bytes| bytes[11] = 0x20), "known flags of a packet, 0x20");
        assert_eq!(error(|bytes| bytes[19] = 128), "at most 128 pages in a packet, 128 normal and 1 zero pages");
        assert_eq!(
            error(|bytes| bytes[16..20].fill(0xff)),
            "at most 128 pages in a packet, 4294967295 normal and 1 zero pages"
        );
        assert_eq!(error(|bytes| bytes[23] = 1), "0x2000 bytes of pages, 0x2001");
        assert_eq!(error(|bytes| bytes[64] = 0), "the name of a block, other bytes");
        assert_eq!(error(|bytes| bytes[64..320].fill(b'a')), "the name of a block, other bytes");
    }

    #[test]
    fn malformed_compressed_heads_are_rejected() {
        let error = |change: fn(&mut [u8])| error(Compression::Zstd, change);
        assert_eq!(error(|bytes| bytes[11] = 0), "pages with compression `zstd`, `none`");
        assert_eq!(error(|bytes| bytes[11] = 3), "pages with compression `zstd`, `zlib`");
        assert_eq!(error(|bytes| bytes[20..24].fill(0)), "1 to 0x100000 bytes of compressed pages, 0x0");
        assert_eq!(error(|bytes| bytes[20] = 1), "1 to 0x100000 bytes of compressed pages, 0x1002000");
    }

    #[test]
    fn packets_without_content_need_no_flag() {
        let mut head = PacketHead::new(PageSize::DEFAULT);
        head.fill("ram", &[], &[8192]);
        for flags in [SYNC, 2, 4 | SYNC] {
            // The size is the one of an older packet.
            let bytes = head.finish(flags, 0, 77);
            let decoded = Head::decode(bytes, PageSize::DEFAULT, Compression::Zlib).unwrap();
            assert_eq!((decoded.size, decoded.sync, decoded.zero().len()), (0, flags & SYNC != 0, 1));
        }
    }
}
