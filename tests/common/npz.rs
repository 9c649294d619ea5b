//! Arrays in an archive, as numpy.savez writes them.

use std::fs::File;
use std::path::Path;

use npyz::{AutoSerialize, WriteOptions, WriterBuilder as _};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An archive that is being written; it is whole when this is dropped.
pub(crate) struct Archive(ZipWriter<File>);

impl Archive {
    pub(crate) fn create(path: &Path) -> Self {
        Self(ZipWriter::new(File::create(path).expect("a file")))
    }

    pub(crate) fn put<T: AutoSerialize + Copy>(&mut self, name: &str, shape: &[usize], values: &[T]) {
        let shape: Vec<u64> = shape.iter().map(|n| *n as u64).collect();
        self.0.start_file(format!("{name}.npy"), SimpleFileOptions::default()).expect("an array");
        let options = WriteOptions::new().default_dtype().shape(&shape).writer(&mut self.0);
        let mut array = options.begin_nd().expect("an array");
        array.extend(values.iter().copied()).expect("numbers");
        array.finish().expect("an array");
    }
}
