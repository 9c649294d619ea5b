//! Inputs whose effects lie apart share their nudges: the Jacobian of a large flex is sparse, and of two inputs that no row
//! depends on both of, one step shows the columns of both (Curtis, Powell and Reid, "On the estimation of sparse Jacobian
//! matrices", 1974). Only where that is exact: see [`Model::flex_neighbours`].

use crate::physics::Model;

/// Inputs that are nudged together.
#[derive(Debug)]
pub(super) struct Group {
    /// Entries of the tangent state.
    pub(super) inputs: Vec<usize>,
    /// Rows of the next state that each may act on (ndx), apart from those of all others.
    pub(super) reach: Vec<Vec<usize>>,
}

/// All entries of a tangent state in groups; None where nothing is known of what acts on what.
pub(super) fn groups(model: &Model) -> Option<Vec<Group>> {
    let (neighbours, dofs, nv) = (model.flex_neighbours()?, model.dofs_of_trees(), model.nv());
    let mut groups = Vec::new();
    for colour in colours(&neighbours) {
        let most = colour.iter().map(|tree| dofs[*tree].len()).max().unwrap_or(0);
        for part in [0, nv] {
            for k in 0..most {
                let having = || colour.iter().filter(|tree| k < dofs[**tree].len());
                let rows = |tree: &usize| {
                    let there = neighbours[*tree].iter().flat_map(|tree| &dofs[*tree]);
                    there.clone().copied().chain(there.map(|dof| nv + dof)).collect()
                };
                groups.push(Group {
                    inputs: having().map(|tree| part + dofs[*tree][k]).collect(),
                    reach: having().map(rows).collect(),
                });
            }
        }
    }
    Some(groups)
}

/// Trees without a common neighbour, together; each in one of the lists.
fn colours(neighbours: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut colours: Vec<(Vec<usize>, Vec<bool>)> = Vec::new();
    for (tree, near) in neighbours.iter().enumerate() {
        let fits = |(_, taken): &(Vec<usize>, Vec<bool>)| near.iter().all(|tree| !taken[*tree]);
        let place = colours.iter().position(fits).unwrap_or_else(|| {
            colours.push((Vec::new(), vec![false; neighbours.len()]));
            colours.len() - 1
        });
        let (trees, taken) = &mut colours[place];
        trees.push(tree);
        near.iter().for_each(|tree| taken[*tree] = true);
    }
    colours.into_iter().map(|(trees, _)| trees).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cloth of 6 by 5 vertices, each of three slides; a pin takes one away.
    const CLOTH: &str = r#"<mujoco><worldbody><flexcomp name="f" type="grid" count="6 5 1" spacing=".1 .1 .1" dim="2" radius=".005"
        mass="1"><edge damping=".01"/><contact selfcollide="none"/><elasticity young="1e4" thickness="1e-2" elastic2d="both"/><pin id="7"/></flexcomp></worldbody></mujoco>"#;

    #[test]
    fn every_input_is_in_one_group_and_no_row_in_two_reaches_of_a_group() {
        let model = Model::from_text("cloth.xml", CLOTH).unwrap();
        let (ndx, nv) = (model.ndx(), model.nv());
        assert_eq!(nv, 29 * 3);
        let groups = groups(&model).unwrap();
        let mut inputs: Vec<usize> = groups.iter().flat_map(|g| g.inputs.clone()).collect();
        assert!(groups.len() * 3 < inputs.len() * 2, "{} groups", groups.len());
        inputs.sort_unstable();
        assert_eq!(inputs, (0..ndx).collect::<Vec<_>>());
        for group in &groups {
            let mut rows: Vec<usize> = group.reach.concat();
            let n = rows.len();
            rows.sort_unstable();
            rows.dedup();
            assert_eq!(rows.len(), n, "a row is reached twice");
            for (input, reach) in group.inputs.iter().zip(&group.reach) {
                assert!(reach.contains(input) && reach.contains(&((input + nv) % ndx)));
            }
        }
        for (more, what) in [
            (r#"<option integrator="implicitfast"/>"#, "another integrator"),
            (r#"<tendon><spatial><site site="a"/><site site="b"/></spatial></tendon>"#, "a tendon"),
        ] {
            let sites = r#"<worldbody><site name="a"/><site name="b" pos="1 0 0"/></worldbody>"#;
            let mjcf = CLOTH.replace("<mujoco>", &format!("<mujoco>{sites}{more}"));
            let mjcf = mjcf.replace(r#"young="1e4" thickness="1e-2" elastic2d="both""#, r#"young="0""#);
            let model = Model::from_text("cloth.xml", &mjcf).unwrap();
            assert!(model.flex_neighbours().is_none(), "{what}");
        }
    }
}
