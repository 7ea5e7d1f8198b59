/*
 * formats/tractor: job scripts of Pixar's Tractor and Alfred (.alf) as Open Job Description.
 *
 * A script is a tree in Tcl's notation: Job, Task, RemoteCmd, Cmd, Instance, Iterate, Assign. A
 * task's commands run when all its subtasks are done; siblings run at the same time unless their
 * parent says -serialsubtasks. Here each task with commands becomes a step that depends on others;
 * siblings that differ in some words only (frames, mostly) become one step with a task for each. No
 * Tcl is run: other commands, [ ] and expressions are listed as not carried over.
 *
 * Forms: "Job Scripting" of the Tractor 2 documentation.
 */
#pragma once
#include "formats/imports/imports.h"

// INPUT when it is no such script, TOO_BIG past the limits. `im` is begun here; free it either way.
MUST_CHECK bool tractor_import(struct arena *a, text script, struct import *im, struct error *err);
bool tractor_is_job(text bytes); // it has a line that begins with Job, or Alfred's "##AlfredToDo"
