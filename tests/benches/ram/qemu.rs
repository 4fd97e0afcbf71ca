//! The same memory between two real QEMUs over a Unix socket, as they report it, and then our way.
//!
//! The machines are stopped, and their memory is allocated before the migration. The bandwidth is unlimited.

use std::cell::RefCell;
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use vmstate_tests::qemu::{Qemu, VERSIONS};

use crate::guest::Memory;
use crate::measure::{Way, compare, size};
use crate::socket::{self, save};

pub(crate) fn measure() {
    let folder = TempDir::new_in("/dev/shm").expect("a folder");
    let image = folder.path().join("image").display().to_string();
    let (from, to) = (RefCell::new(Memory::random(size())), RefCell::new(Memory::zero(size())));
    fs::write(&image, from.borrow_mut().bytes()).expect("an image of the memory");
    let mut ways = Vec::new();
    for version in VERSIONS {
        for channels in [1, 4] {
            let image = &image;
            let name = format!("QEMU {version}, {channels} channel{}", if channels == 1 { "" } else { "s (multifd)" });
            ways.push(Way::new(name, move || migrate(version, image, channels)));
        }
    }
    for (name, receive) in socket::OURS {
        let (from, to) = (&from, &to);
        ways.push(Way::new(name, move || socket::carry(&mut from.borrow_mut(), &mut to.borrow_mut(), save, receive)));
    }
    compare(size(), 3, ways);
}

/// Migrates from one QEMU to another, and returns the duration that QEMU reports.
fn migrate(version: &str, image: &str, channels: u32) -> Duration {
    let mut destination = start(version, &["-incoming", "defer"]);
    let mut source = start(version, &["-device", &format!("loader,file={image},addr={START:#x},force-raw=on")]);
    let socket = format!("{image}.socket");
    let _ = fs::remove_file(&socket);
    for qemu in [&mut destination, &mut source] {
        if channels > 1 {
            let multifd = json!({ "capabilities": [{ "capability": "multifd", "state": true }] });
            qemu.execute("migrate-set-capabilities", multifd);
            qemu.execute("migrate-set-parameters", json!({ "multifd-channels": channels }));
        }
    }
    destination.execute("migrate-incoming", json!({ "uri": format!("unix:{socket}") }));
    source.execute("migrate-set-parameters", json!({ "max-bandwidth": 1_u64 << 40 }));
    source.execute("migrate", json!({ "uri": format!("unix:{socket}") }));
    source.wait_for_migration();
    destination.wait_for_migration();
    time_of(&source.execute("query-migrate", json!({})))
}

/// The address of the image in the guest, after all other data.
const START: usize = 16 << 20;

fn start(version: &str, args: &[&str]) -> Qemu {
    let bytes = size() + 2 * START;
    let memory = format!("memory-backend-ram,id=memory,size={bytes},prealloc=on");
    let machine = "pc,accel=tcg,memory-backend=memory";
    let ours = ["-S", "-nodefaults", "-M", machine, "-object", &memory, "-m", &format!("{bytes}B")];
    Qemu::start(version, "x86_64", &[&ours, args].concat())
}

/// The time that QEMU reports for the size of the image: it has sent a little more.
fn time_of(report: &Value) -> Duration {
    let ram = &report["ram"];
    let number = |value: &Value| value.as_f64().expect("a number");
    let (sent, taken) = (number(&ram["transferred"]), number(&report["total-time"]) / 1000.0);
    assert!(sent >= size() as f64, "all of the memory has gone: {report}");
    Duration::from_secs_f64(taken * size() as f64 / sent)
}
