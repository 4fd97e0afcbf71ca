//! Announcements of the guest's network cards, so that switches learn their new place.
//!
//! (QEMU: `qemu_announce_self` in `net/announce.c`, `migrate_announce_params` in `migration/options.c`.)

use std::time::Duration;

use super::parameter::Parameters;

/// The schedule of announcements: QEMU's parameters `announce-*`.
///
/// ```
/// use vmstate::migration::{Announcement, Parameters};
///
/// let announcement = Announcement::new(&Parameters::default());
/// let delays: Vec<_> = announcement.delays().map(|delay| delay.as_millis()).collect();
/// assert_eq!(delays, [0, 50, 150, 250, 350]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Announcement {
    /// The delay before the second announcement.
    pub initial: Duration,
    /// The longest delay.
    pub max: Duration,
    /// The number of announcements.
    pub rounds: u64,
    /// The increase of the delay.
    pub step: Duration,
    /// The ids of the network cards, or `None` for all.
    pub interfaces: Option<Vec<String>>,
}

impl Announcement {
    /// Creates the announcement of all network cards after a migration with these parameters.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        Self {
            initial: parameters.announce_initial,
            max: parameters.announce_max,
            rounds: parameters.announce_rounds,
            step: parameters.announce_step,
            interfaces: None,
        }
    }

    /// Iterates over the delays before each announcement. The first one is sent at once
    /// (`qemu_announce_timer_step` in QEMU's `net/announce.c`).
    pub fn delays(&self) -> impl Iterator<Item = Duration> {
        let following = (0..self.rounds.saturating_sub(1)).map(|round| {
            let steps = u32::try_from(round).unwrap_or(u32::MAX);
            self.initial.saturating_add(self.step.saturating_mul(steps)).min(self.max)
        });
        (self.rounds > 0).then_some(Duration::ZERO).into_iter().chain(following)
    }

    /// Returns the Ethernet frame that announces a card: a RARP request for its own address, which every switch forwards
    /// and no host answers (`announce_self_create` in QEMU's `net/announce.c`).
    #[must_use]
    pub fn frame(mac: [u8; 6]) -> [u8; 60] {
        const BROADCAST: [u8; 6] = [0xff; 6];
        const ETHERNET_RARP: [u8; 2] = [0x80, 0x35];
        /// Ethernet, IPv4, lengths of their addresses, "request reverse".
        const REQUEST: [u8; 8] = [0, 1, 8, 0, 6, 4, 0, 3];
        let parts: [&[u8]; 8] = [&BROADCAST, &mac, &ETHERNET_RARP, &REQUEST, &mac, &[0; 4], &mac, &[0; 4]];
        let mut frame = [0; 60];
        frame.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(announcement: &Announcement) -> Vec<u128> {
        announcement.delays().map(|delay| delay.as_millis()).collect()
    }

    #[test]
    fn delays_match_recorded_gaps() {
        let default = Announcement::new(&Parameters::default());
        let measured = |step, max| Announcement {
            step: Duration::from_millis(step),
            max: Duration::from_millis(max),
            ..default.clone()
        };
        // QEMU 10.0 with step 10 sends the first gaps after 51 and 68 ms; the second one begins after 60.
        assert_eq!(delays(&measured(10, 550)), [0, 50, 60, 70, 80]);
        assert_eq!(delays(&measured(100, 200)), [0, 50, 150, 200, 200]);
        assert_eq!(delays(&Announcement { rounds: 0, ..default.clone() }), []);
        assert_eq!(delays(&Announcement { rounds: 1, ..default }), [0]);
    }

    #[test]
    fn frame_is_a_rarp_request() {
        let frame = Announcement::frame([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
        let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        let mac = "525400123456";
        let expected = format!("ffffffffffff{mac}80350001080006040003{mac}00000000{mac}00000000{}", "00".repeat(18));
        assert_eq!(hex, expected);
    }
}
