//! Names that stand for two things in what the libraries show.

use std::collections::BTreeMap;

use super::public::Public;

/// Places by name: of items of modules (two types may have methods of one name), where there are two modules or more.
pub(super) fn repeated(all: &[Public]) -> BTreeMap<String, Vec<String>> {
    let mut by_name: BTreeMap<&str, Vec<&Public>> = BTreeMap::new();
    for item in all.iter().filter(|item| item.of.is_none()) {
        by_name.entry(&item.name).or_default().push(item);
    }
    by_name.retain(|_, items| items.iter().any(|item| item.modules != items[0].modules));
    let places = |items: Vec<&Public>| items.iter().map(|item| item.place()).collect();
    by_name.into_iter().map(|(name, items)| (name.to_owned(), places(items))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place;
    use crate::tidy::{crates, public};

    #[test]
    fn two_modules_make_a_name_repeated_and_two_types_or_a_cfg_do_not() {
        let house = crates::house(&[
            ("src/lib.rs", "pub mod a; pub mod b; pub struct Once; pub fn free() {} pub(crate) struct Inner;"),
            (
                "src/a.rs",
                "pub struct Twice; impl Twice { pub fn new() {} }\n#[cfg(unix)] pub fn f() {} #[cfg(windows)] pub fn f() {}",
            ),
            (
                "src/b.rs",
                "pub struct Other; impl Other { pub fn new() {} }\npub use crate::a::Twice; pub struct Inner;",
            ),
            ("src/base/lib.rs", "pub enum Twice {}"),
            ("src/engine/lib.rs", "pub use x::{Y as Other, free};"),
        ]);
        let found = repeated(&public::all(house.path()).unwrap());
        let shown: Vec<String> = found.iter().map(|(name, places)| format!("{name} {}", places.join(" "))).collect();
        assert_eq!(shown, ["Other src/engine/lib.rs:1 src/b.rs:1", "Twice src/base/lib.rs:1 src/a.rs:1"]);
    }

    /// A name says which thing it is, also where it is imported without its module.
    #[test]
    fn public_names_stand_for_one_thing() {
        let found = repeated(&public::all(&place::root()).unwrap());
        let wrong: Vec<String> = found.iter().map(|(name, places)| format!("{name} ({})", places.join(", "))).collect();
        assert!(
            wrong.is_empty(),
            "public names of two things (give each a name of its own; `cargo xtask public`):\n{}",
            wrong.join("\n")
        );
    }
}
