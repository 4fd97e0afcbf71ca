//! The same with two real QEMUs, as they report it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use vmstate_tests::qemu::Qemu;

use crate::measure::size;

/// Writes the memory of a guest to a file, and returns its path.
pub(crate) fn image(folder: &Path, is_zero: bool) -> String {
    let path = folder.join("image").display().to_string();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = vec![0; size()];
    for word in bytes.as_chunks_mut().0.iter_mut().filter(|_| !is_zero) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *word = state.to_le_bytes();
    }
    fs::write(&path, bytes).expect("an image of the memory");
    path
}

/// The address of the image in the guest, after all other data.
const START: usize = 16 << 20;

/// Migrates a stopped machine with the image as its memory, and returns the duration for the image's size.
pub(crate) fn migrate(version: &str, image: &str, transport: &str) -> Duration {
    let bytes = size() + 2 * START;
    let memory = format!("memory-backend-ram,id=memory,size={bytes},prealloc=on");
    let size_argument = format!("{bytes}B");
    let machine = ["-S", "-nodefaults", "-M", "pc,accel=tcg,memory-backend=memory"];
    let machine = [&machine[..], &["-object", &memory, "-m", &size_argument]].concat();
    let loader = format!("loader,file={image},addr={START:#x},force-raw=on");
    let mut source = Qemu::start(version, "x86_64", &[&machine[..], &["-device", &loader]].concat());
    let mut destination = Qemu::start(version, "x86_64", &[&machine[..], &["-incoming", "defer"]].concat());
    let report = move_guest(&mut source, &mut destination, transport);
    let number = |value: &Value| value.as_f64().expect("a number");
    let ram = &report["ram"];
    let memory = number(&ram["normal-bytes"]) + number(&ram["duplicate"]) * 4096.0;
    assert!(memory >= size() as f64, "all of the memory was sent: {report}");
    Duration::from_secs_f64(number(&report["total-time"]) / 1000.0 * size() as f64 / memory)
}

/// Migrates a running machine that waits for a boot device, and returns the downtime.
pub(crate) fn idle(version: &str) -> Duration {
    let machine = ["-nodefaults", "-M", "pc,accel=tcg", "-m", "64"];
    let mut source = Qemu::start(version, "x86_64", &machine);
    std::thread::sleep(Duration::from_millis(500));
    let mut destination = Qemu::start(version, "x86_64", &[&machine[..], &["-incoming", "defer"]].concat());
    let report = move_guest(&mut source, &mut destination, "unix");
    Duration::from_secs_f64(report["downtime"].as_f64().expect("a number") / 1000.0)
}

/// Returns the source's statistics.
fn move_guest(source: &mut Qemu, destination: &mut Qemu, transport: &str) -> Value {
    let folder = TempDir::new().expect("a folder");
    let uri = match transport {
        "unix" => format!("unix:{}", folder.path().join("socket").display()),
        _ => "tcp:127.0.0.1:0".to_owned(),
    };
    destination.execute("migrate-incoming", json!({ "uri": uri }));
    let address = destination.execute("query-migrate", json!({}))["socket-address"][0].clone();
    let uri = match address["port"].as_str() {
        Some(port) => format!("tcp:127.0.0.1:{port}"),
        None => uri,
    };
    let return_path = json!([{ "capability": "return-path", "state": true }]);
    source.execute("migrate-set-capabilities", json!({ "capabilities": return_path }));
    source.execute("migrate-set-parameters", json!({ "max-bandwidth": 1_u64 << 40 }));
    source.execute("migrate", json!({ "uri": uri }));
    source.wait_for_migration();
    destination.wait_for_migration();
    source.execute("query-migrate", json!({}))
}
