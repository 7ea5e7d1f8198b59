/*
 * The media listener: signed addresses for derived files, files that still grow, and originals.
 *
 * An address names who it was made for, their project, and what it opens; the signature holds them
 * together (wire/address.h). It counts while that person or share may still view the project:
 * looked up once, remembered until people_changes moves or half a minute has passed, so that ranges
 * are answered on the event thread without a database. Open files are kept, the least used makes
 * room.
 */
#include "api/inside.h"
#include "plat/clock.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RIGHTS = 1024, FILES = 128, RIGHT_MS = 30000, PLAYBACK_PRIORITY = 80 };
#define HOUR_MS 3600000LL

struct kept_right {
    char key[80]; // whom, project
    int64_t changes, until_ms;
    bool view, burns; // burns: only pictures with the viewer's name in them
};

struct kept_file {
    char content[65];
    struct arena *arena;
    struct file_answer answer;
    int users; // answers under way, and 1 while it is in the table
    uint64_t used;
};

struct media {
    struct api *api;
    media_open *open;
    void *context;
    char *folder;
    pthread_mutex_t lock; // guards the two tables and the counts in them
    struct kept_right rights[RIGHTS];
    struct kept_file *files[FILES];
    uint64_t uses;
};

struct kept_map {
    struct store *store;
    const struct store_map *map;
};

static void close_stored(void *context)
{
    struct kept_map *k = context;
    store_map_close(k->store, k->map);
}

static bool open_stored(void *context, const char *content, struct arena *a, struct file_answer *f,
                        struct error *err)
{
    sha256 hash;
    struct kept_map *k = ARENA_NEW(a, struct kept_map);
    k->store = context;
    if (!sha256_parse(text_of(content), &hash))
        return error_set(err, ERROR_NOT_FOUND, "this medium is not here");
    if (!store_map_open(k->store, &hash, &k->map, err))
        return false;
    struct file_run *runs = ARENA_ARRAY(a, struct file_run, k->map->count + 1);
    for (size_t i = 0; i < k->map->count; i++)
        runs[i] =
            (struct file_run){k->map->runs[i].fd, k->map->runs[i].offset, k->map->runs[i].length};
    *f = (struct file_answer){
        .runs = runs, .count = k->map->count, .release = close_stored, .context = k};
    return true;
}

struct media *media_start(struct api *api)
{
    struct media *m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    m->api = api;
    m->open = api->store ? open_stored : NULL;
    m->context = api->store;
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

static void file_close(struct kept_file *f)
{
    if (f->answer.release)
        f->answer.release(f->answer.context);
    arena_close(f->arena);
    free(f);
}

void media_stop(struct media *m)
{
    if (!m)
        return;
    for (int i = 0; i < FILES; i++)
        if (m->files[i])
            file_close(m->files[i]);
    pthread_mutex_destroy(&m->lock);
    free(m->folder);
    free(m);
}

void api_media_opener(struct api *api, media_open *opener, void *context)
{
    api->inside->media->open = opener;
    api->inside->media->context = context;
}

void api_media_folder(struct api *api, const char *scratch_folder)
{
    free(api->inside->media->folder);
    api->inside->media->folder = strdup(scratch_folder);
}

// ---- making addresses

static const char *address_of(struct call *c, const char *project, char kind, const char *what,
                              const char *name)
{
    // Rounded up to the hour: the same address all that hour long, so that a cache can keep it.
    int64_t expires = (clock_now_ms() / HOUR_MS + 13) * HOUR_MS;
    const char *whom = c->who.kind == WHO_SHARE ? c->who.share : c->who.person;
    const char *extra = arena_format(c->arena, "%c%s|%s|%c%s", c->who.kind == WHO_SHARE ? 's' : 'p',
                                     whom ? whom : "", project, kind, what);
    const char *prefix =
        arena_format(c->arena, "%s/media", media_base(c->api, c->request, c->arena));
    return address_sign(c->arena, &c->api->key, prefix, text_of(extra), name, expires);
}

const char *media_address(struct call *c, const char *project, const char *content, int64_t size,
                          const char *name)
{
    (void)size;
    return address_of(c, project, 'c', content, name);
}

const char *media_growing(struct call *c, const char *project, const char *path, const char *name)
{
    return address_of(c, project, 'g', path, name);
}

const char *media_burnt(struct call *c, const char *project, const char *content, const char *name)
{
    return address_of(c, project, 'b', content, name);
}

const char *media_made(struct call *c, const char *project, const char *path, const char *name)
{
    return address_of(c, project, 'm', path, name);
}

// ---- reading them

struct asked {
    struct api *api;
    bool valid, expired;
    const char *whom;    // "p<id>" or "s<id>"
    const char *project; // id
    const char *what;    // "c<content>", "b<content>" (burnt), "g<path>" or "m<path>" (made for them)
};

// Whether a right opens it: what carries no name is not for those whose name it should carry.
static bool opens(const struct asked *q, bool view, bool burns)
{
    return view && (!burns || q->what[0] == 'b' || q->what[0] == 'm');
}

static bool by_path(const struct asked *q)
{
    return q->what[0] == 'g' || q->what[0] == 'm';
}

static struct asked take_apart(struct api *api, const struct request *r)
{
    struct asked q = {.api = api};
    text rest = text_of(r->path + strlen("/media/"));
    text signature = text_cut(&rest, '/');
    text extra;
    if (!rest.size ||
        !address_verify(r->arena, &api->key, signature, rest, clock_now_ms(), &extra, &q.expired))
        return q;
    text whom = text_cut(&extra, '|'), project = text_cut(&extra, '|');
    if (whom.size < 2 || !project.size || extra.size < 2)
        return q;
    q.whom = arena_copy(r->arena, whom.at, whom.size);
    q.project = arena_copy(r->arena, project.at, project.size);
    q.what = arena_copy(r->arena, extra.at, extra.size);
    q.valid = true;
    return q;
}

static struct kept_right *right_place(struct media *m, const char *key)
{
    return &m->rights[xxh3_of(key, strlen(key)) % RIGHTS];
}

// 1 may, 0 may not, -1 not known.
static int right_known(struct media *m, const struct asked *q)
{
    char key[80];
    snprintf(key, sizeof(key), "%s %s", q->whom, q->project);
    int64_t changes = people_changes(m->api->people);
    pthread_mutex_lock(&m->lock);
    struct kept_right *k = right_place(m, key);
    int known = strcmp(k->key, key) == 0 && k->changes == changes && k->until_ms > clock_now_ms()
                    ? opens(q, k->view, k->burns)
                    : -1;
    pthread_mutex_unlock(&m->lock);
    return known;
}

static struct kept_file *file_take(struct media *m, const char *content)
{
    struct kept_file *found = NULL;
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < FILES && !found; i++)
        if (m->files[i] && strcmp(m->files[i]->content, content) == 0) {
            found = m->files[i];
            found->users++;
            found->used = ++m->uses;
        }
    pthread_mutex_unlock(&m->lock);
    return found;
}

struct giving {
    struct media *m;
    struct kept_file *file;
};

static void file_give_back(void *context)
{
    struct giving *g = context;
    pthread_mutex_lock(&g->m->lock);
    bool last = --g->file->users == 0;
    pthread_mutex_unlock(&g->m->lock);
    if (last)
        file_close(g->file);
    free(g);
}

static void file_keep(struct media *m, struct kept_file *f)
{
    struct kept_file *out = NULL;
    pthread_mutex_lock(&m->lock);
    int place = 0;
    for (int i = 0; i < FILES; i++) {
        if (!m->files[i]) {
            place = i;
            break;
        }
        if (m->files[i]->used < m->files[place]->used)
            place = i;
    }
    if (m->files[place] && --m->files[place]->users == 0)
        out = m->files[place];
    f->users++;
    f->used = ++m->uses;
    m->files[place] = f;
    pthread_mutex_unlock(&m->lock);
    if (out)
        file_close(out);
}

struct looking {
    const struct asked *q;
    bool view, burns;
    struct arena *a;
};

static bool look_in(struct db_tx *tx, void *context, struct error *err)
{
    struct looking *l = context;
    const char *id = l->q->whom + 1;
    int64_t now = clock_now_ms(), good = 0;
    if (l->q->whom[0] == 's') {
        bool ok = db_one_int(
            tx, &good, 0, err,
            "select count(*) from shares where id = ?1 and project = ?2 and revoked = 0 and "
            "(expires_ms is null or expires_ms = 0 or expires_ms > ?3)",
            "ssi", id, l->q->project, now);
        l->view = good > 0;
        struct who visitor = {.kind = WHO_SHARE, .share = id};
        return ok && people_burn(tx, &visitor, l->q->project, &l->burns, err);
    }
    struct who who = {.kind = WHO_PERSON, .person = id};
    unsigned may = 0;
    struct db_rows *rows =
        db_query(tx, "select admin from people where id = ?1 and disabled = 0", "s", id);
    bool there = db_next(rows);
    who.admin = there && db_int(rows, 0) != 0;
    if (!db_end(rows, err) || (there && !people_may(tx, &who, l->q->project, &may, err)))
        return false;
    l->view = may & MAY_VIEW;
    return people_burn(tx, &who, l->q->project, &l->burns, err);
}

static bool right_look(struct media *m, const struct asked *q, struct arena *a, bool *view,
                       struct error *err)
{
    int64_t changes = people_changes(m->api->people);
    struct looking l = {.q = q, .a = a};
    if (!db_read(m->api->db, look_in, &l, err))
        return false;
    char key[80];
    snprintf(key, sizeof(key), "%s %s", q->whom, q->project);
    pthread_mutex_lock(&m->lock);
    struct kept_right *k = right_place(m, key);
    *k = (struct kept_right){
        .changes = changes, .until_ms = clock_now_ms() + RIGHT_MS, .view = l.view, .burns = l.burns};
    text_copy(text_of(key), k->key, sizeof(k->key));
    pthread_mutex_unlock(&m->lock);
    *view = opens(q, l.view, l.burns);
    return true;
}

// ---- answering

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {".mp4", "video/mp4"},        {".jpg", "image/jpeg"}, {".mov", "video/quicktime"},
        {".wav", "audio/wav"},        {".png", "image/png"},  {".mxf", "application/mxf"},
        {".json", "application/json"}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (text_ends(text_of(path), types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}

static text host_only(text host)
{
    for (size_t i = host.size; i > 0 && host.at[i - 1] != ']'; i--)
        if (host.at[i - 1] == ':')
            return (text){host.at, i - 1};
    return host;
}

// The page is on the same host with another port; behind a proxy that gives media a name of its own
// any page may read, as the address itself is the right to.
static void allow_page(struct api *api, struct request *r, struct answer *a)
{
    const char *origin = request_header(r, "Origin");
    const char *at = origin ? strstr(origin, "://") : NULL;
    answer_header(a, "Vary", "Origin");
    // The signature is what protects it. "same-site" would fail a house that is called by its number:
    // browsers find no site in an IP address with two ports.
    answer_header(a, "Cross-Origin-Resource-Policy", "cross-origin");
    if (!at)
        return;
    text page = host_only(text_of(at + 3)), mine = host_only(text_of(r->host));
    bool same = page.size == mine.size && strncasecmp(page.at, mine.at, page.size) == 0;
    if (!same && !api->wish.media_base)
        return;
    answer_header(a, "Access-Control-Allow-Origin", origin);
    answer_header(a, "Access-Control-Expose-Headers",
                  "Content-Range, Content-Length, Accept-Ranges, ETag");
    answer_header(a, "Access-Control-Allow-Headers", "Range, If-Range, If-None-Match");
    answer_header(a, "Access-Control-Allow-Methods", "GET, HEAD");
    answer_header(a, "Access-Control-Max-Age", "3600");
    answer_header(a, "Timing-Allow-Origin", origin);
}

static void refuse(struct answer *a, bool expired)
{
    struct error err;
    error_set(&err, ERROR_DENIED, "this media address does not work any more");
    error_why(&err, "%s",
              expired ? "it is older than half a day"
                      : "it was not made by this house, or its rights have ended");
    error_fix(&err, "load the page again");
    answer_error(a, &err);
}

static void close_fd(void *context)
{
    close((int)(intptr_t)context);
}

static bool safe_below(const char *path)
{
    return *path && *path != '/' && !strstr(path, "..");
}

static void answer_growing(struct media *m, const struct asked *q, struct request *r,
                           struct answer *a)
{
    struct stat facts;
    const char *path = q->what + 1;
    int fd = m->folder && safe_below(path) ? open(arena_format(r->arena, "%s/%s", m->folder, path),
                                                  O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
                                           : -1;
    if (fd < 0 || fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        if (fd >= 0)
            close(fd);
        struct error err;
        error_set(&err, ERROR_NOT_FOUND, "this file is not growing any more");
        error_fix(&err, "ask for the version again: it has a new address");
        answer_error(a, &err);
        return;
    }
    struct file_run run = {fd, 0, facts.st_size};
    answer_header(a, "Cache-Control", "no-store");
    answer_files(a, &(struct file_answer){.runs = &run,
                                          .count = 1,
                                          .type = type_of(r->path),
                                          .release = close_fd,
                                          .context = (void *)(intptr_t)fd});
}

static void answer_kept(struct media *m, struct kept_file *f, struct request *r, struct answer *a)
{
    struct giving *g = malloc(sizeof(*g));
    if (!g)
        abort();
    *g = (struct giving){m, f};
    answer_header(a, "Cache-Control", "private, max-age=3600");
    struct file_answer answer = f->answer;
    answer.type = type_of(r->path);
    answer.etag = arena_format(r->arena, "\"%s\"", f->content);
    answer.release = file_give_back;
    answer.context = g;
    answer_files(a, &answer);
    const struct asked *q = r->route;
    bool share = q->whom[0] == 's';
    request_metered(m->api, r,
                    &(struct meter){.kind = "playback",
                                    .key = arena_format(r->arena, "play %s", q->whom),
                                    .title = "looking at pictures",
                                    .project = q->project,
                                    .person = share ? NULL : q->whom + 1,
                                    .share = share ? q->whom + 1 : NULL,
                                    .total_bytes = -1,
                                    .priority = PLAYBACK_PRIORITY},
                    false);
}

// On the pool: the right or the file was not known yet.
static void answer_media(struct request *r, struct answer *a)
{
    const struct asked *q = r->route;
    struct api *api = q->api;
    struct media *m = api->inside->media;
    struct error err;
    error_clear(&err);
    allow_page(api, r, a);
    if (strcmp(r->method, "OPTIONS") == 0) {
        answer_empty(a, 204);
        return;
    }
    int known = q->valid ? right_known(m, q) : 0;
    bool view = known == 1;
    if (known < 0 && !right_look(m, q, r->arena, &view, &err)) {
        answer_error(a, &err);
        return;
    }
    if (!view) {
        refuse(a, q->expired);
        return;
    }
    if (by_path(q)) {
        answer_growing(m, q, r, a);
        return;
    }
    struct kept_file *f = file_take(m, q->what + 1);
    if (!f) {
        f = calloc(1, sizeof(*f));
        if (!f)
            abort();
        f->arena = arena_open(4 << 20);
        f->users = 1;
        text_copy(text_of(q->what + 1), f->content, sizeof(f->content));
        if (!m->open || !m->open(m->context, f->content, f->arena, &f->answer, &err)) {
            if (err.kind == ERROR_NONE)
                error_set(&err, ERROR_NOT_FOUND, "this medium is not here");
            f->answer.release = NULL;
            file_close(f);
            answer_error(a, &err);
            return;
        }
        file_keep(m, f);
    }
    answer_kept(m, f, r, a);
}

bool media_plan(struct api *api, const struct request *r, struct plan *p)
{
    bool reads = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
    if (!reads && strcmp(r->method, "OPTIONS") != 0)
        return false;
    struct media *m = api->inside->media;
    struct asked *q = ARENA_NEW(r->arena, struct asked);
    *q = take_apart(api, r);
    *p = (struct plan){.handle = answer_media, .route = q};
    int known = q->valid ? right_known(m, q) : 0;
    if (!reads || known == 0 || (known == 1 && by_path(q))) {
        p->quick = true;
    } else if (known == 1) {
        pthread_mutex_lock(&m->lock);
        for (int i = 0; i < FILES && !p->quick; i++)
            p->quick = m->files[i] && strcmp(m->files[i]->content, q->what + 1) == 0;
        pthread_mutex_unlock(&m->lock);
    }
    return true;
}
