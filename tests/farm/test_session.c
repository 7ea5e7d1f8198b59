#include "test.h"

#include "farm/session.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <jansson.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct play {
    struct arena *a;
    struct openjd_job *job;
    struct session_wish wish;
    struct session *s;
    struct buf said; // lines of programs, each with '\n'
    double progress;
    bool backwards;
    enum process_ask ask;
    const char *after; // what must have been said before `ask` is answered
    char scratch[64];
};

static void said(void *context, enum session_voice voice, text line)
{
    struct play *p = context;
    if (voice != SESSION_OUTPUT)
        return;
    buf_add(&p->said, line.at, line.size);
    buf_text(&p->said, "\n");
}

static void news(void *context, const struct session_news *n)
{
    struct play *p = context;
    p->backwards |= n->progress >= 0 && n->progress < p->progress;
    p->progress = n->progress;
}

static enum process_ask asked(void *context)
{
    struct play *p = context;
    bool now = !p->after || (p->said.at && strstr(p->said.at, p->after));
    return now ? p->ask : PROCESS_GO_ON;
}

static void make(struct play *p, const char *template)
{
    static struct openjd_mistakes mistakes;
    struct openjd_template *t;
    struct error err;
    *p = (struct play){.a = arena_open(OPENJD_ARENA_BYTES), .said = BUF_LIMIT(1 << 20)};
    strcpy(p->scratch, "/tmp/posthouse-session-XXXXXX");
    assert_non_null(mkdtemp(p->scratch));
    if (!openjd_parse(p->a, text_of(template),
                      &(struct openjd_wish){OPENJD_YAML, OPENJD_ALL_EXTENSIONS}, &t, &mistakes))
        fail_msg("line %d: %s: %s", (int)mistakes.at[0].line, mistakes.at[0].field,
                 mistakes.at[0].rule);
    if (!openjd_job_make(
            p->a, &(struct openjd_submission){.job = t, .template_folder = "/", .work_folder = "/"},
            &p->job, &err))
        fail_msg("%s: %s", err.what, err.why);
    static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "KEEP=kept",
                                              NULL};
    p->wish = (struct session_wish){.job = p->job,
                                    .scratch = p->scratch,
                                    .environment = environment,
                                    .said = said,
                                    .news = news,
                                    .ask = asked,
                                    .context = p};
}

static void open_it(struct play *p)
{
    struct error err;
    p->s = session_open(&p->wish, &err);
    if (!p->s)
        fail_msg("%s: %s", err.what, err.why);
}

static bool run_first(struct play *p, struct error *err)
{
    struct openjd_task task;
    openjd_space_item(p->a, p->job->steps[0].space, 0, 0, &task);
    error_clear(err);
    return session_task(p->s, &p->job->steps[0], &task, err);
}

static void finish(struct play *p)
{
    struct error err;
    session_close(p->s);
    assert_int_equal(rmdir(p->scratch), 0); // nothing is left in it
    assert_true(folder_remove(p->scratch, &err));
    buf_free(&p->said);
    arena_close(p->a);
}

#define SAID(p) ((p)->said.at ? (p)->said.at : "")

static void environments_are_left_in_reverse_and_take_their_variables_along(void **state)
{
    (void)state;
    struct play p;
    struct error err;
    make(&p,
         "specificationVersion: jobtemplate-2023-09\n"
         "name: N\n"
         "jobEnvironments:\n"
         "- name: One\n"
         "  variables: {A: one}\n"
         "  script:\n"
         "    actions:\n"
         "      onEnter: {command: sh, args: [-c, 'echo enter one; echo openjd_unset_env: KEEP']}\n"
         "      onExit: {command: sh, args: [-c, 'echo exit one $A ${KEEP-gone}']}\n"
         "- name: Two\n"
         "  variables: {A: two}\n"
         "  script:\n"
         "    actions:\n"
         "      onEnter: {command: sh, args: [-c, 'echo enter two; echo openjd_env: B=2']}\n"
         "      onExit: {command: sh, args: [-c, 'echo exit two $A']}\n"
         "steps:\n"
         "- name: S\n"
         "  script:\n"
         "    actions:\n"
         "      onRun: {command: sh, args: [-c, 'echo task $A $B ${KEEP-gone} ${C-none}']}\n");
    open_it(&p);
    for (size_t i = 0; i < p.job->environment_count; i++)
        assert_true(session_enter(p.s, p.job->environments[i], NULL, &err));
    assert_true(run_first(&p, &err));
    while (session_depth(p.s))
        assert_true(session_leave(p.s, &err));
    assert_true(run_first(&p, &err));
    assert_string_equal(SAID(&p), "enter one\nopenjd_unset_env: KEEP\nenter two\nopenjd_env: B=2\n"
                                  "task two 2 gone none\nexit two two\nexit one one gone\n"
                                  "task kept none\n");
    finish(&p);
}

static void a_secret_stays_hidden_in_all_that_is_told(void **state)
{
    (void)state;
    struct play p;
    struct error err;
    make(&p,
         "specificationVersion: jobtemplate-2023-09\n"
         "extensions: [REDACTED_ENV_VARS]\n"
         "name: N\n"
         "jobEnvironments:\n"
         "- name: One\n"
         "  script:\n"
         "    actions:\n"
         "      onEnter: {command: sh, args: [-c, 'echo openjd_redacted_env: KEY=hunter2; echo it "
         "is hunter2']}\n"
         "steps:\n"
         "- name: S\n"
         "  script:\n"
         "    actions:\n"
         "      onRun: {command: sh, args: [-c, 'echo $KEY; test $KEY = hunter2']}\n");
    open_it(&p);
    assert_true(session_enter(p.s, p.job->environments[0], NULL, &err));
    assert_true(run_first(&p, &err));
    assert_string_equal(SAID(&p), "openjd_redacted_env: KEY=********\nit is ********\n********\n");
    assert_true(session_leave(p.s, &err));
    finish(&p);
}

static void a_cancelled_task_is_given_notice_as_its_action_says(void **state)
{
    (void)state;
    struct play p;
    struct error err;
    make(&p, "specificationVersion: jobtemplate-2023-09\n"
             "name: N\n"
             "steps:\n"
             "- name: S\n"
             "  script:\n"
             "    embeddedFiles:\n"
             "    - {name: Run, type: TEXT, data: \"trap 'cat cancel_info.json; exit 0' TERM; echo "
             "ready; while :; do sleep 0.05; done\\n\"}\n"
             "    actions:\n"
             "      onRun: {command: sh, args: ['{{Task.File.Run}}'], cancelation: {mode: "
             "NOTIFY_THEN_TERMINATE, notifyPeriodInSeconds: 500}}\n");
    p.ask = PROCESS_CANCEL;
    p.after = "ready";
    open_it(&p);
    assert_false(run_first(&p, &err));
    assert_int_equal(err.kind, ERROR_CANCELLED);
    assert_non_null(strstr(SAID(&p), "{\"NotifyEnd\": \"20"));
    finish(&p);
}

static void what_tasks_leave_behind_ends_with_the_session(void **state)
{
    (void)state;
    struct play p;
    struct error err;
    make(&p,
         "specificationVersion: jobtemplate-2023-09\n"
         "name: N\n"
         "steps:\n"
         "- name: S\n"
         "  script:\n"
         "    actions:\n"
         "      onRun: {command: sh, args: [-c, 'setsid sh -c \"trap : TERM; echo \\$\\$ > pid; "
         "sleep 1000\" > /dev/null 2>&1 & while ! [ -s pid ]; do sleep 0.02; done; cat pid']}\n");
    open_it(&p);
    assert_true(run_first(&p, &err));
    pid_t daemon = (pid_t)strtol(SAID(&p), NULL, 10);
    assert_true(daemon > 1);
    assert_int_equal(kill(daemon, 0), 0);
    finish(&p);
    assert_true(kill(daemon, 0) < 0);
}

static void files_are_their_owners_and_their_names_stay_in_their_folder(void **state)
{
    (void)state;
    struct play p;
    struct error err;
    make(&p,
         "specificationVersion: jobtemplate-2023-09\n"
         "name: N\n"
         "steps:\n"
         "- name: S\n"
         "  script:\n"
         "    embeddedFiles:\n"
         "    - {name: Plain, type: TEXT, data: \"x\"}\n"
         "    - {name: Run, type: TEXT, runnable: true, filename: run me, data: \"#!/bin/sh\\nstat "
         "-c %a \\\"$0\\\" \\\"$@\\\" .\\n\"}\n"
         "    actions:\n"
         "      onRun: {command: '{{Task.File.Run}}', args: ['{{Task.File.Plain}}']}\n");
    open_it(&p);
    assert_true(run_first(&p, &err));
    assert_string_equal(SAID(&p), "700\n600\n700\n");
    finish(&p);
}

static void endless_variables_end_the_action_and_nothing_else(void **state)
{
    (void)state;
    struct play p;
    struct error err;
    make(&p,
         "specificationVersion: jobtemplate-2023-09\n"
         "name: N\n"
         "jobEnvironments:\n"
         "- name: Flood\n"
         "  script:\n"
         "    actions:\n"
         "      onEnter: {command: perl, args: [-e, 'while (1) { print \"openjd_env: X=\", \"y\" x "
         "60000, \"\\n\" }']}\n"
         "steps:\n"
         "- name: S\n"
         "  script: {actions: {onRun: {command: echo, args: [a]}}}\n");
    p.said.limit = 1000;
    open_it(&p);
    assert_false(session_enter(p.s, p.job->environments[0], NULL, &err));
    assert_non_null(strstr(err.why, "too many variables"));
    assert_true(session_leave(p.s, &err));
    finish(&p);
}

// ---- renderers that can not run here

static json_t *vectors(void)
{
    char path[512];
    json_error_t where;
    snprintf(path, sizeof(path), "%s/renderers.json", getenv("VECTORS"));
    json_t *all = json_load_file(path, 0, &where);
    assert_non_null(all);
    return all;
}

static void write_text(const char *path, const char *content)
{
    struct error err;
    assert_true(file_write(path, content, strlen(content), 0644, &err));
}

// A job of one task that runs the fake under the name of the product.
static void make_fake(struct play *p, const char *command, int frames)
{
    char template[2000], link[200];
    snprintf(
        template, sizeof(template),
        "specificationVersion: jobtemplate-2023-09\n"
        "extensions: [TASK_CHUNKING]\n"
        "name: N\n"
        "steps:\n"
        "- name: S\n"
        "  parameterSpace:\n"
        "    taskParameterDefinitions:\n"
        "    - {name: Frame, type: 'CHUNK[INT]', range: '1-%d', chunks: {defaultTaskCount: %d, "
        "rangeConstraint: CONTIGUOUS}}\n"
        "  script: {actions: {onRun: {command: '/tmp/posthouse-fake-%d/%s', timeout: 60}}}\n",
        frames, frames, (int)getpid(), command);
    make(p, template);
    snprintf(link, sizeof(link), "/tmp/posthouse-fake-%d/%s", (int)getpid(), command);
    unlink(link);
    assert_int_equal(symlink(getenv("FAKE_RENDERER"), link), 0);
}

static char fake_folder[100], fake_log[160], fake_log_variable[200];

static struct renderers *begin_fakes(void)
{
    struct error err;
    struct renderers *all = renderers_open(getenv("RENDERERS"), &err);
    if (!all)
        fail_msg("%s: %s", err.what, err.why);
    snprintf(fake_folder, sizeof(fake_folder), "/tmp/posthouse-fake-%d", (int)getpid());
    snprintf(fake_log, sizeof(fake_log), "%s/log", fake_folder);
    snprintf(fake_log_variable, sizeof(fake_log_variable), "FAKE_LOG=%s", fake_log);
    assert_true(folder_make(fake_folder, 0755, &err));
    return all;
}

static void end_fakes(struct renderers *all)
{
    struct error err;
    assert_true(folder_remove(fake_folder, &err));
    renderers_close(all);
}

static const char *command_of(const struct renderers *all, const char *name)
{
    static const char *const commands[] = {
        "kick",        "Render",          "vray",         "prman",  "husk",
        "hython",      "3dsmaxcmd.exe",   "aerender.exe", "nuke",   "melt",
        "Commandline", "redshiftCmdLine", "povray",       "ffmpeg", "FusionRenderNode",
        "blender"};
    const struct renderer *r = renderers_named(all, name);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (renderer_runs(r, commands[i]))
            return commands[i];
    fail_msg("%s has no command", name);
    return NULL;
}

static void play_case(const struct renderers *all, const char *name, const json_t *c)
{
    struct play p;
    struct error err;
    char exit_variable[40], signal_variable[40];
    const char *class = json_string_value(json_object_get(c, "class"));
    bool stop = json_is_true(json_object_get(c, "stop"));
    snprintf(exit_variable, sizeof(exit_variable), "FAKE_EXIT=%d",
             (int)json_integer_value(json_object_get(c, "exit")));
    snprintf(signal_variable, sizeof(signal_variable), "FAKE_SIGNAL=%.0d",
             (int)json_integer_value(json_object_get(c, "signal")));
    // One that would wait for its licence for ever is stopped.
    const char *environment[] = {"PATH=/usr/bin:/bin",
                                 fake_log_variable,
                                 exit_variable,
                                 signal_variable,
                                 stop ? "FAKE_FREEZE=yes" : NULL,
                                 NULL};
    write_text(fake_log, json_string_value(json_object_get(c, "log")));
    make_fake(&p, command_of(all, name), (int)json_integer_value(json_object_get(c, "frames")));
    p.wish.environment = environment;
    p.wish.renderers = all;
    p.wish.renderer = name;
    open_it(&p);
    bool good = run_first(&p, &err);
    const struct session_action *last = session_last(p.s);
    const char *got = good ? "good" : render_class_facts(last->verdict.class)->name;
    if (strcmp(got, class ? class : "good") != 0 || !last->judged || p.backwards)
        fail_msg("%s, %s: %s, not %s: %s: %s", name, json_string_value(json_object_get(c, "name")),
                 got, class ? class : "good", err.what, err.why);
    assert_true(good || (err.what[0] && err.why[0] && err.fix[0]));
    if (good && json_object_get(c, "progress"))
        assert_int_equal((int)p.progress, json_integer_value(json_object_get(c, "progress")));
    finish(&p);
}

static void each_absent_renderer_is_judged_by_its_log_through_a_session(void **state)
{
    (void)state;
    struct renderers *all = begin_fakes();
    json_t *known = vectors(), *cases;
    const char *name;
    json_object_foreach(known, name, cases)
    {
        const json_t *c;
        size_t i;
        json_array_foreach(cases, i, c) play_case(all, name, c);
    }
    json_decref(known);
    end_fakes(all);
}

static void a_frozen_renderer_is_found_and_stopped(void **state)
{
    (void)state;
    struct play p;
    struct error err;
    struct renderers *all = begin_fakes();
    const char *environment[] = {"PATH=/usr/bin:/bin", fake_log_variable, "FAKE_FREEZE=yes", NULL};
    write_text(fake_log, "00:00:05   773MB         |   45% done - 118 rays/pixel\n");
    make_fake(&p, "kick", 1);
    p.wish.environment = environment;
    p.wish.renderers = all; // known by its command
    p.wish.silence_s = 1;
    open_it(&p);
    assert_false(run_first(&p, &err));
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    assert_int_equal(session_last(p.s)->end.why, PROCESS_FROZEN);
    assert_int_equal((int)p.progress, 45);
    finish(&p);
    end_fakes(all);
}

static void a_scene_without_renderer_is_told_what_there_is(void **state)
{
    (void)state;
    struct error err;
    struct renderers *all = begin_fakes();
    assert_string_equal(renderer_name(renderers_of_scene(all, "/x/a.blend", &err)), "blender");
    assert_string_equal(renderer_name(renderers_of_scene(all, "/x/a.MB", &err)), "maya-arnold");
    assert_string_equal(renderer_name(renderers_of_scene(all, "a.usdc", &err)), "houdini-husk");
    assert_null(renderers_of_scene(all, "a.txt", &err));
    assert_non_null(strstr(err.why, "blender"));
    assert_null(renderers_named(all, "none"));
    end_fakes(all);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environments_are_left_in_reverse_and_take_their_variables_along),
        cmocka_unit_test(a_secret_stays_hidden_in_all_that_is_told),
        cmocka_unit_test(a_cancelled_task_is_given_notice_as_its_action_says),
        cmocka_unit_test(what_tasks_leave_behind_ends_with_the_session),
        cmocka_unit_test(files_are_their_owners_and_their_names_stay_in_their_folder),
        cmocka_unit_test(endless_variables_end_the_action_and_nothing_else),
        cmocka_unit_test(each_absent_renderer_is_judged_by_its_log_through_a_session),
        cmocka_unit_test(a_frozen_renderer_is_found_and_stopped),
        cmocka_unit_test(a_scene_without_renderer_is_told_what_there_is),
    };
    return RUN_TESTS(tests);
}
