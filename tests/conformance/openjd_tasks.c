// For the comparison with the reference: reads lines of JSON with a template's path and parameters,
// prints the tasks of each step, or, for {"expr": ...}, the value of an expression.
//   {"template": "t.json", "given": {"N": 3}, "chunk": 0}
#include "formats/openjd/openjd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    char *at = calloc(1, OPENJD_DOCUMENT_MOST);
    if (!f || !at)
        exit(3);
    *size = fread(at, 1, OPENJD_DOCUMENT_MOST, f);
    fclose(f);
    return at;
}

static json_t *task_json(struct arena *a, const struct openjd_task *task)
{
    json_t *object = json_object();
    for (size_t i = 0; i < task->count; i++) {
        text value = openjd_value_text(a, &task->values[i].value);
        const char *name = arena_copy(a, task->values[i].name.at, task->values[i].name.size);
        json_object_set_new(object, name, json_stringn(value.at ? value.at : "", value.size));
    }
    return object;
}

static json_t *step_json(struct arena *a, const struct openjd_step *step, uint64_t chunk)
{
    json_t *list = json_array();
    uint64_t count = openjd_space_items(step->space, chunk);
    for (uint64_t i = 0; i < count && i < 5000; i++) {
        struct openjd_task task;
        openjd_space_item(a, step->space, chunk, i, &task);
        json_array_append_new(list, task_json(a, &task));
    }
    return json_pack("{sI so}", "count", (json_int_t)count, "tasks", list);
}

static json_t *job_json(struct arena *a, json_t *asked)
{
    struct openjd_mistakes *mistakes = ARENA_NEW(a, struct openjd_mistakes);
    struct openjd_wish wish = {OPENJD_JSON, OPENJD_ALL_EXTENSIONS};
    struct openjd_template *template;
    struct openjd_given *given = NULL;
    struct openjd_job *job;
    struct error err;
    size_t size, count = 0;
    char *document = read_file(json_string_value(json_object_get(asked, "template")), &size);
    char *values = json_dumps(json_object_get(asked, "given"), 0);
    json_t *answer = NULL;
    if (!openjd_parse(a, (text){document, size}, &wish, &template, mistakes))
        answer = json_pack("{ss}", "refused", mistakes->at[0].rule);
    else if (values && !openjd_given_parse(a, text_of(values), OPENJD_JSON, &given, &count, &err))
        answer = json_pack("{ss}", "refused", err.why);
    struct openjd_submission s = {.job = template,
                                  .given = given,
                                  .given_count = count,
                                  .template_folder = "/template",
                                  .work_folder = "/work"};
    if (!answer && !openjd_job_make(a, &s, &job, &err))
        answer = json_pack("{ss}", "refused", err.why);
    if (!answer) {
        json_t *steps = json_array();
        uint64_t chunk = (uint64_t)json_integer_value(json_object_get(asked, "chunk"));
        for (size_t i = 0; i < job->step_count; i++)
            json_array_append_new(steps, step_json(a, &job->steps[i], chunk));
        answer = json_pack("{ss% so}", "name", job->name.at, job->name.size, "steps", steps);
    }
    free(document);
    free(values);
    return answer;
}

static json_t *expr_json(struct arena *a, const char *source)
{
    struct openjd_scope *scope = openjd_scope_new(a, NULL);
    struct openjd_expr *expr;
    struct openjd_value v;
    struct error err;
    if (!openjd_expr_parse(a, text_of(source), true, &expr, &err) ||
        !openjd_expr_value(a, expr, scope, OPENJD_T_ANY, &v, &err))
        return json_pack("{ss}", "refused", err.why);
    text type = openjd_types_text(a, v.type);
    text value = v.type & OPENJD_T_NULL ? text_of("null") : openjd_value_text(a, &v);
    return json_pack("{ss% ss%}", "value", value.at ? value.at : "", value.size, "type", type.at,
                     type.size);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        struct arena *a = arena_open(OPENJD_ARENA_BYTES);
        json_t *asked = json_loads(line, 0, NULL);
        const char *expr = json_string_value(json_object_get(asked, "expr"));
        json_t *answer = expr ? expr_json(a, expr) : job_json(a, asked);
        char *words = json_dumps(answer, JSON_COMPACT);
        printf("%s\n", words ? words : "{}");
        fflush(stdout);
        free(words);
        json_decref(answer);
        json_decref(asked);
        arena_close(a);
    }
    free(line);
    return 0;
}
