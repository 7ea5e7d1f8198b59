/*
 * What lies beside a clip: logs and descriptions that cameras and their makers' tools write.
 *
 * ALE (Avid Log Exchange) is a table by tabs: after a line "Heading" rows of a name and a value
 * (FPS among them), after "Column" the names of the columns, after "Data" a row a clip. Names of
 * columns differ by who wrote it; those that are known stand in a table here.
 *
 * The XML of the makers is read by the names of its elements, wherever they stand:
 *   Sony    NonRealTimeMeta: LtcChangeTable tcFps, LtcChange frameCount="0" value (BCD, frames
 *           first), Duration value, VideoFrame formatFps, VideoLayout pixel and numOfVerticalLine,
 *           Device
 *   P2      P2Main: ClipName, Duration, EditUnit, StartTimecode, Model
 *   RED     RMD: elements with an attribute "value". What cameras write into it is mostly of the
 *           look and of the slate; reel and timecode stand in the R3D
 *   Canon   CPF: nobody has described it in public. Elements with the plain names below are
 * believed
 */
#include "formats/camera/camera.h"
#include "formats/xmltree/xmltree.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { COLUMNS_MOST = 200 };

static void say(struct camera_word *w, const char *value)
{
    while (*value == ' ')
        value++;
    size_t size = strlen(value);
    while (size && value[size - 1] == ' ')
        size--;
    if (w->from || !size || size >= sizeof(w->text) || !text_utf8((text){value, size}))
        return;
    memcpy(w->text, value, size);
    w->text[size] = 0;
    w->from = "sidecar";
}

static void say_rate(struct camera_row *row, const char *value)
{
    struct error ignored;
    rational rate;
    char plain[32];
    size_t n = strcspn(value, "pPiI "); // "23.98p"
    if (row->rate.num || !n || n >= sizeof(plain))
        return;
    memcpy(plain, value, n);
    plain[n] = 0;
    if (strcmp(plain, "23.98") == 0)
        snprintf(plain, sizeof(plain), "23.976");
    if (rational_parse(text_of(plain), &rate, &ignored) && rate.num >= rate.den &&
        rate.num / rate.den <= 1000)
        row->rate = rate;
}

// ---- ALE

enum column { NO_COLUMN, OF_CLIP, OF_FILE, OF_REEL, OF_START, OF_FPS, OF_MODEL };

static enum column column_of(text name)
{
    static const struct {
        const char *name;
        enum column column;
    } known[] = {
        {"Name", OF_CLIP},          {"Source File", OF_FILE}, {"Source File Name", OF_FILE},
        {"SOURCE FILE", OF_FILE},   {"Filename", OF_FILE},    {"File Name", OF_FILE},
        {"Tape", OF_REEL},          {"Reel", OF_REEL},        {"Reel_name", OF_REEL},
        {"Reel Name", OF_REEL},     {"Camroll", OF_REEL},     {"Source Tape", OF_REEL},
        {"Start", OF_START},        {"FPS", OF_FPS},          {"Project_fps", OF_FPS},
        {"Camera_model", OF_MODEL}, {"Camera", OF_MODEL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (text_is(name, known[i].name))
            return known[i].column;
    return NO_COLUMN;
}

static void say_cell(struct camera_row *row, enum column column, text cell)
{
    char value[200];
    if (!text_copy(text_trim(cell), value, sizeof(value)) || !*value)
        return;
    if (column == OF_FILE) { // more exact than what an editor calls it
        row->clip.from = NULL;
        say(&row->clip, value);
    } else if (column == OF_FPS) {
        say_rate(row, value);
    } else if (column != NO_COLUMN) {
        say(column == OF_CLIP    ? &row->clip
            : column == OF_REEL  ? &row->reel
            : column == OF_START ? &row->timecode
                                 : &row->model,
            value);
    }
}

static bool read_ale(text bytes, struct arena *a, struct camera_row **rows, size_t *count)
{
    enum { HEAD, COLUMN, BETWEEN, DATA } where = HEAD;
    enum column columns[COLUMNS_MOST];
    size_t column_count = 0, room = 0;
    struct camera_row head = {.frames = 0};
    while (bytes.size && *count < CAMERA_ROWS_MOST) {
        text line = text_cut(&bytes, '\n');
        while (line.size && (line.at[line.size - 1] == '\r' || line.at[line.size - 1] == 0))
            line.size--;
        if (where == HEAD && text_is(line, "Column")) {
            where = COLUMN;
        } else if (where == HEAD) {
            text name = text_cut(&line, '\t');
            if (text_is(name, "FPS"))
                say_cell(&head, OF_FPS, line);
        } else if (where == COLUMN) {
            while (line.size && column_count < COLUMNS_MOST)
                columns[column_count++] = column_of(text_cut(&line, '\t'));
            where = BETWEEN;
        } else if (where == BETWEEN && text_is(line, "Data")) {
            where = DATA;
        } else if (where == DATA && line.size) {
            if (*count == room) {
                struct camera_row *more = ARENA_ARRAY(a, struct camera_row, room ? room * 2 : 64);
                if (*count)
                    memcpy(more, *rows, *count * sizeof(*more));
                *rows = more, room = room ? room * 2 : 64;
            }
            struct camera_row *row = &(*rows)[(*count)++];
            *row = (struct camera_row){.frames = 0};
            for (size_t i = 0; i < column_count && line.size; i++)
                say_cell(row, columns[i], text_cut(&line, '\t'));
            row->rate = row->rate.num ? row->rate : head.rate;
            *count -= row->clip.from == NULL; // about nothing
        }
    }
    return where == DATA;
}

// ---- XML

// RED's elements have their value in an attribute: <reel_id type="string" value="A001"/>.
static void say_element(struct camera_word *w, const xmlNode *root, const char *name)
{
    char value[96];
    const xmlNode *node = xmltree_within(root, name);
    if (xmltree_words(node, value, sizeof(value)) ||
        xmltree_attribute(node, "value", value, sizeof(value)))
        say(w, value);
}

static void say_attribute(struct camera_word *w, const xmlNode *node, const char *name)
{
    char value[96];
    if (xmltree_attribute(node, name, value, sizeof(value)))
        say(w, value);
}

static int whole(const xmlNode *node, const char *name)
{
    char value[32];
    int64_t n;
    return xmltree_attribute(node, name, value, sizeof(value)) && text_int(text_of(value), &n) &&
                   n > 0 && n <= 65535
               ? (int)n
               : 0;
}

// "18504112": 18 frames, 50 seconds, 41 minutes, 12 hours; the upper bits of each are flags.
static void say_ltc(struct camera_row *row, const char *value)
{
    static const int masks[4] = {0x3f, 0x7f, 0x7f, 0x3f};
    unsigned v[4], bits[4];
    char label[32];
    if (strlen(value) != 8 ||
        sscanf(value, "%2x%2x%2x%2x", &bits[0], &bits[1], &bits[2], &bits[3]) != 4)
        return;
    for (int i = 0; i < 4; i++) {
        unsigned b = bits[i] & (unsigned)masks[i];
        if ((b & 15) > 9)
            return;
        v[i] = (b >> 4) * 10 + (b & 15);
    }
    snprintf(label, sizeof(label), "%02u:%02u:%02u%c%02u", v[3], v[2], v[1],
             bits[0] & 0x40 ? ';' : ':', v[0]);
    say(&row->timecode, label);
}

static void read_sony(const xmlNode *root, struct camera_row *row)
{
    char value[64];
    int64_t frames;
    const xmlNode *frame = xmltree_within(root, "VideoFrame");
    const xmlNode *layout = xmltree_within(root, "VideoLayout");
    if (xmltree_attribute(frame, "formatFps", value, sizeof(value)) ||
        xmltree_attribute(frame, "captureFps", value, sizeof(value)))
        say_rate(row, value);
    row->width = whole(layout, "pixel");
    row->height = whole(layout, "numOfVerticalLine");
    if (xmltree_attribute(xmltree_within(root, "Duration"), "value", value, sizeof(value)) &&
        text_int(text_of(value), &frames) && frames > 0 && frames <= INT32_MAX)
        row->frames = frames;
    const xmlNode *first = xmltree_within(root, "LtcChange");
    if (xmltree_attribute(first, "frameCount", value, sizeof(value)) && strcmp(value, "0") == 0 &&
        xmltree_attribute(first, "value", value, sizeof(value)))
        say_ltc(row, value);
    say_attribute(&row->model, xmltree_within(root, "Device"), "modelName");
}

static void read_elements(const xmlNode *root, struct camera_row *row)
{
    static const char *const starts[] = {"StartTimecode", "StartTimeCode", "start_timecode",
                                         "TimecodeStart"};
    static const char *const reels[] = {"Reel", "ReelName", "reel_id", "reel_name", "ReelNumber"};
    static const char *const clips[] = {"ClipName", "clip_name"};
    static const char *const models[] = {"Model", "ModelName", "camera_model"};
    static const char *const rates[] = {"FrameRate", "EditRate", "record_framerate"};
    char value[96];
    int64_t frames;
    for (size_t i = 0; i < 4; i++)
        say_element(&row->timecode, root, starts[i]);
    for (size_t i = 0; i < 5; i++)
        say_element(&row->reel, root, reels[i]);
    for (size_t i = 0; i < 2; i++)
        say_element(&row->clip, root, clips[i]);
    for (size_t i = 0; i < 3; i++)
        say_element(&row->model, root, models[i]);
    for (size_t i = 0; i < 3; i++)
        if (xmltree_words(xmltree_within(root, rates[i]), value, sizeof(value)))
            say_rate(row, value);
    if (xmltree_words(xmltree_within(root, "EditUnit"), value, sizeof(value))) { // P2: 1/25
        long num, den;
        if (sscanf(value, "%ld/%ld", &num, &den) == 2 && num > 0 && den > 0) {
            snprintf(value, sizeof(value), "%ld/%ld", den, num);
            say_rate(row, value);
        }
    }
    if (xmltree_number(xmltree_within(root, "Duration"), &frames) && frames > 0 &&
        frames <= INT32_MAX)
        row->frames = frames;
}

static bool read_xml(enum camera_sidecar kind, const char *name, text bytes, struct arena *a,
                     struct camera_row **rows, size_t *count, struct error *err)
{
    char stem[96];
    xmlDoc *doc = xmltree_open(name, bytes, err);
    if (!doc)
        return false;
    const xmlNode *root = xmlDocGetRootElement(doc);
    struct camera_row *row = ARENA_NEW(a, struct camera_row);
    // Any program writes XML; only cameras' is read.
    bool sony = xmltree_named(root, "NonRealTimeMeta");
    bool known = sony || kind != CAMERA_XML || xmltree_named(root, "P2Main");
    if (sony)
        read_sony(root, row);
    else if (known)
        read_elements(root, row);
    xmlFreeDoc(doc);
    if (!known)
        return error_set(err, ERROR_DAMAGED, "%s is no camera's description of a clip", name);
    // Beside which clip it lies its own name says: CLIP.XML, CLIPM01.XML, CLIP.RMD.
    camera_key(name, stem);
    size_t size = strlen(stem);
    if (size > 3 && stem[size - 3] == 'M' && isdigit((unsigned char)stem[size - 2]) &&
        isdigit((unsigned char)stem[size - 1]))
        stem[size - 3] = 0;
    say(&row->clip, stem);
    *rows = row;
    *count = row->reel.from || row->timecode.from || row->rate.num || row->width || row->frames ||
             row->model.from;
    return true;
}

// ---- all

enum camera_sidecar camera_sidecar_of(const char *name)
{
    static const struct {
        const char *ending;
        enum camera_sidecar kind;
    } kinds[] = {
        {"ale", CAMERA_ALE}, {"rmd", CAMERA_RMD}, {"xml", CAMERA_XML}, {"cpf", CAMERA_CPF}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcasecmp(dot + 1, kinds[i].ending) == 0)
            return kinds[i].kind;
    return CAMERA_NO_SIDECAR;
}

bool camera_sidecar_read(enum camera_sidecar kind, const char *name, text bytes, struct arena *a,
                         struct camera_row **rows, size_t *count, struct error *err)
{
    *rows = NULL;
    *count = 0;
    if (bytes.size > CAMERA_SIDECAR_BYTES)
        return error_set(err, ERROR_TOO_BIG, "%s is larger than 16 MB", name);
    if (kind == CAMERA_ALE)
        return read_ale(bytes, a, rows, count) ||
               error_set(err, ERROR_DAMAGED, "%s is no Avid log", name);
    return read_xml(kind, name, bytes, a, rows, count, err);
}

