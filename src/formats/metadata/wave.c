/*
 * WAV: RIFF chunks of a name of four bytes and a 32-bit size, laid on even bytes. RF64 and BW64 are
 * the same with the real sizes of the file and of "data" in "ds64" (EBU Tech 3306).
 *
 * "bext" (EBU Tech 3285) has fixed fields of ASCII; "LIST" of "INFO" texts that end in 0; "iXML" a
 * document; "_PMX" an XMP packet. All but "data" is taken into memory. Of those we change, bext is
 * written where it was; the others go behind the sound, so that it keeps its place. Chunks that we
 * do not know are kept, and so is "axml".
 */
#include "formats/metadata/metadata.h"
#include "formats/metadata/places.h"

#include <stdlib.h>
#include <string.h>

#define CHUNKS_MOST 10000
#define CHUNK_MOST (4 << 20) // of those we read
#define BODIES_MOST 100
#define VALUE_MOST 16384
#define PAIRS_MOST 2000
#define BEXT_BYTES 602 // without the coding history

struct chunk {
    char name[5];
    int64_t at, size; // of the head; of the body, without the byte that makes it even
};

struct wave {
    const struct place_file *f;
    struct arena *a;
    struct chunk *chunks;
    size_t count;
    bool wide;       // RF64 or BW64
    size_t bodies;   // chunks that were read
    bool cut;        // the last chunk says that it is longer
    int64_t ds64_at; // of its body
};

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t le64(const uint8_t *p)
{
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

static void put_le32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static void put_le64(uint8_t *p, uint64_t v)
{
    put_le32(p, (uint32_t)v);
    put_le32(p + 4, (uint32_t)(v >> 32));
}

bool wave_is(const uint8_t *head, size_t size)
{
    return size >= 12 && memcmp(head + 8, "WAVE", 4) == 0 &&
           (!memcmp(head, "RIFF", 4) || !memcmp(head, "RF64", 4) || !memcmp(head, "BW64", 4));
}

static bool exact(const struct wave *w, int64_t at, void *to, size_t size, bool *there,
                  struct error *err)
{
    size_t got = 0;
    if (!w->f->read(w->f->context, at, to, size, &got, err))
        return false;
    *there = got == size;
    return true;
}

static bool list_chunks(struct wave *w, struct error *err)
{
    size_t room = 64;
    uint64_t data_size = 0;
    uint8_t head[12];
    bool there;
    w->chunks = ARENA_ARRAY(w->a, struct chunk, room);
    if (!exact(w, 0, head, 12, &there, err))
        return false;
    if (!there || !wave_is(head, 12))
        return true;
    w->wide = memcmp(head, "RIFF", 4) != 0;
    for (int64_t at = 12; at + 8 <= w->f->size && w->count < CHUNKS_MOST;) {
        if (!exact(w, at, head, 8, &there, err))
            return false;
        struct chunk c = {.at = at, .size = le32(head + 4)};
        memcpy(c.name, head, 4);
        if (w->wide && !strcmp(c.name, "ds64") && c.size >= 24) {
            uint8_t sizes[24];
            if (!exact(w, at + 8, sizes, 24, &there, err))
                return false;
            data_size = le64(sizes + 8), w->ds64_at = at + 8;
        }
        if (!strcmp(c.name, "data") && w->wide && c.size == UINT32_MAX)
            c.size = data_size < INT64_MAX ? (int64_t)data_size : INT64_MAX;
        if (!there || c.size > w->f->size - at - 8)
            w->cut = true, c.size = w->f->size - at - 8; // what is there
        if (w->count == room) {
            struct chunk *more = ARENA_ARRAY(w->a, struct chunk, room * 2);
            memcpy(more, w->chunks, room * sizeof(*more));
            w->chunks = more, room *= 2;
        }
        w->chunks[w->count++] = c;
        at += 8 + c.size + (c.size & 1);
    }
    return true;
}

static const struct chunk *chunk(const struct wave *w, const char *name)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->chunks[i].name, name) == 0)
            return &w->chunks[i];
    return NULL;
}

// Its body, ended by 0; NULL: none, or too large to be what we know.
static bool body(struct wave *w, const struct chunk *c, uint8_t **to, struct error *err)
{
    bool there;
    *to = NULL;
    if (!c || c->size > CHUNK_MOST || w->bodies++ > BODIES_MOST)
        return true;
    uint8_t *at = arena_take(w->a, (size_t)c->size + 1);
    if (!exact(w, c->at + 8, at, (size_t)c->size, &there, err))
        return false;
    *to = there ? at : NULL;
    return true;
}

// ---- bext

static const struct bext_field {
    const char *name;
    size_t at, size;
} bext_fields[] = {{"bext/Description", 0, 256},
                   {"bext/Originator", 256, 32},
                   {"bext/OriginatorReference", 288, 32},
                   {"bext/OriginationDate", 320, 10},
                   {"bext/OriginationTime", 330, 8}};
enum { BEXT_FIELDS = sizeof(bext_fields) / sizeof(bext_fields[0]), UMID_AT = 348, UMID_SIZE = 64 };

static void add(json_t *pairs, const char *at, const char *value, size_t size)
{
    text t = {value, strnlen(value, size)};
    char *utf8 = NULL;
    t = text_trim(t);
    if (t.size && t.size < VALUE_MOST && !text_utf8(t) && (utf8 = calloc(2, t.size + 1))) {
        size_t used = 0; // Windows' programs write Latin letters
        for (size_t i = 0; i < t.size; i++) {
            uint8_t c = (uint8_t)t.at[i];
            if (c < 0x80)
                utf8[used++] = (char)c;
            else
                utf8[used++] = (char)(0xc0 | c >> 6), utf8[used++] = (char)(0x80 | (c & 0x3f));
        }
        t = (text){utf8, used};
    }
    if (t.size && t.size < VALUE_MOST && text_utf8(t) && json_array_size(pairs) < PAIRS_MOST)
        json_array_append_new(
            pairs, json_pack("{s:s, s:o}", "at", at, "value", json_stringn(t.at, t.size)));
    free(utf8);
}

static void read_bext(const uint8_t *b, size_t size, json_t *pairs)
{
    char hex[2 * UMID_SIZE + 1];
    size_t used = 0;
    for (size_t i = 0; i < BEXT_FIELDS; i++)
        add(pairs, bext_fields[i].name, (const char *)b + bext_fields[i].at, bext_fields[i].size);
    for (size_t i = UMID_AT; i < UMID_AT + UMID_SIZE; i++)
        used = b[i] ? i + 1 - UMID_AT : used;
    used = used > 32 ? 64 : used ? 32 : 0; // basic and extended UMIDs
    for (size_t i = 0; i < used; i++)
        snprintf(hex + 2 * i, 3, "%02X", b[UMID_AT + i]);
    if (used)
        add(pairs, "bext/UMID", hex, 2 * used);
    if (size > BEXT_BYTES)
        add(pairs, "bext/CodingHistory", (const char *)b + BEXT_BYTES, size - BEXT_BYTES);
}

static void read_info(const struct wave *w, const uint8_t *b, size_t size, json_t *pairs)
{
    for (size_t at = 4; at + 8 <= size;) {
        size_t length = le32(b + at + 4);
        if (length > size - at - 8)
            break;
        text name = {(const char *)b + at, 4};
        if (text_utf8(name))
            add(pairs, arena_format(w->a, "info/%.4s", (const char *)b + at),
                (const char *)b + at + 8, length);
        at += 8 + length + (length & 1);
    }
}

static bool is_info(const struct wave *w, const struct chunk *c, bool *info, struct error *err)
{
    char kind[4];
    bool there = false;
    *info = false;
    if (strcmp(c->name, "LIST") || c->size < 4)
        return true;
    if (!exact(w, c->at + 8, kind, 4, &there, err))
        return false;
    *info = there && memcmp(kind, "INFO", 4) == 0;
    return true;
}

bool wave_pairs(const struct place_file *f, struct arena *a, json_t *pairs, struct error *err)
{
    struct wave w = {.f = f, .a = a};
    if (!list_chunks(&w, err))
        return false;
    for (size_t i = 0; i < w.count; i++) {
        const struct chunk *c = &w.chunks[i];
        bool bext = !strcmp(c->name, "bext"), ixml = !strcmp(c->name, "iXML"), info;
        bool xmp = !strcmp(c->name, "_PMX");
        uint8_t *b = NULL;
        if (!is_info(&w, c, &info, err) || ((bext || ixml || xmp || info) && !body(&w, c, &b, err)))
            return false;
        if (b && bext && c->size >= BEXT_BYTES)
            read_bext(b, (size_t)c->size, pairs);
        if (b && ixml)
            ixml_pairs((text){(const char *)b, (size_t)c->size}, pairs);
        if (b && xmp)
            xmp_pairs((text){(const char *)b, (size_t)c->size}, pairs);
        if (b && info)
            read_info(&w, b, (size_t)c->size, pairs);
        if (!strcmp(c->name, "axml"))
            json_array_append_new(pairs, json_pack("{s:s, s:o}", "at", "axml", "value",
                                                   json_sprintf("%lld bytes", (long long)c->size)));
    }
    return true;
}

// ---- changing

static bool about(const json_t *pairs, const char *before)
{
    size_t i;
    const json_t *pair;
    json_array_foreach(pairs, i, pair)
    {
        const char *at = json_string_value(json_object_get(pair, "at"));
        if (at && strncmp(at, before, strlen(before)) == 0)
            return true;
    }
    return false;
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static void set_umid(uint8_t *b, const char *value)
{
    memset(b + UMID_AT, 0, UMID_SIZE);
    if (value && value[0] == '0' && (value[1] | 32) == 'x')
        value += 2;
    for (size_t i = 0; value && i < UMID_SIZE && value[2 * i]; i++) {
        int high = digit(value[2 * i]), low = digit(value[2 * i + 1]);
        if (high < 0 || low < 0)
            break;
        b[UMID_AT + i] = (uint8_t)(high << 4 | low);
    }
    if (b[346] == 0 && b[347] == 0)
        b[346] = 1; // the version that has it
}

static const char *value_of(const json_t *pair)
{
    return json_string_value(json_object_get(pair, "value"));
}

// The new body, of the size in *size.
static uint8_t *new_bext(const struct wave *w, const uint8_t *old, size_t *size,
                         const json_t *pairs)
{
    const char *history = NULL;
    size_t i;
    const json_t *pair;
    bool said = false;
    json_array_foreach(pairs, i, pair) if (!strcmp(json_string_value(json_object_get(pair, "at")),
                                                   "bext/CodingHistory")) history = value_of(pair),
                                                                          said = true;
    size_t had = old && *size > BEXT_BYTES ? *size - BEXT_BYTES : 0;
    size_t tail = said ? (history ? strlen(history) : 0) : had;
    uint8_t *b = arena_take(w->a, BEXT_BYTES + tail + 1);
    if (old)
        memcpy(b, old, *size < BEXT_BYTES ? *size : BEXT_BYTES);
    if (!said && had)
        memcpy(b + BEXT_BYTES, old + BEXT_BYTES, had);
    if (said && history)
        memcpy(b + BEXT_BYTES, history, tail);
    json_array_foreach(pairs, i, pair)
    {
        const char *at = json_string_value(json_object_get(pair, "at")), *value = value_of(pair);
        if (strcmp(at, "bext/UMID") == 0)
            set_umid(b, value);
        for (size_t k = 0; k < BEXT_FIELDS; k++)
            if (strcmp(at, bext_fields[k].name) == 0) {
                size_t most = bext_fields[k].size, length = value ? strlen(value) : 0;
                memset(b + bext_fields[k].at, 0, most);
                memcpy(b + bext_fields[k].at, value ? value : "", length < most ? length : most);
            }
    }
    *size = BEXT_BYTES + tail;
    return b;
}

static void info_item(struct buf *to, const char *name, const char *value, size_t size)
{
    uint8_t head[4];
    put_le32(head, (uint32_t)size + 1);
    buf_add(to, name, 4);
    buf_add(to, head, 4);
    buf_add(to, value, size);
    buf_add(to, "\0\0", (size + 1) % 2 ? 2 : 1);
}

static bool names_it(const json_t *pairs, const uint8_t *name)
{
    size_t i;
    const json_t *pair;
    json_array_foreach(pairs, i, pair)
    {
        const char *at = json_string_value(json_object_get(pair, "at"));
        if (strncmp(at, "info/", 5) == 0 && strlen(at) == 9 && memcmp(at + 5, name, 4) == 0)
            return true;
    }
    return false;
}

static void new_info(const uint8_t *old, size_t old_size, const json_t *pairs, struct buf *to)
{
    size_t i;
    const json_t *pair;
    buf_add(to, "INFO", 4);
    for (size_t at = 4; old && at + 8 <= old_size;) {
        size_t size = le32(old + at + 4);
        if (size > old_size - at - 8)
            break;
        size_t text_size = strnlen((const char *)old + at + 8, size);
        if (!names_it(pairs, old + at))
            info_item(to, (const char *)old + at, (const char *)old + at + 8, text_size);
        at += 8 + size + (size & 1);
    }
    json_array_foreach(pairs, i, pair)
    {
        const char *at = json_string_value(json_object_get(pair, "at")), *value = value_of(pair);
        if (strncmp(at, "info/", 5) == 0 && strlen(at) == 9 && value)
            info_item(to, at + 5, value, strlen(value));
    }
}

struct laying {
    struct wave w;
    struct place_edit *edit;
    int64_t size; // of the new file so far
};

static void old_part(struct laying *l, int64_t from, int64_t size)
{
    struct place_part *last = l->edit->count ? &l->edit->parts[l->edit->count - 1] : NULL;
    l->size += size;
    if (last && !last->bytes && last->from + last->size == from)
        last->size += size;
    else if (size)
        l->edit->parts[l->edit->count++] = (struct place_part){.from = from, .size = size};
}

static void new_chunk(struct laying *l, const char *name, const void *at, size_t size)
{
    size_t whole = 8 + size + (size & 1);
    uint8_t *b = arena_take(l->w.a, whole + 1);
    memcpy(b, name, 4);
    put_le32(b + 4, (uint32_t)size);
    memcpy(b + 8, at, size);
    l->edit->parts[l->edit->count++] = (struct place_part){.bytes = b, .size = (int64_t)whole};
    l->size += (int64_t)whole;
}

// The texts of the chunks that are changed: NULL what is not.
struct changed {
    uint8_t *bext;
    size_t bext_size;
    struct buf info;
    const char *ixml, *xmp;
};

static bool can_not(const struct wave *w, enum error_kind kind, const char *why, struct error *err)
{
    error_set(err, kind, "what %s says of itself can not be changed", w->f->name);
    error_why(err, "%s", why);
    return error_fix(err, "make the file anew, or keep a sidecar beside it");
}

static bool make_new(struct laying *l, const json_t *pairs, struct changed *n, struct error *err)
{
    struct wave *w = &l->w;
    for (size_t i = 0; i < w->count; i++) {
        const struct chunk *c = &w->chunks[i];
        uint8_t *b = NULL;
        bool info;
        if (!is_info(w, c, &info, err))
            return false;
        bool ours = info || !strcmp(c->name, "bext") || !strcmp(c->name, "iXML") ||
                    !strcmp(c->name, "_PMX");
        if (ours && !body(w, c, &b, err))
            return false;
        if (ours && !b)
            return can_not(w, ERROR_TOO_BIG, "what it says already is larger than 4 MB", err);
        text t = {(const char *)b, b ? (size_t)c->size : 0};
        if (b && !strcmp(c->name, "bext") && about(pairs, "bext/")) {
            n->bext_size = (size_t)c->size;
            n->bext = new_bext(w, b, &n->bext_size, pairs);
        }
        if (b && info && about(pairs, "info/") && !n->info.size)
            new_info(b, (size_t)c->size, pairs, &n->info);
        if (b && !strcmp(c->name, "iXML") && about(pairs, "ixml/"))
            n->ixml = ixml_edit(t, pairs, w->a);
        if (b && !strcmp(c->name, "_PMX") && about(pairs, "xmp/"))
            n->xmp = xmp_edit(t, pairs, w->a);
    }
    if (!n->bext && about(pairs, "bext/"))
        n->bext = new_bext(w, NULL, &n->bext_size, pairs);
    if (!n->info.size && about(pairs, "info/"))
        new_info(NULL, 0, pairs, &n->info);
    if (!n->ixml && about(pairs, "ixml/"))
        n->ixml = ixml_edit((text){0}, pairs, w->a);
    if (!n->xmp && about(pairs, "xmp/"))
        n->xmp = xmp_edit((text){0}, pairs, w->a);
    return true;
}

// The sizes in the head: the parts that hold them are made new.
static void put_sizes(struct laying *l)
{
    uint8_t *head = arena_take(l->w.a, 12);
    memcpy(head, l->w.wide ? "RF64" : "RIFF", 4);
    memcpy(head + 8, "WAVE", 4);
    put_le32(head + 4, l->w.wide ? UINT32_MAX : (uint32_t)(l->size - 8));
    l->edit->parts[0] = (struct place_part){.bytes = head, .size = 12};
}

static bool lay_out(struct laying *l, struct changed *n, struct error *err)
{
    struct wave *w = &l->w;
    bool bext_there = chunk(w, "bext") != NULL;
    l->size = 12;
    l->edit->parts[l->edit->count++] = (struct place_part){.bytes = (const uint8_t *)"", .size = 0};
    for (size_t i = 0; i < w->count; i++) {
        const struct chunk *c = &w->chunks[i];
        int64_t whole = 8 + c->size + (c->size & 1);
        bool info;
        if (!is_info(w, c, &info, err))
            return false;
        if (whole > w->f->size - c->at)
            whole = w->f->size - c->at;
        if (!strcmp(c->name, "bext") && n->bext) {
            new_chunk(l, "bext", n->bext, n->bext_size);
            n->bext = NULL;
        } else if (!strcmp(c->name, "data") && n->bext && !bext_there) {
            new_chunk(l, "bext", n->bext, n->bext_size);
            n->bext = NULL;
            old_part(l, c->at, whole);
        } else if (!(info && n->info.size) && !(!strcmp(c->name, "iXML") && n->ixml) &&
                   !(!strcmp(c->name, "_PMX") && n->xmp)) {
            old_part(l, c->at, whole);
        } else {
            // Blanked in its place: what is behind it does not move.
            uint8_t *blank = arena_take(w->a, (size_t)(whole > 8 ? whole - 8 : 0) + 1);
            new_chunk(l, "JUNK", blank, (size_t)(whole - 8));
        }
        if (i + 1 == w->count && (l->size & 1)) { // an odd chunk at the end, cut off
            l->edit->parts[l->edit->count++] =
                (struct place_part){.bytes = (const uint8_t *)"", .size = 1};
            l->size++;
        }
    }
    if (n->info.size)
        new_chunk(l, "LIST", n->info.at, n->info.size);
    if (n->ixml)
        new_chunk(l, "iXML", n->ixml, strlen(n->ixml));
    if (n->xmp)
        new_chunk(l, "_PMX", n->xmp, strlen(n->xmp));
    put_sizes(l);
    return true;
}

bool wave_edit(const struct place_file *f, struct arena *a, const json_t *pairs,
               struct place_edit *edit, struct error *err)
{
    struct laying l = {.w = {.f = f, .a = a}, .edit = edit};
    struct changed n = {.info = BUF_LIMIT(4 << 20)};
    if (!list_chunks(&l.w, err))
        return false;
    *edit = (struct place_edit){.parts = ARENA_ARRAY(a, struct place_part, 2 * l.w.count + 16)};
    if (!chunk(&l.w, "data") || !chunk(&l.w, "fmt "))
        return can_not(&l.w, ERROR_DAMAGED, "its chunks can not be taken apart", err);
    if (l.w.cut)
        return can_not(&l.w, ERROR_DAMAGED, "its last chunk ends early", err);
    bool done = make_new(&l, pairs, &n, err) && lay_out(&l, &n, err);
    if (done && l.w.wide && l.w.ds64_at) {
        // The size of all stands in ds64 then: that chunk is made new too.
        const struct chunk *d = chunk(&l.w, "ds64");
        uint8_t *b = NULL;
        done = body(&l.w, d, &b, err) && (b || can_not(&l.w, ERROR_DAMAGED, "it has no ds64", err));
        if (done)
            put_le64(b, (uint64_t)(l.size - 8));
        for (size_t i = 1; done && i < edit->count; i++) {
            struct place_part *p = &edit->parts[i];
            if (p->bytes || p->from > l.w.ds64_at || p->from + p->size < l.w.ds64_at + d->size)
                continue;
            int64_t end = p->from + p->size, after = l.w.ds64_at + d->size;
            memmove(p + 3, p + 1, (edit->count - i - 1) * sizeof(*p));
            edit->count += 2;
            p->size = l.w.ds64_at - p->from;
            p[1] = (struct place_part){.bytes = b, .size = d->size};
            p[2] = (struct place_part){.from = after, .size = end - after};
            break;
        }
    } else if (done && !l.w.wide && l.size - 8 > UINT32_MAX) {
        done = can_not(&l.w, ERROR_TOO_BIG, "it would be larger than 4 GiB, which WAV can not say",
                       err);
    }
    buf_free(&n.info);
    return done;
}
