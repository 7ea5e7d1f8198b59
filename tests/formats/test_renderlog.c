#include "test.h"

#include "formats/renderlog/renderlog.h"

#include <dirent.h>
#include <jansson.h>

static char *read_whole(const char *folder, const char *name, size_t *size)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s can not be opened", path);
    char *at = calloc(1, 1 << 20);
    *size = fread(at, 1, (1 << 20) - 1, f);
    fclose(f);
    return at;
}

static struct renderer *load(const char *file)
{
    struct renderer *r;
    struct error err;
    size_t size;
    char *content = read_whole(getenv("RENDERERS"), file, &size);
    if (!renderer_parse(file, (text){content, size}, &r, &err))
        fail_msg("%s: %s", file, err.why);
    free(content);
    return r;
}

// Feeds the log as farm/lines would, one line at a time.
static bool feed(struct renderlog *l, const char *log, json_t *files)
{
    bool stop = false;
    double before = 0;
    for (const char *at = log; *at;) {
        size_t size = strcspn(at, "\r\n");
        struct renderlog_heard heard;
        renderlog_line(l, (text){at, size}, &heard);
        stop |= heard.stop;
        if (heard.file.size)
            json_array_append_new(files, json_stringn(heard.file.at, heard.file.size));
        assert_true(renderlog_progress(l) >= before); // never back
        before = renderlog_progress(l);
        at += size + (at[size] != 0);
    }
    return stop;
}

static void check_case(const struct renderer *r, const char *renderer, const json_t *c)
{
    const char *name = json_string_value(json_object_get(c, "name"));
    const json_t *exit_status = json_object_get(c, "exit"), *one;
    const char *class = json_string_value(json_object_get(c, "class"));
    struct renderlog *l = renderlog_open(r, json_integer_value(json_object_get(c, "frames")));
    json_t *files = json_array();
    struct render_verdict v;
    bool stop = feed(l, json_string_value(json_object_get(c, "log")), files);
    bool good =
        renderlog_verdict(l, json_is_integer(exit_status) && json_integer_value(exit_status) == 0,
                          json_object_get(c, "signal") != NULL, &v);
    const char *got = good ? "good" : render_class_facts(v.class)->name;
    if (strcmp(got, class ? class : "good") != 0)
        fail_msg("%s, %s: %s, not %s (%s)", renderer, name, got, class ? class : "good", v.line);
    if (stop != json_is_true(json_object_get(c, "stop")))
        fail_msg("%s, %s: stop", renderer, name);
    if ((one = json_object_get(c, "progress")) &&
        (int)renderlog_progress(l) != (int)json_integer_value(one))
        fail_msg("%s, %s: progress %.1f", renderer, name, renderlog_progress(l));
    if ((one = json_object_get(c, "progress_least")))
        assert_true(renderlog_progress(l) >= (double)json_integer_value(one));
    if ((one = json_object_get(c, "done")) && renderlog_frames_done(l) != json_integer_value(one))
        fail_msg("%s, %s: %d frames done", renderer, name, (int)renderlog_frames_done(l));
    if ((one = json_object_get(c, "files")))
        assert_true(json_equal(one, files));
    if ((one = json_object_get(c, "line")))
        assert_non_null(strstr(v.line, json_string_value(one)));
    json_decref(files);
    renderlog_close(l);
}

static void each_renderer_is_told_right_by_its_replayed_log(void **state)
{
    (void)state;
    json_error_t where;
    size_t size, i, count = 0;
    char *content = read_whole(getenv("VECTORS"), "renderers.json", &size);
    json_t *all = json_loadb(content, size, JSON_REJECT_DUPLICATES, &where), *cases;
    const char *name;
    free(content);
    if (!all)
        fail_msg("line %d: %s", where.line, where.text);
    json_object_foreach(all, name, cases)
    {
        char file[100];
        snprintf(file, sizeof(file), "%s.json", name);
        struct renderer *r = load(file);
        const json_t *c;
        json_array_foreach(cases, i, c) check_case(r, name, c);
        renderer_close(r);
        count++;
    }
    assert_int_equal(count, 18);
    json_decref(all);
}

// What every product may do: denied licences, an ended disk, an end in the middle with status 0.
static void every_renderer_has_rules_for_what_befalls_all(void **state)
{
    (void)state;
    DIR *folder = opendir(getenv("RENDERERS"));
    size_t count = 0;
    for (struct dirent *e; (e = readdir(folder));) {
        if (!strstr(e->d_name, ".json"))
            continue;
        struct renderer *r = load(e->d_name);
        size_t size;
        char *yaml = read_whole(getenv("RENDERERS"), renderer_template(r), &size);
        bool windows = renderer_needs_windows(r);
        bool unrun = strcmp(renderer_verified(r), "run in tests") != 0;
        // The template says so to whoever reads it.
        assert_true(windows == (strstr(yaml, "needs a Windows worker") != NULL));
        assert_true(unrun == (strstr(yaml, "not run against the product") != NULL));
        assert_true(strstr(yaml, windows ? "anyOf: [windows]" : "anyOf: [linux]") != NULL);
        struct renderlog *l = renderlog_open(r, 2);
        struct render_verdict v;
        json_t *files = json_array();
        feed(l, "std::bad_alloc\n", files);
        assert_false(renderlog_verdict(l, true, false, &v));
        assert_int_equal(v.class, RENDER_MEMORY);
        assert_string_equal(v.line, "std::bad_alloc");
        assert_true(v.says[0]);
        renderlog_close(l);
        json_decref(files);
        free(yaml);
        renderer_close(r);
        count++;
    }
    closedir(folder);
    assert_int_equal(count, 18);
}

static void a_scene_finds_its_renderer_by_its_ending(void **state)
{
    (void)state;
    static const struct {
        const char *renderer, *scene;
        int fits;
    } known[] = {{"blender.json", "/show/Sh010.BLEND", 2},
                 {"blender.json", ".blend", 0},
                 {"blender.json", "a.blend1", 0},
                 {"maya-arnold.json", "a.ma", 2},
                 {"maya-vray.json", "a.mb", 1},
                 {"ffmpeg.json", "a.mov", 1}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct renderer *r = load(known[i].renderer);
        assert_int_equal(renderer_fits(r, known[i].scene), known[i].fits);
        renderer_close(r);
    }
    struct renderer *r = load("houdini-husk.json");
    assert_true(renderer_runs(r, "/opt/hfs20/bin/husk") && renderer_runs(r, "husk"));
    assert_false(renderer_runs(r, "huskx"));
    renderer_close(r);
}

static void a_mistake_names_its_line(void **state)
{
    (void)state;
    static const char good[] =
        "{\n\"name\": \"x\",\n\"title\": \"X\",\n\"extensions\": [\".x\"],\n\"commands\": "
        "[\"x\"],\n"
        "\"template\": \"x.yaml\",\n\"verified\": \"run in tests\",\n\"silence_s\": 60,\n"
        "\"lines\": [\n {\"match\": \"(?<percent>[0-9]+)%\", \"means\": \"progress\"},\n"
        " {\"match\": \"bad\", \"means\": \"error\",\n  \"class\": \"licence\"}]}";
    static const struct {
        const char *was, *becomes, *line, *why;
    } wrong[] = {
        {"\"title\": \"X\"", "\"titel\": \"X\"", "line 3:", "did you mean title"},
        {"\"x.yaml\"", "\"../x.yaml\"", "line 6:", "beside it"},
        {"run in tests", "surely", "line 7:", "verified"},
        {"60", "\"long\"", "line 8:", "silence_s"},
        {"(?<percent>[0-9]+)%", "(?<percent>[0-9]+%", "line 10:", "character"},
        {"(?<percent>[0-9]+)%", "([0-9]+)%", "line 10:", "needs a group"},
        {"\"progress\"", "\"progres\"", "line 10:", "lines[0].means"},
        {"licence", "license", "line 12:", "lines[1].class"},
        {"bad\", ", "bad\", \"stopp\": true, ", "line 11:", "did you mean stop"},
        {"[\".x\"]", "[\"x\"]", "line 4:", "ending"},
        {"\"name\": \"x\",", "\"name\": \"x\"", "line 3", "JSON"},
    };
    struct renderer *r;
    struct error err;
    assert_true(renderer_parse("x.json", text_of(good), &r, &err));
    renderer_close(r);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char bad[2000];
        const char *at = strstr(good, wrong[i].was);
        snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - good), good, wrong[i].becomes,
                 at + strlen(wrong[i].was));
        assert_false(renderer_parse("x.json", text_of(bad), &r, &err));
        if (!strstr(err.why, wrong[i].line) ||
            (!strstr(err.why, wrong[i].why) && !strstr(err.fix, wrong[i].why)))
            fail_msg("%s: %s", wrong[i].becomes, err.why);
    }
}

static void a_hostile_pattern_meets_its_limit(void **state)
{
    (void)state;
    static const char facts[] =
        "{\"name\": \"x\", \"title\": \"X\", \"extensions\": [], \"commands\": [\"x\"], "
        "\"template\": "
        "\"x.yaml\", \"verified\": \"run in tests\", \"silence_s\": 60, \"lines\": ["
        "{\"match\": \"^(a+)+$\", \"means\": \"end\"}, {\"match\": \"(?R)?(a|b)*c\", \"means\": "
        "\"end\"}, {\"match\": \"aaa\", \"means\": \"warning\"}]}";
    struct renderer *r;
    struct error err;
    struct renderlog_heard heard;
    char line[5001];
    assert_true(renderer_parse("x.json", text_of(facts), &r, &err));
    struct renderlog *l = renderlog_open(r, 1);
    memset(line, 'a', 5000);
    line[4000] = '!';
    for (int i = 0; i < 20; i++) {
        renderlog_line(l, (text){line, 5000}, &heard);
        assert_true(heard.warning); // the rules that gave up are passed over
    }
    renderlog_close(l);
    renderer_close(r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_renderer_is_told_right_by_its_replayed_log),
        cmocka_unit_test(every_renderer_has_rules_for_what_befalls_all),
        cmocka_unit_test(a_scene_finds_its_renderer_by_its_ending),
        cmocka_unit_test(a_mistake_names_its_line),
        cmocka_unit_test(a_hostile_pattern_meets_its_limit),
    };
    return RUN_TESTS(tests);
}
