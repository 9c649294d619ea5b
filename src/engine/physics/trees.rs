//! Whether the numbers of a model that say which body and which dof is of which kinematic tree can be indices. MuJoCo loads a model
//! that was edited there without complaint, and then reads beyond its arrays.

use super::{Model, PhysicsError};

impl Model {
    /// Refuses trees that are not there. Which bodies and dofs a tree has MuJoCo looks at itself.
    pub(super) fn check_trees(&self) -> Result<(), PhysicsError> {
        let trees = self.raw().ntree as f64;
        let numbers = |field: &str| self.numbers(field).unwrap_or_default();
        let refused = |field: &str, row: usize, value: f64| PhysicsError::Nonsense {
            file: self.file().to_owned(),
            field: format!("{field}[{row}]"),
            value: value.to_string(),
            fix: format!("there are {trees} kinematic trees; leave what MuJoCo has compiled"),
        };
        for (field, least) in [("body_treeid", -1.0), ("dof_treeid", 0.0)] {
            if let Some((row, tree)) = numbers(field).iter().enumerate().find(|(_, t)| **t < least || **t >= trees) {
                return Err(refused(field, row, *tree));
            }
        }
        Ok(())
    }
}
