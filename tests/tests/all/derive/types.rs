//! Attributes on a type instead of on each field: `bits`, `wire`, `with`.

use vmstate::description::Kind;
use vmstate::prelude::*;
use vmstate::{Info, walk};

use super::{check_truncation, loaded, refused, save};

bitflags::bitflags! {
    /// Status flags of a CPU.
    #[derive(VmState, Clone, Copy, Debug, Default, PartialEq)]
    #[vmstate(bits = u16)]
    struct Status: u16 {
        const CARRY = 1;
        const ZERO = 2;
        const NEGATIVE = 0x8000;
    }
}

#[derive(VmState, Clone, Copy, Debug, Default, PartialEq)]
#[vmstate(wire = u32)]
struct Address(usize);

#[derive(VmState, Clone, Copy, Debug, Default, PartialEq)]
#[vmstate(with = Packed)]
struct Rgb {
    red: u8,
    green: u8,
    blue: u8,
}

/// A color in 15 bits.
struct Packed;

impl Info<Rgb> for Packed {
    const NAME: &'static str = "rgb555";
    const SIZE: Option<usize> = Some(2);

    fn put(color: &Rgb, to: &mut Writer) -> Result<(), SaveError> {
        to.u16(u16::from(color.blue) << 10 | u16::from(color.green) << 5 | u16::from(color.red));
        Ok(())
    }

    fn get(color: &mut Rgb, from: &mut Reader<'_>) -> Result<(), LoadError> {
        let value = from.u16()?;
        if value > 0x7fff {
            return Err(LoadError::malformed("15 bits", format!("{value:#x}")));
        }
        let [red, green, blue] = [0, 5, 10].map(|shift| (value >> shift & 31) as u8);
        *color = Rgb { red, green, blue };
        Ok(())
    }
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "cpu")]
struct Cpu {
    status: Status,
    saved: [Status; 2],
    pc: Address,
    #[vmstate(count("depth": u8), max = 4)]
    stack: Vec<Address>,
    #[vmstate(option)]
    breakpoint: Option<Address>,
    palette: [Rgb; 2],
}

fn cpu() -> Cpu {
    Cpu {
        status: Status::NEGATIVE | Status::CARRY,
        saved: [Status::ZERO, Status::empty()],
        pc: Address(0x1234),
        stack: vec![Address(5)],
        breakpoint: Some(Address(6)),
        palette: [Rgb { red: 1, green: 2, blue: 3 }, Rgb::default()],
    }
}

#[test]
fn type_determines_the_form_of_every_use() {
    let bytes = save(&mut cpu());
    let expected = [
        &[0x80, 1, 0, 2, 0, 0][..],
        &[0, 0, 0x12, 0x34, 1, 0, 0, 0, 5, 1, 0, 0, 0, 6],
        &[0b0000_1100, 0b0100_0001, 0, 0],
    ];
    assert_eq!(bytes, expected.concat());
    assert_eq!(loaded(Cpu::default(), &bytes), cpu());
    check_truncation::<Cpu>(&bytes, 1);
}

#[test]
fn invalid_values_are_rejected() {
    let error = refused(Cpu::default(), &[0, 4]);
    assert_eq!((error.path().as_str(), error.found(), error.offset()), ("cpu.status", "0x4", Some(0)));
    let mut bytes = save(&mut cpu());
    bytes[20] = 0xff;
    assert_eq!(refused(Cpu::default(), &bytes).path(), "cpu.palette[0]");
    #[cfg(target_pointer_width = "64")]
    assert!(Cpu { pc: Address(1 << 32), ..Cpu::default() }.save(&mut Writer::new()).is_err());
}

#[test]
fn description_has_the_info_of_the_form() {
    let kinds: Vec<_> = Cpu::DESCRIPTION.fields.iter().map(|field| field.form.kind).collect();
    assert_eq!(kinds[0], Kind::Info("uint16"));
    assert_eq!(kinds[2], Kind::Info("uint32"));
    assert_eq!(kinds.last(), Some(&Kind::Info("rgb555")));
}

#[test]
fn rollback_restores_the_values() {
    let (mut device, mut checkpoint) = (cpu(), Writer::new());
    walk::checkpoint(&mut device, &mut checkpoint).unwrap();
    device = loaded(device, &save(&mut Cpu::default()));
    walk::restore(&mut device, checkpoint.pending()).unwrap();
    assert_eq!(device, cpu());
}
