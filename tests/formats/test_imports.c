#include "test.h"

#include "formats/deadline/deadline.h"
#include "formats/openjd/openjd.h"
#include "formats/tractor/tractor.h"

static text file(struct arena *a, const char *name)
{
    char path[600], *content = arena_take(a, 64 << 10);
    snprintf(path, sizeof(path), "%s/%s", getenv("JOBS"), name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(content, 1, 64 << 10, f);
    fclose(f);
    return (text){content, size};
}

static const char *frames(const char *said)
{
    static char out[200];
    struct arena *a = arena_open(64 << 20);
    struct import_frames f;
    struct error err;
    snprintf(out, sizeof(out), "no");
    if (deadline_frames(a, text_of(said), &f, &err))
        snprintf(out, sizeof(out), "%s%s", import_frames_text(a, &f).at,
                 f.in_order ? "" : " turned");
    arena_close(a);
    return out;
}

static void frames_are_read_in_all_their_forms(void **state)
{
    (void)state;
    assert_string_equal(frames("1-10"), "1-10");
    assert_string_equal(frames("1-10x2,20"), "1-9:2,20");
    assert_string_equal(frames("1-10step3 40"), "1-10:3,40");
    assert_string_equal(frames("0-100by50, 101every1"), "0-100:50,101");
    assert_string_equal(frames("-5--1,7"), "-5--1,7");
    assert_string_equal(frames("-2"), "-2");
    assert_string_equal(frames("10-1"), "1-10 turned");
    assert_string_equal(frames("10-1x-3"), "1-10:3 turned");
    assert_string_equal(frames("1,100,2-5"), "1-5,100 turned");
    assert_string_equal(frames("1-5,3-8"), "1-8 turned");
    assert_string_equal(frames("1-3,\t5;7"), "1-3,5,7");
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(frames((const char *const[]){"", "a", "1-", "1-5x", "1-5x0", "1..5",
                                                         "1-5y2", "1-99999999999"}[i]),
                            "no");
}

static bool lost(const struct import *im, const char *what)
{
    size_t i;
    const json_t *one;
    json_array_foreach(im->lost, i, one) if (strcmp(json_string_value(json_object_get(one, "what")),
                                                    what) == 0) return true;
    return false;
}

// What comes out is a template to our own reader too.
static void is_template(const struct import *im)
{
    struct arena *a = arena_open(OPENJD_ARENA_BYTES);
    struct openjd_template *t;
    struct openjd_mistakes mistakes = {0};
    struct openjd_wish wish = {.form = OPENJD_JSON,
                               .extensions = OPENJD_TASK_CHUNKING | OPENJD_EXPR};
    char *said = json_dumps(im->template_json, 0);
    if (!openjd_parse(a, text_of(said), &wish, &t, &mistakes)) {
        for (size_t i = 0; i < mistakes.count; i++)
            print_error("%s: %s\n", mistakes.at[i].field, mistakes.at[i].rule);
        fail();
    }
    free(said);
    arena_close(a);
}

static json_t *step_at(const struct import *im, size_t i)
{
    return json_array_get(json_object_get(im->template_json, "steps"), i);
}

// The command and its words, with blanks between.
static const char *command(const struct import *im, size_t step)
{
    static char out[2000];
    json_t *run = json_object_get(
        json_object_get(json_object_get(step_at(im, step), "script"), "actions"), "onRun");
    size_t n = (size_t)snprintf(out, sizeof(out), "%s",
                                json_string_value(json_object_get(run, "command"))),
           i;
    const json_t *word;
    json_array_foreach(json_object_get(run, "args"), i, word) n +=
        (size_t)snprintf(out + n, sizeof(out) - n, "|%s", json_string_value(word));
    return out;
}

static void import_pair(struct arena *a, const char *job, const char *plugin, struct import *im)
{
    struct error err;
    assert_true(deadline_import(a, text_of(job), text_of(plugin), im, &err));
    is_template(im);
}

static void a_maya_job_of_deadline_becomes_a_template_and_what_is_lost_is_named(void **state)
{
    (void)state;
    struct arena *a = arena_open(64 << 20);
    struct import im;
    struct error err;
    assert_true(deadline_import(a, file(a, "maya.job"), file(a, "maya.plugin"), &im, &err));
    assert_string_equal(
        command(&im, 0),
        "Render|-r|arnold|-proj|/show/sh010|-s|{{min(Task.Param.Frame)}}|-e|"
        "{{max(Task.Param.Frame)}}|-b|1|-rd|/show/sh010/beauty|-im|beauty|-cam|shotCam|"
        "-x|1920|-y|1080|-ai:lve|1|-ai:bass|2 3|/show/sh010/light v012.ma");
    json_t *options =
        json_loads("{\"pool\":\"lighting\",\"priority\":65,\"limits\":{\"arnold\":1,\"maya\":1},"
                   "\"not_hosts\":[\"old1\",\"old2\"],\"suspended\":true,\"tries\":4,\"outputs\":[{"
                   "\"step\":\"Render\",\"path\":\"/show/sh010/beauty/beauty.####.exr\"}]}",
                   0, NULL);
    assert_true(json_equal(im.options, options));
    json_decref(options);
    const char *const named[] = {"SecondaryPool", "MachineLimit", "JobDependencies",
                                 "PreJobScript",  "MysteryKey",   "Version"};
    for (size_t i = 0; i < 6; i++)
        assert_true(lost(&im, named[i]));
    assert_int_equal(json_array_size(im.lost), 6);
    import_free(&im);
    arena_close(a);
}

static void each_plugin_of_deadline_has_its_command(void **state)
{
    (void)state;
    static const struct {
        const char *job, *plugin, *command;
    } rows[] = {
        {"Plugin=Blender\nFrames=1-9\nChunkSize=3",
         "SceneFile=/a b.blend\nOutputFile=/o/f_####\nThreads=4",
         "blender|-b|/a "
         "b.blend|-noaudio|-o|/o/"
         "f_####|-t|4|-s|{{min(Task.Param.Frame)}}|-e|{{max(Task.Param.Frame)}}|-a"},
        {"Plugin=Arnold\nFrames=1-9\nChunkSize=3",
         "InputFile=/s/x.0001.ass\nVerbose=4\nCommandLineOptions=-as 6",
         "kick|-dw|-dp|-nstdin|-v|4|-as|6|-i|/s/x.{{zfill(Task.Param.Frame, 4)}}.ass"},
        {"Plugin=Vray\nFrames=1-9",
         "InputFilename=/s/x.vrscene\nOutputFilename=/o/x.exr\nWidth=0\nHeight=0",
         "vray|-sceneFile=/s/x.vrscene|-imgFile=/o/"
         "x.exr|-frames={{Task.Param.Frame}}-{{Task.Param.Frame}}|-display=0|-autoClose=1"},
        {"Plugin=Nuke\nFrames=5",
         "SceneFile=/s/c.nk\nNukeX=True\nWriteNode=Write1\nBatchMode=True\nUseGpu=False\nViews=",
         "nuke|--nukex|-X|Write1|-F|{{Task.Param.Frame}}-{{Task.Param.Frame}}|/s/c.nk"},
        {"Plugin=Nuke\nFrames=5", "SceneFile=/s/c.nk",
         "nuke|-F|{{Task.Param.Frame}}-{{Task.Param.Frame}}|-x|/s/c.nk"},
        {"Plugin=Houdini\nFrames=1-2",
         "SceneFile=/s/h.hip\nOutputDriver=/out/mantra1\nOutput=$HIP/x.$F4.exr",
         "hrender|-e|-f|{{Task.Param.Frame}}|{{Task.Param.Frame}}|-d|/out/mantra1|-o|$HIP/"
         "x.$F4.exr|/s/h.hip"},
        {"Plugin=AfterEffects\nFrames=1-2",
         "SceneFile=C:\\p.aep\nComp=Main\nOutput=C:\\o\\[####].tif\nMultiProcess=1",
         "aerender|-project|C:\\p.aep|-comp|Main|-output|C:\\o\\[####].tif|-s|{{Task.Param.Frame}}|"
         "-e|{{Task.Param.Frame}}|-mp|-v|ERRORS_AND_PROGRESS"},
        {"Plugin=Python\nFrames=7", "ScriptFile=/s/a.py\nArguments=--frame <STARTFRAME>",
         "python|/s/a.py|--frame|{{Task.Param.Frame}}"},
        {"Plugin=CommandLine\nFrames=7",
         "Executable=x\nArguments=a | b\nShellExecute=True\nShell=bash", "bash|-c|x a | b"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena *a = arena_open(64 << 20);
        struct import im;
        import_pair(a, rows[i].job, rows[i].plugin, &im);
        assert_string_equal(command(&im, 0), rows[i].command);
        assert_int_equal(json_array_size(im.lost), 0);
        import_free(&im);
        arena_close(a);
    }
}

static void a_command_line_of_deadline_keeps_quotes_frames_and_braces(void **state)
{
    (void)state;
    struct arena *a = arena_open(64 << 20);
    struct import im;
    struct error err;
    assert_true(deadline_import(a, file(a, "line.job"), file(a, "line.plugin"), &im, &err));
    assert_string_equal(command(&im, 0),
                        "env|-C|/tmp|/usr/bin/printf|%s|a b|{{zfill(Task.Param.Frame, "
                        "4)}}-{{Task.Param.Frame}}|{x}|{{ '{' }}{{ '{' }}y{{ '}' }}{{ '}' }}");
    import_free(&im);
    arena_close(a);
}

static void utf16_and_json_say_the_same(void **state)
{
    (void)state;
    static const char plain[] = "Plugin=Python\nName=h\xc3\xa9\nFrames=1-4\n",
                      script[] = "ScriptFile=/a.py\n";
    static const char json[] =
        "{\"JobInfo\":{\"Plugin\":\"Python\",\"Name\":\"h\xc3\xa9\",\"Frames\":\"1-4\"},"
        "\"PluginInfo\":{\"ScriptFile\":\"/a.py\"}}";
    char wide[200] = "\xff\xfe";
    size_t n = 2;
    for (const char *c = plain; *c; c++) {
        wide[n++] = *c == '\xc3' ? (c++, '\xe9') : *c;
        wide[n++] = 0;
    }
    struct arena *a = arena_open(64 << 20);
    struct import one, two, three;
    struct error err;
    import_pair(a, plain, script, &one);
    import_pair(a, json, "", &two);
    assert_true(deadline_import(a, (text){wide, n}, text_of(script), &three, &err));
    assert_true(json_equal(one.template_json, two.template_json));
    assert_true(json_equal(one.template_json, three.template_json));
    import_free(&one);
    import_free(&two);
    import_free(&three);
    assert_false(deadline_import(a, (text){wide, n - 1}, text_of(script), &three, &err));
    import_free(&three);
    arena_close(a);
}

static void what_can_not_be_imported_says_why(void **state)
{
    (void)state;
    struct arena *a = arena_open(64 << 20);
    struct import im;
    struct error err;
    assert_false(deadline_import(a, text_of("Name=x"), text_of(""), &im, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    import_free(&im);
    assert_false(deadline_import(a, text_of("Plugin=3dsmax\nFrames=1"), text_of(""), &im, &err));
    assert_int_equal(err.kind, ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.why, "MayaBatch"));
    import_free(&im);
    assert_false(deadline_import(a, text_of("Plugin=Nuke\nFrames=1"), text_of(""), &im, &err));
    assert_non_null(strstr(err.what, "SceneFile"));
    import_free(&im);
    assert_false(tractor_import(a, text_of("Task {a} -cmds {RemoteCmd {b}}"), &im, &err));
    import_free(&im);
    assert_false(tractor_import(a, text_of("Job -subtasks {Task {a"), &im, &err));
    assert_non_null(strstr(err.why, "brace"));
    import_free(&im);
    arena_close(a);
}

static void import_script(struct arena *a, const char *script, struct import *im)
{
    struct error err;
    bool ok = tractor_import(a, text_of(script), im, &err);
    if (!ok)
        print_error("%s: %s\n", err.what, err.why);
    assert_true(ok);
    is_template(im);
}

// "Comp<Frames,Slate": a step and what it waits for.
static const char *order(const struct import *im)
{
    static char out[2000];
    size_t n = 0, i, k;
    const json_t *step, *need;
    out[0] = 0;
    json_array_foreach(json_object_get(im->template_json, "steps"), i, step)
    {
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s", i ? " " : "",
                              json_string_value(json_object_get(step, "name")));
        json_array_foreach(json_object_get(step, "dependencies"), k, need) n +=
            (size_t)snprintf(out + n, sizeof(out) - n, "%s%s", k ? "," : "<",
                             json_string_value(json_object_get(need, "dependsOn")));
    }
    return out;
}

static void a_script_of_tractor_becomes_steps_that_wait_for_each_other(void **state)
{
    (void)state;
    struct arena *a = arena_open(64 << 20);
    struct import im;
    struct error err;
    assert_true(tractor_import(a, file(a, "show.alf"), &im, &err));
    assert_string_equal(
        order(&im), "Textures Frame<Textures Slate<Frame Comp<Textures,Frame,Slate Clean up<Comp");
    assert_string_equal(command(&im, 1),
                        "prman|-Progress|-t:0|-f|{{Task.Param.Frame}}|{{Task.Param.Word2}}");
    assert_string_equal(command(&im, 2), "{{Task.File.Run}}|sh|-c|echo \"it's $HOME {{ '{' }}{{ "
                                         "'{' }}x{{ '}' }}{{ '}' }}\"|mail|-s|done; all|ann");
    assert_string_equal(command(&im, 4), "rm|-rf|--|/show/sh010/tmp");
    assert_true(lost(&im, "Cmd") && lost(&im, "%D()") && lost(&im, "-preview") &&
                lost(&im, "-envkey"));
    assert_false(lost(&im, "-priority"));
    assert_int_equal(json_integer_value(json_object_get(im.options, "priority")), 80);
    import_free(&im);
    arena_close(a);
}

static void serial_and_parallel_siblings_keep_their_order(void **state)
{
    (void)state;
    static const struct {
        const char *script, *order;
    } rows[] = {
        {"Job -subtasks {Task a -cmds {RemoteCmd {x}}\nTask b -cmds {RemoteCmd {y z}}\n}", "a b"},
        {"Job -serialsubtasks 1 -subtasks {Task a -cmds {RemoteCmd {x}}\nTask b -cmds {RemoteCmd "
         "{x}}\n}",
         "a b<a"},
        {"Job -subtasks {Task p -subtasks {Task a -cmds {RemoteCmd x}} -cmds {RemoteCmd {y}}}",
         "a p<a"},
        {"Job -serialsubtasks 1 -subtasks {Task p -subtasks {Task a -cmds {RemoteCmd x}\nTask b "
         "-cmds {RemoteCmd {x y}}}\n"
         "Task q -subtasks {Task c -cmds {RemoteCmd x}\nTask empty\n}\nTask r -cmds {RemoteCmd z}}",
         "a b c<a,b r<c"},
        {"Job -subtasks {Task a -cmds {RemoteCmd x}\nTask b -subtasks {Instance a} -cmds "
         "{RemoteCmd {y z}}}",
         "a b<a"},
        {"Job -serialsubtasks 1 -subtasks {Task a -cmds {RemoteCmd x}\nTask b -cmds {RemoteCmd {y "
         "z}}\n"
         "Task c -subtasks {Instance a} -cmds {RemoteCmd w}}",
         "a b<a c<a,b"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena *a = arena_open(64 << 20);
        struct import im;
        import_script(a, rows[i].script, &im);
        assert_string_equal(order(&im), rows[i].order);
        import_free(&im);
        arena_close(a);
    }
}

static void ten_thousand_frames_are_ten_steps_and_a_gate(void **state)
{
    (void)state;
    struct arena *a = arena_open(512 << 20);
    struct import im;
    import_script(a,
                  "Job -title big -serialsubtasks 1 -subtasks {\nTask {Frames} -subtasks "
                  "{\nIterate i -from 1 -to 10000 -by 1 "
                  "-template {Task {Frame $i} -cmds {RemoteCmd {render -f $i -o /o/$i.exr}}}\n}\n"
                  "Task {Movie} -cmds {RemoteCmd {encode}}\n}",
                  &im);
    assert_string_equal(
        order(&im),
        "Frame Frame (2) Frame (3) Frame (4) Frame (5) Frame (6) Frame (7) Frame (8) "
        "Frame (9) Frame (10) Movie<Frame,Frame (2),Frame (3),Frame (4),Frame (5),Frame "
        "(6),Frame (7),Frame (8),Frame (9),Frame (10)");
    const json_t *space = json_object_get(json_object_get(step_at(&im, 9), "parameterSpace"),
                                          "taskParameterDefinitions");
    assert_string_equal(json_string_value(json_object_get(json_array_get(space, 0), "range")),
                        "9217-10000");
    import_free(&im);
    arena_close(a);
}

static void many_steps_are_gathered_before_one_that_waits(void **state)
{
    (void)state;
    struct arena *a = arena_open(512 << 20);
    struct buf b = BUF_LIMIT(1 << 20);
    struct import im;
    buf_text(&b, "Job -serialsubtasks 1 -subtasks {\nTask all -subtasks {\n");
    for (int i = 0; i < 200; i++) { // no two siblings alike
        buf_format(&b, "Task {t%d} -cmds {RemoteCmd {a", i);
        for (int k = 0; k < i % 2 + 1; k++)
            buf_text(&b, " x");
        buf_text(&b, "}}\n");
    }
    buf_text(&b, "}\nTask end -cmds {RemoteCmd z}\n}");
    import_script(a, b.at, &im);
    size_t i;
    const json_t *step;
    json_array_foreach(json_object_get(im.template_json, "steps"), i, step)
        assert_true(json_array_size(json_object_get(step, "dependencies")) <= 64);
    assert_string_equal(json_string_value(json_object_get(step_at(&im, i - 1), "name")), "end");
    import_free(&im);
    buf_free(&b);
    arena_close(a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_read_in_all_their_forms),
        cmocka_unit_test(a_maya_job_of_deadline_becomes_a_template_and_what_is_lost_is_named),
        cmocka_unit_test(each_plugin_of_deadline_has_its_command),
        cmocka_unit_test(a_command_line_of_deadline_keeps_quotes_frames_and_braces),
        cmocka_unit_test(utf16_and_json_say_the_same),
        cmocka_unit_test(what_can_not_be_imported_says_why),
        cmocka_unit_test(a_script_of_tractor_becomes_steps_that_wait_for_each_other),
        cmocka_unit_test(serial_and_parallel_siblings_keep_their_order),
        cmocka_unit_test(ten_thousand_frames_are_ten_steps_and_a_gate),
        cmocka_unit_test(many_steps_are_gathered_before_one_that_waits),
    };
    return RUN_TESTS(tests);
}
