//! `vmstate check` and `vmstate schema`.

use serde_json::Value;
use vmstate::schema::compare::Rule;
use vmstate_tests::tool::{Folder, json_of, piped, vmstate};
use vmstate_tests::{dumps, streams};

/// The two committed dumps, as files.
fn files(folder: &Folder) -> [String; 2] {
    ["7.2", "10.0"].map(|version| {
        let name = format!("qemu-{version}-pc-i440fx-7.2");
        folder.put(&name, dumps::named(&name).as_bytes())
    })
}

#[test]
fn check_prints_a_table() {
    let folder = Folder::new();
    let [old, new] = files(&folder);
    let text = vmstate(["check", &old, &new]).answer(1);
    let lines: Vec<_> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], "SEVERITY BREAKS RULE DEVICE FIELD OLD NEW");
    assert_eq!(lines[1], "break old to new field-missing am53c974 esp.drq_state nothing a value of 1 byte");
    assert_eq!(lines[2], "break new to old field-extra am53c974 esp.drq_state nothing a value of 1 byte");
    assert!(!text.contains("num_timers"), "{text}");
    assert!(text.contains("7 breaks, 38 risks, 30 notes in 208 compared devices"), "{text}");

    let text = vmstate(["check", &old, &new, "--notes", "--device", "hpet"]).answer(0);
    assert_eq!(
        text,
        "SEVERITY  BREAKS     RULE     DEVICE  FIELD       OLD         NEW
note      both ways  renamed  hpet    num_timers  num_timers  num_timers_save

0 breaks, 0 risks, 2 notes in 1 compared device
help: read about a rule with `vmstate check --explain RULE`
"
    );
}

#[test]
fn exit_status_reflects_breaks_and_risks() {
    let folder = Folder::new();
    let [old, new] = files(&folder);
    assert_eq!(vmstate(["check", &old, &old]).answer(0), "0 breaks, 0 risks, 0 notes in 213 compared devices\n");
    assert_eq!(vmstate(["check", &old, &new, "--device", "sd-card"]).code, 0);
    assert_eq!(vmstate(["check", &old, &new, "--device", "sd-card", "--strict"]).code, 1);
    assert_eq!(vmstate(["check", &old, &new, "--device", "dc390"]).code, 1);
}

#[test]
fn findings_are_json_for_programs() {
    let folder = Folder::new();
    let [old, new] = files(&folder);
    let text = vmstate(["check", "--json", &old, &new, "--device", "am53c974"]).answer(1);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["compared"], &report["breaks"], &report["risks"]), (&1.into(), &2.into(), &1.into()));
    let missing = &report["findings"].as_array().unwrap().iter().find(|row| row["rule"] == "field-missing").unwrap();
    assert_eq!(missing["direction"], "old to new");
    assert_eq!((&missing["field"], &missing["old"]), (&"esp.drq_state".into(), &"nothing".into()));
    // The field is in a nested struct, whose version is not in the stream.
    assert!(missing["advice"].as_str().unwrap().contains("`versions = parent`"));
}

#[test]
fn check_can_use_qemus_checker() {
    let folder = Folder::new();
    let [old, new] = files(&folder);
    let lines =
        |arguments: &[&str]| vmstate(["check", &old, &new].iter().copied().chain(arguments.iter().copied())).answer(1);
    assert_eq!(lines(&["--qemu"]).lines().count(), 14);
    assert_eq!(lines(&["--qemu", "--reverse"]).lines().count(), 39);
    assert_eq!(lines(&["--qemu=newer"]).lines().count(), 13);
    let line =
        r#"Section "hpet", Description "hpet": expected field "num_timers", got "num_timers_save"; skipping rest"#;
    assert!(lines(&["--qemu"]).lines().any(|other| other == line));
    let answer: Value = serde_json::from_str(&lines(&["--qemu", "--json"])).unwrap();
    assert_eq!((&answer["problems"], &answer["exit_code"]), (&14.into(), &14.into()));
    assert_eq!(vmstate(["check", "--qemu", &old, &old]).answer(0), "");
}

#[test]
fn every_rule_is_listed_and_explained() {
    let list = vmstate(["check", "--rules"]).answer(0);
    assert_eq!(list.lines().count(), 1 + Rule::all().count());
    for rule in Rule::all() {
        assert!(list.contains(rule.summary()), "{rule}");
        let text = vmstate(["check", "--explain", rule.name()]).answer(0);
        assert!(text.starts_with(&format!("{rule} ({})", rule.severity())), "{text}");
        assert!(text.contains(rule.explanation()), "{text}");
    }
}

#[test]
fn streams_are_compared_by_their_descriptions() {
    let folder = Folder::new();
    let [old, new] = ["qemu-7.2-virt", "qemu-10.0-virt"].map(|name| folder.put(name, &streams::named(name).bytes));
    let text = vmstate(["check", &old, &new, "--device", "cpu"]).answer(1);
    assert!(text.contains("version-too-new"), "{text}");
    assert!(text.contains("env.mvien"), "{text}");
    // A schema from a stream has the same result.
    let schema = folder.put("schema", vmstate(["schema", &old]).fine().as_bytes());
    assert_eq!(vmstate(["check", &schema, &new, "--device", "cpu"]).answer(1), text);
    assert_eq!(piped(["check", "-", &new, "--device", "cpu"], &streams::named("qemu-7.2-virt").bytes).answer(1), text);
}

/// The stream has the section `0000:00:03.0/e1000`, and the lock the device `e1000`.
#[test]
fn lock_is_compared_with_sections_of_bus_devices() {
    let folder = Folder::new();
    let stream = folder.put("stream", &streams::named("qemu-10.0-pc").bytes);
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/schema/e1000.json");
    for arguments in [["check", lock, &stream], ["check", &stream, lock]] {
        let text = vmstate(arguments).answer(0);
        assert!(text.contains("\n0 breaks, ") && text.contains(" in 1 compared device\n"), "{text}");
        assert!(vmstate(arguments.into_iter().chain(["--device", "e1000"])).answer(0).contains("1 compared device"));
    }
    // A missing field is found, and reported with the name of the section.
    let wrong =
        std::fs::read_to_string(lock).unwrap().replacen("\"uint32\", \"size\": 4", "\"uint64\", \"size\": 8", 1);
    let text = vmstate(["check", &folder.put("wrong", wrong.as_bytes()), &stream]).answer(1);
    assert!(text.contains("0000:00:03.0/e1000"), "{text}");
}

#[test]
fn check_without_common_devices_is_an_error() {
    let folder = Folder::new();
    let stream = folder.put("stream", &streams::named("qemu-10.0-uno").bytes);
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/schema/e1000.json");
    let error = vmstate(["check", lock, &stream]).error();
    assert!(error.contains("e1000.json has a counterpart in") && error.contains("--format names"), "{error}");
    assert_eq!(vmstate(["check", &stream, &stream, "--device", "nothing"]).code, 2);
}

#[test]
fn section_is_selected_without_its_path() {
    let folder = Folder::new();
    let stream = folder.put("stream", &streams::named("qemu-10.0-pc").bytes);
    let other = folder.put("other", &streams::named("qemu-7.2-pc").bytes);
    for (short, long) in [("e1000", "0000:00:03.0/e1000"), ("e1000:0", "0000:00:03.0/e1000:0")] {
        for command in ["dump", "import"] {
            let run = |name| vmstate([command, &stream, "--section", name]).fine();
            assert!(run(short) == run(long) && run(short).contains("e1000"), "{command}");
        }
        let diff = |name| vmstate(["diff", &stream, &other, "--section", name]).answer(0);
        assert_eq!(diff(short), diff(long));
    }
    // A section with the whole name takes precedence.
    let renamed = folder.path("renamed");
    let names = "0000:00:03.0/e1000=0000:00:03.0/timer";
    vmstate(["set", &stream, "--rename-section", names, "-o", &renamed]).fine();
    assert!(!vmstate(["dump", &renamed, "--section", "timer"]).fine().contains("0000:00:03.0/timer"));
    let schema = |name| vmstate(["schema", &stream, "--device", name]).fine();
    assert_eq!(schema("e1000"), schema("0000:00:03.0/e1000"));
}

#[test]
fn schema_is_shown_in_all_forms() {
    let folder = Folder::new();
    let stream = folder.put("stream", &streams::named("qemu-10.0-uno").bytes);
    let text = vmstate(["schema", &stream, "--device", "timer"]).fine();
    assert_eq!(
        text,
        r#"{
  "vmstate-schema": 1,
  "origin": "stream",
  "devices": {
    "timer": {
      "name": "timer",
      "version": 2,
      "fields": [
        {"name": "cpu_ticks_offset", "type": "int64", "size": 8},
        {"name": "unused", "type": "unused_buffer", "size": 8},
        {"name": "cpu_clock_offset", "type": "int64", "size": 8}
      ]
    }
  }
}
"#
    );
    assert_eq!(vmstate(["schema", &stream, "--format", "names"]).fine(), "cpu\nglobalstate\ntimer\n");
    let [old, new] = files(&folder);
    let dump: Value = json_of(&vmstate(["schema", &new, "--format", "dump", "--device", "hpet"]));
    let original: Value = serde_json::from_str(&dumps::named("qemu-10.0-pc-i440fx-7.2")).unwrap();
    assert_eq!(dump["hpet"], original["hpet"]);
    let dump: Value = json_of(&vmstate(["schema", &old, "--format", "dump-7.2", "--device", "hpet"]));
    let original: Value = serde_json::from_str(&dumps::named("qemu-7.2-pc-i440fx-7.2")).unwrap();
    assert_eq!(dump["hpet"], original["hpet"]);
}

#[test]
fn bad_usage_is_reported() {
    let folder = Folder::new();
    let [old, _] = files(&folder);
    let stream = folder.put("stream", &streams::named("qemu-10.0-uno").bytes);
    let [json, text] = [folder.put("json", b"{\"a\": 1}"), folder.put("text", b"QEMU")];
    let newer = folder.put("newer", br#"{"vmstate-schema": 2, "devices": {}}"#);
    for (arguments, said) in [
        (&["check", &old][..], "required"),
        (&["check", &old, "/nowhere"], "/nowhere"),
        (&["check", &old, &json], "without any of the keys"),
        (&["check", &old, &text], "expected JSON or a stream with a description"),
        (&["check", &old, &newer], "needs a newer release"),
        (&["check", "--qemu", &old, &stream], "expected the output of `-dump-vmstate`"),
        (&["check", "--qemu=9", &old, &old], "invalid value"),
        (&["check", "--explain", "nothing"], "unknown rule `nothing`"),
        (&["schema", &old, "--device", "nothing"], "unknown device `nothing`"),
    ] {
        let error = vmstate(arguments).error();
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}
