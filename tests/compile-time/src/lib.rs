//! What the programs share: bytes that are a state of every struct, for each derive.

/// One is `true`, a number, a count of one, and something that is there; no struct needs more of them.
///
/// Serialized, that is the same byte again in QEMU's format and in `postcard`'s.
pub const ONES: [u8; 4096] = [1; 4096];
