#include "plat/ids.h"
#include "plat/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void random_bytes(void *to, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = getrandom((char *)to + have, size - have, 0);
        if (got < 0 && errno != EINTR)
            abort(); // a house without randomness must not run
        have += got > 0 ? (size_t)got : 0;
    }
}

id id_new(void)
{
    // The last id of this process: within one millisecond its random part counts up.
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint8_t last[16];
    uint8_t b[16];
    uint64_t ms = (uint64_t)clock_now_ms();
    random_bytes(b + 6, 10);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < 6; i++)
        b[i] = (uint8_t)(ms >> (40 - 8 * i));
    if (memcmp(b, last, 6) <= 0) { // the same millisecond, or the clock went back
        memcpy(b, last, sizeof(b));
        for (int i = 15; i >= 0 && ++b[i] == 0; i--)
            ;
    }
    memcpy(last, b, sizeof(b));
    pthread_mutex_unlock(&lock);
    id out;
    for (int i = 0; i < 26; i++) { // 130 bits for 128: the first letter has two zero bits before it
        int value = 0;
        for (int bit = i * 5 - 2; bit < i * 5 + 3; bit++)
            value = value << 1 | (bit < 0 ? 0 : b[bit / 8] >> (7 - bit % 8) & 1);
        out.text[i] = crockford[value];
    }
    out.text[26] = 0;
    return out;
}

bool id_valid(text t)
{
    if (t.size != 26)
        return false;
    for (size_t i = 0; i < 26; i++)
        if (!t.at[i] || !strchr(crockford, t.at[i]))
            return false;
    return true;
}

secret secret_new(void)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t b[33] = {0};
    secret out;
    random_bytes(b, 32);
    for (int i = 0; i < 43; i++) {
        int bit = i * 6;
        int two = b[bit / 8] << 8 | b[bit / 8 + 1];
        out.text[i] = letters[two >> (10 - bit % 8) & 63];
    }
    out.text[43] = 0;
    return out;
}
