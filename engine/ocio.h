/*
 * engine/ocio: OpenColorIO, as C. Its C++ is in ocio.cc and nowhere else.
 *
 * A configuration is text; the tables that it names are asked for through `open`, and whatever is
 * not given there does not exist for it: the library opens no file of this machine.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ocio;
struct ocio_wish {
    const char *config; // its bytes
    size_t config_size;
    // Whether there is such a file below the configuration's folder ("luts/a.spi1d"); and a
    // descriptor of it, at its start, that the library closes; -1: it can not be had.
    bool (*there)(void *context, const char *name);
    int (*open)(void *context, const char *name);
    void *context;
};
// Never more than one at a time in a process. NULL with the library's words in `why`, which name
// the line of what it can not read.
struct ocio *ocio_open(const struct ocio_wish *wish, char *why, size_t room);
void ocio_close(struct ocio *o); // NULL is fine

// {"version":"2.1","description","spaces":[...],"displays":[{"name","views":[...]}],"looks":[...],
//  "display","view": the default}; a new reference.
json_t *ocio_names(const struct ocio *o);

struct ocio_way {
    const char *space;          // that the picture is in
    const char *display, *view; // either these two,
    const char *look; // or this one, into `space` again; or it before the view. NULL: none
};
bool ocio_choose(struct ocio *o, const struct ocio_way *way, char *why, size_t room);
bool ocio_is_light(const struct ocio *o); // the space that was chosen is of scene light
// `count` colours of three floats in place; `o` is a struct ocio with a way chosen.
void ocio_apply(void *o, float *rgb, size_t count);

#ifdef __cplusplus
}
#endif
