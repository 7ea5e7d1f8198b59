/*
 * Microsoft Azure: virtual machines through the Resource Manager (Microsoft.Compute 2023-09-01)
 * with a bearer token, of an application or of this machine's managed identity; scheduled events
 * from the instance metadata service. Written from the public REST references; not run against
 * Azure.
 */
#include "cloud/rest.h"
#include "plat/clock.h"
#include "wire/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API "2023-09-01"

static const struct setting settings[] = {
    {.name = "subscription", .type = SETTING_TEXT, .value = "", .help = "id of the subscription"},
    {.name = "group", .type = SETTING_TEXT, .value = "", .help = "resource group"},
    {.name = "location", .type = SETTING_TEXT, .value = "", .help = "such as westeurope"},
    {.name = "image",
     .type = SETTING_TEXT,
     .value = "",
     .help = "id of an image with posthouse, slurmd and the renderers"},
    {.name = "type", .type = SETTING_TEXT, .value = "", .help = "such as Standard_F16s_v2"},
    {.name = "spot", .type = SETTING_BOOL, .value = "on", .help = "spot machines"},
    {.name = "subnet",
     .type = SETTING_TEXT,
     .value = "",
     .help = "id of a subnet; machines get no public address"},
    {.name = "user",
     .type = SETTING_TEXT,
     .value = "posthouse",
     .help = "its administrator's name"},
    {.name = "ssh.key.file",
     .type = SETTING_TEXT,
     .value = "",
     .help = "public key of its administrator"},
    {.name = "tenant", .type = SETTING_TEXT, .value = "", .help = "of the application"},
    {.name = "client",
     .type = SETTING_TEXT,
     .value = "",
     .help = "id of the application; empty: this machine's identity"},
    {.name = "secret.file", .type = SETTING_TEXT, .value = "", .help = "its secret"},
    {.name = "endpoint",
     .type = SETTING_TEXT,
     .value = "https://management.azure.com",
     .help = "the Resource Manager (tests)"},
    {.name = "login",
     .type = SETTING_TEXT,
     .value = "https://login.microsoftonline.com",
     .help = "who gives tokens (tests)"},
    {.name = "metadata",
     .type = SETTING_TEXT,
     .value = "http://169.254.169.254",
     .help = "the machine's own address (tests)"},
};

static bool refused(const char *doing, const struct reply *r, const json_t *j, struct error *err)
{
    const json_t *e = json_object_get(j, "error");
    if (json_is_string(e)) // of the login
        return cloud_refused(doing, r->status, json_string_value(e),
                             cloud_word(j, "error_description"), err);
    return cloud_refused(doing, r->status, cloud_word(e, "code"), cloud_word(e, "message"), err);
}

// ---- who we are

static bool take_token(struct cloud *c, const struct reply *r, const char **token,
                       struct error *err)
{
    json_t *j = cloud_answer(r);
    *token = arena_text(c->arena, json_string_value(json_object_get(j, "access_token")));
    bool ok = r->status == 200 && *token;
    if (!ok)
        refused("asking for a token", r, j, err);
    json_decref(j);
    return ok;
}

static bool get_token(struct cloud *c, const char **token, struct error *err)
{
    struct reply r;
    const char *secret;
    if (!cloud_setting(c, "client")[0]) {
        struct client_header header = {"Metadata", "true"};
        struct call get = {
            .path = "/metadata/identity/oauth2/"
                    "token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F",
            .headers = &header,
            .header_count = 1};
        return cloud_call(c, cloud_setting(c, "metadata"), &get, true, &r, err) &&
               take_token(c, &r, token, err);
    }
    if (!cloud_file(c, cloud_setting(c, "secret.file"), "secret", &secret, err))
        return false;
    const char *body = arena_format(c->arena,
                                    "grant_type=client_credentials&client_id=%s&client_secret=%s&"
                                    "scope=https%%3A%%2F%%2Fmanagement.azure.com%%2F.default",
                                    address_encode(c->arena, text_of(cloud_setting(c, "client"))),
                                    address_encode(c->arena, text_of(secret)));
    struct call post = {
        .method = "POST",
        .path = arena_format(c->arena, "/%s/oauth2/v2.0/token",
                             address_encode(c->arena, text_of(cloud_setting(c, "tenant")))),
        .content_type = "application/x-www-form-urlencoded",
        .body = text_of(body),
        .repeatable = true};
    return cloud_call(c, cloud_setting(c, "login"), &post, false, &r, err) &&
           take_token(c, &r, token, err);
}

// ---- a call

static bool call(struct cloud *c, const char *doing, const char *method, const char *path,
                 const json_t *body, json_t **answer, struct reply *r, struct error *err)
{
    const char *token;
    *answer = NULL;
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
    bool ok = cloud_call(c, cloud_setting(c, "endpoint"), &asked, false, r, err);
    free(written);
    if (!ok)
        return false;
    *answer = cloud_answer(r);
    if (r->status >= 200 && r->status < 300)
        return true;
    refused(doing, r, *answer, err);
    json_decref(*answer);
    *answer = NULL;
    return false;
}

static const char *machines_path(struct cloud *c)
{
    return arena_format(
        c->arena, "/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/virtualMachines",
        cloud_setting(c, "subscription"), cloud_setting(c, "group"));
}

// ---- machines

static bool read_machine(struct cloud *c, const json_t *j, struct machine *m)
{
    const json_t *p = json_object_get(j, "properties");
    const char *state = cloud_word(p, "provisioningState");
    *m = (struct machine){
        .name = arena_text(c->arena, cloud_word(j, "name")),
        .id = arena_text(c->arena, cloud_word(p, "vmId")),
        .type = arena_text(c->arena, cloud_word(json_object_get(p, "hardwareProfile"), "vmSize")),
        .state = strcmp(state, "Succeeded") == 0  ? "running"
                 : strcmp(state, "Deleting") == 0 ? "leaving"
                                                  : "starting"};
    // "2026-11-26T10:00:00.1234567+00:00": what we read ends at the milliseconds.
    const char *made = cloud_word(p, "timeCreated");
    if (strlen(made) >= 19)
        clock_parse(text_of(arena_format(c->arena, "%.19sZ", made)), &m->began_ms);
    if (!m->id[0])
        m->id = m->name;
    return m->name[0] && strcmp(cloud_word(json_object_get(j, "tags"), "posthouse"), c->house) == 0;
}

static bool list(struct cloud *c, struct machine **out, size_t *count, struct error *err)
{
    const char *path = arena_format(c->arena, "%s?api-version=" API, machines_path(c)),
               *base = cloud_setting(c, "endpoint");
    *out = ARENA_ARRAY(c->arena, struct machine, MACHINES_MOST);
    *count = 0;
    while (path && *count < MACHINES_MOST) {
        struct reply r;
        json_t *j;
        const json_t *one;
        size_t i;
        if (!call(c, "listing machines", "GET", path, NULL, &j, &r, err))
            return false;
        json_array_foreach(json_object_get(j, "value"), i,
                           one) if (*count < MACHINES_MOST &&
                                    read_machine(c, one, &(*out)[*count]))(*count)++;
        const char *next = cloud_word(j, "nextLink"), *after = strstr(next, "://");
        // A whole address of the same server: what is behind its host is asked for.
        after = after ? strchr(after + 3, '/') : NULL;
        path = after ? arena_text(c->arena, after) : NULL;
        json_decref(j);
        (void)base;
    }
    return true;
}

static json_t *description(struct cloud *c, const char *name, const char *boot, const char *key)
{
    const char *home =
        arena_format(c->arena, "/home/%s/.ssh/authorized_keys", cloud_setting(c, "user"));
    json_t *address = json_pack("{s:s, s:{s:{s:s}}}", "name", "address", "properties", "subnet",
                                "id", cloud_setting(c, "subnet"));
    json_t *network =
        json_pack("{s:s, s:[{s:s, s:{s:b, s:s, s:[o]}}]}", "networkApiVersion", "2020-11-01",
                  "networkInterfaceConfigurations", "name", "line", "properties", "primary", 1,
                  "deleteOption", "Delete", "ipConfigurations", address);
    json_t *system =
        json_pack("{s:s, s:s, s:{s:b, s:{s:[{s:s, s:s}]}}}", "computerName", name, "adminUsername",
                  cloud_setting(c, "user"), "linuxConfiguration", "disablePasswordAuthentication",
                  1, "ssh", "publicKeys", "path", home, "keyData", key);
    if (boot[0])
        json_object_set_new(system, "customData",
                            json_string(cloud_base64(c->arena, boot, strlen(boot), false)));
    json_t *properties =
        json_pack("{s:{s:s}, s:{s:{s:s}, s:{s:s, s:s}}, s:o, s:o}", "hardwareProfile", "vmSize",
                  cloud_setting(c, "type"), "storageProfile", "imageReference", "id",
                  cloud_setting(c, "image"), "osDisk", "createOption", "FromImage", "deleteOption",
                  "Delete", "osProfile", system, "networkProfile", network);
    if (config_bool(c->config, "spot")) {
        json_object_set_new(properties, "priority", json_string("Spot"));
        json_object_set_new(properties, "evictionPolicy", json_string("Delete"));
        json_object_set_new(properties, "billingProfile",
                            json_pack("{s:i}", "maxPrice", -1)); // up to on-demand
    }
    return json_pack("{s:s, s:{s:s, s:s}, s:o}", "location", cloud_setting(c, "location"), "tags",
                     "Name", name, "posthouse", c->house, "properties", properties);
}

static bool up(struct cloud *c, const char *name, const char *boot, struct machine *made,
               struct error *err)
{
    static const char *const needed[] = {"subscription", "group", "location",
                                         "image",        "type",  "subnet"};
    const char *key;
    struct reply r;
    json_t *j;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!cloud_setting(c, needed[i])[0])
            return error_set(err, ERROR_USAGE, "%s is not set", needed[i]);
    if (!cloud_file(c, cloud_setting(c, "ssh.key.file"), "public key", &key, err))
        return false;
    json_t *body = description(c, name, boot, key);
    bool ok = call(c, "asking for a machine", "PUT",
                   arena_format(c->arena, "%s/%s?api-version=" API, machines_path(c), name), body,
                   &j, &r, err);
    json_decref(body);
    if (!ok)
        return false;
    ok = read_machine(c, j, made) ||
         error_set(err, ERROR_NETWORK, "asking for a machine: Azure did not say which it made");
    json_decref(j);
    return ok;
}

static bool down(struct cloud *c, const struct machine *m, struct error *err)
{
    struct reply r;
    json_t *j;
    bool ok = call(c, "taking a machine away", "DELETE",
                   arena_format(c->arena, "%s/%s?api-version=" API "&forceDeletion=true",
                                machines_path(c), m->name),
                   NULL, &j, &r, err);
    if (ok)
        json_decref(j);
    return ok || err->kind == ERROR_NOT_FOUND;
}

static bool notice(struct cloud *c, const char **said, struct error *err)
{
    struct client_header header = {"Metadata", "true"};
    struct call get = {.path = "/metadata/scheduledevents?api-version=2020-07-01",
                       .headers = &header,
                       .header_count = 1};
    struct reply r;
    if (!cloud_call(c, cloud_setting(c, "metadata"), &get, true, &r, err))
        return false;
    json_t *j = cloud_answer(&r);
    const json_t *one;
    size_t i;
    bool ok = r.status == 200 && json_is_array(json_object_get(j, "Events"));
    if (!ok)
        cloud_refused("asking for scheduled events", r.status, "", "", err);
    json_array_foreach(json_object_get(j, "Events"), i, one)
    {
        const char *kind = cloud_word(one, "EventType"), *when = cloud_word(one, "NotBefore");
        if (!*said && (strcmp(kind, "Preempt") == 0 || strcmp(kind, "Terminate") == 0))
            *said = arena_format(c->arena, "%s %s", kind, when[0] ? when : "now");
    }
    json_decref(j);
    return ok;
}

const struct provider provider = {
    "azure", settings, sizeof(settings) / sizeof(settings[0]), up, down, list, notice};
