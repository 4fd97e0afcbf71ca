//! The parameters of a migration: names, defaults, units, ranges and messages, as one table.
//!
//! (QEMU: `MigrationParameters` in `qapi/migration.json`, `migrate_params_check` in `migration/options.c`.)

mod choices;
mod mapping;
mod table;
mod value;

pub use self::choices::{Compression, Mode, OnDoubt, OnStall, Policy, ZeroPages};
#[cfg(feature = "control")]
pub(super) use self::mapping::is_well_formed;
pub use self::mapping::{BitmapAlias, BitmapTransform, NodeAlias};
pub use self::table::{Parameter, Parameters};
pub use self::value::{InvalidParameter, ParameterValue, Unit};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::QemuRelease;

    fn rejection(name: &str, value: impl Into<ParameterValue>, release: QemuRelease) -> String {
        Parameters::default().set(name, value.into(), release).unwrap_err().qemu_message(release)
    }

    #[test]
    fn defaults_match_qemu() {
        let parameters = Parameters::default();
        let default = |name| parameters.get(name).unwrap();
        for (name, value) in [
            ("max-bandwidth", 134_217_728),
            ("downtime-limit", 300),
            ("multifd-channels", 2),
            ("xbzrle-cache-size", 67_108_864),
            ("throttle-trigger-threshold", 50),
            ("cpu-throttle-initial", 20),
            ("cpu-throttle-increment", 10),
            ("max-cpu-throttle", 99),
            ("announce-initial", 50),
            ("announce-max", 550),
            ("announce-rounds", 5),
            ("announce-step", 100),
            ("x-checkpoint-delay", 20000),
            ("x-vcpu-dirty-limit-period", 1000),
        ] {
            assert_eq!(default(name), ParameterValue::Unsigned(value), "{name}");
        }
        assert_eq!(default("multifd-compression"), ParameterValue::Text("none".into()));
        assert_eq!(default("zero-page-detection"), ParameterValue::Text("multifd".into()));
        assert_eq!(default("tls-creds"), ParameterValue::Text(String::new()));
        assert_eq!(default("direct-io"), ParameterValue::Flag(false));
    }

    #[test]
    fn ranges_have_qemu_messages() {
        let release = QemuRelease::V10_0;
        for (name, value, expected) in [
            (
                "downtime-limit",
                2_000_001,
                "Parameter 'downtime_limit' expects an integer in the range of 0 to (2000 * 1000) ms",
            ),
            ("multifd-channels", 0, "Parameter 'multifd_channels' expects a value between 1 and 255"),
            ("multifd-channels", 256, "Parameter 'multifd-channels' expects uint8_t"),
            (
                "xbzrle-cache-size",
                5000,
                "Parameter 'xbzrle_cache_size' expects a power of two no less than the target page size",
            ),
            (
                "throttle-trigger-threshold",
                0,
                "Parameter 'throttle_trigger_threshold' expects an integer in the range of 1 to 100",
            ),
            (
                "cpu-throttle-initial",
                100,
                "Parameter 'cpu_throttle_initial' expects an integer in the range of 1 to 99",
            ),
            (
                "max-cpu-throttle",
                10,
                "Parameter 'max_cpu_throttle' expects an integer in the range of cpu_throttle_initial to 99",
            ),
            ("announce-step", 10001, "Parameter 'announce_step' expects a value between 0 and 10000"),
            ("announce-step", 0, "Parameter 'announce_step' expects a value between 0 and 10000"),
            ("vcpu-dirty-limit", 0, "Parameter 'vcpu_dirty_limit' must be greater than 1 MB/s"),
        ] {
            assert_eq!(rejection(name, value, release), expected);
        }
        assert_eq!(rejection("zzz", 1, release), "Parameter 'zzz' is unexpected");
        assert_eq!(
            rejection("multifd-channels", 0, QemuRelease::V11_1),
            "Option multifd-channels expects a value between 1 and 255"
        );
        assert_eq!(
            rejection("multifd-compression", "x", release),
            "Parameter 'multifd-compression' does not accept value 'x'"
        );
        assert_eq!(
            rejection("cpu-throttle-tailslow", 1, release),
            "Invalid parameter type for 'cpu-throttle-tailslow', expected: boolean"
        );
    }

    #[test]
    fn mapping_of_one_alias_twice_changes_nothing() {
        let node = |name: &str| NodeAlias { node_name: name.into(), alias: "a".into(), bitmaps: Vec::new() };
        let value = |names: &[&str]| ParameterValue::Mapping(Some(names.iter().map(|name| node(name)).collect()));
        let (mut parameters, release) = (Parameters::default(), QemuRelease::V10_0);
        parameters.set("block-bitmap-mapping", value(&["n"]), release).unwrap();
        let before = parameters.clone();
        let error = parameters.set("block-bitmap-mapping", value(&["n", "m"]), release).unwrap_err();
        assert_eq!(
            error.qemu_message(release),
            "Invalid mapping given for block-bitmap-mapping: The node alias 'a' is used twice"
        );
        assert_eq!(parameters, before);
        parameters.check().unwrap();
    }

    #[test]
    fn releases_have_their_own_parameters() {
        let has = |name, release| Parameters::default().set(name, ParameterValue::Unsigned(1), release).is_ok();
        assert!(!has("avail-switchover-bandwidth", QemuRelease::V7_2));
        assert!(has("avail-switchover-bandwidth", QemuRelease::V10_0));
        assert!(!has("vcpu-dirty-limit", QemuRelease::V7_2));
    }

    #[test]
    fn unimplemented_parameters_are_rejected_by_name() {
        let mut parameters = Parameters::default();
        parameters.set("multifd-channels", ParameterValue::Unsigned(4), QemuRelease::V10_0).unwrap();
        parameters.check().unwrap();
        parameters.set("mode", "cpr-reboot".into(), QemuRelease::V10_0).unwrap();
        parameters.check().unwrap();
        parameters.set("mode", "cpr-exec".into(), QemuRelease::V11_1).unwrap();
        assert!(parameters.check().unwrap_err().to_string().contains("`mode`"));
    }

    #[test]
    fn encryption_requires_the_feature() {
        let mut parameters = Parameters::default();
        parameters.set("tls-creds", "tls0".into(), QemuRelease::V10_0).unwrap();
        assert_eq!(parameters.check().is_ok(), cfg!(feature = "tls"));
    }

    #[test]
    fn every_parameter_is_read_back() {
        for parameter in Parameter::all() {
            let mut parameters = Parameters::default();
            let value = parameters.get(parameter.name()).unwrap();
            let release = parameter.newest_release();
            parameters.set(parameter.name(), value.clone(), release).unwrap();
            assert_eq!(parameters.get(parameter.name()), Some(value));
        }
    }
}
