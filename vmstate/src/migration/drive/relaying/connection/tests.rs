//! The outcome, when both peers end the migration at the same time.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::*;
use crate::migration::relay::Relay;

const TIMEOUT: Duration = Duration::from_secs(30);

fn connection() -> (Channel, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    (Channel::of_socket(near.into(), TIMEOUT).unwrap(), far)
}

/// A source that is told of the rejection ends its connection before the relay does.
#[test]
fn rejection_is_the_cause_and_not_its_effect() {
    let ((near, mut source), (far, mut destination)) = (connection(), connection());
    let shared = Shared::new(Relay::new(), TIMEOUT);
    let number = shared.lock().open(&[&near, &far]).unwrap();
    let (from, to) = (Peer::new(&near).unwrap(), Peer::new(&far).unwrap());

    let shut = *b"\0\x01\0\x04\0\0\0\x01";
    destination.write_all(&shut).unwrap();
    let error = forward_answer(&shared, from, to, &mut shut.clone()).unwrap_err();
    let mut told = [0; 8];
    source.read_exact(&mut told).unwrap();
    assert_eq!(told, shut);
    end_stream(&shared, &near, to, None);
    lose(&shared, from, &error);

    shared.lock().close(number);
    let RelayOutcome::Failed(reason) = shared.finish().0 else { panic!("not failed") };
    assert!(reason.starts_with("the destination has rejected the machine (SHUT 1)"), "{reason}");
}
