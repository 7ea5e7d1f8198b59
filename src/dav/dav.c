/*
 * From a request to the tree and back. Each method is a row: how its body is read, what it changes
 * (for locks), who handles it. Before a handler runs, it is known who asks, the path is the house's
 * spelling, the If header holds and no lock is in the way.
 */
#include "dav/inside.h"

#include "base/log.h"
#include "plat/clock.h"
#include "wire/address.h"
#include "wire/range.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PREFIX "/dav"
enum { ARENA_BYTES = 1 << 30, ANSWER_MOST = 512 << 20, TOKENS_MOST = 64, TIMEOUT_USUAL_S = 600 };

struct dav {
    struct tree *tree;
    struct locks *locks;
    struct logins *logins;
    void (*tell)(void *context, struct request *r, const struct dav_move *m); // NULL: nobody
    void *context;
};

struct asked {
    struct dav *dav;
    const struct method *method;
    struct arena *a; // of one request; listings may be larger than the server's own
    struct who who;
    struct tree_asker by;
    const char *path;
    struct tree_node node; // when `there`
    bool there, failed;
    const char *tokens[TOKENS_MOST];
    size_t token_count;
    // a PUT
    struct tree_write write;
    int64_t modified_ms;
    bool writing;
};

enum { LOCK_SELF = 1, LOCK_BELOW = 2, LOCK_MEMBER = 4, LOCK_NEW_MEMBER = 8 };
struct method {
    const char *name;
    void (*handle)(struct request *r, struct asked *q, struct answer *a);
    enum body_kind body;
    unsigned locks;
    bool needs; // the path must be there
};

struct dav *dav_open(const struct dav_wish *wish)
{
    struct dav *d = calloc(1, sizeof(*d));
    if (!d)
        abort();
    *d = (struct dav){
        .tree = wish->tree, .locks = locks_open(), .logins = logins_open(wish->people)};
    return d;
}

void dav_close(struct dav *d)
{
    if (!d)
        return;
    locks_close(d->locks);
    logins_close(d->logins);
    free(d);
}

void dav_moves(struct dav *d,
               void (*tell)(void *context, struct request *r, const struct dav_move *m),
               void *context)
{
    d->tell = tell;
    d->context = context;
}

static void moves(struct dav *d, struct request *r, const struct dav_move *m)
{
    if (d->tell)
        d->tell(d->context, r, m);
}

bool dav_path(const char *path)
{
    return strncmp(path, PREFIX, 4) == 0 && (!path[4] || path[4] == '/');
}

// ---- answers

static void answer_what(struct answer *a, int status, const char *what, const char *fix)
{
    struct error err;
    error_set(&err, status >= 500 ? ERROR_UNSUPPORTED : ERROR_CONFLICT, "%s", what);
    error_fix(&err, "%s", fix);
    answer_error(a, &err);
    answer_status(a, status);
}

static void answer_failed(struct answer *a, const struct error *err)
{
    answer_error(a, err);
    if (err->kind == ERROR_LOGIN || err->kind == ERROR_FACTOR)
        answer_header(a, "WWW-Authenticate", "Basic realm=\"Posthouse\", charset=\"UTF-8\"");
}

static void answer_locked(struct answer *a, struct asked *q, const char *root)
{
    answer_copy(a, 423, "application/xml; charset=utf-8", "", 0);
    const char *body =
        arena_format(q->a,
                     "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:error xmlns:D=\"DAV:\">"
                     "<D:lock-token-submitted><D:href>%s</D:href></D:lock-token-submitted>"
                     "</D:error>",
                     address_path(q->a, text_of(arena_format(q->a, PREFIX "%s", root))));
    answer_copy(a, 423, "application/xml; charset=utf-8", body, strlen(body));
}

static void buf_close(void *context)
{
    struct buf *b = context;
    buf_free(b);
    free(b);
}

struct sending {
    struct buf buf;
    size_t sent;
};

static int64_t send_some(void *context, void *to, size_t room, struct error *err)
{
    struct sending *s = context;
    size_t rest = s->buf.size - s->sent, size = rest < room ? rest : room;
    (void)err;
    if (size)
        memcpy(to, s->buf.at + s->sent, size);
    s->sent += size;
    return (int64_t)size;
}

// A listing, which may be large: it goes out piece by piece.
static void answer_xml(struct answer *a, int status, struct buf *take_over)
{
    struct sending *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->buf = *take_over;
    answer_pull(a, &(struct pull_answer){.size = (int64_t)s->buf.size,
                                         .type = "application/xml; charset=utf-8",
                                         .pull = send_some,
                                         .close = buf_close,
                                         .context = s});
    answer_status(a, status);
}

// ---- XML out

static const char *href_of(struct arena *a, const struct tree_node *n)
{
    bool top = strcmp(n->path, "/") == 0;
    const char *path =
        arena_format(a, PREFIX "%s%s", n->path, n->kind == TREE_FILE || top ? "" : "/");
    return address_path(a, text_of(path));
}

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {
        {".mp4", "video/mp4"},         {".mov", "video/quicktime"}, {".mxf", "application/mxf"},
        {".jpg", "image/jpeg"},        {".png", "image/png"},       {".wav", "audio/wav"},
        {".json", "application/json"}, {".pdf", "application/pdf"}, {".txt", "text/plain"}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (text_ends(text_of(name), types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}

static const char *etag_of(struct arena *a, const struct tree_node *n)
{
    return arena_format(a, "\"%.40s\"", sha256_text(&n->content).text);
}

static void lock_xml(struct buf *b, struct arena *a, const struct lock *k)
{
    int64_t left = (k->until_ms - clock_now_ms()) / 1000;
    buf_format(b,
               "<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:%s/>"
               "</D:lockscope><D:depth>%s</D:depth>",
               k->shared ? "shared" : "exclusive", k->deep ? "infinity" : "0");
    if (k->owner[0])
        buf_format(b, "<D:owner>%s</D:owner>", k->owner);
    buf_format(b,
               "<D:timeout>Second-%lld</D:timeout><D:locktoken><D:href>%s</D:href></D:locktoken>"
               "<D:lockroot><D:href>%s</D:href></D:lockroot></D:activelock>",
               (long long)(left > 0 ? left : 0), k->token,
               address_path(a, text_of(arena_format(a, PREFIX "%s", k->root))));
}

static void locks_xml(struct buf *b, struct asked *q, const char *path)
{
    struct lock *list;
    size_t count = locks_of(q->dav->locks, tree_fold(q->a, path), q->a, &list);
    for (size_t i = 0; i < count; i++)
        lock_xml(b, q->a, &list[i]);
}

// ---- properties of a thing

static void p_created(struct buf *b, struct asked *q, const struct tree_node *n)
{
    (void)q;
    buf_text(b, clock_text(n->created_ms).text);
}
static void p_name(struct buf *b, struct asked *q, const struct tree_node *n)
{
    (void)q;
    (void)buf_xml(b, n->kind == TREE_TOP ? "Posthouse" : n->name);
}
static void p_length(struct buf *b, struct asked *q, const struct tree_node *n)
{
    (void)q;
    buf_format(b, "%lld", (long long)n->size);
}
static void p_type(struct buf *b, struct asked *q, const struct tree_node *n)
{
    (void)q;
    buf_text(b, type_of(n->name));
}
static void p_etag(struct buf *b, struct asked *q, const struct tree_node *n)
{
    (void)buf_xml(b, etag_of(q->a, n));
}
static void p_modified(struct buf *b, struct asked *q, const struct tree_node *n)
{
    (void)q;
    buf_text(b, http_date(n->modified_ms).text);
}
static void p_kind(struct buf *b, struct asked *q, const struct tree_node *n)
{
    (void)q;
    if (n->kind != TREE_FILE)
        buf_text(b, "<D:collection/>");
}
static void p_locks(struct buf *b, struct asked *q, const struct tree_node *n)
{
    locks_xml(b, q, n->path);
}
static void p_lockable(struct buf *b, struct asked *q, const struct tree_node *n)
{
    (void)q, (void)n;
    buf_text(b, "<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/>"
                "</D:locktype></D:lockentry><D:lockentry><D:lockscope><D:shared/></D:lockscope>"
                "<D:locktype><D:write/></D:locktype></D:lockentry>");
}
static void p_free(struct buf *b, struct asked *q, const struct tree_node *n)
{
    struct store_numbers numbers;
    struct error none;
    (void)n;
    bool known = store_numbers(tree_store(q->dav->tree), &numbers, &none);
    int64_t left = known ? numbers.free_bytes - numbers.reserve_bytes : 0;
    buf_format(b, "%lld", (long long)(left > 0 ? left : 0));
}
static void p_used(struct buf *b, struct asked *q, const struct tree_node *n)
{
    struct store_numbers numbers;
    struct error none;
    (void)n;
    bool known = store_numbers(tree_store(q->dav->tree), &numbers, &none);
    buf_format(b, "%lld", (long long)(known ? numbers.bytes : 0));
}

static const struct live {
    const char *name;
    void (*write)(struct buf *b, struct asked *q, const struct tree_node *n);
    bool files, folders, in_all; // whose it is; told to those who ask for all
} lives[] = {
    {"creationdate", p_created, true, true, true},
    {"displayname", p_name, true, true, true},
    {"getcontentlength", p_length, true, false, true},
    {"getcontenttype", p_type, true, false, true},
    {"getetag", p_etag, true, false, true},
    {"getlastmodified", p_modified, true, true, true},
    {"resourcetype", p_kind, true, true, true},
    {"lockdiscovery", p_locks, true, true, true},
    {"supportedlock", p_lockable, true, true, true},
    {"quota-available-bytes", p_free, false, true, false}, // RFC 4331
    {"quota-used-bytes", p_used, false, true, false},
};
enum { LIVES = sizeof(lives) / sizeof(lives[0]) };

static const struct live *live_named(const struct dav_name *name, const struct tree_node *n)
{
    bool file = n->kind == TREE_FILE;
    for (size_t i = 0; strcmp(name->space, "DAV:") == 0 && i < LIVES; i++)
        if (strcmp(lives[i].name, name->name) == 0 && (file ? lives[i].files : lives[i].folders))
            return &lives[i];
    return NULL;
}

static void prop_name(struct buf *b, const struct dav_name *name)
{
    buf_format(b, "<%s xmlns=\"", name->name);
    (void)buf_xml(b, name->space);
    buf_text(b, "\"");
}

static void dead_xml(struct buf *b, const struct tree_property *p, bool value)
{
    struct dav_name name = {p->space, p->name};
    prop_name(b, &name);
    if (value && p->value[0])
        buf_format(b, ">%s</%s>", p->value, p->name);
    else
        buf_text(b, "/>");
}

static void live_xml(struct buf *b, struct asked *q, const struct tree_node *n,
                     const struct live *l, bool value)
{
    buf_format(b, "<D:%s>", l->name);
    if (value)
        l->write(b, q, n);
    buf_format(b, "</D:%s>", l->name);
}

static void some_xml(struct buf *b, struct asked *q, const struct tree_node *n,
                     const struct dav_propfind *p, const struct tree_property *dead, size_t count)
{
    struct buf missing = BUF_LIMIT(1 << 20);
    size_t found = 0;
    buf_text(b, "<D:propstat><D:prop>");
    for (size_t i = 0; i < p->count; i++) {
        const struct live *l = live_named(&p->names[i], n);
        size_t d = 0;
        while (!l && d < count &&
               (strcmp(dead[d].space, p->names[i].space) != 0 ||
                strcmp(dead[d].name, p->names[i].name) != 0))
            d++;
        if (l) {
            live_xml(b, q, n, l, true);
        } else if (d < count) {
            dead_xml(b, &dead[d], true);
        } else {
            prop_name(&missing, &p->names[i]);
            buf_text(&missing, "/>");
            continue;
        }
        found++;
    }
    buf_text(b, "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>");
    (void)found;
    if (missing.size)
        buf_format(b,
                   "<D:propstat><D:prop>%s</D:prop><D:status>HTTP/1.1 404 Not Found</D:status>"
                   "</D:propstat>",
                   missing.at);
    buf_free(&missing);
}

static bool thing_xml(struct buf *b, struct asked *q, const struct tree_node *n,
                      const struct dav_propfind *p, bool with_dead, struct error *err)
{
    struct tree_property *dead = NULL;
    size_t count = 0;
    if (with_dead && n->id && !tree_properties(q->dav->tree, n, q->a, &dead, &count, err))
        return false;
    buf_format(b, "<D:response><D:href>%s</D:href>", href_of(q->a, n));
    if (p->wanted == DAV_SOME) {
        some_xml(b, q, n, p, dead, count);
    } else {
        bool value = p->wanted == DAV_ALL, file = n->kind == TREE_FILE;
        buf_text(b, "<D:propstat><D:prop>");
        for (size_t i = 0; i < LIVES; i++)
            if ((file ? lives[i].files : lives[i].folders) && (lives[i].in_all || !value))
                live_xml(b, q, n, &lives[i], value);
        for (size_t i = 0; i < count; i++)
            dead_xml(b, &dead[i], value);
        buf_text(b, "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>");
    }
    buf_text(b, "</D:response>\n");
    return true;
}

// Only what is not the protocol's own is looked for among what clients had remembered.
static bool asks_dead(const struct dav_propfind *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->names[i].space, "DAV:") != 0)
            return true;
    return p->wanted != DAV_SOME;
}

#define MULTISTATUS "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\">\n"

static void propfind(struct request *r, struct asked *q, struct answer *a)
{
    struct dav_propfind p;
    struct tree_node *list = NULL;
    size_t count = 0;
    struct error err;
    struct buf b = BUF_LIMIT(ANSWER_MOST);
    const char *depth = request_header(r, "Depth");
    bool deep = !depth || strcmp(depth, "infinity") == 0;
    if (depth && !deep && strcmp(depth, "0") != 0 && strcmp(depth, "1") != 0) {
        answer_what(a, 400, "the Depth header can not be used", "send 0 or 1");
        return;
    }
    if (deep && q->node.kind != TREE_FILE) {
        static const char body[] =
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:error xmlns:D=\"DAV:\">"
            "<D:propfind-finite-depth/></D:error>";
        answer_copy(a, 403, "application/xml; charset=utf-8", body, sizeof(body) - 1);
        return;
    }
    if (!dav_propfind_read(r->body, q->a, &p, &err) ||
        (depth && depth[0] == '1' &&
         !tree_list(q->dav->tree, &q->by, &q->node, q->a, &list, &count, &err))) {
        answer_failed(a, &err);
        return;
    }
    bool dead = asks_dead(&p);
    buf_text(&b, MULTISTATUS);
    bool ok = thing_xml(&b, q, &q->node, &p, dead, &err);
    for (size_t i = 0; ok && i < count; i++)
        ok = thing_xml(&b, q, &list[i], &p, dead, &err);
    buf_text(&b, "</D:multistatus>\n");
    if (ok && b.over)
        ok = error_set(&err, ERROR_TOO_BIG, "this folder is too big to be told at once");
    if (ok) {
        answer_xml(a, 207, &b);
    } else {
        buf_free(&b);
        answer_failed(a, &err);
    }
}

static void proppatch(struct request *r, struct asked *q, struct answer *a)
{
    struct tree_property *list;
    size_t count;
    struct error err;
    bool protected = false;
    if (!dav_proppatch_read(r->body, q->a, &list, &count, &err)) {
        answer_failed(a, &err);
        return;
    }
    for (size_t i = 0; i < count; i++)
    protected = protected || strcmp(list[i].space, "DAV:") == 0;
    if (!protected && !tree_properties_set(q->dav->tree, &q->node, list, count, &err)) {
        answer_failed(a, &err);
        return;
    }
    struct buf b = BUF_LIMIT(1 << 20);
    buf_format(&b, MULTISTATUS "<D:response><D:href>%s</D:href>", href_of(q->a, &q->node));
    for (size_t i = 0; i < count; i++) {
        bool own = strcmp(list[i].space, "DAV:") == 0;
        buf_text(&b, "<D:propstat><D:prop>");
        dead_xml(&b, &list[i], false);
        buf_format(&b, "</D:prop><D:status>HTTP/1.1 %s</D:status></D:propstat>",
                   !protected ? "200 OK"
                   : own      ? "403 Forbidden"
                              : "424 Failed Dependency");
    }
    buf_text(&b, "</D:response></D:multistatus>\n");
    answer_xml(a, 207, &b);
}

// ---- bytes out

struct opened {
    struct store *store;
    const struct store_map *map;
};

static void opened_close(void *context)
{
    struct opened *o = context;
    store_map_close(o->store, o->map);
    free(o);
}

static void get(struct request *r, struct asked *q, struct answer *a)
{
    struct error err;
    const struct store_map *map;
    if (q->node.kind != TREE_FILE) {
        answer_header(a, "Allow", "OPTIONS, PROPFIND, MKCOL, COPY, MOVE, DELETE, LOCK, UNLOCK");
        answer_what(a, 405, "this is a folder", "open it with a WebDAV client");
        return;
    }
    if (!tree_read(q->dav->tree, &q->node, &map, &err)) {
        answer_failed(a, &err);
        return;
    }
    struct opened *o = malloc(sizeof(*o));
    struct file_run *runs = ARENA_ARRAY(r->arena, struct file_run, map->count + 1);
    if (!o)
        abort();
    *o = (struct opened){tree_store(q->dav->tree), map};
    moves(q->dav, r,
          &(struct dav_move){.who = &q->who,
                             .project = q->node.project,
                             .name = q->node.name,
                             .id = q->node.id,
                             .size = map->size});
    for (size_t i = 0; i < map->count; i++)
        runs[i] = (struct file_run){map->runs[i].fd, map->runs[i].offset, map->runs[i].length};
    answer_header(a, "Content-Disposition", "attachment");
    answer_header(a, "Cache-Control", "private, no-cache");
    answer_files(a, &(struct file_answer){.runs = runs,
                                          .count = map->count,
                                          .type = type_of(q->node.name),
                                          .etag = etag_of(r->arena, &q->node),
                                          .modified_ms = q->node.modified_ms,
                                          .release = opened_close,
                                          .context = o});
}

// ---- bytes in

// As ownCloud's clients and rclone send it: seconds since 1970.
static int64_t modified_of(struct request *r)
{
    const char *said = request_header(r, "X-OC-Mtime");
    int64_t seconds;
    text whole = text_of(said), digits = text_cut(&whole, '.');
    bool fine =
        digits.size && text_int(digits, &seconds) && seconds > 0 && seconds < INT64_C(100000000000);
    return fine ? seconds * 1000 : 0;
}

static bool etag_holds(struct asked *q, const char *list)
{
    const char *own = q->there && q->node.kind == TREE_FILE ? etag_of(q->a, &q->node) : NULL;
    if (strcmp(text_trim(text_of(list)).at, "*") == 0)
        return q->there;
    return own && strstr(list, own);
}

static void put_begin(struct request *r, struct asked *q, struct answer *a)
{
    struct error err;
    const char *match = request_header(r, "If-Match"), *none = request_header(r, "If-None-Match");
    if (q->there && q->node.kind != TREE_FILE) {
        answer_what(a, 405, "this is a folder", "write to another name");
        return;
    }
    if (request_header(r, "Content-Range")) {
        answer_what(a, 501, "a part of a file can not be written", "send the whole file");
        return;
    }
    if ((match && !etag_holds(q, match)) || (none && etag_holds(q, none))) {
        answer_what(a, 412, "the file is another one by now", "load it again first");
        return;
    }
    q->modified_ms = modified_of(r);
    struct tree_write_wish wish = {
        .path = q->path, .size = r->length, .modified_ms = q->modified_ms, .fresh = true};
    q->writing = tree_write_begin(q->dav->tree, &q->by, &wish, &q->write, &err);
    if (!q->writing)
        answer_failed(a, &err);
    else
        moves(q->dav, r,
              &(struct dav_move){.who = &q->who,
                                 .project = q->write.project,
                                 .name = tree_name_of(q->path),
                                 .id = q->write.id,
                                 .size = r->length,
                                 .in = true});
}

static bool put_piece(struct request *r, const void *at, size_t size, struct error *err)
{
    struct asked *q = r->user;
    if (!tree_write_append(q->dav->tree, q->write.id, q->write.offset, at, size, err))
        return false;
    q->write.offset += (int64_t)size;
    return true;
}

static void put(struct request *r, struct asked *q, struct answer *a)
{
    struct error err;
    int64_t at = 0;
    (void)r;
    if ((q->write.offset && !tree_write_sync(q->dav->tree, q->write.id, &at, &err)) ||
        !tree_write_finish(q->dav->tree, &q->by, q->write.id, q->write.offset, 0, &err)) {
        answer_failed(a, &err);
        return;
    }
    q->writing = false;
    struct tree_node made;
    if (tree_find(q->dav->tree, &q->by, q->path, q->a, &made, &err) && made.kind == TREE_FILE)
        answer_header(a, "ETag", etag_of(q->a, &made));
    if (q->modified_ms)
        answer_header(a, "X-OC-Mtime", "accepted");
    answer_empty(a, q->write.there ? 204 : 201);
}

// ---- folders, moving, deleting

static void mkcol(struct request *r, struct asked *q, struct answer *a)
{
    struct error err;
    if (r->body.size)
        answer_what(a, 415, "a folder is made without a body", "send none");
    else if (q->there)
        answer_what(a, 405, "there is something of this name already", "choose another name");
    else if (!tree_folder_make(q->dav->tree, &q->by, q->path, &err))
        answer_failed(a, &err);
    else
        answer_empty(a, 201);
}

static void delete (struct request *r, struct asked *q, struct answer *a)
{
    struct error err;
    (void)r;
    if (!tree_delete(q->dav->tree, &q->by, q->path, &err)) {
        answer_failed(a, &err);
        return;
    }
    locks_forget(q->dav->locks, tree_fold(q->a, q->path));
    answer_empty(a, 204);
}

// The path of the Destination header; NULL when it is not one of ours.
static const char *destination(struct request *r, struct asked *q)
{
    const char *sent = request_header(r, "Destination"), *path;
    struct error none;
    const char *host = sent ? strstr(sent, "://") : NULL;
    const char *at = host ? strchr(host + 3, '/') : sent;
    if (!at || *at != '/')
        return NULL;
    char *plain = address_safe_path(q->a, text_of(at));
    if (!plain || !dav_path(plain) || !tree_path(text_of(plain + 4), q->a, &path, &none))
        return NULL;
    return path;
}

static bool lock_in_way(struct asked *q, const char *path, unsigned what, struct answer *a)
{
    const char *root;
    struct lock_question question = {.path = tree_fold(q->a, path),
                                     .below = what & LOCK_BELOW,
                                     .member = what & LOCK_MEMBER,
                                     .tokens = q->tokens,
                                     .token_count = q->token_count,
                                     .person = q->who.person ? q->who.person : ""};
    if (locks_allow(q->dav->locks, &question, q->a, &root))
        return false;
    answer_locked(a, q, root);
    return true;
}

static void move_or_copy(struct request *r, struct asked *q, struct answer *a, bool copy)
{
    struct error err;
    bool there;
    const char *depth = request_header(r, "Depth"), *over = request_header(r, "Overwrite");
    const char *to = destination(r, q);
    if (!to) {
        answer_what(a, 400, "the Destination header is missing or of another house",
                    "send an address under /dav/");
        return;
    }
    struct tree_move m = {.from = q->path,
                          .to = to,
                          .overwrite = !over || strcasecmp(over, "F") != 0,
                          .copy = copy,
                          .shallow = copy && depth && strcmp(depth, "0") == 0};
    if (lock_in_way(q, to, LOCK_SELF | LOCK_BELOW | LOCK_MEMBER, a))
        return;
    if (!tree_move(q->dav->tree, &q->by, &m, &there, &err)) {
        if (there && !m.overwrite)
            answer_what(a, 412, err.what, "choose another name");
        else if (strcmp(q->path, to) == 0)
            answer_what(a, 403, err.what, "choose another name");
        else
            answer_failed(a, &err);
        return;
    }
    if (!copy)
        locks_forget(q->dav->locks, tree_fold(q->a, q->path));
    answer_empty(a, there ? 204 : 201);
}

static void move(struct request *r, struct asked *q, struct answer *a)
{
    move_or_copy(r, q, a, false);
}

static void copy(struct request *r, struct asked *q, struct answer *a)
{
    move_or_copy(r, q, a, true);
}

// ---- locks

static int timeout_of(struct request *r)
{
    const char *said = request_header(r, "Timeout");
    int64_t seconds = TIMEOUT_USUAL_S;
    text first = text_of(said);
    first = text_trim(text_cut(&first, ','));
    if (text_is(first, "Infinite"))
        seconds = LOCK_SECONDS_MOST;
    else if (text_starts(first, "Second-"))
        (void)!text_int((text){first.at + 7, first.size - 7}, &seconds);
    return seconds < 1 ? 1 : seconds > LOCK_SECONDS_MOST ? LOCK_SECONDS_MOST : (int)seconds;
}

static void answer_lock(struct asked *q, struct answer *a, int status)
{
    struct buf b = BUF_LIMIT(1 << 20);
    buf_text(&b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:prop xmlns:D=\"DAV:\">"
                 "<D:lockdiscovery>");
    locks_xml(&b, q, q->path);
    buf_text(&b, "</D:lockdiscovery></D:prop>\n");
    answer_xml(a, status, &b);
}

static void lock_refresh(struct request *r, struct asked *q, struct answer *a)
{
    bool known = false;
    for (size_t i = 0; i < q->token_count && !known; i++)
        known = locks_refresh(q->dav->locks, tree_fold(q->a, q->path), q->tokens[i], timeout_of(r));
    if (known)
        answer_lock(q, a, 200);
    else
        answer_what(a, 412, "there is no such lock to be prolonged", "take a new one");
}

// A name that is not there yet is held by an empty file (7.3).
static bool lock_place(struct asked *q, struct error *err)
{
    struct tree_write w;
    struct tree_write_wish wish = {.path = q->path, .size = 0, .fresh = true};
    return tree_write_begin(q->dav->tree, &q->by, &wish, &w, err) &&
           tree_write_finish(q->dav->tree, &q->by, w.id, 0, 0, err);
}

static void lock(struct request *r, struct asked *q, struct answer *a)
{
    struct dav_lockinfo info;
    struct error err;
    char token[64];
    const char *depth = request_header(r, "Depth");
    if (!r->body.size) {
        lock_refresh(r, q, a);
        return;
    }
    if (!dav_lockinfo_read(r->body, q->a, &info, &err)) {
        answer_failed(a, &err);
        return;
    }
    if (depth && strcmp(depth, "0") != 0 && strcmp(depth, "infinity") != 0) {
        answer_what(a, 400, "the Depth header can not be used", "send 0 or infinity");
        return;
    }
    if (q->there && !(q->node.may & MAY_UPLOAD)) {
        answer_what(a, 403, "you may not lock this", "ask an owner of the project");
        return;
    }
    if (!q->there &&
        (lock_in_way(q, q->path, LOCK_SELF | LOCK_MEMBER, a) || !lock_place(q, &err))) {
        if (!answer_get_status(a))
            answer_failed(a, &err);
        return;
    }
    struct lock_wish wish = {.path = tree_fold(q->a, q->path),
                             .root = q->path,
                             .owner = info.owner,
                             .person = q->who.person,
                             .shared = info.shared,
                             .deep = !depth || strcmp(depth, "0") != 0,
                             .seconds = timeout_of(r)};
    if (!locks_take(q->dav->locks, &wish, token, &err)) {
        answer_locked(a, q, q->path);
        return;
    }
    answer_header(a, "Lock-Token", arena_format(q->a, "<%s>", token));
    answer_lock(q, a, q->there ? 200 : 201);
}

static void unlock(struct request *r, struct asked *q, struct answer *a)
{
    const char *sent = request_header(r, "Lock-Token");
    size_t size = sent ? strlen(sent) : 0;
    if (size < 3 || sent[0] != '<' || sent[size - 1] != '>') {
        answer_what(a, 400, "the Lock-Token header is missing", "send the lock's token in it");
        return;
    }
    const char *token = arena_copy(q->a, sent + 1, size - 2);
    if (locks_give_back(q->dav->locks, tree_fold(q->a, q->path), token, q->who.person))
        answer_empty(a, 204);
    else
        answer_what(a, 409, "there is no such lock of yours here", "look at its locks again");
}

static void head_and_get(struct request *r, struct asked *q, struct answer *a)
{
    get(r, q, a);
}

static const struct method methods[] = {
    {"PROPFIND", propfind, BODY_COLLECT, 0, true},
    {"PROPPATCH", proppatch, BODY_COLLECT, LOCK_SELF, true},
    {"GET", head_and_get, BODY_NONE, 0, true},
    {"HEAD", head_and_get, BODY_NONE, 0, true},
    {"PUT", put, BODY_STREAM, LOCK_SELF | LOCK_NEW_MEMBER, false},
    {"MKCOL", mkcol, BODY_COLLECT, LOCK_SELF | LOCK_NEW_MEMBER, false},
    {"DELETE", delete, BODY_COLLECT, LOCK_SELF | LOCK_BELOW | LOCK_MEMBER, true},
    {"MOVE", move, BODY_COLLECT, LOCK_SELF | LOCK_BELOW | LOCK_MEMBER, true},
    {"COPY", copy, BODY_COLLECT, 0, true},
    {"LOCK", lock, BODY_COLLECT, 0, false},
    {"UNLOCK", unlock, BODY_COLLECT, 0, false},
};
#define ALLOWED                                                                                    \
    "OPTIONS, PROPFIND, PROPPATCH, GET, HEAD, PUT, MKCOL, DELETE, MOVE, COPY, LOCK, UNLOCK"

// ---- the If header

// Whose state a list speaks of: its tag, else what is asked.
static const char *tagged(struct asked *q, const struct dav_list *list)
{
    struct error none;
    const char *path, *host = list->resource ? strstr(list->resource, "://") : NULL;
    const char *at = host ? strchr(host + 3, '/') : list->resource;
    if (!list->resource)
        return q->path;
    char *plain = at && *at == '/' ? address_safe_path(q->a, text_of(at)) : NULL;
    if (!plain || !dav_path(plain) || !tree_path(text_of(plain + 4), q->a, &path, &none))
        return NULL;
    return path;
}

static bool condition_holds(struct asked *q, const char *path, const struct dav_condition *c)
{
    struct tree_node node;
    struct error none;
    bool holds = false;
    if (path && c->token)
        holds = locks_hold(q->dav->locks, tree_fold(q->a, path), c->token);
    else if (path && tree_find(q->dav->tree, &q->by, path, q->a, &node, &none))
        holds = node.kind == TREE_FILE && strcmp(etag_of(q->a, &node), c->etag) == 0;
    return holds != c->negated;
}

// Whether the If header holds; remembers the tokens in it, which are those that were submitted.
static bool if_holds(struct asked *q, const struct dav_if *header)
{
    bool any = false;
    for (size_t i = 0; i < header->count; i++) {
        const struct dav_list *list = &header->lists[i];
        const char *path = tagged(q, list);
        bool all = true;
        for (size_t k = 0; k < list->count; k++) {
            const struct dav_condition *c = &list->conditions[k];
            if (c->token && !c->negated && q->token_count < TOKENS_MOST)
                q->tokens[q->token_count++] = c->token;
            all = all && condition_holds(q, path, c);
        }
        any = any || all;
    }
    return any;
}

// ---- from the server

static void prepare(struct request *r, struct asked *q, struct answer *a)
{
    struct error err;
    struct dav_if header;
    const char *sent = request_header(r, "If");
    error_clear(&err);
    if (!logins_who(q->dav->logins, r, q->a, &q->who, &err)) {
        answer_failed(a, &err);
        return;
    }
    q->by = (struct tree_asker){.who = &q->who, .address = r->peer};
    bool reads = q->method->body == BODY_NONE || q->method->handle == propfind;
    if (q->who.scope == SCOPE_READ && !reads) {
        answer_what(a, 403, "this token is for reading only", "use a token of scope all");
        return;
    }
    if (!tree_path(text_of(r->path + 4), q->a, &q->path, &err)) {
        answer_failed(a, &err);
        answer_status(a, 400);
        return;
    }
    q->there = tree_find(q->dav->tree, &q->by, q->path, q->a, &q->node, &err);
    if (!q->there && (err.kind != ERROR_NOT_FOUND || q->method->needs)) {
        answer_failed(a, &err);
        return;
    }
    if (q->there)
        q->path = q->node.path;
    if (sent && (!dav_if_read(text_of(sent), q->a, &header, &err))) {
        answer_failed(a, &err);
        return;
    }
    if (sent && !if_holds(q, &header)) {
        answer_what(a, 412, "the condition of the If header does not hold", "look at it again");
        return;
    }
    unsigned locks = q->method->locks;
    if (locks & LOCK_NEW_MEMBER && !q->there)
        locks |= LOCK_MEMBER;
    if (locks && lock_in_way(q, q->path, locks, a))
        return;
    if (q->method->handle == put)
        put_begin(r, q, a);
}

static void begin(struct request *r, struct answer *a)
{
    struct asked *planned = (struct asked *)(uintptr_t)r->route;
    struct arena *arena = arena_open(ARENA_BYTES);
    struct asked *q = ARENA_NEW(arena, struct asked);
    *q = (struct asked){.dav = planned->dav, .method = planned->method, .a = arena};
    r->user = q;
    prepare(r, q, a);
}

static void handle(struct request *r, struct answer *a)
{
    struct asked *q = r->user;
    q->method->handle(r, q, a);
}

static void done(struct request *r)
{
    struct asked *q = r->user;
    struct error err;
    if (!q)
        return;
    // The line was cut or the disk is full: half a file is nobody's.
    if (q->writing && !tree_write_drop(q->dav->tree, q->write.id, &err))
        log_problem("dav.drop", &err);
    arena_close(q->a);
}

static void options(struct request *r, struct answer *a)
{
    (void)r;
    answer_header(a, "DAV", "1, 2");
    answer_header(a, "MS-Author-Via", "DAV");
    answer_header(a, "Allow", ALLOWED);
    answer_empty(a, 200);
}

static void no_such_method(struct request *r, struct answer *a)
{
    (void)r;
    answer_header(a, "Allow", ALLOWED);
    answer_what(a, 405, "this is not something that files here can do", "see Allow");
}

bool dav_plan(struct dav *d, const struct request *r, struct plan *p)
{
    if (strcmp(r->method, "OPTIONS") == 0) {
        *p = (struct plan){.body = BODY_COLLECT, .limit = DAV_BODY_MOST, .handle = options};
        return true;
    }
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(methods[i].name, r->method) != 0)
            continue;
        struct asked *planned = ARENA_NEW(r->arena, struct asked);
        planned->dav = d;
        planned->method = &methods[i];
        *p = (struct plan){.body = methods[i].body,
                           .limit = methods[i].body == BODY_COLLECT ? DAV_BODY_MOST : 0,
                           .begin = begin,
                           .piece = methods[i].body == BODY_STREAM ? put_piece : NULL,
                           .handle = handle,
                           .done = done,
                           .route = planned};
        return true;
    }
    *p = (struct plan){.body = BODY_STREAM, .begin = no_such_method, .handle = no_such_method};
    return true;
}
