#include "test.h"

#include "formats/naming/naming.h"

static const char *made(const char *naming, const char *values, const char *extension)
{
    static char name[256];
    struct error err;
    char why[200];
    json_t *n = json_loads(naming, 0, NULL), *v = json_loads(values, 0, NULL);
    assert_non_null(n);
    assert_non_null(v);
    if (!naming_check(n, why))
        snprintf(name, sizeof(name), "pattern: %s", why);
    else if (!naming_make(n, v, extension, name, &err))
        snprintf(name, sizeof(name), "refused: %s", err.what);
    json_decref(n);
    json_decref(v);
    return name;
}
#define NAMED(wanted, naming, values) assert_string_equal(made(naming, values, ".mov"), wanted)

static void fields_are_filled_in_and_numbers_padded(void **state)
{
    (void)state;
    NAMED("Dune_S02E007.mov", "{\"pattern\":\"{title}_S{season:2}E{episode:3}\"}",
          "{\"title\":\"Dune\",\"season\":\"2\",\"episode\":\"7\"}");
    NAMED("A b.mov", "{\"pattern\":\"{title}\"}", "{\"title\":\"A b\"}");
}

static void a_group_goes_when_one_of_its_fields_has_no_value(void **state)
{
    (void)state;
    static const char naming[] = "{\"pattern\":\"{title}[_E{episode}]_{rate}\"}";
    NAMED("Dune_25.mov", naming, "{\"title\":\"Dune\",\"rate\":\"25\"}");
    NAMED("Dune_E7_25.mov", naming, "{\"title\":\"Dune\",\"rate\":\"25\",\"episode\":\"7\"}");
    NAMED("refused: the name lacks title, rate", naming, "{\"episode\":\"7\"}");
}

static void characters_that_an_outlet_does_not_take_are_replaced_once_in_a_row(void **state)
{
    (void)state;
    static const char naming[] =
        "{\"pattern\":\"{title}\",\"characters\":\"A-Za-z0-9_-\",\"case\":\"upper\"}";
    NAMED("ELAN_VITAL_STRASSE.mov", naming, "{\"title\":\"Élan & vital Straße\"}");
    NAMED("AEON_OEUVRE_ZIZKOV.mov", naming, "{\"title\":\"Æon œuvre Žižkov\"}");
    NAMED("_.mov", naming, "{\"title\":\"日本\"}");
    NAMED("A_B_C.mov", naming, "{\"title\":\"a/b\\\\c\"}");
}

static void a_slash_never_comes_into_a_name(void **state)
{
    (void)state;
    NAMED("_etc_passwd.mov", "{\"pattern\":\"{title}\"}", "{\"title\":\"/etc/passwd\"}");
    NAMED("refused: nothing of the name is left", "{\"pattern\":\"{title}\"}",
          "{\"title\":\"..\"}");
}

static void what_is_too_long_is_refused_with_by_how_much(void **state)
{
    (void)state;
    NAMED("refused: the name is 4 characters too long", "{\"pattern\":\"{title}\",\"length\":10}",
          "{\"title\":\"0123456789\"}");
    NAMED("012345.mov", "{\"pattern\":\"{title}\",\"length\":10}", "{\"title\":\"012345\"}");
}

static void a_mistake_in_a_pattern_is_said(void **state)
{
    (void)state;
    NAMED("pattern: asks for {titel}, which is no field", "{\"pattern\":\"{titel}\"}", "{}");
    NAMED("pattern: has a { without its }: title", "{\"pattern\":\"{title\"}", "{}");
    NAMED("pattern: has a [ that does not pair", "{\"pattern\":\"[{title}\"}", "{}");
    NAMED("pattern: has a ] that does not pair", "{\"pattern\":\"{title}]\"}", "{}");
    NAMED("pattern: has a number of digits that can not be: {season:x}",
          "{\"pattern\":\"{season:x}\"}", "{}");
    NAMED("pattern: holds a character that \"characters\" does not allow: .",
          "{\"pattern\":\"{title}.v1\",\"characters\":\"a-z\"}", "{}");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_filled_in_and_numbers_padded),
        cmocka_unit_test(a_group_goes_when_one_of_its_fields_has_no_value),
        cmocka_unit_test(characters_that_an_outlet_does_not_take_are_replaced_once_in_a_row),
        cmocka_unit_test(a_slash_never_comes_into_a_name),
        cmocka_unit_test(what_is_too_long_is_refused_with_by_how_much),
        cmocka_unit_test(a_mistake_in_a_pattern_is_said),
    };
    return RUN_TESTS(tests);
}
