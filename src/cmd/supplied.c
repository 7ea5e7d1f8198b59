#include "cmd/supplied.h"
#include "cmd/record.h"
#include "formats/metadata/sidecar.h"
#include "formats/profile/profile.h"
#include "house/deliver/record.h"

#include <stdio.h>
#include <string.h>

enum { SIDECAR_BYTES = 64 << 20 };

static json_t *row(const char *what, const char *wanted, const char *seen, bool ok, const char *fix)
{
    json_t *to = json_pack("{s:s, s:s, s:s, s:s}", "what", what, "wanted", wanted, "seen", seen,
                           "state", ok ? "ok" : "no");
    if (!ok)
        json_object_set_new(to, "fix", json_string(fix));
    return to;
}

static json_t *of_captions(struct command_call *call, const struct caption_given *g, bool good,
                           const struct error *why)
{
    const char *name = strrchr(g->file, '/');
    const char *seen = good ? arena_format(call->arena, "%zu captions, %s%s%s", g->c->count,
                                           *g->language ? g->language : "no language said",
                                           *g->role ? " " : "", g->role)
                            : arena_format(call->arena, "%s: %s", why->what, why->why);
    return row(arena_format(call->arena, "captions %s", name ? name + 1 : g->file), "of this film",
               seen, good, good || !*why->fix ? "bring the captions of this film" : why->fix);
}

static bool read_captions(struct command_call *call, json_t *facts, struct supplied *s,
                          struct error *err)
{
    json_t *list = json_array();
    if (!film_captions_begin(call, facts, &s->captions, err)) {
        json_decref(list);
        return false;
    }
    for (text rest = text_of(option_text(call, "captions")); rest.size;) {
        struct error why;
        error_clear(&why);
        bool good = film_captions_next(call, &rest, &s->captions, &why);
        const struct caption_given *g = &s->captions.list[s->captions.count - 1];
        json_array_append_new(s->rows, of_captions(call, g, good, &why));
        s->fits = s->fits && good;
        if (good)
            json_array_append_new(
                list, json_pack("{s:s, s:s}", "language", g->language, "role", g->role));
    }
    if (option_text(call, "captions"))
        profile_supply(facts, list);
    json_decref(list);
    return true;
}

bool supplied_read(struct command_call *call, json_t *facts, struct supplied *s, struct error *err)
{
    const char *record = option_text(call, "record");
    *s = (struct supplied){.rows = json_array(), .fits = true, .recorded = record != NULL};
    return read_captions(call, facts, s, err) &&
           (!record || (record_rules(call, &s->rules, err) &&
                        record_told(call, record, NULL, 0, &s->told, err)));
}

// Whether it can be written of the record; nothing is kept of it.
static bool writes(enum sidecar_kind kind, const struct metadata *m, struct error *err)
{
    static const struct sidecar_file film = {.name = "film", .use = "source"};
    struct sidecar_wish wish = {.files = &film, .file_count = 1};
    struct buf out = BUF_LIMIT(SIDECAR_BYTES);
    bool done = sidecar_write(kind, m, &wish, &out, err);
    buf_free(&out);
    return done;
}

static bool sidecars(const struct command_call *call, const struct supplied *s,
                     const json_t *profile, const json_t *facts, const char *name, json_t *rows)
{
    struct metadata *m;
    struct error err;
    enum sidecar_kind kind;
    size_t i;
    const json_t *one;
    bool fits = true,
         read = record_of_master(s->rules, facts, s->told, name, call->arena, &m, &err);
    if (read)
        m = record_for_profile(call->arena, m, profile, facts);
    json_array_foreach(json_object_get(profile, "sidecars"), i, one)
    {
        if (!json_is_string(one) || !sidecar_named(text_of(json_string_value(one)), &kind))
            continue;
        bool ok = read && writes(kind, m, &err);
        json_array_append_new(
            rows, row(arena_format(call->arena, "sidecar %s", sidecar_facts(kind)->title),
                      "can be written", ok ? "all that it needs" : err.why, ok, err.fix));
        fits = fits && ok;
    }
    return fits;
}

bool supplied_rows(const struct command_call *call, const struct supplied *s, const json_t *profile,
                   const json_t *facts, const char *name, json_t *rows)
{
    struct error err;
    bool fits = s->fits;
    json_array_extend(rows, s->rows);
    if (!s->recorded)
        return fits;
    fits = sidecars(call, s, profile, facts, name, rows) && fits;
    if (!json_object_get(profile, "metadata"))
        return fits;
    bool suits = record_suits(s->rules, profile, facts, s->told, name, &err);
    json_array_append_new(rows, row("required metadata", "known, with a home",
                                    suits ? "known, with a home" : err.why, suits, err.fix));
    return fits && suits;
}

void supplied_print(const struct command_call *call, const struct supplied *s)
{
    printf("held against each: the master");
    for (size_t i = 0; i < s->captions.count; i++)
        printf(", captions %s", s->captions.list[i].file);
    if (s->recorded)
        printf(", the record %s (sidecars, required metadata)", option_text(call, "record"));
    static const char *const beside[] = {"dolby-vision", "adm"};
    for (size_t i = 0; i < 2; i++)
        if (option_text(call, beside[i]))
            printf(", %s", option_text(call, beside[i]));
    printf("\n");
    if (!s->captions.count || !s->recorded)
        printf("not told of: %s%s%s\n", s->captions.count ? "" : "captions (--captions)",
               s->captions.count || s->recorded ? "" : ", ",
               s->recorded ? "" : "what is known of it (--record)");
}

void supplied_close(struct supplied *s)
{
    film_captions_close(&s->captions);
    json_decref(s->rows);
    json_decref(s->told);
}
