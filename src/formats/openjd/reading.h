/*
 * formats/openjd reading: what the files share that read a template (template.c, template_*.c).
 *
 * Each object of the schema is a table of its fields. A reader of a field is defined by READ, or by
 * READER when other files use it; it goes on after a mistake, so that all are told at once.
 */
#pragma once
#include "formats/openjd/inside.h"
#include "formats/openjd/short_types.h"

#pragma GCC visibility push(hidden)

struct place { // where the reader is: a list from the inside out
    const struct place *up;
    const char *name; // NULL: an item
    size_t index;
};

struct reading {
    struct arena *a;
    struct openjd_mistakes *mistakes;
    const struct place *place;
    unsigned supported, extensions;
    struct openjd_scope *submit; // names known when a job is submitted
    struct openjd_scope *host;   // names known on the host, beside those of the script
    struct openjd_scope *here;   // of the script that is being read
    struct openjd_scope *timing; // of timeouts: as `submit`, with the names of wrap hooks
    bool in_step;
};

struct field {
    const char *name;
    bool needed;
    unsigned extensions; // without them it may not be there
    void (*read)(struct reading *r, const struct node *n, void *into);
};
#define READER(name) void name(struct reading *r, const struct node *n, void *into)
#define READ(name) static READER(name)

// ---- reading.c
struct lets {
    const struct openjd_let *at;
    size_t count;
};
// A mistake at the place that is read.
void wrong(struct reading *r, int64_t line, const char *rule, ...)
    __attribute__((format(printf, 3, 4)));
bool has(const struct reading *r, unsigned extensions);
bool extended(const struct reading *r); // with EXPR
bool is_kind(struct reading *r, const struct node *n, enum node_kind kind);
READER(read_name); // of steps and environments
READER(read_identifier);
READER(read_description);
void unknown_fields(struct reading *r, const struct node *n, const struct field *fields);
void read_field(struct reading *r, const struct node *n, const struct field *f, void *into);
bool read_object(struct reading *r, const struct node *n, const struct field *fields, void *into);
void ignored(struct reading *r, const struct node *n, void *into);
bool read_list(struct reading *r, const struct node *n, size_t most);
void *read_items(struct reading *r, const struct node *n, size_t size,
                 void (*read)(struct reading *, const struct node *, void *));
bool read_text(struct reading *r, const struct node *n, size_t least, size_t most, text *t);
bool read_plain_text(struct reading *r, const struct node *n, size_t least, size_t most,
                     const char *controls, text *t);
size_t bigger(const struct reading *r, size_t small, size_t big);
bool one_of(struct reading *r, const struct node *n, const char *const *names, text *t);
bool read_format(struct reading *r, const struct node *n, const struct openjd_scope *scope,
                 openjd_types wanted, struct openjd_format *f);
struct openjd_format *read_number(struct reading *r, const struct node *n, bool whole, double least,
                                  double most, bool loose, const struct openjd_scope *scope);
struct lets read_lets(struct reading *r, const struct node *n, struct openjd_scope *scope,
                      struct openjd_scope *also);

// ---- template_environments.c: actions (§5), embedded files (§6), environments (§4)
READER(read_args);
READER(read_timeout);
READER(read_cancelation);
READER(read_step_actions);
READER(read_file_data);
READER(read_files);
READER(read_script_lets);
READER(read_environment);
void name_files(struct reading *r, const struct node *script, const char *prefix);
void check_environments(struct reading *r, const struct openjd_environment *e, size_t count,
                        const struct openjd_environment *outer, size_t outer_count);

// ---- template_requirements.c (§3.3)
READER(read_requirements);

// ---- template_tasks.c (§3.4)
READER(read_space);

// ---- template_steps.c (§3)
READER(read_step);

// ---- template_parameters.c (§2)
READER(read_parameters);
openjd_types bare(openjd_types type); // what its lists hold, without them

#pragma GCC visibility pop
