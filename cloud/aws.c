/*
 * Amazon EC2: the Query API (2016-11-15), signed with Signature Version 4; answers are XML.
 * RunInstances, DescribeInstances, TerminateInstances; spot notices from the instance's own
 * metadata (IMDSv2). Written from the public API references; not run against EC2.
 */
#include "cloud/cloud.h"
#include "plat/clock.h"
#include "plat/ids.h"
#include "wire/address.h"

#include <jansson.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "2016-11-15"
#define FORM "application/x-www-form-urlencoded; charset=utf-8"

static const struct setting settings[] = {
    {.name = "region", .type = SETTING_TEXT, .value = "", .help = "such as eu-central-1"},
    {.name = "image",
     .type = SETTING_TEXT,
     .value = "",
     .help = "AMI with posthouse, slurmd and the renderers"},
    {.name = "type", .type = SETTING_TEXT, .value = "", .help = "such as c5a.4xlarge"},
    {.name = "spot", .type = SETTING_BOOL, .value = "on", .help = "spot machines"},
    {.name = "subnet", .type = SETTING_TEXT, .value = "", .help = "subnet-..."},
    {.name = "security.group",
     .type = SETTING_TEXT,
     .value = "",
     .help = "sg-...; machines call out only"},
    {.name = "profile",
     .type = SETTING_TEXT,
     .value = "",
     .help = "instance profile (role) of the machines"},
    {.name = "key.file",
     .type = SETTING_TEXT,
     .value = "",
     .help = "two lines: access key id, secret; empty: this machine's role"},
    {.name = "endpoint",
     .type = SETTING_TEXT,
     .value = "",
     .help = "another address of EC2 (tests)"},
    {.name = "metadata",
     .type = SETTING_TEXT,
     .value = "http://169.254.169.254",
     .help = "the machine's own address (tests)"},
};

// ---- metadata (IMDSv2): a token first

static bool metadata(struct cloud *c, const char *path, struct reply *r, struct error *err)
{
    const char *base = config_text(c->config, "metadata");
    struct client_header ttl = {"X-aws-ec2-metadata-token-ttl-seconds", "60"};
    struct call token = {
        .method = "PUT", .path = "/latest/api/token", .headers = &ttl, .header_count = 1};
    if (!cloud_call(c, base, &token, true, r, err))
        return false;
    if (r->status != 200)
        return cloud_refused("asking the machine about itself", r->status, "", "", err);
    struct client_header with = {"X-aws-ec2-metadata-token",
                                 arena_copy(c->arena, r->body.at, r->body.size)};
    struct call get = {.path = path, .headers = &with, .header_count = 1};
    return cloud_call(c, base, &get, true, r, err);
}

static bool notice(struct cloud *c, const char **said, struct error *err)
{
    struct reply r;
    if (!metadata(c, "/latest/meta-data/spot/instance-action", &r, err))
        return false;
    if (r.status == 404)
        return true;
    if (r.status != 200)
        return cloud_refused("asking for a spot notice", r.status, "", "", err);
    json_t *j = json_loadb(r.body.at, r.body.size, 0, NULL);
    const char *action = json_string_value(json_object_get(j, "action")),
               *time = json_string_value(json_object_get(j, "time"));
    *said = arena_format(c->arena, "%s %s", action ? action : "terminate", time ? time : "soon");
    json_decref(j);
    return true;
}

// ---- the key

static bool role_key(struct cloud *c, struct aws_key *key, struct error *err)
{
    static const char place[] = "/latest/meta-data/iam/security-credentials/";
    struct reply r;
    if (!metadata(c, place, &r, err) || r.status != 200) {
        error_set(err, ERROR_LOGIN, "there is no key for AWS");
        return error_fix(err, "set key.file, or give this machine a role");
    }
    text name = text_trim(r.body);
    if (!metadata(c, arena_format(c->arena, "%s%.*s", place, (int)name.size, name.at), &r, err))
        return false;
    json_t *j = json_loadb(r.body.at, r.body.size, 0, NULL);
    key->id = arena_text(c->arena, json_string_value(json_object_get(j, "AccessKeyId")));
    key->secret = arena_text(c->arena, json_string_value(json_object_get(j, "SecretAccessKey")));
    key->token = arena_text(c->arena, json_string_value(json_object_get(j, "Token")));
    json_decref(j);
    return (key->id && key->secret) || error_set(err, ERROR_LOGIN, "the machine's role has no key");
}

static bool get_key(struct cloud *c, struct aws_key *key, struct error *err)
{
    const char *file = config_text(c->config, "key.file"), *content;
    *key = (struct aws_key){0};
    if (!file[0])
        return role_key(c, key, err);
    if (!cloud_file(c, file, "key", &content, err))
        return false;
    text rest = text_of(content), id = text_trim(text_cut(&rest, '\n')),
         secret = text_trim(text_cut(&rest, '\n'));
    if (!id.size || !secret.size)
        return error_set(err, ERROR_INPUT, "%s must have two lines: the key's id and its secret",
                         file);
    key->id = arena_copy(c->arena, id.at, id.size);
    key->secret = arena_copy(c->arena, secret.at, secret.size);
    return true;
}

// ---- a call

static void add(struct cloud *c, struct buf *body, const char *name, const char *value)
{
    buf_format(body, "%s%s=%s", body->size ? "&" : "", name,
               address_encode(c->arena, text_of(value)));
}

static const char *content_of(struct cloud *c, xmlNode *n)
{
    xmlChar *s = n ? xmlNodeGetContent(n) : NULL;
    const char *out = s ? arena_text(c->arena, (const char *)s) : "";
    xmlFree(s);
    return out;
}

static xmlNode *child(const xmlNode *of, const char *name)
{
    for (xmlNode *n = of ? of->children : NULL; n; n = n->next)
        if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0)
            return n;
    return NULL;
}

static bool call(struct cloud *c, const char *doing, struct buf *body, xmlDoc **answer,
                 struct error *err)
{
    const char *region = config_text(c->config, "region"),
               *endpoint = config_text(c->config, "endpoint");
    struct aws_key key;
    struct reply r;
    *answer = NULL;
    if (!region[0])
        return error_set(err, ERROR_USAGE, "region is not set");
    const char *base =
        endpoint[0] ? endpoint : arena_format(c->arena, "https://ec2.%s.amazonaws.com", region);
    const char *host = strstr(base, "://") ? strstr(base, "://") + 3 : base;
    if (!get_key(c, &key, err))
        return false;
    struct aws_request sign = {.method = "POST",
                               .host = host,
                               .path = "/",
                               .query = "",
                               .content_type = FORM,
                               .body = {body->at, body->size},
                               .region = region,
                               .service = "ec2",
                               .at_ms = clock_now_ms()};
    struct client_header headers[3];
    size_t n = 0;
    headers[n].name = "Authorization";
    headers[n + 1].name = "X-Amz-Date";
    aws_sign(c->arena, &key, &sign, &headers[n].value, &headers[n + 1].value);
    n += 2;
    if (key.token)
        headers[n++] = (struct client_header){"X-Amz-Security-Token", key.token};
    struct call post = {.method = "POST",
                        .path = "/",
                        .headers = headers,
                        .header_count = n,
                        .content_type = FORM,
                        .body = {body->at, body->size},
                        .repeatable = true};
    if (!cloud_call(c, base, &post, false, &r, err))
        return false;
    xmlDoc *doc = r.body.size
                      ? xmlReadMemory(r.body.at, (int)r.body.size, "answer", NULL,
                                      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
                      : NULL;
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    if (r.status == 200 && root) {
        *answer = doc;
        return true;
    }
    xmlNode *why = child(child(root, "Errors"), "Error");
    bool ok = cloud_refused(doing, r.status, content_of(c, child(why, "Code")),
                            content_of(c, child(why, "Message")), err);
    xmlFreeDoc(doc);
    return ok;
}

// ---- machines

static const char *state_of(const char *ec2) // NULL: gone
{
    static const char *const states[][2] = {{"pending", "starting"},
                                            {"running", "running"},
                                            {"shutting-down", "leaving"},
                                            {"stopping", "leaving"},
                                            {"stopped", "running"}};
    for (size_t i = 0; i < 5; i++)
        if (strcmp(states[i][0], ec2) == 0)
            return states[i][1];
    return NULL;
}

static bool read_machine(struct cloud *c, const xmlNode *item, struct machine *m)
{
    *m = (struct machine){.id = content_of(c, child(item, "instanceId")),
                          .type = content_of(c, child(item, "instanceType"))};
    m->state = state_of(content_of(c, child(child(item, "instanceState"), "name")));
    const xmlNode *tags = child(item, "tagSet");
    for (xmlNode *t = tags ? tags->children : NULL; t; t = t->next)
        if (strcmp(content_of(c, child(t, "key")), "Name") == 0)
            m->name = content_of(c, child(t, "value"));
    clock_parse(text_of(content_of(c, child(item, "launchTime"))), &m->began_ms);
    return m->state && m->name && m->name[0] && m->id[0];
}

static void read_machines(struct cloud *c, const xmlNode *reservation, struct machine *list,
                          size_t *count)
{
    const xmlNode *set = child(reservation, "instancesSet");
    for (xmlNode *item = set ? set->children : NULL; item && *count < MACHINES_MOST;
         item = item->next)
        if (item->type == XML_ELEMENT_NODE && read_machine(c, item, &list[*count]))
            (*count)++;
}

static bool list(struct cloud *c, struct machine **out, size_t *count, struct error *err)
{
    const char *next = "";
    *out = ARENA_ARRAY(c->arena, struct machine, MACHINES_MOST);
    *count = 0;
    do {
        struct buf body = BUF_LIMIT(64 << 10);
        xmlDoc *doc;
        add(c, &body, "Action", "DescribeInstances");
        add(c, &body, "Version", VERSION);
        add(c, &body, "Filter.1.Name", "tag:posthouse");
        add(c, &body, "Filter.1.Value.1", c->house);
        add(c, &body, "MaxResults", "1000");
        if (next[0])
            add(c, &body, "NextToken", next);
        bool ok = call(c, "listing machines", &body, &doc, err);
        buf_free(&body);
        if (!ok)
            return false;
        const xmlNode *root = xmlDocGetRootElement(doc), *set = child(root, "reservationSet");
        for (xmlNode *r = set ? set->children : NULL; r; r = r->next)
            read_machines(c, r, *out, count);
        next = content_of(c, child(root, "nextToken"));
        xmlFreeDoc(doc);
    } while (next[0] && *count < MACHINES_MOST);
    return true;
}

static bool up(struct cloud *c, const char *name, const char *boot, struct machine *made,
               struct error *err)
{
    struct buf body = BUF_LIMIT(256 << 10);
    xmlDoc *doc;
    size_t count = 0;
    const struct config *s = c->config;
    if (!config_text(s, "image")[0] || !config_text(s, "type")[0])
        return error_set(err, ERROR_USAGE, "image and type must be set");
    add(c, &body, "Action", "RunInstances");
    add(c, &body, "Version", VERSION);
    add(c, &body, "ImageId", config_text(s, "image"));
    add(c, &body, "InstanceType", config_text(s, "type"));
    add(c, &body, "MinCount", "1");
    add(c, &body, "MaxCount", "1");
    add(c, &body, "ClientToken", id_new().text); // a call that is repeated makes one machine
    add(c, &body, "InstanceInitiatedShutdownBehavior", "terminate");
    add(c, &body, "MetadataOptions.HttpTokens", "required");
    if (config_bool(s, "spot")) {
        add(c, &body, "InstanceMarketOptions.MarketType", "spot");
        add(c, &body, "InstanceMarketOptions.SpotOptions.SpotInstanceType", "one-time");
    }
    if (config_text(s, "subnet")[0])
        add(c, &body, "SubnetId", config_text(s, "subnet"));
    if (config_text(s, "security.group")[0])
        add(c, &body, "SecurityGroupId.1", config_text(s, "security.group"));
    if (config_text(s, "profile")[0])
        add(c, &body, "IamInstanceProfile.Name", config_text(s, "profile"));
    if (boot[0])
        add(c, &body, "UserData", cloud_base64(c->arena, boot, strlen(boot), false));
    add(c, &body, "TagSpecification.1.ResourceType", "instance");
    add(c, &body, "TagSpecification.1.Tag.1.Key", "Name");
    add(c, &body, "TagSpecification.1.Tag.1.Value", name);
    add(c, &body, "TagSpecification.1.Tag.2.Key", "posthouse");
    add(c, &body, "TagSpecification.1.Tag.2.Value", c->house);
    bool ok = call(c, "asking for a machine", &body, &doc, err);
    buf_free(&body);
    if (!ok)
        return false;
    const xmlNode *root = xmlDocGetRootElement(doc);
    read_machines(c, root, made, &count);
    xmlFreeDoc(doc);
    return count == 1 ||
           error_set(err, ERROR_NETWORK, "asking for a machine: EC2 did not say which it made");
}

static bool down(struct cloud *c, const struct machine *m, struct error *err)
{
    struct buf body = BUF_LIMIT(64 << 10);
    xmlDoc *doc;
    add(c, &body, "Action", "TerminateInstances");
    add(c, &body, "Version", VERSION);
    add(c, &body, "InstanceId.1", m->id);
    bool ok = call(c, "taking a machine away", &body, &doc, err);
    buf_free(&body);
    if (ok)
        xmlFreeDoc(doc);
    return ok || strstr(err->why, "InvalidInstanceID.NotFound") != NULL;
}

const struct provider provider = {"aws", settings, sizeof(settings) / sizeof(settings[0]), up, down,
                                  list,  notice};
