//! Files for MuJoCo's compiler, from here and nowhere else: what it reads is known, and what is stored is what it gets.
//!
//! MuJoCo resolves every reference of a model (includes, `meshdir` and its kin, `strippath`, URDF meshes, absolute paths) by itself
//! and asks for files by absolute names. A resource provider that is mounted at the first folder of each name answers.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_int, c_void};
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, PoisonError};

use mujoco_rs::mujoco_c::{
    mj_defaultVFS, mj_deleteVFS, mj_mountVFS, mjResource, mjVFS, mjp_defaultProvider, mjpResourceProvider,
};

use super::{Files, Model, PhysicsError};

/// The bytes of a file, by its absolute name; None where there is none.
type Serve<'a> = &'a (dyn Fn(&str) -> Option<Arc<[u8]>> + Sync);

/// What answers the compiler, and what it has read.
struct Desk<'a> {
    serve: Serve<'a>,
    read: Mutex<Files>,
}

/// Compiles the model with the absolute name `main` from what `serve` gives alone. `file` is its name in messages. Returns the
/// files that the compiler read, the main one among them, by absolute name.
///
/// # Errors
/// [`PhysicsError::Load`].
pub(super) fn compile(file: &str, main: &str, serve: Serve<'_>) -> Result<(Model, Files), PhysicsError> {
    let desk = Desk { serve, read: Mutex::default() };
    let mounted = Mounted::new(file, main, &desk)?;
    let model = Model::load(file.to_owned(), main, &raw const mounted.vfs)?;
    drop(mounted);
    Ok((model, desk.read.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// A virtual file system in which a desk answers for every folder of the root.
struct Mounted<'a> {
    vfs: mjVFS,
    /// MuJoCo keeps a pointer to it.
    _provider: Box<mjpResourceProvider>,
    _desk: &'a Desk<'a>,
}

impl<'a> Mounted<'a> {
    fn new(file: &str, main: &str, desk: &'a Desk<'a>) -> Result<Self, PhysicsError> {
        let mut vfs = mjVFS { impl_: std::ptr::null_mut() };
        let mut provider = Box::new(mjpResourceProvider {
            prefix: std::ptr::null(),
            open: None,
            read: None,
            close: None,
            mount: None,
            unmount: None,
            modified: None,
            write: None,
            data: std::ptr::null_mut(),
        });
        // SAFETY: both are plain structs that MuJoCo fills.
        unsafe {
            mj_defaultVFS(&raw mut vfs);
            mjp_defaultProvider(&raw mut *provider);
        }
        // MuJoCo takes as much of a name for a prefix as this and one more are long.
        provider.prefix = c"".as_ptr();
        provider.open = Some(open);
        provider.read = Some(read);
        provider.close = Some(close);
        provider.mount = Some(mount);
        provider.unmount = Some(mount);
        provider.data = std::ptr::from_ref(desk).cast_mut().cast();
        let mut mounted = Self { vfs, _provider: provider, _desk: desk };
        for folder in folders(main) {
            let failed = || PhysicsError::File {
                file: file.to_owned(),
                message: format!("cannot be given to MuJoCo: {folder} cannot be mounted"),
            };
            let name = CString::new(folder.as_str()).map_err(|_| failed())?;
            // SAFETY: the name is NUL-terminated; provider and desk live as long as the file system.
            let code = unsafe { mj_mountVFS(&raw mut mounted.vfs, name.as_ptr(), &raw const *mounted._provider) };
            if code != 0 {
                return Err(failed());
            }
        }
        Ok(mounted)
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        // SAFETY: made by mj_defaultVFS, deleted once.
        unsafe { mj_deleteVFS(&raw mut self.vfs) };
    }
}

/// The first parts of all names that a model may refer to: that of its own, and those of this machine.
fn folders(main: &str) -> BTreeSet<String> {
    let first = Path::new(main).components().nth(1);
    let own = first.filter(|first| matches!(first, Component::Normal(_)));
    let own = own.map(|first| format!("/{}", first.as_os_str().to_string_lossy()));
    let entries = std::fs::read_dir("/").into_iter().flatten().flatten();
    let here = entries.map(|e| format!("/{}", e.file_name().to_string_lossy()));
    own.into_iter().chain(here).collect()
}

/// The desk behind a resource.
///
/// # Safety
/// The resource is one of MuJoCo's whose provider is that of [`Mounted`], within its life.
unsafe fn desk<'a>(resource: *const mjResource) -> &'a Desk<'a> {
    // SAFETY: the data of the provider is a desk that outlives the file system.
    unsafe { &*(*(*resource).provider).data.cast::<Desk<'a>>() }
}

/// The name of a resource.
///
/// # Safety
/// As [`desk`].
unsafe fn name(resource: *const mjResource) -> String {
    // SAFETY: MuJoCo's names are NUL-terminated.
    unsafe { CStr::from_ptr((*resource).name) }.to_string_lossy().into_owned()
}

unsafe extern "C" fn open(resource: *mut mjResource) -> c_int {
    // SAFETY: MuJoCo calls this for resources of the mounted provider.
    let (desk, name) = unsafe { (desk(resource), name(resource)) };
    let Ok(Some(bytes)) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (desk.serve)(&name))) else {
        return 0;
    };
    // SAFETY: the data is this provider's to set; `close` takes it back.
    unsafe { (*resource).data = Box::into_raw(Box::new(bytes)).cast() };
    1
}

unsafe extern "C" fn read(resource: *mut mjResource, buffer: *mut *const c_void) -> c_int {
    // SAFETY: `open` has put an Arc there, which `close` has not taken back yet.
    let (desk, name, bytes) = unsafe { (desk(resource), name(resource), &*(*resource).data.cast::<Arc<[u8]>>()) };
    let Ok(length) = c_int::try_from(bytes.len()) else { return -1 };
    desk.read.lock().unwrap_or_else(PoisonError::into_inner).insert(name, bytes.clone());
    // SAFETY: MuJoCo gives the place of a pointer; the bytes live until `close`.
    unsafe { *buffer = bytes.as_ptr().cast() };
    length
}

unsafe extern "C" fn close(resource: *mut mjResource) {
    // SAFETY: `open` has made the box; it is taken back once.
    unsafe {
        let data = std::mem::replace(&mut (*resource).data, std::ptr::null_mut());
        if !data.is_null() {
            drop(Box::from_raw(data.cast::<Arc<[u8]>>()));
        }
    }
}

unsafe extern "C" fn mount(_: *mut mjResource) -> c_int {
    1
}

#[cfg(test)]
mod tests {
    use super::super::ModelSource;
    use super::*;

    /// MuJoCo takes the first letters of a name for a prefix, which are more than a short folder has.
    #[test]
    fn short_folders() {
        let file = |name: &str, text: &str| (name.to_owned(), Arc::from(text.as_bytes()));
        let body = r#"<mujoco><worldbody><body name="arm"><joint/><geom size=".1"/></body></worldbody></mujoco>"#;
        let files = Files::from([file("m.xml", r#"<mujoco><include file="b.xml"/></mujoco>"#), file("b.xml", body)]);
        for root in ["/a", "/a/b", "/abc/def", "/abcdef/ghijkl"] {
            let (main, root) = ("m.xml".to_owned(), Some(root.to_owned()));
            let model = ModelSource::Kept { main, files: files.clone(), root: root.clone() }.load().expect("it loads");
            assert_eq!(model.nv(), 1, "{root:?}");
        }
    }
}
