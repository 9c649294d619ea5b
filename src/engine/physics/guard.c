// Contains MuJoCo's fatal errors.
//
// mju_error does not return: it calls the log handler and then exit(1). The handler below jumps back
// to the call that is running on this thread instead. No Rust frame lies between the setjmp and the
// longjmp (only MuJoCo's own and these wrappers), so no Rust destructor is ever skipped. The mjData in
// use is left half-computed and must be thrown away, which Sim (sim.rs) does. Loading is C++ inside; its
// compiler catches its own errors before they come here.
//
// The prototypes are declared here, not included: MuJoCo's version is pinned and checked at start
// (guard.rs), and a machine with the library alone can still build.

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct mjModel_ mjModel;
typedef struct mjData_ mjData;
typedef struct mjVFS_ mjVFS;
typedef struct mjvOption_ mjvOption;
typedef struct mjvPerturb_ mjvPerturb;
typedef struct mjvCamera_ mjvCamera;
typedef struct mjvScene_ mjvScene;
typedef struct mjrContext_ mjrContext;
typedef struct {
  int left, bottom, width, height;
} mjrRect;

// Leading members of mjLogMessage (mjtype.h, 3.17.0); only these are read.
typedef struct {
  int level;
  int topic;
  char subject[1024];
} log_message;

enum { LOG_WARNING = 2, LOG_ERROR = 3 };

typedef void (*log_handler)(const log_message*);

log_handler mju_setLogHandler(log_handler handler);
mjModel* mj_loadXML(const char* filename, const mjVFS* vfs, char* error, int error_sz);
int mj_printSchema(const char* filename, char* buffer, int buffer_sz, int flg_html, int flg_pad);
mjModel* mj_copyModel(mjModel* dest, const mjModel* src);
void mj_saveModel(const mjModel* m, const char* filename, void* buffer, int64_t buffer_sz);
mjModel* mj_loadModelBuffer(const void* buffer, int64_t buffer_sz);
mjData* mj_makeData(const mjModel* m);
void mj_resetData(const mjModel* m, mjData* d);
void mj_resetDataKeyframe(const mjModel* m, mjData* d, int key);
void mj_step(const mjModel* m, mjData* d);
void mj_forward(const mjModel* m, mjData* d);
void mj_step1(const mjModel* m, mjData* d);
void mj_getState(const mjModel* m, const mjData* d, double* state, int sig);
void mj_setState(const mjModel* m, mjData* d, const double* state, int sig);
void mjd_transitionFD(const mjModel* m, mjData* d, double eps, unsigned char centered, double* A,
                      double* B, double* C, double* D);

// Stages of the forward dynamics, for derivatives at a fixed acceleration.
void mj_kinematics(const mjModel* m, mjData* d);
void mj_comPos(const mjModel* m, mjData* d);
void mj_flex(const mjModel* m, mjData* d);
void mj_tendon(const mjModel* m, mjData* d);
void mj_makeM(const mjModel* m, mjData* d);
void mj_collision(const mjModel* m, mjData* d);
void mj_makeConstraint(const mjModel* m, mjData* d);
void mj_transmission(const mjModel* m, mjData* d);
void mj_camlight(const mjModel* m, mjData* d);
void mj_sensorPos(const mjModel* m, mjData* d);
void mj_sensorVel(const mjModel* m, mjData* d);
void mj_sensorAcc(const mjModel* m, mjData* d);
void mj_fwdVelocity(const mjModel* m, mjData* d);
void mj_fwdActuation(const mjModel* m, mjData* d);
void mj_constraintUpdate(const mjModel* m, mjData* d, const double* jar, double* cost, int flg_coneHessian);
// The narrow phase: contacts of two geoms, by their types; out holds mjMAXCONPAIR of them.
typedef int (*collision)(const mjModel* m, mjData* d, void* out, int g1, int g2, double margin);
extern collision mjCOLLISIONFUNC[9][9];
// Exported by the library, declared in no public header (3.17.0).
void mj_updateSleep(const mjModel* m, mjData* d);
void mjd_smooth_vel(const mjModel* m, mjData* d, int flg_bias);

// Pictures.
void mjv_makeScene(const mjModel* m, mjvScene* scn, int maxgeom);
void mjv_updateScene(const mjModel* m, mjData* d, const mjvOption* opt, const mjvPerturb* pert, mjvCamera* cam,
                     int catmask, mjvScene* scn);
void mjr_makeContext(const mjModel* m, mjrContext* con, int fontscale);
void mjr_setBuffer(int framebuffer, mjrContext* con);
void mjr_render(mjrRect viewport, mjvScene* scn, const mjrContext* con);
void mjr_overlay(int font, int gridpos, mjrRect viewport, const char* overlay, const char* overlay2,
                 const mjrContext* con);
void mjr_readPixels(unsigned char* rgb, float* depth, mjrRect viewport, const mjrContext* con);
enum { CATEGORY_ALL = 7, BUFFER_OFFSCREEN = 1, FONT_NORMAL = 0, GRID_TOPLEFT = 0 };

// What a user may have MuJoCo call within a step. mjcb_time is not among them: it tells the time, see `quiet`.
extern void (*mjcb_passive)(void);
extern void (*mjcb_control)(void);
extern void (*mjcb_contactfilter)(void);
extern void (*mjcb_sensor)(void);
extern void (*mjcb_act_dyn)(void);
extern void (*mjcb_act_gain)(void);
extern void (*mjcb_act_bias)(void);
extern double (*mjcb_time)(void);

#define MESSAGE_SIZE 1024

// Who was told before, and whether it still is where a message is not of one of our calls: in a process in which others use
// MuJoCo too.
static log_handler others;
static _Atomic int shared;

static _Thread_local jmp_buf* armed;
static _Thread_local int loading;
static _Thread_local char last_error[MESSAGE_SIZE];
static _Thread_local char last_warning[MESSAGE_SIZE];

static void copy(char* to, const char* from) {
  size_t n = 0;
  for (; n + 1 < MESSAGE_SIZE && from[n]; n++) to[n] = from[n];
  to[n] = 0;
}

static void handler(const log_message* m) {
  if (!armed && !loading && shared && others) {
    others(m);
    return;
  }
  if (m->level == LOG_ERROR) {
    copy(last_error, m->subject);
    if (loading) return;
    if (armed) {
      jmp_buf* target = armed;
      armed = NULL;
      longjmp(*target, 1);
    }
    // Outside a guarded call there is nowhere to go back to; MuJoCo exits after this line.
    fprintf(stderr, "error: MuJoCo: %s\n", m->subject);
  } else if (m->level == LOG_WARNING) {
    copy(last_warning, m->subject);
  }
}

void ds_install_handler(void) { others = mju_setLogHandler(handler); }

void ds_share_messages(void) { shared = 1; }

// The clock of the timers of mjData (mjcb_time), which each stage of a step asks twice. Python's binding installs one, and a user may
// install another, in Python too. Steps of our calls have no use for it, and ask so often that it is some percent of a Jacobian.
static double (*_Atomic clock_of_others)(void);

static double quiet(void) {
  double (*clock)(void) = armed ? NULL : clock_of_others;
  return clock ? clock() : 0;
}

// From now on the clock that is installed is asked in calls of others only.
void ds_quiet_clock(void) {
  double (*installed)(void) = mjcb_time;
  if (installed && installed != quiet) {
    clock_of_others = installed;
    mjcb_time = quiet;
  }
}

// The name of a callback that is installed, or null.
const char* ds_callback(void) {
  if (mjcb_passive) return "mjcb_passive";
  if (mjcb_control) return "mjcb_control";
  if (mjcb_contactfilter) return "mjcb_contactfilter";
  if (mjcb_sensor) return "mjcb_sensor";
  if (mjcb_act_dyn) return "mjcb_act_dyn";
  if (mjcb_act_gain) return "mjcb_act_gain";
  if (mjcb_act_bias) return "mjcb_act_bias";
  return NULL;
}

// The message of the last error or warning on this thread; valid until the next one.
const char* ds_last_error(void) { return last_error; }
const char* ds_last_warning(void) { return last_warning; }
void ds_clear_warning(void) { last_warning[0] = 0; }

// While a library is loaded on this thread, errors are kept and not jumped from: the loader would stay locked.
void ds_begin_loading(void) {
  last_error[0] = 0;
  loading = 1;
}

void ds_end_loading(void) { loading = 0; }

// Runs `call` under the guard; returns 0, or 1 when MuJoCo raised an error.
#define GUARDED(call)     \
  do {                    \
    jmp_buf here;         \
    last_error[0] = 0;    \
    if (_setjmp(here)) {  \
      armed = NULL;       \
      return 1;           \
    }                     \
    armed = &here;        \
    call;                 \
    armed = NULL;         \
    return 0;             \
  } while (0)

int ds_load_xml(const char* filename, const mjVFS* vfs, mjModel** out, char* error, int error_sz) {
  GUARDED(*out = mj_loadXML(filename, vfs, error, error_sz));
}

int ds_print_schema(char* buffer, int size, int* written) {
  GUARDED(*written = mj_printSchema(NULL, buffer, size, 0, 0));
}

int ds_copy_model(const mjModel* m, mjModel** out) { GUARDED(*out = mj_copyModel(NULL, m)); }

int ds_save_model(const mjModel* m, void* buffer, int64_t size) { GUARDED(mj_saveModel(m, NULL, buffer, size)); }

int ds_load_saved(const void* buffer, int64_t size, mjModel** out) { GUARDED(*out = mj_loadModelBuffer(buffer, size)); }

int ds_make_data(const mjModel* m, mjData** out) { GUARDED(*out = mj_makeData(m)); }

int ds_reset(const mjModel* m, mjData* d) { GUARDED(mj_resetData(m, d)); }

int ds_reset_key(const mjModel* m, mjData* d, int key) { GUARDED(mj_resetDataKeyframe(m, d, key)); }

int ds_step(const mjModel* m, mjData* d) { GUARDED(mj_step(m, d)); }

int ds_forward(const mjModel* m, mjData* d) { GUARDED(mj_forward(m, d)); }

int ds_step1(const mjModel* m, mjData* d) { GUARDED(mj_step1(m, d)); }

int ds_get_state(const mjModel* m, const mjData* d, double* state, int sig) {
  GUARDED(mj_getState(m, d, state, sig));
}

int ds_set_state(const mjModel* m, mjData* d, const double* state, int sig) {
  GUARDED(mj_setState(m, d, state, sig));
}

// Poses, by which what was moved wakes.
int ds_kinematics(const mjModel* m, mjData* d) { GUARDED(mj_kinematics(m, d)); }

// The lists of what is awake, from tree_asleep.
int ds_update_sleep(const mjModel* m, mjData* d) { GUARDED(mj_updateSleep(m, d)); }

int ds_transition_fd(const mjModel* m, mjData* d, double eps, int centered, double* A, double* B,
                     double* C, double* D) {
  GUARDED(mjd_transitionFD(m, d, eps, (unsigned char)centered, A, B, C, D));
}

// Everything that follows from positions: kinematics, inertia, contacts, constraint rows, transmission. The
// inertia is not factored and islands are not found: nothing is solved afterwards.
int ds_stage_position(const mjModel* m, mjData* d) {
  GUARDED({
    mj_kinematics(m, d);
    mj_comPos(m, d);
    mj_flex(m, d);
    mj_tendon(m, d);
    mj_makeM(m, d);
    mj_collision(m, d);
    mj_makeConstraint(m, d);
    mj_transmission(m, d);
  });
}

// What follows from positions but for contacts, inertia and its factors: bodies, tendons, transmissions, and the rows of
// equalities, friction and limits.
int ds_stage_light(const mjModel* m, mjData* d, int* ncon) {
  GUARDED({
    mj_kinematics(m, d);
    mj_comPos(m, d);
    mj_tendon(m, d);
    *ncon = 0;
    mj_makeConstraint(m, d);
    mj_transmission(m, d);
  });
}

// Everything that sensors see of positions, cameras too; with `contacts` the contacts. As in ds_stage_position, nothing
// is solved afterwards.
int ds_stage_seen(const mjModel* m, mjData* d, int contacts, int* ncon) {
  GUARDED({
    mj_kinematics(m, d);
    mj_comPos(m, d);
    mj_camlight(m, d);
    mj_flex(m, d);
    mj_tendon(m, d);
    mj_makeM(m, d);
    if (contacts) mj_collision(m, d);
    else *ncon = 0;
    mj_makeConstraint(m, d);
    mj_transmission(m, d);
  });
}

// Sensors of three stages, each where it is asked for.
int ds_sensors(const mjModel* m, mjData* d, int position, int velocity, int acceleration) {
  GUARDED({
    if (position) mj_sensorPos(m, d);
    if (velocity) mj_sensorVel(m, d);
    if (acceleration) mj_sensorAcc(m, d);
  });
}

int ds_collision(const mjModel* m, mjData* d) { GUARDED(mj_collision(m, d)); }

int ds_stage_velocity(const mjModel* m, mjData* d) { GUARDED(mj_fwdVelocity(m, d)); }

int ds_stage_actuation(const mjModel* m, mjData* d) { GUARDED(mj_fwdActuation(m, d)); }

int ds_constraint_update(const mjModel* m, mjData* d, const double* jar, int cones) {
  GUARDED(mj_constraintUpdate(m, d, jar, NULL, cones));
}

int ds_smooth_vel(const mjModel* m, mjData* d, int bias) { GUARDED(mjd_smooth_vel(m, d, bias)); }

// No function for two types means that they never touch.
int ds_collide(const mjModel* m, mjData* d, int type1, int type2, int g1, int g2, double margin, void* out, int* n) {
  collision f = mjCOLLISIONFUNC[type1][type2];
  GUARDED(*n = f ? f(m, d, out, g1, g2, margin) : 0);
}

int ds_make_scene(const mjModel* m, mjvScene* scn, int maxgeom) { GUARDED(mjv_makeScene(m, scn, maxgeom)); }

int ds_make_context(const mjModel* m, mjrContext* con, int fontscale) {
  GUARDED({
    mjr_makeContext(m, con, fontscale);
    mjr_setBuffer(BUFFER_OFFSCREEN, con);
  });
}

int ds_draw(const mjModel* m, mjData* d, const mjvOption* opt, mjvCamera* cam, mjvScene* scn, const mjrContext* con,
            const int* size, const char* label, unsigned char* rgb) {
  mjrRect all = {0, 0, size[0], size[1]};
  GUARDED({
    mjv_updateScene(m, d, opt, NULL, cam, CATEGORY_ALL, scn);
    mjr_render(all, scn, con);
    if (label[0]) mjr_overlay(FONT_NORMAL, GRID_TOPLEFT, all, label, NULL, con);
    mjr_readPixels(rgb, NULL, all, con);
  });
}
