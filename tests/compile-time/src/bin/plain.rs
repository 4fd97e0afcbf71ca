//! The structs with no derive but `Default`: what the other two do not answer for.
#![allow(dead_code, reason = "nobody saves the fields")]

use std::hint::black_box;

include!(concat!(env!("OUT_DIR"), "/plain.rs"));

fn round_trip<T: Default>() {
    black_box(T::default());
}

fn main() {
    println!("{} structs", all());
}
