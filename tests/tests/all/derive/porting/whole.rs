//! The fields of QEMU's `VMStateDescription`.

use super::*;

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev", version = 3, minimum_version = 2, load_old(min = 1, with = Self::load_first))]
#[vmstate(priority = PciBus, unmigratable, early_setup, needed = Self::is_needed)]
#[vmstate(pre_load = Self::prepare, post_load = Self::rearm, pre_save = Self::gather, post_save = Self::scatter)]
#[vmstate(subsection("dev/tx", needed = Self::is_sending))]
struct Whole {
    #[vmstate(subsection("dev/level", needed = Self::has_level))]
    level: u8,
    #[vmstate(subsection("dev/fifo"))]
    fifo: Option<Fifo>,
    #[vmstate(in = "dev/tx")]
    retries: u8,
    #[vmstate(in = "dev/tx")]
    byte: u8,
    #[vmstate(skip = "record of the hooks")]
    calls: Vec<&'static str>,
}

impl Whole {
    fn load_first(&mut self, reader: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.level = reader.u8()?;
        Ok(())
    }

    fn is_needed(&self) -> bool {
        self.level > 1
    }

    fn has_level(&self) -> bool {
        self.level != 0
    }

    fn is_sending(&self) -> bool {
        self.retries != 0
    }

    fn prepare(&mut self) {
        self.calls.push("pre_load");
    }

    fn rearm(&mut self, version: u32) {
        self.calls.push(if version == 3 { "post_load" } else { "old post_load" });
    }

    fn gather(&mut self) {
        self.calls.push("pre_save");
    }

    fn scatter(&mut self) {
        self.calls.push("post_save");
    }
}

#[test]
fn fields_of_the_description() {
    let description = Whole::DESCRIPTION;
    assert_eq!((description.version, description.minimum_version, description.oldest_version), (3, 2, Some(1)));
    assert!(description.unmigratable && description.early_setup && description.priority == Priority::PciBus);
    let mut device = Whole { level: 2, fifo: Some(fifo(3)), retries: 4, byte: 5, calls: vec![] };
    assert!(device.needed() && !Whole { level: 1, ..Whole::default() }.needed());

    let (level, queue) = (b"\x05\x09dev/level\0\0\0\x01\x02", b"\x05\x08dev/fifo\0\0\0\x01\x03\xf3");
    let wire = [&level[..], queue, b"\x05\x06dev/tx\0\0\0\x01\x04\x05"].concat();
    assert_eq!(save(&mut device), wire);
    assert_eq!(device.calls, ["pre_save", "post_save"]);
    let mut loaded = Whole::default();
    load(&mut loaded, &wire, 3).unwrap();
    assert_eq!(loaded.calls, ["pre_load", "post_load"]);
    assert_eq!(Whole { calls: vec![], ..loaded }, Whole { calls: vec![], ..device });

    let mut old = Whole::default();
    load(&mut old, &[6], 1).unwrap();
    assert_eq!(old, Whole { level: 6, ..Whole::default() });
}
