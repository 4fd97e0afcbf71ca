//! The messages that both sides of a migration exchange beyond the stream itself.
//!
//! The frames are [`Command`](crate::stream::Command)s and [`ReturnPathMessage`](crate::stream::ReturnPathMessage)s; this
//! module assigns meanings to the numbers of PING and PONG. A PING is the only command that every QEMU answers and that
//! has no other effect, so the extension is negotiated with one, and the loaded machine of a QEMU is confirmed with one.

#[cfg(unix)]
pub(super) mod compression;
#[cfg(unix)]
pub(super) mod multifd;

/// The number of QEMU's only PING in precopy (`migration_thread` in `migration/migration.c`).
pub(super) const PING_QEMU: u32 = 1;
/// The name of the extension, `vms`, in the upper bytes of a PING.
const EXTENSION: u32 = 0x766d_7300;
/// The highest version of the handshake.
pub(super) const VERSION: u8 = 1;
/// The bit that distinguishes the destination's answer from its echo of the PING.
const CHOSEN: u8 = 0x80;
/// The PING between the last device and the end of the stream: its PONG confirms that a QEMU has loaded the machine.
pub(super) const PING_BARRIER: u32 = EXTENSION | 0x02;

/// The PING before the switchover: its PONG shows that the destination has read all that was sent before.
pub(super) const PING_DRAINED: u32 = EXTENSION | 0x03;

/// The PING of a relay between the last device and the end of the stream, `vmr` 02. The source may have sent its own.
#[cfg(all(unix, feature = "schema"))]
pub(super) const PING_OF_RELAY: u32 = 0x766d_7202;

/// Returns the number of the PING that offers the handshake up to `version`.
pub(super) const fn offer(version: u8) -> u32 {
    EXTENSION | version as u32
}

/// Returns the version that a PING offers.
///
/// The barrier and the PING before the switchover have the numbers that versions 2 and 3 would offer. They follow sections,
/// and an offer precedes all of them, so the caller distinguishes them by their place.
pub(super) fn offered(number: u32) -> Option<u8> {
    let [a, b, c, version] = number.to_be_bytes();
    let known = u32::from_be_bytes([a, b, c, 0]) == EXTENSION;
    (known && (1..CHOSEN).contains(&version)).then_some(version)
}

/// Returns the number of the PONG that accepts the handshake at `version`.
pub(super) const fn acceptance(version: u8) -> u32 {
    EXTENSION | (CHOSEN | version) as u32
}

/// Returns the version that a PONG accepts.
pub(super) fn accepted(number: u32) -> Option<u8> {
    let [a, b, c, version] = number.to_be_bytes();
    let known = u32::from_be_bytes([a, b, c, 0]) == EXTENSION;
    (known && version > CHOSEN).then_some(version & !CHOSEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_match_the_specification() {
        assert_eq!((offer(1), acceptance(1), PING_BARRIER), (0x766d_7301, 0x766d_7381, 0x766d_7302));
        assert_eq!(offered(0x766d_7301), Some(1));
        assert_eq!(accepted(0x766d_7381), Some(1));
        for number in [0, 1, 4, 0x42, 0x766d_7300, 0x766d_7381, u32::MAX] {
            assert_eq!(offered(number), None, "{number:#x}");
        }
        for number in [0, 1, 0x766d_7301, 0x766d_7380, u32::MAX] {
            assert_eq!(accepted(number), None, "{number:#x}");
        }
    }
}
