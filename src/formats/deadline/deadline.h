/*
 * formats/deadline: job files of Thinkbox Deadline as Open Job Description.
 *
 * A submission is two files of lines "Key=Value", job info and plugin info (in UTF-16, UTF-8 or an
 * old Windows code page), or one JSON document {"JobInfo": {...}, "PluginInfo": {...}} as its web
 * service takes it. Known plugins: CommandLine, Python, MayaBatch and MayaCmd, Blender, Arnold,
 * Vray, Nuke, Houdini, AfterEffects. Their command lines are written from the vendors' manuals;
 * none of the products was run here.
 *
 * Forms: Deadline 10 manual, "Manual Job Submission"; frame lists, "Frame List Formatting Options".
 */
#pragma once
#include "formats/imports/imports.h"

// `plugin` may be empty when `job` is the JSON form. INPUT when there is no plugin, an unknown one
// (UNSUPPORTED), or frames that can not be read. `im` is begun here; free it either way.
MUST_CHECK bool deadline_import(struct arena *a, text job, text plugin, struct import *im,
                                struct error *err);
// Whether bytes look like a job info file (they name a plugin, or are the JSON form).
bool deadline_is_job(struct arena *a, text bytes);

// "1-10x2,20", "1-100step5", "10-1", "-5--1, 7": at most IMPORT_FRAMES_MOST.
MUST_CHECK bool deadline_frames(struct arena *a, text said, struct import_frames *f,
                                struct error *err);
