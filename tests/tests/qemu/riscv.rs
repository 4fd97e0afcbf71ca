//! The RISC-V core, moved between releases.

use std::fs;

use serde_json::json;
use tempfile::TempDir;
use vmstate::machine::SaveOptions;
use vmstate::schema::Release;
use vmstate::stream::Configuration;
use vmstate::{Writer, walk};
use vmstate_examples::devices::riscv::Cpu;
use vmstate_examples::machines::spike::Spike;
use vmstate_examples::machines::{AnyGlobalState, Board, Form, assemble};
use vmstate_tests::qemu::Qemu;
use vmstate_tests::streams;

/// QEMU rejects this in both directions.
#[test]
fn machine_crosses_between_releases() {
    for (from, to, release, version) in [("7.2", "10.0", Release::Qemu10_0, 10), ("10.0", "7.2", Release::Qemu7_2, 5)] {
        let mut spike = spike(if to == "7.2" { Release::Qemu10_0 } else { Release::Qemu7_2 }, from);
        spike.global_state = crossed(&spike.global_state);
        let mut stream = Vec::new();
        let mut machine = assemble(&mut spike, &[]).unwrap();
        machine.set_configuration(Configuration::new("spike"));
        let options = SaveOptions::new().description(Some(release)).version("cpu", version);
        machine.save_with(&mut stream, options).unwrap();
        drop(machine);

        let mut qemu = Qemu::load(to, "riscv64", &["-M", "spike", "-m", "16M"], &stream);
        assert_eq!(qemu.status(), "paused", "from {from} to {to}");
        let mut back = Spike::new(release);
        assemble(&mut back, &[]).unwrap().load(&save_in(&mut qemu)[..]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(back.mtimer, spike.mtimer, "from {from} to {to}");
        assert_eq!(save(&mut back.cpu, version), save(&mut spike.cpu, version), "from {from} to {to}");
    }
}

fn spike(release: Release, version: &str) -> Spike {
    let mut spike = Spike::new(release);
    assemble(&mut spike, &[]).unwrap().load(&streams::named(&format!("qemu-{version}-spike")).bytes[..]).unwrap();
    spike
}

/// Converts the run state to the format of the other release.
fn crossed(state: &AnyGlobalState) -> AnyGlobalState {
    match state {
        Form::Of7_2(old) => Form::Of10_0(old.into()),
        Form::Of10_0(new) => Form::Of7_2(new.into()),
    }
}

fn save_in(qemu: &mut Qemu) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("stream");
    qemu.execute("migrate", json!({ "uri": format!("exec:cat >'{}'", path.display()) }));
    qemu.wait_for_migration();
    fs::read(path).unwrap()
}

fn save(core: &mut Cpu, version: u32) -> Vec<u8> {
    let mut out = Writer::new();
    walk::save(core, &mut out, version).unwrap();
    out.take()
}
