use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(transparent)]
struct Two(u8, u8);

#[derive(VmState)]
#[vmstate(transparent, name = "named")]
struct Named(u8);

#[derive(VmState)]
#[vmstate(transparent)]
struct Special(#[vmstate(timer)] Option<u64>);

#[derive(VmState)]
#[vmstate(transparent)]
struct NoWireForm(&'static str);

#[derive(VmState)]
struct Tuple(#[vmstate(len = 2, max = 4)] Vec<u8>, u8);

fn main() {}

// Fix:
// -struct Two(u8, u8);
// +struct Two(u8);
//
// -#[vmstate(transparent, name = "named")]
// +#[vmstate(transparent)]
//
// -#[vmstate(transparent)]
//
// -struct NoWireForm(&'static str);
// +struct NoWireForm(String);
//
// -struct Tuple(#[vmstate(len = 2, max = 4)] Vec<u8>, u8);
// +struct Tuple([u8; 2], u8);
