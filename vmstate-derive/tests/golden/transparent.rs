#[vmstate(transparent)]
struct Level<T: Wire>(T);
