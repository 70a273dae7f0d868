//! From serde's errors to fields: a JSON pointer (RFC 6901) and a message without Rust names or line numbers.

use std::fmt::Display;

use serde_path_to_error::{Error, Segment};

use crate::problem::FieldError;

/// Where a value did not fit and why.
pub(crate) fn field_error<E: Display>(error: &Error<E>) -> FieldError {
    let mut pointer = String::new();
    for segment in error.path().iter() {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { variant } => push(&mut pointer, variant),
            Segment::Unknown => {}
        }
    }
    let detail = worded(&error.inner().to_string());
    // serde names these fields in its message only; its path ends at their parent.
    for (wording, said) in [("missing field `", "is required"), ("duplicate field `", "stands twice")] {
        if let Some(name) = detail.strip_prefix(wording).and_then(|rest| rest.strip_suffix('`')) {
            push(&mut pointer, name);
            return FieldError { pointer, detail: said.to_owned() };
        }
    }
    FieldError { pointer, detail }
}

fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

/// serde's message, without ` at line 1 column 2` and without the name of a Rust type.
fn worded(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
    // All that the reader says of anything but text where an enum's value should be.
    if message == "expected value" {
        return "must be one of the known values, as text".to_owned();
    }
    match message.split_once(", expected struct ") {
        Some((before, _)) => format!("{before}, expected an object"),
        None => message.to_owned(),
    }
}
