/*
 * engine/camera: files of cameras whose picture only their maker's software decodes. Their facts
 * are facts like any other's, and say so: "camera": {"format", "sdk", "picture": false, ...}.
 */
#pragma once
#include "engine/media.h"
#include "formats/camera/camera.h"

// What the first input says of itself. *own: it is of a format that libav does not open; then
// media_open is of no use.
MUST_CHECK bool camera_look(const struct ticket *t, struct camera *c, bool *own, struct error *err);
// The facts of such a file. A new reference.
json_t *camera_facts(const struct ticket *t, const struct camera *c);
// Adds what a camera says to facts of a container that libav opened (its picture is not decoded
// when `picture` is false); nothing when there is nothing.
void camera_add_facts(const struct media *m, struct camera *c, bool picture, json_t *facts);
// Whether libav has a decoder of its picture; *c is told whose software has one instead.
bool camera_decoded(const struct media *m, struct camera *c);
