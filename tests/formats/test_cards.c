#include "formats/cards/cards.h"
#include "formats/sums/sums.h"
#include "test.h"

#include <dirent.h>

enum { FILES_MOST = 60, KINDS_MOST = 40 };

// What a card holds: paths, a '/' behind a folder; indexes have their bytes.
struct listing {
    const char *path, *bytes;
    size_t size;
};
struct seen {
    struct arena *a;
    struct card card;
    struct card_file files[FILES_MOST];
    const struct listing *list;
};

static struct card_kind *kinds[KINDS_MOST];
static size_t kind_count;

static int read_kinds(void **state)
{
    (void)state;
    const char *folder = getenv("CARDS");
    assert_non_null(folder);
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[500], json[20000];
        struct error err;
        if (!strstr(e->d_name, ".json"))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        size_t size = fread(json, 1, sizeof(json), f);
        fclose(f);
        if (!card_kind_read(e->d_name, (text){json, size}, &kinds[kind_count++], &err))
            fail_msg("%s: %s: %s", path, err.what, err.why);
    }
    closedir(d);
    assert_true(kind_count >= 12);
    return 0;
}

static int close_kinds(void **state)
{
    (void)state;
    while (kind_count)
        card_kind_close(kinds[--kind_count]);
    return 0;
}

static bool read_index(void *context, const char *path, struct buf *to)
{
    const struct seen *s = context;
    for (size_t i = 0; s->list[i].path; i++)
        if (strcmp(s->list[i].path, path) == 0 && s->list[i].bytes)
            return buf_add(to, s->list[i].bytes,
                           s->list[i].size ? s->list[i].size : strlen(s->list[i].bytes));
    return false;
}

static void look(struct seen *s, const struct listing *list)
{
    size_t count = 0;
    *s = (struct seen){.a = arena_open((size_t)64 << 20), .list = list};
    for (; list[count].path; count++) {
        size_t size = strlen(list[count].path);
        bool folder = list[count].path[size - 1] == '/';
        s->files[count] = (struct card_file){arena_copy(s->a, list[count].path, size - folder),
                                             folder, folder ? 0 : 1000};
    }
    struct card_wish wish = {.kinds = kinds,
                             .kind_count = kind_count,
                             .files = s->files,
                             .file_count = count,
                             .read = read_index,
                             .context = s};
    card_recognise(&wish, s->a, &s->card);
}

static void done(struct seen *s)
{
    arena_close(s->a);
}

#define P2_XML(name, more, sounds)                                                                 \
    "<P2Main xmlns=\"urn:schemas-Professional-Plug-in:P2:ClipMetadata:v3.1\"><ClipContent>"        \
    "<ClipName>" name "</ClipName>" more "<EssenceList><Video><VideoFormat>MXF</VideoFormat>"      \
    "</Video>" sounds "</EssenceList></ClipContent></P2Main>"
#define SOUND "<Audio><AudioFormat>MXF</AudioFormat></Audio>"
#define SPAN(shot, with)                                                                           \
    "<Relation><GlobalShotID>" shot "</GlobalShotID><Connection>" with "</Connection></Relation>"

static void p2_clips_that_span_are_one_and_what_the_clip_lists_must_be_there(void **state)
{
    (void)state;
    struct seen s;
    static const struct listing whole[] = {
        {"CONTENTS/", NULL, 0},
        {"CONTENTS/AUDIO/0001AB00.MXF", NULL, 0},
        {"CONTENTS/AUDIO/0002CD00.MXF", NULL, 0},
        {"CONTENTS/CLIP/0001AB.XML", P2_XML("0001AB", SPAN("S1", "<Next/>"), SOUND), 0},
        {"CONTENTS/CLIP/0002CD.XML", P2_XML("0002CD", SPAN("S1", "<Previous/>"), SOUND), 0},
        {"CONTENTS/CLIP/0003EF.XML", P2_XML("0003EF", "", ""), 0},
        {"CONTENTS/VIDEO/0001AB.MXF", NULL, 0},
        {"CONTENTS/VIDEO/0002CD.MXF", NULL, 0},
        {"CONTENTS/VIDEO/0003EF.MXF", NULL, 0},
        {NULL, NULL, 0}};
    look(&s, whole);
    assert_string_equal(s.card.kind, "p2");
    assert_true(s.card.indexed);
    assert_int_equal(s.card.missing.count, 0);
    assert_int_equal(s.card.notes.count, 0);
    assert_int_equal(s.card.clip_count, 2);
    assert_string_equal(s.card.clips[0].name, "0001AB");
    assert_int_equal(s.card.clips[0].parts, 2);
    assert_int_equal(s.card.clips[0].file_count, 6);
    assert_string_equal(s.card.clips[0].picture, "CONTENTS/VIDEO/0001AB.MXF");
    done(&s);
    static const struct listing lacking[] = {
        {"CONTENTS/CLIP/0001AB.XML", P2_XML("0001AB", SPAN("S1", "<Next/>"), SOUND SOUND), 0},
        {"CONTENTS/CLIP/0009XX.XML", "<P2Main>", 0},
        {"CONTENTS/VIDEO/0001AB.MXF", NULL, 0},
        {NULL, NULL, 0}};
    look(&s, lacking);
    assert_int_equal(s.card.missing.count, 2);
    assert_string_equal(s.card.missing.at[0], "CONTENTS/AUDIO/0001AB00.MXF of clip 0001AB, which "
                                              "CONTENTS/CLIP/0001AB.XML lists");
    assert_int_equal(s.card.notes.count, 2); // an index that is none; the clip goes on elsewhere
    done(&s);
}

static void a_p2_recording_is_in_the_order_of_its_shot_and_a_gap_is_seen(void **state)
{
    (void)state;
    struct seen s;
#define CLIP(name, id, offset, with)                                                               \
    P2_XML(name,                                                                                   \
           "<GlobalClipID>" id                                                                     \
           "</GlobalClipID><Duration>100</Duration><Relation><OffsetInShot>" offset                \
           "</OffsetInShot><GlobalShotID>S1</GlobalShotID><Connection>" with                       \
           "</Connection></Relation>",                                                             \
           SOUND)
    static const struct listing card[] = {
        {"CONTENTS/AUDIO/0001ZZ00.MXF", NULL, 0},
        {"CONTENTS/AUDIO/0009AA00.MXF", NULL, 0},
        {"CONTENTS/CLIP/0001ZZ.XML",
         CLIP("0001ZZ", "c3", "200",
              "<Previous><GlobalClipID>c2</GlobalClipID><ClipName>0005MM</ClipName></Previous>"),
         0},
        {"CONTENTS/CLIP/0009AA.XML",
         CLIP("0009AA", "c1", "0",
              "<Next><GlobalClipID>c2</GlobalClipID><ClipName>0005MM</ClipName>"
              "<P2SerialNo.>AAA12</P2SerialNo.></Next>"),
         0},
        {"CONTENTS/VIDEO/0001ZZ.MXF", NULL, 0},
        {"CONTENTS/VIDEO/0009AA.MXF", NULL, 0},
        {"CONTENTS/VIDEO/0077XX.MXF", NULL, 0},
        {NULL, NULL, 0}};
    look(&s, card);
    assert_int_equal(s.card.shot_count, 2);
    assert_string_equal(s.card.shots[0].clip, "0009AA"); // it begins the shot, whatever its name
    assert_string_equal(s.card.shots[0].after, "clip 0005MM (card AAA12)");
    assert_string_equal(s.card.shots[0].picture, "CONTENTS/VIDEO/0009AA.MXF");
    assert_int_equal(s.card.shots[1].offset, 200);
    assert_true(card_shot_gap(&s.card.shots[0], &s.card.shots[1]));
    assert_string_equal(s.card.clips[0].name, "0009AA");
    assert_int_equal(s.card.missing.count, 0); // it is on another card
    assert_int_equal(s.card.notes.count, 2);   // that; and a clip that no index knows
    assert_string_equal(s.card.notes.at[0], "clip 0077XX is not in the card's index");
    done(&s);
}

static void what_is_missing_stands_with_its_clip(void **state)
{
    (void)state;
    struct seen s;
    static const char index[] =
        "<MediaProfile><Contents><Material uri=\"./CLPR/7_0001_01/7_0001_01.SMI\"/>"
        "<Material uri=\"./CLPR/7_0001_02/7_0001_02.SMI\"/></Contents></MediaProfile>";
    static const struct listing card[] = {{"BPAV/MEDIAPRO.XML", index, 0},
                                          {"BPAV/CLPR/7_0001_01/7_0001_01.MP4", NULL, 0},
                                          {"BPAV/CLPR/7_0001_01/7_0001_01.SMI", NULL, 0},
                                          {"BPAV/CLPR/7_0001_03/7_0001_03.MP4", NULL, 0},
                                          {"BPAV/CLPR/7_0002_01/7_0002_01.MP4", NULL, 0},
                                          {NULL, NULL, 0}};
    look(&s, card);
    assert_string_equal(s.card.kind, "xdcam-ex");
    assert_int_equal(s.card.clip_count, 2);
    assert_int_equal(s.card.missing.count, 2);
    assert_int_equal(s.card.clips[0].missing->count, 2); // the part between, and a file of it
    assert_int_equal(s.card.clips[1].missing->count, 0);
    assert_int_equal(s.card.notes.count, 1); // 7_0002 is not in the index
    done(&s);
}

static void sony_cards_are_held_against_mediapro(void **state)
{
    (void)state;
    struct seen s;
    static const char index[] =
        "<MediaProfile xmlns=\"http://xmlns.sony.net/pro/metadata/mediaprofile\"><Contents>"
        "<Material uri=\"./CLIP/C0001.MP4\"><RelevantInfo uri=\"./CLIP/C0001M01.XML\"/></Material>"
        "<Material uri=\"./CLIP/C0002.MP4\"/><Material uri=\"../../etc/passwd\"/></Contents>"
        "</MediaProfile>";
    static const struct listing card[] = {{"PRIVATE/M4ROOT/", NULL, 0},
                                          {"PRIVATE/M4ROOT/CLIP/C0001.MP4", NULL, 0},
                                          {"PRIVATE/M4ROOT/CLIP/c0001m01.xml", NULL, 0},
                                          {"PRIVATE/M4ROOT/MEDIAPRO.XML", index, 0},
                                          {"PRIVATE/M4ROOT/THMBNL/C0001T01.JPG", NULL, 0},
                                          {NULL, NULL, 0}};
    look(&s, card);
    assert_string_equal(s.card.kind, "sony-xavc");
    assert_string_equal(s.card.base, "PRIVATE/");
    assert_int_equal(s.card.clip_count, 1);
    assert_int_equal(s.card.clips[0].file_count, 3);
    assert_int_equal(s.card.missing.count, 1);
    assert_non_null(strstr(s.card.missing.at[0], "CLIP/C0002.MP4"));
    done(&s);
    static const struct listing ex[] = {{"BPAV/CLPR/709_0001_01/709_0001_01.MP4", NULL, 0},
                                        {"BPAV/CLPR/709_0001_01/709_0001_01M01.XML", NULL, 0},
                                        {"BPAV/CLPR/709_0001_02/709_0001_02.MP4", NULL, 0},
                                        {NULL, NULL, 0}};
    look(&s, ex);
    assert_string_equal(s.card.kind, "xdcam-ex");
    assert_int_equal(s.card.clip_count, 1);
    assert_int_equal(s.card.clips[0].parts, 2);
    done(&s);
}

// Of three items; the second goes on without a seam.
static const char playlist[] = "MPLS0100\0\0\0\x24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                               "\0\0\0\x30\0\0\0\3\0\0"
                               "\0\x0b"
                               "00000M2TS\0\1"
                               "\0\x0b"
                               "00001M2TS\0\6"
                               "\0\x0b"
                               "00002M2TS\0\1";

static void avchd_playlists_say_what_must_be_there_and_what_is_one(void **state)
{
    (void)state;
    struct seen s;
    const struct listing card[] = {
        {"AVCHD/BDMV/CLIPINF/00000.CPI", NULL, 0},
        {"AVCHD/BDMV/CLIPINF/00001.CPI", NULL, 0},
        {"AVCHD/BDMV/CLIPINF/00002.CPI", NULL, 0},
        {"AVCHD/BDMV/INDEX.BDM", NULL, 0},
        {"AVCHD/BDMV/PLAYLIST/00000.MPL", playlist, sizeof(playlist) - 1},
        {"AVCHD/BDMV/STREAM/00000.MTS", NULL, 0},
        {"AVCHD/BDMV/STREAM/00001.MTS", NULL, 0},
        {NULL, NULL, 0}};
    look(&s, card);
    assert_string_equal(s.card.kind, "avchd");
    assert_int_equal(s.card.clips[0].parts, 2);
    assert_int_equal(s.card.clips[0].file_count, 4);
    assert_int_equal(s.card.missing.count, 1);
    assert_string_equal(s.card.missing.at[0], "AVCHD/BDMV/STREAM/00002.MTS of clip 00002, which "
                                              "AVCHD/BDMV/PLAYLIST/00000.MPL lists");
    done(&s);
    struct card_index x;
    struct error err;
    struct arena *a = arena_open(1 << 20);
    for (size_t cut = 0; cut < sizeof(playlist) - 1; cut++) // any end but its own is refused
        assert_false(card_index_read("avchd", (text){playlist, cut}, a, &x, &err));
    arena_close(a);
}

static void parts_that_are_counted_have_no_gap(void **state)
{
    (void)state;
    struct seen s;
    static const struct listing red[] = {{"A001.RDM/", NULL, 0},
                                         {"A001.RDM/A001_C001.RDC/", NULL, 0},
                                         {"A001.RDM/A001_C001.RDC/A001_C001_001.R3D", NULL, 0},
                                         {"A001.RDM/A001_C001.RDC/A001_C001_003.R3D", NULL, 0},
                                         {"A001.RDM/A001_C001.RDC/A001_C001.RMD", NULL, 0},
                                         {"A001.RDM/A001_C002.RDC/", NULL, 0},
                                         {NULL, NULL, 0}};
    look(&s, red);
    assert_string_equal(s.card.kind, "red");
    assert_int_equal(s.card.clip_count, 1);
    assert_int_equal(s.card.clips[0].parts, 2);
    assert_int_equal(s.card.missing.count, 2);
    assert_string_equal(s.card.missing.at[0], "part 2 of clip A001_C001");
    assert_string_equal(s.card.missing.at[1], "picture or sound of clip A001_C002");
    done(&s);
    static const struct listing gopro[] = {{"DCIM/100GOPRO/GX010042.MP4", NULL, 0},
                                           {"DCIM/100GOPRO/GX010042.THM", NULL, 0},
                                           {"DCIM/100GOPRO/GX020042.MP4", NULL, 0},
                                           {"DCIM/100GOPRO/GX020043.MP4", NULL, 0},
                                           {NULL, NULL, 0}};
    look(&s, gopro);
    assert_string_equal(s.card.kind, "gopro");
    assert_int_equal(s.card.clip_count, 2);
    assert_int_equal(s.card.clips[0].parts, 2);
    assert_int_equal(s.card.clips[0].file_count, 3);
    assert_int_equal(s.card.missing.count, 1);
    assert_string_equal(s.card.missing.at[0], "part 1 of clip 0043");
    done(&s);
    static const struct listing canon[] = {{"CONTENTS/CLIPS001/AA0001/", NULL, 0},
                                           {"CONTENTS/CLIPS001/AA0001/AA000101.MXF", NULL, 0},
                                           {"CONTENTS/CLIPS001/AA0001/AA000102.MXF", NULL, 0},
                                           {"CONTENTS/CLIPS001/AA0001/AA0001.CIF", NULL, 0},
                                           {NULL, NULL, 0}};
    look(&s, canon);
    assert_string_equal(s.card.kind, "canon-xf");
    assert_int_equal(s.card.clip_count, 1);
    assert_int_equal(s.card.clips[0].parts, 2);
    assert_int_equal(s.card.missing.count, 0);
    done(&s);
}

static void a_log_beside_arri_clips_says_which_there_must_be(void **state)
{
    (void)state;
    struct seen s;
    static const char log[] = "Heading\nFIELD_DELIM\tTABS\n\nColumn\nTape\tName\tStart\n\nData\n"
                              "A001\tA001C001_260101_R1AB\t01:00:00:00\r\n"
                              "A001\tA001C002_260101_R1AB.mov\t02:00:00:00\n";
    static const struct listing card[] = {{"A001R1AB/", NULL, 0},
                                          {"A001R1AB/A001C001_260101_R1AB.mxf", NULL, 0},
                                          {"A001R1AB/A001R1AB_AVID.ale", log, 0},
                                          {NULL, NULL, 0}};
    look(&s, card);
    assert_string_equal(s.card.kind, "arri");
    assert_int_equal(s.card.clip_count, 1);
    assert_int_equal(s.card.missing.count, 1);
    assert_string_equal(s.card.missing.at[0], "clip A001C002_260101_R1AB, which the log lists");
    done(&s);
}

static void other_folders_are_no_card_and_sound_comes_last(void **state)
{
    (void)state;
    struct seen s;
    static const struct listing sound[] = {{"260101/ZOOM0001_Tr1.WAV", NULL, 0},
                                           {"260101/ZOOM0001_Tr2.WAV", NULL, 0},
                                           {"260101/ZOOM0001_LR.WAV", NULL, 0},
                                           {NULL, NULL, 0}};
    look(&s, sound);
    assert_string_equal(s.card.kind, "sound");
    assert_int_equal(s.card.clip_count, 1);
    assert_int_equal(s.card.clips[0].file_count, 3);
    done(&s);
    static const struct listing braw[] = {
        {"A001_01010000_C001.braw", NULL, 0}, {"slate.wav", NULL, 0}, {NULL, NULL, 0}};
    look(&s, braw);
    assert_string_equal(s.card.kind, "blackmagic");
    done(&s);
    static const struct listing none[] = {{"notes.txt", NULL, 0}, {NULL, NULL, 0}};
    look(&s, none);
    assert_null(s.card.kind);
    done(&s);
}

static void a_description_that_is_wrong_is_refused_with_why(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "[]",
        "{\"name\":\"x\",\"title\":\"x\",\"has\":[\"*\"],\"files\":[]}",
        "{\"name\":\"x\",\"title\":\"x\",\"has\":[\"*\"],\"files\":[{\"match\":\"(\",\"is\":"
        "\"picture\"}]}",
        "{\"name\":\"x\",\"title\":\"x\",\"has\":[\"*\"],\"files\":[{\"match\":\"x\",\"is\":"
        "\"picture\"}]}",
        "{\"name\":\"x\",\"title\":\"x\",\"has\":[\"*\"],\"files\":[{\"match\":\"(?<clip>x)\","
        "\"is\":\"index\"}]}"};
    struct card_kind *kind;
    struct error err;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(card_kind_read("x.json", text_of(wrong[i]), &kind, &err));
        assert_true(err.why[0] && err.fix[0]);
    }
}

static void lists_of_md5sum_sha1sum_and_xxhsum_are_read(void **state)
{
    (void)state;
    struct arena *a = arena_open(1 << 20);
    struct sum *rows;
    size_t count;
    struct error err;
    const char *kind;
    static const char list[] =
        "\xef\xbb\xbf# by hand\n"
        "D41D8CD98F00B204E9800998ECF8427E *A/b c.mov\r\n"
        "d41d8cd98f00b204e9800998ecf8427e  ./x.mov\n"
        "\\d41d8cd98f00b204e9800998ecf8427e  new\\nline\n"
        "SHA1 (clips\\w (1).mov) = da39a3ee5e6b4b0d3255bfef95601890afd80709\n"
        "ef46db3751d8e999  y\n"
        "XXH3_2d06800538d394c2  z\n";
    assert_true(sums_read(text_of(list), NULL, a, &rows, &count, &err));
    assert_int_equal(count, 6);
    assert_string_equal(rows[0].kind, "md5");
    assert_string_equal(rows[0].digest, "d41d8cd98f00b204e9800998ecf8427e");
    assert_string_equal(rows[0].path, "A/b c.mov");
    assert_string_equal(rows[1].path, "x.mov");
    assert_string_equal(rows[2].path, "new\nline");
    assert_string_equal(rows[3].kind, "sha1");
    assert_string_equal(rows[3].path, "clips/w (1).mov");
    assert_string_equal(rows[4].kind, "xxh64");
    assert_string_equal(rows[5].kind, "xxh3");
    assert_true(
        sums_read(text_of("d41d8cd98f00b204e9800998ecf8427e"), "xxh128", a, &rows, &count, &err));
    assert_string_equal(rows[0].kind, "xxh128");
    assert_null(rows[0].path);
    assert_false(
        sums_read(text_of("ef46db3751d8e999  y\nhello there\n"), NULL, a, &rows, &count, &err));
    assert_non_null(strstr(err.why, "line 2"));
    assert_true(sums_named("clip.mov.MD5", &kind));
    assert_string_equal(kind, "md5");
    assert_false(sums_named("clip.mov", &kind));
    arena_close(a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p2_clips_that_span_are_one_and_what_the_clip_lists_must_be_there),
        cmocka_unit_test(a_p2_recording_is_in_the_order_of_its_shot_and_a_gap_is_seen),
        cmocka_unit_test(what_is_missing_stands_with_its_clip),
        cmocka_unit_test(sony_cards_are_held_against_mediapro),
        cmocka_unit_test(avchd_playlists_say_what_must_be_there_and_what_is_one),
        cmocka_unit_test(parts_that_are_counted_have_no_gap),
        cmocka_unit_test(a_log_beside_arri_clips_says_which_there_must_be),
        cmocka_unit_test(other_folders_are_no_card_and_sound_comes_last),
        cmocka_unit_test(a_description_that_is_wrong_is_refused_with_why),
        cmocka_unit_test(lists_of_md5sum_sha1sum_and_xxhsum_are_read),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, read_kinds, close_kinds);
}
