// posthouse original: camera originals of a house and the transcodes that stand for them.
#include "cmd/client.h"
#include "cmd/command.h"

#include <stdio.h>
#include <string.h>

static int show(struct command_call *call, const json_t *of)
{
    size_t i;
    const json_t *c;
    if (option_flag(call, "json")) {
        json_dumpf(of, stdout, JSON_INDENT(2));
        printf("\n");
        return 0;
    }
    const json_t *attached = json_object_get(of, "attached");
    bool original = json_is_true(json_object_get(of, "original"));
    if (json_is_object(attached))
        printf("%s %s (%s)\n", original ? "shown by" : "stands for", json_word(attached, "name"),
               json_word(attached, "how"));
    else
        printf("%s\n", original ? "no transcode is attached" : "it stands for no original");
    json_array_foreach(json_object_get(of, "candidates"), i, c)
        printf("  could be %s  %s, by %s\n", json_word(c, "asset"), json_word(c, "name"),
               json_word(c, "how"));
    if (!json_is_object(attached) && json_array_size(json_object_get(of, "claims")) > 1)
        json_array_foreach(json_object_get(of, "claims"), i, c)
            printf("  is claimed by %s  %s\n", json_word(c, "asset"), json_word(c, "name"));
    return 0;
}

static int run(struct command_call *call)
{
    const char *verb = call->words[0], *asset = call->words[1];
    struct house h;
    struct error err;
    if (!house_open(call, 1, &h, &err))
        return command_failed(&err);
    json_t *of = NULL, *body = NULL;
    if (strcmp(verb, "show") == 0 && call->word_count == 2) {
        of = house_ask(h.client, "GET", NULL, &err, "/assets/%s/transcode", asset);
    } else if (strcmp(verb, "attach") == 0 && call->word_count == 3) {
        body = json_pack("{s:s}", "transcode", call->words[2]);
        of = house_ask(h.client, "POST", body, &err, "/assets/%s/transcode", asset);
    } else if (strcmp(verb, "detach") == 0 && call->word_count == 2) {
        of = house_ask(h.client, "DELETE", NULL, &err, "/assets/%s/transcode", asset);
    } else {
        error_set(&err, ERROR_USAGE,
                  "posthouse original knows show ASSET, attach ASSET TRANSCODE and "
                  "detach ASSET");
        error_fix(&err, "see posthouse original --help");
    }
    int status = of ? show(call, of) : command_failed(&err);
    json_decref(of);
    json_decref(body);
    house_close(&h);
    return status;
}

static const struct option_row options[] = {
    {"json", OPTION_FLAG, NULL, "the answer as JSON, for scripts"}, CLIENT_OPTIONS, {0}};
const struct command command_original = {
    .name = "original",
    .words = "show|attach|detach ASSET [TRANSCODE]",
    .summary = "transcodes that stand for camera originals",
    .about =
        "Files that only their maker's software decodes (R3D, BRAW, ARRIRAW, X-OCN, Canon RAW, "
        "ProRes RAW) are stored and listed with reel, clip, timecode, rate and size as far as they "
        "say them. A transcode with the clip in its name, or with its reel and start timecode, is "
        "attached by itself when there is exactly one; it is what the player shows, with the "
        "original's timecode.\n\n"
        "show says what is attached, or which files could be. attach takes one of them, or any "
        "clip of the project; detach takes it off again, and it is not put on by itself any more.",
    .options = options,
    .least_words = 2,
    .most_words = 3,
    .run = run,
};
