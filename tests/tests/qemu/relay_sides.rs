//! Running guests pass `vmstate relay`, whose sides have other data channels, compression and encryption.

use std::path::Path;

use serde_json::{Value, json};
use vmstate_tests::certificates::Authority;
use vmstate_tests::qemu::{Qemu, VERSIONS};
use vmstate_tests::tool::Folder;

use crate::relay::{Relay, await_run_state, await_status};
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
