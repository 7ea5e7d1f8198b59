# Run by Blender: blender -b SCENE -P blender_addon.py -- ADDON.zip PROJECT ANSWER.json [expect-missing]
# Installs the add-on as a person would, sends the scene to the house that POSTHOUSE_URL names and writes what came of it.
import json, sys
import bpy

addon, project, answer = sys.argv[sys.argv.index("--") + 1:][:3]
bpy.ops.preferences.addon_install(filepath=addon, overwrite=True)
bpy.ops.preferences.addon_enable(module="posthouse")
import posthouse

scene = bpy.context.scene
scene.posthouse.project = project
scene.posthouse.job = "from Blender"
scene.posthouse.chunk = 2
scene.posthouse.priority = 70
told = {"needed": posthouse.needed_files()}
try:
    told["job"] = posthouse.submit(scene, posthouse.house())
except posthouse.client.Problem as e:
    told["problem"] = {"what": e.what, "why": e.why, "fix": e.fix, "status": e.status}
json.dump(told, open(answer, "w"))
