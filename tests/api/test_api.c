// clang-format off
#include "test.h"
// clang-format on
#include "api/api.h"
#include "api/shapes.h"
#include "plat/clock.h"
#include "plat/hash.h"
#include "plat/ids.h"
#include "wire/socket_client.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FROM(where) &(struct entry){.address = (where)}

static char folder[64];
static struct db *db;
static struct people *people;
static struct api *api;
static struct arena *arena;
static struct error err;

// Two projects. In the first: asset A (shared) and asset B (not shared). In the second: asset C.
#define PROJECT "01J0000000000000000000PR01"
#define OTHER "01J0000000000000000000PR02"
#define ASSET_A "01J0000000000000000000AS01"
#define ASSET_B "01J0000000000000000000AS02"
#define ASSET_C "01J0000000000000000000AS03"
#define SHARE_V "01J0000000000000000000SH01" // view
#define SHARE_C "01J0000000000000000000SH02" // view, comment, download
#define GONE "01J0000000000000000000GX99"

static void must(bool ok)
{
    if (!ok)
        fail_msg("%s: %s", err.what, err.why);
}

// Rooms above this one bring their own tables; these hold what the api itself asks them for.
static const char *const rooms[] = {
    "create table projects (id text primary key, name text, sequence_rate text default '24', "
    "created_ms integer default 1, assets integer default 0, bytes integer default 0, "
    "downloads_need text default '', version_names integer default 0, "
    "burn_names text default '')",
    "create table assets (id text primary key, project text, deleted integer default 0)",
    "create table versions (id text primary key, asset text)",
    "create table comments (id text primary key, asset text)",
    "create table folders (id text primary key, project text)",
    "create table transfers (id text primary key, project text, share text, session text)",
    "create table transfer_files (id text primary key, transfer text)",
    "create table jobs (id text primary key, project text)",
    "create table deliveries (id text primary key, project text)",
    "create table qc_reports (id text primary key, project text)",
    "create table sendings (id text primary key, project text)",
    "create table parcels (id text primary key, project text)",
    "create table watch_rules (id text primary key, project text)",
    "create table transforms (id text primary key, project text)",
    "create table shares (id text primary key, project text, title text, permission text, download "
    "integer, revoked integer, expires_ms integer, kind text default 'review', message text default "
    "'', wants text)",
    "create table brands (project text, name text, colour text, message text, logo text)",
    "create table share_assets (share text, asset text, position integer default 0)",
    "insert into projects (id, name) values ('" PROJECT "', 'one'), ('" OTHER "', 'two')",
    "insert into assets (id, project) values ('" ASSET_A "', '" PROJECT "'), ('" ASSET_B
    "', '" PROJECT "'), ('" ASSET_C "', '" OTHER "')",
    "insert into versions values ('01J0000000000000000000VE01', '" ASSET_A "'), "
    "('01J0000000000000000000VE02', '" ASSET_B "'), ('01J0000000000000000000VE03', '" ASSET_C "')",
    "insert into comments values ('01J0000000000000000000CM01', '" ASSET_A "'), "
    "('01J0000000000000000000CM02', '" ASSET_B "'), ('01J0000000000000000000CM03', '" ASSET_C "')",
    "insert into folders values ('01J0000000000000000000FD01', '" PROJECT "')",
    "insert into transfers (id, project) values ('01J0000000000000000000TR01', '" PROJECT "')",
    "insert into transfer_files values ('01J0000000000000000000FJ01', "
    "'01J0000000000000000000TR01')",
    "insert into jobs values ('01J0000000000000000000JB01', '" PROJECT "')",
    "insert into deliveries values ('01J0000000000000000000DE01', '" PROJECT "')",
    "insert into qc_reports values ('01J0000000000000000000QC01', '" PROJECT "')",
    "insert into parcels values ('01J0000000000000000000PA01', '" PROJECT "')",
    "insert into sendings values ('01J0000000000000000000SE01', '" PROJECT "')",
    "insert into watch_rules values ('01J0000000000000000000WR01', '" PROJECT "')",
    "insert into transforms values ('01J0000000000000000000TF01', '" PROJECT "')",
    "insert into shares (id, project, title, permission, download, revoked, expires_ms) values ('" SHARE_V "', '" PROJECT "', 'cut 1', 'view', 0, 0, 0), ('" SHARE_C
    "', '" PROJECT "', 'cut 2', 'comment', 1, 0, 0)",
    "insert into share_assets (share, asset) values ('" SHARE_V "', '" ASSET_A "'), ('" SHARE_C
    "', '" ASSET_A "')",
};

static bool run_all(struct db_tx *tx, void *context, struct error *e)
{
    (void)context;
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
        if (!db_run(tx, e, rooms[i], ""))
            return false;
    return true;
}

static bool run_one(struct db_tx *tx, void *context, struct error *e)
{
    return db_run(tx, e, context, "");
}

static void sql(const char *statement)
{
    must(db_write(db, run_one, (void *)statement, &err));
}

// ---- who there is

struct caller {
    const char *title, *role; // role in PROJECT as the contract names it; NULL: none
    bool admin, share, worker, read, cookie;
    const char *permissions; // by hand from the contract, for PROJECT
    char secret[44];
    char person[27];
    const char *headers[4];
    char lines[3][128];
};

static struct caller callers[] = {
    {.title = "nobody", .permissions = ""},
    {.title = "owner",
     .role = "owner",
     .cookie = true,
     .permissions = "view comment download upload edit share deliver manage"},
    {.title = "editor",
     .role = "editor",
     .cookie = true,
     .permissions = "view comment download upload edit share deliver"},
    {.title = "reviewer", .role = "reviewer", .cookie = true, .permissions = "view comment"},
    {.title = "guest", .role = "guest", .cookie = true, .permissions = "view"},
    {.title = "stranger", .cookie = true, .permissions = ""},
    {.title = "administrator",
     .admin = true,
     .cookie = true,
     .permissions = "view comment download upload edit share deliver manage"},
    {.title = "editor's token",
     .role = "editor",
     .permissions = "view comment download upload edit share deliver"},
    {.title = "owner's reading token",
     .role = "owner",
     .read = true,
     .permissions = "view download"},
    {.title = "owner's worker token", .role = "owner", .worker = true, .permissions = ""},
    {.title = "share to view", .share = true, .cookie = true, .permissions = "view"},
    {.title = "share to comment and download",
     .share = true,
     .cookie = true,
     .permissions = "view comment download"},
};
enum { CALLERS = sizeof(callers) / sizeof(callers[0]) };

static struct caller *caller(const char *title)
{
    for (size_t i = 0; i < CALLERS; i++)
        if (strcmp(callers[i].title, title) == 0)
            return &callers[i];
    fail_msg("no caller %s", title);
    return NULL;
}

static void arm(struct caller *c)
{
    struct who who;
    size_t count = 0;
    must(people_who(people, c->secret, c->cookie, arena, &who, &err));
    assert_int_not_equal(who.kind, WHO_NOBODY);
    if (c->cookie) {
        snprintf(c->lines[0], sizeof(c->lines[0]), "Cookie: a=b; posthouse=%s", c->secret);
        snprintf(c->lines[1], sizeof(c->lines[1]), "X-CSRF: %s", who.csrf);
        c->headers[count++] = c->lines[0];
        c->headers[count++] = c->lines[1];
    } else {
        snprintf(c->lines[0], sizeof(c->lines[0]), "Authorization: Bearer %s", c->secret);
        c->headers[count++] = c->lines[0];
    }
    c->headers[count++] = "Content-Type: application/json";
    c->headers[count] = NULL;
}

static void make_callers(void)
{
    char token[44], id[27];
    struct session_made made;
    for (size_t i = 0; i < CALLERS; i++) {
        struct caller *c = &callers[i];
        if (i == 0) {
            c->headers[0] = "Content-Type: application/json";
            continue;
        }
        if (c->share) {
            must(people_visit(people, i == CALLERS - 1 ? SHARE_C : SHARE_V, "Guest", 0, FROM(""), &made,
                              &err));
            strcpy(c->secret, made.secret);
            arm(c);
            continue;
        }
        char email[40];
        snprintf(email, sizeof(email), "p%zu@example.org", i);
        must(people_add(people, c->title, email, c->admin, NULL, "", c->person, token, &err));
        must(people_welcome(people, token, "some words together", FROM("192.0.2.77"), &made, &err));
        strcpy(c->secret, made.secret);
        if (c->role)
            must(members_set(people, PROJECT, c->person, c->role, false, NULL, "", &err));
        if (strcmp(c->title, "stranger") == 0)
            must(members_set(people, OTHER, c->person, "owner", false, NULL, "", &err));
        if (!c->cookie)
            must(token_make(people, c->person, "t",
                            c->read     ? "read"
                            : c->worker ? "worker"
                                        : "all",
                            0, false, "", id, c->secret, &err));
        arm(c);
    }
}

static int set_up(void **state)
{
    (void)state;
    error_clear(&err);
    arena = arena_open(64 << 20);
    strcpy(folder, "/tmp/posthouse-api-XXXXXX");
    assert_non_null(mkdtemp(folder));
    char path[100], command[500];
    // Only the migrations of what is under test here.
    snprintf(command, sizeof(command), "mkdir %s/m && cd %s && cp 0001_*.sql 0002_*.sql 0039_*.sql %s/m/",
             folder, MIGRATIONS, folder);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof(path), "%s/house.db", folder);
    snprintf(command, sizeof(command), "%s/m", folder);
    db = db_open(&(struct db_wish){.path = path, .migrations = command}, &err);
    assert_non_null(db);
    must(db_write(db, run_all, NULL, &err));
    people = people_open(&(struct people_wish){.db = db, .quick_hash = true}, &err);
    assert_non_null(people);
    api = api_open(&(struct api_wish){.db = db,
                                      .people = people,
                                      .check_answers = true,
                                      .version = "1",
                                      .house_name = "Test"},
                   &err);
    assert_non_null(api);
    make_callers();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    api_close(api);
    people_close(people);
    db_close(db);
    arena_close(arena);
    char command[100];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

// ---- the walk

static bool never(struct call *c, struct error *e)
{
    (void)c, (void)e;
    fail_msg("a handler ran");
    return false;
}

// One row for each kind of thing and each permission, as the contract has them, whatever rooms are
// linked in; the real table follows in the same walk.
static const struct route contract[] = {
    {"GET", "/projects", NEED_PERSON, never, NULL, NULL, 0, "", NULL},
    {"GET", "/projects/{project}", MAY_VIEW, never, NULL, NULL, 0, "", NULL},
    {"PATCH", "/projects/{project}", MAY_MANAGE, never, NULL, NULL, 0, "", NULL},
    {"GET", "/projects/{project}/assets", MAY_VIEW, never, NULL, NULL, ROUTE_SHARES, "", NULL},
    {"POST", "/projects/{project}/assets/delete", MAY_EDIT, never, NULL, NULL, 0, "", NULL},
    {"POST", "/projects/{project}/transfers", MAY_UPLOAD, never, NULL, NULL, 0, "", NULL},
    {"POST", "/projects/{project}/shares", MAY_SHARE, never, NULL, NULL, 0, "", NULL},
    {"GET", "/assets/{asset}", MAY_VIEW, never, NULL, NULL, 0, "", NULL},
    {"PATCH", "/assets/{asset}", MAY_EDIT, never, NULL, NULL, 0, "", NULL},
    {"POST", "/assets/{asset}/comments", MAY_COMMENT, never, NULL, NULL, 0, "", NULL},
    {"PATCH", "/comments/{comment}", MAY_COMMENT, never, NULL, NULL, 0, "", NULL},
    {"GET", "/versions/{version}", MAY_VIEW, never, NULL, NULL, 0, "", NULL},
    {"GET", "/versions/{version}/files/{number}/bytes", MAY_DOWNLOAD, never, NULL, NULL, 0, "",
     NULL},
    {"POST", "/versions/{version}/deliveries", MAY_DELIVER, never, NULL, NULL, 0, "", NULL},
    {"PUT", "/files/{file}/chunks/{number}", MAY_UPLOAD, never, NULL, NULL, 0, "", NULL},
    {"GET", "/transfers/{transfer}", MAY_UPLOAD, never, NULL, NULL, 0, "", NULL},
    {"PATCH", "/folders/{folder}", MAY_EDIT, never, NULL, NULL, 0, "", NULL},
    {"GET", "/jobs/{job}", MAY_VIEW, never, NULL, NULL, 0, "", NULL},
    {"POST", "/jobs/{job}/cancel", MAY_EDIT, never, NULL, NULL, 0, "", NULL},
    {"DELETE", "/shares/{share}", MAY_SHARE, never, NULL, NULL, 0, "", NULL},
    {"GET", "/deliveries/{delivery}/bytes", MAY_DOWNLOAD, never, NULL, NULL, 0, "", NULL},
    {"GET", "/workers", NEED_ADMIN, never, NULL, NULL, 0, "", NULL},
    {"GET", "/work", NEED_WORKER, never, NULL, NULL, ROUTE_SOCKET, "", NULL},
    {"GET", "/events", NEED_VISITOR, never, NULL, NULL, ROUTE_SOCKET, "", NULL},
};

enum where { SHARED, UNSHARED, FOREIGN, MISSING, PLACES };

// The path with ids of that place put in. False when there is no such thing in that place.
static bool fill(const char *pattern, enum where where, char *path, size_t room)
{
    static const struct {
        const char *name, *ids[PLACES];
    } ids[] = {
        {"{project}", {PROJECT, NULL, OTHER, GONE}},
        {"{asset}", {ASSET_A, ASSET_B, ASSET_C, GONE}},
        {"{version}",
         {"01J0000000000000000000VE01", "01J0000000000000000000VE02", "01J0000000000000000000VE03",
          GONE}},
        {"{comment}",
         {"01J0000000000000000000CM01", "01J0000000000000000000CM02", "01J0000000000000000000CM03",
          GONE}},
        {"{folder}", {"01J0000000000000000000FD01", NULL, NULL, GONE}},
        {"{transfer}", {"01J0000000000000000000TR01", NULL, NULL, GONE}},
        {"{file}", {"01J0000000000000000000FJ01", NULL, NULL, GONE}},
        {"{job}", {"01J0000000000000000000JB01", NULL, NULL, GONE}},
        {"{delivery}", {"01J0000000000000000000DE01", NULL, NULL, GONE}},
        {"{report}", {"01J0000000000000000000QC01", NULL, NULL, GONE}},
        {"{share}", {SHARE_V, NULL, NULL, GONE}},
        {"{person}", {GONE, NULL, NULL, NULL}},
        {"{token}", {GONE, NULL, NULL, NULL}},
        {"{session}", {GONE, NULL, NULL, NULL}},
        {"{worker}", {GONE, NULL, NULL, NULL}},
        {"{destination}", {GONE, NULL, NULL, NULL}},
        {"{sending}", {"01J0000000000000000000SE01", NULL, NULL, GONE}},
        {"{hook}", {GONE, NULL, NULL, NULL}},
        {"{notice}", {GONE, NULL, NULL, NULL}},
        {"{rule}", {"01J0000000000000000000WR01", NULL, NULL, GONE}},
        {"{stream}", {GONE, NULL, NULL, NULL}},
        {"{cap}", {GONE, NULL, NULL, NULL}},
        {"{watched}", {GONE, NULL, NULL, NULL}},
        {"{house}", {GONE, NULL, NULL, NULL}},
        {"{parcel}", {"01J0000000000000000000PA01", NULL, NULL, GONE}},
        {"{place}", {GONE, NULL, NULL, NULL}},
        {"{transform}", {"01J0000000000000000000TF01", NULL, NULL, GONE}},
        {"{number}", {"1", "1", "1", "1"}},
        {"{task}", {"0", "0", "0", "0"}},
    };
    size_t used = 0;
    while (*pattern) {
        size_t i = 0;
        if (*pattern == '{') {
            while (i < sizeof(ids) / sizeof(ids[0]) &&
                   strncmp(ids[i].name, pattern, strlen(ids[i].name)) != 0)
                i++;
            assert_true(i < sizeof(ids) / sizeof(ids[0]));
            const char *id = ids[i].ids[where]       ? ids[i].ids[where]
                             : strstr(path, PROJECT) ? GONE
                                                     : NULL;
            if (!id)
                return false;
            used += (size_t)snprintf(path + used, room - used, "%s", id);
            pattern += strlen(ids[i].name);
        } else {
            path[used++] = *pattern++;
            path[used] = 0;
        }
    }
    return true;
}

static const char *need_name(unsigned need)
{
    for (int i = 0; i < PERMISSION_COUNT; i++)
        if (need == 1u << i)
            return permission_names[i];
    return NULL;
}

static bool has_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += size)
        if ((at == words || at[-1] == ' ') && (!at[size] || at[size] == ' '))
            return true;
    return false;
}

// Methods that change nothing (RFC 9110, 9.2.1).
static bool safe(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           strcmp(method, "OPTIONS") == 0;
}

static int expected(const struct route *r, const struct caller *c, enum where where)
{
    bool nobody = strcmp(c->title, "nobody") == 0, get = safe(r->method) || r->flags & ROUTE_READS;
    bool person = !nobody && !c->share && !c->worker;
    if (r->need == NEED_PUBLIC)
        return c->read && !get ? 403 : 200;
    if (nobody)
        return 401;
    if (r->need == NEED_PERSON)
        return person && (get || !c->read) ? 200 : 403;
    if (r->need == NEED_VISITOR)
        return c->share || (person && (get || !c->read)) ? 200 : 403;
    if (r->need == NEED_ADMIN)
        return c->admin ? 200 : 403;
    if (r->need == NEED_WORKER)
        return c->worker ? 200 : 403;
    if (c->worker || (c->read && !get))
        return 403;
    if (where == MISSING)
        return 404;
    bool asset = strstr(r->pattern, "{asset}") || strstr(r->pattern, "{version}") ||
                 strstr(r->pattern, "{comment}");
    const char *permissions = c->permissions;
    if (where == FOREIGN)
        permissions = c->admin || strcmp(c->title, "stranger") == 0 ? callers[1].permissions : "";
    if (c->share && ((asset && where != SHARED) || (!asset && !(r->flags & ROUTE_SHARES))))
        permissions = "";
    if (!has_word(permissions, "view"))
        return 404;
    return has_word(permissions, need_name(r->need)) ? 200 : 403;
}

static int walk(const struct route *r)
{
    int walked = 0;
    for (size_t k = 0; k < CALLERS; k++) {
        for (enum where where = SHARED; where < PLACES; where++) {
            char path[200] = "";
            if (!fill(r->pattern, where, path, sizeof(path)) ||
                (where != SHARED && !strchr(r->pattern, '{')))
                continue;
            int want = expected(r, &callers[k], where);
            int got = api_prepare_for_test(api, r, path, callers[k].headers);
            if (got != want)
                fail_msg("%s %s as %s: %d, wanted %d", r->method, path, callers[k].title, got,
                         want);
            walked++;
            // The same without the CSRF header never gets further than with it.
            bool writes = !safe(r->method);
            bool login = r->need == NEED_PUBLIC && strcmp(r->method, "POST") == 0;
            if (callers[k].cookie && writes && !login && got == 200) {
                const char *bare[] = {callers[k].lines[0], NULL};
                assert_int_equal(api_prepare_for_test(api, r, path, bare), 403);
                const char *false_one[] = {callers[k].lines[0],
                                           "X-CSRF: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                           NULL};
                assert_int_equal(api_prepare_for_test(api, r, path, false_one), 403);
            }
        }
    }
    return walked;
}

static void every_route_asks_for_its_permission(void **state)
{
    (void)state;
    int walked = 0;
    size_t real = 0;
    for (size_t i = 0; i < sizeof(contract) / sizeof(contract[0]); i++)
        walked += walk(&contract[i]);
    for (const struct route *r; (r = api_route(real)); real++)
        walked += walk(r);
    assert_true(real >= people_route_count);
    assert_true(walked > 1000); // so many questions were asked
}

static void every_shape_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < shape_count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(shapes[i].name, shapes[k].name) == 0)
                fail_msg("two shapes are called %s", shapes[i].name);
}

static void every_route_names_shapes_that_exist_and_a_handler(void **state)
{
    (void)state;
    const struct route *r;
    for (size_t i = 0; (r = api_route(i)); i++) {
        assert_non_null(r->handle);
        assert_true(r->need && !(r->need & (r->need - 1)));
        assert_non_null(r->summary);
        if (r->in)
            assert_non_null(shape_named(r->in));
        if (r->out && strcmp(r->out, "bytes") != 0 && strcmp(r->out, "socket") != 0) {
            char name[64];
            text out = text_of(r->out);
            out.size -= text_ends(out, "[]") ? 2 : 0;
            text_copy(out, name, sizeof(name));
            assert_non_null(shape_named(name));
        }
        assert_true(!(r->flags & ROUTE_STREAM) == !r->stream);
        for (size_t k = 0; k < i; k++) // two routes for one request would hide each other
            assert_true(strcmp(api_route(k)->pattern, r->pattern) != 0 ||
                        strcmp(api_route(k)->method, r->method) != 0);
    }
}

// ---- calls

static struct test_answer call_as(const char *title, const char *method, const char *path,
                                  const char *body)
{
    return api_call_for_test(api, method, path, caller(title)->headers, body);
}

static int status_as(const char *title, const char *method, const char *path, const char *body)
{
    struct test_answer t = call_as(title, method, path, body);
    int status = t.status;
    test_answer_free(&t);
    return status;
}

static void a_log_in_gives_a_new_session_whatever_came_along(void **state)
{
    (void)state;
    char body[200];
    snprintf(body, sizeof(body),
             "{\"email\":\"p1@example.org\",\"password\":\"some words together\"}");
    const char *fixed[] = {"Cookie: posthouse=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                           "Content-Type: application/json", NULL};
    struct test_answer t = api_call_for_test(api, "POST", "/session", fixed, body);
    assert_int_equal(t.status, 200);
    assert_non_null(t.cookie);
    assert_int_equal(strlen(t.cookie), 43);
    assert_null(strstr(t.cookie, "AAAAAAAA"));
    assert_null(strstr(t.text, t.cookie)); // the secret is in the cookie only
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(t.json, "person"), "name")), "owner");
    test_answer_free(&t);
    // Logging in over a session ends it.
    t = call_as("owner", "POST", "/session", body);
    assert_int_equal(t.status, 200);
    assert_string_not_equal(t.cookie, caller("owner")->secret);
    test_answer_free(&t);
    assert_int_equal(status_as("owner", "GET", "/tokens", NULL), 401);
}

static void bodies_are_checked_before_anything_happens(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
        const char *says;
    } tries[] = {
        {"{", 400, "JSON"},
        {"{\"email\":\"a@b\",\"email\":\"c@d\",\"password\":\"x\"}", 400, "JSON"},
        {"[]", 422, "object"},
        {"{}", 422, "email"},
        {"{\"email\":1,\"password\":\"x\"}", 422, "text"},
        {"{\"email\":\"a@b\",\"password\":null}", 422, "missing"},
        {"{\"email\":\"a@b\",\"password\":\"x\",\"pasword\":\"y\"}", 422, "did you mean password"},
        {"{\"email\":\"a\\u0000b\",\"password\":\"x\"}", 400, "JSON"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", 400, "nested"},
        {"{\"email\":\"a@b\",\"password\":\"wrong wrong\"}", 401, "wrong"},
    };
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        struct test_answer t = call_as("nobody", "POST", "/session", tries[i].body);
        if (t.status != tries[i].status || !strstr(t.text, tries[i].says))
            fail_msg("%s: %d %s", tries[i].body, t.status, t.text);
        assert_string_equal(t.type, "application/problem+json");
        test_answer_free(&t);
    }
    char *big = malloc(20000);
    memset(big, 'x', 20000);
    memcpy(big, "{\"password\":\"x\",\"email\":\"", 25);
    strcpy(big + 19990, "\"}");
    assert_int_equal(status_as("nobody", "POST", "/session", big), 422);
    free(big);
    const char *plain[] = {"Content-Type: text/plain", NULL};
    struct test_answer t = api_call_for_test(api, "POST", "/session", plain, "{}");
    assert_int_equal(t.status, 415);
    test_answer_free(&t);
    assert_int_equal(status_as("nobody", "GET", "/nowhere", NULL), 404);
    assert_int_equal(status_as("nobody", "PUT", "/session", NULL), 405);
}

static void the_same_key_makes_one_thing(void **state)
{
    (void)state;
    struct caller *owner = caller("owner");
    const char *headers[] = {owner->lines[0], owner->lines[1], "Content-Type: application/json",
                             "Idempotency-Key: k1", NULL};
    const char *path = "/projects/" PROJECT "/members";
    const char *body = "{\"email\":\"p5@example.org\",\"role\":\"guest\"}";
    struct test_answer one = api_call_for_test(api, "POST", path, headers, body);
    assert_int_equal(one.status, 201);
    must(members_drop(people, PROJECT, caller("stranger")->person, NULL, "", &err));
    struct test_answer two = api_call_for_test(api, "POST", path, headers, body);
    assert_int_equal(two.status, 201);
    assert_string_equal(one.text, two.text);
    struct member *list;
    size_t count;
    must(members_list(people, PROJECT, arena, &list, &count, &err));
    for (size_t i = 0; i < count; i++) // the second answer was kept, not made
        assert_string_not_equal(list[i].person.name, "stranger");
    test_answer_free(&one);
    test_answer_free(&two);
    two = api_call_for_test(api, "POST", path, headers,
                            "{\"email\":\"p5@example.org\",\"role\":\"owner\"}");
    assert_int_equal(two.status, 422);
    test_answer_free(&two);
    // Another person's key is another key.
    struct caller *admin = caller("administrator");
    const char *theirs[] = {admin->lines[0], admin->lines[1], "Content-Type: application/json",
                            "Idempotency-Key: k1", NULL};
    two = api_call_for_test(api, "POST", path, theirs,
                            "{\"email\":\"p5@example.org\",\"role\":\"editor\"}");
    assert_int_equal(two.status, 201);
    test_answer_free(&two);
    // What held a secret is not kept, and not made twice.
    headers[3] = "Idempotency-Key: k2";
    body = "{\"name\":\"t\",\"scope\":\"all\"}";
    one = api_call_for_test(api, "POST", "/tokens", headers, body);
    assert_int_equal(one.status, 201);
    const char *secret = json_string_value(json_object_get(one.json, "secret"));
    assert_int_equal(strlen(secret), 43);
    two = api_call_for_test(api, "POST", "/tokens", headers, body);
    assert_int_equal(two.status, 409);
    assert_null(strstr(two.text, secret));
    test_answer_free(&one);
    test_answer_free(&two);
}

static void a_problem_says_what_why_fix(void **state)
{
    (void)state;
    struct test_answer t = call_as("guest", "POST", "/projects/" PROJECT "/members", "{}");
    assert_int_equal(t.status, 403);
    const char *fields[] = {"title", "detail", "fix", "kind"};
    for (size_t i = 0; i < 4; i++)
        assert_true(strlen(json_string_value(json_object_get(t.json, fields[i]))) > 3);
    assert_int_equal(json_integer_value(json_object_get(t.json, "status")), 403);
    test_answer_free(&t);
    // What is not there and what is not yours are told in the same words.
    struct test_answer gone = call_as("stranger", "GET", "/projects/" GONE "/members", NULL);
    t = call_as("stranger", "GET", "/projects/" PROJECT "/members", NULL);
    assert_string_equal(gone.text, t.text);
    test_answer_free(&gone);
    test_answer_free(&t);
}

static void people_can_be_managed_over_the_api(void **state)
{
    (void)state;
    struct test_answer t = call_as("administrator", "POST", "/people",
                                   "{\"name\":\"New\",\"email\":\"New@Example.org\"}");
    assert_int_equal(t.status, 201);
    const char *link = strchr(json_string_value(json_object_get(t.json, "link")), '#') + 1;
    const char *id = json_string_value(json_object_get(json_object_get(t.json, "person"), "id"));
    char body[200], path[100];
    snprintf(body, sizeof(body), "{\"token\":\"%s\",\"password\":\"password123\"}", link);
    assert_int_equal(status_as("nobody", "POST", "/welcome", body), 422);
    snprintf(body, sizeof(body), "{\"token\":\"%s\",\"password\":\"river lamp seven\"}", link);
    struct test_answer in = call_as("nobody", "POST", "/welcome", body);
    assert_int_equal(in.status, 200);
    snprintf(path, sizeof(path), "/people/%s", id);
    assert_int_equal(status_as("administrator", "PATCH", path, "{\"disabled\":true}"), 200);
    char cookie[100];
    snprintf(cookie, sizeof(cookie), "Cookie: posthouse=%s", in.cookie);
    const char *headers[] = {cookie, NULL};
    struct test_answer out = api_call_for_test(api, "GET", "/tokens", headers, NULL);
    assert_int_equal(out.status, 401);
    test_answer_free(&out);
    test_answer_free(&in);
    test_answer_free(&t);
    // The list of members shows e-mails to those who manage only.
    t = call_as("guest", "GET", "/projects/" PROJECT "/members", NULL);
    assert_int_equal(t.status, 200);
    assert_null(strstr(t.text, "@example.org"));
    test_answer_free(&t);
    t = call_as("owner", "GET", "/projects/" PROJECT "/members", NULL);
    assert_non_null(strstr(t.text, "@example.org"));
    test_answer_free(&t);
    assert_int_equal(
        status_as("editor", "POST", "/tokens", "{\"name\":\"w\",\"scope\":\"worker\"}"), 403);
    t = call_as("share to view", "GET", "/me", NULL);
    assert_int_equal(t.status, 200);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(t.json, "share"), "title")), "cut 1");
    test_answer_free(&t);
    sql("update shares set revoked = 1 where id = '" SHARE_V "'");
    t = call_as("share to view", "GET", "/me", NULL);
    assert_null(json_object_get(t.json, "share"));
    test_answer_free(&t);
}

static void the_audit_list_pages_by_cursor(void **state)
{
    (void)state;
    int64_t last = INT64_MAX;
    char path[300] = "/audit?limit=7";
    size_t seen = 0;
    for (int page = 0; page < 50; page++) {
        struct test_answer t = call_as("administrator", "GET", path, NULL);
        assert_int_equal(t.status, 200);
        json_t *items = json_object_get(t.json, "items");
        for (size_t i = 0; i < json_array_size(items); i++, seen++) {
            int64_t number =
                json_integer_value(json_object_get(json_array_get(items, i), "number"));
            assert_true(number < last);
            last = number;
        }
        const char *cursor = json_string_value(json_object_get(t.json, "cursor"));
        snprintf(path, sizeof(path), "/audit?limit=7&cursor=%s", cursor ? cursor : "");
        test_answer_free(&t);
        if (!cursor)
            break;
    }
    assert_true(seen > 15);
    assert_int_equal(last, 1);
    assert_int_equal(status_as("administrator", "GET", "/audit?cursor=nonsense", NULL), 422);
    assert_int_equal(status_as("administrator", "GET", "/audit?limit=0", NULL), 422);
}

// ---- through the real server

static struct server *server;
static struct sockets *sockets;
static int port;

static void close_content(void *context)
{
    close((int)(intptr_t)context);
}

static atomic_int opened_files;
static bool open_content(void *context, const char *content, struct arena *a, struct file_answer *f,
                         struct error *e)
{
    (void)context, (void)content;
    struct file_run *run = ARENA_NEW(a, struct file_run);
    run->fd = open(arena_format(a, "%s/media", folder), O_RDONLY | O_CLOEXEC);
    if (run->fd < 0)
        return error_set(e, ERROR_NOT_FOUND, "not here");
    run->size = 10;
    *f = (struct file_answer){
        .runs = run, .count = 1, .release = close_content, .context = (void *)(intptr_t)run->fd};
    atomic_fetch_add(&opened_files, 1);
    return true;
}

static void write_file(const char *name, const char *content)
{
    char path[150];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

static int serve(void **state)
{
    if (set_up(state) != 0)
        return 1;
    write_file("media", "0123456789");
    char path[150];
    snprintf(path, sizeof(path), "%s/assets", folder);
    mkdir(path, 0700);
    write_file("index.html", "<!doctype html>");
    write_file("assets/app-12345678.js", "let a = 1;");
    write_file("assets/app-12345678.js.gz", "packed");
    api_close(api);
    sockets = sockets_open(&(struct sockets_wish){0}, &err);
    assert_non_null(sockets);
    api = api_open(&(struct api_wish){.db = db,
                                      .people = people,
                                      .sockets = sockets,
                                      .check_answers = true,
                                      .version = "1",
                                      .house_name = "Test",
                                      .web_folder = folder},
                   &err);
    assert_non_null(api);
    api_media_opener(api, open_content, NULL);
    api_media_folder(api, folder);
    struct listener_wish listener = {.tag = "page", .address = "127.0.0.1"};
    server = server_open(&(struct server_wish){.listeners = &listener,
                                               .listener_count = 1,
                                               .context = api,
                                               .plan = api_plan,
                                               .problem = api_problem,
                                               .decorate = api_decorate},
                         &err);
    assert_non_null(server);
    api_server(api, server);
    port = server_port(server, 0);
    return 0;
}

static int stop(void **state)
{
    sockets_close(sockets, 1000);
    server_close(server, 1000);
    return tear_down(state);
}

// A plain request; the whole answer lies in the arena.
static const char *ask(const char *head)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    const char *whole =
        arena_format(arena, "%s\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n", head, port);
    assert_int_equal(write(fd, whole, strlen(whole)), (ssize_t)strlen(whole));
    char *answer = arena_take(arena, 65536);
    size_t size = 0;
    for (ssize_t got; size < 65535 && (got = read(fd, answer + size, 65535 - size)) > 0;)
        size += (size_t)got;
    close(fd);
    return answer;
}

static void has(const char *answer, const char *part)
{
    if (strstr(answer, part))
        return;
    fputs(answer, stderr);
    fputs(part, stderr);
    fail_msg("the answer above does not hold what stands behind it");
}

static void the_page_is_served_strictly(void **state)
{
    (void)state;
    const char *a = ask("GET /review/anything HTTP/1.1");
    has(a, "HTTP/1.1 200");
    has(a, "<!doctype html>");
    has(a, "Cache-Control: no-cache");
    has(a, "default-src 'self'");
    has(a, "frame-ancestors 'none'");
    has(a, "X-Content-Type-Options: nosniff");
    assert_null(strstr(a, "unsafe-inline"));
    a = ask("GET /assets/app-12345678.js HTTP/1.1\r\nAccept-Encoding: gzip");
    has(a, "immutable");
    has(a, "Content-Encoding: gzip");
    has(a, "packed");
    has(ask("GET /assets/app-12345678.js HTTP/1.1"), "let a = 1;");
    has(ask("GET /assets/none.js HTTP/1.1"), "HTTP/1.1 404");
    has(ask("GET /assets/../house.db HTTP/1.1"), "HTTP/1.1 400");
    has(ask("GET /health/live HTTP/1.1"), "live");
    has(ask("GET /health/ready HTTP/1.1"), "ready");
    has(ask("GET /metrics HTTP/1.1"), "posthouse_api_answers_total");
    has(ask("GET /api/v1/tokens HTTP/1.1"), "application/problem+json");
    has(ask("GET /api/v1/nothing HTTP/1.1"), "HTTP/1.1 404");
    has(ask("PUT /api/v1/session HTTP/1.1\r\nContent-Length: 0"), "HTTP/1.1 405");
}

static const char *made_address;

static bool make_address(struct call *c, struct error *e)
{
    (void)e;
    const char *address = c->asset && strcmp(c->asset, ASSET_B) == 0
                              ? media_growing(c, c->project, "media", "grows.mp4")
                              : media_address(c, c->project, "aa", 10, "scrub.mp4");
    made_address = arena_text(arena, address);
    return true;
}

static const struct route address_route = {
    "GET", "/assets/{asset}", MAY_VIEW, make_address, NULL, NULL, 0, "", NULL};

static const char *address_as(const char *title, const char *asset)
{
    char path[60];
    snprintf(path, sizeof(path), "/assets/%s", asset);
    assert_int_equal(api_run_for_test(api, &address_route, path, caller(title)->headers), 200);
    return made_address;
}

static const char *get(const char *address, const char *more)
{
    return ask(arena_format(arena, "GET %s HTTP/1.1%s%s", address, *more ? "\r\n" : "", more));
}

static void media_addresses_end_with_the_rights(void **state)
{
    (void)state;
    const char *mine = address_as("guest", ASSET_A), *shared = address_as("share to view", ASSET_A);
    const char *a = get(mine, "Range: bytes=2-4");
    has(a, "HTTP/1.1 206");
    has(a, "Content-Range: bytes 2-4/10");
    has(a, "\r\n\r\n234");
    has(a, "ETag: \"aa\"");
    int opened = atomic_load(&opened_files);
    for (int i = 0; i < 5; i++)
        has(get(mine, ""), "0123456789");
    assert_int_equal(atomic_load(&opened_files), opened); // kept open
    has(get(shared, ""), "0123456789");
    has(get(address_as("guest", ASSET_B), ""), "0123456789"); // grows
    write_file("media", "0123456789abc");
    has(get(address_as("guest", ASSET_B), "Range: bytes=10-"), "abc");
    // Somebody else's page reads nothing; ours does.
    assert_null(strstr(get(mine, "Origin: http://evil.example"), "Access-Control-Allow-Origin"));
    has(get(mine, "Origin: http://127.0.0.1:8480"),
        "Access-Control-Allow-Origin: http://127.0.0.1:8480");
    char *changed = arena_text(arena, mine);
    char *at = changed + strlen("/media/") + 20;
    *at = *at == 'A' ? 'B' : 'A';
    has(get(changed, ""), "HTTP/1.1 403");
    has(get(arena_format(arena, "%.*s/other.mp4", (int)(strrchr(mine, '/') - mine), mine), ""),
        "HTTP/1.1 403");
    must(members_drop(people, PROJECT, caller("guest")->person, NULL, "", &err));
    has(get(mine, ""), "HTTP/1.1 403");
    sql("update shares set revoked = 1 where id = '" SHARE_V "'");
    people_changed(people);
    has(get(shared, ""), "HTTP/1.1 403");
    mine = address_as("owner", ASSET_A);
    has(get(mine, ""), "HTTP/1.1 200");
    clock_shift_ms(14 * 3600000LL);
    has(get(mine, ""), "HTTP/1.1 403");
    clock_shift_ms(-14 * 3600000LL);
}

struct telling {
    const char *project, *subject, *kind, *body;
};

static bool tell_in(struct db_tx *tx, void *context, struct error *e)
{
    struct telling *t = context;
    return db_event(tx, t->kind, t->project, t->subject, t->body, e);
}

static void tell(const char *project, const char *kind, const char *subject, const char *body)
{
    struct telling t = {project, subject, kind, body};
    struct error trouble;
    error_clear(&trouble);
    assert_true(db_write(db, tell_in, &t, &trouble));
}

static struct socket_client *listen_as(const char *title, const char *say)
{
    // Programs log in with tokens; a cookie is tried by hand below.
    char id[27], secret[44], url[60];
    must(token_make(people, caller(title)->person, "ear", "read", 0, false, "", id, secret, &err));
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/api/v1/events", port);
    struct socket_client *s =
        socket_client_open(&(struct socket_client_wish){.url = url, .bearer = secret}, &err);
    must(s != NULL);
    must(socket_client_send(s, say, strlen(say), &err));
    return s;
}

// The next message's number; 0 for {"now":..}. Kind is copied.
static int64_t hear(struct socket_client *s, char kind[40])
{
    text message;
    must(socket_client_receive(s, 5000, &message, &err));
    json_t *j = json_loadb(message.at, message.size, 0, NULL);
    assert_non_null(j);
    int64_t number = json_integer_value(json_object_get(j, "number"));
    const char *word = json_string_value(json_object_get(j, "kind"));
    text_copy(text_of(word ? word : json_object_get(j, "reset") ? "reset" : "now"), kind, 40);
    json_decref(j);
    return number;
}

static void *write_many(void *context)
{
    (void)context;
    for (int i = 0; i < 600; i++) {
        tell(PROJECT, "job.changed", GONE, "{\"i\":1}");
        if (i % 3 == 0)
            tell(OTHER, "job.changed", GONE, NULL);
    }
    return NULL;
}

static void catching_up_misses_nothing_while_others_write(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++)
        tell(PROJECT, "asset.changed", ASSET_A, NULL);
    int64_t before = db_event_last(db) - 300;
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_many, NULL), 0);
    char say[80], kind[40];
    snprintf(say, sizeof(say), "{\"subscribe\":{\"after\":%lld}}", (long long)before);
    enum { EARS = 4 };
    struct socket_client *ears[EARS];
    for (int i = 0; i < EARS; i++)
        ears[i] = listen_as("guest", say);
    pthread_join(writer, NULL);
    tell(PROJECT, "folder.changed", GONE, NULL); // the last one
    for (int i = 0; i < EARS; i++) {
        int64_t last = before;
        int heard = 0, nows = 0;
        do {
            int64_t number = hear(ears[i], kind);
            assert_true(!number || number > last); // in order, never twice
            last = number ? number : last;
            heard += number != 0;
            nows += number == 0;
        } while (strcmp(kind, "folder.changed") != 0);
        assert_int_equal(heard, 901); // all of ours, nothing of the other project
        assert_true(nows <= 1);
        socket_client_close(ears[i]);
    }
}

static void who_loses_the_right_hears_no_more(void **state)
{
    (void)state;
    char kind[40];
    struct socket_client *guest = listen_as("guest", "{\"subscribe\":{}}");
    struct socket_client *owner =
        listen_as("owner", "{\"subscribe\":{\"project\":\"" PROJECT "\"}}");
    hear(guest, kind);
    assert_string_equal(kind, "now");
    hear(owner, kind);
    tell(PROJECT, "comment.made", GONE, "{\"asset\":\"" ASSET_A "\"}");
    hear(guest, kind);
    assert_string_equal(kind, "comment.made");
    must(members_drop(people, PROJECT, caller("guest")->person, NULL, "", &err));
    tell(PROJECT, "comment.deleted", GONE, "{\"asset\":\"" ASSET_A "\"}");
    tell(OTHER, "comment.changed", GONE, NULL);
    for (int i = 0; i < 3; i++) // made, project.changed, deleted
        hear(owner, kind);
    assert_string_equal(kind, "comment.deleted");
    text message;
    assert_false(socket_client_receive(guest, 400, &message, &err));
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    // Disabled: the line is closed.
    must(people_change(people, caller("guest")->person, &(struct person_change){NULL, -1, 1}, NULL,
                       "", &err));
    assert_false(socket_client_receive(guest, 5000, &message, &err));
    assert_int_not_equal(err.kind, ERROR_TIMEOUT);
    socket_client_close(guest);
    socket_client_close(owner);
}

// `posthouse user disable` beside a house that serves.
static void the_line_is_cut_within_seconds_whoever_takes_the_right(void **state)
{
    (void)state;
    char kind[40], path[100], migrations[100];
    text message;
    struct socket_client *guest = listen_as("guest", "{\"subscribe\":{}}");
    struct socket_client *owner = listen_as("owner", "{\"subscribe\":{}}");
    hear(guest, kind);
    hear(owner, kind);
    snprintf(path, sizeof(path), "%s/house.db", folder);
    snprintf(migrations, sizeof(migrations), "%s/m", folder);
    struct db *outside = db_open(&(struct db_wish){.path = path, .migrations = migrations}, &err);
    must(outside != NULL);
    struct people *command = people_open(&(struct people_wish){.db = outside}, &err);
    must(command != NULL);
    must(people_change(command, caller("guest")->person, &(struct person_change){NULL, -1, 1}, NULL,
                       "command line", &err));
    assert_false(socket_client_receive(guest, 20000, &message, &err));
    assert_int_not_equal(err.kind, ERROR_TIMEOUT);
    // Nobody else is cut; a token that is taken away cuts its own line only.
    assert_false(socket_client_receive(owner, 300, &message, &err));
    assert_int_equal(err.kind, ERROR_TIMEOUT);
    struct token *tokens;
    size_t count;
    must(token_list(people, caller("owner")->person, arena, &tokens, &count, &err));
    for (size_t i = 0; i < count; i++)
        must(token_end(command, caller("owner")->person, tokens[i].id, "command line", &err));
    assert_false(socket_client_receive(owner, 20000, &message, &err));
    assert_int_not_equal(err.kind, ERROR_TIMEOUT);
    socket_client_close(guest);
    socket_client_close(owner);
    people_close(command);
    db_close(outside);
}

static void too_old_a_number_says_so(void **state)
{
    (void)state;
    char kind[40];
    for (int i = 0; i < 10; i++)
        tell(PROJECT, "asset.changed", ASSET_A, NULL);
    sql("delete from events where number <= 5");
    struct socket_client *s = listen_as("owner", "{\"subscribe\":{\"after\":2}}");
    hear(s, kind);
    assert_string_equal(kind, "reset");
    hear(s, kind);
    assert_string_equal(kind, "now");
    socket_client_close(s);
    s = listen_as("owner", "{\"subscribe\":{\"after\":1000000}}");
    hear(s, kind);
    assert_string_equal(kind, "reset");
    socket_client_close(s);
    const char *evil = ask(arena_format(
        arena,
        "GET /api/v1/events HTTP/1.1\r\nCookie: posthouse=%s\r\nOrigin: http://evil.example\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        "dGhlIHNhbXBsZSBub25jZQ==",
        caller("owner")->secret));
    assert_null(strstr(evil, "HTTP/1.1 101"));
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define S(f) cmocka_unit_test_setup_teardown(f, serve, stop)
    const struct CMUnitTest tests[] = {
        T(every_route_asks_for_its_permission),
        T(every_route_names_shapes_that_exist_and_a_handler),
        cmocka_unit_test(every_shape_has_a_name_of_its_own),
        T(a_log_in_gives_a_new_session_whatever_came_along),
        T(bodies_are_checked_before_anything_happens),
        T(the_same_key_makes_one_thing),
        T(a_problem_says_what_why_fix),
        T(people_can_be_managed_over_the_api),
        T(the_audit_list_pages_by_cursor),
        S(the_page_is_served_strictly),
        S(media_addresses_end_with_the_rights),
        S(catching_up_misses_nothing_while_others_write),
        S(who_loses_the_right_hears_no_more),
        S(the_line_is_cut_within_seconds_whoever_takes_the_right),
        S(too_old_a_number_says_so),
    };
    return RUN_TESTS(tests);
}
