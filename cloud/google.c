/*
 * Google Compute Engine: instances through the REST API (compute/v1) with a bearer token, of a
 * service account's key (a JWT signed with RS256, RFC 7523) or of this machine; the metadata server
 * tells of a preemption. Written from the public references; not run against Google.
 */
#include "cloud/rest.h"
#include "plat/clock.h"
#include "plat/ids.h"
#include "wire/address.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCOPE "https://www.googleapis.com/auth/compute"

static const struct setting settings[] = {
    {.name = "project", .type = SETTING_TEXT, .value = "", .help = "id of the project"},
    {.name = "zone", .type = SETTING_TEXT, .value = "", .help = "such as europe-west3-a"},
    {.name = "image",
     .type = SETTING_TEXT,
     .value = "",
     .help = "projects/P/global/images/I, with posthouse, slurmd and the renderers"},
    {.name = "type", .type = SETTING_TEXT, .value = "", .help = "such as c2-standard-16"},
    {.name = "spot", .type = SETTING_BOOL, .value = "on", .help = "spot machines"},
    {.name = "subnet",
     .type = SETTING_TEXT,
     .value = "",
     .help = "projects/P/regions/R/subnetworks/S; no public address"},
    {.name = "account",
     .type = SETTING_TEXT,
     .value = "",
     .help = "service account of the machines"},
    {.name = "key.file",
     .type = SETTING_TEXT,
     .value = "",
     .help = "JSON key of a service account; empty: this machine's own"},
    {.name = "endpoint",
     .type = SETTING_TEXT,
     .value = "https://compute.googleapis.com",
     .help = "Compute Engine (tests)"},
    {.name = "login",
     .type = SETTING_TEXT,
     .value = "https://oauth2.googleapis.com",
     .help = "who gives tokens (tests)"},
    {.name = "metadata",
     .type = SETTING_TEXT,
     .value = "http://metadata.google.internal",
     .help = "the metadata server (tests)"},
};

// ---- who we are

static bool sign(struct cloud *c, const char *key, const char *said, const char **signature)
{
    BIO *bio = BIO_new_mem_buf(key, -1);
    EVP_PKEY *private = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t size = 0;
    bool ok = private && context &&
              EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, private) == 1 &&
              EVP_DigestSign(context, NULL, &size, (const unsigned char *)said, strlen(said)) == 1;
    unsigned char *at = arena_take(c->arena, size + 1);
    ok = ok && EVP_DigestSign(context, at, &size, (const unsigned char *)said, strlen(said)) == 1;
    if (ok)
        *signature = cloud_base64(c->arena, at, size, true);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(private);
    BIO_free(bio);
    return ok;
}

static bool assertion(struct cloud *c, const char **jwt, struct error *err)
{
    static const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
    const char *file = cloud_setting(c, "key.file"), *content, *signature;
    int64_t now = clock_now_ms() / 1000;
    if (!cloud_file(c, file, "key", &content, err))
        return false;
    json_t *key = json_loads(content, 0, NULL);
    json_t *claims =
        json_pack("{s:s, s:s, s:s, s:I, s:I}", "iss", cloud_word(key, "client_email"), "scope",
                  SCOPE, "aud", arena_format(c->arena, "%s/token", cloud_setting(c, "login")),
                  "iat", (json_int_t)now, "exp", (json_int_t)now + 600);
    char *written = json_dumps(claims, JSON_COMPACT);
    const char *said =
        arena_format(c->arena, "%s.%s", cloud_base64(c->arena, header, strlen(header), true),
                     cloud_base64(c->arena, written, strlen(written), true));
    bool ok = cloud_word(key, "client_email")[0] &&
              sign(c, cloud_word(key, "private_key"), said, &signature);
    if (ok)
        *jwt = arena_format(c->arena, "%s.%s", said, signature);
    else
        error_set(err, ERROR_INPUT, "%s is no JSON key of a service account", file);
    free(written);
    json_decref(claims);
    json_decref(key);
    return ok;
}

static bool get_token(struct cloud *c, const char **token, struct error *err)
{
    struct reply r;
    bool asked;
    if (cloud_setting(c, "key.file")[0]) {
        const char *jwt;
        if (!assertion(c, &jwt, err))
            return false;
        struct call post = {.method = "POST",
                            .path = "/token",
                            .content_type = "application/x-www-form-urlencoded",
                            .repeatable = true,
                            .body =
                                text_of(arena_format(c->arena,
                                                     "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%"
                                                     "3Agrant-type%%3Ajwt-bearer&assertion=%s",
                                                     jwt))};
        asked = cloud_call(c, cloud_setting(c, "login"), &post, false, &r, err);
    } else {
        struct client_header header = {"Metadata-Flavor", "Google"};
        struct call get = {.path = "/computeMetadata/v1/instance/service-accounts/default/token",
                           .headers = &header,
                           .header_count = 1};
        asked = cloud_call(c, cloud_setting(c, "metadata"), &get, true, &r, err);
    }
    if (!asked)
        return false;
    json_t *j = cloud_answer(&r);
    *token = arena_text(c->arena, json_string_value(json_object_get(j, "access_token")));
    bool ok = r.status == 200 && *token;
    if (!ok)
        cloud_refused("asking for a token", r.status, cloud_word(j, "error"),
                      cloud_word(j, "error_description"), err);
    json_decref(j);
    return ok;
}

// ---- a call

static bool call(struct cloud *c, const char *doing, const char *method, const char *path,
                 const json_t *body, json_t **answer, struct error *err)
{
    const char *token;
    struct reply r;
    if (!get_token(c, &token, err))
        return false;
    char *written = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct client_header header = {"Authorization", arena_format(c->arena, "Bearer %s", token)};
    struct call asked = {.method = method,
                         .path = path,
                         .headers = &header,
                         .header_count = 1,
                         .body = text_of(written),
                         .repeatable = true};
    bool ok = cloud_call(c, cloud_setting(c, "endpoint"), &asked, false, &r, err);
    free(written);
    if (!ok)
        return false;
    *answer = cloud_answer(&r);
    if (r.status >= 200 && r.status < 300)
        return true;
    const json_t *e = json_object_get(*answer, "error"),
                 *first = json_array_get(json_object_get(e, "errors"), 0);
    cloud_refused(doing, r.status, cloud_word(first, "reason"), cloud_word(e, "message"), err);
    json_decref(*answer);
    *answer = NULL;
    return false;
}

static const char *instances(struct cloud *c)
{
    return arena_format(c->arena, "/compute/v1/projects/%s/zones/%s/instances",
                        cloud_setting(c, "project"), cloud_setting(c, "zone"));
}

// ---- machines

static bool read_machine(struct cloud *c, const json_t *j, struct machine *m)
{
    const char *status = cloud_word(j, "status"),
               *type = strrchr(cloud_word(j, "machineType"), '/'),
               *made = cloud_word(j, "creationTimestamp");
    *m = (struct machine){.name = arena_text(c->arena, cloud_word(j, "name")),
                          .id = arena_text(c->arena, cloud_word(j, "id")),
                          .type = arena_text(c->arena, type ? type + 1 : ""),
                          .state = strcmp(status, "RUNNING") == 0 ? "running"
                                   : strcmp(status, "PROVISIONING") == 0 ||
                                           strcmp(status, "STAGING") == 0
                                       ? "starting"
                                   : strcmp(status, "STOPPING") == 0 ? "leaving"
                                                                     : "running"};
    int64_t utc_ms = 0;
    // "2026-11-26T02:00:00.123-08:00"
    if (strlen(made) >= 25 &&
        clock_parse(text_of(arena_format(c->arena, "%.19sZ", made)), &utc_ms)) {
        const char *zone = made + strlen(made) - 6;
        int hours = atoi(zone + 1), minutes = atoi(zone + 4), sign_of = zone[0] == '-' ? -1 : 1;
        m->began_ms = utc_ms - (int64_t)sign_of * (hours * 60 + minutes) * 60000;
    }
    return m->name[0] && m->id[0];
}

static bool list(struct cloud *c, struct machine **out, size_t *count, struct error *err)
{
    const char *filter = address_encode(
                   c->arena, text_of(arena_format(c->arena, "labels.posthouse=%s", c->house))),
               *page = "";
    *out = ARENA_ARRAY(c->arena, struct machine, MACHINES_MOST);
    *count = 0;
    do {
        json_t *j;
        const json_t *one;
        size_t i;
        if (!call(c, "listing machines", "GET",
                  arena_format(c->arena, "%s?maxResults=500&filter=%s%s%s", instances(c), filter,
                               page[0] ? "&pageToken=" : "",
                               page[0] ? address_encode(c->arena, text_of(page)) : ""),
                  NULL, &j, err))
            return false;
        json_array_foreach(json_object_get(j, "items"), i,
                           one) if (*count < MACHINES_MOST &&
                                    read_machine(c, one, &(*out)[*count]))(*count)++;
        page = arena_text(c->arena, cloud_word(j, "nextPageToken"));
        json_decref(j);
    } while (page[0] && *count < MACHINES_MOST);
    return true;
}

static json_t *description(struct cloud *c, const char *name, const char *boot)
{
    json_t *j = json_pack("{s:s, s:s, s:{s:s}, s:[{s:b, s:b, s:{s:s}}], s:[{s:s}]}", "name", name,
                          "machineType",
                          arena_format(c->arena, "zones/%s/machineTypes/%s",
                                       cloud_setting(c, "zone"), cloud_setting(c, "type")),
                          "labels", "posthouse", c->house, "disks", "boot", 1, "autoDelete", 1,
                          "initializeParams", "sourceImage", cloud_setting(c, "image"),
                          "networkInterfaces", "subnetwork", cloud_setting(c, "subnet"));
    if (config_bool(c->config, "spot"))
        json_object_set_new(j, "scheduling",
                            json_pack("{s:s, s:s, s:b, s:s}", "provisioningModel", "SPOT",
                                      "instanceTerminationAction", "DELETE", "automaticRestart", 0,
                                      "onHostMaintenance", "TERMINATE"));
    if (boot[0])
        json_object_set_new(
            j, "metadata",
            json_pack("{s:[{s:s, s:s}]}", "items", "key", "startup-script", "value", boot));
    if (cloud_setting(c, "account")[0])
        json_object_set_new(
            j, "serviceAccounts",
            json_pack("[{s:s, s:[s]}]", "email", cloud_setting(c, "account"), "scopes", SCOPE));
    return j;
}

// A call that is repeated makes one machine: its request id is a UUID that is made once.
static const char *request_id(struct cloud *c)
{
    unsigned char r[16];
    RAND_bytes(r, sizeof(r));
    return arena_format(c->arena,
                        "%02x%02x%02x%02x-%02x%02x-4%01x%02x-a%01x%02x-%02x%02x%02x%02x%02x%02x",
                        r[0], r[1], r[2], r[3], r[4], r[5], r[6] & 15, r[7], r[8] & 15, r[9], r[10],
                        r[11], r[12], r[13], r[14], r[15]);
}

static bool up(struct cloud *c, const char *name, const char *boot, struct machine *made,
               struct error *err)
{
    static const char *const needed[] = {"project", "zone", "image", "type", "subnet"};
    json_t *j;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!cloud_setting(c, needed[i])[0])
            return error_set(err, ERROR_USAGE, "%s is not set", needed[i]);
    json_t *body = description(c, name, boot);
    bool ok =
        call(c, "asking for a machine", "POST",
             arena_format(c->arena, "%s?requestId=%s", instances(c), request_id(c)), body, &j, err);
    json_decref(body);
    if (!ok)
        return false;
    // The answer is an operation; its targetId is the machine's.
    *made = (struct machine){.name = name,
                             .id = arena_text(c->arena, cloud_word(j, "targetId")),
                             .state = "starting",
                             .type = cloud_setting(c, "type"),
                             .began_ms = clock_now_ms()};
    ok = made->id[0] ||
         error_set(err, ERROR_NETWORK, "asking for a machine: Google did not say which it made");
    json_decref(j);
    return ok;
}

static bool down(struct cloud *c, const struct machine *m, struct error *err)
{
    json_t *j;
    bool ok = call(c, "taking a machine away", "DELETE",
                   arena_format(c->arena, "%s/%s", instances(c), m->name), NULL, &j, err);
    if (ok)
        json_decref(j);
    return ok || err->kind == ERROR_NOT_FOUND;
}

static bool notice(struct cloud *c, const char **said, struct error *err)
{
    struct client_header header = {"Metadata-Flavor", "Google"};
    struct call get = {
        .path = "/computeMetadata/v1/instance/preempted", .headers = &header, .header_count = 1};
    struct reply r;
    if (!cloud_call(c, cloud_setting(c, "metadata"), &get, true, &r, err))
        return false;
    if (r.status != 200)
        return cloud_refused("asking for a preemption", r.status, "", "", err);
    if (text_is(text_trim(r.body), "TRUE"))
        *said = "preempted now";
    return true;
}

const struct provider provider = {
    "google", settings, sizeof(settings) / sizeof(settings[0]), up, down, list, notice};
