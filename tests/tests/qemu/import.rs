//! Structs that `vmstate::import` writes from dumps of real QEMUs.

use vmstate::import::Importer;
use vmstate_tests::import::Program;

/// Structs from dumps have the same names as structs from streams.
#[test]
fn structs_of_qemus_dumps_compile() {
    use vmstate_tests::qemu::{VERSIONS, dump_vmstate};

    let mut program = Program::new();
    for version in VERSIONS {
        let mut importer = Importer::new("dump.json");
        importer.dump(dump_vmstate(version, "avr", "uno").as_bytes()).unwrap();
        let source = importer.source();
        assert!(source.contains("pub struct Cpu"), "{source}");
        program.add_module(&format!("dump {version}"), &source);
    }
    assert_eq!(program.run(), [""; 0]);
}
