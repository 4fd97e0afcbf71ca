//! QEMU's static checker: its lines, its counts.

use vmstate::schema::dump::{Checker, DeviceType, Dump, DumpDescription, DumpField};
use vmstate_tests::dumps::{of_all_releases, of_older_releases};

#[test]
fn counts_for_one_machine_of_two_releases() {
    let [old, new] = of_older_releases();
    let count = |checker: Checker, one: &Dump, other: &Dump| checker.compare(one, other).problems;
    assert_eq!(count(Checker::Qemu10_0, &old, &new), 14);
    assert_eq!(count(Checker::Qemu10_0, &new, &old), 39);
    // It knows of the new name in `hpet`.
    assert_eq!(count(Checker::Newer, &old, &new), 13);
    assert_eq!(count(Checker::Newer, &new, &old), 38);
}

/// The counts of QEMU's script.
#[test]
fn counts_for_11_1() {
    let [first, second, third] = of_all_releases();
    let pairs = [(&first, &third), (&third, &first), (&second, &third), (&third, &second)];
    let counts = |checker: Checker| pairs.map(|(old, new)| checker.compare(old, new).problems);
    assert_eq!(counts(Checker::Qemu10_0), [27, 66, 19, 39]);
    assert_eq!(counts(Checker::Newer), [27, 65, 19, 39]);
}

/// As on a machine without Debian's packages `qemu-system-modules-opengl` and `qemu-system-modules-spice` for 10.0.
#[test]
fn counts_where_some_modules_are_not_installed() {
    let [old, mut new] = of_older_releases();
    let absent = ["qxl", "qxl-vga", "pci-qxl", "virtio-vga-gl", "virtio-vga-gl-base-type"];
    new.devices.retain(|device| !absent.contains(&device.name.as_str()));
    assert_eq!(Checker::Qemu10_0.compare(&old, &new).exit_code(), 19);
    assert_eq!(Checker::Qemu10_0.compare(&new, &old).exit_code(), 39);
}

/// The fourteen lines about the differences that QEMU tests its checker with, each with little around it.
#[test]
fn lines_of_qemus_test_of_its_checker() {
    let mut source = dump(
        "pc-i440fx-2.1",
        [
            ("fw_cfg", state("fw_cfg", 1, 1, [field("cur_entry", 2)])),
            ("fusbh200-ehci-usb", state("ehci-sysbus", 1, 1, [nested("ehci", ehci("usbsts"))])),
            ("pci-serial-multi", state("pci-serial-multi", 1, 1, [field("dev", 2056)])),
            ("intel-hda-generic", state("intel-hda", 1, 1, [nested("pci", state("PCIDevice", 2, 1, []))])),
            ("cfi.pflash01", state("pflash_cfi01", 1, 1, [field("wcycle", 1)])),
            ("megasas", state("megasas", 0, 0, [nested("parent_obj", pci(true))])),
            ("PIIX3", with(state("PIIX3", 1, 1, [field("pci_irq_levels", 4)]), [state("PIIX3/rcr", 1, 1, [])])),
            ("tpci200", state("tpci200", 1, 1, [field("big_endian", 3)])),
            ("sun-fdtwo", state("fdc", 2, 1, [nested("drive", with(drive(), [state("fdrive/media_rate", 1, 1, [])]))])),
            (
                "usb-kbd",
                state("usb-kbd", 1, 1, [nested("kbd", state("HIDKeyboardDevice", 1, 1, [field("kbd.keycodes", 4)]))]),
            ),
        ],
    );
    let mut destination = dump(
        "pc-i440fx-2.2",
        [
            ("fusbh200-ehci-usb", state("ehci-sysbus", 1, 1, [nested("ehci", ehci("usbsts_pending"))])),
            ("pci-serial-multi", DumpDescription { fields: None, ..state("pci-serial-multi", 1, 1, []) }),
            ("intel-hda-generic", state("intel-hda", 1, 1, [field("pci", 2056)])),
            ("cfi.pflash01", state("none", 1, 1, [])),
            ("megasas", state("megasas", 0, 0, [nested("parent_obj", pci(false))])),
            ("PIIX3", state("PIIX3", 3, 2, [field("pci_irq_levels_vmstate", 4)])),
            ("tpci200", state("tpci2002", 1, 1, [field("big_endian", 3)])),
            ("sun-fdtwo", state("fdc", 1, 1, [nested("drive", with(drive(), [state("fdrive/other", 1, 1, [])]))])),
            (
                "usb-kbd",
                state("usb-kbd", 1, 1, [nested("kbd", state("HIDKeyboardDevice", 1, 1, [field("kbd.keycodes", 2)]))]),
            ),
        ],
    );
    // The versions of types and of their descriptions are the same in QEMU, and are not where it tests its checker.
    source.devices[1].version_id = 2;
    for device in &mut destination.devices {
        match device.name.as_str() {
            "cfi.pflash01" => device.description = None,
            "PIIX3" => (device.version_id, device.minimum_version_id) = (1, 1),
            "sun-fdtwo" => device.version_id = 2,
            _ => {}
        }
    }
    let findings = Checker::Qemu10_0.compare(&source, &destination);
    assert_eq!(
        findings.lines.join("\n"),
        r#"Warning: checking incompatible machine types: "pc-i440fx-2.1", "pc-i440fx-2.2"
Section "fw_cfg" does not exist in dest
Section "fusbh200-ehci-usb" version error: 2 > 1
Section "fusbh200-ehci-usb", Description "ehci-core": expected field "usbsts", got "usbsts_pending"; skipping rest
Section "pci-serial-multi" Description "pci-serial-multi": Entry "Fields" missing
Section "intel-hda-generic", Description "intel-hda", Field "pci": missing description
Section "cfi.pflash01": Entry "Description" missing
Section "megasas", Description "PCIDevice": expected field "irq_state", while dest has no further fields
Section "PIIX3" Description "PIIX3": minimum version error: 1 < 2
Section "PIIX3" Description "PIIX3": Entry "Subsections" missing
Section "tpci200": Description "tpci200" missing, got "tpci2002" instead; skipping
Section "sun-fdtwo" Description "fdc": version error: 2 > 1
Section "sun-fdtwo", Description "fdrive": Subsection "fdrive/media_rate" not found
Section "usb-kbd" Description "HIDKeyboardDevice" Field "kbd.keycodes" size mismatch: 4 , 2"#
    );
    assert_eq!((findings.lines.len(), findings.problems), (14, 13));
}

#[test]
fn checker_accepts_structs_and_padding() {
    let flat = || [field("a", 4), field("b", 4), field("c", 2)];
    let wrapped = [nested("parent", state("inner", 1, 1, [field("a", 4), field("b", 4)])), field("c", 2)];
    let padded = [field("a", 4), field("unused", 6)];
    let too_wide = [field("a", 4), field("unused", 5)];
    let lines = |one: &[DumpField], other: &[DumpField]| {
        let [one, other] = [one, other].map(|fields| dump("m", [("t", state("d", 1, 1, fields.to_vec()))]));
        Checker::Qemu10_0.compare(&one, &other).lines.join("\n")
    };
    assert_eq!(lines(&flat(), &wrapped), "");
    assert_eq!(lines(&wrapped, &flat()), "");
    assert_eq!(lines(&flat(), &padded), "");
    assert_eq!(lines(&padded, &flat()), "");
    assert_eq!(lines(&flat(), &too_wide), r#"Section "t", Description "d": unused size mismatch near " c""#);
}

fn dump<const N: usize>(machine: &str, devices: [(&str, DumpDescription); N]) -> Dump {
    let device = |(name, description): (&str, DumpDescription)| DeviceType {
        name: name.to_owned(),
        version_id: description.version_id,
        minimum_version_id: description.minimum_version_id,
        description: Some(description),
    };
    Dump { machine: machine.to_owned(), devices: devices.into_iter().map(device).collect() }
}

fn state(name: &str, version: i64, minimum: i64, fields: impl IntoIterator<Item = DumpField>) -> DumpDescription {
    DumpDescription {
        name: name.to_owned(),
        version_id: version,
        minimum_version_id: minimum,
        fields: Some(fields.into_iter().collect()),
        subsections: None,
    }
}

fn with<const N: usize>(description: DumpDescription, subsections: [DumpDescription; N]) -> DumpDescription {
    DumpDescription { subsections: Some(subsections.into()), ..description }
}

fn field(name: &str, size: u64) -> DumpField {
    DumpField { field: name.to_owned(), version_id: 0, field_exists: false, num: None, size, description: None }
}

fn nested(name: &str, description: DumpDescription) -> DumpField {
    DumpField { description: Some(description), ..field(name, 64) }
}

fn ehci(status: &str) -> DumpDescription {
    state("ehci-core", 2, 1, [field("usbcmd", 4), field(status, 4), field("usbintr", 4)])
}

fn pci(irq: bool) -> DumpDescription {
    let fields = [field("version_id", 4), field("config", 256), field("irq_state", 16)];
    state("PCIDevice", 2, 1, fields.into_iter().take(if irq { 3 } else { 2 }))
}

fn drive() -> DumpDescription {
    state("fdrive", 1, 1, [field("head", 1), field("track", 1)])
}
