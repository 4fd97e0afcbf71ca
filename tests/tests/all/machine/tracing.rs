//! The spans of `tracing`: one for each section, with its name, and how many bytes it has.

use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};
use vmstate::prelude::*;

/// Records the spans.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "microseconds" && field.name() != "message" {
            self.0.push_str(&format!(" {}={value:?}", field.name()));
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("vmstate")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        self.0.lock().unwrap().push(text.0);
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text("done".to_owned());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    /// The spans have this level.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn each_section_has_a_span() {
    let listener = Listener::default();
    // With a single dispatcher, `tracing` caches the interest of the first thread that reaches a span. That thread can
    // belong to another test, without a listener.
    let _another = Dispatch::new(Listener::default());
    let mut stream = Vec::new();
    tracing::subscriber::with_default(listener.clone(), || {
        let mut machine = Machine::new();
        machine.register("fifo", super::devices::Fifo::default()).unwrap();
        machine.save(&mut stream).unwrap();
        machine.load(&stream[..]).unwrap();
    });
    let told = listener.0.lock().unwrap().clone();
    let span = |what: &str| format!("section what=\"{what}\" name=\"fifo\" instance=0 version=1 kind=\"full\"");
    let bytes = 1 + 4 + 1 + 4 + 4 + 4 + 1 + 5; // tag, id, name, instance, version, payload, footer
    let done = format!("done bytes={bytes}");
    let expected = [span("save"), done.clone(), span("load"), done];
    assert_eq!(told, expected);
}
