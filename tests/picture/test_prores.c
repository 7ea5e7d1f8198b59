#include "test.h"

#include "picture/blocks.h"
#include "picture/prores.h"

#include <libavcodec/avcodec.h>
#include <math.h>

static uint32_t state = 1;
static uint32_t dice(uint32_t of)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % of;
}

// ---- the inner loops

static void every_machine_makes_the_same_numbers(void **unused)
{
    (void)unused;
    if (blocks_best() == &blocks_plain)
        skip();
    uint16_t samples[16 * 64];
    uint8_t scan[BLOCK];
    float a[BLOCK * LANES], b[BLOCK * LANES], scale[BLOCK], bias[BLOCK];
    int16_t c[BLOCK * LANES + LANES], d[BLOCK * LANES + LANES];
    for (int round = 0; round < 200; round++) {
        const uint16_t *at[LANES];
        for (int i = 0; i < 16 * 64; i++)
            samples[i] = (uint16_t)(round == 0 ? 1023 : round == 1 ? 0 : dice(1024));
        for (int i = 0; i < LANES; i++)
            at[i] = samples + 8 * i;
        for (int i = 0; i < BLOCK; i++)
            scan[i] = (uint8_t)(i * 29 % BLOCK), scale[i] = 1.0f / (float)(8 + dice(100)),
            bias[i] = 0.37f;
        blocks_plain.transform(at, 64, a);
        blocks_avx2.transform(at, 64, b);
        assert_memory_equal(a, b, sizeof(a));
        int step = round % 3 == 0 ? 2 : 8;
        memset(c, 0, sizeof(c)), memset(d, 0, sizeof(d));
        blocks_plain.quantise(a, scan, scale, bias, step, c);
        blocks_avx2.quantise(b, scan, scale, bias, step, d);
        assert_memory_equal(c, d, sizeof(c));
    }
}

// ---- frames, as libav's decoder shows them

enum { MOST_WIDTH = 720, MOST_HEIGHT = 576 };
static uint16_t planes[3][MOST_WIDTH * MOST_HEIGHT];

static struct picture_view view(void)
{
    struct picture_view v;
    for (int i = 0; i < 3; i++)
        v.plane[i] = (const uint8_t *)planes[i], v.stride_bytes[i] = 2 * MOST_WIDTH;
    return v;
}

// Slopes, edges and `noise`, each plane another; of two fields each moves on.
static void draw(uint32_t noise, bool fields)
{
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < MOST_HEIGHT; y++)
            for (int x = 0; x < MOST_WIDTH; x++) {
                int move = fields && y % 2 ? 12 : 0;
                int v = 200 + 40 * c + x / 2 + y / 4 + ((x + move) / 37 + y / 21) % 2 * 150;
                v += noise ? (int)dice(noise) - (int)noise / 2 : 0;
                planes[c][y * MOST_WIDTH + x] = (uint16_t)(v < 4 ? 4 : v > 1019 ? 1019 : v);
            }
}

static AVFrame *decoded(const struct prores_shape *s, const uint8_t *at, size_t size)
{
    static const char tags[PRORES_KINDS][5] = {"apco", "apcs", "apcn", "apch", "ap4h", "ap4x"};
    AVCodecContext *c = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_PRORES));
    AVPacket *p = av_packet_alloc();
    AVFrame *f = av_frame_alloc();
    c->width = s->width, c->height = s->height;
    memcpy(&c->codec_tag, tags[s->kind], 4);
    c->err_recognition = AV_EF_EXPLODE;
    assert_int_equal(avcodec_open2(c, NULL, NULL), 0);
    assert_int_equal(av_new_packet(p, (int)size), 0);
    memcpy(p->data, at, size);
    assert_int_equal(avcodec_send_packet(c, p), 0);
    assert_int_equal(avcodec_receive_frame(c, f), 0);
    assert_int_equal(f->decode_error_flags, 0);
    av_packet_free(&p);
    avcodec_free_context(&c);
    return f;
}

static double psnr(const struct prores_shape *s, const AVFrame *f)
{
    double sum = 0, count = 0;
    int shift = s->kind >= PRORES_4444 ? 2 : 0; // shown with 12 bits
    for (int c = 0; c < 3; c++) {
        int width = c && !s->full_chroma ? (s->width + 1) / 2 : s->width;
        for (int y = 0; y < s->height; y++)
            for (int x = 0; x < width; x++) {
                uint16_t v;
                memcpy(&v, f->data[c] + y * f->linesize[c] + 2 * x, 2);
                double off = (v - (planes[c][y * MOST_WIDTH + x] << shift)) / (double)(1 << shift);
                sum += off * off, count++;
            }
    }
    return sum ? 10 * log10(1023.0 * 1023 * count / sum) : 100;
}

static void a_decoder_shows_what_was_encoded(void **unused)
{
    (void)unused;
    static const int sizes[][2] = {{720, 576}, {16, 16},  {130, 50},
                                   {34, 96},   {200, 34}, {722 - 6, 18}};
    static const double least[PRORES_KINDS] = {38, 44, 46, 50, 50, 52};
    for (int kind = 0; kind < PRORES_KINDS; kind++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
            for (int scan = 0; scan < 3; scan++) {
                struct prores_shape s = {sizes[i][0],
                                         sizes[i][1],
                                         (enum prores_kind)kind,
                                         .full_chroma = kind >= PRORES_4444,
                                         .scan = (enum prores_scan)scan,
                                         .rate_num = 24000,
                                         .rate_den = 1001,
                                         .aspect_num = 1,
                                         .aspect_den = 1,
                                         .primaries = 9,
                                         .transfer = 16,
                                         .matrix = 9};
                struct prores *p = prores_open(&s);
                const struct picture_view v = view();
                const uint8_t *at;
                draw(4, scan != PRORES_PROGRESSIVE);
                size_t size = prores_frame(p, &v, &at);
                AVFrame *f = decoded(&s, at, size);
                assert_int_equal(f->width, s.width);
                assert_int_equal(f->height, s.height);
                assert_int_equal(f->color_primaries, 9);
                assert_int_equal(f->color_trc, 16);
                assert_int_equal(f->interlaced_frame, scan != PRORES_PROGRESSIVE);
                assert_int_equal(f->top_field_first, scan == PRORES_TOP_FIRST);
                double have = psnr(&s, f);
                if (have < least[kind] - (s.height < 100 ? 6 : 0))
                    fail_msg("kind %d, %d x %d, scan %d: %.1f dB, %zu bytes", kind, s.width,
                             s.height, scan, have, size);
                av_frame_free(&f);
                prores_close(p);
            }
}

static void frames_are_no_larger_than_apples_rates(void **unused)
{
    (void)unused;
    const struct picture_view v = view();
    const uint8_t *at;
    for (int kind = 0; kind < PRORES_KINDS; kind++) {
        struct prores_shape s = {720, 576, (enum prores_kind)kind,
                                 .full_chroma = kind >= PRORES_4444};
        struct prores *p = prores_open(&s);
        size_t target = prores_target(s.kind, s.width, s.height);
        for (uint32_t noise = 1; noise < 1024; noise *= 4) {
            draw(noise, false);
            size_t size = prores_frame(p, &v, &at);
            assert_in_range(size, 1, target + target / 32);
            if (noise > 100 && kind > PRORES_PROXY)
                assert_true(size > target - target / 8); // it is used where it is needed
            AVFrame *f = decoded(&s, at, size);
            av_frame_free(&f);
        }
        prores_close(p);
    }
    // The rate of 1080p at 24 frames/s: 176 Mb/s.
    assert_in_range(prores_target(PRORES_HQ, 1920, 1080) * 8 * 24 / 1000, 175000, 177000);
}

static void a_frame_is_a_matter_of_its_picture_alone(void **unused)
{
    (void)unused;
    struct prores_shape s = {200, 100, PRORES_HQ};
    struct prores *p = prores_open(&s);
    const struct picture_view v = view();
    const uint8_t *at;
    draw(0, false);
    size_t size = prores_frame(p, &v, &at);
    uint8_t *first = malloc(size);
    memcpy(first, at, size);
    draw(900, false);
    assert_true(prores_frame(p, &v, &at) > size);
    draw(0, false);
    assert_int_equal(prores_frame(p, &v, &at), size);
    assert_memory_equal(at, first, size);
    free(first);
    prores_close(p);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_machine_makes_the_same_numbers),
        cmocka_unit_test(a_decoder_shows_what_was_encoded),
        cmocka_unit_test(frames_are_no_larger_than_apples_rates),
        cmocka_unit_test(a_frame_is_a_matter_of_its_picture_alone),
    };
    return RUN_TESTS(tests);
}
