/*
 * To S3, and what speaks like it.
 *
 * Requests are signed (AWS Signature 4) with the SHA-256 of what they carry, so the server proves
 * what arrives before it takes it. A file longer than a part goes up in parts; the upload's id and
 * the parts' ETags are kept after each, and a cut try goes on after the last part. Nothing is seen
 * there under its name until the parts are put together. Then it is asked for: its size, and its
 * ETag, which is the MD5 of the file, or of its parts' MD5s with their number behind. A server
 * that makes other ETags (encryption with keys of its own) is read back instead.
 */
#include "farend/inside.h"
#include "plat/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PART_MIB = 16, PARTS_MOST = 9000, TRIES = 4 };
static const char empty_sha256[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct s3 {
    struct send *s;
    const json_t *settings, *secrets;
    struct arena *a;
    const char *base; // endpoint and bucket
};

struct request {
    const char *method, *key, *query; // query: sorted, "a=b&c="
    const char *const *extra;         // headers, ends in NULL
    text body;
    bool (*download)(void *context, const void *at, size_t size, struct error *err);
    bool (*moved)(void *context, int64_t sent);
    void *context;
};

static const char *between(struct arena *a, const struct buf *b, const char *tag)
{
    const char *open = arena_format(a, "<%s>", tag), *close = arena_format(a, "</%s>", tag);
    const char *from = b->at ? strstr(b->at, open) : NULL;
    from = from ? from + strlen(open) : NULL;
    const char *to = from ? strstr(from, close) : NULL;
    return to ? arena_copy(a, from, (size_t)(to - from)) : "";
}

static bool no_upload(void *context, int64_t offset, void *to, size_t size, struct error *err)
{
    (void)context, (void)offset, (void)to, (void)size, (void)err;
    return true;
}

// What the server says when it does not want to.
static bool refused(struct s3 *s3, const struct request *r, const struct outside_reply *reply,
                    struct error *err)
{
    const char *code = between(s3->a, &reply->body, "Code");
    const char *message = between(s3->a, &reply->body, "Message");
    static const struct {
        int status;
        enum error_kind kind;
        const char *fix;
    } known[] = {
        {301, ERROR_INPUT, "the bucket is of another region: correct region and endpoint"},
        {307, ERROR_INPUT, "the bucket is of another region: correct region and endpoint"},
        {400, ERROR_INPUT, "correct the destination's settings"},
        {401, ERROR_DENIED, "check the destination's keys, and what they may do in the bucket"},
        {403, ERROR_DENIED, "check the destination's keys, and what they may do in the bucket"},
        {404, ERROR_NOT_FOUND, "check the destination's bucket"},
        {507, ERROR_STORAGE, "its owner has to make room"},
    };
    enum error_kind kind = reply->status >= 500 || reply->status == 429 || reply->status == 408
                               ? ERROR_NETWORK
                               : ERROR_INPUT;
    const char *fix = "try again later; the server has its own trouble";
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].status == reply->status) {
            kind = known[i].kind;
            fix = known[i].fix;
        }
    error_set(err, kind, "%s does not take %s", s3->base, *r->key ? r->key : "the question");
    error_why(err, "%s %s: HTTP %d%s%s%s%s", r->method, r->query ? r->query : "", reply->status,
              *code ? ", " : "", code, *message ? ": " : "", message);
    return error_fix(err, "%s", fix);
}

static bool once(struct s3 *s3, const struct request *r, struct outside_reply *reply,
                 struct error *err)
{
    struct buf url = BUF_LIMIT(8192);
    sha256 hash = sha256_of(r->body.at ? r->body.at : "", r->body.size);
    const char *token = word_of(s3->secrets, "session_token");
    const char *headers[12] = {arena_format(s3->a, "x-amz-content-sha256: %s",
                                            r->body.size ? sha256_text(&hash).text : empty_sha256)};
    size_t count = 1;
    if (*token)
        headers[count++] = arena_format(s3->a, "x-amz-security-token: %s", token);
    for (size_t i = 0; r->extra && r->extra[i] && count < 11; i++)
        headers[count++] = r->extra[i];
    buf_text(&url, s3->base);
    if (*r->key) {
        buf_text(&url, "/");
        outside_encode(r->key, true, &url);
    }
    if (r->query)
        buf_format(&url, "?%s", r->query);
    bool put = strcmp(r->method, "PUT") == 0, head = strcmp(r->method, "HEAD") == 0;
    struct outside_wish w = {
        .url = url.at,
        .method = head ? NULL : r->method,
        .head = head,
        .headers = headers,
        .user = word_of(s3->secrets, "access_key"),
        .password = word_of(s3->secrets, "secret_key"),
        .sigv4 = arena_format(s3->a, "aws:amz:%s:s3", word_of(s3->settings, "region")),
        .ca_file = *word_of(s3->settings, "ca_file") ? word_of(s3->settings, "ca_file") : NULL,
        .body = r->body,
        .upload = put && !r->body.size ? no_upload : NULL,
        .download = r->download,
        .moved = r->moved,
        .context = r->context};
    bool ok = !url.over && outside_call(&w, reply, err);
    if (url.over)
        ok = error_set(err, ERROR_INPUT, "the name of a file is too long for S3");
    buf_free(&url);
    return ok;
}

// 5xx and the line are tried again here, shortly: a part is cheap to repeat, a whole try is not.
static bool call(struct s3 *s3, const struct request *r, struct outside_reply *reply,
                 struct error *err)
{
    for (int i = 0;; i++) {
        bool ok = once(s3, r, reply, err);
        bool again = ok ? reply->status >= 500 || reply->status == 429
                        : err->kind == ERROR_NETWORK || err->kind == ERROR_TIMEOUT;
        if (!again || i + 1 == TRIES || r->download)
            return ok;
        outside_free(reply);
        for (int slept = 0; slept < 250 << i; slept += 50) {
            if (s3->s && !moved_to(s3->s, s3->s->now))
                return stopped(err);
            struct timespec t = {.tv_nsec = 50000000};
            nanosleep(&t, NULL);
        }
    }
}

static bool well(struct s3 *s3, const struct request *r, struct outside_reply *reply,
                 struct error *err)
{
    return call(s3, r, reply, err) && (reply->status / 100 == 2 || refused(s3, r, reply, err));
}

static bool sent_some(void *context, int64_t sent)
{
    struct s3 *s3 = context;
    (void)sent;
    return moved_to(s3->s, s3->s->now);
}

static const char *etag_of(struct s3 *s3, const struct outside_reply *reply)
{
    char value[256];
    text t = outside_header(reply, "etag", value, sizeof(value)) ? text_of(value) : text_of("");
    if (t.size >= 2 && t.at[0] == '"')
        t = (text){t.at + 1, t.size - 2};
    return arena_copy(s3->a, t.at ? t.at : "", t.size);
}

static bool is_md5(const char *etag, bool parts)
{
    size_t hex = strspn(etag, "0123456789abcdef");
    return hex == 32 && (parts ? etag[32] == '-' : !etag[32]);
}

// ---- comparing what is there

static bool read_back(struct s3 *s3, const struct farend_file *f, const char *key,
                      struct error *err)
{
    struct comparing c = {.s = s3->s, .hash = hasher_open("sha256")};
    struct outside_reply reply;
    struct request r = {.method = "GET", .key = key, .download = compare_piece, .context = &c};
    bool ok = well(s3, &r, &reply, err);
    outside_free(&reply);
    if (!ok) {
        hasher_close(c.hash);
        return false;
    }
    return compare_end(&c, f, err);
}

static bool compare(struct s3 *s3, const struct farend_file *f, const char *key,
                    const char *etag_wanted, struct error *err)
{
    struct outside_reply reply;
    struct request r = {.method = "HEAD", .key = key};
    bool ok = well(s3, &r, &reply, err);
    const char *etag = ok ? etag_of(s3, &reply) : "";
    if (ok && reply.size != f->size) {
        ok = error_set(err, ERROR_DAMAGED, "%s did not arrive whole", f->name);
        error_why(err, "it has %lld bytes there, %lld here", (long long)reply.size,
                  (long long)f->size);
    }
    outside_free(&reply);
    if (!ok)
        return false;
    bool parts = strchr(etag_wanted, '-') != NULL;
    if (strcmp(etag, etag_wanted) == 0) {
        proven(s3->s, f->name,
               parts ? "each part by SHA-256, the whole by the MD5 of its parts"
                     : "SHA-256 and MD5");
        return true;
    }
    if (is_md5(etag, parts)) {
        error_set(err, ERROR_DAMAGED, "%s did not arrive whole", f->name);
        return error_why(err, "its ETag there is %s; it should be %s", etag, etag_wanted);
    }
    if (!read_back(s3, f, key, err))
        return false;
    proven(s3->s, f->name, "read back, SHA-256 compared");
    return true;
}

// ---- sending

static int64_t part_size(const struct s3 *s3, int64_t size)
{
    int64_t part = number_of(s3->settings, "part_mib", PART_MIB) << 20;
    while (size / part >= PARTS_MOST)
        part *= 2;
    return part;
}

static const char *meta(struct s3 *s3, const struct farend_file *f)
{
    return arena_format(s3->a, "x-amz-meta-sha256: %s", f->sha256);
}

static const char *class_of(struct s3 *s3)
{
    const char *class = word_of(s3->settings, "storage_class");
    return *class ? arena_format(s3->a, "x-amz-storage-class: %s", class) : NULL;
}

static bool put_whole(struct s3 *s3, size_t number, const char *key, char *room, struct error *err)
{
    const struct farend_file *f = &s3->s->w->files[number];
    const char *extra[] = {meta(s3, f), class_of(s3), NULL};
    struct outside_reply reply = {0};
    struct request r = {.method = "PUT",
                        .key = key,
                        .extra = extra,
                        .body = {room, (size_t)f->size},
                        .moved = sent_some,
                        .context = s3};
    bool ok = s3->s->w->read(s3->s->w->context, number, 0, room, (size_t)f->size, err);
    if (ok) {
        ok = well(s3, &r, &reply, err);
        outside_free(&reply);
    }
    return ok && compare(s3, f, key, f->md5, err);
}

static bool begin(struct s3 *s3, const struct farend_file *f, const char *key, json_t *kept,
                  int64_t part, struct error *err)
{
    const char *extra[] = {meta(s3, f), class_of(s3), NULL};
    struct outside_reply reply;
    struct request r = {.method = "POST", .key = key, .query = "uploads=", .extra = extra};
    bool ok = well(s3, &r, &reply, err);
    const char *upload = ok ? between(s3->a, &reply.body, "UploadId") : "";
    outside_free(&reply);
    if (ok && !*upload)
        return error_set(err, ERROR_NETWORK, "%s began no upload", s3->base);
    if (!ok)
        return false;
    json_object_clear(kept);
    json_object_set_new(kept, "upload", json_string(upload));
    json_object_set_new(kept, "part", json_integer(part));
    json_object_set_new(kept, "etags", json_array());
    return s3->s->w->keep(s3->s->w->context, s3->s->w->state, err);
}

static const char *upload_query(struct s3 *s3, const char *before, const char *upload)
{
    struct buf b = BUF_LIMIT(4096);
    buf_text(&b, before);
    buf_text(&b, "uploadId=");
    outside_encode(upload, false, &b);
    const char *query = arena_text(s3->a, b.at);
    buf_free(&b);
    return query;
}

static bool put_parts(struct s3 *s3, size_t number, const char *key, json_t *kept, char *room,
                      struct error *err)
{
    const struct farend_file *f = &s3->s->w->files[number];
    int64_t part = number_of(kept, "part", 1);
    json_t *etags = json_object_get(kept, "etags");
    const char *upload = word_of(kept, "upload");
    for (int64_t i = (int64_t)json_array_size(etags); i * part < f->size; i++) {
        int64_t left = f->size - i * part;
        struct request r = {
            .method = "PUT",
            .key = key,
            .query =
                upload_query(s3, arena_format(s3->a, "partNumber=%lld&", (long long)i + 1), upload),
            .body = {room, (size_t)(left < part ? left : part)},
            .moved = sent_some,
            .context = s3};
        struct outside_reply reply;
        if (!moved_to(s3->s, i * part))
            return stopped(err);
        if (!s3->s->w->read(s3->s->w->context, number, i * part, room, r.body.size, err))
            return false;
        bool ok = well(s3, &r, &reply, err);
        const char *etag = ok ? etag_of(s3, &reply) : "";
        outside_free(&reply);
        if (!ok)
            return false;
        json_array_append_new(etags, json_string(etag));
        if (!s3->s->w->keep(s3->s->w->context, s3->s->w->state, err))
            return false;
    }
    return moved_to(s3->s, f->size) || stopped(err);
}

static bool put_together(struct s3 *s3, const char *key, const json_t *kept, struct error *err)
{
    struct buf body = BUF_LIMIT(4 << 20);
    size_t i;
    const json_t *etag;
    buf_text(&body, "<CompleteMultipartUpload>");
    json_array_foreach(json_object_get(kept, "etags"), i, etag)
        buf_format(&body, "<Part><PartNumber>%zu</PartNumber><ETag>\"%s\"</ETag></Part>", i + 1,
                   json_string_value(etag));
    buf_text(&body, "</CompleteMultipartUpload>");
    const char *extra[] = {"Content-Type: application/xml", NULL};
    struct outside_reply reply;
    struct request r = {.method = "POST",
                        .key = key,
                        .query = upload_query(s3, "", word_of(kept, "upload")),
                        .extra = extra,
                        .body = {body.at, body.size}};
    bool ok = well(s3, &r, &reply, err);
    // It may say 200 first and what went wrong after it.
    if (ok && reply.body.at && strstr(reply.body.at, "<Error>"))
        ok = refused(s3, &r, &reply, err);
    outside_free(&reply);
    buf_free(&body);
    return ok;
}

// The MD5 of the parts' MD5s, and their number; "" when an ETag is no MD5.
static const char *whole_etag(struct s3 *s3, const json_t *kept)
{
    struct hasher *h = hasher_open("md5");
    uint8_t digest[64];
    char hex[65];
    size_t i, count = json_array_size(json_object_get(kept, "etags"));
    const json_t *one;
    bool all = true;
    json_array_foreach(json_object_get(kept, "etags"), i, one)
    {
        const char *etag = json_string_value(one);
        all = all && is_md5(etag, false);
        for (size_t k = 0; all && k < 16; k++) {
            unsigned byte;
            sscanf(etag + 2 * k, "%2x", &byte);
            digest[k] = (uint8_t)byte;
        }
        hasher_add(h, digest, 16);
    }
    size_t size = hasher_end(h, digest);
    hex_text(digest, size, hex, sizeof(hex));
    return arena_format(s3->a, "%s-%zu", all ? hex : "", count);
}

// Whether the same file was sent to the end before, and we died before we wrote it down.
static bool there_already(struct s3 *s3, const struct farend_file *f, const char *key, bool *there,
                          struct error *err)
{
    char sum[128] = "";
    struct outside_reply reply;
    struct request r = {.method = "HEAD", .key = key};
    bool ok = call(s3, &r, &reply, err);
    bool any = ok && reply.status == 200;
    *there = any && reply.size == f->size &&
             outside_header(&reply, "x-amz-meta-sha256", sum, sizeof(sum)) &&
             strcmp(sum, f->sha256) == 0;
    if (ok && !any && reply.status != 404)
        ok = refused(s3, &r, &reply, err);
    outside_free(&reply);
    if (ok && any && !*there)
        return lies_there(arena_format(s3->a, "%s/%s", s3->base, key), err);
    if (ok && *there) {
        ok = read_back(s3, f, key, err);
        if (ok)
            proven(s3->s, f->name, "was there; read back, SHA-256 compared");
    }
    return ok;
}

static bool send_file(struct s3 *s3, size_t number, const char *key, struct error *err)
{
    const struct farend_file *f = &s3->s->w->files[number];
    int64_t part = part_size(s3, f->size);
    json_t *all = json_object_get(s3->s->w->state, "files");
    json_t *kept = json_object_get(all, f->name);
    bool there = false, ok = there_already(s3, f, key, &there, err);
    if (!ok || there)
        return ok;
    if (!kept) {
        kept = json_object();
        if (!all)
            json_object_set_new(s3->s->w->state, "files", all = json_object());
        json_object_set_new(all, f->name, kept);
    }
    if (number_of(kept, "part", 0) > 0)
        part = number_of(kept, "part", 0);
    char *room = malloc((size_t)(f->size < part ? f->size : part) + 1);
    if (!room)
        abort();
    if (f->size <= part) {
        ok = put_whole(s3, number, key, room, err);
    } else {
        ok = (*word_of(kept, "upload") || begin(s3, f, key, kept, part, err)) &&
             put_parts(s3, number, key, kept, room, err) && put_together(s3, key, kept, err) &&
             compare(s3, f, key, whole_etag(s3, kept), err);
        if (!ok && *word_of(kept, "upload") &&
            (err->kind == ERROR_NOT_FOUND || err->kind == ERROR_DAMAGED)) {
            struct error second; // the server has forgotten it, or it is bad: the next try is new
            json_object_clear(kept);
            (void)!s3->s->w->keep(s3->s->w->context, s3->s->w->state, &second);
            err->kind = ERROR_NETWORK;
        }
    }
    free(room);
    return ok;
}

static const char *base_of(struct arena *a, const json_t *settings)
{
    const char *endpoint = word_of(settings, "endpoint");
    size_t size = strlen(endpoint);
    while (size && endpoint[size - 1] == '/')
        size--;
    return arena_format(a, "%.*s/%s", (int)size, endpoint, word_of(settings, "bucket"));
}

static const char *key_of(struct s3 *s3, const char *folder, const char *name)
{
    text prefix = text_of(word_of(s3->settings, "prefix"));
    while (prefix.size && prefix.at[0] == '/')
        prefix = (text){prefix.at + 1, prefix.size - 1};
    while (prefix.size && prefix.at[prefix.size - 1] == '/')
        prefix.size--;
    return arena_format(s3->a, "%.*s%s%s%s%s", (int)prefix.size, prefix.size ? prefix.at : "",
                        prefix.size ? "/" : "", folder, *folder ? "/" : "", name);
}

bool s3_send(struct send *s, struct error *err)
{
    const struct farend_wish *w = s->w;
    struct s3 s3 = {.s = s, .settings = w->settings, .secrets = w->secrets, .a = s->a};
    s3.base = base_of(s->a, w->settings);
    s->place =
        arena_format(s->a, "%s/%s", s3.base,
                     key_of(&s3, w->folder, w->count == 1 || !*w->folder ? w->files[0].name : ""));
    for (size_t i = 0; i < w->count; i++) {
        if (!send_file(&s3, i, key_of(&s3, w->folder, w->files[i].name), err))
            return false;
        s->before += w->files[i].size;
        if (!moved_to(s, 0))
            return stopped(err);
    }
    return true;
}

// Parts of an upload that is never put together are kept, and paid for, until somebody says so.
bool s3_forget(const json_t *settings, const json_t *secrets, const char *folder,
               const json_t *files, struct arena *a, struct error *err)
{
    struct s3 s3 = {.settings = settings, .secrets = secrets, .a = a};
    const char *name;
    json_t *kept;
    bool ok = true;
    s3.base = base_of(a, settings);
    json_object_foreach((json_t *)(uintptr_t)files, name, kept)
    {
        const char *upload = word_of(kept, "upload");
        struct outside_reply reply = {0};
        struct request gone = {.method = "DELETE",
                               .key = key_of(&s3, folder, name),
                               .query = upload_query(&s3, "", upload)};
        if (!*upload || !ok)
            continue;
        ok = call(&s3, &gone, &reply, err);
        if (ok && reply.status / 100 != 2 && reply.status != 404)
            ok = refused(&s3, &gone, &reply, err);
        outside_free(&reply);
    }
    return ok;
}

bool s3_test(const json_t *settings, const json_t *secrets, struct arena *a, const char **answer,
             struct error *err)
{
    struct s3 s3 = {.settings = settings, .secrets = secrets, .a = a};
    struct outside_reply reply;
    s3.base = base_of(a, settings);
    const char *key = key_of(&s3, "", ".posthouse-test");
    struct request put = {.method = "PUT", .key = key, .body = text_of("posthouse")};
    struct request gone = {.method = "DELETE", .key = key};
    bool ok = well(&s3, &put, &reply, err);
    outside_free(&reply);
    if (!ok)
        return false;
    ok = well(&s3, &gone, &reply, err);
    outside_free(&reply);
    *answer = ok ? "it can be written" : "it can be written, but nothing can be removed there";
    return true;
}
