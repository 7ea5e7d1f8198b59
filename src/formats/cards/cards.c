/*
 * A card is the first kind all of whose "has" patterns fit at one place; that place is its base.
 * Each file below it is matched with the kind's expressions, in their order: which clip it is of
 * (groups `in` and `clip`), which part (`part`). Hits are sorted by clip, indexes say which clips
 * belong together, and parts that are counted must have no gap.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "formats/cards/cards.h"

#include <ctype.h>
#include <fnmatch.h>
#include <jansson.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum role { IS_PICTURE, IS_SOUND, IS_BESIDE, IS_CLIP, IS_INDEX, ROLES };
static const char *const roles[ROLES] = {"picture", "sound", "beside", "clip", "index"};
static const char *const readers[] = {"p2", "sony", "avchd", "ale"};
enum { HAS_MOST = 8, RULES_MOST = 32, SAID_MOST = 50, GROUPS_MOST = 32, MATCH_STEPS = 100000 };

struct rule {
    pcre2_code *code;
    enum role role;
    int64_t part;         // -1: by its group, if any
    const char *reads;    // of an index
    int clip, in, number; // of groups; 0: none
};
struct card_kind {
    json_t *json; // owns the texts
    const char *name, *title;
    int64_t order;
    const char *has[HAS_MOST];
    size_t has_count;
    struct rule rules[RULES_MOST];
    size_t rule_count;
    int64_t parts_from; // -1: from whatever is first; -2: they are not counted
};

// ---- kinds

static bool wrong(struct error *err, const char *name, const char *what)
{
    error_set(err, ERROR_INPUT, "the card %s is not described rightly", name);
    error_why(err, "%s", what);
    return error_fix(err, "docs/formats/cards.md says how");
}

static int group_number(const pcre2_code *code, const char *name)
{
    int n = pcre2_substring_number_from_name(code, (PCRE2_SPTR)name);
    return n > 0 ? n : 0;
}

static bool read_rule(const char *name, const json_t *row, struct rule *r, struct error *err)
{
    const char *match = json_string_value(json_object_get(row, "match"));
    const char *is = json_string_value(json_object_get(row, "is"));
    const char *reads = json_string_value(json_object_get(row, "reads"));
    const json_t *part = json_object_get(row, "part");
    int bad;
    PCRE2_SIZE at;
    if (!match || !is)
        return wrong(err, name, "a row of \"files\" needs \"match\" and \"is\"");
    r->role = ROLES;
    for (int i = 0; i < ROLES; i++)
        if (strcmp(roles[i], is) == 0)
            r->role = (enum role)i;
    if (r->role == ROLES)
        return wrong(err, name, "\"is\" is picture, sound, beside, clip or index");
    r->part = json_is_integer(part) ? json_integer_value(part) : -1;
    for (size_t i = 0; reads && i < sizeof(readers) / sizeof(readers[0]); i++)
        if (strcmp(reads, readers[i]) == 0)
            r->reads = readers[i];
    if ((r->role == IS_INDEX) != (r->reads != NULL))
        return wrong(err, name, "an index, and nothing else, reads p2, sony, avchd or ale");
    r->code =
        pcre2_compile((PCRE2_SPTR)match, PCRE2_ZERO_TERMINATED, PCRE2_CASELESS, &bad, &at, NULL);
    if (!r->code)
        return wrong(err, name, "an expression is none of PCRE2");
    uint32_t groups = 0;
    pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (groups >= GROUPS_MOST)
        return wrong(err, name, "an expression has too many groups");
    r->clip = group_number(r->code, "clip");
    r->in = group_number(r->code, "in");
    r->number = group_number(r->code, "part");
    return r->role == IS_INDEX || r->clip || wrong(err, name, "an expression names no clip");
}

static bool read_kind(struct card_kind *k, const char *name, struct error *err)
{
    const json_t *one, *has = json_object_get(k->json, "has"),
                       *files = json_object_get(k->json, "files"),
                       *from = json_object_get(k->json, "parts_from");
    size_t i;
    k->name = json_string_value(json_object_get(k->json, "name"));
    k->title = json_string_value(json_object_get(k->json, "title"));
    k->order = json_integer_value(json_object_get(k->json, "order"));
    k->parts_from = json_is_integer(from) ? json_integer_value(from) : from ? -1 : -2;
    if (!k->name || !k->title || !json_array_size(has) || json_array_size(has) > HAS_MOST ||
        !json_array_size(files) || json_array_size(files) > RULES_MOST || k->parts_from < -2)
        return wrong(err, name, "it needs \"name\", \"title\", \"has\" and \"files\"");
    json_array_foreach(has, i, one)
    {
        if (!json_is_string(one))
            return wrong(err, name, "\"has\" are patterns of paths");
        k->has[k->has_count++] = json_string_value(one);
    }
    json_array_foreach(files, i, one)
    {
        k->rule_count++;
        if (!read_rule(name, one, &k->rules[i], err))
            return false;
    }
    return true;
}

bool card_kind_read(const char *name, text json, struct card_kind **kind, struct error *err)
{
    struct card_kind *k = calloc(1, sizeof(*k));
    if (!k)
        abort();
    *kind = NULL;
    k->json = json_loadb(json.at ? json.at : "", json.size, JSON_REJECT_DUPLICATES, NULL);
    if (k->json ? read_kind(k, name, err) : wrong(err, name, "it is no JSON")) {
        *kind = k;
        return true;
    }
    card_kind_close(k);
    return false;
}

void card_kind_close(struct card_kind *k)
{
    for (size_t i = 0; k && i < k->rule_count; i++)
        pcre2_code_free(k->rules[i].code);
    if (k)
        json_decref(k->json);
    free(k);
}

// ---- the card

struct hit {
    const char *key, *name; // key: upper case
    size_t file;
    int64_t part;
    enum role role;
};
struct missed {
    const char *key, *line; // key: of the clip that it is about, as that of a hit
};
struct recognising {
    const struct card_wish *wish;
    const struct card_kind *kind;
    struct arena *a;
    struct card *card;
    const char **sorted; // paths below the folder, without case
    size_t sorted_count;
    struct hit *hits;
    size_t hit_count, room;
    struct card_listed *listed; // with names as keys
    size_t listed_count, listed_room;
    struct missed *missed; // all, also those that are not said
    size_t missed_count, missed_room;
    size_t shot_room;
};

static void say(struct card_lines *l, struct arena *a, const char *line)
{
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 16;
        const char **more = ARENA_ARRAY(a, const char *, room);
        if (l->count)
            memcpy(more, l->at, l->count * sizeof(*more));
        l->at = more, l->room = room;
    }
    l->at[l->count++] = line;
}

static void *more(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    *room = *room ? *room * 2 : 64;
    list = realloc(list, *room * size);
    if (!list)
        abort();
    return list;
}

static char *upper(struct arena *a, const char *name)
{
    char *key = arena_text(a, name);
    for (char *c = key; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return key;
}

static void miss(struct recognising *r, const char *key, const char *line)
{
    r->missed = more(r->missed, r->missed_count, &r->missed_room, sizeof(*r->missed));
    r->missed[r->missed_count++] = (struct missed){key, line};
    if (r->missed_count <= SAID_MOST)
        say(&r->card->missing, r->a, line);
}

static int without_case(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_there(const struct recognising *r, const char *path)
{
    return r->sorted_count &&
           bsearch(&path, r->sorted, r->sorted_count, sizeof(*r->sorted), without_case);
}

static size_t slashes(const char *path)
{
    size_t n = 0;
    for (; *path; path++)
        n += *path == '/';
    return n;
}

// The part of a path that has as many '/' as the pattern; NULL: it has fewer.
static const char *tail(const char *path, size_t wanted)
{
    size_t have = slashes(path);
    if (have < wanted)
        return NULL;
    for (; have > wanted; have--)
        path = strchr(path, '/') + 1;
    return path;
}

static bool fits_at(const struct card_wish *w, const char *pattern, const char *base, size_t size)
{
    for (size_t i = 0; i < w->file_count; i++)
        if (strncmp(w->files[i].path, base, size) == 0 &&
            fnmatch(pattern, w->files[i].path + size, FNM_PATHNAME | FNM_CASEFOLD) == 0)
            return true;
    return false;
}

static bool fits(const struct card_wish *w, const struct card_kind *k, struct arena *a,
                 const char **base)
{
    size_t depth = slashes(k->has[0]);
    for (size_t i = 0; i < w->file_count; i++) {
        const char *path = w->files[i].path, *end = tail(path, depth);
        if (!end || fnmatch(k->has[0], end, FNM_PATHNAME | FNM_CASEFOLD) != 0)
            continue;
        bool all = true;
        for (size_t h = 1; h < k->has_count && all; h++)
            all = fits_at(w, k->has[h], path, (size_t)(end - path));
        if (all) {
            *base = arena_copy(a, path, (size_t)(end - path));
            return true;
        }
    }
    return false;
}

// ---- which clip a file is of

static const char *group(struct arena *a, const char *path, const PCRE2_SIZE *ends, int number,
                         bool upper)
{
    if (!number || ends[2 * number] == PCRE2_UNSET)
        return NULL;
    char *to = arena_copy(a, path + ends[2 * number], ends[2 * number + 1] - ends[2 * number]);
    for (char *c = to; upper && *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return to;
}

static void add_hit(struct recognising *r, const struct hit *hit)
{
    r->hits = more(r->hits, r->hit_count, &r->room, sizeof(*r->hits));
    r->hits[r->hit_count++] = *hit;
}

static void listed_add(struct recognising *r, const struct card_listed *row)
{
    r->listed = more(r->listed, r->listed_count, &r->listed_room, sizeof(*r->listed));
    r->listed[r->listed_count] = *row;
    r->listed[r->listed_count++].name = upper(r->a, row->name);
}

static bool listed_there(const struct recognising *r, const char *folder, const char *file)
{
    const char *path = arena_format(r->a, "%s%s", folder, file);
    size_t size = strlen(path);
    if (is_there(r, path))
        return true;
    return size > 4 && strcasecmp(path + size - 4, ".MTS") == 0 && // both endings are in use
           is_there(r, arena_format(r->a, "%.*s.M2TS", (int)size - 4, path));
}

static void add_shot(struct recognising *r, const struct card_index *x)
{
    struct card *card = r->card;
    if (!x->shot.shot)
        return;
    if (card->shot_count == r->shot_room) {
        r->shot_room = r->shot_room ? r->shot_room * 2 : 16;
        struct card_shot *list = ARENA_ARRAY(r->a, struct card_shot, r->shot_room);
        if (card->shot_count)
            memcpy(list, card->shots, card->shot_count * sizeof(*list));
        card->shots = list;
    }
    struct card_shot *s = &card->shots[card->shot_count++];
    *s = x->shot;
    for (size_t i = 0; i < x->count; i++) {
        const char *path = arena_format(r->a, "%s%s", card->base, x->rows[i].file);
        const char *const *is =
            strstr(x->rows[i].file, "/VIDEO/") && r->sorted_count
                ? bsearch(&path, r->sorted, r->sorted_count, sizeof(*r->sorted), without_case)
                : NULL;
        s->picture = is ? *is : s->picture;
    }
}

static void read_index(struct recognising *r, const struct rule *rule, const char *path)
{
    struct buf bytes = BUF_LIMIT(CARD_INDEX_BYTES);
    struct card_index x;
    struct error err;
    const char *folder = r->card->base, *slash = strrchr(path, '/');
    if (strcmp(rule->reads, "sony") == 0)
        folder = slash ? arena_copy(r->a, path, (size_t)(slash - path) + 1) : "";
    error_set(&err, ERROR_IO, "it cannot be read");
    if (r->wish->read(r->wish->context, path, &bytes) &&
        card_index_read(rule->reads, (text){bytes.at, bytes.size}, r->a, &x, &err)) {
        r->card->indexed = true;
        for (size_t i = 0; i < x.count; i++) {
            listed_add(r, &x.rows[i]);
            if (x.rows[i].file && !listed_there(r, folder, x.rows[i].file))
                miss(r, upper(r->a, x.rows[i].name),
                     arena_format(r->a, "%s%s of clip %s, which %s lists", folder, x.rows[i].file,
                                  x.rows[i].name, path));
        }
        add_shot(r, &x);
    } else {
        say(&r->card->notes, r->a,
            arena_format(r->a, "the index %s cannot be used: %s", path,
                         *err.why ? err.why : err.what));
    }
    buf_free(&bytes);
}

static void match_file(struct recognising *r, size_t file, pcre2_match_data *found,
                       pcre2_match_context *limits)
{
    const char *path = r->wish->files[file].path;
    size_t base = strlen(r->card->base);
    if (strncmp(path, r->card->base, base) != 0)
        return;
    for (size_t i = 0; i < r->kind->rule_count; i++) {
        const struct rule *rule = &r->kind->rules[i];
        if ((rule->role == IS_CLIP) != r->wish->files[file].folder ||
            pcre2_match(rule->code, (PCRE2_SPTR)(path + base), PCRE2_ZERO_TERMINATED, 0, 0, found,
                        limits) < 0)
            continue;
        if (rule->role == IS_INDEX) {
            read_index(r, rule, path);
            continue; // it may be of a clip, too
        }
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(found);
        const char *in = group(r->a, path + base, ends, rule->in, true);
        const char *clip = group(r->a, path + base, ends, rule->clip, true);
        const char *part = group(r->a, path + base, ends, rule->number, false);
        if (!clip)
            continue;
        struct hit hit = {.name = group(r->a, path + base, ends, rule->clip, false),
                          .key = in ? arena_format(r->a, "%s/%s", in, clip) : clip,
                          .file = file,
                          .role = rule->role,
                          .part = rule->part};
        if (part && !text_int(text_of(part), &hit.part))
            hit.part = -1;
        add_hit(r, &hit);
        return;
    }
}

// ---- clips

static int by_name(const void *a, const void *b)
{
    const struct card_listed *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int by_shot(const void *a, const void *b)
{
    const struct card_listed *x = a, *y = b;
    int way = strcmp(x->shot, y->shot);
    way = way ? way : (x->offset > y->offset) - (x->offset < y->offset);
    return way ? way : strcmp(x->name, y->name);
}

static int by_clip(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;
    int way = strcmp(x->key, y->key);
    return way ? way : x->file < y->file ? -1 : x->file > y->file;
}

static int by_part(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int by_first(const void *a, const void *b)
{
    const struct card_clip *x = a, *y = b;
    return x->files[0] < y->files[0] ? -1 : x->files[0] > y->files[0];
}

// Logs cut names short: one that begins so is meant. Hits are in the order of their keys.
static bool has_clip(const struct recognising *r, const char *name)
{
    size_t low = 0, high = r->hit_count, size = strlen(name);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(r->hits[middle].key, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->hit_count && strncmp(r->hits[low].key, name, size) == 0;
}

static int by_place(const void *a, const void *b)
{
    const struct card_shot *x = a, *y = b;
    int way = strcmp(x->shot, y->shot);
    return way ? way : (x->offset > y->offset) - (x->offset < y->offset);
}

// Whether two clips of this shot that lie beside each other here have another between them.
static bool gap_in(const struct recognising *r, const char *shot)
{
    const struct card_shot *s = r->card->shots;
    for (size_t i = 0; i + 1 < r->card->shot_count; i++)
        if (strcmp(s[i].shot, shot) == 0 && strcmp(s[i + 1].shot, shot) == 0 &&
            card_shot_gap(&s[i], &s[i + 1]))
            return true;
    return false;
}

// Clips of one shot are one clip, called as the first of them.
static void join_shots(struct recognising *r)
{
    struct card_listed *shots = ARENA_ARRAY(r->a, struct card_listed, r->listed_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < r->listed_count; i++)
        if (r->listed[i].shot)
            shots[count++] = r->listed[i];
    qsort(shots, count, sizeof(*shots), by_shot);
    for (size_t i = 0, end; i < count; i = end) {
        const char *first = shots[i].name;
        int64_t members = 0, before = 0, after = 0;
        for (end = i; end < count && strcmp(shots[end].shot, shots[i].shot) == 0; end++) {
            if (end > i && strcmp(shots[end].name, shots[end - 1].name) == 0)
                continue;
            members++;
            before += shots[end].before_it, after += shots[end].after_it;
        }
        if (before + after &&
            (before != members - 1 || after != members - 1 || gap_in(r, shots[i].shot)))
            say(&r->card->notes, r->a,
                arena_format(r->a, "clip %s goes on on another card", first));
        for (size_t k = i; k < end; k++)
            shots[k].shot = first; // no longer compared
    }
    qsort(shots, count, sizeof(*shots), by_name);
    for (size_t i = 0; i < r->hit_count && count; i++) {
        struct card_listed key = {.name = r->hits[i].key},
                           *of = bsearch(&key, shots, count, sizeof(*shots), by_name);
        if (of && strcmp(of->shot, r->hits[i].key) != 0)
            r->hits[i].key = r->hits[i].name = of->shot;
    }
    for (size_t i = 0; i < r->missed_count && count; i++) {
        struct card_listed key = {.name = r->missed[i].key},
                           *of = bsearch(&key, shots, count, sizeof(*shots), by_name);
        r->missed[i].key = of ? of->shot : r->missed[i].key;
    }
}

// An index calls a clip by its name, or by the name of one of its parts (XDCAM EX).
static bool is_of(const char *name, const char *key)
{
    size_t size = strlen(key);
    return strncmp(name, key, size) == 0 && (!name[size] || name[size] == '_');
}

static bool is_listed(const struct recognising *r, const char *key)
{
    size_t low = 0, high = r->listed_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(r->listed[middle].name, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < r->listed_count && strncmp(r->listed[low].name, key, strlen(key)) == 0; low++)
        if (is_of(r->listed[low].name, key))
            return true;
    return false;
}

// Clips that the index has forgotten: it lies, and what else it says is worth less.
static void note_unlisted(struct recognising *r)
{
    size_t unlisted = 0;
    const char *first = NULL;
    if (r->listed_count)
        qsort(r->listed, r->listed_count, sizeof(*r->listed), by_name);
    for (size_t i = 0; i < r->hit_count; i++) {
        if (r->hits[i].role > IS_SOUND || !r->listed_count || !r->listed[0].file ||
            (i && strcmp(r->hits[i].key, r->hits[i - 1].key) == 0) || is_listed(r, r->hits[i].key))
            continue;
        first = first ? first : r->hits[i].name;
        unlisted++;
    }
    if (unlisted)
        say(&r->card->notes, r->a,
            arena_format(r->a,
                         unlisted > 1 ? "clip %s and %zu more are not in the card's index"
                                      : "clip %s is not in the card's index",
                         first, unlisted - 1));
}

static void look_for_gaps(struct recognising *r, const struct card_clip *clip, const char *key,
                          int64_t *parts, size_t count)
{
    qsort(parts, count, sizeof(*parts), by_part);
    int64_t next = r->kind->parts_from >= 0 ? r->kind->parts_from : parts[0];
    for (size_t i = 0; i < count; i++) {
        if (parts[i] == next + 1)
            miss(r, key, arena_format(r->a, "part %lld of clip %s", (long long)next, clip->name));
        else if (parts[i] > next)
            miss(r, key,
                 arena_format(r->a, "parts %lld to %lld of clip %s", (long long)next,
                              (long long)parts[i] - 1, clip->name));
        next = parts[i] + 1;
    }
}

static void make_clip(struct recognising *r, const struct hit *hits, size_t count)
{
    struct card_clip *clip = &r->card->clips[r->card->clip_count];
    *clip = (struct card_clip){.name = hits[0].name, .key = hits[0].key};
    clip->files = ARENA_ARRAY(r->a, size_t, count);
    int64_t *parts = ARENA_ARRAY(r->a, int64_t, count), pictures = 0;
    size_t counted = 0, media = 0;
    for (size_t i = 0; i < count; i++) {
        const struct card_file *f = &r->wish->files[hits[i].file];
        pictures += hits[i].role == IS_PICTURE;
        if (hits[i].role == IS_PICTURE && !clip->picture)
            clip->picture = f->path;
        if (hits[i].role > IS_SOUND) {
            if (hits[i].role == IS_BESIDE)
                clip->files[clip->file_count++] = hits[i].file, clip->bytes += f->size;
            continue;
        }
        media++;
        clip->files[clip->file_count++] = hits[i].file, clip->bytes += f->size;
        if (hits[i].part >= 0)
            parts[counted++] = hits[i].part;
        if (!f->size)
            say(&r->card->notes, r->a, arena_format(r->a, "%s is empty", f->path));
    }
    if (!media) {
        if (hits[0].role == IS_CLIP || !r->card->indexed)
            miss(r, hits[0].key, arena_format(r->a, "picture or sound of clip %s", clip->name));
        return;
    }
    if (counted && r->kind->parts_from > -2)
        look_for_gaps(r, clip, hits[0].key, parts, counted);
    size_t different = counted > 0;
    for (size_t i = 1; i < counted; i++)
        different += parts[i] != parts[i - 1];
    clip->parts = counted ? (int64_t)different : pictures > 1 ? pictures : 1;
    r->card->clip_count++;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct missed *)a)->key, ((const struct missed *)b)->key);
}

// What is missing of a clip stands with it, too.
static void give_missing(struct recognising *r)
{
    if (r->missed_count)
        qsort(r->missed, r->missed_count, sizeof(*r->missed), by_key);
    for (size_t i = 0; i < r->card->clip_count; i++) {
        struct card_clip *clip = &r->card->clips[i];
        struct card_lines *lines = ARENA_NEW(r->a, struct card_lines);
        size_t low = 0, high = r->missed_count;
        clip->missing = lines;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (strcmp(r->missed[middle].key, clip->key) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        for (; low < r->missed_count && lines->count < SAID_MOST &&
               strncmp(r->missed[low].key, clip->key, strlen(clip->key)) == 0;
             low++)
            if (is_of(r->missed[low].key, clip->key))
                say(lines, r->a, r->missed[low].line);
    }
}

static void make_clips(struct recognising *r)
{
    if (r->hit_count)
        qsort(r->hits, r->hit_count, sizeof(*r->hits), by_clip);
    for (size_t i = 0; i < r->listed_count; i++)
        if (!r->listed[i].file && !has_clip(r, r->listed[i].name))
            miss(r, r->listed[i].name,
                 arena_format(r->a, "clip %s, which the log lists", r->listed[i].name));
    note_unlisted(r);
    if (r->card->shot_count)
        qsort(r->card->shots, r->card->shot_count, sizeof(*r->card->shots), by_place);
    join_shots(r);
    if (r->hit_count)
        qsort(r->hits, r->hit_count, sizeof(*r->hits), by_clip);
    r->card->clips = ARENA_ARRAY(r->a, struct card_clip, r->hit_count + 1);
    for (size_t i = 0, end; i < r->hit_count; i = end) {
        for (end = i; end < r->hit_count && strcmp(r->hits[end].key, r->hits[i].key) == 0;)
            end++;
        make_clip(r, &r->hits[i], end - i);
    }
    if (r->card->clip_count)
        qsort(r->card->clips, r->card->clip_count, sizeof(*r->card->clips), by_first);
    if (r->missed_count > SAID_MOST)
        say(&r->card->missing, r->a,
            arena_format(r->a, "and %zu more", r->missed_count - SAID_MOST));
    give_missing(r);
}

bool card_shot_gap(const struct card_shot *one, const struct card_shot *next)
{
    if (one->after_id && *one->after_id && *next->id)
        return strcmp(one->after_id, next->id) != 0;
    return one->frames && one->offset + one->frames < next->offset;
}

void card_recognise(const struct card_wish *wish, struct arena *a, struct card *card)
{
    struct recognising r = {.wish = wish, .a = a, .card = card};
    *card = (struct card){.base = ""};
    for (size_t i = 0; i < wish->kind_count; i++) {
        const char *base;
        if ((!r.kind || wish->kinds[i]->order < r.kind->order) &&
            fits(wish, wish->kinds[i], a, &base))
            r.kind = wish->kinds[i], card->base = base;
    }
    if (!r.kind)
        return;
    card->kind = arena_text(a, r.kind->name), card->title = arena_text(a, r.kind->title);
    r.sorted = ARENA_ARRAY(a, const char *, wish->file_count + 1);
    for (size_t i = 0; i < wish->file_count; i++)
        if (!wish->files[i].folder)
            r.sorted[r.sorted_count++] = wish->files[i].path;
    qsort(r.sorted, r.sorted_count, sizeof(*r.sorted), without_case);
    pcre2_match_data *found = pcre2_match_data_create(GROUPS_MOST, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    if (!found || !limits)
        abort();
    pcre2_set_match_limit(limits, MATCH_STEPS);
    for (size_t i = 0; i < wish->file_count; i++)
        match_file(&r, i, found, limits);
    make_clips(&r);
    pcre2_match_data_free(found);
    pcre2_match_context_free(limits);
    free(r.hits);
    free(r.listed);
    free(r.missed);
}
