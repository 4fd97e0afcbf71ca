//! The structs with `Default` as their only derive: the baseline of the other two.
#![allow(dead_code, reason = "the fields are not saved")]

use std::hint::black_box;

include!(concat!(env!("OUT_DIR"), "/plain.rs"));

fn round_trip<T: Default>() {
    black_box(T::default());
}

fn main() {
    println!("{} structs", all());
}
