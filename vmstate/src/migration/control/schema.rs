//! The reply of `query-qmp-schema`: the types of commands and events.
//!
//! (QEMU: `qapi/introspect.json`. Its names of types are numbers, too: clients must not rely on them.)

use serde_json::{Value, json};

use super::super::QemuRelease;
use super::arguments::{Member, Type, optional, required};
use super::command::COMMANDS;
use super::job::JobStatus;
use super::reply;

/// Returns the names of all commands.
pub(super) fn commands() -> Value {
    let names = COMMANDS.iter().map(|row| row.name).chain(["qmp_capabilities"]);
    names.map(|name| json!({ "name": name })).collect()
}

/// Returns the schema of `release`, as far as this library implements it.
pub(super) fn schema(release: QemuRelease) -> Value {
    let mut schema = Schema::default();
    for row in COMMANDS {
        schema.command(row.name, &Type::Object((row.arguments)(release)), &(row.returns)(release));
    }
    let enable = optional("enable", Type::list(Type::Words(Vec::new())));
    schema.command("qmp_capabilities", &Type::Object(vec![enable]), &Type::Object(Vec::new()));
    for (name, members) in events(release) {
        let data = schema.reference(&Type::Object(members));
        schema.entities.push(json!({ "name": name, "meta-type": "event", "arg-type": data }));
    }
    Value::Array(schema.entities)
}

fn events(release: QemuRelease) -> Vec<(&'static str, Vec<Member>)> {
    let causes = Type::Words(vec!["host-qmp-quit"]);
    vec![
        ("MIGRATION", vec![required("status", Type::Words(reply::status_names(release)))]),
        ("MIGRATION_PASS", vec![required("pass", Type::Integer)]),
        ("STOP", Vec::new()),
        ("RESUME", Vec::new()),
        ("JOB_STATUS_CHANGE", vec![required("id", Type::Text), required("status", JobStatus::words())]),
        ("SHUTDOWN", vec![required("guest", Type::Flag), required("reason", causes)]),
    ]
}

#[derive(Default)]
struct Schema {
    entities: Vec<Value>,
    /// The types that have a name, by number.
    named: Vec<Type>,
}

impl Schema {
    fn command(&mut self, name: &str, arguments: &Type, returns: &Type) {
        let (arguments, returns) = (self.reference(arguments), self.reference(returns));
        self.entities.push(json!({
            "name": name, "meta-type": "command", "arg-type": arguments, "ret-type": returns, "allow-oob": false,
        }));
    }

    /// Returns the name of a type, and defines it if it is new.
    fn reference(&mut self, kind: &Type) -> String {
        if let Some(name) = builtin(kind) {
            if !self.named.contains(kind) {
                self.named.push(kind.clone());
                self.entities.push(json!({ "name": name, "meta-type": "builtin", "json-type": json_type(kind) }));
            }
            return name.to_owned();
        }
        if let Some(number) = self.named.iter().position(|named| named == kind) {
            return name(kind, number);
        }
        let name = name(kind, self.named.len());
        self.named.push(kind.clone());
        let entity = self.define(&name, kind);
        self.entities.push(entity);
        name
    }

    fn define(&mut self, name: &str, kind: &Type) -> Value {
        match kind {
            Type::List(element) => {
                json!({ "name": name, "meta-type": "array", "element-type": self.reference(element) })
            }
            Type::Words(words) => {
                let members: Vec<_> = words.iter().map(|word| json!({ "name": word })).collect();
                json!({ "name": name, "meta-type": "enum", "members": members, "values": words })
            }
            Type::Object(members) => self.define_object(name, members),
            builtin => json!({ "name": name, "meta-type": "builtin", "json-type": json_type(builtin) }),
        }
    }

    fn define_object(&mut self, name: &str, members: &[Member]) -> Value {
        let list: Vec<_> = members.iter().map(|member| self.member(member)).collect();
        let mut object = json!({ "name": name, "meta-type": "object", "members": list });
        for member in members {
            if let Type::Choice(cases) = &member.kind {
                let variant = |(case, members): &(&str, Vec<Member>)| json!({ "case": case, "type": self.reference(&Type::Object(members.clone())) });
                let variants: Vec<_> = cases.iter().map(variant).collect();
                object["tag"] = member.name.into();
                object["variants"] = variants.into();
            }
        }
        object
    }

    /// Returns a member of an object. The member `default` marks it as optional.
    fn member(&mut self, member: &Member) -> Value {
        let kind = match &member.kind {
            Type::Choice(cases) => self.reference(&Type::Words(cases.iter().map(|(case, _)| *case).collect())),
            kind => self.reference(kind),
        };
        if member.optional {
            json!({ "name": member.name, "type": kind, "default": null })
        } else {
            json!({ "name": member.name, "type": kind })
        }
    }
}

fn name(kind: &Type, number: usize) -> String {
    if matches!(kind, Type::List(_)) { format!("[{number}]") } else { number.to_string() }
}

fn builtin(kind: &Type) -> Option<&'static str> {
    Some(match kind {
        Type::Text => "str",
        Type::Flag => "bool",
        Type::Integer => "int",
        Type::Number => "number",
        Type::Any => "any",
        _ => return None,
    })
}

fn json_type(kind: &Type) -> &'static str {
    match kind {
        Type::Flag => "boolean",
        Type::Integer => "int",
        Type::Number => "number",
        Type::Any => "value",
        _ => "string",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Returns all names of types to which an entity refers.
    fn references(entity: &Value) -> Vec<&str> {
        let direct = ["arg-type", "ret-type", "element-type"].into_iter().filter_map(|key| entity.get(key));
        let members = entity.get("members").and_then(Value::as_array).into_iter().flatten();
        direct.chain(members.filter_map(|member| member.get("type"))).filter_map(Value::as_str).collect()
    }

    #[test]
    fn all_references_are_defined_once() {
        for release in [QemuRelease::V7_2, QemuRelease::V10_0, QemuRelease::V11_1] {
            let schema = schema(release);
            let entities = schema.as_array().unwrap();
            let names: Vec<_> = entities.iter().map(|entity| entity["name"].as_str().unwrap()).collect();
            let defined: HashSet<_> = names.iter().copied().collect();
            assert_eq!(defined.len(), names.len(), "duplicate names");
            for entity in entities {
                assert!(references(entity).iter().all(|name| defined.contains(name)), "{entity}");
            }
        }
    }

    #[test]
    fn optional_arguments_have_a_default() {
        let schema = schema(QemuRelease::V10_0);
        let find = |name: &str| schema.as_array().unwrap().iter().find(|entity| entity["name"] == *name).unwrap();
        let arguments = find(find("migrate")["arg-type"].as_str().unwrap());
        let names: Vec<_> = arguments["members"].as_array().unwrap().iter().map(|member| &member["name"]).collect();
        assert_eq!(names, ["uri", "channels", "resume", "detach"]);
        assert!(arguments["members"][0].get("default").is_some());
    }
}
