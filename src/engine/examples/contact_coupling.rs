//! Which joints does a contact couple? A finger approaches a block that slides on its own; entries of A that are zero before
//! they touch and are not afterwards are the contact's doing.
//!
//!     cargo run -p dynsparse-engine --example contact_coupling

use std::sync::Arc;

use dynsparse_engine::{Differentiator, Error, Linearization, Model, Sim, ZeroVerdict};

const FINGER: &str = r#"<mujoco model="finger and block">
  <option timestep="0.002" gravity="0 0 0" integrator="implicitfast"/>
  <worldbody>
    <body name="finger">
      <joint name="knuckle" axis="0 0 1" damping="0.1"/>
      <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.02"/>
      <body name="tip" pos="0.3 0 0">
        <joint name="tip" axis="0 0 1" damping="0.1"/>
        <geom type="capsule" fromto="0 0 0 0.2 0 0" size="0.02"/>
      </body>
    </body>
    <body name="block" pos="0.45 0.1 0">
      <joint name="block" type="slide" axis="0 1 0" damping="1"/>
      <geom type="box" size="0.05 0.05 0.05"/>
    </body>
    <body name="bystander" pos="2 0 0">
      <joint name="bystander" type="slide" axis="0 1 0"/>
      <geom type="box" size="0.05 0.05 0.05"/>
    </body>
  </worldbody>
  <actuator><motor name="knuckle" joint="knuckle"/></actuator>
</mujoco>"#;

/// Names of rows and columns of the entries that are zero in `before` and not in `after`.
fn coupled(before: &Linearization, after: &Linearization) -> Vec<(String, String)> {
    let n = before.states().len();
    let (before_a, after_a) = (before.a_verdicts(), after.a_verdicts());
    let names = before.states();
    let all = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
    all.filter(|at| before_a[*at] == ZeroVerdict::Zero && after_a[*at] == ZeroVerdict::Nonzero)
        .map(|(i, j)| (names[i].clone(), names[j].clone()))
        .collect()
}

/// Linearizations before and while they touch.
fn push() -> Result<[Linearization; 2], Error> {
    let model = Arc::new(Model::from_text("finger.xml", FINGER)?);
    let mut sim = Sim::new(&model)?;
    let differentiator = Differentiator::auto(&model)?;
    sim.ctrl_mut()[0] = 0.2;
    sim.step()?;
    let before = differentiator.linearize(&mut sim)?;
    for _ in 0..2000 {
        sim.step()?;
        // Contacts of the state before that step; the present one has to be of the same kind.
        if sim.contacts().len() > 0 {
            let after = differentiator.linearize(&mut sim)?;
            if after.is_smooth() {
                return Ok([before, after]);
            }
        }
    }
    panic!("the finger never touches the block");
}

fn main() -> Result<(), Error> {
    let [before, after] = push()?;
    println!("next state <- state that it depends on once the finger touches the block");
    for (row, column) in coupled(&before, &after) {
        println!("{row:>13} <- {column}");
    }
    Ok(())
}

#[test]
fn the_contact_couples_the_block_with_the_finger_and_nothing_else() -> Result<(), Error> {
    main()?;
    let [before, after] = push()?;
    let coupled = coupled(&before, &after);
    assert!(coupled.contains(&("vel:block".to_owned(), "vel:knuckle".to_owned())), "{coupled:?}");
    assert!(coupled.contains(&("vel:tip".to_owned(), "pos:block".to_owned())), "{coupled:?}");
    assert!(!coupled.iter().any(|(i, j)| i.contains("bystander") || j.contains("bystander")), "{coupled:?}");
    Ok(())
}
