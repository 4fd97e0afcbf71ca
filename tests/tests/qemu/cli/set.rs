//! `vmstate set` on streams that a QEMU loads.

use std::fs;

use serde_json::json;
use vmstate_tests::qemu::{Qemu, VERSIONS, VERSIONS_WITH_UNO};
use vmstate_tests::streams;
use vmstate_tests::tool::{Folder, set};

#[test]
fn qemu_sees_set_fields() {
    for version in VERSIONS_WITH_UNO {
        let folder = Folder::new();
        let stream = streams::named(&format!("qemu-{version}-uno")).bytes;
        set(&folder, &stream, &["cpu.env.r[24]=0x2a", "cpu.env.pc_w=0x123"]).fine();
        let mut qemu = Qemu::load(version, "avr", &["-M", "uno"], &fs::read(folder.path("out")).unwrap());
        let registers = qemu.monitor("info registers");
        for expected in ["PC:    000246", "R[24]:  2a"] {
            assert!(registers.contains(expected), "{version}: no `{expected}` in\n{registers}");
        }
    }
}

/// A machine with a network card in slot 5 becomes one of a newer type with the card in slot 6.
#[test]
fn qemu_loads_renamed_section_of_other_machine() {
    const CARD: &str = "e1000,romfile=,addr=";
    for version in VERSIONS {
        let folder = Folder::new();
        let machine = ["-m", "16", "-S", "-nodefaults", "-device"];
        let (old, new) = (format!("{CARD}5"), format!("{CARD}6"));
        let mut source = Qemu::start(version, "i386", &[&["-M", "pc-i440fx-7.1"], &machine[..], &[&old]].concat());
        source.execute("migrate", json!({ "uri": format!("exec:cat > '{}'", folder.path("from")) }));
        source.wait_for_migration();
        let stream = fs::read(folder.path("from")).unwrap();
        let arguments = [
            "cpu.env.regs[0]=0x1234567",
            "--machine",
            "pc-i440fx-7.2",
            "--rename-section",
            "0000:00:05.0/e1000=0000:00:06.0/e1000",
            "--drop-subsection",
            "0000:00:05.0/e1000.e1000/tx_tso_state",
            "--add-subsection",
            "0000:00:05.0/e1000.e1000/mit_state",
            "--from",
            &folder.path("from"),
        ];
        let error = set(&folder, &stream, &arguments).error();
        assert!(error.contains("a new subsection"), "{error}");
        set(&folder, &stream, &arguments[..7]).fine();
        let edited = fs::read(folder.path("out")).unwrap();
        let mut qemu =
            Qemu::load(version, "i386", &[&["-M", "pc-i440fx-7.2"], &machine[..], &[&new]].concat(), &edited);
        let registers = qemu.monitor("info registers");
        assert!(registers.contains("EAX=01234567"), "{version}: {registers}");
    }
}
