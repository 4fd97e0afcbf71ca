//! Versions and predicates: conditional fields, and their values if they are absent.

use vmstate::description::Priority;
use vmstate::error::{Blame, LoadErrorKind};
use vmstate::prelude::*;

use super::{hex, load, save};

#[derive(VmState, Debug, Clone, PartialEq)]
#[vmstate(name = "gated", version = 4, minimum_version = 2, priority = Iommu, unmigratable, early_setup)]
struct Gated {
    always: u8,
    #[vmstate(until = 2, default)]
    old: u8,
    #[vmstate(since = 3, default = seven)]
    new: u8,
    #[vmstate(since = 3, until = 3)]
    brief: u8,
    #[vmstate(name = "shape", until = 3)]
    narrow: u8,
    #[vmstate(name = "shape", since = 4)]
    wide: u16,
    #[vmstate(when = Self::has_extra, default, unused(before = 1))]
    extra: u8,
}

fn seven() -> u8 {
    7
}

impl Gated {
    /// Predicates see the fields loaded before them.
    fn has_extra(&self) -> bool {
        self.always == 0xee
    }
}

const NINES: Gated = Gated { always: 9, old: 9, new: 9, brief: 9, narrow: 9, wide: 9, extra: 9 };

#[test]
fn each_version_has_its_fields() {
    let mut device = NINES;
    load(&mut device, &[1, 2, 3], 2).unwrap();
    assert_eq!(device, Gated { always: 1, old: 2, new: 7, narrow: 3, extra: 0, ..NINES });
    let mut device = NINES;
    load(&mut device, &[1, 2, 3, 4], 3).unwrap();
    assert_eq!(device, Gated { always: 1, old: 0, new: 2, brief: 3, narrow: 4, extra: 0, ..NINES });
    let mut device = NINES;
    load(&mut device, &[0xee, 2, 3, 4, 0, 6], 4).unwrap();
    assert_eq!(device, Gated { always: 0xee, old: 0, new: 2, wide: 0x304, extra: 6, ..NINES });
    assert_eq!(save(&mut device), [0xee, 2, 3, 4, 0, 6]);
}

#[test]
fn other_versions_are_rejected() {
    let error = load(&mut NINES.clone(), &[1, 2, 3, 4], 1).unwrap_err();
    assert_eq!((error.blame(), error.offset()), (Blame::Peer, Some(0)));
    let kind = LoadErrorKind::UnsupportedVersion { found: 1, oldest: 2, newest: 4 };
    assert_eq!(error.kind(), kind);
    let text = "gated: incoming version_id 1 is too old for local minimum version_id 2";
    assert_eq!(error.qemu_message(), Some(text));
    let error = load(&mut NINES.clone(), &[1, 2, 3, 4], 5).unwrap_err();
    assert_eq!(error.qemu_message(), Some("gated: incoming version_id 5 is too new for local version_id 4"));
}

#[test]
fn the_description_has_the_gates() {
    let description = Gated::DESCRIPTION;
    assert_eq!((description.version, description.minimum_version), (4, 2));
    assert_eq!(
        (description.priority, description.unmigratable, description.early_setup),
        (Priority::Iommu, true, true)
    );
    let gates: Vec<_> =
        description.fields.iter().map(|field| (field.name, field.since, field.until, field.conditional)).collect();
    assert_eq!(
        gates,
        [
            ("always", 0, None, false),
            ("old", 0, Some(2), false),
            ("new", 3, None, false),
            ("brief", 3, Some(3), false),
            ("shape", 0, Some(3), false),
            ("shape", 4, None, false),
            ("unused", 0, None, true),
            ("extra", 0, None, true),
        ]
    );
    assert_eq!(description.size(), None);
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "by version", version = 3)]
struct ByVersion {
    #[vmstate(when = Self::is_odd)]
    odd: u8,
    last: u8,
}

impl ByVersion {
    fn is_odd(&self, version: u32) -> bool {
        version % 2 == 1
    }
}

#[test]
fn predicates_may_ask_for_the_version() {
    let mut device = ByVersion::default();
    load(&mut device, &[1], 2).unwrap();
    assert_eq!(device, ByVersion { odd: 0, last: 1 });
    load(&mut device, &[3, 4], 3).unwrap();
    assert_eq!(save(&mut device), [3, 4]);
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "zero", version = 0)]
struct VersionZero {
    value: u16,
}

#[test]
fn version_zero_is_a_version() {
    let mut device = VersionZero { value: 5 };
    assert_eq!((save(&mut device), VersionZero::DESCRIPTION.minimum_version), (hex("0005"), 0));
    load(&mut device, &hex("0006"), 0).unwrap();
    assert_eq!(device.value, 6);
}
