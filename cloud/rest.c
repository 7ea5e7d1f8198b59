#include "cloud/rest.h"

const char *cloud_setting(const struct cloud *c, const char *name)
{
    return config_text(c->config, name);
}

json_t *cloud_answer(const struct reply *r)
{
    return json_loadb(r->body.size ? r->body.at : "", r->body.size, 0, NULL);
}

const char *cloud_word(const json_t *of, const char *name)
{
    const char *s = json_string_value(json_object_get(of, name));
    return s ? s : "";
}
