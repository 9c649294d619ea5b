//! Paths to other modules in a Rust source, whether they are imported, written out, or within a macro.

use proc_macro2::{TokenStream, TokenTree};

/// Paths that begin at a crate's root, without the root: `["physics", "Model"]` of `crate::physics::Model`, with the name of the
/// root (`crate`, `dynsparse_engine`).
pub(super) type Rooted = (String, Vec<String>);

/// All paths in a source whose first part is one of `roots`, or that `super` leads out to the root of the crate; `depth` is the
/// number of modules that the file itself lies within (0 for the root).
pub(super) fn rooted(source: &str, roots: &[&str], depth: usize) -> Result<Vec<Rooted>, String> {
    let tokens: TokenStream = source.parse().map_err(|e| format!("{e}"))?;
    let mut found = Vec::new();
    walk(tokens, roots, depth, &mut found);
    Ok(found)
}

/// All identifiers of a source that are neither in comments nor in texts.
#[cfg(test)]
pub(super) fn words(source: &str) -> Vec<String> {
    fn collect(tokens: TokenStream, out: &mut Vec<String>) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => collect(group.stream(), out),
                TokenTree::Ident(ident) => out.push(ident.to_string()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
    let mut out = Vec::new();
    source.parse().map(|tokens| collect(tokens, &mut out)).expect("Rust");
    out
}

fn walk(tokens: TokenStream, roots: &[&str], depth: usize, found: &mut Vec<Rooted>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                let after_colons = at >= 2 && is_colons(&tokens, at - 2);
                if !after_colons && roots.contains(&name.as_str()) && is_colons(&tokens, at + 1) {
                    tree(&tokens, at + 3, &name, &[], found);
                } else if !after_colons && name == "super" {
                    let mut end = at;
                    let mut ups = 1;
                    while is_colons(&tokens, end + 1) && is_ident(&tokens, end + 3, "super") {
                        end += 3;
                        ups += 1;
                    }
                    if ups >= depth && is_colons(&tokens, end + 1) {
                        tree(&tokens, end + 3, "crate", &[], found);
                    }
                    at = end;
                } else if name == "mod" && matches!(tokens.get(at + 2), Some(TokenTree::Group(_))) {
                    if let Some(TokenTree::Group(group)) = tokens.get(at + 2) {
                        walk(group.stream(), roots, depth + 1, found);
                    }
                    at += 2;
                }
            }
            TokenTree::Group(group) => walk(group.stream(), roots, depth, found),
            // As serde is told where to find a module: `#[serde(with = "crate::number")]`.
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let path = text.trim_matches('"');
                if path.len() + 2 == text.len()
                    && let Some((root, rest)) = path.split_once("::")
                    && roots.contains(&root)
                    && rest.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':')
                {
                    found.push((root.to_owned(), rest.split("::").map(str::to_owned).collect()));
                }
            }
            TokenTree::Punct(_) => {}
        }
        at += 1;
    }
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(tokens.get(at)) && colon(tokens.get(at + 1))
}

fn is_ident(tokens: &[TokenTree], at: usize, name: &str) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Ident(ident)) if ident == name)
}

/// The rest of a path from `at` on, with its branches in braces.
fn tree(tokens: &[TokenTree], mut at: usize, root: &str, so_far: &[String], found: &mut Vec<Rooted>) {
    let mut path = so_far.to_vec();
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(ident)) => path.push(ident.to_string()),
            Some(TokenTree::Group(group)) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
                for branch in inner.split(comma).filter(|branch| !branch.is_empty()) {
                    tree(branch, 0, root, &path, found);
                }
                return;
            }
            _ => break,
        }
        if !is_colons(tokens, at + 1) {
            break;
        }
        at += 3;
    }
    if !path.is_empty() {
        found.push((root.to_owned(), path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str, depth: usize) -> Vec<String> {
        let all = rooted(source, &["crate", "dynsparse_engine"], depth).unwrap();
        all.into_iter().map(|(root, path)| format!("{root}::{}", path.join("::"))).collect()
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        let source = r#"
            //! crate::comment::No
            use crate::{one::A, two::{self, B as C}, three::*};
            fn f() -> crate::four::D { html! { p { (crate::five::g("not crate::six::no")) } } }
            #[serde(with = "crate::number")]
            struct S;
            use dynsparse_engine::physics::Model; use other::crate_like;
            mod inner { use super::super::seven::E; use super::near::F; }
        "#;
        assert_eq!(
            found(source, 1),
            [
                "crate::one::A",
                "crate::two::self",
                "crate::two::B",
                "crate::three",
                "crate::four::D",
                "crate::five::g",
                "crate::number",
                "dynsparse_engine::physics::Model",
                "crate::seven::E",
            ]
        );
        assert_eq!(found("use super::seven::E;", 1), ["crate::seven::E"]);
        assert_eq!(found("use super::near::E;", 2), [""; 0]);
    }
}
