//! `cargo xtask longest`: the longest functions, so that a word about their length can be looked at again.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, ImplItemFn, ItemFn, ItemImpl, ItemMod, Signature, TraitItemFn};

use super::crates::{LIBRARIES, PROGRAM, only_for_tests, sources};
use crate::place;

/// Show the longest functions of src, without those of tests: lines from `fn` to the closing brace
#[derive(Args)]
pub(crate) struct Longest {
    /// How many
    #[arg(default_value_t = 10)]
    count: usize,
}

impl Longest {
    /// Prints them, the longest first.
    pub(crate) fn run(&self) -> Result<()> {
        let functions = functions(&place::root())?;
        for function in functions.iter().take(self.count) {
            place::show(format_args!("{:5}  {}  {}\n", function.lines, function.place, function.name));
        }
        Ok(())
    }
}

/// A function with a body.
struct Function {
    name: String,
    place: String,
    lines: usize,
}

/// All of them, the longest first.
fn functions(folder: &Path) -> Result<Vec<Function>> {
    let mut finder = Finder { file: String::new(), found: Vec::new() };
    for (name, root) in LIBRARIES.into_iter().chain([("main", PROGRAM)]) {
        for source in sources(folder, root, name)? {
            finder.file = source.file;
            source.items.iter().for_each(|item| finder.visit_item(item));
        }
    }
    finder.found.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.place.cmp(&b.place)));
    Ok(finder.found)
}

struct Finder {
    file: String,
    found: Vec<Function>,
}

impl Finder {
    fn add(&mut self, attributes: &[Attribute], signature: &Signature, block: &Block) {
        if only_for_tests(attributes) {
            return;
        }
        let (from, to) = (signature.fn_token.span.start().line, block.brace_token.span.close().end().line);
        let place = format!("{}:{from}", self.file);
        self.found.push(Function { name: signature.ident.to_string(), place, lines: to + 1 - from });
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_fn(&mut self, it: &'ast ItemFn) {
        self.add(&it.attrs, &it.sig, &it.block);
        visit::visit_item_fn(self, it);
    }

    fn visit_impl_item_fn(&mut self, it: &'ast ImplItemFn) {
        self.add(&it.attrs, &it.sig, &it.block);
        visit::visit_impl_item_fn(self, it);
    }

    fn visit_trait_item_fn(&mut self, it: &'ast TraitItemFn) {
        if let Some(block) = &it.default {
            self.add(&it.attrs, &it.sig, block);
        }
        visit::visit_trait_item_fn(self, it);
    }

    fn visit_item_mod(&mut self, it: &'ast ItemMod) {
        if !only_for_tests(&it.attrs) {
            visit::visit_item_mod(self, it);
        }
    }

    fn visit_item_impl(&mut self, it: &'ast ItemImpl) {
        if !only_for_tests(&it.attrs) {
            visit::visit_item_impl(self, it);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::crates::house;

    #[test]
    fn the_longest_comes_first_and_tests_do_not_count() {
        let text = "/// Says.\n#[inline]\npub fn long(\n    a: u8,\n) {\n    b();\n}\nstruct S;\nimpl S {\n    fn short() {}\n}\n\
                    trait T {\n    fn middle() {\n    }\n    fn none();\n}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {\n\n\n\n\n\n    }\n}\n";
        let house =
            house(&[("src/lib.rs", text), ("src/main.rs", ""), ("src/base/lib.rs", ""), ("src/engine/lib.rs", "")]);
        let found = functions(house.path()).unwrap();
        let shown: Vec<String> = found.iter().map(|f| format!("{} {} {}", f.lines, f.place, f.name)).collect();
        assert_eq!(shown, ["5 src/lib.rs:3 long", "2 src/lib.rs:13 middle", "1 src/lib.rs:10 short"]);
    }
}
