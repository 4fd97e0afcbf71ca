//! Shows how to write a custom info: code that writes, reads and validates a value in a format without an attribute.
//!
//! ```text
//! saved: 20 26 11 21
//! loaded: 2026-11-21
//! cannot load
//!   field     clock.date
//!   at        byte 0x2 of the input
//!   expected  a month in BCD
//!   found     0x1a
//! ```

use vmstate::Info;
use vmstate::prelude::*;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// Binary-coded decimal: two digits per byte, the format of many clock chips.
struct Bcd;

impl Info<Date> for Bcd {
    // The type name in descriptions. With `SIZE`, adjacent fields of fixed size are read and written together.
    const NAME: &'static str = "bcd-date";
    const SIZE: Option<usize> = Some(4);

    fn put(date: &Date, to: &mut Writer) -> Result<(), SaveError> {
        if date.year > 9999 || date.month > 99 || date.day > 99 {
            return Err(SaveError::out_of_range(format!("{date:?} has too many digits")));
        }
        let digits = [date.year / 100, date.year % 100, date.month.into(), date.day.into()];
        digits.iter().for_each(|number| to.u8((number / 10 * 16 + number % 10).to_be_bytes()[1]));
        Ok(())
    }

    fn get(date: &mut Date, from: &mut Reader<'_>) -> Result<(), LoadError> {
        let year = u16::from(digits(from, "a century")?) * 100 + u16::from(digits(from, "a year")?);
        *date = Date { year, month: digits(from, "a month")?, day: digits(from, "a day")? };
        Ok(())
    }
}

/// Reads two digits. The stream is untrusted, so other bytes are rejected with their offset.
fn digits(from: &mut Reader<'_>, name: &str) -> Result<u8, LoadError> {
    let start = from.offset();
    let byte = from.u8()?;
    match (byte >> 4, byte & 15) {
        (tens @ 0..=9, ones @ 0..=9) => Ok(tens * 10 + ones),
        _ => Err(LoadError::malformed(format!("{name} in BCD"), format!("{byte:#04x}")).at_offset(start)),
    }
}

#[derive(VmState, Default)]
#[vmstate(name = "clock")]
struct Clock {
    #[vmstate(with = Bcd)]
    date: Date,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = Writer::new();
    Clock { date: Date { year: 2026, month: 11, day: 21 } }.save(&mut out)?;
    let bytes: Vec<_> = out.pending().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("saved: {}", bytes.join(" "));

    let mut clock = Clock::default();
    clock.load(&mut Reader::from_slice(out.pending()), 1)?;
    println!("loaded: {}-{}-{}", clock.date.year, clock.date.month, clock.date.day);

    if let Err(error) = clock.load(&mut Reader::from_slice(&[0x20, 0x26, 0x1a, 0x21]), 1) {
        println!("{error:#}");
    }
    Ok(())
}
