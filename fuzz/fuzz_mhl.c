// Hash lists and chains: any bytes give a list or an error; paths stay in the folder; what was read
// is written and read again the same.
#include "formats/mhl/mhl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open((size_t)1 << 30);
    struct mhl_list list, again;
    struct mhl_chain_row *rows;
    size_t count;
    struct error err;
    text bytes = {(const char *)at, size};
    if (mhl_read(bytes, a, &list, &err)) {
        for (size_t i = 0; i < list.count; i++)
            if (!mhl_path_good(list.entries[i].path))
                abort();
        struct buf to = BUF_LIMIT(64 << 20);
        list.tool = list.tool ? list.tool : "x", list.tool_version = list.tool_version ? list.tool_version : "1";
        bool plain = !list.legacy && mhl_write(&list, &to, &err);
        if (plain && (!mhl_read((text){to.at, to.size}, a, &again, &err) || again.count != list.count))
            abort();
        buf_free(&to);
    }
    if (mhl_chain_read(bytes, a, &rows, &count, &err))
        for (size_t i = 0; i < count; i++)
            if (rows[i].number != (int64_t)i + 1 || strlen(rows[i].c4) != C4_SIZE - 1)
                abort();
    uint8_t sha[64];
    char c4[C4_SIZE];
    if (c4_bytes(bytes, sha)) {
        c4_text(sha, c4);
        if (memcmp(c4, at, C4_SIZE - 1) != 0)
            abort();
    }
    arena_close(a);
    return 0;
}
