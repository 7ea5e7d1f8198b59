/*
 * dav: WebDAV (RFC 4918, classes 1 and 2) over the house's tree, under /dav/ of the page's address.
 *
 * Whoever has an account logs in with e-mail and password, or with a token as the password (Basic,
 * or Bearer); only over TLS, through a proxy that says https, or from this machine. What is read
 * and written goes the way of house/tree: a PUT that ends is durable, hashed and a version; one
 * that is cut leaves nothing. Locks are kept in memory: they end with the server, as their timeouts
 * allow.
 */
#pragma once
#include "house/people/people.h"
#include "house/tree/tree.h"
#include "wire/server.h"

struct dav;
struct dav_wish {
    struct tree *tree;
    struct people *people;
};
struct dav *dav_open(const struct dav_wish *wish);
void dav_close(struct dav *d); // NULL is fine

// Told of each request before it moves a file's bytes, so that limits of the line hold.
struct dav_move {
    const struct who *who;
    const char *project, *name, *id; // id: of what moves
    int64_t size;                    // -1: not known
    bool in;
};
void dav_moves(struct dav *d,
               void (*tell)(void *context, struct request *r, const struct dav_move *m),
               void *context);

bool dav_path(const char *path); // whether an address is one of ours
// For struct server_wish.
bool dav_plan(struct dav *d, const struct request *r, struct plan *p);

// ---- What comes in bodies and headers. Parsers: no files, no network, no DOCTYPE; all texts in
// `a`. False: not what the RFC says (answer 400).

struct dav_name {
    const char *space, *name; // space "" for none
};
enum dav_wanted { DAV_ALL, DAV_NAMES, DAV_SOME };
struct dav_propfind {
    enum dav_wanted wanted;
    struct dav_name *names;
    size_t count;
};
enum { DAV_NAMES_MOST = 256, DAV_BODY_MOST = 256 << 10 };
// An empty body means all (RFC 4918, 9.1).
MUST_CHECK bool dav_propfind_read(text body, struct arena *a, struct dav_propfind *p,
                                  struct error *err);
// Values are the XML inside the element, with its own namespaces; NULL: to be removed (14.19).
MUST_CHECK bool dav_proppatch_read(text body, struct arena *a, struct tree_property **list,
                                   size_t *count, struct error *err);
struct dav_lockinfo {
    bool shared;
    const char *owner; // XML, or ""
};
MUST_CHECK bool dav_lockinfo_read(text body, struct arena *a, struct dav_lockinfo *l,
                                  struct error *err);

// The If header (10.4): lists of conditions, each for a resource.
struct dav_condition {
    bool negated;
    const char *token; // a state token; or
    const char *etag;  // with its quotes
};
struct dav_list {
    const char *resource; // as sent; NULL: the one that is asked
    struct dav_condition *conditions;
    size_t count;
};
struct dav_if {
    struct dav_list *lists;
    size_t count;
};
MUST_CHECK bool dav_if_read(text header, struct arena *a, struct dav_if *to, struct error *err);
