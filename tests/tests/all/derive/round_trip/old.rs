//! Fields of older versions, each version inside of a struct that saves it.

use proptest::prelude::*;
use vmstate::prelude::*;

use super::Peer;

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(
    name = "aged",
    version = 4,
    minimum_version = 2,
    load_old(min = 1, with = Self::load_old),
    removed("tail": [u16; 2], until = 2)
)]
pub(super) struct Aged {
    always: u8,
    #[vmstate(until = 3, default)]
    gone: u16,
    #[vmstate(since = 3, default = seven)]
    new: u16,
    #[vmstate(since = 3, until = 3, default)]
    brief: u8,
    #[vmstate(removed("scale": u8, until = 3, with = Self::take_scale))]
    level: u32,
    #[vmstate(skip = "made of the level", reset = nothing)]
    cache: Option<u8>,
    #[vmstate(unused(before = 1, after = 2))]
    framed: i8,
}

fn seven() -> u16 {
    7
}

fn nothing() -> Option<u8> {
    None
}

impl Aged {
    /// A scale that no version knows; nothing is kept of the others, for none would be saved.
    fn take_scale(&mut self, scale: u8) -> Result<(), String> {
        if scale > 9 { Err(format!("scale {scale}")) } else { Ok(()) }
    }

    fn load_old(&mut self, reader: &mut Reader<'_>, _version: u32) -> Result<(), LoadError> {
        self.level = u32::from(reader.u16()?);
        Ok(())
    }

    /// As a load of `version` leaves it.
    fn at(self, version: u32) -> Self {
        Self {
            gone: if version <= 3 { self.gone } else { 0 },
            new: if version >= 3 { self.new } else { 7 },
            brief: if version == 3 { self.brief } else { 0 },
            cache: None,
            ..self
        }
    }
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "ages")]
pub(super) struct Ages {
    #[vmstate(versioned = 2)]
    second: Aged,
    #[vmstate(versioned = 3)]
    third: Aged,
    latest: Aged,
}

impl Peer for Ages {
    /// With something in each member, of which a load leaves nothing.
    fn peer(&self) -> Self {
        let aged = || Aged { always: 9, gone: 9, new: 9, brief: 9, level: 9, cache: Some(9), framed: 9 };
        Self { second: aged(), third: aged(), latest: aged() }
    }
}

prop_compose! {
    fn aged(version: u32)(
        (always, gone, new, brief, level, framed) in any::<(u8, u16, u16, u8, u32, i8)>(),
    ) -> Aged {
        Aged { always, gone, new, brief, level, framed, ..Aged::default() }.at(version)
    }
}

prop_compose! {
    pub(super) fn states()(second in aged(2), third in aged(3), latest in aged(4)) -> Ages {
        Ages { second, third, latest }
    }
}
