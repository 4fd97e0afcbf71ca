//! The objects of `object-add`, which the parameters `tls-creds` and `tls-authz` name.
//!
//! (QEMU: `qapi/qom.json`, `user_creatable_add_type` in `qom/object_interfaces.c`.)

use serde_json::Value;

use super::super::tls::Specification;
use super::super::{AccessList, Objects, TlsEndpoint};
use super::arguments::{Arguments, Member, Type, is_identifier, optional, required};
use super::error::{CommandError, shortened};

/// A request to create an object: its id, and its checked properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRequest {
    id: String,
    specification: Specification,
}

/// The types of objects, with their properties.
pub(super) fn arguments() -> Vec<Member> {
    let endpoint = Type::Words(vec!["client", "server"]);
    let credentials =
        vec![optional("verify-peer", Type::Flag), optional("dir", Type::Text), optional("endpoint", endpoint)];
    let policy = || Type::Words(vec!["deny", "allow"]);
    let rule = vec![
        required("match", Type::Text),
        required("policy", policy()),
        optional("format", Type::Words(vec!["exact", "glob"])),
    ];
    let list = vec![optional("policy", policy()), optional("rules", Type::list(Type::Object(rule)))];
    let types = Type::Choice(vec![
        ("authz-list", list),
        ("authz-simple", vec![required("identity", Type::Text)]),
        ("tls-creds-x509", credentials),
    ]);
    vec![required("qom-type", types), required("id", Type::Text)]
}

pub(super) fn parse(arguments: &Arguments<'_>) -> Result<ObjectRequest, CommandError> {
    let id = arguments.owned("id");
    if !is_identifier(&id) {
        return Err(CommandError::new("Parameter 'id' expects an identifier"));
    }
    let specification = match arguments.text("qom-type") {
        Some("authz-list") => Specification::List(access_list(arguments)),
        Some("authz-simple") => Specification::Name(arguments.owned("identity")),
        _ => Specification::Credentials {
            folder: arguments.text("dir").ok_or_else(|| CommandError::new("Missing 'dir' property value"))?.to_owned(),
            endpoint: match arguments.text("endpoint") {
                Some("server") => TlsEndpoint::Server,
                _ => TlsEndpoint::Client,
            },
            verify_peer: arguments.flag("verify-peer").unwrap_or(true),
        },
    };
    Ok(ObjectRequest { id, specification })
}

fn access_list(arguments: &Arguments<'_>) -> AccessList {
    let is_allowed = |policy: Option<&str>| policy == Some("allow");
    let others = if is_allowed(arguments.text("policy")) { AccessList::allowing() } else { AccessList::denying() };
    arguments.list("rules").iter().fold(others, |list, rule| {
        let text = |name: &str| rule.get(name).and_then(Value::as_str);
        list.rule(text("match").unwrap_or_default(), text("format") == Some("glob"), is_allowed(text("policy")))
    })
}

impl ObjectRequest {
    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Creates the object.
    ///
    /// # Errors
    /// Returns an error if the id is in use, or credentials cannot be read.
    pub(super) fn create(self, objects: &Objects) -> Result<(), CommandError> {
        let Self { id, specification } = self;
        if objects.contains(&id) {
            let message =
                format!("attempt to add duplicate property '{}' to object (type 'container')", shortened(&id));
            return Err(CommandError::new(message));
        }
        specification.create(&id, objects).map_err(|error| CommandError::new(error.to_string()))
    }
}

pub(super) fn remove(id: &str, objects: &Objects) -> Result<(), CommandError> {
    if objects.remove(id) { Ok(()) } else { Err(CommandError::new(format!("object '{}' not found", shortened(id)))) }
}
