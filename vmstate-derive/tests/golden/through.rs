// Values that functions of the struct return and take back.
struct Device<T> {
    #[vmstate(through(u32, get = Self::seed, set = Self::reseed))]
    random: Random,
    #[vmstate(through(Vec<T>, get = |dev| dev.ram(), set = |dev, ram| dev.set_ram(ram)), with = Sequence<16>, since = 1)]
    memory: Memory<T>,
    #[vmstate(through(T, get = Self::first, set = Self::set_first))]
    first: Memory<T>,
}
