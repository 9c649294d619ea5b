//! A failing model, taken apart until nothing more can go.

use super::xml::XmlElement;

/// Takes out elements and attributes for as long as `fails` says that what is left fails, trying at most `tries` times.
/// What refers to an element goes with it.
pub fn shrink(model: &XmlElement, tries: usize, mut fails: impl FnMut(&XmlElement) -> bool) -> XmlElement {
    let (mut best, mut left) = (model.clone(), tries);
    loop {
        let before = best.clone();
        let mut at = 0;
        // Elements first: with one go all of its attributes.
        while left > 0
            && let Some(smaller) = without_element(&best, at)
        {
            left -= 1;
            if fails(&smaller) {
                best = smaller;
            } else {
                at += 1;
            }
        }
        let mut at = 0;
        while left > 0
            && let Some(smaller) = without_attribute(&best, &mut at.clone())
        {
            left -= 1;
            if fails(&smaller) {
                best = smaller;
            } else {
                at += 1;
            }
        }
        if best == before || left == 0 {
            return best;
        }
    }
}

/// The model without its element number `at`, the root not counted; None where there are fewer.
fn without_element(model: &XmlElement, at: usize) -> Option<XmlElement> {
    let mut out = model.clone();
    let removed = remove(&mut out, &mut at.clone())?;
    out.forget(&removed.names());
    Some(out)
}

fn remove(e: &mut XmlElement, at: &mut usize) -> Option<XmlElement> {
    for i in 0..e.children.len() {
        if *at == 0 {
            return Some(e.children.remove(i));
        }
        *at -= 1;
        if let Some(removed) = remove(&mut e.children[i], at) {
            return Some(removed);
        }
    }
    None
}

/// The model without its attribute number `at`; names stay, as states are drawn by them.
fn without_attribute(model: &XmlElement, at: &mut usize) -> Option<XmlElement> {
    fn remove(e: &mut XmlElement, at: &mut usize) -> bool {
        for i in 0..e.attributes.len() {
            if e.attributes[i].0 == "name" {
                continue;
            }
            if *at == 0 {
                e.attributes.remove(i);
                return true;
            }
            *at -= 1;
        }
        e.children.iter_mut().any(|child| remove(child, at))
    }
    let mut out = model.clone();
    remove(&mut out, at).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_goes() {
        let mut model = XmlElement::new("mujoco");
        let world = model.section("worldbody");
        world.push(XmlElement::new("geom").with("adhesion", 1).with("size", 2));
        world.push(XmlElement::new("body").with("name", "b0")).push(XmlElement::new("joint").with("name", "j0"));
        model.section("actuator").push(XmlElement::new("motor").with("joint", "j0"));
        let fails = |m: &XmlElement| m.text().contains("adhesion");
        assert_eq!(
            shrink(&model, 100, fails).text(),
            "<mujoco>\n  <worldbody>\n    <geom adhesion=\"1\"/>\n  </worldbody>\n</mujoco>\n"
        );
        // Nothing is tried without tries.
        assert_eq!(shrink(&model, 0, fails), model);
    }
}
