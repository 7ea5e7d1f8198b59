#include "house/assets/originals.h"
#include "formats/camera/camera.h"
#include "house/assets/inside.h"
#include "plat/clock.h"
#include "time/timecode.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { CLAIMS_MOST = 50, LONGER_MOST = 1 }; // frames that lengths may differ by

struct clip {
    char asset[27], project[27], name[300];
    char key[96], reel[96], timecode[24], rate[32];
    bool original;
    int64_t frames;
};

// ---- what may be done with it

static json_t *camera_of(const json_t *facts)
{
    return json_object_get(facts, "camera");
}

bool original_without_picture(const char *facts)
{
    json_t *read = facts ? json_loads(facts, 0, NULL) : NULL;
    bool without = json_is_false(json_object_get(camera_of(read), "picture"));
    json_decref(read);
    return without;
}

bool original_usable(const char *facts, const char *name, struct error *err)
{
    json_t *read = facts ? json_loads(facts, 0, NULL) : NULL;
    const json_t *camera = camera_of(read);
    const char *sdk = json_string_value(json_object_get(camera, "sdk"));
    const char *format = json_string_value(json_object_get(camera, "format"));
    bool without = json_is_false(json_object_get(camera, "picture"));
    if (without) {
        error_set(err, ERROR_UNSUPPORTED, "%s has no picture here", name);
        error_why(err, "it is %s, which only %s decodes", format ? format : "a camera original",
                  sdk ? sdk : "its maker's software");
        error_fix(err, "order it of the transcode that is attached to it, or attach one");
    }
    json_decref(read);
    return !without;
}

// ---- what is known of a clip

static void upper(char *to, size_t room, const char *from)
{
    size_t n = 0;
    for (; from && from[n] && n + 1 < room; n++)
        to[n] = (char)toupper((unsigned char)from[n]);
    to[n] = 0;
}

static void copy(char *to, size_t room, const json_t *value)
{
    if (!text_copy(text_of(json_string_value(value)), to, room))
        *to = 0;
}

// False: it is no film with a name that leads anywhere.
static bool clip_of(const json_t *facts, const char *file, struct clip *c)
{
    const json_t *camera = camera_of(facts);
    const char *kind = json_string_value(json_object_get(facts, "kind"));
    c->original = json_is_false(json_object_get(camera, "picture"));
    camera_key(file, c->key);
    const char *clip = json_string_value(json_object_get(camera, "clip"));
    if (c->original && clip && strlen(clip) < sizeof(c->key))
        upper(c->key, sizeof(c->key), clip);
    upper(c->reel, sizeof(c->reel), json_string_value(json_object_get(camera, "reel")));
    copy(c->timecode, sizeof(c->timecode),
         json_object_get(json_object_get(facts, "timecode"), "start"));
    for (char *ch = c->timecode; *ch; ch++)
        *ch = *ch == ';' ? ':' : *ch;
    const char *from = json_string_value(json_object_get(facts, "rate_from"));
    if (from && strcmp(from, "none") != 0 && strcmp(from, "project") != 0)
        copy(c->rate, sizeof(c->rate), json_object_get(facts, "rate"));
    c->frames = json_integer_value(json_object_get(facts, "duration_frames"));
    return kind && (strcmp(kind, "clip") == 0 || strcmp(kind, "sequence") == 0) && *c->key &&
           json_array_size(json_object_get(facts, "video"));
}

static void read_clip(struct db_rows *rows, struct clip *c)
{
    *c = (struct clip){.original = db_int(rows, 7) != 0, .frames = db_int(rows, 8)};
    struct {
        char *to;
        size_t room;
    } texts[] = {
        {c->asset, sizeof(c->asset)}, {c->project, sizeof(c->project)},
        {c->name, sizeof(c->name)},   {c->key, sizeof(c->key)},
        {c->reel, sizeof(c->reel)},   {c->timecode, sizeof(c->timecode)},
        {c->rate, sizeof(c->rate)},
    };
    for (int i = 0; i < 7; i++)
        text_copy(text_of(db_text(rows, i)), texts[i].to, texts[i].room);
}
#define CLIP                                                                                       \
    "select c.asset, c.project, a.name, c.clip, c.reel, c.timecode, c.rate, c.original, c.frames " \
    "from camera_clips c join assets a on a.id = c.asset and a.deleted = 0 "

static bool clip_get(struct db_tx *tx, const char *asset, struct clip *c, bool *there,
                     struct error *err)
{
    struct db_rows *rows = db_query(tx, CLIP "where c.asset = ?1", "s", asset);
    *there = db_next(rows);
    if (*there)
        read_clip(rows, c);
    return db_end(rows, err);
}

// ---- who goes with whom

static bool named_after(const struct clip *transcode, const struct clip *original)
{
    char key[96];
    memcpy(key, transcode->key, sizeof(key));
    do {
        if (strcmp(key, original->key) == 0)
            return true;
    } while (camera_key_shorter(key));
    return false;
}

// NULL: it is no candidate.
static const char *goes_with(const struct clip *t, const struct clip *o)
{
    bool codes = *t->timecode && *o->timecode;
    bool same_code = codes && strcmp(t->timecode, o->timecode) == 0;
    bool lengths = t->frames && o->frames && *t->rate && strcmp(t->rate, o->rate) == 0;
    int64_t longer = t->frames > o->frames ? t->frames - o->frames : o->frames - t->frames;
    if (t->original || !o->original || strcmp(t->project, o->project) != 0 ||
        (lengths && longer > LONGER_MOST))
        return NULL;
    // A transcode that begins at zero has lost its timecode.
    bool lost = strcmp(t->timecode, "00:00:00:00") == 0;
    if (named_after(t, o) && (!codes || same_code || lost))
        return "name";
    return same_code && *t->reel && strcmp(t->reel, o->reel) == 0 ? "reel and timecode" : NULL;
}

struct claims {
    struct clip at[CLAIMS_MOST];
    const char *how[CLAIMS_MOST];
    size_t count;
};

static bool take(struct db_rows *rows, const struct clip *own, struct claims *list,
                 struct error *err)
{
    struct clip other;
    while (db_next(rows) && list->count < CLAIMS_MOST) {
        read_clip(rows, &other);
        const char *how = own->original ? goes_with(&other, own) : goes_with(own, &other);
        bool again = false;
        for (size_t i = 0; i < list->count; i++)
            again = again || strcmp(list->at[i].asset, other.asset) == 0;
        if (how && !again)
            list->how[list->count] = how, list->at[list->count++] = other;
    }
    return db_end(rows, err);
}

// An original's transcodes, or a transcode's originals.
static bool find(struct db_tx *tx, const struct clip *own, struct claims *list, struct error *err)
{
    char key[96], end[100];
    list->count = 0;
    memcpy(key, own->key, sizeof(key));
    if (own->original) { // all whose names begin with it
        snprintf(end, sizeof(end), "%s\x7f", key);
        if (!take(db_query(tx,
                           CLIP "where c.project = ?1 and c.clip >= ?2 and c.clip < ?3 and "
                                "c.original = 0 order by c.clip, c.asset limit 1000",
                           "sss", own->project, key, end),
                  own, list, err))
            return false;
    } else {
        do {
            if (!take(db_query(tx,
                               CLIP "where c.project = ?1 and c.clip = ?2 and c.original = 1 "
                                    "order by c.asset limit 1000",
                               "ss", own->project, key),
                      own, list, err))
                return false;
        } while (!list->count && camera_key_shorter(key)); // the longest name is meant
    }
    return !*own->timecode || !*own->reel ||
           take(db_query(tx,
                         CLIP "where c.project = ?1 and replace(c.timecode, ';', ':') = ?2 and "
                              "c.reel = ?3 and c.original <> ?4 order by c.asset limit 1000",
                         "sssi", own->project, own->timecode, own->reel, (int64_t)own->original),
                own, list, err);
}

static bool count_of(struct db_tx *tx, const char *sql, const char *one, const char *two,
                     int64_t *count, struct error *err)
{
    return db_one_int(tx, count, 0, err, sql, "ss", one, two);
}

static bool say_original(struct db_tx *tx, const char *asset, struct error *err)
{
    struct where w;
    return asset_where(tx, asset, &w, err) &&
           say_asset(tx, "asset.changed", w.project, asset, w.newest, err);
}

static bool put(struct db_tx *tx, const char *original, const char *transcode, bool attached,
                const char *how, const char *by, struct error *err)
{
    return db_run(tx, err,
                  "insert into original_transcodes (original, transcode, attached, how, made_by, "
                  "at_ms) values (?1, ?2, ?3, ?4, ?5, ?6) on conflict (original, transcode) do "
                  "update set attached = ?3, how = ?4, made_by = ?5, at_ms = ?6",
                  "ssissi", original, transcode, (int64_t)attached, how, by, clock_now_ms()) &&
           say_original(tx, original, err);
}

// One original, one transcode, nobody else claims either, and nobody took them apart.
static bool attach_alone(struct db_tx *tx, const struct clip *own, struct error *err)
{
    struct claims *mine = calloc(2, sizeof(*mine)), *theirs = mine ? mine + 1 : NULL;
    int64_t taken = 0;
    if (!mine)
        return error_set(err, ERROR_INTERNAL, "no memory to look for transcodes");
    bool ok = find(tx, own, mine, err);
    bool one =
        ok && mine->count == 1 && (ok = find(tx, &mine->at[0], theirs, err)) && theirs->count == 1;
    if (one) {
        const struct clip *o = own->original ? own : &mine->at[0];
        const struct clip *t = own->original ? &mine->at[0] : own;
        ok = count_of(tx,
                      "select count(*) from original_transcodes where (original = ?1 and transcode "
                      "= ?2) or ((original = ?1 or transcode = ?2) and attached = 1)",
                      o->asset, t->asset, &taken, err) &&
             (taken || put(tx, o->asset, t->asset, true, mine->how[0], "", err));
    }
    free(mine);
    return ok;
}

// ---- what lies beside it

static bool fill(json_t *to, const char *name, const json_t *value)
{
    if (!value || json_is_null(value))
        return false;
    return json_object_set(to, name, (json_t *)(uintptr_t)value) == 0;
}

static bool fill_timecode(json_t *facts, const json_t *label)
{
    rational rate;
    struct tc_rate counting;
    struct error ignored;
    int64_t frame;
    const char *said = json_string_value(label);
    const char *counted = json_string_value(json_object_get(facts, "rate"));
    bool drop = said && (strchr(said, ';') || strchr(said, ','));
    if (!said || json_is_object(json_object_get(facts, "timecode")) || !counted ||
        !rational_parse(text_of(counted), &rate, &ignored) ||
        !tc_rate_make(rate, drop, &counting, &ignored) ||
        !tc_parse(text_of(said), &counting, &frame, &ignored))
        return false;
    json_object_set_new(
        facts, "timecode",
        json_pack("{s:s, s:I, s:i, s:i, s:b, s:s}", "start", tc_format(frame, &counting).text,
                  "start_frame", (json_int_t)frame, "base", counting.base, "frames_per_label",
                  counting.frames_per_label, "drop", counting.drop, "from", "sidecar"));
    return true;
}

// True: the facts say more now.
static bool take_row(json_t *facts, const json_t *row)
{
    json_t *camera = camera_of(facts), *size = json_array_get(json_object_get(facts, "video"), 0);
    const char *reel_from = json_string_value(json_object_get(camera, "reel_from"));
    const char *rate_from = json_string_value(json_object_get(facts, "rate_from"));
    bool more = false;
    if (!json_object_get(camera, "model"))
        more |= fill(camera, "model", json_object_get(row, "model"));
    if ((!reel_from || strcmp(reel_from, "file name") == 0) &&
        fill(camera, "reel", json_object_get(row, "reel")))
        more = json_object_set_new(camera, "reel_from", json_string("sidecar")) == 0;
    if (rate_from && (!strcmp(rate_from, "none") || !strcmp(rate_from, "project")) &&
        fill(facts, "rate", json_object_get(row, "rate")))
        more = json_object_set_new(facts, "rate_from", json_string("sidecar")) == 0;
    rate_from = json_string_value(json_object_get(facts, "rate_from"));
    if (rate_from && strcmp(rate_from, "none") != 0 && strcmp(rate_from, "project") != 0)
        more |= fill_timecode(facts, json_object_get(row, "timecode"));
    if (!json_integer_value(json_object_get(facts, "duration_frames")))
        more |= fill(facts, "duration_frames", json_object_get(row, "frames"));
    if (size && !json_integer_value(json_object_get(size, "width")) &&
        fill(size, "width", json_object_get(row, "width")) &&
        fill(size, "height", json_object_get(row, "height")))
        more = fill(size, "display_width", json_object_get(row, "width")) &&
               fill(size, "display_height", json_object_get(row, "height"));
    return more;
}

// What is beside it, if anything; the facts that are kept say it then, too.
static bool take_beside(struct db_tx *tx, const char *version, const struct clip *own,
                        json_t *facts, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select said from camera_rows where project = ?1 and clip = ?2", "ss",
                 own->project, own->key);
    json_t *row = db_next(rows) ? json_loads(db_text(rows, 0), 0, NULL) : NULL;
    bool ok = db_end(rows, err);
    if (ok && row && take_row(facts, row)) {
        char *written = json_dumps(facts, JSON_COMPACT);
        ok = db_run(tx, err, "update versions set facts = ?2 where id = ?1", "ss", version,
                    written) &&
             say_original(tx, own->asset, err);
        free(written);
    }
    json_decref(row);
    return ok;
}

bool original_told(struct db_tx *tx, const char *project, const char *clip, const json_t *row,
                   struct error *err)
{
    char versions[20][27];
    size_t count = 0;
    char *written = json_dumps(row, JSON_COMPACT);
    bool ok = db_run(tx, err,
                     "insert into camera_rows (project, clip, said) values (?1, ?2, ?3) on "
                     "conflict (project, clip) do update set said = ?3",
                     "sss", project, clip, written);
    free(written);
    if (!ok)
        return false;
    struct db_rows *rows = db_query(tx,
                                    "select a.newest from camera_clips c join assets a on a.id = "
                                    "c.asset where c.project = ?1 and c.clip = ?2 and c.original "
                                    "= 1 limit 20",
                                    "ss", project, clip);
    while (db_next(rows) && count < 20)
        text_copy(text_of(db_text(rows, 0)), versions[count++], 27);
    ok = db_end(rows, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = original_found(tx, versions[i], err);
    return ok;
}

bool original_found(struct db_tx *tx, const char *version, struct error *err)
{
    struct clip own = {.frames = 0};
    char file[300] = "";
    bool newest = false, film = false, ok = true;
    json_t *facts = NULL;
    struct db_rows *rows = db_query(tx,
                                    "select a.id, a.project, a.name, f.name, v.facts, a.newest = "
                                    "v.id from versions v join assets a on a.id = v.asset join "
                                    "version_files f on f.version = v.id and f.number = 1 where "
                                    "v.id = ?1",
                                    "s", version);
    if (db_next(rows)) {
        facts = db_text(rows, 4) ? json_loads(db_text(rows, 4), 0, NULL) : NULL;
        text_copy(text_of(db_text(rows, 0)), own.asset, sizeof(own.asset));
        text_copy(text_of(db_text(rows, 1)), own.project, sizeof(own.project));
        text_copy(text_of(db_text(rows, 2)), own.name, sizeof(own.name));
        text_copy(text_of(db_text(rows, 3)), file, sizeof(file));
        newest = db_int(rows, 5) != 0;
        film = clip_of(facts, file, &own);
    }
    ok = db_end(rows, err);
    if (ok && newest && film && own.original)
        ok = take_beside(tx, version, &own, facts, err) && clip_of(facts, file, &own);
    json_decref(facts);
    if (!ok || !newest || !film)
        return ok;
    return db_run(tx, err, "delete from camera_clips where asset = ?1", "s", own.asset) &&
           db_run(tx, err,
                  "insert into camera_clips (asset, project, original, clip, reel, timecode, rate, "
                  "frames) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                  "ssissssi", own.asset, own.project, (int64_t)own.original, own.key, own.reel,
                  own.timecode, own.rate, own.frames) &&
           attach_alone(tx, &own, err);
}

// ---- by hand

static json_t *claims_json(const struct claims *list)
{
    json_t *to = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(to, json_pack("{s:s, s:s, s:s}", "asset", list->at[i].asset, "name",
                                            list->at[i].name, "how", list->how[i]));
    return to;
}

bool original_get(struct db_tx *tx, const char *asset, json_t **json, struct error *err)
{
    struct clip own;
    bool there;
    struct claims *list = calloc(2, sizeof(*list));
    if (!list)
        return error_set(err, ERROR_INTERNAL, "no memory to look for transcodes");
    json_t *attached = json_null();
    // Of an original what stands for it; of a transcode what it stands for.
    struct db_rows *rows = db_query(
        tx,
        "select a.id, a.name, x.how from original_transcodes x join assets a on a.id = case when "
        "x.original = ?1 then x.transcode else x.original end and a.deleted = 0 where (x.original "
        "= ?1 or x.transcode = ?1) and x.attached = 1",
        "s", asset);
    if (db_next(rows))
        attached = json_pack("{s:s, s:s, s:s}", "asset", db_text(rows, 0), "name", db_text(rows, 1),
                             "how", db_text(rows, 2));
    bool ok = db_end(rows, err) && clip_get(tx, asset, &own, &there, err) &&
              (!there || find(tx, &own, list, err));
    // Who else says that it is of these: two originals of one name claim one transcode.
    struct claims *others = list + 1;
    if (ok && there && list->count == 1)
        ok = find(tx, &list->at[0], others, err);
    if (ok)
        *json = json_pack("{s:b, s:o, s:o, s:o}", "original", there && own.original, "attached",
                          attached, "candidates", claims_json(list), "claims", claims_json(others));
    else
        json_decref(attached);
    free(list);
    return ok;
}

static bool refuse(struct error *err, const char *what, const char *why, const char *fix)
{
    error_set(err, ERROR_CONFLICT, "%s", what);
    error_why(err, "%s", why);
    return error_fix(err, "%s", fix);
}

bool original_attach(struct db_tx *tx, const char *asset, const char *transcode, const char *by,
                     struct error *err)
{
    struct clip o, t;
    bool is = false, has = false;
    int64_t elsewhere = 0;
    if (!clip_get(tx, asset, &o, &is, err) || !clip_get(tx, transcode, &t, &has, err))
        return false;
    if (!is || !o.original)
        return refuse(err, "nothing can be attached to this",
                      "it is no camera original, or nobody has looked into it yet",
                      "attach the transcode to its original");
    if (!has || t.original || strcmp(o.project, t.project) != 0)
        return refuse(err, "this can not be attached as a transcode",
                      "it has no picture that can be seen here, or is in another project",
                      "choose a clip of this project");
    if (!count_of(tx,
                  "select count(*) from original_transcodes where transcode = ?2 and original <> "
                  "?1 and attached = 1",
                  asset, transcode, &elsewhere, err))
        return false;
    if (elsewhere)
        return refuse(err, "this transcode stands for another original",
                      "a transcode is of one original", "detach it there first");
    return db_run(tx, err, "update original_transcodes set attached = 0 where original = ?1", "s",
                  asset) &&
           put(tx, asset, transcode, true, "by hand", by, err);
}

bool original_detach(struct db_tx *tx, const char *asset, struct error *err)
{
    if (!db_run(tx, err,
                "update original_transcodes set attached = 0, at_ms = ?2 where original = ?1 and "
                "attached = 1",
                "si", asset, clock_now_ms()))
        return false;
    if (!db_changed(tx))
        return error_set(err, ERROR_NOT_FOUND, "no transcode is attached to this");
    return say_original(tx, asset, err);
}
