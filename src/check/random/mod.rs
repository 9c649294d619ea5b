//! Random models, each judged by the arbiter: what finds the next fault before somebody else does.
//!
//! A model is a function of (seed, number) alone, and so are the states that it is judged at. Most models have a handful of
//! features and few degrees of freedom, so that judging one takes milliseconds; rare features are drawn often enough that a
//! few hundred models hold each. What fails is taken apart until nothing more can go, and what is left names the cause.

mod actuators;
mod borders;
mod classes;
mod draw;
mod equalities;
mod geoms;
mod judge;
mod options;
mod report;
mod sensors;
mod shrink;
mod sleep;
mod states;
mod tendons;
mod tree;
mod xml;

use draw::Draw;
pub use judge::{Finding, FindingKind, Trial};
pub use report::{Failure, RandomReport, RandomSettings, Tally, check_random};
pub use shrink::shrink;
pub use xml::XmlElement;

/// The model of a seed and a number. MuJoCo refuses a few of them.
pub fn model(seed: u64, index: u64) -> XmlElement {
    let mut build = Build::new(seed, index);
    options::draw(&mut build);
    tree::draw(&mut build);
    geoms::pairs(&mut build);
    tendons::draw(&mut build);
    equalities::draw(&mut build);
    actuators::draw(&mut build);
    classes::draw(&mut build);
    sensors::draw(&mut build, Draw::new(seed, "random sensors", index));
    borders::draw(&mut build, Draw::new(seed, "random borders", index));
    sleep::draw(&mut build, Draw::new(seed, "random sleep", index));
    // Lengths of muscles are found by simulation, of which a step with that flag takes a second.
    let options = build.root.children.iter().filter(|e| e.tag == "option");
    if options.flat_map(|e| &e.children).any(|e| e.tag == "flag" && e.get("ipc").is_some()) {
        build.root.section("compiler").section("lengthrange").set("mode", "none");
    }
    build.root
}

/// A joint that was made.
#[derive(Debug, Clone)]
struct Joint {
    name: String,
    kind: &'static str,
    limited: bool,
}

/// A model as far as it is made, and what its later parts may refer to.
struct Build {
    draw: Draw,
    root: XmlElement,
    bodies: Vec<String>,
    /// Those with a joint between them and the world.
    moving: Vec<String>,
    joints: Vec<Joint>,
    geoms: Vec<String>,
    /// Geoms that a tendon can wrap: spheres and cylinders.
    round: Vec<String>,
    sites: Vec<String>,
    tendons: Vec<String>,
    actuators: Vec<String>,
    dofs: usize,
}

impl Build {
    fn new(seed: u64, index: u64) -> Self {
        Self {
            draw: Draw::new(seed, "random model", index),
            root: XmlElement::new("mujoco"),
            bodies: Vec::new(),
            moving: Vec::new(),
            joints: Vec::new(),
            geoms: Vec::new(),
            round: Vec::new(),
            sites: Vec::new(),
            tendons: Vec::new(),
            actuators: Vec::new(),
            dofs: 0,
        }
    }

    /// Names of the joints of some kinds.
    fn joints_of(&self, kinds: &[&str]) -> Vec<String> {
        self.joints.iter().filter(|j| kinds.contains(&j.kind)).map(|j| j.name.clone()).collect()
    }

    /// Names of hinges and slides.
    fn scalar_joints(&self) -> Vec<String> {
        self.joints_of(&["hinge", "slide"])
    }

    /// Softness and mixing of a constraint, sometimes, under names that end in `end`.
    fn solver(&mut self, e: &mut XmlElement, [solref, solimp]: [&'static str; 2], p: f64) {
        let d = &mut self.draw;
        if d.chance(p) {
            let value = if d.chance(0.3) {
                [-d.log(50.0, 2000.0), -d.log(1.0, 50.0)]
            } else {
                [d.log(0.01, 0.1), d.within(0.5, 1.5)]
            };
            e.set(solref, xml::list(&value));
        }
        if d.chance(p) {
            let width = d.log(1e-4, 1e-1);
            let value = match d.below(3) {
                0 => vec![d.within(0.5, 0.9), d.within(0.9, 0.99), width],
                1 => vec![d.within(0.5, 0.9), d.within(0.9, 0.99), width, d.within(0.2, 0.8), d.within(1.0, 3.0)],
                _ => vec![d.within(0.1, 0.9); 2].into_iter().chain([width]).collect(),
            };
            e.set(solimp, xml::list(&value));
        }
    }
}
