//! HTML pages about recorded migrations.
//!
//! The page is self-contained and has no scripts. Names and messages come from untrusted peers, so they are inserted only
//! as escaped text, and browsers run nothing because of the page's policy.

use std::fmt::{self, Display, Write};

use super::{cut, escaped};
use crate::migration::conversation::{Connection, Explanation, MemoryPass, Moment, SideReport, Size, Time};
use crate::text::printable;

const PAGE: &str = include_str!("page/timeline.html");
const STYLE: &str = include_str!("page/timeline.css");

/// The width of the drawing, and of the names at its left, in its units.
const WIDTH: f64 = 1000.0;
const NAMES: f64 = 130.0;
const ROW: u32 = 22;
/// The height of the traffic.
const TRAFFIC: u32 = 60;
/// The highest number of connections that are drawn.
const MAX_CONNECTIONS: usize = 40;
/// The longest text of a name or message, in characters.
const MAX_TEXT: usize = 300;

/// Returns a page about a recorded migration. `name` is the name of its file.
///
/// The size of the page is bounded: it contains 1000 passes, 500 events and 1024 connections at most.
///
/// ```
/// use vmstate::migration::conversation::Explainer;
/// use vmstate::report::timeline;
///
/// let page = timeline::html("empty.conversation", &Explainer::new().explain());
/// assert!(page.contains("<title>empty.conversation</title>"));
/// ```
#[must_use]
pub fn html(name: &str, explanation: &Explanation) -> String {
    let mut body = String::new();
    // Writing to a string does not fail.
    let _ = write_body(&mut body, name, explanation);
    let parts = [("<!--title-->", text(name)), ("<!--style-->", STYLE.to_owned()), ("<!--body-->", body)];
    let (mut html, mut rest) = (String::new(), PAGE);
    for (mark, part) in parts {
        // Only the rest of the template is searched for marks: an inserted name may contain the text of a mark.
        let (before, after) = rest.split_once(mark).unwrap_or((rest, ""));
        html.extend([before, &part]);
        rest = after;
    }
    html + rest
}

/// Returns untrusted text for HTML.
fn text(text: &str) -> String {
    escaped(&printable(&cut(text, MAX_TEXT)).to_string()).into_owned()
}

fn write_body(out: &mut String, name: &str, explanation: &Explanation) -> fmt::Result {
    let outcome = explanation.outcome.name();
    writeln!(out, "<header class=\"outcome {outcome}\"><h1>{outcome}</h1><p>{}</p></header>", text(name))?;
    write_facts(out, explanation)?;
    writeln!(out, "<h2>Timeline</h2>")?;
    Drawing::new(out, explanation).write()?;
    write_passes(out, &explanation.passes)?;
    write_connections(out, &explanation.connections)?;
    write_moments(out, explanation)
}

fn write_facts(out: &mut String, explanation: &Explanation) -> fmt::Result {
    writeln!(out, "<dl>")?;
    if let Some(cause) = &explanation.cause {
        fact(out, "cause", &format!("{}, {}: {}", Time(cause.at_us), cause.side.name(), text(&cause.what)))?;
    }
    if let Some(advice) = &explanation.advice {
        fact(out, "advice", &text(advice))?;
    }
    fact(out, "source knows", &text(&explanation.source.knows))?;
    fact(out, "destination knows", &text(&explanation.destination.knows))?;
    if let Some(machine) = &explanation.machine {
        fact(out, "machine", &text(machine))?;
    }
    fact(out, "memory", &Size(explanation.memory).to_string())?;
    fact(out, "transferred", &Size(explanation.transferred).to_string())?;
    if let Some(downtime) = &explanation.downtime {
        let parts = [downtime.total_us, downtime.memory_us, downtime.devices_us, downtime.answer_us].map(Time);
        let [total, memory, devices, answer] = parts;
        fact(out, "downtime", &format!("{total}: memory {memory}, devices {devices}, answer {answer}"))?;
    }
    if let Some(postcopy) = &explanation.postcopy {
        let (pages, requests) = (postcopy.pages.total(), postcopy.requests);
        let (mean, longest) = (Time(postcopy.mean_us), Time(postcopy.longest_us));
        fact(out, "postcopy", &format!("{pages} pages, {requests} requests, answered in {mean} (longest {longest})"))?;
    }
    writeln!(out, "</dl>")
}

/// Writes a fact, whose value is HTML.
fn fact(out: &mut String, name: &str, value: &str) -> fmt::Result {
    writeln!(out, "<dt>{name}</dt><dd>{value}</dd>")
}

/// The drawing of a migration: one row for each side, the traffic, the passes and the connections.
struct Drawing<'a> {
    out: &'a mut String,
    explanation: &'a Explanation,
    /// The top of the next row.
    top: u32,
}

impl<'a> Drawing<'a> {
    fn new(out: &'a mut String, explanation: &'a Explanation) -> Self {
        Self { out, explanation, top: 4 }
    }

    fn write(mut self) -> fmt::Result {
        let explanation = self.explanation;
        let connections = explanation.connections.len().min(MAX_CONNECTIONS);
        let rows = 3 + u32::try_from(connections).unwrap_or(0);
        let height = 2 * ROW + rows * ROW + TRAFFIC;
        writeln!(self.out, "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"timeline\">")?;
        self.states("source", &explanation.source)?;
        self.states("destination", &explanation.destination)?;
        self.passes()?;
        self.traffic()?;
        for connection in explanation.connections.iter().take(MAX_CONNECTIONS) {
            self.connection(connection)?;
        }
        self.axis()?;
        self.cause()?;
        writeln!(self.out, "</svg>")
    }

    /// Returns the horizontal place of a time.
    fn x(&self, at: u64) -> f64 {
        // Precision is lost only beyond 285 years.
        #[allow(clippy::cast_precision_loss)]
        let part = at.min(self.explanation.duration_us) as f64 / self.explanation.duration_us.max(1) as f64;
        NAMES + part * (WIDTH - NAMES - 4.0)
    }

    fn name(&mut self, name: impl Display) -> fmt::Result {
        writeln!(self.out, "<text class=\"name\" x=\"{}\" y=\"{}\">{name}</text>", NAMES - 8.0, self.top + 14)
    }

    fn bar(&mut self, class: &str, (from, to): (u64, u64), title: impl Display) -> fmt::Result {
        let (left, right) = (self.x(from), self.x(to));
        let (top, height, width) = (self.top + 2, ROW - 5, (right - left).max(1.0));
        writeln!(
            self.out,
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{height}\"><title>{title}</title></rect>"
        )
    }

    fn states(&mut self, name: &str, side: &SideReport) -> fmt::Result {
        self.name(name)?;
        let ends = side.states.iter().skip(1).map(|change| change.at_us).chain([self.explanation.duration_us]);
        for (index, (change, end)) in side.states.iter().zip(ends).enumerate() {
            let class = if index % 2 == 0 { format!("{name} state") } else { format!("{name} state odd") };
            self.bar(&class, (change.at_us, end), format_args!("{} from {}", change.status, Time(change.at_us)))?;
        }
        self.top += ROW;
        Ok(())
    }

    fn passes(&mut self) -> fmt::Result {
        self.name("passes")?;
        for (number, pass) in (1..).zip(&self.explanation.passes) {
            let class = if number % 2 == 0 { "source pass odd" } else { "source pass" };
            self.bar(class, (pass.begin_us, pass.end_us), format_args!("pass {number}, {pass}"))?;
        }
        self.top += ROW;
        Ok(())
    }

    fn traffic(&mut self) -> fmt::Result {
        self.name("bytes")?;
        let traffic = &self.explanation.traffic;
        let most = traffic.bytes.iter().copied().max().unwrap_or(0).max(1);
        for (index, bytes) in (0_u64..).zip(&traffic.bytes).filter(|(_, bytes)| **bytes > 0) {
            let from = index.saturating_mul(traffic.interval_us);
            let (left, right) = (self.x(from), self.x(from.saturating_add(traffic.interval_us)));
            #[allow(clippy::cast_precision_loss)]
            let height = (*bytes as f64 / most as f64 * f64::from(TRAFFIC - 4)).max(1.0);
            let top = f64::from(self.top + TRAFFIC) - height;
            writeln!(
                self.out,
                "<rect class=\"traffic\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{} in {} from {}</title></rect>",
                (right - left).max(1.0),
                Size(*bytes),
                Time(traffic.interval_us),
                Time(from)
            )?;
        }
        self.top += TRAFFIC + 4;
        Ok(())
    }

    fn connection(&mut self, connection: &Connection) -> fmt::Result {
        self.name(format_args!("{} {}", connection.number, connection.purpose))?;
        let ends = [connection.source_end_us, connection.destination_end_us];
        let end = ends.into_iter().flatten().max().unwrap_or(self.explanation.duration_us);
        self.bar("connection", (connection.begin_us, end), text(&connection.to_string()))?;
        self.top += ROW;
        Ok(())
    }

    fn axis(&mut self) -> fmt::Result {
        for part in 0..=4 {
            let at = self.explanation.duration_us / 4 * part;
            let (x, anchor) = (self.x(at), if part == 4 { "end" } else { "start" });
            let (bottom, baseline) = (self.top, self.top + 14);
            writeln!(self.out, "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{bottom}\"/>")?;
            writeln!(self.out, "<text x=\"{x:.1}\" y=\"{baseline}\" text-anchor=\"{anchor}\">{}</text>", Time(at))?;
        }
        Ok(())
    }

    fn cause(&mut self) -> fmt::Result {
        let Some(cause) = &self.explanation.cause else { return Ok(()) };
        let (x, bottom, what) = (self.x(cause.at_us), self.top, text(&cause.what));
        writeln!(
            self.out,
            "<line class=\"cause\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{bottom}\"><title>{what}</title></line>"
        )
    }
}

fn write_passes(out: &mut String, passes: &[MemoryPass]) -> fmt::Result {
    if passes.is_empty() {
        return Ok(());
    }
    let heads = ["pass", "begin", "duration", "pages", "content", "zero", "changes", "compressed", "bytes"];
    begin_table(out, "Passes over memory", &heads)?;
    for (number, pass) in (1..).zip(passes) {
        let MemoryPass { begin_us, end_us, pages, bytes } = pass;
        let counts = [pages.total(), pages.content, pages.zero, pages.delta, pages.compressed];
        let counts = counts.map(|count| format!("<td class=\"number\">{count}</td>")).concat();
        let (begin, took, bytes) = (Time(*begin_us), Time(end_us.saturating_sub(*begin_us)), Size(*bytes));
        writeln!(
            out,
            "<tr class=\"pass\"><td class=\"number\">{number}</td><td class=\"number\">{begin}</td><td class=\"number\">{took}</td>{counts}<td class=\"number\">{bytes}</td></tr>"
        )?;
    }
    writeln!(out, "</table></div>")
}

fn write_connections(out: &mut String, connections: &[Connection]) -> fmt::Result {
    begin_table(out, "Connections", &["connection"])?;
    for connection in connections {
        writeln!(out, "<tr class=\"link\"><td class=\"event\">{}</td></tr>", text(&connection.to_string()))?;
    }
    writeln!(out, "</table></div>")
}

fn write_moments(out: &mut String, explanation: &Explanation) -> fmt::Result {
    begin_table(out, "Events", &["time", "from", "connection", "event"])?;
    for Moment { at_us, side, connection, what } in &explanation.moments {
        writeln!(
            out,
            "<tr class=\"moment\"><td class=\"number\">{}</td><td>{}</td><td class=\"number\">{connection}</td><td class=\"event\">{}</td></tr>",
            Time(*at_us),
            side.name(),
            text(what)
        )?;
    }
    writeln!(out, "</table></div>")?;
    match explanation.omitted_moments {
        0 => Ok(()),
        more => writeln!(out, "<p>{more} later events are left out.</p>"),
    }
}

fn begin_table(out: &mut String, title: &str, heads: &[&str]) -> fmt::Result {
    writeln!(out, "<h2>{title}</h2><div class=\"scroll\"><table><tr>")?;
    heads.iter().try_for_each(|head| writeln!(out, "<th>{head}</th>"))?;
    writeln!(out, "</tr>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_each_mark_once_and_in_order() {
        let marks = ["<!--title-->", "<!--style-->", "<!--body-->"];
        let places: Vec<_> = marks.iter().filter_map(|mark| PAGE.find(mark)).collect();
        assert!(places.len() == marks.len() && places.is_sorted());
        assert_eq!(PAGE.matches("<!--").count(), marks.len());
    }

    #[test]
    fn policy_has_the_hash_of_the_style() {
        use base64::Engine;
        use sha2::Digest;

        // The template has a line break before the mark.
        let digest = sha2::Sha256::digest(format!("\n{STYLE}"));
        let hash = base64::engine::general_purpose::STANDARD.encode(digest);
        assert!(PAGE.contains(&format!("content=\"default-src 'none'; style-src 'sha256-{hash}'\"")), "sha256-{hash}");
        assert!(!PAGE.contains("script-src") && !STYLE.contains("url("));
    }

    #[test]
    fn text_of_peers_is_escaped() {
        let hostile = "<script>alert(1)</script> & \"\u{202e}\u{1b}[2J<!--body-->";
        let shown = text(hostile);
        assert!(!shown.contains(['<', '>', '\u{1b}', '\u{202e}']), "{shown}");
        assert!(text(&"x".repeat(1000)).chars().count() <= MAX_TEXT + 1);
    }
}
