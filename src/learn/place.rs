//! Where tensors live, and in what precision: the one file that names the backend.

use burn_tensor::{DType, Device, Tensor, TensorData};

use super::LearnError;

/// A device and a type of numbers. Training uses 32 bits; 64 are for tests of derivatives.
#[derive(Debug, Clone)]
pub struct Place {
    device: Device,
    dtype: DType,
}

impl Place {
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
