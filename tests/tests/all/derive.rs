//! scratch
use vmstate::prelude::*;

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "serial", version = 3, minimum_version = 2, post_load = Self::rearm, subsection("serial/grp", needed = Self::grp))]
struct Serial {
    #[vmstate(since = 2)]
    divider: u16,
    rbr: u8,
    ier: u8,
    #[vmstate(since = 3, name = "fcr_vmstate")]
    fcr: u8,
    #[vmstate(subsection("serial/thr_ipending", needed = Self::thr_ipending_needed))]
    thr_ipending: i32,
    #[vmstate(subsection("serial/recv_fifo"))]
    recv_fifo: Option<Fifo>,
    #[vmstate(timer)]
    t: Option<u64>,
    #[vmstate(timer)]
    ts: [Option<u64>; 2],
    #[vmstate(equal = "same size")]
    sz: u32,
    #[vmstate(buffer, unused(before = 3))]
    buf: [u8; 4],
    fifos: [Fifo; 2],
    pad: Unused<2>,
    #[vmstate(in = "serial/grp")]
    x: u8,
    #[vmstate(in = "serial/grp", le)]
    y: i32,
    #[vmstate(skip = "wired by the board")]
    irq: Option<String>,
}
#[derive(VmState, Default, Debug, PartialEq)]
struct Fifo {
    data: [u16; 3],
    head: u8,
}
impl Serial {
    fn rearm(&mut self) {}
    fn thr_ipending_needed(&self) -> bool {
        self.thr_ipending != 0
    }
    fn grp(&self, _v: u32) -> bool {
        self.x != 0
    }
}

#[test]
fn scratch() {
    let mut s = Serial {
        divider: 0x1234,
        thr_ipending: -1,
        recv_fifo: Some(Fifo::default()),
        sz: 7,
        x: 1,
        y: 5,
        ..Default::default()
    };
    let mut w = Writer::new();
    s.save(&mut w).unwrap();
    println!("{:02x?}", w.pending());
    let mut o = Serial { sz: 7, y: 9, ..Default::default() };
    o.load(&mut Reader::from_slice(w.pending()), 3).unwrap();
    assert_eq!(s, o);
    let mut o = Serial { sz: 8, y: 9, ..Default::default() };
    println!("{}", o.load(&mut Reader::from_slice(w.pending()), 3).unwrap_err());
    println!("{}", o.load(&mut Reader::from_slice(&w.pending()[..4]), 3).unwrap_err());
    println!("{}", o.load(&mut Reader::from_slice(&w.pending()[..50]), 1).unwrap_err());
    let mut d = vmstate::schema::DescriptionWriter::new(vmstate::schema::Release::Qemu7_2, 4096, None);
    d.section("serial", 0, &mut s, &mut w).unwrap();
    println!("{}", d.finish());
}
