/*
 * formats/openjd: Open Job Description 2023-09: bytes in, structs out.
 *
 * A template (YAML or JSON) is parsed into an `openjd_template`, or into a list of mistakes that
 * name the line, the field and the rule. A template and parameter values make an `openjd_job`: what
 * can be known when it is submitted is resolved. What only the host knows is resolved there, from a
 * scope: a chain of names and values. A step's parameter space is arithmetic: tasks are computed
 * from their number and never listed. Nothing here opens a file or asks the clock.
 *
 * Clauses (§) are those of the specification's "Template Schemas 2023-09" and, where E§ is written,
 * of "Expression Language 2026-02" (extension EXPR).
 *
 * Memory: everything lives in the arena that the caller hands in, until that is closed; an object
 * points into the arena of the object it came from. Work is bounded here, by the limits below, long
 * before an arena of OPENJD_ARENA_BYTES is full. Nothing is changed after it was made, so threads
 * may read one template, job or space at the same time; a scope belongs to one thread.
 */
#pragma once
#include "base/arena.h"

enum {
    OPENJD_DOCUMENT_MOST = 16 << 20,   // bytes of a document
    OPENJD_NODES_MOST = 500000,        // values in a document, aliases counted each time
    OPENJD_DEPTH_MOST = 64,            // nesting of a document and of an expression
    OPENJD_MISTAKES_MOST = 100,        // that are listed
    OPENJD_STEPS_MOST = 10000,         // the specification names no limit
    OPENJD_FORMAT_MOST = 1 << 20,      // bytes of one format string
    OPENJD_SPANS_MOST = 10000,         // parts of one range expression
    OPENJD_OPERATIONS_MOST = 10000000, // of one expression (E§1.3.10)
    OPENJD_VALUES_MOST = 100000000,    // bytes of values alive in one expression (E§1.3.9)
};
#define OPENJD_ARENA_BYTES ((size_t)1 << 31)

// --- ranges: sets of whole numbers, "1-100:2,200" (§3.4.1.1.1) ---

struct openjd_span {
    int64_t first, last; // both are in it; first <= last
    int64_t step;        // >= 1; 1 for a single number
    uint64_t before;     // how many numbers the earlier spans hold
};
// In increasing order, without overlap. A value: copy it; the spans belong to an arena.
struct openjd_range {
    const struct openjd_span *spans;
    size_t span_count;
    uint64_t count; // of numbers; < 2^63
    bool as_chunk;  // printed "5-5", never "5" (rangeConstraint CONTIGUOUS)
};
// Ends and steps are below 2^62 in size. "10-1:-3" is the set {1, 4, 7, 10}.
MUST_CHECK bool openjd_range_parse(struct arena *a, text words, struct openjd_range *range,
                                   struct error *err);
// The smallest spans that hold these numbers; repeated ones count once. False when count is 0, when
// one is too big or when they need more than OPENJD_SPANS_MOST.
MUST_CHECK bool openjd_range_of(struct arena *a, const int64_t *numbers, size_t count,
                                struct openjd_range *range, struct error *err);
int64_t openjd_range_at(const struct openjd_range *range, uint64_t index); // index < count
bool openjd_range_has(const struct openjd_range *range, int64_t number);
// The numbers at index, index + 1, ... index + count - 1.
struct openjd_range openjd_range_part(struct arena *a, const struct openjd_range *range,
                                      uint64_t index, uint64_t count);
// "1-5,7,10-20:2": what openjd_range_parse reads back as the same set.
text openjd_range_text(struct arena *a, const struct openjd_range *range);

// --- values and their types (E§1.2) ---

// A set of types: one bit each. A known value has one; an unknown one may have several.
typedef uint32_t openjd_types;
#define OPENJD_T_NULL 0x1u
#define OPENJD_T_BOOL 0x2u
#define OPENJD_T_INT 0x4u
#define OPENJD_T_FLOAT 0x8u
#define OPENJD_T_STRING 0x10u
#define OPENJD_T_PATH 0x20u
#define OPENJD_T_RANGE 0x40u
#define OPENJD_T_SCALARS 0x7fu
#define OPENJD_T_LIST(of) ((openjd_types)(of) << 7) // list[T]; list[nulltype] is the empty list
#define OPENJD_T_LISTS (OPENJD_T_LIST(0x7f) | OPENJD_T_LIST(OPENJD_T_LIST(0x7f)))
#define OPENJD_T_ANY 0x1fffffu
// "int | list[string]"
text openjd_types_text(struct arena *a, openjd_types types);

struct openjd_value { // 32 bytes: lists of a million are ordinary
    openjd_types type;
    bool known; // false: only the type is, as long as the template is checked without values
    union {
        bool truth;        // BOOL
        int64_t whole;     // INT
        double real;       // FLOAT
        size_t item_count; // lists
    };
    union {
        text words;                       // STRING, PATH; FLOAT: as it was written, or empty
        const struct openjd_value *items; // lists
        const struct openjd_range *range; // RANGE
    };
};
struct openjd_value openjd_string(text words); // borrows
struct openjd_value openjd_path(text words);
struct openjd_value openjd_whole(int64_t whole);
struct openjd_value openjd_truth(bool truth);
struct openjd_value openjd_unknown(openjd_types types);
// As it stands in a format string with text around it (E§1.3.2): lists as JSON, null as nothing.
text openjd_value_text(struct arena *a, const struct openjd_value *value);
// JSON as in files of parameter values: numbers and truths bare, all else in quotes or brackets.
text openjd_value_json(struct arena *a, const struct openjd_value *value);

// --- paths and path mapping ---

enum openjd_paths { OPENJD_POSIX, OPENJD_WINDOWS, OPENJD_URI };

struct openjd_path_rule {
    enum openjd_paths source_format;
    text source, destination;
};
struct openjd_path_rules {
    const struct openjd_path_rule *at;
    size_t count; // 0 is fine
};
// {"version": "pathmapping-1.0", "path_mapping_rules": [{"source_path_format": "POSIX",
// "source_path": "/a", "destination_path": "/b"}]}; YAML with the same fields is read too.
MUST_CHECK bool openjd_path_rules_parse(struct arena *a, text document,
                                        struct openjd_path_rules *rules, struct error *err);
// The JSON that Session.PathMappingRulesFile points to; "{}" when there are no rules.
text openjd_path_rules_json(struct arena *a, const struct openjd_path_rules *rules);
// The rule with the longest source that is `path` or a folder above it, part by part; of two as
// long the first. False, and *mapped is `path`, when none fits. `host` says how the result is
// written.
bool openjd_path_map(struct arena *a, const struct openjd_path_rules *rules, text path,
                     enum openjd_paths host, text *mapped);

// --- names and what they stand for ---

struct openjd_scope; // names in dots ("Param.Frame") or of a `let`; looks in its parent for others
struct openjd_scope *openjd_scope_new(struct arena *a, const struct openjd_scope *parent);
void openjd_scope_set(struct openjd_scope *s, const char *name, struct openjd_value value);
const struct openjd_value *openjd_scope_find(const struct openjd_scope *s, text name); // or NULL
// On a host apply_path_mapping() exists. The rules are borrowed.
void openjd_scope_on_host(struct openjd_scope *s, const struct openjd_path_rules *rules,
                          enum openjd_paths host);

// --- expressions and format strings (§7.3, E§1) ---

struct openjd_expr; // parsed

// `extended`: the language of EXPR; else dotted names alone. The error names the place.
MUST_CHECK bool openjd_expr_parse(struct arena *a, text source, bool extended,
                                  struct openjd_expr **expr, struct error *err);
// `wanted`: types that may come out; the value is turned into one of them when that loses nothing
// (E§1.2.3). OPENJD_T_ANY: as it comes.
MUST_CHECK bool openjd_expr_value(struct arena *a, const struct openjd_expr *expr,
                                  const struct openjd_scope *scope, openjd_types wanted,
                                  struct openjd_value *value, struct error *err);

struct openjd_piece {
    text words;               // when expr is NULL; else the expression's source
    struct openjd_expr *expr; // or NULL
};
struct openjd_format {
    text source; // as written
    int64_t line;
    const struct openjd_piece *pieces;
    size_t piece_count;
    bool plain; // no expression in it: `source` is the text
};
MUST_CHECK bool openjd_format_parse(struct arena *a, text source, bool extended,
                                    struct openjd_format *format, struct error *err);
MUST_CHECK bool openjd_format_text(struct arena *a, const struct openjd_format *format,
                                   const struct openjd_scope *scope, text *words,
                                   struct error *err);
// "{{expr}}" alone keeps its type (E§1.3.2); anything else is a string, turned into `wanted`.
MUST_CHECK bool openjd_format_value(struct arena *a, const struct openjd_format *format,
                                    const struct openjd_scope *scope, openjd_types wanted,
                                    struct openjd_value *value, struct error *err);

// --- the template ---

enum openjd_extension {
    OPENJD_TASK_CHUNKING = 1,
    OPENJD_REDACTED_ENV_VARS = 2,
    OPENJD_FEATURE_BUNDLE_1 = 4,
    OPENJD_EXPR = 8,
    OPENJD_WRAP_ACTIONS = 16, // rfc 0008
    OPENJD_ALL_EXTENSIONS = 31
};
const char *openjd_extension_name(enum openjd_extension one);
// "TASK_CHUNKING,EXPR" (any case, spaces ignored, empty: none). False: *unknown is the first that
// is none of ours.
bool openjd_extensions_named(text names, unsigned *extensions, text *unknown);

struct openjd_mistake {
    int64_t line;      // from 1; 0: the document as a whole
    const char *field; // "steps[0] -> script -> actions -> onRun -> command"; "" for the root
    const char *rule;  // in plain words: what must hold, and what was found
};
struct openjd_mistakes {
    struct openjd_mistake at[OPENJD_MISTAKES_MOST];
    size_t count; // the list is full when it is OPENJD_MISTAKES_MOST
};

// Of job parameters (§2); an int is its bit in a set of types: INT is OPENJD_T_INT.
struct openjd_parameter {
    int64_t line;
    text name;
    openjd_types type; // one bit; LIST[LIST[INT]] is OPENJD_T_LIST(OPENJD_T_LIST(OPENJD_T_INT))
    text description;  // empty when there is none
    const struct openjd_value *fallback;    // the `default`, or NULL
    const struct openjd_value *allowed;     // allowedValues (of items, for lists)
    size_t allowed_count;                   // 0: anything
    bool has_least_length, has_most_length; // minLength, maxLength: characters; items of a list
    int64_t least_length, most_length;
    const struct openjd_value *least, *most; // minValue, maxValue (of items, for lists), or NULL
    bool has_item_least_length, has_item_most_length; // item.minLength, item.maxLength
    int64_t item_least_length, item_most_length;
    text object_type, data_flow; // PATH: as written, or empty (DIRECTORY, NONE)
    // userInterface, for a page that asks for values: as JSON, or empty.
    text user_interface;
};
const char *openjd_parameter_type_name(openjd_types type); // "INT", "LIST[PATH]"

enum openjd_cancel { OPENJD_TERMINATE, OPENJD_NOTIFY_THEN_TERMINATE };
struct openjd_action { // §5
    int64_t line;
    struct openjd_format command;
    const struct openjd_format *args;
    size_t arg_count;
    const struct openjd_format *timeout; // seconds, or NULL
    enum openjd_cancel cancel;
    bool says_cancel;                          // it has a `cancelation`
    const struct openjd_format *cancel_mode;   // rfc 0008: a mode that is forwarded, or NULL
    const struct openjd_format *notify_period; // seconds, or NULL
};
enum openjd_line_end { OPENJD_END_AUTO, OPENJD_END_LF, OPENJD_END_CRLF };
struct openjd_file { // embedded (§6)
    int64_t line;
    text name, filename; // filename empty: the host makes one up
    bool runnable;
    struct openjd_format data;
    enum openjd_line_end line_end;
};
struct openjd_let { // "name = expression" (§3.6)
    int64_t line;
    text name;
    struct openjd_expr *expr;
};
struct openjd_script { // of a step and of an environment
    const struct openjd_let *lets;
    size_t let_count;
    const struct openjd_file *files;
    size_t file_count;
    const struct openjd_action *on_run;             // a step's
    const struct openjd_action *on_enter, *on_exit; // an environment's, or NULL
    const struct openjd_action *on_wrap_env_enter, *on_wrap_task_run, *on_wrap_env_exit; // or NULL
};
struct openjd_variable {
    text name;
    struct openjd_format value;
};
struct openjd_environment { // §4
    int64_t line;
    text name, description;
    const struct openjd_script *script; // or NULL
    const struct openjd_variable *variables;
    size_t variable_count;
    unsigned extensions; // of the template it stands in
};

struct openjd_amount { // §3.3.1
    int64_t line;
    struct openjd_format name;
    const struct openjd_format *least, *most; // or NULL
};
struct openjd_attribute { // §3.3.2
    int64_t line;
    struct openjd_format name;
    const struct openjd_format *any_of, *all_of;
    size_t any_count, all_count;
};
struct openjd_task_parameter { // §3.4.1
    int64_t line;
    text name;
    openjd_types type;                  // INT, FLOAT, STRING or PATH; of CHUNK[INT]: RANGE
    const struct openjd_format *range;  // a range or list expression, or NULL
    const struct openjd_format *values; // when it is a list
    size_t value_count;
    const struct openjd_format *chunk_count, *chunk_seconds; // defaultTaskCount; NULL: none
    bool contiguous;
};
struct openjd_combination; // parsed (§3.4.3)

struct openjd_step_template { // §3
    int64_t line;
    text name, description;
    const struct openjd_let *lets;
    size_t let_count;
    const text *depends_on;
    size_t depends_count;
    const struct openjd_environment *environments;
    size_t environment_count;
    const struct openjd_amount *amounts;
    size_t amount_count;
    const struct openjd_attribute *attributes;
    size_t attribute_count;
    const struct openjd_task_parameter *parameters; // none: the step is one task
    size_t parameter_count;
    const struct openjd_combination *combination; // NULL: all with all, in the order above
    // Sugar (`bash: {script: ...}`, §8) is already what it stands for.
    const struct openjd_script *script;
};

struct openjd_template {
    bool is_environment; // specificationVersion environment-2023-09
    unsigned extensions;
    text description;
    struct openjd_format name; // of a job
    const struct openjd_parameter *parameters;
    size_t parameter_count;
    const struct openjd_environment *environments; // jobEnvironments; the one of an environment
    size_t environment_count;
    const struct openjd_step_template *steps;
    size_t step_count;
};

enum openjd_form { OPENJD_YAML, OPENJD_JSON };
struct openjd_wish {
    enum openjd_form form;
    unsigned extensions; // that a template may ask for
};
// False: `mistakes` has at least one. Strings keep pointing into the arena, not into `document`.
MUST_CHECK bool openjd_parse(struct arena *a, text document, const struct openjd_wish *wish,
                             struct openjd_template **template, struct openjd_mistakes *mistakes);

// --- the job: a template and values ---

struct openjd_given { // a value for a parameter, as it was given
    text name;
    struct openjd_value value; // a string (command line) or as typed in a file
};
// "{Name: value, ...}" in YAML or JSON, as `-p file://...` and `-p '{...}'` hand over. Values keep
// their types; a number's spelling is kept.
MUST_CHECK bool openjd_given_parse(struct arena *a, text document, enum openjd_form form,
                                   struct openjd_given **given, size_t *count, struct error *err);

struct openjd_given_list {
    struct openjd_given *at;
    size_t count;
};
// "[{Name: value, ...}, ...]", a list an item, as `--tasks` hands over.
MUST_CHECK bool openjd_given_lists_parse(struct arena *a, text document, enum openjd_form form,
                                         struct openjd_given_list **lists, size_t *count,
                                         struct error *err);

struct openjd_submission {
    const struct openjd_template *job;
    const struct openjd_template *const *environments; // environment templates, outermost first
    size_t environment_count;
    const struct openjd_given *given; // of the same name the last counts
    size_t given_count;
    const char *template_folder; // absolute: relative defaults of PATH are joined to it (§7.4)
    const char *work_folder;     // absolute: relative values of PATH are joined to it
    bool defaults_may_leave;     // whether a default may lie outside template_folder
};

struct openjd_job_parameter {
    struct openjd_parameter merged; // of all templates (§1.2.1)
    struct openjd_value value;      // checked; PATHs joined and cleaned, not yet mapped
};
struct openjd_amount_needed {
    text name;          // lower case
    double least, most; // most < 0: no upper end
};
struct openjd_attribute_needed {
    text name; // lower case
    const text *any_of, *all_of;
    size_t any_count, all_count;
};
struct openjd_step {
    const struct openjd_step_template *of;
    text name;
    size_t index;
    const size_t *depends_on; // indexes of steps
    size_t depends_count;
    const struct openjd_amount_needed *amounts;
    size_t amount_count;
    const struct openjd_attribute_needed *attributes;
    size_t attribute_count;
    const struct openjd_space *space; // never NULL
    const struct openjd_scope *scope; // what is known when submitted: Param, Job, Step, its lets
};
struct openjd_job {
    const struct openjd_template *of;
    text name;
    const struct openjd_job_parameter *parameters; // the job template's order, then others
    size_t parameter_count;
    const struct openjd_environment **environments; // outermost first: the templates', the job's
    size_t environment_count;
    const struct openjd_step *steps;
    size_t step_count;
    const size_t *order; // indexes of steps so that each comes after those that it depends on
    const struct openjd_scope *scope; // Param, RawParam, Job.Name
};
// The error names the parameter or the field and the rule.
MUST_CHECK bool openjd_job_make(struct arena *a, const struct openjd_submission *submission,
                                struct openjd_job **job, struct error *err);
const struct openjd_step *openjd_job_step(const struct openjd_job *job, text name); // or NULL

// --- task parameter space ---

struct openjd_space; // made by openjd_job_make

struct openjd_task_value {
    text name;
    openjd_types type;         // INT, FLOAT, STRING, PATH; RANGE for a chunk
    struct openjd_value value; // PATH: not mapped
};
struct openjd_task {
    const struct openjd_task_value *values; // in the template's order
    size_t count;
    uint64_t task_count; // single tasks in it: 1 without chunks
};
// What says the frame that a task stands for: its parameter Frame, else the first that is a whole
// number or a chunk of them; NULL: none.
const struct openjd_task_value *openjd_task_frame(const struct openjd_task *task);
// Single tasks, chunks taken apart. A step without parameters has one.
uint64_t openjd_space_tasks(const struct openjd_space *space);

// Items: what runs as one: tasks, or chunks of about defaultTaskCount, evenly filled. `chunk`:
// another size than the template's, for all of this space (1: single tasks as "5-5"); 0: the
// template's. Order: the combination's, the last part moving fastest. O(spans) in time, no list is
// made.
uint64_t openjd_space_items(const struct openjd_space *space, uint64_t chunk);
void openjd_space_item(struct arena *a, const struct openjd_space *space, uint64_t chunk,
                       uint64_t index, struct openjd_task *task);

// Rows: for chunks whose size is chosen as they are cut (targetRuntimeSeconds, a scheduler's own
// mind). A row has one value of each parameter that is not chunked; along it lie the numbers of the
// CHUNK[INT] range, or one task when there is none. Row and place name a task for good.
uint64_t openjd_space_rows(const struct openjd_space *space);
uint64_t openjd_space_row_tasks(const struct openjd_space *space);
// A chunk of at most `most` tasks from `place` on (fewer at the row's end, and where CONTIGUOUS
// numbers have a gap). task->task_count says how many.
void openjd_space_cut(struct arena *a, const struct openjd_space *space, uint64_t row,
                      uint64_t place, uint64_t most, struct openjd_task *task);
// A parameter along the tasks of its step: task t, counted row by row, has its value number
// t / span % count. So a page can name any of a million tasks without a list.
struct openjd_axis {
    text name;
    uint64_t span, count;
    const struct openjd_range *range;  // its numbers, or NULL:
    const struct openjd_value *values; // the values themselves
    bool frame;                        // what openjd_task_frame finds
};
// In the template's order; they live in the arena.
size_t openjd_space_axes(struct arena *a, const struct openjd_space *space,
                         const struct openjd_axis **axes);
struct openjd_chunking {
    bool chunked, contiguous;
    uint64_t default_count;
    int64_t target_s; // 0: none; else chunks may adapt to it
};
struct openjd_chunking openjd_space_chunking(const struct openjd_space *space);
// How many tasks the next chunk should have after `tasks` took `took_ms` in all; >= 1.
uint64_t openjd_chunk_next(const struct openjd_chunking *chunking, uint64_t tasks, int64_t took_ms);
// One task from names and values (`--task-param`, `--tasks`). The error says what does not fit.
MUST_CHECK bool openjd_space_find(struct arena *a, const struct openjd_space *space,
                                  const struct openjd_given *given, size_t count,
                                  struct openjd_task *task, struct error *err);

// --- on the host ---

struct openjd_session {
    const char *working_folder;            // absolute
    const char *rules_file;                // where openjd_path_rules_json was written
    const struct openjd_path_rules *rules; // or NULL
    enum openjd_paths host;
};
struct openjd_wrapped { // what a wrap hook hands on (rfc 0008)
    text command;
    const text *args;
    size_t arg_count;
    const text *variables; // "NAME=value"
    size_t variable_count;
    int64_t timeout_s; // 0: none
    enum openjd_cancel cancel;
    bool says_cancel;                 // false: null for the hook
    int64_t notify_s;                 // 0: none
    text environment_name, step_name; // of what is wrapped; empty: none
};
// Param (paths mapped), RawParam, Session, Job.Name.
struct openjd_scope *openjd_session_scope(struct arena *a, const struct openjd_job *job,
                                          const struct openjd_session *session);
// For an environment: `step` when it is a step's, else NULL. `file_paths`: where its embedded files
// are written, in their order. Evaluates its lets.
MUST_CHECK bool openjd_environment_scope(struct arena *a, const struct openjd_scope *session,
                                         const struct openjd_step *step,
                                         const struct openjd_environment *environment,
                                         const char *const *file_paths, struct openjd_scope **scope,
                                         struct error *err);
MUST_CHECK bool openjd_task_scope(struct arena *a, const struct openjd_scope *session,
                                  const struct openjd_step *step, const struct openjd_task *task,
                                  const char *const *file_paths, struct openjd_scope **scope,
                                  struct error *err);
// Adds WrappedAction.*, WrappedEnv.Name, WrappedStep.Name to a new scope below `environment`.
struct openjd_scope *openjd_wrap_scope(struct arena *a, const struct openjd_scope *environment,
                                       const struct openjd_wrapped *wrapped);

enum openjd_place { OPENJD_ON_RUN, OPENJD_ON_ENTER, OPENJD_ON_EXIT };
struct openjd_command {
    const char *const *argv; // ends in NULL; [0] is the command
    size_t argc;
    int64_t timeout_s; // 0: none. Default: 300 for onExit, else none
    enum openjd_cancel cancel;
    bool says_cancel; // false: nothing is said of it, or null was forwarded
    int64_t notify_s; // default 120 for onRun, else 30
};
MUST_CHECK bool openjd_command_make(struct arena *a, const struct openjd_action *action,
                                    enum openjd_place place, const struct openjd_scope *scope,
                                    struct openjd_command *command, struct error *err);
// What is written to the file, ends of lines as asked.
MUST_CHECK bool openjd_file_content(struct arena *a, const struct openjd_file *file,
                                    const struct openjd_scope *scope, enum openjd_paths host,
                                    text *content, struct error *err);

// --- what actions say: lines "openjd_...: ..." (§4, How Jobs Are Run) ---

enum openjd_message_kind {
    OPENJD_PLAIN, // an ordinary line of output
    OPENJD_PROGRESS,
    OPENJD_STATUS,
    OPENJD_FAIL,
    OPENJD_ENV,
    OPENJD_UNSET_ENV,
    OPENJD_REDACTED_ENV,
    OPENJD_LOG_LEVEL, // openjd_session_runtime_loglevel
    OPENJD_MALFORMED, // the action is cancelled and fails; `words` says why
    OPENJD_IGNORED,   // a progress that is none: told in the log, does no harm; `words` says why
};
struct openjd_message {
    enum openjd_message_kind kind;
    double progress;  // 0 .. 100
    text words;       // of STATUS, FAIL; the level; what is wrong
    text name, value; // of a variable; a value may have several lines (JSON form)
};
// `line` without its end. Strings point into it or into the arena.
void openjd_message_parse(struct arena *a, text line, struct openjd_message *message);
// Replaces each of the secrets in a line by "********" (of a secret of several lines each line).
text openjd_redact(struct arena *a, text line, const text *secrets, size_t secret_count);
