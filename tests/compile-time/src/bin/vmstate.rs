//! The structs with `#[derive(VmState)]`, all loaded and saved.

use std::hint::black_box;

use vmstate::prelude::*;
use vmstate_compile_time::ONES;

include!(concat!(env!("OUT_DIR"), "/vmstate.rs"));

fn round_trip<T: VmState + Default>() {
    let mut value = T::default();
    let mut reader = Reader::from_slice(black_box(&ONES));
    value.load(&mut reader, T::DESCRIPTION.version).expect("a state of the struct");
    let mut writer = Writer::new();
    value.save(&mut writer).expect("a loaded struct");
    assert_eq!(writer.pending().len() as u64, reader.offset(), "{}", T::DESCRIPTION.name);
    assert!(ONES.starts_with(writer.pending()), "{}", T::DESCRIPTION.name);
}

fn main() {
    println!("{} structs", all());
}
