//! Rewrites a source file so that `mutant::is(number)` selects each of its mutants at run time.

use std::collections::HashSet;
use std::ops::Range;

use crate::site::{Kind, Site};

/// A file with numbered places.
pub struct Rewriter<'s> {
    source: &'s str,
    /// In the order of their starts, outer ones first.
    sites: Vec<(u32, &'s Site)>,
}

impl<'s> Rewriter<'s> {
    /// Prepares `source`, whose places are numbered from `first`, without the numbers in `dropped`.
    pub fn new(source: &'s str, sites: &'s [Site], first: u32, dropped: &HashSet<u32>) -> Self {
        let mut sites: Vec<_> = (first..).zip(sites).filter(|(number, _)| !dropped.contains(number)).collect();
        sites.sort_by_key(|(_, site)| (site.range.start, std::cmp::Reverse(site.range.end)));
        Self { source, sites }
    }

    /// Returns the rewritten file.
    pub fn file(&self) -> String {
        self.text(0..self.source.len(), &self.sites)
    }

    /// Returns the rewritten text of a range that contains all of `sites`.
    fn text(&self, range: Range<usize>, mut sites: &[(u32, &Site)]) -> String {
        let (mut out, mut done) = (String::new(), range.start);
        while let Some(((number, site), rest)) = sites.split_first() {
            let inner = rest.partition_point(|(_, next)| next.range.start < site.range.end);
            out.push_str(&self.source[done..site.range.start]);
            out.push_str(&self.site(*number, site, &rest[..inner]));
            done = site.range.end;
            sites = &rest[inner..];
        }
        out.push_str(&self.source[done..range.end]);
        out
    }

    fn site(&self, number: u32, site: &Site, inner: &[(u32, &Site)]) -> String {
        let part = |range: &Range<usize>| {
            let within = |(_, site): &&(u32, &Site)| range.start <= site.range.start && site.range.end <= range.end;
            let inner: Vec<_> = inner.iter().filter(within).copied().collect();
            self.text(range.clone(), &inner)
        };
        let is = format!("crate::mutant::is({number})");
        match &site.kind {
            Kind::Binary { left, operator, right, other } => {
                let (left, right) = (part(left), part(right));
                format!("(if {is} {{ ({left} {other} {right}) }} else {{ ({left} {operator} {right}) }})")
            }
            Kind::Not { operand } => {
                let operand = part(operand);
                format!("(if {is} {{ ({operand}) }} else {{ (!{operand}) }})")
            }
            Kind::Bool => {
                let value = &self.source[site.range.clone()];
                format!("({value} != {is})")
            }
            Kind::Statement => {
                // Without the site itself, whose range is the same.
                let text = self.text(site.range.clone(), inner);
                format!("if !{is} {{ {text} }}")
            }
            Kind::Return(value) => format!(" if {is} {{ return {value}; }}"),
        }
    }
}
