// A template: parse; if it is good, make a job of it, and look at its first and last tasks.
#include "formats/openjd/openjd.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(struct arena *a, const struct openjd_step *step)
{
    uint64_t counts[2] = {openjd_space_items(step->space, 0), openjd_space_items(step->space, 1)};
    struct openjd_task task;
    for (int i = 0; i < 2; i++) {
        if (!counts[i])
            abort(); // a step has a task
        openjd_space_item(a, step->space, (uint64_t)i, 0, &task);
        openjd_space_item(a, step->space, (uint64_t)i, counts[i] - 1, &task);
    }
    openjd_space_cut(a, step->space, openjd_space_rows(step->space) - 1,
                     openjd_space_row_tasks(step->space) - 1, 10, &task);
    if (task.task_count != 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct arena *a = arena_open(OPENJD_ARENA_BYTES);
    struct openjd_mistakes *mistakes = ARENA_NEW(a, struct openjd_mistakes);
    struct openjd_wish wish = {data[0] == '{' ? OPENJD_JSON : OPENJD_YAML, OPENJD_ALL_EXTENSIONS};
    struct openjd_template *template;
    struct openjd_job *job;
    struct error err;
    text document = {(const char *)data, size};
    bool good = openjd_parse(a, document, &wish, &template, mistakes);
    if (good != (mistakes->count == 0))
        abort();
    struct openjd_submission s = {.job = template, .template_folder = "/t", .work_folder = "/w"};
    if (good && openjd_job_make(a, &s, &job, &err))
        for (size_t i = 0; i < job->step_count; i++)
            look_at(a, &job->steps[i]);
    arena_close(a);
    return 0;
}
