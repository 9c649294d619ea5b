//! What `--store` keeps of the Jacobians, and who makes do with it.

use dynsparse::dataset::schema::Var;
use dynsparse::dataset::{Recording, Store};

use crate::common::{Place, open_to_change};

const JACOBIANS: [Var; 4] = [Var::A, Var::B, Var::C, Var::D];
const MASKS: [Var; 4] = [Var::AZero, Var::BZero, Var::CZero, Var::DZero];

/// What is recorded.
const JOB: [&str; 10] =
    ["hopper.xml", "--substeps", "5", "--episodes", "3", "--steps", "80", "--sensors", "--reset-noise", "0.1"];

/// Recordings of the same steps, by what they keep: a mass on a spring with a motor, that falls on the ground.
fn recorded(stores: &[&str]) -> Place {
    let place = Place::new();
    place.write(
        "hopper.xml",
        r#"<mujoco><option timestep="0.002"/><worldbody><geom type="plane" size="5 5 1"/>
        <body pos="0 0 .3"><joint name="z" type="slide" axis="0 0 1"/><joint name="x" type="slide" axis="1 0 0"/>
          <geom name="hip" size=".05"/>
          <body pos="0 0 -.1"><joint name="leg" type="slide" axis="0 0 1" stiffness="300" damping="2"/>
            <geom name="foot" size=".04"/></body></body></worldbody>
        <actuator><motor name="push" joint="leg" gear="20" ctrlrange="-1 1"/></actuator>
        <sensor><touch name="sole" site="s"/></sensor></mujoco>"#
            .replace(
                "<geom name=\"foot\" size=\".04\"/>",
                "<geom name=\"foot\" size=\".04\"/><site name=\"s\" size=\".05\"/>",
            )
            .as_str(),
    );
    for store in stores {
        place.run(&[&["record"][..], &JOB, &["--store", store, "-o", &format!("{store}.h5")]].concat()).ok();
    }
    place
}

fn open(place: &Place, name: &str) -> Recording {
    Recording::open(&place.path(name)).expect("a recording opens")
}

#[test]
fn single_precision_is_the_double_one_rounded_and_masks_are_the_same() {
    let place = recorded(&["f64", "f32", "masks"]);
    let [double, single, masks] = ["f64.h5", "f32.h5", "masks.h5"].map(|name| open(&place, name));
    assert_eq!([double.store(), single.store(), masks.store()], [Store::F64, Store::F32, Store::Masks]);
    for var in Var::ALL.iter().copied().filter(|var| double.has(*var) && *var != Var::EpisodeSha256) {
        let name = var.spec().name;
        let rows = 0..double.shape(var)[0];
        if JACOBIANS.contains(&var) {
            assert!(!masks.has(var), "{name}");
            let exact: Vec<f64> = double.read(var, rows.clone()).expect("numbers");
            let kept: Vec<f32> = single.read(var, rows.clone()).expect("numbers");
            let widened: Vec<f64> = single.read(var, rows).expect("numbers");
            assert!(exact.iter().any(|x| *x != 0.0), "{name} says something");
            for ((exact, kept), widened) in exact.iter().zip(&kept).zip(&widened) {
                assert_eq!((*kept, *widened), (*exact as f32, f64::from(*exact as f32)), "{name}");
            }
        } else if let Ok(bytes) = double.bytes(var, rows.clone()) {
            for other in [&single, &masks] {
                assert!(other.bytes(var, rows.clone()).expect("it is there") == bytes, "{name}");
            }
        }
    }
    for var in MASKS {
        assert!(masks.has(var), "{}", var.spec().name);
    }
}

#[test]
fn verify_repeats_what_is_kept_and_finds_a_changed_bit() {
    let place = recorded(&["f32", "masks"]);
    for name in ["f32.h5", "masks.h5"] {
        place.run(&["verify", name]).ok();
        place.run(&["verify", "--content-only", name]).ok();
    }
    let file = open_to_change(&place.path("f32.h5"));
    let b = file.dataset("B").expect("B is there");
    let mut values = b.read_dyn::<f32>().expect("it is read");
    let some = values.as_slice_mut().expect("in order").iter_mut().find(|x| **x != 0.0).expect("an entry");
    *some = f32::from_bits(some.to_bits() ^ 1);
    b.write(&values).expect("it is written");
    drop((b, file));
    let changed = place.run(&["verify", "f32.h5"]);
    assert!(changed.status.code() == Some(1) && changed.stdout.contains("B["), "{}{}", changed.stdout, changed.stderr);
}

#[test]
fn one_thread_two_processes_and_a_merge_give_the_same_bytes() {
    for store in ["f32", "masks"] {
        let place = recorded(&[store]);
        let whole = place.read(&format!("{store}.h5"));
        let job = [&JOB[..], &["--store", store, "-o", "again.h5"]].concat();
        for part in ["1/2", "2/2"] {
            place.run(&[&["record"][..], &job, &["--shard", part, "--threads", "1"]].concat()).ok();
        }
        place.run(&[&["merge"][..], &job].concat()).ok();
        assert!(place.read("again.h5") == whole, "{store}");
    }
}

#[test]
fn what_is_kept_is_analysed_like_the_whole() {
    let place = recorded(&["f64", "f32", "masks"]);
    for store in ["f64", "f32", "masks"] {
        place.run(&["analyze", &format!("{store}.h5"), "-o", store]).ok();
    }
    // Of tables that the zero test decides, every row is the same but for the recording's name.
    for table in ["global", "global_blocks", "sparsity", "patterns", "switches", "information", "runs"] {
        let rows = |store: &str| {
            let text = String::from_utf8(place.read(&format!("{store}/{table}.csv"))).expect("text");
            let rows: Vec<String> =
                text.lines().filter(|l| !l.starts_with('#')).map(|l| l.replace(store, "")).collect();
            rows
        };
        assert!(rows("f64").len() > 1, "{table}");
        for store in ["f32", "masks"] {
            assert_eq!(rows(store), rows("f64"), "{table} of {store}");
        }
    }
    assert!(place.path("f32/thresholds.csv").exists() && !place.path("masks/thresholds.csv").exists());
    place
        .run(&["analyze", "masks.h5", "--zero", "1e-8"])
        .refused(&["masks.h5", "no numbers that a threshold could judge"]);
    place.run(&["analyze", "f32.h5", "--zero", "1e-8"]).ok();
}

#[test]
fn nothing_at_all_is_not_kept() {
    let place = recorded(&[]);
    let job = ["record", "hopper.xml", "--steps", "3", "--store", "masks", "--no-zero-test"];
    place.run(&job).refused(&["store is \"masks\"", "--store f32"]);
}

#[test]
fn matrices_of_two_precisions_are_not_one_recording() {
    let place = recorded(&["f32"]);
    let file = open_to_change(&place.path("f32.h5"));
    let b = file.dataset("B").expect("B");
    let (values, chunk) = (b.read_dyn::<f32>().expect("it is read"), b.chunk().expect("it has chunks"));
    file.unlink("B").expect("it goes");
    let double = values.mapv(f64::from);
    file.new_dataset_builder().with_data(&double).chunk(chunk).create("B").expect("another");
    drop(b);
    drop(file);
    place.run(&["info", "f32.h5"]).refused(&["f32.h5", "A is in single precision and B in double"]);
}

#[cfg(feature = "learn")]
#[test]
fn networks_learn_from_single_precision_and_not_from_masks() {
    let place = recorded(&["f32", "masks"]);
    let how = ["--model", "mlp", "--loss", "mse", "--width", "8", "--steps", "5", "-o", "learned"];
    place.run(&[&["learn", "f32.h5"][..], &how].concat()).ok();
    place.run(&[&["learn", "masks.h5"][..], &how].concat()).refused(&["masks.h5", "--store f32"]);
}
