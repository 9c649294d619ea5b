//! An OpenGL context without a window, through EGL, which is loaded when a picture is drawn for the first time. Nothing
//! links to it, so that everything else runs where there is no OpenGL.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::sync::OnceLock;

use libloading::Library;

use super::super::PhysicsError;

/// Where the library is looked for.
const LIBRARY: &str = "libEGL.so.1";

type Handle = *mut c_void;
type QueryDevices = unsafe extern "C" fn(c_int, *mut Handle, *mut c_int) -> c_uint;
type GetPlatformDisplay = unsafe extern "C" fn(c_uint, Handle, *const c_int) -> Handle;

// Numbers of egl.h and eglext.h.
const NONE: c_int = 0x3038;
const OPENGL_API: c_uint = 0x30A2;
const PLATFORM_DEVICE: c_uint = 0x313F;
const PLATFORM_SURFACELESS: c_uint = 0x31DD;
/// Surface type: pbuffer; renderable type: OpenGL; red, green, blue: 8 bits; depth: 24.
const CONFIG: [c_int; 13] = [0x3033, 1, 0x3040, 8, 0x3024, 8, 0x3023, 8, 0x3022, 8, 0x3025, 24, NONE];
/// A surface must be there to make a context current; MuJoCo draws into a buffer of its own. Width and height.
const SURFACE: [c_int; 5] = [0x3057, 16, 0x3056, 16, NONE];
/// Devices that are tried at most.
const DEVICES: usize = 16;

macro_rules! egl {
    ($($field:ident = $name:literal: fn($($argument:ty),*) -> $result:ty;)*) => {
        /// The functions of EGL that are used here.
        struct Egl { $($field: unsafe extern "C" fn($($argument),*) -> $result,)* }

        impl Egl {
            fn of(library: &Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of egl.h, and the library is never unloaded.
                Ok(Self { $($field: *unsafe { library.get(concat!($name, "\0").as_bytes()) }?,)* })
            }
        }
    };
}

egl! {
    get_proc_address = "eglGetProcAddress": fn(*const c_char) -> Handle;
    get_display = "eglGetDisplay": fn(Handle) -> Handle;
    initialize = "eglInitialize": fn(Handle, *mut c_int, *mut c_int) -> c_uint;
    bind_api = "eglBindAPI": fn(c_uint) -> c_uint;
    choose_config = "eglChooseConfig": fn(Handle, *const c_int, *mut Handle, c_int, *mut c_int) -> c_uint;
    create_context = "eglCreateContext": fn(Handle, Handle, Handle, *const c_int) -> Handle;
    create_surface = "eglCreatePbufferSurface": fn(Handle, Handle, *const c_int) -> Handle;
    make_current = "eglMakeCurrent": fn(Handle, Handle, Handle, Handle) -> c_uint;
    destroy_surface = "eglDestroySurface": fn(Handle, Handle) -> c_uint;
    destroy_context = "eglDestroyContext": fn(Handle, Handle) -> c_uint;
}

/// The library, loaded once; or why it cannot be.
fn load() -> Result<&'static Egl, PhysicsError> {
    static EGL: OnceLock<Result<Egl, String>> = OnceLock::new();
    let loaded = EGL.get_or_init(|| {
        // SAFETY: the initialisers of a system library are trusted as those of every linked one.
        let library = unsafe { Library::new(LIBRARY) }.map_err(|e| e.to_string())?;
        let egl = Egl::of(&library).map_err(|e| e.to_string());
        // Drivers leave threads and exit handlers behind, which must not lose their code.
        std::mem::forget(library);
        egl
    });
    loaded.as_ref().map_err(|reason| PhysicsError::NoOpenGl { reason: reason.clone() })
}

impl Egl {
    /// An extension's function of type `T`; None where there is none.
    ///
    /// # Safety
    /// `T` must be the type of a C function of that name.
    unsafe fn extension<T: Copy>(&self, name: &std::ffi::CStr) -> Option<T> {
        const { assert!(size_of::<T>() == size_of::<Handle>()) };
        // SAFETY: the name is NUL-terminated.
        let address = unsafe { (self.get_proc_address)(name.as_ptr()) };
        // SAFETY: not null, and by the caller's promise a function of type T, which is as large as a pointer.
        (!address.is_null()).then(|| unsafe { std::mem::transmute_copy::<Handle, T>(&address) })
    }

    /// Displays that need no window system, the likeliest first: graphics devices, Mesa without any, what the
    /// environment gives.
    fn displays(&self) -> Vec<Handle> {
        let mut found = Vec::new();
        // SAFETY: both types are those of eglext.h; devices has room for as many as are asked for, the attributes
        // may be null, and a device comes from the same library.
        unsafe {
            if let Some(display) = self.extension::<GetPlatformDisplay>(c"eglGetPlatformDisplayEXT") {
                if let Some(query) = self.extension::<QueryDevices>(c"eglQueryDevicesEXT") {
                    let (mut devices, mut n) = ([ptr::null_mut(); DEVICES], 0);
                    if query(DEVICES as c_int, devices.as_mut_ptr(), &mut n) != 0 {
                        let devices = devices.iter().take(n.max(0) as usize);
                        found.extend(devices.map(|device| display(PLATFORM_DEVICE, *device, ptr::null())));
                    }
                }
                found.push(display(PLATFORM_SURFACELESS, ptr::null_mut(), ptr::null()));
            }
            found.push((self.get_display)(ptr::null_mut()));
        }
        found.retain(|display| !display.is_null());
        found
    }
}

/// A context that is current on this thread for as long as it lives.
pub(super) struct Gl {
    egl: &'static Egl,
    display: Handle,
    surface: Handle,
    context: Handle,
    /// Current on one thread, so it stays there.
    _here: PhantomData<*const ()>,
}

impl Gl {
    /// Makes a context on the first display that gives one.
    ///
    /// # Errors
    /// [`PhysicsError::NoOpenGl`].
    pub(super) fn new() -> Result<Self, PhysicsError> {
        let egl = load()?;
        let mut reason = "EGL knows no display".to_owned();
        for display in egl.displays() {
            match Self::on(egl, display) {
                Ok(gl) => return Ok(gl),
                Err(step) => reason = format!("{step} failed"),
            }
        }
        Err(PhysicsError::NoOpenGl { reason })
    }

    /// A context on a display, or the function that failed.
    fn on(egl: &'static Egl, display: Handle) -> Result<Self, &'static str> {
        let (mut config, mut n) = (ptr::null_mut(), 0);
        // SAFETY: the display is one of this library's, the lists end with NONE, and there is room for one
        // configuration.
        unsafe {
            if (egl.initialize)(display, ptr::null_mut(), ptr::null_mut()) == 0 {
                return Err("eglInitialize");
            }
            if (egl.bind_api)(OPENGL_API) == 0 {
                return Err("eglBindAPI(EGL_OPENGL_API)");
            }
            if (egl.choose_config)(display, CONFIG.as_ptr(), &mut config, 1, &mut n) == 0 || n < 1 {
                return Err("eglChooseConfig");
            }
        }
        // SAFETY: as above, with the configuration that was chosen.
        let context = unsafe { (egl.create_context)(display, config, ptr::null_mut(), [NONE].as_ptr()) };
        if context.is_null() {
            return Err("eglCreateContext");
        }
        // SAFETY: as above.
        let surface = unsafe { (egl.create_surface)(display, config, SURFACE.as_ptr()) };
        let gl = Self { egl, display, surface, context, _here: PhantomData };
        // SAFETY: all three belong to this display; without a surface nothing is made current.
        if gl.surface.is_null() || unsafe { (egl.make_current)(display, surface, surface, context) } == 0 {
            return Err("eglMakeCurrent");
        }
        Ok(gl)
    }
}

impl Drop for Gl {
    fn drop(&mut self) {
        // SAFETY: made in `on` and destroyed once. The display is left as it is: others of this process may use it.
        unsafe {
            (self.egl.make_current)(self.display, ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            if !self.surface.is_null() {
                (self.egl.destroy_surface)(self.display, self.surface);
            }
            (self.egl.destroy_context)(self.display, self.context);
        }
    }
}
