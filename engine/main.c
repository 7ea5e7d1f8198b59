// posthouse-engine: the engine with libav alone. What a maker's SDK decodes has a helper of its own
// (engine/maker.h).
#include "engine/maker.h"

int main(int argc, char **argv)
{
    return engine_main(argc, argv, NULL);
}
