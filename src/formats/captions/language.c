// Apart from the rest of captions: profiles look at languages too, and they read no caption file.
#include "formats/captions/embed.h"

#include <string.h>

const char *caption_language_code(text tag)
{
    static const char known[][6] = {
        "afafr", "amamh", "arara", "azaze", "bebel", "bgbul", "bnben", "bsbos", "cacat", "csces",
        "cycym", "dadan", "dedeu", "elell", "eneng", "eoepo", "esspa", "etest", "eueus", "fafas",
        "fifin", "frfra", "gagle", "gdgla", "glglg", "guguj", "hahau", "heheb", "hihin", "hrhrv",
        "huhun", "hyhye", "idind", "igibo", "isisl", "itita", "jajpn", "jvjav", "kakat", "kkkaz",
        "kmkhm", "knkan", "kokor", "kykir", "lalat", "lbltz", "lolao", "ltlit", "lvlav", "mimri",
        "mkmkd", "mlmal", "mnmon", "mrmar", "msmsa", "mtmlt", "mymya", "nbnob", "nenep", "nlnld",
        "nnnno", "nonor", "orori", "papan", "plpol", "pspus", "ptpor", "roron", "rurus", "sisin",
        "skslk", "slslv", "sosom", "sqsqi", "srsrp", "svswe", "swswa", "tatam", "tetel", "tgtgk",
        "ththa", "tktuk", "tltgl", "trtur", "ukukr", "ururd", "uzuzb", "vivie", "xhxho", "yiyid",
        "yoyor", "zhzho", "zuzul"};
    text first = text_cut(&tag, '-');
    for (size_t i = 0; first.size == 2 && i < sizeof(known) / sizeof(known[0]); i++)
        if (memcmp(known[i], first.at, 2) == 0)
            return known[i] + 2;
    for (size_t i = 0; first.size == 3 && i < sizeof(known) / sizeof(known[0]); i++)
        if (memcmp(known[i] + 2, first.at, 3) == 0)
            return known[i] + 2;
    return "und";
}

bool caption_pattern_ok(const char *pattern)
{
    bool name = false;
    for (const char *c = pattern; *c; c++) {
        const char *end = *c == '{' ? strchr(c, '}') : NULL;
        if (*c == '/' || *c == '\\' || (unsigned char)*c < ' ' || *c == '}' || (*c == '{' && !end))
            return false;
        if (!end)
            continue;
        size_t size = (size_t)(end - c) + 1;
        bool known = false;
        static const char *const fields[] = {"{name}", "{language}", "{role}"};
        for (size_t i = 0; i < 3; i++)
            known = known || (strlen(fields[i]) == size && strncmp(c, fields[i], size) == 0);
        if (!known)
            return false;
        name = name || size == strlen("{name}");
        c = end;
    }
    return name && *pattern != '.';
}
