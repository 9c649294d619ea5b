//! In the place of the figures of networks, where the program is built without the feature `learn`: there are none.

use maud::{Markup, html};

use super::figure::Figure;
use crate::analysis::table::Table;

/// A trained network, of which this build knows none.
#[derive(Debug)]
pub enum RunResult {}

pub(super) fn learning_tables(_: &[RunResult]) -> Vec<Table> {
    Vec::new()
}

pub(super) fn figures(_: &[RunResult]) -> Vec<(String, Vec<Figure>)> {
    Vec::new()
}

pub(super) fn section(_: &[RunResult], _: &[(String, Vec<Figure>)]) -> Markup {
    html! {}
}

pub(super) fn count(_: &[RunResult]) -> String {
    String::new()
}
