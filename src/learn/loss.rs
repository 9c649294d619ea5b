//! What training makes small: the error of the next state, and terms that look at the Jacobian.

use burn_tensor::Tensor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::batch::Batch;

/// A term of a loss. J is the Jacobian of the normalised map, J* its truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// Mean square of s' - s'*.
    Mse,
    /// Mean square of J - J* over decided entries of states that have a derivative.
    MseJacobian,
    /// Mean of |J - J*| over the same.
    MaeJacobian,
    /// Mean of |J|: sparse without being told where.
    L1,
    /// Mean of |J| over the entries whose truth is zero.
    Sae,
    /// Mean of -log p of the true zeros by a network's gates; see [`Gates`](super::Gates). No derivative is needed for it.
    Mask,
}

impl Term {
    /// All terms.
    pub const ALL: [Self; 6] = [Self::Mse, Self::MseJacobian, Self::MaeJacobian, Self::L1, Self::Sae, Self::Mask];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mse => "mse",
            Self::MseJacobian => "mse-jac",
            Self::MaeJacobian => "mae-jac",
            Self::L1 => "l1",
            Self::Sae => "sae",
            Self::Mask => "mask",
        }
    }
}

/// A sum of terms with their weights, such as `mse+sae` or `mse+l1:0.01`.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss(Vec<(Term, f64)>);

/// The weight of a term that looks at the truth of the Jacobian, or at the Jacobian, where none is given.
pub const DEFAULT_WEIGHT: f64 = 0.1;

impl Loss {
    /// The terms with their weights.
    pub fn terms(&self) -> &[(Term, f64)] {
        &self.0
    }

    /// Whether the network's Jacobian is needed.
    pub fn needs_jacobian(&self) -> bool {
        self.0.iter().any(|(term, _)| !matches!(term, Term::Mse | Term::Mask))
    }

    /// The weight of the likelihood of gates; None where it is no term.
    pub fn gates(&self) -> Option<f64> {
        self.0.iter().find(|(term, _)| *term == Term::Mask).map(|(_, weight)| *weight)
    }

    /// The loss of a batch: a tensor of one number. `jacobian`, [direction, batch, outputs], must be there where
    /// [`Loss::needs_jacobian`] says so; its terms are left out otherwise. `mask` is not in it: it needs the network.
    pub fn of(&self, next: &Tensor<2>, jacobian: Option<&Tensor<3>>, batch: &Batch) -> Tensor<1> {
        let mut sum: Option<Tensor<1>> = None;
        for (term, weight) in &self.0 {
            let value = match (term, jacobian, &batch.truth) {
                (Term::Mse, ..) => (next.clone() - batch.next.clone()).square().mean(),
                (Term::L1, Some(j), _) => j.clone().abs().mean(),
                (Term::MseJacobian, Some(j), Some(truth)) => {
                    ((j.clone() - truth.jacobian.clone()).square() * truth.decided.clone()).sum() * truth.per_decided
                }
                (Term::MaeJacobian, Some(j), Some(truth)) => {
                    ((j.clone() - truth.jacobian.clone()).abs() * truth.decided.clone()).sum() * truth.per_decided
                }
                (Term::Sae, Some(j), Some(truth)) => (j.clone().abs() * truth.zero.clone()).sum() * truth.per_zero,
                _ => continue,
            };
            let value = value * *weight;
            sum = Some(match sum {
                Some(sum) => sum + value,
                None => value,
            });
        }
        sum.unwrap_or_else(|| next.clone().sum() * 0.0)
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (term, weight)) in self.0.iter().enumerate() {
            let plus = if i > 0 { "+" } else { "" };
            let usual = if *term == Term::Mse { 1.0 } else { DEFAULT_WEIGHT };
            write!(f, "{plus}{}", term.name())?;
            if *weight != usual {
                write!(f, ":{weight}")?;
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Loss {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut terms: Vec<(Term, f64)> = Vec::new();
        for part in text.split('+') {
            let (name, weight) = part.split_once(':').map_or((part, None), |(n, w)| (n, Some(w)));
            let term = Term::ALL.into_iter().find(|t| t.name() == name).ok_or_else(|| {
                let known = Term::ALL.map(Term::name).join(", ");
                format!("there is no loss \"{name}\"; losses are {known}, joined by +, as mse+sae or mse+l1:0.01")
            })?;
            let usual = if term == Term::Mse { 1.0 } else { DEFAULT_WEIGHT };
            let weight = match weight.map(str::parse::<f64>) {
                None => usual,
                Some(Ok(w)) if w > 0.0 && w.is_finite() => w,
                Some(_) => return Err(format!("the weight of {name} must be a number above 0, such as {name}:0.01")),
            };
            if terms.iter().any(|(t, _)| *t == term) {
                return Err(format!("{name} is there twice; once with its weight is enough"));
            }
            terms.push((term, weight));
        }
        if !terms.iter().any(|(t, _)| *t == Term::Mse) {
            return Err("mse is missing: no other term learns the next state; write mse+...".to_owned());
        }
        terms.sort_by_key(|(term, _)| *term);
        Ok(Self(terms))
    }
}

impl Serialize for Loss {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_have_one_way_to_be_written() {
        for (text, shown) in [
            ("mse", "mse"),
            ("sae+mse", "mse+sae"),
            ("mse+l1:0.01", "mse+l1:0.01"),
            ("mse:1+sae:0.1", "mse+sae"),
            ("mask:0.1+mse", "mse+mask"),
        ] {
            let loss: Loss = text.parse().unwrap();
            assert_eq!(loss.to_string(), shown);
            assert_eq!(loss.to_string().parse::<Loss>().unwrap(), loss);
        }
        for bad in ["", "sae", "mse+mse", "mse+huber", "mse+l1:-1", "mse+l1:NaN", "mse+l1:x"] {
            assert!(bad.parse::<Loss>().is_err(), "{bad}");
        }
    }
}
