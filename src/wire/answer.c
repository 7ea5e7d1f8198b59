#include "wire/inside.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void answer_init(struct answer *a, struct server *s, const struct request *r, struct arena *arena)
{
    *a = (struct answer){.arena = arena, .server = s, .request = r};
    a->last = &a->headers;
}

void answer_release(struct answer *a)
{
    enum answer_kind kind = a->kind;
    a->kind = ANSWER_NONE;
    if (kind == ANSWER_FILES && a->files.release)
        a->files.release(a->files.context);
    if (kind == ANSWER_PULL && a->pull.close)
        a->pull.close(a->pull.context);
}

void answer_status(struct answer *a, int status)
{
    a->status = status;
}

int answer_get_status(const struct answer *a)
{
    return a->status;
}

void answer_header(struct answer *a, const char *name, const char *value)
{
    for (const unsigned char *at = (const unsigned char *)value; *at; at++)
        if ((*at < 0x20 && *at != '\t') || *at == 0x7f)
            return;
    struct header *h = ARENA_NEW(a->arena, struct header);
    h->name = arena_text(a->arena, name);
    h->value = arena_text(a->arena, value);
    *a->last = h;
    a->last = &h->next;
}

void answer_no_header(struct answer *a, const char *name)
{
    struct header **from = &a->headers;
    while (*from)
        if (strcasecmp((*from)->name, name) == 0)
            *from = (*from)->next;
        else
            from = &(*from)->next;
    a->last = from;
}

bool answer_has_header(const struct answer *a, const char *name)
{
    for (const struct header *h = a->headers; h; h = h->next)
        if (strcasecmp(h->name, name) == 0)
            return true;
    return false;
}

static void set_type(struct answer *a, const char *type)
{
    answer_no_header(a, "Content-Type");
    if (type)
        answer_header(a, "Content-Type", type);
}

void answer_bytes(struct answer *a, int status, const char *type, const void *at, size_t size)
{
    answer_release(a);
    a->kind = ANSWER_BYTES;
    a->status = status;
    a->at = at;
    a->size = size;
    set_type(a, type);
}

void answer_copy(struct answer *a, int status, const char *type, const void *at, size_t size)
{
    answer_bytes(a, status, type, arena_copy(a->arena, size ? at : "", size), size);
}

void answer_empty(struct answer *a, int status)
{
    answer_bytes(a, status, NULL, "", 0);
}

void answer_problem(struct answer *a, int status, const struct error *err)
{
    answer_release(a);
    server_problem(a->server, a->request, status, err, a);
    if (a->kind == ANSWER_NONE) { // no callback, or one that set nothing
        char *plain = arena_format(a->arena, "%s\n%s\n%s\n", err->what, err->why, err->fix);
        answer_bytes(a, status, "text/plain; charset=utf-8", plain, strlen(plain));
    }
    a->status = a->status ? a->status : status;
}

void answer_error(struct answer *a, const struct error *err)
{
    answer_problem(a, error_facts(err->kind)->http_status, err);
}

void answer_files(struct answer *a, const struct file_answer *f)
{
    answer_release(a);
    a->kind = ANSWER_FILES;
    a->status = a->status ? a->status : 200;
    a->files = *f;
    struct file_run *runs = ARENA_ARRAY(a->arena, struct file_run, f->count + 1);
    if (f->count)
        memcpy(runs, f->runs, f->count * sizeof(*runs));
    a->files.runs = runs;
    a->files.etag = arena_text(a->arena, f->etag);
    set_type(a, f->type);
}

void answer_pull(struct answer *a, const struct pull_answer *p)
{
    answer_release(a);
    a->kind = ANSWER_PULL;
    a->status = a->status ? a->status : 200;
    a->pull = *p;
    a->pull.etag = arena_text(a->arena, p->etag);
    set_type(a, p->type);
}
