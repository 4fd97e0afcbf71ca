//! The RISC-V core, moved between releases.

use std::fs;

use serde_json::json;
use tempfile::TempDir;
use vmstate::machine::SaveOptions;
use vmstate::schema::Release;
use vmstate::stream::Configuration;
use vmstate::{Writer, walk};
use vmstate_examples::devices::riscv::{self, Cpu};
use vmstate_examples::devices::riscv_mtimer;
use vmstate_examples::machines::spike::Spike;
use vmstate_examples::machines::{AnyGlobalState, Board, Form, assemble};
use vmstate_tests::qemu::Qemu;
use vmstate_tests::releases::RELEASES;
use vmstate_tests::streams;

/// QEMU rejects this in all directions.
#[test]
fn machine_crosses_between_releases() {
    let pairs = RELEASES.into_iter().flat_map(|from| RELEASES.map(|to| (from, to)));
    for (from, to) in pairs.filter(|(from, to)| from != to) {
        let version = riscv::version(to);
        let mut spike = spike(from);
        if (from == Release::Qemu7_2) != (to == Release::Qemu7_2) {
            spike.global_state = crossed(&spike.global_state);
        }
        let mut stream = Vec::new();
        let mut machine = assemble(&mut spike, &[]).unwrap();
        machine.set_configuration(Configuration::new("spike"));
        let versions = [("cpu", version), ("riscv_mtimer", riscv_mtimer::version(to))];
        let options = SaveOptions::new().description(Some(to)).versions(versions);
        machine.save_with(&mut stream, options).unwrap();
        drop(machine);

        let mut qemu = Qemu::load(&to.to_string(), "riscv64", &["-M", "spike", "-m", "16M"], &stream);
        assert_eq!(qemu.status(), "paused", "from {from} to {to}");
        let mut back = Spike::new(to);
        assemble(&mut back, &[]).unwrap().load(&save_in(&mut qemu)[..]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(back.mtimer.timecmp, spike.mtimer.timecmp, "from {from} to {to}");
        forget_missing_extensions(&mut back.cpu, &spike.cpu);
        forget_missing_extensions(&mut spike.cpu, &back.cpu);
        assert_eq!(save(&mut back.cpu, version), save(&mut spike.cpu, version), "from {from} to {to}");
    }
}

/// Drops the state of extensions that the other release's machine lacks. QEMU loads their subsections nevertheless.
fn forget_missing_extensions(core: &mut Cpu, other: &Cpu) {
    core.vector.take_if(|_| other.vector.is_none());
    core.state_enable.take_if(|_| other.state_enable.is_none());
    core.elp.take_if(|_| other.elp.is_none());
    core.shadow_stack.take_if(|_| other.shadow_stack.is_none());
    core.ctr.take_if(|_| other.ctr.is_none());
    core.timers.take_if(|_| other.timers.is_none());
    core.security.take_if(|_| other.security.is_none());
}

fn spike(release: Release) -> Spike {
    let mut spike = Spike::new(release);
    assemble(&mut spike, &[]).unwrap().load(&streams::named(&format!("qemu-{release}-spike")).bytes[..]).unwrap();
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
