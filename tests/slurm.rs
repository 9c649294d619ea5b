//! A sweep on a real Slurm: one node on loopback.

mod common;

use std::time::Duration;

use common::Place;
use common::slurm::Slurm;

#[test]
fn cluster() {
    let Some(slurm) = Slurm::start(3) else { return };
    let place = Place::new();
    place.write("a.sh", "#!/bin/sh\nsleep 1; echo $SLURM_ARRAY_TASK_ID\n");
    slurm.ask("sbatch", &["--array=0-2", "--output=/dev/null", place.path("a.sh").to_str().unwrap()]);
    eprintln!("{:?}", slurm.queue());
    slurm.drained(Duration::from_secs(20));
}
