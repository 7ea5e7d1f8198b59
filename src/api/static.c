/*
 * The page's files, from the folder that web/ was built into: index.html, and assets/ with a hash
 * in each name, which therefore never change. A .gz beside a file is sent to whoever takes it.
 * Unknown addresses without an extension give the page, which has addresses of its own.
 */
#include "api/inside.h"
#include "dav/dav.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const types[][2] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".json", "application/json"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".webmanifest", "application/manifest+json"},
    {".txt", "text/plain; charset=utf-8"},
    {".wasm", "application/wasm"},
    {".map", "application/json"},
};

static void close_fd(void *context)
{
    close((int)(intptr_t)context);
}

static bool takes_gzip(struct request *r)
{
    const char *takes = request_header(r, "Accept-Encoding");
    const char *at = takes ? strstr(takes, "gzip") : NULL;
    return at && strncmp(at + 4, ";q=0", 4) != 0;
}

static int open_file(const char *path, struct stat *facts)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, facts) != 0 || !S_ISREG(facts->st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void answer_file(struct request *r, struct answer *a)
{
    struct api *api = (struct api *)(uintptr_t)r->route;
    bool hashed = strncmp(r->path, "/assets/", 8) == 0;
    const char *dot = strrchr(r->path, '.'), *slash = strrchr(r->path, '/');
    const char *name = !dot || (slash && dot < slash) ? "/index.html" : r->path;
    if (strcmp(name, "/manifest.json") == 0 || text_ends(text_of(name), ".gz"))
        name = "/.none"; // the build's own
    const char *type = "application/octet-stream";
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (text_ends(text_of(name), types[i][0]))
            type = types[i][1];
    struct stat facts;
    const char *path = arena_format(r->arena, "%s%s", api->wish.web_folder, name);
    int fd = takes_gzip(r) ? open_file(arena_format(r->arena, "%s.gz", path), &facts) : -1;
    bool packed = fd >= 0;
    if (fd < 0)
        fd = open_file(path, &facts);
    if (fd < 0) {
        struct error err;
        error_set(&err, ERROR_NOT_FOUND, "there is no such page");
        answer_error(a, &err);
        return;
    }
    if (packed)
        answer_header(a, "Content-Encoding", "gzip");
    answer_header(a, "Vary", "Accept-Encoding");
    answer_header(a, "Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
    struct file_run run = {fd, 0, facts.st_size};
    char etag[80];
    snprintf(etag, sizeof(etag), "\"%llx-%llx%s\"",
             (unsigned long long)facts.st_mtim.tv_sec * 1000000000 +
                 (unsigned long long)facts.st_mtim.tv_nsec,
             (unsigned long long)facts.st_size, packed ? "-gz" : "");
    answer_files(a, &(struct file_answer){.runs = &run,
                                          .count = 1,
                                          .type = type,
                                          .etag = arena_text(r->arena, etag),
                                          .release = close_fd,
                                          .context = (void *)(intptr_t)fd});
}

bool static_plan(struct api *api, const struct request *r, struct plan *p)
{
    if (!api->wish.web_folder || (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0))
        return false;
    *p = (struct plan){.quick = true, .handle = answer_file, .route = api};
    return true;
}

const char *media_base(struct api *api, const struct request *r, struct arena *a)
{
    if (api->wish.media_base)
        return api->wish.media_base;
    if (!r || !*r->host || !api->wish.media_port)
        return "";
    text host = text_of(r->host);
    const char *colon = strrchr(r->host, ':');
    if (colon && !strchr(colon, ']'))
        host.size = (size_t)(colon - r->host);
    for (size_t i = 0; i < host.size; i++) // it goes into a header: only what hosts are made of
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_[]:",
                    host.at[i]))
            return "";
    return arena_format(a, "%s://%.*s:%d", r->secure ? "https" : "http", (int)host.size, host.at,
                        api->wish.media_port);
}

void api_decorate(void *context, const struct request *r, struct answer *a)
{
    struct api *api = context;
    // What somebody brought in must not run as a page of the house.
    bool media = strncmp(r->path, "/media/", 7) == 0 || dav_path(r->path);
    answer_header(a, "X-Content-Type-Options", "nosniff");
    answer_header(a, "Referrer-Policy", "no-referrer");
    if (r->secure)
        answer_header(a, "Strict-Transport-Security", "max-age=31536000");
    if (media) {
        answer_header(a, "Content-Security-Policy", "default-src 'none'; sandbox");
        return;
    }
    const char *base = media_base(api, r, r->arena);
    answer_header(
        a, "Content-Security-Policy",
        arena_format(
            r->arena,
            "default-src 'self'; connect-src 'self' %s ws: wss:; media-src %s blob: 'self'; "
            "img-src 'self' %s blob: data:; worker-src 'self' blob:; style-src 'self'; "
            "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
            base, base, base));
    answer_header(a, "Cross-Origin-Opener-Policy", "same-origin");
    answer_header(a, "Cross-Origin-Resource-Policy", "same-origin");
    answer_header(a, "X-Frame-Options", "DENY");
    if (strncmp(r->path, "/api/", 5) == 0 && !answer_has_header(a, "Cache-Control"))
        answer_header(a, "Cache-Control", "private, no-cache");
}
