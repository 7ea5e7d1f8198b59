/*
 * formats/openjd inside: what the files of this folder share and nobody else includes.
 */
#pragma once
#include "formats/openjd/openjd.h"

#pragma GCC visibility push(hidden)

// --- tree: a YAML or JSON document, each value with its line ---

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_TEXT, NODE_LIST, NODE_MAP };
struct node {
    enum node_kind kind;
    int64_t line;
    text words; // TEXT: the value; INT, FLOAT: as written
    bool truth; // BOOL
    bool fits;  // INT: whole holds it
    int64_t whole;
    double real;         // INT, FLOAT
    struct node **items; // LIST, MAP
    text *keys;          // MAP
    int64_t *key_lines;
    size_t count;
    size_t weight; // values in it, itself too
    int depth;     // 1: has nothing inside
};
// False: *line and `rule` say where and why.
bool tree_parse(struct arena *a, text document, enum openjd_form form, struct node **root,
                int64_t *line, const char **rule);
const struct node *tree_field(const struct node *map, const char *name); // or NULL
text tree_json(struct arena *a, const struct node *n);
const char *tree_kind_name(const struct node *n); // "a list"

// --- small helpers ---

size_t utf8_length(text t);               // characters
size_t utf8_put(char *to, uint32_t code); // at most 4 bytes; how many
bool text_same(text a, text b);
bool text_same_any_case(text a, text b);  // ASCII
text text_lower(struct arena *a, text t); // ASCII
text text_join(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
#define TEXT_ARGS(t) (int)(t).size, (t).at ? (t).at : ""
// Whole text is a number, "+1", " 1 " too; a decimal one as JSON, Python and YAML write them.
bool number_whole(text t, int64_t *whole);
bool number_real(text t, double *real); // finite
bool name_is_identifier(text t);
bool uri_is(text t);                                      // "scheme://..."
bool has_control_characters(text t, const char *allowed); // Cc (§9)
text real_text(struct arena *a, double real); // shortest that reads back, as Python writes it

// --- values ---

struct openjd_value value_null(void);
struct openjd_value value_real(double real, text written);
struct openjd_value value_range(struct arena *a, struct openjd_range range);
struct openjd_value value_list(openjd_types item_type, const struct openjd_value *items,
                               size_t count);
bool value_same(const struct openjd_value *a, const struct openjd_value *b); // E§1.2.5
openjd_types types_item(openjd_types lists); // of what they are lists
bool type_single(openjd_types t);
struct openjd_value value_copy(struct arena *a, const struct openjd_value *v); // deep
// E§1.2.3: into one of the wanted types without loss. `a` holds what is made.
bool value_coerce(struct arena *a, const struct openjd_value *v, openjd_types wanted,
                  struct openjd_value *out, struct error *err);
// Into one type, from text: as parameters come from a command line.
bool value_read(struct arena *a, text words, openjd_types type, struct openjd_value *out);
bool truth_read(text words, bool *truth); // true yes on 1 ...
void json_quote(struct buf *b, text t, bool ascii);

// --- paths ---

// pathlib's view of a path: drive and root apart, no "." and no empty parts.
struct pure_path {
    bool uri;
    text anchor;      // "/", "//", "C:\\", "\\\\server\\share\\", "s3://bucket" or empty
    const text *part; // after the anchor
    size_t count;
    bool absolute;
};
struct pure_path pure_split(struct arena *a, text path, enum openjd_paths form);
text pure_build(struct arena *a, const struct pure_path *p, enum openjd_paths form);
text pure_clean(struct arena *a, text path, enum openjd_paths form);
text pure_join(struct arena *a, text left, text right, enum openjd_paths form);
// "a/../b" -> "b"; never above the root. POSIX.
text pure_normal(struct arena *a, text path);
text pure_name(const struct pure_path *p); // last part or empty

// --- expressions ---

struct eval {            // one evaluation
    struct arena *arena; // of what is worked on now; the turns of a loop have their own
    struct arena *whole; // lives as long as the evaluation
    size_t held_bytes;   // in arenas further out
    const struct openjd_scope *scope;
    uint64_t operations;
    int depth;
    struct error *err;
    enum openjd_paths form;
    const struct openjd_path_rules *rules;
    bool on_host;
    struct regex_kept *regexes;
};
bool eval_spend(struct eval *e, uint64_t operations);
bool eval_spend_text(struct eval *e, size_t size);
void *eval_take(struct eval *e, size_t size); // NULL: over the limit, the error is set
bool eval_fail(struct eval *e, const char *why, ...) PRINTF_LIKE(2, 3);
// What a call gives back. `method`: args[0] stands before the dot.
bool function_call(struct eval *e, text name, const struct openjd_value *args, size_t count,
                   bool method, struct openjd_value *out);
bool function_known(text name);
bool function_property(struct eval *e, const struct openjd_value *of, text name,
                       struct openjd_value *out);
bool value_compare(struct eval *e, const struct openjd_value *a, const struct openjd_value *b,
                   int *order); // E§2.1.4
bool value_list_of(struct eval *e, struct openjd_value *items, size_t count,
                   struct openjd_value *out); // E§1.2.6
bool regex_function(struct eval *e, text name, const struct openjd_value *args, size_t count,
                    struct openjd_value *out);
void regex_forget(struct eval *e);

// Each name that an expression reads ("Param.File.stem"), and each loop variable.
typedef bool (*expr_seen)(void *context, text name, bool is_loop_variable);
bool expr_names(const struct openjd_expr *expr, expr_seen seen, void *context);
bool scope_has_below(const struct openjd_scope *s, text prefix);
const char *scope_nearest(struct arena *a, const struct openjd_scope *s, text name);
void scope_host(const struct openjd_scope *s, struct eval *e); // rules and form of the nearest host

// --- combinations and spaces ---

enum combination_kind { COMBINE_NAME, COMBINE_ALL, COMBINE_TOGETHER };
struct openjd_combination {
    enum combination_kind kind;
    text name;
    const struct openjd_combination *parts;
    size_t count;
};
bool combination_parse(struct arena *a, text words, struct openjd_combination **combination,
                       struct error *err);
struct space_range { // of one task parameter
    text name;
    openjd_types type;
    bool is_range; // else a list
    struct openjd_range range;
    const struct openjd_value *values;
    size_t value_count;
    bool chunked;
    struct openjd_chunking chunking;
};
bool space_make(struct arena *a, const struct space_range *ranges, size_t count,
                const struct openjd_combination *combination, struct openjd_space **space,
                struct error *err);

// --- checks that templates and jobs share ---

bool capability_name_check(text name, const char *prefix, struct error *err);
bool capability_value_check(text name, text value, struct error *err);
bool capability_is_single(text name); // a host has one value of it
// Whether a value may be one of this parameter; else the rule that it breaks.
const char *parameter_refuses(struct arena *a, const struct openjd_parameter *p,
                              const struct openjd_value *v);
// Known to be true or not of a default, of limits and allowed values. NULL: all right.
const char *parameter_inconsistent(struct arena *a, const struct openjd_parameter *p,
                                   const char **field);

#pragma GCC visibility pop
