//! The monitor of migrations, compared with the monitors of QEMU.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use vmstate::migration::control::{
    CommandError, JobInfo, JobStatus, MonitorCommand, Operations, RunState, Settings, SnapshotAction, execute,
};
use vmstate::migration::{
    Channels, DirtyLimitStatistics, DowntimeParts, MigrationStatus, Prediction, QemuRelease, RamStatistics, Statistics,
    Uri,
};
use vmstate_tests::qemu::Qemu;

/// The versions of QEMU with their releases.
pub(super) const RELEASES: [(&str, QemuRelease); 3] =
    [("7.2", QemuRelease::V7_2), ("10.0", QemuRelease::V10_0), ("11.1", QemuRelease::V11_1)];

/// A program with a guest, whose last migration has these statistics.
pub(super) struct Program(Statistics);

impl Operations for Program {
    fn run_state(&self) -> RunState {
        RunState::Running
    }

    fn statistics(&self) -> Statistics {
        self.0.clone()
    }

    fn blocked_reasons(&self) -> Vec<String> {
        vec!["a device".to_owned()]
    }

    fn migrate(&mut self, _: &Channels, _: bool, _: &Settings) -> Result<(), CommandError> {
        Ok(())
    }

    fn migrate_incoming(&mut self, _: &Uri, _: bool, _: &Settings) -> Result<(), CommandError> {
        Err(CommandError::new("'-incoming' was not specified on the command line"))
    }

    fn cancel(&mut self) {}

    fn continue_from(&mut self, _: MigrationStatus) -> Result<(), CommandError> {
        Ok(())
    }

    fn stop(&mut self) -> Result<(), CommandError> {
        Ok(())
    }

    fn cont(&mut self) -> Result<(), CommandError> {
        Ok(())
    }

    fn quit(&mut self) {}

    fn jobs(&self) -> Vec<JobInfo> {
        let mut failed = JobInfo::new("a", SnapshotAction::Load, JobStatus::Concluded);
        failed.error = Some("damaged".to_owned());
        let others = [(SnapshotAction::Save, JobStatus::Running), (SnapshotAction::Delete, JobStatus::Aborting)];
        let others = others.map(|(action, status)| JobInfo::new("b", action, status));
        [failed].into_iter().chain(others).collect()
    }
}

pub(super) fn idle() -> Program {
    Program(Statistics::default())
}

/// Returns statistics with all members.
fn full(status: MigrationStatus) -> Statistics {
    let time = Some(Duration::from_millis(7));
    let mut found = Statistics::default();
    found.status = status;
    (found.setup_time, found.total_time, found.expected_downtime, found.downtime) = (time, time, time, time);
    found.error = Some("lost".to_owned());
    found.throttle = Some(20);
    found.dirty_limit = Some(DirtyLimitStatistics::default());
    found.socket_address = Some(Uri::Unix("/run/guest".to_owned()));
    found.ram = Some(RamStatistics::default());
    found.predicted = Some(Prediction::default());
    found.parts = Some(DowntimeParts::default());
    found
}

fn command(name: &str, arguments: &Value, release: QemuRelease) -> Result<Value, CommandError> {
    command_of(&mut idle(), name, arguments, release)
}

fn command_of(
    program: &mut Program,
    name: &str,
    arguments: &Value,
    release: QemuRelease,
) -> Result<Value, CommandError> {
    let arguments = arguments.as_object().expect("an object");
    let mut settings = Settings::new(release);
    (settings.programs, settings.files) = (true, true);
    execute(MonitorCommand::parse(name, arguments, release)?, &mut settings, program)
}

/// A schema: its entities by name.
struct Schema(HashMap<String, Value>);

impl Schema {
    fn new(reply: &Value) -> Self {
        let entities = reply.as_array().expect("a list").iter();
        Self(entities.map(|entity| (entity["name"].as_str().expect("a name").to_owned(), entity.clone())).collect())
    }

    fn of_qemu(version: &str) -> Self {
        let mut qemu = Qemu::start(version, "x86_64", &["-machine", "none"]);
        Self::new(&qemu.execute("query-qmp-schema", json!({})))
    }

    fn entity(&self, name: &Value) -> &Value {
        &self.0[name.as_str().expect("the name of a type")]
    }

    /// Returns the members of an object, by name.
    fn members(&self, kind: &Value) -> HashMap<&str, &Value> {
        let members = self.entity(kind)["members"].as_array().expect("members").iter();
        members.map(|member| (member["name"].as_str().expect("a name"), member)).collect()
    }

    /// Checks a reply. Members with the prefix `x-` are extensions.
    fn check(&self, kind: &Value, value: &Value, path: &str) {
        let entity = self.entity(kind);
        match entity["meta-type"].as_str().expect("a kind of type") {
            "object" => self.check_object(kind, value.as_object().unwrap_or_else(|| panic!("{path}: {value}")), path),
            "array" => {
                for element in value.as_array().unwrap_or_else(|| panic!("{path}: {value}")) {
                    self.check(&entity["element-type"], element, path);
                }
            }
            "enum" => {
                let words = entity["values"].as_array().expect("values");
                assert!(words.contains(value), "{path}: {value} is not one of {words:?}");
            }
            "builtin" => check_builtin(&entity["json-type"], value, path),
            "alternate" => {}
            other => panic!("{path}: a type of the unknown kind {other}"),
        }
    }

    fn check_object(&self, kind: &Value, object: &Map<String, Value>, path: &str) {
        let mut members = self.members(kind);
        let entity = self.entity(kind);
        if let Some(variants) = entity.get("variants") {
            let tag = &object[entity["tag"].as_str().expect("the name of a member")];
            let variant = variants.as_array().expect("variants").iter().find(|variant| variant["case"] == *tag);
            members.extend(self.members(&variant.unwrap_or_else(|| panic!("{path}: unknown {tag}"))["type"]));
        }
        for (name, value) in object.iter().filter(|(name, _)| !name.starts_with("x-")) {
            let member = members.get(name.as_str()).unwrap_or_else(|| panic!("{path}.{name} is not in the schema"));
            self.check(&member["type"], value, &format!("{path}.{name}"));
        }
        for (name, member) in members {
            assert!(member.get("default").is_some() || object.contains_key(name), "{path}.{name} is missing");
        }
    }
}

fn check_builtin(json_type: &Value, value: &Value, path: &str) {
    let fits = match json_type.as_str().expect("a JSON type") {
        "string" => value.is_string(),
        "int" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => true,
    };
    assert!(fits, "{path}: expected {json_type}, found {value}");
}

#[test]
fn replies_match_the_schemas_of_qemu() {
    for (version, release) in RELEASES {
        let schema = Schema::of_qemu(version);
        for query in [
            "query-version",
            "query-commands",
            "query-status",
            "query-migrate-capabilities",
            "query-migrate-parameters",
            "query-migrate",
            "query-yank",
            "query-dirty-rate",
            "query-jobs",
            "query-qmp-schema",
        ] {
            let kind = &schema.0[query]["ret-type"];
            for status in MigrationStatus::ALL {
                let reply = command_of(&mut Program(full(*status)), query, &json!({}), release).expect("a reply");
                if query == "query-qmp-schema" {
                    continue;
                }
                schema.check(kind, &reply, &format!("{version} {query}"));
            }
        }
    }
}

/// Arguments and parameters of features that this library does not have.
const DIFFERENT: &[&str] = &["cpr-exec-command", "x-rdma-chunk-size"];

/// Properties of credentials that this library does not have.
const PROPERTIES: &[&str] = &["loaded", "passwordid", "priority", "sanity-check"];

/// Commands that QEMU does not have.
const EXTENSIONS: [&str; 3] = ["x-force-run", "x-abandon", "x-rewind"];

/// The states of capabilities differ: this library needs a return path and events.
#[test]
fn capabilities_and_defaults_equal_qemus() {
    let names = |reply: &Value| -> Vec<_> {
        reply.as_array().expect("a list").iter().map(|entry| entry["capability"].clone()).collect()
    };
    for (version, release) in RELEASES {
        let mut qemu = Qemu::start(version, "x86_64", &["-machine", "none"]);
        let mut both = |query| (qemu.execute(query, json!({})), command(query, &json!({}), release).expect("a reply"));
        let (theirs, ours) = both("query-migrate-capabilities");
        assert_eq!(names(&ours), names(&theirs), "{version}");
        let (theirs, ours) = both("query-migrate-parameters");
        let theirs = theirs.as_object().expect("an object");
        let missing = theirs.iter().filter(|(name, value)| ours[&**name] != **value && !DIFFERENT.contains(&&***name));
        assert_eq!(missing.collect::<Vec<_>>(), [], "{version}: {ours}");
    }
}

/// This monitor accepts every command that QEMU accepts: the arguments of both have the same names, and
/// the same ones are optional.
#[test]
fn arguments_equal_qemus() {
    let mut differences = Vec::new();
    for (version, release) in RELEASES {
        let theirs = Schema::of_qemu(version);
        let ours = Schema::new(&command("query-qmp-schema", &json!({}), release).expect("a schema"));
        EXTENSIONS.iter().for_each(|name| assert!(!theirs.0.contains_key(*name), "{version} has {name}"));
        let commands = ours.0.values().filter(|entity| entity["meta-type"] == "command");
        let names = commands.map(|entity| entity["name"].as_str().expect("a name"));
        for name in names.filter(|name| !EXTENSIONS.contains(name)) {
            let our_members = ours.members(&ours.0[name]["arg-type"]);
            let their_members = theirs.members(&theirs.0[name]["arg-type"]);
            let optional = |found: &Value| found.get("default").is_some();
            for (member, found) in &their_members {
                match our_members.get(member) {
                    None if DIFFERENT.contains(member) => {}
                    Some(known) if optional(known) == optional(found) => {}
                    known => differences.push(format!("{version} {name} `{member}`: {known:?}, {found}")),
                }
            }
            let surplus = our_members.keys().filter(|member| !their_members.contains_key(**member));
            let surplus = surplus.filter(|member| !member.starts_with("x-"));
            differences.extend(surplus.map(|member| format!("{version} {name} `{member}`: not in QEMU")));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn errors_equal_qemus() {
    let on = |name: &str| json!({"capability": name, "state": true});
    let capability = |name: &str| json!({"capabilities": [on(name)]});
    let cases = [
        ("nope", json!({})),
        ("stop", json!({"x": 1})),
        ("migrate", json!({})),
        ("migrate", json!({"uri": 1})),
        ("migrate", json!({"uri": "tcp:a:1", "resume": "yes"})),
        ("migrate", json!({"uri": "tcp:a:1", "detach": 1})),
        ("migrate-incoming", json!({"uri": "tcp:127.0.0.1:0"})),
        ("migrate-continue", json!({})),
        ("migrate-continue", json!({"state": "zzz"})),
        ("migrate-recover", json!({"uri": "tcp:127.0.0.1:1"})),
        ("migrate-start-postcopy", json!({})),
        ("migrate-set-capabilities", json!({})),
        ("migrate-set-capabilities", json!({"capabilities": [{"capability": "events"}]})),
        ("migrate-set-capabilities", json!({"capabilities": [{"capability": "events", "state": 1}]})),
        ("migrate-set-capabilities", capability("zzz")),
        ("migrate-set-capabilities", capability("postcopy-preempt")),
        ("migrate-set-capabilities", capability("dirty-limit")),
        ("migrate-set-capabilities", json!({"capabilities": [on("auto-converge"), on("dirty-limit")]})),
        ("migrate-set-parameters", json!({"zzz": 1})),
        ("migrate-set-parameters", json!({"downtime-limit": 2_000_001})),
        ("migrate-set-parameters", json!({"downtime-limit": "x"})),
        ("migrate-set-parameters", json!({"max-bandwidth": "x"})),
        ("migrate-set-parameters", json!({"multifd-channels": "x"})),
        ("migrate-set-parameters", json!({"x-checkpoint-delay": "x"})),
        ("migrate-set-parameters", json!({"x-checkpoint-delay": 1_u64 << 32})),
        ("migrate-set-parameters", json!({"tls-creds": 1})),
        ("migrate-set-parameters", json!({"multifd-compression": 1})),
        ("migrate-set-parameters", json!({"multifd-channels": 0})),
        ("migrate-set-parameters", json!({"multifd-channels": 256})),
        ("migrate-set-parameters", json!({"cpu-throttle-tailslow": 1})),
        ("migrate-set-parameters", json!({"multifd-compression": "x"})),
        ("yank", json!({"instances": [{"type": "migration"}]})),
        ("yank", json!({})),
        ("yank", json!({"instances": [{"type": "zzz"}]})),
        ("yank", json!({"instances": [{"type": "chardev"}]})),
        ("yank", json!({"instances": [{"type": "chardev", "id": "c"}]})),
        ("yank", json!({"instances": [{"type": "migration", "id": "c"}]})),
        ("yank", json!({"instances": [{"type": "migration"}, {"type": "migration"}]})),
        ("announce-self", json!({"initial": 1})),
        ("snapshot-save", json!({})),
        ("snapshot-save", json!({"job-id": "", "tag": "a", "vmstate": "b", "devices": []})),
        ("snapshot-load", json!({"job-id": "1", "tag": "a", "vmstate": "b", "devices": ["b"]})),
        ("snapshot-load", json!({"job-id": "a", "tag": "a", "vmstate": "b", "devices": "b"})),
        ("snapshot-delete", json!({"job-id": "a b", "tag": "a", "devices": ["b"]})),
        ("snapshot-delete", json!({"job-id": "a", "tag": "a", "vmstate": "b", "devices": ["b"]})),
        ("job-dismiss", json!({})),
        ("job-dismiss", json!({"id": "a"})),
        ("human-monitor-command", json!({})),
        ("human-monitor-command", json!({"command-line": 1})),
        ("object-add", json!({})),
        ("object-add", json!({"qom-type": "zzz", "id": "a"})),
        ("object-add", json!({"qom-type": 1, "id": "a"})),
        ("object-add", json!({"qom-type": "authz-simple"})),
        ("object-add", json!({"qom-type": "authz-simple", "id": 1})),
        ("object-add", json!({"qom-type": "authz-simple", "id": "a"})),
        ("object-add", json!({"qom-type": "authz-simple", "id": "a", "identity": 1})),
        ("object-add", json!({"qom-type": "authz-simple", "id": "a b", "identity": "x"})),
        ("object-add", json!({"qom-type": "authz-simple", "id": "", "identity": "x"})),
        ("object-add", json!({"qom-type": "authz-simple", "id": "a", "identity": "x", "dir": "y"})),
        ("object-add", json!({"qom-type": "authz-list", "id": "a", "policy": "maybe"})),
        ("object-add", json!({"qom-type": "authz-list", "id": "a", "rules": [{"match": "x"}]})),
        ("object-add", json!({"qom-type": "authz-list", "id": "a", "rules": [{"match": "x", "policy": "no"}]})),
        ("object-add", json!({"qom-type": "tls-creds-x509", "id": "a"})),
        ("object-add", json!({"qom-type": "tls-creds-x509", "id": "a", "dir": 1})),
        ("object-add", json!({"qom-type": "tls-creds-x509", "id": "a", "dir": "/", "endpoint": "both"})),
        ("object-add", json!({"qom-type": "tls-creds-x509", "id": "a", "dir": "/", "verify-peer": "on"})),
        ("object-del", json!({})),
        ("object-del", json!({"id": "a"})),
        ("object-del", json!({"id": "a b"})),
        ("object-del", json!({"id": "a", "x": 1})),
        ("calc-dirty-rate", json!({})),
        ("calc-dirty-rate", json!({"calc-time": 61})),
        ("calc-dirty-rate", json!({"calc-time": 1, "sample-pages": 20})),
        ("calc-dirty-rate", json!({"calc-time": 1, "sample-pages": 200, "mode": "dirty-bitmap"})),
    ];
    let mut differences = Vec::new();
    for (version, release) in RELEASES {
        let mut qemu = Qemu::start(version, "x86_64", &["-machine", "none"]);
        for (name, arguments) in &cases {
            // 7.2 crashes instead of answering.
            if release == QemuRelease::V7_2 && arguments.get("sample-pages") == Some(&json!(200)) {
                continue;
            }
            let theirs = qemu.error_of(name, arguments);
            let ours = command(name, arguments, release).expect_err("an error").to_string();
            if ours != theirs {
                differences.push(format!("{version} {name} {arguments}:\n  ours: {ours}\ntheirs: {theirs}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The objects of this monitor have properties of QEMU's, with the same ones optional.
#[test]
fn properties_of_objects_equal_qemus() {
    for (version, release) in RELEASES {
        let theirs = Schema::of_qemu(version);
        let ours = Schema::new(&command("query-qmp-schema", &json!({}), release).expect("a schema"));
        let variants = |schema: &Schema| -> HashMap<String, Value> {
            let arguments = schema.entity(&schema.0["object-add"]["arg-type"]);
            assert_eq!(arguments["tag"], "qom-type");
            let list = arguments["variants"].as_array().expect("variants").iter();
            list.map(|variant| (variant["case"].as_str().expect("a word").to_owned(), variant["type"].clone()))
                .collect()
        };
        let (our_types, their_types) = (variants(&ours), variants(&theirs));
        assert_eq!(our_types.len(), 3);
        for (name, kind) in our_types {
            let (ours, theirs) = (ours.members(&kind), theirs.members(&their_types[&name]));
            let optional = |members: &HashMap<&str, &Value>| -> HashMap<String, bool> {
                let known = members.iter().filter(|(name, _)| !PROPERTIES.contains(name));
                known.map(|(name, member)| ((*name).to_owned(), member.get("default").is_some())).collect()
            };
            assert_eq!(optional(&ours), optional(&theirs), "{version}: {name}");
        }
    }
}

#[test]
fn ids_of_objects_are_in_use_until_they_are_removed() {
    let object = |id: &str| json!({"qom-type": "authz-simple", "id": id, "identity": "CN=a"});
    for (version, release) in RELEASES {
        let mut qemu = Qemu::start(version, "x86_64", &["-machine", "none"]);
        let mut settings = Settings::new(release);
        for (name, arguments) in [
            ("object-add", object("a")),
            ("object-add", object("a")),
            ("object-add", object("b")),
            ("object-del", json!({"id": "a"})),
            ("object-del", json!({"id": "a"})),
            ("object-add", json!({"qom-type": "authz-list", "id": "a"})),
            ("object-add", json!({"qom-type": "authz-list", "id": "b"})),
        ] {
            let members = arguments.as_object().expect("an object");
            let command = MonitorCommand::parse(name, members, release).expect("a command");
            match execute(command, &mut settings, &mut idle()) {
                Ok(reply) => assert_eq!(reply, qemu.execute(name, arguments), "{version} {name}"),
                Err(error) => assert_eq!(error.to_string(), qemu.error_of(name, &arguments), "{version} {name}"),
            }
        }
    }
}
