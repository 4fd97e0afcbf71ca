//! Streams without footers, configuration or description, as old machine types have them. Where a section ends is then
//! only known by its device: these machines consist of structs.

use vmstate::schema::Release;
use vmstate_examples::devices::serial::IsaSerial;
use vmstate_examples::machines::isapc::IsaPc;
use vmstate_examples::machines::microvm::MicroVm;
use vmstate_examples::machines::{Board, Section};
use vmstate_tests::qemu::VERSIONS;
use vmstate_tests::releases::release;

use super::*;

/// A machine that has a serial port to look at.
trait WithSerial: Board {
    fn serial(&mut self) -> &mut IsaSerial;
}

impl WithSerial for MicroVm {
    fn serial(&mut self) -> &mut IsaSerial {
        &mut self.serial
    }
}

impl WithSerial for IsaPc {
    fn serial(&mut self) -> &mut IsaSerial {
        &mut self.serial
    }
}

/// The optional parts of a stream's framing.
#[derive(Debug, Clone, Copy)]
struct Form {
    footers: bool,
    configuration: bool,
    description: bool,
}

impl Form {
    fn save(self) -> SaveOptions {
        let description = self.description.then_some(Release::Qemu7_2);
        let options = SaveOptions::new().description(description);
        let options = if self.footers { options } else { options.without_footers() };
        if self.configuration { options } else { options.without_configuration() }
    }

    /// Returns the arguments of QEMU.
    fn args(self, machine: &str) -> Vec<String> {
        let switch = |on: bool| if on { "on" } else { "off" };
        let machine = format!("{machine},suppress-vmdesc={}", switch(!self.description));
        let footers = format!("migration.send-section-footer={}", switch(self.footers));
        let configuration = format!("migration.send-configuration={}", switch(self.configuration));
        ["-M", &machine, "-m", "16M", "-global", &footers, "-global", &configuration].map(str::to_owned).into()
    }
}

/// Has QEMU save a machine, loads it, changes it, and has QEMU load it again.
fn there_and_back<M: WithSerial>(version: &str, machine: &str, form: Form) {
    let args = form.args(machine);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let stream = saved_by_qemu(version, &args, |qemu| output(qemu, &[(0x3ff, 0x5a)]));

    let (mut device, mut ram) = (M::new(release(version)), blocks_of(&stream));
    let loaded = whole(&mut device, &mut ram, machine).load_with(&mut Reader::from_slice(&stream), form.load());
    let loaded = loaded.unwrap_or_else(|error| panic!("{version} {machine} {form:?}: {error}"));
    let has = (loaded.configuration.is_some(), loaded.description.is_some());
    assert_eq!(has, (form.configuration, form.description), "{version} {machine} {form:?}");
    assert_eq!(device.serial().port.scr, 0x5a, "{version} {machine} {form:?}");

    device.serial().port.scr = 0xa5;
    ram[0].bytes()[0x8000..0x8004].copy_from_slice(&[1, 2, 3, 4]);
    let ours = saved(&mut whole(&mut device, &mut ram, machine), form.save());
    let mut qemu = Qemu::load(version, "x86_64", &args, &ours);
    let seen = (input(&mut qemu, 0x3ff), memory(&mut qemu, 0x8000));
    assert_eq!(seen, (0xa5, 0x0403_0201), "{version} {machine} {form:?}");
}

impl Form {
    fn load(self) -> LoadOptions {
        if self.configuration { LoadOptions::new() } else { LoadOptions::new().ignore_machine_type() }
    }
}

/// All of a machine.
fn whole<'m>(devices: &'m mut impl Board, ram: &'m mut [VecBlock], machine: &str) -> Machine<'m> {
    let mut registry = Machine::with_type(machine);
    registry.register_ram(PageSize::DEFAULT, ram).unwrap();
    let described = |section: &Section<'_>| section.name() != "ram";
    for section in devices.sections().into_iter().filter(described) {
        registry.add(section.into_registration()).unwrap();
    }
    registry
}

#[test]
fn streams_without_optional_framing_load() {
    for version in VERSIONS {
        for footers in [true, false] {
            for (configuration, description) in [(true, true), (true, false), (false, false)] {
                there_and_back::<MicroVm>(version, "microvm", Form { footers, configuration, description });
            }
        }
    }
}

#[test]
fn old_machine_describes_without_configuration() {
    // 10.0 aborts when it does.
    there_and_back::<MicroVm>("7.2", "microvm", Form { footers: false, configuration: false, description: true });
}

#[test]
fn isapc_loads_without_footers() {
    // 7.2 aborts when it loads its own isapc.
    there_and_back::<IsaPc>("10.0", "isapc", Form { footers: false, configuration: false, description: false });
}

#[test]
fn missing_footers_are_rejected() {
    let form = Form { footers: true, configuration: true, description: false };
    let args = form.args("microvm");
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    for version in VERSIONS {
        let stream = saved_by_qemu(version, &args, |_| {});
        let (mut device, mut ram) = (MicroVm::new(release(version)), blocks_of(&stream));
        let mut registry = whole(&mut device, &mut ram, "microvm");
        registry.load(&stream[..]).unwrap();
        let without = saved(&mut registry, Form { footers: false, ..form }.save());
        let refusal = Qemu::refusal(version, "x86_64", &args, &without);
        assert!(refusal.contains("Missing section footer for ram"), "{version}: {refusal}");
    }
}
