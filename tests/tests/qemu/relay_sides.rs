//! Running guests pass `vmstate relay`, whose sides have other data channels, compression and encryption.

use std::path::Path;

use serde_json::{Value, json};
use vmstate_tests::certificates::Authority;
use vmstate_tests::qemu::{Qemu, VERSIONS};
use vmstate_tests::tool::{Folder, json_of};

use crate::board::live::Guest;
use crate::relay::{Relay, await_query, await_run_state, await_status};
use crate::transfer::{Pc, set};

fn set_parameters(qemu: &mut Qemu, parameters: Value) {
    qemu.execute("migrate-set-parameters", parameters);
}

/// Sets the data channels of a QEMU.
fn set_channels(qemu: &mut Qemu, (count, compression): (u8, &str)) {
    set(qemu, &["multifd"]);
    set_parameters(qemu, json!({ "multifd-channels": count, "multifd-compression": compression }));
}

#[test]
fn channels_and_compression_differ_between_the_sides() {
    for version in VERSIONS {
        for (near, far) in [((2, "none"), (3, "zlib")), ((3, "zstd"), (1, "none")), ((1, "zlib"), (2, "zstd"))] {
            let (mut pc, mut next) = (Pc::new(version, "pc", &[]), Pc::incoming(version, "pc"));
            pc.assert_right();
            set_channels(&mut pc.qemu, near);
            set_channels(&mut next.qemu, far);
            let [sources, destinations] = [near.0.to_string(), far.0.to_string()];
            let options = ["--listen-multifd", &sources, "--connect-multifd", &destinations];
            let relay = Relay::start(None, &[&options[..], &["--connect-compression", far.1]].concat());
            relay.pass(&mut pc.qemu, &mut next.qemu);
            assert_eq!(next.qemu.status(), "running", "{version}: {near:?} to {far:?}");
            next.assert_right();
        }
    }
}

/// The sides of a relay, of which only one has data channels.
#[derive(Debug, Clone, Copy)]
struct OneSided {
    from: &'static str,
    to: &'static str,
    machine: &'static str,
    near: Option<(u8, &'static str)>,
    far: Option<(u8, &'static str)>,
}

impl OneSided {
    /// Starts the relay, after the data channels of both QEMUs are set.
    fn relay(self, source: &mut Qemu, destination: &mut Qemu, more: &[&str]) -> Relay {
        for (qemu, channels) in [(source, self.near), (destination, self.far)] {
            if let Some(channels) = channels {
                set_channels(qemu, channels);
            }
        }
        let [near, far] = [self.near, self.far].map(|channels| channels.map_or(0, |(count, _)| count).to_string());
        let mut options = vec!["--listen-multifd", &near, "--connect-multifd", &far];
        if let Some((_, compression)) = self.far {
            options.extend(["--connect-compression", compression]);
        }
        options.extend(more);
        Relay::start(None, &options)
    }

    /// Moves a guest that writes its memory during several passes.
    fn pass(self) {
        let Self { from, to, machine, .. } = self;
        let (mut pc, mut next) = (Pc::new(from, machine, &[]), Pc::incoming(to, machine));
        pc.assert_right();
        let relay = self.relay(&mut pc.qemu, &mut next.qemu, &[]);
        // A pass takes longer than the downtime.
        set_parameters(&mut pc.qemu, json!({ "max-bandwidth": 40_000_000, "downtime-limit": 1 }));
        relay.migrate(&mut pc.qemu, &mut next.qemu);
        await_query(&mut pc.qemu, |migration| {
            migration["ram"]["dirty-sync-count"].as_u64() > Some(3) || migration["status"] == "completed"
        });
        set_parameters(&mut pc.qemu, json!({ "max-bandwidth": 1_000_000_000, "downtime-limit": 20_000 }));
        if let Err(what) = pc.qemu.try_wait_for_migration() {
            let relay = relay.tool.finish();
            pc.qemu.fail(&format!("{self:?}: {what}\nThe relay printed: {}", relay.stderr));
        }
        next.qemu.wait_for_migration();
        let report = json_of(&relay.tool.finish());
        assert_eq!(report["outcome"], "completed", "{self:?}: {report}");
        assert!(report["pages"].as_u64() > Some(100), "{self:?}: {report}");
        assert_eq!(next.qemu.status(), "running", "{self:?}");
        next.assert_right();
    }
}

#[test]
fn only_the_destination_has_data_channels() {
    for version in VERSIONS {
        for (machine, channels) in [("pc", (3, "zstd")), ("q35", (1, "none"))] {
            OneSided { from: version, to: version, machine, near: None, far: Some(channels) }.pass();
        }
    }
    // Zero pages are records, and the ends of sections are synchronization points.
    for (from, to) in [("7.2", "10.0"), ("10.0", "7.2")] {
        OneSided { from, to, machine: "pc-i440fx-7.2", near: None, far: Some((2, "zlib")) }.pass();
    }
}

#[test]
fn only_the_source_has_data_channels() {
    for version in VERSIONS {
        for (machine, channels) in [("pc", (3, "zstd")), ("q35", (1, "none"))] {
            OneSided { from: version, to: version, machine, near: Some(channels), far: None }.pass();
        }
    }
    for (from, to) in [("7.2", "10.0"), ("10.0", "7.2")] {
        OneSided { from, to, machine: "pc-i440fx-7.2", near: Some((2, "zlib")), far: None }.pass();
    }
}

/// The machine type `virt` has no version, so the relay needs the release.
#[test]
fn unversioned_machines_use_the_release() {
    for version in VERSIONS {
        for channels in [[None, Some((2, "none"))], [Some((2, "none")), None]] {
            let (mut guest, mut next) = (Guest::started(version), Guest::new(version, &["-incoming", "defer"]));
            let [near, far] = channels;
            let sides = OneSided { from: version, to: version, machine: "virt", near, far };
            let relay = sides.relay(&mut guest.qemu, &mut next.qemu, &["--connect-release", version]);
            relay.pass(&mut guest.qemu, &mut next.qemu);
            // As without the relay: see `riscv_guests_run_on`.
            let (verdict, stopped) = (next.verdict(), "WRONG: the number of interrupts");
            let is_right = verdict.starts_with("right: ") || version != "11.1" && verdict.starts_with(stopped);
            assert!(is_right, "{version} {channels:?}: {verdict}");
        }
    }
}

/// A lost connection to the destination leaves the guest, with channels at one side.
#[test]
fn lost_channels_leave_the_guest() {
    for (near, far) in [(None, Some((2, "none"))), (Some((2, "none")), None)] {
        let (mut pc, mut next) = (Pc::new("10.0", "pc", &[]), Pc::incoming("10.0", "pc"));
        let sides = OneSided { from: "10.0", to: "10.0", machine: "pc", near, far };
        let relay = sides.relay(&mut pc.qemu, &mut next.qemu, &[]);
        set_parameters(&mut pc.qemu, json!({ "max-bandwidth": 1_000_000 }));
        relay.migrate(&mut pc.qemu, &mut next.qemu);
        await_query(&mut pc.qemu, |migration| {
            migration["status"] == "active" && migration["ram"]["transferred"].as_u64() > Some(500_000)
        });
        drop(next);
        await_status(&mut pc.qemu, "failed");
        let error = relay.tool.finish().error();
        assert!(error.contains("the guest stays at the source"), "{error}");
        await_run_state(&mut pc.qemu, "running");
        pc.assert_right();
    }
}

#[test]
fn wrong_number_of_channels_leaves_the_guest() {
    for (channels, message) in [("3", "expected 3 data channels of the source, found 2"), ("1", "found more")] {
        let (mut pc, mut next) = (Pc::new("10.0", "pc", &[]), Pc::incoming("10.0", "pc"));
        set_channels(&mut pc.qemu, (2, "none"));
        set_channels(&mut next.qemu, (2, "none"));
        let options = ["--listen-multifd", channels, "--connect-multifd", "2", "--timeout", "5"];
        let relay = Relay::start(None, &options);
        relay.migrate(&mut pc.qemu, &mut next.qemu);
        await_status(&mut pc.qemu, "failed");
        let error = relay.tool.finish().error();
        assert!(error.contains(message), "{error}");
        await_run_state(&mut pc.qemu, "running");
        pc.assert_right();
    }
}

/// A folder with certificates.
struct Site(Folder);

impl Site {
    fn new() -> Self {
        let folder = Folder::new();
        Authority::new("Authority").write_to(Path::new(&folder.path("right")));
        Authority::new("Foreign").write_to(Path::new(&folder.path("foreign")));
        Self(folder)
    }

    /// Starts a QEMU with credentials.
    fn pc(&self, version: &str, folder: &str, more: &[&str]) -> Pc {
        let credentials = |endpoint: &str| {
            let folder = self.0.path(folder);
            format!("tls-creds-x509,id={endpoint},dir={folder},endpoint={endpoint},verify-peer=on")
        };
        let objects = ["-object", &credentials("client"), "-object", &credentials("server")];
        Pc::new(version, "pc", &[&objects, more].concat())
    }
}

#[test]
fn each_side_can_be_encrypted() {
    let site = Site::new();
    let right = site.0.path("right");
    let authz = r"C=AQ,O=Example\, Ltd.,CN=source";
    let near_options = ["--listen-tls-creds", &right, "--listen-tls-authz", authz];
    let far_options = ["--connect-tls-creds", &right, "--connect-tls-hostname", "localhost"];
    for version in VERSIONS {
        for (near, far, channels) in [(true, true, false), (true, false, true), (false, true, true)] {
            let mut pc = site.pc(version, "right", &[]);
            let mut next = site.pc(version, "right", &["-incoming", "defer"]);
            pc.assert_right();
            let mut options = Vec::new();
            if near {
                set_parameters(&mut pc.qemu, json!({ "tls-creds": "client", "tls-hostname": "localhost" }));
                options.extend(near_options);
            }
            if far {
                set_parameters(&mut next.qemu, json!({ "tls-creds": "server" }));
                options.extend(far_options);
            }
            if channels {
                set_channels(&mut pc.qemu, (2, "none"));
                set_channels(&mut next.qemu, (2, "none"));
            }
            Relay::start(None, &options).pass(&mut pc.qemu, &mut next.qemu);
            assert_eq!(next.qemu.status(), "running", "{version}");
            next.assert_right();
        }
    }
}

#[test]
fn foreign_certificates_leave_the_guest() {
    let site = Site::new();
    let (right, foreign) = (site.0.path("right"), site.0.path("foreign"));
    let mut pc = site.pc("10.0", "right", &[]);
    let mut next = site.pc("10.0", "right", &["-incoming", "defer"]);
    set_parameters(&mut next.qemu, json!({ "tls-creds": "server" }));
    let options = ["--connect-tls-creds", &foreign, "--connect-tls-hostname", "localhost"];
    let relay = Relay::start(None, &options);
    relay.migrate(&mut pc.qemu, &mut next.qemu);
    await_status(&mut pc.qemu, "failed");
    let error = relay.tool.finish().error();
    assert!(error.contains("TLS"), "{error}");
    await_run_state(&mut pc.qemu, "running");

    // The source expects TLS, and the relay does not use it.
    set_parameters(&mut pc.qemu, json!({ "tls-creds": "client", "tls-hostname": "localhost" }));
    let mut next = site.pc("10.0", "right", &["-incoming", "defer"]);
    set_parameters(&mut next.qemu, json!({ "tls-creds": "server" }));
    let relay = Relay::start(None, &["--connect-tls-creds", &right, "--connect-tls-hostname", "localhost"]);
    relay.migrate(&mut pc.qemu, &mut next.qemu);
    await_status(&mut pc.qemu, "failed");
    let error = relay.tool.finish().error();
    assert!(error.contains("the relay has no certificate"), "{error}");
    await_run_state(&mut pc.qemu, "running");
    pc.assert_right();
}
