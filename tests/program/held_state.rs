//! Models of which the state is not all that a step hands on, and flexes: recorded the same on any number of threads, verified, and
//! said in the file. Their numbers are in tests/library/whole_steps.rs.

use dynsparse::dataset::schema::Var;
use dynsparse::dataset::{Attribute, Recording};

use crate::common::Place;

const DELAYS: &str = r#"<mujoco><option timestep=".01"/><worldbody><body><joint name="j" axis="0 1 0" damping=".1"/>
    <geom type="capsule" fromto="0 0 0 .5 0 0" size=".05"/></body></worldbody>
    <actuator><motor joint="j" delay=".03" nsample="5" ctrlrange="-1 1"/></actuator>
    <sensor><jointpos joint="j"/><jointpos joint="j" delay=".02" nsample="4"/></sensor></mujoco>"#;

const CLOTH: &str = r#"<mujoco><worldbody><geom type="plane" size="2 2 .1"/><flexcomp name="f" type="grid" count="4 3 1" spacing=".1 .1 .1"
    pos="0 0 .004" dim="2" radius=".005" mass=".5"><edge equality="true" damping=".01"/><contact selfcollide="none"/></flexcomp></worldbody></mujoco>"#;

/// Records on one thread and on two, compares the bytes, and verifies.
fn recorded(place: &Place, model: &str, more: &[&str]) -> Recording {
    place.write("model.xml", model);
    let args = ["record", "model.xml", "--episodes", "3", "--steps", "8", "--reset-noise", "0.001"];
    for (threads, output) in [("1", "one.h5"), ("2", "two.h5")] {
        place.run(&[&args[..], more, &["--threads", threads, "-o", output]].concat()).ok();
    }
    assert_eq!(place.read("one.h5"), place.read("two.h5"));
    place.run(&["verify", "one.h5"]).ok();
    Recording::open(&place.path("one.h5")).expect("a recording")
}

fn held(recording: &Recording) -> Option<String> {
    recording.attributes().iter().find(|(name, _)| name == "held_state").map(|(_, value)| match value {
        Attribute::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    })
}

/// A motor that is three steps late does nothing within three steps, and something within five.
#[test]
fn delays_are_held_at_the_beginning_of_a_row() {
    let place = Place::new();
    for (substeps, acts) in [("3", false), ("5", true)] {
        let recording = recorded(&place, DELAYS, &["--substeps", substeps, "--sensors", "--force"]);
        assert_eq!(held(&recording).as_deref(), Some("history of actuators, history of sensors"));
        let b = recording.read::<f64>(Var::B, 0..24).unwrap();
        let zero = recording.read::<u8>(Var::BZero, 0..24).unwrap();
        assert!(b.iter().all(|x| (*x != 0.0) == acts) && zero.iter().all(|z| (*z == 1) != acts), "{substeps}: {b:?}");
        // Two steps late, the second sensor shows in the third step the state that the row begins with.
        let c = recording.read::<f64>(Var::C, 0..24).unwrap();
        assert!(c.chunks(4).all(|c| c[0] != 0.0 && c[1] != 0.0 && c[2] != 0.0), "{substeps}: {c:?}");
        assert!(c.chunks(4).all(|c| (c[3] != 0.0) == acts), "{substeps}: {c:?}");
        let info = place.run(&["info", "one.h5"]).ok().stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in
            [&format!("{substeps} physics steps at once")[..], "held at the beginning of a step: history of actuators"]
        {
            assert!(info.contains(part), "no \"{part}\" in {info}");
        }
    }
}

#[test]
fn a_cloth_on_the_floor() {
    let recording = recorded(&Place::new(), CLOTH, &[]);
    assert_eq!(held(&recording), None);
    let a = recording.read::<f64>(Var::A, 0..24).unwrap();
    let known = a.iter().filter(|x| x.is_finite()).count();
    assert!(known * 100 > a.len() * 95, "{known} of {}", a.len());
    assert!(recording.read::<i32>(Var::Ncon, 0..24).unwrap().iter().any(|n| *n > 0), "it touches");
}
