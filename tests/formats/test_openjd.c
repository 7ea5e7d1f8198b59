// formats/openjd: known answers from the specification's own tables and examples; what no table has
// is compared with the reference implementation in tests/conformance.
#include "formats/openjd/openjd.h"
#include "test.h"

#include <inttypes.h>
#include <string.h>

static struct arena *a;

static int open_arena(void **state)
{
    (void)state;
    a = arena_open(OPENJD_ARENA_BYTES);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_close(a);
    return 0;
}

static const char *shown(text t)
{
    return arena_copy(a, t.at ? t.at : "", t.size);
}

static const char *numbers(const char *words)
{
    struct openjd_range range;
    struct error err;
    if (!openjd_range_parse(a, text_of(words), &range, &err))
        return "refused";
    struct buf b = BUF_LIMIT(4000);
    for (uint64_t i = 0; i < range.count; i++)
        buf_format(&b, "%s%" PRId64, i ? "," : "", openjd_range_at(&range, i));
    const char *all = arena_copy(a, b.at, b.size);
    buf_free(&b);
    return all;
}

static void ranges_are_the_specifications_examples(void **state)
{
    (void)state;
    assert_string_equal(numbers("1 - 5"), "1,2,3,4,5"); // the table of §3.4.1.1.1
    assert_string_equal(numbers("-1 - 1"), "-1,0,1");
    assert_string_equal(numbers("1-5:2"), "1,3,5");
    assert_string_equal(numbers("10-15:2,1-5"), "1,2,3,4,5,10,12,14");
    assert_string_equal(numbers("1-10:4"), "1,5,9");
    assert_string_equal(numbers("1-10:4,10-15"), "1,5,9,10,11,12,13,14,15");
    assert_string_equal(numbers("1-10:4,9-15"), "refused"); // they overlap
    assert_string_equal(numbers("10-1:-3"), "1,4,7,10");
    assert_string_equal(numbers("5-1"), "refused");
    assert_string_equal(numbers("1-4611686018427387904"), "refused");
}

static void a_range_of_a_trillion_takes_no_room(void **state)
{
    (void)state;
    struct openjd_range range;
    struct error err;
    size_t before = arena_used(a);
    assert_true(openjd_range_parse(a, text_of("1-1000000000000:2,2000000000000"), &range, &err));
    assert_true(range.count == 500000000001);
    assert_true(openjd_range_at(&range, 499999999999) == 999999999999);
    assert_true(openjd_range_has(&range, 2000000000000));
    assert_false(openjd_range_has(&range, 4));
    assert_true(arena_used(a) - before < 1000);
}

static const char head[] = "specificationVersion: jobtemplate-2023-09\n";

static struct openjd_mistakes *mistakes_of(const char *document, struct openjd_template **template)
{
    struct openjd_mistakes *m = ARENA_NEW(a, struct openjd_mistakes);
    struct openjd_wish wish = {OPENJD_YAML, OPENJD_ALL_EXTENSIONS};
    const char *whole = arena_format(a, "%s%s", head, document);
    bool good = openjd_parse(a, text_of(whole), &wish, template, m);
    assert_true(good == (m->count == 0));
    return m;
}

static void a_mistake_names_line_field_and_rule(void **state)
{
    (void)state;
    struct openjd_template *t;
    struct openjd_mistakes *m = mistakes_of("name: N\n"
                                            "steps:\n"
                                            "  - name: S\n"
                                            "    script:\n"
                                            "      actions:\n"
                                            "        onRun:\n"
                                            "          comand: echo\n"
                                            "          args: ['{{Param.Nope}}']\n",
                                            &t);
    assert_int_equal(m->count, 3);
    assert_int_equal(m->at[0].line, 8);
    assert_string_equal(m->at[0].field, "steps[0] -> script -> actions -> onRun");
    assert_non_null(strstr(m->at[0].rule, "did you mean 'command'?"));
    assert_int_equal(m->at[2].line, 9);
    assert_string_equal(m->at[2].field, "steps[0] -> script -> actions -> onRun -> args[0]");
    assert_non_null(strstr(m->at[2].rule, "Param.Nope"));
}

static const char step[] = "steps: [{name: S, script: {actions: {onRun: {command: echo}}}}]\n";

static struct openjd_template *good(const char *document)
{
    struct openjd_template *t;
    struct openjd_mistakes *m = mistakes_of(document, &t);
    if (m->count)
        fail_msg("line %" PRId64 " %s: %s", m->at[0].line, m->at[0].field, m->at[0].rule);
    return t;
}

static void yaml_is_1_2_where_yes_is_a_word(void **state)
{
    (void)state;
    struct openjd_template *t = good(arena_format(
        a,
        "name: N\nparameterDefinitions: [{name: P, type: STRING, allowedValues: [yes, no], "
        "default: no, userInterface: {control: CHECK_BOX}}]\n%s",
        step));
    assert_string_equal(shown(t->parameters[0].fallback->words), "no");
    // Keys are unique, and there are no merge keys.
    assert_int_equal(mistakes_of(arena_format(a, "name: N\nname: M\n%s", step), &t)->count, 1);
    assert_true(mistakes_of(arena_format(a, "name: N\n<<: {description: d}\n%s", step), &t)->count >
                0);
}

static void aliases_can_not_blow_a_document_up(void **state)
{
    (void)state;
    struct openjd_template *t;
    struct buf b = BUF_LIMIT(10000);
    buf_text(&b, "x0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
    for (int i = 1; i < 12; i++)
        buf_format(&b, "x%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1,
                   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    struct openjd_mistakes *m = mistakes_of(b.at, &t);
    buf_free(&b);
    assert_int_equal(m->count, 1);
    assert_non_null(strstr(m->at[0].rule, "500000 values"));
    assert_int_equal(mistakes_of("x: &a [*a]\n", &t)->count, 1);
}

static struct openjd_job *job_of(const char *document, struct openjd_given *given, size_t count)
{
    struct openjd_job *job;
    struct error err;
    struct openjd_submission s = {.job = good(document),
                                  .given = given,
                                  .given_count = count,
                                  .template_folder = "/jobs/a",
                                  .work_folder = "/here"};
    if (!openjd_job_make(a, &s, &job, &err))
        fail_msg("%s: %s", err.what, err.why);
    return job;
}

static const char *task_text(const struct openjd_task *task)
{
    text all = {"", 0};
    for (size_t i = 0; i < task->count; i++) {
        text v = openjd_value_text(a, &task->values[i].value);
        const char *more = arena_format(a, "%s%s%s", shown(all), i ? " " : "", shown(v));
        all = text_of(more);
    }
    return shown(all);
}

static const char chunked[] =
    "extensions: [TASK_CHUNKING]\nname: N\nsteps:\n"
    "  - name: S\n"
    "    parameterSpace:\n"
    "      taskParameterDefinitions:\n"
    "        - {name: C, type: STRING, range: [a, b]}\n"
    "        - {name: F, type: 'CHUNK[INT]', range: '1,10-12,18-50', "
    "chunks: {defaultTaskCount: 10, targetRuntimeSeconds: 60, rangeConstraint: CONTIGUOUS}}\n"
    "    script: {actions: {onRun: {command: echo}}}\n";

static void contiguous_chunks_stop_at_gaps_and_are_even(void **state)
{
    (void)state;
    static const char *const expected[] = {"a 1-1",   "a 10-12", "a 18-26",
                                           "a 27-34", "a 35-42", "a 43-50"};
    const struct openjd_space *s = job_of(chunked, NULL, 0)->steps[0].space;
    struct openjd_task task;
    assert_int_equal(openjd_space_items(s, 0), 12);
    assert_int_equal(openjd_space_tasks(s), 74);
    assert_int_equal(openjd_space_items(s, 1), 74);
    for (uint64_t i = 0; i < 6; i++) {
        openjd_space_item(a, s, 0, i, &task);
        assert_string_equal(task_text(&task), expected[i]);
    }
    openjd_space_item(a, s, 0, 6, &task);
    assert_string_equal(task_text(&task), "b 1-1");
}

static void rows_are_cut_as_the_scheduler_likes_and_nothing_is_lost(void **state)
{
    (void)state;
    const struct openjd_space *s = job_of(chunked, NULL, 0)->steps[0].space;
    for (uint64_t most = 1; most < 40; most++) {
        uint64_t seen = 0;
        for (uint64_t row = 0; row < openjd_space_rows(s); row++) {
            struct openjd_task task;
            for (uint64_t place = 0; place < openjd_space_row_tasks(s); place += task.task_count) {
                openjd_space_cut(a, s, row, place, most, &task);
                assert_in_range(task.task_count, 1, most);
                seen += task.task_count;
            }
        }
        assert_int_equal(seen, openjd_space_tasks(s));
    }
    struct openjd_chunking c = openjd_space_chunking(s);
    assert_int_equal(openjd_chunk_next(&c, 10, 5000), 120); // 2 tasks a second, 60 s
    assert_int_equal(openjd_chunk_next(&c, 1, 600000), 1);
    assert_int_equal(openjd_chunk_next(&c, 0, 0), 10);
}

// What a page says of a task by its axes is what a worker is given for it.
static void axes_name_every_task(void **state)
{
    (void)state;
    static const char *const spaces[] = {
        "    taskParameterDefinitions:\n"
        "    - {name: Layer, type: STRING, range: [beauty, matte, volume]}\n"
        "    - {name: Frame, type: INT, range: '1001-1010,1020-1030:5'}\n"
        "    - {name: Tile, type: INT, range: [4, 3, 1]}\n"
        "    - {name: Look, type: FLOAT, range: [1.5, 2.5, 3.5]}\n"
        "    combination: '(Layer, Tile) * Frame * Look'\n",
        "    taskParameterDefinitions:\n"
        "    - {name: A, type: INT, range: 1-3}\n"
        "    - {name: B, type: INT, range: 1-4}\n"
        "    - {name: C, type: INT, range: 11-22}\n"
        "    combination: '(A * B, C)'\n"};
    for (int i = 0; i < 3; i++) {
        char words[2000];
        snprintf(words, sizeof(words),
                 "name: x\nsteps:\n- name: s\n"
                 "  parameterSpace:\n%s  script: {actions: {onRun: {command: a}}}\n",
                 i < 2 ? spaces[i] : "");
        const struct openjd_space *s = job_of(i < 2 ? words : chunked, NULL, 0)->steps[0].space;
        const struct openjd_axis *axes;
        size_t count = openjd_space_axes(a, s, &axes), frames = 0;
        uint64_t row = openjd_space_row_tasks(s);
        for (size_t k = 0; k < count; k++)
            frames += axes[k].frame;
        assert_int_equal(frames, 1);
        for (uint64_t t = 0; t < openjd_space_tasks(s); t++) {
            struct openjd_task task;
            openjd_space_cut(a, s, t / row, t % row, 1, &task);
            assert_int_equal(task.count, count);
            for (size_t k = 0; k < count; k++) {
                const struct openjd_axis *x = &axes[k];
                uint64_t index = t / x->span % x->count;
                const struct openjd_task_value *v = &task.values[k];
                assert_true(v->name.size == x->name.size);
                if (v->type == OPENJD_T_RANGE)
                    assert_true(openjd_range_at(v->value.range, 0) ==
                                openjd_range_at(x->range, index));
                else if (x->range)
                    assert_true(v->value.whole == openjd_range_at(x->range, index));
                else
                    assert_memory_equal(&v->value, &x->values[index], sizeof(v->value));
                assert_true(x->frame == (v == openjd_task_frame(&task)));
            }
        }
    }
}

static void a_task_is_found_by_its_values(void **state)
{
    (void)state;
    const struct openjd_space *s = job_of(chunked, NULL, 0)->steps[0].space;
    struct openjd_given given[] = {{text_of("C"), openjd_string(text_of("b"))},
                                   {text_of("F"), openjd_string(text_of("20-22"))}};
    struct openjd_task task;
    struct error err;
    assert_true(openjd_space_find(a, s, given, 2, &task, &err));
    assert_string_equal(task_text(&task), "b 20-22");
    given[1].value = openjd_string(text_of("12-18"));
    assert_false(openjd_space_find(a, s, given, 2, &task, &err));
    given[1].name = text_of("G");
    assert_false(openjd_space_find(a, s, given, 2, &task, &err));
}

static void paths_are_joined_and_defaults_stay_in(void **state)
{
    (void)state;
    const char *document =
        arena_format(a,
                     "name: N\nparameterDefinitions: [{name: D, type: PATH, default: x/../y}, "
                     "{name: V, type: PATH}]\n%s",
                     step);
    struct openjd_given given = {text_of("V"), openjd_string(text_of("in.exr"))};
    struct openjd_job *job = job_of(document, &given, 1);
    assert_string_equal(shown(job->parameters[0].value.words), "/jobs/a/y");
    assert_string_equal(shown(job->parameters[1].value.words), "/here/in.exr");
    const char *leaves = arena_format(
        a, "name: N\nparameterDefinitions: [{name: D, type: PATH, default: ../b}]\n%s", step);
    struct openjd_submission s = {
        .job = good(leaves), .template_folder = "/jobs/a", .work_folder = "/"};
    struct error err;
    assert_false(openjd_job_make(a, &s, &job, &err));
    assert_non_null(strstr(err.why, "leaves the template's folder"));
    s.defaults_may_leave = true;
    assert_true(openjd_job_make(a, &s, &job, &err));
}

static void environments_narrow_parameters(void **state)
{
    (void)state;
    static const char environment[] =
        "specificationVersion: environment-2023-09\n"
        "parameterDefinitions: [{name: N, type: INT, minValue: 3, default: 4}]\n"
        "environment: {name: E, variables: {A: '{{Param.N}}'}}\n";
    struct openjd_mistakes *m = ARENA_NEW(a, struct openjd_mistakes);
    struct openjd_wish wish = {OPENJD_YAML, OPENJD_ALL_EXTENSIONS};
    struct openjd_template *e;
    assert_true(openjd_parse(a, text_of(environment), &wish, &e, m));
    const struct openjd_template *all[] = {e};
    struct openjd_given given = {text_of("N"), openjd_whole(2)};
    struct openjd_submission s = {
        .job = good(arena_format(a,
                                 "name: '{{Param.N}}'\nparameterDefinitions: [{name: N, type: "
                                 "INT, maxValue: 9}]\n%s",
                                 step)),
        .environments = all,
        .environment_count = 1,
        .template_folder = "/",
        .work_folder = "/"};
    struct openjd_job *job;
    struct error err;
    assert_true(openjd_job_make(a, &s, &job, &err));
    assert_string_equal(shown(job->name), "4");
    s.given = &given;
    s.given_count = 1;
    assert_false(openjd_job_make(a, &s, &job, &err));
    assert_non_null(strstr(err.why, "less than minValue"));
}

static const char hosted[] =
    "extensions: [EXPR, FEATURE_BUNDLE_1]\nname: N\n"
    "parameterDefinitions: [{name: P, type: PATH, default: s/f_0001.exr}, {name: Q, type: INT, "
    "default: 0}]\n"
    "steps:\n"
    "  - name: S\n"
    "    parameterSpace: {taskParameterDefinitions: [{name: F, type: INT, range: '1-3'}]}\n"
    "    bash:\n"
    "      let: ['out = Param.P.with_number(Task.Param.F)']\n"
    "      script: 'echo {{repr_sh(out)}}'\n"
    "      args: ['{{out}}', '{{null}}', \"{{['-q', Param.Q]}}\", 'r={{RawParam.P}}']\n"
    "      timeout: '{{Param.Q if Param.Q > 0 else null}}'\n";

static void a_task_becomes_a_command(void **state)
{
    (void)state;
    struct openjd_path_rule rule = {OPENJD_POSIX, text_of("/jobs"), text_of("/mnt/j")};
    struct openjd_path_rules rules = {&rule, 1};
    struct openjd_session session = {"/w", "/w/rules.json", &rules, OPENJD_POSIX};
    struct openjd_job *job = job_of(hosted, NULL, 0);
    const struct openjd_step *s = &job->steps[0];
    const struct openjd_script *script = s->of->script;
    struct openjd_scope *scope = openjd_session_scope(a, job, &session), *task_scope;
    struct openjd_command command;
    struct openjd_task task;
    struct error err;
    const char *files[] = {"/w/Script.sh"};
    text content;
    openjd_space_item(a, s->space, 0, 1, &task);
    assert_true(openjd_task_scope(a, scope, s, &task, files, &task_scope, &err));
    assert_true(openjd_command_make(a, script->on_run, OPENJD_ON_RUN, task_scope, &command, &err));
    static const char *const expected[] = {
        "bash", "/w/Script.sh", "/mnt/j/a/s/f_0002.exr", "-q", "0", "r=/jobs/a/s/f_0001.exr"};
    assert_int_equal(command.argc, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(command.argv[i], expected[i]);
    assert_null(command.argv[6]);
    assert_int_equal(command.timeout_s, 0);
    assert_int_equal(command.notify_s, 120);
    assert_true(
        openjd_file_content(a, &script->files[0], task_scope, OPENJD_POSIX, &content, &err));
    assert_string_equal(shown(content), "echo /mnt/j/a/s/f_0002.exr");
}

static void paths_are_mapped_by_the_longest_rule(void **state)
{
    (void)state;
    struct openjd_path_rules rules;
    struct error err;
    text to;
    static const char document[] =
        "{\"version\": \"pathmapping-1.0\", \"path_mapping_rules\": ["
        "{\"source_path_format\": \"POSIX\", \"source_path\": \"/a\", \"destination_path\": "
        "\"/x\"},"
        "{\"source_path_format\": \"POSIX\", \"source_path\": \"/a/b\", \"destination_path\": "
        "\"/y\"},"
        "{\"source_path_format\": \"WINDOWS\", \"source_path\": \"C:\\\\Show\", "
        "\"destination_path\": \"/show\"}]}";
    assert_true(openjd_path_rules_parse(a, text_of(document), &rules, &err));
    assert_true(openjd_path_map(a, &rules, text_of("/a/b/c"), OPENJD_POSIX, &to));
    assert_string_equal(shown(to), "/y/c");
    assert_true(openjd_path_map(a, &rules, text_of("/a/bc"), OPENJD_POSIX, &to));
    assert_string_equal(shown(to), "/x/bc");
    assert_false(openjd_path_map(a, &rules, text_of("/ab"), OPENJD_POSIX, &to));
    assert_false(openjd_path_map(a, &rules, text_of("a/b"), OPENJD_POSIX, &to));
    assert_true(openjd_path_map(a, &rules, text_of("c:/show\\s1/f.exr"), OPENJD_POSIX, &to));
    assert_string_equal(shown(to), "/show/s1/f.exr");
    text json = openjd_path_rules_json(a, &rules);
    struct openjd_path_rules again;
    assert_true(openjd_path_rules_parse(a, json, &again, &err));
    assert_int_equal(again.count, 3);
}

static enum openjd_message_kind kind_of(const char *line, struct openjd_message *m)
{
    openjd_message_parse(a, text_of(line), m);
    return m->kind;
}

static void what_actions_say_is_read_and_what_looks_like_it_fails(void **state)
{
    (void)state;
    struct openjd_message m;
    assert_int_equal(kind_of("openjd_progress: 50.5", &m), OPENJD_PROGRESS);
    assert_true(m.progress == 50.5);
    assert_int_equal(kind_of("openjd_progress: 101", &m), OPENJD_IGNORED);
    assert_int_equal(kind_of("openjd_status: half way", &m), OPENJD_STATUS);
    assert_string_equal(shown(m.words), "half way");
    assert_int_equal(kind_of("openjd_env: A=b=c", &m), OPENJD_ENV);
    assert_string_equal(shown(m.value), "b=c");
    assert_int_equal(kind_of("openjd_env: \"A=x\\ny\"", &m), OPENJD_ENV);
    assert_string_equal(shown(m.value), "x\ny");
    assert_int_equal(kind_of("openjd_unset_env: A", &m), OPENJD_UNSET_ENV);
    assert_int_equal(kind_of("openjd_redacted_env: A=s", &m), OPENJD_REDACTED_ENV);
    assert_int_equal(kind_of("openjd_ENV: A=b", &m), OPENJD_MALFORMED);
    assert_int_equal(kind_of("openjd_env:A=b", &m), OPENJD_MALFORMED);
    assert_int_equal(kind_of("openjd_env: 1A=b", &m), OPENJD_MALFORMED);
    assert_int_equal(kind_of("openjd_unset_env: A B", &m), OPENJD_MALFORMED);
    assert_int_equal(kind_of("openjd_environment is set", &m), OPENJD_PLAIN);
    assert_int_equal(kind_of(" openjd_status: no", &m), OPENJD_PLAIN);
    text secrets[] = {text_of("tok"), text_of("one\ntwo")};
    assert_string_equal(shown(openjd_redact(a, text_of("a toktok b two"), secrets, 2)),
                        "a ******** b ********");
}

static const char *value_of(const char *source)
{
    struct openjd_expr *expr;
    struct openjd_value v;
    struct error err;
    struct openjd_scope *scope = openjd_scope_new(a, NULL);
    if (!openjd_expr_parse(a, text_of(source), true, &expr, &err) ||
        !openjd_expr_value(a, expr, scope, OPENJD_T_ANY, &v, &err))
        return arena_format(a, "refused: %s", err.why);
    return shown(openjd_value_text(a, &v));
}

static void expressions_end_within_their_bounds(void **state)
{
    (void)state;
    assert_non_null(strstr(value_of("sum([sum([y for y in range(5000)]) for x in range(5000)])"),
                           "10 million operations"));
    assert_non_null(strstr(value_of("len('ab' * 200000000)"), "100 MB"));
    assert_non_null(strstr(value_of("re_search('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', "
                                    "r'(a|aa)+$')"),
                           "too many steps"));
    struct buf b = BUF_LIMIT(100000);
    for (int i = 0; i < 20000; i++)
        buf_text(&b, "(");
    assert_non_null(strstr(value_of(b.at), "64 deep"));
    buf_free(&b);
}

static void expressions_are_the_specifications_examples(void **state)
{
    (void)state;
    assert_string_equal(value_of("-7 % 3"), "2");
    assert_string_equal(value_of("-7 // 3"), "-3");
    assert_string_equal(value_of("2 ** -3"), "0.125");
    assert_string_equal(value_of("zfill(3.14, 8)"), "00003.14");
    assert_string_equal(value_of("round(1234.5, -1)"), "1230");
    assert_string_equal(value_of("round(3.5, 2)"), "3.50");
    assert_string_equal(value_of("re_search(\"asset_v042_final.abc\", r\"_v(\\d+)\")"),
                        "[\"_v042\", \"042\"]");
    assert_string_equal(value_of("repr_cmd('a ^ b')"), "\"a ^^ b\"");
    assert_string_equal(value_of("path('s3://bucket/a//b/c').parts"),
                        "[\"s3://bucket\", \"a\", \"\", \"b\", \"c\"]");
    assert_string_equal(value_of("path('/d/file_003.exr').with_number(-1)"), "/d/file_-01.exr");
    assert_string_equal(value_of("null or 'x'"), "x");
    assert_non_null(strstr(value_of("'5' + 5"), "refused"));
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, open_arena, close_arena)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(ranges_are_the_specifications_examples),
        WITH_ARENA(a_range_of_a_trillion_takes_no_room),
        WITH_ARENA(a_mistake_names_line_field_and_rule),
        WITH_ARENA(yaml_is_1_2_where_yes_is_a_word),
        WITH_ARENA(aliases_can_not_blow_a_document_up),
        WITH_ARENA(contiguous_chunks_stop_at_gaps_and_are_even),
        cmocka_unit_test_setup_teardown(rows_are_cut_as_the_scheduler_likes_and_nothing_is_lost,
                                        open_arena, close_arena),
        WITH_ARENA(axes_name_every_task),
        WITH_ARENA(a_task_is_found_by_its_values),
        WITH_ARENA(paths_are_joined_and_defaults_stay_in),
        WITH_ARENA(environments_narrow_parameters),
        WITH_ARENA(a_task_becomes_a_command),
        WITH_ARENA(paths_are_mapped_by_the_longest_rule),
        cmocka_unit_test_setup_teardown(what_actions_say_is_read_and_what_looks_like_it_fails,
                                        open_arena, close_arena),
        WITH_ARENA(expressions_end_within_their_bounds),
        WITH_ARENA(expressions_are_the_specifications_examples),
    };
    return RUN_TESTS(tests);
}
