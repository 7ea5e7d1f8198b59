// An expression, a message line and path mapping rules: read; evaluated within its bounds.
#include "formats/openjd/openjd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_open(OPENJD_ARENA_BYTES);
    struct openjd_scope *scope = openjd_scope_new(a, NULL);
    text source = {(const char *)data, size};
    struct openjd_format format = {0};
    struct openjd_path_rules rules;
    struct openjd_message message;
    struct openjd_expr *expr;
    struct openjd_value v;
    struct error err;
    openjd_scope_set(scope, "Param.N", openjd_whole(3));
    openjd_scope_set(scope, "Param.U", openjd_unknown(OPENJD_T_ANY));
    openjd_scope_set(scope, "Param.P", openjd_path(text_of("/a/b_0001.exr")));
    if (text_utf8(source) && openjd_expr_parse(a, source, true, &expr, &err) &&
        openjd_expr_value(a, expr, scope, OPENJD_T_ANY, &v, &err) && v.known)
        openjd_value_json(a, &v);
    if (text_utf8(source) && openjd_format_parse(a, source, true, &format, &err))
        (void)!openjd_format_text(a, &format, scope, &source, &err);
    openjd_message_parse(a, (text){(const char *)data, size}, &message);
    if (openjd_path_rules_parse(a, (text){(const char *)data, size}, &rules, &err))
        openjd_path_map(a, &rules, text_of("/a/b"), OPENJD_POSIX, &source);
    arena_close(a);
    return 0;
}
