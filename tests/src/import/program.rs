//! A program of many imported modules, which loads and saves a stream in each.

use crate::releases::release;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::streams::Stream;
use tempfile::TempDir;

/// The crates with collections that have forms; `vmstate` has features of the same names.
const COLLECTIONS: [&str; 5] = ["arrayvec", "bytes", "heapless", "smallvec", "tinyvec"];

/// The program. It is a single crate, because building many takes long.
#[derive(Debug)]
pub struct Program {
    folder: TempDir,
    modules: String,
    checks: String,
}

impl Default for Program {
    fn default() -> Self {
        Self::new()
    }
}

impl Program {
    /// Creates a program without modules.
    ///
    /// # Panics
    /// If its folder cannot be created.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        Self { folder, modules: String::new(), checks: String::new() }
    }

    /// Adds a module with structs.
    ///
    /// # Panics
    /// If its file cannot be written.
    pub fn add_module(&mut self, name: &str, source: &str) {
        let module = module(name);
        fs::write(self.folder.path().join("src").join(format!("{module}.rs")), source).unwrap();
        self.modules += &format!("mod {module};\n");
    }

    /// Adds a module made from a stream, and a comparison with that stream.
    ///
    /// # Panics
    /// If its files cannot be written.
    pub fn add(&mut self, stream: &Stream, source: &str) {
        self.add_module(&stream.name, source);
        self.compare(&stream.name, stream);
    }

    /// Adds a comparison of `stream` with the stream that the structs of the module `name` save after loading it.
    ///
    /// # Panics
    /// If the stream cannot be written.
    pub fn compare(&mut self, name: &str, stream: &Stream) {
        fs::write(self.folder.path().join(&stream.name), &stream.bytes).unwrap();
        let release = release(&stream.name);
        let (module, stream) = (module(name), &stream.name);
        self.checks += &format!("    check({stream:?}, {name:?}, Release::{release:?}, {module}::reload);\n");
    }

    /// Calls the function `main` of the module `name`, so that the compiler generates code for its types.
    pub fn call_main(&mut self, name: &str) {
        self.checks += &format!("    {}::main();\n", module(name));
    }

    /// Builds and runs the program, and returns the lines that it prints.
    ///
    /// # Panics
    /// If the program cannot be built or fails.
    #[must_use]
    pub fn run(self) -> Vec<String> {
        let folder = self.folder.path();
        let vmstate = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vmstate");
        // Debug information would take most of the time.
        let manifest = format!(
            "[package]\nname = \"imported\"\nedition = \"2024\"\n[dependencies]\n{}\
             vmstate = {{ path = {vmstate:?}, features = {COLLECTIONS:?} }}\n\
             [profile.dev.package.imported]\ndebug = false\n[workspace]\n",
            COLLECTIONS.map(|name| format!("{name} = \"*\"\n")).concat()
        );
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::copy(vmstate.join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        let main = format!(
            "#![deny(warnings)]\n#![allow(dead_code)]\n{}{MAIN}fn main() {{\n{}}}\n",
            self.modules, self.checks
        );
        fs::write(folder.join("src/main.rs"), main).unwrap();

        let test = std::env::current_exe().unwrap();
        let target = test.ancestors().nth(3).expect("the test is in target/<profile>/deps");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["run", "--quiet", "--offline", "--manifest-path"]).arg(folder.join("Cargo.toml"));
        // The same target folder, so that the dependencies are built once.
        cargo.arg("--target-dir").arg(target).current_dir(folder).stderr(Stdio::piped());
        let output = cargo.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

fn module(name: &str) -> String {
    name.replace(|char: char| !char.is_ascii_alphanumeric(), "_")
}

const MAIN: &str = r#"
use vmstate::LoadError;
use vmstate::dynamic::{DecodedSection, rewrite};
use vmstate::schema::Release;

type Reload = fn(&DecodedSection, Release) -> Result<DecodedSection, LoadError>;

fn check(stream: &str, module: &str, release: Release, reload: Reload) {
    let bytes = std::fs::read(stream).unwrap();
    let again = rewrite(&bytes, |_, section| {
        *section = reload(section, release)?;
        Ok(())
    });
    match again {
        Ok(again) if again == bytes => println!("{stream} by {module}: the same"),
        Ok(_) => println!("{stream} by {module}: different"),
        Err(error) => println!("{stream} by {module}: {error}"),
    }
}

"#;
