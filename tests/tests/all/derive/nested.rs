//! Structs in structs.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use vmstate::Wire;
use vmstate::description::{Count, Kind};
use vmstate::prelude::*;

use super::{check_truncation, hex, load, save};

#[derive(VmState, Debug, Default, Clone, PartialEq)]
#[vmstate(name = "point", version = 3, minimum_version = 3)]
struct Point {
    x: u8,
    y: u16,
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "outer", version = 7)]
struct Outer {
    point: Point,
    points: [[Point; 2]; 2],
    gated: Gated,
    boxed: Box<Point>,
    last: u8,
}

#[derive(VmState, Debug, Default, Clone, PartialEq)]
#[vmstate(name = "gated", version = 2)]
struct Gated {
    a: u8,
    #[vmstate(since = 2)]
    b: u8,
}

const OUTER: &str = "01 0002 03 0004 05 0006 07 0008 09 000a 0b 0c 0d 000e 0f";

#[test]
fn structs_are_at_their_own_version() {
    let bytes = hex(OUTER);
    let mut device = Outer::default();
    load(&mut device, &bytes, 1).unwrap();
    assert_eq!(device.points[1][1], Point { x: 9, y: 10 });
    assert_eq!(device.gated, Gated { a: 11, b: 12 });
    assert_eq!(save(&mut device), bytes);
    check_truncation::<Outer>(&bytes, 7);
}

#[test]
fn paths_reach_into_structs() {
    let bytes = hex(OUTER);
    let path = |end: usize| load(&mut Outer::default(), &bytes[..end], 7).unwrap_err().path();
    assert_eq!(path(2), "outer.point.y");
    assert_eq!(path(10), "outer.points[2].y");
    assert_eq!(path(15), "outer.gated.a");
    assert_eq!(path(18), "outer.boxed.y");
}

#[test]
fn arrays_of_arrays_are_one_array() {
    let form = Outer::DESCRIPTION.fields[1].form;
    assert_eq!((form.kind, form.count, form.size), (Kind::Struct(Point::DESCRIPTION), Count::Fixed(4), Some(3)));
    assert_eq!(Outer::DESCRIPTION.fields[2].form.size, None);
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "shared")]
struct Shared {
    rc: Rc<RefCell<Point>>,
    arc: Arc<Mutex<Gated>>,
}

#[test]
fn shared_values_are_the_values() {
    let mut device = Shared::default();
    load(&mut device, &hex("01 0002 03 04"), 1).unwrap();
    assert_eq!((device.rc.borrow().y, device.arc.lock().unwrap().b), (2, 4));
    assert_eq!(save(&mut device), hex("01 0002 03 04"));
    let held = Rc::clone(&device.rc);
    let _guard = held.borrow();
    assert_eq!(device.save(&mut Writer::new()).unwrap_err().path(), "shared.rc");
}

#[derive(VmState, Debug, PartialEq)]
#[vmstate(name = "generic")]
struct Generic<S: Wire, const N: usize>
where
    S: Default,
{
    first: u8,
    values: [S; N],
}

#[test]
fn generic_structs() {
    let mut device = Generic::<Point, 2> { first: 0, values: Default::default() };
    load(&mut device, &hex("01 02 0003 04 0005"), 1).unwrap();
    assert_eq!(device.values[1], Point { x: 4, y: 5 });
    assert_eq!(save(&mut Generic::<u16, 3> { first: 1, values: [2, 3, 4] }), hex("01 0002 0003 0004"));
    assert_eq!(Generic::<u32, 3>::DESCRIPTION.size(), Some(13));
}

#[derive(VmState, Debug, PartialEq)]
#[vmstate(name = "borrowing")]
struct Borrowing<'a> {
    value: u16,
    #[vmstate(skip = "its name on the board")]
    name: &'a str,
}

#[test]
fn structs_with_lifetimes() {
    let name = String::from("uart");
    let mut device = Borrowing { value: 1, name: &name };
    load(&mut device, &[2, 3], 1).unwrap();
    assert_eq!((save(&mut device), device.name), (vec![2, 3], "uart"));
}
