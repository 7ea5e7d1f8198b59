// Media in place: adding, looking at and forgetting folders of volumes.
#include "api/inside.h"
#include "house/places/places.h"

#include <string.h>

static struct places *places_of(struct call *c)
{
    return c->api->wish.rooms.places;
}

static bool no_places(struct error *err)
{
    return error_set(err, ERROR_UNSUPPORTED, "this house takes no media in place");
}

struct work {
    struct call *c;
    json_t *json;
};

static void running(struct call *c, json_t *place)
{
    if (places_of(c))
        place_running(places_of(c), place);
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return place_list(tx, w->c->project, &w->json, err);
}

static bool places_get(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    size_t i;
    json_t *one;
    if (!places_of(c))
        return no_places(err);
    if (!db_read(c->api->db, list_in, &w, err))
        return false;
    json_array_foreach(w.json, i, one) running(c, one);
    call_json(c, w.json);
    call_header_set(c, "Cache-Control", "no-store");
    return true;
}

static bool one_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return place_get(tx, w->c->place, &w->json, err);
}

static bool place_answer(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    if (!db_read(c->api->db, one_in, &w, err))
        return false;
    running(c, w.json);
    call_json(c, w.json);
    return true;
}

static bool place_one(struct call *c, struct error *err)
{
    return places_of(c) ? place_answer(c, err) : no_places(err);
}

static bool audit_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    const char *path = body_text(w->c, "path");
    return call_audit(w->c, tx, path ? "place.add" : "place.forget", w->c->place, path, err);
}

static bool moved_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return call_audit(w->c, tx, "place.move", w->c->place, body_text(w->c, "path"), err);
}

static bool folder_fits(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    int64_t fits = 0;
    const char *folder = body_text(w->c, "folder");
    return db_one_int(tx, &fits, 0, err,
                      "select count(*) from folders where id = ?1 and project = ?2", "ss", folder,
                      w->c->project) &&
           (fits || error_set(err, ERROR_NOT_FOUND, "the folder to put it in is not there"));
}

static bool place_post(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    char made[27];
    const char *folder = body_text(c, "folder");
    folder = folder ? folder : "";
    struct place_wish wish = {
        .project = c->project, .folder = folder, .path = body_text(c, "path"), .by = c->who.person};
    if (!places_of(c))
        return no_places(err);
    if ((*folder && !db_read(c->api->db, folder_fits, &w, err)) ||
        !place_add(places_of(c), &wish, made, err))
        return false;
    c->place = arena_text(c->arena, made);
    call_status(c, 201);
    return db_write(c->api->db, audit_in, &w, err) && place_answer(c, err);
}

static bool place_scan(struct call *c, struct error *err)
{
    return places_of(c) ? place_rescan(places_of(c), c->place, err) && place_answer(c, err)
                        : no_places(err);
}

static bool place_patch(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    return places_of(c) ? place_move(places_of(c), c->place, body_text(c, "path"),
                                     body_bool(c, "anyway", false), err) &&
                              db_write(c->api->db, moved_in, &w, err) && place_answer(c, err)
                        : no_places(err);
}

static bool files_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    const char *path = call_query(w->c, "path"), *cursor = call_query(w->c, "cursor");
    return place_files_list(tx, w->c->place, path ? path : "", cursor ? cursor : "", &w->json, err);
}

static bool files_get(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    if (!db_read(c->api->db, files_in, &w, err))
        return false;
    call_json(c, w.json);
    call_header_set(c, "Cache-Control", "no-store");
    return true;
}

static bool place_delete(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    return places_of(c) ? place_forget(places_of(c), c->place, err) &&
                              db_write(c->api->db, audit_in, &w, err) && place_answer(c, err)
                        : no_places(err);
}

static bool browse_get(struct call *c, struct error *err)
{
    const char *path = call_query(c, "path");
    json_t *json;
    if (!places_of(c))
        return no_places(err);
    if (!place_browse(places_of(c), path ? path : "", &json, err))
        return false;
    call_json(c, json);
    call_header_set(c, "Cache-Control", "no-store");
    return true;
}

static bool keep_post(struct call *c, struct error *err)
{
    return places_of(c) ? place_keep(places_of(c), c->version, err) : no_places(err);
}

const struct route place_routes[] = {
    {"GET", "/places", NEED_ADMIN, places_get, NULL, "Place[]", 0,
     "folders whose media is in place, of all projects", NULL},
    {"GET", "/places/folders", NEED_ADMIN, browse_get, NULL, "PlaceFolders", 0,
     "what a place can be: the roots, and the folders in ?path=", NULL},
    {"GET", "/places/{place}", NEED_ADMIN, place_one, NULL, "Place", 0, "one of them", NULL},
    {"GET", "/places/{place}/files", NEED_ADMIN, files_get, NULL, "PlaceFiles", 0,
     "the files of its folder ?path= that are known, from ?cursor= on", NULL},
    {"PATCH", "/places/{place}", NEED_ADMIN, place_patch, "PlaceMove", "Place", 0,
     "its folder is somewhere else now; what is known of its files stays", NULL},
    {"POST", "/places/{place}/scan", NEED_ADMIN, place_scan, NULL, "Place", 0,
     "looks at all of it now, and tries again what could not be read", NULL},
    {"DELETE", "/places/{place}", NEED_ADMIN, place_delete, NULL, "Place", 0,
     "forgets it: its assets go among the deleted ones, the files stay as they are", NULL},
    {"GET", "/projects/{project}/places", MAY_VIEW, places_get, NULL, "Place[]", 0,
     "those of a project", NULL},
    {"POST", "/projects/{project}/places", NEED_ADMIN, place_post, "NewPlace", "Place", 0,
     "takes the media below a folder of the house's machine in place", NULL},
    {"POST", "/versions/{version}/keep", MAY_UPLOAD, keep_post, NULL, NULL, 0,
     "copies its bytes from the place into the house, in the background", NULL},
};
const size_t place_route_count = sizeof(place_routes) / sizeof(place_routes[0]);
