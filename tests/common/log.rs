//! A robot's log, written in each of the layouts that are read.

use std::path::Path;

use super::npz::Archive;

/// Arrays of as many rows: name, width, numbers row by row.
pub(crate) type Rows = Vec<(&'static str, usize, Vec<f64>)>;

/// The columns of one episode as text, `array[entry]` by name.
pub(crate) fn csv(rows: &Rows) -> String {
    let name = |(name, width, _): &(&str, usize, Vec<f64>)| -> Vec<String> {
        if *width == 1 { vec![(*name).to_owned()] } else { (0..*width).map(|i| format!("{name}_{i}")).collect() }
    };
    let mut text = rows.iter().flat_map(name).collect::<Vec<_>>().join(",") + "\n";
    for row in 0..rows[0].2.len() / rows[0].1 {
        let cells = rows.iter().flat_map(|(_, width, values)| &values[row * width..(row + 1) * width]);
        text += &(cells.map(f64::to_string).collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

/// As numpy.savez writes it.
pub(crate) fn npz(path: &Path, rows: &Rows) {
    let mut archive = Archive::create(path);
    for (name, width, values) in rows {
        let shape = if *width == 1 { vec![values.len()] } else { vec![values.len() / width, *width] };
        archive.put(name, &shape, values);
    }
}

/// Arrays of a group of HDF5.
fn group(at: &hdf5::Group, rows: &Rows) {
    for (name, width, values) in rows {
        let shape = if *width == 1 { vec![values.len()] } else { vec![values.len() / width, *width] };
        let dataset = at.new_dataset::<f64>().shape(shape).create(*name).expect("an array");
        dataset.write_raw(values).expect("numbers");
    }
}

/// Groups of that name and a number, in a folder of the file or its root.
pub(crate) fn grouped(path: &Path, folder: &str, name: &str, episodes: &[Rows]) {
    let file = hdf5::File::create(path).expect("a file");
    let within = if folder.is_empty() { file.group("/") } else { file.create_group(folder) }.expect("a group");
    for (number, rows) in episodes.iter().enumerate() {
        group(&within.create_group(&format!("{name}{number}")).expect("a group"), rows);
    }
}

/// Episodes one after the other, as D4RL's `timeouts` cut them.
pub(crate) fn d4rl(path: &Path, episodes: &[Rows]) {
    let file = hdf5::File::create(path).expect("a file");
    let mut ends = Vec::new();
    let mut all = episodes[0].clone();
    all.iter_mut().for_each(|(.., values)| values.clear());
    for rows in episodes {
        all.iter_mut().zip(rows).for_each(|((.., to), (.., values))| to.extend(values));
        let n = rows[0].2.len() / rows[0].1;
        ends.extend((1..=n).map(|row| row == n));
    }
    group(&file, &all);
    file.new_dataset::<bool>().shape(ends.len()).create("timeouts").expect("an array").write_raw(&ends).expect("ends");
}

/// LeRobot's folder: `v2.1` with a file for each episode, `v3.0` with all in one.
#[cfg(feature = "parquet")]
pub(crate) fn lerobot(folder: &Path, version: &str, episodes: &[Rows], labels: &[&str]) {
    let lengths: Vec<usize> = episodes.iter().map(|rows| rows[0].2.len() / rows[0].1).collect();
    let names = |width: usize| if width == labels.len() { serde_json::json!(labels) } else { serde_json::Value::Null };
    let features: serde_json::Map<String, serde_json::Value> = episodes[0]
        .iter()
        .map(|(name, width, _)| {
            ((*name).to_owned(), serde_json::json!({"dtype": "float64", "shape": [width], "names": names(*width)}))
        })
        .collect();
    let info = serde_json::json!({"codebase_version": version, "fps": 100, "features": features});
    std::fs::create_dir_all(folder.join("data/chunk-000")).expect("a folder");
    std::fs::create_dir_all(folder.join("meta/episodes/chunk-000")).expect("a folder");
    std::fs::write(folder.join("meta/info.json"), info.to_string()).expect("a file");
    let indexed = |number: usize| {
        let mut rows = episodes[number].clone();
        rows.push(("episode_index", 1, vec![number as f64; lengths[number]]));
        rows
    };
    if version == "v3.0" {
        let mut all = indexed(0);
        for number in 1..episodes.len() {
            all.iter_mut().zip(indexed(number)).for_each(|((.., to), (.., values))| to.extend(values));
        }
        parquet(&folder.join("data/chunk-000/file-000.parquet"), &all);
        let numbers = |of: &dyn Fn(usize) -> f64| (0..episodes.len()).map(of).collect();
        let meta: Rows =
            vec![("episode_index", 1, numbers(&|n| n as f64)), ("length", 1, numbers(&|n| lengths[n] as f64))];
        parquet(&folder.join("meta/episodes/chunk-000/file-000.parquet"), &meta);
        return;
    }
    let line =
        |(n, length): (usize, &usize)| serde_json::json!({"episode_index": n, "length": length}).to_string() + "\n";
    std::fs::write(folder.join("meta/episodes.jsonl"), lengths.iter().enumerate().map(line).collect::<String>())
        .expect("a file");
    for number in 0..episodes.len() {
        parquet(&folder.join(format!("data/chunk-000/episode_{number:06}.parquet")), &indexed(number));
    }
}

/// A file of columns and lists, compressed by snappy, as pyarrow writes it.
#[cfg(feature = "parquet")]
fn parquet(path: &Path, rows: &Rows) {
    use std::sync::Arc;

    use parquet::basic::Compression;
    use parquet::data_type::{DoubleType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    let integer = |name: &str| ["episode_index", "length"].contains(&name);
    let field = |(name, width, _): &(&str, usize, Vec<f64>)| match (width, integer(name)) {
        (1, true) => format!("optional int64 {name};"),
        (1, false) => format!("optional double {name};"),
        _ => format!("optional group {name} (LIST) {{ repeated group list {{ optional double element; }} }}"),
    };
    let schema = format!("message schema {{ {} }}", rows.iter().map(field).collect::<String>());
    let schema = Arc::new(parse_message_type(&schema).expect("a schema"));
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = SerializedFileWriter::new(file, schema, properties).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    for (name, width, values) in rows {
        let mut column = group.next_column().expect("a column").expect("a column");
        let n = values.len();
        if integer(name) {
            let whole: Vec<i64> = values.iter().map(|x| *x as i64).collect();
            column.typed::<Int64Type>().write_batch(&whole, Some(&vec![1; n]), None).expect("numbers");
        } else if *width == 1 {
            column.typed::<DoubleType>().write_batch(values, Some(&vec![1; n]), None).expect("numbers");
        } else {
            let repeated: Vec<i16> = (0..n).map(|i| i16::from(i % width != 0)).collect();
            column.typed::<DoubleType>().write_batch(values, Some(&vec![3; n]), Some(&repeated)).expect("numbers");
        }
        column.close().expect("a column");
    }
    group.close().expect("a row group");
    writer.close().expect("a file");
}
