struct Containers {
    #[vmstate(list(max = 16))]
    queue: VecDeque<Inner>,
    #[vmstate(list(qlist, max = 16, version = 2))]
    list: LinkedList<Inner>,
    #[vmstate(tree(max = 8))]
    tree: BTreeMap<Range, Mapping>,
    #[vmstate(tree(direct, max = 8, version = 1))]
    direct: BTreeMap<u32, Mapping>,
    count: u32,
    #[vmstate(pointer)]
    slots: [Option<Box<Inner>>; 4],
    #[vmstate(pointer(alloc), len = count, max = 8)]
    marked: Vec<Option<Box<Inner>>>,
}
