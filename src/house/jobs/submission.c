/*
 * A submission (docs/formats/submission.md) becomes a job: its template and values are checked as a
 * whole, and of each step the scheduler's plan is made. Tasks are counted, never listed.
 *
 * Task t of a step is place t % row_tasks of row t / row_tasks of its parameter space: a worker
 * cuts its chunks from that (openjd_space_cut).
 */
#include "formats/openjd/openjd.h"
#include "formats/sequence/sequence.h"
#include "house/jobs/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

enum { TEMPLATE_MOST = 4 << 20, OUTPUTS_MOST = 64, INPUTS_MOST = 200000, ENVIRONMENTS_MOST = 16 };

struct submitting {
    struct arena *a;
    const json_t *from, *options;
    struct openjd_job *job;
    size_t *number_of; // of each step of the template: its number among ours
};

static bool bad(struct error *err, const char *what, const char *why)
{
    error_set(err, ERROR_INPUT, "the job can not be taken: %s", what);
    return error_why(err, "%s", why);
}

// ---- the template

static bool parse_template(struct submitting *s, const char *words, bool environment,
                           struct openjd_template **to, struct error *err)
{
    struct openjd_mistakes *m = ARENA_NEW(s->a, struct openjd_mistakes);
    const char *first = words ? words + strspn(words, " \t\r\n") : "";
    struct openjd_wish wish = {*first == '{' ? OPENJD_JSON : OPENJD_YAML, OPENJD_ALL_EXTENSIONS};
    if (!words || strlen(words) > TEMPLATE_MOST)
        return bad(err, "it has no template", "a template is text of at most 4 MiB");
    if (openjd_parse(s->a, text_of(words), &wish, to, m)) {
        if ((*to)->is_environment == environment)
            return true;
        return bad(err, "the template is of the wrong kind",
                   environment ? "an environment template was expected, this is a job's"
                               : "a job template was expected, this is an environment's");
    }
    bad(err, "its template has mistakes", "");
    return error_why(err, "line %lld, %s: %s%s", (long long)m->at[0].line, m->at[0].field,
                     m->at[0].rule, m->count > 1 ? " (and others)" : "");
}

static bool make_job(struct submitting *s, struct error *err)
{
    const json_t *environments = json_object_get(s->from, "environments"), *one;
    size_t i, count = json_array_size(environments);
    struct openjd_template *template,
        **others = ARENA_ARRAY(s->a, struct openjd_template *, count + 1);
    struct openjd_given *given = NULL;
    size_t given_count = 0;
    if (count > ENVIRONMENTS_MOST)
        return bad(err, "it has too many environments", "16 at most");
    if (!parse_template(s, json_string_value(json_object_get(s->from, "template")), false,
                        &template, err))
        return false;
    json_array_foreach(environments, i, one) if (!parse_template(s, json_string_value(one), true,
                                                                 &others[i], err)) return false;
    const json_t *values = json_object_get(s->from, "parameters");
    char *text = values ? json_dumps(values, JSON_COMPACT) : NULL;
    bool ok = !text || openjd_given_parse(s->a, text_of(arena_text(s->a, text)), OPENJD_JSON,
                                          &given, &given_count, err);
    free(text);
    struct openjd_submission submission = {.job = template,
                                           .environments =
                                               (const struct openjd_template *const *)others,
                                           .environment_count = count,
                                           .given = given,
                                           .given_count = given_count,
                                           .template_folder = "/",
                                           .work_folder = "/",
                                           .defaults_may_leave = true};
    return ok && openjd_job_make(s->a, &submission, &s->job, err);
}

// ---- a step's plan

static void add_word(json_t *words, const char *how, const char *name, text value)
{
    char word[600];
    snprintf(word, sizeof(word), "%s=%.*s", name, (int)value.size, value.at);
    json_array_append_new(words, json_pack("{s:[s]}", how, word));
}

static void plan_attributes(const struct openjd_step *step, json_t *words)
{
    char word[600];
    for (size_t i = 0; i < step->attribute_count; i++) {
        const struct openjd_attribute_needed *n = &step->attributes[i];
        json_t *any = json_array();
        for (size_t k = 0; k < n->any_count; k++) {
            snprintf(word, sizeof(word), "%.*s=%.*s", (int)n->name.size, n->name.at,
                     (int)n->any_of[k].size, n->any_of[k].at);
            json_array_append_new(any, json_string(word));
        }
        if (n->any_count)
            json_array_append_new(words, json_pack("{s:O}", "any", any));
        json_decref(any);
        snprintf(word, sizeof(word), "%.*s", (int)n->name.size, n->name.at);
        for (size_t k = 0; k < n->all_count; k++)
            add_word(words, "any", word, n->all_of[k]);
    }
}

static void plan_amounts(const struct openjd_step *step, json_t *needs, json_t *limits)
{
    static const struct {
        const char *amount, *need;
        double times;
    } known[] = {{"amount.worker.vcpu", "milli_cpus", 1000},
                 {"amount.worker.memory", "memory_mib", 1},
                 {"amount.worker.disk.scratch", "scratch_mib", 1},
                 {"amount.worker.gpu", "gpus", 1},
                 {"amount.worker.gpu.memory", "gpu_memory_mib", 1}};
    for (size_t i = 0; i < step->amount_count; i++) {
        const struct openjd_amount_needed *n = &step->amounts[i];
        bool found = false;
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
            if (text_is(n->name, known[k].amount)) {
                json_object_set_new(needs, known[k].need,
                                    json_integer((json_int_t)(n->least * known[k].times + 0.999)));
                found = true;
            }
        if (!found) // an amount of the site: a licence
            json_array_append_new(limits, json_pack("{s:s%, s:I}", "name", n->name.at, n->name.size,
                                                    "amount", (json_int_t)(n->least + 0.999)));
    }
}

static void plan_options(const json_t *o, json_t *words, json_t *limits)
{
    static const struct {
        const char *option, *how, *word;
    } lists[] = {
        {"tags", "any", "tag"}, {"not_tags", "none", "tag"}, {"not_hosts", "none", "host"}};
    const char *pool = json_string_value(json_object_get(o, "pool")), *name;
    const json_t *value, *hosts = json_object_get(o, "hosts");
    size_t i;
    if (pool && *pool)
        add_word(words, "any", "pool", text_of(pool));
    for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++)
        json_array_foreach(json_object_get(o, lists[k].option), i, value)
            add_word(words, lists[k].how, lists[k].word, text_of(json_string_value(value)));
    json_t *any = json_array();
    json_array_foreach(hosts, i, value)
    {
        char word[300];
        snprintf(word, sizeof(word), "host=%s", json_string_value(value));
        json_array_append_new(any, json_string(word));
    }
    if (json_array_size(any))
        json_array_append_new(words, json_pack("{s:O}", "any", any));
    json_decref(any);
    json_object_foreach((json_t *)json_object_get(o, "limits"), name, value)
        json_array_append_new(limits, json_pack("{s:s, s:O}", "name", name, "amount", value));
}

static json_t *plan_after(struct submitting *s, const struct openjd_step *step)
{
    json_t *after = json_array();
    const json_t *one;
    size_t i;
    for (i = 0; i < step->depends_count; i++)
        json_array_append_new(
            after, json_pack("{s:I}", "step", (json_int_t)s->number_of[step->depends_on[i]]));
    json_array_foreach(json_object_get(s->options, "frames_after"), i, one)
    {
        const char *mine = json_string_value(json_object_get(one, "step"));
        const char *on = json_string_value(json_object_get(one, "on"));
        const struct openjd_step *other = on ? openjd_job_step(s->job, text_of(on)) : NULL;
        if (!mine || !other || !text_is(step->name, mine))
            continue;
        // By frames: not also as a whole.
        for (size_t k = json_array_size(after); k-- > 0;)
            if (!json_object_get(json_array_get(after, k), "from") &&
                json_integer_value(json_object_get(json_array_get(after, k), "step")) ==
                    (json_int_t)s->number_of[other->index])
                json_array_remove(after, k);
        json_array_append_new(
            after, json_pack("{s:I, s:I, s:I}", "step", (json_int_t)s->number_of[other->index],
                             "from", json_integer_value(json_object_get(one, "from")), "to",
                             json_integer_value(json_object_get(one, "to"))));
    }
    return after;
}

static json_t *plan_of(struct submitting *s, const struct openjd_step *step)
{
    struct openjd_chunking c = openjd_space_chunking(step->space);
    json_t *needs = json_object(), *words = json_array(), *limits = json_array();
    plan_amounts(step, needs, limits);
    plan_attributes(step, words);
    plan_options(s->options, words, limits);
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "index", (json_int_t)step->index,
                     "chunk", (json_int_t)(c.chunked ? c.default_count : 1), "target_ms",
                     (json_int_t)(c.chunked ? c.target_s * 1000 : 0), "needs", needs, "words",
                     words, "limits", limits, "after", plan_after(s, step));
}

static bool plan_steps(struct submitting *s, struct job_wish *wish, struct error *err)
{
    size_t count = s->job->step_count;
    struct job_step *steps = ARENA_ARRAY(s->a, struct job_step, count);
    s->number_of = ARENA_ARRAY(s->a, size_t, count);
    for (size_t i = 0; i < count; i++)
        s->number_of[s->job->order[i]] = i + 1;
    for (size_t i = 0; i < count; i++) {
        const struct openjd_step *step = &s->job->steps[s->job->order[i]];
        uint64_t tasks = openjd_space_tasks(step->space);
        if (tasks > SCHED_TASKS_MOST)
            return bad(err, "a step has too many tasks", "at most 67108864 each");
        steps[i] = (struct job_step){.name = arena_copy(s->a, step->name.at, step->name.size),
                                     .tasks = (int64_t)tasks,
                                     .plan = plan_of(s, step)};
    }
    wish->steps = steps;
    wish->step_count = count;
    return true;
}

// ---- options

enum form { WHOLE, TRUTH, TEXT, TEXTS, PATHS, OBJECT, OBJECTS, NUMBER, TIME, MONEY, JOBS };
static const struct {
    const char *name;
    enum form form;
    int64_t least, most;
} known_options[] = {
    {"priority", WHOLE, 0, 100},
    {"tier", WHOLE, 0, 5},
    {"pool", TEXT, 0, 0},
    {"tags", TEXTS, 0, 0},
    {"not_tags", TEXTS, 0, 0},
    {"hosts", TEXTS, 0, 0},
    {"not_hosts", TEXTS, 0, 0},
    {"limits", OBJECT, 0, 0},
    {"tries", WHOLE, 1, 20},
    {"stop_after", WHOLE, 0, 1000},
    {"preview_every", WHOLE, 0, 1000000},
    {"approve", TRUTH, 0, 0},
    {"frames_after", OBJECTS, 0, 0},
    {"preempts", TRUTH, 0, 0},
    {"preemptible", TRUTH, 0, 0},
    {"once", TRUTH, 0, 0},
    {"suspended", TRUTH, 0, 0},
    {"task_minutes", NUMBER, 0, 0},
    {"silence_minutes", NUMBER, 0, 0},
    {"renderer", TEXT, 0, 0},
    {"after_jobs", JOBS, 0, 0},
    {"deadline", TIME, 0, 0},
    {"budget", MONEY, 0, 0},
    {"outputs", OBJECTS, 0, 0},
    {"inputs", PATHS, 0, 0}, // what it reads: kept, for whoever looks or brings it
    {"data", TEXT, 0, 0},
    {"transfer", TEXT, 0, 0},
    {"programs", PATHS, 0, 0},
};

static bool texts(const json_t *value, size_t most)
{
    size_t i;
    const json_t *one;
    json_array_foreach(value, i, one) if (!json_is_string(one)) return false;
    return json_is_array(value) && json_array_size(value) <= most;
}

static bool objects(const json_t *value)
{
    size_t i;
    const json_t *one;
    json_array_foreach(value, i, one) if (!json_is_object(one)) return false;
    return json_is_array(value) && json_array_size(value) <= OUTPUTS_MOST;
}

static bool is_time(const json_t *value)
{
    int64_t at_ms;
    return json_is_string(value) && clock_parse(text_of(json_string_value(value)), &at_ms);
}

static bool is_money(const json_t *value)
{
    const char *currency = json_string_value(json_object_get(value, "currency"));
    const json_t *amount = json_object_get(value, "amount");
    return json_object_size(value) == 2 && currency && *currency &&
           strlen(currency) <= MONEY_MOST && json_is_number(amount) &&
           json_number_value(amount) >= 0 && json_number_value(amount) < 1e9;
}

static const char *job_named(const json_t *one)
{
    return json_string_value(json_is_object(one) ? json_object_get(one, "job") : one);
}

// ["id", {"job": "id", "anyhow": true}]
static bool is_jobs(const json_t *value)
{
    size_t i;
    const json_t *one;
    json_array_foreach(value, i, one)
    {
        const char *job = job_named(one);
        const json_t *anyhow = json_object_get(one, "anyhow");
        if (!job || !id_valid(text_of(job)) || (anyhow && !json_is_boolean(anyhow)) ||
            (json_is_object(one) && json_object_size(one) != 1u + (anyhow != NULL)))
            return false;
    }
    return json_is_array(value) && json_array_size(value) <= JOB_AFTER_MOST;
}

static bool has_form(enum form form, int64_t least, int64_t most, const json_t *value)
{
    json_int_t whole = json_integer_value(value);
    switch (form) {
    case WHOLE:
        return json_is_integer(value) && whole >= least && whole <= most;
    case TRUTH:
        return json_is_boolean(value);
    case TEXT:
        return json_is_string(value);
    case TEXTS:
        return texts(value, SCHED_CLAUSES_MOST / 2);
    case PATHS:
        return texts(value, INPUTS_MOST);
    case OBJECT:
        return json_is_object(value);
    case OBJECTS:
        return objects(value);
    case TIME:
        return is_time(value);
    case MONEY:
        return is_money(value);
    case JOBS:
        return is_jobs(value);
    default:
        return json_is_number(value) && json_number_value(value) >= 0;
    }
}

static bool check_options(const json_t *options, struct error *err)
{
    const char *name;
    json_t *value;
    enum { KNOWN = sizeof(known_options) / sizeof(known_options[0]) };
    json_object_foreach((json_t *)options, name, value)
    {
        size_t i = 0;
        while (i < KNOWN && strcmp(known_options[i].name, name) != 0)
            i++;
        if (i == KNOWN) {
            error_set(err, ERROR_INPUT, "there is no option %s", name);
            return error_fix(err, "the options of a submission: docs/formats/submission.md");
        }
        if (!has_form(known_options[i].form, known_options[i].least, known_options[i].most,
                      value)) {
            error_set(err, ERROR_INPUT, "the option %s can not be that", name);
            return error_fix(err, "its form: docs/formats/submission.md");
        }
    }
    return true;
}

static void take_policy(struct arena *a, const json_t *options, struct job_wish *wish)
{
    const json_t *after = json_object_get(options, "after_jobs"), *one;
    const json_t *deadline = json_object_get(options, "deadline");
    const json_t *budget = json_object_get(options, "budget");
    size_t i;
    struct job_after *list = ARENA_ARRAY(a, struct job_after, json_array_size(after) + 1);
    json_array_foreach(after, i, one) list[i] = (struct job_after){
        arena_text(a, job_named(one)), json_is_true(json_object_get(one, "anyhow"))};
    wish->after = list;
    wish->after_count = json_array_size(after);
    if (deadline)
        clock_parse(text_of(json_string_value(deadline)), &wish->deadline_ms);
    if (!budget)
        return;
    wish->budget =
        (int64_t)(json_number_value(json_object_get(budget, "amount")) * JOBS_MONEY + 0.5);
    wish->currency = arena_text(a, json_string_value(json_object_get(budget, "currency")));
}

// ---- staged ones

bool job_may_bring(const char *path, const char *house, const char *folders, struct error *err)
{
    text rest = text_of(folders), p = text_of(path);
    bool may = !text_trim(rest).size;
    while (rest.size && !may)
        may = path_below(p, text_trim(text_cut(&rest, ',')));
    bool plain = !strstr(path, "/../") && !strstr(path, "/./") && !strstr(path, "//");
    if (may && plain && !path_below(p, text_of(house)))
        return true;
    error_set(err, ERROR_DENIED, "no frames are brought to %.200s", path);
    error_why(err, plain ? may ? "the house keeps its own files there"
                               : "the house's setting staged.outputs does not name that folder"
                         : "the path has empty parts, or dots for parts");
    return error_fix(err, "let the job's outputs lead to another folder");
}

static bool is_output(const struct submitting *s, text path)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(s->options, "outputs"), i, one)
    {
        const char *to = json_string_value(json_object_get(one, "path"));
        const char *slash = to ? strrchr(to, '/') : NULL;
        if (slash && path_below(path, (text){to, (size_t)(slash - to)}))
            return true;
    }
    return false;
}

// What a worker must have: the inputs that were named, and what parameters say is read.
static bool plan_staging(struct submitting *s, struct job_wish *wish, struct error *err)
{
    const char *how = json_string_value(json_object_get(s->options, "data"));
    const char *transfer = json_string_value(json_object_get(s->options, "transfer"));
    const json_t *inputs = json_object_get(s->options, "inputs"), *one;
    size_t i, count = 0;
    bool staged = how && strcmp(how, "staged") == 0;
    if (how && !staged && strcmp(how, "shared") != 0)
        return bad(err, "its data can not come that way", "data is \"shared\" or \"staged\"");
    if (!staged)
        return true;
    if (!transfer)
        return bad(err, "its inputs were not brought",
                   "a staged job names the transfer that brought them, of origin \"job\"");
    const char **needs =
        ARENA_ARRAY(s->a, const char *, json_array_size(inputs) + s->job->parameter_count + 1);
    json_array_foreach(inputs, i, one) needs[count++] = json_string_value(one);
    for (i = 0; i < s->job->parameter_count; i++) {
        const struct openjd_job_parameter *p = &s->job->parameters[i];
        bool read = text_is(p->merged.data_flow, "IN") || text_is(p->merged.data_flow, "INOUT");
        text path = p->value.words;
        if (p->merged.type == OPENJD_T_PATH && read && path.size && path.at[0] == '/' &&
            !is_output(s, path))
            needs[count++] = arena_copy(s->a, path.at, path.size);
    }
    wish->transfer = transfer;
    wish->needs = needs;
    wish->need_count = count;
    wish->programs = json_object_get(s->options, "programs");
    return true;
}

bool job_submission(struct arena *a, const json_t *from, struct job_wish *wish, struct error *err)
{
    struct submitting s = {.a = a, .from = from};
    json_t *options = json_object_get(from, "options");
    s.options = options;
    if (!check_options(options, err) || !outputs_check(options, err) || !make_job(&s, err) ||
        !outputs_fit(a, s.job, options, err) || !plan_steps(&s, wish, err) ||
        !plan_staging(&s, wish, err))
        return false;
    const char *name = json_string_value(json_object_get(from, "name"));
    json_t *kept = options ? json_deep_copy(options) : json_object();
    json_object_set_new(kept, "render", json_true());
    json_object_del(kept, "programs"); // they are said in its files
    json_object_set_new(
        kept, "estimate_ms",
        json_integer(
            (json_int_t)(json_number_value(json_object_get(options, "task_minutes")) * 60000)));
    json_t *rest = json_object();
    static const char *const parts[] = {"environments", "parameters", "path_mapping"};
    for (int i = 0; i < 3; i++)
        if (json_object_get(from, parts[i]))
            json_object_set(rest, parts[i], json_object_get(from, parts[i]));
    char *text = json_dumps(rest, JSON_COMPACT);
    json_decref(rest);
    const json_t *priority = json_object_get(options, "priority");
    wish->title = name && *name ? name : arena_copy(a, s.job->name.at, s.job->name.size);
    wish->kind = "render";
    wish->priority = priority ? (int)json_integer_value(priority) : JOBS_PRIORITY;
    const json_t *tier = json_object_get(options, "tier");
    wish->tier =
        tier && !json_integer_value(tier) ? JOBS_TIER_LOWEST : (int)json_integer_value(tier);
    wish->options = kept;
    take_policy(a, options, wish);
    wish->unit = "tasks";
    wish->form = "openjd";
    wish->template = json_string_value(json_object_get(from, "template"));
    wish->parameters = arena_text(a, text);
    free(text);
    return true;
}

void job_submission_free(struct job_wish *wish)
{
    for (size_t i = 0; i < wish->step_count; i++)
        json_decref((json_t *)wish->steps[i].plan);
    json_decref((json_t *)wish->options);
}

bool job_document(struct db_tx *tx, const char *job, json_t **document, struct error *err)
{
    *document = NULL;
    struct db_rows *rows =
        db_query(tx,
                 "select d.template, d.parameters, j.options, j.title from "
                 "job_documents d join jobs j on j.number = d.job where j.id = ?1",
                 "s", job);
    if (db_next(rows))
        *document = json_pack("{s:s, s:s, s:o, s:o, s:s}", "job", job, "template", db_text(rows, 0),
                              "rest", json_loads(db_text(rows, 1), 0, NULL), "options",
                              json_loads(db_text(rows, 2), 0, NULL), "title", db_text(rows, 3));
    if (!db_end(rows, err))
        goto no;
    if (!*document)
        return error_set(err, ERROR_NOT_FOUND, "the job has no template");
    json_t *steps = json_array();
    rows = db_query(tx,
                    "select s.plan from steps s join jobs j on j.number = s.job where j.id = ?1 "
                    "order by s.number",
                    "s", job);
    while (db_next(rows)) {
        json_t *plan = json_loads(db_text(rows, 0), 0, NULL);
        json_array_append_new(steps,
                              json_integer(json_integer_value(json_object_get(plan, "index"))));
        json_decref(plan);
    }
    json_object_set_new(*document, "steps", steps);
    if (db_end(rows, err))
        return true;
no:
    json_decref(*document), *document = NULL;
    return false;
}

static json_t *values_json(struct arena *a, const struct openjd_task *task)
{
    json_t *values = json_object();
    for (size_t i = 0; i < task->count; i++) {
        const struct openjd_task_value *v = &task->values[i];
        text json = openjd_value_json(a, &v->value);
        json_object_setn_new(values, v->name.at, v->name.size,
                             json_loadb(json.at, json.size, JSON_DECODE_ANY, NULL));
    }
    return values;
}

// Of one frame, in the folders where all will look for them.
static json_t *outputs_json(struct arena *a, const json_t *options, text step,
                            const struct openjd_task *task)
{
    const struct openjd_task_value *v = openjd_task_frame(task);
    int64_t frame = !v                          ? 0
                    : v->type == OPENJD_T_RANGE ? openjd_range_at(v->value.range, 0)
                                                : v->value.whole;
    json_t *outputs = json_array();
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(options, "outputs"), i, one)
    {
        const char *of = json_string_value(json_object_get(one, "step"));
        const char *path = json_string_value(json_object_get(one, "path"));
        const char *name = path ? strrchr(path, '/') : NULL;
        if (!name || (of && !text_is(step, of)))
            continue;
        name++;
        const char *parameter = json_string_value(json_object_get(output_tiles(one), "parameter"));
        const char *whole = name;
        for (size_t k = 0; parameter && k < task->count; k++)
            if (text_is(task->values[k].name, parameter))
                whole = sequence_tile(a, name, task->values[k].value.whole);
        path = arena_format(a, "%.*s%s", (int)(name - path), path, sequence_frame(a, whole, frame));
        json_array_append_new(outputs, json_pack("{s:s}", "path", path));
    }
    return outputs;
}

bool document_job(struct arena *a, const json_t *document, struct openjd_job **job,
                  struct error *err)
{
    // Not a deep copy: what is parsed may point into the document's texts.
    json_t *from = json_copy(json_object_get(document, "rest"));
    json_object_set(from, "template", json_object_get(document, "template"));
    struct submitting s = {.a = a, .from = from};
    bool ok = make_job(&s, err);
    *job = s.job;
    json_decref(from);
    return ok;
}

// A document is submitted once more, in an arena of its own; again_free.
static struct submitting again(const json_t *document)
{
    json_t *from = json_deep_copy(json_object_get(document, "rest"));
    json_object_set(from, "template", json_object_get(document, "template"));
    return (struct submitting){.a = arena_open((size_t)1 << 31), .from = from};
}

// A step of its job; NULL with *err set.
static const struct openjd_step *step_again(struct submitting *s, const json_t *document,
                                            int64_t step, struct error *err)
{
    const json_t *index = json_array_get(json_object_get(document, "steps"), (size_t)step - 1);
    *s = again(document);
    size_t at = (size_t)json_integer_value(index);
    if (!make_job(s, err))
        return NULL;
    if (index && at < s->job->step_count)
        return &s->job->steps[at];
    error_set(err, ERROR_NOT_FOUND, "the job has no such step");
    return NULL;
}

static void again_free(struct submitting *s)
{
    arena_close(s->a);
    json_decref((json_t *)s->from);
}

bool job_task_values(const json_t *document, int64_t step, int64_t task, json_t *to,
                     struct error *err)
{
    struct submitting s;
    struct openjd_task found;
    const struct openjd_step *of = step_again(&s, document, step, err);
    bool ok = of && ((task >= 0 && (uint64_t)task < openjd_space_tasks(of->space)) ||
                     error_set(err, ERROR_NOT_FOUND, "the job has no such task"));
    if (ok) {
        uint64_t row = openjd_space_row_tasks(of->space);
        openjd_space_cut(s.a, of->space, (uint64_t)task / row, (uint64_t)task % row, 1, &found);
        json_object_set_new(to, "values", values_json(s.a, &found));
        json_object_set_new(
            to, "outputs",
            outputs_json(s.a, json_object_get(document, "options"), of->name, &found));
    }
    again_free(&s);
    return ok;
}

// Numbers in their order, those that go by one step as a run: "1-100", "5,3,1" is "5-1:-2".
static json_t *listed_numbers(const struct openjd_value *values, uint64_t count)
{
    struct buf words = BUF_LIMIT(1 << 20);
    for (uint64_t i = 0; i < count;) {
        uint64_t last = i + 1 < count ? i + 1 : i;
        int64_t by = values[last].whole - values[i].whole;
        while (by && last + 1 < count && values[last + 1].whole - values[last].whole == by)
            last++;
        bool run = by && last > i + 1;
        buf_format(&words, "%s%lld", i ? "," : "", (long long)values[i].whole);
        if (run)
            buf_format(&words, "-%lld:%lld", (long long)values[last].whole, (long long)by);
        i = run ? last + 1 : i + 1;
    }
    json_t *json = words.over ? json_null() : json_string(words.at);
    buf_free(&words);
    return json;
}

static json_t *axis_json(struct arena *a, const struct openjd_axis *x)
{
    bool numbers = !x->range && x->values[0].type == OPENJD_T_INT;
    json_t *axis =
        json_pack("{s:o, s:I, s:I, s:b}", "name", json_stringn(x->name.at, x->name.size), "span",
                  (json_int_t)x->span, "count", (json_int_t)x->count, "frame", x->frame);
    if (x->range) {
        text words = openjd_range_text(a, x->range);
        json_object_set_new(axis, "numbers", json_stringn(words.at, words.size));
    } else if (numbers) {
        json_object_set_new(axis, "numbers", listed_numbers(x->values, x->count));
    } else if (x->count <= JOBS_TEXTS_SHOWN) {
        json_t *texts = json_array();
        for (uint64_t i = 0; i < x->count; i++) {
            text t = openjd_value_text(a, &x->values[i]);
            json_array_append_new(texts, json_stringn(t.at, t.size));
        }
        json_object_set_new(axis, "texts", texts);
    }
    return axis;
}

bool job_axes(const json_t *document, int64_t step, json_t **list, struct error *err)
{
    struct submitting s;
    const struct openjd_axis *axes;
    const struct openjd_step *of = step_again(&s, document, step, err);
    *list = of ? json_array() : NULL;
    for (size_t i = 0, count = of ? openjd_space_axes(s.a, of->space, &axes) : 0; i < count; i++)
        json_array_append_new(*list, axis_json(s.a, &axes[i]));
    again_free(&s);
    return of != NULL;
}

// ---- frames by their numbers

enum { FRAMES_LOOKED_AT = 4 << 20 };

struct framing {
    struct job_run *runs;
    size_t count, room;
};

static void add_task(struct framing *f, int64_t step, int64_t task)
{
    struct job_run *last = f->count ? &f->runs[f->count - 1] : NULL;
    if (last && last->step == step && last->last + 1 == task) {
        last->last = task;
        return;
    }
    f->runs = grown(f->runs, &f->room, f->count + 1, sizeof(*f->runs));
    f->runs[f->count++] = (struct job_run){step, task, task};
}

static bool stands_for(const struct openjd_task *task, const struct openjd_range *frames)
{
    const struct openjd_task_value *v = openjd_task_frame(task);
    if (!v)
        return false;
    return openjd_range_has(frames, v->type == OPENJD_T_RANGE ? openjd_range_at(v->value.range, 0)
                                                              : v->value.whole);
}

// Tasks are looked at one after the other: only the template knows what they stand for.
static bool frames_of_step(struct framing *f, const struct openjd_step *of, int64_t number,
                           const struct openjd_range *frames, struct error *err)
{
    uint64_t tasks = openjd_space_tasks(of->space), row = openjd_space_row_tasks(of->space);
    if (!frames && tasks) {
        add_task(f, number, 0);
        f->runs[f->count - 1].last = (int64_t)tasks - 1;
        return true;
    }
    if (tasks > FRAMES_LOOKED_AT) {
        error_set(err, ERROR_TOO_BIG, "the step has too many tasks to look for frames");
        return error_fix(err, "name them by the numbers of tasks: steps/{number}/requeue");
    }
    struct arena *a = NULL;
    for (uint64_t t = 0; t < tasks; t++) {
        struct openjd_task task;
        if (t % 4096 == 0) {
            arena_close(a);
            a = arena_open(64 << 20);
        }
        openjd_space_cut(a, of->space, t / row, t % row, 1, &task);
        if (stands_for(&task, frames))
            add_task(f, number, (int64_t)t);
    }
    arena_close(a);
    return true;
}

bool job_frames(const json_t *document, const char *step, const char *frames, struct arena *to,
                struct job_run **runs, size_t *count, struct error *err)
{
    struct submitting s = again(document);
    struct framing f = {0};
    struct openjd_range range;
    const json_t *index;
    size_t i;
    bool ok =
        (!frames || openjd_range_parse(s.a, text_of(frames), &range, err)) && make_job(&s, err);
    json_array_foreach(json_object_get(document, "steps"), i, index)
    {
        size_t at = (size_t)json_integer_value(index);
        if (ok && at < s.job->step_count && (!step || text_is(s.job->steps[at].name, step)))
            ok = frames_of_step(&f, &s.job->steps[at], (int64_t)i + 1, frames ? &range : NULL, err);
    }
    if (ok && !f.count) {
        ok = error_set(err, ERROR_NOT_FOUND, "the job has no such frames");
        error_fix(err, "`posthouse job JOB` names its steps");
    }
    *runs = ARENA_ARRAY(to, struct job_run, f.count + 1);
    *count = f.count;
    if (f.count)
        memcpy(*runs, f.runs, f.count * sizeof(**runs));
    free(f.runs);
    again_free(&s);
    return ok;
}
