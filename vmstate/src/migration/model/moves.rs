//! The steps of a world.

/// A step of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// The source carries its action out. Writes into a broken connection fail or vanish.
    SourceActs {
        vanishes: bool,
    },
    SourceReceives,
    SourceLoses,
    SourceTimesOut {
        long: bool,
    },
    SourceCancels,
    SourceRecovers,
    SourceIsForced,
    SourceAbandons,
    SourceStartsPostcopy,
    SourceDies,
    /// The guest waits for a missing page, which the destination requests.
    GuestFaults {
        page: usize,
    },
    GuestWrites {
        page: usize,
    },
    DestinationActs {
        vanishes: bool,
    },
    /// The destination places pages while the guest runs, or is about to.
    DestinationPlaces,
    DestinationRejects,
    DestinationTimesOut,
    DestinationCancels,
    DestinationIsForced,
    DestinationDies,
    CutForward(usize),
    CutBack(usize),
}

impl Move {
    /// Returns whether the step is a fault, which need not happen.
    pub(super) fn is_fault(self) -> bool {
        use Move::{CutBack, CutForward, DestinationDies, DestinationRejects, SourceDies};
        matches!(self, SourceDies | DestinationDies | DestinationRejects | CutForward(_) | CutBack(_))
    }

    /// Returns whether the step is the decision of an operator or of the guest, which need not happen either.
    pub(super) fn is_choice(self) -> bool {
        use Move::{
            DestinationCancels, DestinationIsForced, GuestFaults, GuestWrites, SourceAbandons, SourceCancels,
            SourceIsForced, SourceRecovers, SourceStartsPostcopy,
        };
        matches!(
            self,
            SourceCancels
                | SourceRecovers
                | SourceIsForced
                | SourceAbandons
                | SourceStartsPostcopy
                | GuestFaults { .. }
                | DestinationCancels
                | DestinationIsForced
                | GuestWrites { .. }
        )
    }
}
