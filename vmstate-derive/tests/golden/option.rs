// A value that may be absent, and one that is always sent.
struct Options {
    #[vmstate(option)]
    value: Option<u16>,
    #[vmstate(option(always), since = 1)]
    always: Option<Part>,
}
