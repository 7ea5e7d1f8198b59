#include "formats/prices/prices.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

struct reading {
    struct arena *a;
    const char *file;
    struct error *err;
    int unchecked;
};

static bool wrong(struct reading *r, const char *where, const char *must)
{
    error_set(r->err, ERROR_INPUT, "the prices in %s can not be used", r->file);
    error_why(r->err, "%s must be %s", where, must);
    return error_fix(r->err, "see docs/formats/prices.md for the form");
}

static bool number(struct reading *r, const json_t *of, const char *name, const char *where,
                   double least, double none, double *value)
{
    const json_t *j = json_object_get(of, name);
    *value = none;
    if (!j && none >= least)
        return true;
    *value = json_number_value(j);
    if (json_is_number(j) && isfinite(*value) && *value >= least && *value <= 1e9)
        return true;
    return wrong(r, arena_format(r->a, "%s%s", where, name),
                 least > 0 ? "a number above 0" : "a number, 0 or more");
}

static bool word(struct reading *r, const json_t *of, const char *name, const char *where,
                 const char **value)
{
    const char *s = json_string_value(json_object_get(of, name));
    if (!s || !*s || strlen(s) > 1000)
        return wrong(r, arena_format(r->a, "%s%s", where, name), "a text that is not empty");
    *value = arena_text(r->a, s);
    return true;
}

// Where a price is from must be said, whether it was checked may.
static bool source(struct reading *r, const json_t *of, const char *where, const char **value,
                   bool *checked)
{
    *checked = json_is_true(json_object_get(of, "checked"));
    r->unchecked += !*checked;
    return word(r, of, "source", where, value);
}

static bool range(struct reading *r, const json_t *of, const char *where, double least,
                  price_range *out)
{
    if (!json_is_object(of))
        return wrong(r, where, "an object with `usual`");
    if (!number(r, of, "usual", where, least, -1, &out->usual) ||
        !number(r, of, "low", where, least, out->usual, &out->low) ||
        !number(r, of, "high", where, least, out->usual, &out->high))
        return false;
    return (out->low <= out->usual && out->usual <= out->high) ||
           wrong(r, where, "in the order low, usual, high");
}

static bool sourced(struct reading *r, const json_t *root, const char *name, price_range *out)
{
    const char *from, *where = arena_format(r->a, "%s.", name);
    bool checked;
    const json_t *of = json_object_get(root, name);
    return range(r, of, where, 0, out) && source(r, of, where, &from, &checked);
}

static bool machine(struct reading *r, const json_t *j, const char *where, struct price_machine *m)
{
    const json_t *spot = json_object_get(j, "spot");
    if (!word(r, j, "name", where, &m->name) || !word(r, j, "provider", where, &m->provider) ||
        !number(r, j, "cores", where, 0.01, -1, &m->cores) ||
        !number(r, j, "memory_gib", where, 0.01, -1, &m->memory_gib) ||
        !number(r, j, "speed", where, 0.01, 1, &m->speed) ||
        !number(r, j, "on_demand", where, 0, 0, &m->on_demand) ||
        !source(r, j, where, &m->source, &m->checked))
        return false;
    return !spot || range(r, spot, arena_format(r->a, "%sspot.", where), 0, &m->spot);
}

static bool machines(struct reading *r, const json_t *root, struct prices *p)
{
    const json_t *list = json_object_get(root, "machines"), *one;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) > PRICES_MACHINES_MOST)
        return wrong(r, "machines", "a list of at most 200");
    struct price_machine *at = ARENA_ARRAY(r->a, struct price_machine, json_array_size(list) + 1);
    json_array_foreach(list, i, one) if (!machine(r, one, arena_format(r->a, "machines[%zu].", i),
                                                  &at[i])) return false;
    p->machines = at;
    p->machine_count = json_array_size(list);
    return true;
}

static bool licences(struct reading *r, const json_t *root, struct prices *p)
{
    const json_t *list = json_object_get(root, "licences"), *one;
    size_t i, count = json_array_size(list);
    if ((list && !json_is_array(list)) || count > PRICES_LICENCES_MOST)
        return wrong(r, "licences", "a list of at most 200");
    struct price_licence *at = ARENA_ARRAY(r->a, struct price_licence, count + 1);
    json_array_foreach(list, i, one)
    {
        const char *from, *where = arena_format(r->a, "licences[%zu].", i);
        bool checked;
        if (!word(r, one, "name", where, &at[i].name) ||
            !number(r, one, "an_hour", where, 0, -1, &at[i].an_hour) ||
            !source(r, one, where, &from, &checked))
            return false;
    }
    p->licences = at;
    p->licence_count = count;
    return true;
}

static bool date(const char *d)
{
    static const char form[] = "0000-00-00";
    for (size_t i = 0; i < sizeof(form); i++)
        if (form[i] == '0' ? d[i] < '0' || d[i] > '9' : d[i] != form[i])
            return false;
    return true;
}

bool prices_read(struct arena *a, const char *file_name, text content, struct prices *p,
                 struct error *err)
{
    struct reading r = {.a = a, .file = file_name, .err = err};
    json_error_t where;
    *p = (struct prices){0};
    json_t *root = content.size <= PRICES_BYTES_MOST
                       ? json_loadb(content.size ? content.at : "", content.size,
                                    JSON_REJECT_DUPLICATES, &where)
                       : NULL;
    price_range fee = {0}, egress = {0}, storage = {0}, power = {0};
    bool ok = json_is_object(root) ||
              wrong(&r, "the file",
                    content.size > PRICES_BYTES_MOST ? "at most 1 MiB" : "one JSON object");
    ok = ok && word(&r, root, "date", "", &p->date) &&
         (date(p->date) || wrong(&r, "date", "a day such as 2026-09-20")) &&
         word(&r, root, "currency", "", &p->currency) && machines(&r, root, p) &&
         licences(&r, root, p) && sourced(&r, root, "interruptions_per_hour", &p->interruptions) &&
         sourced(&r, root, "boot_seconds", &p->boot_s) &&
         sourced(&r, root, "worker_fee_an_hour", &fee) &&
         sourced(&r, root, "egress_a_gb", &egress) &&
         sourced(&r, root, "storage_a_gb_month", &storage) &&
         sourced(&r, root, "power_a_kwh", &power);
    p->worker_fee = fee.usual;
    p->egress_gb = egress.usual;
    p->storage_gb_month = storage.usual;
    p->power_kwh = power.usual;
    p->unchecked = r.unchecked;
    json_decref(root);
    return ok;
}
