"""Posthouse for Nuke: in menu.py

    import posthouse_nuke
    nuke.menu("Nuke").addCommand("Render/Send to Posthouse", posthouse_nuke.ask)

Put this file and posthouse_client.py (addons/common) into ~/.nuke. Not run against the product here; the command line is in
data/renderers/nuke.yaml.
"""
import os

import nuke

import posthouse_client as client


def needed_files():
    """What the Read nodes and their like read; sequences by their pattern."""
    paths = set()
    for node in nuke.allNodes(recurseGroups=True):
        if node.Class() in ("Read", "DeepRead", "ReadGeo", "ReadGeo2", "Camera2", "Vectorfield", "OCIOFileTransform", "AudioRead") and not (
            node.knob("disable") and node["disable"].value()
        ):
            knob = node.knob("file") or node.knob("vfield_file")
            if knob and knob.value():
                paths.add(nuke.filename(node) or knob.value())
    return sorted(paths)


def submit(project, write="", frames="", name="", chunk=10, house=None, **options):
    script = nuke.root().name()
    if script in ("", "Root"):
        raise client.Problem("the script has no file", "the farm reads it from disk", "save it first")
    if nuke.modified():
        raise client.Problem("the script has changes that are not saved", "the farm would render the file as it is on disk", "save it, then send it again")
    node = nuke.toNode(write) if write else None
    if write and (not node or node.Class() not in ("Write", "DeepWrite")):
        raise client.Problem("there is no Write node %s" % write, "", "choose one of " + ", ".join(n.name() for n in nuke.allNodes("Write")))
    files = needed_files()
    client.refuse_missing(files)
    name = name or os.path.splitext(os.path.basename(script))[0]
    first, last = nuke.root().firstFrame(), nuke.root().lastFrame()
    values = {"JobName": name[:128], "Scene": script, "WriteNode": write, "ChunkSize": chunk, "Frames": frames or "%d-%d" % (first, last),
              "OutputDir": os.path.dirname(nuke.filename(node)) if node else os.path.dirname(script)}
    options.setdefault("inputs", sorted(set(files) | {script}))
    options.setdefault("renderer", "nuke")
    if node:
        options.setdefault("outputs", [{"step": "Render", "path": nuke.filename(node)}])
    house = house or client.House()
    return house.submit(project, name, house.renderer("nuke")["template"], values, options)


def ask():
    """A small dialog: project, Write node, frames."""
    try:
        house = client.House()
        projects = house.projects()
        panel = nuke.Panel("Send to Posthouse")
        panel.addEnumerationPulldown("Project", " ".join("{%s}" % p["name"] for p in projects))
        panel.addEnumerationPulldown("Write", " ".join(n.name() for n in nuke.allNodes("Write")))
        panel.addSingleLineInput("Frames", "%d-%d" % (nuke.root().firstFrame(), nuke.root().lastFrame()))
        if panel.show():
            project = next(p["id"] for p in projects if p["name"] == panel.value("Project"))
            job = submit(project, panel.value("Write"), panel.value("Frames"), house=house)
            nuke.message("The house has it: %s" % house.page_of(project, job["id"]))
    except client.Problem as e:
        nuke.message(str(e))
