#include "formats/opened/opened.h"
#include "test.h"

static char room[8192];

static enum opened look_at(const void *head, size_t size)
{
    memset(room, 0, sizeof(room));
    memcpy(room, head, size);
    return opened_look((text){room, sizeof(room)});
}

static void mxf_and_transport_streams_can_be_read_before_their_end(void **state)
{
    (void)state;
    static const char partition[] = "run-in\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01";
    char stream[1000] = "", bdav[1000] = "";
    for (int i = 0; i < 4; i++)
        stream[i * 188] = bdav[4 + i * 192] = 0x47;
    assert_int_equal(look_at(partition, sizeof(partition)), OPENED_YES);
    assert_int_equal(look_at(stream, sizeof(stream)), OPENED_YES);
    assert_int_equal(look_at(bdav, sizeof(bdav)), OPENED_YES);
}

static void of_mp4_only_what_is_in_fragments(void **state)
{
    (void)state;
    static const char fragments[] = "\0\0\0\x10"
                                    "ftypiso6\0\0\0\0\0\0\0\x18moov\0\0\0\x10mvex";
    static const char last[] = "\0\0\0\x14"
                               "ftypqt  \0\0\0\0qt  \0\0\0\x01mdat";
    static const char first[] = "\0\0\0\x10"
                                "ftypiso6\0\0\0\0\0\0\0\x10moov\0\0\0\0\0\0\0\0";
    assert_int_equal(look_at(fragments, sizeof(fragments)), OPENED_YES);
    assert_int_equal(look_at(last, sizeof(last)), OPENED_NO);
    assert_int_equal(look_at(first, sizeof(first)), OPENED_NO);
}

static void what_is_no_recording_can_not_and_a_few_bytes_do_not_tell(void **state)
{
    (void)state;
    assert_int_equal(look_at("RIFF", 4), OPENED_NO);
    assert_int_equal(opened_look((text){"\0\0\0\x10"
                                        "ftyp",
                                        8}),
                     OPENED_MORE);
    static const char large[] = "\0\0\0\x10"
                                "ftypiso6\0\0\0\0\0\x0f\xff\xffmoov";
    assert_int_equal(look_at(large, sizeof(large)), OPENED_MORE); // its moov is not all there
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mxf_and_transport_streams_can_be_read_before_their_end),
        cmocka_unit_test(of_mp4_only_what_is_in_fragments),
        cmocka_unit_test(what_is_no_recording_can_not_and_a_few_bytes_do_not_tell),
    };
    return RUN_TESTS(tests);
}
