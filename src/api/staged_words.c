#include "api/staged_words.h"

#define CHUNK ((int64_t)8 << 20) // of the store

static bool read_wanted(struct staged_piece *p, text words)
{
    text a = text_cut(&words, ' '), b = text_cut(&words, ' ');
    if (p->pack) // numbered by the worker, so that it knows the answer
        return text_int(b, &p->bytes) && p->bytes > 0 && p->bytes <= STAGED_PACK_BYTES / 2;
    return sha256_parse(a, &p->content) && text_int(b, &p->chunk) && p->chunk >= 0 &&
           text_int(words, &p->bytes) && p->bytes > 0 && p->bytes <= CHUNK;
}

static bool read_brought(struct staged_piece *p, text words)
{
    text size = text_cut(&words, ' '), content = text_cut(&words, ' ');
    text chunk = text_cut(&words, ' '), hash = text_cut(&words, ' ');
    text output = text_cut(&words, ' '), frame = text_cut(&words, ' ');
    text task = text_cut(&words, ' '), tile = text_cut(&words, ' ');
    return text_int(size, &p->bytes) && sha256_parse(content, &p->content) &&
           text_int(chunk, &p->chunk) && sha256_parse(hash, &p->hash) &&
           text_int(output, &p->output) && text_int(frame, &p->frame) && text_int(task, &p->task) &&
           text_int(tile, &p->tile) &&
           text_copy(words, p->name, sizeof(p->name)); // a name may have blanks
}

bool staging_read(struct staged_piece *p, text words, int64_t size)
{
    text kind = text_cut(&words, ' ');
    text attempt = text_cut(&words, ' '), token = text_cut(&words, ' ');
    if (!text_copy(attempt, p->attempt, sizeof(p->attempt)) || !text_int(token, &p->token))
        return false;
    p->in = text_is(kind, "made");
    p->pack = text_is(kind, "pack");
    if (p->in)
        return size > 0 && size <= CHUNK && read_brought(p, words);
    if (p->pack)
        return size > 0 && size % SHA256_SIZE == 0 && size <= STAGED_PACK_MOST * SHA256_SIZE &&
               read_wanted(p, words);
    return text_is(kind, "staged") && !size && read_wanted(p, words);
}
