//! The public items of the libraries: what others can name, and where it stands.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use syn::visit::{self, Visit};
use syn::{Attribute, Fields, Ident, ImplItem, Item, ItemImpl, TraitItem, Type, UseTree, Visibility};

use super::crates::{self, LIBRARIES, only_for_tests};

/// What others can name.
pub(super) struct Public {
    /// Its own name.
    pub(super) name: String,
    /// The modules that it lies within, the name of the crate first.
    pub(super) modules: Vec<String>,
    /// The type whose method or constant it is.
    pub(super) of: Option<String>,
    /// Where it is.
    pub(super) file: String,
    /// In the file, from 1.
    pub(super) line: usize,
    /// What comes with it: the names in its arguments and results, public fields, variants and associated types.
    pub(super) brings: BTreeSet<String>,
}

impl Public {
    /// Its name with all names before it.
    pub(super) fn path(&self) -> String {
        let names = self.modules.iter().chain(&self.of).chain([&self.name]);
        names.map(String::as_str).collect::<Vec<_>>().join("::")
    }

    /// As compilers write a place.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// All of them, in the order of the sources; `folder` has the libraries in it. A `pub` item that no other crate can reach is none of
/// ours: the compiler's lint `unreachable_pub` speaks of it.
pub(super) fn all(folder: &Path) -> Result<Vec<Public>> {
    let mut finder = Finder::default();
    for (name, root) in LIBRARIES {
        for source in crates::sources(folder, root, name)? {
            finder.modules = source.modules;
            finder.file = source.file;
            finder.items(&source.items);
        }
    }
    Ok(finder.finish())
}

/// Goes through files.
#[derive(Default)]
struct Finder {
    file: String,
    modules: Vec<String>,
    found: Vec<Public>,
    /// Types that are not public.
    hidden: BTreeSet<String>,
    /// The names that come with the traits of a type.
    implemented: Vec<(String, BTreeSet<String>)>,
}

impl Finder {
    /// What was found, but for the methods of types that are not public themselves.
    fn finish(mut self) -> Vec<Public> {
        for (of, names) in &self.implemented {
            for item in self.found.iter_mut().filter(|item| item.name == *of && item.of.is_none()) {
                item.brings.extend(names.iter().cloned());
            }
        }
        for item in self.found.iter().filter(|item| item.of.is_none()) {
            self.hidden.remove(&item.name);
        }
        self.found.retain(|item| item.of.as_ref().is_none_or(|of| !self.hidden.contains(of)));
        self.found
    }

    fn items(&mut self, items: &[Item]) {
        for item in items {
            let (attributes, visibility, ident, names) = match item {
                Item::Const(it) => (&it.attrs, &it.vis, &it.ident, names(|n| n.visit_type(&it.ty))),
                Item::Static(it) => (&it.attrs, &it.vis, &it.ident, names(|n| n.visit_type(&it.ty))),
                Item::Fn(it) => (&it.attrs, &it.vis, &it.sig.ident, names(|n| n.visit_signature(&it.sig))),
                Item::Type(it) => (&it.attrs, &it.vis, &it.ident, names(|n| n.visit_type(&it.ty))),
                Item::Struct(it) => (&it.attrs, &it.vis, &it.ident, names(|n| public_fields(&it.fields, n))),
                Item::Enum(it) => {
                    let variants = names(|n| it.variants.iter().for_each(|variant| n.visit_fields(&variant.fields)));
                    (&it.attrs, &it.vis, &it.ident, variants)
                }
                Item::Trait(it) => (&it.attrs, &it.vis, &it.ident, names(|n| signatures(&it.items, n))),
                Item::Mod(it) => {
                    if let Some((_, items)) = it.content.as_ref().filter(|_| !only_for_tests(&it.attrs)) {
                        self.modules.push(it.ident.to_string());
                        self.items(items);
                        self.modules.pop();
                    }
                    continue;
                }
                Item::Impl(it) => {
                    self.block(it);
                    continue;
                }
                Item::Use(it) => {
                    if matches!(it.vis, Visibility::Public(_)) {
                        self.renames(&it.tree);
                    }
                    continue;
                }
                _ => continue,
            };
            self.add(attributes, visibility, ident, None, names);
        }
    }

    /// The methods of a type, or what comes with a trait that it has.
    fn block(&mut self, block: &ItemImpl) {
        let Type::Path(path) = &*block.self_ty else { return };
        let Some(of) = path.path.segments.last().map(|last| last.ident.to_string()) else { return };
        if only_for_tests(&block.attrs) {
            return;
        }
        if block.trait_.is_some() {
            let names = names(|n| {
                for item in &block.items {
                    match item {
                        ImplItem::Fn(it) => n.visit_signature(&it.sig),
                        ImplItem::Type(it) => n.visit_type(&it.ty),
                        _ => {}
                    }
                }
            });
            self.implemented.push((of, names));
            return;
        }
        for item in &block.items {
            match item {
                ImplItem::Fn(it) => {
                    let names = names(|n| n.visit_signature(&it.sig));
                    self.add(&it.attrs, &it.vis, &it.sig.ident, Some(&of), names);
                }
                ImplItem::Const(it) => {
                    let names = names(|n| n.visit_type(&it.ty));
                    self.add(&it.attrs, &it.vis, &it.ident, Some(&of), names);
                }
                _ => {}
            }
        }
    }

    /// The second names that a `pub use` gives.
    fn renames(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.renames(&path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.renames(tree)),
            UseTree::Rename(rename) if rename.rename != "_" => {
                self.push(&rename.rename, None, names(|n| n.visit_ident(&rename.ident)));
            }
            _ => {}
        }
    }

    fn add(
        &mut self,
        attributes: &[Attribute],
        visibility: &Visibility,
        ident: &Ident,
        of: Option<&str>,
        brings: BTreeSet<String>,
    ) {
        if only_for_tests(attributes) {
            return;
        }
        if matches!(visibility, Visibility::Public(_)) {
            self.push(ident, of, brings);
        } else if of.is_none() {
            self.hidden.insert(ident.to_string());
        }
    }

    fn push(&mut self, ident: &Ident, of: Option<&str>, brings: BTreeSet<String>) {
        self.found.push(Public {
            name: ident.to_string(),
            modules: self.modules.clone(),
            of: of.map(str::to_owned),
            file: self.file.clone(),
            line: ident.span().start().line,
            brings,
        });
    }
}

/// The names that a visit comes by.
fn names(visit: impl FnOnce(&mut Names)) -> BTreeSet<String> {
    let mut names = Names(BTreeSet::new());
    visit(&mut names);
    names.0
}

struct Names(BTreeSet<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_ident(&mut self, ident: &'ast Ident) {
        self.0.insert(ident.to_string());
        visit::visit_ident(self, ident);
    }
}

fn public_fields(fields: &Fields, names: &mut Names) {
    for field in fields.iter().filter(|field| matches!(field.vis, Visibility::Public(_))) {
        names.visit_type(&field.ty);
    }
}

fn signatures(items: &[TraitItem], names: &mut Names) {
    for item in items {
        match item {
            TraitItem::Fn(it) => names.visit_signature(&it.sig),
            TraitItem::Const(it) => names.visit_type(&it.ty),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_items_are_found_with_what_comes_with_them() {
        let text = "
            pub struct A { pub field: Shown, hidden: Hidden }
            pub(crate) struct B;
            struct C;
            impl A { pub fn f(&self, by: By) -> Out { Inside::new() } fn g() {} pub const K: u8 = 1; #[cfg(test)] pub fn t() {} }
            impl C { pub fn h() {} }
            impl MadeByAMacro { pub fn m() {} }
            impl Iterator for A { type Item = Each; }
            pub enum E { One(Kind) }
            pub mod inner { pub const L: Long = 0; pub type T = Long; }
            pub trait Able { fn able(&self) -> Can { Inside::new() } }
            #[cfg(test)] mod tests { pub fn no() {} }
            pub use a::{b::B as D, c};
        ";
        let house = crates::house(&[("src/lib.rs", text), ("src/base/lib.rs", ""), ("src/engine/lib.rs", "")]);
        let found = all(house.path()).unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|item| {
                let brings: Vec<&str> = item.brings.iter().map(String::as_str).collect();
                format!("{} {}: {}", item.line, item.path(), brings.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "2 dynsparse::A: Each Shown",
                "5 dynsparse::A::f: By Out by f",
                "5 dynsparse::A::K: u8",
                "7 dynsparse::MadeByAMacro::m: m",
                "9 dynsparse::E: Kind",
                "10 dynsparse::inner::L: Long",
                "10 dynsparse::inner::T: Long",
                "11 dynsparse::Able: Can able",
                "13 dynsparse::D: B",
            ]
        );
        assert_eq!(found[1].place(), "src/lib.rs:5");
    }
}
