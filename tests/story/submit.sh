#!/usr/bin/env bash
# A scene is given to the farm by its name alone: its renderer is found, what it needs is looked for, its frames come back
# whole, and as a sequence they go into the library. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
here() { "$posthouse" "$1" --house.folder="$house" "${@:2}"; }
says() { # says PATTERN STATUS COMMAND...
  local status=0
  "${@:3}" >"$work/heard" 2>&1 || status=$?
  cat "$work/heard"; echo "status $status"
  [ $status = "$2" ] && grep -qE -- "$1" "$work/heard"
}
scene() { # scene FILE [MORE]
  cat >"$1" <<POV
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location <0, 1, -4> look_at 0 }
light_source { <2, 4, -3> rgb 1 }
sphere { <sin(clock * 6.28), 0, 0>, 1 pigment { rgb <1, 0.3, 0.2> } }
${2:-}
POV
}
ok "the house opens" open_house
ask POST /projects '{"name":"Farm"}' >"$work/project"
project=$(field .id <"$work/project")
cd "$work" || exit 1
scene ball.pov
scene broken.pov '#include "parts/rig.inc" plane { y, -1 pigment { image_map { png "maps/floor.png" } } }'
scene wrong.pov 'sphere { <0, 0'
mkdir -p parts && echo "// nothing" >parts/rig.inc
size=(-p Width=96 -p Height=54)

ok "a scene is rendered" says 'ball: 12 tasks, done' 0 here submit ball.pov --project Farm --frames 1-12 --out frames --chunk 2 "${size[@]}" --wait
ok "every frame is there, and nothing else" test "$(ls frames | tr '\n' ' ')" = "$(printf 'frame_%02d.png ' $(seq 12))"
ok "each is of the size that was asked for" bash -c 'for f in frames/*.png; do [ "$(ffprobe -v error -show_entries stream=width,height -of csv=p=0 $f)" = 96,54 ] || exit 1; done'
ok "a missing file is named before anything is queued" says 'maps/floor.png' 3 here submit broken.pov --project Farm --frames 1 "${size[@]}"
ok "with the way out" grep -q -- '--without-missing' heard
ok "what is there is not called missing" bash -c '! grep -q rig.inc heard'
ok "which frames has to be said" says 'say --frames' 2 here submit ball.pov --project Farm
touch shot.xyz
ok "a scene of an unknown kind names the renderers" says 'no renderer is known.*' 3 here submit shot.xyz --project Farm --frames 1
ok "they are listed" grep -q 'blender, .*povray' heard
touch comp.aep
ok "what needs Windows is said" says 'Windows' 3 here submit comp.aep --project Farm --frames 1
ok "a scene that can not be rendered ends in an answer" says 'wrong: 1 tasks, (failed|stopped)' 1 here submit wrong.pov --project Farm --frames 1 --out none "${size[@]}" --wait
ok "nothing of it is there" bash -c '! ls none/*.png 2>/dev/null'
ok "the frames go into the library" here put frames --project Farm --json
sequence() { ask GET "/projects/$project/assets?q=frame" >assets && [ "$(field '.items[0].version.state' <assets)" = ready ]; }
ok "as one sequence that can be looked at" until_true 60 sequence
ok "with all its frames" test "$(field '.items[0].version.facts.duration_frames' <assets)" = 12
close_house
finish
