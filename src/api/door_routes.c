/*
 * Log-ins that a door of the house took (SFTP): only the house's own programs may ask, with the
 * address that the person came from. A password is looked at as the page's log-in does, a token is
 * taken as it is, a key was proven by the door. What is given back is a token of that person, for a
 * day at most; the door ends it when the person leaves.
 */
#include "api/inside.h"
#include "house/people/people.h"

#include <string.h>

static bool wrong(struct error *err)
{
    error_set(err, ERROR_LOGIN, "this log-in does not work");
    error_why(err, "name, password or key is wrong");
    return error_fix(err, "use your e-mail as the name, and your password, a token or a key that "
                          "was given to the house: posthouse user key EMAIL --add FILE.pub");
}

static bool factor_first(struct error *err)
{
    error_set(err, ERROR_LOGIN, "the house wants a second factor of you");
    return error_fix(err, "log in on the page and set one up, then use a key or a token");
}

static bool give_token(struct call *c, const char *person, const char *address, struct error *err)
{
    char id[27], secret[44];
    const char *name = arena_format(c->arena, "%s from %s", body_text(c, "door"), address);
    if (!token_make(c->api->people, person, name, "all", 1, false, address, id, secret, err))
        return false;
    call_json(c, json_pack("{s:s, s:s}", "secret", secret, "token", id));
    return true;
}

static bool by_password(struct call *c, const char *user, const char *password, const char *address,
                        struct error *err)
{
    struct session_made made;
    struct who who;
    struct entry from = {.address = address, .device = body_text(c, "door")};
    if (strlen(password) == 43) { // it may be a token
        if (!people_who(c->api->people, password, false, c->arena, &who, err))
            return false;
        if (who.kind == WHO_PERSON && who.scope != SCOPE_WORKER) {
            call_json(c, json_pack("{s:s}", "secret", password));
            return true;
        }
    }
    if (!people_login(c->api->people, user, password, &from, &made, err))
        return err->kind == ERROR_FACTOR
                   ? error_fix(err, "there is no place for a code here: use a key or a token")
                   : false;
    if (!people_who(c->api->people, made.secret, true, c->arena, &who, err))
        return false;
    bool ok = who.factor_owed ? factor_first(err) : give_token(c, made.person, address, err);
    struct error none;
    (void)!people_logout(c->api->people, &who, &none);
    return ok;
}

static bool enter_post(struct call *c, struct error *err)
{
    const char *user = body_text(c, "user"), *password = body_text(c, "password"),
               *key = body_text(c, "key"), *address = body_text(c, "address"), *person;
    bool entering = body_bool(c, "enter", true);
    char house[27];
    // Not even an administrator says that somebody has proven a key.
    if (!people_house(c->api->people, house, err))
        return false;
    if (!c->who.person || strcmp(c->who.person, house) != 0)
        return call_denied(c, NEED_ADMIN, err);
    if (password)
        return by_password(c, user, password, address, err);
    if (!people_key_person(c->api->people, user, key ? key : "", address, entering, c->arena,
                           &person, err))
        return false;
    if (!person)
        return wrong(err);
    if (entering)
        return give_token(c, person, address, err);
    call_json(c, json_pack("{s:s}", "secret", ""));
    return true;
}

const struct route door_routes[] = {
    {"POST", "/doors/enter", NEED_ADMIN, enter_post, "DoorEntry", "DoorEntered", 0,
     "for the house's own doors: somebody came with a password, a token or a proven key", NULL},
};
const size_t door_route_count = sizeof(door_routes) / sizeof(door_routes[0]);
