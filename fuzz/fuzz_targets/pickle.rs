//! Any bytes as a pickle: what is read can be written, and reads back to the same.
#![no_main]

use flambeau_archive::{Limits, pickle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let Ok(first) = pickle::read(bytes, &limits, &mut |module, _| module != "os") else {
        return;
    };
    let written = pickle::write(&first);
    let again = pickle::read(&written, &limits, &mut |_, _| true).expect("what was written is readable");
    assert_eq!(pickle::write(&again), written);
    for &id in first.postorder() {
        let _ = first.describe(pickle::Value::Node(id));
    }
});
