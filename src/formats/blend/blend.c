/*
 * A .blend: "BLENDER", pointer size ('_' 4, '-' 8), byte order ('v' little, 'V' big), three digits of
 * version; since 5.0 "BLENDER17-01v0500" with larger block headers. Then blocks:
 *
 *     code[4] size old-address struct-number count, and size bytes that are `count` structs
 *
 * up to ENDB. The block DNA1 describes the structs: NAME (fields: "*next", "mat[4][4]"), TYPE, TLEN (sizes
 * of types), STRC (each struct: its type and its fields as pairs of type and name). A field's offset is
 * the sum of those before it; there is no hidden padding.
 *
 * A datablock (IM, LI, SC, ...) is followed by its own data (code DATA) up to the next datablock: so an
 * image's tiles are those that come behind it. We go through the file twice, once for DNA1, once for the
 * few structs in `readers`.
 */
#include "formats/blend/blend.h"
#include "formats/blend/unpack.h"

#include <math.h>
#include <string.h>

enum { DNA_MOST = 16 << 20, BLOCK_MOST = 16 << 20, STRUCTS_MOST = 1 << 16, DEPTH_MOST = 8 };

struct field {
    const char *name; // bare: without stars and brackets
    uint32_t type, offset, size;
    bool pointer;
};
struct shape { // a struct
    uint32_t type;
    struct field *fields;
    uint32_t field_count;
};
struct dna {
    const char **names, **types;
    uint16_t *sizes;
    struct shape *shapes;
    uint32_t name_count, type_count, shape_count;
    uint32_t *shape_of_type; // + 1; 0: it is no struct
};

struct block {
    char code[5];
    int64_t size, count;
    uint64_t address;
    uint32_t shape;
};

struct reading {
    struct arena *a;
    struct unpack *from;
    bool big, large; // byte order; block headers since 5.0
    unsigned pointer;
    struct dna dna;
    struct blend *to;
    struct blend_needs *needs;
    size_t need_room;
    struct blend_scene *scenes;
    size_t scene_room;
    // what DATA blocks belong to
    char datablock[66];
    bool image_open; // the last need is the image whose tiles come now
    uint64_t address; // of the block that is read
    int strip_type;
    uint64_t elements; // of the strip seen last
    const char *strip_folder;
    bool cache_on_disk;
};

const char *blend_kind_name(enum blend_kind kind)
{
    static const char *const names[BLEND_KINDS] = {"image",  "library", "sound",  "font",
                                                   "movie",  "cache",   "volume", "light",
                                                   "script", "simulation"};
    return names[kind];
}

static bool damaged(struct error *err, const char *why)
{
    error_set(err, ERROR_DAMAGED, "the Blender file can not be read");
    error_why(err, "%s", why);
    return error_fix(err, "open it in Blender and save it again");
}

static uint64_t number(const struct reading *r, const uint8_t *at, size_t size)
{
    uint64_t n = 0;
    for (size_t i = 0; i < size; i++)
        n |= (uint64_t)at[i] << 8 * (r->big ? size - 1 - i : i);
    return n;
}

// ---- header and blocks

static bool read_header(struct reading *r, struct error *err)
{
    char h[18] = {0};
    if (!unpack_read(r->from, h, 12, err))
        return false;
    if (memcmp(h, "BLENDER", 7) != 0)
        return damaged(err, "it does not begin as one");
    int64_t version = 0;
    if (h[7] == '1' && h[8] == '7') {
        if (!unpack_read(r->from, h + 12, 5, err))
            return false;
        if (memcmp(h + 7, "17-01v", 6) != 0 || !text_int((text){h + 13, 4}, &version)) {
            error_set(err, ERROR_UNSUPPORTED, "the Blender file is of a form not known here");
            return error_why(err, "its header says %.10s", h + 7);
        }
        r->large = true;
        r->pointer = 8;
    } else if ((h[7] == '_' || h[7] == '-') && (h[8] == 'v' || h[8] == 'V') &&
               text_int((text){h + 9, 3}, &version)) {
        r->pointer = h[7] == '-' ? 8 : 4;
        r->big = h[8] == 'V';
    } else {
        return damaged(err, "its header is not one of Blender's");
    }
    r->to->version = (int)version;
    return true;
}

static bool next_block(struct reading *r, struct block *b, struct error *err)
{
    uint8_t h[32];
    size_t p = r->pointer, size = r->large ? 32 : 16 + p;
    *b = (struct block){0};
    if (!unpack_read(r->from, h, 4, err))
        return false;
    memcpy(b->code, h, 4);
    if (strcmp(b->code, "ENDB") == 0)
        return true;
    if (!unpack_read(r->from, h + 4, (int64_t)size - 4, err))
        return false;
    if (r->large) {
        b->shape = (uint32_t)number(r, h + 4, 4);
        b->address = number(r, h + 8, 8);
        b->size = (int64_t)number(r, h + 16, 8);
        b->count = (int64_t)number(r, h + 24, 8);
    } else {
        b->size = (int64_t)number(r, h + 4, 4);
        b->address = number(r, h + 8, p);
        b->shape = (uint32_t)number(r, h + 8 + p, 4);
        b->count = (int64_t)number(r, h + 12 + p, 4);
    }
    return (b->size >= 0 && b->count >= 0) || damaged(err, "a block has a size below nothing");
}

// ---- DNA1

struct cut { // what is left of it
    const uint8_t *start, *at;
    size_t left;
};

static bool take(struct cut *c, size_t size, const uint8_t **at)
{
    if (size > c->left)
        return false;
    *at = c->at;
    c->at += size;
    c->left -= size;
    return true;
}

static bool take_tag(struct cut *c, const char *tag)
{
    const uint8_t *at;
    size_t over = (size_t)(c->at - c->start) % 4;
    return take(c, over ? 4 - over : 0, &at) && take(c, 4, &at) && memcmp(at, tag, 4) == 0;
}

static bool take_count(struct reading *r, struct cut *c, uint32_t *count)
{
    const uint8_t *at;
    if (!take(c, 4, &at))
        return false;
    *count = (uint32_t)number(r, at, 4);
    return *count <= c->left; // each of them has a byte at least
}

static bool take_texts(struct reading *r, struct cut *c, const char *tag, const char ***texts,
                       uint32_t *count)
{
    if (!take_tag(c, tag) || !take_count(r, c, count))
        return false;
    *texts = ARENA_ARRAY(r->a, const char *, *count);
    for (uint32_t i = 0; i < *count; i++) {
        const uint8_t *at, *end = memchr(c->at, 0, c->left);
        if (!end || !take(c, (size_t)(end - c->at) + 1, &at))
            return false;
        (*texts)[i] = (const char *)at;
    }
    return true;
}

static void field_of(struct reading *r, uint32_t type, const char *name, struct field *f)
{
    f->type = type;
    f->pointer = *name == '*' || *name == '(';
    uint64_t size = f->pointer ? r->pointer : r->dna.sizes[type];
    for (const char *at = strchr(name, '['); at; at = strchr(at + 1, '[')) {
        uint64_t many = 0;
        for (const char *d = at + 1; *d >= '0' && *d <= '9' && many < 1 << 24; d++)
            many = many * 10 + (uint64_t)(*d - '0');
        size = size * many < UINT32_MAX ? size * many : UINT32_MAX;
    }
    f->size = (uint32_t)size;
    const char *bare = name + strspn(name, "*(");
    f->name = arena_copy(r->a, bare, strcspn(bare, "[)"));
}

static bool take_shape(struct reading *r, struct cut *c, uint32_t index)
{
    const uint8_t *at;
    struct shape *s = &r->dna.shapes[index];
    if (!take(c, 4, &at))
        return false;
    s->type = (uint32_t)number(r, at, 2);
    s->field_count = (uint32_t)number(r, at + 2, 2);
    if (s->type >= r->dna.type_count || s->field_count * 4 > c->left)
        return false;
    r->dna.shape_of_type[s->type] = index + 1;
    s->fields = ARENA_ARRAY(r->a, struct field, s->field_count);
    uint64_t offset = 0;
    for (uint32_t i = 0; i < s->field_count; i++) {
        if (!take(c, 4, &at))
            return false;
        uint32_t type = (uint32_t)number(r, at, 2), name = (uint32_t)number(r, at + 2, 2);
        if (type >= r->dna.type_count || name >= r->dna.name_count)
            return false;
        field_of(r, type, r->dna.names[name], &s->fields[i]);
        s->fields[i].offset = (uint32_t)offset;
        offset += s->fields[i].size;
        if (offset > UINT32_MAX)
            return false;
    }
    return true;
}

static bool parse_dna(struct reading *r, const uint8_t *bytes, size_t size)
{
    struct cut c = {bytes, bytes, size};
    struct dna *d = &r->dna;
    if (!take_tag(&c, "SDNA") || !take_texts(r, &c, "NAME", &d->names, &d->name_count) ||
        !take_texts(r, &c, "TYPE", &d->types, &d->type_count) || !take_tag(&c, "TLEN"))
        return false;
    d->sizes = ARENA_ARRAY(r->a, uint16_t, d->type_count + 1);
    d->shape_of_type = ARENA_ARRAY(r->a, uint32_t, d->type_count + 1);
    for (uint32_t i = 0; i < d->type_count; i++) {
        const uint8_t *at;
        if (!take(&c, 2, &at))
            return false;
        d->sizes[i] = (uint16_t)number(r, at, 2);
    }
    if (!take_tag(&c, "STRC") || !take_count(r, &c, &d->shape_count) ||
        d->shape_count > STRUCTS_MOST)
        return false;
    d->shapes = ARENA_ARRAY(r->a, struct shape, d->shape_count);
    for (uint32_t i = 0; i < d->shape_count; i++)
        if (!take_shape(r, &c, i))
            return false;
    return true;
}

static bool find_dna(struct reading *r, struct error *err)
{
    for (;;) {
        struct block b;
        if (!next_block(r, &b, err))
            return false;
        if (strcmp(b.code, "ENDB") == 0)
            return damaged(err, "it does not describe its structs (there is no block DNA1)");
        if (strcmp(b.code, "DNA1") != 0) {
            if (!unpack_read(r->from, NULL, b.size, err))
                return false;
            continue;
        }
        if (b.size > DNA_MOST)
            return damaged(err, "the description of its structs is too long");
        uint8_t *bytes = arena_take(r->a, (size_t)b.size + 1);
        return unpack_read(r->from, bytes, b.size, err) &&
               (parse_dna(r, bytes, (size_t)b.size) ||
                damaged(err, "the description of its structs is damaged"));
    }
}

// ---- values of a struct

struct view {
    const struct reading *r;
    const struct shape *shape;
    const uint8_t *at;
    size_t size;
};

// "r.frs_sec", through structs that are inside. NULL when there is none or it lies outside.
static const struct field *find(const struct view *v, const char *path, size_t *offset)
{
    const struct shape *s = v->shape;
    *offset = 0;
    for (int depth = 0; s && depth < DEPTH_MOST; depth++) {
        size_t size = strcspn(path, ".");
        const struct field *f = NULL;
        for (uint32_t i = 0; i < s->field_count && !f; i++)
            if (strlen(s->fields[i].name) == size && memcmp(s->fields[i].name, path, size) == 0)
                f = &s->fields[i];
        if (!f)
            return NULL;
        *offset += f->offset;
        if (!path[size])
            return *offset <= v->size && f->size <= v->size - *offset ? f : NULL;
        uint32_t index = f->pointer ? 0 : v->r->dna.shape_of_type[f->type];
        s = index ? &v->r->dna.shapes[index - 1] : NULL;
        path += size + 1;
    }
    return NULL;
}

static int64_t get_int(const struct view *v, const char *path)
{
    size_t offset;
    const struct field *f = find(v, path, &offset);
    size_t size = f && f->size <= 8 ? f->size : 0;
    uint64_t n = size ? number(v->r, v->at + offset, size) : 0;
    if (size && size < 8 && n >> (8 * size - 1)) // below nothing
        n |= ~UINT64_C(0) << 8 * size;
    return (int64_t)n;
}

static double get_real(const struct view *v, const char *path)
{
    size_t offset;
    const struct field *f = find(v, path, &offset);
    if (!f || f->size != 4)
        return 0;
    uint32_t bits = (uint32_t)number(v->r, v->at + offset, 4);
    float real;
    memcpy(&real, &bits, 4);
    return isfinite(real) ? (double)real : 0;
}

static bool get_pointer(const struct view *v, const char *path, uint64_t *address)
{
    size_t offset;
    const struct field *f = find(v, path, &offset);
    if (!f || f->size < v->r->pointer)
        return false;
    *address = number(v->r, v->at + offset, v->r->pointer);
    return *address != 0;
}

static bool points(const struct view *v, const char *path)
{
    uint64_t address;
    return get_pointer(v, path, &address);
}

// The first of `paths` (separated by spaces) that is there; "" otherwise.
static const char *get_text(const struct view *v, const char *paths)
{
    for (text rest = text_of(paths), one; rest.size;) {
        one = text_cut(&rest, ' ');
        char path[64];
        size_t offset;
        const struct field *f = text_copy(one, path, sizeof(path)) ? find(v, path, &offset) : NULL;
        if (f && !f->pointer && f->size > 1)
            return arena_copy(v->r->a, (const char *)v->at + offset,
                              strnlen((const char *)v->at + offset, f->size));
    }
    return "";
}

// ---- what the structs say

static void *grown(struct arena *a, void *old, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return old;
    size_t more = *room ? *room * 2 : 32;
    void *made = arena_take_array(a, more, size);
    if (count)
        memcpy(made, old, count * size);
    *room = more;
    return made;
}

static struct blend_needs *needs(struct reading *r, enum blend_kind kind, enum blend_many many,
                                 const char *name, const char *path)
{
    if (!*path || strcmp(path, "<builtin>") == 0 || r->to->need_count == BLEND_NEEDS_MOST)
        return NULL;
    r->needs = grown(r->a, r->needs, r->to->need_count, &r->need_room, sizeof(*r->needs));
    struct blend_needs *n = &r->needs[r->to->need_count++];
    *n = (struct blend_needs){.kind = kind, .many = many, .name = name, .path = path};
    return n;
}

static const char *datablock_name(const struct view *v)
{
    const char *name = get_text(v, "id.name"); // "IMwood.png"
    return strlen(name) > 2 ? name + 2 : name;
}

static bool packed(const struct view *v)
{
    return points(v, "packedfile") || points(v, "packedfiles.first");
}

static void read_image(struct reading *r, const struct view *v)
{
    enum { FILE_ = 1, SEQUENCE = 2, MOVIE = 3, TILED = 6 };
    int64_t source = get_int(v, "source");
    if (packed(v) ||
        (source != FILE_ && source != SEQUENCE && source != MOVIE && source != TILED))
        return;
    r->image_open = needs(r, source == MOVIE ? BLEND_MOVIE : BLEND_IMAGE,
                          source == SEQUENCE ? BLEND_NUMBERS
                          : source == TILED  ? BLEND_TILES
                                             : BLEND_ONE,
                          datablock_name(v), get_text(v, "name filepath")) != NULL;
}

static void read_tile(struct reading *r, const struct view *v)
{
    struct blend_needs *n = r->image_open ? &r->needs[r->to->need_count - 1] : NULL;
    int64_t tile = get_int(v, "tile_number");
    if (!n || n->many != BLEND_TILES || tile < 1001 || tile > 9999)
        return;
    int *tiles = ARENA_ARRAY(r->a, int, n->tile_count + 1);
    if (n->tile_count)
        memcpy(tiles, n->tiles, n->tile_count * sizeof(*tiles));
    tiles[n->tile_count++] = (int)tile;
    n->tiles = tiles;
}

static void read_named(struct reading *r, const struct view *v, enum blend_kind kind, bool many)
{
    if (!packed(v))
        needs(r, kind, many ? BLEND_NUMBERS : BLEND_ONE, datablock_name(v),
              get_text(v, "name filepath filename"));
}

static void read_library(struct reading *r, const struct view *v)
{
    read_named(r, v, BLEND_LIBRARY, false);
}

static void read_sound(struct reading *r, const struct view *v)
{
    read_named(r, v, BLEND_SOUND, false);
}

static void read_font(struct reading *r, const struct view *v)
{
    read_named(r, v, BLEND_FONT, false);
}

static void read_clip(struct reading *r, const struct view *v)
{
    read_named(r, v, BLEND_MOVIE, get_int(v, "source") == 1);
}

static void read_cache(struct reading *r, const struct view *v)
{
    if (!packed(v))
        needs(r, BLEND_CACHE, get_int(v, "is_sequence") ? BLEND_NUMBERS : BLEND_ONE,
              datablock_name(v), get_text(v, "filepath"));
}

static void read_volume(struct reading *r, const struct view *v)
{
    if (!packed(v))
        needs(r, BLEND_VOLUME, get_int(v, "is_sequence") ? BLEND_NUMBERS : BLEND_ONE,
              datablock_name(v), get_text(v, "filepath"));
}

static void read_scene(struct reading *r, const struct view *v)
{
    r->scenes = grown(r->a, r->scenes, r->to->scene_count, &r->scene_room, sizeof(*r->scenes));
    struct blend_scene *s = &r->scenes[r->to->scene_count++];
    int64_t percent = get_int(v, "r.size"), step = get_int(v, "r.frame_step");
    double base = get_real(v, "r.frs_sec_base");
    *s = (struct blend_scene){.name = datablock_name(v),
                              .first = (int)get_int(v, "r.sfra"),
                              .last = (int)get_int(v, "r.efra"),
                              .step = step > 0 ? (int)step : 1,
                              .width = (int)(get_int(v, "r.xsch") * percent / 100),
                              .height = (int)(get_int(v, "r.ysch") * percent / 100),
                              .output = get_text(v, "r.pic"),
                              .engine = get_text(v, "r.engine"),
                              .has_camera = points(v, "camera")};
    int64_t num = get_int(v, "r.frs_sec") * 1000,
            den = base > 0 && base < 1000 ? llround(base * 1000) : 1000;
    for (int64_t by = 1000; by > 1; by--)
        if (num % by == 0 && den % by == 0) {
            num /= by;
            den /= by;
        }
    s->rate_num = (int)num;
    s->rate_den = (int)den;
}

static void read_mesh_cache(struct reading *r, const struct view *v)
{
    needs(r, BLEND_CACHE, BLEND_ONE, arena_text(r->a, r->datablock), get_text(v, "filepath"));
}

static void read_fluid(struct reading *r, const struct view *v)
{
    needs(r, BLEND_SIMULATION, BLEND_FOLDER, arena_text(r->a, r->datablock),
          get_text(v, "cache_directory"));
}

static void read_ocean(struct reading *r, const struct view *v)
{
    if (get_int(v, "cached"))
        needs(r, BLEND_SIMULATION, BLEND_FOLDER, arena_text(r->a, r->datablock),
              get_text(v, "cachepath"));
}

static void read_point_cache(struct reading *r, const struct view *v)
{
    enum { BAKED = 1 << 0, DISK = 1 << 6, EXTERNAL = 1 << 9 };
    int64_t flags = get_int(v, "flag");
    if (flags & EXTERNAL)
        needs(r, BLEND_SIMULATION, BLEND_FOLDER, arena_text(r->a, r->datablock),
              get_text(v, "path"));
    else if ((flags & (BAKED | DISK)) == (BAKED | DISK))
        r->cache_on_disk = true;
}

static void read_light(struct reading *r, const struct view *v)
{
    if (get_int(v, "mode") == 1)
        needs(r, BLEND_LIGHT, BLEND_ONE, arena_text(r->a, r->datablock), get_text(v, "filepath"));
}

static void read_script(struct reading *r, const struct view *v)
{
    if (get_int(v, "mode") == 1)
        needs(r, BLEND_SCRIPT, BLEND_ONE, arena_text(r->a, r->datablock), get_text(v, "filepath"));
}

// The sequencer: a strip, then what it shows (a folder and the names in it).
static void read_strip(struct reading *r, const struct view *v)
{
    r->strip_type = (int)get_int(v, "type");
}

static void read_strip_data(struct reading *r, const struct view *v)
{
    r->strip_folder = get_text(v, "dir dirpath");
    if (!get_pointer(v, "stripdata", &r->elements))
        r->elements = 0;
}

static void read_strip_elements(struct reading *r, const struct view *v)
{
    enum { IMAGE = 0, SOUND = 4 };
    const char *name = get_text(v, "name filename");
    if (!r->elements || r->address != r->elements || !*name)
        return;
    size_t size = strlen(r->strip_folder);
    bool slash = size && r->strip_folder[size - 1] != '/' && r->strip_folder[size - 1] != '\\';
    needs(r,
          r->strip_type == IMAGE   ? BLEND_IMAGE
          : r->strip_type == SOUND ? BLEND_SOUND
                                   : BLEND_MOVIE,
          BLEND_ONE, "sequencer",
          arena_format(r->a, "%s%s%s", r->strip_folder, slash ? "/" : "", name));
}

static const struct reader {
    const char *type;
    const char *code; // NULL: any
    void (*read)(struct reading *r, const struct view *v);
} readers[] = {
    {"Scene", "SC", read_scene},
    {"Image", "IM", read_image},
    {"ImageTile", NULL, read_tile},
    {"Library", "LI", read_library},
    {"bSound", "SO", read_sound},
    {"VFont", "VF", read_font},
    {"MovieClip", "MC", read_clip},
    {"CacheFile", "CF", read_cache},
    {"Volume", "VO", read_volume},
    {"MeshCacheModifierData", NULL, read_mesh_cache},
    {"FluidDomainSettings", NULL, read_fluid},
    {"OceanModifierData", NULL, read_ocean},
    {"PointCache", NULL, read_point_cache},
    {"NodeShaderTexIES", NULL, read_light},
    {"NodeShaderScript", NULL, read_script},
    {"Sequence", NULL, read_strip},
    {"Strip", NULL, read_strip_data}, // until 4.x; both may be there in later ones
    {"StripData", NULL, read_strip_data},
    {"StripElem", NULL, read_strip_elements},
};
enum { READERS = sizeof(readers) / sizeof(readers[0]) };

static const struct reader *reader_of(const struct reading *r, const struct block *b)
{
    const char *type = r->dna.types[r->dna.shapes[b->shape].type];
    for (size_t i = 0; i < READERS; i++)
        if (strcmp(readers[i].type, type) == 0 &&
            (!readers[i].code || strcmp(readers[i].code, b->code) == 0))
            return &readers[i];
    return NULL;
}

static bool read_block(struct reading *r, const struct block *b, uint8_t *bytes, struct error *err)
{
    bool known = b->shape > 0 && b->shape < r->dna.shape_count;
    bool datablock = b->code[2] == 0 && strcmp(b->code, "ID") != 0;
    const struct reader *reader = known && b->size <= BLOCK_MOST ? reader_of(r, b) : NULL;
    if (datablock) {
        r->image_open = false;
        r->datablock[0] = 0;
    }
    // Of a datablock without a reader only the name is wanted: it is within the first bytes.
    int64_t want = reader ? b->size : datablock && known && b->size >= 256 ? 256 : 0;
    if (!unpack_read(r->from, bytes, want, err) ||
        !unpack_read(r->from, NULL, b->size - want, err))
        return false;
    size_t each = known ? r->dna.sizes[r->dna.shapes[b->shape].type] : 0;
    struct view v = {r, known ? &r->dna.shapes[b->shape] : NULL, bytes, (size_t)want};
    if (datablock && known)
        text_copy(text_of(datablock_name(&v)), r->datablock, sizeof(r->datablock));
    r->address = b->address;
    if (reader && each)
        for (int64_t i = 0; i < b->count && (size_t)want - (size_t)i * each >= each; i++) {
            v.at = bytes + (size_t)i * each;
            v.size = each;
            reader->read(r, &v);
        }
    return true;
}

static bool read_needs(struct reading *r, struct error *err)
{
    uint8_t *bytes = arena_take(r->a, BLOCK_MOST);
    for (;;) {
        struct block b;
        if (!next_block(r, &b, err))
            return false;
        if (strcmp(b.code, "ENDB") == 0)
            return true;
        if (!read_block(r, &b, bytes, err))
            return false;
    }
}

bool blend_read(struct arena *a, const uint8_t *at, size_t size, struct blend *to,
                struct error *err)
{
    struct reading r = {.a = a, .to = to, .strip_folder = ""};
    *to = (struct blend){0};
    bool ok = unpack_open(at, size, &r.from, err) && read_header(&r, err) && find_dna(&r, err);
    unpack_close(r.from);
    r.from = NULL;
    ok = ok && unpack_open(at, size, &r.from, err) && read_header(&r, err) && read_needs(&r, err);
    unpack_close(r.from);
    // "blendcache_" and the file's own name without its ending: the caller knows it.
    if (ok && r.cache_on_disk)
        needs(&r, BLEND_SIMULATION, BLEND_FOLDER, "point caches", "//blendcache_<NAME>");
    to->needs = r.needs;
    to->scenes = r.scenes;
    return ok;
}
