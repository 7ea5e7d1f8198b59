// All tables of routes in one, and finding one by method and path.
#include "api/inside.h"
#include "plat/ids.h"

#include <string.h>

static const struct {
    const struct route *at;
    const size_t *count;
} tables[] = {
    {bulk_routes, &bulk_route_count},
    {people_routes, &people_route_count},     {event_routes, &event_route_count},
    {transfer_routes, &transfer_route_count}, {asset_routes, &asset_route_count},
    {review_routes, &review_route_count},     {job_routes, &job_route_count},
    {delivery_routes, &delivery_route_count}, {qc_routes, &qc_route_count},
    {work_routes, &work_route_count},         {renderer_routes, &renderer_route_count},
    {staging_routes, &staging_route_count},   {sending_routes, &sending_route_count},
    {caption_routes, &caption_route_count},
    {record_routes, &record_route_count},
    {tree_routes, &tree_route_count},
    {link_routes, &link_route_count},
    {traffic_routes, &traffic_route_count},
    {door_routes, &door_route_count},
    {beside_routes, &beside_route_count},
    {field_routes, &field_route_count},
    {place_routes, &place_route_count},
    {parcel_routes, &parcel_route_count},
    {colour_routes, &colour_route_count},
    {look_routes, &look_route_count},
    {growing_routes, &growing_route_count},
    {watched_routes, &watched_route_count},
    // Each routes file adds its line here when it lands.
};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

size_t route_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < TABLES; i++)
        count += *tables[i].count;
    return count;
}

const struct route *route_at(size_t index)
{
    for (size_t i = 0; i < TABLES; i++) {
        if (index < *tables[i].count)
            return &tables[i].at[index];
        index -= *tables[i].count;
    }
    return NULL;
}

// Does a path have a pattern's form? Names in braces stand for any segment that is not empty.
static bool fits(const char *pattern, const char *path)
{
    while (*pattern && *path) {
        if (*pattern == '{') {
            size_t size = strcspn(path, "/");
            if (!size)
                return false;
            path += size;
            pattern += strcspn(pattern, "}") + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return !*pattern && !*path;
}

const struct route *route_find(const char *method, const char *path, bool *path_known)
{
    const struct route *get = NULL;
    *path_known = false;
    for (size_t i = 0, count = route_count(); i < count; i++) {
        const struct route *r = route_at(i);
        if (!fits(r->pattern, path))
            continue;
        *path_known = true;
        if (strcmp(r->method, method) == 0)
            return r;
        if (strcmp(r->method, "GET") == 0)
            get = r;
    }
    return strcmp(method, "HEAD") == 0 ? get : NULL;
}

bool route_ids(struct call *c, const char *path)
{
    struct {
        const char *name, **value;
    } places[] = {
        {"project", &c->project},   {"asset", &c->asset},   {"version", &c->version},
        {"comment", &c->comment},   {"job", &c->job},       {"folder", &c->folder},
        {"transfer", &c->transfer}, {"file", &c->file},     {"share", &c->share},
        {"delivery", &c->delivery}, {"report", &c->report}, {"person", &c->person},
        {"token", &c->token},       {"session", &c->session}, {"worker", &c->worker}, {"destination", &c->destination},
        {"sending", &c->sending},   {"hook", &c->hook},     {"notice", &c->notice},
        {"rule", &c->rule},         {"stream", &c->stream}, {"cap", &c->cap},       {"place", &c->place},
        {"house", &c->house},       {"parcel", &c->parcel},
        {"transform", &c->transform}, {"watched", &c->watched}};
    text names[PATH_PARTS], parts[PATH_PARTS];
    size_t count = address_split(c->route->pattern, names, PATH_PARTS);
    if (count > PATH_PARTS || address_split(path, parts, PATH_PARTS) != count)
        return false;
    c->number = c->task = -1;
    for (size_t i = 0; i < count; i++) {
        if (!text_starts(names[i], "{"))
            continue;
        text name = {names[i].at + 1, names[i].size - 2};
        int64_t *number = text_is(name, "number") ? &c->number
                          : text_is(name, "task") ? &c->task
                                                  : NULL;
        if (number) {
            if (!text_int(parts[i], number) || *number < 0)
                return false;
            continue;
        }
        if (!id_valid(parts[i]))
            return false;
        for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++)
            if (text_is(name, places[k].name))
                *places[k].value = arena_copy(c->arena, parts[i].at, parts[i].size);
    }
    return true;
}
