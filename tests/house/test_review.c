#include "test.h"

#include "house/assets/assets.h"
#include "house/review/links.h"
#include "house/review/review.h"
#include "plat/clock.h"
#include "plat/files.h"

// A house with one project, an editor (Maya), a reviewer (Tom), and a clip of 240 frames at 29.97
// drop-frame that starts at 00:59:58:00.
static struct {
    char folder[64], path[96];
    struct db *db;
    id project, asset, version, other;
} house;

// Work runs on the database's writer thread, where cmocka's assertions can not jump from: what does
// not hold is an error, which the test then fails with.
#define HOLDS(is)                                                                                  \
    do {                                                                                           \
        if (!(is))                                                                                 \
            return error_set(err, ERROR_INTERNAL, "line %d: %s (%s %s)", __LINE__, #is, err->what, \
                             err->why);                                                            \
    } while (0)
#define IN_ONE_WRITE(body)                                                                         \
    do {                                                                                           \
        struct error outer;                                                                        \
        error_clear(&outer);                                                                       \
        if (!db_write(house.db, body, NULL, &outer))                                               \
            fail_msg("%s: %s", outer.what, outer.why);                                             \
    } while (0)

static const struct who maya = {.kind = WHO_PERSON, .person = "MAYA", .name = "Maya"};
static const struct who tom = {.kind = WHO_PERSON, .person = "TOM", .name = "Tom"};
static const struct who visitor = {
    .kind = WHO_SHARE, .share = "SHARE", .session = "VISIT1", .name = ""};
static const struct who other_visitor = {
    .kind = WHO_SHARE, .share = "SHARE", .session = "VISIT2", .name = "Ana"};

static bool add_clip(struct db_tx *tx, const char *name, id *asset, id *version, struct error *err)
{
    struct asset_file file = {.name = name, .content = sha256_of(name, strlen(name)), .size = 10};
    struct asset_wish wish = {.project = house.project.text,
                              .name = name,
                              .kind = "clip",
                              .by = "MAYA",
                              .files = &file,
                              .file_count = 1};
    struct asset_made made;
    HOLDS(asset_add(tx, &wish, &made, err));
    *asset = made.asset;
    *version = made.version;
    return true;
}

static bool furnish(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id ignored;
    house.project = id_new();
    HOLDS(project_make(tx, house.project.text, "The Long Shore", "24", err));
    HOLDS(db_run(tx, err,
                 "insert into people (id, name, email, admin, disabled, created_ms) values ('MAYA',"
                 " 'Maya', 'maya@x', 0, 0, 1), ('TOM', 'Tom', 'tom@x', 0, 0, 1)",
                 ""));
    HOLDS(add_clip(tx, "shot.mov", &house.asset, &house.version, err));
    HOLDS(add_clip(tx, "other.mov", &house.other, &ignored, err));
    json_t *facts = json_pack("{s:s, s:s, s:i, s:{s:i, s:i, s:i, s:b}}", "kind", "clip", "rate",
                              "30000/1001", "duration_frames", 240, "timecode", "start_frame",
                              107832, "base", 30, "frames_per_label", 1, "drop", 1);
    bool ok = version_facts_set(tx, house.version.text, facts, err);
    json_decref(facts);
    return ok;
}

static int open_house(void **state)
{
    (void)state;
    struct error err;
    strcpy(house.folder, "/tmp/posthouse-test-XXXXXX");
    assert_non_null(mkdtemp(house.folder));
    snprintf(house.path, sizeof(house.path), "%s/state.db", house.folder);
    house.db =
        db_open(&(struct db_wish){.path = house.path, .migrations = getenv("MIGRATIONS")}, &err);
    if (!house.db)
        fail_msg("%s: %s", err.what, err.why);
    IN_ONE_WRITE(furnish);
    return 0;
}

static int close_house(void **state)
{
    (void)state;
    struct error err;
    db_close(house.db);
    return folder_remove(house.folder, &err) ? 0 : -1;
}

// A comment from JSON written with ' for "; VERSION stands for the version's id. Its answer, or
// NULL with *err set.
static json_t *say(struct db_tx *tx, const struct who *who, const char *with_quotes,
                   struct error *err)
{
    char text_sent[4000];
    size_t size = 0;
    for (const char *at = with_quotes; *at && size < sizeof(text_sent) - 40; at++) {
        if (strncmp(at, "VERSION", 7) == 0) {
            size += (size_t)sprintf(text_sent + size, "%s", house.version.text);
            at += 6;
        } else {
            text_sent[size++] = *at == '\'' ? '"' : *at;
        }
    }
    text_sent[size] = 0;
    json_t *wish = json_loads(text_sent, 0, NULL), *made = NULL;
    if (!wish) {
        error_set(err, ERROR_USAGE, "the test's own JSON is wrong: %s", text_sent);
        return NULL;
    }
    bool ok = comment_add(tx, house.asset.text, who, wish, &made, err);
    json_decref(wish);
    return ok ? made : NULL;
}

static const char *field(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "(none)";
}

// Texts of a list in its order, with | between; in `to`.
static bool texts(struct db_tx *tx, const char *asset, char *to, size_t room, struct error *err)
{
    json_t *list, *comment;
    size_t i, size = 0;
    if (!comment_list(tx, asset, &maya, &list, err))
        return false;
    to[0] = 0;
    json_array_foreach(list, i, comment) size +=
        (size_t)snprintf(to + size, room - size, "%s%s", i ? "|" : "", field(comment, "text"));
    json_decref(list);
    return true;
}

static bool one_counts(struct db_tx *tx, int64_t *comments, int64_t *open, struct error *err)
{
    json_t *asset = json_pack("{s:s}", "id", house.asset.text);
    bool ok = comments_count(tx, &asset, 1, err);
    *comments = json_integer_value(json_object_get(asset, "comments"));
    *open = json_integer_value(json_object_get(asset, "open_comments"));
    json_decref(asset);
    return ok;
}

static bool ordering(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    char seen[400], reply[200];
    int64_t count, open;
    json_t *late = say(tx, &maya, "{'version':'VERSION','frame':200,'text':'late'}", err);
    HOLDS(late);
    json_t *early = say(tx, &tom, "{'version':'VERSION','frame':3,'text':'early'}", err);
    HOLDS(early);
    snprintf(reply, sizeof(reply), "{'version':'VERSION','frame':230,'parent':'%s','text':'yes'}",
             field(early, "id"));
    json_t *yes = say(tx, &maya, reply, err);
    HOLDS(yes);
    HOLDS(texts(tx, house.asset.text, seen, sizeof(seen), err));
    HOLDS(strcmp(seen, "early|yes|late") == 0);
    HOLDS(json_integer_value(json_object_get(late, "number")) == 1);
    HOLDS(json_integer_value(json_object_get(yes, "number")) == 3);
    // 107832 is 00:59:58;00 at 29.97 drop-frame (ST 12-1: 30 * 3598 less 108 dropped); 200 on is
    // six seconds and 20 frames, over the hour, where nothing is dropped.
    HOLDS(strcmp(field(late, "timecode"), "01:00:04;20") == 0);
    HOLDS(json_is_true(json_object_get(late, "mine")));
    HOLDS(one_counts(tx, &count, &open, err) && count == 3 && open == 2);
    // A reply to a reply, and to a comment of another asset, are refused.
    snprintf(reply, sizeof(reply), "{'version':'VERSION','frame':3,'parent':'%s','text':'no'}",
             field(yes, "id"));
    HOLDS(!say(tx, &maya, reply, err) && err->kind == ERROR_CONFLICT);
    // A parent that is deleted takes its replies from sight, and brings them back.
    HOLDS(comment_delete(tx, field(early, "id"), &tom, MAY_COMMENT, true, err));
    HOLDS(texts(tx, house.asset.text, seen, sizeof(seen), err) && strcmp(seen, "late") == 0);
    HOLDS(one_counts(tx, &count, &open, err) && count == 1 && open == 1);
    HOLDS(comment_delete(tx, field(early, "id"), &tom, MAY_COMMENT, false, err));
    HOLDS(texts(tx, house.asset.text, seen, sizeof(seen), err) &&
          strcmp(seen, "early|yes|late") == 0);
    json_decref(late);
    json_decref(early);
    json_decref(yes);
    return true;
}

static void comments_stand_in_order_of_frame_with_their_replies(void **state)
{
    (void)state;
    IN_ONE_WRITE(ordering);
}

static bool ranges(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    static const struct {
        const char *wish;
        bool good;
    } all[] = {
        {"{'version':'VERSION','frame':0,'text':'a'}", true},
        {"{'version':'VERSION','frame':239,'text':'a'}", true},
        {"{'version':'VERSION','frame':240,'text':'a'}", false},
        {"{'version':'VERSION','frame':-1,'text':'a'}", false},
        {"{'version':'VERSION','frame':10,'end_frame':10,'text':'a'}", true},
        {"{'version':'VERSION','frame':10,'end_frame':239,'text':'a'}", true},
        {"{'version':'VERSION','frame':10,'end_frame':240,'text':'a'}", false},
        {"{'version':'VERSION','frame':10,'end_frame':9,'text':'a'}", false},
        {"{'version':'VERSION','frame':10,'end_frame':-1,'text':'a'}", false},
        {"{'version':'VERSION','frame':9223372036854775807,'text':'a'}", false},
        {"{'version':'NOTAVERSION','frame':10,'text':'a'}", false},
        {"{'version':'VERSION','frame':10,'text':''}", false},
        {"{'version':'VERSION','frame':10,'text':'  \\n '}", false},
        {"{'version':'VERSION','frame':10,'text':'bell \\u0007'}", false},
        {"{'version':'VERSION','frame':10,'text':'two\\nlines \\u05e9\\u05dc\\u05d5\\u05dd'}",
         true},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        error_clear(err);
        json_t *made = say(tx, &maya, all[i].wish, err);
        if ((made != NULL) != all[i].good)
            return error_set(err, ERROR_INTERNAL, "%s was %s", all[i].wish,
                             made ? "kept" : "refused");
        HOLDS(made || (err->what[0] && err->why[0] && err->fix[0]));
        json_decref(made);
    }
    return true;
}

static void only_frames_of_the_version_are_commented(void **state)
{
    (void)state;
    IN_ONE_WRITE(ranges);
}

static bool again(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    char wish[200];
    int64_t events, after, count, open;
    id own = id_new();
    snprintf(wish, sizeof(wish), "{'id':'%s','version':'VERSION','frame':7,'text':'once'}",
             own.text);
    json_t *first = say(tx, &maya, wish, err);
    HOLDS(first && strcmp(field(first, "id"), own.text) == 0);
    HOLDS(db_one_int(tx, &events, 0, err, "select count(*) from events", ""));
    json_t *second = say(tx, &maya, wish, err);
    HOLDS(second && json_equal(first, second));
    HOLDS(db_one_int(tx, &after, 0, err, "select count(*) from events", "") && after == events);
    HOLDS(one_counts(tx, &count, &open, err) && count == 1);
    HOLDS(!say(tx, &tom, wish, err) && err->kind == ERROR_CONFLICT);
    json_decref(first);
    json_decref(second);
    return true;
}

static void sending_again_counts_once(void **state)
{
    (void)state;
    IN_ONE_WRITE(again);
}

static bool change(struct db_tx *tx, const json_t *comment, const struct who *who, unsigned may,
                   const char *with_quotes, json_t **changed, struct error *err)
{
    char sent[400];
    size_t i = 0;
    for (; with_quotes[i] && i < sizeof(sent) - 1; i++)
        sent[i] = with_quotes[i] == '\'' ? '"' : with_quotes[i];
    sent[i] = 0;
    json_t *wish = json_loads(sent, 0, NULL);
    HOLDS(wish);
    bool ok = comment_change(tx, field(comment, "id"), who, may, wish, changed, err);
    json_decref(wish);
    return ok;
}

static bool rights(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    json_t *made = say(tx, &maya, "{'version':'VERSION','frame':7,'text':'mine'}", err), *now;
    HOLDS(made && change(tx, made, &maya, MAY_COMMENT, "{'text':'changed'}", &now, err));
    HOLDS(strcmp(field(now, "text"), "changed") == 0 && strcmp(field(now, "edited"), "(none)"));
    json_decref(now);
    HOLDS(!change(tx, made, &tom, MAY_ALL, "{'text':'his'}", &now, err));
    HOLDS(err->kind == ERROR_DENIED);
    HOLDS(change(tx, made, &tom, MAY_COMMENT, "{'resolved':true}", &now, err));
    HOLDS(json_is_true(json_object_get(now, "resolved")) &&
          strcmp(field(now, "resolved_by"), "Tom") == 0);
    HOLDS(!json_is_true(json_object_get(now, "mine")));
    json_decref(now);
    HOLDS(change(tx, made, &maya, MAY_COMMENT, "{'resolved':false}", &now, err));
    HOLDS(strcmp(field(now, "resolved_by"), "(none)") == 0);
    json_decref(now);
    HOLDS(!comment_delete(tx, field(made, "id"), &tom, MAY_COMMENT, true, err));
    HOLDS(err->kind == ERROR_DENIED);
    HOLDS(comment_delete(tx, field(made, "id"), &tom, MAY_ALL, true, err)); // manages
    HOLDS(!change(tx, made, &maya, MAY_COMMENT, "{'text':'gone'}", &now, err));
    HOLDS(err->kind == ERROR_CONFLICT);
    HOLDS(change(tx, made, &maya, MAY_COMMENT, "{'deleted':false}", &now, err));
    HOLDS(!json_is_true(json_object_get(now, "deleted")));
    json_decref(now);
    json_decref(made);
    return true;
}

static void words_are_their_authors_and_resolving_is_everybodys(void **state)
{
    (void)state;
    IN_ONE_WRITE(rights);
}

static bool visiting(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    json_t *now;
    json_t *named =
        say(tx, &visitor, "{'version':'VERSION','frame':1,'text':'hi','name':'Jo Clark'}", err);
    HOLDS(named && strcmp(field(named, "by"), "Jo Clark") == 0);
    json_t *plain = say(tx, &visitor, "{'version':'VERSION','frame':1,'text':'hi'}", err);
    HOLDS(plain && strcmp(field(plain, "by"), "Guest") == 0);
    // A person's name is their own, whatever is sent.
    json_t *person =
        say(tx, &maya, "{'version':'VERSION','frame':1,'text':'hi','name':'The Boss'}", err);
    HOLDS(person && strcmp(field(person, "by"), "Maya") == 0);
    HOLDS(!say(tx, &visitor, "{'version':'VERSION','frame':1,'text':'hi','name':'a\\nb'}", err));
    // Two visitors of one link do not hold each other's words.
    HOLDS(!change(tx, named, &other_visitor, MAY_COMMENT, "{'text':'x'}", &now, err));
    HOLDS(err->kind == ERROR_DENIED);
    HOLDS(!comment_delete(tx, field(named, "id"), &other_visitor, MAY_COMMENT, true, err));
    HOLDS(change(tx, named, &visitor, MAY_COMMENT, "{'text':'x'}", &now, err));
    json_decref(now);
    json_decref(named);
    json_decref(plain);
    json_decref(person);
    return true;
}

static void visitors_have_names_and_hold_their_own_words_only(void **state)
{
    (void)state;
    IN_ONE_WRITE(visiting);
}

static bool drawing(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
#define STROKE(tool, colour, width, points)                                                        \
    "{'version':'VERSION','frame':1,'text':'','drawing':[{'tool':'" tool "','colour':'" colour     \
    "','width':" width ",'points':[" points "]}]}"
    static const struct {
        const char *wish;
        bool good;
    } all[] = {
        {STROKE("pen", "#ff8800", "0.01", "0,0,1, 1,1,0.5, -0.05,1.05,0"), true},
        {STROKE("arrow", "#FF8800", "0.01", "0,0,1, 1,1,1"), true},
        {STROKE("box", "#000000", "0.01", "0,0,1, 1,1,1"), true},
        {STROKE("box", "#000000", "0.01", "0,0,1"), false},
        {STROKE("arrow", "#000000", "0.01", "0,0,1, 1,1,1, 0,0,1"), false},
        {STROKE("brush", "#000000", "0.01", "0,0,1, 1,1,1"), false},
        {STROKE("pen", "red", "0.01", "0,0,1"), false},
        {STROKE("pen", "#12345g", "0.01", "0,0,1"), false},
        {STROKE("pen", "#123456", "0", "0,0,1"), false},
        {STROKE("pen", "#123456", "0.9", "0,0,1"), false},
        {STROKE("pen", "#123456", "0.01", ""), false},
        {STROKE("pen", "#123456", "0.01", "0,0"), false},
        {STROKE("pen", "#123456", "0.01", "0,7,1"), false},
        {STROKE("pen", "#123456", "0.01", "0,0,1.5"), false},
        {"{'version':'VERSION','frame':1,'text':'','drawing':[]}", false},
        {"{'version':'VERSION','frame':1,'text':'words','drawing':[]}", true},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        error_clear(err);
        json_t *made = say(tx, &maya, all[i].wish, err);
        if ((made != NULL) != all[i].good)
            return error_set(err, ERROR_INTERNAL, "%s was %s", all[i].wish,
                             made ? "kept" : "refused");
        json_decref(made);
    }
    json_t *many = json_array(),
           *stroke = json_pack("{s:s, s:s, s:f, s:[f,f,f]}", "tool", "pen", "colour", "#ffffff",
                               "width", 0.01, "points", 0.5, 0.5, 1.0);
    for (int i = 0; i < STROKES_MAX; i++)
        json_array_append(many, stroke);
    HOLDS(drawing_acceptable(many, err));
    json_array_append(many, stroke);
    HOLDS(!drawing_acceptable(many, err) && strstr(err->why, "200"));
    json_decref(many);
    json_t *points = json_object_get(stroke, "points");
    while (json_array_size(points) <= DRAWING_NUMBERS_MAX)
        for (int k = 0; k < 3; k++)
            json_array_append_new(points, json_real(0.25));
    many = json_pack("[O]", stroke);
    HOLDS(!drawing_acceptable(many, err));
    json_decref(many);
    json_decref(stroke);
    return true;
}

static void drawings_stay_on_the_picture_and_in_bounds(void **state)
{
    (void)state;
    IN_ONE_WRITE(drawing);
}

// Known labels: ST 12-1 counting by hand, or from tests/vectors/timecode.json.
static void labels_are_made_from_the_facts(void **state)
{
    (void)state;
    static const struct {
        const char *facts;
        int64_t frame;
        const char *label;
    } all[] = {
        {"{\"rate\":\"24000/"
         "1001\",\"timecode\":{\"start_frame\":86112,\"base\":24,\"drop\":false}}",
         48, "00:59:50:00"},
        {"{\"rate\":\"30000/1001\",\"timecode\":{\"start_frame\":0,\"base\":30,\"drop\":true}}",
         1800, "00:01:00;02"},
        {"{\"rate\":\"30000/1001\",\"timecode\":{\"start_frame\":0,\"base\":30,\"drop\":false}}",
         1800, "00:01:00:00"},
        // 59.94p with 29.97 timecode: two frames share a label
        {"{\"rate\":\"60000/1001\",\"timecode\":{\"start_frame\":0,\"base\":30,\"drop\":false}}",
         61, "00:00:01:00.1"},
        {"{\"rate\":\"25/1\"}", 25 * 3600, "01:00:00:00"},
        {"{\"rate\":\"48000/1\"}", 48000 * 61 + 24000, "00:01:01.500"},
        {"{\"rate\":\"nonsense\"}", 12, "frame 12"},
        {"{}", 12, "frame 12"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        json_t *facts = json_loads(all[i].facts, 0, NULL);
        assert_string_equal(comment_label(facts, all[i].frame).text, all[i].label);
        json_decref(facts);
    }
    assert_string_equal(comment_label(NULL, 3).text, "frame 3");
}

static bool events(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    int64_t before = 0;
    HOLDS(db_one_int(tx, &before, 0, err, "select max(number) from events", ""));
    json_t *made = say(tx, &visitor, "{'version':'VERSION','frame':7,'text':'news'}", err), *now;
    HOLDS(made && change(tx, made, &visitor, MAY_COMMENT, "{'text':'newer'}", &now, err));
    json_decref(now);
    HOLDS(comment_delete(tx, field(made, "id"), &visitor, MAY_COMMENT, true, err));
    struct arena *a = arena_open(1 << 20);
    struct db_event *list;
    size_t count;
    static const char *const kinds[] = {"comment.made", "comment.changed", "comment.deleted"};
    HOLDS(db_events_after(tx, before, 10, a, &list, &count, err) && count == 3);
    for (size_t i = 0; i < 3; i++) {
        json_t *body = json_loads(list[i].body, 0, NULL);
        HOLDS(strcmp(list[i].kind, kinds[i]) == 0);
        HOLDS(strcmp(list[i].subject, field(made, "id")) == 0);
        HOLDS(strcmp(list[i].project, house.project.text) == 0);
        HOLDS(strcmp(field(body, "asset"), house.asset.text) == 0);
        HOLDS(!json_is_true(json_object_get(body, "mine"))); // the body goes to everybody
        json_decref(body);
    }
    arena_close(a);
    json_decref(made);
    return true;
}

static void news_hold_the_comment_as_everybody_sees_it(void **state)
{
    (void)state;
    IN_ONE_WRITE(events);
}

// ---- shares

static bool make_share(struct db_tx *tx, struct share_wish wish, json_t *assets, id *made,
                       secret *key, struct error *err)
{
    wish.project = wish.project ? wish.project : house.project.text;
    wish.title = wish.title ? wish.title : "For the client";
    wish.permission = wish.permission ? wish.permission : "view";
    wish.assets = assets;
    wish.person = "MAYA";
    bool ok = share_make(tx, &wish, made, key, err);
    json_decref(assets);
    return ok;
}

static bool sharing(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id share;
    secret key;
    struct share_found found;
    struct arena *a = arena_open(1 << 20);
    int64_t plain, changed;
    bool shows;
    json_t *seen, *ids;
    HOLDS(make_share(tx, (struct share_wish){.title = "Cut 1/2"},
                     json_pack("[s, s]", house.asset.text, house.other.text), &share, &key, err));
    HOLDS(share_find(tx, key.text, a, &found, err) && strcmp(found.id, share.text) == 0);
    HOLDS(!found.password_hash);
    HOLDS(db_one_int(tx, &plain, 0, err,
                     "select count(*) from shares where cast(key_hash as text) = ?1", "s",
                     key.text));
    HOLDS(plain == 0);
    key.text[0] = key.text[0] == 'A' ? 'B' : 'A';
    HOLDS(!share_find(tx, key.text, a, &found, err) && err->kind == ERROR_NOT_FOUND);
    key.text[0] = 0;
    HOLDS(!share_find(tx, key.text, a, &found, err));
    HOLDS(share_used(tx, share.text, err) && share_used(tx, share.text, err));
    HOLDS(share_get(tx, share.text, &seen, err));
    HOLDS(json_integer_value(json_object_get(seen, "uses")) == 2);
    HOLDS(json_array_size(json_object_get(seen, "assets")) == 2 && !json_object_get(seen, "url"));
    json_decref(seen);
    // What is deleted is not shown any more, and shown again when it is restored.
    ids = json_pack("[s]", house.other.text);
    HOLDS(assets_delete(tx, house.project.text, ids, true, &changed, err));
    HOLDS(share_shows(tx, share.text, house.other.text, &shows, err) && !shows);
    HOLDS(share_shows(tx, share.text, house.asset.text, &shows, err) && shows);
    HOLDS(share_seen(tx, share.text, NULL, &seen, err));
    HOLDS(json_array_size(json_object_get(seen, "assets")) == 1);
    json_decref(seen);
    HOLDS(assets_delete(tx, house.project.text, ids, false, &changed, err));
    HOLDS(share_shows(tx, share.text, house.other.text, &shows, err) && shows);
    json_decref(ids);
    arena_close(a);
    return true;
}

static void a_share_is_found_by_its_key_alone(void **state)
{
    (void)state;
    IN_ONE_WRITE(sharing);
}

static bool limits(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id share, foreign = id_new(), project = id_new();
    secret key;
    int64_t now = clock_now_ms();
    json_t *too_many = json_array();
    HOLDS(project_make(tx, project.text, "Another", NULL, err));
    HOLDS(!make_share(tx, (struct share_wish){0}, json_array(), &share, &key, err));
    HOLDS(
        !make_share(tx, (struct share_wish){0}, json_pack("[s]", foreign.text), &share, &key, err));
    HOLDS(err->kind == ERROR_NOT_FOUND);
    HOLDS(!make_share(tx, (struct share_wish){.project = project.text},
                      json_pack("[s]", house.asset.text), &share, &key, err));
    HOLDS(!make_share(tx, (struct share_wish){.permission = "own"},
                      json_pack("[s]", house.asset.text), &share, &key, err));
    HOLDS(!make_share(tx, (struct share_wish){.expires_ms = now - 1},
                      json_pack("[s]", house.asset.text), &share, &key, err));
    HOLDS(!make_share(tx, (struct share_wish){.title = "a\nb"}, json_pack("[s]", house.asset.text),
                      &share, &key, err));
    for (int i = 0; i < 1001; i++)
        json_array_append_new(too_many, json_string(house.asset.text));
    HOLDS(!make_share(tx, (struct share_wish){0}, too_many, &share, &key, err));
    HOLDS(make_share(tx, (struct share_wish){0},
                     json_pack("[s, s]", house.asset.text, house.asset.text), &share, &key, err));
    return true;
}

static void shares_have_limits(void **state)
{
    (void)state;
    IN_ONE_WRITE(limits);
}

static bool ending(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id share;
    secret key;
    struct share_found found;
    struct arena *a = arena_open(1 << 20);
    int64_t before, after;
    HOLDS(make_share(tx, (struct share_wish){.expires_ms = clock_now_ms() + 60000},
                     json_pack("[s]", house.asset.text), &share, &key, err));
    HOLDS(share_find(tx, key.text, a, &found, err));
    clock_shift_ms(61000);
    bool in = share_find(tx, key.text, a, &found, err);
    clock_shift_ms(-61000);
    HOLDS(!in && err->kind == ERROR_EXPIRED && err->fix[0]);
    HOLDS(share_revoke(tx, share.text, err));
    HOLDS(!share_find(tx, key.text, a, &found, err) && err->kind == ERROR_REVOKED);
    HOLDS(db_one_int(tx, &before, 0, err, "select count(*) from events", ""));
    HOLDS(share_revoke(tx, share.text, err)); // again is fine and no news
    HOLDS(db_one_int(tx, &after, 0, err, "select count(*) from events", "") && before == after);
    HOLDS(!share_revoke(tx, "nothing", err) && err->kind == ERROR_NOT_FOUND);
    arena_close(a);
    return true;
}

static void a_share_ends_by_time_or_by_hand_and_says_which(void **state)
{
    (void)state;
    IN_ONE_WRITE(ending);
}

static bool folders_shared(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id share, folder, below;
    secret key;
    struct link_file *files;
    size_t count;
    struct arena *a = arena_open(1 << 20);
    bool shows;
    int64_t changed;
    HOLDS(folder_ensure(tx, house.project.text, NULL, "A001", &folder, err));
    HOLDS(folder_ensure(tx, house.project.text, folder.text, "clips", &below, err));
    json_t *list = json_pack("[s]", folder.text), *moved = json_pack("[s]", house.other.text);
    HOLDS(make_share(tx, (struct share_wish){.kind = "files", .folders = list}, json_array(),
                     &share, &key, err));
    HOLDS(share_shows(tx, share.text, house.other.text, &shows, err) && !shows);
    // What comes into the folder is shared when somebody looks; what leaves it is not any more.
    HOLDS(assets_move(tx, house.project.text, moved, below.text, &changed, err) && changed == 1);
    HOLDS(share_refresh(tx, share.text, err));
    HOLDS(share_shows(tx, share.text, house.other.text, &shows, err) && shows);
    struct link_files_wish wish = {.project = house.project.text, .share = share.text};
    HOLDS(link_files(tx, &wish, a, &files, &count, err) && count == 1);
    HOLDS(strncmp(files[0].path, "A001/clips/", 11) == 0);
    HOLDS(assets_move(tx, house.project.text, moved, "", &changed, err));
    HOLDS(share_refresh(tx, share.text, err));
    HOLDS(share_shows(tx, share.text, house.other.text, &shows, err) && !shows);
    HOLDS(link_files(tx, &wish, a, &files, &count, err) && count == 0);
    json_decref(list);
    json_decref(moved);
    arena_close(a);
    return true;
}

static void a_folder_is_shared_as_it_is_when_somebody_looks(void **state)
{
    (void)state;
    IN_ONE_WRITE(folders_shared);
}

static bool requesting(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    id share;
    secret key;
    json_t *wants = json_pack("{s:i, s:[s], s:[{s:s, s:s, s:b, s:[]}, {s:s, s:s, s:b, s:[s, s]}]}",
                              "most_bytes", 100, "types", "mov", "fields", "name", "Scene", "kind",
                              "text", "required", 1, "choices", "name", "Mix", "kind", "choice",
                              "required", 0, "choices", "stereo", "5.1");
    HOLDS(!make_share(tx, (struct share_wish){.kind = "request"}, json_array(), &share, &key, err));
    HOLDS(make_share(tx, (struct share_wish){.kind = "request", .wants = wants, .most_uses = 1},
                     json_array(), &share, &key, err));
    static const struct {
        const char *answers;
        bool good;
    } cases[] = {{"{\"Scene\": \"12\"}", true},
                 {"{\"Scene\": \"12\", \"Mix\": \"5.1\"}", true},
                 {"{\"Scene\": \"12\", \"Mix\": \"mono\"}", false},
                 {"{\"Mix\": \"5.1\"}", false},
                 {"{\"Scene\": \"  \"}", false},
                 {"{\"Scene\": 12}", false},
                 {"{\"Scene\": \"12\", \"Else\": \"x\"}", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *answers = json_loads(cases[i].answers, 0, NULL);
        HOLDS(request_answers_good(tx, share.text, answers, err) == cases[i].good);
        json_decref(answers);
    }
    HOLDS(share_used(tx, share.text, err));
    HOLDS(!share_used(tx, share.text, err) && err->kind == ERROR_EXPIRED);
    json_decref(wants);
    return true;
}

static void a_request_takes_the_answers_it_asks_for(void **state)
{
    (void)state;
    IN_ONE_WRITE(requesting);
}

static bool looking_so(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    json_t *brand, *house_brand = json_pack("{s:s, s:s, s:s, s:s}", "name", "The House", "colour",
                                            "#102030", "message", "", "logo", "");
    json_t *own = json_pack("{s:s, s:s, s:s, s:s}", "name", "The Film", "colour", "", "message", "",
                            "logo", "data:image/svg+xml;base64,AAAA");
    HOLDS(brand_set(tx, "", house_brand, err));
    HOLDS(!brand_set(tx, house.project.text, own, err)); // a picture that could hold a script
    json_object_set_new(own, "logo", json_string("data:image/png;base64,AAAA"));
    HOLDS(brand_set(tx, house.project.text, own, err));
    HOLDS(brand_of(tx, house.project.text, &brand, err));
    HOLDS(strcmp(json_string_value(json_object_get(brand, "name")), "The Film") == 0);
    HOLDS(strcmp(json_string_value(json_object_get(brand, "colour")), "#102030") == 0);
    json_decref(brand);
    json_decref(own);
    json_decref(house_brand);
    return true;
}

static void a_project_looks_like_the_house_where_it_says_nothing(void **state)
{
    (void)state;
    IN_ONE_WRITE(looking_so);
}

// ---- notes

static bool notes_go_out_and_come_back(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    struct arena *a = arena_open(16 << 20);
    json_t *made = NULL, *taken = NULL;
    struct notes_file file;
    struct notes_wish wish = {
        .asset = house.asset.text, .version = house.version.text, .format = "csv"};
    json_t *range = json_pack("{s:s, s:i, s:i, s:s}", "version", house.version.text, "frame", 120,
                              "end_frame", 143, "text", "a note to take along");
    HOLDS(comment_add(tx, house.asset.text, &maya, range, &made, err));
    json_decref(range);
    json_t *reply =
        json_pack("{s:s, s:i, s:s, s:s}", "version", house.version.text, "frame", 120, "text",
                  "will do", "parent", json_string_value(json_object_get(made, "id")));
    json_decref(made);
    HOLDS(comment_add(tx, house.asset.text, &tom, reply, &made, err));
    json_decref(made);
    json_decref(reply);
    HOLDS(notes_out(tx, &wish, a, &file, err));
    HOLDS(strstr(file.bytes, "\"01:00:02;00\",\"01:00:02;24\",120,24,\"Maya\",\"a note to take "
                             "along\",\"Tom: will do\",open,"));
    HOLDS(strcmp(file.name, "shot.mov notes.csv") == 0 && file.count == 1);
    // the same file brought back makes nothing, also by somebody else
    HOLDS(notes_in(tx, &wish, (text){file.bytes, file.size}, &tom, a, &taken, err));
    HOLDS(json_integer_value(json_object_get(taken, "made")) == 0);
    HOLDS(json_integer_value(json_object_get(taken, "same")) == 1);
    json_decref(taken);
    wish.format = "avid";
    text avid = text_of("Eva\t01:00:00;02\tV1\tred\tcut here\t1\n"
                        "Eva\t01:09:00;02\tV1\tred\tfar\t1\n");
    for (int again = 0; again < 2; again++) {
        HOLDS(notes_in(tx, &wish, avid, &tom, a, &taken, err));
        HOLDS(json_integer_value(json_object_get(taken, "made")) == !again);
        HOLDS(json_integer_value(json_object_get(taken, "same")) == again);
        HOLDS(json_integer_value(json_object_get(taken, "left_count")) == 1);
        json_decref(taken);
    }
    int64_t there = 0;
    HOLDS(db_one_int(tx, &there, 0, err,
                     "select count(*) from comments where text = 'Eva: cut here' and frame = 62",
                     ""));
    HOLDS(there == 1);
    wish.version = house.asset.text;
    HOLDS(!notes_out(tx, &wish, a, &file, err) && err->kind == ERROR_NOT_FOUND);
    error_clear(err);
    arena_close(a);
    return true;
}

static void notes_keep_their_frames_and_come_once(void **state)
{
    (void)state;
    IN_ONE_WRITE(notes_go_out_and_come_back);
}

static bool decide(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    json_t *made = NULL, *list = NULL;
    HOLDS(status_list(tx, house.version.text, &list, err) && json_array_size(list) == 0);
    json_decref(list);
    HOLDS(status_set(tx, house.version.text, &maya, "review", "", &made, err));
    json_decref(made);
    HOLDS(!status_set(tx, house.version.text, &tom, "review", "", &made, err));
    HOLDS(err->kind == ERROR_CONFLICT);
    HOLDS(status_set(tx, house.version.text, &tom, "review", "still looking", &made, err));
    json_decref(made);
    HOLDS(status_set(tx, house.version.text, &visitor, "approved", "Ship it.", &made, err));
    json_decref(made);
    HOLDS(!status_set(tx, "01J0000000000000000000NONE", &maya, "approved", "", &made, err));
    HOLDS(err->kind == ERROR_NOT_FOUND);
    HOLDS(status_list(tx, house.version.text, &list, err) && json_array_size(list) == 3);
    json_t *newest = json_array_get(list, 0), *first = json_array_get(list, 2);
    HOLDS(strcmp(json_string_value(json_object_get(newest, "status")), "approved") == 0);
    HOLDS(strcmp(json_string_value(json_object_get(newest, "by")), "A visitor") == 0);
    HOLDS(strcmp(json_string_value(json_object_get(newest, "note")), "Ship it.") == 0);
    HOLDS(strcmp(json_string_value(json_object_get(first, "by")), "Maya") == 0);
    json_decref(list);
    json_t *version = NULL;
    HOLDS(version_get(tx, house.version.text, &version, err));
    HOLDS(strcmp(json_string_value(json_object_get(version, "status")), "approved") == 0);
    json_decref(version);
    return true;
}

static void a_version_has_a_status_and_its_history(void **state)
{
    (void)state;
    IN_ONE_WRITE(decide);
}

// ---- notes that go on to a further version by its source timecode

struct cut { // a version: where it begins and how many frames it has
    int64_t start, frames;
};

static bool add_cut(struct db_tx *tx, struct cut cut, const char *name, id *version,
                    struct error *err)
{
    struct asset_file file = {.name = name, .content = sha256_of(name, strlen(name)), .size = 10};
    struct asset_wish wish = {.project = house.project.text,
                              .name = name,
                              .kind = "clip",
                              .by = "MAYA",
                              .files = &file,
                              .file_count = 1};
    struct asset_made made;
    HOLDS(version_add(tx, house.asset.text, &wish, &made, err));
    *version = made.version;
    json_t *facts =
        json_pack("{s:s, s:s, s:I, s:{s:I, s:i, s:i, s:b}}", "kind", "clip", "rate", "30000/1001",
                  "duration_frames", (json_int_t)cut.frames, "timecode", "start_frame",
                  (json_int_t)cut.start, "base", 30, "frames_per_label", 1, "drop", 1);
    bool ok = version_facts_set(tx, version->text, facts, err);
    json_decref(facts);
    return ok;
}

// Carries without pictures; where the notes at 10, 100 and 239 went, -1: nowhere.
static bool carried_to(struct db_tx *tx, struct cut cut, const char *name, const int64_t where[3],
                       struct error *err)
{
    static const int64_t frames[] = {10, 100, 239};
    struct prints none = {.count = 0};
    int64_t carried, expected = 0;
    id version;
    HOLDS(add_cut(tx, cut, name, &version, err));
    HOLDS(notes_carry(tx, version.text, &none, &none, &carried, err));
    for (int i = 0; i < 3; i++) {
        int64_t frame, left;
        HOLDS(db_one_int(tx, &frame, -1, err,
                         "select c.frame from comments c join comments o on o.id = c.origin where "
                         "c.version = ?1 and o.frame = ?2 and c.carried = 'timecode'",
                         "si", version.text, frames[i]));
        HOLDS(db_one_int(tx, &left, 0, err,
                         "select count(*) from comments_left l join comments o on o.id = l.comment "
                         "where l.version = ?1 and o.frame = ?2 and l.why = 'its timecode is not "
                         "in this version'",
                         "si", version.text, frames[i]));
        HOLDS(frame == where[i]);
        HOLDS(left == (where[i] < 0));
        expected += where[i] >= 0;
    }
    HOLDS(carried == expected);
    return true;
}

static bool note_frames(struct db_tx *tx, struct error *err)
{
    static const char *const notes[] = {"{'version':'VERSION','frame':10,'text':'first'}",
                                        "{'version':'VERSION','frame':100,'text':'middle'}",
                                        "{'version':'VERSION','frame':239,'text':'last'}"};
    for (int i = 0; i < 3; i++) {
        json_t *said = say(tx, &maya, notes[i], err);
        HOLDS(said != NULL);
        json_decref(said);
    }
    return true;
}

// The first version has 240 frames from 107832 (00:59:58:00).
static bool go_to_handles(struct db_tx *tx, void *context, struct error *err)
{
    (void)context; // 24 more frames before and after
    return note_frames(tx, err) && carried_to(tx, (struct cut){107832 - 24, 288}, "handles.mov",
                                              (int64_t[]){34, 124, 263}, err);
}

static bool go_to_trimmed(struct db_tx *tx, void *context, struct error *err)
{
    (void)context; // 50 frames fewer at the head, and 39 at the tail
    return note_frames(tx, err) && carried_to(tx, (struct cut){107832 + 50, 151}, "trimmed.mov",
                                              (int64_t[]){-1, 50, -1}, err);
}

static bool go_to_elsewhere(struct db_tx *tx, void *context, struct error *err)
{
    (void)context; // an hour later
    return note_frames(tx, err) &&
           carried_to(tx, (struct cut){215784, 240}, "elsewhere.mov", (int64_t[]){-1, -1, -1}, err);
}

static void notes_go_to_the_same_timecode_of_a_version_that_begins_elsewhere(void **state)
{
    (void)state;
    IN_ONE_WRITE(go_to_handles);
}

static void notes_on_frames_that_were_trimmed_away_wait_for_a_place(void **state)
{
    (void)state;
    IN_ONE_WRITE(go_to_trimmed);
}

static void notes_are_not_carried_to_other_timecode(void **state)
{
    (void)state;
    IN_ONE_WRITE(go_to_elsewhere);
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_house, close_house)
    const struct CMUnitTest tests[] = {
        T(a_version_has_a_status_and_its_history),
        T(notes_go_to_the_same_timecode_of_a_version_that_begins_elsewhere),
        T(notes_on_frames_that_were_trimmed_away_wait_for_a_place),
        T(notes_are_not_carried_to_other_timecode),
        T(comments_stand_in_order_of_frame_with_their_replies),
        T(only_frames_of_the_version_are_commented),
        T(sending_again_counts_once),
        T(words_are_their_authors_and_resolving_is_everybodys),
        T(visitors_have_names_and_hold_their_own_words_only),
        T(drawings_stay_on_the_picture_and_in_bounds),
        cmocka_unit_test(labels_are_made_from_the_facts),
        T(news_hold_the_comment_as_everybody_sees_it),
        T(notes_keep_their_frames_and_come_once),
        T(a_share_is_found_by_its_key_alone),
        T(shares_have_limits),
        T(a_folder_is_shared_as_it_is_when_somebody_looks),
        T(a_request_takes_the_answers_it_asks_for),
        T(a_project_looks_like_the_house_where_it_says_nothing),
        T(a_share_ends_by_time_or_by_hand_and_says_which),
    };
    return RUN_TESTS(tests);
}
