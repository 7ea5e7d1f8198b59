#include "engine/ahead.h"
#include "formats/profile/picture.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Set once, by the only thread there is, before any file of a stranger is read.
static struct {
    unsigned char *font;
    size_t font_size;
    struct ahead_filters filters;
    bool have_filters;
    struct ahead_stretcher stretcher;
    bool have_stretcher;
} ahead;

// Debian's fonts-dejavu-core and fonts-dejavu-mono.
static const char *const fonts[] = {"/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
                                    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"};

static bool read_font(struct error *err)
{
    enum { MOST = 16 << 20 };
    FILE *f = NULL;
    for (size_t i = 0; !f && i < sizeof(fonts) / sizeof(fonts[0]); i++)
        f = fopen(fonts[i], "rb");
    if (f) {
        ahead.font = malloc(MOST);
        ahead.font_size = ahead.font ? fread(ahead.font, 1, MOST, f) : 0;
        fclose(f);
    }
    if (ahead.font_size)
        return true;
    error_set(err, ERROR_UNSUPPORTED, "there is no font to burn text in with");
    error_why(err, "%s is not on this machine", fonts[0]);
    return error_fix(err, "install Debian's fonts-dejavu-core");
}

struct symbol {
    const char *name;
    void *to;
};

static bool load(const char *name, const struct symbol *wanted, size_t count)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    bool all = library != NULL;
    for (size_t i = 0; all && i < count; i++) {
        void *found = dlsym(library, wanted[i].name);
        memcpy(wanted[i].to, &found, sizeof(found));
        all = found != NULL;
    }
    return all;
}

static bool load_filters(struct error *err)
{
    char name[64];
    snprintf(name, sizeof(name), "libavfilter.so.%d", LIBAVFILTER_VERSION_MAJOR);
    struct ahead_filters *f = &ahead.filters;
    const struct symbol wanted[] = {
        {"avfilter_graph_alloc", &f->graph_alloc},
        {"avfilter_graph_free", &f->graph_free},
        {"avfilter_get_by_name", &f->get_by_name},
        {"avfilter_graph_create_filter", &f->create},
        {"avfilter_link", &f->link},
        {"avfilter_graph_config", &f->config},
        {"av_buffersrc_add_frame_flags", &f->give},
        {"av_buffersink_get_frame", &f->take},
    };
    ahead.have_filters = load(name, wanted, sizeof(wanted) / sizeof(wanted[0]));
    if (ahead.have_filters)
        return true;
    error_set(err, ERROR_UNSUPPORTED, "interlaced pictures can not be made progressive here");
    error_why(err, "%s can not be loaded", name);
    return error_fix(err, "install Debian's ffmpeg");
}

static bool load_stretcher(struct error *err)
{
    static const char name[] = "librubberband.so.2";
    struct ahead_stretcher *s = &ahead.stretcher;
    const struct symbol wanted[] = {
        {"rubberband_new", &s->open},
        {"rubberband_delete", &s->close},
        {"rubberband_set_expected_input_duration", &s->expect},
        {"rubberband_set_max_process_size", &s->most},
        {"rubberband_process", &s->process},
        {"rubberband_available", &s->available},
        {"rubberband_retrieve", &s->retrieve},
    };
    ahead.have_stretcher = load(name, wanted, sizeof(wanted) / sizeof(wanted[0]));
    if (ahead.have_stretcher)
        return true;
    error_set(err, ERROR_UNSUPPORTED, "the pitch of sound can not be kept here");
    error_why(err, "%s can not be loaded", name);
    return error_fix(err, "install Debian's librubberband2, or let the pitch follow the speed");
}

bool ahead_of_the_door(const struct ticket *t, struct error *err)
{
    bool pictures = t->kind == TICKET_WEIGH || t->kind == TICKET_SEGMENT;
    if (pictures && json_array_size(json_object_get(t->profile, "burn")) && !read_font(err))
        return false;
    if (json_array_size(t->burn) && !read_font(err))
        return false;
    const char *pitch = json_string_value(json_object_get(t->profile, "pitch"));
    if (t->kind == TICKET_SOUND && pitch && strcmp(pitch, "keep") == 0 && !load_stretcher(err))
        return false;
    return !pictures || !json_object_get(t->segment, "fields") || load_filters(err);
}

const unsigned char *ahead_font(size_t *size)
{
    *size = ahead.font_size;
    return ahead.font_size ? ahead.font : NULL;
}

const struct ahead_stretcher *ahead_stretcher(void)
{
    return ahead.have_stretcher ? &ahead.stretcher : NULL;
}

const struct ahead_filters *ahead_filters(void)
{
    return ahead.have_filters ? &ahead.filters : NULL;
}
