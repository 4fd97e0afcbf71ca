//! The RISC-V core, which no release of QEMU accepts from another.

use vmstate::schema::DescriptionWriter;
use vmstate::{Reader, VmState, Writer, walk};
use vmstate_examples::devices::riscv::{Cpu, Timers};
use vmstate_tests::qemu::VERSIONS;

use super::{Section, check, section};

#[test]
fn cores_of_all_releases() {
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
fn core_of_11_1_keeps_its_state_in_10_0() {
    for machine in ["spike", "virt"] {
        let [old, new] = ["10.0", "11.1"].map(|version| section(version, machine, "cpu"));
        let mut core = load(&new.payload, 12);
        assert!(core.timers.is_some() && (core.privilege, core.priv_ver) != (0, 0), "{core:?}");
        core.vector.iter_mut().for_each(|vector| (vector.vl, vector.vxrm, vector.vtype) = (3, 2, 0x55));
        core.pmp.as_mut().unwrap().entries[15].cfg_reg = 0x1f;
        (core.frm, core.miselect, core.pmu_ctrs[3].mhpmcounter_val) = (3, 0x131, 7);

        let before = core.clone();
        let crossed = save(&mut core, 10);
        assert_eq!(core.timers, before.timers, "a save does not change the core");
        let mut back = load(&crossed, 10);
        (core.timers, core.security) = (None, None);
        assert_eq!(save(&mut back, 12), save(&mut core, 12));
        assert_eq!((back.frm, back.miselect, back.pmu_ctrs[3].mhpmcounter_val), (3, 0x131, 7));

        let mut core = load(&old.payload, 10);
        assert_eq!(save(&mut load(&save(&mut core, 12), 12), 10), old.payload, "10.0 loses nothing in 11.1");
    }
}

#[test]
fn wide_registers_of_10_0_are_unchanged() {
    let mut payload = section("10.0", "virt", "cpu").payload;
    // The upper half of `env.frm`, after the registers, the interrupt priorities and three addresses.
    let frm = 32 * 8 + 32 * 8 + 64 + 64 + 3 * 8;
    payload[frm] = 0x80;
    let mut core = load(&payload, 10);
    assert_eq!((core.wide_frm >> 63, save(&mut core, 10)), (1, payload));
}

#[test]
fn core_has_the_description_of_its_target_release() {
    let sections = VERSIONS.map(|version| section(version, "virt", "cpu"));
    for (from, to) in sections.iter().flat_map(|from| sections.iter().map(move |to| (from, to))) {
        let mut core = load(&from.payload, from.header.version);
        if core.timers.is_none() && to.header.version == 12 {
            core.timers = Some(Timers::default());
        }
        assert_eq!(described(&mut core, to), to.described.to_text(), "{} to {}", from.stream, to.stream);
    }
}

#[test]
fn unsupported_versions_are_rejected() {
    let payload = section("7.2", "virt", "cpu").payload;
    for version in (6..10).chain([11]) {
        let error = Cpu::default().load(&mut Reader::from_slice(&payload), version).unwrap_err();
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
