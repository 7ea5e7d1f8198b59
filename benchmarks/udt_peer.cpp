// A peer of benchmarks/wan.mjs: UDT 4.11 (libudt-dev) with its own buffers and rate control, memory to memory.
//   udt_peer receive ADDRESS PORT BYTES | send ADDRESS PORT BYTES
// The receiver says {"bytes": N} when all has come.
#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <udt/udt.h>
#include <vector>

static int failed(const char *what)
{
    fprintf(stderr, "udt_peer: %s: %s\n", what, UDT::getlasterror().getErrorMessage());
    return 3;
}

int main(int count, char **words)
{
    if (count != 5)
        return 2;
    bool receives = strcmp(words[1], "receive") == 0;
    sockaddr_in at = {};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<uint16_t>(atoi(words[3])));
    inet_pton(AF_INET, words[2], &at.sin_addr);
    long long left = atoll(words[4]), all = left;
    std::vector<char> room(1 << 20, 'x');
    UDT::startup();
    UDTSOCKET s = UDT::socket(AF_INET, SOCK_STREAM, 0);
    if (receives) {
        if (UDT::bind(s, reinterpret_cast<sockaddr *>(&at), sizeof(at)) == UDT::ERROR ||
            UDT::listen(s, 1) == UDT::ERROR)
            return failed("listen");
        fprintf(stderr, "listening\n");
        s = UDT::accept(s, nullptr, nullptr);
        if (s == UDT::INVALID_SOCK)
            return failed("accept");
    } else if (UDT::connect(s, reinterpret_cast<sockaddr *>(&at), sizeof(at)) == UDT::ERROR) {
        return failed("connect");
    }
    while (left > 0) {
        int size = static_cast<int>(left < (long long)room.size() ? left : (long long)room.size());
        int did = receives ? UDT::recv(s, room.data(), size, 0) : UDT::send(s, room.data(), size, 0);
        if (did == UDT::ERROR)
            return failed(receives ? "receive" : "send");
        left -= did;
    }
    if (receives)
        printf("{\"bytes\": %lld}\n", all);
    fflush(stdout);
    UDT::close(s); // lingers until all is acknowledged
    UDT::cleanup();
    return 0;
}
