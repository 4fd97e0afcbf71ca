//! The structs with `#[derive(Serialize, Deserialize)]`, all loaded and saved in a binary format.

use std::any::type_name;
use std::hint::black_box;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vmstate_compile_time::ONES;

include!(concat!(env!("OUT_DIR"), "/serde.rs"));

fn round_trip<T: Serialize + DeserializeOwned>() {
    let (value, rest) = postcard::take_from_bytes::<T>(black_box(&ONES)).expect("a state of the struct");
    let saved = postcard::to_allocvec(&value).expect("a loaded struct");
    assert_eq!(saved.len() + rest.len(), ONES.len(), "{}", type_name::<T>());
    assert!(ONES.starts_with(&saved), "{}", type_name::<T>());
}

fn main() {
    println!("{} structs", all());
}
