//! Where tensors live, and in what precision: the one file that names the backend.

use burn_tensor::{DType, Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::LearnError;

/// What computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// The processor: the same bits on any number of threads.
    #[default]
    Cpu,
    /// A graphics card, through Vulkan, Metal or DirectX; only in builds with the feature `gpu`. Its sums have no fixed
    /// order, so that results repeat but for rounding.
    Gpu,
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        })
    }
}

impl std::str::FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cpu" => Ok(Self::Cpu),
            "gpu" => Ok(Self::Gpu),
            _ => Err(format!("there is no backend \"{text}\"; backends are cpu and gpu")),
        }
    }
}

/// A device and a type of numbers. Training uses 32 bits; 64 are for tests of derivatives.
#[derive(Debug, Clone)]
pub struct Place {
    device: Device,
    dtype: DType,
}

impl Place {
    /// The processor or a graphics card, 32 bits.
    ///
    /// # Errors
    /// [`LearnError::Settings`] where this build has no such backend, or the machine no such card.
    pub fn new(backend: Backend) -> Result<Self, LearnError> {
        match backend {
            Backend::Cpu => Ok(Self::cpu()),
            Backend::Gpu => gpu(),
        }
    }

    /// The processor, 32 bits.
    pub fn cpu() -> Self {
        Self { device: Device::flex(), dtype: DType::F32 }
    }

    /// The processor, 64 bits.
    pub fn cpu64() -> Self {
        Self { device: Device::flex(), dtype: DType::F64 }
    }

    /// A tensor of these numbers, row-major; their count is the product of `shape`.
    pub fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), (&self.device, self.dtype))
    }

    /// As [`Place::tensor`], from 64 bits.
    pub fn tensor64<const D: usize>(&self, values: Vec<f64>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), (&self.device, self.dtype))
    }
}

/// Whether a tensor is in this process's own memory.
pub(super) fn on_host<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.device() == Device::flex()
}

/// The numbers of a tensor, row-major.
///
/// # Errors
/// [`LearnError::Library`] when they cannot be fetched.
pub fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>, LearnError> {
    tensor.try_into_vec_as::<f64>().map_err(|e| LearnError::Library(e.to_string()))
}

/// As [`numbers`], in 32 bits.
///
/// # Errors
/// As [`numbers`].
pub fn numbers32<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, LearnError> {
    tensor.try_into_vec_as::<f32>().map_err(|e| LearnError::Library(e.to_string()))
}

#[cfg(not(feature = "gpu"))]
fn gpu() -> Result<Place, LearnError> {
    let text =
        "this build has no backend gpu: build it with `cargo build --release --features gpu`, or use the backend cpu";
    Err(LearnError::Settings(text.to_owned()))
}

/// The library panics where there is no card, and says so on stderr; a first number finds out, quietly.
#[cfg(feature = "gpu")]
fn gpu() -> Result<Place, LearnError> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let tried = std::panic::catch_unwind(|| {
        let place = Place { device: Device::wgpu(burn_tensor::DeviceKind::DefaultDevice), dtype: DType::F32 };
        numbers(place.tensor(vec![1.0, 2.0], [2]) * 2.0).map(|found| (place, found))
    });
    std::panic::set_hook(hook);
    match tried {
        Ok(Ok((place, found))) if found == [2.0, 4.0] => Ok(place),
        _ => Err(LearnError::Settings(
            "no graphics card can be used: check its driver (Vulkan on Linux: `vulkaninfo`), or use the backend cpu"
                .to_owned(),
        )),
    }
}
