// Lists of values for tasks, as `--tasks` hands them over.
#include "formats/openjd/inside.h"

bool openjd_given_lists_parse(struct arena *a, text document, enum openjd_form form,
                              struct openjd_given_list **lists, size_t *count, struct error *err)
{
    struct node *root;
    int64_t line;
    const char *rule;
    error_set(err, ERROR_INPUT, "the tasks can not be read");
    if (!tree_parse(a, document, form, &root, &line, &rule))
        return error_why(err, "line %lld: %s", (long long)line, rule);
    if (root->kind != NODE_LIST)
        return error_why(err, "line %lld: it is %s", (long long)root->line, tree_kind_name(root));
    *lists = ARENA_ARRAY(a, struct openjd_given_list, root->count + 1);
    *count = root->count;
    for (size_t i = 0; i < root->count; i++) {
        const struct node *one = root->items[i];
        for (size_t k = 0; k < one->count && one->kind == NODE_MAP; k++)
            if (one->items[k]->kind == NODE_LIST || one->items[k]->kind == NODE_MAP ||
                one->items[k]->kind == NODE_NULL)
                return error_why(err, "line %lld: a value is %s", (long long)one->items[k]->line,
                                 tree_kind_name(one->items[k]));
        if (one->kind != NODE_MAP)
            return error_why(err, "line %lld: a task is %s", (long long)one->line,
                             tree_kind_name(one));
        if (!openjd_given_parse(a, tree_json(a, one), OPENJD_JSON, &(*lists)[i].at,
                                &(*lists)[i].count, err))
            return false;
    }
    error_clear(err);
    return true;
}
