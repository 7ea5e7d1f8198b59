/*
 * doors/blocks: what was read of the house's files, kept on this machine's disk, at most so much.
 *
 * A file is known by its content; its blocks are fetched when they are asked for, and ahead of who
 * reads on and on. Whatever was used longest ago goes first. Any thread.
 */
#pragma once
#include "doors/far.h"

#define BLOCK_SIZE ((int64_t)1 << 20)

struct blocks;
struct blocks_wish {
    struct client *house;
    const char *folder; // made when missing; what an earlier one left there is removed
    int64_t most_bytes;
    int fetchers; // threads that read ahead
};
struct blocks *blocks_open(const struct blocks_wish *wish, struct error *err);
void blocks_close(struct blocks *b); // NULL is fine

struct cached; // a file, while somebody has it open
struct cached *blocks_take(struct blocks *b, const struct far_node *file, struct error *err);
void blocks_give_back(struct blocks *b, struct cached *c);
// Sees that [offset, offset + size) is in the cache file `*fd` at the same offsets, and stays there
// until blocks_done. `ahead_bytes`: so much behind it will be wanted next.
MUST_CHECK bool blocks_need(struct blocks *b, struct cached *c, int64_t offset, int64_t size,
                            int64_t ahead_bytes, int *fd, struct error *err);
void blocks_done(struct blocks *b, struct cached *c, int64_t offset, int64_t size);
