//! Small models that together use most of what MuJoCo's compiler does by itself.

/// All of them.
pub(crate) const ALL: [&str; 14] = [
    ARM, ROBOT, FIELD, CABLE, PLUGINS, CLOTH, REPLICATED, ATTACHED, EQUALITIES, TENDONS, MUSCLE, MESHES, FREE, SENSORS,
];

const ARM: &str = r#"<mujoco model="arm"><compiler angle="radian" autolimits="true"/>
<option timestep="0.002" integrator="implicitfast" cone="elliptic" iterations="20"><flag energy="enable"/></option>
<size memory="1M" nuserdata="2" nuser_body="1"/>
<default><default class="a"><geom type="capsule" size="0.05 0.2" rgba="1 0 0 1"/><joint damping="0.1" armature="0.01"/></default></default>
<worldbody><light pos="0 0 3"/><geom name="a" type="plane" size="1 1 .1"/><camera name="a" pos="0 -2 1"/>
<body name="a" pos="0 0 1" childclass="a"><joint name="a" type="hinge" axis="0 1 0" range="-1 1"/><geom name="b"/>
<body name="b" pos="0 0 -0.4"><joint name="b" type="ball"/><geom name="c" fromto="0 0 0 0 0 -.3"/><site name="a"/></body></body></worldbody>
<actuator><motor name="a" joint="a" gear="10" ctrlrange="-1 1"/><position name="b" joint="a" kp="3" kv="0.1"/></actuator>
<keyframe><key name="a" qpos="0.1 1 0 0 0" ctrl="0 0"/></keyframe><custom><numeric name="a" data="1 2" size="2"/><text name="b" data="x"/></custom></mujoco>"#;

const FIELD: &str = r#"<mujoco><asset><hfield name="a" nrow="3" ncol="4" size="1 1 0.2 0.1" elevation="0 1 0 1 0 1 0 1 0 1 0 1"/>
<texture name="a" type="2d" builtin="checker" width="8" height="8" rgb1="1 0 0" rgb2="0 1 0"/><texture type="skybox" builtin="gradient" width="8" height="48"/>
<material name="a" texture="a" texrepeat="2 2"/></asset>
<worldbody><geom type="hfield" hfield="a" material="a"/><body name="a" pos="0 0 1"><freejoint name="a"/><geom type="sphere" size=".1" density="100"/></body></worldbody></mujoco>"#;

const CABLE: &str = r#"<mujoco><extension><plugin plugin="mujoco.elasticity.cable"/></extension><worldbody>
<composite prefix="a" type="cable" curve="s" count="6 1 1" size="1" offset="0 0 1" initial="none"><plugin plugin="mujoco.elasticity.cable"><config key="twist" value="1e6"/></plugin>
<joint kind="main" damping=".01"/><geom type="capsule" size=".005"/></composite></worldbody></mujoco>"#;

const PLUGINS: &str = r#"<mujoco><extension><plugin plugin="mujoco.pid"><instance name="a"><config key="kp" value="4"/><config key="ki" value="2"/>
<config key="slewmax" value="3"/></instance></plugin><plugin plugin="mujoco.sensor.touch_grid"/><plugin plugin="mujoco.sdf.torus"><instance name="b"><config key="radius1" value=".3"/>
<config key="radius2" value=".1"/></instance></plugin></extension><option sdf_iterations="5" sdf_initpoints="5"/><asset><mesh name="b"><plugin instance="b"/></mesh></asset>
<worldbody><geom type="sdf" name="a" mesh="b"><plugin instance="b"/></geom><body name="a" pos=".3 0 .19"><joint name="a" type="slide" axis="0 0 1"/><geom name="b" size=".1"/>
<site name="a" pos="0 0 -.1"/></body></worldbody><actuator><plugin name="a" joint="a" plugin="mujoco.pid" instance="a" actdim="2" delay=".01" nsample="3"/></actuator>
<sensor><plugin name="a" plugin="mujoco.sensor.touch_grid" objtype="site" objname="a"><config key="size" value="3 3"/><config key="fov" value="80 80"/>
<config key="gamma" value="0"/><config key="nchannel" value="1"/></plugin><jointpos joint="a" delay=".02" nsample="4" interp="linear"/></sensor></mujoco>"#;

const CLOTH: &str = r#"<mujoco><worldbody><body name="a"><flexcomp name="a" type="grid" count="3 3 1" spacing=".1 .1 .1" mass="1" radius=".01" dim="2">
<edge equality="true" damping="0.1"/><contact selfcollide="none"/><elasticity young="100" poisson="0.1" thickness=".01"/><pin id="0 1"/></flexcomp></body></worldbody></mujoco>"#;

const REPLICATED: &str = r#"<mujoco><worldbody><replicate count="3" offset="0.3 0 0" euler="0 0 10" sep="-"><frame pos="0 0 1" euler="0 0 5">
<replicate count="2" offset="0 0.3 0"><body name="a"><joint name="a" axis="1 0 0"/><geom name="a" size=".1"/><site name="a"/></body></replicate></frame></replicate></worldbody></mujoco>"#;

const ATTACHED: &str = r#"<mujoco><asset><model name="part" file="part.xml"/></asset><worldbody><body name="a" pos="0 0 1"><joint name="a"/><geom size=".1"/>
<frame name="f" pos="0 0 .2"><attach model="part" body="a" prefix="p-"/></frame></body></worldbody></mujoco>"#;

const EQUALITIES: &str = r#"<mujoco><option solver="CG"/><worldbody><body name="a" pos="0 0 1"><joint name="a" type="slide" axis="0 0 1" limited="true" range="-1 1"/><geom size=".1"/></body>
<body name="b" pos="1 0 1"><joint name="b" frictionloss="0.1" stiffness="1"/><geom size=".1"/><body name="c" pos="0 0 .3"><joint name="c"/><geom size=".1"/></body></body></worldbody>
<equality><connect body1="a" body2="b" anchor="0 0 0"/><weld body1="c" body2="a" relpose="0 0 1 1 0 0 0"/><joint joint1="a" joint2="b" polycoef="0 1 0 0 0"/></equality>
<contact><pair geom1="a" geom2="b"/><exclude body1="a" body2="b"/></contact></mujoco>"#;

const TENDONS: &str = r#"<mujoco><worldbody><site name="a" pos="0 0 2"/><body name="a" pos="0 0 1"><joint name="a"/><geom name="a" type="cylinder" size=".1 .2"/><site name="b" pos="0 .2 0"/>
<body name="b" pos="0 0 -.5"><joint name="b"/><geom name="b" size=".1"/><site name="c"/></body></body></worldbody>
<tendon><spatial name="a" width=".01" range="0 2" springlength="0.1 1" stiffness="1"><site site="a"/><geom geom="a" sidesite="b"/><site site="b"/><pulley divisor="2"/><site site="b"/><site site="c"/></spatial>
<fixed name="b"><joint joint="a" coef="1"/><joint joint="b" coef="-1"/></fixed></tendon>
<actuator><general name="a" tendon="a" dyntype="filter" dynprm="0.1" gainprm="3" biastype="affine" biasprm="0 -1 -1" ctrlrange="0 1"/><velocity tendon="b"/></actuator></mujoco>"#;

const MUSCLE: &str = r#"<mujoco><compiler><lengthrange mode="muscle" inttotal="1" interval="0.5" timestep="0.005"/></compiler>
<worldbody><site name="a" pos="0 .1 1"/><body name="a" pos="0 0 1"><joint name="a" axis="1 0 0" range="-60 60"/><geom type="capsule" fromto="0 0 0 0 0 -.4" size=".04"/><site name="b" pos="0 .05 -.2"/></body></worldbody>
<tendon><spatial name="a"><site site="a"/><site site="b"/></spatial></tendon><actuator><muscle name="a" tendon="a" ctrlrange="0 1" force="50" timeconst=".01 .04"/></actuator></mujoco>"#;

const MESHES: &str = r#"<mujoco><asset><mesh name="a" vertex="0 0 0 1 0 0 0 1 0 0 0 1" face="0 2 1 0 1 3 0 3 2 1 2 3" scale="0.2 0.2 0.2"/><mesh name="b" builtin="sphere" params="2"/>
<skin name="a" vertex="0 0 0 1 0 0 0 1 0" face="0 1 2"><bone body="a" bindpos="0 0 0" bindquat="1 0 0 0" vertid="0 1 2" vertweight="1 1 1"/></skin></asset>
<worldbody><geom type="plane" size="1 1 1"/><body name="a" pos="0 0 1"><freejoint/><geom name="a" type="mesh" mesh="a" maxhullvert="8"/></body>
<body name="b" pos="1 0 1"><freejoint/><geom type="mesh" mesh="b" fitscale="1"/><geom type="box" mesh="a" mass="1"/></body></worldbody></mujoco>"#;

const FREE: &str = r#"<mujoco><statistic meansize="1" extent="2"/><visual><global offwidth="64" offheight="64"/><map znear="0.1"/><quality shadowsize="64"/></visual>
<worldbody><geom type="plane" size="1 1 .1" friction="1 .1 .1" condim="6"/><body name="a" pos="0 0 .1" quat="1 0 0 0" gravcomp="1"><freejoint name="a"/><inertial pos="0 0 0" mass="1" diaginertia=".1 .1 .1"/>
<geom name="a" type="ellipsoid" size=".1 .2 .1" fluidshape="ellipsoid" solref=".02 1" solimp=".9 .95 .001 .5 2"/></body><body name="b" mocap="true" pos="1 1 1"><geom name="b" type="box" size=".1 .1 .1" group="2" contype="1" conaffinity="1" margin=".01" gap="0.001"/></body></worldbody></mujoco>"#;

const SENSORS: &str = r#"<mujoco><worldbody><body name="a" pos="0 0 1"><joint name="a"/><geom name="a" size=".1"/><site name="a" size=".1"/><camera name="a" resolution="8 8"/></body><geom name="b" type="plane" size="1 1 1"/></worldbody>
<actuator><motor name="a" joint="a"/><intvelocity name="b" joint="a" kp="1" actrange="-1 1"/><adhesion body="a" ctrlrange="0 1" gain="1"/></actuator>
<sensor><jointpos name="a" joint="a" noise="0.1" cutoff="1"/><touch site="a"/><accelerometer site="a"/><rangefinder site="a"/><framepos objtype="body" objname="a" reftype="site" refname="a"/>
<actuatorfrc actuator="a"/><subtreecom body="a"/><distance geom1="a" geom2="b" cutoff="1"/><contact geom1="a" geom2="b" num="2" data="found force"/><user dim="2" needstage="vel"/><clock/><jointvel joint="a" delay="0.01" nsample="3"/></sensor></mujoco>"#;

const ROBOT: &str = r#"<robot name="arm"><mujoco><compiler discardvisual="false" strippath="true" fusestatic="false"/></mujoco>
<link name="a"><inertial><mass value="1"/><inertia ixx="0.1" ixy="0" ixz="0" iyy="0.1" iyz="0" izz="0.1"/></inertial><collision><geometry><box size="0.1 0.1 0.1"/></geometry></collision></link>
<link name="b"><visual><origin xyz="0 0 1" rpy="0 0 0"/><geometry><mesh filename="package://x/table.stl" scale="1 1 1"/></geometry></visual><inertial><mass value="1"/><inertia ixx="0.1" ixy="0" ixz="0" iyy="0.1" iyz="0" izz="0.1"/></inertial></link>
<joint name="a" type="revolute"><parent link="a"/><child link="b"/><axis xyz="0 1 0"/><limit lower="-1" upper="1" effort="5" velocity="2"/><dynamics damping="0.1"/></joint></robot>"#;
