#[vmstate(
    name = "e1000",
    version = 2,
    field("mac_reg[CTRL]": u32 = mac_reg[CTRL]),
    field("mac_reg[0]": [u32; REGISTERS] = mac_reg, range = RA..RA + 16, since = 2)
)]
struct Places {
    #[vmstate(field("channels[0].irq_disabled": u32 = channels[0].irq_disabled, default = 1, since = 2))]
    channels: [Channel; 3],
    #[vmstate(subsection("e1000/full_mac_state", needed = |card| card.full))]
    mac_reg: Box<[u32; REGISTERS]>,
    #[vmstate(skip = "a property")]
    full: bool,
}
