/*
 * The whole of it is a table of nine: here (gone, same, other) by there. A change wins over a
 * deletion; two changes that are not alike are a conflict; what was never equal on both sides can
 * not have been deleted on one.
 */
#include "sync/decide.h"

enum sync_do sync_decide(const struct sync_case *c)
{
    static const enum sync_do table[3][3] = {
        // there:      gone               same                other
        [SYNC_GONE] = {SYNC_FORGET, SYNC_DELETE_THERE, SYNC_FETCH},
        [SYNC_SAME] = {SYNC_DELETE_HERE, SYNC_NOTHING, SYNC_FETCH},
        [SYNC_OTHER] = {SYNC_SEND, SYNC_SEND, SYNC_COMPARE},
    };
    if (!c->known && (c->here == SYNC_SAME || c->there == SYNC_SAME))
        return SYNC_WRONG;
    enum sync_do what = table[c->here][c->there];
    if (what != SYNC_COMPARE)
        return what;
    return c->alike == SYNC_ALIKE    ? SYNC_ADOPT
           : c->alike == SYNC_UNLIKE ? SYNC_CONFLICT
                                     : SYNC_COMPARE;
}

const char *sync_do_text(enum sync_do what)
{
    static const char *const words[] = {
        [SYNC_NOTHING] = "same",        [SYNC_FORGET] = "gone",        [SYNC_COMPARE] = "compare",
        [SYNC_ADOPT] = "equal",         [SYNC_SEND] = "send",          [SYNC_FETCH] = "fetch",
        [SYNC_DELETE_THERE] = "delete", [SYNC_DELETE_HERE] = "remove", [SYNC_CONFLICT] = "conflict",
        [SYNC_WRONG] = "wrong",
    };
    return words[what];
}

bool sync_deletes_many(long long deletes, long long known)
{
    return deletes > 1000 || (deletes > 20 && deletes * 4 > known);
}
