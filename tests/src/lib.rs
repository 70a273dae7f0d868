//! What the black-box tests share: the app under test, with data, clock and ids of its own.
