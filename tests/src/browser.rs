//! Pages opened in Chromium, without a window.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

/// The virtual time of a page until its result is read, in milliseconds.
const TIME: u32 = 5000;
const BEFORE: &str = "<pre id=\"outcome\">";

/// One browser at a time: they are large.
static BROWSER: Mutex<()> = Mutex::new(());

/// Opens an HTML page in a window of this size, runs `script` after it has loaded, and returns the script's result.
///
/// # Panics
/// If Chromium is missing, or a script of the page or `script` fails.
#[must_use]
pub fn run_in(page: &str, (width, height): (u32, u32), script: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("page.html");
    std::fs::write(&file, instrumented(page, script)).expect("a file");
    let dom = dom_of(&file, folder.path(), (width, height));
    let (_, rest) = dom.split_once(BEFORE).unwrap_or_else(|| panic!("no outcome in the page:\n{dom}"));
    let (outcome, _) = rest.split_once("</pre>").expect("the end of the outcome");
    let text = outcome.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
    let outcome: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(outcome["errors"], serde_json::json!([]), "errors in the page");
    outcome["result"].clone()
}

/// Returns the page with scripts at its beginning, where its content security policy does not apply yet: a script that
/// collects errors, and `script`, which runs after the page has loaded.
fn instrumented(page: &str, script: &str) -> String {
    let watch = "<script>window.seen = []; addEventListener('error', (event) => seen.push(event.message));\
                 addEventListener('securitypolicyviolation', (event) => seen.push(event.violatedDirective));\
                 addEventListener('unhandledrejection', (event) => seen.push(String(event.reason)));</script>";
    let run = format!(
        "<script>addEventListener('load', () => void (async () => {{\n{script}\n}})().catch((error) => void seen.push(String(error))).then((result) => {{\
         const outcome = document.createElement('pre'); outcome.id = 'outcome';\
         outcome.textContent = JSON.stringify({{ result: result ?? null, errors: seen }});\
         document.body.append(outcome); }}));</script>"
    );
    page.replacen("<head>", &format!("<head>{watch}{run}"), 1)
}

/// The page as it is after some time, as HTML.
fn dom_of(file: &Path, folder: &Path, (width, height): (u32, u32)) -> String {
    let _one = BROWSER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut chromium = Command::new("chromium");
    // Its sandbox does not work for root, nor in most containers; the page is our own.
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
    chromium.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    chromium.args([format!("--window-size={width},{height}"), format!("--virtual-time-budget={TIME}")]);
    chromium.arg("--dump-dom").arg(format!("file://{}", file.display()));
    let output = chromium.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("chromium: {error}; tests/browser/install installs it"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a page in UTF-8")
}
