//! Models: MuJoCo's own list of elements and attributes, small models that use them, and what can be done to a tree of
//! them.

mod seeds;
mod tree;
mod values;

use dynsparse::physics::xml_schema;

use crate::case::Case;
use crate::common::Dice;
use crate::common::bytes::{damage, one_in, pick, word};
use crate::drive::Target;
use tree::Node;
use values::Grammar;

/// Options besides the shortest job.
const MORE: [&str; 6] =
    ["", " --sensors", " --policy zero", " --solver task", " --substeps 3", " --engine transition-fd"];

/// What XML allows between elements, and what only some readers of XML allow.
const MARKUP: [&str; 12] = [
    "<!-- a comment -->",
    "<!-- -- ---- -->",
    "<!DOCTYPE mujoco [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>",
    "<!DOCTYPE mujoco SYSTEM \"/etc/hostname\">",
    "<?xml version=\"1.0\" encoding=\"utf-16\"?>",
    "<?include m.xml?>",
    "<![CDATA[<include file=\"part.xml\"/>]]>",
    "&nbsp;&b;&#0;&#x10ffff;",
    "<include file=\"part.xml\"/>",
    "<include file=\"m.xml\"/>",
    "\u{feff}",
    "</mujoco><mujoco>",
];

/// A text with something between two lines.
fn with_markup(text: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let at = dice.below(lines.len() as u64 + 1) as usize;
    lines.insert(at, word(dice, &MARKUP));
    lines.join("\n")
}

/// Models.
pub(crate) struct Mjcf {
    grammar: Grammar,
    seeds: Vec<Node>,
}

impl Target for Mjcf {
    fn new() -> Self {
        let grammar = Grammar::new(&xml_schema().expect("MuJoCo's schema"));
        let seeds = seeds::ALL.iter().map(|text| Node::parse(text)).collect();
        Self { grammar, seeds }
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let mut tree = pick(dice, &self.seeds).clone();
        let text = if one_in(dice, 5) {
            damage(tree.text().as_bytes(), dice)
        } else {
            // Most random changes are refused at once: few of them reach farther.
            for _ in 0..*pick(dice, &[0, 1, 1, 1, 1, 2, 2, 3, 5]) {
                self.change(&mut tree, dice);
            }
            let text = tree.text();
            if one_in(dice, 8) { with_markup(&text, dice).into_bytes() } else { text.into_bytes() }
        };
        let part = pick(dice, &self.seeds).text().into_bytes();
        let command = format!("record m.xml --episodes 1 --steps 2 --threads 1 -o out.h5{}", pick(dice, &MORE));
        let case = Case::of("m.xml", text).with("part.xml", part);
        let case = case.with("table.stl", b"solid x\nendsolid x\n".to_vec()).with("bytes.png", vec![0x89; 64]);
        case.command(&command)
    }
}

impl Mjcf {
    /// Changes something in a tree.
    fn change(&self, tree: &mut Node, dice: &mut Dice) {
        let at = dice.below(tree.count());
        let path = tree.path(at);
        let other = tree.nth(dice.below(tree.count())).clone();
        let whole = tree.clone();
        let node = tree.nth_mut(at);
        match dice.below(12) {
            // An attribute that is there gets another value.
            0..=3 if !node.attributes.is_empty() => {
                let at = dice.below(node.attributes.len() as u64) as usize;
                let (name, old) = node.attributes[at].clone();
                node.attributes[at].1 = values::other(&name, &old, dice);
            }
            0..=4 => {
                if let Some(name) = self.grammar.attribute(&path, dice) {
                    let value = values::of(&name, dice);
                    node.set(&name, &value);
                }
            }
            5 => {
                if let Some(child) = self.grammar.element(&path, dice) {
                    let at = dice.below(node.children.len() as u64 + 1) as usize;
                    node.children.insert(at, self.random(&format!("{path}/{child}"), &child, dice));
                }
            }
            6 if !node.children.is_empty() => {
                let at = dice.below(node.children.len() as u64) as usize;
                let copies = *pick(dice, &[1, 1, 2, 40]);
                for _ in 0..copies {
                    node.children.insert(at, node.children[at].clone());
                }
            }
            7 if !node.children.is_empty() => {
                node.children.remove(dice.below(node.children.len() as u64) as usize);
            }
            8 if !node.attributes.is_empty() => {
                node.attributes.remove(dice.below(node.attributes.len() as u64) as usize);
            }
            // Something of elsewhere, and perhaps what it lies in.
            9 => node.children.push(if one_in(dice, 6) { whole } else { other }),
            10 => {
                let wrap = *pick(dice, &["frame", "body", "replicate", "default", "composite", "flexcomp"]);
                let times = if wrap == "replicate" { 1 + dice.below(6) } else { *pick(dice, &[1, 1, 2, 3, 30, 300]) };
                // So many bodies that a Jacobian takes longer than 20 s are no hang.
                let mut copies = 1_i64;
                for _ in 0..times {
                    let inner = std::mem::replace(node, Node::new(wrap));
                    if wrap == "replicate" {
                        let count = word(dice, &["2", "3", "10", "100", "2147483647", "-1"]);
                        let more = copies.saturating_mul(count.parse().unwrap_or(1));
                        let many = (101..100_000).contains(&more);
                        copies = if many { copies } else { more };
                        node.set("count", if many { "1" } else { count });
                        node.set("offset", "0 0 1");
                    }
                    node.children.push(inner);
                }
            }
            _ => {
                let mut child =
                    Node::new(word(dice, &["include", "attach", "model", "frame", "replicate", "composite"]));
                child.set("file", word(dice, &["m.xml", "part.xml", "none.xml", "/dev/zero", "."]));
                for name in ["model", "body", "prefix", "name"] {
                    if !one_in(dice, 3) {
                        child.set(name, word(dice, &values::NAMES));
                    }
                }
                node.children.push(child);
            }
        }
    }

    /// A random element with some attributes and children.
    fn random(&self, path: &str, tag: &str, dice: &mut Dice) -> Node {
        let mut node = Node::new(tag);
        for _ in 0..dice.below(5) {
            if let Some(name) = self.grammar.attribute(path, dice) {
                let value = values::of(&name, dice);
                node.set(&name, &value);
            }
        }
        let deep = path.matches('/').count() >= 5 || one_in(dice, 2);
        if let Some(child) = self.grammar.element(path, dice).filter(|_| !deep) {
            node.children.push(self.random(&format!("{path}/{child}"), &child, dice));
        }
        node
    }
}
