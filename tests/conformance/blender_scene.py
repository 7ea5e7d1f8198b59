# Run by Blender: blender -b --factory-startup -noaudio -P blender_scene.py -- FOLDER
# Makes FOLDER/scene.blend (plain) and FOLDER/small.blend (compressed) with something of each kind that a scene can need, and
# writes what Blender itself says of them to FOLDER/truth.json.
import bpy, json, os, sys, wave

out = sys.argv[sys.argv.index("--") + 1]
os.makedirs(out + "/tex", exist_ok=True)
for name in ["wood.png", "udim.1001.png", "udim.1002.png", "seq.0001.png", "seq.0002.png", "world.png"]:
    image = bpy.data.images.new("tmp", 8, 8)
    image.filepath_raw, image.file_format = out + "/tex/" + name, "PNG"
    image.save()
    bpy.data.images.remove(image)
bpy.ops.mesh.primitive_monkey_add()
bpy.context.object.name = "LibMonkey"
bpy.data.libraries.write(out + "/lib.blend", {bpy.context.object}, compress=False)
bpy.ops.wm.save_as_mainfile(filepath=out + "/scene.blend")
with bpy.data.libraries.load(out + "/lib.blend", link=True, relative=True) as (there, wanted):
    wanted.objects = ["LibMonkey"]
for ob in wanted.objects:
    bpy.context.collection.objects.link(ob)
bpy.ops.mesh.primitive_plane_add(size=6)
plane = bpy.context.object
material = bpy.data.materials.new("m")
material.use_nodes = True
plane.data.materials.append(material)

def texture(path, source):
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.load(path)
    node.image.source = source
    return node

texture("//tex/wood.png", "FILE")
texture("//tex/udim.1001.png", "TILED")
texture("//tex/seq.0001.png", "SEQUENCE")
texture("//tex/world.png", "FILE").image.filepath = "//tex/not there ü.png"
open(out + "/anim.abc", "wb").write(b"Ogawa")
bpy.ops.cachefile.open(filepath=out + "/anim.abc")
sound = wave.open(out + "/snd.wav", "wb")
sound.setnchannels(1), sound.setsampwidth(2), sound.setframerate(48000), sound.writeframes(b"\0\0" * 4800), sound.close()
scene = bpy.context.scene
editor = scene.sequence_editor_create()
editor.sequences.new_sound("s", out + "/snd.wav", 1, 1)
editor.sequences.new_image("strip", out + "/tex/seq.0001.png", 2, 1)
plane.modifiers.new("mc", "MESH_CACHE").filepath = "//cache.mdd"
bpy.ops.object.text_add()
bpy.context.object.data.font = bpy.data.fonts.load("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
inside = bpy.data.images.load(out + "/tex/wood.png")
inside.name = "packed"
inside.pack()
inside.use_fake_user = True
volume = bpy.data.volumes.new("vol")
volume.filepath, volume.is_sequence = "//smoke_0001.vdb", True
scene.collection.objects.link(bpy.data.objects.new("v", volume))
bpy.ops.object.camera_add(location=(0, -8, 3))
scene.camera = bpy.context.object
scene.frame_start, scene.frame_end, scene.frame_step = 3, 48, 2
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 320, 180, 50
scene.render.filepath, scene.render.engine = "//out/f_####", "CYCLES"
bpy.ops.wm.save_as_mainfile(filepath=out + "/scene.blend", compress=False)
bpy.ops.wm.save_as_mainfile(filepath=out + "/small.blend", compress=True, copy=True)
bpy.ops.wm.open_mainfile(filepath=out + "/scene.blend")

scene = bpy.context.scene
written = [strip.directory + strip.elements[0].filename for strip in scene.sequence_editor.sequences_all if strip.type == "IMAGE"]
for kind in ["images", "libraries", "sounds", "fonts", "cache_files", "volumes", "movieclips"]:
    for block in getattr(bpy.data, kind):
        packed = getattr(block, "packed_file", None)
        if block.filepath and block.filepath != "<builtin>" and not packed and getattr(block, "source", "") not in ("GENERATED", "VIEWER"):
            written.append(block.filepath)
for ob in bpy.data.objects:
    written += [m.filepath for m in ob.modifiers if m.type == "MESH_CACHE"]
json.dump({"written": sorted(set(written)), "first": scene.frame_start, "last": scene.frame_end, "step": scene.frame_step,
           "width": scene.render.resolution_x * scene.render.resolution_percentage // 100,
           "height": scene.render.resolution_y * scene.render.resolution_percentage // 100,
           "output": scene.render.filepath, "tiles": [t.number for i in bpy.data.images if i.source == "TILED" for t in i.tiles]},
          open(out + "/truth.json", "w"))
