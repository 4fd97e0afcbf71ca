//! A machine is saved with its description, and loaded. `tests/features` runs this without any feature as well.

use vmstate::prelude::*;
use vmstate::stream::Configuration;

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "latch")]
struct Latch {
    open: bool,
    levels: [u16; 2],
}

const CONFIGURATION: &str = concat!(
    r#"{"vmsd_name": "configuration", "version": 1, "fields": [{"name": "len", "type": "uint32", "size": 4}, "#,
    r#"{"name": "name", "type": "buffer", "size": 2}]}"#
);
const LATCH: &str = concat!(
    r#"{"name": "latch", "instance_id": 0, "vmsd_name": "latch", "version": 1, "fields": "#,
    r#"[{"name": "open", "type": "bool", "size": 1}, {"name": "levels", "array_len": 2, "type": "uint16", "size": 2}]}"#
);

fn saved(latch: &mut Latch) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut machine = Machine::new();
    machine.set_configuration(Configuration::new("m1"));
    machine.register("latch", latch).unwrap();
    machine.save(&mut stream).unwrap();
    stream
}

fn loaded(stream: &[u8]) -> Result<Latch, LoadError> {
    let mut latch = Latch::default();
    let mut machine = Machine::new();
    machine.set_configuration(Configuration::new("m1"));
    machine.register("latch", &mut latch).unwrap();
    machine.load(stream)?;
    drop(machine);
    Ok(latch)
}

#[test]
fn saved_machine_is_described_and_loads() {
    let mut latch = Latch { open: true, levels: [1, 2] };
    let stream = saved(&mut latch);
    let description = format!(r#"{{"configuration": {CONFIGURATION}, "page_size": 4096, "devices": [{LATCH}]}}"#);
    assert!(stream.ends_with(description.as_bytes()), "{}", stream.escape_ascii());
    assert_eq!(loaded(&stream).unwrap(), latch);
}

#[test]
fn truncated_stream_does_not_load() {
    let stream = saved(&mut Latch::default());
    assert!(loaded(&stream[..40]).is_err());
}
