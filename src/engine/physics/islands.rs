//! Islands: which parts of a state can act on each other at all. Kinematic trees, and what joins them.
//!
//! Trees meet in contacts, equality constraints, tendons and actuators. Contacts are those of the state; the others are
//! taken from the model, whether they are active or not. Without one of them nothing flows from one tree to another
//! within a step: the inertia, and the system that is solved for the constraint forces, fall apart into blocks.

use super::attachments::{Attachment, Attachments};
use super::elements::Slices;
use super::sets::Sets;
use super::{Model, PhysicsError, Sim, StateLayout};

/// Sets of trees and actuators that can act on each other within a step. As MuJoCo's islands, but with everything that joins
/// trees, whether it pushes at the state or not.
#[derive(Debug, Clone)]
pub struct Islands {
    /// Nodes (trees, then actuators), joined as the model alone has it.
    fixed: Sets,
    /// The same with the contacts of the last state.
    now: Sets,
    /// Node of every entry of the tangent state, then of every control.
    nodes: Vec<usize>,
    /// Trees of the bodies of every geom; None for what cannot move.
    geoms: Vec<Option<usize>>,
    layout: StateLayout,
}

impl Islands {
    /// The islands of a model, as far as the model alone says.
    pub fn new(model: &Model) -> Self {
        let m = model.raw();
        let (trees, actuators) = (m.ntree as usize, m.nactuator as usize);
        let found = Trees { attachments: Attachments::new(model), m: Slices(m) };
        let attachments = &found.attachments;
        let mut fixed = Sets::new(trees + actuators);
        // Flexes and plugins may join anything.
        if model.has_flexes() || model.has_plugins() {
            fixed.join_all(0..trees + actuators);
        }
        for tendon in 0..m.ntendon {
            fixed.join_all(found.all(attachments.tendon(tendon as i32).collect()));
        }
        for equality in 0..attachments.equalities() {
            match attachments.equality(equality) {
                Some(joined) => fixed.join_all(found.all(joined)),
                None => fixed.join_all(0..trees),
            }
        }
        for actuator in 0..actuators {
            let node = trees + actuator;
            match attachments.transmission(actuator) {
                Some(moved) => found.all(moved).for_each(|tree| fixed.join(node, tree)),
                None => (0..trees).for_each(|tree| fixed.join(node, tree)),
            }
        }
        let layout = model.layout();
        let mut nodes: Vec<usize> = found.m.dof_treeid().iter().map(|tree| *tree as usize).collect();
        nodes.extend_from_within(..);
        // An entry without an actuator does not occur; it would be alone.
        nodes.resize(layout.inputs(), usize::MAX);
        for actuator in 0..actuators {
            let (acts, controls) = attachments.inputs(actuator);
            nodes[layout.activations()][acts].fill(trees + actuator);
            nodes[layout.controls()][controls].fill(trees + actuator);
        }
        let geoms = (0..m.ngeom).map(|geom| found.of(attachments.geom(geom as i32)?)).collect();
        Self { now: fixed.clone(), fixed, nodes, geoms, layout }
    }

    /// A number of the island of every entry of the tangent state, then of every control (ndx + nu), as far as the model alone
    /// says: without contacts.
    pub fn labels(&self) -> Vec<usize> {
        let n = self.fixed.len();
        self.nodes.iter().map(|node| if *node < n { self.fixed.root(*node) } else { n }).collect()
    }

    /// Whether anything can act, within a step, from one entry of the tangent state on another.
    pub fn state_acts(&self, on: usize, from: usize) -> bool {
        self.same(self.nodes[on], self.nodes[from])
    }

    /// Whether anything can act, within a step, from a control on an entry of the tangent state.
    pub fn control_acts(&self, on: usize, control: usize) -> bool {
        self.same(self.nodes[on], self.nodes[self.layout.control(control)])
    }

    fn same(&self, one: usize, other: usize) -> bool {
        one == other || one != usize::MAX && other != usize::MAX && self.now.root(one) == self.now.root(other)
    }
}

impl Sim {
    /// Finds the contacts of the present state and what they join. Warm start and state stay as they are.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn find_islands(&mut self, islands: &mut Islands) -> Result<(), PhysicsError> {
        islands.now.clone_from(&islands.fixed);
        self.join_islands(islands)
    }

    /// Joins in addition what the contacts of the present state join.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn join_islands(&mut self, islands: &mut Islands) -> Result<(), PhysicsError> {
        if islands.fixed.len() < 2 {
            return Ok(());
        }
        if self.model().sleeps() {
            // What a contact wakes has to be awake before its rows are made.
            let mut state = vec![0.0; self.model().state_size()];
            self.get_state(&mut state)?;
            self.forward()?;
            self.set_state(&state)?;
        } else {
            self.stage_position()?;
        }
        for contact in self.contacts() {
            let tree = |geom: i32| usize::try_from(geom).ok().and_then(|geom| islands.geoms[geom]);
            if let [Some(one), Some(other)] = contact.geom.map(tree) {
                islands.now.join(one, other);
            }
        }
        Ok(())
    }
}

/// The trees of what forces act on.
struct Trees<'a> {
    attachments: Attachments<'a>,
    m: Slices<'a>,
}

impl Trees<'_> {
    /// None for what cannot move.
    fn of(&self, attachment: Attachment) -> Option<usize> {
        usize::try_from(*self.m.body_treeid().get(self.attachments.body(attachment)?)?).ok()
    }

    fn all(&self, attachments: Vec<Attachment>) -> impl Iterator<Item = usize> + '_ {
        attachments.into_iter().filter_map(|attachment| self.of(attachment))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn islands(mjcf: &str) -> Islands {
        let model = Arc::new(Model::from_text("trees.xml", mjcf).unwrap());
        let mut islands = Islands::new(&model);
        Sim::new(&model).unwrap().find_islands(&mut islands).unwrap();
        islands
    }

    /// Three sliders in a row, 1 m apart, with what is to join them.
    fn sliders(more: &str, radius: [f64; 3]) -> Islands {
        let bodies: String = (0..3)
            .map(|i| {
                let radius = radius[i];
                format!(
                    r#"<body pos="{i} 0 0"><joint name="j{i}" type="slide" axis="1 0 0"/><geom size="{radius}"/>
                       <site name="s{i}"/></body>"#
                )
            })
            .collect();
        islands(&format!("<mujoco><worldbody>{bodies}</worldbody>{more}</mujoco>"))
    }

    /// Which of the pairs 01, 12, 02 are joined.
    fn pairs(islands: &Islands) -> [bool; 3] {
        let found = [(0, 1), (1, 2), (0, 2)].map(|(i, j)| islands.state_acts(i, j));
        let velocities = [(3, 1), (4, 2), (0, 5)].map(|(i, j)| islands.state_acts(i, j));
        assert_eq!(found, velocities);
        found
    }

    #[test]
    fn trees_are_joined_by_what_acts_between_them() {
        let apart = [0.1; 3];
        assert_eq!(pairs(&sliders("", apart)), [false; 3]);
        assert_eq!(pairs(&sliders("", [0.6, 0.6, 0.1])), [true, false, false], "a contact");
        for (more, expected) in [
            (r#"<equality><joint joint1="j0" joint2="j2"/></equality>"#, [false, false, true]),
            (r#"<equality><weld site1="s1" site2="s2" active="false"/></equality>"#, [false, true, false]),
            (r#"<equality><joint joint1="j0"/></equality>"#, [false; 3]),
            (
                r#"<tendon><fixed><joint joint="j0" coef="1"/><joint joint="j1" coef="1"/></fixed></tendon>"#,
                [true, false, false],
            ),
            (r#"<tendon><spatial><site site="s1"/><site site="s2"/></spatial></tendon>"#, [false, true, false]),
            (r#"<actuator><motor site="s0" refsite="s2"/></actuator>"#, [false, false, true]),
            (r#"<actuator><motor joint="j0"/><motor joint="j1"/></actuator>"#, [false; 3]),
        ] {
            assert_eq!(pairs(&sliders(more, apart)), expected, "{more}");
        }
    }

    #[test]
    fn a_control_and_its_activation_act_on_the_tree_that_they_move() {
        let islands = sliders(
            r#"<actuator><motor joint="j2"/><general joint="j0" dyntype="filter" dynprm="1"/></actuator>"#,
            [0.1; 3],
        );
        let by_control = |control| (0..6).map(|row| islands.control_acts(row, control)).collect::<Vec<_>>();
        assert_eq!(by_control(0), [false, false, true, false, false, true]);
        assert_eq!(by_control(1), [true, false, false, true, false, false]);
        // The activation is entry 6.
        assert!(islands.state_acts(0, 6) && !islands.state_acts(1, 6) && islands.control_acts(6, 1));
        assert!(!islands.control_acts(6, 0));
    }
}
