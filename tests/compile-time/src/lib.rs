//! Bytes from which every struct can be loaded, for each derive.

/// The byte 1 is `true`, a number, a count of one and a present option. No struct needs more bytes.
///
/// Serialized, that is the same byte again in QEMU's format and in `postcard`'s.
pub const ONES: [u8; 4096] = [1; 4096];
