use std::collections::BTreeMap;

use vmstate::prelude::*;

#[derive(VmState, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[vmstate(version = 2)]
struct Interval {
    low: u64,
}

#[derive(VmState, Default)]
struct Mapping {
    to: u64,
}

#[derive(VmState)]
#[vmstate(name = "iommu")]
struct Iommu {
    #[vmstate(tree(max = 8))]
    mappings: BTreeMap<Interval, Mapping>,
    #[vmstate(subsection("iommu/more", always), tree(max = 8))]
    more: BTreeMap<Interval, Mapping>,
}

#[derive(VmState)]
struct Agreed {
    #[vmstate(tree(max = 8, version = 1))]
    said: BTreeMap<Interval, Mapping>,
    #[vmstate(tree(direct, max = 8))]
    direct: BTreeMap<u64, Interval>,
}

fn main() {}

// Fix:
// -struct Mapping {
// +#[vmstate(version = 2)]
// +struct Mapping {
