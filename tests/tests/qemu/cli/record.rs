//! Migrations between two QEMUs through a recorder: the explanation has the states, the cause and the figures that the
//! QEMUs report.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vmstate_tests::qemu::{Qemu, VERSIONS, VERSIONS_WITH_UNO};
use vmstate_tests::recorder::Recorder;

use crate::transfer::{assert_counts, counting};

const MACHINE: [&str; 4] = ["-M", "microvm", "-m", "16M"];
/// A device that the destination lacks.
const SERIAL: [&str; 4] = ["-chardev", "null,id=c", "-device", "isa-serial,chardev=c,iobase=0x2e8"];
const PATIENCE: Duration = Duration::from_secs(60);

struct Pair {
    version: String,
    source: Qemu,
    destination: Qemu,
    recorder: Recorder,
}

impl Pair {
    fn start(version: &str, capabilities: &[&str], devices: &[&str]) -> Self {
        let recorder = Recorder::start();
        let mut source = Qemu::start(version, "x86_64", &[&MACHINE, devices].concat());
        let mut destination = Qemu::start(version, "x86_64", &[&MACHINE[..], &["-incoming", "defer"]].concat());
        for qemu in [&mut source, &mut destination] {
            let changes = capabilities.iter().map(|name| json!({ "capability": name, "state": true }));
            qemu.execute("migrate-set-capabilities", json!({ "capabilities": changes.collect::<Vec<_>>() }));
        }
        let uri = format!("unix:{}", recorder.path("destination"));
        destination.execute("migrate-incoming", json!({ "uri": uri }));
        Self { version: version.to_owned(), source, destination, recorder }
    }

    /// Migrates, and returns the source's `query-migrate` after its end.
    fn migrate(&mut self) -> Value {
        let uri = format!("unix:{}", self.recorder.path("source"));
        self.source.execute("migrate", json!({ "uri": uri }));
        let start = Instant::now();
        loop {
            let migration = self.source.execute("query-migrate", json!({}));
            // The reason and the figures follow the state.
            let is_final = match migration["status"].as_str() {
                Some("failed") => self.version == "7.2" || migration["error-desc"].is_string(),
                Some("completed") => migration["downtime"].is_u64(),
                _ => false,
            };
            if is_final {
                return migration;
            }
            assert!(start.elapsed() < PATIENCE, "{migration}");
            sleep(Duration::from_millis(20));
        }
    }
}

fn last_state(side: &Value) -> &Value {
    side["states"].as_array().and_then(|states| states.last()).map_or(&Value::Null, |change| &change["status"])
}

fn assert_figures(version: &str, explanation: &Value, reported: &Value) {
    let ram = &reported["ram"];
    let pages = &explanation["pages"];
    assert_eq!((&pages["content"], &pages["zero"]), (&ram["normal"], &ram["duplicate"]), "{explanation}");
    assert_eq!(explanation["memory"], ram["total"]);
    // QEMU 7.2 counts only the section of memory.
    let (all, counted) = (explanation["transferred"].as_u64().unwrap(), ram["transferred"].as_u64().unwrap());
    assert!(if version == "7.2" { counted < all } else { counted == all }, "{version}: {counted} of {all}");
    // The recorder sees the stop later than the source, and the answer earlier.
    let downtime = explanation["downtime"]["total_us"].as_u64().unwrap();
    assert!(downtime / 1000 <= reported["downtime"].as_u64().unwrap() + 1, "{downtime}: {reported}");
    let passes = explanation["passes"].as_array().unwrap().len() as u64;
    assert!((1..=ram["dirty-sync-count"].as_u64().unwrap()).contains(&passes), "{explanation}");
}

#[test]
fn completed_migrations_have_the_figures_of_qemu() {
    let cases = [(&["return-path"][..], 1), (&["return-path", "multifd"], 3)];
    for (version, (capabilities, connections)) in
        VERSIONS.into_iter().flat_map(|version| cases.map(|case| (version, case)))
    {
        let mut pair = Pair::start(version, capabilities, &[]);
        let reported = pair.migrate();
        pair.destination.wait_for_migration();
        let (code, explanation) = pair.recorder.finish();
        assert_eq!((code, &explanation["outcome"], &explanation["confirmed"]), (0, &json!("completed"), &json!(true)));
        assert_eq!(explanation["connections"].as_array().unwrap().len(), connections, "{explanation}");
        let states = (last_state(&explanation["source"]), last_state(&explanation["destination"]));
        assert_eq!(states, (&reported["status"], &json!("completed")));
        // They are final when the connections are closed.
        assert_figures(version, &explanation, &pair.source.execute("query-migrate", json!({})));
    }
}

#[test]
fn rejected_machine_is_the_cause() {
    for version in VERSIONS {
        let mut pair = Pair::start(version, &["return-path"], &SERIAL);
        let reported = pair.migrate();
        let (code, explanation) = pair.recorder.finish();
        // The destination ends without an answer, and the source reports no reason.
        if version == "7.2" {
            assert_eq!((code, &explanation["outcome"]), (1, &json!("doubt")), "{explanation}");
            continue;
        }
        assert_eq!(reported["error-desc"], "Sibling indicated error 1");
        assert_eq!(
            (code, &explanation["outcome"], last_state(&explanation["source"])),
            (1, &json!("failed"), &reported["status"]),
            "{version}: {explanation}"
        );
        let cause = explanation["cause"]["what"].as_str().unwrap();
        assert!(
            cause.starts_with("SHUT 1: the destination has rejected the machine after all of the stream"),
            "{cause}"
        );
        let knows = explanation["source"]["knows"].as_str().unwrap();
        assert!(knows.contains("Sibling indicated error 1"), "{knows}");
        assert_eq!(explanation["cause"]["side"], json!("destination"));
    }
}

/// The stream does not contain the page size, which is 256 bytes.
#[test]
fn small_pages_are_counted() {
    for version in VERSIONS_WITH_UNO {
        let (mut source, mut recorder) = (counting(version), Recorder::start());
        let mut destination = Qemu::start(version, "avr", &["-M", "uno", "-incoming", "defer"]);
        let [from, to] = ["source", "destination"].map(|name| format!("unix:{}", recorder.path(name)));
        destination.execute("migrate-incoming", json!({ "uri": to }));
        source.execute("migrate", json!({ "uri": from }));
        source.wait_for_migration();
        destination.wait_for_migration();
        assert_counts(&mut destination);
        let (code, explanation) = recorder.finish();
        assert_eq!((code, &explanation["outcome"]), (0, &json!("completed")), "{explanation}");
        let ram = &source.execute("query-migrate", json!({}))["ram"];
        let pages = &explanation["pages"];
        assert_eq!((&pages["content"], &pages["zero"]), (&ram["normal"], &ram["duplicate"]), "{explanation}");
        assert_eq!(explanation["memory"], ram["total"]);
    }
}
