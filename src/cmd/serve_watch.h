/*
 * cmd/serve_watch: the folders that the house itself watches, a `posthouse watch` each, our
 * children. They are started, ended and started again as their rows say (house/transfer/watched.h).
 */
#pragma once
#include "cmd/local.h"
#include "house/places/places.h"

struct serve_watch;
// Texts are the caller's and stay. All from one thread: children die with it.
struct serve_watch *serve_watch_open(struct db *db, const char *house_folder,
                                     const char *data_folder, const struct local_ready *ready,
                                     struct places *places);
void serve_watch_look(struct serve_watch *s);  // often; it looks every second
void serve_watch_close(struct serve_watch *s); // NULL is fine
