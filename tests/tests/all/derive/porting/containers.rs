//! Timers, lists and trees.

use super::*;

#[derive(VmState, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Clone)]
#[vmstate(version = 2)]
struct Key {
    low: u8,
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Containers {
    level: bool,
    #[vmstate(timer)]
    timeout: Option<u64>,
    #[vmstate(timer, when = Self::has_level)]
    dynamic: Option<u64>,
    #[vmstate(timer)]
    timers: [Option<u64>; 2],
    #[vmstate(list(max = 16))]
    queue: VecDeque<Fifo>,
    #[vmstate(list(qlist, max = 16))]
    list: Vec<Fifo>,
    #[vmstate(list(max = 16, version = 1))]
    older: Vec<Fifo>,
    #[vmstate(tree(max = 16))]
    tree: BTreeMap<Key, Fifo>,
    #[vmstate(tree(direct, max = 16))]
    direct: BTreeMap<u64, Fifo>,
}

impl Containers {
    fn has_level(&self) -> bool {
        self.level
    }
}

#[test]
fn timers_and_containers() {
    let device = |level, dynamic| Containers {
        level,
        timeout: Some(1),
        dynamic,
        timers: [Some(3), None],
        queue: [fifo(4), fifo(5)].into(),
        list: vec![fifo(6)],
        older: vec![],
        tree: [(Key { low: 7 }, fifo(8))].into(),
        direct: [(9, fifo(10))].into(),
    };
    let rest = "0000000000000003 ffffffffffffffff 01 04f4 01 05f5 00 01 06f6 00 00
        00000001 01 07 08f8 00 00000001 01 0000000000000009 0afa 00";
    let timers = "0000000000000001 0000000000000002";
    both_ways(device(true, Some(2)), Containers::default(), &format!("01 {timers} {rest}"));
    both_ways(device(false, None), Containers::default(), &format!("00 0000000000000001 {rest}"));
}

#[test]
fn list_elements_load_at_the_macros_version() {
    let mut device = Containers::default();
    let timers = "ff".repeat(24);
    load(&mut device, &hex(&format!("00 {timers} 00 00 01 0b 01 0c 00 00000000 00 00000000 00")), 1).unwrap();
    assert_eq!(device.older, [11, 12].map(|head| Fifo { head, tail: 0 }));
}
