//! Lists of what is known to be amiss: they get shorter, never longer.

use std::collections::BTreeMap;

/// Where a list (names, and in how many places each stands) and what is found differ, a line each; the list must be in order.
pub(super) fn differences(known: &[(&str, usize)], found: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(pair) = known.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        wrong.push(format!("{} stands before {} in KNOWN: put it in order", pair[0].0, pair[1].0));
    }
    for (name, places) in found {
        let allowed = known.iter().find(|(one, _)| one == name).map_or(0, |(_, count)| *count);
        if places.len() > allowed {
            wrong.push(format!("{name} ({})", places.join(", ")));
        }
    }
    for (name, count) in known {
        match found.get(*name).map_or(0, Vec::len) {
            0 => wrong.push(format!("{name} is in order now: take it out of KNOWN")),
            left if left < *count => wrong.push(format!("{name} stands in {left} places now: say so in KNOWN")),
            _ => {}
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_must_be_in_order_complete_and_no_longer_than_that() {
        let places = |name: &str| (name.to_owned(), vec!["x.rs:1".to_owned(), "y.rs:2".to_owned()]);
        let found: BTreeMap<String, Vec<String>> = ["a", "b"].map(places).into();
        let wrong = |known: &[(&str, usize)]| differences(known, &found);
        assert_eq!(wrong(&[("a", 2), ("b", 2)]), [""; 0]);
        assert_eq!(wrong(&[("a", 2)]), ["b (x.rs:1, y.rs:2)"]);
        assert_eq!(wrong(&[("a", 1), ("b", 2)]), ["a (x.rs:1, y.rs:2)"]);
        assert_eq!(wrong(&[("a", 2), ("b", 3)]), ["b stands in 2 places now: say so in KNOWN"]);
        assert_eq!(wrong(&[("a", 2), ("b", 2), ("c", 1)]), ["c is in order now: take it out of KNOWN"]);
        assert_eq!(wrong(&[("b", 2), ("a", 2)]), ["b stands before a in KNOWN: put it in order"]);
    }
}
