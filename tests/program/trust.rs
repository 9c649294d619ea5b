//! What a recording says can be trusted: files that were changed are noticed, and what MuJoCo does not tell is
//! not made up.

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::{Axis, Var};
use dynsparse::flags::StepFlags;
use dynsparse::physics::Model;
use dynsparse::policy::ControlRanges;

use crate::common::{self, Place};

#[test]
fn verify_notices_what_was_taken_away_or_relabelled() {
    let place = Place::new();
    place.small("whole.h5", &["--sensors"]).ok();
    place.run(&["verify", "whole.h5"]).ok();
    type Change = (&'static str, fn(&hdf5::File));
    let changes: [Change; 5] = [
        ("lacks the variable C", |f| f.unlink("C").unwrap()),
        ("contact_dist has", |f| {
            let d = f.dataset("contact_dist").unwrap();
            d.resize(d.shape()[0] + 5).unwrap();
        }),
        ("labels of dof", |f| {
            let d = f.dataset("dof").unwrap();
            let mut labels = d.read_raw::<hdf5::types::VarLenUnicode>().unwrap();
            labels[0] = "wrong".parse().unwrap();
            d.write_raw(&labels).unwrap();
        }),
        ("root attribute timestep", |f| f.attr("timestep").unwrap().write_scalar(&7.0).unwrap()),
        ("mocap_pos", |f| drop(f.new_dataset::<f64>().shape([3, 1, 3]).create("mocap_pos").unwrap())),
    ];
    for (expected, change) in changes {
        place.write("changed.h5", place.read("whole.h5"));
        change(&common::open_to_change(&place.path("changed.h5")));
        place.run(&["verify", "changed.h5"]).refused(&["changed.h5", expected]);
    }
}

#[test]
fn shards_of_other_settings_do_not_merge() {
    let place = Place::new();
    place.small("a.h5", &["--shard", "1/2"]).ok();
    place.small("b.h5", &["--shard", "2/2", "--seed", "1"]).ok();
    let strange = "a.h5.parts/episode-00000001.h5";
    place.write(strange, place.read("b.h5.parts/episode-00000001.h5"));
    let merge = ["merge", "-o", "a.h5", "--episodes", "3", "--steps", "40"];
    place.run(&merge).refused(&[strange, "other settings"]);
    // A shard under another episode's name is no better.
    place.write(strange, place.read("a.h5.parts/episode-00000000.h5"));
    place.run(&merge).refused(&[strange, "episode 1"]);
    std::fs::remove_file(place.path(strange)).unwrap();
    place.small("a.h5", &[]).ok();
    place.run(&["verify", "a.h5"]).ok();
}

#[test]
fn a_link_is_followed_to_where_the_file_belongs() {
    let place = Place::new();
    std::fs::create_dir(place.path("scratch")).unwrap();
    std::os::unix::fs::symlink("scratch/real.h5", place.path("link.h5")).unwrap();
    place.small("link.h5", &[]).ok();
    assert!(place.path("link.h5").is_symlink(), "the link is still one");
    assert!(Recording::open(&place.path("scratch/real.h5")).is_ok());
}

/// A box that falls on a plane; `option` goes into the option element.
fn falling_box(option: &str) -> String {
    format!(
        r#"<mujoco><option {option}/><worldbody><geom type="plane" size="1 1 .1"/>
        <body pos="0 0 .2"><freejoint/><geom type="box" size=".1 .1 .1"/></body></worldbody></mujoco>"#
    )
}

#[test]
fn the_residual_of_every_solver_is_told() {
    let place = Place::new();
    for (name, option, told) in [
        ("newton", r#"solver="Newton""#, true),
        ("pgs", r#"solver="PGS" iterations="2""#, true),
        ("noslip", r#"noslip_iterations="3""#, true),
        ("both", r#"solver="PGS" noslip_iterations="3""#, false),
    ] {
        place.write(&format!("{name}.xml"), falling_box(option));
        let file = format!("{name}.h5");
        let model = format!("{name}.xml");
        place.run(&["record", &model, "-o", &file, "--episodes", "1", "--steps", "150", "--solver", "task"]).ok();
        let recording = Recording::open(&place.path(&file)).unwrap();
        let rows = recording.len(Axis::Step);
        let residual: Vec<f64> = recording.read(Var::SolverResidual, 0..rows).unwrap();
        let nefc: Vec<i32> = recording.read(Var::Nefc, 0..rows).unwrap();
        let flags: Vec<u32> = recording.read(Var::Flags, 0..rows).unwrap();
        assert!(nefc.iter().any(|n| *n > 0), "{name}: it lands");
        for ((residual, nefc), flags) in residual.iter().zip(&nefc).zip(&flags) {
            assert_eq!(residual.is_nan(), !told && *nefc > 0, "{name}: residual {residual}, {nefc} constraints");
            if name == "pgs" && *nefc > 0 {
                assert_ne!(flags & StepFlags::SOLVER_UNCONVERGED.bits(), 0, "two iterations");
            }
        }
        place.run(&["verify", &file]).ok();
    }
}

#[test]
fn controls_are_only_clamped_where_mujoco_does() {
    let model = |flag: &str| {
        let text = format!(
            r#"<mujoco><option>{flag}</option><worldbody><body><joint name="j"/><geom size=".1"/></body></worldbody>
            <actuator><motor joint="j" ctrllimited="true" ctrlrange="-1 1"/></actuator></mujoco>"#
        );
        ControlRanges::from(&Model::from_text("m.xml", &text).unwrap())
    };
    let mut ctrl = [5.0];
    assert_eq!(model("").clamp(&mut ctrl), 1);
    assert_eq!(ctrl, [1.0]);
    let free = model(r#"<flag clampctrl="disable"/>"#);
    let mut ctrl = [5.0];
    assert_eq!(free.clamp(&mut ctrl), 0);
    assert_eq!((ctrl, free.lo[0], free.hi[0]), ([5.0], -1.0, 1.0));
}

#[test]
fn a_control_within_a_nudge_of_its_limit_counts_as_at_it() {
    let ranges = ControlRanges { lo: vec![-1.0], hi: vec![1.0], limited: vec![true] };
    assert!(ranges.at_limit(&[1.0], 1e-6));
    assert!(ranges.at_limit(&[0.8], 0.3));
    assert!(!ranges.at_limit(&[0.5], 0.3));
}
