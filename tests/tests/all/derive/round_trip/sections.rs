//! Subsections of all kinds, nested and adjacent, and the functions of a device.

use proptest::prelude::*;
use vmstate::prelude::*;

use super::Peer;
use super::mixed::{Part, part};

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(
    name = "dev",
    version = 2,
    subsection("dev/latched", empty, needed = |device| device.level == 3),
    subsection("dev/group", version = 2, needed = Self::has_group, absent = default),
    must_exist("level fits", Self::level_fits),
    pre_save = Self::pre_save,
    post_save = Self::post_save,
    pre_load = Self::pre_load,
    post_load = Self::post_load
)]
pub(super) struct Device {
    level: u8,
    #[vmstate(skip = "made of the level")]
    doubled: u16,
    #[vmstate(ambiguous = "a level below four cannot start a subsection")]
    nested: Nested,
    last: Last,
    #[vmstate(subsection("dev/value", version = 3, minimum_version = 2, needed = Self::has_value))]
    value: u16,
    #[vmstate(subsection("dev/must", always, absent = error))]
    must: u8,
    #[vmstate(subsection("dev/part"))]
    part: Option<Part>,
    #[vmstate(in = "dev/group")]
    first: u8,
    #[vmstate(in = "dev/group", since = 2, default = nine, must_exist("level fits a group", Self::level_fits))]
    second: u8,
    #[vmstate(subsection)]
    whole: Option<Whole>,
    #[vmstate(timer, subsection("dev/timer"))]
    timer: Option<Option<u64>>,
}

/// Fields that are ambiguous after `nested`: a number that cannot be five.
#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "last")]
struct Last {
    is_on: bool,
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "nested")]
struct Nested {
    value: u8,
    #[vmstate(subsection("nested/inner"))]
    inner: Option<Inner>,
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "nested/inner")]
struct Inner {
    value: u8,
    #[vmstate(subsection("nested/inner/innermost"))]
    innermost: Option<u32>,
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "dev/whole", version = 2, needed = Self::is_interesting)]
struct Whole {
    value: u8,
}

impl Whole {
    fn is_interesting(&self) -> bool {
        self.value != 0
    }
}

fn nine() -> u8 {
    9
}

impl Device {
    fn has_group(&self) -> bool {
        self.first != 0
    }

    fn has_value(&self) -> bool {
        self.value != 0
    }

    fn level_fits(&self) -> bool {
        self.level < 4
    }

    fn pre_save(&mut self) {
        self.doubled += 1;
    }

    fn post_save(&mut self) {
        self.doubled -= 1;
    }

    fn pre_load(&mut self) {
        self.doubled = 0;
    }

    fn post_load(&mut self) -> Result<(), String> {
        self.doubled = u16::from(self.level) * 2;
        if self.must == 0xff { Err("0xff is not a valid state".into()) } else { Ok(()) }
    }
}

impl Peer for Device {}

fn nested() -> impl Strategy<Value = Nested> {
    let inner = any::<(u8, Option<u32>)>().prop_map(|(value, innermost)| Inner { value, innermost });
    (any::<u8>(), prop::option::of(inner)).prop_map(|(value, inner)| Nested { value, inner })
}

prop_compose! {
    pub(super) fn states()(
        (level, must) in (0..4_u8, 0..0xff_u8),
        (is_on, value, first, second) in any::<(bool, u16, u8, u8)>(),
        nested in nested(),
        part in prop::option::of(part()),
        whole in prop::option::of(1..=u8::MAX),
        timer in prop::option::of(prop::option::of(0..u64::MAX)),
    ) -> Device {
        Device {
            level, must, nested, value, part, first, timer,
            doubled: u16::from(level) * 2,
            last: Last { is_on },
            // The effect of the group's absence.
            second: if first == 0 { 9 } else { second },
            whole: whole.map(|value| Whole { value }),
        }
    }
}
