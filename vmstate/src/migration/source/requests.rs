//! The requests of a destination for pages that its guest waits for.

use std::collections::VecDeque;

use crate::ram::PageRequest;
use crate::stream::ReturnPathMessage;

/// The pages that the destination has requested, each of them once, in the order of the requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests {
    queue: VecDeque<PageRequest>,
    /// The block of the last request, to which later requests refer.
    block: Option<String>,
    /// The number of requests.
    pub(super) count: u64,
}

/// The most requests that wait. A destination has one for each of its threads.
const MAX_REQUESTS: usize = 1 << 12;

impl Requests {
    /// Adds the request of a message.
    ///
    /// # Errors
    /// Returns an error if the request does not name a block, or too many requests wait.
    pub(super) fn add(&mut self, message: &ReturnPathMessage) -> Result<(), String> {
        let (start, length) = match message {
            ReturnPathMessage::ReqPagesId { block, start, length } => {
                self.block = Some(block.clone());
                (*start, *length)
            }
            ReturnPathMessage::ReqPages { start, length } => (*start, *length),
            _ => return Ok(()),
        };
        let block = self.block.clone().ok_or("the destination's first request names no RAM block")?;
        let end = start.checked_add(length.into()).ok_or("the destination requests pages outside of RAM")?;
        let request = PageRequest { block, bytes: start..end };
        self.count += 1;
        if !self.queue.contains(&request) {
            self.queue.push_back(request);
        }
        if self.queue.len() > MAX_REQUESTS { Err("the destination requests too many pages".to_owned()) } else { Ok(()) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<PageRequest> {
        self.queue.drain(..).collect()
    }

    pub(super) fn clear_queue(&mut self) {
        self.queue.clear();
    }

    /// Forgets the requests of a connection.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.block = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(start: u64, length: u32) -> ReturnPathMessage {
        ReturnPathMessage::ReqPagesId { block: "ram".to_owned(), start, length }
    }

    #[test]
    fn repeated_request_is_served_once() {
        let mut requests = Requests::default();
        requests.add(&named(0, 4096)).unwrap();
        requests.add(&ReturnPathMessage::ReqPages { start: 0, length: 4096 }).unwrap();
        requests.add(&ReturnPathMessage::ReqPages { start: 8192, length: 4096 }).unwrap();
        let bytes: Vec<_> = requests.take().into_iter().map(|request| request.bytes).collect();
        assert_eq!((bytes, requests.count), (vec![0..4096, 8192..12288], 3));
        assert!(requests.is_empty());
    }

    #[test]
    fn odd_requests_are_errors() {
        let mut requests = Requests::default();
        let unnamed = ReturnPathMessage::ReqPages { start: 0, length: 4096 };
        assert!(requests.add(&unnamed).unwrap_err().contains("names no RAM block"));
        assert!(requests.add(&named(u64::MAX, 1)).unwrap_err().contains("outside of RAM"));
        requests.clear();
        assert!(requests.add(&unnamed).is_err(), "a request refers to the block of an older connection");
    }

    #[test]
    fn number_of_waiting_requests_is_limited() {
        let mut requests = Requests::default();
        let added = (0..).find(|page| requests.add(&named(page * 4096, 4096)).is_err());
        assert_eq!(added, Some(MAX_REQUESTS as u64));
    }
}
