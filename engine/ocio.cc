// OpenColorIO behind a C header. It reads files through std::ifstream, which calls fopen64: ours,
// since the program's own comes first. What is asked for is looked up among the files given.
#include "engine/ocio.h"

#include <OpenColorIO/OpenColorIO.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

namespace OCIO = OCIO_NAMESPACE;

struct ocio {
    ocio_wish wish;
    OCIO::ConstConfigRcPtr config;
    OCIO::ConstCPUProcessorRcPtr cpu;
    bool light;
};

namespace
{
const std::string folder = "/look/";
ocio_wish files;     // of the only one there is
std::string refused; // the last file that was asked for and not given

// "/look/luts/../a.cube" -> "a.cube"; "" for what lies outside.
std::string inside(const std::string &path)
{
    std::vector<std::string> parts;
    std::stringstream rest(path);
    std::string part, whole;
    while (std::getline(rest, part, '/')) {
        if (part.empty() || part == ".")
            continue;
        if (part != "..")
            parts.push_back(part);
        else if (parts.empty())
            return "";
        else
            parts.pop_back();
    }
    if (path.empty() || path[0] != '/' || parts.size() < 2 || parts[0] != "look")
        return "";
    for (size_t i = 1; i < parts.size(); i++)
        whole += (i > 1 ? "/" : "") + parts[i];
    return whole;
}

std::string known(const std::string &path)
{
    std::string name = inside(path);
    if (!name.empty() && files.there && files.there(files.context, name.c_str()))
        return name;
    refused = path.compare(0, folder.size(), folder) == 0 ? path.substr(folder.size()) : path;
    return "";
}

void say(char *why, size_t room, const std::string &words)
{
    std::string one = words;
    for (char &c : one)
        c = (unsigned char)c < ' ' ? ' ' : c;
    snprintf(why, room, "%s", one.c_str());
}

// The library says where it looked; a person wants to know which file is missing.
void failed(char *why, size_t room, const std::exception &e)
{
    std::string words = e.what();
    size_t at;
    while ((at = words.find(folder)) != std::string::npos)
        words.erase(at, folder.size());
    if (!refused.empty() && words.find("could not be located") != std::string::npos)
        words = "it wants the file " + refused + ", which is not in the folder given";
    say(why, room, words);
}

void add(json_t *list, const char *name)
{
    json_t *words = name && *name ? json_string(name) : nullptr; // NULL: no UTF-8
    if (words)
        json_array_append_new(list, words);
}

json_t *displays_of(const OCIO::ConstConfigRcPtr &config)
{
    json_t *all = json_array();
    for (int i = 0; i < config->getNumDisplays(); i++) {
        const char *display = config->getDisplay(i);
        json_t *views = json_array();
        for (int k = 0; k < config->getNumViews(display); k++)
            add(views, config->getView(display, k));
        json_t *row = json_pack("{s:s, s:o}", "name", display, "views", views);
        if (row)
            json_array_append_new(all, row);
    }
    return all;
}

bool light_of(const OCIO::ConstConfigRcPtr &config, const char *space)
{
    OCIO::ConstColorSpaceRcPtr of = config->getColorSpace(space), scene;
    const std::string encoding = of ? of->getEncoding() : "";
    if (!encoding.empty())
        return encoding == "scene-linear";
    scene = config->getColorSpace(OCIO::ROLE_SCENE_LINEAR);
    return of && (of->getAllocation() == OCIO::ALLOCATION_LG2 ||
                  (scene && std::strcmp(scene->getName(), of->getName()) == 0));
}
} // namespace

extern "C" FILE *fopen64(const char *path, const char *mode)
{
    std::string name = std::strchr(mode, 'w') || std::strchr(mode, 'a') ? "" : known(path);
    int file = name.empty() ? -1 : files.open(files.context, name.c_str());
    if (file < 0) {
        errno = ENOENT;
        return nullptr;
    }
    return fdopen(file, "r");
}

ocio *ocio_open(const ocio_wish *wish, char *why, size_t room)
{
    ocio *o = new (std::nothrow) ocio{*wish, nullptr, nullptr, false};
    if (!o)
        return nullptr;
    files = *wish;
    refused.clear();
    try {
        OCIO::SetLoggingLevel(OCIO::LOGGING_LEVEL_NONE);
        OCIO::SetComputeHashFunction([](const std::string &path) { return known(path); });
        std::istringstream text(std::string(wish->config, wish->config_size));
        OCIO::ConfigRcPtr config = OCIO::Config::CreateFromStream(text)->createEditableCopy();
        config->setWorkingDir("/look");
        config->validate();
        o->config = config;
        return o;
    } catch (const std::exception &e) {
        failed(why, room, e);
    }
    ocio_close(o);
    return nullptr;
}

void ocio_close(ocio *o)
{
    delete o;
}

json_t *ocio_names(const ocio *o)
{
    const OCIO::ConstConfigRcPtr &c = o->config;
    json_t *spaces = json_array(), *looks = json_array(), *displays = displays_of(c);
    for (int i = 0; i < c->getNumColorSpaces(); i++)
        add(spaces, c->getColorSpaceNameByIndex(i));
    for (int i = 0; i < c->getNumLooks(); i++)
        add(looks, c->getLookNameByIndex(i));
    char version[32];
    snprintf(version, sizeof(version), "%u.%u", c->getMajorVersion(), c->getMinorVersion());
    const char *display = c->getDefaultDisplay();
    return json_pack("{s:s, s:s?, s:o, s:o, s:o, s:s?, s:s?}", "version", version, "description",
                     c->getDescription(), "spaces", spaces, "displays", displays, "looks", looks,
                     "display", display, "view", display ? c->getDefaultView(display) : nullptr);
}

bool ocio_choose(ocio *o, const ocio_way *way, char *why, size_t room)
{
    refused.clear();
    try {
        if (!o->config->getColorSpace(way->space)) {
            say(why, room, std::string("it has no colour space '") + way->space + "'");
            return false;
        }
        OCIO::GroupTransformRcPtr all = OCIO::GroupTransform::Create();
        if (way->look) {
            OCIO::LookTransformRcPtr look = OCIO::LookTransform::Create();
            look->setSrc(way->space);
            look->setDst(way->space);
            look->setLooks(way->look);
            all->appendTransform(look);
        }
        if (way->view) {
            OCIO::DisplayViewTransformRcPtr view = OCIO::DisplayViewTransform::Create();
            view->setSrc(way->space);
            view->setDisplay(way->display);
            view->setView(way->view);
            all->appendTransform(view);
        }
        OCIO::ConstProcessorRcPtr processor = o->config->getProcessor(all);
        o->cpu = processor->getOptimizedCPUProcessor(OCIO::OPTIMIZATION_LOSSLESS);
        o->light = light_of(o->config, way->space);
        return true;
    } catch (const std::exception &e) {
        failed(why, room, e);
    }
    return false;
}

bool ocio_is_light(const ocio *o)
{
    return o->light;
}

void ocio_apply(void *context, float *rgb, size_t count)
{
    ocio *o = static_cast<ocio *>(context);
    OCIO::PackedImageDesc picture(rgb, (long)count, 1, 3);
    o->cpu->apply(picture);
}
