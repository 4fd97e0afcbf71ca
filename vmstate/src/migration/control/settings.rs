//! Capabilities and parameters, as commands set them.

use serde_json::{Map, Value, json};

use super::super::destination::DestinationConfig;
use super::super::{
    Capabilities, Capability, Compression, MachineSwitches, Parameter, ParameterValue, Parameters, QemuRelease, Uri,
};
use super::error::CommandError;
use super::mapping;

/// QEMU's message about data channels of a file that compress or encrypt.
const ONLY_PLAIN: &str = "Mapped-ram only available for non-compressed non-TLS multifd migration";

/// The capabilities and parameters of the next migration, which commands change.
///
/// `release` decides about names, ranges and messages: a management layer that knows QEMU 7.2 sees QEMU 7.2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Settings {
    /// The release that the monitor appears to be.
    pub release: QemuRelease,
    /// The capabilities.
    pub capabilities: Capabilities,
    /// The parameters.
    pub parameters: Parameters,
    /// Lets clients use addresses with `exec:`, and so run any program with the rights of this one.
    pub programs: bool,
    /// Lets clients use addresses with `file:`, and so read and write files with the rights of this program.
    pub files: bool,
    /// The objects that `tls-creds` and `tls-authz` name.
    #[cfg(feature = "tls")]
    pub objects: super::super::Objects,
    /// Set if a command has chosen whether destinations answer.
    pub(super) return_path_chosen: bool,
}

impl Settings {
    /// Creates settings with the defaults of this library.
    #[must_use]
    pub fn new(release: QemuRelease) -> Self {
        Self { release, ..Self::default() }
    }

    /// Sets capabilities; after an error all are unchanged. `running` is whether a migration is in progress.
    ///
    /// # Errors
    /// Returns an error during a migration, or if the release or this library does not support the combination.
    pub fn set_capabilities(&mut self, changes: &[(Capability, bool)], running: bool) -> Result<(), CommandError> {
        if running {
            return Err(CommandError::in_progress());
        }
        let mut capabilities = self.capabilities;
        for (capability, on) in changes {
            capabilities.set(*capability, *on);
        }
        let chosen =
            self.return_path_chosen || changes.iter().any(|(capability, _)| *capability == Capability::ReturnPath);
        let background = [self.capabilities, capabilities].map(|set| set.has(Capability::BackgroundSnapshot));
        // QEMU's default is off, so its clients do not switch it off.
        if !chosen && background[0] != background[1] {
            capabilities.set(Capability::ReturnPath, background[0]);
        }
        capabilities.check(self.release)?;
        if background[1] {
            check_write_protection()?;
        }
        (self.capabilities, self.return_path_chosen) = (capabilities, chosen);
        Ok(())
    }

    /// Returns the capabilities of a migration to `uri`. Most programs of `exec:` do not answer, and the source would wait
    /// for them, so the return path is off by default.
    pub(super) fn capabilities_for(&self, uri: &Uri) -> Capabilities {
        let mut capabilities = self.capabilities;
        if matches!(uri, Uri::Exec(_)) && !self.return_path_chosen {
            capabilities.set(Capability::ReturnPath, false);
        }
        capabilities
    }

    /// Rejects an address that the program does not let clients use.
    pub(super) fn check_address(&self, uri: &Uri) -> Result<(), CommandError> {
        match uri {
            Uri::Exec(_) if !self.programs => Err(CommandError::not_permitted("exec", "programs")),
            Uri::File { .. } if !self.files => Err(CommandError::not_permitted("file", "files")),
            _ => Ok(()),
        }
    }

    /// Returns the configuration of a destination with this machine type.
    pub(super) fn destination(&self, machine_type: &str) -> DestinationConfig {
        let (capabilities, parameters) = (self.capabilities, self.parameters.clone());
        DestinationConfig {
            capabilities,
            parameters,
            legacy_approval: MachineSwitches::new(machine_type, self.release).legacy_approval,
            #[cfg(feature = "tls")]
            objects: self.objects.clone(),
            ..DestinationConfig::default()
        }
    }

    /// Sets parameters by name; after an error all are unchanged.
    ///
    /// # Errors
    /// Returns an error for an unknown name or a value that the parameter does not accept.
    pub fn set_parameters(&mut self, changes: &Map<String, Value>) -> Result<(), CommandError> {
        let mut parameters = self.parameters.clone();
        for (name, value) in changes {
            let value = parameter_value(name, value)?;
            let set = parameters.set(name, value, self.release);
            set.map_err(|error| CommandError::parameter(&error, self.release))?;
        }
        self.check_places()?;
        self.parameters = parameters;
        Ok(())
    }

    /// Checks the parameters that a command replaces, not the new ones, as QEMU does (`migrate_params_check` in
    /// `migration/options.c`).
    fn check_places(&self) -> Result<(), CommandError> {
        let is_plain = self.parameters.multifd_compression == Compression::None && self.parameters.tls_creds.is_empty();
        match self.capabilities.has(Capability::MappedRam) && !is_plain {
            true => Err(CommandError::new(ONLY_PLAIN)),
            false => Ok(()),
        }
    }

    /// Returns the reply of `query-migrate-capabilities`.
    pub(super) fn capabilities_reply(&self) -> Value {
        let known = Capability::ALL.iter().filter(|capability| capability.exists_in(self.release));
        let state = |capability: &Capability| json!({ "capability": capability.name(), "state": self.capabilities.has(*capability) });
        known.map(state).collect()
    }

    /// Returns the reply of `query-migrate-parameters`, with the extensions of this library.
    pub(super) fn parameters_reply(&self) -> Value {
        let known = Parameter::all().filter(|parameter| parameter.exists_in(self.release));
        let member = |parameter: &Parameter| {
            let value = match self.parameters.get(parameter.name())? {
                ParameterValue::Unsigned(number) => json!(number),
                ParameterValue::Flag(flag) => json!(flag),
                ParameterValue::Text(text) => json!(text),
                ParameterValue::Mapping(nodes) => mapping::to_value(&nodes?),
            };
            Some((parameter.name().to_owned(), value))
        };
        Value::Object(known.filter_map(member).collect())
    }
}

/// Checks that the system can protect memory, with QEMU's message (`migrate_caps_check` in `migration/options.c`).
fn check_write_protection() -> Result<(), CommandError> {
    #[cfg(unix)]
    let probed = super::super::drive::probe_background();
    #[cfg(not(unix))]
    let probed = Err("it requires Linux".to_owned());
    probed.map_err(|reason: String| {
        CommandError::new(format!("Background-snapshot is not supported by host kernel: {reason}"))
    })
}

/// Returns whether a parameter has one of several words as its value. Other texts can be `null`.
fn is_word(name: &str) -> bool {
    let is_text = matches!(Parameters::default().get(name), Some(ParameterValue::Text(_)));
    is_text && !name.starts_with("tls-")
}

fn is_mapping(name: &str) -> bool {
    matches!(Parameters::default().get(name), Some(ParameterValue::Mapping(_)))
}

/// Converts a JSON value. Negative numbers are taken modulo 2^64, as QEMU takes them; `null` is the empty text.
fn parameter_value(name: &str, value: &Value) -> Result<ParameterValue, CommandError> {
    Ok(match value {
        Value::Bool(flag) => (*flag).into(),
        Value::String(text) => text.as_str().into(),
        Value::Null if is_word(name) => return Err(CommandError::wrong_type(name, "string")),
        Value::Null => "".into(),
        Value::Number(number) => {
            let unsigned = number.as_u64().or_else(|| number.as_i64().map(i64::cast_unsigned));
            unsigned.ok_or_else(|| CommandError::wrong_type(name, "integer"))?.into()
        }
        Value::Array(_) if is_mapping(name) => ParameterValue::Mapping(Some(mapping::parse(value, name)?)),
        Value::Object(_) if is_mapping(name) => return Err(CommandError::wrong_type(name, "array")),
        Value::Array(_) | Value::Object(_) => return Err(CommandError::unexpected(name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(settings: &mut Settings, changes: &Value) -> Result<(), String> {
        settings.set_parameters(changes.as_object().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn failed_command_changes_nothing() {
        let mut settings = Settings::new(QemuRelease::V10_0);
        let before = settings.clone();
        let changes = json!({"downtime-limit": 50, "multifd-channels": 0});
        assert!(set(&mut settings, &changes).unwrap_err().contains("'multifd_channels'"));
        let ack_alone = [(Capability::ReturnPath, false), (Capability::SwitchoverAck, true)];
        settings.set_capabilities(&ack_alone, false).unwrap_err();
        assert_eq!(settings, before);
    }

    #[test]
    fn combination_is_checked_as_a_whole() {
        let mut settings = Settings::new(QemuRelease::V10_0);
        settings.set_capabilities(&[(Capability::ReturnPath, false)], false).unwrap();
        let both = [(Capability::SwitchoverAck, true), (Capability::ReturnPath, true)];
        settings.set_capabilities(&both, false).unwrap();
        let error = settings.set_capabilities(&both, true).unwrap_err();
        assert_eq!(error.to_string(), "There's a migration process in progress");
    }

    /// The return path is on by default here, unlike in QEMU.
    #[test]
    fn background_snapshot_needs_no_other_change() {
        let mut settings = Settings::new(QemuRelease::V10_0);
        let default = settings.capabilities;
        let background = |on| [(Capability::BackgroundSnapshot, on)];
        let answers = |settings: &Settings| settings.capabilities.has(Capability::ReturnPath);
        if let Err(error) = settings.set_capabilities(&background(true), false) {
            let error = error.to_string();
            assert!(error.starts_with("Background-snapshot is not supported by host kernel: "), "{error}");
            assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
            return eprintln!("NOT TESTED: {error}");
        }
        assert!(!answers(&settings));
        settings.set_capabilities(&background(false), false).unwrap();
        assert_eq!(settings.capabilities, default);
        settings.set_capabilities(&[(Capability::ReturnPath, true)], false).unwrap();
        let error = settings.set_capabilities(&background(true), false).unwrap_err().to_string();
        assert_eq!(error, "Background-snapshot is not compatible with return-path");
        settings.set_capabilities(&[(Capability::ReturnPath, false)], false).unwrap();
        settings.set_capabilities(&background(true), false).unwrap();
        settings.set_capabilities(&background(false), false).unwrap();
        assert!(!answers(&settings), "it was switched off by a command");
    }

    #[test]
    fn places_exclude_compression_that_is_set() {
        let mut settings = Settings::new(QemuRelease::V10_0);
        let (zlib, none) = (json!({"multifd-compression": "zlib"}), json!({"multifd-compression": "none"}));
        set(&mut settings, &zlib).unwrap();
        settings.set_capabilities(&[(Capability::MappedRam, true), (Capability::Multifd, true)], false).unwrap();
        assert_eq!(set(&mut settings, &none).unwrap_err(), ONLY_PLAIN);
        settings.set_capabilities(&[(Capability::MappedRam, false)], false).unwrap();
        set(&mut settings, &none).unwrap();
        settings.set_capabilities(&[(Capability::MappedRam, true)], false).unwrap();
        set(&mut settings, &zlib).unwrap();
        assert_eq!(set(&mut settings, &none).unwrap_err(), ONLY_PLAIN);
    }

    #[test]
    fn mapping_is_reported_once_it_is_set() {
        let (mut settings, name) = (Settings::new(QemuRelease::V10_0), "block-bitmap-mapping");
        assert_eq!(settings.parameters_reply().get(name), None);
        let bitmap = json!({"name": "b", "alias": "c", "transform": {"persistent": true}});
        let plain = json!({"name": "d", "alias": "e", "transform": {}});
        let nodes = json!([{"node-name": "n", "alias": "a", "bitmaps": [bitmap, plain, {"name": "f", "alias": "g"}]}]);
        set(&mut settings, &json!({ name: nodes })).unwrap();
        assert_eq!(settings.parameters_reply()[name], nodes);
        let error = set(&mut settings, &json!({name: [{"node-name": "n", "alias": "a"}]})).unwrap_err();
        assert_eq!(error, "Parameter 'block-bitmap-mapping[0].bitmaps' is missing");
        assert_eq!(
            set(&mut settings, &json!({"downtime-limit": []})).unwrap_err(),
            "Parameter 'downtime-limit' is unexpected"
        );
        assert_eq!(settings.parameters_reply()[name], nodes);
        set(&mut settings, &json!({ name: [] })).unwrap();
        assert_eq!(settings.parameters_reply()[name], json!([]));
    }

    #[test]
    fn numbers_are_taken_as_qemu_takes_them() {
        let mut settings = Settings::new(QemuRelease::V10_0);
        set(&mut settings, &json!({"max-bandwidth": -1, "tls-creds": null})).unwrap();
        assert_eq!(settings.parameters.max_bandwidth, u64::MAX);
        let error = set(&mut settings, &json!({"multifd-channels": -1})).unwrap_err();
        assert_eq!(error, "Parameter 'multifd-channels' expects uint8_t");
        let error = set(&mut settings, &json!({"max-bandwidth": 1.5})).unwrap_err();
        assert_eq!(error, "Invalid parameter type for 'max-bandwidth', expected: integer");
    }

    #[test]
    fn replies_list_the_settings_of_the_release() {
        for (release, capabilities) in [(QemuRelease::V7_2, 21), (QemuRelease::V10_0, 22)] {
            let settings = Settings::new(release);
            assert_eq!(settings.capabilities_reply().as_array().unwrap().len(), capabilities);
            let parameters = settings.parameters_reply();
            assert_eq!(parameters["downtime-limit"], 300);
            assert_eq!(parameters.get("direct-io").is_some(), release == QemuRelease::V10_0);
        }
    }
}
