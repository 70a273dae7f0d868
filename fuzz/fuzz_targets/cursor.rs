//! Page cursors: none is accepted that was not issued, for the listing that it was issued for.
//!
//! The input is a scope, a line break, and text that is tried as a cursor, as a key to issue one for, and as a place to
//! change in that one.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use web::Cursors;

fuzz_target!(|data: &str| {
    let (scope, text) = data.split_once('\n').unwrap_or((data, ""));
    // With a secret that issues none: libFuzzer reads the operands of comparisons, those below of issued cursors too.
    assert!(Cursors::new(b"issues none").decode(scope, text).is_err(), "a cursor was guessed");

    let cursors = Cursors::new(b"known to nobody outside");
    let key: BTreeMap<_, _> = text.split('&').filter_map(|pair| pair.split_once('=')).map(owned).collect();
    let issued = cursors.encode(scope, &key);
    match cursors.decode(scope, &issued) {
        Ok(read) => assert_eq!(read, key),
        Err(_) => assert!(issued.len() > 2048, "a cursor of ours was refused"),
    }
    assert!(cursors.decode(&format!("{scope}x"), &issued).is_err(), "a cursor was moved");
    assert!(Cursors::new(b"guess").decode(scope, &issued).is_err(), "a cursor of another secret");

    let at = text.len() % issued.len();
    for other in ["A", "B", "-", ""] {
        let changed = format!("{}{other}{}", &issued[..at], &issued[at + 1..]);
        assert!(changed == issued || cursors.decode(scope, &changed).is_err(), "a changed cursor: {changed}");
    }
});

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
