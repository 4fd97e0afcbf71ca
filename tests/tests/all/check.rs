//! Comparisons of shapes: dumps of QEMU, by vmstate's rules and by the rules of QEMU's checker.

use std::fs;

use rustix::time::{ClockId, clock_gettime};
use vmstate::prelude::*;
use vmstate::schema::Schema;
use vmstate::schema::compare::{
    CompareOptions, Comparison, Direction, Finding, Rule, Severity, compare, compare_schemas, first_difference,
};
use vmstate::schema::dump::{Checker, Dump};
use vmstate::schema::shape::Shape;
use vmstate::schema::vmdesc::{ArrayPart, Document, Located, Nested, SentField, SentStruct, locate};
use vmstate_examples::devices::avr;
use vmstate_examples::devices::clock::Clock;
use vmstate_examples::devices::e1000::E1000;
use vmstate_examples::devices::globalstate::GlobalState;
use vmstate_examples::devices::port92::Port92;
use vmstate_tests::qemu::VERSIONS;
use vmstate_tests::{dumps, streams};

mod changes;
mod checker;
mod docs;

#[test]
fn dumps_are_read_and_written_as_qemu_writes_them() {
    for version in VERSIONS {
        let text = dumps::named(&format!("qemu-{version}-pc-i440fx-7.2"));
        assert!(Dump::parse(&text).unwrap().to_text().unwrap() == text, "{version}");
    }
}

#[test]
fn schemas_are_read_as_they_were_written() {
    let mut schemas: Vec<_> = dumps::of_all_releases().iter().map(Schema::from).collect();
    for stream in streams::all() {
        let Located::At(text) = locate(&stream.bytes) else { panic!("{}", stream.name) };
        schemas.push(Schema::from(&Document::parse(&stream.bytes[text..], 0).unwrap()));
    }
    for schema in schemas {
        let text = schema.to_text().unwrap();
        assert!(Schema::from_text(&text).unwrap() == schema);
        assert!(Schema::read(&text).unwrap() == schema);
        // The subsection `rpmb` of QEMU 11.1's `emmc` has the name of another one, so that QEMU loads it as that one.
        let findings = compare_schemas(&schema, &schema).findings;
        assert!(findings.iter().all(|finding| finding.path.starts_with("sd-card/ext_csd_modes-state")), "{findings:?}");
    }
}

/// The breaks are confirmed with QEMU where possible (binary `qemu`): 10.0 writes and expects an additional byte of the
/// SCSI controllers, and 7.2 rejects machines with `vhost-user-fs`.
#[test]
fn breaks_between_two_releases() {
    let [old, new] = dumps::of_older_releases();
    let report = compare_schemas(&Schema::from(&old), &Schema::from(&new));
    let found = |severity: Severity| {
        let findings = report.findings.iter().filter(move |finding| finding.severity() == severity);
        findings.map(|finding| {
            let (rule, device, path) = (finding.rule, finding.device.as_str(), finding.path.as_str());
            (rule, finding.direction, device, path)
        })
    };
    use Direction::{NewToOld, OldToNew};
    let controllers = ["am53c974", "dc390", "sysbus-esp"];
    let mut expected: Vec<_> = controllers
        .into_iter()
        .flat_map(|device| {
            let path = "esp.drq_state";
            [(Rule::Missing, OldToNew, device, path), (Rule::Extra, NewToOld, device, path)]
        })
        .collect();
    expected.push((Rule::Unmigratable, NewToOld, "vhost-user-fs-device", ""));
    assert_eq!(found(Severity::Break).collect::<Vec<_>>(), expected);

    let mut expected = vec![
        (Rule::SubsectionAdded, NewToOld, "acpi-ged", "acpi-ged/cpuhp"),
        (Rule::ConditionalMissing, OldToNew, "e1000e", "core.timadj"),
        (Rule::ConditionalExtra, NewToOld, "e1000e", "core.timadj"),
        (Rule::SubsectionAdded, NewToOld, "isa-i8259", "i8259/ltim"),
        (Rule::SubsectionAdded, NewToOld, "kvm-i8259", "i8259/ltim"),
        (Rule::SubsectionAdded, NewToOld, "pic-common", "i8259/ltim"),
        (Rule::SubsectionAdded, NewToOld, "sd-card", "sd-card/ext_csd_modes-state"),
        (Rule::SubsectionAdded, NewToOld, "virtio-gpu-device", "virtio-gpu/blob"),
    ];
    expected.extend(controllers.map(|device| (Rule::SubsectionGone, OldToNew, device, "esp.esp/pdma")));
    expected.sort_by_key(|(.., device, _)| *device);
    let risks: Vec<_> = found(Severity::Risk).filter(|(rule, ..)| *rule != Rule::Device).collect();
    assert_eq!(risks, expected);

    let renamed: Vec<_> = found(Severity::Note).filter(|(rule, ..)| *rule == Rule::Renamed).collect();
    assert!(renamed.contains(&(Rule::Renamed, OldToNew, "hpet", "num_timers")), "{renamed:?}");
    assert_eq!(found(Severity::Note).filter(|(rule, ..)| *rule == Rule::Unused).count(), 2 * 4);
    assert_eq!(report.findings.iter().filter(|finding| finding.rule == Rule::Device).count(), 5 + 22);
    assert_eq!(report.compared, 208);
}

/// `vmstate/docs/check.md` has the reasons for the differences between the findings of QEMU's checker and vmstate's.
#[test]
fn findings_of_qemus_checker_are_included() {
    let [old, new] = dumps::of_older_releases();
    let report = compare_schemas(&Schema::from(&old), &Schema::from(&new));
    for (source, destination, direction) in [(&old, &new, Direction::OldToNew), (&new, &old, Direction::NewToOld)] {
        for line in Checker::Qemu10_0.compare(source, destination).lines {
            let device = line.split('"').nth(1).unwrap();
            assert!(names(&report, direction, device), "{line}");
        }
    }
}

/// Returns whether there are findings about the device in this direction.
fn names(report: &Comparison, direction: Direction, device: &str) -> bool {
    report.findings.iter().any(|finding| finding.device == device && finding.direction == direction)
}

/// The devices of the examples are QEMU's: of the types in a dump that have the section's name, one has the same bytes.
#[test]
fn examples_match_qemus_dumps() {
    let dumps = dumps::of_older_releases().map(|dump| Schema::from(&dump));
    let mut compared = 0;
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/schema")).unwrap() {
        let path = entry.unwrap().path();
        let own = Schema::from_text(&fs::read_to_string(&path).unwrap()).unwrap();
        let own = own.devices.values().next().unwrap();
        let types = dumps.iter().flat_map(|dump| dump.devices.values()).filter(|other| other.name == own.name);
        let broken = |other: &Shape| {
            let findings = compare(other, own, CompareOptions::qemu());
            findings.into_iter().find(|finding| finding.severity() == Severity::Break)
        };
        let found: Vec<_> = types.map(broken).collect();
        assert!(found.is_empty() || found.contains(&None), "{}: {found:?}", path.display());
        compared += usize::from(!found.is_empty());
    }
    println!("{compared} devices were compared");
    assert!(compared > 25, "{compared}");
}

/// Two machines with the same type and devices have equal schemas, although they send different data.
#[test]
fn stream_matches_itself_but_not_another_release() {
    let schema = |name: &str| {
        let stream = streams::named(name).bytes;
        let Located::At(text) = locate(&stream) else { panic!("{name}") };
        Schema::from(&Document::parse(&stream[text..], 0).unwrap())
    };
    let report = compare_schemas(&schema("qemu-7.2-virt"), &schema("qemu-10.0-virt"));
    let has = |rule: Rule, direction: Direction, path: &str| {
        let same = |finding: &&Finding| (finding.rule, finding.direction, &*finding.path) == (rule, direction, path);
        report.findings.iter().filter(same).any(|finding| finding.device == "cpu")
    };
    assert!(has(Rule::VersionTooNew, Direction::NewToOld, ""));
    assert!(has(Rule::Missing, Direction::OldToNew, "env.mvien"));
    assert!(has(Rule::Unused, Direction::OldToNew, "env.misa_mxl_max"));
    assert!(has(Rule::Type, Direction::OldToNew, "env.scounteren"));
    let report = compare_schemas(&schema("qemu-7.2-uno"), &schema("qemu-10.0-uno"));
    // In `globalstate`, 10.0 has taken three fields out of the unused end of the name of the run state.
    assert_eq!(report.worst(), Some(Severity::Note), "{:?}", report.findings);
}

#[test]
fn stream_is_compared_with_devices() {
    let stream = streams::named("qemu-10.0-uno").bytes;
    let Located::At(text) = locate(&stream) else { panic!("no description") };
    let stream = Schema::from(&Document::parse(&stream[text..], 0).unwrap());
    let devices =
        [("cpu", avr::Cpu::DESCRIPTION), ("globalstate", GlobalState::DESCRIPTION), ("timer", Clock::DESCRIPTION)];
    let report = compare_schemas(&stream, &Schema::from_devices(None, devices));
    assert_eq!((report.findings, report.compared), (vec![], 3));
    let wrong = [("cpu", avr::Cpu::DESCRIPTION), ("timer", Port92::DESCRIPTION)];
    let report = compare_schemas(&stream, &Schema::from_devices(None, wrong));
    assert_eq!((report.compared, report.worst()), (2, Some(Severity::Break)));
    assert!(report.findings.iter().all(|finding| finding.direction == Direction::OldToNew));
    assert!(report.findings.iter().any(|finding| finding.rule == Rule::Device && finding.device == "globalstate"));
}

/// Shapes that have nothing to do with each other: every section of the streams with every other one.
#[test]
fn any_two_shapes_can_be_compared() {
    let mut shapes: Vec<Shape> = Vec::new();
    for name in ["qemu-10.0-pc", "qemu-7.2-virt", "qemu-10.0-q35"] {
        let stream = streams::named(name).bytes;
        let Located::At(text) = locate(&stream) else { panic!("no description") };
        shapes.extend(Schema::from(&Document::parse(&stream[text..], 0).unwrap()).devices.into_values());
    }
    let [old, _] = dumps::of_older_releases().map(|dump| Schema::from(&dump));
    shapes.extend(old.devices.into_values().take(60));
    let mut breaks = 0;
    for one in &shapes {
        for other in &shapes {
            let findings = compare(one, other, CompareOptions::default());
            let there = findings.iter().any(|finding| finding.severity() == Severity::Break);
            assert!(one != other || !there, "{}: {findings:?}", one.name);
            breaks += usize::from(there);
        }
    }
    println!("{} pairs, {breaks} of them do not fit", shapes.len() * shapes.len());
    assert!(breaks > shapes.len() * shapes.len() / 2);
}

/// A description that is made to take long: as many fields as a stream may have, none of them known.
#[test]
fn hostile_description_is_compared_in_time() {
    let field = |index: usize| SentField {
        name: format!("f{}", index % 7).into(),
        array: ArrayPart::None,
        type_name: if usize::is_multiple_of(index, 3) { "unused_buffer".into() } else { "uint8".into() },
        nested: Nested::None,
        size: 1,
    };
    let fields = (0..300_000).map(field).collect();
    let sent = SentStruct { vmsd_name: "e1000".into(), version: 2, fields, subsections: vec![] };
    // The processor time of this thread does not depend on the load of the machine.
    let worked = || clock_gettime(ClockId::ThreadCPUTime).tv_sec;
    let start = worked();
    assert!(first_difference(E1000::DESCRIPTION, 2, &sent).is_some());
    assert!(worked() - start < 20, "{} seconds", worked() - start);
}
