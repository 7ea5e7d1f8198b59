// Languages: ISO 639-1 beside ISO 639-2 (the Library of Congress's list; T and, where it differs,
// B codes), since QuickTime and Matroska write three letters and everybody else BCP 47.
#include "formats/metadata/metadata.h"

#include <ctype.h>
#include <string.h>

// "aa aar", a slash before a second three-letter code.
static const char pairs[] = "aa aar ab abk ae ave af afr ak aka am amh an arg ar ara as asm av ava "
                            "ay aym az aze ba bak be bel "
                            "bg bul bi bis bm bam bn ben bo bod/tib br bre bs bos ca cat ce che ch "
                            "cha co cos cr cre cs ces/cze "
                            "cu chu cv chv cy cym/wel da dan de deu/ger dv div dz dzo ee ewe el "
                            "ell/gre en eng eo epo es spa et est "
                            "eu eus/baq fa fas/per ff ful fi fin fj fij fo fao fr fra/fre fy fry "
                            "ga gle gd gla gl glg gn grn gu guj "
                            "gv glv ha hau he heb hi hin ho hmo hr hrv ht hat hu hun hy hye/arm hz "
                            "her ia ina id ind ie ile ig ibo "
                            "ii iii ik ipk io ido is isl/ice it ita iu iku ja jpn jv jav ka "
                            "kat/geo kg kon ki kik kj kua kk kaz kl kal "
                            "km khm kn kan ko kor kr kau ks kas ku kur kv kom kw cor ky kir la lat "
                            "lb ltz lg lug li lim ln lin lo lao "
                            "lt lit lu lub lv lav mg mlg mh mah mi mri/mao mk mkd/mac ml mal mn "
                            "mon mr mar ms msa/may mt mlt my mya/bur "
                            "na nau nb nob nd nde ne nep ng ndo nl nld/dut nn nno no nor nr nbl nv "
                            "nav ny nya oc oci oj oji om orm "
                            "or ori os oss pa pan pi pli pl pol ps pus pt por qu que rm roh rn run "
                            "ro ron/rum ru rus rw kin sa san "
                            "sc srd sd snd se sme sg sag si sin sk slk/slo sl slv sm smo sn sna so "
                            "som sq sqi/alb sr srp ss ssw st sot "
                            "su sun sv swe sw swa ta tam te tel tg tgk th tha ti tir tk tuk tl tgl "
                            "tn tsn to ton tr tur ts tso tt tat "
                            "tw twi ty tah ug uig uk ukr ur urd uz uzb ve ven vi vie vo vol wa wln "
                            "wo wol xh xho yi yid yo yor za zha "
                            "zh zho/chi zu zul ";

// The two letters of three; NULL: only three are known.
static const char *two_of(const char *three)
{
    for (const char *p = pairs; *p; p = strchr(p, ' ') + 1) {
        const char *codes = p + 3, *end = strchr(codes, ' ');
        if (strncmp(codes, three, 3) == 0 || (end - codes == 7 && !strncmp(codes + 4, three, 3)))
            return p;
        p = codes;
    }
    return NULL;
}

static bool letters(text t)
{
    for (size_t i = 0; i < t.size; i++)
        if (!isalpha((unsigned char)t.at[i]))
            return false;
    return t.size > 0;
}

static bool alphanumeric(text t)
{
    for (size_t i = 0; i < t.size; i++)
        if (!isalnum((unsigned char)t.at[i]))
            return false;
    return t.size > 0 && t.size <= 8;
}

// RFC 5646 2.1.1: regions in capitals, scripts as titles, all else small.
static void put_case(char *at, size_t size, bool first, bool extended)
{
    for (size_t i = 0; i < size; i++) {
        bool high = !first && !extended && ((size == 2) || (size == 4 && i == 0));
        at[i] = (char)(high ? toupper((unsigned char)at[i]) : tolower((unsigned char)at[i]));
    }
}

bool metadata_language(text from, char to[64])
{
    size_t used = 0;
    bool extended = false;
    from = text_trim(from);
    if (!from.size || from.size > 40)
        return false;
    for (bool first = true; from.size; first = false) {
        size_t size = 0;
        while (size < from.size && from.at[size] != '-' && from.at[size] != '_')
            size++;
        text part = {from.at, size};
        from.at += size < from.size ? size + 1 : size,
            from.size -= size < from.size ? size + 1 : size;
        if (first ? !letters(part) || part.size < 2 || part.size > 3 : !alphanumeric(part))
            return false;
        if (!first)
            to[used++] = '-';
        memcpy(to + used, part.at, part.size);
        put_case(to + used, part.size, first, extended);
        extended = extended || part.size == 1;
        used += part.size;
        to[used] = 0;
        if (first && (!strcmp(to, "und") || !strcmp(to, "zxx") || !strcmp(to, "mis")))
            return false;
        const char *two = first && part.size == 3 ? two_of(to) : NULL;
        if (two)
            memcpy(to, two, 2), used = 2, to[2] = 0;
    }
    return true;
}

const char *metadata_language3(const char *bcp47)
{
    static const char none[] = "und";
    size_t size = strcspn(bcp47, "-");
    const char *p = pairs;
    if (size == 3)
        return bcp47; // its first three letters
    while (size == 2 && *p) {
        if (strncmp(p, bcp47, 2) == 0)
            return p + 3;
        p = strchr(p + 3, ' ') + 1;
    }
    return none;
}
