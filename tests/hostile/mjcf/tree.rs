//! A tree of elements.

use std::fmt::Write as _;

/// An element.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) tag: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Node>,
}

impl Node {
    pub(crate) fn new(tag: &str) -> Self {
        Self { tag: tag.to_owned(), attributes: Vec::new(), children: Vec::new() }
    }

    /// Of a text that is known to be well-formed.
    pub(crate) fn parse(text: &str) -> Self {
        fn of(node: roxmltree::Node<'_, '_>) -> Node {
            Node {
                tag: node.tag_name().name().to_owned(),
                attributes: node.attributes().map(|a| (a.name().to_owned(), a.value().to_owned())).collect(),
                children: node.children().filter(roxmltree::Node::is_element).map(of).collect(),
            }
        }
        of(roxmltree::Document::parse(text).expect("a seed is well-formed").root_element())
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        match self.attributes.iter_mut().find(|(n, _)| n == name) {
            Some((_, there)) => value.clone_into(there),
            None => self.attributes.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Elements of the tree.
    pub(crate) fn count(&self) -> u64 {
        1 + self.children.iter().map(Self::count).sum::<u64>()
    }

    /// The elements on the way to one, by its number in order of depth first.
    fn way(&self, mut at: u64) -> Vec<usize> {
        let (mut here, mut way) = (self, Vec::new());
        'down: while at > 0 {
            at -= 1;
            for (i, child) in here.children.iter().enumerate() {
                if at < child.count() {
                    (here, way) = (child, [way, vec![i]].concat());
                    continue 'down;
                }
                at -= child.count();
            }
            break;
        }
        way
    }

    pub(crate) fn nth(&self, at: u64) -> &Self {
        self.way(at).into_iter().fold(self, |node, i| &node.children[i])
    }

    pub(crate) fn nth_mut(&mut self, at: u64) -> &mut Self {
        self.way(at).into_iter().fold(self, |node, i| &mut node.children[i])
    }

    /// The tags down to an element, as MuJoCo's schema has them: without the root, and a body in a body is `body`.
    pub(crate) fn path(&self, at: u64) -> String {
        let (mut here, mut path) = (self, Vec::new());
        for i in self.way(at) {
            here = &here.children[i];
            let transparent = ["frame", "replicate", "body", "worldbody"].contains(&here.tag.as_str());
            if !transparent {
                path.push(here.tag.as_str());
            } else if path.last() != Some(&"body") {
                path.push("body");
            }
        }
        path.join("/")
    }

    /// As XML, an element a line.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        self.write(0, &mut out);
        out
    }

    fn write(&self, depth: usize, out: &mut String) {
        // A deep tree needs no deep lines.
        let indent = " ".repeat(depth.min(60));
        write!(out, "{indent}<{}", self.tag).expect("a String");
        for (name, value) in &self.attributes {
            let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            write!(out, " {name}=\"{value}\"").expect("a String");
        }
        if self.children.is_empty() {
            out.push_str("/>\n");
            return;
        }
        out.push_str(">\n");
        for child in &self.children {
            child.write(depth + 1, out);
        }
        writeln!(out, "{indent}</{}>", self.tag).expect("a String");
    }
}
