//! The TOML file of settings.

use std::path::Path;

use super::args::Settings;

/// Reads a settings file.
///
/// # Errors
/// One line with file, line number, what is wrong, and the nearest setting for a misspelt one.
pub(super) fn read(path: &Path) -> anyhow::Result<Settings> {
    let text = std::fs::read_to_string(path).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
    toml::from_str(&text).map_err(|error| {
        let line = error.span().map(|s| text[..s.start.min(text.len())].matches('\n').count() + 1);
        let place = line.map_or_else(|| path.display().to_string(), |l| format!("{}, line {l}", path.display()));
        let message = error.message();
        match message.strip_prefix("unknown field `").and_then(|m| m.split_once('`')) {
            Some((unknown, known)) => {
                let names = known.split('`').skip(1).step_by(2);
                let nearest = names.map(|n| (strsim::damerau_levenshtein(n, unknown), n)).min();
                let hint = nearest.filter(|(d, _)| *d <= 3).map(|(_, n)| format!("; did you mean `{n}`?"));
                anyhow::anyhow!(
                    "{place}: there is no setting `{unknown}`{}",
                    hint.unwrap_or_else(|| "; `dynsparse record --help` lists them".to_owned())
                )
            }
            None => anyhow::anyhow!("{place}: {message}"),
        }
    })
}
