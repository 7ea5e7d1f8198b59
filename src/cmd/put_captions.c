// Caption files brought for a film: small, so that each goes in one call, and is read before it is
// kept.
#include "cmd/put_captions.h"
#include "cmd/caption.h"
#include "cmd/client.h"
#include "formats/captions/embed.h"
#include "wire/address.h"

#include <stdio.h>
#include <string.h>

static bool bring(struct command_call *call, struct client *c, const char *film,
                  const struct caption_given *as, const char *path, json_t **made,
                  struct error *err)
{
    text bytes;
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    if (!caption_bytes(call, path, &bytes, err))
        return false;
    struct reply reply;
    struct call ask = {
        .method = "POST",
        .path =
            arena_format(call->arena, "/api/v1/assets/%s/captions?name=%s&language=%s&role=%s",
                         film, address_encode(call->arena, text_of(name)), as->language, as->role),
        .content_type = "application/octet-stream",
        .body = bytes};
    if (!client_call(c, &ask, call->arena, &reply, err))
        return false;
    *made = json_loadb(reply.body.at, reply.body.size, 0, NULL);
    return *made || error_set(err, ERROR_IO, "the house gave no answer that can be read");
}

int put_captions(struct command_call *call)
{
    struct error err;
    struct house house;
    struct caption_given as =
        caption_given_parse(call->arena, text_of(option_text(call, "captions-of")));
    int status = 0;
    if (!house_open(call, 1, &house, &err))
        return command_failed(&err);
    json_t *film = house_asset(house.client, call->arena, as.file, &err), *all = json_array();
    for (size_t i = 0; film && i < call->word_count; i++) {
        json_t *made = NULL;
        if (bring(call, house.client, json_word(film, "id"), &as, call->words[i], &made, &err)) {
            if (!option_flag(call, "json"))
                printf("%s: %s, %s%s%s, %lld cues\n", json_word(made, "name"),
                       json_word(made, "format"), json_word(made, "role"),
                       *json_word(made, "language") ? " in " : "", json_word(made, "language"),
                       (long long)json_count(made, "cues"));
            json_array_append_new(all, made);
        } else {
            status = command_failed(&err);
        }
    }
    if (!film)
        status = command_failed(&err);
    if (option_flag(call, "json")) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
    }
    json_decref(all);
    json_decref(film);
    house_close(&house);
    return status;
}
