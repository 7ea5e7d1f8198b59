#!/usr/bin/env bash
# Real renderers through their templates, without a server: POV-Ray, melt and ffmpeg; Blender when "long" is asked for.
# What they make is looked at by ffprobe; what goes wrong must not pass for a success. Speaks TAP.
set -uo pipefail
posthouse=$(realpath "$1") top=$(realpath "$2") long=${3:-}
work=$(mktemp -d /tmp/posthouse-rendering.XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export TMPDIR=$work
number=0 bad=0
ok() { # ok NAME COMMAND...: the command must succeed
  number=$((number + 1))
  if "${@:2}" >said 2>&1; then echo "ok $number $1"; else echo "not ok $number $1"; sed 's/^/# /' said | tail -20; bad=1; fi
}
run() { local renderer=$1; shift; "$posthouse" openjd run "$top/data/renderers/$renderer.yaml" "$@"; }
fails() { ! "$@"; }
says() { "${@:2}" 2>&1 | tee heard; grep -qE -- "$1" heard; }
seen() { ffprobe -v error -count_frames -select_streams v -show_entries "$2" -of csv=p=0 "$1" | head -1; }
pixels() { ffmpeg -v error -i "$1" -f md5 -; }

cat >scene.pov <<'POV'
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location <0, 1, -4> look_at 0 }
light_source { <2, 4, -3> rgb 1 }
sphere { <0, sin(clock * 6.28), 0>, 1 pigment { rgb <1, 0.3, 0.2> } finish { phong 1 } }
plane { y, -1 pigment { checker rgb 1, rgb 0.2 } }
POV
small=(-p Scene="$work/scene.pov" -p Width=64 -p Height=36 -p LastFrame=12)
ok "POV-Ray renders frames in chunks" says 'Chunks run: 2' run povray "${small[@]}" -p Frames=1-6 -p ChunkSize=3 -p OutputDir="$work/pov out"
ok "all six frames are there" test "$(find "pov out" -name '*.png' | wc -l)" = 6
ok "a frame is a whole picture of the wanted size" test "$(seen "pov out/frame_03.png" stream=width,height,nb_read_frames)" = 64,36,1
ok "one frame alone has the same pixels" run povray "${small[@]}" -p Frames=3 -p OutputDir="$work/alone"
ok "bit for bit" test "$(pixels "pov out/frame_03.png")" = "$(pixels alone/frame_03.png)"
ok "one chunk of it may be chosen" says 'Chunks run: 1' run povray "${small[@]}" -p Frames=1-6 -p OutputDir="$work/chosen" -tp Frame=4-5
ok "and only that is made" test "$(cd chosen && echo *)" = "frame_04.png frame_05.png"
echo 'sphere {' >wrong.pov
ok "a mistake in the scene fails" fails run povray -p Scene="$work/wrong.pov" -p OutputDir="$work/none"
ok "a scene that is not there fails" fails run povray -p Scene="$work/missing.pov" -p OutputDir="$work/none"
ok "frames that are no range are refused" says 'ERROR generating Job' run povray "${small[@]}" -p Frames=one -p OutputDir="$work/none"

ffmpeg -v error -f lavfi -i testsrc2=s=160x90:r=25:d=2 -f lavfi -i sine=440:d=2 -c:v mpeg4 -c:a pcm_s16le source.mov
cat >edit.mlt <<MLT
<mlt><profile width="160" height="90" frame_rate_num="25" frame_rate_den="1" progressive="1" sample_aspect_num="1" sample_aspect_den="1" display_aspect_num="16" display_aspect_den="9" colorspace="601"/>
<producer id="a"><property name="resource">$work/source.mov</property></producer>
<playlist id="b"><entry producer="a" in="0" out="49"/></playlist></mlt>
MLT
ok "melt renders an edit" run melt -p Scene="$work/edit.mlt" -p Frames=10-29 -p OutputDir="$work/cut" -p VideoCodec=mpeg4 -p AudioCodec=pcm_s16le
ok "the edit has its 20 frames" test "$(seen cut/frame_10.mov stream=nb_read_frames)" = 20
echo '<mlt' >wrong.mlt
ok "melt, which ends with 0 when it can not load the edit, does not pass" fails run melt -p Scene="$work/wrong.mlt" -p OutputDir="$work/cut2"

ok "ffmpeg makes a film of frames" run ffmpeg -p Scene="$work/pov out/frame_%02d.png" -p Frames=2-5 -p OutputDir="$work/film" -p PixelFormat=yuv422p10le
ok "the film has its 4 frames" test "$(seen film/frame_2.mov stream=nb_read_frames)" = 4
ok "a source that is not there fails" fails run ffmpeg -p Scene="$work/none_%02d.png" -p OutputDir="$work/film2"

if [ "$long" = long ]; then
  cat >make.py <<'PY'
import bpy, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
s = bpy.context.scene
bpy.ops.mesh.primitive_monkey_add()
m = bpy.context.object
m.keyframe_insert("rotation_euler", frame=1)
m.rotation_euler[2] = 2
m.keyframe_insert("rotation_euler", frame=10)
bpy.ops.object.light_add(type="SUN")
bpy.ops.object.camera_add(location=(0, -5, 0), rotation=(1.5708, 0, 0))
s.camera = bpy.context.object
s.render.engine, s.cycles.samples, s.cycles.use_denoising = "CYCLES", 4, False
s.render.resolution_x, s.render.resolution_y, s.render.resolution_percentage = 96, 54, 100
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
PY
  ok "a Blender scene is made" blender -b --factory-startup -noaudio -P make.py -- "$work/scene.blend"
  ok "Blender renders it" run blender -p Scene="$work/scene.blend" -p Frames=1-4 -p ChunkSize=2 -p OutputDir="$work/blend" -p Format=PNG -p Engine=CYCLES
  ok "all four frames are there" test "$(find blend -name 'frame_000[1-4].png' | wc -l)" = 4
  ok "a frame is a whole picture of the wanted size" test "$(seen blend/frame_0003.png stream=width,height)" = 96,54
  ok "a scene that is not there fails by its log" says 'Cannot read file' run blender -p Scene="$work/none.blend" -p OutputDir="$work/blend2"
fi
echo "1..$number"
exit $bad
