/*
 * Workers as batch jobs of Slurm, through its commands.
 *
 * `want` is one `sbatch --array=0-(n-1)`: one call whatever n is. Each array task is one worker;
 * its id is what squeue calls it, "123_4", and its worker is named after it. Everything else is
 * read back from squeue. A job is never requeued by Slurm: what is lacking the house asks for
 * again.
 *
 * Slurm is at-least-once: after a crash of its controller it may run again what had ended up to
 * five seconds before. Here that is one worker more, which finds no work and leaves.
 *
 * Native mode differs in one word only: the worker does one task (a chunk of frames) and leaves. So
 * the site's priorities, fair share and licences judge each chunk, and still the house's ledger
 * alone says which chunk it is and whether it counts.
 */
#include "farm/launch/ask.h"
#include "farm/launch/launcher.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 30000, QUEUE_BYTES = 64 << 20, QUEUE_MOST = 100000, WORDS_MOST = 64 };

struct slurm {
    struct launcher door;
    struct launch_house house;
    struct launch_slurm_wish wish;
    char sbatch[PATH_MAX], squeue[PATH_MAX], scancel[PATH_MAX], scontrol[PATH_MAX];
};

// ---- what is run on the machine

// 'it''s' for a shell.
static void quote(struct buf *b, const char *word)
{
    buf_text(b, "'");
    for (; *word; word++)
        if (*word == '\'')
            buf_text(b, "'\\''");
        else
            buf_add(b, word, 1);
    buf_text(b, "'");
}

static void script(const struct slurm *s, enum launch_kind kind, struct buf *b)
{
    buf_text(b, "#!/bin/sh\nexec ");
    quote(b, s->house.program);
    buf_text(b, " work --house=");
    quote(b, s->house.url);
    buf_text(b, " --token-file=");
    quote(b, s->house.token_file);
    if (s->house.fingerprint[0]) {
        buf_text(b, " --fingerprint=");
        quote(b, s->house.fingerprint);
    }
    if (s->house.notice[0]) {
        buf_text(b, " --notice=");
        quote(b, s->house.notice);
    }
    if (s->house.price && s->house.price[0]) {
        buf_text(b, " --worker.price=");
        quote(b, s->house.price);
    }
    buf_format(b, " --worker.slots=%d --worker.idle='%lld s'%s",
               kind == LAUNCH_NATIVE ? 1 : s->house.slots, (long long)s->house.idle_s,
               kind == LAUNCH_NATIVE ? " --worker.tasks=1" : "");
    buf_format(b, " --name=slurm-%s-\"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\"\n",
               s->house.name);
}

static const char *const *sbatch_words(const struct slurm *s, int count, enum launch_kind kind,
                                       bool test, struct arena *a)
{
    const char **words = ARENA_ARRAY(a, const char *, WORDS_MOST + 16);
    const struct launch_slurm_wish *w = &s->wish;
    size_t n = 0;
    words[n++] = s->sbatch;
    words[n++] = test ? "--test-only" : "--parsable";
    words[n++] = arena_format(a, "--job-name=posthouse-%s", s->house.name);
    words[n++] = arena_format(a, "--array=0-%d", count - 1);
    words[n++] = "--no-requeue";
    words[n++] = arena_format(a, "--output=%s", w->log[0] ? w->log : "/dev/null");
    if (w->partition[0])
        words[n++] = arena_format(a, "--partition=%s", w->partition);
    if (w->account[0])
        words[n++] = arena_format(a, "--account=%s", w->account);
    int cores = w->cores ? w->cores : kind == LAUNCH_NATIVE ? 1 : 0;
    words[n++] = "--ntasks=1";
    words[n++] = cores ? arena_format(a, "--cpus-per-task=%d", cores) : "--exclusive";
    if (w->minutes) {
        words[n++] = arena_format(a, "--time=%lld", (long long)w->minutes);
        words[n++] = "--signal=B:USR1@120";
    }
    for (text rest = text_of(w->options); rest.size && n < WORDS_MOST;) {
        text word = text_trim(text_cut(&rest, ' '));
        if (word.size)
            words[n++] = arena_copy(a, word.at, word.size);
    }
    words[n] = NULL;
    return words;
}

static bool submit(struct slurm *s, int count, enum launch_kind kind, bool test, struct buf *said,
                   struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    struct buf job = BUF_LIMIT(64 << 10);
    script(s, kind, &job);
    struct program_wish wish = {.arguments = sbatch_words(s, count, kind, test, a),
                                .input = {job.at, job.size},
                                .timeout_ms = ANSWER_MS,
                                .doing = "asking Slurm for machines"};
    bool ok = program_ask(&wish, said, NULL, err);
    if (!ok && err->kind == ERROR_CHILD)
        error_fix(err, "`posthouse nodes check` says what is in the way");
    buf_free(&job);
    arena_close(a);
    return ok;
}

static bool want(struct launcher *door, int count, enum launch_kind kind, struct error *err)
{
    struct slurm *s = (struct slurm *)door;
    struct buf said = BUF_LIMIT(4096);
    if (count < 1)
        return true;
    bool ok = submit(s, count, kind, false, &said, err);
    int64_t number;
    text line = text_trim((text){said.at ? said.at : "", said.size});
    if (ok && !text_int(text_cut(&line, ';'), &number)) { // "123" or "123;cluster"
        error_set(err, ERROR_UNSUPPORTED, "asking Slurm for machines");
        ok = error_why(err, "sbatch said '%.100s', which is no number of a job", said.at);
    }
    buf_free(&said);
    return ok;
}

// ---- what there is

static const struct {
    const char *slurm;
    enum launch_state state;
} states[] = {
    {"PENDING", LAUNCH_ASKED},      {"CONFIGURING", LAUNCH_BOOTS},   {"RUNNING", LAUNCH_RUNS},
    {"SUSPENDED", LAUNCH_RUNS},     {"STOPPED", LAUNCH_RUNS},        {"SIGNALING", LAUNCH_RUNS},
    {"STAGE_OUT", LAUNCH_ENDS},     {"COMPLETING", LAUNCH_ENDS},     {"REQUEUED", LAUNCH_ASKED},
    {"REQUEUE_HOLD", LAUNCH_ASKED}, {"RESV_DEL_HOLD", LAUNCH_ASKED}, {"SPECIAL_EXIT", LAUNCH_ASKED},
    {"REQUEUE_FED", LAUNCH_ASKED},  {"RESIZING", LAUNCH_RUNS}};

// Any other word is an end (COMPLETED, FAILED, NODE_FAIL, PREEMPTED, ...).
static bool state_of(text word, enum launch_state *state)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (text_is(word, states[i].slurm)) {
            *state = states[i].state;
            return true;
        }
    return false;
}

static int64_t seconds_ms(text word) // 0 for "N/A"
{
    int64_t seconds;
    return text_int(word, &seconds) && seconds > 0 && seconds < INT64_MAX / 1000 ? seconds * 1000
                                                                                 : 0;
}

bool slurm_queue_read(struct arena *a, text said, const char *house, struct launched **list,
                      size_t *count, struct error *err)
{
    size_t lines = 0;
    for (size_t i = 0; i < said.size; i++)
        lines += said.at[i] == '\n';
    if (lines > QUEUE_MOST) {
        error_set(err, ERROR_TOO_BIG, "Slurm's queue is too long");
        return error_why(err, "it has %zu of this house's jobs; %d can be read", lines, QUEUE_MOST);
    }
    *list = ARENA_ARRAY(a, struct launched, lines + 1);
    *count = 0;
    while (said.size) {
        text line = text_trim(text_cut(&said, '\n'));
        text id = text_cut(&line, '|'), state = text_cut(&line, '|'), node = text_cut(&line, '|');
        text asked = text_cut(&line, '|'), began = text_cut(&line, '|');
        text why = text_cut(&line, '|');
        struct launched one = {.id = ""};
        if (!id.size || id.at[0] < '0' || id.at[0] > '9' || !state_of(state, &one.state))
            continue;
        one.id = arena_copy(a, id.at, id.size);
        one.worker = arena_format(a, "slurm-%s-%s", house, one.id);
        one.asked_ms = seconds_ms(asked);
        one.began_ms = one.state == LAUNCH_ASKED ? 0 : seconds_ms(began);
        one.node = arena_copy(a, node.at, node.size);
        one.why = text_is(why, "None") ? "" : arena_copy(a, why.at, why.size);
        (*list)[(*count)++] = one;
    }
    return true;
}

static bool list(struct launcher *door, struct arena *a, struct launched **out, size_t *count,
                 struct error *err)
{
    struct slurm *s = (struct slurm *)door;
    struct buf said = BUF_LIMIT(QUEUE_BYTES);
    // --array: one line a task, also of those that are not split yet.
    const char *const words[] = {s->squeue,
                                 "--noheader",
                                 "--array",
                                 arena_format(a, "--name=posthouse-%s", s->house.name),
                                 "--states=all",
                                 "--format=%i|%T|%N|%V|%S|%r|%j",
                                 NULL};
    bool ok =
        program_ask(
            &(struct program_wish){.arguments = words,
                                   .extra = (const char *const[]){"SLURM_TIME_FORMAT=%s", NULL},
                                   .timeout_ms = ANSWER_MS,
                                   .doing = "asking Slurm for its queue"},
            &said, NULL, err) &&
        slurm_queue_read(a, (text){said.at ? said.at : "", said.size}, s->house.name, out, count,
                         err);
    buf_free(&said);
    return ok;
}

// ---- giving back

static bool cancel(struct slurm *s, const char *id, bool drain, struct error *err)
{
    struct buf said = BUF_LIMIT(4096);
    const char *words[5] = {s->scancel};
    size_t n = 1;
    // The batch script has become the worker: it alone hears the signal.
    if (drain)
        words[n++] = "--signal=USR1", words[n++] = "--batch";
    words[n++] = id;
    bool ok = program_ask(&(struct program_wish){.arguments = words,
                                                 .timeout_ms = ANSWER_MS,
                                                 .doing = "giving a machine back to Slurm"},
                          &said, NULL, err);
    // "Invalid job id": it has ended meanwhile.
    if (!ok && err->kind == ERROR_CHILD &&
        (strstr(err->why, "nvalid job id") || strstr(err->why, "already completing")))
        ok = true;
    buf_free(&said);
    return ok;
}

static bool drain(struct launcher *door, const char *id, struct error *err)
{
    return cancel((struct slurm *)door, id, true, err);
}

static bool end(struct launcher *door, const char *id, struct error *err)
{
    return cancel((struct slurm *)door, id, false, err);
}

// ---- preflight

// "MaxArraySize            = 1001": the value of a line of `scontrol show config`, or an empty
// text.
static text config_value(text said, const char *name)
{
    while (said.size) {
        text value = text_cut(&said, '\n'), key = text_trim(text_cut(&value, '='));
        if (text_is(key, name))
            return text_trim(value);
    }
    return (text){"", 0};
}

void slurm_config_judge(struct arena *a, text said, int count, struct launch_finding **list,
                        size_t *findings)
{
    static const struct {
        const char *name, *what, *why;
        int64_t room; // beyond the workers themselves
    } limits[] = {
        {"MaxArraySize", "Slurm's MaxArraySize is too low", "the largest array of jobs", 0},
        {"MaxJobCount", "Slurm's MaxJobCount is too low",
         "jobs that it remembers at once, those of others and ended ones among them", 1000},
    };
    *list = ARENA_ARRAY(a, struct launch_finding, 4);
    *findings = 0;
    for (size_t i = 0; i < 2; i++) {
        int64_t value;
        if (!text_int(config_value(said, limits[i].name), &value) ||
            value >= count + limits[i].room)
            continue;
        (*list)[(*findings)++] = (struct launch_finding){
            .bad = value < count,
            .what = limits[i].what,
            .why = arena_format(a, "it is %lld (%s) and %d workers are wanted", (long long)value,
                                limits[i].why, count),
            .fix = arena_format(a, "set %s=%lld in slurm.conf and restart slurmctld",
                                limits[i].name, (long long)count + limits[i].room + 1)};
    }
    text hidden = config_value(said, "PrivateData"), resume = config_value(said, "ResumeProgram");
    bool elastic = resume.size && !text_is(resume, "(null)");
    char data[256];
    text_copy(hidden, data, sizeof(data));
    if (elastic && !strstr(data, "cloud"))
        (*list)[(*findings)++] =
            (struct launch_finding){.what = "sinfo hides cloud nodes that are off",
                                    .why = "PrivateData does not say cloud",
                                    .fix = "add PrivateData=cloud to slurm.conf, to see them"};
}

static bool preflight(struct launcher *door, int count, struct arena *a,
                      struct launch_finding **out, size_t *findings, struct error *err)
{
    struct slurm *s = (struct slurm *)door;
    struct buf said = BUF_LIMIT(4 << 20);
    struct error no;
    const char *const words[] = {s->scontrol, "show", "config", NULL};
    bool ok = program_ask(&(struct program_wish){.arguments = words,
                                                 .timeout_ms = ANSWER_MS,
                                                 .doing = "asking Slurm for its settings"},
                          &said, NULL, err);
    if (ok) {
        slurm_config_judge(a, (text){said.at ? said.at : "", said.size}, count, out, findings);
        said.size = 0;
        // Partition, account and options are Slurm's to judge.
        if (!submit(s, 1, LAUNCH_GLIDE_IN, true, &said, &no) && *findings < 4)
            (*out)[(*findings)++] = (struct launch_finding){
                .bad = true,
                .what = "Slurm refuses a worker",
                .why = arena_text(a, no.why),
                .fix = "look at launch.partition, launch.account and launch.options"};
    }
    buf_free(&said);
    return ok;
}

static void close_slurm(struct launcher *door)
{
    free(door);
}

bool launch_slurm(const struct launch_house *house, const struct launch_slurm_wish *wish,
                  struct launcher **l, struct error *err)
{
    struct slurm *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->door = (struct launcher){"slurm", want, list, drain, end, preflight, close_slurm};
    s->house = *house;
    s->wish = *wish;
    const struct {
        const char *name;
        char *to;
    } programs[] = {{"sbatch", s->sbatch},
                    {"squeue", s->squeue},
                    {"scancel", s->scancel},
                    {"scontrol", s->scontrol}};
    for (size_t i = 0; i < 4; i++)
        if (!program_find(programs[i].name,
                          "install Slurm's commands (slurm-client) where the house runs, "
                          "or set launch=local",
                          programs[i].to, PATH_MAX, err)) {
            free(s);
            return false;
        }
    *l = &s->door;
    return true;
}
