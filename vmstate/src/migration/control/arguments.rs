//! The arguments of commands: their types as a table, from which checks and the schema derive.

use serde_json::{Map, Value};

use super::super::QemuRelease;
use super::super::parameter::is_well_formed;
use super::error::CommandError;

/// The type of an argument or of a member of a reply (QEMU: QAPI's schema).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Flag,
    Integer,
    Number,
    Any,
    Words(Vec<&'static str>),
    /// A word that decides about further members of its object (QEMU: the tag of a union).
    Choice(Vec<(&'static str, Vec<Member>)>),
    List(Box<Self>),
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) kind: Type,
    pub(super) optional: bool,
}

pub(super) fn required(name: &'static str, kind: Type) -> Member {
    Member { name, kind, optional: false }
}

pub(super) fn optional(name: &'static str, kind: Type) -> Member {
    Member { name, kind, optional: true }
}

/// Returns a member that newer releases have.
pub(super) fn since_10_0(release: QemuRelease, member: impl FnOnce() -> Member) -> Vec<Member> {
    if release >= QemuRelease::V10_0 { vec![member()] } else { Vec::new() }
}

impl Type {
    pub(super) fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// Checks a value and all of its members. `name` is its path, such as `capabilities[0].state`.
    ///
    /// # Errors
    /// Returns QEMU's error for the first member that does not fit.
    pub(super) fn check(&self, value: &Value, name: &str) -> Result<(), CommandError> {
        let expected = match (self, value) {
            (Self::Any, _)
            | (Self::Text, Value::String(_))
            | (Self::Flag, Value::Bool(_))
            | (Self::Number, Value::Number(_)) => return Ok(()),
            (Self::Integer, Value::Number(number)) if !number.is_f64() => return Ok(()),
            (Self::Words(words), Value::String(word)) => return check_word(words, word, name),
            (Self::Choice(cases), Value::String(word)) => {
                return check_word(&cases.iter().map(|(case, _)| *case).collect::<Vec<_>>(), word, name);
            }
            (Self::List(element), Value::Array(list)) => return check_list(element, list, name),
            (Self::Object(members), Value::Object(object)) => return check_object(members, object, name),
            (Self::Text | Self::Words(_) | Self::Choice(_), _) => "string",
            (Self::Flag, _) => "boolean",
            (Self::Integer, _) => "integer",
            (Self::Number, _) => "number",
            (Self::List(_), _) => "array",
            (Self::Object(_), _) => "object",
        };
        Err(CommandError::wrong_type(name, expected))
    }
}

fn check_word(words: &[&str], word: &str, name: &str) -> Result<(), CommandError> {
    // QEMU's message has only the last part of the path.
    let last = name.rsplit('.').next().unwrap_or(name);
    if words.contains(&word) { Ok(()) } else { Err(CommandError::unknown_word(last, word)) }
}

fn check_list(element: &Type, list: &[Value], name: &str) -> Result<(), CommandError> {
    list.iter().enumerate().try_for_each(|(index, value)| element.check(value, &format!("{name}[{index}]")))
}

/// Checks the members of an object, in the order of the table. The arguments themselves have an empty `name`.
pub(super) fn check_object(members: &[Member], object: &Map<String, Value>, name: &str) -> Result<(), CommandError> {
    let path = |member: &str| if name.is_empty() { member.to_owned() } else { format!("{name}.{member}") };
    let check = |member: &Member| match object.get(member.name) {
        Some(value) => member.kind.check(value, &path(member.name)),
        None if member.optional => Ok(()),
        None => Err(CommandError::missing(&path(member.name))),
    };
    members.iter().try_for_each(check)?;
    let chosen: Vec<_> = members.iter().flat_map(|member| member.chosen(object)).collect();
    chosen.iter().copied().try_for_each(check)?;
    match object
        .keys()
        .find(|key| !members.iter().chain(chosen.iter().copied()).any(|member| member.name == key.as_str()))
    {
        Some(unknown) => Err(CommandError::unexpected(&path(unknown))),
        None => Ok(()),
    }
}

impl Member {
    /// Returns the further members of an object that this one decides about.
    fn chosen(&self, object: &Map<String, Value>) -> &[Self] {
        match (&self.kind, object.get(self.name).and_then(Value::as_str)) {
            (Type::Choice(cases), Some(word)) => {
                cases.iter().find(|(case, _)| *case == word).map(|(_, members)| members.as_slice()).unwrap_or_default()
            }
            _ => &[],
        }
    }
}

/// The longest id of a job or an object. QEMU has no limit.
const MAX_ID: usize = 255;

/// Returns whether a text is an id.
pub(super) fn is_identifier(id: &str) -> bool {
    id.len() <= MAX_ID && is_well_formed(id)
}

/// The arguments of one command, which [`check_object`] has accepted.
pub(super) struct Arguments<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Arguments<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// Returns a copy of a text, or an empty one.
    pub(super) fn owned(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    pub(super) fn list(&self, name: &str) -> &'a [Value] {
        self.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns a number that is not negative.
    ///
    /// # Errors
    /// Returns an error for a negative number.
    pub(super) fn unsigned(&self, name: &str) -> Result<Option<u64>, CommandError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_u64().ok_or_else(|| CommandError::new(format!("Parameter '{name}' expects uint64_t")))?;
        Ok(Some(number))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_have_the_path_of_the_member() {
        let item = Type::Object(vec![required("capability", Type::Words(vec!["a"])), required("state", Type::Flag)]);
        let members = [required("list", Type::list(item)), optional("n", Type::Integer)];
        let message = |value: Value| {
            let object = value.as_object().unwrap();
            check_object(&members, object, "").err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(message(json!({"list": []})), "");
        assert_eq!(message(json!({})), "Parameter 'list' is missing");
        assert_eq!(message(json!({"list": 1})), "Invalid parameter type for 'list', expected: array");
        assert_eq!(
            message(json!({"list": [{"capability": "a", "state": 1}]})),
            "Invalid parameter type for 'list[0].state', expected: boolean"
        );
        let unknown = "Parameter 'capability' does not accept value 'b'";
        assert_eq!(message(json!({"list": [{"capability": "b", "state": true}]})), unknown);
        assert_eq!(message(json!({"list": [{"state": true}]})), "Parameter 'list[0].capability' is missing");
        assert_eq!(message(json!({"list": [], "x": 1})), "Parameter 'x' is unexpected");
        assert_eq!(message(json!({"list": [], "n": 1.5})), "Invalid parameter type for 'n', expected: integer");
    }

    #[test]
    fn word_decides_about_members() {
        let cases = vec![("a", vec![required("x", Type::Flag)]), ("b", vec![optional("y", Type::Text)])];
        let members = [required("kind", Type::Choice(cases)), required("id", Type::Text)];
        let message = |value: Value| {
            let object = value.as_object().unwrap();
            check_object(&members, object, "").err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(message(json!({"kind": "a", "id": "1", "x": true})), "");
        assert_eq!(message(json!({"kind": "b", "id": "1"})), "");
        assert_eq!(message(json!({"kind": "a"})), "Parameter 'id' is missing");
        assert_eq!(message(json!({"kind": "a", "id": "1"})), "Parameter 'x' is missing");
        assert_eq!(message(json!({"kind": "b", "id": "1", "x": true})), "Parameter 'x' is unexpected");
        assert_eq!(
            message(json!({"kind": "b", "id": "1", "y": 1})),
            "Invalid parameter type for 'y', expected: string"
        );
        assert_eq!(message(json!({"kind": "c", "id": "1"})), "Parameter 'kind' does not accept value 'c'");
        assert_eq!(message(json!({"kind": 1, "id": "1"})), "Invalid parameter type for 'kind', expected: string");
    }
}
