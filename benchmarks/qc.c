// bench-qc picture FILE WIDTH HEIGHT | sound FILE CHANNELS: measures raw yuv420p frames, or raw
// floats at 48 kHz, as the engine does, on one core, and prints frames, or seconds of sound, for
// each second of CPU time. The file is in memory before.
#include "picture/measure.h"
#include "sound/measure.h"
#include "sound/speech.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static double cpu_s(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static uint8_t *read_all(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    uint8_t *at = malloc(*size + 1);
    *size = fread(at, 1, *size, f);
    fclose(f);
    return at;
}

static double picture(const uint8_t *at, size_t size, int w, int h)
{
    size_t frame = (size_t)w * (size_t)h * 3 / 2;
    int count = (int)(size / frame), shown = 0;
    struct picture_measure *p = picture_measure_open(&(struct picture_shape){
        .width = w, .height = h, .bits = 8, .chroma_x = 1, .chroma_y = 1, .second = 25});
    double begun = cpu_s();
    for (int round = 0; round < 4; round++)
        for (int i = 0; i < count; i++, shown++) {
            const uint8_t *y = at + (size_t)i * frame, *u = y + (size_t)w * (size_t)h;
            struct measure_frame to = {0};
            picture_measure_frame(
                p,
                &(struct picture_view){{y, u, u + (size_t)(w / 2) * (size_t)(h / 2)},
                                       {w, w / 2, w / 2}},
                &to);
        }
    double took = cpu_s() - begun;
    picture_measure_close(p);
    return shown / took;
}

static double sound(const uint8_t *bytes, size_t size, int channels)
{
    static const double weights[6] = {1, 1, 1, 0, 1.41253754, 1.41253754};
    const float *at = (const float *)(const void *)bytes;
    int64_t count = (int64_t)(size / sizeof(float)) / channels;
    float *planes[6];
    for (int c = 0; c < channels; c++) {
        planes[c] = malloc((size_t)count * sizeof(float));
        for (int64_t i = 0; i < count; i++)
            planes[c][i] = at[i * channels + c];
    }
    double begun = cpu_s();
    struct sound_measure *m =
        sound_measure_open(&(struct sound_shape){channels, 48000, {25, 1}, weights, NULL});
    struct speech *s = speech_open(48000);
    for (int64_t i = 0; i < count; i += 1024) {
        const float *some[6];
        for (int c = 0; c < channels; c++)
            some[c] = planes[c] + i;
        sound_measure_add(m, some, count - i < 1024 ? count - i : 1024);
        speech_add(s, some[channels > 2 ? 2 : 0], count - i < 1024 ? count - i : 1024);
    }
    sound_measure_end(m);
    speech_end(s);
    size_t pieces, spoken;
    double share;
    const double *energy = sound_measure_energy(m, &pieces);
    const uint8_t *speech = speech_found(s, &spoken);
    struct loudness l = loudness_of(energy, pieces);
    double dialogue = loudness_dialogue(energy, pieces, speech, spoken, &share);
    double took = cpu_s() - begun;
    fprintf(stderr, "%.1f LUFS, dialogue %.1f over %.0f %%\n", l.integrated, dialogue, share * 100);
    sound_measure_close(m);
    speech_close(s);
    for (int c = 0; c < channels; c++)
        free(planes[c]);
    return (double)count / 48000 / took;
}

int main(int argc, char **argv)
{
    size_t size = 0;
    uint8_t *at = argc > 3 ? read_all(argv[2], &size) : NULL;
    if (!at)
        return 2;
    printf("%.1f\n", strcmp(argv[1], "sound") == 0
                         ? sound(at, size, atoi(argv[3]))
                         : picture(at, size, atoi(argv[3]), atoi(argv[4])));
    free(at);
    return 0;
}
