//! Streams with a checksum.

use vmstate::checksum;
use vmstate_tests::qemu::{Qemu, VERSIONS};

use super::{PC, input, output, saved_by_qemu};

#[test]
fn qemu_loads_files_with_a_checksum() {
    for version in VERSIONS {
        let mut file = saved_by_qemu(version, &PC, |qemu| output(qemu, &[(0x3ff, 0x5a)]));
        checksum::append(&mut file);
        let mut qemu = Qemu::load(version, "x86_64", &PC, &file);
        assert_eq!(input(&mut qemu, 0x3ff), 0x5a, "{version}");
    }
}
