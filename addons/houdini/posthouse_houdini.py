"""Posthouse for Houdini: in the Python shell, a shelf tool, or a ROP's pre-render script:

    import posthouse_houdini; posthouse_houdini.submit(hou.node("/out/mantra1"), project="...")

Put this file and posthouse_client.py (addons/common) where Houdini finds Python. Not run against the product here; the command
lines are in data/renderers/houdini-*.yaml.
"""
import os

import hou

import posthouse_client as client


def needed_files():
    """Every file that parameters name, by Houdini's own references; what the scene makes itself is left out."""
    paths = set()
    for parameter, path in hou.fileReferences():
        if path.startswith(("op:", "opdef:", "oplib")) or (parameter and parameter.node().type().category().name() == "Driver"):
            continue
        paths.add(hou.text.expandString(path) if "$F" not in path else path.replace("$HIP", os.path.dirname(hou.hipFile.path())))
    return sorted(p for p in paths if p and os.path.isabs(p))


def submit(rop, project, frames="", name="", chunk=5, house=None, **options):
    if hou.hipFile.isNewFile():
        raise client.Problem("the scene has no file", "the farm reads it from disk", "save it first")
    if hou.hipFile.hasUnsavedChanges():
        raise client.Problem("the scene has changes that are not saved", "the farm would render the file as it is on disk", "save it, then send it again")
    files = needed_files()
    client.refuse_missing(files)
    scene = hou.hipFile.path()
    name = name or "%s %s" % (os.path.splitext(os.path.basename(scene))[0], rop.name())
    if not frames:
        first, last, step = (int(rop.parm(p).eval()) for p in ("f1", "f2", "f3"))
        frames = "%d-%d" % (first, last) + (":%d" % step if step > 1 else "")
    out = rop.parm("picture") or rop.parm("vm_picture") or rop.parm("sopoutput")
    folder = os.path.dirname(out.eval()) if out else os.path.join(os.path.dirname(scene), "render")
    values = {"JobName": name[:128], "Scene": scene, "Frames": frames, "ChunkSize": chunk, "Rop": rop.path(),
              "OutputDir": folder, "OutputName": rop.name() + "."}
    options.setdefault("inputs", sorted(set(files) | {scene}))
    options.setdefault("renderer", "houdini-hython")
    house = house or client.House()
    return house.submit(project, name, house.renderer("houdini-hython")["template"], values, options)
