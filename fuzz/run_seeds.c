/*
 * Runs a fuzz target without a fuzzer: every seed in the folders given, then `FUZZ_ROUNDS` (2,000)
 * small random changes of them from a fixed start, so that ./test finds the shallow faults each
 * time.
 * `./test --long` builds the same targets with libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_SEEDS = 1000, LARGEST = 1 << 20 };
static uint8_t *seeds[MOST_SEEDS];
static size_t sizes[MOST_SEEDS];
static int seed_count;

static void read_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)) && seed_count < MOST_SEEDS) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        FILE *f = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!f)
            continue;
        uint8_t *at = malloc(LARGEST);
        size_t size = at ? fread(at, 1, LARGEST, f) : 0;
        fclose(f);
        // an exact allocation, so that reading one byte too far is seen
        uint8_t *exact = malloc(size ? size : 1);
        if (!exact || !at)
            abort();
        memcpy(exact, at, size);
        free(at);
        sizes[seed_count] = size;
        seeds[seed_count++] = exact;
    }
    if (dir)
        closedir(dir);
}

static uint64_t state = 0x2545f4914f6cdd1d;
static size_t below(size_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return limit ? (size_t)(state % limit) : 0;
}

static void round_of_changes(void)
{
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, '/', '"', ':', ';', '\n'};
    int from = (int)below((size_t)seed_count), with = (int)below((size_t)seed_count);
    size_t size = sizes[from], room = size + sizes[with] + 16;
    uint8_t *at = malloc(room);
    if (!at)
        abort();
    memcpy(at, seeds[from], size);
    for (size_t change = 0, count = 1 + below(8); change < count; change++) {
        switch (below(5)) {
        case 0:
            if (size)
                at[below(size)] ^= (uint8_t)(1 << below(8));
            break;
        case 1:
            if (size)
                at[below(size)] = edges[below(sizeof(edges))];
            break;
        case 2:
            size = below(size + 1);
            break;
        case 3:
            if (size > 4)
                memset(at + below(size - 4), below(2) ? 0xff : 0, 4);
            break;
        default:
            if (sizes[with]) {
                size_t piece = below(sizes[with]) + 1, to = below(size + 1);
                if (to + piece <= room) {
                    memcpy(at + to, seeds[with], piece);
                    size = to + piece > size ? to + piece : size;
                }
            }
        }
    }
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    memcpy(exact, at, size);
    free(at);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

int main(int argc, char **argv)
{
    const char *asked = getenv("FUZZ_ROUNDS");
    int rounds = asked ? atoi(asked) : 2000;
    for (int i = 1; i < argc; i++)
        read_folder(argv[i]);
    if (seed_count == 0) {
        fprintf(stderr, "no seeds in the folders given\n");
        return 1;
    }
    for (int i = 0; i < seed_count; i++)
        LLVMFuzzerTestOneInput(seeds[i], sizes[i]);
    for (int i = 0; i < rounds; i++)
        round_of_changes();
    for (int i = 0; i < seed_count; i++)
        free(seeds[i]);
    printf("%d seeds, %d changes\n", seed_count, rounds);
    return 0;
}
