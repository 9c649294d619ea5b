//! `cargo xtask docs`: the tables of the book from their files, the links of all documents, and the book.

mod links;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::place::{root, say, tell, vendor};
use crate::step::{cargo, run};
use crate::tree::remove;

/// The mdBook that is installed where there is none.
const MDBOOK: &str = "0.5.4";

/// What the book is made of, in order.
const SUMMARY: &str = "docs/SUMMARY.md";

/// Documents beside the book's chapters.
const OTHERS: [&str; 2] = [SUMMARY, "vendor/README.md"];

/// Make the tables of the documents anew, check all links, and build the book into target/book
#[derive(Args)]
pub(crate) struct Docs {
    /// Do not build the book
    #[arg(long)]
    no_book: bool,
}

impl Docs {
    /// Tables first, since they may hold links; the book last.
    pub(crate) fn run(&self) -> Result<()> {
        let root = root();
        for name in documents(&root)? {
            let old = read(&root, &name)?;
            let new = tables::refreshed(&old, |file| read(&root, file)).with_context(|| name.clone())?;
            if new != old {
                fs::write(root.join(&name), new).with_context(|| format!("{name} cannot be written"))?;
                say(&name, "tables made anew");
            }
        }
        let broken = broken_links(&root)?;
        if !broken.is_empty() {
            broken.iter().for_each(tell);
            bail!("{} links lead nowhere", broken.len());
        }
        say("links", "all lead somewhere");
        if self.no_book {
            return Ok(());
        }
        let copy = root.join("target/book-src");
        lay_out(&root, &copy)?;
        run("mdbook build", Command::new(mdbook()?).arg("build").arg(&copy))?;
        say("book", root.join("target/book/index.html").display());
        Ok(())
    }
}

fn read(root: &Path, name: &str) -> Result<String> {
    fs::read_to_string(root.join(name)).with_context(|| format!("{name} cannot be read"))
}

/// The chapters, in order, as paths from the root.
fn chapters(root: &Path) -> Result<Vec<String>> {
    let links = links::Document::parse(&read(root, SUMMARY)?).links;
    links
        .iter()
        .map(|link| links::resolved(SUMMARY, &link.to).with_context(|| format!("{SUMMARY}: {}", link.to)))
        .collect()
}

/// Every document: the chapters, and those beside them.
fn documents(root: &Path) -> Result<Vec<String>> {
    let mut all = chapters(root)?;
    all.extend(OTHERS.map(str::to_owned));
    Ok(all)
}

/// A line for every link that leads nowhere, on GitHub or in the book, and for every file of docs/ that is no chapter.
fn broken_links(root: &Path) -> Result<Vec<String>> {
    let chapters = chapters(root)?;
    let mut broken = links::broken(root, &documents(root)?, &chapters)?;
    for entry in fs::read_dir(root.join("docs")).context("docs/ cannot be read")? {
        let name = format!("docs/{}", entry.context("docs/ cannot be read")?.file_name().to_string_lossy());
        if name.ends_with(".md") && name != SUMMARY && !chapters.contains(&name) {
            broken.push(format!("{name}: no chapter of {SUMMARY}"));
        }
    }
    Ok(broken)
}

/// Copies chapters, and the files that they link to, into a folder with the layout of the repository: mdBook takes
/// nothing from outside its own.
fn lay_out(root: &Path, copy: &Path) -> Result<()> {
    remove(copy)?;
    let put = |name: &str, text: &[u8]| {
        let path = copy.join(name);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(&path, text)
    };
    let mut summary = read(root, SUMMARY)?;
    for chapter in chapters(root)? {
        let text = read(root, &chapter)?;
        put(&chapter, text.as_bytes()).with_context(|| format!("{chapter} cannot be copied"))?;
        for file in links::Document::parse(&text).links.iter().filter_map(|link| links::resolved(&chapter, &link.to)) {
            let from = root.join(&file);
            if !file.ends_with(".md") && from.is_file() {
                let bytes = fs::read(&from).with_context(|| format!("{file} cannot be read"))?;
                put(&file, &bytes).with_context(|| format!("{file} cannot be copied"))?;
            }
        }
        let here = chapter.strip_prefix("docs/").map_or_else(|| format!("../{chapter}"), str::to_owned);
        summary = summary.replace(&format!("]({here})"), &format!("]({chapter})"));
    }
    put("SUMMARY.md", summary.as_bytes()).context("the summary cannot be copied")?;
    put("book.toml", read(root, "docs/book.toml")?.as_bytes()).context("book.toml cannot be copied")
}

/// The mdBook on PATH or in vendor/, where it is installed if there is none.
fn mdbook() -> Result<PathBuf> {
    let place = vendor().join("mdbook");
    let own = place.join("bin/mdbook");
    let runs = |program: &Path| {
        let out = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        out.is_ok_and(|status| status.success())
    };
    for program in [PathBuf::from("mdbook"), own.clone()] {
        if runs(&program) {
            return Ok(program);
        }
    }
    let mut install = cargo();
    install.args(["install", "mdbook", "--version", MDBOOK, "--locked", "--root"]).arg(&place);
    run(&format!("cargo install mdbook {MDBOOK}"), &mut install)?;
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_of_the_documents_leads_somewhere() {
        let broken = broken_links(&root()).unwrap();
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }

    #[test]
    fn every_table_of_the_documents_is_that_of_its_file() {
        let root = root();
        let mut tables = 0;
        for name in documents(&root).unwrap() {
            let text = read(&root, &name).unwrap();
            tables += text.matches("\n<!-- table: ").count();
            let new = tables::refreshed(&text, |file| read(&root, file)).unwrap();
            assert!(new == text, "{name}: run `cargo xtask docs`, which makes its tables anew");
        }
        assert!(tables > 10, "{tables}");
    }

    #[test]
    fn the_book_gets_the_layout_of_the_repository() {
        let copy = tempfile::tempdir().unwrap();
        let copy = copy.path().join("copy");
        lay_out(&root(), &copy).unwrap();
        let summary = read(&copy, "SUMMARY.md").unwrap();
        assert!(summary.contains("](docs/quickstart.md)") && summary.contains("](CONTRIBUTING.md)"), "{summary}");
        for chapter in links::Document::parse(&summary).links {
            let name = links::resolved("SUMMARY.md", &chapter.to).unwrap();
            let text = read(&copy, &name).unwrap();
            for file in links::Document::parse(&text).links.iter().filter_map(|link| links::resolved(&name, &link.to)) {
                assert!(copy.join(&file).is_file(), "{name}: {file}");
            }
        }
    }
}
