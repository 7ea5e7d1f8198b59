/*
 * cmd/sync_house: the house's side of a sync folder: its news, its listings, and changes that only
 * happen when the thing still is what was seen.
 *
 * Paths are relative to the folder of the house that is kept ("root", such as "/Film/Edit").
 */
#pragma once
#include "cmd/client.h"
#include "sync/table.h"

// ---- News, by the house's events, on a thread of its own that comes back when the line breaks

struct sync_events;
struct sync_events_wish {
    const char *url, *token, *fingerprint, *project;
    int64_t after; // the last event that is known; 0: none is
};
struct sync_events *sync_events_open(const struct sync_events_wish *wish);
void sync_events_close(struct sync_events *e); // NULL is fine

enum { SYNC_NEWS_MOST = 300 };
struct sync_news {
    bool live;      // everything up to `number` has been told
    bool all;       // what happened is not known: list everything
    bool root;      // the project may have another name
    bool back;      // the house knows fewer events than it did: it was restored from a backup
    int64_t number; // of the last event
    // What may have changed: assets; folders in which something did; folders that were made, named,
    // moved or deleted, with the one that they lie in now, or lay in ("" the project's top).
    char assets[SYNC_NEWS_MOST][27], folders[SYNC_NEWS_MOST][27];
    struct sync_turned {
        char folder[27], above[27];
    } turned[SYNC_NEWS_MOST];
    int asset_count, folder_count, turned_count;
};
bool sync_events_live(struct sync_events *e);
// What came since the last time.
void sync_events_take(struct sync_events *e, struct sync_news *news);

// ---- Looking

struct sync_root {
    struct client *client;
    const char *path; // as the house spells it
};
// What lies in a folder. Names that never are kept (passing ones) are not among them.
MUST_CHECK bool sync_house_list(const struct sync_root *root, const char *path, struct arena *a,
                                struct sync_there **list, size_t *count, struct error *err);
// The folder that an asset lies in ("" at the project's top); *there false: it is deleted or gone.
MUST_CHECK bool sync_house_place_of(const struct sync_root *root, const char *asset,
                                    char folder[27], bool *there, struct error *err);

// ---- Changing

// Fine when it is there.
MUST_CHECK bool sync_house_folder(const struct sync_root *root, const char *path, struct arena *a,
                                  struct sync_there *made, struct error *err);
// `content` NULL: a folder. CONFLICT when it is another file by now or something is at `to`.
MUST_CHECK bool sync_house_move(const struct sync_root *root, const char *from, const char *to,
                                const sha256 *content, struct arena *a, struct sync_there *moved,
                                struct error *err);
// `content` NULL: a folder, which must be empty. Fine when it is gone.
MUST_CHECK bool sync_house_delete(const struct sync_root *root, const char *path,
                                  const sha256 *content, struct error *err);

struct sync_placing {
    const char *path, *as;
    const sha256 *instead; // NULL: nothing is there
    // the answer
    bool placed;
    struct sync_there node;
    struct error refused;
};
// At most 500.
MUST_CHECK bool sync_house_place(const struct sync_root *root, const char *transfer,
                                 struct sync_placing *list, size_t count, struct arena *a,
                                 struct error *err);
