//! XBZRLE: the changes to a page since it was sent.
//!
//! The encoding is a sequence of pairs: the length of a run of unchanged bytes, the length of a run of changed bytes, and
//! these bytes. Lengths have one byte below 128, otherwise two (LEB128 of 14 bits). Unchanged bytes at the end of the page
//! are omitted. The bytes are the same as QEMU's, so statistics can be compared.
//! (QEMU: `xbzrle_encode_buffer` and `xbzrle_decode_buffer` in `migration/xbzrle.c`.)
//!
//! ```
//! use vmstate::ram::xbzrle::{self, Encoding};
//!
//! let (old, mut new) = ([7; 4096], [7; 4096]);
//! new[300..302].copy_from_slice(&[1, 2]);
//! let mut out = [0; 4096];
//! let encoding = xbzrle::encode(&old, &new, &mut out);
//! assert_eq!(encoding, Encoding::Delta(&[0xac, 0x02, 2, 1, 2]));
//!
//! let mut page = old;
//! xbzrle::decode(&[0xac, 0x02, 2, 1, 2], &mut page)?;
//! assert_eq!(page, new);
//! # Ok::<(), vmstate::LoadError>(())
//! ```

mod cache;
mod decode;
mod difference;
mod encode;
mod sender;

pub use self::decode::decode;
pub(super) use self::decode::{Changes, check};
pub use self::encode::{Encoding, encode};
pub use self::sender::Counters;
pub(super) use self::sender::{Sender, Sending};

/// The largest length of a run: 14 bits (`uleb128_encode_small` in QEMU's `util/cutils.c`).
const MAX_RUN: usize = 0x3fff;
