//! The table of rooms in ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::Graph;

/// The rows of the table `| room | knows |`: several rooms may share a row, and a row may end with words for people behind a
/// semicolon.
fn rows(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let table = text.lines().skip_while(|line| !line.starts_with("| room | knows |")).skip(2);
    let mut rooms = BTreeMap::new();
    for line in table.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let names = |cell: &str| -> BTreeSet<String> {
            let cell = cell.split(';').next().unwrap_or_default();
            let names = cell.split(',').map(|name| name.trim().trim_matches('`').to_owned());
            names.filter(|name| !name.is_empty()).collect()
        };
        let known = names(cells.get(1).unwrap_or(&""));
        for room in names(cells.first().unwrap_or(&"")) {
            rooms.insert(room, known.clone());
        }
    }
    rooms
}

/// Where the table and the sources differ, a line each.
pub(super) fn differences(text: &str, graph: &Graph) -> Vec<String> {
    let (told, found) = (rows(text), &graph.0);
    let mut wrong = Vec::new();
    for room in told.keys().filter(|room| !found.contains_key(*room)) {
        wrong.push(format!("{room} is in the table and not in src"));
    }
    for (room, known) in found {
        let Some(told) = told.get(room) else {
            wrong.push(format!("{room} is in src and not in the table"));
            continue;
        };
        wrong.extend(known.difference(told).map(|other| format!("{room} knows {other}, which the table does not say")));
        wrong.extend(told.difference(known).map(|other| format!("{room} does not know {other}, as the table says")));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_named() {
        let text = "# A\n\n| room | knows |\n|---|---|\n| `physics`, `text` | |\n| `record` | physics, text; and HDF5 |\n| `gone` | |\n\nmore";
        let graph = |rooms: &[(&str, &[&str])]| {
            let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
            Graph(rooms.iter().map(|(room, known)| ((*room).to_owned(), set(known))).collect())
        };
        let found = graph(&[("physics", &["text"]), ("text", &[]), ("record", &["text"]), ("fresh", &[])]);
        assert_eq!(
            differences(text, &found),
            [
                "gone is in the table and not in src",
                "fresh is in src and not in the table",
                "physics knows text, which the table does not say",
                "record does not know physics, as the table says",
            ]
        );
        let right = graph(&[("physics", &[]), ("text", &[]), ("record", &["physics", "text"]), ("gone", &[])]);
        assert!(differences(text, &right).is_empty());
    }
}
