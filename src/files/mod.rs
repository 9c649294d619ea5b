//! Files that this program writes: where they may go, whole or not at all, under names that no other process has.
//!
//! Every output of every verb goes through here. It is a regular file or nothing yet; it is none of the files that the
//! command reads; what is there is of the kind that is written, or empty; and a folder is removed or filled only where
//! it carries our mark.

mod error;
mod folder;
mod kind;
mod lock;
mod new_folder;
mod output;
mod write;

pub use error::FileError;
pub use folder::{Mark, parts_of, sweep_up};
pub use kind::FileKind;
pub use lock::Lock;
pub use new_folder::NewFolder;
pub use output::{Inputs, Output, resolve};
pub use write::{draft, publish, replace, replace_ours};
