//! The command line tool on streams of running QEMUs.

mod record;
mod set;

use std::fs;

use serde_json::json;
use vmstate_tests::qemu::{Qemu, VERSIONS};
use vmstate_tests::tool::{Folder, vmstate};

/// Not `isapc`, whose streams QEMU 7.2 cannot load: it aborts in the Cirrus VGA's `post_load`.
const MACHINE: [&str; 5] = ["-M", "pc", "-m", "16", "-S"];

fn set_mapped_ram(qemu: &mut Qemu) {
    let capabilities = json!([{ "capability": "mapped-ram", "state": true }]);
    qemu.execute("migrate-set-capabilities", json!({ "capabilities": capabilities }));
}

/// The first bytes of the BIOS, in the words of the monitor.
fn bios(qemu: &mut Qemu) -> String {
    qemu.monitor("xp /4xb 0xffff0")
}

#[test]
fn qemu_loads_stripped_stream() {
    for version in VERSIONS {
        let folder = Folder::new();
        let mut source = Qemu::start(version, "i386", &MACHINE);
        source.execute("migrate", json!({ "uri": format!("exec:cat > '{}'", folder.path("in")) }));
        source.wait_for_migration();
        assert!(!vmstate(["strip", &folder.path("in"), &folder.path("out")]).fine().starts_with("0 pages"));
        let mut loaded = Qemu::load(version, "i386", &MACHINE, &fs::read(folder.path("out")).unwrap());
        assert_eq!(loaded.monitor("info registers"), source.monitor("info registers"));
        assert!(bios(&mut loaded).contains("0x00 0x00 0x00 0x00") && !bios(&mut source).contains("0x00 0x00"));
    }
}

#[test]
fn qemu_loads_stripped_mapped_ram() {
    let folder = Folder::new();
    let mut source = Qemu::start("10.0", "i386", &MACHINE);
    set_mapped_ram(&mut source);
    source.execute("migrate", json!({ "uri": format!("file:{}", folder.path("in")) }));
    source.wait_for_migration();
    vmstate(["strip", &folder.path("in"), &folder.path("out")]).fine();
    let mut loaded = Qemu::start("10.0", "i386", &[&MACHINE[..], &["-incoming", "defer"]].concat());
    set_mapped_ram(&mut loaded);
    loaded.execute("migrate-incoming", json!({ "uri": format!("file:{}", folder.path("out")) }));
    loaded.wait_for_migration();
    assert_eq!(loaded.monitor("info registers"), source.monitor("info registers"));
    assert!(bios(&mut loaded).contains("0x00 0x00 0x00 0x00"));
}
