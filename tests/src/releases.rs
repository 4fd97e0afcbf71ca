//! The releases of QEMU with which tests run.

use vmstate::schema::Release;

/// The releases, the oldest first.
pub const RELEASES: [Release; 3] = [Release::Qemu7_2, Release::Qemu10_0, Release::Qemu11_1];

/// Returns the release of a version or of a stream's name, such as `10.0` or `qemu-10.0-virt`.
///
/// # Panics
/// If it contains none of the versions.
#[must_use]
pub fn release(name: &str) -> Release {
    let found = RELEASES.into_iter().find(|release| name.split('-').any(|part| part == release.to_string()));
    found.unwrap_or_else(|| panic!("{name}: unknown release"))
}
