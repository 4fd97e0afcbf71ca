//! The enum of all states of an engine, which both engines define in the same way.

/// Defines the enum `State` of an engine, whose variants all implement its trait `Phase`. The first word is the type of the
/// user's commands.
macro_rules! states {
    ($control:ty; $($state:ident),* $(,)?) => {
        #[derive(Debug, Clone)]
        pub(super) enum State {
            $($state($state)),*
        }

        $(impl From<$state> for State {
            fn from(state: $state) -> Self {
                Self::$state(state)
            }
        })*

        impl State {
            pub(super) fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Self {
                match self {
                    $(Self::$state(state) => Self::next(state.handle(shared, now, signal), shared, now)),*
                }
            }

            pub(super) fn proceed(self, shared: &mut Shared, now: Instant) -> Self {
                match self {
                    $(Self::$state(state) => Self::next(state.proceed(shared, now), shared, now)),*
                }
            }

            /// Continues the state, or begins the next one after a transition.
            fn next(step: Step<impl Into<Self>>, shared: &mut Shared, now: Instant) -> Self {
                match step {
                    std::ops::ControlFlow::Continue(state) => state.into(),
                    std::ops::ControlFlow::Break(next) => Self::begin(next, shared, now),
                }
            }

            pub(super) fn deadline(&self) -> Option<Instant> {
                match self { $(Self::$state(state) => state.deadline()),* }
            }

            pub(super) fn accepts(&self, control: &$control) -> bool {
                match self { $(Self::$state(state) => state.accepts(control)),* }
            }
        }
    };
}

pub(super) use states;
