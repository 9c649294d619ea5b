//! Links of documents, and whether they lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::read;

/// A link or an image.
pub(super) struct Link {
    /// The line that it is on, from 1.
    line: usize,
    /// Where it leads, as it is written.
    pub(super) to: String,
}

/// What of a document matters here.
pub(super) struct Document {
    pub(super) links: Vec<Link>,
    /// What a link may name behind `#`.
    anchors: BTreeSet<String>,
}

impl Document {
    /// Reads Markdown as GitHub does.
    pub(super) fn parse(text: &str) -> Document {
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
        let (mut links, mut headings, mut heading) = (Vec::new(), Vec::new(), None::<String>);
        for (event, place) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let line = 1 + text[..place.start].matches('\n').count();
                    links.push(Link { line, to: dest_url.into_string() });
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => headings.extend(heading.take()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        Document { links, anchors: anchors(&headings) }
    }
}

/// The anchors that GitHub gives to headings: small letters, digits, `-` and `_`, with `-` for a space; one that comes again
/// gets a number.
fn anchors(headings: &[String]) -> BTreeSet<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    let one = |heading: &String| {
        let anchor: String =
            heading.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect();
        let before = seen.entry(anchor.clone()).or_default();
        *before += 1;
        if *before == 1 { anchor } else { format!("{anchor}-{}", *before - 1) }
    };
    headings.iter().map(one).collect()
}

/// The path from the root that a link in `document` leads to; None where it leads into the document itself, out of the
/// repository or to another site.
pub(super) fn resolved(document: &str, to: &str) -> Option<String> {
    let path = to.split('#').next().filter(|path| !path.is_empty())?;
    if path.starts_with('/') || path.split('/').next().is_some_and(|first| first.contains(':')) {
        return None;
    }
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A line for every link of the documents, named by their paths from the root, that leads nowhere. A chapter may link to
/// other Markdown only where that is a chapter too, since the book has no other pages.
pub(super) fn broken(root: &Path, documents: &[String], chapters: &[String]) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for name in documents {
        let document = Document::parse(&read(root, name)?);
        for Link { line, to } in &document.links {
            let anchor = to.split_once('#').map(|(_, anchor)| anchor);
            let mut wrong = |why: &str| broken.push(format!("{name}:{line}: {to}: {why}"));
            let Some(file) = resolved(name, to) else {
                if to.starts_with('#') && !document.anchors.contains(&to[1..]) {
                    wrong("there is no such heading");
                } else if !to.starts_with('#') && !to.contains(':') {
                    wrong("it leads out of the repository");
                }
                continue;
            };
            if !root.join(&file).exists() {
                wrong("there is no such file");
            } else if chapters.contains(name) && file.ends_with(".md") && !chapters.contains(&file) {
                wrong("it is no chapter, so the book has no such page");
            } else if let Some(anchor) = anchor.filter(|_| file.ends_with(".md"))
                && !Document::parse(&read(root, &file)?).anchors.contains(anchor)
            {
                wrong("there is no such heading");
            }
        }
    }
    Ok(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_those_of_github() {
        let text = "# A `b_c`, d!\n\n## Zeros are decided, not cut off\n\n## Same\n\n## Same\n\nÜber\n====\n";
        let anchors = Document::parse(text).anchors;
        let all = ["a-b_c-d", "same", "same-1", "zeros-are-decided-not-cut-off", "über"];
        assert!(anchors.iter().map(String::as_str).eq(all), "{anchors:?}");
    }

    #[test]
    fn paths_are_taken_from_the_document() {
        assert_eq!(resolved("docs/a.md", "b.md#c").as_deref(), Some("docs/b.md"));
        assert_eq!(resolved("docs/a.md", "../x/./y.svg").as_deref(), Some("x/y.svg"));
        assert_eq!(resolved("README.md", "docs/").as_deref(), Some("docs"));
        for to in ["#c", "https://example.org/a.md", "mailto:a", "/etc/passwd", "../../a"] {
            assert_eq!(resolved("docs/a.md", to), None, "{to}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_named() {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(root.path().join(name), text).unwrap();
        put(
            "a.md",
            "# One\n\n[x](b.md#two) [x](#one) ![x](x.svg) `[x](none.md)` <https://example.org>\n\n```sh\n[x](none.md)\n```\n",
        );
        put(
            "b.md",
            "# Two\n\n[x](a.md#two)\n[x](none.md) [x](c.md) [x][r] ![x](none.svg) [x](#one) [x](../out)\n\n[r]: none.txt\n",
        );
        put("c.md", "");
        put("x.svg", "");
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let broken = broken(root.path(), &names(&["a.md", "b.md"]), &names(&["a.md", "b.md"])).unwrap();
        let starts = [
            "b.md:3: a.md#two: there is no such heading",
            "b.md:4: none.md: there is no such file",
            "b.md:4: c.md: it is no chapter",
            "b.md:4: none.txt: there is no such file",
            "b.md:4: none.svg: there is no such file",
            "b.md:4: #one: there is no such heading",
            "b.md:4: ../out: it leads out of the repository",
        ];
        assert_eq!(broken.len(), starts.len(), "{broken:#?}");
        for (line, start) in broken.iter().zip(starts) {
            assert!(line.starts_with(start), "{line} is not {start}");
        }
    }
}
