#include "formats/profile/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source { // a track of the master
    const json_t *fact;
    const struct layout *layout;
    int channels;
    enum channel at[LAYOUT_DISCRETE];
    bool said, taken;
};

struct routing {
    struct source sources[ROUTES_MOST];
    size_t source_count;
    struct routes *to;
};

struct place { // a channel of the master; track < 0: silence
    int track, channel;
};

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static void read_sources(struct routing *r, const json_t *facts)
{
    size_t i;
    const json_t *fact;
    json_array_foreach(json_object_get(facts, "audio"), i, fact)
    {
        int64_t channels = json_integer_value(json_object_get(fact, "channels"));
        if (r->source_count == ROUTES_MOST || channels < 1 || channels > LAYOUT_DISCRETE)
            break;
        struct source *s = &r->sources[r->source_count++];
        s->fact = fact;
        s->channels = (int)channels;
        s->layout = layout_seen(word(fact, "layout"), s->channels, s->at, &s->said);
    }
}

static void say(struct routing *r, const char *what, const char *wanted, const char *seen,
                const char *state, const char *fix)
{
    json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "what", what, "wanted", wanted, "seen", seen,
                            "state", state);
    if (fix)
        json_object_set_new(row, "fix", json_string(fix));
    json_array_append_new(r->to->seen, row);
}

// ---- "from": 1-6, 1.1, 2.3-2.5, silence

static bool read_number(text *t, int *to)
{
    int64_t value = 0;
    size_t size = 0;
    while (size < t->size && size < 4 && t->at[size] >= '0' && t->at[size] <= '9')
        value = value * 10 + (t->at[size++] - '0');
    *to = (int)value;
    t->at += size, t->size -= size;
    return size && value > 0;
}

static bool read_place(text *t, struct place *p)
{
    *p = (struct place){0, -1};
    if (!read_number(t, &p->track))
        return false;
    p->track--;
    if (t->size && *t->at == '.') {
        t->at++, t->size--;
        if (!read_number(t, &p->channel))
            return false;
        p->channel--;
    }
    return true;
}

// channel < 0: all of the track. Gives -1 when it can not be read or is too much.
static int read_from(const char *from, struct place *to, size_t room, char *why, size_t why_room)
{
    text rest = text_of(from);
    size_t count = 0;
    snprintf(why, why_room, "\"%.60s\" can not be read: it is like 1-6, 1.1 or silence", from);
    while (rest.size) {
        text part = text_trim(text_cut(&rest, ','));
        struct place first, last;
        if (text_is(part, "silence")) {
            if (count == room)
                return -1;
            to[count++] = (struct place){-1, 0};
            continue;
        }
        if (!read_place(&part, &first))
            return -1;
        last = first;
        if (part.size && *part.at == '-') {
            part.at++, part.size--;
            if (!read_place(&part, &last))
                return -1;
        }
        bool channels = first.channel >= 0;
        if (part.size || channels != (last.channel >= 0) || (channels && first.track != last.track))
            return -1;
        while (count < room) {
            to[count++] = first;
            if (first.track == last.track && first.channel == last.channel)
                break;
            if (channels ? first.channel >= last.channel : first.track >= last.track)
                return -1;
            first.channel += channels;
            first.track += !channels;
        }
    }
    return (int)count;
}

// Whole tracks become their channels. -1: the master has not got one of them.
static int spread(const struct routing *r, const struct place *from, int count,
                  struct place to[LAYOUT_DISCRETE], char *why, size_t why_room)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        int t = from[i].track;
        if (t >= (int)r->source_count) {
            snprintf(why, why_room, "the master has %zu sound tracks, and no track %d",
                     r->source_count, t + 1);
            return -1;
        }
        if (t >= 0 && from[i].channel >= r->sources[t].channels) {
            snprintf(why, why_room, "track %d of the master has %d channels, and no channel %d",
                     t + 1, r->sources[t].channels, from[i].channel + 1);
            return -1;
        }
        bool all = t >= 0 && from[i].channel < 0;
        int first = all ? 0 : from[i].channel, last = all ? r->sources[t].channels - 1 : first;
        for (int c = first; c <= last; c++) {
            if (found == LAYOUT_DISCRETE)
                return -1;
            to[found++] = (struct place){t, c};
        }
    }
    return found;
}

// ---- one route

static struct route *new_route(struct routing *r, const json_t *row, const struct layout *layout)
{
    if (r->to->count == ROUTES_MOST)
        return NULL;
    struct route *to = &r->to->at[r->to->count++];
    *to = (struct route){.row = row, .layout = layout, .split = CHANNEL_NO};
    to->language = *word(row, "language") && strcmp(word(row, "language"), "*") != 0
                       ? word(row, "language")
                       : NULL;
    to->title = *word(row, "title") ? word(row, "title") : NULL;
    return to;
}

static void straight(struct route_channel *to, enum channel label, struct place from)
{
    *to = (struct route_channel){.label = label, .count = from.track >= 0};
    to->from[0] = (struct route_from){from.track, from.channel, 1, 0};
}

static void of_source(struct route *to, const struct source *s)
{
    const char *language = word(s->fact, "language");
    if (!to->language && *language && strcmp(language, "und") != 0)
        to->language = language;
}

// A layout's channels where they lie, or each as a track of its own.
static bool lay(struct routing *r, const json_t *row, const struct layout *layout,
                const struct place *from, int count, const char *how)
{
    bool split = json_is_true(json_object_get(row, "split"));
    int order[LAYOUT_CHANNELS];
    const char *wanted = *word(row, "order") ? word(row, "order") : "smpte";
    int group = r->to->count ? r->to->at[r->to->count - 1].group + 1 : 0;
    if (layout->count && !layout_order(layout, wanted, order))
        return false;
    for (int i = 0; i < count; i++) {
        int at = layout->count && split ? order[i] : i;
        struct route *to = split || i == 0
                               ? new_route(r, row, split ? layout_named("mono") : layout)
                               : &r->to->at[r->to->count - 1];
        if (!to)
            return false;
        enum channel label = layout->count ? layout->at[at] : CHANNEL_NO;
        straight(&to->at[to->channels++], split ? CHANNEL_M : label, from[at]);
        to->split = split ? label : CHANNEL_NO;
        to->group = group;
        snprintf(to->how, sizeof(to->how), "%s", how);
        if (from[at].track >= 0)
            of_source(to, &r->sources[from[at].track]);
    }
    return true;
}

static bool mix_into(struct route *to, const struct mix_rule *rule, const struct source *s,
                     int track)
{
    bool any = false;
    to->channels = to->layout->count;
    for (int c = 0; c < to->channels; c++) {
        struct route_channel *ch = &to->at[c];
        *ch = (struct route_channel){.label = to->layout->at[c]};
        for (size_t i = 0; i < rule->count; i++)
            for (int k = 0; k < s->channels && ch->count < ROUTE_FROM; k++)
                if (rule->rows[i].to == ch->label && rule->rows[i].from == s->at[k])
                    ch->from[ch->count++] =
                        (struct route_from){track, k, rule->rows[i].gain, rule->rows[i].quarter};
        any = any || ch->count;
    }
    return any;
}

static bool mix(struct routing *r, const json_t *row, const struct mix_rule *rule, int track)
{
    const struct source *s = &r->sources[track];
    int group = r->to->count ? r->to->at[r->to->count - 1].group + 1 : 0;
    struct route *to = new_route(r, row, layout_named(rule->layout));
    if (!to)
        return false;
    to->group = group;
    of_source(to, s);
    snprintf(to->how, sizeof(to->how), "track %d, %s, mixed down as %s", track + 1,
             s->layout ? s->layout->title : "channels without a name", rule->title);
    if (mix_into(to, rule, s, track))
        return true;
    r->to->count--;
    return false;
}

// ---- a row of audio.tracks

struct asked {
    const json_t *row;
    const struct layout *layout;
    const struct mix_rule *rule;
    bool guessed; // the file does not say what its mono tracks are
    char what[64], wanted[96], seen[200], fix[200];
};

static void labels_text(const struct layout *l, int from, char *to, size_t room)
{
    size_t used = 0;
    to[0] = 0;
    for (int i = from; i < l->count; i++) {
        int got = snprintf(to + used, room - used, "%s%s", i > from ? " " : "",
                           channel_row(l->at[i])->label);
        used += got > 0 && (size_t)got < room - used ? (size_t)got : 0;
    }
}

static bool by_from(struct routing *r, struct asked *a)
{
    struct place named[LAYOUT_DISCRETE], at[LAYOUT_DISCRETE], sorted[LAYOUT_DISCRETE];
    int order[LAYOUT_CHANNELS], wanted = a->layout->count;
    int count = read_from(word(a->row, "from"), named, LAYOUT_DISCRETE, a->seen, sizeof(a->seen));
    if (count > 0 && a->rule && count == 1 && named[0].track >= 0 &&
        named[0].track < (int)r->source_count)
        return mix(r, a->row, a->rule, named[0].track);
    count = count > 0 ? spread(r, named, count, at, a->seen, sizeof(a->seen)) : -1;
    snprintf(a->fix, sizeof(a->fix),
             "name channels that the master has (posthouse probe shows them)");
    if (count < 0)
        return false;
    if (wanted && count != wanted) {
        char missing[80];
        labels_text(a->layout, count < wanted ? count : wanted, missing, sizeof(missing));
        if (count < wanted)
            snprintf(a->seen, sizeof(a->seen), "%d channels: %s missing", count, missing);
        else
            snprintf(a->seen, sizeof(a->seen), "%d channels: %d too many", count, count - wanted);
        snprintf(a->fix, sizeof(a->fix),
                 "name a channel for each, say silence for one that is to be silent, or choose "
                 "another layout");
        return false;
    }
    const char *from_order = word(a->row, "from_order");
    bool laid = wanted && *from_order && layout_order(a->layout, from_order, order);
    // Whole tracks that say what their channels are need no order.
    bool whole = wanted && !*from_order && named[0].track >= 0 && named[0].channel < 0 &&
                 r->sources[named[0].track].layout == a->layout;
    for (int i = 0; i < count; i++) {
        int to = i;
        for (int k = 0; whole && k < wanted; k++)
            if (a->layout->at[k] == r->sources[named[0].track].at[i])
                to = k;
        sorted[laid ? order[i] : to] = at[i];
    }
    char how[160];
    snprintf(how, sizeof(how), "channels %.60s of the master", word(a->row, "from"));
    return lay(r, a->row, a->layout, sorted, count, how);
}

static bool speaks(const struct source *s, const json_t *row)
{
    const char *wanted = word(row, "language"), *seen = word(s->fact, "language");
    return !*wanted || strcmp(wanted, "*") == 0 || !*seen || strcmp(seen, "und") == 0 ||
           strcmp(wanted, seen) == 0;
}

// "stereo" takes no Lt/Rt by itself, nor the other way round, unless the file does not say.
static bool by_layout(struct routing *r, struct asked *a)
{
    struct place at[LAYOUT_DISCRETE] = {{0, 0}};
    for (size_t i = 0; i < r->source_count; i++) {
        struct source *s = &r->sources[i];
        char how[160];
        bool exact = s->layout == a->layout,
             same = exact || !a->layout->count ||
                    (strcmp(a->layout->name, "lt-rt") == 0 && s->layout && s->channels == 2);
        if (s->taken || !same || !speaks(s, a->row))
            continue;
        for (int k = 0; k < s->channels; k++) {
            at[k] = (struct place){(int)i, k};
            for (int c = 0; c < s->channels && exact; c++)
                if (a->layout->at[k] == s->at[c])
                    at[k].channel = c;
        }
        s->taken = true;
        snprintf(how, sizeof(how), "track %zu, %s%s", i + 1, a->layout->title,
                 s->said ? "" : " (the file does not say so)");
        return lay(r, a->row, a->layout, at, s->channels, how);
    }
    return false;
}

static bool by_monos(struct routing *r, struct asked *a)
{
    struct place at[LAYOUT_CHANNELS];
    const char *from_order = *word(a->row, "from_order") ? word(a->row, "from_order") : "smpte";
    int order[LAYOUT_CHANNELS], wanted = a->layout->count;
    if (wanted < 2 || !layout_order(a->layout, from_order, order))
        return false;
    for (size_t first = 0; first + (size_t)wanted <= r->source_count; first++) {
        int good = 0, labelled = 0;
        uint32_t found = 0;
        char how[160];
        for (int i = 0; i < wanted; i++) {
            const struct source *s = &r->sources[first + (size_t)i];
            good += !s->taken && s->channels == 1 && speaks(s, a->row);
            int to = order[i];
            // A mono track that says that it is the left one is that, wherever it lies.
            for (int k = 0; k < wanted; k++)
                if (s->at[0] != CHANNEL_M && s->at[0] == a->layout->at[k])
                    to = k, labelled++;
            at[to] = (struct place){(int)first + i, 0};
            found |= 1u << to;
        }
        a->guessed = !labelled && !*word(a->row, "from_order");
        if (good < wanted || found != (1u << wanted) - 1)
            continue;
        for (int i = 0; i < wanted; i++)
            r->sources[first + (size_t)i].taken = true;
        char labels[80];
        labels_text(a->layout, 0, labels, sizeof(labels));
        snprintf(how, sizeof(how), "tracks %zu to %zu, mono, as %s%s", first + 1,
                 first + (size_t)wanted, labels,
                 *word(a->row, "from_order") ? ", laid otherwise" : "");
        return lay(r, a->row, a->layout, at, wanted, how);
    }
    return false;
}

static bool by_mix(struct routing *r, struct asked *a)
{
    for (size_t i = 0; a->rule && i < r->source_count; i++)
        if (r->sources[i].channels > a->layout->count && r->sources[i].layout &&
            speaks(&r->sources[i], a->row) && mix(r, a->row, a->rule, (int)i))
            return true;
    return false;
}

static void route_row(struct routing *r, size_t number, const json_t *row)
{
    struct asked a = {.row = row,
                      .layout = layout_named(word(row, "layout")),
                      .rule = mix_rule(word(row, "downmix"))};
    const json_t *needed = json_object_get(row, "needed");
    size_t first = r->to->count;
    if (!a.layout)
        return;
    const char *role = strcmp(word(row, "role"), "main") != 0 ? word(row, "role") : "";
    snprintf(a.what, sizeof(a.what), "sound %zu: %s%s%.30s", number + 1, a.layout->title,
             *role ? ", " : "", role);
    labels_text(a.layout, 0, a.wanted, sizeof(a.wanted));
    snprintf(a.seen, sizeof(a.seen), "none");
    snprintf(a.fix, sizeof(a.fix),
             "lay the mix on a track of its own, or say which channels it is (map)%s",
             a.rule ? "" : ", or allow it to be mixed down");
    bool found =
        *word(row, "from") ? by_from(r, &a) : by_layout(r, &a) || by_monos(r, &a) || by_mix(r, &a);
    if (!found && needed && !json_is_true(needed))
        return;
    if (!found) {
        r->to->whole = false;
        say(r, a.what, a.wanted, a.seen, "no", a.fix);
        return;
    }
    const struct route *one = &r->to->at[first];
    bool unsaid = *word(row, "language") && !one->language, guessed = a.guessed;
    char seen[200];
    snprintf(seen, sizeof(seen), "%s%s%.20s", one->how, one->language ? ", " : "",
             one->language ? one->language : "");
    say(r, a.what, a.wanted, seen, unsaid || guessed ? "unknown" : "ok",
        guessed ? "the file does not say what its mono tracks are: look, and say it (map) if it is "
                  "otherwise"
        : unsaid ? "say in which language the track is"
                 : NULL);
}

// ---- without audio.tracks

static void route_source(struct routing *r, int number, int64_t channels)
{
    const struct source *s = &r->sources[number];
    const struct mix_rule *rule = channels == 1 ? mix_rule("mono") : mix_rule("lo-ro");
    if (channels && (channels == 1 || channels == 2) && channels != s->channels && s->layout &&
        mix(r, NULL, rule, number))
        return;
    int group = r->to->count ? r->to->at[r->to->count - 1].group + 1 : 0;
    struct route *to = new_route(r, NULL, s->layout);
    if (!to)
        return;
    to->group = group;
    of_source(to, s);
    snprintf(to->how, sizeof(to->how), "track %d", number + 1);
    to->channels = channels && channels < s->channels ? (int)channels : s->channels;
    for (int c = 0; c < to->channels; c++)
        straight(&to->at[c], s->at[c], (struct place){number, c});
    // Lo/Ro is made of what is not more than two as well: two channels without a layout.
    if (to->channels != s->channels)
        to->layout = NULL;
}

struct routes *routes_make(const json_t *profile, const json_t *facts)
{
    struct routing *r = calloc(1, sizeof(*r));
    struct routes *to = calloc(1, sizeof(*to));
    const json_t *audio = json_object_get(profile, "audio"), *row,
                 *tracks = json_object_get(audio, "tracks");
    size_t i;
    if (!r || !to || !(to->at = calloc(ROUTES_MOST, sizeof(*to->at))))
        abort();
    r->to = to;
    to->seen = json_array();
    to->whole = true;
    read_sources(r, facts);
    json_array_foreach(tracks, i, row) route_row(r, i, row);
    size_t only = (size_t)json_integer_value(json_object_get(audio, "source")),
           most = (size_t)json_integer_value(json_object_get(audio, "streams"));
    for (i = 0; audio && !tracks && i < r->source_count; i++)
        if (only ? i + 1 == only : !most || i < most)
            route_source(r, (int)i, json_integer_value(json_object_get(audio, "channels")));
    free(r);
    return to;
}

void routes_close(struct routes *r)
{
    if (!r)
        return;
    json_decref(r->seen);
    free(r->at);
    free(r);
}

short_text route_name(const struct route *r)
{
    short_text t;
    const char *layout = word(r->row, "layout");
    if (r->split != CHANNEL_NO)
        snprintf(t.text, sizeof(t.text), "%.12s %s", layout, channel_row(r->split)->label);
    else if (r->layout)
        snprintf(t.text, sizeof(t.text), "%s", r->layout->title);
    else
        snprintf(t.text, sizeof(t.text), "%d channels", r->channels);
    return t;
}

bool routes_row_check(const json_t *row, const char **field, const char **why)
{
    const struct layout *l = layout_named(word(row, "layout"));
    const struct mix_rule *rule = mix_rule(word(row, "downmix"));
    struct place ignored[LAYOUT_DISCRETE];
    char said[160];
    *field = "order";
    *why = "is of tracks of one channel each: it needs \"split\": true";
    if (json_object_get(row, "order") && !json_is_true(json_object_get(row, "split")))
        return false;
    *field = "downmix";
    *why = "makes another layout than the track has";
    if (rule && l && strcmp(rule->layout, l->name) != 0)
        return false;
    *field = "from";
    *why = "can not be read: it is like 1-6, 1.1 or silence";
    return !*word(row, "from") ||
           read_from(word(row, "from"), ignored, LAYOUT_DISCRETE, said, sizeof(said)) > 0;
}

// ---- map

static bool unreadable(struct error *err, text item, const char *why)
{
    error_set(err, ERROR_INPUT, "the map's \"%.*s\" can not be read",
              (int)(item.size < 60 ? item.size : 60), item.at);
    error_why(err, "%s", why);
    return error_fix(err, "it is like 5.1=1-6 stereo:eng=7,8 stereo=1@lo-ro");
}

static void put(json_t *to, const char *name, text value)
{
    if (value.size)
        json_object_set_new(to, name, json_stringn(value.at, value.size));
}

// LAYOUT[*][/ORDER][:LANGUAGE[:ROLE]]=FROM[/ORDER][@RULE]
static bool parse_item(text item, json_t *tracks, struct error *err)
{
    struct place ignored[LAYOUT_DISCRETE];
    char name[24], rule[24], from[200], why[160];
    text rest = item, left = text_cut(&rest, '=');
    text head = text_cut(&left, ':'), language = text_cut(&left, ':'), role = left;
    text layout = text_cut(&head, '/'), order = head;
    bool split = text_ends(layout, "*");
    layout.size -= split;
    text named = text_cut(&rest, '@'), mixed = rest;
    text places = text_cut(&named, '/'), from_order = named;
    int ignored_order[LAYOUT_CHANNELS];
    if (!text_copy(layout, name, sizeof(name)) || !layout_named(name))
        return unreadable(err, item, "it does not begin with the name of a layout");
    const struct layout *l = layout_named(name);
    if (!text_copy(places, from, sizeof(from)) ||
        read_from(from, ignored, LAYOUT_DISCRETE, why, sizeof(why)) < 1)
        return unreadable(err, item,
                          "behind = are the channels of the master: 1-6, 1.1 or silence");
    char orders[2][24];
    if (!text_copy(order, orders[0], 24) || !text_copy(from_order, orders[1], 24) ||
        (order.size && !layout_order(l, orders[0], ignored_order)) ||
        (from_order.size && !layout_order(l, orders[1], ignored_order)))
        return unreadable(err, item, "an order is smpte, itu, film, dts or mpeg");
    if (order.size && !split)
        return unreadable(err, item, "an order is of tracks of one channel each: add a *");
    if (mixed.size && (!text_copy(mixed, rule, sizeof(rule)) || !mix_rule(rule) ||
                       strcmp(mix_rule(rule)->layout, name) != 0))
        return unreadable(err, item, "behind @ is a rule that makes this layout");
    json_t *row = json_object();
    put(row, "layout", layout);
    put(row, "order", order);
    put(row, "language", language);
    put(row, "role", role);
    put(row, "from", places);
    put(row, "from_order", from_order);
    put(row, "downmix", mixed);
    if (split)
        json_object_set_new(row, "split", json_true());
    json_array_append_new(tracks, row);
    return true;
}

bool routes_parse(const char *map, json_t **tracks, struct error *err)
{
    text rest = text_trim(text_of(map));
    json_t *list = json_array();
    bool done = true;
    while (done && rest.size) {
        text item = text_trim(text_cut(&rest, ' '));
        done = !item.size || parse_item(item, list, err);
        rest = text_trim(rest);
    }
    if (done && !json_array_size(list))
        done = unreadable(err, rest, "it is empty");
    if (done)
        *tracks = list;
    else
        json_decref(list);
    return done;
}
