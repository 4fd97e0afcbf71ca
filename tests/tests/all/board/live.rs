//! A running guest moves between two processes, which are controlled only through their monitors.

use std::fs;
use std::io::Read;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use vmstate_tests::board::BoardProcess;
use vmstate_tests::transport::Transport;

/// Checks that the guest runs at `here` and not at `there`.
#[track_caller]
fn assert_only_here(here: &mut BoardProcess, there: &mut BoardProcess) {
    here.assert_right();
    there.assert_silent();
    assert_eq!(here.status(), "running");
}

fn migrate(source: &mut BoardProcess, uri: &str) {
    source.execute("migrate", json!({ "uri": uri }));
}

fn error(board: &mut BoardProcess) -> String {
    board.execute("query-migrate", json!({}))["error-desc"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn guest_moves_over_every_transport() {
    for transport in Transport::ALL {
        let mut source = BoardProcess::running(&[]);
        let mut destination = BoardProcess::start(&["--incoming", "defer"]);
        let folder = tempfile::tempdir().unwrap();
        transport.migrate(&mut source, &mut destination, folder.path());
        assert_eq!((source.status().as_str(), destination.status().as_str()), ("postmigrate", "running"));
        assert_only_here(&mut destination, &mut source);
        let states = source.events.iter().filter(|event| !event.starts_with("pass")).map(String::as_str);
        assert_eq!(states.collect::<Vec<_>>(), ["setup", "active", "STOP", "device", "completed"], "{transport:?}");
        assert_eq!(destination.events, ["setup", "active", "RESUME", "completed"], "{transport:?}");
        let statistics = source.execute("query-migrate", json!({}));
        assert!(statistics["ram"]["dirty-sync-count"].as_u64().unwrap() >= 2, "{statistics}");
        println!("{transport:?}: {} ms, {}", statistics["downtime"], statistics["x-downtime-parts"]);
    }
}

#[test]
fn paused_guest_moves_paused() {
    let mut source = BoardProcess::running(&[]);
    source.execute("stop", json!({}));
    let (mut destination, uri) = BoardProcess::awaiting(&[]);
    migrate(&mut source, &uri);
    destination.wait_for(&["completed"]);
    assert_eq!(destination.status(), "paused");
    destination.assert_silent();
    destination.execute("cont", json!({}));
    destination.line_with("keys");
    assert_only_here(&mut destination, &mut source);
}

#[test]
fn address_of_the_command_line_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("unix:{}", folder.path().join("guest").display());
    let mut destination = BoardProcess::start(&["--incoming", &uri, "--paused"]);
    let mut source = BoardProcess::running(&[]);
    migrate(&mut source, &uri);
    source.wait_for(&["completed"]);
    assert_eq!(destination.status(), "paused");
    destination.execute("cont", json!({}));
    assert_only_here(&mut destination, &mut source);
    let second = source.try_execute("cont", &json!({})).unwrap_err();
    assert_eq!(second, "The guest has moved to the destination; it must not run on both sides");
    source.execute("quit", json!({}));
    assert!(source.ended().success());
}

/// The states in which tests interrupt a migration.
const STATES: [&str; 4] = ["setup", "active", "pre-switchover", "completed"];

/// Starts a migration, and waits until the source is in `state`.
fn migration_in(state: &str) -> (BoardProcess, BoardProcess) {
    let mut source = BoardProcess::running(&[]);
    let (destination, uri) = BoardProcess::awaiting(&[]);
    match state {
        // Zero pages take 10 bytes, so that the first pass would take 10 seconds.
        "active" => drop(source.execute("migrate-set-parameters", json!({"max-bandwidth": 20_000}))),
        "pre-switchover" => source.enable("pause-before-switchover"),
        _ => {}
    }
    migrate(&mut source, &uri);
    source.wait_for(&[state]);
    (source, destination)
}

#[test]
fn cancelled_guest_stays_at_the_source() {
    for state in STATES {
        let (mut source, mut destination) = migration_in(state);
        source.execute("migrate_cancel", json!({}));
        if state == "completed" {
            assert_only_here(&mut destination, &mut source);
            continue;
        }
        // The command may come too late in `setup`.
        if source.wait_for(&["cancelled", "completed"]) == "completed" {
            assert_only_here(&mut destination, &mut source);
            continue;
        }
        assert_eq!(destination.ended().code(), Some(2), "{state}: {}", destination.log());
        source.assert_right();
        // A second attempt succeeds.
        let (mut destination, uri) = BoardProcess::awaiting(&[]);
        source.execute("migrate-set-parameters", json!({"max-bandwidth": 0}));
        migrate(&mut source, &uri);
        if state == "pre-switchover" {
            source.wait_for(&[state]);
            source.execute("migrate-continue", json!({ "state": state }));
        }
        destination.wait_for(&["completed"]);
        assert_only_here(&mut destination, &mut source);
    }
}

#[test]
fn guest_survives_a_killed_destination() {
    for state in STATES[..3].iter().copied() {
        let (mut source, mut destination) = migration_in(state);
        destination.kill();
        source.execute("migrate-set-parameters", json!({"max-bandwidth": 0}));
        let ended = source.wait_for(&["failed", "completed"]);
        // In `setup`, the destination may have got the guest before it was killed.
        if ended == "failed" {
            source.assert_right();
            println!("{state}: {}", error(&mut source));
        } else {
            assert_eq!((state, source.status().as_str()), ("setup", "postmigrate"));
        }
    }
}

#[test]
fn destination_of_a_killed_source_ends() {
    for state in STATES[..3].iter().copied() {
        let (mut source, mut destination) = migration_in(state);
        source.kill();
        // A source that has not connected yet leaves a destination that waits. This is a connection that ends at once.
        drop(UnixStream::connect(destination.path("guest")));
        if destination.wait_for(&["failed", "completed"]) == "failed" {
            assert_eq!(destination.ended().code(), Some(2), "{state}");
        } else {
            assert_eq!(state, "setup");
            destination.assert_right();
        }
    }
}

/// Forwards a connection in both directions, but kills a process after `bytes` of the source.
fn forward(listener: &UnixListener, to: &str, bytes: u64, mut killed: BoardProcess) {
    let (source, _) = listener.accept().unwrap();
    let destination = UnixStream::connect(to.strip_prefix("unix:").unwrap()).unwrap();
    let (mut back, mut front) = (destination.try_clone().unwrap(), source.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut back, &mut front));
    let passed = std::io::copy(&mut (&source).take(bytes), &mut (&destination)).unwrap();
    assert_eq!(passed, bytes, "the stream is shorter");
    killed.kill();
}

/// The destination dies after parts of the stream, among them the memory and the devices.
#[test]
fn guest_survives_a_destination_killed_at_any_byte() {
    for bytes in [1, 100, 1_000, 100_000, 205_000] {
        let mut source = BoardProcess::running(&[]);
        let (destination, uri) = BoardProcess::awaiting(&[]);
        let path = source.path("proxy");
        let listener = UnixListener::bind(&path).unwrap();
        let proxy = thread::spawn(move || forward(&listener, &uri, bytes, destination));
        migrate(&mut source, &format!("unix:{}", path.display()));
        source.wait_for(&["failed"]);
        proxy.join().unwrap();
        source.assert_right();
    }
}

#[test]
fn destination_that_never_reads_is_cancelled() {
    let mut source = BoardProcess::running(&[]);
    let path = source.path("silent");
    let _listener = UnixListener::bind(&path).unwrap();
    migrate(&mut source, &format!("unix:{}", path.display()));
    source.wait_for(&["active"]);
    source.assert_right();
    source.execute("migrate_cancel", json!({}));
    source.wait_for(&["cancelled"]);
    source.assert_right();
}

#[test]
fn other_memory_size_is_rejected() {
    let mut source = BoardProcess::running(&[]);
    let (mut destination, uri) = BoardProcess::awaiting(&["--memory", "32M"]);
    migrate(&mut source, &uri);
    source.wait_for(&["failed"]);
    source.assert_right();
    let reason = error(&mut source);
    assert!(
        reason.starts_with("the destination has declined: ") && reason.contains("riscv_virt_board.ram"),
        "{reason}"
    );
    assert_eq!(destination.ended().code(), Some(2));
    assert!(destination.log().contains("riscv_virt_board.ram"), "{}", destination.log());
}

/// Writes a counter to every page of 14 MiB, and a dot for each round, for ever.
const WRITER: [u32; 12] = [
    0x0010_0297, // auipc t0, 0x100
    0x00f0_0317, // auipc t1, 0xf00
    0x0000_1eb7, // lui t4, 1
    0x1000_0f37, // lui t5, 0x10000
    0x02e0_0f93, // li t6, '.'
    0x0002_8e13, // round: mv t3, t0
    0x007e_3023, // page: sd t2, (t3)
    0x01de_0e33, // add t3, t3, t4
    0xfe6e_6ce3, // bltu t3, t1, page
    0x0013_8393, // addi t2, t2, 1
    0x01ff_0023, // sb t6, (t5)
    0xfe9f_f06f, // j round
];

/// A board with a guest that writes memory as fast as it can.
fn writing() -> BoardProcess {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let program = WRITER.iter().flat_map(|instruction| instruction.to_le_bytes());
    fs::write(&image, program.collect::<Vec<_>>()).unwrap();
    let mut board = BoardProcess::start(&["--image", &image.display().to_string()]);
    assert!(board.prints());
    // Writing is faster than sending.
    board.execute("migrate-set-parameters", json!({"max-bandwidth": 20 << 20, "downtime-limit": 20}));
    board
}

#[test]
fn writer_that_never_converges_ends_as_specified() {
    for on_stall in ["fail", "switch-over", "postcopy"] {
        if on_stall == "postcopy" && !super::postcopy::is_supported() {
            return;
        }
        let mut source = writing();
        let mut destination = BoardProcess::start(&["--incoming", "defer"]);
        let uri = format!("unix:{}", destination.path("guest").display());
        if on_stall == "postcopy" {
            source.enable("postcopy-ram");
            destination.enable("postcopy-ram");
        }
        destination.execute("migrate-incoming", json!({ "uri": uri }));
        let goal = json!({"x-max-duration": 3000, "x-on-stall": on_stall});
        source.execute("migrate-set-parameters", goal);
        migrate(&mut source, &uri);
        if on_stall == "fail" {
            source.wait_for(&["failed"]);
            assert_eq!(error(&mut source), "the downtime limit is out of reach");
            assert!(source.prints());
            assert_eq!(destination.ended().code(), Some(2));
        } else {
            source.wait_for(&["completed"]);
            destination.wait_for(&["completed"]);
            assert!(destination.prints() && !source.prints());
            let was_split = source.events.iter().any(|event| event == "postcopy-active");
            assert_eq!(was_split, on_stall == "postcopy");
        }
    }
}

/// The first migration never fits, and the second one does: the writer gets 1 MiB/s.
#[test]
fn writer_converges_with_a_limit_of_its_writes() {
    let mut source = writing();
    for limited in [false, true] {
        let (mut destination, uri) = BoardProcess::awaiting(&[]);
        source.execute("migrate-set-parameters", json!({"x-max-duration": if limited { 0 } else { 6000 }}));
        if limited {
            source.enable("dirty-limit");
        }
        migrate(&mut source, &uri);
        if !limited {
            source.wait_for(&["failed"]);
            assert_eq!(error(&mut source), "the downtime limit is out of reach");
            assert!(source.prints());
            continue;
        }
        let mut slowest = 0;
        while source.migration() == "active" {
            let found = source.execute("query-migrate", json!({}));
            let round = |name: &str| found[name].as_u64().unwrap_or(0);
            let (wait, full) = (round("dirty-limit-throttle-time-per-round"), round("dirty-limit-ring-full-time"));
            assert!(wait <= full, "{found}");
            slowest = slowest.max(wait);
            thread::sleep(Duration::from_millis(20));
        }
        source.wait_for(&["completed"]);
        destination.wait_for(&["completed"]);
        assert!(destination.prints() && !source.prints());
        println!("the guest has waited for {slowest} us for each 16 MiB");
    }
}

#[test]
fn limit_of_writes_ends_with_a_cancelled_migration() {
    let mut source = writing();
    let (_destination, uri) = BoardProcess::awaiting(&[]);
    source.enable("dirty-limit");
    // Nothing converges. The limit begins also with a guest that a busy host slows down.
    let parameters = json!({"downtime-limit": 0, "vcpu-dirty-limit": 1, "throttle-trigger-threshold": 1});
    source.execute("migrate-set-parameters", parameters);
    migrate(&mut source, &uri);
    source.wait_for(&["active"]);
    while source.execute("query-migrate", json!({})).get("dirty-limit-ring-full-time").is_none() {
        assert_eq!(source.migration(), "active");
        thread::sleep(Duration::from_millis(20));
    }
    source.execute("migrate_cancel", json!({}));
    source.wait_for(&["cancelled"]);
    assert_eq!(source.execute("query-migrate", json!({})).get("dirty-limit-ring-full-time"), None);
    // A round is 14 MiB, which takes 14 seconds with the limit.
    assert!(source.prints());
}

#[test]
fn limit_of_writes_requires_marks() {
    let mut board = BoardProcess::start(&["--dirty-log", "write-protect", "--paused"]);
    let change = json!({"capabilities": [{"capability": "dirty-limit", "state": true}]});
    let error = board.try_execute("migrate-set-capabilities", &change).unwrap_err();
    assert_eq!(error, "dirty-limit requires KVM with accelerator property 'dirty-ring-size' set");
}

#[test]
fn writer_moves_without_a_limit_of_the_downtime() {
    let mut source = writing();
    let (mut destination, uri) = BoardProcess::awaiting(&[]);
    source.execute("migrate-set-parameters", json!({"max-bandwidth": 0, "downtime-limit": 60_000}));
    migrate(&mut source, &uri);
    source.wait_for(&["completed"]);
    destination.wait_for(&["completed"]);
    assert!(destination.prints() && !source.prints());
}

#[test]
fn client_sees_only_one_migration_at_a_time() {
    let (mut source, _destination) = migration_in("active");
    let busy = "There's a migration process in progress";
    let uri: Value = json!({"uri": "unix:/nowhere"});
    assert_eq!(source.try_execute("migrate", &uri).unwrap_err(), busy);
    let change = json!({"capabilities": [{"capability": "events", "state": true}]});
    assert_eq!(source.try_execute("migrate-set-capabilities", &change).unwrap_err(), busy);
    let missing = source.try_execute("migrate-incoming", &uri).unwrap_err();
    assert_eq!(missing, "'-incoming' was not specified on the command line");
    // The monitor answers while the guest is sent, and so does the guest.
    source.assert_right();
    assert_eq!(source.migration(), "active");
}
