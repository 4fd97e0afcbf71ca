// After a mistake there still is an implementation.
struct Mistake<T> {
    #[vmstate(sinse = 2)]
    a: T,
}
