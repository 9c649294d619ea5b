//! A model as a tree of elements, so that parts can be put in, taken out and counted.

use std::collections::BTreeSet;
use std::fmt::{Display, Write};

use super::draw::rounded;

/// An element of an MJCF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlElement {
    /// Its tag.
    pub tag: &'static str,
    /// Its attributes, in order.
    pub attributes: Vec<(&'static str, String)>,
    /// The elements in it.
    pub children: Vec<XmlElement>,
}

impl XmlElement {
    pub(super) fn new(tag: &'static str) -> Self {
        Self { tag, attributes: Vec::new(), children: Vec::new() }
    }

    /// The same with one attribute more.
    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.set(name, value);
        self
    }

    /// Sets an attribute, in place of an older value.
    pub(super) fn set(&mut self, name: &'static str, value: impl Display) {
        let value = value.to_string();
        match self.attributes.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name, value)),
        }
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    /// Adds a child.
    pub(super) fn push(&mut self, child: Self) -> &mut Self {
        self.children.push(child);
        let last = self.children.len() - 1;
        &mut self.children[last]
    }

    /// The child of a tag, made where there is none.
    pub(super) fn section(&mut self, tag: &'static str) -> &mut Self {
        match self.children.iter().position(|c| c.tag == tag) {
            Some(i) => &mut self.children[i],
            None => self.push(Self::new(tag)),
        }
    }

    /// The MJCF text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        // Writing to a string cannot fail.
        let _ = write!(out, "{indent}<{}", self.tag);
        for (name, value) in &self.attributes {
            let _ = write!(out, " {name}=\"{value}\"");
        }
        if self.children.is_empty() {
            out.push_str("/>\n");
            return;
        }
        out.push_str(">\n");
        self.children.iter().for_each(|child| child.write(out, depth + 1));
        let _ = writeln!(out, "{indent}</{}>", self.tag);
    }

    /// Every pair of an element's path and an attribute, in the words of MuJoCo's schema: `body/geom`, `actuator/motor`. A
    /// body in a body counts as a body, the world as one too; an element without attributes is there with an empty one.
    pub fn attributes_used(&self) -> BTreeSet<(String, &'static str)> {
        let mut out = BTreeSet::new();
        for child in &self.children {
            child.collect("", &mut out);
        }
        out.extend(self.attributes.iter().map(|(name, _)| ("mujoco".to_owned(), *name)));
        out
    }

    fn collect(&self, path: &str, out: &mut BTreeSet<(String, &'static str)>) {
        let tag = if self.tag == "worldbody" { "body" } else { self.tag };
        let nested = matches!(tag, "body" | "default") && path == tag;
        let path = if path.is_empty() || nested { tag.to_owned() } else { format!("{path}/{tag}") };
        out.insert((path.clone(), ""));
        out.extend(self.attributes.iter().map(|(name, _)| (path.clone(), *name)));
        self.children.iter().for_each(|child| child.collect(&path, out));
    }

    /// What of the model may matter, for people: elements and attributes, with the value where it is a word.
    pub fn features(&self) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for child in &self.children {
            child.features_into(&mut out);
        }
        out
    }

    fn features_into(&self, out: &mut BTreeSet<String>) {
        const PLAIN: [&str; 27] = [
            "name",
            "pos",
            "quat",
            "size",
            "axis",
            "joint",
            "body",
            "site",
            "geom",
            "tendon",
            "body1",
            "body2",
            "site1",
            "site2",
            "joint1",
            "joint2",
            "tendon1",
            "tendon2",
            "geom1",
            "geom2",
            "slidersite",
            "cranksite",
            "refsite",
            "sidesite",
            "mesh",
            "hfield",
            "key",
        ];
        if !matches!(self.tag, "body" | "worldbody" | "key") {
            out.insert(self.tag.to_owned());
        }
        for (name, value) in &self.attributes {
            let word = value.starts_with(|c: char| c.is_ascii_alphabetic());
            match *name {
                "joint" | "body" | "site" | "tendon" | "refsite" | "slidersite" if self.tag != "freejoint" => {
                    out.insert(format!("{}.{name}", self.tag));
                }
                name if PLAIN.contains(&name) || self.tag == "key" => {}
                name if word => {
                    out.insert(format!("{}.{name}={value}", self.tag));
                }
                name => {
                    out.insert(format!("{}.{name}", self.tag));
                }
            }
        }
        self.children.iter().for_each(|child| child.features_into(out));
    }

    /// The names that it and what is in it have.
    pub(super) fn names(&self) -> Vec<String> {
        let mut out: Vec<String> = self.get("name").map(str::to_owned).into_iter().collect();
        self.children.iter().for_each(|child| out.extend(child.names()));
        out
    }

    /// Takes out every element that refers to one of the names.
    pub(super) fn forget(&mut self, names: &[String]) {
        let refers = |e: &Self| e.attributes.iter().any(|(n, v)| *n != "name" && names.contains(v));
        self.children.retain(|child| !refers(child));
        self.children.iter_mut().for_each(|child| child.forget(names));
    }
}

/// Drawn numbers as an attribute holds them.
pub(super) fn list(values: &[f64]) -> String {
    exact(&values.iter().copied().map(rounded).collect::<Vec<_>>())
}

/// The same to the last digit.
pub(super) fn exact(values: &[f64]) -> String {
    values.iter().map(|x| x.to_string()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_refers_to_a_name_goes_with_it() {
        let mut model = XmlElement::new("mujoco");
        model.section("worldbody").push(XmlElement::new("body").with("name", "b1"));
        model.section("equality").push(XmlElement::new("weld").with("name", "w").with("body1", "b1"));
        let names = model.children[0].names();
        model.forget(&names);
        assert_eq!(model.section("equality").children, []);
    }

    #[test]
    fn paths_are_those_of_the_schema() {
        let mut model = XmlElement::new("mujoco");
        let body = model.section("worldbody").push(XmlElement::new("body"));
        body.push(XmlElement::new("body").with("gravcomp", 1)).push(XmlElement::new("geom").with("size", 1));
        let used = model.attributes_used();
        assert!(used.contains(&("body".to_owned(), "gravcomp")) && used.contains(&("body/geom".to_owned(), "size")));
    }
}
