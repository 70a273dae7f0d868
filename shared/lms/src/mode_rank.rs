//! Which course mode is as good as which.

use domain::text::Mode;

/// How much a mode includes: audit < honor < verified < no-id-professional < professional, credit, masters.
///
/// `honor` adds a certificate, `verified` an identity check; a course sold to professionals has no cheaper modes, and
/// `no-id-professional` is `professional` without the check. Source: Open edX `CourseMode`. Modes outside the list
/// (executive education, boot camps) do not compare.
fn rank(mode: &Mode) -> Option<u8> {
    match mode.as_str() {
        "audit" => Some(0),
        "honor" => Some(1),
        "verified" => Some(2),
        "no-id-professional" => Some(3),
        "professional" | "credit" | "masters" => Some(4),
        _ => None,
    }
}

/// Whether a learner with mode `granted` has what mode `wanted` gives: the same mode, or one of a higher rank. Modes of
/// equal rank do not stand for each other: credit is not a master's degree.
#[must_use]
pub fn same_or_better(granted: &Mode, wanted: &Mode) -> bool {
    granted == wanted || rank(granted).zip(rank(wanted)).is_some_and(|(granted, wanted)| granted > wanted)
}

/// Whether a mode is one of the free ones, above which a learner may well have another already.
pub(crate) fn is_basic(mode: &Mode) -> bool {
    rank(mode).is_some_and(|rank| rank < 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_as_good_as_itself_and_as_those_below() {
        let ranked: [&[&str]; 5] =
            [&["audit"], &["honor"], &["verified"], &["no-id-professional"], &["professional", "credit", "masters"]];
        let mode = |text: &str| text.parse::<Mode>().unwrap();
        let flat: Vec<_> =
            ranked.iter().enumerate().flat_map(|(r, modes)| modes.iter().map(move |m| (r, *m))).collect();
        for (granted_rank, granted) in &flat {
            for (wanted_rank, wanted) in &flat {
                let expected = granted == wanted || granted_rank > wanted_rank;
                assert_eq!(same_or_better(&mode(granted), &mode(wanted)), expected, "{granted} for {wanted}");
            }
        }
        assert!(same_or_better(&mode("executive-education"), &mode("executive-education")));
        assert!(!same_or_better(&mode("executive-education"), &mode("audit")));
        assert!(!same_or_better(&mode("masters"), &mode("executive-education")));
    }
}
