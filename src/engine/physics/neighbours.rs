//! What a step of flexible elements acts on directly, where no constraint is in force.
//!
//! There the acceleration of a tree is that of its own block of M, qacc_t = M_t^-1 f_t, and with Euler's method so is its step. f_t
//! depends on positions and velocities of the tree t and, where its bodies carry vertices of a flex, of the trees with vertices
//! in the same elements, or across an edge of these (bending): its neighbours. Of all others it does not, to the last bit.

use mujoco_rs::mujoco_c::mjtIntegrator;

use super::Model;
use super::elements::{Slices, Variant};
use super::sim::view;

impl Model {
    /// The neighbours of every tree, itself among them, in ascending order. None where other things may act between trees beside
    /// elements of flexes, their edges and constraints: tendons, actuators, plugins, passive contacts, interpolated flexes, another
    /// integrator than Euler's; and where there is no flex.
    pub fn flex_neighbours(&self) -> Option<Vec<Vec<usize>>> {
        let m = self.raw();
        let n = m.nflex as usize;
        // SAFETY: the arrays have nflex entries (mjmodel.h) and live as long as the model.
        let of_flex = |array: *const i32| unsafe { view(array, n) };
        let alone = m.ntendon == 0 && m.nactuator == 0 && m.nplugin == 0;
        let euler = Variant::of(m.opt.integrator) == Ok(mjtIntegrator::mjINT_EULER);
        let plain =
            [m.flex_interp, m.flex_passive].iter().all(|array| of_flex(array.cast_const()).iter().all(|x| *x == 0));
        if n == 0 || !alone || !euler || !plain {
            return None;
        }
        let trees = Slices(m).body_treeid();
        let mut found: Vec<Vec<usize>> = (0..m.ntree as usize).map(|tree| vec![tree]).collect();
        let mut meet = |vertices: &mut dyn Iterator<Item = i32>, bodies: &[i32]| {
            let tree = |vertex: i32| usize::try_from(trees[*bodies.get(usize::try_from(vertex).ok()?)? as usize]).ok();
            let together: Vec<usize> = vertices.filter_map(tree).collect();
            for tree in &together {
                found[*tree].extend_from_slice(&together);
            }
        };
        for flex in 0..n {
            let at = |array: *mut i32| of_flex(array.cast_const())[flex] as usize;
            let corners = at(m.flex_dim) + 1;
            // SAFETY: the addresses and numbers of a flex lie within these arrays (mjmodel.h): vertices of a body each, elements of
            // dim + 1 vertices, edges and their flaps of two.
            let (bodies, elements, edges, flaps) = unsafe {
                let edge = at(m.flex_edgeadr);
                (
                    view(m.flex_vertbodyid.add(at(m.flex_vertadr)).cast_const(), at(m.flex_vertnum)),
                    view(m.flex_elem.add(at(m.flex_elemdataadr)).cast_const(), at(m.flex_elemnum) * corners),
                    view(m.flex_edge.cast::<[i32; 2]>().add(edge).cast_const(), at(m.flex_edgenum)),
                    view(m.flex_edgeflap.cast::<[i32; 2]>().add(edge).cast_const(), at(m.flex_edgenum)),
                )
            };
            elements.chunks(corners).for_each(|element| meet(&mut element.iter().copied(), bodies));
            for (edge, flap) in edges.iter().zip(flaps) {
                meet(&mut edge.iter().chain(flap).copied(), bodies);
            }
        }
        for neighbours in &mut found {
            neighbours.sort_unstable();
            neighbours.dedup();
        }
        Some(found)
    }

    /// The dofs of every tree.
    pub fn dofs_of_trees(&self) -> Vec<Vec<usize>> {
        let mut dofs = vec![Vec::new(); self.raw().ntree as usize];
        for (dof, tree) in Slices(self.raw()).dof_treeid().iter().enumerate() {
            if let Some(dofs) = dofs.get_mut(*tree as usize) {
                dofs.push(dof);
            }
        }
        dofs
    }
}
