//! Results as one page that opens from disk: tables, figures and the data behind them, without a network.
//!
//! Knows what [`crate::analysis`] and [`crate::learn`] found and nothing of how it was recorded. Everything follows from [`ReportInput`]: no time, no
//! machine. `chart` draws, `figure` and `overview` say what, `page` puts it together, `image` makes files for
//! papers.

mod chart;
mod error;
mod figure;
mod hover;
mod image;
#[cfg_attr(not(feature = "learn"), path = "without_networks.rs")]
mod learned;
mod overview;
mod page;
mod residuals;
mod table;
mod task;

pub use chart::Drawing;
pub(crate) use chart::{light, scale};
pub use error::ReportError;
pub use figure::Figure;
pub use image::{png, write_figures};
pub use page::page;
pub(crate) use page::{head, themed};

use crate::analysis::compare::Comparison;
use crate::analysis::table::Table;
use crate::analysis::{self, Analysis, Skipped};
#[cfg(feature = "learn")]
use crate::learn::RunResult;
#[cfg(not(feature = "learn"))]
use learned::RunResult;

/// What a report is about.
#[derive(Debug)]
pub struct ReportInput<'a> {
    /// Title of the page.
    pub title: &'a str,
    /// The recordings.
    pub analyses: &'a [Analysis],
    /// Recordings of one task side by side.
    pub comparisons: &'a [Comparison],
    /// Recordings that are missing from it.
    pub skipped: &'a [Skipped],
    /// Trained networks; empty where question 4 is not asked.
    pub learned: &'a [RunResult],
    /// The program that made it.
    pub program: &'a str,
    /// The settings of the analysis, which every table repeats.
    pub settings: &'a serde_json::Value,
}

impl ReportInput<'_> {
    fn tables(&self) -> Vec<Table> {
        let mut all = analysis::tables(self.analyses, self.comparisons);
        all.extend(learned::learning_tables(self.learned));
        all
    }

    /// All figures: those over all recordings, then those of each.
    pub fn figures(&self) -> Figures {
        let one = |a: &Analysis| (a.subject.name.clone(), figure::figures(a));
        Figures {
            overview: overview::figures(self.analyses, self.comparisons),
            recordings: self.analyses.iter().map(one).collect(),
            learned: learned::figures(self.learned),
        }
    }
}

/// The figures of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Over all recordings.
    pub overview: Vec<Figure>,
    /// By recording: its name and its figures.
    pub recordings: Vec<(String, Vec<Figure>)>,
    /// Of trained networks, by task.
    pub learned: Vec<(String, Vec<Figure>)>,
}

impl Figures {
    fn each(&mut self, mut change: impl FnMut(&mut Figure)) {
        let Self { overview, recordings, learned } = self;
        let own = recordings.iter_mut().chain(learned).flat_map(|(_, own)| own);
        overview.iter_mut().chain(own).for_each(&mut change);
    }
}
