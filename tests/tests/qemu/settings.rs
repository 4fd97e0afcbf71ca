//! All pairs of capabilities, and values of all parameters, compared with the monitors of QEMU.

use serde_json::{Value, json};
use vmstate::migration::control::{MonitorCommand, Settings, execute};
use vmstate::migration::{Capabilities, Capability, Parameter, ParameterValue, QemuRelease};
use vmstate_tests::qemu::Qemu;

use super::control::{RELEASES, idle};

/// Executes a command, and returns its error or `ok`.
fn ours(settings: &mut Settings, command: &str, arguments: &Value) -> String {
    let members = arguments.as_object().expect("an object");
    let parsed = MonitorCommand::parse(command, members, settings.release);
    let result = parsed.and_then(|command| execute(command, settings, &mut idle()));
    result.map_or_else(|error| error.to_string(), |_| "ok".to_owned())
}

fn theirs(qemu: &mut Qemu, command: &str, arguments: &Value) -> String {
    qemu.attempt(command, arguments).map_or_else(|error| error, |_| "ok".to_owned())
}

fn switch(pair: [Capability; 2], on: bool) -> Value {
    let changes = pair.map(|capability| json!({ "capability": capability.name(), "state": on }));
    json!({ "capabilities": changes })
}

/// Returns whether the answers are the same, apart from the features that this library does not have, and from the reason why
/// the kernel lacks one.
fn is_same(ours: &str, theirs: &str) -> bool {
    let unsupported = "Background-snapshot is not supported by host kernel";
    ours == theirs || ours.contains("not implemented") || (ours.starts_with(unsupported) && theirs == unsupported)
}

#[test]
fn pairs_of_capabilities_equal_qemus() {
    let mut differences = Vec::new();
    for (version, release) in RELEASES {
        let mut qemu = Qemu::start(version, "x86_64", &["-machine", "none"]);
        let all: Vec<_> = Capability::ALL.iter().copied().filter(|capability| capability.exists_in(release)).collect();
        for (index, first) in all.iter().enumerate() {
            for second in &all[index..] {
                let pair = [*first, *second];
                let mut settings = Settings::new(release);
                settings.capabilities = Capabilities::none();
                let command = "migrate-set-capabilities";
                let ours = ours(&mut settings, command, &switch(pair, true));
                let theirs = theirs(&mut qemu, command, &switch(pair, true));
                qemu.execute(command, switch(pair, false));
                if !is_same(&ours, &theirs) {
                    differences.push(format!("{version} {pair:?}:\n  ours: {ours}\ntheirs: {theirs}"));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The values around the limits of all ranges.
const NUMBERS: [u64; 22] = [
    0, 1, 2, 9, 10, 19, 20, 21, 98, 99, 100, 101, 255, 256, 1000, 1001, 4096, 10_000, 10_001, 100_000, 100_001,
    2_000_000,
];

fn candidates(default: &ParameterValue) -> Vec<Value> {
    match default {
        ParameterValue::Unsigned(_) => {
            let more = [json!(2_000_001), json!(1_u64 << 32), json!(1_u64 << 63), json!(-1), json!("x"), json!(true)];
            NUMBERS.map(Value::from).into_iter().chain(more).collect()
        }
        ParameterValue::Flag(_) => vec![json!(true), json!(false), json!(1), json!("x")],
        ParameterValue::Mapping(_) => mappings(),
        _ => ["", "none", "zlib", "zstd", "normal", "cpr-reboot", "legacy", "multifd", "x"]
            .map(Value::from)
            .into_iter()
            .chain([json!(1), Value::Null])
            .collect(),
    }
}

fn node(name: impl Into<String>, alias: impl Into<String>, bitmaps: &[Value]) -> Value {
    json!({ "node-name": name.into(), "alias": alias.into(), "bitmaps": bitmaps })
}

fn bitmap(name: impl Into<String>, alias: impl Into<String>) -> Value {
    json!({ "name": name.into(), "alias": alias.into() })
}

/// Mappings of block devices and their dirty bitmaps.
fn mappings() -> Vec<Value> {
    let (empty, plain, long) = (json!([]), node("n", "a", &[]), |length| "x".repeat(length));
    let names = ["", "n", "a b", "é"].map(|name| json!([node(name, "a", &[])]));
    let aliases = ["", "A", "a-._9", "1", "_a", "a b", "é"].map(|alias| json!([node("n", alias, &[])]));
    let lengths =
        [(31, 255), (32, 255), (31, 256), (32, 256)].map(|(name, alias)| json!([node(long(name), long(alias), &[])]));
    let pairs =
        [node("n", "b", &[]), node("m", "a", &[]), node("m", "b", &[]), node("n", "", &[]), node("n", long(256), &[])]
            .map(|second| json!([plain, second]));
    let of_node = |bitmaps: &[Value]| json!([node("n", "a", bitmaps)]);
    let bitmap_lengths = [(1023, 255), (1024, 255), (1023, 256), (1024, 256)]
        .map(|(name, alias)| of_node(&[bitmap(long(name), long(alias))]));
    let second_bitmaps =
        [bitmap("b", "d"), bitmap("d", "c"), bitmap("d", "d"), bitmap("b", "c"), bitmap("b", long(256)), json!(1)]
            .map(|second| of_node(&[bitmap("b", "c"), second]));
    let transforms =
        [json!({}), json!({"persistent": true}), json!({"persistent": 1}), json!({"x": 1}), json!(1), json!(null)]
            .map(|transform| of_node(&[json!({"name": "b", "alias": "c", "transform": transform})]));
    let same_bitmaps = json!([node("n", "a", &[bitmap("b", "c")]), node("m", "b", &[bitmap("b", "c")])]);
    let of_other_types = [
        json!(1),
        json!("x"),
        json!(true),
        json!({}),
        Value::Null,
        json!([1]),
        json!([{}]),
        json!([{"node-name": "n"}]),
        json!([{"node-name": "n", "alias": "a"}]),
        json!([{"node-name": "n", "alias": "a", "bitmaps": 1}]),
        json!([{"node-name": "n", "alias": "a", "bitmaps": [], "x": 1}]),
        json!([{"node-name": 1, "alias": "a", "bitmaps": []}]),
        of_node(&[json!({})]),
        of_node(&[json!({"name": "b"})]),
    ];
    [empty, same_bitmaps, of_node(&[bitmap("", "")])]
        .into_iter()
        .chain(names)
        .chain(aliases)
        .chain(lengths)
        .chain(pairs)
        .chain(bitmap_lengths)
        .chain(second_bitmaps)
        .chain(transforms)
        .chain(of_other_types)
        .collect()
}

/// Returns the reply of `query-migrate-parameters` for one parameter.
fn reported(settings: &mut Settings, name: &str) -> Value {
    let parameters = execute(MonitorCommand::QueryParameters, settings, &mut idle()).expect("parameters");
    parameters.get(name).cloned().unwrap_or_default()
}

#[test]
fn values_of_parameters_equal_qemus() {
    let (command, mut differences) = ("migrate-set-parameters", Vec::new());
    for (version, release) in RELEASES {
        let mut qemu = Qemu::start(version, "x86_64", &["-machine", "none"]);
        let known = Parameter::all().filter(|parameter| !parameter.is_extension() && parameter.exists_in(release));
        for name in known.map(Parameter::name).filter(|name| !is_ignored(release, name)) {
            let mut settings = Settings::new(release);
            let default = settings.parameters.get(name).expect("a value");
            for value in candidates(&default) {
                let change = json!({ name: value });
                let mut ours = ours(&mut settings, command, &change);
                let mut theirs = theirs(&mut qemu, command, &change);
                ours += &format!(", {}", reported(&mut settings, name));
                theirs += &format!(", {}", qemu.execute("query-migrate-parameters", json!({}))[name]);
                if ours != theirs {
                    differences.push(format!("{version} {change}:\n  ours: {ours}\ntheirs: {theirs}"));
                }
            }
            let default = reported(&mut Settings::new(release), name);
            // A mapping cannot be removed.
            if !default.is_null() {
                qemu.execute(command, json!({ name: default }));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Returns whether QEMU ignores a parameter: 7.2 answers `ok` and keeps the default.
fn is_ignored(release: QemuRelease, name: &str) -> bool {
    release == QemuRelease::V7_2 && ["multifd-zlib-level", "multifd-zstd-level"].contains(&name)
}
