//! What a model looks like: the shapes, meshes, colours and textures of its geoms, tendons and flexes, as MuJoCo's own renderer
//! takes them. Poses are a simulation's to tell.

use mujoco_rs::mujoco_c::{mjtGeom, mjtTexture, mjtTextureRole};

use super::elements::{GeomShape, Slices};
use super::{Model, names};

/// The colour that MJCF gives a geom without one; there a material's colour counts.
const NO_COLOUR: [f32; 4] = [0.5, 0.5, 0.5, 1.0];

/// A geom as it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct GeomLook {
    /// Number of the body that it is fixed to.
    pub body: usize,
    /// Its shape; [`GeomShape::Other`] where it has a surface.
    pub shape: GeomShape,
    /// Its surface, where it is no plain shape.
    pub surface: Option<Surface>,
    /// Its size parameters, m; of a plane its half sides, 0 where it does not end.
    pub size: [f64; 3],
    /// Where it is in its body's frame, m.
    pub pos: [f64; 3],
    /// How it is turned there, as a unit quaternion.
    pub quat: [f64; 4],
    /// Red, green, blue and opacity, 0 to 1.
    pub rgba: [f32; 4],
    /// Number of the texture that its colour is multiplied by.
    pub texture: Option<usize>,
    /// Its group; MuJoCo's viewer shows 0 to 2.
    pub group: i32,
}

/// What a geom of no plain shape has as its surface, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Surface {
    /// A mesh, be it of a signed distance field.
    Mesh(usize),
    /// A height field.
    HeightField(usize),
}

/// A picture that lies on geoms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Texture<'a> {
    /// Whether it is six squares, right, left, up, down, front and back, below each other.
    pub is_cube: bool,
    /// Pixels of a row.
    pub width: usize,
    /// Rows, of all six squares together.
    pub height: usize,
    /// Bytes of a pixel.
    pub channels: usize,
    /// `height` rows of `width` pixels.
    pub pixels: &'a [u8],
}

/// The vertices of a flex.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftBody {
    /// Its name; `flex0` and the like where it has none.
    pub name: String,
    /// By vertex: the body that it is fixed to, and where in that body's frame, m. None where vertices lie between the nodes of a
    /// grid and follow from these.
    pub vertices: Option<Vec<(usize, [f64; 3])>>,
    /// Red, green, blue and opacity, 0 to 1.
    pub rgba: [f32; 4],
}

impl Model {
    /// How each geom looks.
    pub fn looks(&self) -> Vec<GeomLook> {
        let m = Slices(self.raw());
        let surface = |geom: usize| {
            let id = usize::try_from(m.geom_dataid()[geom]).ok()?;
            match self.geom_kind(geom) {
                Ok(mjtGeom::mjGEOM_MESH | mjtGeom::mjGEOM_SDF) => Some(Surface::Mesh(id)),
                Ok(mjtGeom::mjGEOM_HFIELD) => Some(Surface::HeightField(id)),
                _ => None,
            }
        };
        let look = |geom: usize| {
            let (rgba, texture) = self.colour(m.geom_rgba()[geom], m.geom_matid()[geom]);
            GeomLook {
                body: m.geom_bodyid()[geom] as usize,
                shape: self.shape(geom),
                surface: surface(geom),
                size: m.geom_size()[geom],
                pos: m.geom_pos()[geom],
                quat: m.geom_quat()[geom],
                rgba,
                texture,
                group: m.geom_group()[geom],
            }
        };
        (0..m.geom_type().len()).map(look).collect()
    }

    /// The colour of something with a colour and a material of its own, and its texture.
    fn colour(&self, own: [f32; 4], material: i32) -> ([f32; 4], Option<usize>) {
        let m = Slices(self.raw());
        let Ok(material) = usize::try_from(material) else { return (own, None) };
        let roles = [mjtTextureRole::mjTEXROLE_RGB, mjtTextureRole::mjTEXROLE_RGBA];
        let textures = m.mat_texid()[material];
        let texture = roles.iter().find_map(|role| usize::try_from(textures[*role as usize]).ok());
        (if own == NO_COLOUR { m.mat_rgba()[material] } else { own }, texture)
    }

    /// Vertices (m) and triangles of a surface, in the frame of its geom. A height field is its upper side.
    pub fn triangles(&self, surface: Surface) -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
        let m = Slices(self.raw());
        match surface {
            Surface::Mesh(i) => {
                let [v, nv, f, nf] = [m.mesh_vertadr(), m.mesh_vertnum(), m.mesh_faceadr(), m.mesh_facenum()]
                    .map(|all| usize::try_from(all[i]).unwrap_or(0));
                let faces = m.mesh_face()[f..f + nf].iter().map(|face| face.map(|vertex| vertex as u32));
                (m.mesh_vert()[v..v + nv].to_vec(), faces.collect())
            }
            Surface::HeightField(i) => {
                let [rows, cols, first] =
                    [m.hfield_nrow(), m.hfield_ncol(), m.hfield_adr()].map(|all| usize::try_from(all[i]).unwrap_or(0));
                let [x, y, z, _] = m.hfield_size()[i];
                let heights = &m.hfield_data()[first..first + rows * cols];
                let along = |at: usize, n: usize, half: f64| half * (2.0 * at as f64 / (n - 1).max(1) as f64 - 1.0);
                let vertex = |at: usize| {
                    let (row, col) = (at / cols, at % cols);
                    [along(col, cols, x) as f32, along(row, rows, y) as f32, z as f32 * heights[at]]
                };
                let square = |at: usize| {
                    let (row, col) = (at / (cols - 1), at % (cols - 1));
                    let a = (row * cols + col) as u32;
                    let b = a + cols as u32;
                    [[a, a + 1, b + 1], [a, b + 1, b]]
                };
                let squares = rows.saturating_sub(1) * cols.saturating_sub(1);
                ((0..rows * cols).map(vertex).collect(), (0..squares).flat_map(square).collect())
            }
        }
    }

    /// A texture.
    pub fn texture(&self, texture: usize) -> Texture<'_> {
        let m = Slices(self.raw());
        let [width, height, channels] =
            [m.tex_width(), m.tex_height(), m.tex_nchannel()].map(|all| usize::try_from(all[texture]).unwrap_or(0));
        let first = usize::try_from(m.tex_adr()[texture]).unwrap_or(0);
        let pixels = &m.tex_data()[first..first + width * height * channels];
        let is_cube = m.tex_type()[texture] == mjtTexture::mjTEXTURE_CUBE as i32 && height == 6 * width;
        Texture { is_cube, width, height, channels, pixels }
    }

    /// The flexes.
    pub fn soft_bodies(&self) -> Vec<SoftBody> {
        let m = Slices(self.raw());
        let soft = |i: usize| {
            let first = usize::try_from(m.flex_vertadr()[i]).unwrap_or(0);
            let all = first..first + usize::try_from(m.flex_vertnum()[i]).unwrap_or(0);
            // Centred vertices are their bodies' origins, and flex_vert has nothing of them.
            let place = |v: usize| if m.flex_centered()[i] { [0.0; 3] } else { m.flex_vert()[v] };
            let vertex = |v: usize| Some((usize::try_from(m.flex_vertbodyid()[v]).ok()?, place(v)));
            SoftBody {
                name: names::name(self.raw(), mujoco_rs::mujoco_c::mjtObj::mjOBJ_FLEX, i)
                    .unwrap_or_else(|| format!("flex{i}")),
                vertices: if m.flex_interp()[i] == 0 { all.map(vertex).collect() } else { None },
                rgba: m.flex_rgba()[i],
            }
        };
        (0..m.flex_vertadr().len()).map(soft).collect()
    }

    /// By tendon: its name (`tendon0` and the like where it has none), its colour, its width (m), and its group.
    pub fn tendon_looks(&self) -> Vec<(String, [f32; 4], f64, i32)> {
        let m = Slices(self.raw());
        let look = |i: usize| {
            let name = names::name(self.raw(), mujoco_rs::mujoco_c::mjtObj::mjOBJ_TENDON, i);
            let (rgba, _) = self.colour(m.tendon_rgba()[i], m.tendon_matid()[i]);
            (name.unwrap_or_else(|| format!("tendon{i}")), rgba, m.tendon_width()[i], m.tendon_group()[i])
        };
        (0..m.tendon_adr().len()).map(look).collect()
    }

    /// Number of skins.
    pub fn nskin(&self) -> usize {
        self.raw().nskin as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_shapes_and_surfaces_are_those_of_the_model() {
        let model = Model::from_text(
            "m.xml",
            r#"<mujoco>
              <asset>
                <mesh name="m" vertex="0 0 0 1 0 0 0 1 0 0 0 1"/><hfield name="f" nrow="2" ncol="3" size="2 1 0.5 0.1" elevation="0 1 0 0 0 1"/>
                <texture name="t" type="cube" builtin="flat" rgb1="1 0 0" rgb2="1 0 0" width="2" height="2"/>
                <material name="red" texture="t" rgba="0.2 0.4 0.6 0.5"/>
              </asset>
              <worldbody>
                <geom type="hfield" hfield="f" rgba="0 1 0 1"/>
                <body pos="0 0 3"><freejoint/><geom type="mesh" mesh="m" material="red"/>
                  <geom type="capsule" fromto="0 0 0 0 0 2" size="0.1" material="red" rgba="1 1 0 1" group="3"/></body>
              </worldbody>
            </mujoco>"#,
        )
        .unwrap();
        let [field, mesh, capsule] = &model.looks()[..] else { panic!() };
        assert_eq!((field.surface, field.rgba), (Some(Surface::HeightField(0)), [0.0, 1.0, 0.0, 1.0]));
        assert_eq!((mesh.body, mesh.surface, mesh.texture), (1, Some(Surface::Mesh(0)), Some(0)));
        assert_eq!(mesh.rgba, [0.2, 0.4, 0.6, 0.5], "the material's colour");
        assert_eq!((capsule.rgba, capsule.group), ([1.0, 1.0, 0.0, 1.0], 3), "its own colour");
        assert_eq!((capsule.shape, capsule.pos), (GeomShape::Capsule { radius: 0.1, half: 1.0 }, [0.0, 0.0, 1.0]));

        let (vertices, faces) = model.triangles(Surface::HeightField(0));
        assert_eq!((vertices.len(), faces.len()), (6, 4));
        // MJCF lists the rows of a height field from the far end.
        assert!(vertices.contains(&[2.0, -1.0, 0.5]) && vertices.contains(&[0.0, 1.0, 0.5]), "{vertices:?}");
        let (vertices, faces) = model.triangles(Surface::Mesh(0));
        assert_eq!((vertices.len(), faces.len()), (4, 4));
        assert!(faces.iter().flatten().all(|v| *v < 4));
        let texture = model.texture(0);
        assert_eq!((texture.is_cube, texture.width, texture.height), (true, 2, 12));
        assert!(texture.pixels.chunks_exact(texture.channels).all(|p| p[..3] == [255, 0, 0]));
    }
}
