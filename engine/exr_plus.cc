#include "engine/exr_plus.h"

#include <OpenEXR/ImfCompositeDeepScanLine.h>
#include <OpenEXR/ImfDeepCompositing.h>
#include <OpenEXR/ImfDeepScanLineInputPart.h>
#include <OpenEXR/ImfFrameBuffer.h>
#include <OpenEXR/ImfHeader.h>
#include <OpenEXR/ImfIO.h>
#include <OpenEXR/ImfInputPart.h>
#include <OpenEXR/ImfMultiPartInputFile.h>

#include <cstdio>
#include <exception>
#include <stdexcept>

namespace
{
const int64_t DEEP_SAMPLES_MOST = 1 << 24; // that are kept at a time

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

void read_deep(Imf::MultiPartInputFile &file, int part, const Imf::FrameBuffer &frame)
{
    Imf::DeepScanLineInputPart deep(file, part);
    nearest_first order;
    Imf::CompositeDeepScanLine flat;
    const Imath::Box2i &w = deep.header().dataWindow();
    flat.setMaximumSampleCount(DEEP_SAMPLES_MOST);
    flat.setCompositing(&order);
    flat.addSource(&deep);
    flat.setFrameBuffer(frame);
    flat.readPixels(w.min.y, w.max.y);
}

void read_flat(Imf::MultiPartInputFile &file, int part, const Imf::FrameBuffer &frame)
{
    Imf::InputPart flat(file, part);
    const Imath::Box2i &w = flat.header().dataWindow();
    flat.setFrameBuffer(frame);
    flat.readPixels(w.min.y, w.max.y);
}
} // namespace

bool exr_plus_read(const exr_plus_file *f, int part, bool deep, const exr_plus_channel *channels,
                   size_t count, char *why, size_t why_size)
{
    try {
        stream from(f);
        // What a writer that died left without a table is no whole file.
        Imf::MultiPartInputFile file(from, 0, false);
        Imf::FrameBuffer frame = frame_of(channels, count);
        (deep ? read_deep : read_flat)(file, part, frame);
        return true;
    } catch (const std::exception &e) {
        snprintf(why, why_size, "%s", e.what());
    } catch (...) {
        snprintf(why, why_size, "OpenEXR's library gave up");
    }
    return false;
}
