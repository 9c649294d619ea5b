//! Many tasks in one folder.

pub mod slurm;
