// What post houses have, in each container and codec that ffmpeg makes here, with its oddities: the
// facts are those that it was made with, and each frame of the proxies is the source's frame of
// that number. ffprobe and mediainfo judge as outsiders.
#include "test.h"

#include "formats/frameindex/frameindex.h"
#include "make_media.h"

#include <fcntl.h>
#include <unistd.h>

#define X264 "-c:v libx264 -preset ultrafast "
#define HD 1920, 1080
// As a telephone does it: no frame as long as the next, and one that stays for two seconds.
#define UNEVEN                                                                                     \
    "-vf \"settb=1/1000,setpts='N*40+mod(N,3)*7+gt(N,6)*2000'\" -fps_mode passthrough "            \
    "-enc_time_base 1/1000"

static const struct {
    struct clip clip;
    const char *facts;         // beside rate, number of frames and vfr
    int shown_w, shown_h;      // 0: as the clip
    bool vfr, outsiders_count; // mediainfo says the number of frames
} clips[] = {
    // QuickTime and MP4
    {{"prores.mov", "30000/1001",
      .options = "-c:v prores_aw -pix_fmt yuv422p10le -timecode "
                 "'00:59:58;00'"},
     "{'container':'mov','timecode':{'start':'00:59:58;00','drop':true,'from':'tmcd','base':30},"
     "'video':[{'codec':'prores','bits':10,'chroma':'4:2:2'}]}",
     .outsiders_count = true},
    {{"prores4444.mov", "24", .options = "-c:v prores_ks -pix_fmt yuva444p10le"},
     "{'video':[{'codec':'prores','chroma':'4:4:4'}]}",
     .outsiders_count = true},
    {{"h264.mov", "24000/1001", .frames = 50, .options = X264 "-bf 3 -g 24 -timecode 00:59:58:00"},
     "{'container':'mov','timecode':{'start':'00:59:58:00','drop':false,'base':24,'start_frame':"
     "86352},'video':[{'codec':'h264','field_order':'progressive'}]}",
     .outsiders_count = true},
    {{"open.mp4", "24", .frames = 50,
      .options = X264 "-bf 2 -g 250 -x264-params open-gop=1:keyint=12"},
     "{'container':'mp4'}",
     .outsiders_count = true},
    {{"hevc.mp4", "50",
      .options = "-c:v libx265 -preset ultrafast -x265-params log-level=error "
                 "-tag:v hvc1 -pix_fmt yuv420p10le"},
     "{'container':'mp4','video':[{'codec':'hevc','bits':10}]}",
     .outsiders_count = true},
    {{"dnxhr.mov", "25", .options = "-c:v dnxhd -profile:v dnxhr_hq -pix_fmt yuv422p"},
     "{'video':[{'codec':'dnxhd'}]}",
     .outsiders_count = true},
    {{"cineform.mov", "24", .options = "-c:v cfhd -pix_fmt yuv422p10le"},
     "{'video':[{'codec':'cfhd','bits':10}]}",
     .outsiders_count = true},
    // MXF
    {{"xdcam.mxf", "25", HD, 6,
      "-c:v mpeg2video -pix_fmt yuv422p -b:v 50M -minrate 50M -maxrate 50M -bufsize 36408333 "
      "-flags +ildct+ilme -top 1 -bf 2 -g 12 -timecode 10:00:00:00",
      LOOK_TOP_FIRST},
     "{'container':'mxf','timecode':{'start':'10:00:00:00','from':'mxf'},"
     "'video':[{'codec':'mpeg2video','field_order':'top','chroma':'4:2:2'}]}",
     .outsiders_count = true},
    {{"avcintra.mxf", "25", HD, 6,
      "-c:v libx264 -preset ultrafast -x264-params avcintra-class=100 -pix_fmt yuv422p10le "
      "-flags +ildct -top 1",
      LOOK_TOP_FIRST},
     "{'container':'mxf','video':[{'codec':'h264','field_order':'top','bits':10}]}",
     .outsiders_count = true},
    {{"dnxhd.mxf", "24000/1001", HD, 4, "-c:v dnxhd -b:v 115M -pix_fmt yuv422p"},
     "{'container':'mxf','video':[{'codec':'dnxhd'}]}",
     .outsiders_count = true},
    {{"prores.mxf", "25", .options = "-c:v prores_aw -profile:v 2 -pix_fmt yuv422p10le"},
     "{'container':'mxf','video':[{'codec':'prores'}]}",
     .outsiders_count = true},
    {{"j2k.mxf", "24", .options = "-c:v jpeg2000 -pix_fmt yuv422p10le"},
     "{'container':'mxf','video':[{'codec':'jpeg2000'}]}",
     .outsiders_count = true},
    {{"mpeg2.mxf", "60000/1001", .frames = 50, .options = "-c:v mpeg2video -b:v 8M -bf 2"},
     "{'container':'mxf','timecode':{'start':'00:00:00:00','frames_per_label':1}}"},
    // The others
    {{"h264.mkv", "25", .options = X264 "-g 10 -metadata:s:v timecode=01:00:00:00"},
     "{'container':'mkv','timecode':{'start':'01:00:00:00','from':'stream tag'}}"},
    {{"ffv1.mkv", "24000/1001", .options = "-c:v ffv1 -pix_fmt yuv444p"},
     "{'container':'mkv','video':[{'codec':'ffv1','chroma':'4:4:4'}]}"},
    // libav says 19001/317 of it
    {{"h264-60.mkv", "60000/1001", .frames = 40, .options = X264 "-g 20"}, "{'container':'mkv'}"},
    {{"vp9.webm", "30000/1001", .options = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"},
     "{'container':'webm','video':[{'codec':'vp9'}]}"},
    {{"vp8.webm", "25",
      .options = "-c:v libvpx -deadline realtime -cpu-used 8 -auto-alt-ref 1 "
                 "-lag-in-frames 10"},
     "{'container':'webm','video':[{'codec':'vp8'}]}"},
    {{"mjpeg.avi", "50", .options = "-c:v mjpeg -q:v 3 -pix_fmt yuvj420p"},
     "{'container':'avi','video':[{'codec':'mjpeg','range':'full'}]}",
     .outsiders_count = true},
    {{"h264.ts", "30", .frames = 50, .options = X264 "-bf 2"}, "{'container':'ts'}"},
    {{"fields.ts", "25", 720, 576, 12,
      X264 "-flags +ildct+ilme -top 1 -x264-params tff=1 -bf 2 -aspect 16:9", LOOK_TOP_FIRST},
     "{'container':'ts','video':[{'field_order':'top','pixel_aspect':'64:45','display_width':1024,"
     "'display_height':576}]}",
     .shown_w = 1024,
     .shown_h = 576},
    // Oddities
    {{"bottom.mov", "30000/1001", 720, 480, 12,
      "-c:v dvvideo -pix_fmt yuv411p -aspect 4:3 -flags +ildct", LOOK_BOTTOM_FIRST},
     "{'video':[{'codec':'dvvideo','field_order':'bottom','chroma':'4:1:1','pixel_aspect':'8:9'}]}",
     .shown_w = 720,
     .shown_h = 540},
    {{"prores25i.mov", "25", 720, 576, 8,
      "-c:v prores_ks -pix_fmt yuv422p10le -flags +ildct -top 1 -aspect 4:3", LOOK_TOP_FIRST},
     "{'video':[{'field_order':'top','pixel_aspect':'16:15'}]}",
     .shown_w = 768,
     .shown_h = 576},
    {{"anamorphic.mov", "24", 720, 288, .options = X264 "-vf setsar=1/2"},
     "{'video':[{'pixel_aspect':'1:2','display_width':720,'display_height':576}]}",
     .shown_w = 720,
     .shown_h = 576},
    {{"vfr.mp4", "25", .options = X264 "-bf 2 " UNEVEN}, "{}", .vfr = true},
    {{"vfr.mkv", "25", .options = X264 UNEVEN}, "{}", .vfr = true},
    {{"pq.mp4", "24",
      .options = "-c:v libx265 -preset ultrafast -tag:v hvc1 -pix_fmt yuv420p10le "
                 "-color_primaries bt2020 -color_trc smpte2084 -colorspace "
                 "bt2020nc -x265-params log-level=error:hdr10=1:master-display='G("
                 "13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,"
                 "50)':max-cll=1000,400"},
     "{'video':[{'primaries':'bt2020','transfer':'smpte2084','matrix':'bt2020nc','range':'limited',"
     "'hdr':{'max_cll':1000,'max_fall':400,'dolby_vision':false,'mastering':'G(13250,34500)B(7500,"
     "3000)R(34000,16000)WP(15635,16450)L(10000000,50)'}}]}",
     .outsiders_count = true},
    {{"hlg.mov", "50",
      .options = "-c:v prores_ks -pix_fmt yuv422p10le -vf "
                 "setparams=color_primaries=bt2020:color_trc=arib-std-b67:"
                 "colorspace=bt2020nc"},
     "{'video':[{'transfer':'arib-std-b67','hdr':{'dolby_vision':false}}]}",
     .outsiders_count = true},
};

// ---- facts

static const char *quoted(const char *text) // ' becomes "
{
    static char to[2000];
    size_t i = 0;
    for (; text[i] && i + 1 < sizeof(to); i++)
        to[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    to[i] = 0;
    return to;
}

static json_t *probed(const char *path)
{
    struct error err;
    json_t *facts = NULL;
    if (!media_ask("probe", &path, 1, NULL, NULL, &facts, &err))
        media_wrong("%s: %s (%s)", path, err.what, err.why);
    return facts;
}

static int64_t whole(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static int frames_of(size_t i)
{
    return clips[i].clip.frames ? clips[i].clip.frames : 12;
}

// Asked once; a reference of the caller's.
static json_t *clip_facts(size_t i, const char *path)
{
    static json_t *known[sizeof(clips) / sizeof(clips[0])];
    if (!known[i])
        known[i] = probed(path);
    return json_incref(known[i]);
}

static void a_probe_tells_what_the_media_was_made_with(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(clips) / sizeof(clips[0]); i++) {
        char path[MEDIA_PATH], common[200];
        if (!media_mine(i))
            continue;
        media_make(&clips[i].clip, path);
        json_t *facts = clip_facts(i, path);
        snprintf(common, sizeof(common), "{\"duration_frames\":%d,\"vfr\":%s,\"damage\":[]}",
                 frames_of(i), clips[i].vfr ? "true" : "false");
        media_expect(path, facts, common);
        media_expect(path, facts, quoted(clips[i].facts));
        assert_int_equal(json_array_size(json_object_get(facts, "damage")), 0);
        if (!clips[i].vfr &&
            strcmp(json_string_value(json_object_get(facts, "rate")), clips[i].clip.rate))
            media_wrong("%s: %s", path, json_string_value(json_object_get(facts, "rate")));
        json_decref(facts);
    }
}

static void mediainfo_counts_the_same_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(clips) / sizeof(clips[0]); i++) {
        char path[MEDIA_PATH], command[600];
        if (!clips[i].outsiders_count || !media_mine(i))
            continue;
        media_make(&clips[i].clip, path);
        snprintf(command, sizeof(command), "mediainfo --Inform='Video;%%FrameCount%%' '%s'", path);
        char *said = media_output(command);
        if (atoi(said) != frames_of(i))
            media_wrong("%s: %s", path, said);
        free(said);
    }
}

// ---- proxies

static void in_folder(char *to, const char *name)
{
    snprintf(to, MEDIA_PATH, "%s/%s", media_folder(), name);
}

// Every record lies in the film, begins with a whole NAL unit, and the times are the source's.
static void check_index(const char *index_name, const char *film_name, size_t clip)
{
    char path[MEDIA_PATH];
    struct frameindex_header h;
    struct error err;
    size_t at;
    static uint8_t bytes[1 << 18];
    in_folder(path, index_name);
    FILE *f = fopen(path, "rb");
    size_t size = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    in_folder(path, film_name);
    int film = open(path, O_RDONLY);
    assert_true(frameindex_header_read(bytes, size, &h, &at, &err));
    assert_int_equal(h.frame_count, frames_of(clip));
    assert_int_equal(!!(h.flags & FRAMEINDEX_VFR), clips[clip].vfr);
    for (int i = 0; i < frames_of(clip); i++) {
        struct frameindex_record r;
        uint8_t nal[5];
        frameindex_record_read(bytes + at + (size_t)i * FRAMEINDEX_RECORD, &r);
        assert_int_equal(pread(film, nal, 5, r.offset), 5);
        assert_true(((uint32_t)nal[0] << 24 | nal[1] << 16 | nal[2] << 8 | nal[3]) + 4 <= r.size);
        assert_int_equal(nal[4] & 31, r.flags & FRAME_KEY ? 5 : 1);
        assert_false(r.flags & FRAME_CONCEALED);
        if (clips[clip].vfr) { // the setpts of the table, in ms
            int64_t ms = i * 40 + i % 3 * 7 + (i > 6) * 2000;
            assert_int_equal((r.time * 1000 + h.timescale / 2) / h.timescale, ms);
        } else {
            assert_int_equal(r.time * h.rate.num, (int64_t)i * h.rate.den * h.timescale);
        }
    }
    close(film);
}

// As ffprobe sees it: progressive, square, no B, every frame.
static void check_film(const char *name, int frames, int width, int height, bool intra)
{
    char path[MEDIA_PATH], command[700], wanted[400];
    in_folder(path, name);
    snprintf(command, sizeof(command),
             "ffprobe -v error -select_streams v -count_packets -show_entries "
             "stream=width,height,has_b_frames,sample_aspect_ratio,field_order,nb_read_packets,"
             "color_transfer,color_range -show_entries packet=flags -of json '%s'",
             path);
    char *said = media_output(command);
    json_t *seen = json_loads(said, 0, NULL);
    snprintf(wanted, sizeof(wanted),
             "{\"streams\":[{\"width\":%d,\"height\":%d,\"has_b_frames\":0,\"sample_aspect_ratio\":"
             "\"1:1\",\"field_order\":\"progressive\",\"nb_read_packets\":\"%d\","
             "\"color_transfer\":\"bt709\",\"color_range\":\"tv\"}]}",
             width, height, frames);
    media_expect(path, seen, wanted);
    size_t i;
    json_t *packet;
    json_array_foreach(json_object_get(seen, "packets"), i, packet)
    {
        bool key = json_string_value(json_object_get(packet, "flags"))[0] == 'K';
        assert_int_equal(key, intra || i % 12 == 0);
    }
    json_decref(seen);
    free(said);
}

static void make_proxies(const char *path, json_t *facts, int frames)
{
    struct error err;
    json_t *result = NULL;
    if (!media_ask("proxy", &path, 1, json_pack("{s:o}", "facts", facts), media_folder(), &result,
                   &err))
        media_wrong("%s: %s (%s)", path, err.what, err.why);
    if (whole(result, "frames") != frames)
        media_wrong("%s: %d frames", path, (int)whole(result, "frames"));
    assert_int_equal(json_array_size(json_object_get(result, "damage")), 0);
    json_decref(result);
}

static void each_proxy_frame_is_the_source_frame_of_that_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(clips) / sizeof(clips[0]); i++) {
        char path[MEDIA_PATH], film[MEDIA_PATH];
        int w, h, shown_w = clips[i].shown_w, shown_h = clips[i].shown_h;
        if (!media_mine(i))
            continue;
        media_make(&clips[i].clip, path);
        if (!shown_w) {
            shown_w = clips[i].clip.width ? clips[i].clip.width : 320;
            shown_h = clips[i].clip.height ? clips[i].clip.height : 180;
        }
        make_proxies(path, clip_facts(i, path), frames_of(i));
        static const struct {
            const char *film, *index;
            int width, height;
        } made[] = {{"scrub.mp4", "scrub.idx", 960, 540}, {"review.mp4", "review.idx", 1280, 720}};
        for (int k = 0; k < 2; k++) {
            media_fit(shown_w, shown_h, made[k].width, made[k].height, &w, &h);
            in_folder(film, made[k].film);
            media_expect_bars(film, frames_of(i), w, h, -1);
            check_film(made[k].film, frames_of(i), w, h, k == 0);
            check_index(made[k].index, made[k].film, i);
        }
    }
}

// ---- how it looks

static uint8_t *grey_frame(const char *name, int frame, size_t size)
{
    char path[MEDIA_PATH], command[600];
    in_folder(path, name);
    snprintf(command, sizeof(command),
             "ffmpeg -v error -i '%s' -vf 'select=eq(n\\,%d)' -frames:v 1 -f rawvideo -pix_fmt "
             "yuv420p -",
             path, frame);
    FILE *from = popen(command, "r");
    uint8_t *y = malloc(size);
    assert_int_equal(fread(y, 1, size, from), size);
    assert_int_equal(pclose(from), 0);
    return y;
}

// How much lines differ from both neighbours: what combing does and nothing else in these clips.
static double combing(const uint8_t *y, int width, int height)
{
    double sum = 0;
    for (int row = height / 5; row < height - 4; row++)
        for (int x = 0; x < width; x++)
            sum +=
                abs(2 * y[row * width + x] - y[(row - 1) * width + x] - y[(row + 1) * width + x]);
    return sum / width / (height * 4 / 5.0 - 4);
}

static void fields_do_not_comb_in_proxies(void **state)
{
    (void)state;
    static const struct clip fields[] = {
        {"top.mkv", "25", 384, 288, 6, "-c:v ffv1 -field_order tt -flags +ildct -top 1",
         LOOK_TOP_FIRST},
        {"bottom.mov", "30000/1001", 720, 480, 12,
         "-c:v dvvideo -pix_fmt yuv411p -aspect 4:3 -flags +ildct", LOOK_BOTTOM_FIRST},
        {"fields.ts", "25", 384, 288, 6, X264 "-flags +ildct+ilme -top 1 -x264-params tff=1",
         LOOK_TOP_FIRST},
    };
    static const int widths[] = {384, 720, 384}, heights[] = {288, 540, 288};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char path[MEDIA_PATH];
        int w = widths[i], h = heights[i];
        if (!media_mine(i))
            continue;
        media_make(&fields[i], path);
        make_proxies(path, probed(path), fields[i].frames);
        uint8_t *y = grey_frame("scrub.mp4", 3, (size_t)(w * h * 3 / 2));
        if (combing(y, w, h) > 4) // left alone it is above 60
            media_wrong("%s combs: %.1f", path, combing(y, w, h));
        free(y);
    }
}

static void hdr_is_mapped_to_the_light_of_an_sdr_display(void **state)
{
    (void)state;
    static const struct clip mapped[] = {
        {"pq-patches.mkv", "24", 320, 180, 2,
         "-c:v ffv1 -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace "
         "bt2020nc -color_range tv",
         LOOK_PATCHES},
        {"hlg-patches.mkv", "24", 320, 180, 2,
         "-c:v ffv1 -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc arib-std-b67 "
         "-colorspace bt2020nc -color_range tv",
         LOOK_PATCHES},
    };
    for (size_t i = 0; i < 2; i++) {
        char path[MEDIA_PATH];
        int before = 0, level[8];
        if (!media_mine(i))
            continue;
        media_make(&mapped[i], path);
        make_proxies(path, probed(path), 2);
        uint8_t *y = grey_frame("scrub.mp4", 0, 320 * 180 * 3 / 2);
        for (int n = 0; n < 8; n++) {
            level[n] = y[100 * 320 + n * 40 + 20];
            assert_true(level[n] >= before);
            before = level[n];
            const uint8_t *cb = y + 320 * 180 + 50 * 160 + n * 20 + 10, *cr = cb + 160 * 90;
            assert_in_range(*cb, 125, 131); // grey stays grey
            assert_in_range(*cr, 125, 131);
        }
        assert_in_range(level[0], 14, 20);
        // The fifth patch is 0.493 of the signal, 92 nits in PQ: neither crushed nor blown. PQ's
        // last one is 2700 nits.
        assert_in_range(level[4], 90, 180);
        assert_in_range(level[7], i ? 190 : 225, 236); // HLG's is 412 nits
        free(y);
    }
}

// The picture lies on its side in the file, and its track says how it is turned.
static void rotated_pictures_come_out_upright(void **state)
{
    (void)state;
    static const struct {
        int rotation, width, height;
        const char *laid;
    } turned[] = {{90, 180, 320, "transpose=cclock"},
                  {180, 320, 180, "hflip,vflip"},
                  {270, 180, 320, "transpose=clock"}};
    for (size_t i = 0; i < 3; i++) {
        char path[MEDIA_PATH], laid[MEDIA_PATH], name[40], options[300], wanted[200];
        if (!media_mine(i))
            continue;
        snprintf(name, sizeof(name), "laid%d.mov", turned[i].rotation);
        snprintf(options, sizeof(options), X264 "-vf %s", turned[i].laid);
        media_make(
            &(struct clip){name, "24", turned[i].width, turned[i].height, 12, options, LOOK_FRAMES},
            laid);
        snprintf(name, sizeof(name), "turned%d.mov", turned[i].rotation);
        snprintf(options, sizeof(options),
                 "ffmpeg -v error -y -i '%s' -c copy -metadata:s:v rotate=%d \"$OUT\"", laid,
                 360 - turned[i].rotation); // ffmpeg's tag counts the other way
        media_make_by(name, options, path);
        json_t *facts = probed(path);
        snprintf(wanted, sizeof(wanted),
                 "{\"video\":[{\"rotation\":%d,\"display_width\":%d,\"display_height\":%d}]}",
                 turned[i].rotation, turned[i].width, turned[i].height);
        media_expect(path, facts, wanted);
        make_proxies(path, facts, 12);
        in_folder(path, "scrub.mp4");
        media_expect_bars(path, 12, turned[i].width, turned[i].height, -1);
    }
}

// ---- sequences

static const struct {
    const char *name, *options, *facts;
} sequences[] = {
    {"s.%04d.exr", "-pix_fmt gbrpf32le", "{'container':'exr'}"},
    {"s.%04d.dpx", "-pix_fmt gbrp10be", "{'container':'dpx'}"},
    {"s.%04d.tif", "-pix_fmt rgb48le", "{'container':'tiff'}"},
    {"s.%04d.png", "-pix_fmt rgb24", "{'container':'png'}"},
    {"s.%04d.jpg", "-q:v 2 -pix_fmt yuvj420p", "{'container':'mjpeg'}"},
};

static void
a_sequence_in_each_format_keeps_its_numbers_and_its_rate_says_where_it_is_from(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        char pattern[MEDIA_PATH], files[6][MEDIA_PATH], film[MEDIA_PATH];
        const char *paths[6];
        struct error err;
        json_t *facts = NULL, *result = NULL;
        if (!media_mine(i))
            continue;
        media_make(
            &(struct clip){sequences[i].name, "24", 0, 0, 6, sequences[i].options, LOOK_FRAMES},
            pattern);
        for (int n = 0; n < 6; n++) {
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(files[n], MEDIA_PATH, pattern, 1001 + n);
            paths[n] = files[n];
        }
        if (!media_ask("probe", paths, 6, NULL, NULL, &facts, &err))
            media_wrong("%s: %s (%s)", pattern, err.what, err.why);
        media_expect(pattern, facts,
                     "{\"kind\":\"sequence\",\"duration_frames\":6,\"rate\":\"24\",\"sequence\":{"
                     "\"first\":1001,\"last\":1006,\"count\":6,\"padding\":4}}");
        media_expect(pattern, facts, quoted(sequences[i].facts));
        const char *from = json_string_value(json_object_get(facts, "rate_from"));
        assert_string_equal(from, strstr(pattern, "exr") ? "file header" : "project");
        if (!media_ask("proxy", paths, 6, json_pack("{s:o}", "facts", facts), media_folder(),
                       &result, &err))
            media_wrong("%s: %s (%s)", pattern, err.what, err.why);
        json_decref(result);
        in_folder(film, "scrub.mp4");
        media_expect_bars(film, 6, 320, 180, -1);
    }
}

// ffmpeg ends the header before the film part: it is put in here (SMPTE ST 268-1: the frame rate, a
// 32-bit float at 1724).
static void the_rate_of_a_dpx_header_is_the_rate(void **state)
{
    (void)state;
    if (!media_mine(0))
        return;
    char path[MEDIA_PATH];
    media_make_by(
        "r.1001.dpx",
        "ffmpeg -v error -y -f lavfi -i testsrc2=s=64x64 -frames:v 1 -update 1 -f image2 "
        "-c:v dpx \"$OUT.short\" && { head -c 4 \"$OUT.short\"; printf '\\000\\010\\000\\000'; "
        "tail -c +9 \"$OUT.short\" | head -c 1656; head -c 60 /dev/zero; "
        "printf '\\000\\000\\310\\101'; head -c 320 /dev/zero; "
        "tail -c +1665 \"$OUT.short\"; } >\"$OUT\"",
        path);
    const char *list[] = {path};
    struct error err;
    json_t *facts = NULL;
    assert_true(media_ask("probe", list, 1, json_pack("{s:{}}", "sequence"), NULL, &facts, &err));
    media_expect(path, facts,
                 "{\"kind\":\"sequence\",\"rate\":\"25\",\"rate_from\":\"file header\"}");
    json_decref(facts);
}

// ---- sound

#define NOISE "ffmpeg -v error -y -f lavfi -i anoisesrc=r=48000:d=2:a=0.1:seed=1 "
#define SURROUND "-af 'pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0' "

static const struct {
    const char *name, *command, *facts;
} sounds[] = {
    {"pcm.wav", NOISE SURROUND "-c:a pcm_s24le \"$OUT\"",
     "{'container':'wav','kind':'sound','duration_frames':96000,'rate':'48000','audio':[{'codec':"
     "'pcm_s24le','channels':6,'layout':'5.1','bits':24,'sample_rate':48000}]}"},
    {"bwf.wav", NOISE "-c:a pcm_s16le -write_bext 1 -metadata time_reference=172800000 \"$OUT\"",
     "{'duration_frames':96000,'timecode':{'start':'01:00:00:00','from':'bwf'}}"},
    {"rf64.wav", NOISE "-c:a pcm_s24le -rf64 always \"$OUT\"",
     "{'container':'wav','duration_frames':96000}"},
    {"a.flac", NOISE "-ac 2 \"$OUT\"",
     "{'container':'flac','duration_frames':96000,'audio':[{'codec':'flac','channels':2}]}"},
    {"a.mp3", NOISE "-ac 2 -b:a 128k \"$OUT\"", "{'container':'mp3','audio':[{'codec':'mp3'}]}"},
    {"a.aac", NOISE "-ac 2 -b:a 128k \"$OUT\"", "{'container':'aac','audio':[{'codec':'aac'}]}"},
    {"a.m4a", NOISE "-ac 2 -b:a 128k -metadata:s:a:0 language=fra \"$OUT\"",
     "{'audio':[{'codec':'aac','language':'fra'}]}"},
};

static void sound_of_each_kind_becomes_sound_for_the_page_of_the_same_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sounds) / sizeof(sounds[0]); i++) {
        char path[MEDIA_PATH], command[600];
        struct error err;
        json_t *result = NULL;
        if (!media_mine(i))
            continue;
        media_make_by(sounds[i].name, sounds[i].command, path);
        const char *list[] = {path};
        json_t *facts = probed(path);
        media_expect(path, facts, quoted(sounds[i].facts));
        int64_t samples = whole(facts, "duration_frames");
        assert_in_range(samples, 96000, 96000 + 2 * 1152); // mp3 and aac end in whole frames
        if (!media_ask("proxy", list, 1, json_pack("{s:o}", "facts", facts), media_folder(),
                       &result, &err))
            media_wrong("%s: %s (%s)", path, err.what, err.why);
        json_decref(result);
        in_folder(path, "audio.mp4");
        snprintf(command, sizeof(command),
                 "ffprobe -v error -show_entries stream=duration_ts -of csv=p=0 '%s'", path);
        char *said = media_output(command);
        if (llabs(atoll(said) - samples) > 2048)
            media_wrong("%s: %s of %lld", sounds[i].name, said, (long long)samples);
        free(said);
    }
}

static void expect_channels(const char *name, int channels)
{
    char path[MEDIA_PATH], command[600];
    in_folder(path, name);
    snprintf(command, sizeof(command),
             "ffprobe -v error -select_streams a -show_entries stream=channels -of csv=p=0 '%s'",
             path);
    char *said = media_output(command);
    if (atoi(said) != channels)
        media_wrong("%s: %s channels, not %d", path, said, channels);
    free(said);
}

static void channels_languages_and_text_tracks_are_facts(void **state)
{
    (void)state;
    if (!media_mine(1))
        return;
    char path[MEDIA_PATH];
    media_make_by("tracks.mov",
                  "printf '1\\n00:00:00,000 --> 00:00:01,000\\nHello\\n' > \"$OUT.srt\"; "
                  "ffmpeg -v error -y -f lavfi -i testsrc2=s=320x180:r=25:d=1 -f lavfi -i "
                  "anoisesrc=r=48000:d=1 -i \"$OUT.srt\" -map 0 -map 1 -map 1 -map 2 " X264
                  "-c:a pcm_s24le -filter:a:0 'pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0' "
                  "-c:s mov_text -metadata:s:a:0 language=eng -metadata:s:a:1 language=ita "
                  "-metadata:s:s:0 language=fra \"$OUT\"",
                  path);
    json_t *facts = probed(path);
    media_expect(path, facts,
                 quoted("{'audio':[{'channels':6,'layout':'5.1','language':'eng'},{'channels':1,"
                        "'language':'ita'}],'captions':[{'kind':'mov_text','language':'fra'}]}"));
    make_proxies(path, facts, 25);
    expect_channels("audio.mp4", 6);
    expect_channels("review.mp4", 2);
}

// A caption of 608 (CC1) and of 708 as user data of ATSC A/53 part 4 in an SEI before each picture:
// put in here, since ffmpeg only carries over what is there.
static void write_captioned(const char *from, const char *to)
{
    static const uint8_t sei[] = {0,    0,    0,    1,    6,    4,    17,   0xb5, 0,
                                  0x31, 'G',  'A',  '9',  '4',  3,    0xc2, 0xff, 0xfc,
                                  0x94, 0x20, 0xfe, 0x41, 0x42, 0xff, 0x80};
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    static uint8_t all[1 << 20];
    size_t size = fread(all, 1, sizeof(all), in);
    for (size_t i = 0; i < size; i++) {
        int type = i + 4 < size && !memcmp(all + i, "\0\0\0\1", 4) ? all[i + 4] & 31 : 0;
        int late = i + 4 < size && !memcmp(all + i, "\0\0\1", 3) ? all[i + 3] & 31 : 0;
        if (type == 1 || type == 5 || ((late == 1 || late == 5) && i && all[i - 1]))
            fwrite(sei, 1, sizeof(sei), out);
        fputc(all[i], out);
    }
    fclose(in);
    fclose(out);
}

static void captions_in_the_picture_are_facts(void **state)
{
    (void)state;
    if (!media_mine(0))
        return;
    char plain[MEDIA_PATH], path[MEDIA_PATH], captioned[MEDIA_PATH], command[1100];
    media_make(&(struct clip){"plain.h264", "25", .options = X264 "-threads 1"}, plain);
    in_folder(captioned, "captioned.h264");
    in_folder(path, "captioned.mov");
    write_captioned(plain, captioned);
    snprintf(command, sizeof(command), "ffmpeg -v error -y -r 25 -i '%s' -c copy '%s'", captioned,
             path);
    assert_int_equal(system(command), 0);
    json_t *facts = probed(path);
    media_expect(path, facts,
                 quoted("{'duration_frames':12,'captions':[{'kind':'608','channels':'CC1'},"
                        "{'kind':'708'}]}"));
    json_decref(facts);
}

// The place of the first loud sample.
static int64_t beep_at(const char *path, const char *map)
{
    char command[700];
    snprintf(command, sizeof(command),
             "ffmpeg -v error -i '%s' -map %s -ac 1 -ar 48000 -f s16le - >'%s/beep.raw'", path, map,
             media_folder());
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof(command), "%s/beep.raw", media_folder());
    FILE *f = fopen(command, "rb");
    int64_t at = 0;
    int16_t sample;
    while (fread(&sample, 2, 1, f) == 1 && abs(sample) < 3000)
        at++;
    fclose(f);
    return at;
}

static void sound_stays_with_its_picture_however_the_file_lays_them(void **state)
{
    (void)state;
    static const char *const names[] = {"sync.mov", "sync.ts", "sync.mkv"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[MEDIA_PATH], film[MEDIA_PATH];
        if (!media_mine(i))
            continue;
        media_make(&(struct clip){names[i], "25", .frames = 50,
                                  .options =
                                      "-f lavfi -i 'sine=1000:r=48000:d=2,volume=4,volume="
                                      "0:enable=lt(t\\,1)' " X264 "-g 25 -bf 2 -c:a aac -shortest"},
                   path);
        make_proxies(path, probed(path), 50);
        in_folder(film, "review.mp4");
        int64_t review = beep_at(film, "0:a");
        in_folder(film, "audio.mp4");
        int64_t sound = beep_at(film, "0:a"), source = beep_at(path, "0:a");
        expect_channels("audio.mp4", 1);
        expect_channels("review.mp4", 1);
        // An AAC window may begin to sound a little early.
        if (llabs(review - 48000) > 1200 || llabs(sound - 48000) > 1200 || review != sound)
            media_wrong(
                "%s: the beep of sample 48000 is at %d in review, %d in audio, %d in the file",
                names[i], (int)review, (int)sound, (int)source);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        MEDIA_TEST(a_probe_tells_what_the_media_was_made_with),
        MEDIA_TEST(mediainfo_counts_the_same_frames),
        MEDIA_TEST(each_proxy_frame_is_the_source_frame_of_that_number),
        MEDIA_TEST(fields_do_not_comb_in_proxies),
        MEDIA_TEST(hdr_is_mapped_to_the_light_of_an_sdr_display),
        MEDIA_TEST(rotated_pictures_come_out_upright),
        MEDIA_TEST(a_sequence_in_each_format_keeps_its_numbers_and_its_rate_says_where_it_is_from),
        MEDIA_TEST(the_rate_of_a_dpx_header_is_the_rate),
        MEDIA_TEST(sound_of_each_kind_becomes_sound_for_the_page_of_the_same_length),
        MEDIA_TEST(captions_in_the_picture_are_facts),
        MEDIA_TEST(sound_stays_with_its_picture_however_the_file_lays_them),
        MEDIA_TEST(channels_languages_and_text_tracks_are_facts),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, media_begin, media_end);
}
