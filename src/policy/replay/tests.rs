//! Layouts of replays, and what is refused of them.

use std::path::PathBuf;

use hdf5::H5Type;
use npyz::{AutoSerialize, WriteOptions, WriterBuilder as _};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const NQ: usize = 3;
const NV: usize = 2;

/// 0, 1, 2 ... so that every entry tells where it came from.
fn ramp(n: usize) -> Vec<f64> {
    (0..n).map(|i| i as f64).collect()
}

struct Dir(TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn h5(&self) -> (PathBuf, hdf5::File) {
        let path = self.path("a.h5");
        let file = hdf5::File::create(&path).unwrap();
        (path, file)
    }

    /// An .npz of f64 arrays.
    fn npz(&self, arrays: &[(&str, &[u64], Vec<f64>)]) -> PathBuf {
        self.npz_as(arrays, npyz::Order::C, |v| v)
    }

    fn npz_as<T: AutoSerialize>(
        &self,
        arrays: &[(&str, &[u64], Vec<f64>)],
        order: npyz::Order,
        convert: impl Fn(f64) -> T,
    ) -> PathBuf {
        let path = self.path("a.npz");
        let mut npz = ZipWriter::new(std::fs::File::create(&path).unwrap());
        for (name, shape, values) in arrays {
            put_npy(&mut npz, name, shape, order, values.iter().map(|v| convert(*v)));
        }
        npz.finish().unwrap();
        path
    }
}

/// An array of an .npz.
fn put_npy<T: AutoSerialize>(
    npz: &mut ZipWriter<std::fs::File>,
    name: &str,
    shape: &[u64],
    order: npyz::Order,
    values: impl IntoIterator<Item = T>,
) {
    npz.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
    let options = WriteOptions::new().default_dtype().order(order).shape(shape).writer(npz);
    let mut array = options.begin_nd().unwrap();
    array.extend(values).unwrap();
    array.finish().unwrap();
}

fn put<T: H5Type>(group: &hdf5::Group, name: &str, shape: &[usize], values: &[T]) {
    let array = group.new_dataset::<T>().shape(shape).create(name).unwrap();
    if !values.is_empty() {
        array.write_raw(values).unwrap();
    }
}

/// qpos, qvel and ctrl of `states` and `controls` rows.
fn put_all(group: &hdf5::Group, states: usize, controls: usize, nu: usize) {
    put(group, "qpos", &[states, NQ], &ramp(states * NQ));
    put(group, "qvel", &[states, NV], &ramp(states * NV));
    put(group, "ctrl", &[controls, nu], &ramp(controls * nu));
}

fn open(path: &Path, with: ReplayWith, na: usize, nu: usize) -> Result<ReplayFile, ReplayError> {
    ReplayFile::open(path, with, &ReplayModel { nq: NQ, nv: NV, na, nu, ..ReplayModel::default() })
}

/// The message of a file that must be refused: one line that starts with the file.
fn refused(path: &Path, with: ReplayWith, na: usize, nu: usize) -> String {
    let message = open(path, with, na, nu).unwrap_err().to_string();
    assert!(message.starts_with(&path.display().to_string()) && !message.contains('\n'), "{message}");
    message[path.display().to_string().len()..].to_owned()
}

#[track_caller]
fn expect(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "no \"{word}\" in: {message}");
    }
}

use ReplayWith::{Controls, States};

#[test]
fn plain_hdf5_is_one_episode() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put_all(&file, 5, 5, 2);
    file.close().unwrap();
    let replay = open(&path, States, 0, 2).unwrap();
    assert_eq!((replay.episodes(), replay.steps(0), replay.steps(1), replay.nmocap()), (1, 5, 0, None));
    let episode = replay.episode(0).unwrap();
    assert_eq!(episode.qpos, Some(ramp(15)));
    assert_eq!(episode.qvel, Some(ramp(10)));
    assert_eq!(episode.ctrl, Some(ramp(10)));
    assert_eq!((episode.act, episode.time), (None, None));
    let error = replay.episode(1).unwrap_err().to_string();
    expect(&error, &["no episode 1, it has 1"]);
    let sum = crate::seal::sha256_hex(&std::fs::read(&path).unwrap());
    assert_eq!(replay.sha256(), sum);
    assert!(replay.expect_sha256(&sum.to_uppercase()).is_ok());
    expect(&replay.expect_sha256("00").unwrap_err().to_string(), &["expected 00", &sum]);
}

#[test]
fn our_own_layout_has_offsets_and_every_array() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put_all(&file, 5, 5, 2);
    put(&file, "act", &[5, 1], &ramp(5));
    put(&file, "time", &[5], &ramp(5));
    put(&file, "qacc_warmstart", &[5, NV], &ramp(10));
    put(&file, "mocap_pos", &[5, 2, 3], &ramp(30));
    put(&file, "mocap_quat", &[5, 2, 4], &[0.5; 40]);
    put::<u64>(&file, "episode_offsets", &[5], &[0, 2, 2, 3, 5]);
    put::<i32>(&file, "not_ours", &[1], &[0]);
    file.close().unwrap();
    let replay = open(&path, States, 1, 2).unwrap();
    assert_eq!((0..replay.episodes()).map(|i| replay.steps(i)).collect::<Vec<_>>(), [2, 0, 1, 2]);
    assert_eq!(replay.nmocap(), Some(2));
    assert_eq!(replay.episode(1).unwrap().qpos, Some(vec![]));
    let one = replay.episode(2).unwrap();
    assert_eq!(one.qpos, Some(ramp(9)[6..].to_vec()));
    let last = replay.episode(3).unwrap();
    assert_eq!(last.steps, 2);
    assert_eq!(last.qpos, Some(ramp(15)[9..].to_vec()));
    assert_eq!(last.act, Some(vec![3.0, 4.0]));
    assert_eq!(last.time, Some(vec![3.0, 4.0]));
    assert_eq!(last.qacc_warmstart, Some(ramp(10)[6..].to_vec()));
    assert_eq!(last.mocap_pos, Some(ramp(30)[18..].to_vec()));
    assert_eq!(last.mocap_quat, Some(vec![0.5; 16]));
}

#[test]
fn groups_of_episodes_go_by_number() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    for (number, steps) in [(10, 4), (0, 2), (2, 3)] {
        let group = file.create_group(&format!("episode_{number}")).unwrap();
        put::<f32>(&group, "actions", &[steps, 1], &vec![number as f32; steps]);
        let nested = group.create_group(if number == 2 { "infos" } else { "observations" }).unwrap();
        put(&nested, "qpos", &[steps + 1, NQ], &ramp((steps + 1) * NQ));
        put(&nested, "qvel", &[steps + 1, NV], &ramp((steps + 1) * NV));
    }
    file.close().unwrap();
    let replay = open(&path, States, 0, 1).unwrap();
    assert_eq!((0..replay.episodes()).map(|i| replay.steps(i)).collect::<Vec<_>>(), [2, 3, 4]);
    let last = replay.episode(2).unwrap();
    assert_eq!(last.ctrl, Some(vec![10.0; 4]));
    assert_eq!(last.qpos, Some(ramp(12)));
}

#[test]
fn npz_reads_like_hdf5() {
    let dir = Dir::new();
    let arrays = |order: npyz::Order| {
        // In Fortran order entry (r, c) of a (rows, cols) array comes at r + c rows.
        let values = |rows: usize, cols: usize| match order {
            npyz::Order::C => ramp(rows * cols),
            npyz::Order::Fortran => (0..rows * cols).map(|k| ((k % rows) * cols + k / rows) as f64).collect(),
        };
        vec![
            ("qpos", &[5, 3][..], values(5, NQ)),
            ("qvel", &[5, 2][..], values(5, NV)),
            ("ctrl", &[4, 2][..], values(4, 2)),
        ]
    };
    let wanted = ReplayEpisode {
        steps: 4,
        qpos: Some(ramp(12)),
        qvel: Some(ramp(8)),
        ctrl: Some(ramp(8)),
        ..ReplayEpisode::default()
    };
    for order in [npyz::Order::C, npyz::Order::Fortran] {
        let path = dir.npz_as(&arrays(order)[..], order, |v| v);
        assert_eq!(open(&path, States, 0, 2).unwrap().episode(0).unwrap(), wanted);
        let path = dir.npz_as(&arrays(order)[..], order, |v| v as f32);
        assert_eq!(open(&path, States, 0, 2).unwrap().episode(0).unwrap(), wanted);
    }
}

#[test]
fn npz_has_offsets_and_mocap() {
    let dir = Dir::new();
    let path = dir.path("b.npz");
    let mut npz = ZipWriter::new(std::fs::File::create(&path).unwrap());
    put_npy(&mut npz, "ctrl", &[4], npyz::Order::C, ramp(4));
    put_npy(&mut npz, "mocap_pos", &[4, 1, 3], npyz::Order::C, ramp(12));
    put_npy(&mut npz, "episode_offsets", &[3], npyz::Order::C, [0_i32, 1, 4]);
    npz.finish().unwrap();
    let replay = open(&path, Controls, 0, 1).unwrap();
    assert_eq!((replay.episodes(), replay.nmocap()), (2, Some(1)));
    let episode = replay.episode(1).unwrap();
    assert_eq!(episode.ctrl, Some(vec![1.0, 2.0, 3.0]));
    assert_eq!(episode.mocap_pos, Some(ramp(12)[3..].to_vec()));
    assert_eq!(episode.qpos, None);
}

#[test]
fn controls_alone_are_enough_and_may_be_flat() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put(&file, "ctrl", &[4], &ramp(4));
    file.close().unwrap();
    let episode = open(&path, Controls, 0, 1).unwrap().episode(0).unwrap();
    assert_eq!((episode.steps, episode.ctrl, episode.qpos), (4, Some(ramp(4)), None));
    expect(&refused(&path, States, 0, 1), &["no array qpos", "(rows, 3)", "it has ctrl", "--replay-with controls"]);
    expect(&refused(&path, Controls, 0, 2), &["array ctrl has shape (4,), expected (rows, 2)", "nu = 2"]);
}

#[test]
fn files_of_other_kinds_are_refused() {
    let dir = Dir::new();
    expect(&refused(&dir.path("none.h5"), States, 0, 1), &["no such file"]);
    expect(&refused(dir.0.path(), States, 0, 1), &["is a folder"]);
    for (name, bytes) in [("a.h5", &b"time,qpos\n0,1\n"[..]), ("b.npz", b""), ("c.npy", b"\x93NUMPY\x01\x00")] {
        std::fs::write(dir.path(name), bytes).unwrap();
        expect(&refused(&dir.path(name), States, 0, 1), &["neither an HDF5 file nor an .npz"]);
    }
    let (path, file) = dir.h5();
    put_all(&file, 500, 500, 1);
    file.close().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for length in [8, 100, bytes.len() / 2] {
        std::fs::write(dir.path("cut.h5"), &bytes[..length]).unwrap();
        expect(&refused(&dir.path("cut.h5"), States, 0, 1), &["cannot be read (", "cut short"]);
    }
    let path = dir.npz(&[("ctrl", &[4, 1], ramp(4))]);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(dir.path("cut.npz"), &bytes[..bytes.len() - 30]).unwrap();
    expect(&refused(&dir.path("cut.npz"), Controls, 0, 1), &["the archive cannot be read"]);
}

#[test]
fn rows_of_an_npz_are_believed_up_to_what_is_stored() {
    let dir = Dir::new();
    let path = dir.path("a.npz");
    let array = |rows: &str| {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, 1), }}");
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        bytes.extend(format!("{header:<117}\n").as_bytes());
        bytes.extend(ramp(4).iter().flat_map(|x| x.to_le_bytes()));
        bytes
    };
    let write = |rows: &str| {
        let mut zip = ZipWriter::new(std::fs::File::create(&path).unwrap());
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file("ctrl.npy", stored).unwrap();
        std::io::Write::write_all(&mut zip, &array(rows)).unwrap();
        zip.finish().unwrap();
    };
    write("4");
    assert_eq!(open(&path, Controls, 0, 1).unwrap().episode(0).unwrap().ctrl, Some(ramp(4)));
    for rows in ["4000", "4000000000", "18446744073709"] {
        write(rows);
        expect(&refused(&path, Controls, 0, 1), &["array ctrl declares", "stored bytes can hold"]);
    }
}

#[test]
fn damage_inside_an_npz_is_an_error() {
    let dir = Dir::new();
    let path = dir.npz(&[("ctrl", &[4, 1], ramp(4))]);
    let bytes = std::fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        std::fs::write(&path, changed).unwrap();
        // Some bytes carry nothing; no byte may make it panic or read other numbers.
        if let Ok(replay) = open(&path, Controls, 0, 1) {
            assert_eq!(replay.episode(0).unwrap().ctrl, Some(ramp(4)), "byte {at}");
        }
    }
}

#[test]
fn missing_arrays_are_named_with_what_is_there() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put_all(&file, 3, 3, 1);
    file.close().unwrap();
    expect(&refused(&path, States, 2, 1), &["no array act", "(rows, 2)", "it has ctrl, qpos, qvel"]);
    assert_eq!(open(&path, Controls, 2, 1).unwrap().episode(0).unwrap().act, None);

    let (path, file) = dir.h5();
    let group = file
        .create_group("episode_0/observations")
        .or_else(|_| file.create_group("episode_0").and_then(|g| g.create_group("observations")));
    put(&group.unwrap(), "qpos", &[3, NQ], &ramp(9));
    file.close().unwrap();
    expect(&refused(&path, States, 0, 1), &["no array episode_0/ctrl", "observations/qpos", "named ctrl or actions"]);

    let (path, file) = dir.h5();
    file.close().unwrap();
    expect(&refused(&path, States, 0, 1), &["no array ctrl", "it has nothing"]);
    let path = dir.npz(&[("u", &[4, 1], ramp(4))]);
    expect(&refused(&path, Controls, 0, 1), &["no array ctrl", "it has u"]);
}

#[test]
fn wrong_shapes_are_named() {
    let dir = Dir::new();
    for (name, shape, expected) in [
        ("qpos", &[4, 4][..], "has shape (4, 4), expected (rows, 3), as the model has nq = 3"),
        ("qpos", &[4, 3, 1], "has shape (4, 3, 1), expected (rows, 3)"),
        ("qvel", &[4], "has shape (4,), expected (rows, 2), as the model has nv = 2"),
        ("act", &[4, 1], "expected (rows, 0), as the model has na = 0"),
        ("qacc_warmstart", &[4, 3], "expected (rows, 2)"),
        ("mocap_pos", &[4, 1, 4], "expected (rows, nmocap, 3)"),
        ("mocap_quat", &[4, 6], "expected (rows, nmocap, 4)"),
        ("time", &[4, 2], "expected (rows,)"),
        ("time", &[], "has shape (), expected (rows,)"),
    ] {
        let (path, file) = dir.h5();
        put(&file, "ctrl", &[4, 1], &ramp(4));
        put(&file, name, shape, &ramp(shape.iter().product()));
        file.close().unwrap();
        expect(&refused(&path, Controls, 0, 1), &[&format!("array {name}"), expected, "same model"]);
    }
    let path = dir.npz(&[("ctrl", &[2, 2], ramp(4))]);
    expect(&refused(&path, Controls, 0, 1), &["array ctrl has shape (2, 2), expected (rows, 1)"]);
}

#[test]
fn mocap_bodies_must_agree() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put(&file, "ctrl", &[1, 1], &ramp(1));
    put(&file, "mocap_pos", &[1, 2, 3], &ramp(6));
    put(&file, "mocap_quat", &[1, 1, 4], &[0.5; 4]);
    file.close().unwrap();
    expect(&refused(&path, Controls, 0, 1), &["array mocap_quat has shape (1, 1, 4), expected (rows, 2, 4)"]);
}

#[test]
fn rows_must_agree() {
    let dir = Dir::new();
    for (states, controls, message) in [
        (5, 3, "array ctrl has 3 rows, expected 5 as qpos has, or 4"),
        (3, 4, "array ctrl has 4 rows, expected 3 as qpos has, or 2"),
    ] {
        let (path, file) = dir.h5();
        put_all(&file, states, controls, 1);
        file.close().unwrap();
        expect(&refused(&path, States, 0, 1), &[message]);
    }
    let (path, file) = dir.h5();
    put_all(&file, 4, 4, 1);
    put(&file, "time", &[3], &ramp(3));
    file.close().unwrap();
    expect(&refused(&path, States, 0, 1), &["array time has 3 rows, expected 4 as qpos has"]);
}

#[test]
fn offsets_must_cut_the_rows() {
    let dir = Dir::new();
    for (offsets, message) in [
        (&[1, 4][..], "starts with 1, expected 0"),
        (&[0, 3], "ends with 3, expected 4"),
        (&[0, 5], "ends with 5, expected 4"),
        (&[0, 3, 2, 4], "falls from 3 to 2 at entry 2"),
        (&[0, -1, 4], "falls from 0 to -1 at entry 1"),
        (&[], "is empty"),
    ] {
        let (path, file) = dir.h5();
        put_all(&file, 4, 4, 1);
        put::<i64>(&file, "episode_offsets", &[offsets.len()], offsets);
        file.close().unwrap();
        expect(&refused(&path, States, 0, 1), &["array episode_offsets", message, "first row of every episode"]);
    }
    let (path, file) = dir.h5();
    put_all(&file, 5, 4, 1);
    put::<i64>(&file, "episode_offsets", &[2], &[0, 4]);
    file.close().unwrap();
    expect(&refused(&path, States, 0, 1), &["array qpos has 5 rows, expected 4 as the controls have"]);
    let (path, file) = dir.h5();
    put_all(&file, 4, 4, 1);
    put(&file, "episode_offsets", &[2], &[0.0, 4.0]);
    file.close().unwrap();
    expect(&refused(&path, States, 0, 1), &["array episode_offsets holds float64, expected integers"]);
    let (path, file) = dir.h5();
    put_all(&file, 4, 4, 1);
    put::<i64>(&file, "episode_offsets", &[2, 1], &[0, 4]);
    file.close().unwrap();
    expect(&refused(&path, States, 0, 1), &["array episode_offsets has shape (2, 1), expected (episodes + 1,)"]);
    let path = dir.npz(&[("ctrl", &[4, 1], ramp(4)), ("episode_offsets", &[2], vec![0.0, 4.0])]);
    expect(&refused(&path, Controls, 0, 1), &["array episode_offsets holds", "expected integers"]);
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    let dir = Dir::new();
    for (bad, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        let mut qpos = ramp(12);
        qpos[7] = bad;
        let (path, file) = dir.h5();
        put(&file, "qpos", &[4, NQ], &qpos);
        put(&file, "qvel", &[4, NV], &ramp(8));
        put(&file, "ctrl", &[4, 1], &ramp(4));
        put::<i64>(&file, "episode_offsets", &[3], &[0, 1, 4]);
        file.close().unwrap();
        expect(&refused(&path, States, 0, 1), &["array qpos", &format!("holds {text} at row 2, column 1")]);
        let path = dir.npz(&[("qpos", &[4, 3], qpos), ("ctrl", &[4, 1], ramp(4))]);
        expect(&refused(&path, Controls, 0, 1), &["array qpos", &format!("holds {text} at row 2, column 1")]);
    }
}

#[test]
fn empty_files_and_wrong_types_are_named() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put_all(&file, 0, 0, 1);
    file.close().unwrap();
    expect(&refused(&path, States, 0, 1), &["no control steps", "ctrl"]);
    let (path, file) = dir.h5();
    put::<i32>(&file, "ctrl", &[2, 1], &[0, 1]);
    file.close().unwrap();
    expect(&refused(&path, Controls, 0, 1), &["array ctrl holds int32, expected float32 or float64", ".astype"]);
    let path = dir.npz_as(&[("ctrl", &[4, 1], ramp(4))], npyz::Order::C, |v| v as i64);
    expect(&refused(&path, Controls, 0, 1), &["array ctrl holds", "i8", "expected float32 or float64"]);
}

#[test]
fn a_model_without_controls_replays_states() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put(&file, "qpos", &[3, NQ], &ramp(9));
    put(&file, "qvel", &[3, NV], &ramp(6));
    file.close().unwrap();
    assert_eq!(open(&path, States, 0, 0).unwrap().steps(0), 3);
    let (path, file) = dir.h5();
    put_all(&file, 3, 3, 0);
    file.close().unwrap();
    let replay = open(&path, States, 0, 0).unwrap();
    assert_eq!(replay.episode(0).unwrap().ctrl, Some(vec![]));
}

#[test]
fn long_chunked_files_are_read_across_blocks_and_by_many_threads() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    let n = SCAN + 17;
    let array = file.new_dataset::<f64>().shape([n]).chunk([1000]).deflate(1).create("ctrl").unwrap();
    array.write_raw(&ramp(n)).unwrap();
    drop(array);
    put::<i64>(&file, "episode_offsets", &[3], &[0, n as i64 - 20, n as i64]);
    file.close().unwrap();
    let replay = open(&path, Controls, 0, 1).unwrap();
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| assert_eq!(replay.episode(1).unwrap().ctrl, Some(ramp(n)[n - 20..].to_vec())));
        }
    });
}

#[test]
fn a_replay_file_goes_between_threads() {
    fn sendable<T: Send + Sync>() {}
    sendable::<ReplayFile>();
}

/// Episodes of 2, 3 and 1 rows: one ends by itself, one by time, and the last row belongs to one that was cut off.
#[test]
fn terminals_and_timeouts_cut_the_rows_into_episodes() {
    let lengths = |replay: &ReplayFile| (0..replay.episodes()).map(|i| replay.steps(i)).collect::<Vec<_>>();
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put(&file, "actions", &[6, 2], &ramp(12));
    let infos = file.create_group("infos").unwrap();
    put(&infos, "qpos", &[6, NQ], &ramp(6 * NQ));
    put(&infos, "qvel", &[6, NV], &ramp(6 * NV));
    put(&file, "terminals", &[6], &[false, true, false, false, false, false]);
    put(&file, "timeouts", &[6, 1], &[0.0_f32, 0.0, 0.0, 0.0, 1.0, 0.0]);
    drop(infos);
    file.close().unwrap();
    for with in [States, Controls] {
        let replay = open(&path, with, 0, 2).unwrap();
        assert_eq!(lengths(&replay), [2, 3, 1]);
        assert_eq!(replay.episode(1).unwrap().ctrl, Some(ramp(10)[4..].to_vec()));
        assert_eq!(replay.episode(1).unwrap().qpos, Some(ramp(15)[6..].to_vec()));
    }
    let dir = Dir::new();
    let numbers = |ends: [f64; 4]| ends.to_vec();
    let path = dir.npz(&[
        ("ctrl", &[4, 2], ramp(8)),
        ("truncations", &[4], numbers([0.0, 1.0, 0.0, 0.0])),
        ("dones", &[4], numbers([0.0, 0.0, 0.0, 1.0])),
    ]);
    assert_eq!(lengths(&open(&path, Controls, 0, 2).unwrap()), [2, 2]);
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put_all(&file, 5, 5, 2);
    put(&file, "timeouts", &[4], &[false; 4]);
    file.close().unwrap();
    expect(&refused(&path, States, 0, 2), &["array timeouts has shape (4,)", "expected (5,)", "leave the array out"]);
    // Where an episode has a state more than controls, a cut would shift all that follows.
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put_all(&file, 6, 5, 2);
    put(&file, "timeouts", &[5], &[false, true, false, false, false]);
    file.close().unwrap();
    expect(&refused(&path, States, 0, 2), &["has 6 rows", "expected 5"]);
}

#[test]
fn ends_are_sure_and_agree_with_offsets() {
    let dir = Dir::new();
    let path = dir.npz(&[("ctrl", &[3, 2], ramp(6)), ("terminals", &[3], vec![0.0, 0.5, 0.0])]);
    expect(&refused(&path, Controls, 0, 2), &["array terminals holds 0.5 at row 1", "expected 0 or 1"]);
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put_all(&file, 6, 6, 2);
    put(&file, "timeouts", &[6], &[f64::NAN; 6]);
    file.close().unwrap();
    expect(&refused(&path, States, 0, 2), &["array timeouts holds NaN at row 0"]);
    for (offsets, agree) in [([0, 2, 6], false), ([0, 3, 6], true)] {
        let dir = Dir::new();
        let (path, file) = dir.h5();
        put_all(&file, 6, 6, 2);
        put(&file, "terminals", &[6], &[false, false, true, false, false, false]);
        put::<i64>(&file, "episode_offsets", &[3], &offsets);
        file.close().unwrap();
        if agree {
            assert_eq!(open(&path, States, 0, 2).unwrap().episodes(), 2);
        } else {
            expect(&refused(&path, States, 0, 2), &["episode_offsets has no episode that begins with row 3"]);
        }
    }
}

/// A model without actuators has no controls to replay, and runs freely from the first state.
#[test]
fn controls_of_no_actuators() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put(&file, "qpos", &[3, NQ], &ramp(3 * NQ));
    put(&file, "qvel", &[3, NV], &ramp(3 * NV));
    file.close().unwrap();
    for with in [States, Controls] {
        let replay = open(&path, with, 0, 0).unwrap();
        assert_eq!((replay.steps(0), replay.episode(0).unwrap().ctrl), (3, None));
    }
}

#[test]
fn actions_are_no_controls_where_the_task_maps_them() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    put(&file, "actions", &[3, 2], &ramp(6));
    file.close().unwrap();
    let mapped = ReplayModel { nq: NQ, nv: NV, nu: 2, maps_actions: true, ..ReplayModel::default() };
    let message = ReplayFile::open(&path, Controls, &mapped).unwrap_err().to_string();
    expect(&message, &["no array ctrl", "it has actions", "the task makes them of its actions"]);
    assert!(open(&path, Controls, 0, 2).is_ok());
}

#[test]
fn a_quaternion_must_be_a_rotation() {
    let model = ReplayModel { nq: 7, nv: 6, quaternions: vec![3], ..ReplayModel::default() };
    let dir = Dir::new();
    let rows = |second: [f64; 4]| -> Vec<f64> {
        let row = |quat: [f64; 4]| [0.0, 0.0, 1.0].into_iter().chain(quat);
        row([0.6, 0.0, 0.8, 0.0]).chain(row(second)).collect()
    };
    for (second, words) in [
        ([0.0; 4], Some(["length 0 at row 1, from column 3", "it is no rotation"])),
        ([2.0, 0.0, 0.0, 0.0], Some(["length 2 at row 1", "mend the row"])),
        // As float32 writes it.
        ([0.707_106_77, 0.0, 0.0, 0.707_106_77], None),
    ] {
        let path = dir.npz(&[("qpos", &[2, 7], rows(second)), ("qvel", &[2, 6], ramp(12))]);
        let opened = ReplayFile::open(&path, States, &model);
        match words {
            Some(words) => expect(&opened.unwrap_err().to_string(), &words),
            None => assert!(opened.is_ok(), "{:?}", opened.err()),
        }
    }
}

/// As robosuite's collection and robomimic's converter write them.
#[test]
fn states_of_robosuite_are_read_without_controls() {
    let dir = Dir::new();
    let (path, file) = dir.h5();
    let data = file.create_group("data").unwrap();
    for (name, rows) in [("demo_10", 2), ("demo_2", 3)] {
        let demo = data.create_group(name).unwrap();
        put(&demo, "states", &[rows, 1 + NQ + NV], &ramp(rows * (1 + NQ + NV)));
        put(&demo, "actions", &[rows, 7], &ramp(rows * 7));
    }
    drop(data);
    file.close().unwrap();
    let replay = open(&path, States, 0, 2).unwrap();
    assert!(replay.is_without_controls());
    assert_eq!((replay.episodes(), replay.steps(0), replay.steps(1)), (2, 3, 2));
    let episode = replay.episode(1).unwrap();
    assert_eq!(episode.time, Some(vec![0.0, 6.0]));
    assert_eq!(episode.qpos, Some(vec![1.0, 2.0, 3.0, 7.0, 8.0, 9.0]));
    assert_eq!((episode.qvel, episode.ctrl), (Some(vec![4.0, 5.0, 10.0, 11.0]), None));
    expect(&refused(&path, Controls, 0, 2), &["no array ctrl", "those of a controller", "--replay-with states"]);
    expect(
        &refused(&path, States, 1, 2),
        &["data/demo_2/states has shape (3, 6)", "1 + nq + nv + na = 7", "model_file"],
    );
}
