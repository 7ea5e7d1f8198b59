"""Posthouse for Blender: sends the scene that is open to the farm."""
import os
import webbrowser

import bpy

from . import posthouse_client as client

bl_info = {
    "name": "Posthouse",
    "author": "Posthouse",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Properties > Output > Posthouse; Render > Send to Posthouse",
    "description": "Send the scene to a Posthouse farm",
    "category": "Render",
}


def needed_files():
    """Every file that rendering the scene reads: Blender's own list, tiles and sequences by their pattern, packed ones aside."""
    paths = [bpy.path.abspath(p) for p in bpy.utils.blend_paths(absolute=True, packed=False, local=False)]
    for image in bpy.data.images:
        if image.source == "TILED" and not image.packed_file:
            paths.append(bpy.path.abspath(image.filepath, library=image.library))
    return paths


def parameters(scene, name):
    """What data/renderers/blender.yaml asks for, from the scene."""
    settings = scene.posthouse
    out = bpy.path.abspath(scene.render.filepath)
    folder, front = os.path.split(out)
    frames = settings.frames.strip() or "%d-%d" % (scene.frame_start, scene.frame_end)
    if scene.frame_step > 1 and not settings.frames.strip():
        frames += ":%d" % scene.frame_step
    kinds = {"OPEN_EXR", "OPEN_EXR_MULTILAYER", "PNG", "TIFF", "JPEG", "DPX"}
    kind = scene.render.image_settings.file_format
    return {
        "JobName": name[:128],
        "Scene": bpy.data.filepath,
        "Frames": frames,
        "ChunkSize": settings.chunk,
        "OutputDir": folder or os.path.dirname(bpy.data.filepath),
        "OutputName": front.rstrip("#") or "frame_",
        "Engine": scene.render.engine,
        "Format": kind if kind in kinds else "OPEN_EXR",
    }


ENDINGS = {"OPEN_EXR": ".exr", "OPEN_EXR_MULTILAYER": ".exr", "PNG": ".png", "TIFF": ".tif", "JPEG": ".jpg", "DPX": ".dpx"}


def options(scene, values):
    settings, render = scene.posthouse, scene.render
    chosen = {
        "priority": settings.priority,
        "renderer": "blender",
        "preview_every": settings.preview_every,
        "approve": settings.approve,
        "inputs": sorted(set(needed_files()) | {bpy.data.filepath}),
        "outputs": [{
            "step": "Render",
            "path": os.path.join(values["OutputDir"], values["OutputName"] + "####" + ENDINGS[values["Format"]]),
            "width": render.resolution_x * render.resolution_percentage // 100,
            "height": render.resolution_y * render.resolution_percentage // 100,
        }],
    }
    if settings.pool.strip():
        chosen["pool"] = settings.pool.strip()
    return chosen


def submission(scene):
    """(name, parameters, options): refuses what could not be rendered, with the way out."""
    if not bpy.data.filepath:
        raise client.Problem("the scene has no file", "the farm reads it from disk", "save it first")
    if bpy.data.is_dirty:
        raise client.Problem("the scene has changes that are not saved", "the farm would render the file as it is on disk", "save it, then send it again")
    if not scene.camera:
        raise client.Problem("the scene has no camera", "", "add one and make it the active camera")
    client.refuse_missing(needed_files())
    name = scene.posthouse.job.strip() or os.path.splitext(os.path.basename(bpy.data.filepath))[0]
    values = parameters(scene, name)
    return name, values, options(scene, values)


def house(context=None):
    addon = (context or bpy.context).preferences.addons.get(__name__)
    prefs = addon.preferences if addon else None
    if prefs and prefs.url and prefs.token:
        return client.House(prefs.url, prefs.token, prefs.fingerprint)
    return client.House()


def submit(scene, the_house):
    name, values, chosen = submission(scene)
    template = the_house.renderer("blender")["template"]
    return the_house.submit(scene.posthouse.project, name, template, values, chosen)


_projects = []  # as Blender wants: texts that are kept


def project_items(self, context):
    return _projects or [("", "(press the arrows to ask the house)", "")]


class PosthouseSettings(bpy.types.PropertyGroup):
    project: bpy.props.StringProperty(name="Project", description="Project of the house, by its id")
    choice: bpy.props.EnumProperty(name="Project", items=project_items, update=lambda self, context: setattr(self, "project", self.choice))
    job: bpy.props.StringProperty(name="Name", description="Of the job; empty: the file's")
    frames: bpy.props.StringProperty(name="Frames", description="Such as 1-100 or 1-99:2,100; empty: the scene's range")
    chunk: bpy.props.IntProperty(name="Frames a task", default=5, min=1, description="First guess; the farm learns better")
    priority: bpy.props.IntProperty(name="Priority", default=50, min=0, max=100)
    pool: bpy.props.StringProperty(name="Pool", description="Only machines of this pool")
    preview_every: bpy.props.IntProperty(name="Previews, every", default=0, min=0, description="First, middle, last and every so-manieth frame first; 0: none")
    approve: bpy.props.BoolProperty(name="Wait for approval", description="The other frames wait until somebody has seen the previews")


class PosthousePreferences(bpy.types.AddonPreferences):
    bl_idname = __name__
    url: bpy.props.StringProperty(name="House", description="Its address, such as https://house:8480")
    token: bpy.props.StringProperty(name="Token", subtype="PASSWORD", description="Made on the page under: Your API tokens")
    fingerprint: bpy.props.StringProperty(name="Fingerprint", description="Of the house's own certificate; empty: a certificate that this machine trusts")

    def draw(self, context):
        for name in ("url", "token", "fingerprint"):
            self.layout.prop(self, name)


class POSTHOUSE_OT_projects(bpy.types.Operator):
    bl_idname = "posthouse.projects"
    bl_label = "Ask the house for its projects"

    def execute(self, context):
        try:
            _projects[:] = [(p["id"], p["name"], "") for p in house(context).projects()]
        except client.Problem as e:
            self.report({"ERROR"}, str(e))
            return {"CANCELLED"}
        if _projects:
            context.scene.posthouse.choice = _projects[0][0]
        return {"FINISHED"}


class POSTHOUSE_OT_submit(bpy.types.Operator):
    bl_idname = "posthouse.submit"
    bl_label = "Send to Posthouse"
    bl_description = "Send the scene to the farm"

    def execute(self, context):
        scene = context.scene
        try:
            if not scene.posthouse.project:
                raise client.Problem("no project is chosen", "", "choose one under Output > Posthouse")
            the_house = house(context)
            job = submit(scene, the_house)
        except client.Problem as e:
            self.report({"ERROR"}, str(e))
            return {"CANCELLED"}
        self.report({"INFO"}, "The house has it: job %s" % job["id"])
        if not bpy.app.background:
            webbrowser.open(the_house.page_of(scene.posthouse.project, job["id"]))
        return {"FINISHED"}


class POSTHOUSE_PT_panel(bpy.types.Panel):
    bl_label = "Posthouse"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "output"

    def draw(self, context):
        settings, layout = context.scene.posthouse, self.layout
        layout.use_property_split = True
        row = layout.row(align=True)
        row.prop(settings, "choice")
        row.operator("posthouse.projects", text="", icon="FILE_REFRESH")
        for name in ("job", "frames", "chunk", "priority", "pool", "preview_every", "approve"):
            layout.prop(settings, name)
        layout.operator("posthouse.submit", icon="RENDER_ANIMATION")


def menu(self, context):
    self.layout.separator()
    self.layout.operator("posthouse.submit", icon="RENDER_ANIMATION")


CLASSES = (PosthouseSettings, PosthousePreferences, POSTHOUSE_OT_projects, POSTHOUSE_OT_submit, POSTHOUSE_PT_panel)


def register():
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    bpy.types.Scene.posthouse = bpy.props.PointerProperty(type=PosthouseSettings)
    bpy.types.TOPBAR_MT_render.append(menu)


def unregister():
    bpy.types.TOPBAR_MT_render.remove(menu)
    del bpy.types.Scene.posthouse
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
