// The OpenAPI 3.1 document, from the routes and the shapes.
#include "api/inside.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static json_t *reference(text name)
{
    char at[100];
    snprintf(at, sizeof(at), "#/components/schemas/%.*s", (int)name.size, name.at);
    return json_pack("{s:s}", "$ref", at);
}

static json_t *type_schema(text type)
{
    static const char *const plain[][3] = {
        {"text", "string", NULL},        {"id", "string", "posthouse-id"},
        {"time", "string", "date-time"}, {"int", "integer", "int64"},
        {"number", "number", NULL},      {"bool", "boolean", NULL}};
    if (text_is(type, "json"))
        return json_object();
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (text_is(type, plain[i][0]))
            return plain[i][2] ? json_pack("{s:s, s:s}", "type", plain[i][1], "format", plain[i][2])
                               : json_pack("{s:s}", "type", plain[i][1]);
    if (!text_starts(type, "'"))
        return reference(type);
    json_t *words = json_array();
    while (type.size) {
        text word = text_cut(&type, '|');
        json_array_append_new(words, json_stringn(word.at + 1, word.size - 2));
    }
    return json_pack("{s:s, s:o}", "type", "string", "enum", words);
}

static json_t *schema(text type, bool list, bool optional)
{
    json_t *s = type_schema(type);
    if (list)
        s = json_pack("{s:s, s:o}", "type", "array", "items", s);
    if (optional)
        s = json_pack("{s:[o, {s:s}]}", "anyOf", s, "type", "null");
    return s;
}

static json_t *shape_schema(const struct shape *shape)
{
    json_t *fields = json_object(), *required = json_array();
    text rest = text_of(shape->fields);
    for (struct shape_field f; shape_field_next(&rest, &f);) {
        char name[64];
        text_copy(f.name, name, sizeof(name));
        json_object_set_new(fields, name, schema(f.type, f.list, f.optional));
        if (!f.optional)
            json_array_append_new(required, json_string(name));
    }
    json_t *s = json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", fields,
                          "required", required, "additionalProperties", 0);
    if (*shape->help)
        json_object_set_new(s, "description", json_string(shape->help));
    return s;
}

static const char *need_text(unsigned need)
{
    for (int i = 0; i < PERMISSION_COUNT; i++)
        if (need == 1u << i)
            return permission_names[i];
    return need == NEED_PUBLIC    ? "public"
           : need == NEED_PERSON  ? "person"
           : need == NEED_VISITOR ? "person or share"
           : need == NEED_ADMIN   ? "admin"
                                  : "worker";
}

static json_t *operation(const struct route *r)
{
    json_t *o = json_pack("{s:s, s:s}", "summary", r->summary ? r->summary : "", "x-permission",
                          need_text(r->need));
    json_t *parameters = json_array();
    for (const char *at = r->pattern; (at = strchr(at, '{')); at++) {
        size_t size = strcspn(at + 1, "}");
        text name = {at + 1, size};
        bool number = text_is(name, "number") || text_is(name, "task");
        json_array_append_new(parameters, json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", at + 1,
                                                    size, "in", "path", "required", 1, "schema",
                                                    "type", number ? "integer" : "string"));
    }
    json_object_set_new(o, "parameters", parameters);
    if (r->in)
        json_object_set_new(o, "requestBody",
                            json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content",
                                      "application/json", "schema",
                                      schema(text_of(r->in), false, false)));
    else if (r->flags & ROUTE_STREAM)
        json_object_set_new(o, "requestBody",
                            json_pack("{s:{s:{}}}", "content", "application/octet-stream"));
    json_t *good = json_pack("{s:s}", "description", "done");
    if (r->out && strcmp(r->out, "bytes") == 0) {
        json_object_set_new(good, "content", json_pack("{s:{}}", "application/octet-stream"));
    } else if (r->out && strcmp(r->out, "socket") != 0) {
        text type = text_of(r->out);
        bool list = text_ends(type, "[]");
        type.size -= list ? 2 : 0;
        json_object_set_new(
            good, "content",
            json_pack("{s:{s:o}}", "application/json", "schema", schema(type, list, false)));
    }
    bool socket = r->out && strcmp(r->out, "socket") == 0;
    json_object_set_new(o, "responses",
                        json_pack("{s:o, s:{s:s, s:{s:{s:o}}}}", socket ? "101" : "2XX", good,
                                  "default", "description", "a problem", "content",
                                  "application/problem+json", "schema",
                                  reference(text_of("Problem"))));
    if (r->need != NEED_PUBLIC)
        json_object_set_new(o, "security", json_pack("[{s:[]}, {s:[]}]", "token", "session"));
    return o;
}

// A row a route, for docs/api.md.
void api_reference(struct buf *out)
{
    buf_text(out, "| method and path | right | body -> answer | what it does |\n|---|---|---|---|\n");
    for (size_t i = 0; i < route_count(); i++) {
        const struct route *r = route_at(i);
        bool bytes_in = !r->in && r->flags & ROUTE_STREAM;
        buf_format(out, "| %s %s | %s | %s%s%s | %s |\n", r->method, r->pattern,
                   need_text(r->need), r->in ? r->in : bytes_in ? "bytes" : "",
                   r->in || bytes_in ? " -> " : "-> ", r->out ? r->out : "{}",
                   r->summary ? r->summary : "");
    }
}

void api_openapi(struct buf *out, const char *version)
{
    json_t *paths = json_object(), *schemas = json_object();
    for (size_t i = 0; i < route_count(); i++) {
        const struct route *r = route_at(i);
        json_t *path = json_object_get(paths, r->pattern);
        if (!path) {
            path = json_object();
            json_object_set_new(paths, r->pattern, path);
        }
        char method[16];
        size_t k = 0;
        for (; r->method[k] && k < sizeof(method) - 1; k++)
            method[k] = (char)tolower((unsigned char)r->method[k]);
        method[k] = 0;
        json_object_set_new(path, method, operation(r));
    }
    for (size_t i = 0; i < shape_count; i++)
        json_object_set_new(schemas, shapes[i].name, shape_schema(&shapes[i]));
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s}, s:[{s:s}], s:o, s:{s:o, s:{s:{s:s, s:s}, s:{s:s, s:s, s:s}}}}",
        "openapi", "3.1.0", "info", "title", "Posthouse", "version", version, "servers", "url",
        "/api/v1", "paths", paths, "components", "schemas", schemas, "securitySchemes", "token",
        "type", "http", "scheme", "bearer", "session", "type", "apiKey", "in", "cookie", "name",
        "posthouse");
    char *written = json_dumps(document, JSON_INDENT(2));
    buf_text(out, written ? written : "{}");
    buf_text(out, "\n");
    free(written);
    json_decref(document);
}
