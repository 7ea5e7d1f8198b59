// Blender files, made here by hand in each pointer size, byte order and packing, and cut at every place. Blender itself is
// the judge in tests/conformance/blender.sh.
#include "formats/blend/blend.h"
#include "formats/scenepaths/scenepaths.h"
#include "test.h"

#include <zlib.h>
#include <zstd.h>

enum { IMAGE = 1, TILE, LIBRARY, SCENE, STRIP, SEQUENCE, ELEM };

struct maker {
    struct buf b;
    bool big, large;
    unsigned pointer;
};

static void put(struct maker *m, uint64_t n, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(n >> 8 * (m->big ? size - 1 - i : i));
        buf_add(&m->b, &byte, 1);
    }
}

static void put_text(struct maker *m, const char *words, size_t room)
{
    char bytes[2048] = {0};
    snprintf(bytes, sizeof(bytes), "%s", words);
    buf_add(&m->b, bytes, room);
}

static void block(struct maker *m, const char *code, uint64_t address, unsigned shape,
                  uint64_t count, size_t size)
{
    put_text(m, code, 4);
    if (m->large) {
        put(m, shape, 4);
        put(m, address, 8);
        put(m, size, 8);
        put(m, count, 8);
    } else {
        put(m, size, 4);
        put(m, address, m->pointer);
        put(m, shape, 4);
        put(m, count, 4);
    }
}

// Types in the order of their numbers, with the fields of those that are structs.
static const struct {
    const char *type;
    int size; // of plain types
    const char *fields[12];
} shapes[] = {
    {"char", 1, {0}}, {"short", 2, {0}}, {"int", 4, {0}}, {"float", 4, {0}}, {"void", 0, {0}},
    {"ID", 0, {"void *next", "char name[66]", "short flag", "int us"}},
    {"Image", 0, {"ID id", "char name[64]", "short source", "short pad", "void *packedfile"}},
    {"ImageTile", 0, {"void *next", "int tile_number", "int pad"}},
    {"Library", 0, {"ID id", "char name[64]", "void *packedfile"}},
    {"RenderData", 0, {"int sfra", "int efra", "int frame_step", "int xsch", "int ysch", "short size", "short frs_sec", "float frs_sec_base", "char pic[64]", "char engine[32]"}},
    {"Scene", 0, {"ID id", "void *camera", "RenderData r"}},
    {"Strip", 0, {"void *stripdata", "char dir[64]"}},
    {"Sequence", 0, {"int type", "int pad"}},
    {"StripElem", 0, {"char name[64]", "int w", "int h"}},
};
enum { TYPES = sizeof(shapes) / sizeof(shapes[0]), FIRST_STRUCT = 5 };
static const unsigned struct_number[] = {0, 1, 2, 3, 5, 6, 7, 8}; // of IMAGE..ELEM, ID is 0

static int type_number(const char *name, size_t size)
{
    for (int i = 0; i < TYPES; i++)
        if (strlen(shapes[i].type) == size && memcmp(shapes[i].type, name, size) == 0)
            return i;
    fail_msg("no type %s", name);
    return 0;
}

static int size_of(const struct maker *m, int type)
{
    int size = shapes[type].size;
    for (int i = 0; i < 12 && shapes[type].fields[i]; i++) {
        const char *f = shapes[type].fields[i], *name = strchr(f, ' ') + 1, *array = strchr(f, '[');
        int each = *name == '*' ? (int)m->pointer : size_of(m, type_number(f, strcspn(f, " ")));
        size += each * (array ? atoi(array + 1) : 1);
    }
    return size;
}

static void align(struct maker *m, size_t from)
{
    while ((m->b.size - from) % 4)
        buf_add(&m->b, "", 1);
}

static void dna(struct maker *m)
{
    struct maker d = {.b = BUF_LIMIT(1 << 16), .big = m->big, .pointer = m->pointer};
    unsigned names = 0, structs = TYPES - FIRST_STRUCT;
    for (int t = FIRST_STRUCT; t < TYPES; t++)
        for (int i = 0; i < 12 && shapes[t].fields[i]; i++)
            names++;
    buf_text(&d.b, "SDNANAME");
    put(&d, names, 4);
    for (int t = FIRST_STRUCT; t < TYPES; t++)
        for (int i = 0; i < 12 && shapes[t].fields[i]; i++)
            put_text(&d, strchr(shapes[t].fields[i], ' ') + 1, strlen(strchr(shapes[t].fields[i], ' ')));
    align(&d, 0);
    buf_text(&d.b, "TYPE");
    put(&d, TYPES, 4);
    for (int t = 0; t < TYPES; t++)
        put_text(&d, shapes[t].type, strlen(shapes[t].type) + 1);
    align(&d, 0);
    buf_text(&d.b, "TLEN");
    for (int t = 0; t < TYPES; t++)
        put(&d, (uint64_t)size_of(m, t), 2);
    align(&d, 0);
    buf_text(&d.b, "STRC");
    put(&d, structs, 4);
    unsigned name = 0;
    for (int t = FIRST_STRUCT; t < TYPES; t++) {
        unsigned fields = 0;
        while (fields < 12 && shapes[t].fields[fields])
            fields++;
        put(&d, (uint64_t)t, 2);
        put(&d, fields, 2);
        for (unsigned i = 0; i < fields; i++) {
            const char *f = shapes[t].fields[i];
            put(&d, (uint64_t)type_number(f, strcspn(f, " ")), 2);
            put(&d, name++, 2);
        }
    }
    block(m, "DNA1", 1, 0, 1, d.b.size);
    buf_add(&m->b, d.b.at, d.b.size);
    buf_free(&d.b);
}

static void id(struct maker *m, const char *name)
{
    put(m, 0, m->pointer);
    put_text(m, name, 66);
    put(m, 0, 2);
    put(m, 1, 4);
}

static void image(struct maker *m, const char *name, const char *path, int source, bool packed)
{
    block(m, "IM", 100, struct_number[IMAGE], 1, (size_t)size_of(m, FIRST_STRUCT + 1));
    id(m, name);
    put_text(m, path, 64);
    put(m, (uint64_t)source, 2);
    put(m, 0, 2);
    put(m, packed ? 77 : 0, m->pointer);
}

static struct buf made(unsigned pointer, bool big, bool large)
{
    struct maker m = {.b = BUF_LIMIT(1 << 20), .big = big, .large = large, .pointer = pointer};
    buf_text(&m.b, large ? "BLENDER17-01v0500"
                   : pointer == 8 ? big ? "BLENDER-V304" : "BLENDER-v304"
                   : big          ? "BLENDER_V279"
                                  : "BLENDER_v279");
    block(&m, "SC", 50, struct_number[SCENE], 1, (size_t)size_of(&m, FIRST_STRUCT + 5));
    id(&m, "SCMain");
    put(&m, 9, pointer);
    for (int i = 0; i < 5; i++)
        put(&m, (uint64_t[]){1, 48, 2, 1920, 1080}[i], 4);
    put(&m, 50, 2);
    put(&m, 24, 2);
    float base = 1.001f;
    uint32_t bits;
    memcpy(&bits, &base, 4);
    put(&m, bits, 4);
    put_text(&m, "//out/f_####", 64);
    put_text(&m, "CYCLES", 32);
    image(&m, "IMwood", "//tex/wood.png", 1, false);
    image(&m, "IMpacked", "//tex/inside.png", 1, true);
    image(&m, "IMtiles", "//tex/t.<UDIM>.png", 6, false);
    for (int tile = 1001; tile < 1003; tile++) {
        block(&m, "DATA", 200, struct_number[TILE], 1, pointer + 8);
        put(&m, 0, pointer);
        put(&m, (uint64_t)tile, 4);
        put(&m, 0, 4);
    }
    image(&m, "IMseq", "//tex/s.0001.png", 2, false);
    image(&m, "IMmade", "", 4, false);
    block(&m, "LI", 300, struct_number[LIBRARY], 1, (size_t)size_of(&m, FIRST_STRUCT + 3));
    id(&m, "LIlib.blend");
    put_text(&m, "//lib.blend", 64);
    put(&m, 0, pointer);
    block(&m, "DATA", 400, struct_number[SEQUENCE], 1, 8);
    put(&m, 4, 4);
    put(&m, 0, 4);
    block(&m, "DATA", 401, struct_number[STRIP], 1, pointer + 64);
    put(&m, 402, pointer);
    put_text(&m, "//snd", 64);
    block(&m, "DATA", 402, struct_number[ELEM], 1, 72);
    put_text(&m, "a.wav", 64);
    put(&m, 0, 8);
    dna(&m);
    if (large)
        block(&m, "ENDB", 0, 0, 0, 0);
    else
        buf_text(&m.b, "ENDB");
    return m.b;
}

static const char *const wanted[] = {"0 0 wood //tex/wood.png 0", "0 1 tiles //tex/t.<UDIM>.png 2",
                                     "0 2 seq //tex/s.0001.png 0", "1 0 lib.blend //lib.blend 0",
                                     "2 0 sequencer //snd/a.wav 0"};

static void reads_right(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open(64 << 20);
    struct blend b;
    struct error err;
    if (!blend_read(a, at, size, &b, &err))
        fail_msg("%s: %s", err.what, err.why);
    assert_int_equal(b.scene_count, 1);
    const struct blend_scene *s = &b.scenes[0];
    assert_string_equal(s->name, "Main");
    assert_true(s->first == 1 && s->last == 48 && s->step == 2 && s->width == 960);
    assert_true(s->height == 540 && s->rate_num == 24000 && s->rate_den == 1001 && s->has_camera);
    assert_string_equal(s->output, "//out/f_####");
    assert_string_equal(s->engine, "CYCLES");
    assert_int_equal(b.need_count, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct blend_needs *n = &b.needs[i];
        assert_string_equal(arena_format(a, "%d %d %s %s %zu", n->kind, n->many, n->name, n->path,
                                         n->tile_count),
                            wanted[i]);
    }
    assert_int_equal(b.needs[1].tiles[1], 1002);
    arena_close(a);
}

static void every_pointer_size_and_byte_order_is_read(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct buf b = made(i & 1 ? 8 : 4, i & 2, false);
        if (i == 4) {
            buf_free(&b);
            b = made(8, false, true); // since 5.0
        }
        reads_right((const uint8_t *)b.at, b.size);
        buf_free(&b);
    }
}

static void packed_files_are_read(void **state)
{
    (void)state;
    struct buf b = made(8, false, false);
    size_t room = b.size * 2 + 1000;
    uint8_t *to = malloc(room);
    size_t size = ZSTD_compress(to, room, b.at, b.size, 3);
    assert_false(ZSTD_isError(size));
    reads_right(to, size);
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)b.at;
    z.avail_in = (uInt)b.size;
    z.next_out = to;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    reads_right(to, z.total_out);
    deflateEnd(&z);
    free(to);
    buf_free(&b);
}

static void a_file_cut_anywhere_is_an_error(void **state)
{
    (void)state;
    struct buf b = made(8, false, false);
    for (size_t size = 0; size < b.size; size += size < 400 || size + 800 > b.size ? 1 : 97) {
        struct arena *a = arena_open(64 << 20);
        struct blend to;
        struct error err;
        uint8_t *cut = malloc(size + 1); // its own bytes, so that reading past them is seen
        memcpy(cut, b.at, size);
        assert_false(blend_read(a, cut, size, &to, &err));
        assert_true(err.what[0] && err.why[0]);
        free(cut);
        arena_close(a);
    }
    buf_free(&b);
}

// ---- paths in text

struct found {
    struct arena *a;
    const struct scenepath *at;
    size_t count;
};

static struct found find_in(const char *ending, const char *scene)
{
    struct found f = {.a = arena_open(1 << 20)};
    scenepaths_find(f.a, ending, (const uint8_t *)scene, strlen(scene), &f.at, &f.count);
    return f;
}

static void are(struct found f, const char *paths)
{
    struct buf b = BUF_LIMIT(10000);
    for (size_t i = 0; i < f.count; i++)
        buf_format(&b, "%s%s%s", i ? " | " : "", f.at[i].path, f.at[i].numbered ? " #" : "");
    assert_string_equal(b.at ? b.at : "", paths);
    buf_free(&b);
    arena_close(f.a);
}

static void paths_are_found_in_scenes_of_each_kind(void **state)
{
    (void)state;
    are(find_in("ma", "file -r -ns \"rig\" -typ \"mayaAscii\" \"/show/rig.ma\"; // \"/old/gone.ma\"\n"
                      "setAttr \".ftn\" -type \"string\" \"sourceimages/wood <UDIM>.tif\";\n"
                      "setAttr \".abc\" -type \"string\" \"C:\\\\cache\\\\a.abc\";"),
        "/show/rig.ma | sourceimages/wood <UDIM>.tif # | C://cache//a.abc");
    are(find_in("ass", "image { filename \"tex/a.tx\" }\n# \"tex/no.tx\"\nprocedural { filename \"b.ass\" }"),
        "tex/a.tx | b.ass");
    are(find_in("vrscene", "BitmapBuffer b { file=\"/t/a.exr\"; } // \"/t/b.exr\"\n"), "/t/a.exr");
    are(find_in("rib", "Surface \"plastic\" \"string map\" [\"tex/g.$F4.tex\"]"), "tex/g.$F4.tex #");
    are(find_in("usda", "references = @./prop.usd@</Prop>\nasset f = @tex/b.####.exr@"),
        "./prop.usd | tex/b.####.exr #");
    are(find_in("pov", "#include \"colors.inc\" /* \"a/no.png\" */ image_map { png \"maps/m.png\" }"),
        "colors.inc | maps/m.png");
    are(find_in("nk", "Read {\n file /show/plate/p.%04d.exr\n first 1001\n}"), "/show/plate/p.%04d.exr #");
    are(find_in("mlt", "<property name=\"resource\">/a b/clip one.mov</property><!-- /x/y.mov -->"),
        "/a b/clip one.mov");
    are(find_in("ma", "\"http://x.org/a.png\" \"name.with.dots\" \"2.5\" \".png\" plain.png"), "");
}

static void the_same_path_counts_once(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT(1 << 20);
    for (int i = 0; i < 3000; i++)
        buf_format(&b, "\"t/%d.exr\" ", i % 1000);
    struct found f = find_in("ass", b.at);
    assert_int_equal(f.count, 1000);
    arena_close(f.a);
    buf_free(&b);
}

static void numbered_paths_become_patterns(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"a.<UDIM>.exr", "a.[0-9][0-9][0-9][0-9].exr"}, {"a.%03d.exr", "a.[0-9][0-9][0-9].exr"},
        {"a[1].##.exr", "a\\[1].[0-9][0-9].exr"},       {"a.$F.exr", "a.[0-9]*.exr"},
        {"a.#.exr", "a.[0-9]*.exr"}};
    struct arena *a = arena_open(1 << 16);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(scenepath_glob(a, pairs[i][0]), pairs[i][1]);
    assert_null(scenepath_glob(a, "a.exr"));
    arena_close(a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pointer_size_and_byte_order_is_read),
        cmocka_unit_test(packed_files_are_read),
        cmocka_unit_test(a_file_cut_anywhere_is_an_error),
        cmocka_unit_test(paths_are_found_in_scenes_of_each_kind),
        cmocka_unit_test(the_same_path_counts_once),
        cmocka_unit_test(numbered_paths_become_patterns),
    };
    // With a folder: writes the seeds of fuzz/fuzz_blend there.
    if (argc > 2 && strcmp(argv[1], "--seeds") == 0) {
        for (int i = 0; i < 3; i++) {
            char path[512];
            struct buf b = made(i == 1 ? 4 : 8, i == 1, i == 2);
            snprintf(path, sizeof(path), "%s/made%d.blend", argv[2], i);
            FILE *f = fopen(path, "wb");
            if (!f || fwrite(b.at, 1, b.size, f) != b.size || fclose(f) != 0)
                return 1;
            buf_free(&b);
        }
        return 0;
    }
    return RUN_TESTS(tests);
}
