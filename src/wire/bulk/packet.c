#include "wire/bulk/packet.h"

#include "plat/hash.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_BITS 26
#define VALUE_MOST ((uint64_t)1 << 48)

// ---- sealing

struct packet_keys {
    uint8_t secret[PACKET_SECRET];
    bool from_server;
    uint8_t iv[12];
    // Of two epochs that follow each other: packets may come late when the key has changed.
    struct epoch {
        EVP_CIPHER_CTX *cipher;
        uint64_t number;
        bool ready;
    } epochs[2];
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static sha256 derive(const struct packet_keys *k, const char *what, uint64_t epoch)
{
    char label[64];
    int size = snprintf(label, sizeof(label), "posthouse bulk 1 %s %s %llu",
                        k->from_server ? "server" : "client", what, (unsigned long long)epoch);
    return hmac_sha256(k->secret, PACKET_SECRET, label, (size_t)size);
}

struct packet_keys *packet_keys_open(const uint8_t secret[PACKET_SECRET], bool from_server)
{
    struct packet_keys *k = calloc(1, sizeof(*k));
    must(k != NULL);
    memcpy(k->secret, secret, PACKET_SECRET);
    k->from_server = from_server;
    sha256 iv = derive(k, "iv", 0);
    memcpy(k->iv, iv.at, sizeof(k->iv));
    for (int i = 0; i < 2; i++)
        must((k->epochs[i].cipher = EVP_CIPHER_CTX_new()) != NULL);
    return k;
}

void packet_keys_close(struct packet_keys *k)
{
    if (!k)
        return;
    for (int i = 0; i < 2; i++)
        EVP_CIPHER_CTX_free(k->epochs[i].cipher);
    OPENSSL_cleanse(k, sizeof(*k));
    free(k);
}

static EVP_CIPHER_CTX *cipher_of(struct packet_keys *k, uint64_t number, bool seal)
{
    uint64_t epoch = number >> EPOCH_BITS;
    struct epoch *e = &k->epochs[epoch & 1];
    if (e->ready && e->number == epoch)
        return e->cipher;
    sha256 key = derive(k, "key", epoch);
    must(EVP_CipherInit_ex(e->cipher, EVP_aes_256_gcm(), NULL, key.at, NULL, seal) == 1);
    OPENSSL_cleanse(&key, sizeof(key));
    e->ready = true;
    e->number = epoch;
    return e->cipher;
}

static void nonce_of(const struct packet_keys *k, uint64_t number, uint8_t nonce[12])
{
    memcpy(nonce, k->iv, 12);
    for (int i = 0; i < 8; i++)
        nonce[4 + i] ^= (uint8_t)(number >> (8 * i));
}

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

size_t packet_seal(struct packet_keys *k, uint32_t connection, uint64_t number, uint8_t *datagram,
                   size_t plain_size)
{
    uint8_t nonce[12], *plain = datagram + PACKET_HEAD;
    int size = 0;
    EVP_CIPHER_CTX *c = cipher_of(k, number, true);
    put32(datagram, connection);
    put32(datagram + 4, (uint32_t)number);
    nonce_of(k, number, nonce);
    must(EVP_EncryptInit_ex(c, NULL, NULL, NULL, nonce) == 1 &&
         EVP_EncryptUpdate(c, NULL, &size, datagram, PACKET_HEAD) == 1 &&
         EVP_EncryptUpdate(c, plain, &size, plain, (int)plain_size) == 1 &&
         EVP_EncryptFinal_ex(c, plain + plain_size, &size) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, PACKET_TAG, plain + plain_size) == 1);
    return plain_size + PACKET_OVER;
}

bool packet_connection(const uint8_t *datagram, size_t size, uint32_t *connection)
{
    if (size <= PACKET_OVER)
        return false;
    *connection = get32(datagram);
    return true;
}

// The number with these low bits that is nearest to the one expected next.
static uint64_t whole_number(uint64_t newest, uint32_t low)
{
    uint64_t expected = newest + 1, half = (uint64_t)1 << 31;
    uint64_t number = (expected & ~(uint64_t)UINT32_MAX) | low;
    if (number + half < expected)
        number += half * 2;
    else if (number > expected + half && number >= half * 2)
        number -= half * 2;
    return number;
}

bool packet_open(struct packet_keys *k, uint64_t newest, uint8_t *datagram, size_t size,
                 uint64_t *number, text *plain)
{
    uint8_t nonce[12], *at = datagram + PACKET_HEAD;
    int got = 0;
    if (size <= PACKET_OVER)
        return false;
    size_t plain_size = size - PACKET_OVER;
    *number = whole_number(newest, get32(datagram + 4));
    // A number far ahead would only make keys; nobody sends so many before the other has answered.
    uint64_t epoch = *number >> EPOCH_BITS, now = newest >> EPOCH_BITS;
    if (epoch > now + 1 || epoch + 1 < now)
        return false;
    EVP_CIPHER_CTX *c = cipher_of(k, *number, false);
    nonce_of(k, *number, nonce);
    must(EVP_DecryptInit_ex(c, NULL, NULL, NULL, nonce) == 1 &&
         EVP_DecryptUpdate(c, NULL, &got, datagram, PACKET_HEAD) == 1 &&
         EVP_DecryptUpdate(c, at, &got, at, (int)plain_size) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, PACKET_TAG, at + plain_size) == 1);
    *plain = (text){(const char *)at, plain_size};
    return EVP_DecryptFinal_ex(c, at + plain_size, &got) == 1;
}

// ---- numbers: seven bits a byte, the lowest first; the eighth says that more follow

static size_t value_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 128; value >>= 7)
        size++;
    return size;
}

static size_t value_put(uint8_t *at, uint64_t value)
{
    size_t size = 0;
    for (; value >= 128; value >>= 7)
        at[size++] = (uint8_t)(value | 128);
    at[size++] = (uint8_t)value;
    return size;
}

static bool value_take(text *rest, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < rest->size && i < 9; i++) {
        uint8_t byte = (uint8_t)rest->at[i];
        *value |= (uint64_t)(byte & 127) << (7 * i);
        if (byte < 128) {
            rest->at += i + 1;
            rest->size -= i + 1;
            return true;
        }
    }
    return false;
}

static bool bytes_take(text *rest, size_t size, text *bytes)
{
    if (size > rest->size)
        return false;
    *bytes = (text){rest->at, size};
    rest->at += size;
    rest->size -= size;
    return true;
}

static bool counted_take(text *rest, text *bytes)
{
    uint64_t size;
    return value_take(rest, &size) && size <= PACKET_META_MOST &&
           bytes_take(rest, (size_t)size, bytes);
}

static bool code_take(text *rest, unsigned *code)
{
    text one;
    if (!bytes_take(rest, 1, &one))
        return false;
    *code = (uint8_t)one.at[0];
    return true;
}

// ---- frames

static bool report_read(text *rest, struct report *r)
{
    uint64_t below = 0, came, missing;
    if (!value_take(rest, &r->newest) || !value_take(rest, &r->clock_us) ||
        !value_take(rest, &r->age_us) || !value_take(rest, &r->bytes) ||
        !value_take(rest, &r->credit) || !value_take(rest, &r->twice) ||
        !value_take(rest, &r->train_bytes) || !value_take(rest, &r->train_us) ||
        !value_take(rest, &r->run_count) || r->run_count > rest->size / 2)
        return false;
    r->runs = *rest;
    for (uint64_t i = 0; i < r->run_count; i++) {
        // The newest itself came, so that all runs lie in 0..newest.
        if (!value_take(rest, &came) || !value_take(rest, &missing) || !came ||
            came > r->newest + 1 - below || missing > r->newest + 1 - below - came)
            return false;
        below += came + missing;
    }
    r->runs.size -= rest->size;
    return true;
}

static bool frame_body(text *rest, struct frame *f)
{
    switch (f->kind) {
    case FRAME_PAD:
        *rest = (text){rest->at + rest->size, 0};
        return true;
    case FRAME_PING:
        return true;
    case FRAME_HELLO:
    case FRAME_FLOOR:
        return value_take(rest, &f->number);
    case FRAME_CHALLENGE:
    case FRAME_RESPONSE:
        return bytes_take(rest, PACKET_COOKIE, &f->bytes);
    case FRAME_REPORT:
        return report_read(rest, &f->report);
    case FRAME_OPEN:
        return value_take(rest, &f->item) && value_take(rest, &f->number) && f->item < VALUE_MOST &&
               f->number < VALUE_MOST && counted_take(rest, &f->bytes);
    case FRAME_DONE:
        return value_take(rest, &f->item) && f->item < VALUE_MOST && code_take(rest, &f->code) &&
               counted_take(rest, &f->bytes);
    case FRAME_WISH:
        return code_take(rest, &f->code) && value_take(rest, &f->number);
    case FRAME_CLOSE:
        return code_take(rest, &f->code) && counted_take(rest, &f->bytes);
    case FRAME_DATA:
        return value_take(rest, &f->item) && value_take(rest, &f->number) && f->item < VALUE_MOST &&
               f->number < VALUE_MOST && rest->size && bytes_take(rest, rest->size, &f->bytes);
    case FRAME_KINDS:
        break;
    }
    return false;
}

bool frame_read(text *rest, struct frame *f, bool *bad)
{
    unsigned kind;
    *bad = false;
    *f = (struct frame){0};
    if (!rest->size)
        return false;
    *bad = true;
    if (!code_take(rest, &kind) || kind >= FRAME_KINDS)
        return false;
    f->kind = (enum frame_kind)kind;
    if (!frame_body(rest, f))
        return false;
    *bad = false;
    return true;
}

bool report_run(struct report *r, uint64_t *came, uint64_t *missing)
{
    return r->runs.size && value_take(&r->runs, came) && value_take(&r->runs, missing);
}

size_t frame_size(const struct frame *f)
{
    size_t counted = value_size(f->bytes.size) + f->bytes.size;
    switch (f->kind) {
    case FRAME_HELLO:
    case FRAME_FLOOR:
        return 1 + value_size(f->number);
    case FRAME_CHALLENGE:
    case FRAME_RESPONSE:
        return 1 + PACKET_COOKIE;
    case FRAME_OPEN:
        return 1 + value_size(f->item) + value_size(f->number) + counted;
    case FRAME_DONE:
        return 2 + value_size(f->item) + counted;
    case FRAME_WISH:
        return 2 + value_size(f->number);
    case FRAME_CLOSE:
        return 2 + counted;
    case FRAME_DATA:
        return 1 + value_size(f->item) + value_size(f->number) + f->bytes.size;
    case FRAME_REPORT:
        return 1 + value_size(f->report.newest) + value_size(f->report.clock_us) +
               value_size(f->report.age_us) + value_size(f->report.bytes) +
               value_size(f->report.credit) + value_size(f->report.twice) +
               value_size(f->report.train_bytes) + value_size(f->report.train_us) +
               value_size(f->report.run_count) + f->report.runs.size;
    case FRAME_PAD:
    case FRAME_PING:
    case FRAME_KINDS:
        break;
    }
    return 1;
}

static void write_report(struct frame_room *to, const struct report *r)
{
    const uint64_t values[] = {r->newest, r->clock_us,    r->age_us,   r->bytes,    r->credit,
                               r->twice,  r->train_bytes, r->train_us, r->run_count};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        to->size += value_put(to->at + to->size, values[i]);
    if (r->runs.size)
        memcpy(to->at + to->size, r->runs.at, r->runs.size);
    to->size += r->runs.size;
}

bool frame_write(struct frame_room *to, const struct frame *f)
{
    bool numbered = f->kind == FRAME_OPEN || f->kind == FRAME_DATA || f->kind == FRAME_HELLO ||
                    f->kind == FRAME_FLOOR || f->kind == FRAME_WISH;
    bool counted = f->kind == FRAME_OPEN || f->kind == FRAME_DONE || f->kind == FRAME_CLOSE;
    if (frame_size(f) > to->room - to->size)
        return false;
    to->at[to->size++] = (uint8_t)f->kind;
    if (f->kind == FRAME_REPORT) {
        write_report(to, &f->report);
        return true;
    }
    if (f->kind == FRAME_OPEN || f->kind == FRAME_DONE || f->kind == FRAME_DATA)
        to->size += value_put(to->at + to->size, f->item);
    if (f->kind == FRAME_DONE || f->kind == FRAME_CLOSE || f->kind == FRAME_WISH)
        to->at[to->size++] = (uint8_t)f->code;
    if (numbered)
        to->size += value_put(to->at + to->size, f->number);
    if (counted)
        to->size += value_put(to->at + to->size, f->bytes.size);
    if (f->bytes.size)
        memcpy(to->at + to->size, f->bytes.at, f->bytes.size);
    to->size += f->bytes.size;
    return true;
}

bool run_add(struct run_room *to, uint64_t came, uint64_t missing)
{
    size_t size = value_size(came) + value_size(missing);
    if (size > to->room - to->size)
        return false;
    to->size += value_put(to->at + to->size, came);
    to->size += value_put(to->at + to->size, missing);
    to->count++;
    return true;
}
