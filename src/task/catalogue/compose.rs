//! Changes of a model's elements before it is compiled: what suites that compose their models in Python do to a file.

use roxmltree::{Document, Node};
use serde::Deserialize;

/// One change of the main MJCF.
#[derive(Deserialize, Debug, Clone)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Change {
    /// Takes the element of this tag and name out, or all of the tag.
    Remove {
        tag: String,
        #[serde(default)]
        name: Option<String>,
    },
    /// Gives an attribute that an element has another value.
    Set { tag: String, name: String, attribute: String, value: String },
    /// Puts elements at the end of one: that of this name, or the only one of the tag.
    Append {
        tag: String,
        #[serde(default)]
        name: Option<String>,
        xml: String,
    },
}

/// The text after all changes, in order.
///
/// # Errors
/// A sentence that says what is wrong with the file.
pub(super) fn compose(xml: &str, changes: &[Change]) -> Result<String, String> {
    changes.iter().try_fold(xml.to_owned(), |text, change| change.apply(&text))
}

impl Change {
    fn apply(&self, xml: &str) -> Result<String, String> {
        let document = Document::parse(xml).map_err(|e| format!("is not well-formed XML: {e}"))?;
        match self {
            Self::Remove { tag, name: Some(name) } => {
                Ok(splice(xml, vec![(only(&document, tag, Some(name))?.range(), "")]))
            }
            Self::Remove { tag, name: None } => {
                let all: Vec<_> = document.descendants().filter(|n| n.has_tag_name(tag.as_str())).collect();
                // What lies in another one goes with it.
                let outer = all.iter().filter(|n| !n.ancestors().skip(1).any(|a| all.contains(&a)));
                let cuts: Vec<_> = outer.map(|n| (n.range(), "")).collect();
                if cuts.is_empty() { Err(format!("has no <{tag}>")) } else { Ok(splice(xml, cuts)) }
            }
            Self::Set { tag, name, attribute, value } => {
                let node = only(&document, tag, Some(name))?;
                let there = node.attribute_node(attribute.as_str());
                let there = there.ok_or_else(|| format!("its <{tag}> \"{name}\" has no attribute {attribute}"))?;
                Ok(splice(xml, vec![(there.range_value(), value)]))
            }
            Self::Append { tag, name, xml: more } => {
                let range = only(&document, tag, name.as_deref())?.range();
                let end = xml[range.clone()].rfind("</").map(|i| range.start + i);
                let end = end.ok_or_else(|| format!("ends its <{tag}> without a closing tag"))?;
                Ok(splice(xml, vec![(end..end, more)]))
            }
        }
    }
}

/// The one element of a tag, of that name if there is one.
fn only<'d>(document: &'d Document<'_>, tag: &str, name: Option<&str>) -> Result<Node<'d, 'd>, String> {
    let meant = |n: &Node<'_, '_>| n.has_tag_name(tag) && (name.is_none() || n.attribute("name") == name);
    let mut found = document.descendants().filter(meant);
    let what = || name.map_or_else(|| format!("<{tag}>"), |name| format!("<{tag}> \"{name}\""));
    match (found.next(), found.next()) {
        (Some(node), None) => Ok(node),
        (None, _) => Err(format!("has no {}", what())),
        (Some(_), Some(_)) => Err(format!("has more than one {}", what())),
    }
}

/// The text with ranges replaced; they are in order and apart.
fn splice(xml: &str, changes: Vec<(std::ops::Range<usize>, &str)>) -> String {
    let mut out = String::with_capacity(xml.len());
    let mut at = 0;
    for (range, text) in changes {
        out.push_str(&xml[at..range.start]);
        out.push_str(text);
        at = range.end;
    }
    out.push_str(&xml[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = r#"<mujoco><worldbody><geom name="a" size="1"/><body name="b"><geom name="c" size="2"/></body>
        <body name="d"><body name="e"></body></body></worldbody></mujoco>"#;

    fn change(text: &str) -> Result<String, String> {
        let one: Change = toml::from_str(text).unwrap();
        compose(MODEL, &[one])
    }

    #[test]
    fn elements_are_removed_set_and_appended() {
        let gone = change("change = \"remove\"\ntag = \"geom\"").unwrap();
        assert!(!gone.contains("geom") && gone.contains("\"e\""), "{gone}");
        let gone = change("change = \"remove\"\ntag = \"body\"").unwrap();
        assert!(!gone.contains("body name") && gone.contains("\"a\""), "{gone}");
        let gone = change("change = \"remove\"\ntag = \"body\"\nname = \"b\"").unwrap();
        assert!(!gone.contains("\"c\"") && gone.contains("\"d\""), "{gone}");
        let set =
            change("change = \"set\"\ntag = \"geom\"\nname = \"c\"\nattribute = \"size\"\nvalue = \"3\"").unwrap();
        assert!(set.contains("name=\"c\" size=\"3\"") && set.contains("size=\"1\""), "{set}");
        let more = change("change = \"append\"\ntag = \"body\"\nname = \"b\"\nxml = \"<site/>\"").unwrap();
        assert!(more.contains("size=\"2\"/><site/></body>"), "{more}");
        let more = change("change = \"append\"\ntag = \"mujoco\"\nxml = \"<sensor/>\"").unwrap();
        assert!(more.ends_with("<sensor/></mujoco>"), "{more}");
    }

    #[test]
    fn what_is_not_there_once_is_named() {
        let refused = |text: &str| change(text).unwrap_err();
        assert_eq!(refused("change = \"remove\"\ntag = \"site\""), "has no <site>");
        assert_eq!(refused("change = \"remove\"\ntag = \"body\"\nname = \"x\""), "has no <body> \"x\"");
        assert_eq!(refused("change = \"append\"\ntag = \"body\"\nxml = \"\""), "has more than one <body>");
        let error = refused("change = \"append\"\ntag = \"geom\"\nname = \"a\"\nxml = \"\"");
        assert_eq!(error, "ends its <geom> without a closing tag");
        let error = refused("change = \"set\"\ntag = \"geom\"\nname = \"a\"\nattribute = \"pos\"\nvalue = \"0\"");
        assert_eq!(error, "its <geom> \"a\" has no attribute pos");
    }
}
