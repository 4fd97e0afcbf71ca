//! Shows how to migrate types of other crates: a remote definition for public fields, an info for private ones.
//!
//! ```text
//! 18 bytes: 00 00 10 00 00 00 20 00 7f 00 00 01 1f 90 00 00 00 07
//! loaded: 4096..8192, from 127.0.0.1:8080
//! ```

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;

use vmstate::Info;
use vmstate::prelude::*;

/// A remote definition of `Range<u32>`: lists the fields to migrate. It is never constructed.
#[derive(VmState)]
#[vmstate(name = "window", remote = Range<u32>)]
struct Window {
    start: u32,
    end: u32,
}

/// An info for `SocketAddrV4`, whose fields are private.
struct Address;

impl Info<SocketAddrV4> for Address {
    const NAME: &'static str = "address";
    const SIZE: Option<usize> = Some(6);

    fn put(address: &SocketAddrV4, to: &mut Writer) -> Result<(), SaveError> {
        to.bytes(&address.ip().octets());
        to.u16(address.port());
        Ok(())
    }

    fn get(address: &mut SocketAddrV4, from: &mut Reader<'_>) -> Result<(), LoadError> {
        *address = SocketAddrV4::new(Ipv4Addr::from(from.u32()?), from.u16()?);
        Ok(())
    }
}

#[derive(VmState)]
#[vmstate(name = "card")]
struct Card {
    #[vmstate(with = Window)]
    window: Range<u32>,
    #[vmstate(with = Address)]
    peer: SocketAddrV4,
    sent: u32,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut card = Card { window: 0x1000..0x2000, peer: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080), sent: 7 };
    let mut out = Writer::new();
    card.save(&mut out)?;
    let bytes: Vec<_> = out.pending().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{} bytes: {}", bytes.len(), bytes.join(" "));

    let mut loaded = Card { window: 0..0, peer: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0), sent: 0 };
    loaded.load(&mut Reader::from_slice(out.pending()), 1)?;
    println!("loaded: {:?}, from {}", loaded.window, loaded.peer);
    Ok(())
}
