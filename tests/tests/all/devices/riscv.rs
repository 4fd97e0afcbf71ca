//! The RISC-V core, which QEMU 7.2 and 10.0 do not take from each other.

use vmstate::schema::DescriptionWriter;
use vmstate::{Reader, VmState, Writer, walk};
use vmstate_examples::devices::riscv::Cpu;

use super::{Section, check, section};

#[test]
fn cores_of_both_releases() {
    check::<Cpu>("cpu", &["spike", "virt"]);
}

#[test]
fn core_moves_between_releases_and_back() {
    for machine in ["spike", "virt"] {
        let old = section("7.2", machine, "cpu");
        let new = section("10.0", machine, "cpu");
        let mut core = load(&old.payload, 5);
        assert_eq!((core.mcounteren, core.scounteren), (u32::MAX, 7), "as the firmware has set them");
        let crossed = save(&mut core, 10);
        assert_eq!(crossed.len(), new.payload.len());
        let mut core = load(&crossed, 10);
        assert_eq!((core.mcounteren, core.scounteren), (u32::MAX, 7));

        let mut core_of_10_0 = load(&new.payload, 10);
        let back = save(&mut core_of_10_0, 5);
        assert_eq!(back.len(), old.payload.len());
        assert_eq!(save(&mut load(&back, 5), 10), new.payload, "nothing that 10.0 knows is lost in 7.2");
        assert_eq!(core.gpr.len(), core_of_10_0.gpr.len());
        core.virt_enabled = true;
        core.hypervisor.as_mut().unwrap().hcounteren = 5;
        core.pmu_ctrs[3].mhpmcounter_val = 7;
        let mut again = load(&save(&mut core, 5), 5);
        assert_eq!(save(&mut again, 10), save(&mut core, 10));
        assert!(again.virt_enabled && again.pmu_ctrs[3].mhpmcounter_val == 7);
        assert_eq!(again.hypervisor.unwrap().hcounteren, 5);
    }
}

#[test]
fn core_has_the_description_of_its_target_release() {
    let (old, new) = (section("7.2", "virt", "cpu"), section("10.0", "virt", "cpu"));
    let mut core = load(&old.payload, 5);
    assert_eq!(described(&mut core, &new), new.described.to_text());
    let mut core = load(&new.payload, 10);
    assert_eq!(described(&mut core, &old), old.described.to_text());
}

#[test]
fn unsupported_versions_are_rejected() {
    let payload = section("7.2", "virt", "cpu").payload;
    for version in 6..10 {
        let error = Cpu::<u64>::default().load(&mut Reader::from_slice(&payload), version).unwrap_err();
        assert_eq!(error.found(), version.to_string(), "{error}");
    }
}

fn load(payload: &[u8], version: u32) -> Cpu {
    let mut core = Cpu::default();
    let mut reader = Reader::from_slice(payload);
    core.load(&mut reader, version).unwrap_or_else(|error| panic!("{error}"));
    assert!(reader.at_end().unwrap());
    core
}

fn save(core: &mut Cpu, version: u32) -> Vec<u8> {
    let mut out = Writer::new();
    walk::save(core, &mut out, version).unwrap();
    out.take()
}

/// Returns the description of `core` when it is saved like `section`.
fn described(core: &mut Cpu, section: &Section) -> String {
    let mut description = DescriptionWriter::new(section.release, 4096, None);
    description.section_at(section.header.version, "cpu", 0, core, &mut Writer::new()).unwrap();
    let text = description.finish();
    let begin = text.find("\"vmsd_name\"").unwrap();
    format!("{{{}", text[begin..].strip_suffix("]}").unwrap())
}
