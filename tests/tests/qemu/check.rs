//! Dumps and breaks of real QEMUs.

use vmstate::schema::Schema;
use vmstate::schema::dump::Dump;
use vmstate::schema::vmdesc::{Document, Located, locate};
use vmstate_tests::dumps::of_all_releases;
use vmstate_tests::qemu::{Qemu, VERSIONS, dump_vmstate};

#[test]
fn committed_dumps_match_qemu() {
    for (version, committed) in VERSIONS.into_iter().zip(of_all_releases()) {
        let text = dump_vmstate(version, "x86_64", "pc-i440fx-7.2");
        let mut dump = Dump::parse(&text).unwrap();
        assert!(dump.to_text().unwrap() == text, "{version}");
        // Devices are in the order of a hash table.
        let mut sorted = committed;
        for dump in [&mut dump, &mut sorted] {
            dump.devices.sort_by(|one, other| one.name.cmp(&other.name));
        }
        assert!(dump == sorted, "{version}: other devices than the committed dump has; run tests/dumps/make");
    }
}

#[test]
fn dumps_of_other_architectures_are_reproduced() {
    for (arch, machine) in [("riscv64", "virt"), ("avr", "uno"), ("s390x", "s390-ccw-virtio")] {
        for version in VERSIONS {
            let text = dump_vmstate(version, arch, machine);
            assert!(Dump::parse(&text).unwrap().to_text().unwrap() == text, "{version} {arch}");
        }
    }
}

/// QEMU's checker reports `hpet`, which is in every PC, and `e1000e`.
#[test]
fn compatible_devices_load_in_qemu() {
    let args = ["-S", "-M", "pc-i440fx-7.2", "-m", "16M", "-net", "none", "-device", "e1000e"];
    for (from, to) in
        VERSIONS.into_iter().flat_map(|from| VERSIONS.map(|to| (from, to))).filter(|(from, to)| from != to)
    {
        let stream = Qemu::start(from, "x86_64", &args).save();
        assert_eq!(Qemu::load(to, "x86_64", &args, &stream).status(), "prelaunch", "{from} to {to}");
    }
}

/// The other way round, 7.2 does not see that its fields are not where 10.0 has them.
#[test]
fn break_is_undetected_by_qemu() {
    let args = ["-S", "-M", "pc-i440fx-7.2", "-m", "16M", "-net", "none", "-device", "am53c974"];
    let stream = Qemu::start("10.0", "x86_64", &args).save();
    let Located::At(text) = locate(&stream) else { panic!("no description") };
    let new = Schema::from(&Document::parse(&stream[text..], 0).unwrap());
    let esp = new.devices["0000:00:03.0/pciespscsi"].fields.iter().find(|field| field.name == "esp").unwrap();
    let last: Vec<_> = esp.kind.inner().unwrap().shapes()[0].fields.iter().rev().take(2).collect();
    assert_eq!((&*last[1].name, &*last[0].name), ("lun", "drq_state"));
    assert_eq!(Qemu::load("7.2", "x86_64", &args, &stream).status(), "prelaunch");
}

/// QEMU's checker does not report that 10.0 expects an additional byte. QEMU does when it loads the stream.
#[test]
fn break_missed_by_qemus_checker_fails_to_load() {
    let args = ["-S", "-M", "pc-i440fx-7.2", "-m", "16M", "-net", "none", "-device", "am53c974"];
    let stream = Qemu::start("7.2", "x86_64", &args).save();
    let said = Qemu::refusal("10.0", "x86_64", &args, &stream);
    assert!(said.contains("Missing section footer for 0000:00:03.0/pciespscsi"), "{said}");
}
