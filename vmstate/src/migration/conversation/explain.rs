//! The explanation of a conversation, from everything that was followed.

use super::MemoryPass;
use super::explainer::Explainer;
use super::explanation::Explanation;
use super::verdict::{Verdict, downtime};

impl Explainer {
    /// Explains the conversation as far as it was followed.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let (verdict, story) = (Verdict::new(self), &self.story);
        let mut passes = story.passes.list.clone();
        if story.ended.is_some() && !story.has_end && story.postcopy.is_none() {
            merge_into_one(&mut passes);
        }
        Explanation {
            outcome: verdict.outcome,
            confirmed: verdict.confirmed,
            cause: verdict.cause,
            advice: verdict.advice,
            source: verdict.source,
            destination: verdict.destination,
            machine: story.machine.clone(),
            started_unix_us: self.started,
            duration_us: self.last,
            memory: story.memory,
            page_size: self.stream().map_or(0, |stream| stream.page_size().bytes()),
            pages: story.passes.total,
            passes,
            transferred: self.transferred,
            traffic: self.traffic.clone(),
            downtime: downtime(self),
            postcopy: story.postcopy.clone(),
            devices: story.devices,
            checkpoints: story.checkpoints,
            connections: self.links.iter().map(|(number, link)| link.connection(*number)).collect(),
            moments: story.moments.clone(),
            omitted_moments: story.omitted_moments,
        }
    }
}

/// A background snapshot sends each page once, but not in ascending order.
fn merge_into_one(passes: &mut Vec<MemoryPass>) {
    let rest = passes.split_off(passes.len().min(1));
    let Some(first) = passes.first_mut() else { return };
    for pass in rest {
        first.end_us = pass.end_us;
        first.bytes = first.bytes.saturating_add(pass.bytes);
        first.pages.merge(&pass.pages);
    }
}
