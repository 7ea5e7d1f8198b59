#include "engine/exr_plus.h"

#include <OpenEXR/ImfChannelList.h>
#include <OpenEXR/ImfCompositeDeepScanLine.h>
#include <OpenEXR/ImfDeepCompositing.h>
#include <OpenEXR/ImfDeepFrameBuffer.h>
#include <OpenEXR/ImfDeepScanLineInputPart.h>
#include <OpenEXR/ImfDeepTiledInputPart.h>
#include <OpenEXR/ImfFrameBuffer.h>
#include <OpenEXR/ImfHeader.h>
#include <OpenEXR/ImfIO.h>
#include <OpenEXR/ImfInputPart.h>
#include <OpenEXR/ImfMultiPartInputFile.h>
#include <OpenEXR/ImfPartType.h>
#include <OpenEXR/ImfTiledInputPart.h>
#include <half.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{
const int64_t DEEP_SAMPLES_MOST = 1 << 24; // that are kept at a time
const int64_t PIECE_BYTES = 256 << 20;     // of flat ones
const int PIECE_LINES = 256;               // as many as the largest block (DWAB) has

class stream : public Imf::IStream
{
  public:
    explicit stream(const exr_plus_file *from) : Imf::IStream(from->name), file(from), at(0)
    {
    }
    bool read(char to[], int size) override
    {
        size_t got = 0;
        if (size < 0 || !file->read(file->context, at, to, (size_t)size, &got))
            throw std::runtime_error("it can not be read");
        if (got != (size_t)size)
            throw std::runtime_error("it ends too early");
        at += size;
        return at < file->size_bytes;
    }
    uint64_t tellg() override
    {
        return (uint64_t)at;
    }
    void seekg(uint64_t to) override
    {
        if (to > (uint64_t)file->size_bytes)
            throw std::runtime_error("it names a place behind its end");
        at = (int64_t)to;
    }

  private:
    const exr_plus_file *file;
    int64_t at;
};

Imf::FrameBuffer frame_of(const exr_plus_channel *channels, size_t count)
{
    Imf::FrameBuffer frame;
    for (size_t i = 0; i < count; i++) {
        const exr_plus_channel &c = channels[i];
        intptr_t line = (intptr_t)(c.width * (int64_t)c.size);
        // The library counts from pixel 0,0, wherever the data window is.
        intptr_t base =
            (intptr_t)c.to - (intptr_t)c.left * (intptr_t)c.size - (intptr_t)c.top * line;
        frame.insert(c.name, Imf::Slice((Imf::PixelType)c.type, (char *)base, c.size, (size_t)line,
                                        c.step_x, c.step_y));
    }
    return frame;
}

// The library sorts only where several files come together, and not every writer sorts.
class nearest_first : public Imf::DeepCompositing
{
  public:
    void composite_pixel(float outputs[], const float *inputs[], const char *names[], int channels,
                         int samples, int) override
    {
        Imf::DeepCompositing::composite_pixel(outputs, inputs, names, channels, samples, 2);
    }
};

// Deep samples of some lines or a tile, all as float.
class deep_area
{
  public:
    deep_area(const std::vector<std::string> &all, const Imath::Box2i &box)
        : names(all), w(box), columns((size_t)(box.max.x - box.min.x) + 1),
          pixels(columns * ((size_t)(box.max.y - box.min.y) + 1)), counts(pixels),
          at(all.size(), std::vector<float *>(pixels))
    {
    }
    Imf::DeepFrameBuffer frame()
    {
        Imf::DeepFrameBuffer f;
        f.insertSampleCountSlice(Imf::Slice(Imf::UINT, base(counts.data(), sizeof(unsigned)),
                                            sizeof(unsigned), sizeof(unsigned) * columns));
        for (size_t i = 0; i < names.size(); i++)
            f.insert(names[i],
                     Imf::DeepSlice(Imf::FLOAT, base(at[i].data(), sizeof(float *)),
                                    sizeof(float *), sizeof(float *) * columns, sizeof(float)));
        return f;
    }
    // When the counts are there.
    void make_room()
    {
        uint64_t total = 0;
        for (unsigned count : counts)
            total += count;
        if (total * names.size() > (uint64_t)DEEP_SAMPLES_MOST * 4)
            throw std::runtime_error("it has too many deep samples");
        room.assign((size_t)total * names.size(), 0);
        float *next = room.data();
        for (size_t i = 0; i < names.size(); i++)
            for (size_t k = 0; k < pixels; next += counts[k], k++)
                at[i][k] = next;
    }
    // z, alpha: which of the names, or -1.
    void lay(const exr_plus_channel *channels, size_t count, int z, int alpha)
    {
        std::vector<unsigned> order;
        for (size_t k = 0; k < pixels; k++) {
            order.resize(counts[k]);
            for (unsigned i = 0; i < counts[k]; i++)
                order[i] = i;
            if (z >= 0)
                std::stable_sort(order.begin(), order.end(), [&](unsigned a, unsigned b) {
                    return at[(size_t)z][k][a] < at[(size_t)z][k][b];
                });
            for (size_t c = 0; c < count; c++)
                put(channels[c], k,
                    over(at[c][k], alpha < 0 ? nullptr : at[(size_t)alpha][k], order));
        }
    }

  private:
    template <typename T> char *base(T *first, size_t size) const
    {
        return (char *)((intptr_t)first -
                        ((intptr_t)w.min.x + (intptr_t)w.min.y * (intptr_t)columns) *
                            (intptr_t)size);
    }
    static float over(const float *values, const float *alphas, const std::vector<unsigned> &order)
    {
        float sum = 0, covered = 0;
        for (unsigned i : order) {
            float a = alphas ? alphas[i] : 1;
            sum += (1 - covered) * values[i];
            covered += (1 - covered) * a;
            if (covered >= 1)
                break;
        }
        return sum;
    }
    void put(const exr_plus_channel &c, size_t pixel, float v) const
    {
        int64_t x = w.min.x + (int64_t)(pixel % columns), y = w.min.y + (int64_t)(pixel / columns);
        uint8_t *to = c.to + (size_t)((y - c.top) * c.width + (x - c.left)) * c.size;
        half h(v);
        uint32_t u = v > 0 ? v < 4294967040.f ? (uint32_t)v : 4294967040u : 0;
        memcpy(to,
               c.type == Imf::HALF   ? (const void *)&h
               : c.type == Imf::UINT ? (const void *)&u
                                     : (const void *)&v,
               c.size);
    }
    const std::vector<std::string> &names;
    Imath::Box2i w;
    size_t columns, pixels;
    std::vector<unsigned> counts;
    std::vector<std::vector<float *>> at; // of each name: of each pixel its first sample
    std::vector<float> room;
};

int place_of(std::vector<std::string> &names, const Imf::Header &header, const char *name)
{
    if (!header.channels().findChannel(name))
        return -1;
    auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        found = names.insert(names.end(), name);
    return (int)(found - names.begin());
}

void read_deep_here(Imf::MultiPartInputFile &file, int part, const exr_plus_channel *channels,
                    size_t count)
{
    const Imf::Header &header = file.header(part);
    std::vector<std::string> names;
    for (size_t i = 0; i < count; i++)
        names.push_back(channels[i].name);
    int z = place_of(names, header, "Z"), alpha = place_of(names, header, "A");
    if (header.type() == Imf::DEEPTILE) {
        Imf::DeepTiledInputPart tiles(file, part);
        for (int y = 0; y < tiles.numYTiles(0); y++)
            for (int x = 0; x < tiles.numXTiles(0); x++) {
                deep_area area(names, tiles.dataWindowForTile(x, y, 0, 0));
                tiles.setFrameBuffer(area.frame());
                tiles.readPixelSampleCount(x, y, 0, 0);
                area.make_room();
                tiles.setFrameBuffer(area.frame());
                tiles.readTile(x, y, 0, 0);
                area.lay(channels, count, z, alpha);
            }
        return;
    }
    Imf::DeepScanLineInputPart lines(file, part);
    Imath::Box2i w = header.dataWindow();
    for (int y = w.min.y; y <= w.max.y; y++) {
        deep_area area(names, Imath::Box2i({w.min.x, y}, {w.max.x, y}));
        lines.setFrameBuffer(area.frame());
        lines.readPixelSampleCounts(y, y);
        area.make_room();
        lines.readPixels(y, y);
        area.lay(channels, count, z, alpha);
    }
}

void read_deep(Imf::MultiPartInputFile &file, int part, const exr_plus_channel *channels,
               size_t count)
{
    const Imf::Header &header = file.header(part);
    if (header.type() == Imf::DEEPTILE || !header.channels().findChannel("Z") ||
        !header.channels().findChannel("A"))
        return read_deep_here(file, part, channels, count);
    Imf::DeepScanLineInputPart deep(file, part);
    nearest_first order;
    Imf::CompositeDeepScanLine flat;
    const Imath::Box2i &w = deep.header().dataWindow();
    flat.setMaximumSampleCount(DEEP_SAMPLES_MOST);
    flat.setCompositing(&order);
    flat.addSource(&deep);
    flat.setFrameBuffer(frame_of(channels, count));
    flat.readPixels(w.min.y, w.max.y);
}

void read_flat(Imf::MultiPartInputFile &file, int part, const exr_plus_channel *channels,
               size_t count)
{
    Imf::InputPart flat(file, part);
    const Imath::Box2i &w = flat.header().dataWindow();
    flat.setFrameBuffer(frame_of(channels, count));
    flat.readPixels(w.min.y, w.max.y);
}

int64_t up_to(int64_t at, int step) // the first multiple at or after
{
    int64_t q = at / step;
    return q * step < at ? q + 1 : q;
}

// Some channels of a box, in memory of their own.
class piece
{
  public:
    piece(const Imf::ChannelList &all, const Imath::Box2i &w)
    {
        for (Imf::ChannelList::ConstIterator i = all.begin(); i != all.end(); ++i) {
            const Imf::Channel &c = i.channel();
            exr_plus_channel one = {
                i.name(), (int)c.type, c.xSampling, c.ySampling,
                0,        0,           0,           (size_t)(c.type == Imf::HALF ? 2 : 4),
                nullptr};
            one.left = up_to(w.min.x, one.step_x);
            one.top = up_to(w.min.y, one.step_y);
            one.width = up_to((int64_t)w.max.x + 1, one.step_x) - one.left;
            int64_t rows = up_to((int64_t)w.max.y + 1, one.step_y) - one.top;
            if (one.width < 1 || rows < 1)
                continue;
            list.push_back(one);
            lines.push_back(rows);
        }
    }
    // The channels from `first` on that fit; how many these are.
    size_t take(size_t first)
    {
        int64_t bytes = 0;
        size_t end = first;
        rooms.clear();
        for (; end < list.size(); end++) {
            int64_t more = list[end].width * lines[end] * (int64_t)list[end].size;
            if (end > first && bytes + more > PIECE_BYTES)
                break;
            bytes += more;
            rooms.emplace_back((size_t)more);
            list[end].to = rooms.back().data();
        }
        return end - first;
    }
    void show(size_t first, size_t count, void (*saw)(void *, const exr_plus_piece *),
              void *context) const
    {
        for (size_t i = first; i < first + count; i++) {
            const exr_plus_channel &c = list[i];
            exr_plus_piece seen = {c.name,           c.type,   c.left * c.step_x,
                                   c.top * c.step_y, c.step_x, c.step_y,
                                   c.width,          lines[i], c.to};
            saw(context, &seen);
        }
    }
    std::vector<exr_plus_channel> list;

  private:
    std::vector<int64_t> lines;
    std::vector<std::vector<uint8_t>> rooms;
};

template <typename Part, typename Read>
void walk_box(Part &part, const Imath::Box2i &w, void (*saw)(void *, const exr_plus_piece *),
              void *context, Read read)
{
    piece p(part.header().channels(), w);
    for (size_t first = 0, count; first < p.list.size(); first += count) {
        count = p.take(first);
        part.setFrameBuffer(frame_of(&p.list[first], count));
        read();
        p.show(first, count, saw, context);
    }
}

void walk_tiles(Imf::MultiPartInputFile &file, int index,
                void (*saw)(void *, const exr_plus_piece *), void *context)
{
    Imf::TiledInputPart part(file, index);
    for (int ly = 0; ly < part.numYLevels(); ly++)
        for (int lx = 0; lx < part.numXLevels(); lx++)
            for (int y = 0; part.isValidLevel(lx, ly) && y < part.numYTiles(ly); y++)
                for (int x = 0; x < part.numXTiles(lx); x++)
                    walk_box(part, part.dataWindowForTile(x, y, lx, ly), saw, context,
                             [&] { part.readTile(x, y, lx, ly); });
}

void walk_lines(Imf::MultiPartInputFile &file, int index,
                void (*saw)(void *, const exr_plus_piece *), void *context)
{
    Imf::InputPart part(file, index);
    Imath::Box2i w = part.header().dataWindow();
    for (int64_t y = w.min.y; y <= w.max.y; y += PIECE_LINES) {
        int last = (int)std::min<int64_t>(y + PIECE_LINES - 1, w.max.y);
        walk_box(part, Imath::Box2i({w.min.x, (int)y}, {w.max.x, last}), saw, context,
                 [&] { part.readPixels((int)y, last); });
    }
}

// What the library throws, as words.
template <typename Work> bool in_words(char *why, size_t why_size, Work work)
{
    try {
        work();
        return true;
    } catch (const std::exception &e) {
        snprintf(why, why_size, "%s", e.what());
    } catch (...) {
        snprintf(why, why_size, "OpenEXR's library gave up");
    }
    return false;
}
} // namespace

bool exr_plus_read(const exr_plus_file *f, int part, bool deep, const exr_plus_channel *channels,
                   size_t count, char *why, size_t why_size)
{
    return in_words(why, why_size, [&] {
        stream from(f);
        // What a writer that died left without a table is no whole file.
        Imf::MultiPartInputFile file(from, 0, false);
        (deep ? read_deep : read_flat)(file, part, channels, count);
    });
}

bool exr_plus_walk(const exr_plus_file *f, int part, void (*saw)(void *, const exr_plus_piece *),
                   void *context, char *why, size_t why_size)
{
    return in_words(why, why_size, [&] {
        stream from(f);
        Imf::MultiPartInputFile file(from, 0, false);
        const Imf::Header &header = file.header(part);
        (header.hasTileDescription() ? walk_tiles : walk_lines)(file, part, saw, context);
    });
}
