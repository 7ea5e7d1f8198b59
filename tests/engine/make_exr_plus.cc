#include "make_exr_plus.h"
extern "C" {
#include "make_exr.h"
}

#include <OpenEXR/ImfArray.h>
#include <OpenEXR/ImfChannelList.h>
#include <OpenEXR/ImfDeepFrameBuffer.h>
#include <OpenEXR/ImfDeepScanLineOutputFile.h>
#include <OpenEXR/ImfDeepScanLineOutputPart.h>
#include <OpenEXR/ImfDeepTiledOutputFile.h>
#include <OpenEXR/ImfFrameBuffer.h>
#include <OpenEXR/ImfHeader.h>
#include <OpenEXR/ImfMultiPartOutputFile.h>
#include <OpenEXR/ImfOutputFile.h>
#include <OpenEXR/ImfOutputPart.h>
#include <OpenEXR/ImfPartType.h>
#include <half.h>

#include <vector>

void exr_make_dwa(const char *path, bool large, float (*value)(const char *channel, int x, int y))
{
    static const char *const names[] = {"R",         "G",         "B", "A", "diffuse.R",
                                        "diffuse.G", "diffuse.B", "Z", "id"};
    const int left = LAYERS_LEFT, width = LAYERS_COLUMNS, height = LAYERS_HEIGHT;
    Imf::Header header(Imath::Box2i({0, 0}, {LAYERS_WIDTH - 1, height - 1}),
                       Imath::Box2i({left, 0}, {left + width - 1, height - 1}));
    header.compression() = large ? Imf::DWAB_COMPRESSION : Imf::DWAA_COMPRESSION;
    Imf::FrameBuffer frame;
    std::vector<std::vector<char>> rooms;
    for (const char *name : names) {
        std::string word = name;
        Imf::PixelType type = word == "Z" ? Imf::FLOAT : word == "id" ? Imf::UINT : Imf::HALF;
        size_t size = type == Imf::HALF ? 2 : 4, at = 0;
        header.channels().insert(name, Imf::Channel(type));
        rooms.emplace_back(size * (size_t)(width * height));
        for (int y = 0; y < height; y++)
            for (int x = left; x < left + width; x++, at += size) {
                float v = value(name, x, y);
                if (type == Imf::HALF)
                    *(half *)&rooms.back()[at] = v;
                else if (type == Imf::FLOAT)
                    *(float *)&rooms.back()[at] = v;
                else
                    *(unsigned *)&rooms.back()[at] = (unsigned)v;
            }
        char *base = (char *)((intptr_t)rooms.back().data() - left * (intptr_t)size);
        frame.insert(name, Imf::Slice(type, base, size, size * (size_t)width));
    }
    Imf::OutputFile file(path, header);
    file.setFrameBuffer(frame);
    file.writePixels(height);
}

void exr_make_deep(const char *path, bool plain, bool tiled)
{
    struct deep {
        float r, g, b, a, z;
    };
    static const deep red = {.5f, 0, 0, 1, 7}, green = {0, 1, 0, 1, 20},
                      blue = {0, 0, .25f, .5f, 10};
    static const std::vector<deep> columns[] = {{}, {red}, {green, blue}};
    enum { WIDTH = 6, HEIGHT = 2, PIXELS = WIDTH * HEIGHT };
    Imf::Header header(WIDTH, HEIGHT);
    header.setType(tiled ? Imf::DEEPTILE : Imf::DEEPSCANLINE);
    if (tiled)
        header.setTileDescription(Imf::TileDescription(4, 4));
    header.compression() = Imf::ZIPS_COMPRESSION;
    half values[4][PIXELS][2];
    float depths[PIXELS][2];
    unsigned counts[PIXELS];
    half *halves[4][PIXELS];
    float *floats[PIXELS];
    for (int i = 0; i < PIXELS; i++) {
        const std::vector<deep> &samples = columns[i % WIDTH % 3];
        counts[i] = (unsigned)samples.size();
        for (size_t k = 0; k < samples.size(); k++) {
            const float all[] = {samples[k].r, samples[k].g, samples[k].b, samples[k].a};
            for (int c = 0; c < 4; c++)
                values[c][i][k] = all[c];
            depths[i][k] = samples[k].z;
        }
        for (int c = 0; c < 4; c++)
            halves[c][i] = values[c][i];
        floats[i] = depths[i];
    }
    Imf::DeepFrameBuffer frame;
    frame.insertSampleCountSlice(
        Imf::Slice(Imf::UINT, (char *)counts, sizeof(unsigned), sizeof(unsigned) * WIDTH));
    for (int c = 0; c < 4; c++) {
        const char name[] = {"RGBA"[c], 0};
        header.channels().insert(name, Imf::Channel(Imf::HALF));
        frame.insert(name, Imf::DeepSlice(Imf::HALF, (char *)halves[c], sizeof(half *),
                                          sizeof(half *) * WIDTH, sizeof(half)));
    }
    if (!plain) {
        header.channels().insert("Z", Imf::Channel(Imf::FLOAT));
        frame.insert("Z", Imf::DeepSlice(Imf::FLOAT, (char *)floats, sizeof(float *),
                                         sizeof(float *) * WIDTH, sizeof(float)));
    }
    if (tiled) {
        Imf::DeepTiledOutputFile tiles(path, header);
        tiles.setFrameBuffer(frame);
        tiles.writeTiles(0, tiles.numXTiles() - 1, 0, tiles.numYTiles() - 1);
        return;
    }
    Imf::DeepScanLineOutputFile file(path, header);
    file.setFrameBuffer(frame);
    file.writePixels(HEIGHT);
}

void exr_make_beside(const char *path)
{
    enum { WIDTH = 6, HEIGHT = 2, PIXELS = WIDTH * HEIGHT };
    static const char *const colours[] = {"R", "G", "B"}, *const more[] = {"A", "Z"};
    Imf::Header parts[2] = {Imf::Header(WIDTH, HEIGHT), Imf::Header(WIDTH, HEIGHT)};
    std::vector<float> pixels(PIXELS, 0.25f), samples(PIXELS, 0.75f), ones(PIXELS, 1.f);
    std::vector<unsigned> counts(PIXELS, 1);
    std::vector<float *> at(PIXELS), one(PIXELS);
    for (int i = 0; i < PIXELS; i++) {
        at[(size_t)i] = &samples[(size_t)i];
        one[(size_t)i] = &ones[(size_t)i];
    }
    Imf::FrameBuffer flat;
    Imf::DeepFrameBuffer deep;
    deep.insertSampleCountSlice(
        Imf::Slice(Imf::UINT, (char *)counts.data(), sizeof(unsigned), sizeof(unsigned) * WIDTH));
    parts[0].setName("flat");
    parts[0].setType(Imf::SCANLINEIMAGE);
    parts[1].setName("deep");
    parts[1].setType(Imf::DEEPSCANLINE);
    parts[1].compression() = Imf::ZIPS_COMPRESSION;
    for (const char *name : colours) {
        parts[0].channels().insert(name, Imf::Channel(Imf::FLOAT));
        parts[1].channels().insert(name, Imf::Channel(Imf::FLOAT));
        flat.insert(name, Imf::Slice(Imf::FLOAT, (char *)pixels.data(), 4, 4 * WIDTH));
        deep.insert(name, Imf::DeepSlice(Imf::FLOAT, (char *)at.data(), sizeof(float *),
                                         sizeof(float *) * WIDTH, sizeof(float)));
    }
    for (const char *name : more) {
        parts[1].channels().insert(name, Imf::Channel(Imf::FLOAT));
        deep.insert(name, Imf::DeepSlice(Imf::FLOAT, (char *)one.data(), sizeof(float *),
                                         sizeof(float *) * WIDTH, sizeof(float)));
    }
    Imf::MultiPartOutputFile file(path, parts, 2);
    Imf::OutputPart first(file, 0);
    first.setFrameBuffer(flat);
    first.writePixels(HEIGHT);
    Imf::DeepScanLineOutputPart second(file, 1);
    second.setFrameBuffer(deep);
    second.writePixels(HEIGHT);
}
