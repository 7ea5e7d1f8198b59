/*
 * formats/profile/routes: which channels of a master become which channels of a deliverable.
 *
 * A profile's audio.tracks lists the tracks of the deliverable; a request may bring a list of its
 * own ("map"). Each takes its channels from where it says, or else from the first track of the
 * master that has its layout, or else from as many mono tracks in a row, or else, when it names a
 * rule, by mixing down. What can not be found is missing and said: silence is never put in unasked.
 * Without audio.tracks each track of the master becomes one.
 */
#pragma once
#include "base/error.h"
#include "formats/layouts/layouts.h"

#include <jansson.h>

#define ROUTES_MOST 64
#define ROUTE_FROM 16

struct route_from {
    int track, channel; // of the master, from 0
    double gain;
    int quarter; // turned by that many times 90 degrees
};
struct route_channel {
    enum channel label;
    size_t count; // 0: silence that was asked for
    struct route_from from[ROUTE_FROM];
};
struct route {                   // a track of the deliverable
    const struct layout *layout; // NULL: channels of a layout that has no name
    int channels;
    struct route_channel at[LAYOUT_DISCRETE];
    int group;            // routes of one row of audio.tracks: what is split is measured together
    enum channel split;   // the label of the only channel of a split one; CHANNEL_NO: it is not
    const json_t *row;    // of audio.tracks; NULL: none. Of the profile
    const char *language; // of the row, else of the master's track; NULL: unknown. Borrowed
    const char *title;    // the same
    char how[160];        // "tracks 1 to 6", "track 1 mixed down (Lo/Ro)"
};
struct routes {
    size_t count;
    struct route *at;
    json_t *seen; // rows for profile_fit: {"what", "wanted", "seen", "state", "fix"}
    bool whole;   // nothing is missing that is needed
};
// `profile` and `facts` are borrowed and must outlive it.
struct routes *routes_make(const json_t *profile, const json_t *facts);
void routes_close(struct routes *r);
// "Ls", "5.1", "5.1 Ls": of a track.
short_text route_name(const struct route *r);

// Whether a row of audio.tracks says what can be; else which field of it does not, and why.
bool routes_row_check(const json_t *row, const char **field, const char **why);

// "5.1=1-6 stereo:eng=7,8 mono=1@mono" as audio.tracks; docs/formats/profile.md says how. A new
// reference.
MUST_CHECK bool routes_parse(const char *map, json_t **tracks, struct error *err);
