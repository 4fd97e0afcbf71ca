//! The same with two real QEMUs, as they report it.

use std::fs;
use std::path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use vmstate_tests::qemu::Qemu;
use vmstate_tests::tool::{Started, json_of};

use crate::measure::size;

/// Writes the memory of a guest to a file, and returns its path.
pub(crate) fn image(folder: &path::Path, is_zero: bool) -> String {
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

/// A connection between two QEMUs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    /// `unix` or `tcp`.
    pub(crate) transport: &'static str,
    /// The number of data channels; 0 for none.
    pub(crate) channels: u8,
    /// `vmstate relay` is in between.
    pub(crate) relay: bool,
    /// The source's limit in bytes per second.
    pub(crate) bandwidth: u64,
}

/// No limit that matters.
pub(crate) const UNLIMITED: u64 = 1 << 40;

impl Path {
    pub(crate) const fn direct(transport: &'static str) -> Self {
        Self { transport, channels: 0, relay: false, bandwidth: UNLIMITED }
    }
}

/// Migrates a stopped machine with the image as its memory, and returns the duration for the image's size.
pub(crate) fn migrate(version: &str, image: &str, path: Path) -> Duration {
    let bytes = size() + 2 * START;
    let memory = format!("memory-backend-ram,id=memory,size={bytes},prealloc=on");
    let size_argument = format!("{bytes}B");
    let machine = ["-S", "-nodefaults", "-M", "pc,accel=tcg,memory-backend=memory"];
    let machine = [&machine[..], &["-object", &memory, "-m", &size_argument]].concat();
    let loader = format!("loader,file={image},addr={START:#x},force-raw=on");
    let mut source = Qemu::start(version, "x86_64", &[&machine[..], &["-device", &loader]].concat());
    let mut destination = Qemu::start(version, "x86_64", &[&machine[..], &["-incoming", "defer"]].concat());
    let report = move_guest(&mut source, &mut destination, path);
    let number = |value: &Value| value.as_f64().expect("a number");
    let ram = &report["ram"];
    let memory = number(&ram["normal-bytes"]) + number(&ram["duplicate"]) * 4096.0;
    assert!(memory >= size() as f64, "all of the memory was sent: {report}");
    Duration::from_secs_f64(number(&report["total-time"]) / 1000.0 * size() as f64 / memory)
}

/// Migrates a running machine that waits for a boot device, and returns the downtime: the time from the source's event STOP
/// to the destination's event RESUME, which `query-migrate` has only in milliseconds.
pub(crate) fn idle(version: &str, path: Path) -> Duration {
    let machine = ["-nodefaults", "-M", "pc,accel=tcg", "-m", "64"];
    let mut source = Qemu::start(version, "x86_64", &machine);
    std::thread::sleep(Duration::from_millis(500));
    let mut destination = Qemu::start(version, "x86_64", &[&machine[..], &["-incoming", "defer"]].concat());
    move_guest(&mut source, &mut destination, path);
    assert_eq!(destination.status(), "running");
    let (stop, resume) = (source.time_of("STOP"), destination.time_of("RESUME"));
    resume.expect("the guest runs").checked_sub(stop.expect("it has stopped")).expect("in this order")
}

/// Returns the source's statistics.
fn move_guest(source: &mut Qemu, destination: &mut Qemu, path: Path) -> Value {
    let folder = TempDir::new().expect("a folder");
    let socket = |name: &str| folder.path().join(name).display().to_string();
    let uri = match path.transport {
        "unix" => format!("unix:{}", socket("socket")),
        _ => "tcp:127.0.0.1:0".to_owned(),
    };
    let mut changes = vec![json!({ "capability": "return-path", "state": true })];
    if path.channels > 0 {
        changes.push(json!({ "capability": "multifd", "state": true }));
    }
    for qemu in [&mut *source, &mut *destination] {
        qemu.execute("migrate-set-capabilities", json!({ "capabilities": changes }));
        qemu.execute("migrate-set-parameters", json!({ "max-bandwidth": path.bandwidth }));
        if path.channels > 0 {
            qemu.execute("migrate-set-parameters", json!({ "multifd-channels": path.channels }));
        }
    }
    destination.execute("migrate-incoming", json!({ "uri": uri }));
    let address = destination.execute("query-migrate", json!({}))["socket-address"][0].clone();
    let uri = match address["port"].as_str() {
        Some(port) => format!("tcp:127.0.0.1:{port}"),
        None => uri,
    };
    let relay = path.relay.then(|| {
        let tool = Started::new(&["relay", &format!("unix:{}", socket("relay")), &uri, "--json"]);
        tool.await_file(&socket("relay"));
        tool
    });
    let uri = if path.relay { format!("unix:{}", socket("relay")) } else { uri };
    source.execute("migrate", json!({ "uri": uri }));
    source.wait_for_migration();
    destination.wait_for_migration();
    if let Some(relay) = relay {
        assert_eq!(json_of(&relay.finish())["outcome"], "completed");
    }
    source.execute("query-migrate", json!({}))
}
