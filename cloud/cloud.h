/*
 * cloud/: machines of a cloud provider, for elastic nodes. Not a part of the house: a small program
 * a provider, with four verbs, that the house, Slurm's ResumeProgram or a person may call.
 *
 *     posthouse-cloud-aws up NAME...      makes a machine for each name that has none
 *     posthouse-cloud-aws down NAME...    takes them away for good; fine when they are gone
 *     posthouse-cloud-aws list            "NAME ID STATE BEGAN TYPE", one a line
 *     posthouse-cloud-aws notice          on such a machine: a line when it is about to be taken
 * away
 *
 * A NAME may be a host list as Slurm writes it: "c[1-4,7]". Settings: --config FILE (or
 * POSTHOUSE_CLOUD), lines `name = value`. Every machine carries the tags `Name` and `posthouse`
 * (the house's name): only those are ever listed or taken away.
 *
 * Nothing is remembered: what there is the provider says. Secrets come from files or the machine's
 * own role, and never stand on a command line or in a message.
 */
#pragma once
#include "base/arena.h"
#include "base/config.h"
#include "wire/client.h"

struct machine {
    const char *name, *id;
    const char *state; // "starting", "running" or "leaving"; others are gone and not listed
    const char *type;
    int64_t began_ms; // wall clock; 0: not said
};

struct cloud {
    struct config *config;
    struct arena *arena;
    const char *house; // of the tag
};

struct provider {
    const char *name;
    const struct setting *settings; // besides those in main.c
    size_t setting_count;
    bool (*up)(struct cloud *c, const char *name, const char *boot, struct machine *made,
               struct error *err);
    bool (*down)(struct cloud *c, const struct machine *m, struct error *err);
    bool (*list)(struct cloud *c, struct machine **list, size_t *count, struct error *err);
    // *said stays NULL when there is no notice.
    bool (*notice)(struct cloud *c, const char **said, struct error *err);
};
extern const struct provider provider; // of the program

enum { MACHINES_MOST = 10000 };

// One call; any status is an answer. `metadata`: the machine's own address, quick or not at all.
MUST_CHECK bool cloud_call(struct cloud *c, const char *base, const struct call *call,
                           bool metadata, struct reply *reply, struct error *err);
// An answer that is no success, as error: `code` and `message` are the provider's own words.
bool cloud_refused(const char *doing, int status, const char *code, const char *message,
                   struct error *err);
// A small file's text without spaces at its ends. `what` for the error.
MUST_CHECK bool cloud_file(struct cloud *c, const char *path, const char *what,
                           const char **content, struct error *err);
const char *cloud_base64(struct arena *a, const void *at, size_t size, bool url);

bool host_name(text t); // letters, digits, '-', '_' and '.', at most 63
// "c[1-4,07-09],x" -> names, in their order. INPUT when it is none.
MUST_CHECK bool hosts_expand(struct arena *a, text list, const char **names, size_t room,
                             size_t *count, struct error *err);

// AWS Signature Version 4 (General Reference, "Signing AWS API requests"). The headers signed are
// content-type (unless NULL), host, x-amz-date and, with a token, x-amz-security-token.
struct aws_key {
    const char *id, *secret, *token; // token NULL: none
};
struct aws_request {
    const char *method, *host, *path, *query, *content_type; // query as sent, sorted; "" for none
    text body;
    const char *region, *service;
    int64_t at_ms;
};
// The Authorization header and the x-amz-date that goes with it.
void aws_sign(struct arena *a, const struct aws_key *key, const struct aws_request *r,
              const char **authorization, const char **date);
