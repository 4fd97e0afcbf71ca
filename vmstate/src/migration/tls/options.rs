//! Objects in the syntax of QEMU's `-object`.

use super::access_list::AccessList;
use super::credentials::{TlsEndpoint, TlsError};
use super::objects::Objects;
use super::specification::Specification;

impl Objects {
    /// Adds an object in the syntax of QEMU's `-object`. A comma in a value is doubled.
    ///
    /// | object | options |
    /// |---|---|
    /// | `tls-creds-x509,id=ID` | `dir=FOLDER`, `endpoint=client` or `server`, `verify-peer=on` or `off` |
    /// | `authz-simple,id=ID` | `identity=NAME` |
    /// | `authz-list,id=ID` | `policy=allow` or `deny`, and for each rule N from 0: `rules.N.match=NAME`, `rules.N.policy`, and `rules.N.format=exact` or `glob` |
    ///
    /// # Errors
    /// Returns an error for an unknown type or option, a missing one, or credentials that cannot be read.
    pub fn add(&self, text: &str) -> Result<(), TlsError> {
        let mut options = Options::parse(text)?;
        let id = options.required("id")?;
        let specification = match options.kind.as_str() {
            "tls-creds-x509" => credentials(&mut options)?,
            "authz-simple" => Specification::Name(options.required("identity")?),
            "authz-list" => Specification::List(access_list(&mut options)?),
            other => {
                return Err(TlsError(format!(
                    "unknown object type `{}`; expected `tls-creds-x509`, `authz-simple` or `authz-list`",
                    other.escape_debug()
                )));
            }
        };
        options.check_end()?;
        specification.create(&id, self)
    }
}

fn credentials(options: &mut Options) -> Result<Specification, TlsError> {
    Ok(Specification::Credentials {
        endpoint: options.word("endpoint", &ENDPOINTS)?.unwrap_or_default(),
        verify_peer: options.word("verify-peer", &SWITCH)?.unwrap_or(true),
        folder: options.required("dir")?,
    })
}

fn access_list(options: &mut Options) -> Result<AccessList, TlsError> {
    let allows_others = options.word("policy", &POLICIES)?.unwrap_or(false);
    let mut list = if allows_others { AccessList::allowing() } else { AccessList::denying() };
    for number in 0.. {
        let name = |member: &str| format!("rules.{number}.{member}");
        let Some(pattern) = options.take(&name("match")) else { break };
        let allows = options.word(&name("policy"), &POLICIES)?;
        let allows = allows.ok_or_else(|| TlsError(format!("missing `{}`", name("policy"))))?;
        let is_glob = options.word(&name("format"), &FORMATS)?.unwrap_or(false);
        list = list.rule(&pattern, is_glob, allows);
    }
    Ok(list)
}

const ENDPOINTS: [(&str, TlsEndpoint); 2] = [("client", TlsEndpoint::Client), ("server", TlsEndpoint::Server)];
const SWITCH: [(&str, bool); 8] = [
    ("on", true),
    ("off", false),
    ("yes", true),
    ("no", false),
    ("true", true),
    ("false", false),
    ("y", true),
    ("n", false),
];
const POLICIES: [(&str, bool); 2] = [("allow", true), ("deny", false)];
const FORMATS: [(&str, bool); 2] = [("exact", false), ("glob", true)];

/// A type, and options in the form `NAME=VALUE`.
struct Options {
    kind: String,
    options: Vec<(String, String)>,
}

impl Options {
    fn parse(text: &str) -> Result<Self, TlsError> {
        let mut parts = split(text).into_iter();
        let first = parts.next().unwrap_or_default();
        let kind = first.strip_prefix("qom-type=").unwrap_or(&first).to_owned();
        let option = |part: String| match part.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(TlsError(format!("expected NAME=VALUE, found `{}`", part.escape_debug()))),
        };
        Ok(Self { kind, options: parts.map(option).collect::<Result<_, _>>()? })
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.options.iter().position(|(option, _)| option == name)?;
        Some(self.options.remove(at).1)
    }

    /// Returns the value of an option that has the given words.
    fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, TlsError> {
        let Some(found) = self.take(name) else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == found) {
            Some((_, value)) => Ok(Some(*value)),
            // The others are abbreviations.
            None => {
                let expected =
                    words.iter().take(2).map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
                Err(TlsError(format!("expected {expected} for `{name}`, found `{}`", found.escape_debug())))
            }
        }
    }

    fn required(&mut self, name: &str) -> Result<String, TlsError> {
        self.take(name).ok_or_else(|| TlsError(format!("missing `{name}` of object `{}`", self.kind.escape_debug())))
    }

    fn check_end(&self) -> Result<(), TlsError> {
        match self.options.first() {
            None => Ok(()),
            Some((name, _)) => {
                let (name, kind) = (name.escape_debug(), self.kind.escape_debug());
                Err(TlsError(format!("unknown or duplicate option `{name}` of object `{kind}`")))
            }
        }
    }
}

/// Splits at commas that are not doubled.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, parts.last_mut()) {
            (',', _) if characters.peek() != Some(&',') => parts.push(String::new()),
            (_, Some(part)) => {
                if character == ',' {
                    characters.next();
                }
                part.push(character);
            }
            (_, None) => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(text: &str) -> String {
        Objects::new().add(text).unwrap_err().to_string()
    }

    #[test]
    fn options_are_checked() {
        assert!(rejection("rng-random,id=a").contains("unknown object type `rng-random`"));
        assert!(rejection("authz-simple,identity=CN=a").contains("missing `id`"));
        assert!(rejection("authz-simple,id=a").contains("missing `identity`"));
        assert!(rejection("authz-simple,id=a,identity=b,x=1").contains("option `x`"));
        assert!(rejection("authz-simple,id=a,identity=b,id=c").contains("option `id`"));
        assert!(rejection("authz-simple,id").contains("expected NAME=VALUE"));
        assert!(rejection("tls-creds-x509,id=a,dir=/,endpoint=both").contains("expected `client` or `server`"));
        assert!(rejection("tls-creds-x509,id=a,dir=/,verify-peer=2").contains("expected `on` or `off`"));
        assert!(
            rejection("authz-list,id=a,policy=maybe")
                .contains("expected `allow` or `deny` for `policy`, found `maybe`")
        );
        assert!(rejection("authz-list,id=a,rules.0.match=x").contains("missing `rules.0.policy`"));
        assert!(rejection("authz-list,id=a,rules.1.match=x").contains("option `rules.1.match`"));
        assert!(rejection("tls-creds-x509,id=a,dir=/nowhere").contains("`/nowhere/ca-cert.pem`: missing file"));
    }

    #[test]
    fn doubled_commas_belong_to_the_value() {
        let objects = Objects::new();
        objects.add("qom-type=authz-simple,id=auth0,identity=CN=host,,O=Example").unwrap();
        let authorization = objects.authorization("auth0").unwrap();
        assert!(authorization.allows("CN=host,O=Example"));
        assert!(!authorization.allows("CN=host"));
        let error = objects.add("authz-simple,id=auth0,identity=x").unwrap_err().to_string();
        assert!(error.contains("duplicate object `auth0`"), "{error}");
        assert!(objects.remove("auth0") && !objects.remove("auth0"));
        assert!(objects.authorization("auth0").is_err());
        // A listener asks the current object.
        assert!(!authorization.allows("CN=host,O=Example"));
        objects.add("authz-simple,id=auth0,identity=CN=other").unwrap();
        assert!(authorization.allows("CN=other") && !authorization.allows("CN=host,O=Example"));
    }

    #[test]
    fn lists_have_rules() {
        let objects = Objects::new();
        let rules = "rules.0.match=CN=a,,O=x,rules.0.policy=deny,rules.1.match=CN=*,,O=x,rules.1.policy=allow";
        objects.add(&format!("authz-list,id=auth0,{rules},rules.1.format=glob")).unwrap();
        objects.add(&format!("authz-list,id=auth1,policy=allow,{rules}")).unwrap();
        let allowed = |id: &str, name: &str| objects.authorization(id).unwrap().allows(name);
        assert_eq!(["CN=a,O=x", "CN=b,O=x", "CN=b"].map(|name| allowed("auth0", name)), [false, true, false]);
        assert_eq!(["CN=a,O=x", "CN=b,O=x", "CN=b"].map(|name| allowed("auth1", name)), [false, true, true]);
    }
}
