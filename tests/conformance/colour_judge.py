# colour_judge.py ASK TOOL FOLDER: tables that posthouse-colour makes, beside OpenColorIO (of PyPI, another version than the
# one that it is linked with) and ffmpeg's lut3d. Speaks TAP.
import json, os, subprocess, sys
import numpy as np
import PyOpenColorIO as ocio

ask, tool, folder = sys.argv[1:4]
os.chdir(folder)
rng = np.random.default_rng(1)
colours = rng.random((20000, 3))
colours[::4] = colours[::4, :1]  # every fourth is grey
number = 0


def is_near(what, ours, theirs, most):
    global number
    number += 1
    off = float(np.abs(np.clip(ours, 0, 1) - np.clip(theirs, 0, 1)).max())
    print(f"{'ok' if off <= most else 'not ok'} {number} - {what}: off by {off:.2g} at most, {most:.2g} is allowed")


def bake(steps, *files):
    ticket = json.dumps({"kind": "bake", "output": "made.phlu", "transform": {"steps": steps}})
    said = subprocess.run([ask, ticket, ".", *files], capture_output=True, text=True)
    return json.loads(said.stdout)


def ours(rgb):
    out = subprocess.run([tool, "made.phlu"], input=rgb.astype("<f4").tobytes(), capture_output=True, check=True).stdout
    return np.frombuffer(out, "<f4").reshape(-1, 3)


def theirs(transform, rgb, config=None):
    cpu = (config or ocio.Config.CreateRaw()).getProcessor(transform).getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)
    rgb = rgb.astype(np.float32).copy()
    cpu.applyRGB(rgb)
    return rgb


with open("rough.cube", "w") as f:  # as a show's look, with noise on it
    f.write("LUT_3D_SIZE 17\n")
    for b in range(17):
        for g in range(17):
            for r in range(17):
                f.write("%.7f %.7f %.7f\n" % tuple(np.array([r, g, b]) / 16 * 0.8 + rng.random(3) * 0.2))
with open("shaper.cube", "w") as f:  # Resolve's: a table before a cube
    f.write("LUT_1D_SIZE 64\nLUT_1D_INPUT_RANGE 0.0 1.0\nLUT_3D_SIZE 5\nLUT_3D_INPUT_RANGE 0.0 1.0\n")
    for i in range(64):
        f.write("%.7f %.7f %.7f\n" % ((i / 63) ** 0.5, (i / 63) ** 0.7, i / 63))
    for i in range(125):
        f.write("%.7f %.7f %.7f\n" % tuple(rng.random(3)))
with open("a.cc", "w") as f:
    f.write("<ColorCorrection id='a'><SOPNode><Slope>1.1 1 0.9</Slope><Offset>0.01 0 -0.02</Offset><Power>1 1.2 0.8</Power></SOPNode>"
            "<SatNode><Saturation>0.85</Saturation></SatNode></ColorCorrection>")

cubes = {}
for name in ("rough", "shaper"):
    cubes[name] = ocio.FileTransform(f"{folder}/{name}.cube")
    cubes[name].setInterpolation(ocio.INTERP_TETRAHEDRAL)
    bake([{"table": 0}], f"{name}.cube")
    is_near(f"{name}.cube beside OpenColorIO {ocio.__version__}", ours(colours), theirs(cubes[name], colours), 1e-5)

bake([{"table": 0}], "rough.cube")
picture = (rng.random((64, 64, 3)) * 255).astype("<u1")
picture.tofile("picture.raw")
subprocess.run("ffmpeg -v error -y -f rawvideo -pix_fmt rgb24 -s 64x64 -i picture.raw -vf format=gbrp,lut3d=rough.cube:interp=tetrahedral "
               "-f rawvideo -pix_fmt gbrp made.raw", shell=True, check=True)
seen = np.fromfile("made.raw", "<u1").reshape(3, -1)[[2, 0, 1]].T / 255.0
is_near("rough.cube beside ffmpeg's lut3d, 8 bits", ours(picture.reshape(-1, 3) / 255.0), seen, 1.02 / 255)

correction = ocio.CDLTransform()
correction.setSlope([1.1, 1, 0.9])
correction.setOffset([0.01, 0, -0.02])
correction.setPower([1, 1.2, 0.8])
correction.setSat(0.85)
correction.setStyle(ocio.CDL_ASC)
bake([{"correction": 0}], "a.cc")
is_near("ASC CDL beside OpenColorIO", ours(colours), theirs(correction, colours), 1e-4)
both = ocio.GroupTransform()
both.appendTransform(correction)
both.appendTransform(cubes["rough"])
said = bake([{"correction": 0}, {"table": 1}], "a.cc", "rough.cube")
is_near("ASC CDL before a rough cube, which is sampled again: what was said of it, and a tenth", ours(colours), theirs(both, colours), said["most"] * 1.1)

os.makedirs("studio/luts", exist_ok=True)
with open("studio/luts/log.spi1d", "w") as f:
    f.write("Version 1\nFrom 0.0 1.0\nLength 4096\nComponents 1\n{\n" + "".join("%.8f\n" % 2 ** (i / 4095 * 14 - 8) for i in range(4096)) + "}\n")
with open("studio/config.ocio", "w") as f:
    f.write("""ocio_profile_version: 2
search_path: luts
roles: {scene_linear: lin, default: lin}
file_rules:
  - !<Rule> {name: Default, colorspace: default}
displays:
  sRGB:
    - !<View> {name: Film, colorspace: out}
colorspaces:
  - !<ColorSpace> {name: lin, encoding: scene-linear}
  - !<ColorSpace>
    name: log
    encoding: log
    to_scene_reference: !<FileTransform> {src: log.spi1d, interpolation: linear}
  - !<ColorSpace>
    name: out
    from_scene_reference: !<GroupTransform>
      children:
        - !<MatrixTransform> {matrix: [0.9, 0.05, 0.05, 0, 0.05, 0.9, 0.05, 0, 0.05, 0.05, 0.9, 0, 0, 0, 0, 1]}
        - !<ExponentWithLinearTransform> {gamma: [2.4, 2.4, 2.4, 1], offset: [0.055, 0.055, 0.055, 0], direction: inverse}
""")
config = ocio.Config.CreateFromFile("studio/config.ocio")
for space, rgb in (("log", colours), ("lin", np.exp2(colours * 14 - 10))):
    bake([{"config": 0, "folder": [{"name": "luts/log.spi1d", "input": 1}], "space": space, "display": "sRGB", "view": "Film"}],
         "studio/config.ocio", "studio/luts/log.spi1d")
    is_near(f"a configuration, from {space}", ours(rgb), theirs(ocio.DisplayViewTransform(src=space, display="sRGB", view="Film"), rgb, config), 1 / 512)
print(f"1..{number}")
