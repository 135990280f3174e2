//! The Hugging Face hub, which is asked where no mirror has a set, as a server of the test's own.

use crate::fetch::{empty, fails};
use crate::server::{Answer, start};

#[test]
fn a_hub_that_does_not_have_the_set_is_told_after_the_mirror_that_does_not() {
    let two_images = || include_bytes!("../fixtures/hub_two_images.parquet").to_vec();
    let cases: [(&str, Answer, &str, &str); 7] = [
        ("stalling", Answer::Stalls, "4", "0000.parquet: the server does not go on for 1 s"),
        ("empty", Answer::HasNothing, "60", "0000.parquet: the server answers 404 Not Found"),
        (
            "another set",
            Answer::Serves(two_images()),
            "60",
            "ylecun/mnist is not mnist: t10k-images-idx3-ubyte: SHA-256",
        ),
        ("garbage", Answer::Serves(b"no file of the hub".into()), "60", "0000.parquet is not to be used"),
        ("escaping", Answer::Escapes(two_images()), "60", "ylecun/mnist is not mnist"),
        ("endless", Answer::NeverEnds, "60", "0000.parquet: more than 67108864 bytes came"),
        ("breaking off", Answer::BreaksOff, "60", "0000.parquet: the connection broke off"),
    ];
    for (name, answer, seconds, message) in cases {
        let hub = start(move |_| answer.clone());
        fails(name, &empty(), &hub, seconds, message);
    }
}
