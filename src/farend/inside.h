// What the files of this folder share.
#pragma once
#include "farend/farend.h"
#include "wire/outside.h"

enum { PIECE = 1 << 20 }; // bytes that are read at once

struct send { // one try
    const struct farend_wish *w;
    struct arena *a;
    int64_t total, before, now; // bytes of files that are there, and of the one under way
    json_t *proofs;
    const char *place; // in the arena
};

const char *word_of(const json_t *object, const char *name); // "" when it is none
int64_t number_of(const json_t *object, const char *name, int64_t none);
bool moved_to(struct send *s, int64_t now); // false: stop
bool stopped(struct error *err);            // CANCELLED
void proven(struct send *s, const char *name, const char *how);
// Of what comes in pieces: as `download` of outside, compared at the end.
struct comparing {
    struct send *s;
    struct hasher *hash;
    int64_t size;
};
bool compare_piece(void *context, const void *at, size_t size, struct error *err);
bool compare_end(struct comparing *c, const struct farend_file *f, struct error *err);
// "something else lies there"
bool lies_there(const char *what, struct error *err);

bool folder_send(struct send *s, struct error *err);
bool folder_test(const json_t *settings, struct arena *a, const char **answer, struct error *err);
// Copies one file of the package to a path, on from what is there, and reads it back.
bool folder_copy(struct send *s, size_t number, const char *path, struct error *err);
bool s3_send(struct send *s, struct error *err);
bool s3_test(const json_t *settings, const json_t *secrets, struct arena *a, const char **answer,
             struct error *err);
bool s3_forget(const json_t *settings, const json_t *secrets, const char *folder,
               const json_t *files, struct arena *a, struct error *err);
bool sftp_send(struct send *s, struct error *err);
bool sftp_test(const json_t *settings, const json_t *secrets, struct arena *a, const char **answer,
               struct error *err);
bool program_check(const json_t *settings, const json_t *secrets, const char *senders,
                   struct error *err);
bool program_send(struct send *s, struct error *err);
bool program_test(const json_t *settings, const json_t *secrets, const char *senders,
                  struct arena *a, const char **answer, struct error *err);
