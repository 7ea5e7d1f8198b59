"""Posthouse for Maya: in the script editor (Python), or on a shelf:

    import posthouse_maya; posthouse_maya.submit(project="...", frames="1-100")

Put this file and posthouse_client.py (addons/common) where Maya finds scripts. Renders with the scene's own renderer:
Arnold, V-Ray or RenderMan. Not run against the product here; the command lines are in data/renderers/maya-*.yaml.
"""
import os

from maya import cmds

import posthouse_client as client

RENDERERS = {"arnold": "maya-arnold", "vray": "maya-vray", "renderman": "maya-renderman"}


def needed_files():
    """Every file that the scene reads, by Maya's own list; sequences and tiles by their pattern."""
    paths = set(cmds.file(query=True, list=True) or [])
    for node in cmds.ls(type="file") or []:
        path = cmds.getAttr(node + ".fileTextureName") or ""
        if path and cmds.getAttr(node + ".uvTilingMode") == 3:
            path = cmds.getAttr(node + ".computedFileTextureNamePattern") or path
        paths.add(path)
    for kind, attribute in (("AlembicNode", "abc_File"), ("gpuCache", "cacheFileName"), ("aiStandIn", "dso"), ("VRayMesh", "fileName2")):
        if kind in (cmds.allNodeTypes() or []):
            paths.update(cmds.getAttr("%s.%s" % (node, attribute)) or "" for node in cmds.ls(type=kind) or [])
    root = cmds.workspace(query=True, rootDirectory=True)
    return sorted(p if os.path.isabs(p) else os.path.join(root, p) for p in paths if p)


def submit(project, frames="", name="", chunk=5, camera="", layer="", house=None, **options):
    scene = cmds.file(query=True, sceneName=True)
    if not scene:
        raise client.Problem("the scene has no file", "the farm reads it from disk", "save it first")
    if cmds.file(query=True, modified=True):
        raise client.Problem("the scene has changes that are not saved", "the farm would render the file as it is on disk", "save it, then send it again")
    current = cmds.getAttr("defaultRenderGlobals.currentRenderer")
    if current not in RENDERERS:
        raise client.Problem("the renderer %s is not known to the farm" % current, "", "choose one of " + ", ".join(sorted(RENDERERS)))
    files = needed_files()
    client.refuse_missing(files)
    first, last = (int(cmds.getAttr("defaultRenderGlobals." + a)) for a in ("startFrame", "endFrame"))
    root = cmds.workspace(query=True, rootDirectory=True)
    images = cmds.workspace(fileRuleEntry="images") or "images"
    name = name or os.path.splitext(os.path.basename(scene))[0]
    values = {
        "JobName": name[:128], "Scene": scene, "Project": root, "Camera": camera, "Layer": layer, "ChunkSize": chunk,
        "Frames": frames or "%d-%d" % (first, last),
        "OutputDir": os.path.join(root, images), "OutputName": name,
    }
    options.setdefault("inputs", sorted(set(files) | {scene}))
    options.setdefault("renderer", RENDERERS[current])
    house = house or client.House()
    return house.submit(project, name, house.renderer(RENDERERS[current])["template"], values, options)
