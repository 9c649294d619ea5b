//! What is drawn: bodies, the geoms that are fixed to them, meshes, tendons and the vertices of flexes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::pack::Pack;
use super::thin::{self, Mesh};
use crate::physics::{Camera, GeomLook, GeomShape, Model, Surface};

/// Triangles of all geoms together at most, with which pages stay quick on small graphics cards.
const MOST_TRIANGLES: usize = 200_000;

/// Groups of geoms that MuJoCo's viewer shows.
const SHOWN: std::ops::RangeInclusive<i32> = 0..=2;

/// What the camera looks down by at least and at most, and without a camera in the model, degrees.
const DOWN: (f64, f64) = (8.0, 50.0);

/// Everything that is drawn, without poses.
#[derive(Debug, Serialize)]
pub(super) struct Scene {
    bodies: Vec<BodyView>,
    geoms: Vec<GeomView>,
    meshes: Vec<MeshView>,
    soft: Vec<SoftView>,
    pub(super) tendons: Vec<TendonView>,
    /// Where the camera is at first, seen from what it looks at: azimuth and height above the horizon, degrees.
    camera: [f64; 2],
    /// What the page has to say about it.
    #[serde(skip)]
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct BodyView {
    name: String,
    mass: f64,
    /// Whether it can move, or be moved, at all.
    moves: bool,
    /// Whether it is put where it is, and not moved by forces: it hangs on a mocap body.
    placed: bool,
}

#[derive(Debug, Serialize)]
struct GeomView {
    name: String,
    body: usize,
    kind: &'static str,
    size: [f64; 3],
    pos: [f64; 3],
    quat: [f64; 4],
    rgba: [f32; 4],
    /// Number of its mesh on the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    mesh: Option<usize>,
    /// Whether it is drawn at first; others are what collides, and can be asked for.
    shown: bool,
}

#[derive(Debug, Serialize)]
struct MeshView {
    vertices: usize,
    faces: usize,
    low: [f32; 3],
    side: f32,
}

#[derive(Debug, Serialize)]
struct SoftView {
    name: String,
    rgba: [f32; 4],
    /// By vertex: the number of its body, and where in that body's frame, m.
    vertices: Vec<(usize, [f64; 3])>,
}

/// A tendon.
#[derive(Debug, Serialize)]
pub(super) struct TendonView {
    pub(super) name: String,
    rgba: [f32; 4],
    width: f64,
    pub(super) shown: bool,
}

impl Scene {
    /// The scene of a model, with its meshes in a pack; these are thinned until they take at most `budget` bytes of the page.
    pub(super) fn new(model: &Model, geom_names: &[String], budget: usize) -> Result<(Self, Pack), serde_json::Error> {
        let looks = model.looks();
        let bodies = bodies(model);
        let is_shown = shown(&looks, &bodies);
        let mut notes = Vec::new();
        if is_shown.iter().zip(&looks).any(|(shown, look)| *shown && !SHOWN.contains(&look.group)) {
            notes.push("The model shows no geom that moves, so that all are drawn.".to_owned());
        }

        let mut number: BTreeMap<Surface, usize> = BTreeMap::new();
        for (look, _) in looks.iter().zip(&is_shown).filter(|(_, shown)| **shown) {
            if let Some(surface) = look.surface {
                let next = number.len();
                number.entry(surface).or_insert(next);
            }
        }
        let mut surfaces: Vec<(Surface, usize)> = number.iter().map(|(surface, i)| (*surface, *i)).collect();
        surfaces.sort_unstable_by_key(|(_, i)| *i);
        let whole: Vec<Mesh> = surfaces.iter().map(|(surface, _)| mesh(model, *surface)).collect();
        // Each geom of a mesh is drawn by itself.
        let drawn = |surface: Option<Surface>| surface.and_then(|surface| number.get(&surface).copied());
        let used: Vec<usize> =
            looks.iter().zip(&is_shown).filter(|(_, s)| **s).filter_map(|(l, _)| drawn(l.surface)).collect();
        let count = |meshes: &[Mesh]| used.iter().map(|mesh| meshes[*mesh].faces.len()).sum::<usize>();
        let before = count(&whole);
        let fits = |meshes: &[Mesh]| {
            count(meshes) <= MOST_TRIANGLES && pack(meshes).packed().is_ok_and(|p| p.base64.len() <= budget)
        };
        let (meshes, cell) = thin::thinned_to(whole, fits);
        if cell > 0.0 {
            notes.push(format!(
                "Meshes are thinned from {before} triangles to {}, in cells of {:.1} mm.",
                count(&meshes),
                1e3 * cell
            ));
        }
        let geoms = looks.iter().zip(&is_shown).enumerate().map(|(i, (look, shown))| {
            let name = geom_names.get(i).cloned().unwrap_or_else(|| format!("geom{i}"));
            let mesh = look.surface.filter(|_| *shown).and_then(|surface| number.get(&surface).copied());
            geom(model, look, name, mesh, *shown)
        });
        let scene = Self {
            geoms: geoms.collect(),
            meshes: meshes.iter().map(MeshView::of).collect(),
            soft: soft(model, &mut notes),
            tendons: tendons(model),
            camera: camera(model),
            bodies,
            notes,
        };
        Ok((scene, pack(&meshes)))
    }
}

impl Scene {
    /// What a step of it takes on a page, bytes, about.
    pub(super) fn motion_bytes(&self) -> usize {
        // Three single floats and four 16-bit numbers, then what acts and paths of tendons; in base64.
        super::pack::base64_length(20 * self.bodies.len() + 100 * self.tendons.len() + 500)
    }
}

fn bodies(model: &Model) -> Vec<BodyView> {
    let numbers = |field: &str| model.numbers(field).unwrap_or_default();
    let (mass, weld, mocap) = (numbers("body_mass"), numbers("body_weldid"), numbers("body_mocapid"));
    let placed = |i: usize| mocap[weld[i] as usize] >= 0.0 || mocap[i] >= 0.0;
    let names = model.body_names().into_iter().enumerate();
    let view = |(i, name)| BodyView { name, mass: mass[i], moves: weld[i] > 0.0 || placed(i), placed: placed(i) };
    names.map(view).collect()
}

/// Which geoms are drawn: those that MuJoCo's viewer shows, or all where none of these moves.
fn shown(looks: &[GeomLook], bodies: &[BodyView]) -> Vec<bool> {
    let shown: Vec<bool> = looks.iter().map(|l| SHOWN.contains(&l.group) && l.rgba[3] > 0.0).collect();
    let moves = |look: &GeomLook| bodies.get(look.body).is_some_and(|body| body.moves);
    if looks.iter().zip(&shown).any(|(look, shown)| *shown && moves(look)) {
        return shown;
    }
    looks.iter().map(|look| look.rgba[3] > 0.0).collect()
}

fn geom(model: &Model, look: &GeomLook, name: String, mesh: Option<usize>, shown: bool) -> GeomView {
    let (kind, size) = match look.shape {
        GeomShape::Plane => ("plane", look.size),
        GeomShape::Sphere { radius } => ("sphere", [radius; 3]),
        GeomShape::Capsule { radius, half } => ("capsule", [radius, half, 0.0]),
        GeomShape::Ellipsoid { radii } => ("sphere", radii),
        GeomShape::Cylinder { radius, half } => ("cylinder", [radius, half, 0.0]),
        GeomShape::Box { halves } => ("box", halves),
        GeomShape::Other => (if mesh.is_some() { "mesh" } else { "none" }, [0.0; 3]),
    };
    let mut rgba = look.rgba;
    if let Some(mean) = look.texture.and_then(|texture| mean_colour(model, texture)) {
        rgba.iter_mut().zip(mean).for_each(|(own, mean)| *own *= mean);
    }
    GeomView { name, body: look.body, kind, size, pos: look.pos, quat: look.quat, rgba, mesh, shown }
}

/// The mean colour of a texture; None where it has none.
fn mean_colour(model: &Model, texture: usize) -> Option<[f32; 3]> {
    let texture = model.texture(texture);
    let colours = match texture.channels {
        1 | 2 => [0, 0, 0],
        0 => return None,
        _ => [0, 1, 2],
    };
    let mut sum = [0_u64; 3];
    let pixels = texture.pixels.chunks_exact(texture.channels);
    let n = pixels.len();
    for pixel in pixels {
        sum.iter_mut().zip(colours).for_each(|(sum, k)| *sum += u64::from(pixel[k]));
    }
    (n > 0).then(|| sum.map(|sum| (sum as f64 / n as f64 / 255.0) as f32))
}

fn mesh(model: &Model, surface: Surface) -> Mesh {
    let (vertices, faces) = model.triangles(surface);
    Mesh { vertices, faces }
}

impl MeshView {
    fn of(mesh: &Mesh) -> Self {
        let (low, side) = mesh.bounds();
        Self { vertices: mesh.vertices.len(), faces: mesh.faces.len(), low, side }
    }
}

/// Meshes as differences from one number to the next: coordinates in 65535ths of the mesh's longest side, numbers of vertices with
/// their sign in the last bit.
fn pack(meshes: &[Mesh]) -> Pack {
    let (mut coordinates, mut corners) = (Vec::new(), Vec::new());
    for mesh in meshes {
        let (low, side) = mesh.bounds();
        let unit = |x: f32, k: usize| if side > 0.0 { ((x - low[k]) / side * 65535.0).round() as u16 } else { 0 };
        let mut last = [0_u16; 3];
        for vertex in &mesh.vertices {
            for k in 0..3 {
                let now = unit(vertex[k], k);
                coordinates.push(now.wrapping_sub(last[k]));
                last[k] = now;
            }
        }
        let mut last = 0_i64;
        for corner in mesh.faces.iter().flatten().map(|v| i64::from(*v)) {
            let by = corner - last;
            corners.push(((by << 1) ^ (by >> 63)) as u32);
            last = corner;
        }
    }
    let mut pack = Pack::default();
    pack.add("vertices", &coordinates);
    pack.add("faces", &corners);
    pack
}

fn soft(model: &Model, notes: &mut Vec<String>) -> Vec<SoftView> {
    let mut drawn = Vec::new();
    for soft in model.soft_bodies() {
        match soft.vertices {
            Some(vertices) => drawn.push(SoftView { name: soft.name, rgba: soft.rgba, vertices }),
            None => {
                notes.push(format!("The flex {} is not drawn: its vertices lie between nodes of a grid.", soft.name))
            }
        }
    }
    if !drawn.is_empty() {
        notes.push("Flexes are drawn as their vertices.".to_owned());
    }
    match model.nskin() {
        0 => {}
        1 => notes.push("The skin is not drawn.".to_owned()),
        n => notes.push(format!("{n} skins are not drawn.")),
    }
    drawn
}

fn tendons(model: &Model) -> Vec<TendonView> {
    let one = |(name, rgba, width, group): (String, [f32; 4], f64, i32)| {
        let shown = SHOWN.contains(&group) && rgba[3] > 0.0;
        TendonView { name, rgba, width, shown }
    };
    model.tendon_looks().into_iter().map(one).collect()
}

/// Where the model's own camera is, as `dynsparse render` takes it.
fn camera(model: &Model) -> [f64; 2] {
    let number = |field: &str| model.numbers(field).and_then(|n| n.first().copied());
    let [azimuth, height] = match model.usual_camera() {
        // MuJoCo's azimuth and elevation are of the line of sight.
        Camera::Free => {
            [number("vis.global.azimuth").unwrap_or(90.0) + 180.0, -number("vis.global.elevation").unwrap_or(-45.0)]
        }
        Camera::Fixed(i) => {
            let axes = model.numbers("cam_mat0").unwrap_or_default();
            // A camera looks along its -z; so z leads from what it sees to it.
            let z = [2, 5, 8].map(|k| axes.get(9 * i + k).copied().unwrap_or(0.0));
            [z[1].atan2(z[0]).to_degrees(), z[2].clamp(-1.0, 1.0).asin().to_degrees()]
        }
    };
    let sound = |x: f64, otherwise: f64| if x.is_finite() { x } else { otherwise };
    [sound(azimuth, -60.0), sound(height, 20.0).clamp(DOWN.0, DOWN.1)]
}
